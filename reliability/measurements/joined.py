"""Bakes of several files as one: each file has its own temperature."""

from collections.abc import Sequence

import numpy as np
import xarray as xr


def join_bakes(datasets: Sequence[xr.Dataset]) -> list[xr.Dataset]:
    """Put files of reads over time that differ in their one temperature together.

    Cells of different files are different cells, whatever their numbers.

    Parameters
    ----------
    datasets : sequence of Dataset
        From `reliability.read_measurements`.

    Returns
    -------
    list of Dataset
        The bakes as one Dataset with the axis ``temperature``; files that are no such bakes as they
        are.

    Examples
    --------
    >>> def bake(kelvin):
    ...     return xr.Dataset({"conductance": (("cell", "time"), [[5e-5, 4e-5]])},
    ...         coords={"cell": [1], "state": ("cell", ["LRS"]), "time": [0.0, 3600.0],
    ...                 "temperature": kelvin},
    ...         attrs={"source": f"{kelvin:.0f}.csv"})
    >>> sorted(join_bakes([bake(398.0), bake(423.0)])[0].sizes.items())
    [('cell', 2), ('temperature', 2), ('time', 2)]
    """
    bakes = [data for data in datasets if _is_bake(data)]
    if len({float(data["temperature"]) for data in bakes}) < 2:
        return list(datasets)
    parts = []
    for number, data in enumerate(bakes, 1):
        names = [f"{number}:{name}" for name in data["cell"].values]
        parts.append(data.assign_coords(cell=names).expand_dims("temperature"))
    joined = xr.concat(parts, "cell", join="outer", combine_attrs="override")
    order = [d for d in ("wafer", "die", "cell", "state", "temperature") if d in joined.dims]
    joined = joined.transpose(*order, ...)
    for name in ("state",):  # a label of a cell that is not in a file is empty, not missing
        if name in joined.coords and joined[name].dtype == object and name not in joined.dims:
            filled = joined[name].where(joined[name].notnull(), "")
            joined = joined.assign_coords({name: filled.astype(str)})
    attrs = [data.attrs for data in bakes]
    joined.attrs |= {
        "source": ", ".join(str(a.get("source", "")) for a in attrs),
        "source_sha256": ", ".join(str(a.get("source_sha256", "")) for a in attrs),
        "problems": [f"{a.get('source')}: {line}" for a in attrs for line in a.get("problems", [])],
        "rows_read": int(np.sum([a.get("rows_read", 0) for a in attrs])),
        "rows_bad": int(np.sum([a.get("rows_bad", 0) for a in attrs])),
    }
    return [joined, *(data for data in datasets if not _is_bake(data))]


def _is_bake(data: xr.Dataset) -> bool:
    """Tell whether a file holds reads over time at one temperature of cells without levels."""
    single = "temperature" in data.coords and data["temperature"].ndim == 0
    states = "state" in data.coords and data["state"].dtype.kind in "USO"
    return single and states and data.sizes.get("time", 1) > 1 and "cell" in data.dims
