"""Parameter analysers: Clarius and EasyEXPERT exports, real and made from known numbers."""

import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reliability.errors import InputError
from reliability.measurements import read_measurements
from reliability.measurements.instrument_traces import unit_of


def test_units_by_name() -> None:
    want = {
        "A": [
            "AI",
            "GateI",
            "I1",
            "Id",
            "ID",
            "IG1",
            "Iread",
            "ILRS",
            "IRESET",
            "Current",
            "DrainI(2)",
        ],
        "V": ["AV", "GateV", "V1", "Vg", "VTG", "Vread", "VSET", "Voltage"],
        "s": ["Time", "time", "T", "Timestamp"],
        "ohm": ["R", "R1", "Rs", "Resistance"],
        "": ["RATIO_POSITIVE", "Index", "grad", "Cycle", "foo"],
    }
    for unit, names in want.items():
        assert {name: unit_of(name) for name in names} == dict.fromkeys(names, unit)


# ---- Keithley --------------------------------------------------------------------------------


def test_real_clarius_cycling(shared: Path) -> None:
    path = shared / "measured" / "keithley_reram_endurance_M12_1000_cycles.csv"
    data = read_measurements(path)
    assert data.attrs["layout"] == "keithley"
    assert data["test"].values.tolist() == ["SET_negative#1", "RESET_positive#1"]
    assert data.attrs["empty_tests"] == ["SET_positive#1", "RESET_negative#1", "CVS#1"]
    assert data["current"].shape == (1, 1, 1, 2, 1000, 2)
    set_test = data.isel(wafer=0, die=0, cell=0).sel(test="SET_negative#1", cycles=1)
    assert float(set_test["current"].sel(state="LRS")) == 0.000125846650917083
    assert float(set_test["current"].sel(state="HRS")) == 1.15740260753228e-06
    assert float(set_test["set_voltage"]) == 1.41999995708466
    reset = data.isel(wafer=0, die=0, cell=0).sel(test="RESET_positive#1", cycles=1000)
    assert float(reset["reset_voltage"]) == 0.689999997615814
    assert float(reset["reset_current"]) == 0.000439346127677709
    assert data["current"].attrs["units"] == "A"
    assert data["set_voltage"].attrs["units"] == "V"
    assert data.attrs["tester_total_cycles"] == "1000"
    assert data.attrs["tester_subsite_name"] == "reram"
    assert data.attrs["tester_last_executed"] == "12/06/2025 03:42:25"
    assert data["die"].values.tolist() == [1]
    assert (data.attrs["rows_read"], data.attrs["rows_bad"]) == (1000, 0)
    with_read = read_measurements(path, constants={"read_voltage": "0.1 V"})
    np.testing.assert_allclose(with_read["conductance"].values, data["current"].values / 0.1)


def clarius(cycles: int, total: int) -> list[str]:
    lines = [
        "Cycle,SET#1,SET#1,SET#1,RESET#1,RESET#1",
        "Index,VSET,ILRS,IHRS,VRESET,IRESET",
    ]
    lines += [f"{n},{1 + n / 100},{n}e-5,{n}e-7,," for n in range(1, cycles + 1)]
    return [*lines, "Subsite Name,x", "", f"Total Cycles,{total}"]


def test_clarius_with_other_columns_bad_rows_and_missing_cycles(tmp_path: Path) -> None:
    lines = clarius(40, 50)
    lines[6] = "5,1.05,#REF,5e-7,,"
    lines[7] = "6,1.06"
    lines[8] = "7,1.07,7e-5,9.9e37,,"
    lines[9] = "7,1.07,7e-5,7e-7,,"
    path = tmp_path / "cycles.csv"
    path.write_bytes("\r\n".join(lines).encode("utf-16"))
    data = read_measurements(path)
    assert data.sizes["cycles"] == 38
    assert (data.attrs["rows_bad"], data.attrs["bad_lines"]) == (2, "8, 10")
    assert np.isnan(float(data["current"].sel(cycles=5, state="LRS").squeeze()))
    assert float(data["current"].sel(cycles=5, state="HRS").squeeze()) == 5e-7
    assert "line 7: an error of a formula (#REF), kept as missing" in data.attrs["problems"]
    assert data.attrs["values_overrange"] == 1
    assert np.isnan(float(data["current"].sel(cycles=7, state="HRS").squeeze()))
    assert any("says 50 cycles and holds 38" in note for note in data.attrs["problems"])


def test_clarius_workbook_with_runs_and_settings(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Data"
    sheet.append(["Time", "AI", "AV", "AI(2)", "AV(2)"])
    for n in range(5):
        sheet.append(
            [n * 0.1, n * 1e-6, n * 0.2, *([n * 2e-6, n * 0.3] if n < 3 else [None, None])]
        )
    append = book.create_sheet("Append1")
    append.append(["Time", "AI", "AV"])
    append.append([0.0, 7e-6, 1.5])
    settings = book.create_sheet("Settings")
    settings.append(["Test Name", "reram-set"])
    settings.append(["Last Executed", "today"])
    settings.append(["Speed", "Normal"])
    book.create_sheet("Calc")
    path = tmp_path / "set.xlsx"
    book.save(path)
    data = read_measurements(path)
    assert data.attrs["layout"] == "keithley"
    assert data["current"].dims == ("wafer", "die", "cell", "sweep", "point")
    assert data["setup"].values.tolist() == ["Data", "Data(2)", "Append1"]
    current = data["current"].values[0, 0, 0]
    np.testing.assert_allclose(current[0], np.arange(5) * 1e-6)
    np.testing.assert_allclose(current[1], [0, 2e-6, 4e-6, np.nan, np.nan])
    assert current[2, 0] == 7e-6
    assert data.attrs["tester_test_name"] == "reram-set"
    assert data.attrs["tester_speed"] == "Normal"


def test_plain_traces_in_a_text_file(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_text("Time,AI,AV\n0,1e-9,0\n0.1,2e-9,0.5\n0.2,9.9e37,1\n")
    data = read_measurements(path)
    assert data.attrs["layout"] == "keithley"
    np.testing.assert_array_equal(data["current"].values.ravel(), [1e-9, 2e-9, np.nan])
    assert data["voltage"].attrs["units"] == "V"


def test_not_a_clarius_export(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n\nc,d\n")
    with pytest.raises(InputError, match=r"x\.csv: is not a Clarius export"):
        read_measurements(path, "keithley")


def workbook_of(path: Path, rows: list[list[object]], *, dimension: bool = True) -> Path:
    """Write a Clarius workbook: a run, Calc and Settings; formulas without a value are #REF."""
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.title = "Run1"
    for row in rows:
        book.active.append(row)
    book.create_sheet("Calc")
    sheet = book.create_sheet("Settings")
    sheet.append(["Test Name", "Forming#1"])
    sheet.append(["Formulas", "ID=ABS(AI)", "VFORM=...", "x", "y"])
    for number in range(5):
        sheet.append([f"Terminal {number}", "SMU", 1, 2.5, "", "Sweep"])
    book.save(path)
    if not dimension:
        with zipfile.ZipFile(path) as whole:
            parts = {name: whole.read(name) for name in whole.namelist()}
        with zipfile.ZipFile(path, "w") as less:
            for name, content in parts.items():
                less.writestr(name, re.sub(rb"<dimension[^>]*>", b"", content))
    return path


def test_an_error_of_a_formula_costs_no_measured_point(tmp_path: Path) -> None:
    header = ["Time", "AI", "AV", "ID", "VFORM"]
    rows = [[n / 10, n * -1e-9, n / -100, n * 1e-9, None] for n in range(9)]
    rows[0][3:] = ["#REF", 2.03]
    data = read_measurements(workbook_of(tmp_path / "form.xlsx", [header, *rows]))
    assert data.attrs["layout"] == "keithley"
    assert (data.attrs["rows_read"], data.attrs["rows_bad"]) == (9, 0)
    np.testing.assert_allclose(data["voltage"].values.ravel(), np.arange(9) / -100)
    assert np.isnan(data["id"].values.ravel()[0])
    assert data["forming_voltage"].dims == ("wafer", "die", "cell", "sweep")
    assert float(data["forming_voltage"].squeeze()) == 2.03
    assert data.attrs["tester_test_name"] == "Forming#1"


def test_a_sheet_without_dimensions_and_a_resistance_beside_the_sweep(tmp_path: Path) -> None:
    header = ["Time", "AI", "AV", "RESISTANCE", "ILEAKAGE"]
    rows = [[n / 10, n * 1e-9, n / 100, 1e7] for n in range(1, 7)]
    rows[0].append(2e-9)
    data = read_measurements(workbook_of(tmp_path / "l.xlsx", [header, *rows], dimension=False))
    assert data.attrs["layout"] == "keithley"
    np.testing.assert_allclose(data["current"].values.ravel(), np.arange(1, 7) * 1e-9)
    np.testing.assert_allclose(data["resistance"].values.ravel(), 1e7)
    assert float(data["ileakage"].squeeze()) == 2e-9


def test_cycling_reads_alike_from_csv_tabs_and_a_workbook(tmp_path: Path) -> None:
    lines = clarius(12, 12)
    (tmp_path / "c.csv").write_text("\n".join(lines))
    (tmp_path / "c.txt").write_text("\n".join(lines).replace(",", "\t"))
    rows = [[entry or None for entry in line.split(",")] for line in lines]
    rows[2:14] = [[float(entry) if entry else None for entry in row] for row in rows[2:14]]
    workbook_of(tmp_path / "c.xlsx", rows)
    want = read_measurements(tmp_path / "c.csv")
    assert want.sizes["cycles"] == 12
    for name in ("c.txt", "c.xlsx"):
        got = read_measurements(tmp_path / name)
        assert got.attrs["layout"] == "keithley"
        assert got["current"].equals(want["current"])
        assert got["set_voltage"].equals(want["set_voltage"])


VALUES = st.floats(-10, 10, allow_nan=False, width=32)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    rows=st.lists(st.tuples(VALUES, VALUES, VALUES, VALUES), min_size=2, max_size=15),
    delimiter=st.sampled_from([",", "\t", ";"]),
    missing=st.integers(0, 14),
)
def test_clarius_cycles_come_back(tmp_path: Path, rows, delimiter: str, missing: int) -> None:
    lines = ["Cycle,SET#1,SET#1,RESET#2,RESET#2", "Index,VSET,ILRS,VRESET,IHRS"]
    lines += [",".join([str(n + 1), *map(repr, row)]) for n, row in enumerate(rows)]
    at = missing % len(rows)
    lines[at + 2] = lines[at + 2].rpartition(",")[0] + ",#REF"
    path = tmp_path / "any.csv"
    path.write_text("\n".join(lines).replace(",", delimiter))
    data = read_measurements(path).isel(wafer=0, die=0, cell=0)
    want = np.array(rows)
    want[at, 3] = np.nan
    np.testing.assert_array_equal(data["set_voltage"].sel(test="SET#1"), want[:, 0])
    np.testing.assert_array_equal(data["current"].sel(test="SET#1", state="LRS"), want[:, 1])
    np.testing.assert_array_equal(data["reset_voltage"].sel(test="RESET#2"), want[:, 2])
    got = (
        data["current"].sel(test="RESET#2", state="HRS") if np.isfinite(want[:, 3]).any() else None
    )
    if got is not None:
        np.testing.assert_array_equal(got, want[:, 3])


# ---- Keysight --------------------------------------------------------------------------------

EXPORT = """SetupTitle, Set
PrimitiveTest, I/V Sweep
TestParameter, Context.MainFrame, B1500A
TestParameter, Channel.Unit, SMU1:HP, SMU2:HR
TestParameter, Channel.IName, I1, I2
MetaData, TestRecord.RecordTime, 03/04/2025 10:11:12
AnalysisSetup, Analysis.Setup.Vector.List.Datum.Name, V1, I2, T1
AnalysisSetup, Analysis.Setup.Vector.List.Datum.Unit, V, A, sec
AnalysisSetup, Analysis.Setup.Title, Set
Dimension1, 3, 3, 3
Dimension2, 1, 1, 1
DataName, V1, I2, T1
DataValue, 0, 1E-9, 0.1
DataValue, 0.5, 2.5E-6, 0.2
DataValue, 1, 199.999E+99, 0.3

SetupTitle, Reset
PrimitiveTest, I/V Sweep
Dimension1, 4
DataName, V1, I2, T1
DataValue, 0, -1E-9, 0.1
DataValue, -0.5, oops, 0.2
DataValue, -1
DataValue, -1.5, -3E-6, 0.4
"""


def test_easyexpert_records(tmp_path: Path) -> None:
    path = tmp_path / "sweep.csv"
    path.write_bytes(b"\xef\xbb\xbf" + EXPORT.encode())
    data = read_measurements(path)
    assert data.attrs["layout"] == "keysight"
    assert data["setup"].values.tolist() == ["Set", "Reset"]
    voltage, current = data["voltage"].values[0, 0, 0], data["current"].values[0, 0, 0]
    np.testing.assert_array_equal(voltage, [[0, 0.5, 1], [0, -1.5, np.nan]])
    np.testing.assert_array_equal(current, [[1e-9, 2.5e-6, np.nan], [-1e-9, -3e-6, np.nan]])
    assert data["time"].attrs["units"] == "s"
    assert data["current"].attrs["long_name"] == "I2"
    assert (data.attrs["rows_read"], data.attrs["rows_bad"]) == (7, 2)
    assert data.attrs["bad_lines"] == "22-23"
    assert data.attrs["values_overrange"] == 1
    assert data.attrs["tester_context_mainframe"] == "B1500A"
    assert data.attrs["tester_testrecord_recordtime"] == "03/04/2025 10:11:12"
    assert data.attrs["tester_channel_iname"] == '["I1", "I2"]'
    assert any("sweep 2 has 2 points, 4 were set" in note for note in data.attrs["problems"])


def test_easyexpert_records_may_end_in_empty_fields(tmp_path: Path) -> None:
    """As a spreadsheet saves them."""
    path = tmp_path / "sweep.csv"
    lines = EXPORT.splitlines()
    path.write_text("\n".join(line + ",," * (line.count(",") == 3) for line in lines))
    data = read_measurements(path)
    want = [[1e-9, 2.5e-6, np.nan], [-1e-9, -3e-6, np.nan]]
    np.testing.assert_array_equal(data["current"].values[0, 0, 0], want)
    assert (data.attrs["rows_read"], data.attrs["rows_bad"]) == (7, 2)


def test_easyexpert_classic_file(tmp_path: Path) -> None:
    path = tmp_path / "classic.csv"
    path.write_text(
        'Setup title,IdVg\nClassic test name,"I/V Sweep"\nTest date,2025/03/03\nDevice ID,D7\n'
        "Channel.Unit,SMU1:HP,SMU4:HR\nAutoAnalysis.Marker.Data.StartCondition,\n"
        "VG1,ID,IG1\n3,-8.5E-14,1e-12\n2.98,3.2E-14,\n"
    )
    data = read_measurements(path, columns={"current": "ID"})
    np.testing.assert_array_equal(data["current"].values[0, 0, 0, 0], [-8.5e-14, 3.2e-14])
    np.testing.assert_array_equal(data["ig1"].values[0, 0, 0, 0], [1e-12, np.nan])
    assert data.attrs["tester_device_id"] == "D7"
    with pytest.raises(InputError, match="unknown column 'Id'; did you mean 'ID'"):
        read_measurements(path, columns={"current": "Id"})


def test_easyexpert_without_data(tmp_path: Path) -> None:
    path = tmp_path / "none.csv"
    path.write_text("SetupTitle, Set\nDataName, V1, I1\n")
    with pytest.raises(InputError, match=r"none\.csv: is not a B1500 export: no DataValue rows"):
        read_measurements(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    sweeps=st.lists(
        st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=10), min_size=1, max_size=4
    ),
    unit=st.sampled_from([("A", 1.0), ("mA", 1e-3), ("uA", 1e-6)]),
)
def test_easyexpert_sweeps_come_back(tmp_path: Path, sweeps, unit: tuple[str, float]) -> None:
    lines = []
    for number, sweep in enumerate(sweeps):
        lines += [f"SetupTitle, S{number}", "PrimitiveTest, I/V Sweep"]
        lines += ["AnalysisSetup, Analysis.Setup.Vector.List.Datum.Name, Vd, Id"]
        lines += [f"AnalysisSetup, Analysis.Setup.Vector.List.Datum.Unit, V, {unit[0]}"]
        lines += [f"Dimension1, {len(sweep)}, {len(sweep)}", "DataName, Vd, Id"]
        lines += [f"DataValue, {voltage!r}, {current!r}" for voltage, current in sweep]
    path = tmp_path / "any.csv"
    path.write_text("\n".join(lines))
    data = read_measurements(path)
    assert data["setup"].values.tolist() == [f"S{n}" for n in range(len(sweeps))]
    for number, sweep in enumerate(sweeps):
        got = data.isel(wafer=0, die=0, cell=0, sweep=number, point=slice(0, len(sweep)))
        np.testing.assert_array_equal(got["voltage"].values, [v for v, _ in sweep])
        np.testing.assert_allclose(
            got["current"].values, [c * unit[1] for _, c in sweep], rtol=1e-12
        )
