"""Data sets that ship with the suite."""

from functools import lru_cache
from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError, whole_number
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


def evenly_spaced(total: int, count: int | None) -> NDArray[np.int64]:
    """Return the places of so many samples, evenly spaced (their order is not random), or of all.

    >>> evenly_spaced(10, 3)
    array([0, 3, 6])
    """
    count = total if count is None else whole_number(count, "images", 1, total)
    return np.arange(count) * total // count


# What a network of one layer says it was trained for.
DATA_SETS = {"mnist12": load_mnist, "vowels": load_vowels}
