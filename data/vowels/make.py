"""Make vowels.npz: spoken vowels of nine speakers as a stream of events on 72 lines.

A sensor of 12 channels (the cepstrum coefficients of the sound, one frame every 6.4 ms) sends an
event when a channel enters another of its six bands, and one for each channel's first band. The
borders of the bands are the sixths of each coefficient over all frames of the training set, so a
line is equally often the active one of its channel. Line 6 c + b is band b of coefficient c; events
of one frame are sent in the order of the lines.

    python data/vowels/make.py --ts FOLDER --out data/vowels/vowels.npz

FOLDER holds JapaneseVowels_TRAIN.ts and JapaneseVowels_TEST.ts; the Python package aeon carries
them in aeon/datasets/data/JapaneseVowels.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

COEFFICIENTS, BANDS, SPEAKERS = 12, 6, 9


def read_ts(path: Path) -> tuple[list[NDArray[np.float64]], NDArray[np.uint8]]:
    """Read the utterances, each (frames, coefficients), and their speakers from 0."""
    _, _, body = path.read_text("utf-8").partition("@data\n")
    utterances, speakers = [], []
    for line in body.splitlines():
        *channels, speaker = line.strip().split(":")
        utterances.append(np.array([np.array(c.split(","), float) for c in channels]).T)
        speakers.append(int(speaker) - 1)
    return utterances, np.array(speakers, np.uint8)


def borders(utterances: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the borders between the bands, (coefficients, bands - 1)."""
    share = np.arange(1, BANDS) / BANDS
    return np.quantile(np.concatenate(utterances), share, axis=0).T


def events(
    utterance: NDArray[np.float64], edges: NDArray[np.float64]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return line and frame of each event of an utterance."""
    band = np.stack(
        [np.searchsorted(edges[c], utterance[:, c]) for c in range(COEFFICIENTS)], axis=1
    )
    entered = np.ones(band.shape, bool)
    entered[1:] = band[1:] != band[:-1]
    frame, coefficient = np.nonzero(entered)
    return (BANDS * coefficient + band[entered]).astype(np.uint8), frame.astype(np.uint8)


def main() -> None:
    """Command line entry."""
    parser = argparse.ArgumentParser(description="Spoken vowels as events.")
    parser.add_argument("--ts", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    args = parser.parse_args()

    arrays: dict[str, NDArray] = {}
    edges = None
    for split in ("train", "test"):
        utterances, speakers = read_ts(args.ts / f"JapaneseVowels_{split.upper()}.ts")
        edges = borders(utterances) if edges is None else edges  # of the training set
        found = [events(utterance, edges) for utterance in utterances]
        arrays[f"{split}_line"] = np.concatenate([line for line, _ in found])
        arrays[f"{split}_frame"] = np.concatenate([frame for _, frame in found])
        arrays[f"{split}_events"] = np.array([len(line) for line, _ in found], np.uint8)
        arrays[f"{split}_speaker"] = speakers
    with args.out.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    digest = hashlib.sha256(b"".join(array.tobytes() for array in arrays.values()))
    print(f"arrays  sha256 {digest.hexdigest()}")
    print(f"{args.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
