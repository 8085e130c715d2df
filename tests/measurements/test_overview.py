"""`inspect` says what is in a Dataset, against NumPy on the same numbers."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from reliability.measurements import inspect, overview, read_measurements
from reliability.measurements.overview import engineering


def test_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "reads.csv"
    rows = [f"{cell},{10.0 ** (cell % 5 - 8)}" for cell in range(100)]
    rows[50] = "50,?"
    rows[60] = "60,-1e-9"
    path.write_text("cell,G\n" + "\n".join(rows))
    seen = inspect(read_measurements(path, constants={"temperature": "85 degC"}))
    assert (seen.source, seen.layout, seen.rows, seen.bad) == ("reads.csv", "tidy", 100, 1)
    assert seen.bad_lines == "52"
    assert seen.sizes == {"wafer": 1, "die": 1, "cell": 99}
    values = seen.quantities[0]
    assert (values.name, values.units, values.count, values.missing) == ("conductance", "S", 99, 0)
    assert (values.not_positive, values.low, values.high) == (1, -1e-9, 1e-4)
    assert values.scale == "linear"
    axes = {axis.name: axis for axis in seen.axes}
    assert (axes["cell"].count, axes["cell"].low, axes["cell"].high) == (99, 0, 99)
    assert axes["temperature"].values == (358.15,)
    assert not axes["temperature"].dimension
    json.dumps(asdict(seen))


@given(
    st.lists(st.one_of(st.floats(1e-9, 1e-3), st.just(float("nan"))), min_size=1, max_size=200),
    st.integers(1, 40),
)
def test_against_numpy(numbers: list[float], bins: int) -> None:
    array = np.array(numbers)
    seen = inspect(xr.Dataset({"g": ("cell", array)}), bins=bins).quantities[0]
    good = array[~np.isnan(array)]
    assert (seen.count, seen.missing) == (array.size, array.size - good.size)
    if good.size:
        assert (seen.low, seen.median, seen.high) == (good.min(), np.median(good), good.max())
        assert len(seen.histogram) == (bins if good.max() > good.min() else 1)
    else:
        assert seen.histogram == ""


def test_pieces_give_the_same(monkeypatch) -> None:
    generator = np.random.Generator(np.random.Philox(2))
    data = xr.Dataset({"g": (("cell", "time"), generator.lognormal(-10, 2, (123, 45)))})
    whole = inspect(data).quantities[0]
    monkeypatch.setattr(overview, "_BLOCK", 100)
    assert inspect(data).quantities[0] == whole
    log_counts = np.histogram(np.log(data["g"].values), bins=24)[0]
    assert whole.histogram == overview.sparkline(log_counts)


def test_times_of_less_than_a_minute_are_not_written_in_hours():
    assert engineering([0.0, 0.5, 7200.0], "s") == "up to 2 h"
    assert engineering([0.0, 60.0, 7200.0], "s") == "0, 0.0166667, 2 h"
    assert engineering([0.5, 30.0], "s") == ""


def test_a_dataset_of_wafers_dies_and_cells_alone_is_taken_as_it_is():
    data = xr.Dataset(
        {"conductance": (("wafer", "die", "cell"), np.full((1, 2, 3), 1e-5))},
        coords={"wafer": [4], "die": [0, 1]},
    )
    found = read_measurements(data)
    assert dict(found.sizes) == {"wafer": 1, "die": 2, "cell": 3}
    assert found["wafer"].values.tolist() == [4]
    assert found.attrs["layout"] == "dataset"
