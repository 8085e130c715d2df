"""The codings beside each other: what a decision costs in events, and where it leads to.

A neuron that subtracts its threshold theta keeps the rest of its charge, so after T events

    count_j = (sum over the events of w_ij - leftover_j) / theta,     |leftover_j| < theta

as long as no weight is larger than the threshold, and by the law of large numbers

    count_j / T  ->  sum_i p_i w_ij / theta,     p_i = pixel_i / sum of the pixels

which is the formal sum, divided by what all outputs share. Both codings then decide alike, except
where two sums are equal. See ``docs/coding.md`` for what keeps a neuron from this limit.

In time coding each input sends one event and the first output to fire decides: few events, and no
such limit, since an event says when it came and not how strong its input is.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError
from reliability.network.datasets import evenly_spaced
from reliability.network.one_layer.events import (
    default_data,
    events_in_time,
    intensities,
)
from reliability.network.one_layer.first_spike import FirstSpike, run_first_spike
from reliability.network.one_layer.model import Network, expect_network
from reliability.network.one_layer.neuron import Neuron
from reliability.network.one_layer.spiking import rate_code, run_spiking
from reliability.network.one_layer.weighted_sum import run_formal
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
        Time coding too, with each of these.
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
        ``equal``, the share of images that spikes and sums decide alike, each with ``_low`` and
        ``_high``; ``undecided``, the share that ran to the limit. Without dimension:
        ``formal_accuracy`` with ``_low`` and ``_high``. Over ``first_spike``: ``time_spikes``,
        ``time_accuracy``, ``time_equal`` and ``time_undecided``, the share that needed all its
        events, likewise; coordinates ``threshold`` and ``desensitization``.

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
    data = default_data(network) if data is None else data
    pixels = intensities(data, network)
    chosen = evenly_spaced(data["label"].size, images)
    pixels, labels, images = pixels[chosen], data["label"].values[chosen], len(chosen)
    if not 1 <= spike_limit <= 1_000_000:
        raise InputError(f"spike_limit: got {spike_limit}, allowed 1 to 1000000")
    if not len(delta_s) or min(delta_s) < 1:
        raise InputError(f"delta_s: got {list(delta_s)}, expected leads of 1 or more")
    neuron = Neuron() if neuron is None else neuron
    weights = network.weights.astype(np.float32)[None]
    threshold = np.full((1, network.outputs), neuron.threshold, dtype=np.float32)
    formal = run_formal(weights, pixels, "argmax", threshold)[0]

    events, correct, equal, undecided = np.zeros((4, len(delta_s)))
    step = max(1, _EVENTS_AT_ONCE // spike_limit)
    for first in range(0, images, step):
        part = slice(first, first + step)
        sequences = rate_code(pixels[part], chosen[part], spike_limit, seed)
        for d, lead in enumerate(delta_s):
            found = run_spiking(weights, threshold, threshold, sequences, neuron, lead)
            events[d] += found.events.sum()
            correct[d] += (found.predicted[0] == labels[part]).sum()
            equal[d] += (found.predicted[0] == formal[part]).sum()
            undecided[d] += (found.events == spike_limit).sum()

    stream = events_in_time(data).of(chosen)
    time_events, time_correct, time_equal, time_undecided = np.zeros((4, len(first_spike)))
    for n, code in enumerate(first_spike):
        at = np.full_like(threshold, code.threshold)
        early = run_first_spike(weights, at, stream, neuron, code)
        time_events[n] = early.events.sum()
        time_correct[n] = (early.predicted[0] == labels).sum()
        time_equal[n] = (early.predicted[0] == formal).sum()
        time_undecided[n] = (early.events[0] == stream.length).sum()

    sums: dict[str, tuple[Any, NDArray]] = {
        "spikes": ("delta_s", events),
        "undecided": ("delta_s", undecided),
        "time_spikes": ("first_spike", time_events),
        "time_undecided": ("first_spike", time_undecided),
    }
    shares: dict[str, tuple[Any, NDArray]] = {
        "accuracy": ("delta_s", correct),
        "equal": ("delta_s", equal),
        "formal_accuracy": ((), np.asarray((formal == labels).sum())),
        "time_accuracy": ("first_spike", time_correct),
        "time_equal": ("first_spike", time_equal),
    }
    out = xr.Dataset(
        _per_image(sums, shares, images, confidence),
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
        images=images,
        confidence=confidence,
    )


def _per_image(
    sums: dict[str, tuple[Any, NDArray]],
    shares: dict[str, tuple[Any, NDArray]],
    images: int,
    confidence: float,
) -> dict[str, tuple[Any, NDArray, dict[str, str]]]:
    """Sums over images as means, and counts of images as shares with Wilson intervals."""
    unit = {"units": "1"}
    out = {name: (dims, total / images, unit) for name, (dims, total) in sums.items()}
    for name, (dims, hits) in shares.items():
        low, high = wilson(hits, images, confidence)
        out[name] = (dims, hits / images, unit)
        out[f"{name}_low"], out[f"{name}_high"] = (dims, low, unit), (dims, high, unit)
    return out
