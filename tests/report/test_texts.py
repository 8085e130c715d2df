"""Texts of reports: tables without empty columns, commands as typed, exact parameters, cards."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from reliability.campaign.spec import Study
from reliability.campaign.summary import _warnings as warnings_of
from reliability.report import figures
from reliability.report.demonstration_tables import plan_tables
from reliability.report.filling import filled_columns
from reliability.report.method import phenomena_section
from reliability.report.outputs.architecture import CHAPTER
from reliability.report.page import Report, Table
from reliability.report.points import Finished, points_text
from reliability.report.provenance import provenance_section
from reliability.report.render import render_html
from reliability.report.words import stress_columns
from reliability.technology import load_technology
from reliability.technology.parameter_text import parameter_row


def test_a_column_that_is_empty_in_every_row_is_left_out() -> None:
    table = Table("t", "T", "", ["a", "b", "c"], [["1", "", "x"], ["2", "", ""]])
    assert filled_columns(table).header == ["a", "c"]
    assert filled_columns(table).rows == [["1", "x"], ["2", ""]]
    whole = Table("t", "T", "", ["a", "b"], [["1", ""], ["2", "y"]])
    assert filled_columns(whole) is whole


def test_a_command_stands_as_it_was_typed() -> None:
    section = provenance_section({"command": "reliability qualify a.csv --fraction 1e-2"})
    page = render_html(Report("t", "", ["1e-02 of the cells at -40 °C"], [section]))
    assert "--fraction 1e-2<" in page
    assert "10⁻² of the cells at −40\xa0°C" in page


def test_an_interval_without_width_is_no_uncertainty() -> None:
    card = load_technology("oxram-130nm")
    rows = {name: parameter_row(name, one) for name, one in card.parameters.items()}
    assert rows["cycles.correlation_slow"]["uncertainty"] == "taken as exact"
    assert rows["cycles.LRS.medium"]["uncertainty"] == "0.04 to 0.12"
    assert not any(row["uncertainty"] == "0 to 0" for row in rows.values())


def test_only_what_differs_between_read_outs_has_a_column() -> None:
    one = {"cycles": 0.0, "time": 3600.0, "temperature": 298.15, "reads": 0.0, "inferences": 0.0,
           "read_voltage": 0.1}  # fmt: skip
    assert stress_columns([one]) == {}
    columns = stress_columns([one, one | {"temperature": 358.15, "reads": 1e12}])
    assert list(columns) == ["temperature", "reads"]
    assert [text(one | {"reads": 1e12}) for text in columns.values()] == ["25 °C", "10¹²"]


def test_lines_that_coincide_stand_beside_each_other() -> None:
    chips = np.linspace(0.7, 0.9, 9)
    accuracy = xr.DataArray(
        np.broadcast_to(chips, (3, 2, 9)), dims=("temperature", "time", "chip"),
        coords={"temperature": [298.15, 358.15, 378.15], "time": [0.0, 3600.0]},
    )  # fmt: skip
    figure = Figure()
    ax = figures.accuracy_against_time(accuracy, figure.subplots())
    figure.draw_without_rendering()
    lines = [line for line in ax.lines if line.get_label().endswith("°C")]
    places = [line.get_transform().transform((3600.0, 0.8)) for line in lines]
    assert [line.get_ydata()[0] for line in lines] == pytest.approx([chips.mean()] * 3)
    across, up = np.diff(places, axis=0).T
    assert across == pytest.approx(5 / 72 * figure.dpi)  # points
    assert up == pytest.approx(0, abs=1e-6)


def test_every_card_of_a_sweep_has_its_rows_and_its_warnings() -> None:
    study = Study(
        title="t", technology="pcm-mushroom", network={"name": "spirit"},
        stress={"times": ["0 s", "1 year"]},
        sweep=[{"name": "technology", "values": ["pcm-mushroom", "oxram-analog"]}],
    )  # fmt: skip
    finished = Finished(study, {"chips": xr.Dataset()}, {"points": [{}, {}]})
    assert points_text(study, 2) == "2 technologies"
    (rows,) = (table.rows for table in phenomena_section(finished).tables)
    assert {row[0] for row in rows if row[1] == "Drift"} == {"pcm-mushroom"}
    assert {row[0] for row in rows if row[1] == "Relaxation"} == {"oxram-analog"}
    (bake,) = plan_tables(study)
    assert [row[0] for row in bake.rows] == ["pcm-mushroom", "oxram-analog"]
    found = warnings_of(study.at_points(), {})
    assert [line.split(":")[0] for line in found] == ["card oxram-analog"]


def test_an_option_is_printed_in_the_unit_of_its_own_study() -> None:
    (said,) = CHAPTER.method(Study(
        title="t", technology="oxram-130nm", outputs=["architecture"],
        architecture={"study": "incremental", "rate": 0.02, "storage_temperature": "55 degC"},
    ))  # fmt: skip
    assert ", rate = 0.02," in said
    assert "storage temperature = 55 °C" in said
