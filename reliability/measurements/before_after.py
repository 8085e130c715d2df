"""Reads before and after a bake as reads at two times."""

import numpy as np
import xarray as xr

from reliability.measurements.names import KNOWN

_PULSES = ("pulse_width", "word_line_voltage", "bit_line_voltage", "source_line_voltage")


def bake_of(dataset: xr.Dataset) -> xr.Dataset:
    """Turn the conductances before and after a bake into one conductance over time.

    Parameters
    ----------
    dataset : Dataset
        With ``conductance_before``, ``conductance_after`` and the ``time`` of the bake (s).

    Returns
    -------
    Dataset
        ``conductance`` with the times 0 and that of the bake; bakes of several times make the
        dimension ``repeat``, one for each time, since each has its own read before. A Dataset
        without these variables, or of pulses, as it is.

    Examples
    --------
    >>> pairs = xr.Dataset({"conductance_before": ("cell", [5e-5]),
    ...                     "conductance_after": ("cell", [4e-5])}, coords={"time": 1800.0})
    >>> bake_of(pairs)["conductance"].values.tolist(), bake_of(pairs)["time"].values.tolist()
    ([[5e-05, 4e-05]], [0.0, 1800.0])
    """
    pair = ["conductance_before", "conductance_after"]
    known = set(dataset.variables)
    if not {*pair, "time"} <= known or known & {"conductance", *_PULSES}:
        return dataset
    parts = []
    for time in np.atleast_1d(dataset["time"].values).tolist():
        one = dataset.sel(time=time) if "time" in dataset.dims else dataset
        one = one.drop_vars("time")
        axis = xr.DataArray([0.0, time], dims="time", name="time", attrs={"units": "s"})
        joined = xr.concat([one[name] for name in pair], axis)
        rest = [dim for dim in joined.dims if dim not in ("time", "repeat")]
        joined = joined.transpose(*rest, "time", ...).assign_attrs(units=KNOWN["conductance"].unit)
        parts.append(one.drop_vars(pair).assign(conductance=joined))
    found = parts[0]
    if len(parts) > 1:
        if "repeat" not in found.dims:
            parts = [part.expand_dims("repeat", axis=-1) for part in parts]
        found = xr.concat(parts, "repeat", join="outer", coords="minimal", compat="override")
        found = found.assign_coords(repeat=np.arange(found.sizes["repeat"]))
    found.attrs = dict(dataset.attrs)
    found.attrs["layout_evidence"] = [
        *dataset.attrs.get("layout_evidence", []),
        "the reads before and after are those at time 0 and at the time of the bake",
    ]
    return found
