"""Comparison of codings: events per decision, and agreement with weighted sums.

A neuron that subtracts its threshold theta keeps the rest of its charge, so after T events

    count_j = (sum over the events of w_ij - leftover_j) / theta,     |leftover_j| < theta

as long as no weight is larger than the threshold, and by the law of large numbers

    count_j / T  ->  sum_i p_i w_ij / theta,     p_i = pixel_i / sum of the pixels

which is the weighted sum divided by a factor common to all outputs. Both codings then decide
alike, except where two sums are equal. See ``docs/coding.md`` for what keeps a neuron from this
limit.

In first-spike coding each input sends one event and the first output to fire decides: few events,
and no such limit, since an event says when it came and not how strong its input is.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError
from reliability.network.one_layer.coding import (
    Circuit,
    Decisions,
    FirstSpike,
    RateCoding,
    Samples,
    WeightedSum,
)
from reliability.network.one_layer.model import Network, expect_network
from reliability.network.one_layer.neuron import Neuron
from reliability.network.results import provenance
from reliability.statistics.proportions import wilson

_EVENTS_AT_ONCE = 2**23  # so many events of images are held in memory


def compare_codings(
    network: Network,
    *,
    delta_s: Sequence[int] = (1, 2, 5, 10, 20, 40, 80, 160),
    spike_limit: int = 4096,
    first_spike: Sequence[FirstSpike] = (),
    images: int | None = 2000,
    data: xr.Dataset | None = None,
    neuron: Neuron | None = None,
    seed: int = 0,
    confidence: float = 0.95,
) -> xr.Dataset:
    """Compare the decisions of spikes with those of sums, on ideal cells and the same samples.

    Parameters
    ----------
    network : Network
    delta_s : sequence of int
        Leads of the first over the second output count that decide.
    spike_limit : int
        Input events after which the leading output decides.
    first_spike : sequence of FirstSpike
        First-spike codings to compare too.
    images : int, optional
        Number of samples, evenly spaced over the data; None: all.
    data : Dataset, optional
        As `reliability.evaluate` takes them; by default the test set that the network is for.
    neuron : Neuron, optional
        Threshold, leak and refractory period; mismatch belongs to chips and is not drawn here.
    seed : int
        Of the input events.
    confidence : float
        Of the Wilson intervals over images.

    Returns
    -------
    Dataset
        Over ``delta_s``: ``spikes``, the mean number of input events per image; ``accuracy`` and
        ``equal``, the fraction of images that spikes and sums decide alike, each with ``_low`` and
        ``_high``; ``undecided``, the fraction that ran to the limit. Without dimension:
        ``sum_accuracy`` with ``_low`` and ``_high``. Over ``first_spike``: the same with the
        prefix ``first_spike_`` (``first_spike_undecided``: needed all events); coordinates
        ``threshold`` and ``desensitization``.

    Raises
    ------
    InputError
        A number of images or events out of range.

    Examples
    --------
    >>> import reliability as rel
    >>> result = compare_codings(rel.load_network("spirit"), delta_s=(2, 40), images=200)
    >>> bool(result["equal"][1] > result["equal"][0])
    True
    """
    expect_network(network)
    samples = Samples.of(network, data, images)
    if not len(delta_s):
        raise InputError("delta_s: got none, expected one lead or more")
    rates = [RateCoding(lead, spike_limit) for lead in delta_s]
    neuron = Neuron() if neuron is None else neuron
    threshold = np.full((1, network.outputs), neuron.threshold, dtype=np.float32)
    circuit = Circuit(network.weights.astype(np.float32)[None], threshold, threshold, neuron)
    of_sums = WeightedSum().decide(circuit, samples, seed).predicted[0]
    sums: dict[str, tuple[Any, NDArray]] = {}
    hits: dict[str, tuple[Any, NDArray]] = {
        "sum_accuracy": ((), np.asarray((of_sums == samples.labels).sum()))
    }
    for name, axis, counts in (
        ("", "delta_s", _rate_counts(circuit, samples, rates, of_sums, seed)),
        ("first_spike_", "first_spike", _first_counts(circuit, samples, first_spike, of_sums)),
    ):
        events, correct, equal, undecided = counts
        sums |= {f"{name}spikes": (axis, events), f"{name}undecided": (axis, undecided)}
        hits |= {f"{name}accuracy": (axis, correct), f"{name}equal": (axis, equal)}
    out = xr.Dataset(
        _per_image(sums, hits, len(samples.labels), confidence),
        coords={
            "delta_s": list(delta_s),
            "threshold": ("first_spike", [f.threshold for f in first_spike]),
            "desensitization": ("first_spike", [f.desensitization for f in first_spike]),
        },
    )
    return out.assign_attrs(
        provenance(network, None, seed),
        neuron=repr(neuron),
        spike_limit=spike_limit,
        images=len(samples.labels),
        confidence=confidence,
    )


def _rate_counts(
    circuit: Circuit, samples: Samples, rates: list[RateCoding], of_sums: NDArray, seed: int
) -> NDArray[np.float64]:
    """Events, correct, equal and undecided images of each lead (4, leads), in parts of images."""
    out = np.zeros((4, len(rates)))
    limit = rates[0].spike_limit
    step = max(1, _EVENTS_AT_ONCE // limit)
    for first in range(0, len(of_sums), step):
        at = slice(first, first + step)
        part = Samples(samples.pixels[at], samples.labels[at], samples.places[at], samples.data)
        for n, rate in enumerate(rates):
            found = rate.decide(circuit, part, seed)
            out[:, n] += _counted(found, part.labels, of_sums[at], limit)
    return out


def _first_counts(
    circuit: Circuit, samples: Samples, codings: Sequence[FirstSpike], of_sums: NDArray
) -> NDArray[np.float64]:
    """Events, correct, equal and undecided images of each first-spike coding (4, codings)."""
    length = samples.events().length
    found = [coding.decide(circuit, samples, 0) for coding in codings]
    counts = [_counted(one, samples.labels, of_sums, length) for one in found]
    return np.array(counts, dtype=float).reshape(-1, 4).T


def _counted(
    found: Decisions, labels: NDArray, of_sums: NDArray, end: NDArray | int
) -> tuple[int, int, int, int]:
    predicted, events = found.predicted[0], found.events[0]
    return (
        events.sum(),
        (predicted == labels).sum(),
        (predicted == of_sums).sum(),
        (events == end).sum(),
    )


def _per_image(
    sums: dict[str, tuple[Any, NDArray]],
    hits: dict[str, tuple[Any, NDArray]],
    images: int,
    confidence: float,
) -> dict[str, tuple[Any, NDArray, dict[str, str]]]:
    """Sums over images as means, and counts of images as fractions with Wilson intervals."""
    unit = {"units": "1"}
    out = {name: (dims, total / images, unit) for name, (dims, total) in sums.items()}
    for name, (dims, count) in hits.items():
        low, high = wilson(count, images, confidence)
        out[name] = (dims, count / images, unit)
        out[f"{name}_low"], out[f"{name}_high"] = (dims, low, unit), (dims, high, unit)
    return out
