"""Lifetimes out of tables and out of reads."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from reliability.errors import InputError
from reliability.measurements import lifetimes_of, read_lifetimes
from reliability.measurements.lifetimes import parse_failure


def write(folder, text, name="life.csv"):
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_times_and_events(tmp_path):
    path = write(tmp_path, "Temp (C),TTF [h],Status,Qty\n125,100,F,1\n125,1000,S,76\n150,50,F,2\n")
    data = read_lifetimes(path)
    assert data["lower"].values.tolist() == [360000.0, 3600000.0, 180000.0]
    assert data["upper"].values.tolist() == [360000.0, np.inf, 180000.0]
    assert data["frequency"].values.tolist() == [1, 76, 2]
    assert data["temperature"].values.tolist() == [398.15, 398.15, 423.15]
    assert data.attrs["clock"] == "time"


def test_read_out_intervals_and_a_bad_row(tmp_path):
    path = write(tmp_path, "lower [h],upper [h],count\n0,168,1\n168,500,x\n500,,40\n")
    data = read_lifetimes(path, constants={"temperature": "85 degC"})
    assert data["upper"].values.tolist() == [168 * 3600.0, np.inf]
    assert data["temperature"].values.tolist() == [358.15, 358.15]
    assert data.attrs["rows_bad"] == 1
    assert data.attrs["bad_lines"] == "3"


def test_columns_in_order_by_name_and_from_toml(tmp_path):
    path = write(tmp_path, "a;b;c\n10;1;7\n20;0;8\n")
    want = [36000.0, 72000.0]
    for columns in (
        "time [h], event, -",
        ["time [h]", "event", "-"],
        {"time": "a [h]", "event": "b"},
        {"time": {"column": "a", "unit": "h"}, "event": 2},
        str(write(tmp_path, '[columns]\ntime = "a [h]"\nevent = "b"\n', "map.toml")),
    ):
        assert read_lifetimes(path, columns=columns)["lower"].values.tolist() == want


def test_cycles_and_workbooks(tmp_path):
    table = pd.DataFrame({"cycles to failure": [1e5, 2e5], "event": ["yes", "no"]})
    table.columns = ["cycles", "event"]
    table.to_excel(tmp_path / "life.xlsx", index=False)
    data = read_lifetimes(tmp_path / "life.xlsx")
    assert data.attrs["clock"] == "cycles"
    assert data["upper"].values.tolist() == [1e5, np.inf]


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        ("time,event\n1,1\n", {}, "time: has no unit"),
        ("a,b\n1,1\n", {}, "no column with a time"),
        ("time [h],event\n1,maybe\n2,perhaps\n", {}, "neither a failure nor a survivor"),
        ("time [h],event\n1,1\n", {"columns": {"tme": "time"}}, "did you mean 'time'"),
        ("time [h],event\n1,1\n", {"columns": "time [h]"}, "columns names 1 columns"),
        ("time [h],event\n1,1\n", {"constants": {"humidity": 3}}, "unknown constant 'humidity'"),
        ("time [h],event\n1,1\n", {"failure": "conductance"}, "failure: "),
    ],
)
def test_bad_input(tmp_path, text, options, says):
    with pytest.raises(InputError) as caught:
        read_lifetimes(write(tmp_path, text), **options)
    assert says in str(caught.value)


def reads(values, time=(0.0, 1.0, 2.0, 4.0), **coords):
    return xr.Dataset(
        {"conductance": (("cell", "time"), np.asarray(values, float))},
        coords={"time": list(time), **coords},
    )


def test_first_crossing_between_reads():
    data = reads(
        [
            [50e-6, 50e-6, 10e-6, 10e-6],  # between 1 and 2
            [50e-6, 10e-6, 50e-6, 50e-6],  # recovers: stays failed
            [50e-6, np.nan, 50e-6, 10e-6],  # a missing read
            [10e-6, 10e-6, 10e-6, 10e-6],  # bad from the start: before the first read after 0
            [50e-6, 50e-6, 50e-6, 50e-6],
            [50e-6, np.nan, np.nan, np.nan],  # never tested
        ],
        temperature=398.15,
    )
    found = lifetimes_of(data, "conductance < 20 uS")
    assert found["lower"].values.tolist() == [1.0, 0.0, 2.0, 0.0, 4.0]
    assert found["upper"].values.tolist() == [2.0, 1.0, 4.0, 1.0, np.inf]
    assert found["temperature"].values.tolist() == [398.15] * 5
    assert found.attrs["failed_at_first_read"] == 1
    assert found.attrs["cells_without_test"] == 1


def test_relative_limits_resistance_and_true_times():
    data = reads([[40e-6, 30e-6, 20e-6, 20e-6]])
    assert lifetimes_of(data, "conductance < 80 %")["upper"].item() == 1.0
    assert lifetimes_of(data, "resistance > 40 kohm")["upper"].item() == 2.0
    data["elapsed"] = (("cell", "time"), [[0.0, 1.5, 2.5, np.nan]])
    found = lifetimes_of(data, "resistance > 40 kohm")
    assert (found["lower"].item(), found["upper"].item()) == (1.5, 2.5)


def test_window_of_two_states_over_cycles():
    g = np.array([[[1e-4, 1e-4, 1e-4], [1e-6, 1e-5, 5e-5]]])  # cell, state, cycles
    data = xr.Dataset(
        {"conductance": (("cell", "state", "cycles"), g)},
        coords={"state": ["LRS", "HRS"], "cycles": [1.0, 1e3, 1e5]},
    )
    found = lifetimes_of(data, "window < 5")
    assert found.attrs["clock"] == "cycles"
    assert (found["lower"].item(), found["upper"].item()) == (1e3, 1e5)
    one = lifetimes_of(data, "conductance > 20 uS", state="HRS")
    assert one["upper"].item() == 1e5
    with pytest.raises(InputError, match="did you mean 'HRS'"):
        lifetimes_of(data, "conductance > 20 uS", state="HSR")


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000))
def test_intervals_hold_the_true_time(seed):
    """A cell that crosses once, at a known time, read at random times."""
    rng = np.random.default_rng(seed)
    time = np.sort(np.concatenate([[0.0], rng.uniform(0.1, 10, 5)]))
    cross = rng.uniform(0.2, 15, 8)
    found = lifetimes_of(
        reads(np.where(time < cross[:, None], 1.0, 0.1), time), "conductance < 0.5 S"
    )
    assert (found["lower"] < cross).all()
    assert (cross <= found["upper"]).all()


def test_limits_as_they_are_written():
    assert parse_failure("resistance >= 50 kohm") == ("resistance", 1.0, 50e3, False)
    for text, says in (
        ("conductance", "expected e.g."), ("conductanse < 3 uS", "did you mean 'conductance'"),
        ("conductance < 3 V", "not in units of S"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=says):
            parse_failure(text)


READ_AT = [0.0, 10.0, 20.0]


@pytest.mark.parametrize("open_cell", [0.0, -1e-9])  # no current, or less by the meter's error
def test_an_open_cell_fails_a_limit_of_resistance_as_one_of_conductance(open_cell):
    cells = xr.Dataset(
        {"conductance": (("cell", "time"), [[50e-6, open_cell, open_cell], [50e-6, 49e-6, 48e-6]])},
        coords={"time": READ_AT},
    )
    for limit in ("resistance > 50 kohm", "conductance < 20 uS", "resistance > 250 %"):
        found = lifetimes_of(cells, limit)
        assert found["lower"].values.tolist() == [0.0, 20.0], limit
        assert found["upper"].values.tolist() == [10.0, np.inf], limit
    lost = lifetimes_of(cells, "resistance < 50 kohm")
    assert lost["upper"].values.tolist()[1] == 10.0  # bad at its first read
    assert lost["upper"].values.tolist()[0] == 10.0


def test_a_high_state_of_no_current_is_an_open_window():
    lrs, hrs = [50e-6, 50e-6, 50e-6], [1e-6, 0.0, -1e-9]
    both = xr.Dataset(
        {"conductance": (("cell", "state", "time"), [[lrs, hrs], [[50e-6, 0.0, 0.0], hrs]])},
        coords={"time": READ_AT, "state": ["LRS", "HRS"]},
    )
    found = lifetimes_of(both, "window < 10")
    assert found["upper"].values.tolist() == [np.inf, 10.0]
    assert found["lower"].values.tolist() == [20.0, 0.0]


def test_a_limit_relative_to_a_first_read_of_nothing_cannot_be_told():
    cells = xr.Dataset(
        {"conductance": (("cell", "time"), [[0.0, 1e-6, 3e-6], [2e-6, 1e-6, 1e-6]])},
        coords={"time": READ_AT},
    )
    found = lifetimes_of(cells, "conductance < 80 %")
    assert found["upper"].values.tolist() == [10.0]
    assert found.attrs["cells_without_test"] == 1
