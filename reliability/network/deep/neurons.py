"""Neurons of a spiking network at one time step, as nodes of its graph.

The input of a step is x, the state of a neuron its charge v and, with a synapse, its current i:

    i' = a i + b x             (without a synapse i' = x)
    u = keep v + gain i' + bias
    spike if u reaches the threshold, then v' = u - threshold or v' = reset, else v' = u

Where there is no threshold the charge itself is the output.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reliability.network.deep.onnx_writer import Writer

Numbers = float | NDArray[np.float64]  # of all neurons, or of each one


@dataclass(frozen=True, eq=False)
class Neurons:
    """The neurons of one activation, between the tensors ``source`` and ``output``.

    Attributes
    ----------
    name, source, output : str
    shape : tuple of int
        Of the neurons of one image.
    threshold : float, ndarray or None
    keep, gain, bias : float or ndarray
        Charge that is left after a step; of the input; of each step.
    reset : ndarray, optional
        Charge after a spike, which needs a charge above the threshold. Without, a spike takes the
        threshold away from a charge that reaches it.
    synapse : tuple of (float or ndarray), optional
        a and b.
    start : float
        First charge, in thresholds.
    size : float
        Value of a spike.
    """

    name: str
    source: str
    output: str
    shape: tuple[int, ...]
    threshold: Numbers | None
    keep: Numbers = 1.0
    gain: Numbers = 1.0
    bias: Numbers = 0.0
    reset: NDArray[np.float64] | None = None
    synapse: tuple[Numbers, Numbers] | None = None
    start: float = 0.5
    size: float = 1.0

    @property
    def states(self) -> list[str]:
        """Names of the charge, and of the current of a synapse, as inputs of the graph."""
        return [f"{self.name}::charge", *([f"{self.name}::current"] if self.synapse else [])]

    @property
    def spikes(self) -> str:
        """Name of the number of spikes of a step."""
        return f"{self.name}::count"

    @property
    def limit(self) -> str:
        """Name of the thresholds, as an input of the graph."""
        return f"{self.name}::threshold"


def after(state: str) -> str:
    """Return the name of a state at the end of a step.

    >>> after("relu::charge")
    'relu::charge next'
    """
    return f"{state} next"


def step_nodes(neurons: Neurons) -> list[Any]:
    """Return the nodes that take the input and the states of a step to spikes and next states.

    Examples
    --------
    >>> nodes = step_nodes(Neurons("relu", "x", "y", (3,), 1.0))
    >>> [node.op_type for node in nodes]
    ['Add', 'GreaterOrEqual', 'Cast', 'Mul', 'Sub', 'Identity', 'ReduceSum']
    """
    writer = Writer(f"{neurons.name}::step")
    add = writer.add

    def scaled(x: str, factor: Numbers) -> str:
        if np.isscalar(factor) and factor == 1:
            return x
        return add("Mul", [x, writer.constant(_wide(factor))])

    drive, (charge, *current) = neurons.source, neurons.states
    if neurons.synapse:
        kept, taken = neurons.synapse
        held = [scaled(current[0], kept), scaled(drive, taken)]
        drive = add("Add", held, after(current[0]))
    total = add("Add", [scaled(charge, neurons.keep), scaled(drive, neurons.gain)])
    if np.any(neurons.bias):
        total = add("Add", [total, writer.constant(_wide(neurons.bias))])
    if neurons.threshold is None:
        add("Identity", [total], after(charge))
        add("Identity", [total], neurons.output)
        return writer.nodes
    compare = "GreaterOrEqual" if neurons.reset is None else "Greater"
    fires = add(compare, [total, neurons.limit])
    spike = writer.cast(fires)
    if neurons.reset is None:
        add("Sub", [total, add("Mul", [spike, neurons.limit])], after(charge))
    else:
        add("Where", [fires, writer.constant(_wide(neurons.reset)), total], after(charge))
    add("Identity", [scaled(spike, neurons.size)], neurons.output)
    add("ReduceSum", [spike], neurons.spikes, keepdims=0)
    return writer.nodes


def spiking(neurons: tuple[Neurons, ...]) -> Iterator[Neurons]:
    """Yield those that have thresholds."""
    return (n for n in neurons if n.threshold is not None)


def _wide(values: Numbers) -> NDArray[np.float64]:
    """Numbers of each neuron, with an axis of images in front."""
    array = np.asarray(values, float)
    return array[None] if array.ndim else array
