"""Spreadsheets as engineers keep them: read-out tables, units, header blocks, lots, clock times."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reliability.errors import InputError
from reliability.measurements import join_bakes, read_measurements
from reliability.measurements.headings import evident_unit, meaning_of
from reliability.measurements.preamble import read_preamble

OVEN = [0.0, 24.0, 168.0, 500.0, 1000.0]
CELLS = 6


def write(folder: Path, text: str, name: str = "sheet.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def ohms(cell: int, time: float) -> float:
    return 5000.0 + 100.0 * cell + time


def long_table(header: str, row: str, separator: str = ",") -> str:
    lines = [header]
    for cell in range(CELLS):
        for time in OVEN:
            value = ohms(cell, time)
            fields = row.format(
                cell=cell, h=time, d=time / 24, r=value, k=value / 1e3, i=1e5 / value
            )
            lines.append(fields.replace(".", ",") if separator == ";" else fields)
    return "\n".join(lines)


def expect(data, name: str = "conductance") -> None:
    assert data.sizes["cell"] == CELLS
    assert (data["time"].values / 3600).tolist() == OVEN
    got = data[name].squeeze(drop=True).transpose("cell", "time").values
    want = [[1 / ohms(cell, time) for time in OVEN] for cell in range(CELLS)]
    np.testing.assert_allclose(got, want, rtol=1e-9)


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("DUT,Readpoint (h),R (kOhm)", "{cell},{h},{k}"),
        ("Device,Hours,R_OHM", "D{cell},{h},{r}"),
        ("CELL,TIME_H,R_OHM", "{cell},{h},{r}"),
        ("Serial No,Bake (h),Resistance [Ohm]", "S{cell},{h},{r}"),
        ("Cell,Bake time (days),R [ohm]", "{cell},{d},{r}"),
        ("Cell,Time (h),I@0.1V [uA]", "{cell},{h},{i}"),
        ("Cell,Time,R", "{cell},{h},{r}"),
        ("Cell,Time h,R kOhm", "{cell},{h},{k}"),
        ("Cell,t: h,R: kOhm", "{cell},{h},{k}"),
        ("Cell,time <h>,R {{kOhm}}".replace("{{", "{").replace("}}", "}"), "{cell},{h},{k}"),
        ("Cell,stress h,I_read uA @0.1V", "{cell},{h},{i}"),
        ("Cell,Time,R", "{cell},{h} h,{k} kΩ"),
        ("Cell,t,R [Ohm]", "{cell},{h}h,{k}k"),
    ],
)
def test_headers_that_engineers_write(tmp_path, header, row):
    expect(read_measurements(write(tmp_path, long_table(header, row))))


def test_german_headers_and_decimal_comma(tmp_path):
    text = long_table("Zelle;Zeit (h);Temperatur (°C);R (kOhm)", "{cell:d};{h};125;{k}", ";")
    data = read_measurements(write(tmp_path, text))
    expect(data)
    assert float(data["temperature"]) == 398.15


@pytest.mark.parametrize(
    "form", ["{:g} h", "R @ {:g} h (Ohm)", "T{:g}", "R_{:g}h [Ohm]", "{:g} hours"]
)
def test_one_column_for_each_read_out_time(tmp_path, form):
    lines = ["Device," + ",".join(form.format(time) for time in OVEN)]
    lines += [f"D{c}," + ",".join(str(ohms(c, time)) for time in OVEN) for c in range(CELLS)]
    data = read_measurements(write(tmp_path, "\n".join(lines)))
    expect(data)
    evidence = "; ".join(data.attrs["layout_evidence"])
    assert "resistance at 5 values of time, one row for each device" in evidence
    named = "Ohm" in form
    assert any("read as resistance in ohm" in note for note in data.attrs["problems"]) != named


def test_temperatures_wafers_and_cycles_as_columns(tmp_path):
    data = read_measurements(write(tmp_path, "Cell,25C,125C\n1,5010,5310\n2,5020,5320\n"))
    assert data["temperature"].values.tolist() == [298.15, 398.15]
    np.testing.assert_allclose(1 / data["conductance"].values.ravel(), [5010, 5310, 5020, 5320])
    data = read_measurements(write(tmp_path, "Cell,W1,W2,W3\n1,5010,5310,5100\n2,5020,5320,5200\n"))
    assert data["wafer"].values.tolist() == [1, 2, 3]
    np.testing.assert_allclose(1 / data["conductance"].sel(wafer=2).values.ravel(), [5310, 5320])
    text = "Cell,R @ 1 cycles (kohm),R @ 1e3 cycles (kohm)\n1,5,6\n2,7,8\n"
    data = read_measurements(write(tmp_path, text))
    assert data["cycles"].values.tolist() == [1, 1000]


def test_what_a_read_out_table_holds_can_be_said(tmp_path):
    path = write(tmp_path, "Cell,0 h,24 h\n1,50,48\n2,51,47\n")
    with pytest.raises(InputError, match=r"nothing says what the columns such as '0 h' hold"):
        read_measurements(path)
    data = read_measurements(path, values="conductance [uS]")
    np.testing.assert_allclose(data["conductance"].values.ravel(), [5e-5, 4.8e-5, 5.1e-5, 4.7e-5])
    with pytest.raises(InputError, match="did you mean 'conductance'"):
        read_measurements(path, values="conductanse [uS]")
    with pytest.raises(InputError, match="hold pass or fail"):
        read_measurements(write(tmp_path, "Cell,0 h,24 h\n1,P,P\n2,P,F\n"))


def test_a_workbook_with_titles_and_a_merged_header(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (
        ["Qualification of lot 9, 150 degC"], ["Operator: AB"], [],
        ["Device", "Read-out resistance (kOhm)"], [None, *(f"{time:g} h" for time in OVEN)],
        *([f"D{c}", *(ohms(c, time) / 1e3 for time in OVEN)] for c in range(CELLS)),
    ):  # fmt: skip
        sheet.append(row)
    sheet.merge_cells("B4:F4")
    book.save(tmp_path / "title.xlsx")
    data = read_measurements(tmp_path / "title.xlsx")
    expect(data)
    assert float(data["temperature"]) == 423.15
    assert data.attrs["tester_operator"] == "AB"


def test_the_second_sheet_is_named_and_can_be_read(tmp_path):
    pytest.importorskip("openpyxl")
    with pd.ExcelWriter(tmp_path / "two.xlsx") as book:
        for name, shift in (("125C", 0), ("150 °C", 1000)):
            rows = [(c, t, ohms(c, t) + shift) for c in range(CELLS) for t in OVEN]
            frame = pd.DataFrame(rows, columns=["Cell", "Bake (h)", "R (Ohm)"])
            frame.to_excel(book, sheet_name=name, index=False)
    data = read_measurements(tmp_path / "two.xlsx")
    expect(data)
    assert "sheet '125C' was read, '150 °C' not" in "; ".join(data.attrs["problems"])
    assert float(data["temperature"]) == 398.15
    other = read_measurements(tmp_path / "two.xlsx", sheet="150 °C")
    assert float(other["temperature"]) == 423.15
    assert float(1 / other["conductance"].values.max()) == pytest.approx(6000)


def test_a_header_block_belongs_to_the_data(tmp_path):
    block = "Program: RET\nTemperature: 125 C\nVread: 0.2 V\nLot: A17\n\n"
    text = block + long_table("Cell,Time (h),I (uA)", "{cell},{h},{i}")
    data = read_measurements(write(tmp_path, text))
    assert (float(data["temperature"]), float(data["read_voltage"])) == (398.15, 0.2)
    assert data["lot"].values.tolist() == ["A17"]
    assert data.attrs["tester_program"] == "RET"
    got = data["conductance"].squeeze(drop=True).values
    assert got[0, 0] == pytest.approx(1e-6 * 1e5 / ohms(0, 0) / 0.2)
    assert "line 2 'Temperature: 125 C': temperature of all rows" in data.attrs["layout_evidence"]
    with pytest.raises(InputError, match=r"constants\.temperature: the file gives this itself"):
        read_measurements(write(tmp_path, text), constants={"temperature": "85 degC"})


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("Temperature = 85 °C", "temperature", 358.15), ("Bake at 250 degC", "temperature", 523.15),
        ("Temp: 398 K", "temperature", 398.0), ("Temperature: 125", "temperature", 398.15),
        ("V_read = 100 mV", "read_voltage", 0.1), ("HTDR 150 degC, lot 3", "temperature", 423.15),
        ("Ofentemperatur: 125 °C", None, None), ("Rev 3, 12 C cells", None, None),
    ],
)  # fmt: skip
def test_conditions_above_a_header(line, name, value):
    found = read_preamble([[line]]).constants
    if name is None:
        assert found.get("temperature", 398.15) == pytest.approx(398.15)
    else:
        assert found == {name: pytest.approx(value)}


def test_clock_times_count_from_the_first_read_of_each_cell(tmp_path):
    start = pd.Timestamp("2026-03-02 08:30:01")
    for form in ("%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M:%S"):
        lines = ["Cell,Timestamp,R (Ohm)"]
        for c in range(CELLS):
            for t in OVEN:
                when = start + pd.Timedelta(hours=t, seconds=c)
                lines.append(f"{c},{when.strftime(form)},{ohms(c, t)}")
        data = read_measurements(write(tmp_path, "\n".join(lines)))
        expect(data)
        assert any("counted from the first read" in note for note in data.attrs["problems"])


@pytest.mark.parametrize(
    ("name", "values", "unit"),
    [
        ("temperature", [25, 125, 150], "degC"), ("temperature", [298.15, 398.15], "K"),
        ("temperature", [300, 350], ""), ("time", [0, 24, 168], "h"), ("time", [0, 1e5], "s"),
        ("time", [1e-3, 1], "s"), ("time", [0, 10, 100], ""), ("resistance", [5000, 9e4], "ohm"),
        ("resistance", [5, 90], ""), ("conductance", [12.5, 200], "uS"),
        ("conductance", [1e-5, 2e-4], "S"), ("current", [2e-5], "A"), ("current", [20.0], ""),
        ("read_voltage", [0.2], "V"), ("read_voltage", [200.0], ""), ("x", [1.5], ""),
        ("pulse_width", [1e-7], "s"), ("pulse_width", [100.0], ""), ("time", [0.0], "s"),
    ],
)  # fmt: skip
def test_units_are_evident_or_refused(name, values, unit):
    assert evident_unit(name, np.array(values, dtype=float))[0] == unit


@pytest.mark.parametrize(
    ("header", "rows", "says"),
    [
        ("Cell,Temp,R (Ohm)", "1,300,5e3", "column 2 'Temp' has no unit, and 300 may be K or °C"),
        ("Cell,Time,R (Ohm)", "1,10,5e3", "column 2 'Time' has no unit, and 10 may be seconds"),
        ("Cell,Time (h),G", "1,0,0.05", "column 3 'G' has no unit"),
        ("X,Y,Cell,R (Ohm)", "1.5,2.5,1,5e3", "'X' and 'Y' have no unit"),
        (
            "Foo,Bar",
            "1,2",
            "no column is recognised that distinguishes the cells, among 'Foo', 'Bar'",
        ),
        ("Cell,Time (h),G x1e-6 (S)", "1,0,90", "header 'G x1e-6 (S)' has a factor"),
        ("Cell,Time (h),R [1e3 Ohm]", "1,0,5", "header 'R [1e3 Ohm]' has a factor"),
        (
            "Cell,Time (h),value,unit",
            "1,0,5,kOhm\n1,24,900,Ohm",
            "column 3 'value' holds what column 4 'unit' says, 'kOhm', 'Ohm'",
        ),
        ("Cell,parameter,value", "1,R_LRS,5\n1,R_HRS,900", "says, 'R_LRS', 'R_HRS'"),
        ("Cell,bake (min) @ 200C,R (kohm)", "1,0,5\n1,60,6", "'bake (min) @ 200C' may be a time"),
        ("Cell,log10(t/s),log10(R/ohm)", "1,0,4\n1,3,4.1", "no measured value"),
    ],
)
def test_what_is_not_evident_is_refused_with_the_column(tmp_path, header, rows, says):
    with pytest.raises(InputError) as caught:
        read_measurements(write(tmp_path, f"{header}\n{rows}\n"))
    assert says in str(caught.value)


def test_cells_with_units_of_their_own(tmp_path):
    text = "Cell,T,t,R\n1,125C,0 h,950 Ω\n1,125 °C,24h,1.2 MΩ\n1,150C,24h,OL\n"
    data = read_measurements(write(tmp_path, text))
    assert data["temperature"].values.tolist() == [398.15, 423.15]
    assert data["time"].values.tolist() == [0.0, 86400.0]
    g = data["conductance"].squeeze(drop=True).transpose("temperature", "time").values
    np.testing.assert_allclose(g[0], [1 / 950, 1 / 1.2e6])
    assert data.attrs["values_overrange"] == 1
    assert any("in the units of its cells" in line for line in data.attrs["layout_evidence"])


def test_times_beyond_a_day_are_no_times_of_day(tmp_path):
    rows = "\n".join(f"{cell},{t},{5 + cell}" for cell in (1, 2) for t in ("1:00:00", "168:30:00"))
    data = read_measurements(write(tmp_path, f"Cell,elapsed (hh:mm:ss),R (kOhm)\n{rows}\n"))
    assert data["time"].values.tolist() == [3600.0, 606600.0]


def test_thousands_of_cycles(tmp_path):
    data = read_measurements(write(tmp_path, "Cell,cycles (k),R (kOhm)\n1,1,5\n1,100,6\n"))
    assert data["cycles"].values.tolist() == [1e3, 1e5]


def test_units_that_were_assumed_are_noted(tmp_path):
    data = read_measurements(write(tmp_path, "Cell,Temp,Time (h),R (kOhm)\n1,125,0,5\n1,150,0,6\n"))
    assert data["temperature"].values.tolist() == [398.15, 423.15]
    assert "column 2 'Temp' has no unit: read as degC" in data.attrs["problems"][0]


@pytest.mark.parametrize("unique", [True, False])
def test_lot_and_wafer_are_the_address(tmp_path, unique):
    lines = ["Lot,Wafer,Die X,Die Y,Cell,R (kOhm)"]
    for lot in "ABC":
        for wafer in range(1, 5):
            name = f"{lot}{wafer}" if unique else wafer
            lines += [f"{lot},{name},{x},0,{c},{5 + c}" for x in (0, 1) for c in range(3)]
    data = read_measurements(write(tmp_path, "\n".join(lines)))
    assert (data.sizes["wafer"], data.sizes.get("repeat", 1)) == (12, 1)
    assert data["lot"].values.tolist() == ["A"] * 4 + ["B"] * 4 + ["C"] * 4
    want = "A1" if unique else "A/1"
    assert data["wafer"].values[0] == want
    assert any("lot/wafer" in note for note in data.attrs["problems"]) != unique


def test_lots_without_wafers_and_sites_beside_dies(tmp_path):
    data = read_measurements(write(tmp_path, "Lot,Cell,R (kOhm)\nA,1,5\nB,1,6\n"))
    assert (data.sizes["wafer"], data.sizes.get("repeat", 1)) == (2, 1)
    assert any("each lot counts as one wafer" in note for note in data.attrs["problems"])
    data = read_measurements(write(tmp_path, "DIE_X,DIE_Y,SITE,R_OHM\n0,0,1,5e3\n0,0,2,6e3\n"))
    assert (data.sizes["die"], data.sizes["cell"]) == (1, 2)
    text = "DIE_X,DIE_Y,SITE,CELL,R_OHM\n0,0,1,1,5e3\n0,0,2,1,6e3\n"
    assert read_measurements(write(tmp_path, text))["cell"].values.tolist() == ["1/1", "2/1"]


def test_states_as_columns(tmp_path):
    data = read_measurements(
        write(
            tmp_path,
            "Cell,Cycle #,R_LRS (Ohm),R_HRS (Ohm)\n1,1,5e3,7e4\n1,10,5e3,OL\n2,1,6e3,8e4\n",
        )
    )
    assert set(data["state"].values) == {"LRS", "HRS"}
    one = data["conductance"].sel(cell=2, state="HRS", cycles=1)
    assert one.item() == pytest.approx(1 / 8e4)
    assert data["conductance_below"].sel(cell=1, state="HRS", cycles=10).item() == 0.0
    assert data.attrs["values_overrange"] == 1


def test_bakes_of_several_files_have_a_temperature_each(tmp_path):
    text = long_table("Cell,State,Time (h),R (Ohm)", "{cell},LRS,{h},{r}")
    path = write(tmp_path, text)
    parts = [read_measurements(path, constants={"temperature": t}) for t in ("125 degC", "423 K")]
    (data,) = join_bakes(parts)
    assert dict(data.sizes)["cell"] == 2 * CELLS
    assert data["temperature"].values.tolist() == [398.15, 423.0]
    assert int(data["conductance"].notnull().sum()) == 2 * CELLS * len(OVEN)
    assert join_bakes(parts[:1])[0] is parts[0]


def test_header_words():
    assert meaning_of("Prüfling", "") == ("cell", "")
    assert meaning_of("Bake", "degC") == ("temperature", "degC")
    assert meaning_of("Stress", "cycles") == ("cycles", "")
    assert meaning_of("Remark", "") == ("", "")


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    wide=st.booleans(),
    unit=st.sampled_from(["Ohm", "kOhm", "MOhm"]),
    clock=st.sampled_from([("h", 3600.0), ("min", 60.0), ("s", 1.0), ("d", 86400.0)]),
    separator=st.sampled_from([",", ";", "\t"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_what_a_spreadsheet_writes_comes_back(tmp_path, wide, unit, clock, separator, seed):
    generator = np.random.Generator(np.random.Philox(seed))
    times = np.sort(generator.choice(1000, 4, replace=False))
    values = np.round(generator.lognormal(9, 1, (5, 4)), 2)
    scale = {"Ohm": 1.0, "kOhm": 1e3, "MOhm": 1e6}[unit]
    word, seconds = clock
    if wide:
        lines = [["Device", *(f"R @ {t} {word} ({unit})" for t in times)]]
        lines += [[f"D{c}", *(repr(float(v / scale)) for v in values[c])] for c in range(5)]
    else:
        lines = [["Device", f"Time [{word}]", f"R ({unit})"]]
        lines += [[f"D{c}", str(t), repr(float(values[c, k] / scale))]
                  for c in range(5) for k, t in enumerate(times)]  # fmt: skip
    path = write(tmp_path, "\n".join(separator.join(line) for line in lines), f"{seed}.csv")
    data = read_measurements(path)
    np.testing.assert_allclose(data["time"].values, times * seconds, rtol=1e-12)
    got = 1 / data["conductance"].squeeze(drop=True).transpose("cell", "time").values
    np.testing.assert_allclose(got, values, rtol=1e-9)


@pytest.mark.parametrize(
    ("above", "temperature", "voltage", "lot"),
    [
        (["Lot: A12", "Temperature: 358 K", "Read voltage (V): 0.1"], 358.0, 0.1, "A12"),
        (["Lot,A12", "Temperature (C),125", "Vread [mV],200"], 398.15, 0.2, "A12"),
    ],
)
def test_conditions_in_two_columns_or_behind_their_unit(tmp_path, above, temperature, voltage, lot):
    rows = "\n".join(f"{cell},{time},{20 + cell}" for cell in range(4) for time in (0, 10))
    path = write(tmp_path, "\n".join([*above, "", "Cell,Time [h],I [uA]", rows, ""]))
    data = read_measurements(path)
    assert set(data["temperature"].values.ravel()) == {temperature}
    assert set(data["read_voltage"].values.ravel()) == {voltage}
    assert set(data["lot"].values.ravel()) == {lot}
    np.testing.assert_allclose(data["conductance"].values[0, 0, :, 0] * voltage * 1e6,
                               [20, 21, 22, 23])  # fmt: skip


def test_a_date_and_a_time_of_day_in_two_columns_are_one_clock(tmp_path) -> None:
    path = write(
        tmp_path,
        "Date,Time,Cell,R (kOhm)\n15.08.2024,23:30:00,1,5\n16.08.2024,01:00:00,1,6\n"
        "16.08.2024,01:30:00,1,7\n",
    )
    np.testing.assert_allclose(read_measurements(path)["time"], [0.0, 5400.0, 7200.0])


def test_the_time_of_a_readout_stands_in_brackets(tmp_path) -> None:
    path = write(tmp_path, "DUT;R(0 h) [kOhm];R(24 h) [kOhm]\n1;10;12,5\n2;10;20\n")
    data = read_measurements(path)
    np.testing.assert_allclose(data["time"], [0.0, 86400.0])
    np.testing.assert_allclose(data["conductance"].values.ravel(), [1e-4, 8e-5, 1e-4, 5e-5])


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("Cell,LRS [kOhm],HRS [kOhm]", "{c},{r},{h}"),
        ("Cell,LRS kOhm,HRS kOhm", "{c},{r},{h}"),
        ("Cell,LRS_kOhm,HRS_kOhm", "{c},{r},{h}"),
        ("Cell,Resistance LRS (kOhm),Resistance HRS (kOhm)", "{c},{r},{h}"),
        ("Cell,G_LRS (uS),G_HRS (uS)", "{c},{g},{f}"),
        ("Cell,LRS [uS],HRS [uS]", "{c},{g},{f}"),
        ("Cell,I_LRS@0.1V [uA],I_HRS@0.1V [nA]", "{c},{i},{j}"),
        ("Cell,Iread@0.1V LRS (uA),Iread@0.1V HRS (nA)", "{c},{i},{j}"),
        ("Cell,LRS I@100mV [uA],HRS I@100mV [nA]", "{c},{i},{j}"),
    ],
)
def test_columns_of_both_states_by_their_words_or_units(tmp_path: Path, header, row) -> None:
    """HRS is no abbreviation of hours beside LRS."""
    lines = [header]
    for c in range(4):
        r, h = 5.0 + c, 80.0 + c  # kohm
        lines.append(row.format(c=c, r=r, h=h, g=1e3 / r, f=1e3 / h, i=100 / r, j=1e5 / h))
    data = read_measurements(write(tmp_path, "\n".join(lines)))
    for state, first in (("LRS", 5.0), ("HRS", 80.0)):
        got = data["conductance"].sel(state=state).values.ravel()
        np.testing.assert_allclose(got, 1e-3 / (first + np.arange(4)), rtol=1e-12)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Cell,LRS,HRS\n1,5000,80000\n2,5100,81000\n", "'LRS' has no unit"),
        ("Cell,I@0.1V [uA],G_HRS@0.2V [uS]\n1,5,8\n2,6,9\n", "another column at 0.1 V"),
    ],
)
def test_states_without_a_unit_and_two_read_voltages_are_refused(tmp_path, text, says) -> None:
    with pytest.raises(InputError, match=says):
        read_measurements(write(tmp_path, text))


@pytest.mark.parametrize(
    ("separator", "numbers"),
    [
        (",", ['"1,000"', '"12,500.5"', '"1,200,000"']),
        (";", ["1.000", "12.500,5", "1.200.000"]),
        (";", ["1 000", "12 500,5", "1 200 000"]),
        ("\t", ["1'000", "12'500.5", "1'200'000"]),
        ("\t", ["1\u202f000", "12\u202f500.5", "1\u202f200\u202f000"]),
    ],
)
def test_digits_in_groups(tmp_path: Path, separator: str, numbers: list[str]) -> None:
    rows = [separator.join((str(c), value)) for c, value in enumerate(numbers)]
    path = write(tmp_path, "\n".join([separator.join(("Cell", "R [ohm]")), *rows]))
    data = read_measurements(path)
    want = [1 / 1000, 1 / 12500.5, 1 / 1.2e6]
    np.testing.assert_allclose(data["conductance"].values.ravel(), want, rtol=1e-12)
    assert any("groups of digits" in problem for problem in data.attrs["problems"])


def test_a_point_beside_decimal_commas_groups_digits_only_where_all_could(tmp_path: Path) -> None:
    """1.500 beside 0.25 in one column has a decimal point, whatever the other columns have."""
    text = "Zelle;Zyklen;R [kOhm];Vset [V]\n1;1.000;4,5;1.500\n2;10.000;4,6;0.25\n3;10;4,7;1.250\n"
    data = read_measurements(write(tmp_path, text))
    assert data["cycles"].values.tolist() == [10, 1000, 10000]
    vset = data["vset"].values
    assert sorted(vset[np.isfinite(vset)].tolist()) == [0.25, 1.25, 1.5]


def test_commas_in_texts_are_no_decimal_signs(tmp_path: Path) -> None:
    text = "Cell;R [kOhm];Operator\n1;4.125;Smith, A, B\n2;4.250;Smith, A, B\n"
    data = read_measurements(write(tmp_path, text))
    np.testing.assert_allclose(data["conductance"].values.ravel(), [1 / 4125, 1 / 4250])


@pytest.mark.parametrize(
    ("header", "unit"),
    [("Time(hr),Unit 1,Unit 2", 1.0), ("Hours,Cell_1 (kOhm),Cell_2 (kOhm)", 1e-3),
     ("Time h,DUT#1 [ohm],DUT#2 [ohm]", 1.0)],
)  # fmt: skip
def test_one_column_for_each_device(tmp_path: Path, header: str, unit: float) -> None:
    rows = [f"{time:g},{ohms(1, time) * unit:g},{ohms(2, time) * unit:g}" for time in OVEN]
    data = read_measurements(write(tmp_path, "\n".join([header, *rows])))
    assert data["cell"].values.tolist() == [1, 2]
    got = data["conductance"].squeeze(drop=True).transpose("cell", "time").values
    np.testing.assert_allclose(got, [[1 / ohms(c, t) for t in OVEN] for c in (1, 2)], rtol=1e-9)


@pytest.mark.parametrize(
    "headers",
    [
        "LRS_0h,LRS_24h,HRS_0h,HRS_24h",
        "LRS 0 hrs,LRS 24 hrs,HRS 0 hrs,HRS 24 hrs",
        "R @ 0 h (LRS),R @ 24 h (LRS),R @ 0 h (HRS),R @ 24 h (HRS)",
        "LRS,,HRS,\n,0 h,24 h,0 h,24 h",
        "LRS initial,LRS Day 1,HRS initial,HRS Day 1",
    ],
)
def test_both_states_at_each_readout(tmp_path, headers) -> None:
    rows = "D1,5000,5100,52000,53000\nD2,5300,5400,54000,55000\n"
    data = read_measurements(write(tmp_path, f"Device,{headers}\n{rows}"))
    got = 1 / data["conductance"].transpose("cell", "state", "time", ...).values.squeeze()
    wanted = [[[5000, 5100], [52000, 53000]], [[5300, 5400], [54000, 55000]]]
    np.testing.assert_allclose(got, wanted, rtol=1e-12)
    assert data["state"].values.tolist() == ["LRS", "HRS"]
    assert data["time"].values.tolist() == [0, 86400]


@pytest.mark.parametrize(
    ("headers", "axis", "levels"),
    [
        ("Initial,24h,168h", "time", [0, 86400, 604800]),
        ("R0,R 24 h,R 168 h", "time", [0, 86400, 604800]),
        ("Initial R,R 24 h,R 168 h", "time", [0, 86400, 604800]),
        ("Day 0,Day 1,Day 7", "time", [0, 86400, 604800]),
        ("Woche 1,Woche 2,Woche 4", "time", [604800, 1209600, 2419200]),
        ("1k cycles,10k cycles,1M cycles", "cycles", [1e3, 1e4, 1e6]),
    ],
)
def test_readouts_in_other_words(tmp_path, headers, axis, levels) -> None:
    text = f"Device,{headers}\nD1,5.1k,5.2k,open\nD2,5.3 kOhm,5.4k,0.1M\n"
    data = read_measurements(write(tmp_path, text))
    assert data[axis].values.tolist() == levels
    got = 1 / data["conductance"].transpose("cell", axis, ...).values.squeeze()
    np.testing.assert_allclose(got, [[5100, 5200, np.nan], [5300, 5400, 1e5]], rtol=1e-12)


def test_one_column_for_each_state_of_each_device(tmp_path) -> None:
    text = (
        "t (h),#1 LRS (kOhm),#1 HRS (kOhm),#2 LRS (kOhm),#2 HRS (kOhm)\n0,5,50,6,60\n24,7,70,8,80\n"
    )
    data = read_measurements(write(tmp_path, text))
    got = 1e-3 / data["conductance"].transpose("time", "cell", "state", ...).values.squeeze()
    np.testing.assert_allclose(got, [[[5, 50], [6, 60]], [[7, 70], [8, 80]]], rtol=1e-12)


@pytest.mark.parametrize("headers", ["1k,10k", "0.1V,0.2V", "2024-03-01,2024-03-02", "0h_1,0h_2"])
def test_readouts_that_are_not_understood_are_refused(tmp_path, headers) -> None:
    with pytest.raises(InputError, match="may be read-outs, but of what is not known"):
        read_measurements(write(tmp_path, f"Device,{headers}\nD1,5000,5100\nD2,5000,5100\n"))


def test_numbers_of_parts_are_no_decimal_numbers(tmp_path) -> None:
    data = read_measurements(write(tmp_path, "cell,R (kOhm)\n1.1,5\n1.10,6\n1.2,7\n"))
    assert data["cell"].values.tolist() == ["1.1", "1.10", "1.2"]


@pytest.mark.parametrize(
    ("header", "first", "hour"),
    [("Timestamp", 45352.5, 1 / 24), ("Timestamp", 1.70928e9, 3600), ("Time (s)", 1.70928e9, 3600),
     ("time", 1.70928e12, 3.6e6)],
)  # fmt: skip
def test_dates_written_as_numbers_count_from_the_first_read(tmp_path, header, first, hour) -> None:
    rows = "".join(f"{first + n * hour},{c},{5 + n}\n" for c in (1, 2) for n in (0, 6, 24))
    data = read_measurements(write(tmp_path, f"{header},cell,R (kOhm)\n{rows}"))
    np.testing.assert_allclose(data["time"].values, [0, 21600, 86400], atol=1e-3)
    assert any("taken as" in note for note in data.attrs["problems"])


def test_a_table_without_a_number_is_refused(tmp_path) -> None:
    text = "# Log\n\nWe measured a lot today.\n\n- cell 1: 5 kOhm\n"
    with pytest.raises(InputError, match="no number in the columns of measured values, we"):
        read_measurements(write(tmp_path, text, "log.md"))
