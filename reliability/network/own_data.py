"""Data of one's own: arrays, torch datasets, files and folders of images, as one Dataset."""

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError, expect
from reliability.network.cifar10 import is_cifar10, load_cifar10


def data_of(data: Any, variable: str) -> xr.Dataset | None:
    """Return data of one's own as a Dataset.

    Parameters
    ----------
    data : Dataset, (inputs, label), inputs, torch dataset, or path
        Inputs and labels (or targets) as arrays or tensors with the samples first; a torch dataset
        of a length, whose items are an input and its label, or inputs alone; an ``.npz``
        file or a ``.zarr`` folder with the arrays ``inputs`` and ``label`` (or ``targets``); a
        folder of images, one folder for each class, with folders below it or without; a copy of
        CIFAR-10 (`load_cifar10`), of which the test images are taken. Inputs alone, as an array
        or in a file, are enough for metrics without labels. A mapping has arrays by the name of
        the network's input (and ``label``), of which those of no axis are the same for all
        samples. None is returned as it is.
    variable : str
        Name of the inputs in the Dataset.

    Raises
    ------
    InputError
        Another kind of thing, arrays of unlike numbers of samples, a file without these arrays.

    Examples
    --------
    >>> data_of((np.zeros((5, 3)), np.arange(5)), "inputs").sizes["image"]
    5
    """
    if data is None:
        return None
    if isinstance(data, xr.Dataset):
        is_named = "targets" not in data or "label" in data
        return data if is_named else data.rename(targets="label")
    if isinstance(data, (str, Path)):
        return _from_path(Path(data), variable)
    how = (
        "a Dataset, (inputs, label), inputs, a torch dataset, an .npz file, a .zarr folder, a "
        "folder of images or a copy of CIFAR-10"
    )
    if isinstance(data, Mapping):
        return _dataset(data)
    if hasattr(data, "__array__"):
        data = data, None
    elif not isinstance(data, (tuple, list)) and hasattr(data, "__getitem__"):
        data = _of_items(data)
    expect(data, (tuple, list), "data", how)
    if len(data) != 2:
        raise InputError(f"data: got {len(data)} parts, expected {how}")
    inputs = data[0] if isinstance(data[0], Mapping) else {variable: data[0]}
    return _dataset({**inputs, "label": data[1]})


def _of_items(data: Any) -> tuple[Any, Any]:
    """Inputs and labels of a torch dataset, item by item."""
    kind = type(data).__name__
    try:
        items = [data[k] for k in range(len(data))]
    except Exception as error:  # the caller's own class
        raise InputError(f"data: {kind}: {type(error).__name__}: {error}") from error
    pairs = [item if isinstance(item, (tuple, list)) else (item,) for item in items]
    sizes = sorted({len(pair) for pair in pairs})
    if sizes not in ([1], [2]):
        raise InputError(
            f"data: {kind}: got items of {sizes or 'no'} parts, expected an input and its label"
        )
    arrays = [
        [_array(name, part) for part in column]
        for name, column in zip(("inputs", "label"), zip(*pairs, strict=True), strict=False)
    ]
    for name, column in zip(("inputs", "label"), arrays, strict=False):
        shapes = sorted({array.shape for array in column})
        if len(shapes) > 1:
            raise InputError(f"data: {kind}: got {name} of shapes {shapes[0]} and {shapes[1]}")
    inputs, *label = (np.stack(column) for column in arrays)
    return inputs, label[0] if label else None


def _array(name: str, values: Any) -> NDArray[Any]:
    """An array of what holds numbers, a tensor on another device or with a gradient included."""
    held = values.detach().cpu() if hasattr(values, "detach") else values
    if np.ma.is_masked(held):
        raise InputError(f"data: {name}: got masked values, expected an array without a mask")
    try:
        return np.asarray(held)
    except Exception as error:  # ragged lists, types that NumPy has not
        line = " ".join(str(error).split())
        raise InputError(f"data: {name}: got no array of numbers: {line}") from error


def _dataset(arrays: Mapping[str, Any]) -> xr.Dataset:
    """Arrays with the samples first, those of no axis as they are."""
    held = {name: _array(name, values) for name, values in arrays.items() if values is not None}
    if "targets" in held and "label" not in held:
        held["label"] = held.pop("targets")
    first = next((name for name in held if name != "label"), None)
    if first is None:
        raise InputError(f"data: expected inputs, got {', '.join(held) or 'nothing'}")
    for name, array in held.items():
        alone = not array.ndim and name not in (first, "label")
        if not alone and (not array.ndim or not held[first].ndim or len(array) != len(held[first])):
            what = "labels of" if name == "label" else f"{name} of"
            raise InputError(
                f"data: got inputs of shape {held[first].shape} and {what} {array.shape}"
            )
    return xr.Dataset(
        {
            name: (("image", *(f"{name}_{k}" for k in range(1, array.ndim)))[: array.ndim], array)
            for name, array in held.items()
        }
    )


def _from_path(path: Path, variable: str) -> xr.Dataset:
    if path.suffix == ".zarr" and path.is_dir():
        return _named(_of_zarr(path), variable, path)
    if path.exists() and is_cifar10(path):
        held = load_cifar10(path)
        return _dataset({variable: held["inputs"].values, "label": held["label"].values})
    if path.is_dir():
        inputs, label = _images_of(path)
        return _dataset({variable: inputs, "label": label})
    if not path.is_file():
        raise InputError(f"data: no file {str(path)!r}")
    if not is_zipfile(path):
        raise InputError(
            f"data: {str(path)!r} is no .npz file of arrays, as numpy.savez(path, inputs=..., "
            "label=...) writes it"
        )
    try:
        with np.load(path, allow_pickle=False) as held:
            arrays = dict(held)
    except Exception as error:  # what is wrong with the archive or with a member
        raise InputError(f"data: {str(path)!r} is no .npz file of arrays: {error}") from None
    return _named(arrays, variable, path)


def _of_zarr(path: Path) -> dict[str, NDArray[Any]]:
    """Arrays of a folder that xarray wrote, or of a group whose dimensions have no names."""
    import zarr

    try:
        held = xr.open_zarr(path, consolidated=False).load()
        return {str(name): held[name].values for name in held}
    except Exception as error:
        why = error
    try:
        return {
            name: np.asarray(one[...]) for name, one in zarr.open_group(path, mode="r").arrays()
        }
    except Exception:
        raise InputError(f"data: {str(path)!r} is no Zarr folder: {why}") from None


def _named(arrays: dict[str, NDArray[Any]], variable: str, path: Path) -> xr.Dataset:
    """Arrays of a file, of which ``inputs`` has the name that the network's kind asks for."""
    if "inputs" not in arrays:
        there = ", ".join(arrays) or "none"
        raise InputError(f"data: {str(path)!r}: expected the array 'inputs', got {there}")
    return _dataset({variable: arrays.pop("inputs"), **arrays})


_SPLITS = {"train", "test", "val", "valid", "validation"}
_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp")


def _images_of(folder: Path) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Images of one size, from 0 to 1, channels first; folders in order are the classes."""
    classes = [one for one in _seen(folder) if one.is_dir()]
    if classes and {one.name.lower() for one in classes} <= _SPLITS:
        raise InputError(
            f"data: {str(folder)!r}: got the folders {', '.join(one.name for one in classes)}, "
            f"expected one for each class: give one of them, such as {str(classes[0])!r}"
        )
    others = [str(one.relative_to(folder)) for one in _seen(folder) if one.is_file()]
    images: list[NDArray[Any]] = []
    label: list[int] = []
    for number, one in enumerate(classes):
        files = [file for file in _seen(one, "**/*") if file.is_file()]
        found = [file for file in files if file.suffix.lower() in _SUFFIXES]
        others += [str(file.relative_to(folder)) for file in files if file not in found]
        if not found:
            raise InputError(
                f"data: {str(one)!r}: got no images ({', '.join(_SUFFIXES)}), expected those of a "
                "class"
            )
        for file in found:
            images.append(_pixels(file))
            label.append(number)
            if images[-1].shape != images[0].shape:
                raise InputError(
                    f"data: {str(file)!r}: got an image of shape {images[-1].shape}, those before "
                    f"it have {images[0].shape}"
                )
    if not images:
        raise InputError(
            f"data: {str(folder)!r}: expected one folder for each class, with images "
            f"({', '.join(_SUFFIXES)})"
        )
    if others:
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        note = f"{folder}: no images, not read: {', '.join(others[:3])}{more}"
        warnings.warn(note, stacklevel=5)
    return np.stack(images).astype(np.float32) / np.float32(255), np.array(label)


def _seen(folder: Path, pattern: str = "*") -> Iterator[Path]:
    """What lies in a folder, in order, without what is hidden."""
    for one in sorted(folder.glob(pattern)):
        if not any(part.startswith(".") for part in one.relative_to(folder).parts):
            yield one


def _pixels(file: Path) -> NDArray[np.uint8]:
    """One image, (channel, row, column)."""
    from PIL import Image

    try:
        with Image.open(file) as image:
            if image.mode[0] in "IF":  # of 16 or 32 bits, which convert would cut
                raise InputError(
                    f"data: {str(file)!r}: got pixels of mode {image.mode}, expected grey or "
                    "colour of 8 bits"
                )
            color = image if image.mode == "L" else image.convert("RGB")
            return np.atleast_3d(np.asarray(color)).transpose(2, 0, 1)
    except (OSError, Image.DecompressionBombError) as error:
        raise InputError(f"data: {str(file)!r} is no image: {error}") from None
