"""Tidy tables: mappings, units, bad rows located, wafer maps, and any order of rows and columns."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reliability.errors import InputError
from reliability.measurements import WaferMap, read_measurements


def write(folder: Path, text: str, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


LONG = """# prober export
Wafer,Die X,Die Y,Address,Temp (C),Time [h],R (kOhm),Operator
W1,0,0,7,85,0,20,ann
W1,0,0,7,85,24,25,ann
W1,0,0,8,85,0,10,bob
W1,1,0,7,85,0,40,bob
W2,0,0,7,125,24,50,ann
"""


def test_headers_with_units_are_understood(tmp_path: Path) -> None:
    data = read_measurements(write(tmp_path, LONG))
    assert dict(data.sizes) == {"wafer": 2, "die": 2, "cell": 2, "temperature": 2, "time": 2}
    assert data["wafer"].values.tolist() == ["W1", "W2"]
    assert data["cell"].values.tolist() == [7, 8]
    assert data["temperature"].values.tolist() == [358.15, 398.15]
    assert data["time"].values.tolist() == [0.0, 86400.0]
    got = data["conductance"].sel(wafer="W1", cell=7, temperature=358.15)
    np.testing.assert_allclose(got.values, [[1 / 20e3, 1 / 25e3], [1 / 40e3, np.nan]], rtol=1e-15)
    assert int(np.isfinite(data["conductance"].values).sum()) == 5
    assert data["conductance"].attrs["units"] == "S"
    assert "column 8 'Operator' was left out" in data.attrs["problems"]


@pytest.mark.parametrize("delimiter", [",", " ", "\t"])
def test_a_header_behind_a_comment_mark_names_the_columns(tmp_path: Path, delimiter: str) -> None:
    plain = "cell,state,conductance\n1,LRS,1e-4\n2,HRS,1e-6\n".replace(",", delimiter)
    data, same = (read_measurements(write(tmp_path, text)) for text in (plain, "# " + plain))
    assert same["conductance"].equals(data["conductance"])
    assert same.attrs["rows_read"] == data.attrs["rows_read"] == 2


@pytest.mark.parametrize("form", ["dict", "positions", "toml", "order", "text"])
def test_five_ways_to_name_columns(tmp_path: Path, form: str) -> None:
    path = write(tmp_path, "a;b;c;d\n1;0,5;25;100,5\n2;0,5;25;90,25\n")
    if form == "dict":
        columns = {"cell": "a", "time": {"column": "b", "unit": "min"}, "conductance": "d [uS]"}
    elif form == "positions":
        columns = {"cell": 1, "time": "2 [min]", "conductance": {"column": 4, "unit": "uS"}}
    elif form == "order":
        columns = ["cell", "time [min]", "-", "conductance [uS]"]
    elif form == "text":
        columns = "cell, time [min], -, conductance [uS]"
    else:
        columns = write(
            tmp_path,
            'layout = "tidy"\ndecimal = ","\n[columns]\ncell = "a"\ntime = "b [min]"\n'
            'conductance = {column = "d", unit = "uS"}\n[constants]\ntemperature = "25 degC"\n',
            "map.toml",
        )
    data = read_measurements(path, "tidy", columns=columns)
    assert data["conductance"].values.ravel().tolist() == pytest.approx([100.5e-6, 90.25e-6])
    assert float(data["time"]) == 30.0
    assert ("temperature" in data.coords) == (form == "toml")


def test_mistakes_in_a_mapping_name_the_nearest(tmp_path: Path) -> None:
    path = write(tmp_path, LONG)
    for columns, message in (
        ({"conductance": "Rs"}, "unknown column for conductance 'Rs'; did you mean 'R'"),
        ({"resistance": "R [kOm]"}, "resistance: 'kOm' is not a unit of ohm"),
        ({"resistance": "R [K]"}, "resistance: 'K' is not a unit of ohm"),
        ({"resistance": 12}, "column 12, but there are 8"),
        ({"resistance": {"colum": "R"}}, "did you mean 'column'"),
        ({"cell": "Address"}, "no measured value"),
        (["cell", "time"], "names 2 columns, the file has 8"),
        ({"resistance": True}, "expected a header or a position"),
    ):
        with pytest.raises(InputError, match=message):
            read_measurements(path, "tidy", columns=columns)
    with pytest.raises(InputError, match="did you mean 'tidy'"):
        read_measurements(path, "tidi")
    with pytest.raises(InputError, match="option of layout tidy 'delimeter'; did you mean"):
        read_measurements(path, "tidy", delimeter=";")
    with pytest.raises(InputError, match=r"map.toml: not a TOML file.*line 2"):
        read_measurements(path, columns=write(tmp_path, "a = 1\nb = \n", "map.toml"))


def test_bad_rows_are_counted_and_located(tmp_path: Path) -> None:
    rows = [f"{cell},0,1e-5" for cell in range(30)]
    rows[3] = "3,0,abc"
    rows[4] = "4,0"
    rows[5] = "5,0,1e-5,9,9"
    rows[6] = ""
    rows[7] = "# a comment"
    rows[8] = ",0,1e-5"
    rows[9] = "9,-5,1e-5"
    rows[10] = "10,0,9.91e37"
    rows[11] = "11,0,"
    data = read_measurements(write(tmp_path, "cell,time,conductance\n" + "\n".join(rows)))
    attrs = data.attrs
    assert (attrs["rows_read"], attrs["rows_bad"], attrs["rows_blank"]) == (28, 5, 2)
    assert attrs["bad_lines"] == "5-7, 10-11"
    assert attrs["values_overrange"] == 1
    told = "; ".join(attrs["problems"])
    assert "line 5: conductance: 'abc' is not a number" in told
    assert "line 6: 2 fields instead of 3" in told
    assert "line 10: cell is missing" in told
    assert "line 11: time: '-5' is not possible" in told
    assert data.sizes["cell"] == 23  # rows 10 and 11 are good rows with a missing value
    assert int(data["conductance"].isnull().sum()) == 2


def test_mostly_bad_rows_mean_a_wrong_layout(tmp_path: Path) -> None:
    path = write(tmp_path, "cell,conductance\n" + "1,1e-6\n2,x y\n3,z\n4,w\n")
    with pytest.raises(InputError, match=r"table.csv: 3 of 4 rows cannot be read.*line 3"):
        read_measurements(path, columns={"cell": 1, "conductance": {"column": 2, "text": False}})


def test_quotes_preamble_unit_row_and_white_space(tmp_path: Path) -> None:
    text = 'Tool: prober\nRun: 4\n"cell","wafer","G"\n"","","(uS)"\n1,"W, 1",5\n2,"W, 1",6\n'
    data = read_measurements(write(tmp_path, text))
    assert data["wafer"].values.tolist() == ["W, 1"]
    np.testing.assert_allclose(data["conductance"].values.ravel(), [5e-6, 6e-6])
    spaced = write(tmp_path, "cell   G\n  1   1e-6\n 2 2e-6\n3 x\n", "spaced.txt")
    data = read_measurements(spaced)
    np.testing.assert_allclose(data["conductance"].values.ravel(), [1e-6, 2e-6])
    assert data.attrs["bad_lines"] == "4"


def test_repeats_keep_their_order_and_extra_axes_are_axes(tmp_path: Path) -> None:
    text = "cell,humidity [percent],conductance\n"
    text += "".join(f"{c},{h},{n}e-6\n" for n in (1, 2, 3) for c in (0, 1) for h in (40, 85))
    data = read_measurements(write(tmp_path, text), axes=["humidity"])
    assert data["conductance"].dims == ("wafer", "die", "cell", "humidity", "repeat")
    np.testing.assert_allclose(
        data["conductance"].values[0, 0], np.broadcast_to([1e-6, 2e-6, 3e-6], (2, 2, 3))
    )
    np.testing.assert_allclose(data["humidity"].values, [0.4, 0.85])


def test_state_is_a_property_of_a_cell_or_an_axis(tmp_path: Path) -> None:
    text = "wafer,cell,state,G\n" + "".join(
        f"{w},{c},{'LH'[c % 2]},{w + c}e-6\n" for w in (1, 2) for c in (0, 1)
    )
    data = read_measurements(write(tmp_path, text))
    assert data["conductance"].dims == ("wafer", "die", "cell")
    assert data["state"].values[0, 0].tolist() == ["L", "H"]
    text += "1,0,H,7e-6\n"  # now one cell has both states
    data = read_measurements(write(tmp_path, text))
    assert data["conductance"].dims == ("wafer", "die", "cell", "state")
    assert float(data["conductance"].sel(wafer=1, cell=0, state="H").squeeze()) == 7e-6
    assert int(data["conductance"].notnull().sum()) == 5


def test_a_property_that_changes_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, "wafer,die,die_x,cell,G\n1,7,0,1,1e-6\n1,7,0,2,1e-6\n1,7,5,3,1e-6\n")
    data = read_measurements(path)
    assert data["die_x"].values.tolist() == [0]
    assert "die_x: 1 rows contradict an earlier row of their die" in data.attrs["problems"]


def test_scattered_rows_are_refused_before_the_grid_is_made(tmp_path: Path) -> None:
    text = "cell,pulse width [ns],read voltage [V],conductance\n"
    text += "".join(f"{i},{i + 1},{i / 7},1e-6\n" for i in range(300))
    with pytest.raises(InputError, match="do not fill a grid of 27000000"):
        read_measurements(write(tmp_path, text))


def test_jittered_times_become_time_points(tmp_path: Path) -> None:
    generator = np.random.Generator(np.random.Philox(3))
    cells, nominal = 200, np.array([0.0, 1.0, 1e3, 1e5])
    jitter = nominal * generator.uniform(0.9, 1.1, (cells, 4))
    frame = pd.DataFrame(
        {
            "cell": np.repeat(np.arange(cells), 4),
            "time": jitter.ravel(),
            "conductance": np.tile(nominal + 1, cells) * 1e-9,
        }
    )
    path = tmp_path / "jitter.csv"
    frame.sample(frac=1, random_state=1).to_csv(path, index=False)
    data = read_measurements(path)
    assert data.sizes["time"] == 4
    np.testing.assert_array_equal(data["elapsed"].values[0, 0], jitter)
    np.testing.assert_allclose(data["time"].values, nominal, rtol=0.02)
    data = read_measurements(path, time_points=["0 s", "1 s", "1000 s", "100000 s"])
    np.testing.assert_array_equal(data["time"].values, nominal)
    np.testing.assert_allclose(
        data["conductance"].values[0, 0], np.tile((nominal + 1) * 1e-9, (200, 1))
    )


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    order=st.permutations(["wafer", "die_x", "die_y", "cell", "cycles", "conductance"]),
    seed=st.integers(0, 2**32 - 1),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    gone=st.integers(0, 20),
)
def test_any_order_of_rows_and_columns_gives_the_same(
    tmp_path: Path, order: list[str], seed: int, delimiter: str, gone: int
) -> None:
    generator = np.random.Generator(np.random.Philox(seed))
    index = pd.MultiIndex.from_product(
        [["A", "B"], [-1, 0, 2], [3, 4], [10, 11, 12], [1, 100]],
        names=["wafer", "die_x", "die_y", "cell", "cycles"],
    )
    frame = pd.DataFrame({"conductance": generator.lognormal(-10, 1, len(index))}, index=index)
    frame = frame.iloc[generator.permutation(len(frame))[gone:]].reset_index()
    path = tmp_path / f"{seed}.csv"
    frame[order].to_csv(path, index=False, sep=delimiter)
    data = read_measurements(path)
    assert int(data["conductance"].notnull().sum()) == len(frame)
    got = data["conductance"]
    for row in frame.head(20).itertuples():
        die = int(np.flatnonzero((data["die_x"] == row.die_x) & (data["die_y"] == row.die_y))[0])
        place = got.sel(wafer=row.wafer, cell=row.cell, cycles=row.cycles).isel(die=die)
        assert float(place) == row.conductance  # bit for bit


def test_parquet_and_excel_read_as_text_does(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    pytest.importorskip("openpyxl")
    frame = pd.DataFrame(
        {"wafer": ["a", "b"] * 3, "cell": [1, 1, 2, 2, 3, 3], "G [uS]": [5.0, 6, 7, 8, 9, None]}
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_excel(tmp_path / "t.xlsx", index=False, sheet_name="reads")
    want = read_measurements(tmp_path / "t.csv")
    for name in ("t.parquet", "t.xlsx"):
        got = read_measurements(tmp_path / name)
        assert got["conductance"].equals(want["conductance"])
        assert got.attrs["rows_read"] == 6
    with pytest.raises(InputError, match="did you mean 'reads'"):
        read_measurements(tmp_path / "t.xlsx", "tidy", sheet="read")
    frame = frame.astype({"G [uS]": object})
    frame.loc[2, "G [uS]"] = "oops"
    frame.to_excel(tmp_path / "bad.xlsx", index=False)
    got = read_measurements(tmp_path / "bad.xlsx")
    assert got.attrs["bad_lines"] == "4"


def test_current_and_read_voltage_give_conductance(tmp_path: Path) -> None:
    path = write(tmp_path, "cell,current [uA]\n1,10\n2,20\n")
    data = read_measurements(path, constants={"read_voltage": "200 mV", "wafer": "W9", "lot": "L"})
    np.testing.assert_allclose(data["conductance"].values.ravel(), [50e-6, 100e-6])
    assert data["conductance"].attrs["units"] == "S"
    assert data["wafer"].values.tolist() == ["W9"]
    assert data["lot"].values.tolist() == ["L"]
    with pytest.raises(InputError, match="unknown constant 'temprature'; did you mean"):
        read_measurements(path, constants={"temprature": "85 degC"})
    with pytest.raises(InputError, match=r"constants.temperature: got '5 kg'"):
        read_measurements(path, constants={"temperature": "5 kg"})
    with pytest.raises(InputError, match=r"constants.cell: the file gives this itself"):
        read_measurements(path, constants={"cell": 4})


def test_resistance_that_contradicts_conductance_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, "cell,R,G\n1,1e4,1e-4\n2,1e4,2e-4\n3,1e5,\n")
    data = read_measurements(path)
    np.testing.assert_allclose(data["conductance"].values.ravel(), [1e-4, 2e-4, 1e-5])
    assert any(
        "line 3: resistance is not 1 / conductance" in note for note in data.attrs["problems"]
    )


@pytest.mark.parametrize("notch", ["down", "left", "up", "right"])
@pytest.mark.parametrize("x_direction", ["right", "left"])
@pytest.mark.parametrize("y_direction", ["up", "down"])
def test_wafer_maps_agree_whatever_way_the_prober_counts(
    notch: str, x_direction: str, y_direction: str
) -> None:
    """Turn a wafer by hand, count as the prober would, and get the true positions back."""
    true = np.array([[30.0, 8.0], [-20.0, 40.0], [0.0, -16.0]])  # notch down, mm
    # where the prober sees the points when the notch points elsewhere: rotate by the angle
    # from "down" to the notch direction
    angle = {"down": 0, "right": 90, "up": 180, "left": 270}[notch] * np.pi / 180
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    seen = true @ turn.T
    signs = np.array([1 if x_direction == "right" else -1, 1 if y_direction == "up" else -1])
    index = np.round(seen * signs / 2.0) + np.array([5, -3])
    prober = WaferMap(2.0, 2.0, 5, -3, notch, x_direction, y_direction)
    x, y, radius = prober.positions(index[:, 0], index[:, 1])
    np.testing.assert_allclose(np.stack([x, y], axis=1), true, atol=1e-12)
    np.testing.assert_allclose(radius, np.hypot(*true.T))


def test_wafer_map_on_a_file(tmp_path: Path) -> None:
    path = write(tmp_path, "die_x,die_y,cell,G\n0,0,1,1e-6\n2,1,1,2e-6\n")
    table = {"pitch_x": "12 mm", "pitch_y": "9 mm", "centre_x": 1}
    data = read_measurements(path, wafer_map=table)
    assert data["x"].values.tolist() == [-12.0, 12.0]
    assert data["y"].values.tolist() == [0.0, 9.0]
    assert data["radius"].values.tolist() == [12.0, 15.0]
    for wrong, message in (
        ({"pitch_x": 1}, r"wafer_map.pitch_y: missing"),
        ({**table, "notch": "south"}, r"unknown wafer_map.notch 'south'"),
        ({**table, "flat": "up"}, "unknown key of wafer_map 'flat'"),
        ({**table, "pitch_x": "-1 mm"}, "allowed > 0 mm"),
    ):
        with pytest.raises(InputError, match=message):
            read_measurements(path, wafer_map=wrong)
    bare = write(tmp_path, "cell,G\n1,1e-6\n2,2e-6\n", "bare.csv")
    with pytest.raises(InputError, match="no die_x and die_y"):
        read_measurements(bare, wafer_map=table)


def test_provenance_is_complete_and_follows_the_recipe(tmp_path: Path) -> None:
    path = write(tmp_path, "cell,G\n1,1e-6\n2,2e-6\n")
    first, second = read_measurements(path), read_measurements(path, "tidy")
    third = read_measurements(path, constants={"temperature": "85 degC"})
    for name in ("seed", "technology", "spec_hash", "reliability_version", "source_sha256"):
        assert first.attrs[name]
    assert first.attrs["spec_hash"] == second.attrs["spec_hash"] != third.attrs["spec_hash"]
    first.to_zarr(
        tmp_path / "store.zarr", consolidated=False
    )  # attributes and labels can be stored


def test_labels_of_two_numbers_are_labels(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("die,cell,G [uS]\n3_4,0_1,50\n3_4,0_12,51\n3_5,0_1,52\n")
    data = read_measurements(path)
    assert data["die"].values.tolist() == ["3_4", "3_5"]
    assert data["cell"].values.tolist() == ["0_1", "0_12"]
    assert data.attrs["rows_bad"] == 0


@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_the_first_line_that_tells_excel_the_separator(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "excel.csv"
    rows = [f"sep={separator}", "cell;G [uS];", "1;50;", "2;bad;", "3;51;"]
    path.write_text("\n".join(row.replace(";", separator) for row in rows) + "\n")
    data = read_measurements(path)
    assert data["conductance"].values.ravel().tolist() == pytest.approx([5e-5, 5.1e-5])
    assert set(data.data_vars) == {"conductance"}  # nothing stands behind the last separator
    assert data.attrs["bad_lines"] == "4"


def test_a_constant_does_not_overrule_the_file(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_text("wafer,cell,G [uS]\nW03,1,50\nW03,2,51\n")
    with pytest.raises(InputError, match=r"constants\.wafer: the file gives this itself"):
        read_measurements(path, constants={"wafer": "W07"})
    assert read_measurements(path, constants={"die": 4})["die"].values.tolist() == [4]


def test_a_grid_too_large_for_an_integer_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "scattered.csv"
    rng = np.random.default_rng(1)
    names = ["cell", "time [s]", "temp [K]", "pw [s]", "vwl [V]", "vbl [V]", "vsl [V]", "vread [V]"]
    rows = np.column_stack([np.arange(1000), rng.uniform(1, 2, (1000, len(names) - 1))])
    frame = pd.DataFrame(rows, columns=names).assign(**{"G [uS]": 50.0})
    frame.to_csv(path, index=False)
    with pytest.raises(InputError, match=r"do not fill a grid of \d{22}"):
        read_measurements(path)
