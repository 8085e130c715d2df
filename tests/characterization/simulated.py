"""Measured Datasets made by the package itself, so that what a fit must find is known."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

import reliability as rel

NO_DEFECTS = {f"defects.{kind}": 0.0 for kind in ("stuck_lrs", "stuck_hrs", "unformed")}


def part(card: rel.Technology, *sections: str) -> rel.Technology:
    """The card with only some of its phenomena besides programming."""
    keep = ("wafer.", "programming.", "target.", "read.", *sections)
    return rel.Technology(
        card.name, card.title, card.memory, card.description,
        {key: p for key, p in card.parameters.items() if key.startswith(keep)},
        {key: model for key, model in card.models.items() if key.startswith(keep)},
    )  # fmt: skip


def levels(card: rel.Technology, targets: Sequence[float], cells: int, times: Sequence[float],
           temperature: float = 298.15, seed: int = 3) -> xr.Dataset:  # fmt: skip
    """Cells of each target read at 0 and at some times."""
    target = np.tile(targets, cells)
    cells_of_all = rel.sample_population(card, cells=len(target), state=target, seed=seed)
    g = [cells_of_all["conductance"].values[0, 0]]
    for time in times:
        profile = rel.MissionProfile.constant(time, temperature)
        g.append(rel.age(cells_of_all, profile)["conductance"].values[0, 0])
    coords = {"target": ("cell", target), "time": [0.0, *times], "temperature": temperature}
    return xr.Dataset(
        {"conductance": (("cell", "time"), np.stack(g, axis=1))}, coords=coords,
        attrs={"source": "levels.csv", "problems": []},
    )  # fmt: skip


def states(card: rel.Technology, cells: int, segments: Sequence[rel.Segment], axis: str,
           values: Sequence[float], *, noise: float = 0.0, seed: int = 3,
           wafers: int = 1, dies: int = 1) -> xr.Dataset:  # fmt: skip
    """Both states as programmed and after each segment."""
    rng = np.random.default_rng(seed)
    out = []
    for state in ("LRS", "HRS"):
        fresh = rel.sample_population(
            card, cells=cells, state=state, seed=seed + (state == "HRS"), wafers=wafers, dies=dies
        )
        aged = [rel.age(fresh, rel.MissionProfile([segment])) for segment in segments]
        g = np.stack([one["conductance"].values for one in (fresh, *aged)], axis=-1)
        out.append(g * np.exp(rng.normal(0, noise, g.shape)))
    return xr.Dataset(
        {"conductance": (("wafer", "die", "cell", "state", axis), np.stack(out, axis=3))},
        coords={"state": ["LRS", "HRS"], axis: [0.0, *values], "radius": fresh["radius"],
                "wafer": fresh["wafer"], "die": fresh["die"]},
        attrs={"source": "states.csv", "problems": []},
    )  # fmt: skip


def cycles(card: rel.Technology, cells: int, count: int, seed: int = 3) -> xr.Dataset:
    """Consecutive cycles of both states."""
    r = rel.sample_cycles(card, cells=cells, cycles=count, seed=seed)["resistance"]
    return xr.Dataset(
        {"conductance": (("cell", "cycles", "state"), 1 / r.values)},
        coords={"cycles": np.arange(1, count + 1), "state": ["LRS", "HRS"]},
        attrs={"source": "cycles.csv", "problems": []},
    )


def distance(fitted: rel.Parameter, true: float) -> float:
    """How far an estimate is from the truth, in its own sigmas."""
    assert fitted.sigma
    if fitted.distribution == "lognormal":
        return float(np.log(fitted.value / true) / fitted.sigma)
    return (fitted.value - true) / fitted.sigma
