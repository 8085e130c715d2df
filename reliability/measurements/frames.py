"""Tables that are in memory: data frames, and Datasets that are arranged otherwise than here."""

import hashlib
from pathlib import Path

import pandas as pd
import xarray as xr

from reliability.errors import InputError
from reliability.measurements.names import known_name
from reliability.measurements.source import Source

_HIERARCHY = {"wafer", "die", "cell"}


def frame_source(frame: pd.DataFrame) -> Source:
    """Make a source of a data frame; an index with a name is a column.

    Raises
    ------
    InputError
        No rows or columns, two columns of one name, or cells that are lists or other objects.
    """
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    if isinstance(frame.columns, pd.MultiIndex):
        frame = frame.set_axis(["_".join(map(str, name)) for name in frame.columns], axis=1)
    if not frame.size:
        raise InputError("data frame: holds no rows of data")
    if not frame.columns.is_unique:
        again = frame.columns[frame.columns.duplicated()][0]
        raise InputError(f"data frame: two columns are named {again!r}")
    try:
        digest = pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes()
    except TypeError:
        raise InputError("data frame: a cell holds a list or another object") from None
    names = "\n".join(map(str, frame.columns)).encode()
    return Source(
        Path("data frame"), hashlib.sha256(names + digest).hexdigest(), b"data frame", frame
    )


def is_complete(data: xr.Dataset | xr.DataArray) -> bool:
    """Tell whether a Dataset is arranged as `read_measurements` does it."""
    return set(data.dims) >= _HIERARCHY


def table_of_dataset(data: xr.Dataset | xr.DataArray) -> tuple[pd.DataFrame, list[str]]:
    """Return a Dataset as a table with units in its headers, and the dimensions not known here.

    Examples
    --------
    >>> values = xr.DataArray([1.0, 2.0], dims="humidity", attrs={"units": "uS"}, name="G")
    >>> table, axes = table_of_dataset(values.assign_coords(humidity=[40, 85]))
    >>> list(table.columns), axes
    (['humidity', 'G [uS]'], ['humidity'])
    """
    dataset = data if isinstance(data, xr.Dataset) else data.to_dataset(name=data.name or "value")
    if not dataset.data_vars:
        raise InputError("dataset: holds no variables")
    frame = dataset.to_dataframe().reset_index()
    units = {str(name): str(dataset[name].attrs.get("units", "")) for name in dataset.variables}
    headers = [
        f"{name} [{units[str(name)]}]" if units.get(str(name), "") not in ("", "1") else str(name)
        for name in frame.columns
    ]
    axes = [str(dim) for dim in dataset.dims if not known_name(str(dim))]
    return frame.set_axis(headers, axis=1), axes
