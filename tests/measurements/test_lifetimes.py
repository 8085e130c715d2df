"""Lifetimes out of tables and out of reads."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from reliability.errors import InputError
from reliability.measurements import join_lifetimes, lifetimes_of, read_lifetimes
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
            [10e-6, 10e-6, 10e-6, 10e-6],  # bad at time zero: not on test
            [50e-6, 50e-6, 50e-6, 50e-6],
            [50e-6, np.nan, np.nan, np.nan],  # read at time zero only
        ],
        temperature=398.15,
    )
    found = lifetimes_of(data, "conductance < 20 uS", missing="censored")
    assert found["lower"].values.tolist() == [1.0, 0.0, 2.0, 4.0]
    assert found["upper"].values.tolist() == [2.0, 1.0, 4.0, np.inf]
    assert found["temperature"].values.tolist() == [398.15] * 4
    assert found.attrs["time_zero_rejects"] == 1
    assert found.attrs["units_without_test"] == 1
    said = "; ".join(found.attrs["problems"])
    assert "time-zero rejects: 1 of 6 units" in said
    assert "1 units have no read to compare after time zero" in said


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
    short = lifetimes_of(cells.assign_coords(time=[5.0, 10.0, 20.0]), "resistance < 50 kohm")
    assert short["upper"].values.tolist() == [5.0, 5.0]  # bad at their first read


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
    assert found.attrs["units_without_test"] == 1


OVEN = [0, 24, 168, 500, 1000]


def bake(folder, opens="9.9E+37", unit="kOhm", name="bake.csv"):
    """Ten cells at 125 degC; cells 2 and 5 go open at 500 h, written as the tester does."""
    lines = [f"Lot,Cell,Temp (C),Time (h),R ({unit})"]
    for cell in range(10):
        for time in OVEN:
            value = opens if cell in (2, 5) and time >= 500 else f"{5 + 0.1 * cell + time / 2000}"
            lines.append(f"L1,{cell},125,{time},{value}")
    return write(folder, "\n".join(lines), name)


@pytest.mark.parametrize(
    "opens", ["9.9E+37", "inf", "OL", "O.L", "OVLD", "overflow", ">1000", "> 1e3", "1e6", "", "NaN"]
)
def test_an_open_cell_is_a_failure_however_the_tester_writes_it(tmp_path, opens):
    found = read_lifetimes(bake(tmp_path, opens), failure="resistance > 50 kohm")
    failed = np.isfinite(found["upper"].values)
    assert (len(failed), failed.sum()) == (10, 2)
    assert (found["lower"].values[failed] / 3600).tolist() == [168.0, 168.0]
    assert (found["upper"].values[failed] / 3600).tolist() == [500.0, 500.0]
    said = "; ".join(found.attrs["problems"])
    assert ("2 units lost their reads: 2 from 500 h; counted as failed" in said) == (
        opens in ("", "NaN")
    )
    assert ("4 reads are over the range" in said) == (opens not in ("", "NaN", "1e6"))


def test_a_range_that_ends_before_the_limit_says_nothing(tmp_path):
    path = bake(tmp_path, ">20")
    found = read_lifetimes(path, failure="resistance > 50 kohm")
    said = "; ".join(found.attrs["problems"])
    assert "4 over-range reads say too little for the limit" in said
    assert found.attrs["units_lost"] == 2
    found = read_lifetimes(path, failure="resistance > 15 kohm")
    assert (int(np.isfinite(found["upper"]).sum()), found.attrs["units_lost"]) == (2, 0)


def test_a_current_below_the_floor_is_a_resistance_over_the_limit(tmp_path):
    path = write(tmp_path, "cell,time [h],I [uA]\n1,0,20\n1,24,<0.001\n2,0,20\n2,24,19\n")
    found = read_lifetimes(
        path, failure="resistance > 50 kohm", constants={"read_voltage": "0.1 V"}
    )
    assert np.isfinite(found["upper"].values).tolist() == [True, False]


def test_units_that_lose_reads_are_failed_censored_or_refused(tmp_path):
    path = bake(tmp_path, "")
    good = read_lifetimes(path, failure="resistance > 50 kohm", missing="censored")
    assert np.isinf(good["upper"]).all()
    assert sorted(set(good["lower"].values / 3600)) == [168.0, 1000.0]
    assert "counted as censored" in "; ".join(good.attrs["problems"])
    with pytest.raises(InputError, match="missing: 2 units lost their reads: 2 from 500 h"):
        read_lifetimes(path, failure="resistance > 50 kohm", missing="refuse")
    with pytest.raises(InputError, match="did you mean 'censored'"):
        read_lifetimes(path, failure="resistance > 50 kohm", missing="censord")


def test_a_group_that_leaves_the_oven_together_loses_nothing():
    """Two temperatures with read-outs of their own, and three of four cells stopped at 2 s."""
    g = np.full((4, 2, 4), 50e-6)
    g[:, 0, 3] = np.nan  # 125 degC ends at 2
    g[:3, 1, 3] = np.nan  # 150 degC: only one cell goes on
    data = xr.Dataset(
        {"conductance": (("cell", "temperature", "time"), g)},
        coords={"temperature": [398.15, 423.15], "time": [0.0, 1.0, 2.0, 4.0]},
    )
    found = lifetimes_of(data, "conductance < 20 uS")
    assert found.attrs["units_lost"] == 0
    assert np.isinf(found["upper"]).all()
    assert "survivors were read to different times: 7 to 2 s, 1 to 4 s" in found.attrs["problems"]


def test_a_retest_replaces_what_it_repeats(tmp_path):
    rows = "".join(f"{cell},{t},5\n" for cell in range(8) for t in (0, 24, 168))
    path = write(tmp_path, f"cell,time [h],R (kOhm)\n{rows}3,168,90\n")
    found = read_lifetimes(path, failure="resistance > 50 kohm")
    assert found.sizes["unit"] == 8
    assert np.isfinite(found["upper"].values).tolist() == [c == 3 for c in range(8)]
    assert "1 read-outs of cells were repeated" in "; ".join(found.attrs["problems"])


def test_cells_that_nothing_tells_apart_are_refused(tmp_path):
    rows = "".join(f"{c},{t},{5 + c}\n" for _ in range(3) for c in range(4) for t in (0, 24))
    path = write(tmp_path, f"cell,time [h],R (kOhm)\n{rows}")
    with pytest.raises(InputError, match="8 of 8 cells and read-outs have several reads each"):
        read_lifetimes(path, failure="resistance > 50 kohm")


def test_a_noisy_read_is_a_failure_only_when_it_is_confirmed():
    data = reads(
        [
            [50e-6, 10e-6, 50e-6, 50e-6],  # one noisy read
            [50e-6, 50e-6, 10e-6, 10e-6],  # confirmed
            [50e-6, 50e-6, 50e-6, 10e-6],  # bad at the end: nothing speaks against it
        ]
    )
    once = lifetimes_of(data, "conductance < 20 uS")
    assert once["upper"].values.tolist() == [1.0, 2.0, 4.0]
    twice = lifetimes_of(data, "conductance < 20 uS", consecutive=2)
    assert twice["upper"].values.tolist() == [np.inf, 2.0, 4.0]
    assert twice["lower"].values.tolist() == [4.0, 1.0, 2.0]
    assert "2 reads in a row" in twice.attrs["failure"]
    with pytest.raises(InputError, match="consecutive: got 0"):
        lifetimes_of(data, "conductance < 20 uS", consecutive=0)


@pytest.mark.parametrize(
    ("header", "failed", "good"),
    [
        ("event", "1", "0"), ("status", "failed", "suspended"), ("category", "F", "C"),
        ("Status", "F", "S"), ("State F or S", "F", "S"), ("censored", "0", "1"),
        ("Censored", "no", "yes"), ("cens", "0", "1"), ("suspended", "0", "1"),
        ("fail", "true", "false"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("count", ["quantity", "n", "Freq", "weight", "count", "Number in State"])
def test_common_conventions_of_events_and_counts(tmp_path, header, failed, good, count):
    path = write(tmp_path, f"{header},time [h],{count},Operator\n{failed},10,3\n{good},20,40\n"
                 .replace("3\n", "3,ann\n").replace("40\n", "40,ann\n"))  # fmt: skip
    found = read_lifetimes(path)
    assert found["frequency"].values.tolist() == [3.0, 40.0]
    assert np.isfinite(found["upper"].values).tolist() == [True, False]
    assert "column 4 'Operator' is not used" in found.attrs["problems"]
    said = "; ".join(found.attrs["layout_evidence"])
    assert f"column 1 {header!r}: whether the unit" in said
    assert "number of units of the row" in said


def test_a_table_without_events_says_that_all_failed(tmp_path):
    found = read_lifetimes(write(tmp_path, "cycles,count\n40,10\n42,23\n"))
    assert np.isfinite(found["upper"]).all()
    assert "all count as failed" in "; ".join(found.attrs["layout_evidence"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("time [h],event,n\n10,1,NA\n20,0,40\n", "is missing in 1 of 2 rows, first in line 2"),
        ("time [h],event,n\n10,1,-3\n20,0,40\n", "number of units is below 0"),
        ("time [h],status\n10,1\n20,1\n30,2\n", "'2' is neither a failure nor a survivor"),
        ("time [h],status\n10,1\n20,\n", "'' is neither"),
    ],
)  # fmt: skip
def test_counts_and_events_that_are_not_understood_are_refused(tmp_path, text, says):
    with pytest.raises(InputError) as caught:
        read_lifetimes(write(tmp_path, text))
    assert says in str(caught.value)


def test_pass_and_fail_at_read_outs(tmp_path):
    path = write(
        tmp_path,
        "Serial,0 h,168 h,500 h,1000 h,Remark\n"
        "S1,P,P,P,P,\nS2,P,P,F,F,\nS3,P,F,P,P,\nS4,F,F,F,F,\nS5,P,P,,,\nS6,P,P,P,F,x\n",
    )
    found = read_lifetimes(path, constants={"temperature": "125 degC"})
    assert (found["lower"].values / 3600).tolist() == [1000, 168, 0, 168, 500]
    assert (found["upper"].values / 3600).tolist() == [np.inf, 500, 168, 500, 1000]
    said = "; ".join(found.attrs["problems"])
    assert "1 unit lost its reads: 1 from 500 h; counted as failed" in said
    assert "time-zero rejects: 1 of 6" in said
    assert "'Remark' is not used" in said
    kept = read_lifetimes(path, missing="censored")
    assert (kept["upper"].values[3], kept["lower"].values[3] / 3600) == (np.inf, 168)


def test_several_tests_are_one_and_lots_stay_apart(tmp_path):
    one = bake(tmp_path, "OL", name="a.csv")
    two = write(tmp_path, one.read_text().replace("L1", "L2").replace(",125,", ",150,"), "b.csv")
    parts = [read_lifetimes(path, failure="resistance > 50 kohm") for path in (one, two)]
    found = join_lifetimes(parts)
    assert found.sizes["unit"] == 20
    assert sorted(set(found["lot"].values)) == ["L1", "L2"]
    assert sorted(set(found["temperature"].values)) == [398.15, 423.15]
    assert found.attrs["source"] == "a.csv, b.csv"
    assert any(line.startswith("b.csv: 4 reads are over") for line in found.attrs["problems"])
    with pytest.raises(InputError, match="only one of them states temperature"):
        join_lifetimes([parts[0], parts[1].drop_vars("temperature")])


def test_a_table_of_lots(tmp_path):
    found = read_lifetimes(write(tmp_path, "Lot,time [h],event\nA,10,1\nB,20,0\n"))
    assert found["lot"].values.tolist() == ["A", "B"]
    assert found.attrs["problems"] == []


@pytest.mark.parametrize(
    ("header", "failed", "good"),
    [
        ("delta", "1", "0"),
        ("right_censored", "FALSE", "TRUE"),
        ("Failure indicator", "E", "C"),
        ("failed?", "y", "n"),
    ],
)
def test_other_names_of_the_outcome(tmp_path, header, failed, good) -> None:
    rows = f"100,{failed}\n200,{failed}\n300,{good}\n"
    data = read_lifetimes(write(tmp_path, f"time [h],{header}\n{rows}"))
    assert np.isinf(data["upper"].values).tolist() == [False, False, True]


def test_intervals_of_minitab_and_states_of_weibull(tmp_path) -> None:
    text = "Start [h],End [h],Frequency\n*,168,1\n168,500,2\n1000,*,44\n"
    data = read_lifetimes(write(tmp_path, text))
    assert (data["lower"].values / 3600).tolist() == [0.0, 168.0, 1000.0]
    assert (data["upper"].values / 3600).tolist() == [168.0, 500.0, np.inf]
    assert data["frequency"].values.tolist() == [1.0, 2.0, 44.0]
    text = "Number in State,State F or S,State End Time (hr)\n2,F,420\n46,S,1000\n"
    data = read_lifetimes(write(tmp_path, text))
    assert np.isinf(data["upper"].values).tolist() == [False, True]
    assert data["frequency"].values.tolist() == [2.0, 46.0]


def test_a_column_that_may_be_the_outcome_is_not_left_out(tmp_path) -> None:
    path = write(tmp_path, "time [h],kind,oven\n100,E,1\n200,E,1\n300,C,1\n")
    with pytest.raises(InputError, match="column 2 'kind' holds c and e, which may say what"):
        read_lifetimes(path)
    assert len(read_lifetimes(path, columns=["time [h]", "-", "-"])["upper"]) == 3


def test_lives_as_people_write_them_into_one_cell(tmp_path):
    """Signs of survivors and intervals: what R prints (1000+) and what sheets have."""
    text = "Unit;Hours\n1;412,5\n2;1000+\n3;>1000\n4;<168\n5;168-500\n6;2 d\n7;1.250\n"
    data = read_lifetimes(write(tmp_path, text))
    hours = [np.round(data[end].values / 3600, 6).tolist() for end in ("lower", "upper")]
    assert hours[0] == [412.5, 1000, 1000, 0, 168, 48, 1250]
    assert hours[1] == [412.5, np.inf, np.inf, 168, 500, 48, 1250]
    assert any("still good" in line for line in data.attrs["layout_evidence"])


def test_a_life_that_cannot_be_read_is_not_left_out(tmp_path):
    """Twelve failures of twelve units are another test than twelve of twenty."""
    with pytest.raises(InputError, match=r"'see log' of line 3 is no life of a unit \(1 of 3\)"):
        read_lifetimes(write(tmp_path, "Unit,Hours\n1,400\n2,see log\n3,500\n"))
    with pytest.raises(InputError, match="contradict each other"):
        read_lifetimes(write(tmp_path, "Hours,Status\n400,F\n1000+,F\n"))
    with pytest.raises(InputError, match="no life of a unit"):
        read_lifetimes(write(tmp_path, "Hours,Status\n-5,F\n1000,S\n"))


@pytest.mark.parametrize(
    ("header", "life", "clock"),
    [("TTF [kh]", 3.6e6, "time"), ("Mcycles to failure", 1e6, "cycles"), ("kcycles", 1e3, "cycles"),
     ("Greads", 1e9, "reads")],
)  # fmt: skip
def test_thousands_and_millions_in_the_header(tmp_path, header, life, clock):
    data = read_lifetimes(write(tmp_path, f"{header},Event\n2.5,1\n5,0\n"))
    assert data.attrs["clock"] == clock
    np.testing.assert_allclose(data["lower"].values, [2.5 * life, 5 * life], rtol=1e-12)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Unit,Hours,Result\n1,500,Short\n2,1000,OK\n3,800,Open\n", "'Result' holds ok, open"),
        ("Time (h),Cumulative failures,Sample size\n168,0,77\n500,1,77\n", "'Cumulative failures'"),
        ("Unit,Hours,Failure mode\n1,500,open\n2,1000,\n3,800,short\n", "'Failure mode' holds"),
    ],
)
def test_words_and_counts_of_failures_are_not_left_out(tmp_path, text, says):
    with pytest.raises(InputError, match=says):
        read_lifetimes(write(tmp_path, text))


def test_headers_and_cells_that_end_like_units(tmp_path):
    data = read_lifetimes(write(tmp_path, "State F or S,Time to F or S (hr)\nF,420\nS,1000\n"))
    assert np.isinf(data["upper"].values).tolist() == [False, True]
    data = read_lifetimes(write(tmp_path, "Temp,TTF,F/S\n125C,420 h,F\n150C,60 min,F\n"))
    assert data["temperature"].values.tolist() == [398.15, 423.15]
    assert data["upper"].values.tolist() == [420 * 3600.0, 3600.0]


def test_lives_are_counted_on_one_clock(tmp_path):
    """A column of cycles beside one of hours is named, not shown as if it were used."""
    data = read_lifetimes(write(tmp_path, "Hours,Cycles,Status\n500,1e5,F\n1000,2e5,S\n"))
    assert data.attrs["clock"] == "time"
    assert any("'Cycles' is not used" in problem for problem in data.attrs["problems"])
    assert not any("Cycles" in line for line in data.attrs["layout_evidence"])


@pytest.mark.parametrize(
    "text",
    [
        # Weibull++: F between the last inspection and the end of the state, S at its end
        "Number in State,Last Inspected (h),F/S,State End Time (h)\n1,0,F,168\n2,168,F,500\n"
        "74,500,S,1000\n",
        "Qty,lower (h),upper (h),event\n1,0,168,1\n2,168,500,1\n74,1000,,0\n",
    ],
)
def test_intervals_with_a_column_that_says_what_failed(tmp_path, text):
    data = read_lifetimes(write(tmp_path, text))
    assert (data["lower"].values / 3600).tolist() == [0, 168, 1000]
    assert (data["upper"].values / 3600).tolist() == [168, 500, np.inf]
    assert data["frequency"].values.tolist() == [1, 2, 74]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("lower (h),upper (h),event\n0,168,1\n168,500,0\n", "line 3 and the column that says"),
        ("lower (h),upper (h),event\n0,168,1\n168,,1\n", "line 3 and the column that says"),
        ("start (h),end (h),fails\n0,168,1\n168,500,2\n500,,10\n", "'fails' holds 1, 10, 2"),
        ("unit,lower (h)\n1,168\n2,500\n", "no column with a time"),
        ("unit,TTF (h),Status\n1,120,F\n2,,S\n", "time is missing in line 3, of a unit whose"),
    ],
)
def test_intervals_and_outcomes_that_contradict_each_other_are_refused(tmp_path, text, says):
    with pytest.raises(InputError, match=says):
        read_lifetimes(write(tmp_path, text))


@pytest.mark.parametrize(
    "column",
    [
        "Tested on,2024-03-01,2024-03-02",
        "Failure criterion,R < 20k,R < 20k",
        "Wafer,0,1",
        "Oven,E,F",
    ],
)
def test_a_column_that_cannot_say_what_failed_raises_no_doubt(tmp_path, column):
    header, *entries = column.split(",")
    text = f"{header},TTF (h)\n" + "".join(f"{x},{100 * (i + 1)}\n" for i, x in enumerate(entries))
    assert len(read_lifetimes(write(tmp_path, text))["upper"]) == 2


@pytest.mark.parametrize(
    ("header", "failed", "good"),
    [("Status", "Ausfall", "ok"), ("ausgefallen", "ja", "nein"), ("zensiert", "nein", "ja"),
     ("Censored", "N", "Y"), ("Status", "FAILED", "RUNNING")],
)  # fmt: skip
def test_outcomes_in_other_words(tmp_path, header, failed, good):
    data = read_lifetimes(
        write(tmp_path, f"Lebensdauer (h);{header}\n120,5;{failed}\n340;{good}\n")
    )
    assert (data["upper"].values / 3600).tolist() == [120.5, np.inf]


def test_one_column_of_lives_and_rows_that_sum_up(tmp_path):
    data = read_lifetimes(write(tmp_path, "TTF (h)\n120\n\n500\n1000+\n"))
    assert (data["upper"].values / 3600).tolist() == [120, 500, np.inf]
    data = read_lifetimes(write(tmp_path, "Unit,TTF (h)\nD1,120\nD2,340\nMean,230\nMax,340\n"))
    assert (data["upper"].values / 3600).tolist() == [120, 340]
    assert "line 4: 'Mean' sums up other rows (and 1 more)" in data.attrs["problems"]


def test_units_bad_at_time_zero_are_not_on_test(tmp_path):
    data = read_lifetimes(write(tmp_path, "TTF (h),Status,Qty\n0,F,2\n0,S,1\n168,F,1\n1000,S,7\n"))
    assert data["frequency"].values.tolist() == [1, 7]
    for says in ("2 of 11 units failed at time zero", "1 units were seen at time zero only"):
        assert any(says in note for note in data.attrs["problems"])


def test_a_data_frame_of_lifetimes(tmp_path):
    frame = pd.DataFrame({"TTF (h)": ["100", "1000+"], "Lot": ["1.10", "1.1"]})
    data = read_lifetimes(frame)
    assert (data["upper"].values / 3600).tolist() == [100, np.inf]
    assert data["lot"].values.tolist() == ["1.10", "1.1"]


def test_reads_are_no_lives(tmp_path):
    path = write(tmp_path, "cell,t (h),R (kOhm)\n1,24,5\n1,168,5\n2,24,5\n2,168,90\n")
    with pytest.raises(InputError, match=r"'R' holds reads, not one life of each"):
        read_lifetimes(path)
    assert read_lifetimes(path, failure="resistance > 50 kohm")["upper"].values[-1] == 168 * 3600
    path = write(tmp_path, "cell,TTF (h),R (kOhm)\n1,24,5\n2,168,90\n")
    assert len(read_lifetimes(path)["upper"]) == 2
