"""Ways to learn on the chip, run on MNIST at 12x12 pixels: accuracy, and the writes of every cell.

Each is a rule with its schedule of writes. Their rates were chosen on the last 10 000 training
images, which nothing is trained on; accuracy is that on the test images. Cells take every value
exactly here, so that a count of writes belongs to the rule and not to a technology; for cells with
errors see `reliability.architecture.learning.incremental`.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from reliability.architecture.learning import gradient_rules, stdp
from reliability.architecture.learning.gradient_rules import Schedule
from reliability.architecture.learning.stdp import Stdp
from reliability.errors import InputError, unknown_name
from reliability.network import load_mnist
from reliability.random import stream

TRAINING = 50_000  # images; the other 10 000 chose the rates
_HIDDEN = 40

# Backpropagation and Manhattan: 144-40-10; delta and errors: 144-10; STDP: 144-200, two-level.
RULES: dict[str, Schedule | Stdp] = {
    "backprop_every": Schedule("gradient", _HIDDEN, 0.01),
    "backprop_batch": Schedule("gradient", _HIDDEN, 0.01, batch=100),
    "backprop_threshold": Schedule("gradient", _HIDDEN, 0.02, threshold=0.002),
    "backprop_hybrid": Schedule("gradient", _HIDDEN, 0.02, carry=1.0, levels=16),
    "manhattan_batch": Schedule("sign", _HIDDEN, 0.002, batch=100),
    "delta_every": Schedule("gradient", 0, 0.01),
    "delta_batch": Schedule("gradient", 0, 0.01, batch=100),
    "delta_hybrid": Schedule("gradient", 0, 0.01, carry=1.0, levels=16),
    "delta_two_level": Schedule("gradient", 0, 0.02, carry=1.0, levels=4, two_level=True),
    "errors_every": Schedule("error", 0, 0.003),
    "errors_two_level": Schedule("error", 0, 0.01, carry=1.0, levels=4, two_level=True),
    "stdp": Stdp(),
}


@dataclass(frozen=True, eq=False)
class Training:
    """Result of one training run from the start.

    Attributes
    ----------
    accuracy : float
        On the test images.
    loads : tuple of ndarray of int, shape (inputs, 2, cells, outputs) each
        Writes of each cell, by layer.
    weights : tuple of ndarray of float32, shape (inputs, outputs) each
        What was written last, -1 to 1 (stochastic STDP 0 or 1).
    """

    accuracy: float
    loads: tuple[NDArray[np.int32], ...]
    weights: tuple[NDArray[np.float32], ...]

    @property
    def writes(self) -> NDArray[np.int32]:
        """Writes of all cells, shape (cells,)."""
        return np.concatenate([load.ravel() for load in self.loads])


def train(
    rule: str | Schedule | Stdp,
    *,
    images: int = TRAINING,
    epochs: int = 1,
    seed: int = 0,
    stuck: NDArray[np.int8] | None = None,
) -> Training:
    """Train a network once and count the writes of every cell.

    Parameters
    ----------
    rule : str, Schedule or Stdp
        A name in `RULES`, or one's own.
    images : int
        The first of the training images, up to 50 000.
    epochs : int
        How often they are shown, each time in another order.
    seed : int
    stuck : ndarray of int8, shape (cells,), optional
        Cells that can not be written (`write_life.FREE`, ``AT_ZERO``, ``AT_ONE``).

    Raises
    ------
    InputError
        An unknown rule, or more images than there are.

    Examples
    --------
    >>> little = train("delta_two_level", images=2000)
    >>> 0.7 < little.accuracy < 0.9, bool(0 < little.writes.mean() < 1)
    (True, True)
    """
    if isinstance(rule, str):
        if rule not in RULES:
            raise unknown_name("rule", rule, RULES)
        rule = RULES[rule]
    if not 1 <= images <= TRAINING or epochs < 1:
        raise InputError(
            f"images: got {images} shown {epochs} times, allowed 1 to {TRAINING}, once or more"
        )
    pixels, labels = digits("train")
    seen, answers = digits("test")
    orders = [stream(seed, "learning.order", e).permutation(images) for e in range(epochs)]
    if isinstance(rule, Stdp):
        synapses = stdp.start(rule, pixels.shape[1], seed, stuck)
        for e, order in enumerate(orders):
            stdp.learn(rule, synapses, pixels[order], labels[order], seed * 1000 + e)
        weights = [synapses.weight.T.astype(np.float32)]
        found = stdp.classify(rule, weights[0], seen)
        loads = [np.ascontiguousarray(synapses.writes.T)[:, None, None, :]]
    else:
        layers = gradient_rules.start(rule, pixels.shape[1], 10, seed, stuck)
        for order in orders:
            gradient_rules.learn(rule, layers, pixels[order], labels[order])
        found = gradient_rules.outputs(layers, seen).argmax(axis=1)
        loads = [layer.writes for layer in layers]
        weights = [layer.weight for layer in layers]
    return Training(float((found == answers).mean()), tuple(loads), tuple(weights))


def accuracy_of(rule: Schedule | Stdp, weights: Sequence[NDArray[np.float32]]) -> float:
    """Return the accuracy on the test images of weights that are read from cells.

    Parameters
    ----------
    rule : Schedule or Stdp
        With which they were learnt.
    weights : sequence of ndarray of float32, shape (inputs, outputs) each
        Of the layers.
    """
    seen, answers = digits("test")
    if isinstance(rule, Stdp):
        found = stdp.classify(rule, weights[0], seen)
    else:
        found = gradient_rules.through(weights, seen).argmax(axis=1)
    return float((found == answers).mean())


@dataclass(frozen=True)
class Run:
    """A training run for `train_all`; ``failed`` as `write_life.failed_cells` made it."""

    rule: str
    images: int
    epochs: int
    seed: int
    failed: bytes = b""


def train_all(runs: Sequence[Run]) -> list[Training]:
    """Train side by side, each run once in this process: draws of the card share them."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(_once, runs))


@lru_cache(maxsize=1024)
def _once(run: Run) -> Training:
    stuck = np.frombuffer(run.failed, np.int8) if run.failed else None
    return train(run.rule, images=run.images, epochs=run.epochs, seed=run.seed, stuck=stuck)


@lru_cache(maxsize=2)
def digits(split: Literal["train", "test"]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the pixels, 0 to 1, and the labels of the digits of a split."""
    data = load_mnist(split)
    pixels = data["pixels"].values / np.float32(255)
    return pixels.astype(np.float32), data["label"].values.astype(np.int64)
