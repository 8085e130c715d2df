"""One point of a sweep, one combination of ages, or the wafers, out of the results of a study."""

from typing import TypeVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.campaign.frame import Point

FEWEST_WAFERS = 4  # that tell how wafers differ: below, Student's t of them is above 4
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


def wafers_of(chips: xr.DataArray) -> NDArray[np.int64] | None:
    """Return the wafer of each chip, or None where too few wafers tell how wafers differ.

    What is then said of a mean is for more chips on these wafers, not for others.
    """
    wafers = chips["wafer"].values
    return wafers if np.unique(wafers).size >= FEWEST_WAFERS else None
