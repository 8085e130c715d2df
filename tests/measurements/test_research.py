"""The research layouts: real files, and other files of the same kinds made from known numbers."""

import gzip
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reliability.errors import InputError
from reliability.measurements import read_measurements


def tsv(path: Path, table: pd.DataFrame, **options) -> Path:
    table.to_csv(path, sep="\t", header=False, index=False, **options)
    return path


def raw(path: Path) -> pd.DataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas 3.1 converts so without being asked
        return pd.read_csv(path, sep="\t", header=None, float_precision="round_trip")


# ---- real files ------------------------------------------------------------------------------


def test_real_relaxation(shared: Path) -> None:
    path = shared / "measured" / "techB_relaxation.tsv.gz"
    data, table = read_measurements(path), raw(path)
    assert data.attrs["layout"] == "relaxation"
    assert data.attrs["rows_read"] == 103_705
    assert data.attrs["rows_bad"] == 0
    assert data["time"].values.tolist() == [0, 0.01, 0.1, 1, 100, 1000, 10_000]
    assert data.sizes["cell"] == 15_961
    counts = data["conductance"].notnull().sum(("wafer", "die", "cell")).values
    assert counts.tolist() == [15_961, 15_941, 15_961, 15_961, 9_550, 15_801, 14_530]
    wide = table.pivot(index=0, columns=6, values=3)
    np.testing.assert_array_equal(data["conductance"].values[0, 0], wide.values)
    np.testing.assert_array_equal(
        data["elapsed"].values[0, 0], table.pivot(index=0, columns=6, values=1).values
    )
    np.testing.assert_array_equal(data["state"].values, table.groupby(0)[5].first().values)
    np.testing.assert_array_equal(
        data["initial_conductance"].values, table.groupby(0)[4].first().values
    )


def test_real_bake(shared: Path) -> None:
    path = shared / "measured" / "techB_bake.tsv.gz"
    data, table = read_measurements(path), raw(path)
    assert data.attrs["layout"] == "bake"
    np.testing.assert_allclose(data["temperature"].values, [373.15, 413.15, 453.15, 493.15, 533.15])
    assert data["conductance"].dims == ("wafer", "die", "cell", "temperature", "time")
    assert data["conductance"].shape == (1, 1, 16_384, 5, 2)
    assert not data["conductance"].isnull().any()
    for index, celsius in enumerate((100, 140, 180, 220, 260)):
        rows = table[(table[4] == celsius) & (table[1] > 0)].sort_values(0)
        np.testing.assert_array_equal(data["conductance"].values[0, 0, :, index, 1], rows[3].values)
        np.testing.assert_array_equal(data["elapsed"].values[0, 0, :, index, 1], rows[1].values)


def test_real_cycling(shared: Path) -> None:
    path = shared / "measured" / "radar_cycling.tsv.gz"
    data, table = read_measurements(path), raw(path)
    assert data.attrs["layout"] == "cycling"
    assert data["conductance"].dims == ("wafer", "die", "cell", "state", "cycles")
    lrs = data["conductance"].sel(state="LRS").values[0, 0]
    hrs = data["conductance"].sel(state="HRS").values[0, 0]
    np.testing.assert_array_equal(hrs, 1 / table.iloc[:, 1::2].values)
    np.testing.assert_array_equal(lrs, 1 / table.iloc[:, 2::2].values)
    assert data["cycles"].values.tolist() == list(range(1, 301))


@pytest.mark.parametrize("operation", ["set", "reset"])
def test_real_sweeps(shared: Path, operation: str) -> None:
    path = shared / "measured" / f"radar_{operation}_sweep_wl.tsv.gz"
    data, table = read_measurements(path), raw(path)
    assert data.attrs["layout"] == "sweep"
    assert data.attrs["operation"] == operation
    line = "bit_line" if operation == "set" else "source_line"
    assert float(data[f"{line}_voltage"]) == (2.0 if operation == "set" else 2.8)
    assert float(data["pulse_width"]) == 200e-9
    assert int(data["conductance_after"].notnull().sum()) == len(table)
    for (cell, voltage), rows in list(table.groupby([0, 3]))[::200]:
        got = data["conductance_after"].sel(cell=cell, word_line_voltage=voltage).values[0, 0]
        np.testing.assert_array_equal(got[~np.isnan(got)], 1 / rows[5].values)


def test_real_endurance(shared: Path) -> None:
    path = shared / "measured" / "ni_endurance_1us.tsv.gz"
    data, table = read_measurements(path), raw(path)
    assert data.attrs["layout"] == "endurance"
    np.testing.assert_array_equal(data["cycles"].values, table[3].values)
    got = data["conductance"].isel(wafer=0, die=0, cell=0)
    np.testing.assert_array_equal(got.sel(state="LRS").values, 1 / table[1].values)
    np.testing.assert_array_equal(got.sel(state="HRS").values, 1 / table[2].values)


@pytest.mark.slow
def test_real_noise(shared: Path) -> None:
    path = shared / "measured" / "techA_read_noise.tsv.gz"
    data = read_measurements(path, sample_rate="400 Hz")
    assert data.attrs["layout"] == "noise"
    assert data["conductance"].shape == (1, 1, 5, 100_000)
    assert data["state"].values.tolist() == [0, 8, 16, 24, 31]
    assert float(data["time"][-1]) == 99_999 / 400
    with gzip.open(path, "rt") as stream:
        first = np.array(stream.readline().split("\t")[2:], dtype=float)
    np.testing.assert_array_equal(data["conductance"].values[0, 0, 0], first)
    assert "reads" in read_measurements(path).dims


def test_excerpts_that_ship_with_the_tests() -> None:
    folder = Path(__file__).parent / "data"
    data = read_measurements(folder / "techB_relaxation_excerpt.tsv")
    table = raw(folder / "techB_relaxation_excerpt.tsv")
    assert data.attrs["layout"] == "relaxation"
    assert data.attrs["rows_read"] == len(table)
    got = data["conductance"].values[0, 0]
    np.testing.assert_array_equal(got, table.pivot(index=0, columns=6, values=3).values)
    data = read_measurements(folder / "techB_bake_excerpt.tsv")
    assert data.attrs["layout"] == "bake"
    assert data["conductance"].shape == (1, 1, 10, 5, 2)
    assert not data["conductance"].isnull().any()


# ---- other files of the same kinds -----------------------------------------------------------


def relaxation(cells: int) -> pd.DataFrame:
    generator = np.random.Generator(np.random.Philox(5))
    times = np.array([0.0, 0.5, 20.0])
    table = pd.DataFrame(
        {"cell": np.repeat(np.arange(cells) * 3, 3), "nominal": np.tile(times, cells)}
    )
    table["time"] = table["nominal"] * generator.uniform(0.95, 1.05, len(table))
    table["g"] = generator.uniform(1e-5, 1e-4, len(table))
    table["r"] = 1 / table["g"]
    table["g0"] = np.repeat(table["g"].values[::3], 3)
    table["level"] = np.repeat(np.arange(cells) % 4, 3)
    return table


ORDER = ["cell", "time", "r", "g", "g0", "level", "nominal"]


def test_relaxation_in_other_orders_sizes_and_with_a_header(tmp_path: Path) -> None:
    table = relaxation(40)
    want = read_measurements(tsv(tmp_path / "a.tsv", table[ORDER]))
    assert want.attrs["layout"] == "relaxation"
    assert want["conductance"].shape == (1, 1, 40, 3)
    shuffled = table.sample(frac=1, random_state=0)
    order = ["level", "g", "nominal", "cell", "time"]
    names = ["state", "conductance", "nominal_time", "cell", "time"]
    got = read_measurements(tsv(tmp_path / "b.tsv", shuffled[order]), "relaxation", columns=names)
    assert got["conductance"].equals(want["conductance"])
    assert got["elapsed"].equals(want["elapsed"])
    header = tmp_path / "c.csv"
    shuffled[order].to_csv(header, index=False, header=["Level", "G [S]", "t nominal", "addr", "t"])
    got = read_measurements(header, "relaxation")
    assert got["conductance"].equals(want["conductance"])
    with pytest.raises(InputError, match=r"b.tsv: has 5 columns, this layout has 7: cell, time"):
        read_measurements(tmp_path / "b.tsv", "relaxation")


def test_several_wafers_and_dies_in_a_research_layout(tmp_path: Path) -> None:
    table = relaxation(6)
    parts = [
        table.assign(wafer=w, x=x, y=0, g=table["g"] * (w + x + 1)) for w in (1, 2) for x in (0, 1)
    ]
    path = tsv(
        tmp_path / "wafers.tsv", pd.concat(parts)[["wafer", "x", "y", "cell", "g", "nominal"]]
    )
    columns = ["wafer", "die_x", "die_y", "cell", "conductance", "nominal_time"]
    data = read_measurements(path, "relaxation", columns=columns)
    assert data["conductance"].shape == (2, 2, 6, 3)
    ratio = data["conductance"].values / data["conductance"].values[:1, :1]
    np.testing.assert_allclose(ratio[1, 1], 4 / 2)


def test_a_truncated_last_line_is_located(tmp_path: Path) -> None:
    path = tsv(tmp_path / "cut.tsv", relaxation(30)[ORDER])
    text = path.read_text()
    path.write_text(text[: text.rstrip("\n").rindex("\t") - 3])
    data = read_measurements(path)
    assert data.attrs["rows_bad"] == 1
    assert data.attrs["bad_lines"] == "90"


def test_bake_with_one_temperature_and_two_bakes(tmp_path: Path) -> None:
    cells = np.arange(50)
    rows = []
    for time in (0.0, 3600.0, 36_000.0):
        g = 1e-4 - 1e-6 * cells - time * 1e-10
        jitter = time * (1 + cells * 1e-4)
        rows.append(np.stack([cells, jitter, 1 / g, g, np.full(50, 125.0)], axis=1))
    path = tsv(tmp_path / "bake.tsv", pd.DataFrame(np.concatenate(rows)))
    data = read_measurements(path)
    assert data.attrs["layout"] == "bake"
    assert data["conductance"].dims == ("wafer", "die", "cell", "time")
    assert float(data["temperature"]) == 398.15
    np.testing.assert_allclose(data["time"].values, [0, 3600, 36_000], rtol=5e-3)


def test_cycling_with_lines_of_different_length_and_bad_fields(tmp_path: Path) -> None:
    path = tmp_path / "cycling.csv"
    lines = ["A1", *map(str, 1000.0 + np.arange(60))], ["A2", *map(str, 2000.0 + np.arange(59))]
    lines[0][11] = "ERR"
    path.write_text("\n".join([",".join(line) for line in lines] + ["A3,ERR,ERR,ERR", "A4"]))
    data = read_measurements(path, "cycling", states=["LRS", "HRS"])
    assert data.attrs["rows_bad"] == 2
    assert data.attrs["bad_lines"] == "3-4"
    assert data["cell"].values.tolist() == ["A1", "A2"]
    assert data.sizes["cycles"] == 30
    got = data["conductance"].isel(wafer=0, die=0)
    assert np.isnan(float(got.sel(cell="A1", state="LRS", cycles=6)))
    assert np.isnan(float(got.sel(cell="A2", state="HRS", cycles=30)))
    assert float(got.sel(cell="A2", state="HRS", cycles=1)) == 1 / 2001
    assert any("line 1, field 12: 'ERR'" in note for note in data.attrs["problems"])


def test_noise_of_other_devices(tmp_path: Path) -> None:
    generator = np.random.Generator(np.random.Philox(9))
    trace = generator.normal(20.0, 1.0, (3, 500))
    path = tmp_path / "noise.csv"
    path.write_text(
        "".join(f"W1,{i},{','.join(map(repr, row.tolist()))}\n" for i, row in enumerate(trace))
    )
    data = read_measurements(
        path,
        "noise",
        columns=["wafer", "cell"],
        value="current [nA]",
        sample_rate=1e4,
        constants={"read_voltage": "0.1 V", "temperature": "25 degC"},
    )
    assert data["wafer"].values.tolist() == ["W1"]
    np.testing.assert_array_equal(data["current"].values[0, 0], trace / 1e9)
    np.testing.assert_allclose(data["conductance"].values[0, 0], trace * 1e-8)
    assert data["time"].attrs["units"] == "s"


def test_endurance_of_several_cells_with_a_missing_read(tmp_path: Path) -> None:
    rows = [[c, 1e4 + c, 1e6 + n, n] for c in (1, 2) for n in (1, 10, 100)]
    rows[4][2] = ""
    path = tsv(tmp_path / "e.tsv", pd.DataFrame(rows))
    data = read_measurements(path, "endurance")
    got = data["conductance"].isel(wafer=0, die=0)
    assert np.isnan(float(got.sel(cell=2, cycles=10, state="HRS")))
    assert float(got.sel(cell=2, cycles=10, state="LRS")) == 1 / 10_002


def test_a_sweep_must_say_before_and_after(tmp_path: Path) -> None:
    path = tsv(tmp_path / "s.tsv", pd.DataFrame([[1, 100, 2.0, 0.5, 1e4], [1, 100, 2.0, 1.0, 1e4]]))
    names = [
        "cell",
        "pulse_width [ns]",
        "bit_line_voltage",
        "word_line_voltage",
        "resistance_before",
    ]
    with pytest.raises(InputError, match="needs resistance_before and resistance_after"):
        read_measurements(path, "sweep", columns=names)
    with pytest.raises(InputError, match="operation: got 'erase'"):
        read_measurements(path, "sweep", operation="erase")


def test_numbers_without_a_header_that_fit_nothing(tmp_path: Path) -> None:
    path = tsv(tmp_path / "n.tsv", pd.DataFrame(np.ones((5, 3))))
    with pytest.raises(InputError, match="3 columns without a header fit no layout; name them"):
        read_measurements(path)


# ---- what is written comes back ----------------------------------------------------------------

ANY = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
SEED, CELLS, STEPS = st.integers(0, 2**32 - 1), st.integers(2, 12), st.integers(2, 9)
DELIMITER = st.sampled_from([",", "\t", ";"])


def draw(seed: int, *shape: int) -> np.ndarray:
    return np.random.Generator(np.random.Philox(seed)).lognormal(-10, 1, shape)


def shuffled(path: Path, rows: list[tuple[float, ...]], seed: int, delimiter: str) -> Path:
    order = np.random.Generator(np.random.Philox(seed)).permutation(len(rows))
    path.write_text("\n".join(delimiter.join(map(repr, rows[i])) for i in order) + "\n")
    return path


@ANY
@given(seed=SEED, cells=CELLS, steps=STEPS, delimiter=DELIMITER)
def test_relaxation_and_bake_come_back(
    tmp_path: Path, seed: int, cells: int, steps: int, delimiter: str
) -> None:
    g = draw(seed, cells, steps)
    rows = [
        (c, 2.0 * n, float(1 / g[c, n]), float(g[c, n]), float(g[c, 0]), c % 3, 2.0 * n)
        for c in range(cells)
        for n in range(steps)
    ]
    data = read_measurements(shuffled(tmp_path / "r.txt", rows, seed, delimiter))
    assert data.attrs["layout"] == "relaxation"
    np.testing.assert_array_equal(data["conductance"].values[0, 0], g)
    np.testing.assert_array_equal(data["state"].values, np.arange(cells) % 3)
    rows = [
        (c, 100.0 * n, float(1 / g[c, n]), float(g[c, n]), 85.0)
        for c in range(cells)
        for n in range(steps)
    ]
    data = read_measurements(shuffled(tmp_path / "b.txt", rows, seed, delimiter))
    assert data.attrs["layout"] == "bake"
    np.testing.assert_array_equal(data["conductance"].values[0, 0], g)
    assert float(data["temperature"]) == 358.15


@ANY
@given(seed=SEED, cells=CELLS, steps=STEPS, delimiter=DELIMITER)
def test_endurance_and_sweeps_come_back(
    tmp_path: Path, seed: int, cells: int, steps: int, delimiter: str
) -> None:
    r = 1.0 / draw(seed, cells, steps, 2)
    rows = [
        (c, float(r[c, n, 0]), float(r[c, n, 1]), 10**n) for c in range(cells) for n in range(steps)
    ]
    path = shuffled(tmp_path / "e.txt", rows, seed, delimiter)
    data = read_measurements(path, "endurance")["conductance"].isel(wafer=0, die=0)
    np.testing.assert_array_equal(data.sel(state="LRS").values, 1 / r[..., 0])
    np.testing.assert_array_equal(data.sel(state="HRS").values, 1 / r[..., 1])
    rows = [
        (c, 100, 2.0, 0.25 * n, float(r[c, n, 0]), float(r[c, n, 1]))
        for c in range(cells)
        for n in range(steps)
    ]
    path = shuffled(tmp_path / "s.txt", rows, seed, delimiter)
    data = read_measurements(path, "sweep").isel(wafer=0, die=0)
    np.testing.assert_array_equal(data["conductance_before"].values, 1 / r[..., 0])
    np.testing.assert_array_equal(data["conductance_after"].values, 1 / r[..., 1])
    np.testing.assert_array_equal(data["word_line_voltage"].values, 0.25 * np.arange(steps))


@ANY
@given(seed=SEED, cells=CELLS, steps=STEPS, delimiter=DELIMITER)
def test_cycling_and_noise_come_back(
    tmp_path: Path, seed: int, cells: int, steps: int, delimiter: str
) -> None:
    r = 1.0 / draw(seed, cells, steps, 2)
    rows = [(c, *map(float, r[c].ravel())) for c in range(cells)]
    path = shuffled(tmp_path / "c.txt", rows, seed, delimiter)
    data = read_measurements(path, "cycling", states=["LRS", "HRS"])["conductance"]
    np.testing.assert_array_equal(data.sel(state="LRS").values[0, 0], 1 / r[..., 0])
    np.testing.assert_array_equal(data.sel(state="HRS").values[0, 0], 1 / r[..., 1])
    path = shuffled(tmp_path / "n.txt", rows, seed, delimiter)
    data = read_measurements(
        path, "noise", columns=["cell"], value="current [nA]", sample_rate=10.0
    )
    np.testing.assert_allclose(
        data["current"].values[0, 0], r.reshape(cells, -1) * 1e-9, rtol=1e-15
    )
    np.testing.assert_array_equal(data["time"].values, np.arange(2 * steps) / 10.0)
