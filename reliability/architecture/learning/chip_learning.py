"""A chip of one layer that learns with its own cells: each write has the outcome of that cell.

Weights are whole steps from -n to n, on n two-level cells a side (the first |w| of the side of the
sign are in LRS) or on one cell of many levels a side (at level |w|). A rule sees the outputs of
the cells as they are. What it proposes is collected in a volatile memory, in steps, and whole
steps are written.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from reliability.architecture.learning.gradient_rules import GAIN_ONE, KINDS, errors
from reliability.architecture.learning.written_cells import Outcomes

Array = NDArray[np.float32]


@dataclass(eq=False)
class Chip:
    """Cells of one layer and what was written to them.

    Attributes
    ----------
    steps : int
        Largest weight.
    level : ndarray of int32, shape (inputs, outputs)
        Weight that was written, -steps to steps.
    read : ndarray of float32, shape (inputs, outputs)
        Weight that the cells give, in steps.
    volatile : ndarray of float32, shape (inputs, outputs)
        Changes that are not written, in steps.
    held : ndarray of float32, shape (inputs, outputs, 2, cells)
        What each cell gives, in steps.
    writes : ndarray of int32, shape (inputs, outputs, 2, cells)
        After the chip was programmed.
    pulses : ndarray of float32, shape (inputs, outputs, 2, cells)
    outcomes : Outcomes
    """

    steps: int
    level: NDArray[np.int32]
    read: Array
    volatile: Array
    held: Array
    writes: NDArray[np.int32]
    pulses: Array
    outcomes: Outcomes

    @classmethod
    def programmed(
        cls, weights: NDArray[np.integer], outcomes: Outcomes, steps: int, two_level: bool
    ) -> "Chip":
        """Write all cells once; that write is not counted.

        Parameters
        ----------
        weights : ndarray of int, shape (inputs, outputs)
            -steps to steps.
        outcomes : Outcomes
            Of as many cells as the weights need.
        steps : int
        two_level : bool
            ``steps`` two-level cells a side instead of one of many levels.

        Examples
        --------
        >>> from reliability.architecture.learning.written_cells import ideal
        >>> chip = Chip.programmed(np.array([[2], [-3]]), ideal(2, 2 * 2 * 4), 4, two_level=True)
        >>> chip.read.ravel().tolist()
        [2.0, -3.0]
        """
        sides = np.stack([np.maximum(weights, 0), np.maximum(-weights, 0)], axis=-1)[..., None]
        level = (np.arange(steps) < sides).astype(int) if two_level else sides
        held = outcomes.unit[level.ravel(), 0, np.arange(level.size)].reshape(level.shape)
        total = held.sum(axis=-1)
        return cls(
            steps, weights.astype(np.int32), total[..., 0] - total[..., 1],
            np.zeros(weights.shape, np.float32), held, np.zeros(level.shape, np.int32),
            np.zeros(level.shape, np.float32), outcomes,
        )  # fmt: skip

    def learn(
        self,
        pixels: Array,
        labels: NDArray[np.int64],
        *,
        kind: str,
        rate: float,
        columns: NDArray[np.bool_],
        budgets: Sequence[int],
    ) -> Array:
        """Show images once; return the weights that are read after each budget of writes.

        Parameters
        ----------
        pixels : ndarray of float32, shape (images, inputs)
        labels : ndarray of int64, shape (images,)
        kind : {"gradient", "error"}
        rate : float
            Learning rate, in weights of at most 1.
        columns : ndarray of bool, shape (outputs,)
            Whose weights may be written.
        budgets : sequence of int
            Growing; none writes nothing, and the rule sees the volatile changes as if they were
            written.

        Returns
        -------
        ndarray of float32, shape (budgets, inputs, outputs)
            The last state where a budget is not used up.
        """
        states = np.empty((len(budgets), *self.level.shape), np.float32)
        arguments = (
            *self._cells, self.volatile, pixels, labels, np.float32(rate * self.steps),
            KINDS.index(kind), columns, np.asarray(budgets, np.int64), states,
        )  # fmt: skip
        reached = _learn(*arguments)
        states[reached:] = self.read
        return states

    def transfer(self, budgets: Sequence[int]) -> Array:
        """Write the volatile changes, the largest first; return as `learn`."""
        states = np.empty((len(budgets), *self.level.shape), np.float32)
        order = np.argsort(-np.abs(self.volatile), axis=None, kind="stable")
        targets = np.clip(np.round(self.level + self.volatile), -self.steps, self.steps)
        targets = targets.astype(np.int32).ravel()
        arguments = (*self._cells, order, targets, np.asarray(budgets, np.int64), states)
        reached = _transfer(*arguments)
        self.volatile[:] = 0
        states[reached:] = self.read
        return states

    @property
    def _cells(self) -> tuple[NDArray, ...]:
        return (self.level, self.read, self.held, self.writes, self.pulses, *self.outcomes,
                np.array([self.steps, self.writes.sum()]))  # fmt: skip


@numba.njit(cache=True)
def _write(i, j, new, level, read, held, writes, pulses, unit, taken, count, budgets, states, at):  # type: ignore[no-untyped-def]
    """Write one weight; count[1] is the sum of writes. Return how many budgets are used up."""
    columns, cells = level.shape[1], held.shape[3]
    for side in range(2):
        sign = 1 - 2 * side
        a, b = max(sign * level[i, j], 0), max(sign * new, 0)
        if a == b:
            continue
        first, last = (0, 1) if cells == 1 else (min(a, b), max(a, b))
        for c in range(first, last):
            cell = ((i * columns + j) * 2 + side) * cells + c
            state = b if cells == 1 else int(b > a)
            writes[i, j, side, c] += 1
            k = writes[i, j, side, c] % unit.shape[1]
            read[i, j] += sign * (unit[state, k, cell] - held[i, j, side, c])
            held[i, j, side, c] = unit[state, k, cell]
            pulses[i, j, side, c] += taken[state, k, cell]
            count[1] += 1
            if at < len(budgets) and count[1] == budgets[at]:
                for r in range(level.shape[0]):
                    for s in range(columns):
                        states[at, r, s] = read[r, s]
                at += 1
    level[i, j] = new
    return at


@numba.njit(cache=True, nogil=True)
def _learn(  # type: ignore[no-untyped-def]
    level, read, held, writes, pulses, unit, taken, count, volatile, pixels, labels, rate, kind,
    columns, budgets, states,
):  # fmt: skip
    rows, outputs = level.shape
    steps, at = count[0], 0
    through = np.float32(len(budgets) == 0)
    gain = GAIN_ONE / np.float32(steps)
    y = np.empty(outputs, np.float32)
    for k in range(len(pixels)):
        x = pixels[k]
        y[:] = 0
        for i in range(rows):
            if x[i] > 0:
                for j in range(outputs):
                    y[j] += x[i] * (read[i, j] + through * volatile[i, j])
        y *= gain
        if not errors(y, labels[k], kind):
            continue
        for i in range(rows):
            if x[i] > 0:
                for j in range(outputs):
                    if columns[j]:
                        volatile[i, j] -= rate * x[i] * y[j]
                        change = int(volatile[i, j])
                        if change != 0 and through == 0:
                            new = min(max(level[i, j] + change, -steps), steps)
                            volatile[i, j] -= change
                            at = _write(
                                i, j, new, level, read, held, writes, pulses, unit, taken, count,
                                budgets, states, at,
                            )  # fmt: skip
    return at


@numba.njit(cache=True)
def _transfer(  # type: ignore[no-untyped-def]
    level, read, held, writes, pulses, unit, taken, count, order, targets, budgets, states
):
    columns, at = level.shape[1], 0
    for k in order:
        at = _write(
            k // columns, k % columns, targets[k], level, read, held, writes, pulses, unit, taken,
            count, budgets, states, at,
        )  # fmt: skip
    return at
