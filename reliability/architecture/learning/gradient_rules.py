"""Learning by errors: gradient, sign-only and error-driven rules, every write of a cell counted.

A weight w between -1 and 1 is held by a positive and a negative cell (or cells); the side of its
sign is at |w|, the other at 0, as in `reliability.network.one_layer.weight_mapping`. For each step
of ``batch`` images a rule proposes a change of every weight,

    gradient     -rate dL/dw                     softmax and cross entropy; two layers: ReLU between
    sign         -rate sign(dL/dw)               the Manhattan rule [1]_
    error        as gradient with errors of 1    the perceptron: nothing when the image is right

and a schedule turns it into writes: with what is kept in a volatile memory (``carry`` 1, as in
mixed-precision training [2]_) or without it (0), the sum is written when it exceeds ``threshold``,
in whole steps of 1/``levels`` where levels are counted. A cell that is written receives one write
however large the change; a side of ``levels`` two-level cells flips one for each step.

A cell that is stuck stays at 0 or 1 and can not be written; the rule sees what it does to the
outputs and may correct it with the other cells.

.. [1] E. Zamanidoost et al., "Manhattan rule training for memristive crossbar circuit pattern
   classifiers".
.. [2] S. R. Nandakumar et al., Front. Neurosci. 14, 406 (2020), doi:10.3389/fnins.2020.00406.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from reliability.architecture.learning.write_life import AT_ONE, FREE
from reliability.random import stream

Array = NDArray[np.float32]
SMALLEST = np.float32(1e-6)  # an error below counts as none
ZERO, HALF, ONE = np.float32(0), np.float32(0.5), np.float32(1)
GAIN_ONE, GAIN_TWO = np.float32(4), np.float32(2)  # of outputs, so that weights up to 1 can decide
KINDS = ("gradient", "sign", "error")


@dataclass(frozen=True)
class Schedule:
    """How proposed changes become writes.

    Parameters
    ----------
    kind : {"gradient", "sign", "error"}
    hidden : int
        Neurons of the hidden layer; 0 for one layer.
    rate : float
        Learning rate, in weights of at most 1.
    batch : int
        Images whose changes are added up before anything is written.
    threshold : float
        A change of at most this size is not written.
    carry : float
        1 keeps what is not written in a volatile memory, 0 forgets it.
    levels : int
        Steps between 0 and 1 that a side can hold; 0 for any value.
    two_level : bool
        Each side is ``levels`` cells of two levels instead of one cell of many.
    """

    kind: str
    hidden: int
    rate: float
    batch: int = 1
    threshold: float = 0.0
    carry: float = 0.0
    levels: int = 0
    two_level: bool = False

    @property
    def cells(self) -> int:
        """Cells on each side of a weight."""
        return self.levels if self.two_level else 1


class Layer(NamedTuple):
    """Cells of one layer.

    Attributes
    ----------
    weight : ndarray of float32, shape (inputs, outputs)
        What was written, -1 to 1.
    held : ndarray of float32, shape (inputs, 2, levels + 1, outputs)
        What a side gives when a number of its cells are written, stuck ones included. One cell of
        many levels has its least and most (levels is 1) and is linear in between.
    volatile : ndarray of float32, shape (inputs, outputs)
    writes : ndarray of int32, shape (inputs, 2, cells, outputs)
    """

    weight: Array
    held: Array
    volatile: Array
    writes: NDArray[np.int32]


def start(
    schedule: Schedule, inputs: int, outputs: int, seed: int, stuck: NDArray[np.int8] | None = None
) -> list[Layer]:
    """Return layers with random weights (two layers) or zeros (one), nothing written yet.

    Parameters
    ----------
    schedule : Schedule
    inputs, outputs, seed : int
    stuck : ndarray of int8, shape (cells,), optional
        Of all cells of all layers, in the order of `loads`.
    """
    sizes = (inputs, schedule.hidden, outputs) if schedule.hidden else (inputs, outputs)
    layers, first = [], 0
    for k, (rows, columns) in enumerate(pairwise(sizes)):
        weight = np.zeros((rows, columns), np.float32)
        if schedule.hidden:
            z = stream(seed, "learning.start", k).standard_normal(weight.shape)
            weight = np.clip(z * np.sqrt(2 / rows), -1, 1).astype(np.float32)
            if schedule.levels:
                weight = np.round(weight * schedule.levels) / np.float32(schedule.levels)
        shape = (rows, 2, schedule.cells, columns)
        bad = np.full(shape, FREE, np.int8)
        if stuck is not None:
            bad = stuck[first : first + bad.size].reshape(shape)
            first += bad.size
        layers.append(Layer(weight, _held(bad), np.zeros_like(weight), np.zeros(shape, np.int32)))
    return layers


def _held(stuck: NDArray[np.int8]) -> Array:
    """What a side gives when 0 to all of its cells are written."""
    n = stuck.shape[2]
    written = np.arange(n) < np.arange(n + 1)[:, None]  # (levels + 1, cells)
    cells = stuck[:, :, None]
    given = np.where(cells == FREE, written[:, :, None], cells == AT_ONE)
    return given.mean(axis=3, dtype=np.float32)


def learn(
    schedule: Schedule, layers: list[Layer], pixels: Array, labels: NDArray[np.int64]
) -> None:
    """Show images once, in their order; layers change in place.

    Parameters
    ----------
    schedule : Schedule
    layers : list of Layer
    pixels : ndarray of float32, shape (images, inputs)
        0 to 1.
    labels : ndarray of int64, shape (images,)
    """
    common = (
        pixels, labels, schedule.batch, np.float32(schedule.rate), KINDS.index(schedule.kind),
        np.float32(schedule.threshold), np.float32(schedule.carry), np.float32(schedule.levels),
    )  # fmt: skip
    if schedule.hidden:
        _learn_two(*layers[0], *layers[1], *common)
    else:
        _learn_one(*layers[0], *common)


def outputs(layers: list[Layer], pixels: Array) -> Array:
    """Return the outputs of images, shape (images, outputs)."""
    return through([_read(layer.weight, layer.held) for layer in layers], pixels)


def through(weights: Sequence[Array], pixels: Array) -> Array:
    """Return the outputs of images through layers of weights (inputs, outputs)."""
    x = pixels
    for k, weight in enumerate(weights):
        x = x @ weight
        if k + 1 < len(weights):
            x = np.maximum(x, 0)
    return x


def loads(layers: list[Layer]) -> NDArray[np.int64]:
    """Return the writes of every cell of all layers, shape (cells,)."""
    return np.concatenate([layer.writes.ravel() for layer in layers])


@numba.njit(inline="always")
def _give(w, plus, minus):  # type: ignore[no-untyped-def]
    """Weight that the cells of one synapse give; plus and minus are its part of ``held``."""
    a, b = max(w, ZERO), max(-w, ZERO)
    n = plus.shape[0] - 1
    if n == 1:
        return plus[0] + a * (plus[1] - plus[0]) - minus[0] - b * (minus[1] - minus[0])
    return plus[int(a * n + HALF)] - minus[int(b * n + HALF)]


@numba.njit(cache=True)
def _read(weight, held):  # type: ignore[no-untyped-def]
    """Weights that the cells give."""
    out = np.empty_like(weight)
    for i in range(weight.shape[0]):
        for j in range(weight.shape[1]):
            out[i, j] = _give(weight[i, j], held[i, 0, :, j], held[i, 1, :, j])
    return out


@numba.njit(cache=True)
def _write(change, weight, held, volatile, writes, read, threshold, carry, levels):  # type: ignore[no-untyped-def]
    """Write what the schedule says of the proposed changes of one row, and count."""
    many = writes.shape[1]
    for j in range(len(change)):
        old = weight[j]
        c = change[j] + carry * volatile[j]
        part = c
        if levels > 0:
            part = np.trunc(c * levels) / levels
        if abs(c) <= threshold:
            part = ZERO
        new = min(max(old + part, -ONE), ONE)
        if levels > 0:
            new = np.floor(new * levels + HALF) / levels
        volatile[j] = carry * (c - part)
        weight[j] = new
        if many == 1:
            a = max(new, ZERO) * (held[0, 1, j] - held[0, 0, j]) + held[0, 0, j]
            b = max(-new, ZERO) * (held[1, 1, j] - held[1, 0, j]) + held[1, 0, j]
            read[j] = a - b
            writes[0, 0, j] += max(old, ZERO) != max(new, ZERO)
            writes[1, 0, j] += min(old, ZERO) != min(new, ZERO)
        elif new != old:
            read[j] = _give(new, held[0, :, j], held[1, :, j])
            for side in range(2):
                sign = 1 - 2 * side
                a = int(max(sign * old, ZERO) * many + HALF)
                b = int(max(sign * new, ZERO) * many + HALF)
                for k in range(min(a, b), max(a, b)):
                    writes[side, k, j] += 1


@numba.njit(cache=True)
def errors(y, label, kind):  # type: ignore[no-untyped-def]
    """Turn the outputs of an image into the errors of the output neurons; whether there are any."""
    if kind == 2:
        winner = np.argmax(y)
        y[:] = 0
        if winner == label:
            return False
        y[winner], y[label] = 1, -1
        return True
    y -= y.max()
    for j in range(len(y)):  # a slice would compile for two seconds more: it can fail
        y[j] = np.exp(y[j])
    y /= y.sum()
    y[label] -= 1
    for j in range(len(y)):
        if abs(y[j]) < SMALLEST:
            y[j] = 0
    return True


@numba.njit(cache=True)
def _write_touched(  # type: ignore[no-untyped-def]
    touched, gradient, rate, kind, weight, held, volatile, writes, read, threshold, carry, levels
):
    """Write the rows that a batch has changes for, and forget those."""
    for i in range(len(touched)):
        if touched[i]:
            change = gradient[i]
            if kind == 1:
                for j in range(len(change)):
                    change[j] = -rate * np.sign(change[j])
            else:
                for j in range(len(change)):
                    change[j] = -rate * change[j]
            _write(
                change, weight[i], held[i], volatile[i], writes[i], read[i], threshold, carry,
                levels,
            )  # fmt: skip
            change[:] = 0
            touched[i] = False


@numba.njit(cache=True, nogil=True)
def _learn_one(  # type: ignore[no-untyped-def]
    weight, held, volatile, writes, pixels, labels, batch, rate, kind, threshold, carry, levels
):
    rows, columns = weight.shape
    read = _read(weight, held)
    gradient, touched = np.zeros_like(weight), np.zeros(rows, np.bool_)
    y = np.empty(columns, np.float32)
    for k in range(len(pixels)):
        x = pixels[k]
        y[:] = 0
        for i in range(rows):
            if x[i] > 0:
                for j in range(columns):
                    y[j] += x[i] * read[i, j]
        y *= GAIN_ONE
        if errors(y, labels[k], kind):
            for i in range(rows):
                if x[i] > 0:
                    touched[i] = True
                    for j in range(columns):
                        gradient[i, j] += x[i] * y[j]
        if (k + 1) % batch == 0 or k + 1 == len(pixels):
            _write_touched(
                touched, gradient, rate, kind, weight, held, volatile, writes, read, threshold,
                carry, levels,
            )  # fmt: skip


@numba.njit(cache=True, nogil=True)
def _learn_two(  # type: ignore[no-untyped-def]
    weight, held, volatile, writes, weight2, held2, volatile2, writes2,
    pixels, labels, batch, rate, kind, threshold, carry, levels,
):  # fmt: skip
    rows, hidden = weight.shape
    columns = weight2.shape[1]
    read, read2 = _read(weight, held), _read(weight2, held2)
    gradient, touched = np.zeros_like(weight), np.zeros(rows, np.bool_)
    gradient2, touched2 = np.zeros_like(weight2), np.zeros(hidden, np.bool_)
    h, y = np.empty(hidden, np.float32), np.empty(columns, np.float32)
    for k in range(len(pixels)):
        x = pixels[k]
        h[:] = 0
        y[:] = 0
        for i in range(rows):
            if x[i] > 0:
                for j in range(hidden):
                    h[j] += x[i] * read[i, j]
        for i in range(hidden):
            if h[i] > 0:
                for j in range(columns):
                    y[j] += h[i] * read2[i, j]
        y *= GAIN_TWO
        if errors(y, labels[k], kind):
            for i in range(hidden):
                back = ZERO
                if h[i] > 0:
                    touched2[i] = True
                    for j in range(columns):
                        back += read2[i, j] * y[j]
                        gradient2[i, j] += h[i] * y[j]
                h[i] = back
            for i in range(rows):
                if x[i] > 0:
                    touched[i] = True
                    for j in range(hidden):
                        gradient[i, j] += x[i] * h[j]
        if (k + 1) % batch == 0 or k + 1 == len(pixels):
            _write_touched(
                touched, gradient, rate, kind, weight, held, volatile, writes, read, threshold,
                carry, levels,
            )  # fmt: skip
            _write_touched(
                touched2, gradient2, rate, kind, weight2, held2, volatile2, writes2, read2,
                threshold, carry, levels,
            )  # fmt: skip
