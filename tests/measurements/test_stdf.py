"""STDF files written by the specification come back as what was put in, in both byte orders."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("pystdf")

from reliability.errors import InputError
from reliability.measurements import read_measurements
from tests.measurements.stdf_writer import StdfWriter

DIES = [(-1, 0), (0, 0), (1, 0), (0, 1), (0, -1)]


def value(wafer: int, x: int, y: int, test: int) -> float:
    return 1e-6 * (10 + wafer + 0.5 * x + 0.25 * y + 0.125 * test)


def lot(order: str) -> StdfWriter:
    file = StdfWriter(order)
    file.mir("LOT7", "85")
    file.wcr(12.0, 9.0, 3, "R", (0, 0), "R", "U")
    for wafer in (0, 1):
        file.wir(f"W{wafer:02}")
        for number, (x, y) in enumerate(DIES):
            site = 1 + number % 2
            file.pir(site)
            for test in (100, 101):
                first = wafer == 0 and number == 0
                name = ("G_set", "G_reset")[test - 100] if first else ""
                file.ptr(test, site, value(wafer, x, y, test - 100), name, "S" if first else "")
            file.prr(site, x, y, str(number))
        file.wrr(f"W{wafer:02}", len(DIES))
    file.mrr()
    return file


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_lot_comes_back(tmp_path: Path, order: str) -> None:
    path = tmp_path / "lot.stdf"
    path.write_bytes(lot(order).data)
    data = read_measurements(path)
    assert dict(data.sizes) == {"wafer": 2, "die": 5, "cell": 1}
    assert data["wafer"].values.tolist() == ["W00", "W01"]
    assert data["lot"].values.tolist() == ["LOT7", "LOT7"]
    assert data.attrs["tester_test_temperature"] == "85"
    assert data.attrs["rows_read"] == 20
    assert data["g_set"].attrs["units"] == "S"
    for die in range(5):
        x, y = int(data["die_x"][die]), int(data["die_y"][die])
        assert (x, y) in DIES
        for wafer in (0, 1):
            for test, name in enumerate(("g_set", "g_reset")):
                want = np.float32(value(wafer, x, y, test))
                assert data[name].values[wafer, die, 0] == want


def test_wafer_configuration_places_dies_with_the_notch_down(tmp_path: Path) -> None:
    path = tmp_path / "lot.stdf"
    path.write_bytes(lot("<").data)
    data = read_measurements(path)
    die = int(np.flatnonzero((data["die_x"] == 1) & (data["die_y"] == 0))[0])
    # the notch is on the prober's right; turned down, the die on the right is at the bottom
    assert float(data["x"][die]) == pytest.approx(0.0)
    assert float(data["y"][die]) == pytest.approx(-12.0)
    die = int(np.flatnonzero((data["die_x"] == 0) & (data["die_y"] == 1))[0])
    assert float(data["x"][die]) == pytest.approx(9.0)
    assert float(data["radius"][die]) == pytest.approx(9.0)
    assert data["x"].attrs["units"] == "mm"


def test_test_names_become_axes(tmp_path: Path) -> None:
    file = StdfWriter(">")
    file.wir("A")
    file.pir(1)
    for cell in range(3):
        for hours in (0, 24):
            number = 10 * cell + hours
            file.ptr(number, 1, 20.0 + cell - hours / 100, f"R c{cell} t{hours} LRS", "kOhm")
    file.ptr(999, 1, 1.2, "Vdd", "V")
    file.prr(1, 4, 5)
    path = tmp_path / "axes.std"
    path.write_bytes(file.data)
    data = read_measurements(path, tests=r"R c(?P<cell>\d+) t(?P<time>\d+) (?P<state>\w+)")
    assert set(data.data_vars) == {"conductance"}
    assert data["conductance"].dims == ("wafer", "die", "cell", "time")
    assert data["time"].values.tolist() == [0.0, 24.0]
    assert set(np.unique(data["state"].values)) == {"LRS"}
    want = 1 / (1e3 * (20 + np.arange(3)[:, None] - np.array([0, 0.24])))
    np.testing.assert_allclose(data["conductance"].values[0, 0], want, rtol=1e-6)


def test_celsius_in_test_names_are_kelvin_of_an_axis(tmp_path: Path) -> None:
    file = StdfWriter("<")
    file.wir("A")
    file.pir(1)
    for number, celsius in enumerate((-40, 25, 125)):
        file.ptr(number, 1, 2e-5 + celsius * 1e-7, f"G T{celsius}", "S")
    file.prr(1, 0, 0)
    path = tmp_path / "ovens.stdf"
    path.write_bytes(file.data)
    data = read_measurements(path, tests=r"G T(?P<temperature>-?\d+)")
    assert data["temperature"].values == pytest.approx([233.15, 298.15, 398.15], abs=1e-9)
    assert data["temperature"].attrs["units"] == "K"
    want = [1.6e-5, 2.25e-5, 3.25e-5]
    assert data["conductance"].values.ravel() == pytest.approx(want, rel=1e-6)


def test_multiple_results_are_cells(tmp_path: Path) -> None:
    file = StdfWriter("<")
    file.wir("A")
    file.pir(1)
    file.mpr(7, 1, [1e-6, 2e-6, 3e-6, 4e-6], "I_array", "A")
    file.prr(1, 0, 0)
    path = tmp_path / "mpr.stdf"
    path.write_bytes(file.data)
    data = read_measurements(path)
    np.testing.assert_allclose(data["i_array"].values[0, 0], [1e-6, 2e-6, 3e-6, 4e-6], rtol=1e-6)


def test_invalid_results_are_missing_and_retests_replace(tmp_path: Path) -> None:
    file = StdfWriter("<")
    file.wir("A")
    for x, reading, test_flag, part_flag in (
        (0, 1.0, 0, 0),
        (1, 2.0, 0b10, 0),  # result not valid
        (0, 3.0, 0, 0b10),  # retest of the first position
    ):
        file.pir(1)
        file.ptr(1, 1, reading, "V_form", "V", test_flag)
        file.prr(1, x, 0, flags=part_flag)
    path = tmp_path / "flags.stdf"
    path.write_bytes(file.data)
    data = read_measurements(path)
    assert "repeat" not in data.dims
    np.testing.assert_array_equal(data["v_form"].values.ravel(), [3.0, np.nan])
    assert any("tested again" in note for note in data.attrs["problems"])


def test_parts_without_a_place_are_counted_and_located(tmp_path: Path) -> None:
    file = StdfWriter("<")  # record 1
    for part, (x, y) in (("17", (-32768, -32768)), ("", (-32768, -32768)), ("", (2, 3))):
        file.pir(1)
        file.ptr(1, 1, 5.0, "V", "V")
        file.prr(1, x, y, part)
    file.ptr(1, 1, 5.0)  # outside any part: record 11
    path = tmp_path / "parts.stdf"
    path.write_bytes(file.data)
    data = read_measurements(path)
    assert data["die_x"].values.tolist() == [2, 17]
    assert (data.attrs["rows_read"], data.attrs["rows_bad"]) == (4, 2)
    assert data.attrs["bad_lines"] == "7, 11"


@pytest.mark.parametrize("cut", [3, 11, 40])
def test_a_file_that_ends_inside_a_record_is_refused(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "cut.stdf"
    path.write_bytes(lot(">").data[:-cut])
    with pytest.raises(InputError, match=r"cut.stdf: (ends inside|damaged at) record \d+"):
        read_measurements(path)


def test_packed_files_and_packed_files_that_end_early(tmp_path: Path) -> None:
    packed = gzip.compress(lot("<").data)
    path = tmp_path / "lot.stdf.gz"
    path.write_bytes(packed)
    assert read_measurements(path).sizes["die"] == 5
    path.write_bytes(packed[:-20])
    with pytest.raises(InputError, match=r"too early|damaged"):
        read_measurements(path)


def test_what_is_not_a_result_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.stdf"
    path.write_bytes(StdfWriter("<").data)
    with pytest.raises(InputError, match="no parametric results"):
        read_measurements(path)
    text = tmp_path / "text.stdf"
    text.write_text("cell,G\n1,2\n")
    with pytest.raises(InputError, match="not an STDF version 4 file"):
        read_measurements(text, "stdf")
    path.write_bytes(lot("<").data)
    with pytest.raises(InputError, match="regular expression"):
        read_measurements(path, tests="(")
    with pytest.raises(InputError, match="group 'wafel' is not known"):
        read_measurements(path, tests="(?P<wafel>.)")


def one_part(results: list[tuple[int, float, str, str]], order: str = "<") -> bytes:
    file = StdfWriter(order)
    file.wir("A")
    file.pir(1)
    for number, result, name, unit in results:
        file.ptr(number, 1, result, name, unit)
    file.prr(1, 0, 0)
    file.mrr()
    return file.data


@pytest.mark.parametrize(
    ("unit", "value", "inside", "want"),
    [
        *(("a", -2.5e-4, "A", -2.5e-4), ("ua", 3.0, "A", 3e-6), ("na", 2.0, "A", 2e-9)),
        *(("v", 1.5, "V", 1.5), ("hz", 50.0, "Hz", 50.0), ("OHM", 5e3, "ohm", 5e3)),
        *(("dB", 60.0, "dB", 60.0), ("db", 61.0, "dB", 61.0), ("%", 50.0, "", 0.5)),
        *(
            ("\xb0C", 27.0, "K", 300.15),
            ("\xb5A", 2.5, "A", 2.5e-6),
            ("furlong", 7.0, "furlong", 7.0),
        ),
    ],
)
def test_units_of_testers(
    tmp_path: Path, unit: str, value: float, inside: str, want: float
) -> None:
    path = tmp_path / "unit.stdf"
    path.write_bytes(one_part([(1, value, "reading", unit)]))
    data = read_measurements(path)
    assert data["reading"].attrs["units"] == inside
    assert float(data["reading"].squeeze()) == pytest.approx(want, rel=1e-6)
    told = [note for note in data.attrs["problems"] if "not known" in note]
    assert len(told) == (unit == "furlong")


def test_an_unknown_unit_of_many_tests_is_one_note(tmp_path: Path) -> None:
    path = tmp_path / "unknown.stdf"
    path.write_bytes(one_part([(n, 1.0, f"t{n}", "MA") for n in range(40)]))
    notes = [note for note in read_measurements(path).attrs["problems"] if "'MA'" in note]
    assert notes == ["unit 'MA' of test 't0' is not known, kept as read (and 39 more)"]


def test_one_number_with_two_names_and_one_name_with_two_numbers(tmp_path: Path) -> None:
    path = tmp_path / "names.stdf"
    results = [(100, 1e-5, "I_lrs", "A"), (100, 2e-9, "I_hrs", "A"), (100, 3e-9, "", "")]
    results += [(7, 1.0, "V", "V"), (8, 2.0, "V", "V")]
    path.write_bytes(one_part(results[:2] + results[3:]))
    data = read_measurements(path)
    assert set(data.data_vars) == {"i_lrs", "i_hrs", "v", "v_8"}
    assert float(data["i_lrs"].squeeze()) == pytest.approx(1e-5)
    assert float(data["i_hrs"].squeeze()) == pytest.approx(2e-9)
    assert (float(data["v"].squeeze()), float(data["v_8"].squeeze())) == (1.0, 2.0)
    assert any("v_8: v is another test" in note for note in data.attrs["problems"])
    path.write_bytes(one_part(results[:3]))  # a record without a name means the latest
    assert read_measurements(path)["i_hrs"].sizes["repeat"] == 2


def test_overflow_codes_are_missing_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "over.stdf"
    codes = [9.9e37, -9.9e37, 9.91e37, -9.91e37, 3.4e38, float("inf"), float("-inf")]
    path.write_bytes(
        one_part(
            [(n, code, f"t{n}", "A") for n, code in enumerate(codes)] + [(99, 1e-6, "ok", "A")]
        )
    )
    data = read_measurements(path)
    assert data.attrs["values_overrange"] == len(codes)
    assert all(np.isnan(float(data[f"t{n}"].squeeze())) for n in range(len(codes)))
    assert float(data["ok"].squeeze()) == pytest.approx(1e-6)


def test_tests_named_like_axes_stay_measurements(tmp_path: Path) -> None:
    names = ["Temperature", "Time", "X", "Y", "Row", "Column", "Wafer", "Die", "Cell", "State"]
    names += ["Lot", "Repeat", "Radius", "Elapsed", "Cycles", "Target", "Value", "Part"]
    file = StdfWriter("<")
    file.wir("A")
    for die in range(3):
        file.pir(1)
        for number, name in enumerate(names):
            file.ptr(number, 1, 10.0 * number + die + 1, name, "")
        file.prr(1, die, 0)
    path = tmp_path / "named.stdf"
    path.write_bytes(file.data)
    data = read_measurements(path)
    assert dict(data.sizes) == {"wafer": 1, "die": 3, "cell": 1}
    for number, name in enumerate(names):
        got = data[f"measured_{name.lower()}"].values.ravel()
        np.testing.assert_array_equal(got, 10.0 * number + np.arange(3) + 1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    order=st.sampled_from("<>"),
    rows=st.lists(
        st.tuples(st.integers(-50, 50), st.integers(-50, 50), st.floats(-1e6, 1e6, width=32)),
        min_size=1,
        max_size=20,
        unique_by=lambda row: row[:2],
    ),
    unit=st.sampled_from([("A", 1.0), ("uA", 1e6), ("mV", 1e3), ("kOhm", 1e-3), ("ns", 1e9)]),
)
def test_what_is_written_comes_back(tmp_path: Path, order: str, rows, unit) -> None:
    file = StdfWriter(order)
    file.wir("W")
    for x, y, value in rows:
        file.pir(1)
        file.ptr(5, 1, value, "reading", unit[0])
        file.prr(1, x, y)
    file.mrr()
    path = tmp_path / "any.stdf"
    path.write_bytes(file.data)
    data = read_measurements(path)
    assert data.sizes["die"] == len(rows)
    for x, y, value in rows:
        die = int(np.flatnonzero((data["die_x"] == x) & (data["die_y"] == y))[0])
        got = float(data["reading"].values[0, die, 0])
        assert got == pytest.approx(value / unit[1], rel=1e-12)
