"""The report: one self-contained file that says the answer, and escapes what it is given."""

import json
import re

import numpy as np
import pytest
import xarray as xr
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

import reliability as rel
from reliability.campaign import load_study
from reliability.report import figures


@pytest.fixture
def written(finished):
    return finished / "report.html"


def test_report_is_one_file_with_every_part(written) -> None:
    text = written.read_text("utf-8")
    assert not re.search(r'(src|href)="(?!#|data:)[^"]', text)  # links point inside only
    links = re.sub(r'xmlns(:\w+)?="[^"]*"', "", text).replace("https://doi", "")
    assert not re.search(r'(src|href|url)[=(]["\']?https?:', links)  # addresses of sources are text
    for part in ("method", "population", "conductance", "phenomena", "states", "network",
                 "accuracy", "spikes", "wafers", "answers", "sensitivity", "tornado", "factors",
                 "combinations", "qualification", "parameters", "sources",
                 "provenance"):  # fmt: skip
        assert f'id="{part}"' in text
    assert text.count("<svg") == text.count('role="img"')  # each figure has its alternative text
    assert "assumed" in text
    assert "V_TRANS" in text  # sources are printed
    assert len(text) < 5e6


def test_summary_holds_what_machines_need(written) -> None:
    summary = json.loads((written.parent / "summary.json").read_text())
    assert {"ideal_accuracy", "accuracy", "spikes_per_image", "energy_per_image_joule", "seed",
            "spec_hash", "reliability_version"} <= set(summary)  # fmt: skip
    accuracy = summary["accuracy"]
    assert accuracy["low"] <= accuracy["mean"] <= accuracy["high"]
    assert accuracy["confidence"] == 0.95
    assert len(summary["accuracy_by_age"]) == 4


def test_report_of_an_unfinished_study_is_refused(small, tmp_path) -> None:
    with pytest.raises(rel.InputError, match="no study in"):
        rel.write_report(load_study(small), tmp_path)


def test_same_results_same_report(written, small, tmp_path) -> None:
    first = written.read_bytes()
    rel.write_report(load_study(small), written.parent)
    assert written.read_bytes() == first


def test_axes_have_units() -> None:
    times = [0.0, 3600.0]
    accuracy = xr.DataArray(
        np.full((1, 2, 4), 0.8),
        dims=("temperature", "time", "chip"),
        coords={"temperature": [298.15], "time": times},
    )
    ax = Figure().subplots()
    figures.accuracy_against_time(accuracy, ax, references={"ideal": 0.9})
    assert ax.get_ylabel() == "accuracy (%)"
    assert [t.get_text() for t in ax.get_xticklabels()] == ["as\nprogrammed", "1 h"]


def test_wafer_map_draws_each_die_where_it_is() -> None:
    values = xr.DataArray(
        [0.8, 0.9], dims="chip", coords={"x": ("chip", [0.0, 30.0]), "y": ("chip", [10.0, 0.0])}
    )
    ax = Figure().subplots()
    assert figures.wafer_map(values, ax, diameter=200, die=(10, 10), norm=Normalize(0, 1)) is ax
    dies = ax.collections[-1]
    centres = [p.get_extents().get_points().mean(axis=0).tolist() for p in dies.get_paths()]
    assert centres == [[0.0, 10.0], [30.0, 0.0]]
    assert dies.get_array().tolist() == [0.8, 0.9]


@pytest.mark.slow
def test_one_chip_has_no_interval_of_chips(plain, tmp_path) -> None:
    sweep = '[[sweep]]\nname = "network.copies"\nvalues = [1, 2]\n'
    for k, more in enumerate(("", sweep)):
        plain.write_text(plain.read_text() + more)
        study = load_study(plain, {"population.chips": 1})
        page = rel.write_report(study, rel.run_study(study, tmp_path / f"out{k}")).read_text()
        text = re.sub("<style.*?</style>|<svg.*?</svg>|<[^>]*>", "", page, flags=re.S)
        assert not re.search(r"\bnan\b|\b1 chips\b", text)
        assert "With one chip the variability between chips is not in it." in text
    assert "interval not known from one chip" in text


@pytest.mark.slow
def test_study_over_reads_shows_them_and_says_so(plain, tmp_path) -> None:
    text = plain.read_text()
    old = 'times = ["0 s", "10 years"]\ntemperatures = ["25 degC", "125 degC"]'
    assert old in text
    plain.write_text(
        text.replace(
            old, 'times = ["1 h"]\nreads = [0, 1e6, 1e14]\nread_voltages = ["0.1 V", "0.3 V"]'
        )
    )
    study = load_study(plain)
    report = rel.write_report(study, rel.run_study(study, tmp_path / "out"))
    page = report.read_text("utf-8")
    assert 'id="reads"' in page
    assert 'id="spikes"' not in page  # one time is no curve
    assert "After 1 h at 25 °C and 10¹⁴ reads at 100 mV" in page.replace("\xa0", " ")
    ages = json.loads((report.parent / "summary.json").read_text())["accuracy_by_age"]
    assert len(ages) == 6
    by_reads = {(a["read_voltage_v"], a["reads"]): a["mean"] for a in ages}
    assert by_reads[0.1, 0.0] == by_reads[0.3, 0.0]  # what is not read is not disturbed
    assert by_reads[0.1, 1e14] < by_reads[0.1, 0.0]


def test_figures_of_crossbars_take_what_the_rooms_give(tmp_path) -> None:
    from reliability.network import TiledNetwork, accuracy_on_tiles
    from reliability.report import figures as draw

    technology = rel.load_technology("oxram-130nm")
    tiled = TiledNetwork(rel.load_network("spirit"), chips=2, images=50)
    found = accuracy_on_tiles(tiled, technology, [1.0, 100.0], tile=(144, 80), uncertainty_draws=0)
    ax = Figure().subplots()
    draw.accuracy_against_resistance({"one tile": found}, ax)
    assert ax.get_xscale() == "log"
    assert ax.get_xlabel() == "line resistance per cell (Ω)"
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["one tile"]
    solved = rel.solve_crossbar(np.full((4, 6), 1e-4), np.full(4, 0.1), fields=True)
    image = draw.voltage_map(solved["word_line_voltage"], Figure().subplots()).images[0]
    assert image.get_array().max() < 100  # mV
    assert image.get_array().shape == (4, 6)
