"""Make mnist12.npz: the MNIST digits resampled from 28x28 to 12x12 pixels.

Every output pixel is the exact area-weighted mean of the 7/3 x 7/3 source pixels that it
covers, rounded half-up to a whole grey level. The sums are done in integers, so the same
input gives the same output on every machine.

    python data/mnist12/make.py --idx FOLDER --out data/mnist12/mnist12.npz

FOLDER holds the four files in which MNIST is distributed (see ``FILES``).
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
from math import gcd
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SOURCE_SIZE = 28
SIZE = 12

# The arrays of mnist12.npz, in the order in which they are hashed, and the file of each.
FILES = {
    "train_images": "train-images-idx3-ubyte.gz",
    "train_labels": "train-labels-idx1-ubyte.gz",
    "test_images": "t10k-images-idx3-ubyte.gz",
    "test_labels": "t10k-labels-idx1-ubyte.gz",
}
SHAPES = {
    "train_images": (60_000, SOURCE_SIZE, SOURCE_SIZE),
    "train_labels": (60_000,),
    "test_images": (10_000, SOURCE_SIZE, SOURCE_SIZE),
    "test_labels": (10_000,),
}


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read one gzipped IDX file of unsigned bytes."""
    raw = gzip.decompress(path.read_bytes())
    if raw[:3] != b"\x00\x00\x08":  # two zero bytes, then 8: the element type is uint8
        raise ValueError(f"{path.name}: not an IDX file of unsigned bytes")
    n_dims = raw[3]
    shape = [int(n) for n in np.frombuffer(raw, ">u4", count=n_dims, offset=4)]
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * n_dims).reshape(shape)


def area_weights(n_out: int, n_in: int) -> NDArray[np.int32]:
    """The overlap of each of n_out equal cells with each of n_in pixels, in integers.

    Lengths are counted in steps of gcd(n_in, n_out) / n_out pixel, so that both the pixel and
    the cell are a whole number of steps; every row adds up to the length of one cell.
    """
    common = gcd(n_in, n_out)
    pixel, cell = n_out // common, n_in // common  # 28 to 12: pixel 3 steps, cell 7 steps
    first = np.arange(n_out)[:, None] * cell
    start = np.arange(n_in)[None, :] * pixel
    overlap = np.minimum(first + cell, start + pixel) - np.maximum(first, start)
    weights: NDArray[np.int32] = np.maximum(overlap, 0).astype(np.int32)
    return weights


def resample(images: NDArray[np.uint8], size: int = SIZE) -> NDArray[np.uint8]:
    """Exact area resampling of square images (count, n, n) to (count, size, size)."""
    weights = area_weights(size, images.shape[-1])
    area = int(weights[0].sum()) ** 2
    out = np.empty((len(images), size, size), np.uint8)
    for at in range(0, len(images), 5_000):
        sums = weights @ images[at : at + 5_000].astype(np.int32) @ weights.T
        out[at : at + 5_000] = (2 * sums + area) // (2 * area)  # half-up
    return out


def raw_sha256(arrays: dict[str, NDArray[np.uint8]]) -> str:
    """SHA-256 of the raw bytes of the arrays, one after the other in the order of FILES."""
    digest = hashlib.sha256()
    for name in FILES:
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()


def main() -> None:
    """Command line entry."""
    parser = argparse.ArgumentParser(description="Resample MNIST to 12x12 pixels.")
    parser.add_argument(
        "--idx",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="folder with the four MNIST IDX .gz files",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="the .npz file to write"
    )
    args = parser.parse_args()

    arrays: dict[str, NDArray[np.uint8]] = {}
    for name, file in FILES.items():
        array = read_idx(args.idx / file)
        if array.shape != SHAPES[name]:
            raise ValueError(f"{file}: shape {array.shape}, expected {SHAPES[name]}")
        arrays[name] = resample(array) if array.ndim == 3 else array

    # numpy gives every member of the zip file the same fixed date: the bytes are reproducible.
    with args.out.open("wb") as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
    print(f"arrays  sha256 {raw_sha256(arrays)}")
    print(
        f"file    sha256 {hashlib.sha256(args.out.read_bytes()).hexdigest()}"
        f"  ({args.out.stat().st_size} bytes)"
    )


if __name__ == "__main__":
    main()
