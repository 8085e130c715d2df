"""Make mnist28.npz: some of the MNIST digits at their own 28x28 pixels.

Every fifth of the 10 000 test images (the first half of them is easier than the second, so they
are taken evenly), and every 300th of the training images to set the ranges of converters with.

    python data/mnist28/make.py --idx FOLDER --out data/mnist28/mnist28.npz

FOLDER holds the four files in which MNIST is distributed.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

# Name in mnist28.npz, file, and every how many images are taken.
FILES = {
    "calibration": ("train", 300),
    "test": ("t10k", 5),
}


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read one gzipped IDX file of unsigned bytes."""
    raw = gzip.decompress(path.read_bytes())
    if raw[:3] != b"\x00\x00\x08":  # two zero bytes, then 8: the element type is uint8
        raise ValueError(f"{path.name}: not an IDX file of unsigned bytes")
    shape = [int(n) for n in np.frombuffer(raw, ">u4", count=raw[3], offset=4)]
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape)


def main() -> None:
    """Command line entry."""
    parser = argparse.ArgumentParser(description="Take a part of MNIST at 28x28 pixels.")
    parser.add_argument("--idx", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    args = parser.parse_args()
    arrays: dict[str, NDArray[np.uint8]] = {}
    digest = hashlib.sha256()
    for name, (split, step) in FILES.items():
        for kind, dims in (("images", 3), ("labels", 1)):
            array = read_idx(args.idx / f"{split}-{kind}-idx{dims}-ubyte.gz")[::step]
            arrays[f"{name}_{kind}"] = np.ascontiguousarray(array)
            digest.update(arrays[f"{name}_{kind}"].tobytes())
    np.savez_compressed(args.out, **arrays)
    print(f"{digest.hexdigest()}  arrays")
    print(f"{hashlib.sha256(args.out.read_bytes()).hexdigest()}  {args.out.name}")
    print(f"{args.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
