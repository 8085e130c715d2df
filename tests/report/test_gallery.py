"""The gallery: its code runs and makes the figures that the page shows."""

import runpy
import warnings
from pathlib import Path

import pytest

from reliability.report import figures


@pytest.fixture(scope="module")
def gallery(repository: Path) -> dict:
    return runpy.run_path(str(repository / "docs" / "make_gallery.py"))


@pytest.fixture(scope="module")
def pieces(gallery: dict, repository: Path) -> list[tuple[str, str]]:
    text = (repository / "docs" / "gallery.md").read_text("utf-8")
    found = list(gallery["pieces"](text))
    assert len(found) == text.count("```python")
    return found


def test_every_image_of_the_page_is_there_and_small(pieces, repository) -> None:
    folder = repository / "docs" / "figures" / "gallery"
    named = {name for name, _ in pieces if name}
    assert {path.stem for path in folder.glob("*.svg")} == named
    assert sum(path.stat().st_size for path in folder.iterdir()) < 2.5e6


def test_every_figure_of_data_is_shown(pieces) -> None:
    code = "".join(code for _, code in pieces)
    of_studies = {  # what only the results of a study hold; the reports show them
        "accuracy_against_axis", "accuracy_against_budget", "accuracy_against_factor",
        "accuracy_against_failed_cells", "accuracy_against_reads", "accuracy_against_resistance",
        "accuracy_against_writes", "accuracy_left", "accuracy_of_points", "area_against_classes",
        "cache_traffic", "cells_over_time", "curves_against", "design_tornado",
        "hypervolume_growth", "information_bars", "parallel_coordinates", "pareto",
        "changes_on_probability_paper",
        "conductance_of_chips", "confusion_matrix", "correlation_bars",
        "criterion_against_size", "degradation_plot", "energy_against_node",
        "error_rate_against_stress", "error_rate_of_points", "lives_plot",
        "error_rate_left", "event_energy_parts",
        "feasible_border", "gain_against_activity", "gain_against_resistance", "layout_ratios",
        "least_energy_core", "left_against_temperature", "levelling_gain", "levels_pareto",
        "macro_areas", "memory_temperature", "old_against_new", "paying_periods",
        "points_against_time", "power_against_period", "power_against_rate", "window_curve",
        "predictive_intervals", "quantiles_over_time",
        "reads_of_rows", "sensitivity_matrix", "size_against",
        "smallest_core", "spikes_against_time", "states_against_time", "stress_axis", "time_axis",
        "tornado", "runs_until_failure", "write_curve",
    }  # fmt: skip
    shown = {name for name in figures.__all__ if f"figures.{name}" in code}
    assert shown | of_studies == set(figures.__all__) - {"PALETTE"}
    assert not shown & of_studies


@pytest.mark.slow
def test_the_code_of_the_page_runs(gallery, pieces, repository, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(repository)
    names: dict = {}
    for name, code in pieces:
        if name:
            with warnings.catch_warnings():
                warnings.simplefilter("error", UserWarning)  # a condition out of range
                gallery["draw"](code, names, tmp_path / f"{name}.svg")
            assert (tmp_path / f"{name}.svg").stat().st_size > 10_000
        else:
            exec(code, names)
