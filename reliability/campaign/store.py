"""The store: finished parts on disk while a study runs, one Zarr store when it is done.

A part is written beside its name and renamed when it is whole, so what is there is complete. The
final store holds nothing of time, host or worker: the same study gives the same bytes.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray as xr

from reliability.errors import InputError

RESULTS = "results.zarr"
_STUDY = "study.json"
_PARTS = "parts"


def open_folder(folder: Path, spec: Mapping[str, object], spec_hash: str) -> None:
    """Claim an output folder for a study, or refuse it when it holds anything else."""
    marker = folder / _STUDY
    if folder.exists() and not folder.is_dir():
        raise InputError(f"out: {str(folder)!r} is a file, expected a folder")
    if folder.is_dir() and any(folder.iterdir()):
        if not marker.is_file():
            raise InputError(f"out: folder {str(folder)!r} is not empty and holds no study")
        try:
            other = json.loads(marker.read_text("utf-8"))
        except json.JSONDecodeError:
            raise InputError(f"out: {str(marker)!r} is damaged; choose another folder") from None
        if other["spec_hash"] != spec_hash:
            raise InputError(
                f"out: folder {str(folder)!r} holds another study "
                f"({_difference(other['spec'], spec)}); choose another folder"
            )
        return
    (folder / _PARTS).mkdir(parents=True, exist_ok=True)
    text = json.dumps({"spec_hash": spec_hash, "spec": spec}, indent=1, sort_keys=True)
    temporary = folder / f".{_STUDY}"
    temporary.write_text(text, "utf-8")
    temporary.replace(marker)


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


def is_complete(folder: Path) -> bool:
    """Whether the final store is there."""
    return (folder / RESULTS).is_dir()


def has_part(folder: Path, name: str) -> bool:
    """Whether a task's part is there."""
    return (folder / _PARTS / f"{name}.npz").is_file()


def write_part(folder: Path, name: str, part: xr.Dataset) -> None:
    """Keep the result of one task (numbers and text only; nothing is pickled)."""
    parts = folder / _PARTS
    parts.mkdir(parents=True, exist_ok=True)
    layout = {
        "attrs": part.attrs,
        "variables": {
            str(key): {"dims": list(map(str, v.dims)), "attrs": v.attrs}
            for key, v in part.variables.items()
        },
        "coords": [str(key) for key in part.coords],
    }
    temporary = parts / f".{name}.npz"
    with temporary.open("wb") as file:
        arrays = {str(key): v.values for key, v in part.variables.items()}
        np.savez(file, **{"/layout": np.array(json.dumps(layout)), **arrays})  # type: ignore[arg-type]
    temporary.replace(parts / f"{name}.npz")


def read_part(folder: Path, name: str) -> xr.Dataset:
    """Read what `write_part` wrote."""
    with np.load(folder / _PARTS / f"{name}.npz", allow_pickle=False) as arrays:
        layout = json.loads(str(arrays["/layout"]))
        variables = {
            key: xr.Variable(v["dims"], arrays[key], v["attrs"])
            for key, v in layout["variables"].items()
        }
    coords = {key: variables.pop(key) for key in layout["coords"]}
    return xr.Dataset(variables, coords=coords, attrs=layout["attrs"])


def write_results(folder: Path, groups: Mapping[str, tuple[str, list[str]]]) -> None:
    """Join the parts into the final store and remove them.

    Parameters
    ----------
    folder : Path
    groups : mapping of str to (dimension, part names)
        Zarr group, the dimension along which its parts follow one another, and the parts in order.
    """
    temporary = folder / f".{RESULTS}"
    shutil.rmtree(temporary, ignore_errors=True)
    for group, (dimension, names) in groups.items():
        parts = [read_part(folder, name) for name in names]
        whole = parts[0]
        if len(parts) > 1:
            whole = xr.concat(
                parts,
                dimension,
                data_vars="minimal",
                coords="minimal",
                compat="equals",
                join="exact",
            )
        # variable-length text is the only kind that Zarr v3 specifies
        whole = whole.assign_coords(
            {name: c.astype(object) for name, c in whole.coords.items() if c.dtype.kind == "U"}
        )
        encoding = {str(key): {"chunks": v.shape} for key, v in whole.variables.items() if v.shape}
        whole.to_zarr(temporary, group=group, mode="w", encoding=encoding, consolidated=False)
    temporary.rename(folder / RESULTS)
    shutil.rmtree(folder / _PARTS)


def read_results(folder: Path) -> dict[str, xr.Dataset]:
    """Open every group of a finished study, by name."""
    store = folder / RESULTS
    if not store.is_dir():
        raise InputError(f"results: no {RESULTS} in {str(folder)!r}; run the study first")
    names = sorted(path.name for path in store.iterdir() if path.is_dir())
    return {
        name: xr.open_zarr(store, group=name, consolidated=False, chunks=None) for name in names
    }
