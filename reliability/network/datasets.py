"""Data sets that ship with the suite."""

from functools import lru_cache
from typing import Literal

import numpy as np
import xarray as xr

from reliability.errors import InputError
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
