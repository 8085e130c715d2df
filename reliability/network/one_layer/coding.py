"""How a network of one layer is driven and how its outputs decide.

`RateCoding`, `WeightedSum` and `FirstSpike` each hold their own options and classify samples with
the kernels of ``spiking``, ``weighted_sum`` and ``first_spike``. A string names one with its
default options.
"""

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, ClassVar, Literal, NamedTuple, get_args

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError, unknown_name, whole_number
from reliability.network.datasets import evenly_spaced
from reliability.network.metrics import Metric, checked_target
from reliability.network.one_layer.events import Events, default_data, events_in_time, intensities
from reliability.network.one_layer.first_spike import run_first_spike
from reliability.network.one_layer.model import Network
from reliability.network.one_layer.neuron import Neuron
from reliability.network.one_layer.spiking import count_reads, rate_code, run_spiking
from reliability.network.one_layer.weighted_sum import (
    Converters,
    run_weighted_sum,
    weighted_sums,
)

_MOST = 1_000_000  # events, and lead of a decision
_ACTIVATIONS = ("argmax", "tanh")


class Samples(NamedTuple):
    """Samples to classify: input intensities, labels, and their places in the data set."""

    pixels: NDArray[np.uint8]  # (samples, inputs)
    labels: NDArray[Any]  # or targets (samples, outputs); none for a metric that takes none
    places: NDArray[np.int64]
    data: xr.Dataset

    @classmethod
    def of(
        cls,
        network: Network,
        data: xr.Dataset | None,
        count: int | None,
        metric: Metric = "accuracy",
    ) -> "Samples":
        """Return ``count`` samples evenly spaced over the data, by default of the test set."""
        data = default_data(network) if data is None else data
        pixels = intensities(data, network)
        target = data["label"].values if "label" in data else None
        target = checked_target(metric, (len(pixels), network.outputs), target)
        chosen = evenly_spaced(len(pixels), count)
        labels = np.empty(0, np.int64) if target is None else target[chosen]
        return cls(pixels[chosen], labels, chosen, data)

    def events(self) -> Events:
        """Return the events of the samples in order of time."""
        return events_in_time(self.data).of(self.places)


class Circuit(NamedTuple):
    """Synapses and neurons of chips, in units of weight."""

    weights: NDArray[np.float32]  # (chips, inputs, outputs), with the injector gain
    upper: NDArray[np.float32]  # (chips, outputs), thresholds, both positive
    lower: NDArray[np.float32]
    neuron: Neuron


class Decisions(NamedTuple):
    """Decisions of chips on samples and what they took."""

    predicted: NDArray[np.int16]  # (chips, samples)
    events: NDArray[np.int32]  # (chips, samples), input events until the decision
    reads: NDArray[np.int64]  # (chips, inputs), pulses on each input over all samples
    time: NDArray[np.float64] | None = None  # (chips,), mean time of the decision
    scores: NDArray[np.float32] | None = None  # (chips, samples, outputs), the largest decided


@dataclass(frozen=True)
class RateCoding:
    """Input events at rates proportional to the pixels; spike counts decide.

    Parameters
    ----------
    delta_s : int
        Lead of the first over the second output count that decides.
    spike_limit : int
        Input events after which the leading output decides.

    Raises
    ------
    InputError
        A number that is not an integer from 1 to 1 000 000.

    Examples
    --------
    >>> RateCoding(delta_s=0)
    Traceback (most recent call last):
    reliability.errors.InputError: delta_s: got 0, allowed 1 to 1000000
    """

    name: ClassVar = "rate"
    delta_s: int = 10
    spike_limit: int = 1024

    def __post_init__(self) -> None:
        for name in ("delta_s", "spike_limit"):
            object.__setattr__(self, name, whole_number(getattr(self, name), name, 1, _MOST))

    def decide(
        self, circuit: Circuit, samples: Samples, seed: int, scores: bool = False
    ) -> Decisions:
        """Classify samples; all chips see the same input events."""
        pixels, places = samples.pixels, samples.places
        sequences = _rate_coded(
            pixels.tobytes(), pixels.shape, places.tobytes(), self.spike_limit, seed
        )
        weights, upper, lower, neuron = circuit
        predicted, events, counts = run_spiking(
            weights, upper, lower, sequences, neuron, self.delta_s, scores
        )
        reads = count_reads(sequences, events, pixels.shape[1])
        return Decisions(predicted, events, reads, scores=counts)


@dataclass(frozen=True)
class WeightedSum:
    """Conventional (non-spiking) evaluation: weighted sums of the pixels, the largest decides.

    Parameters
    ----------
    converters : Converters, optional
        Resolution of inputs and sums, by default without loss.
    activation : {"argmax", "tanh"}
        ``argmax`` compares the sums, ``tanh`` compares tanh(sum / threshold).

    Examples
    --------
    >>> WeightedSum(activation="relu")
    Traceback (most recent call last):
    reliability.errors.InputError: unknown activation 'relu'; allowed: argmax, tanh
    """

    name: ClassVar = "weighted_sum"
    converters: Converters | None = None
    activation: Literal["argmax", "tanh"] = "argmax"

    def __post_init__(self) -> None:
        if self.activation not in _ACTIVATIONS:
            raise unknown_name("activation", str(self.activation), _ACTIVATIONS)
        if not isinstance(self.converters, Converters | None):
            raise InputError(f"converters: got {self.converters!r}, expected Converters")

    def decide(
        self, circuit: Circuit, samples: Samples, seed: int, scores: bool = False
    ) -> Decisions:
        """Classify samples; each input that is not zero is one event."""
        converters = Converters() if self.converters is None else self.converters
        drive = (circuit.weights, samples.pixels, self.activation, circuit.upper, converters)
        predicted = run_weighted_sum(*drive)
        pulses = (converters.codes() > 0)[samples.pixels]
        events = np.broadcast_to(pulses.sum(axis=1, dtype=np.int32), predicted.shape)
        reads = np.broadcast_to(pulses.sum(axis=0), circuit.weights.shape[:2])
        sums = weighted_sums(*drive) if scores else None
        return Decisions(predicted, events, reads, scores=sums)


@dataclass(frozen=True)
class FirstSpike:
    """One event per input, the stronger the earlier; the first output spike decides.

    Parameters
    ----------
    threshold : float
        Charge at which an output fires, in units of weight. A higher one waits for more events.
    desensitization : float
        Fraction of its gain that a synapse loses with each event of the sample, so that early
        events, which are those of the strongest inputs, count most [1]_. None by default.

    References
    ----------
    .. [1] S. Thorpe, A. Delorme and R. Van Rullen, "Spike-based strategies for rapid processing",
       Neural Networks 14, 715 (2001), doi:10.1016/s0893-6080(01)00083-1.

    Examples
    --------
    >>> FirstSpike(threshold=0)
    Traceback (most recent call last):
    reliability.errors.InputError: first_spike: threshold: got 0, allowed above 0
    """

    name: ClassVar = "first_spike"
    threshold: float = 16.0
    desensitization: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.threshold < np.inf:
            raise InputError(f"first_spike: threshold: got {self.threshold}, allowed above 0")
        if not 0 <= self.desensitization < 1:
            raise InputError(
                f"first_spike: desensitization: got {self.desensitization}, allowed 0 to below 1"
            )

    def decide(
        self, circuit: Circuit, samples: Samples, seed: int, scores: bool = False
    ) -> Decisions:
        """Classify samples; thresholds keep their mismatch."""
        stream = samples.events()
        threshold = circuit.upper * np.float32(self.threshold / circuit.neuron.threshold)
        predicted, events, above = run_first_spike(
            circuit.weights, threshold, stream, circuit.neuron.leak, self.desensitization, scores
        )
        reads = count_reads(stream.source, events, circuit.weights.shape[1])
        last = np.maximum(events - 1, 0)  # of each sample, the event that decided
        rows = np.arange(len(stream.time))
        time = np.array([stream.time[rows, at].mean() for at in last])
        return Decisions(predicted, events, reads, time, above)


Coding = RateCoding | WeightedSum | FirstSpike
CodingName = Literal["rate", "weighted_sum", "first_spike"]


def coding_of(value: Coding | str) -> Coding:
    """Return the coding that a string names, or the object itself.

    Raises
    ------
    InputError
        An unknown name, or an object of another kind.

    Examples
    --------
    >>> coding_of("rate")
    RateCoding(delta_s=10, spike_limit=1024)
    """
    kinds = {kind.name: kind for kind in get_args(Coding)}
    if isinstance(value, str):
        if value not in kinds:
            raise unknown_name("coding", value, kinds)
        return kinds[value]()
    if not isinstance(value, Coding):
        raise InputError(
            f"coding: got {value!r}, expected {', '.join(map(repr, kinds))}, RateCoding, "
            "WeightedSum or FirstSpike"
        )
    return value


def options_of(coding: Coding) -> dict[str, Any]:
    """Return name and options of a coding as attributes of a result, named as in a study.

    >>> options_of(FirstSpike(14))
    {'coding': 'first_spike', 'first_spike': 14, 'desensitization': 0.0}
    """
    options = {field.name: getattr(coding, field.name) for field in fields(coding)}
    if isinstance(coding, FirstSpike):
        options = {"first_spike": options.pop("threshold"), **options}
    return {"coding": coding.name} | {
        name: repr(value) if isinstance(value, Converters) else value
        for name, value in options.items()
    }


@lru_cache(maxsize=2)
def _rate_coded(
    pixels: bytes, shape: tuple[int, int], chosen: bytes, spike_limit: int, seed: int
) -> NDArray[np.uint16]:
    """Input events of samples, shared by chips and stress conditions."""
    strength = np.frombuffer(pixels, np.uint8).reshape(shape)
    return rate_code(strength, np.frombuffer(chosen, np.int64), spike_limit, seed)
