"""Results of chips and images whose spreads are known."""

import numpy as np
import xarray as xr


def made(rng, chips, images, wafers=1, sigmas=(0.0, 0.1, 1.0), shift=0.0):  # type: ignore[no-untyped-def]
    """A result of chips that are right where a normal score of chip and image is positive."""
    wafer = np.arange(chips) * wafers // chips
    of_chip = rng.normal(0, sigmas[0], wafers)[wafer] + rng.normal(0, sigmas[1], chips)
    score = 1.5 + shift + of_chip[:, None] + rng.normal(0, sigmas[2], images)
    right = score + rng.normal(size=(chips, images)) > 0
    return xr.Dataset(
        {"correct": (("chip", "image"), right), "accuracy": ("chip", right.mean(axis=1))},
        coords={"chip": np.arange(chips), "wafer": ("chip", wafer), "image": np.arange(images)},
        attrs={"seed": 0, "images": images},
    )
