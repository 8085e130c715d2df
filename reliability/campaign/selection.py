"""One point of a sweep, or one combination of ages, out of the results of a study."""

from typing import TypeVar

import numpy as np
import xarray as xr

from reliability.campaign.sweep import Point

_Data = TypeVar("_Data", xr.Dataset, xr.DataArray)


def at_point(results: dict[str, xr.Dataset], point: Point) -> dict[str, xr.Dataset]:
    """Select one point of a sweep in every group."""
    out = {}
    for name, group in results.items():
        here = np.ones(group.sizes["point"], dtype=bool)
        for axis, value in point.items():
            here &= group[axis].values == value
        out[name] = group.isel(point=int(np.flatnonzero(here)[0]))
    return out


def at_age(data: _Data, age: dict[str, float]) -> _Data:
    """Select one combination of ages; an axis of one value is no dimension."""
    return data.sel({name: value for name, value in age.items() if name in data.dims})
