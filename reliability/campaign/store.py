"""The store: one Zarr v3 hierarchy that workers write into, each task its own chunks.

A task's values are written first, then their checksum (CRC-32) into ``task_checksum``: a task whose
checksum is missing is not there, one whose values do not have it is damaged, and both are computed
again. Zarr itself renames each chunk into place when it is whole and guards it by CRC-32C. The
store holds nothing of time, host or worker: the same study gives the same bytes.

Beside it ``study.json`` says whose results they are, and a lock keeps a second run out.
"""

import json
import warnings
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr
import zarr
from zarr.codecs import Crc32cCodec, ZstdCodec

from reliability.campaign.kind import Task
from reliability.campaign.lock import LOCK
from reliability.campaign.outputs import groups
from reliability.errors import InputError
from reliability.files import replace_text

RESULTS = "results.zarr"
MARKER = "study.json"
_TOLD = ("spec", "spec_hash", "frame_hash", "chunk", "points", "store")  # by study.json
CHECKSUM = "task_checksum"
POINT = "point"


@dataclass(frozen=True)
class Layout:
    """How an output folder holds a study.

    Parameters
    ----------
    folder : Path
    root : str
        Of the Zarr hierarchy: a path, or any URL that fsspec knows.
    chunk : int
        Chips per task.
    points : tuple of dict
        Points of the sweep in the order in which the store has them.
    swept : bool
        Whether arrays have the dimension ``point``.
    """

    folder: Path
    root: str
    chunk: int
    points: tuple[dict[str, Any], ...]
    swept: bool

    def group(self, name: str, mode: Literal["r", "r+"] = "r+") -> zarr.Group | None:
        """Open a group, None if it is not there yet, or not whole."""
        try:
            group = zarr.open_group(self.root, path=name, mode=mode)
        except FileNotFoundError:
            return None
        return group if CHECKSUM in group else None


def open_folder(
    folder: Path,
    spec: Mapping[str, object],
    hashes: tuple[str, str],
    points: list[dict[str, Any]],
    chunk: int,
    root: str | None = None,
) -> Layout:
    """Claim an output folder for a study, go on with it there, or refuse what is there.

    Parameters
    ----------
    folder : Path
    spec : mapping
        The study as JSON values.
    hashes : (str, str)
        ``Study.spec_hash`` and ``Study.frame_hash``.
    points : list of dict
        Points of its sweep; those that the store lacks are put after those that it has.
    chunk : int
        Chips per task of a new store; one that is there keeps its own.
    root : str, optional
        URL for the Zarr hierarchy of a new store instead of ``results.zarr`` in the folder.

    Raises
    ------
    InputError
        The folder holds something else, or a study that this one does not extend.
    """
    _opened.cache_clear()  # another study may have been in this folder
    marker = folder / MARKER
    swept = bool(spec.get("sweep"))
    root = root or str(folder / RESULTS)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"out: {str(folder)!r} is a file, expected a folder")
    if folder.is_dir() and any(entry.name != LOCK for entry in folder.iterdir()):
        if not marker.is_file():
            raise InputError(f"out: folder {str(folder)!r} is not empty and holds no study")
        try:
            other = read_marker(folder)
        except InputError:
            raise InputError(f"out: {str(marker)!r} is damaged; choose another folder") from None
        known, spec_there, frame = other["points"], other["spec"], other["frame_hash"]
        chunk, root = other["chunk"], str(other["store"])
        fewer = _fewer(spec_there, spec) or (not all(point in points for point in known))
        if frame != hashes[1] or fewer:
            raise InputError(
                f"out: folder {str(folder)!r} holds another study "
                f"({_difference(spec_there, spec)}); choose another folder"
            )
        points = known + [point for point in points if point not in known]
    folder.mkdir(parents=True, exist_ok=True)
    told: dict[str, Any] = {
        "spec_hash": hashes[0],
        "frame_hash": hashes[1],
        "chunk": chunk,
        "points": points,
    }
    # a store in the folder moves with it
    store = RESULTS if root == str(folder / RESULTS) else root
    told["store"] = store
    replace_text(marker, json.dumps({**told, "spec": spec}, indent=1, sort_keys=True))
    return Layout(folder, root_of(folder, store), chunk, tuple(points), swept)


def root_of(folder: Path, store: str) -> str:
    """Return where a store is: a URL, or a name in the folder."""
    return store if "://" in store else str(folder / store)


def _fewer(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether the new study has fewer chips, wafers or draws than what is there."""
    pairs = [
        (old["population"]["chips"], new["population"]["chips"]),
        (old["endurance"]["wafers"], new["endurance"]["wafers"]),
    ]
    if old["uncertainty"] and new["uncertainty"]:
        pairs.append((old["uncertainty"]["draws"], new["uncertainty"]["draws"]))
    return any(there > here for there, here in pairs)


def _difference(old: Mapping[str, object], new: Mapping[str, object], prefix: str = "") -> str:
    """Name the first key in which two specifications differ."""
    for key in sorted(set(old) | set(new)):
        a, b = old.get(key), new.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            if a != b:
                return _difference(a, b, f"{prefix}{key}.")
        elif json.dumps(a) != json.dumps(b):
            return f"{prefix}{key}: {str(a)[:60]} there, {str(b)[:60]} here"
    return "another card, network or version of the suite"


def fit_group(layout: Layout, task: Task, attributes: Mapping[str, Any]) -> bool:
    """Lengthen the arrays of a task's group to the study; False if it has none yet."""
    group = layout.group(task.group)
    if group is None:
        return False
    sizes = _sizes(layout, task)
    for _, array in group.arrays():
        shape = tuple(
            sizes.get(name, old) for name, old in zip(_dims(array), array.shape, strict=True)
        )
        if shape != array.shape:
            array.resize(shape)
    group.attrs.update(attributes)
    return True


def create_group(layout: Layout, task: Task, part: xr.Dataset) -> None:
    """Create the arrays of a group, of all its tasks, after the first part of it.

    What has the group's dimension (or a place in the sweep) gets it in full length, the rest is
    written here once.
    """
    dimension = groups()[task.group].dimension
    lead: list[str] = [POINT] if layout.swept else []
    own = {
        name: v
        for name, v in part.variables.items()
        if dimension in v.dims or (layout.swept and name in part.data_vars)
    }
    still = part.drop_vars(list(own))
    # variable-length text is the only kind that Zarr v3 specifies
    still = still.assign_coords(
        {name: c.astype(object) for name, c in still.coords.items() if c.dtype.kind == "U"}
    )
    still.to_zarr(layout.root, group=task.group, mode="w", consolidated=False)
    group = zarr.open_group(layout.root, path=task.group, mode="r+")
    sizes = _sizes(layout, task)
    chunks = {POINT: 1, dimension: task.chunk, "task": 1}

    def create(name: str, v: xr.Variable, lead: list[str]) -> None:
        dims = [*lead, *map(str, v.dims)]
        here = dict(zip(map(str, v.dims), v.shape, strict=True))
        group.create_array(
            name,
            shape=tuple(sizes.get(d, here.get(d, 1)) for d in dims),
            chunks=tuple(chunks.get(d, here.get(d, 1)) for d in dims),
            dtype=v.dtype,
            fill_value=np.nan if v.dtype.kind == "f" else 0,
            dimension_names=dims,
            attributes=dict(v.attrs),
            compressors=[ZstdCodec(level=3), Crc32cCodec()],
        )

    for name, v in own.items():
        # an index has no place in the sweep: chip 7 is chip 7 at every point
        create(str(name), v, [] if name == dimension else lead)
    named = {name for name in part.coords if name in own or name not in part.dims}
    group.attrs["coordinates"] = " ".join(sorted(map(str, named)))
    # last: a group that has its checksums is whole, one that was killed before is made again
    told = {"long_name": "CRC-32 of what a task wrote; 0: nothing yet"}
    create(CHECKSUM, xr.Variable("task", np.zeros(sizes["task"], np.uint32), told), lead)


def write_points(layout: Layout, units: Mapping[str, str | None]) -> None:
    """Write the values of each axis (and its unit) at every point as coordinates of all groups."""
    if not layout.swept:
        return
    for name in groups():
        group = layout.group(name)
        if group is None:
            continue
        axes = {
            axis: (POINT, np.array([point[axis] for point in layout.points]))
            for axis in layout.points[0]
        }
        coords = {
            key: (
                dims,
                values.astype(object) if values.dtype.kind == "U" else values,
                {} if units[key] is None else {"units": units[key] or "1"},
            )
            for key, (dims, values) in axes.items()
        }
        index = {POINT: np.arange(len(layout.points))}
        listed = set(str(group.attrs.get("coordinates", "")).split()) | set(axes)
        attributes = {**group.attrs, "coordinates": " ".join(sorted(listed))}
        table = xr.Dataset(coords={**coords, **index})
        table.to_zarr(layout.root, group=name, mode="a", consolidated=False)
        zarr.open_group(layout.root, path=name, mode="r+").attrs.put(attributes)


def write_part(layout: Layout, task: Task, part: xr.Dataset) -> None:
    """Write the result of one task, then its checksum."""
    arrays, checksums = _opened(layout.root, task.group, task.size, len(layout.points))
    own = {name: array for name, array in arrays.items() if _is_of_task(array, layout, task)}
    for name, array in own.items():
        array[_where(array, layout, task)] = part[name].values
    values = {name: np.asarray(part[name].values) for name in own}
    checksums[_task_index(layout, task)] = _checksum(values)


@lru_cache(maxsize=32)
def _opened(
    root: str, group: str, size: int, points: int
) -> tuple[dict[str, zarr.Array], zarr.Array]:
    """Arrays of a group and its checksums, opened once by each worker (again when they grow)."""
    arrays = dict(sorted(zarr.open_group(root, path=group, mode="r+").arrays()))
    return arrays, arrays.pop(CHECKSUM)


def missing(layout: Layout, tasks: Iterable[Task]) -> Iterator[Task]:
    """Yield the tasks whose values are not there, or do not have their checksum."""
    known: dict[str, np.ndarray | None] = {}
    for task in tasks:
        if task.group not in known:
            group = layout.group(task.group, "r")
            known[task.group] = None if group is None else np.asarray(group[CHECKSUM])
        if not _is_whole(known[task.group], layout, task):
            yield task


def _is_whole(checksums: np.ndarray | None, layout: Layout, task: Task) -> bool:
    if checksums is None or not is_written(checksums, layout, task):
        return False
    try:
        arrays, _ = _opened(layout.root, task.group, task.size, len(layout.points))
        values = {
            name: np.asarray(array[_where(array, layout, task)])
            for name, array in arrays.items()
            if _is_of_task(array, layout, task)
        }
    except Exception:  # a damaged chunk: each codec raises its own kind
        return False
    return bool(_checksum(values) == checksums[_task_index(layout, task)])


def is_written(checksums: np.ndarray | None, layout: Layout, task: Task) -> bool:
    """Whether a task has its checksum in those of its group (None: no group yet)."""
    if checksums is None:
        return False
    index = _task_index(layout, task)
    inside = all(k < n for k, n in zip(index, checksums.shape, strict=True))
    return bool(inside and checksums[index])


def _checksum(values: Mapping[str, np.ndarray]) -> int:
    out = 0
    for name in sorted(values):
        out = zlib.crc32(np.ascontiguousarray(values[name]).tobytes(), out)
    return out or 1


def _is_of_task(array: zarr.Array, layout: Layout, task: Task) -> bool:
    dims = _dims(array)
    swept = layout.swept and dims[:1] == (POINT,) and len(dims) > 1
    return groups()[task.group].dimension in dims or swept


def _where(array: zarr.Array, layout: Layout, task: Task) -> tuple[Any, ...]:
    part = slice(task.first, task.first + task.count)
    own = {groups()[task.group].dimension: part, POINT: task.point}
    return tuple(own.get(d, slice(None)) for d in _dims(array))


def _task_index(layout: Layout, task: Task) -> tuple[int, ...]:
    number = task.first // task.chunk
    return (task.point, number) if layout.swept else (number,)


def _dims(array: zarr.Array) -> tuple[str, ...]:
    return tuple(map(str, array.metadata.dimension_names or ()))  # type: ignore[union-attr]


def _sizes(layout: Layout, task: Task) -> dict[str, int]:
    """Full length of the dimensions along which a group grows."""
    return {
        groups()[task.group].dimension: task.size,
        POINT: len(layout.points),
        "task": -(-task.size // task.chunk),
    }


def finish(layout: Layout) -> None:
    """Write the metadata of all arrays in one place, so that opening the store is one read."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Consolidated metadata")
        zarr.consolidate_metadata(layout.root)


def read_marker(folder: Path) -> dict[str, Any]:
    """Return what a folder says of its study: spec, hashes, chunk, points and where its store is.

    Raises
    ------
    InputError
        No study there, or a damaged one.
    """
    try:
        told = json.loads((folder / MARKER).read_text("utf-8"))
        return {name: told[name] for name in _TOLD}
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(f"no study in {str(folder)!r}") from None


def _open(folder: Path) -> tuple[str, zarr.Group]:
    """Return where the store of a folder is, and its hierarchy."""
    root = root_of(folder, read_marker(folder)["store"])
    return root, zarr.open_group(root, mode="r")


def unfinished(folder: Path) -> int:
    """Count the tasks of the groups of a store that have no checksum yet."""
    _, root = _open(folder)
    return sum(int((np.asarray(group[CHECKSUM]) == 0).sum()) for _, group in sorted(root.groups()))


def results_fingerprint(folder: Path) -> str:
    """SHA-256 over the checksums of all tasks; equal results of equal chunks have equal ones."""
    _, root = _open(folder)
    digest = sha256()
    for name, group in sorted(root.groups()):
        digest.update(name.encode() + np.ascontiguousarray(group[CHECKSUM]).tobytes())
    return digest.hexdigest()


def read_results(folder: Path) -> dict[str, xr.Dataset]:
    """Open every group of a study's results, by name."""
    try:
        where, root = _open(folder)
    except (OSError, ValueError):
        raise InputError(f"results: no {RESULTS} in {str(folder)!r}; run the study first") from None
    return {
        name: xr.open_zarr(where, group=name, consolidated=False, chunks=None).drop_vars(CHECKSUM)
        for name in sorted(root.group_keys())
    }
