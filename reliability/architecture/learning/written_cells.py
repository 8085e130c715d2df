"""What cells give after each write: tables of outcomes, from the programming laws of a card.

The k-th write of a cell to a level has one outcome, whatever happened in between, so that a chip
learns with the same cells under every rule. A cell keeps what is its own; the cycle is drawn anew
with each write, without correlation from write to write (`reliability.devices.cycles` has that).
After `WRITES` writes the outcomes of a cell repeat.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reliability.devices import programming, target, verify
from reliability.devices.programming import Programming
from reliability.devices.target import Target
from reliability.devices.verify import Verify
from reliability.network.conductances import in_series, state_difference
from reliability.random import draw, stream
from reliability.technology import Technology

WRITES = 24


class Outcomes(NamedTuple):
    """Outcomes of writes.

    Attributes
    ----------
    unit : ndarray of float32, shape (levels, writes, cells)
        Conductance over that of one step of weight.
    pulses : ndarray of float32, shape (levels, writes, cells)
    """

    unit: NDArray[np.float32]
    pulses: NDArray[np.float32]


def ideal(levels: int, cells: int) -> Outcomes:
    """Return cells that take each level exactly: level k gives k steps.

    >>> ideal(2, 3).unit[:, 0, 0].tolist()
    [0.0, 1.0]
    """
    steps = np.arange(levels, dtype=np.float32)[:, None, None]
    unit = np.broadcast_to(steps, (levels, 1, cells))
    return Outcomes(np.ascontiguousarray(unit), np.ones((levels, 1, cells), np.float32))


def outcomes(
    technology: Technology, steps: int, cells: int, *, attempts: int, chip: int, seed: int
) -> Outcomes:
    """Draw what each write of each cell of a chip gives.

    Parameters
    ----------
    technology : Technology
        With LRS and HRS: two levels, written with verify. With levels: ``steps`` + 1 of them,
        evenly spaced, whose errors include their verify.
    steps, cells, attempts, chip, seed : int
        ``attempts`` pulses at most, of two states; 1 is a single pulse without verify.

    Examples
    --------
    >>> import reliability as rel
    >>> made = outcomes(
    ...     rel.load_technology("oxram-130nm"), 4, 1000, attempts=10, chip=0, seed=1)
    >>> made.unit.shape, bool(made.unit[1].mean() > 1), bool(made.unit[0].mean() < 0.3)
    ((2, 24, 1000), True, True)
    """
    address = np.array([[0, chip, 0]])

    def normal(name: str) -> NDArray[np.float32]:
        return draw(seed, f"learning.{name}", address, cells, dtype=np.float32)[0]

    if not technology.has_states:
        levels = Target.from_technology(technology)
        step = (levels.maximum - levels.minimum) / steps
        targets = levels.minimum + step * np.arange(steps + 1)
        unit = np.empty((steps + 1, WRITES, cells), np.float32)
        for k in range(WRITES):
            z = normal(f"write@{k}")
            for s, g in enumerate(targets):
                unit[s, k] = target.conductance(levels, np.full(cells, g), z) / step
        return Outcomes(unit, np.ones_like(unit))
    difference = state_difference(technology)
    unit = np.empty((2, WRITES, cells), np.float32)
    pulses = np.empty_like(unit)
    algorithm = _with_attempts(Verify.from_technology(technology), attempts)
    for level, state in enumerate(("HRS", "LRS")):
        model = Programming.from_technology(technology, state)
        cell = programming.cell_deviate(
            state, programming.correlation(technology, "cell"), normal, "cell"
        )
        shared = np.float32(_shared(technology, model, state, chip, seed))
        fixed = cell * np.float32(model.sigma_cell) + shared
        width = programming.widths(model, normal, state)
        for k in range(WRITES):
            at_write = partial(_at_write, normal, state, k)
            g, pulses[level, k], _ = verify.program(
                algorithm, state, model, fixed, at_write, width=width
            )
            unit[level, k] = in_series(g, technology["access.series_resistance"]) / difference
    return Outcomes(unit, pulses)


def _at_write(
    normal: Callable[[str], NDArray[np.float32]], state: str, write: int, name: str
) -> NDArray[np.float32]:
    """Standard normal deviates of a phenomenon at one write; each draws its own."""
    return normal(f"{state}.{name}@{write}")


def _with_attempts(algorithm: Verify, attempts: int) -> Verify:
    return Verify(algorithm.lrs_resistance, algorithm.hrs_resistance, attempts)


def _shared(technology: Technology, model: Programming, state: str, chip: int, seed: int) -> float:
    """Deviation that all cells of a chip share: of its lot, wafer and die."""
    levels = ("lot", "wafer", "die")
    z = stream(seed, f"learning.{state}.die", 0, chip).standard_normal(3)
    if state == "HRS":
        rho = np.array([programming.correlation(technology, level) for level in levels])
        common = stream(seed, "learning.LRS.die", 0, chip).standard_normal(3)
        z = rho * common + np.sqrt(1 - rho**2) * z
    return float(z @ [getattr(model, f"sigma_{level}") for level in levels])
