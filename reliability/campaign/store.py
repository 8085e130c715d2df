"""The store: one Zarr v3 hierarchy that workers write into, each task its own chunks.

A task's values are written first, then their checksum (CRC-32, which starts with the study and the
task's place in it) into ``task_checksum``: a task whose checksum is missing is not there, one whose
values do not have it is damaged, and both are computed again. Zarr itself renames each chunk into
place when it is whole and guards it by CRC-32C. The store holds nothing of time, host or worker:
the same study gives the same bytes.

Beside it ``study.json`` says whose results they are, ``checksums.json`` has the checksum of every
file that no task writes (metadata and coordinates), and a lock keeps a second run out.
"""

import json
import tempfile
import warnings
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import xarray as xr

from reliability.campaign import lock
from reliability.campaign.named_files import from_folder, in_folder
from reliability.campaign.outputs import groups as known_groups
from reliability.campaign.plan import Task
from reliability.campaign.store_files import (
    as_json,
    at_path,
    put_all,
    read_file,
    read_signed,
    write_signed,
)
from reliability.errors import InputError

if TYPE_CHECKING:  # a fifth of the start of every command, where it is used at all
    import zarr

RESULTS = "results.zarr"
MARKER = "study.json"
STAGES = "stages"  # of a search, each a study of its own
DECISION = "decision"  # on designs, each a study of its own
_CONTENT: dict[str, type] = {
    "spec": dict,
    "spec_hash": str,
    "frame_hash": str,
    "chunk": int,
    "points": list,
    "store": str,
}
_LOCAL = ("file", "local", "dir")  # protocols of fsspec that name a place on this machine
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
    frame : str
        ``Study.frame_hash``, part of every checksum.
    token : str, optional
        Of the lock of the run that writes; whoever reads has none.
    """

    folder: Path
    root: str
    chunk: int
    points: tuple[dict[str, Any], ...]
    swept: bool
    frame: str
    token: str | None = None

    def group(self, name: str, mode: Literal["r", "r+"] = "r+") -> "zarr.Group | None":
        """Open a group, None if it is not there yet, or not whole."""
        import zarr

        try:
            group = zarr.open_group(self.root, path=name, mode=mode)
            return group if CHECKSUM in group else None
        except Exception:  # damaged metadata: zarr raises many kinds
            return None

    def check_lock(self) -> None:
        """Refuse to write for a run that has lost its lock."""
        # workers of a store that is a URL need not see the folder
        if self.token and ("://" not in self.root or self.folder.is_dir()):
            lock.check(self.folder, self.token)


class Box(NamedTuple):
    """Where the values of some tasks of a group lie: all between the first and the last of them."""

    points: slice
    range: slice
    tasks: tuple[slice, slice]

    @classmethod
    def around(cls, tasks: Iterable[Task]) -> "Box":
        """Return the smallest box that holds tasks of one group."""
        listed = list(tasks)
        points, firsts = ([getattr(t, name) for t in listed] for name in ("point", "first"))
        chunk = listed[0].chunk
        found = slice(min(points), max(points) + 1)
        numbers = slice(min(firsts) // chunk, max(firsts) // chunk + 1)
        ends = slice(numbers.start * chunk, numbers.stop * chunk)
        return cls(found, ends, (found, numbers))


WHOLE = Box(slice(None), slice(None), (slice(None), slice(None)))


def open_folder(
    folder: Path,
    spec: Mapping[str, object],
    hashes: tuple[str, str],
    points: list[dict[str, Any]],
    chunk: int,
    root: str | None = None,
    token: str | None = None,
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
    token : str, optional
        Of the folder's lock.

    Raises
    ------
    InputError
        The folder holds something else, or a study that this one does not extend.
    """
    opened.cache_clear()  # another study may have been in this folder
    if folder.exists() and not folder.is_dir():
        raise InputError(f"out: {str(folder)!r} is a file, expected a folder")
    store = RESULTS if root is None or root == str(folder / RESULTS) else root
    if folder.is_dir() and not all(map(_is_transient, folder.iterdir())):
        try:
            there = read_marker(folder)
        except InputError as error:
            rescued = _chunk_of_remains(root_of(folder, store), hashes[0])
            if rescued is None:
                raise _foreign(folder, error) from None
            chunk = rescued or chunk
        else:
            _check_extends(folder, there, spec, hashes[1], points)
            chunk, store, known = there["chunk"], there["store"], there["points"]
            points = known + [point for point in points if point not in known]
    folder.mkdir(parents=True, exist_ok=True)
    content = {"spec": from_folder(spec, folder), "spec_hash": hashes[0], "frame_hash": hashes[1],
               "chunk": chunk, "points": points, "store": store}  # fmt: skip
    write_signed(folder / MARKER, content)
    swept = bool(spec.get("sweep"))
    return Layout(
        folder, root_of(folder, store), chunk, tuple(points), swept, hashes[1], token=token
    )


def _is_transient(entry: Path) -> bool:
    """Whether a file is the lock, or what a run left that was killed before it wrote its first."""
    return entry.name in (lock.LOCK, STAGES) or entry.name.startswith(f".{MARKER}.")


def _foreign(folder: Path, error: InputError) -> InputError:
    if (folder / MARKER).is_file():
        return InputError(f"out: {error}, and it holds no results of this study")
    return InputError(f"out: folder {str(folder)!r} is not empty and holds no study")


def _check_extends(
    folder: Path,
    there: Mapping[str, Any],
    spec: Mapping[str, Any],
    frame: str,
    points: list[dict[str, Any]],
) -> None:
    """Refuse a study that is not the one in the folder, or has less than that."""
    if there["frame_hash"] == frame:
        fewer = _fewer(there["spec"], spec)
        if not fewer and all(point in points for point in there["points"]):
            return
    raise InputError(
        f"out: folder {str(folder)!r} holds another study "
        f"({_difference(there['spec'], spec)}); choose another folder"
    )


def _chunk_of_remains(root: str, spec_hash: str) -> int | None:
    """Return the chips per task of a store that lost its ``study.json``, if it is of this study.

    None: it is not; 0: it is, and the number of chips per task is not to be had.
    """
    groups = (as_json(read_file(root, f"{name}/zarr.json")) for name in known_groups())
    if not any(at_path(group, "attributes", "spec_hash") == spec_hash for group in groups):
        return None
    chips = as_json(read_file(root, "chips/chip/zarr.json"))
    shape = at_path(chips, "chunk_grid", "configuration", "chunk_shape")
    found = shape[0] if isinstance(shape, list) and shape else 0
    return found if isinstance(found, int) and found > 0 else 0


def root_of(folder: Path, store: str) -> str:
    """Return where a store is: a URL, or a name in the folder.

    Raises
    ------
    InputError
        Another place on this machine: whoever sent the folder could have it written to.
    """
    protocol, found, _ = store.partition("://")
    if found and "::" not in store and protocol.lower() not in _LOCAL:
        return store
    if found or store in ("", ".", "..") or Path(store).name != store or "\\" in store:
        raise InputError(
            f"{folder / MARKER}: store: got {store!r}, expected a name in the folder or the URL of "
            "a remote store"
        )
    return str(folder / store)


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
            sizes.get(name, old) for name, old in zip(dims_of(array), array.shape, strict=True)
        )
        if shape != array.shape:
            array.resize(shape)
    group.attrs.update(attributes)
    return True


def create_group(layout: Layout, task: Task, part: xr.Dataset) -> None:
    """Create the arrays of a group, of all its tasks, after the first part of it.

    What has the group's dimension (or a place in the sweep) gets it in full length, the rest is
    written here once. Values of tasks that are there stay there.
    """
    layout.check_lock()
    with tempfile.TemporaryDirectory() as place:
        _create_group(layout, task, part, place)
        put_all(layout.root, Path(place))


def _no_value(dtype: np.dtype[Any]) -> Any:
    """Return what no task writes, so that a lost chunk is not taken for values."""
    if dtype.kind in "iu":
        return np.iinfo(dtype).max
    return np.nan if dtype.kind == "f" else 0


def _create_group(layout: Layout, task: Task, part: xr.Dataset, place: str) -> None:
    import zarr
    from zarr.codecs import Crc32cCodec, ZstdCodec

    dimension = known_groups()[task.group].dimension
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
    still.to_zarr(place, group=task.group, mode="w", consolidated=False)
    group = zarr.open_group(place, path=task.group, mode="r+")
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
            fill_value=0 if name == CHECKSUM else _no_value(v.dtype),
            dimension_names=dims,
            attributes=dict(v.attrs),
            compressors=[ZstdCodec(level=3), Crc32cCodec()],
        )

    for name, v in own.items():
        # an index has no place in the sweep: chip 7 is chip 7 at every point
        create(str(name), v, [] if name == dimension else lead)
    named = {name for name in part.coords if name in own or name not in part.dims}
    group.attrs["coordinates"] = " ".join(sorted(map(str, named)))
    text = {"long_name": "CRC-32 of what a task wrote; 0: nothing yet"}
    create(CHECKSUM, xr.Variable("task", np.zeros(sizes["task"], np.uint32), text), lead)


def write_points(layout: Layout, units: Mapping[str, str | None]) -> None:
    """Write the values of each axis (and its unit) at every point as coordinates of all groups."""
    if not layout.swept:
        return
    import zarr

    for name in known_groups():
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
        with tempfile.TemporaryDirectory() as place:
            table.to_zarr(place, group=name, mode="w", consolidated=False)
            Path(place, name, "zarr.json").unlink()
            put_all(layout.root, Path(place))
        zarr.open_group(layout.root, path=name, mode="r+").attrs.put(attributes)


def write_part(layout: Layout, task: Task, part: xr.Dataset) -> None:
    """Write the result of one task, then its checksum.

    Raises
    ------
    LockLost
        Another run took the folder over; nothing is written.
    """
    layout.check_lock()
    arrays, checksums = opened(layout.root, task.group, task.size, len(layout.points))
    own = {name: array for name, array in arrays.items() if is_of_task(array, layout, task)}
    for name, array in own.items():
        array[where_of(array, task)] = part[name].values
    values = {name: np.asarray(part[name].values) for name in own}
    layout.check_lock()
    checksums[task_index(layout, task)] = checksum_of(layout, task, values)


@lru_cache(maxsize=32)
def opened(
    root: str, group: str, size: int, points: int
) -> "tuple[dict[str, zarr.Array], zarr.Array]":
    """Arrays of a group and its checksums, opened once by each worker (again when they grow)."""
    import zarr

    # a chunk of zeros is a file too: one that is missing is lost
    with zarr.config.set({"array.write_empty_chunks": True}):
        arrays = dict(sorted(zarr.open_group(root, path=group, mode="r+").arrays()))
    return arrays, arrays.pop(CHECKSUM)


def is_written(checksums: np.ndarray | None, layout: Layout, task: Task) -> bool:
    """Whether a task has its checksum in those of its group (None: no group yet)."""
    if checksums is None:
        return False
    index = task_index(layout, task)
    inside = all(k < n for k, n in zip(index, checksums.shape, strict=True))
    return bool(inside and checksums[index])


def read_checksums(layout: Layout, name: str, box: Box = WHOLE) -> np.ndarray | None:
    """Return the checksum of each task of a group (0: none), None if there is no group yet.

    Those of tasks outside ``box`` are not read and 0.
    """
    group = layout.group(name, "r")
    if group is None:
        return None
    array: Any = group[CHECKSUM]
    where = box.tasks if layout.swept else box.tasks[1:]
    found = np.zeros(array.shape, np.uint32)
    try:
        found[where] = array[where]
        return found
    except Exception:  # a damaged chunk, which holds one checksum
        places = np.arange(found.size).reshape(found.shape)[where].ravel()
    for index in zip(*np.unravel_index(places, found.shape), strict=True):
        try:
            found[index] = array[index]
        except Exception:
            found[index] = 0
    return found


def checksum_of(layout: Layout, task: Task, values: Mapping[str, np.ndarray]) -> int:
    """CRC-32 of the study, the task's place in it, and its values."""
    place = [layout.frame, task.group, layout.points[task.point], task.first]
    out = zlib.crc32(json.dumps(place, sort_keys=True).encode())
    for name in sorted(values):
        out = zlib.crc32(np.ascontiguousarray(values[name]).tobytes(), out)
    return out or 1


def is_of_task(array: "zarr.Array", layout: Layout, task: Task) -> bool:
    dims = dims_of(array)
    swept = layout.swept and dims[:1] == (POINT,) and len(dims) > 1
    return known_groups()[task.group].dimension in dims or swept


def where_of(array: "zarr.Array", task: Task) -> tuple[Any, ...]:
    part = slice(task.first, task.first + task.count)
    return _places(array, task.group, task.point, part)


def where_box(array: "zarr.Array", group: str, box: Box) -> tuple[Any, ...]:
    return _places(array, group, box.points, box.range)


def _places(array: "zarr.Array", group: str, point: Any, part: slice) -> tuple[Any, ...]:
    own = {known_groups()[group].dimension: part, POINT: point}
    return tuple(own.get(d, slice(None)) for d in dims_of(array))


def task_index(layout: Layout, task: Task) -> tuple[int, ...]:
    number = task.first // task.chunk
    return (task.point, number) if layout.swept else (number,)


def dims_of(array: "zarr.Array") -> tuple[str, ...]:
    return tuple(map(str, array.metadata.dimension_names or ()))  # type: ignore[union-attr]


def _sizes(layout: Layout, task: Task) -> dict[str, int]:
    """Full length of the dimensions along which a group grows."""
    return {
        known_groups()[task.group].dimension: task.size,
        POINT: len(layout.points),
        "task": -(-task.size // task.chunk),
    }


def finish(layout: Layout) -> None:
    """Write the metadata of all arrays in one place, so that opening the store is one read."""
    import zarr

    layout.check_lock()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Consolidated metadata")
        zarr.consolidate_metadata(layout.root)


def healing(folder: Path) -> str:
    return (
        f"'reliability run STUDY.toml --out {folder}', with the file of the study, computes again "
        "what is damaged"
    )


def read_marker(folder: Path) -> dict[str, Any]:
    """Return what a folder says of its study: spec, hashes, chunk, points and where its store is.

    Raises
    ------
    InputError
        No study there, or a damaged one.
    """
    path = folder / MARKER
    try:
        found = read_signed(path)
    except OSError:
        raise InputError(f"no study in {str(folder)!r}") from None
    except ValueError:
        raise InputError(f"{path} is damaged; {healing(folder)}") from None
    for name, kind in _CONTENT.items():
        if not isinstance(found.get(name), kind) or (name == "chunk" and found[name] < 1):
            raise InputError(
                f"{path}: {name}: got {str(found.get(name))[:60]!r}, which none writes"
            )
    if not all(isinstance(point, dict) for point in found["points"]) or not found["points"]:
        raise InputError(f"{path}: points: expected a list of tables")
    return found | {"spec": in_folder(found["spec"], folder)}


def layout_of(folder: Path, marker: Mapping[str, Any]) -> Layout:
    """Return how a folder holds its study, to read it."""
    root, points = root_of(folder, marker["store"]), tuple(marker["points"])
    swept = bool(marker["spec"].get("sweep"))
    return Layout(folder, root, marker["chunk"], points, swept, marker["frame_hash"])


def _open(folder: Path) -> "tuple[str, zarr.Group]":
    """Return where the store of a folder is, and its hierarchy."""
    import zarr

    root = root_of(folder, read_marker(folder)["store"])
    try:
        return root, zarr.open_group(root, mode="r")
    except FileNotFoundError:
        raise InputError(f"results: no {RESULTS} in {str(folder)!r}; run the study first") from None
    except Exception:  # damaged metadata: zarr raises many kinds
        file = folder / RESULTS / "zarr.json"
        raise InputError(f"{file} is damaged; {healing(folder)}") from None


def unfinished(layout: Layout, plan: Sequence[Task]) -> int:
    """Count the tasks of a plan that have no checksum yet."""
    found = {name: read_checksums(layout, name) for name in {task.group for task in plan}}
    return sum(not is_written(found[task.group], layout, task) for task in plan)


def results_fingerprint(folder: Path) -> str:
    """SHA-256 over the checksums of all tasks; equal results of a study have equal ones."""
    _, root = _open(folder)
    digest = sha256()
    for name, group in sorted(root.groups()):
        digest.update(name.encode() + np.ascontiguousarray(group[CHECKSUM]).tobytes())
    return digest.hexdigest()


def read_results(folder: Path) -> dict[str, xr.Dataset]:
    """Open every group of a study's results, by name."""
    where, root = _open(folder)
    found = {}
    for name in sorted(root.group_keys()):
        try:
            group = xr.open_zarr(where, group=name, consolidated=False, chunks=None)
        except Exception:  # a damaged index: each codec raises its own kind
            raise InputError(f"{folder / RESULTS / name} is damaged; {healing(folder)}") from None
        found[name] = group.drop_vars(CHECKSUM)
    return found
