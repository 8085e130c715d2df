"""The file of measured cells, brought to one form: all axes, cells in a row, levels in siemens."""

from hashlib import sha256

import numpy as np
import xarray as xr

from reliability.errors import InputError
from reliability.technology import STATES

HIERARCHY = ("lot", "wafer", "die", "cell")
REPEATS = ("cycles", "repeat")  # what a cell went through again: one is drawn unless chosen
CONDITIONS = ("temperature", "reads", "time")
FEWEST = 10  # cells of a state or level that stand for it
_RARE = 0.25  # levels with a smaller fraction of the cells of a typical one are not in use
_ROOM = 298.15  # K, where a file says nothing of the temperature


def canonical(dataset: xr.Dataset, name: str) -> tuple[xr.Dataset, list[str]]:
    """Bring a measured Dataset to all axes, one dimension of cells, and levels in siemens."""
    if "conductance" not in dataset:
        more = ""
        if "conductance_before" in dataset:
            more = "; reads before and after a bake need its time, as in constants={'time': ...}"
        raise InputError(f"{name}: no conductance in it, found "
                         f"{', '.join(map(str, dataset))}{more}")  # fmt: skip
    g = dataset["conductance"]
    for dim in g.dims:
        if dim not in (*HIERARCHY, *REPEATS, *CONDITIONS, "state"):
            raise InputError(f"{name}: the axis {str(dim)!r} is not one that cells are resampled "
                             f"along; choose one value, as in data.isel({dim}=0)")  # fmt: skip
    if "cell" not in g.dims:
        raise InputError(f"{name}: no axis of cells, found {', '.join(map(str, g.dims))}")
    g = _with_start(dataset, g.where((g > 0) & (g < np.inf)))
    g, aim, numbered = _levels(dataset, g, name)
    given = [dim for dim in HIERARCHY if dim in g.dims]
    for axis in ("temperature", *REPEATS, "reads", "time"):
        if axis not in g.dims:
            one = _scalar(dataset, axis, _ROOM if axis == "temperature" else 0.0)
            g = g.drop_vars(axis, errors="ignore").expand_dims({axis: [one]})
        elif axis not in g.coords:
            g = g.assign_coords({axis: np.arange(g.sizes[axis])})
    if "state" not in g.dims:
        g = g.drop_vars("state", errors="ignore").expand_dims(state=[""])
    rest = ("state", "temperature", *REPEATS, "reads", "time")
    g = g.transpose(*given, *rest)
    shape = [g.sizes[dim] for dim in given]
    dies = int(np.prod(shape[:-1], dtype=int))
    values = np.ascontiguousarray(g.values, float).reshape(-1, *g.shape[len(given) :])
    out = xr.Dataset(
        {"conductance": (("cell", *rest), values, {"units": "S"})},
        coords={
            **{axis: g[axis].values for axis in rest},
            "cluster": ("cell", np.repeat(np.arange(dies), shape[-1])),
        },
        attrs={"source": name, "source_sha256": str(dataset.attrs.get("source_sha256", ""))},
    )
    if aim is not None:
        of_cell = g.isel(dict.fromkeys(rest, 0), drop=True)
        flat = aim.broadcast_like(of_cell).transpose(*given).values.ravel()
        out = out.assign_coords(target=("cell", flat.astype(float)))
    return _usable(out, name, numbered)


def _scalar(dataset: xr.Dataset, name: str, default: float) -> float:
    return float(dataset[name]) if name in dataset.variables and not dataset[name].dims else default


def _levels(
    dataset: xr.Dataset, g: xr.DataArray, name: str
) -> tuple[xr.DataArray, xr.DataArray | None, bool]:
    """Return reads with an axis of states where there are two, and else the level of each cell.

    The last value says whether that is the number of a level, not its target.
    """
    key = "target" if "target" in dataset.variables else "state"
    if key not in dataset.variables:
        return g, None, False
    label = dataset[key]
    if label.dtype.kind in "USO":
        wrong = [str(one) for one in label.values.ravel() if str(one) not in STATES]
        if wrong or key == "target":
            raise InputError(f"{name}: {key}: got {(wrong or label.values.ravel())[0]!r}, expected "
                             "LRS and HRS, or the number of a level")  # fmt: skip
        if "state" not in g.dims:  # each cell was read in one of them
            known, label = g.drop_vars("state", errors="ignore"), label.drop_vars("state")
            of_state = [known.where(label == state) for state in STATES]
            g = xr.concat(of_state, xr.DataArray(list(STATES), dims="state", name="state"))
        return g, None, False
    if not set(label.dims) <= set(HIERARCHY):
        raise InputError(f"{name}: {key}: got dimensions {label.dims}, expected those of the cells")
    return g, label, key == "state"


def _with_start(dataset: xr.Dataset, g: xr.DataArray) -> xr.DataArray:
    """Add time 0 where the file has it only as the conductance at the start."""
    if "initial_conductance" not in dataset or "time" not in g.dims:
        return g
    start = dataset["initial_conductance"]
    if (g["time"] == 0).any():
        return g.where(g["time"] != 0, g.fillna(start.broadcast_like(g)))
    return xr.concat([start.broadcast_like(g.isel(time=0)).assign_coords(time=0.0), g], "time")


def _usable(data: xr.Dataset, name: str, numbered: bool) -> tuple[xr.Dataset, list[str]]:
    """Leave out cells without a whole trajectory, and levels that hold few."""
    g = data["conductance"]
    whole = g.notnull().all(["reads", "time"]).any(["state", "temperature", *REPEATS])
    notes = []
    if (start := float(g["time"][0])) > 0:
        notes.append(f"{name} has no read at 0 s: cells as programmed are those at {start:g} s")
    if g.sizes["cycles"] > 1:
        ends = g["cycles"].values[[0, -1]].tolist()
        notes.append(f"cells of {name} are taken at any of its {g.sizes['cycles']} cycles, "
                     f"{ends[0]:g} to {ends[1]:g}; choose with data.sel(cycles=[...])")  # fmt: skip
    if not whole.all():
        notes.append(f"{int((~whole).sum())} of {whole.size} cells of {name} lack a read at one of "
                     f"the {g.sizes['time']} times and are left out")  # fmt: skip
    if numbered:  # the level is where its cells were programmed
        first = g.isel(time=0, reads=0).median(
            [d for d in g.dims if d not in ("cell", "time", "reads")], skipna=True
        )
        number = data["target"].values
        aim = np.full(len(number), np.nan)
        for one in np.unique(number[np.isfinite(number)]):
            aim[number == one] = np.nanmedian(first.values[number == one])
        data = data.assign_coords(target=("cell", aim))
    data = data.isel(cell=np.flatnonzero(whole.values))
    if "target" in data.coords:
        aims, count = np.unique(data["target"].values, return_counts=True)
        enough = np.isfinite(aims) & (count >= max(FEWEST, _RARE * float(np.median(count))))
        if not enough.any():
            raise InputError(f"{name}: no level has {FEWEST} cells with a read at every time")
        if not enough.all():
            notes.append(f"{int((~enough).sum())} of {len(aims)} levels of {name} hold few cells "
                         "and are left out")  # fmt: skip
        data = data.isel(cell=np.flatnonzero(np.isin(data["target"].values, aims[enough])))
    elif data.sizes["state"] > 1:
        data = _both_states(data, name)
    elif data.sizes["cell"] < FEWEST:
        raise InputError(f"{name}: got {data.sizes['cell']} cells with a read at every time, "
                         f"expected {FEWEST} or more")  # fmt: skip
    if len(data["cluster"]):
        cluster = np.unique(data["cluster"].values, return_inverse=True)[1]
        data = data.assign_coords(cluster=("cell", cluster))
    data.attrs["digest"] = sha256(data["conductance"].values.tobytes()).hexdigest()
    return data, notes


def _both_states(data: xr.Dataset, name: str) -> xr.Dataset:
    missing = [s for s in STATES if s not in data["state"].values]
    if missing:
        raise InputError(f"{name}: no reads of the {missing[0]}, expected LRS and HRS")
    data = data.sel(state=list(STATES))
    there = data["conductance"].notnull().all(["reads", "time"]).any(["temperature", *REPEATS])
    for state in STATES:
        if (count := int(there.sel(state=state).sum())) < FEWEST:
            raise InputError(f"{name}: got {count} cells in {state}, expected {FEWEST} or more")
    return data


def nominal(data: xr.Dataset) -> dict[str, tuple[float, str]]:
    """What the cells say of themselves, as parameters of a card."""
    first = data["conductance"].isel(time=0, reads=0)
    # a measured conductance is that of the cell with its transistor
    out = {"access.series_resistance": (0.0, "ohm")}
    if data.sizes["state"] > 1:
        return out | {
            f"programming.{state}.resistance": (
                1 / float(first.sel(state=state).median(skipna=True)), "ohm"
            ) for state in STATES
        }  # fmt: skip
    if "target" in data.coords:
        ends = float(data["target"].min()), float(data["target"].max())
    else:
        ends = tuple(np.nanquantile(first.values, [0.01, 0.99]).tolist())
    off = first - data["target"] if "target" in data.coords else xr.zeros_like(first)
    return out | {
        "target.minimum": (ends[0], "S"), "target.maximum": (ends[1], "S"),
        "programming.target.error_0": (float(off.std(skipna=True)), "S"),
    }  # fmt: skip
