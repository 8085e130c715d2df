"""Fit the relaxation of the card techB on the published reads of its array.

Usage: python fit_techB.py techB_relaxation.tsv.gz techB_bake.tsv.gz

Prints the values that stand in techB.toml. The files are those of
github.com/akashlevy/RRAM-Relaxation-Master-Model @ ca0cfff (MIT).

The law is `reliability.devices.relaxation`, ``random_walk``: the change of a cell's conductance has
the mean shift(g) s(t) and the standard deviation sigma(g) sqrt(s(t_eq)). Levels are those that
verify programmed, 4 uS wide; what each level and time shows (mean, standard deviation, number of
cells) is fitted by least squares, sigma on a log scale because its error is relative.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import least_squares

from reliability.devices.equivalent_time import equivalent_time

G_MAX = 128e-6
LEVELS = 32
KNOTS = 9  # levels 0, 16, ..., 128 uS at which the card states sigma and shift
REFERENCE_TIME = 1e4
ROOM = 298.15


def read_relaxation(path: Path) -> pd.DataFrame:
    """Return one row per read after programming: cell, level, time (s), g0 and change (S)."""
    names = ["cell", "elapsed", "resistance", "g", "g0", "level", "time"]
    reads = pd.read_csv(path, sep="\t", header=None, names=names)
    reads = reads[(reads.time > 0) & (reads.level < LEVELS)]
    return reads.assign(change=reads.g - reads.g0)[["cell", "level", "time", "g0", "change"]]


def read_bake(path: Path) -> pd.DataFrame:
    """Return one row per baked cell: cell, level, time (s), temperature (K), g0 and change (S)."""
    names = ["cell", "time", "resistance", "g", "celsius"]
    reads = pd.read_csv(path, sep="\t", header=None, names=names)
    before = reads[reads.time == 0].set_index(["celsius", "cell"]).g
    after = reads[reads.time > 0].set_index(["celsius", "cell"])
    baked = after.assign(g0=before).dropna().reset_index()
    baked["level"] = (baked.g0 / (G_MAX / LEVELS)).astype(int)
    baked = baked[baked.level < LEVELS]
    return baked.assign(change=baked.g - baked.g0, temperature=baked.celsius + 273.15)[
        ["cell", "level", "time", "temperature", "g0", "change"]
    ]


def centre(level: np.ndarray) -> np.ndarray:
    """Return the middle of a level as a fraction of G_max."""
    return (np.asarray(level) + 0.5) / LEVELS


def fit_relaxation(reads: pd.DataFrame) -> dict[str, np.ndarray | float]:
    """Return sigma and shift at the knots (S), and the onset time (s), of reads at room."""
    table = reads.groupby(["level", "time"]).change.agg(["mean", "std", "size"]).reset_index()
    table = table[table["size"] >= 20]
    g, time = centre(table.level), table.time.to_numpy()
    observed, count = table["std"].to_numpy(), table["size"].to_numpy()

    def progress(onset: float) -> np.ndarray:
        return np.log1p(time / onset) / np.log1p(REFERENCE_TIME / onset)

    basis = np.array([np.interp(g, np.linspace(0, 1, KNOTS), row) for row in np.eye(KNOTS)]).T

    def sigma(x: np.ndarray) -> np.ndarray:
        return basis @ np.exp(x[:-1]) * 1e-6 * np.sqrt(progress(np.exp(x[-1])))

    start = np.r_[np.full(KNOTS, np.log(np.median(observed) * 1e6)), np.log(2e-3)]
    found = least_squares(
        lambda x: np.sqrt(count) * (np.log(sigma(x)) - np.log(observed)), start, loss="soft_l1"
    )
    onset = float(np.exp(found.x[-1]))
    weight = np.sqrt(count) / sigma(found.x)
    columns = progress(onset)[:, None] * basis
    shift, *_ = np.linalg.lstsq(
        columns * weight[:, None], table["mean"].to_numpy() * weight, rcond=None
    )
    return {"sigma": np.exp(found.x[:-1]) * 1e-6, "shift": shift, "onset_time": onset}


def fit_attempt_time(baked: pd.DataFrame, room: dict[str, np.ndarray | float]) -> float:
    """Return the attempt time (s) with which the room-temperature walk gives the bakes' sigma."""
    middle = baked[(baked.level >= 5) & (baked.level < 20)]  # where relaxation is large
    table = middle.groupby(["temperature", "level"]).change.std().reset_index()
    times = baked.groupby("temperature").time.mean()
    onset = float(room["onset_time"])
    level = np.interp(centre(table.level), np.linspace(0, 1, KNOTS), np.asarray(room["sigma"]))

    def residuals(x: np.ndarray) -> np.ndarray:
        seconds = np.array(
            [equivalent_time([times[t]], [t], float(np.exp(x[0])), ROOM) for t in table.temperature]
        )
        progress = np.log1p(seconds / onset) / np.log1p(REFERENCE_TIME / onset)
        return np.log(level * np.sqrt(progress)) - np.log(table.change.to_numpy())

    return float(np.exp(least_squares(residuals, [np.log(1e-6)]).x[0]))


def fit_error(reads: pd.DataFrame) -> np.ndarray:
    """Return the programming error (S), constant and slope in g, about the middle of a level."""
    cells = reads.drop_duplicates("cell")
    off = cells.g0 - centre(cells.level) * G_MAX
    spread = np.sqrt((off**2).groupby(cells.level).mean())
    count = cells.groupby("level").size()
    g = centre(spread.index.to_numpy())
    return np.polynomial.polynomial.polyfit(g, spread, 1, w=np.sqrt(count))


def main() -> None:
    relaxation, bake = (Path(argument) for argument in sys.argv[1:3])
    reads = read_relaxation(relaxation)
    room = fit_relaxation(reads)
    print("programming.target.error, uS:", (fit_error(reads) * 1e6).round(4).tolist())
    for name in ("sigma", "shift"):
        print(f"relaxation.target.{name}, uS:", (np.asarray(room[name]) * 1e6).round(3).tolist())
    print(f"relaxation.target.onset_time, s: {room['onset_time']:.3g}")
    print(f"relaxation.target.attempt_time, s: {fit_attempt_time(read_bake(bake), room):.2g}")


if __name__ == "__main__":
    main()
