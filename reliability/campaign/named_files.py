"""The files that a study names: where they lie is not part of what it computes."""

import copy
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

FILES = (".toml", ".onnx", ".npz")  # of cards and networks, which may also be shipped names
_NAMED = ("technology", "cells", "network.name", "network.data", "network.calibration")
_PATHS_ONLY = ("cells", "network.data", "network.calibration")


def with_base_names(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return a study as JSON has it with the base names of its files, for its hash.

    >>> with_base_names({"technology": "cards/mine.toml", "seed": 1})
    {'technology': 'mine.toml', 'seed': 1}
    """
    return _with_files(spec, lambda name: Path(name).name)


def from_folder(spec: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return it with paths from a folder to the files, as they are kept there."""

    def kept(name: str) -> str:
        try:
            return Path(os.path.relpath(name, folder)).as_posix() if Path(name).exists() else name
        except ValueError:  # another drive
            return str(Path(name).absolute())

    return _with_files(spec, kept)


def in_folder(spec: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return it with the paths that `from_folder` kept as they are from here."""

    def found(name: str) -> str:
        path = folder / name
        try:
            return os.path.relpath(path) if path.exists() else name
        except ValueError:
            return str(path)

    return _with_files(spec, found)


def _with_files(spec: Mapping[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    out = copy.deepcopy(dict(spec))
    for key in _NAMED:
        table, _, name = key.rpartition(".")
        place = out.get(table) if table else out
        if not isinstance(place, dict):
            continue
        value = place.get(name)
        if isinstance(value, str) and (key in _PATHS_ONLY or value.endswith(FILES)):
            place[name] = change(value)
    return out
