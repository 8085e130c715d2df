"""Data sets that ship with the suite."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError, expect, whole_number
from reliability.network.cifar10 import is_cifar10, load_cifar10
from reliability.resources import data_folder


@lru_cache(maxsize=2)
def load_mnist(split: Literal["train", "test"] = "test") -> xr.Dataset:
    """Load the 12x12 MNIST digits (area-resampled; origin in ``data/mnist12/README.md``).

    Parameters
    ----------
    split : {"train", "test"}
        60 000 or 10 000 images.

    Returns
    -------
    Dataset
        ``pixels`` (image, pixel), uint8, row by row, 0 is background; ``label`` (image).

    Examples
    --------
    >>> load_mnist("test")["pixels"].shape
    (10000, 144)
    """
    if split not in ("train", "test"):
        raise InputError(f"split: got {split!r}, allowed: train, test")
    with (data_folder() / "mnist12" / "mnist12.npz").open("rb") as file, np.load(file) as arrays:
        images, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
    return xr.Dataset(
        {
            "pixels": (("image", "pixel"), images.reshape(len(images), -1), {"units": "1"}),
            "label": ("image", labels, {"units": "1"}),
        }
    )


@lru_cache(maxsize=2)
def load_mnist28(split: Literal["test", "calibration"] = "test") -> xr.Dataset:
    """Load MNIST digits at their own 28x28 pixels (origin in ``data/mnist28/README.md``).

    Parameters
    ----------
    split : {"test", "calibration"}
        2000 of the 10 000 test images, every fifth, or 200 of the training images, every 300th, to
        set the ranges of converters with.

    Returns
    -------
    Dataset
        ``inputs`` (image, channel, row, column), float32 from 0 to 1, 0 is background; ``label``
        (image).

    Notes
    -----
    2000 of 10 000 images: an accuracy of 99 % is known to within 0.4 % (95 %).

    Examples
    --------
    >>> load_mnist28("test")["inputs"].shape
    (2000, 1, 28, 28)
    """
    if split not in ("test", "calibration"):
        raise InputError(f"split: got {split!r}, allowed: test, calibration")
    with (data_folder() / "mnist28" / "mnist28.npz").open("rb") as file, np.load(file) as arrays:
        images, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
    return xr.Dataset(
        {
            "inputs": (
                ("image", "channel", "row", "column"),
                images[:, None].astype(np.float32) / np.float32(255),
                {"units": "1"},
            ),
            "label": ("image", labels, {"units": "1"}),
        }
    )


_FRAME = 6.4e-3  # s, from one frame of the vowels to the next


@lru_cache(maxsize=2)
def load_vowels(split: Literal["train", "test"] = "test") -> xr.Dataset:
    """Load spoken vowels of nine speakers as events (origin in ``data/vowels/README.md``).

    A coefficient of the sound's spectrum sends an event when it enters another of its six bands.

    Parameters
    ----------
    split : {"train", "test"}
        270 or 370 utterances; the class is the speaker.

    Returns
    -------
    Dataset
        ``input`` (sample, event), the line of each event in order of time, -1 beyond the last;
        ``time`` (sample, event), s; ``label`` (sample). Attribute ``inputs``: 72 lines.

    Examples
    --------
    >>> vowels = load_vowels("test")
    >>> vowels.sizes["sample"], vowels.attrs["inputs"]
    (370, 72)
    """
    if split not in ("train", "test"):
        raise InputError(f"split: got {split!r}, allowed: train, test")
    with (data_folder() / "vowels" / "vowels.npz").open("rb") as file, np.load(file) as arrays:
        line, frame, count, label = (
            arrays[f"{split}_{name}"] for name in ("line", "frame", "events", "speaker")
        )
    there = np.arange(count.max()) < count[:, None]
    source = np.full(there.shape, -1, dtype=np.int16)
    time = np.zeros(there.shape, dtype=np.float32)
    source[there], time[there] = line, frame * np.float32(_FRAME)
    return xr.Dataset(
        {
            "input": (("sample", "event"), source, {"units": "1"}),
            "time": (("sample", "event"), time, {"units": "s"}),
            "label": ("sample", label, {"units": "1"}),
        },
        attrs={"inputs": 72},
    )


def data_of(data: Any, variable: str) -> xr.Dataset | None:
    """Return data of one's own as a Dataset.

    Parameters
    ----------
    data : Dataset, (inputs, label), inputs, torch dataset, or path
        Inputs and labels (or targets) as arrays or tensors with the samples first; a torch dataset
        of a length, whose items are an input and its label, or inputs alone; an ``.npz``
        file or a ``.zarr`` folder with the arrays ``inputs`` and ``label``; a folder of images,
        one folder for each class; a copy of CIFAR-10 (`load_cifar10`), of which the test images
        are taken. Inputs alone, as an array or in a file, are enough for metrics without labels.
        Inputs may be a mapping of arrays by the name of the network's
        input, of which those of no axis are the same for all samples. None is returned as it is.
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
    if data is None or isinstance(data, xr.Dataset):
        return data
    if isinstance(data, (str, Path)):
        return _from_path(Path(data), variable)
    how = (
        "a Dataset, (inputs, label), inputs, a torch dataset, an .npz file, a .zarr folder, a "
        "folder of images or a copy of CIFAR-10"
    )
    if isinstance(data, Mapping) or hasattr(data, "__array__"):
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
    try:
        return np.asarray(held)
    except Exception as error:  # ragged lists, types that NumPy has not
        line = " ".join(str(error).split())
        raise InputError(f"data: {name}: got no array of numbers: {line}") from error


def _dataset(arrays: Mapping[str, Any]) -> xr.Dataset:
    """Arrays with the samples first, those of no axis as they are."""
    held = {name: _array(name, values) for name, values in arrays.items() if values is not None}
    first, *_ = held
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
        try:
            held = xr.open_zarr(path, consolidated=False).load()
        except (ValueError, OSError, KeyError) as error:
            raise InputError(f"data: {str(path)!r} is no Zarr folder: {error}") from None
        return _named({str(name): held[name].values for name in held}, variable, path)
    if path.exists() and is_cifar10(path):
        held = load_cifar10(path)
        return _dataset({variable: held["inputs"].values, "label": held["label"].values})
    if path.is_dir():
        inputs, label = _images_of(path)
        return _dataset({variable: inputs, "label": label})
    if not path.is_file():
        raise InputError(f"data: no file {str(path)!r}")
    try:
        with np.load(path, allow_pickle=False) as held:
            return _named(dict(held), variable, path)
    except (ValueError, OSError, TypeError, AttributeError, EOFError, BadZipFile) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"data: {str(path)!r} is no .npz file of arrays: {error}") from None


def _named(arrays: dict[str, NDArray[Any]], variable: str, path: Path) -> xr.Dataset:
    """Arrays of a file, of which ``inputs`` has the name that the network's kind asks for."""
    if "inputs" not in arrays:
        there = ", ".join(arrays) or "none"
        raise InputError(f"data: {str(path)!r}: expected the array 'inputs', got {there}")
    return _dataset({variable: arrays.pop("inputs"), **arrays})


_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp")


def _images_of(folder: Path) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Images of one size, from 0 to 1, channels first; folders in order are the classes."""
    from PIL import Image

    files = [
        (number, file)
        for number, one in enumerate(sorted(f for f in folder.iterdir() if f.is_dir()))
        for file in sorted(one.iterdir())
        if file.suffix.lower() in _SUFFIXES
    ]
    if not files:
        raise InputError(
            f"data: {str(folder)!r}: expected one folder for each class, with images "
            f"({', '.join(_SUFFIXES)})"
        )
    images = []
    for _, file in files:
        try:
            with Image.open(file) as image:
                color = image if image.mode == "L" else image.convert("RGB")
                images.append(np.atleast_3d(np.asarray(color)).transpose(2, 0, 1))
        except OSError as error:
            raise InputError(f"data: {str(file)!r} is no image: {error}") from None
        if images[-1].shape != images[0].shape:
            raise InputError(
                f"data: {str(file)!r}: got an image of shape {images[-1].shape}, those before it "
                f"have {images[0].shape}"
            )
    return np.stack(images).astype(np.float32) / np.float32(255), np.array([n for n, _ in files])


def evenly_spaced(total: int, count: int | None) -> NDArray[np.int64]:
    """Return the places of so many samples, evenly spaced (their order is not random), or of all.

    >>> evenly_spaced(10, 3)
    array([0, 3, 6])
    """
    count = total if count is None else whole_number(count, "images", 1, total)
    return np.arange(count) * total // count


# What a network of one layer says it was trained for.
DATA_SETS = {"mnist12": load_mnist, "vowels": load_vowels}
