"""STDF files written by the specification come back as what was put in, in both byte orders."""

import gzip
from pathlib import Path

import numpy as np
import pytest

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
