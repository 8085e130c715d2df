"""Damage of a store: which files are not what a run wrote, and which tasks are to be done.

Values have the checksum of their task. All other files, metadata and coordinates, have theirs in
``checksums.json``; a group that it does not name is being made.
"""

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from reliability.campaign.outputs import groups as known_groups
from reliability.campaign.plan import Task
from reliability.campaign.store import (
    CHECKSUM,
    POINT,
    WHOLE,
    Box,
    Layout,
    checksum_of,
    dims_of,
    healing,
    is_of_task,
    is_written,
    opened,
    read_checksums,
    task_index,
    where_box,
    where_of,
)
from reliability.campaign.store_files import put_file, read_file, read_signed, write_signed

SEAL = "checksums.json"
_LARGEST = 2**30  # bytes of a group that are read at once


def seal(layout: Layout, groups: Iterable[str] | None = None) -> None:
    """Write the checksums of all files of groups that no task writes: metadata and coordinates."""
    layout.check_lock()
    files = {
        key: _crc(layout, key)
        for key in ("zarr.json", *_keys(layout, known_groups() if groups is None else groups))
    }
    write_signed(layout.folder / SEAL, {"files": files})


def unseal(layout: Layout) -> set[str]:
    """Return the groups whose metadata is whole, before it changes; mend that of the hierarchy."""
    files = _sealed(layout) or {}
    bad = {key.partition("/")[0] for key in _differ(layout, files)}
    if bad & {"zarr.json"} or "zarr.json" not in files:
        empty = {"attributes": {}, "zarr_format": 3, "node_type": "group"}
        put_file(layout.root, "zarr.json", json.dumps(empty, indent=2).encode())
    (layout.folder / SEAL).unlink(missing_ok=True)
    return {key.partition("/")[0] for key in files} - bad - {"zarr.json"}


def find_damage(layout: Layout, tasks: Iterable[Task]) -> dict[str, Task | None]:
    """Return the damaged files of a store, each with the task whose values it holds, if any.

    Tasks that are not done are no damage.
    """
    opened.cache_clear()
    prefix = "" if "://" in layout.root else f"{Path(layout.root).name}/"
    files = _sealed(layout)
    if files is None:
        return {SEAL: None}
    metadata = _differ(layout, files)
    groups = {key.partition("/")[0] for key in metadata}
    found: dict[str, Task | None] = {f"{prefix}{key}": None for key in metadata}
    known = _Checked(layout)
    for task in tasks:
        if task.group in groups or f"{task.group}/zarr.json" not in files:
            continue
        if known.is_written(task) and (key := known.fault(task)):
            found[f"{prefix}{key}"] = task
    return found


def describe_damage(folder: Path, damage: Iterable[str]) -> str:
    """Say in one line which files are damaged, and what heals them."""
    first, *others = damage
    more = f" and {len(others)} more files are" if others else " is"
    return f"{folder / first}{more} damaged; {healing(folder)}"


def _sealed(layout: Layout) -> dict[str, int | None] | None:
    """Return the checksum of each sealed file, none while they are being made; None: damaged."""
    path = layout.folder / SEAL
    if not path.exists():
        return {}
    try:
        files = read_signed(path)["files"]
        return files if isinstance(files, dict) else None
    except (OSError, ValueError, KeyError):
        return None


def _differ(layout: Layout, files: Mapping[str, int | None]) -> list[str]:
    return [key for key, crc in files.items() if _crc(layout, key) != crc]


def _crc(layout: Layout, key: str) -> int | None:
    data = read_file(layout.root, key)
    return None if data is None else zlib.crc32(data)


def _keys(layout: Layout, groups: Iterable[str]) -> Iterator[str]:
    """Yield the key of every file of groups that no task writes."""
    for name in sorted(groups):
        group, dimension = layout.group(name, "r"), known_groups()[name].dimension
        if group is None:
            continue
        yield f"{name}/zarr.json"
        for _, array in sorted(group.arrays()):
            yield f"{array.path}/zarr.json"
            dims = dims_of(array)
            by_point = layout.swept and dims[:1] == (POINT,) and len(dims) > 1
            if not (dimension in dims or "task" in dims or by_point):
                for index in np.ndindex(array.cdata_shape):
                    yield f"{array.path}/{array.metadata.encode_chunk_key(index)}"


def missing(layout: Layout, tasks: Sequence[Task]) -> Iterator[Task]:
    """Yield the tasks whose values are not there, or do not have their checksum."""
    known = _Checked(layout, tasks)
    for task in tasks:
        if not known.is_written(task) or known.fault(task):
            yield task


class _Checked:
    """What the groups of a store hold, each read once if it fits, to be compared task by task.

    Of ``tasks``, where they are given, or of all.
    """

    def __init__(self, layout: Layout, tasks: Sequence[Task] = ()) -> None:
        self.layout = layout
        groups = {task.group for task in tasks}
        self._box = {g: Box.around(t for t in tasks if t.group == g) for g in groups}
        self.checksums: dict[str, np.ndarray | None] = {}
        self._values: dict[str, dict[str, Any]] = {}

    def is_written(self, task: Task) -> bool:
        if task.group not in self.checksums:
            box = self._box.get(task.group, WHOLE)
            self.checksums[task.group] = read_checksums(self.layout, task.group, box)
        return is_written(self.checksums[task.group], self.layout, task)

    def fault(self, task: Task) -> str:
        """Name the file that makes the values of a task other than its checksum says, or ''."""
        if task.group not in self._values:
            self._values = {task.group: self._read(task)}  # tasks come group by group
        values = {}
        for name, (array, read) in self._values[task.group].items():
            if not is_of_task(array, self.layout, task):
                continue
            where = where_of(array, task)
            try:
                values[name] = np.asarray(array[where] if read is None else read[where])
            except Exception:  # a damaged chunk: each codec raises its own kind
                return self._file(task, name, array)
        checksums = self.checksums[task.group]
        assert checksums is not None  # it is written
        if checksum_of(self.layout, task, values) == checksums[task_index(self.layout, task)]:
            return ""
        lost = [name for name in values if self._is_lost(task, name)]
        name = lost[0] if len(lost) == 1 else CHECKSUM
        return self._file(task, name, self._values[task.group].get(name, (None, None))[0])

    def _read(self, task: Task) -> dict[str, Any]:
        layout = self.layout
        arrays, _ = opened(layout.root, task.group, task.size, len(layout.points))
        whole = sum(array.nbytes for array in arrays.values()) < _LARGEST
        found = {}
        for name, array in arrays.items():
            read = None
            if whole and is_of_task(array, layout, task):
                where = where_box(array, task.group, self._box.get(task.group, WHOLE))
                try:
                    read = np.empty(array.shape, array.dtype)  # of which only the box is touched
                    read[where] = array[where]
                except Exception:  # a damaged chunk, which is looked for task by task
                    read = None
            found[name] = array, read
        return found

    def _is_lost(self, task: Task, name: str) -> bool:
        """Whether the first chunk of a task is no file."""
        array = self._values[task.group][name][0]
        return read_file(self.layout.root, self._key(task, name, array)) is None

    def _file(self, task: Task, name: str, array: Any) -> str:
        return self._key(task, name, array)

    def _key(self, task: Task, name: str, array: Any) -> str:
        if array is None:
            index: Iterable[int] = task_index(self.layout, task)
        else:
            own = {
                known_groups()[task.group].dimension: task.first // task.chunk,
                POINT: task.point,
            }
            index = (own.get(d, 0) for d in dims_of(array))
        return "/".join((task.group, name, "c", *map(str, index)))
