"""Tables of time, voltage and current, as laboratories and oscilloscopes write them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reliability.errors import InputError
from reliability.measurements import read_measurements

BODY = [(0.0, 100.0, 1.0), (1.0, 200.0, 2.1), (2.0, 300.0, 3.0)]


def write(folder: Path, text: str, name: str = "trace.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def values(data: xr.Dataset, name: str) -> list[float]:
    return data[name].values.ravel().tolist()


@pytest.mark.parametrize(
    "header",
    [
        "Time (ms),Voltage (mV),Current (uA)",
        "Time [ms],Voltage [mV],Current [uA]",
        "Time / ms,Voltage / mV,Current / uA",
        "t_ms,V_mV,I_uA",
        "time_ms,voltage_mV,current_uA",
        "Time,Voltage,Current\nms,mV,uA",
        "Time,Voltage,Current\n(ms),(mV),(uA)\n",
        "# made by hand\n# Time (ms) Voltage (mV) Current (uA)",
        "#Time (ms),Voltage (mV),Current (uA)",
        "% t (ms),V (mV),I (µA)",
        "Operator,ann\nDevice,D7\nTime (ms),Voltage (mV),Current (uA)",
        "Channel,2,1\nTime (ms),Voltage (mV),Current (uA)",
        '"Time (ms)","Vsd (mV)","I (uA)"',
        "TIME in ms,U in mV,I in uA",
    ],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_units_wherever_the_header_has_them(tmp_path: Path, header: str, delimiter: str) -> None:
    rows = "\n".join(",".join(map(repr, row)) for row in BODY)
    path = write(tmp_path, f"{header}\n{rows}\n".replace(",", delimiter))
    data = read_measurements(path)
    assert data.attrs["layout"] == "traces"
    assert values(data, "time") == [0.0, 1e-3, 2e-3]
    assert values(data, "voltage") == pytest.approx([0.1, 0.2, 0.3], rel=1e-15)
    assert values(data, "current") == pytest.approx([1e-6, 2.1e-6, 3e-6], rel=1e-15)
    assert [data[name].attrs["units"] for name in ("time", "voltage", "current")] == ["s", "V", "A"]
    assert (data.attrs["rows_read"], data.attrs["rows_bad"]) == (3, 0)
    told = " ".join(data.attrs["layout_evidence"])
    assert told.startswith("layout traces: columns of time, voltage or current")
    assert "in mV by its header" in told


def test_a_workbook_and_a_parquet_file_read_as_their_text_twin(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame(BODY, columns=["Time (s)", "Voltage [mV]", "Current (uA)"])
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_excel(tmp_path / "t.xlsx", index=False)
    want = read_measurements(tmp_path / "t.csv")
    for source in (tmp_path / "t.parquet", tmp_path / "t.xlsx", frame):
        got = read_measurements(source)
        assert got.attrs["layout"] == "traces"
        for name in ("time", "voltage", "current"):
            np.testing.assert_array_equal(got[name].values, want[name].values)


def test_columns_of_words_are_coordinates_and_units_not_written_are_told(tmp_path: Path) -> None:
    path = write(tmp_path, "Time,Voltage (mV),I,Direction\n0,100,1e-6,up\n1,200,2e-6,down\n")
    data = read_measurements(path)
    assert values(data, "voltage") == [0.1, 0.2]
    assert data["direction"].values.ravel().tolist() == ["up", "down"]
    notes = " ".join(data.attrs["problems"])
    assert "'I': in A by its name, no unit is written" in notes
    assert "Voltage" not in notes


def test_an_address_makes_reads_of_cells_and_not_a_trace(tmp_path: Path) -> None:
    path = write(tmp_path, "cell,Time (s),Voltage (V),Current (uA)\n1,0,0.1,5\n1,10,0.1,6\n")
    data = read_measurements(path)
    assert data.attrs["layout"] == "tidy"
    assert data["current"].dims == ("wafer", "die", "cell", "time")


def test_times_before_the_trigger_and_damaged_rows(tmp_path: Path) -> None:
    rows = [f"{n * 1e-4:.4g},{0.01 * n:.4g},{n}e-4" for n in range(-5, 5)]
    rows[3] = "-0.0002,oops,1e-4"
    rows[6] = "1e-4,9.9E+37,1e-4"
    path = write(
        tmp_path,
        "#Digilent WaveForms Oscilloscope Acquisition\n#Device Name: Discovery2\n\n"
        "Time (s),Channel 1 (V),Channel 2 (V)\n" + "\n".join(rows),
    )
    data = read_measurements(path)
    assert values(data, "time")[0] == -5e-4
    assert data.sizes["point"] == 9
    assert (data.attrs["rows_bad"], data.attrs["bad_lines"]) == (1, "8")
    assert data.attrs["values_overrange"] == 1
    assert data.attrs["tester_device_name"] == "Discovery2"
    one = write(tmp_path, "Time (s),CH1 (V)\n-1e-3,0.1\n0,0.2\n", "one.csv")
    assert values(read_measurements(one), "voltage") == [0.1, 0.2]


SCOPES = {
    "keysight": "x-axis,1,2\nsecond,Volt,Volt\n{rows}",
    "rigol": "X,CH1,CH2,Start,Increment\nSequence,Volt,Volt,-2.0e-03,1.0e-03\n{counted}",
    "rigol new": "CH1V,CH2V,t0 =-2.0e-03,tInc = 1.0e-03\n{bare}",
    "pico": "Time,Channel A,Channel B\n(s),(V),(V)\n\n{rows}",
    "siglent": "Record Length,Analog:5\nSample Interval,0.001\nVertical Units,V\n"
    "Source,CH1,CH2\nSecond,Volt,Volt\n{rows}",
    "rohde": "in s,C1 in V,C2 in V\n{rows}",
    "tektronix": "Model,MSO54\nFirmware Version,1.2\n\nTIME,CH1,CH2\n{rows}",
    "hantek": "nr,time,ch1,ch2\n{numbered}",
    "rigol with a separator more": "X,CH1,CH2,Start,Increment,\n"
    "Sequence,Volt,Volt,-2.0e-03,1.0e-03,\n{counted}",
    "tektronix dpo": "Model,DPO4104\nHorizontal Units,s\nVertical Units,V,V\nLabel,,\n"
    "TIME,CH1,CH2\n{rows}",
    "yokogawa": '"Header Size",9\n"TraceName","CH1","CH2"\n"BlockSize",6,6\n"VUnit","V","V"\n'
    '"SampleRate",1000,1000\n"HResolution",1.0,1.0\n"HOffset",-2.0,-2.0\n"HUnit","ms","ms"\n'
    "{keyed}",
}


@pytest.mark.parametrize("scope", SCOPES)
def test_oscilloscopes(tmp_path: Path, scope: str) -> None:
    time = np.arange(-2, 4) * 1e-3
    one, two = 0.1 + np.arange(6) * 0.01, np.arange(6) * 1e-3
    rows = [
        f"{t:.3E},{a!r},{b!r}" for t, a, b in zip(time, one.tolist(), two.tolist(), strict=True)
    ]
    bare = [row.partition(",")[2] + ",," for row in rows]
    text = SCOPES[scope].format(
        rows="\n".join(rows),
        bare="\n".join(bare),
        counted="\n".join(f"{n},{row}" for n, row in enumerate(bare)),
        keyed="\n".join(f",{row.rstrip(',')}" for row in bare),
        numbered="\n".join(f"{n},{row}" for n, row in enumerate(rows)),
    )
    data = read_measurements(write(tmp_path, text + "\n"))
    np.testing.assert_allclose(values(data, "time"), time, atol=1e-15)
    traces = [name for name in data.data_vars if data[name].attrs["units"] == "V"]
    assert len(traces) == 2
    np.testing.assert_array_equal(values(data, traces[0]), one)
    np.testing.assert_array_equal(values(data, traces[1]), two)
    assert data.attrs["rows_bad"] == 0


def test_tektronix_with_its_header_beside_the_numbers(tmp_path: Path) -> None:
    beside = ["Record Length,40", "Sample Interval,1e-3", "Vertical Units,V", "Source,CH2"]
    rows = [
        f"{beside[n] if n < 4 else ','},,{-0.01 + n * 1e-3:.6f},{0.5 + n / 100:.2f}"
        for n in range(40)
    ]
    data = read_measurements(write(tmp_path, "\n".join(rows)))
    np.testing.assert_allclose(values(data, "time"), -0.01 + np.arange(40) * 1e-3, atol=1e-12)
    np.testing.assert_allclose(values(data, "voltage"), 0.5 + np.arange(40) / 100)


def test_units_of_channels_above_the_header(tmp_path: Path) -> None:
    text = "Vertical Units;mV;uA\nHorizontal Units;ms\nTIME;CH1;CH2\n-1,0;100;1\n0,0;200;2\n"
    data = read_measurements(write(tmp_path, text))
    np.testing.assert_allclose(values(data, "time"), [-1e-3, 0.0])
    np.testing.assert_allclose(values(data, "voltage"), [0.1, 0.2])
    np.testing.assert_allclose(values(data, "current"), [1e-6, 2e-6])


def test_two_channels_of_tektronix_beside_each_other(tmp_path: Path) -> None:
    keys = [("Record Length", "4"), ("Vertical Units", "{}"), ("Trigger Point", "2"),
            ("Source", "{}")]  # fmt: skip
    rows = []
    for n, (key, value) in enumerate(keys):
        channel = (("V", 0.1), ("A", 1e-6))
        rows.append(",".join(
            f"{key},{value.format(unit if n == 1 else f'CH{unit}')},,{n * 1e-4},{(n + 1) * scale!r}"
            for unit, scale in channel
        ))  # fmt: skip
    data = read_measurements(write(tmp_path, "\n".join(rows) + "\n"))
    np.testing.assert_allclose(values(data, "time"), np.arange(4) * 1e-4)
    np.testing.assert_allclose(values(data, "voltage"), np.arange(1, 5) * 0.1)
    np.testing.assert_allclose(values(data, "current"), np.arange(1, 5) * 1e-6)


def test_clock_times_count_from_the_first(tmp_path: Path) -> None:
    rows = "\n".join(f"2024-08-15 16:38:{30 + n}.5,{n},{n}e-6" for n in range(4))
    data = read_measurements(write(tmp_path, f"Timestamp,V (V),I (A)\n{rows}\n"))
    assert data.attrs["layout"] == "traces"
    assert values(data, "time") == [0.0, 1.0, 2.0, 3.0]
    assert any("2024-08-15 16:38:30.5" in note for note in data.attrs["problems"])


def test_timestamps_of_reads_and_units_behind_an_underscore(tmp_path: Path) -> None:
    rows = [f"run {n}.csv,T14,2024-08-15T16.38.{30 + n},{n}.5,{n}e-6" for n in range(1, 4)]
    path = write(tmp_path, "filename,device_id,timestamp,v_set_V,i_on_uA\n" + "\n".join(rows))
    data = read_measurements(path)
    assert data.attrs["layout"] == "tidy"
    assert data["cell"].values.tolist() == ["T14"]
    assert data["time"].values.tolist() == [0.0, 1.0, 2.0]
    assert values(data, "v_set") == [1.5, 2.5, 3.5]
    np.testing.assert_allclose(values(data, "current_lrs"), [1e-12, 2e-12, 3e-12], rtol=1e-12)
    assert any("'filename' was left out" in note for note in data.attrs["problems"])


def test_texts_of_a_file_cannot_steer_a_terminal(tmp_path: Path) -> None:
    rows = "".join(f"{n},2,plain\n" for n in range(1000))
    head = "#Operator: \x1b[31mann\nV (V),I (A),word\n0,1,\x1b]0;x\x07\n"
    data = read_measurements(write(tmp_path, head + rows))
    assert data.attrs["tester_operator"] == "?[31mann"
    assert data["word"].values.ravel()[:2].tolist() == ["?]0;x?", "plain"]
    rows = "".join(f"W1,{n},1e-6\n" for n in range(1000))
    wafers = write(tmp_path, f"wafer,cell,G\n\x1b[2JW0,1,1e-6\n{rows}", "w.csv")
    assert read_measurements(wafers)["wafer"].values.tolist() == ["?[2JW0", "W1"]


LVM = """LabVIEW Measurement\t
Writer_Version\t2
Reader_Version\t2
Separator\tTab
Decimal_Separator\t{point}
X_Columns\t{columns}
Time_Pref\tRelative
Operator\tann
Project
***End_of_Header***\t

Channels\t2
Samples\t4\t4
Y_Unit_Label\tVolts\tAmps
X_Dimension\tTime\tTime
X0\t{x0}\t{x0}
Delta_X\t{step}\t{step}
***End_of_Header***\t\t
"""


@pytest.mark.parametrize("columns", ["No", "One", "Multi"])
@pytest.mark.parametrize("point", [".", ","])
def test_labview_files(tmp_path: Path, columns: str, point: str) -> None:
    time = -0.5 + 0.25 * np.arange(4)
    names = {"No": "X_Value\tU\tI\tComment", "One": "X_Value\tU\tI\tComment"}
    text = LVM.format(columns=columns, point=point, x0="-0.5", step="0.25")
    text += names.get(columns, "X_Value\tU\tX_Value\tI\tComment") + "\n"
    for n, t in enumerate(time.tolist()):
        x = "" if columns == "No" else repr(t)
        row = [x, repr(0.1 * n), *([x] if columns == "Multi" else []), f"{n}.5e-6"]
        text += "\t".join(row) + "\n"
    text += "\n" + text[text.index("Channels") :]  # a second segment
    head, data_part = text.split("Operator", 1)
    data_part = data_part.replace(".", point) if point == "," else data_part
    data = read_measurements(write(tmp_path, head + "Operator" + data_part, "run.lvm"))
    assert data.attrs["layout"] == "labview"
    assert data.sizes["sweep"] == 2
    for sweep in (0, 1):
        got = data.isel(wafer=0, die=0, cell=0, sweep=sweep)
        np.testing.assert_allclose(got["time"].values, time)
        np.testing.assert_allclose(got["voltage"].values, 0.1 * np.arange(4))
        np.testing.assert_allclose(got["current"].values, (np.arange(4) + 0.5) * 1e-6)
    assert data.attrs["tester_operator"] == "ann"


def test_labview_counts_damaged_rows(tmp_path: Path) -> None:
    text = LVM.format(columns="One", point=".", x0="0", step="1") + "X_Value\tU\tI\tComment\n"
    path = write(tmp_path, text + "0\t1\t2\n1\tx\t2\n2\t1\n3\t1\t9.9e37\n4\t1\t2\t\n", "bad.lvm")
    data = read_measurements(path)
    assert (data.attrs["rows_read"], data.attrs["rows_bad"]) == (5, 2)
    assert data.attrs["values_overrange"] == 1
    with pytest.raises(InputError, match=r"none\.lvm: a LabVIEW file without a segment of data"):
        read_measurements(write(tmp_path, text, "none.lvm"))


def test_arc_one_histories(tmp_path: Path) -> None:
    head = "Wordline,Bitline,Resistance,Amplitude (V),Pulse width (s),Tag,ReadTag,ReadVoltage\n"
    rows = [
        f"{w},{b},{1000.0 * (w + b + n)!r},{0.5 * n},{1e-4 * n!r},P,S R2 V=0.5,0.5"
        for n in range(1, 4)
        for w, b in ((1, 2), (3, 2))
    ]
    data = read_measurements(write(tmp_path, "2024-01-01\n\n" + head + "\n".join(rows)))
    assert data.attrs["layout"] == "arc_one"
    assert data["conductance"].dims == ("wafer", "die", "cell", "pulse")
    assert (data["row"].values.tolist(), data["column"].values.tolist()) == ([1, 3], [2, 2])
    want = 1 / (1000.0 * np.array([[4, 5, 6], [6, 7, 8]]))
    np.testing.assert_allclose(data["conductance"].values[0, 0], want, rtol=1e-15)
    np.testing.assert_allclose(data["pulse_width"].values[0, 0, 0], [1e-4, 2e-4, 3e-4])
    assert set(np.unique(data["tag"].values)) == {"P"}


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("FileVersion 1 1;\nFileTimestamp 01-01-24 10:00:00;\n", "a KLARF defect file"),
        ('Record FileRecord  "1.8"\n{\n', "a KLARF defect file"),
        ("FAR:A|4|2|U\nMIR:LOT|...\n", "an ATDF file"),
        ('<?xml version="1.0"?><Map/>', "an XML or HTML document"),
        ('{"cell": [1, 2]}', "a JSON document"),
        ("$date today $end\n", "a VCD file"),
        ("! made by\n# GHz S MA R 50\n1 0.1 0.2\n", "a Touchstone network file"),
        ("Title: x\nDate: y\nPlotname: z\n", "a SPICE raw file"),
        ("DEVICE:X\nLOT:Y\nWAFER:1\nRowData:001 002\n", "a wafer map"),
        ("import numpy as np\n", "a program"),
    ],
)
def test_what_is_no_measurement_is_refused_by_name(tmp_path: Path, content: str, what: str) -> None:
    with pytest.raises(
        InputError, match=f"other.txt: is {what}, not a table of measurements|{what}"
    ):
        read_measurements(write(tmp_path, content, "other.txt"))


def test_named_columns_of_a_file_without_a_header(tmp_path: Path) -> None:
    path = write(tmp_path, "".join(f"{n}\t2.5\t{4600 + n}\t0.1\t1\n" for n in range(6)))
    data = read_measurements(path, columns="cell,-,resistance [ohm],voltage [V],-")
    assert data.attrs["layout"] == "tidy"
    np.testing.assert_allclose(data["conductance"].values.ravel(), 1 / (4600.0 + np.arange(6)))
    trace = read_measurements(path, columns=["time [ms]", "-", "-", "voltage [mV]", "current [uA]"])
    assert trace.attrs["layout"] == "traces"
    assert values(trace, "voltage") == [1e-4] * 6
    with pytest.raises(InputError, match=r"name them in order with columns="):
        read_measurements(path)


def test_a_mapping_renames_and_sets_units(tmp_path: Path) -> None:
    path = write(tmp_path, "Time (s),CH1 (V),CH2 (V)\n0,1,2\n1,3,4\n")
    data = read_measurements(path, columns={"current": "CH2 [mA]", "voltage": "2"})
    assert values(data, "voltage") == [1.0, 3.0]
    assert values(data, "current") == [2e-3, 4e-3]
    with pytest.raises(InputError, match=r"unknown column for current of trace\.csv 'CH3'"):
        read_measurements(path, columns={"current": "CH3"})


# ---- tables in memory ------------------------------------------------------------------------


def test_a_data_frame_reads_as_its_file(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"cell": [1, 1, 2, 2], "time [h]": [0, 24, 0, 24], "G [uS]": [50, 48.5, 55, None]}
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    want = read_measurements(tmp_path / "t.csv", constants={"temperature": "85 degC"})
    for table in (frame, frame.set_index(["cell", "time [h]"])):
        got = read_measurements(table, constants={"temperature": "85 degC"})
        assert got["conductance"].equals(want["conductance"])
        assert got.attrs["source"] == "data frame"
        assert len(got.attrs["source_sha256"]) == 64
    with pytest.raises(InputError, match="holds no rows"):
        read_measurements(frame.iloc[:0])
    with pytest.raises(InputError, match="two columns are named 'a'"):
        read_measurements(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(InputError, match="keysight is read from a file"):
        read_measurements(frame, "keysight")


def test_a_dataset_reads_by_its_names_and_units() -> None:
    reads = np.array([[50.0, 48.0], [55.0, 54.0], [60.0, 59.0]])
    given = xr.Dataset(
        {"G": (("device", "time"), reads, {"units": "uS"})},
        coords={"device": [7, 8, 9], "time": ("time", [0.0, 24.0], {"units": "h"})},
    )
    data = read_measurements(given)
    assert data["conductance"].dims == ("wafer", "die", "cell", "time")
    np.testing.assert_allclose(data["conductance"].values[0, 0], reads * 1e-6)
    assert data["time"].values.tolist() == [0.0, 86400.0]
    assert data["cell"].values.tolist() == [7, 8, 9]
    again = read_measurements(data, constants={"temperature": "85 degC"})
    np.testing.assert_array_equal(again["conductance"].values, data["conductance"].values)
    assert float(again["temperature"]) == 358.15
    humid = read_measurements(given.rename(time="humidity").assign_coords(humidity=[40, 85]))
    assert "humidity" in humid["conductance"].dims


# ---- what is written comes back ----------------------------------------------------------------

UNITS = {
    "s": {"s": 1.0, "ms": 1e-3, "us": 1e-6, "min": 60.0},
    "V": {"V": 1.0, "mV": 1e-3},
    "A": {"A": 1.0, "mA": 1e-3, "uA": 1e-6, "µA": 1e-6, "nA": 1e-9, "pA": 1e-12},
}
STYLES = ("{0} ({1})", "{0} [{1}]", "{0} / {1}", "{0}_{1}", "{0}")
NUMBERS = st.floats(-1e3, 1e3, allow_nan=False).map(lambda x: round(x, 9))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=120)
@given(
    rows=st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=2, max_size=30),
    order=st.permutations(["s", "V", "A"]),
    unit=st.fixed_dictionaries({key: st.sampled_from(list(u)) for key, u in UNITS.items()}),
    style=st.sampled_from(STYLES),
    delimiter=st.sampled_from([",", ";", "\t"]),
    comment=st.sampled_from(["", "#", "# "]),
    preamble=st.sampled_from(["", "# instrument: X\n", "Operator,ann\n\n"]),
)
def test_what_is_written_comes_back(
    tmp_path: Path, rows, order, unit, style, delimiter, comment, preamble
) -> None:
    names = {"s": "Time", "V": "Voltage", "A": "Current"}
    header = [style.format(names[key], unit[key]) for key in order]
    lines = [comment + delimiter.join(header)]
    if style == "{0}":  # units in a row of their own
        lines.append(comment + delimiter.join(unit[key] for key in order))
    lines += [delimiter.join(map(repr, row)) for row in rows]
    path = write(tmp_path, preamble + "\n".join(lines) + "\n")
    data = read_measurements(path)
    for position, key in enumerate(order):
        name = {"s": "time", "V": "voltage", "A": "current"}[key]
        want = np.array([row[position] for row in rows]) * UNITS[key][unit[key]]
        np.testing.assert_allclose(data[name].values.ravel(), want, rtol=1e-12, atol=1e-300)
        assert data[name].attrs["units"] == key


def test_units_in_headers_all_in_capitals(tmp_path):
    path = tmp_path / "iv.csv"
    path.write_text("TIME_MS,V_MV,I_NA\n" + "".join(f"{i},{100 * i},{5 * i}\n" for i in range(5)))
    data = read_measurements(path)
    assert data.attrs["layout"] == "traces"
    for name, step in (("time", 1e-3), ("voltage", 0.1), ("current", 5e-9)):
        np.testing.assert_allclose(data[name].values.ravel(), step * np.arange(5), rtol=1e-12)
