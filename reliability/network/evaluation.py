"""Accuracy of a network on ideal cells, on a technology, or on a given population of chips."""

from functools import lru_cache, singledispatch
from typing import Any, Literal, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError, expect, unknown_name
from reliability.mission import MissionProfile
from reliability.network.datasets import evenly_spaced
from reliability.network.deep.deep_evaluation import evaluate_deep
from reliability.network.deep.onnx import DeepNetwork
from reliability.network.one_layer.events import (
    default_data,
    events_in_time,
    intensities,
)
from reliability.network.one_layer.first_spike import FirstSpike, run_first_spike
from reliability.network.one_layer.model import Network, expect_network
from reliability.network.one_layer.neuron import Neuron, sample_neurons
from reliability.network.one_layer.spiking import count_reads, rate_code, run_spiking
from reliability.network.one_layer.weight_mapping import Mapping, read_weights, sample_chips
from reliability.network.one_layer.weighted_sum import Converters, run_formal
from reliability.network.results import Values, of_decisions, on_chips, provenance
from reliability.population.ageing import age
from reliability.population.sampling import addresses, card_of_cells
from reliability.technology import Technology

CODINGS = ("spiking", "formal", "time")
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
# Energy of one synaptic event where the cells are ideal and no card says it: SPIRIT, IEDM 2019.
_ENERGY_EVENT = {"synapse_and_neuron": 3.6e-12, "system": 180e-12}


@singledispatch
def evaluate(
    network: Network,
    cells: Technology | xr.Dataset | None = None,
    *,
    coding: Literal["spiking", "formal", "time"] = "spiking",
    mapping: Mapping = "two_level",
    chips: int = 20,
    images: int | None = None,
    data: xr.Dataset | None = None,
    delta_s: int = 10,
    spike_limit: int = 1024,
    activation: Literal["argmax", "tanh"] = "argmax",
    converters: Converters | None = None,
    first_spike: FirstSpike | None = None,
    neuron: Neuron | None = None,
    profile: MissionProfile | None = None,
    seed: int = 0,
    confidence: float = 0.95,
) -> xr.Dataset:
    """Evaluate a network on test images.

    This is for a `Network` of one layer; a `DeepNetwork` from ONNX is evaluated by
    `reliability.network.evaluate_deep`, with the parameters given there.

    Parameters
    ----------
    network : Network
    cells : Technology, Dataset or None
        A technology: ``chips`` chips are sampled from it. A population of chips (..., cell) with
        cells ordered as by `map_weights`: used as it is. None: one chip of ideal cells.
    coding : {"spiking", "formal", "time"}
        Spikes whose rate codes the input until one count leads, weighted sums, or events in order
        of time until an output fires first (`reliability.network.one_layer.first_spike`).
    mapping : {"two_level", "multi_level"}
        How sampled cells hold a weight (`reliability.network.one_layer.weight_mapping`).
    chips : int
        Number of chips to sample.
    images : int, optional
        Number of samples, evenly spaced over the data (their order is not random); by default all.
    data : Dataset, optional
        ``label`` (sample), and ``pixels`` (sample, input) in uint8, or the events of a stream:
        ``input`` (sample, event), -1 beyond the last, and ``time`` (sample, event) in s
        (`reliability.network.one_layer.events`). By default the test set that the network is for.
    delta_s : int
        Spiking: lead of the first over the second output count that decides.
    spike_limit : int
        Spiking: input events after which the leading output decides.
    activation : {"argmax", "tanh"}
        Formal: what is compared.
    converters : Converters, optional
        Formal: resolution of inputs and sums, by default without loss.
    first_spike : FirstSpike, optional
        Time: threshold and desensitization of the outputs.
    neuron : Neuron, optional
        By default without mismatch and leak.
    profile : MissionProfile, optional
        Mission to age the cells by before they are evaluated.
    seed : int
        Of the cells, the neurons and the input events.
    confidence : float
        Of the intervals.

    Returns
    -------
    Dataset
        With the population's leading dimensions (``chip``): ``accuracy`` with its Wilson interval
        over images ``accuracy_low``, ``accuracy_high``; ``spikes``, the mean number of input
        events per image, and ``spikes_quantile`` over images; ``energy`` per image (J) for each
        ``energy_model``; ``confusion`` (label, predicted); ``reads`` of every cell over
        all images; ``correct`` (image), for `reliability.compare_accuracy`.

        A synaptic event is one input event at one output, so an image costs events x outputs
        times the energy of one event. Formally coded, each non-zero pixel is one event. Coded in
        time there is also ``decision_time``, the mean time of the last event that was needed: s in
        a stream, share of the window for pixels.

    Raises
    ------
    InputError
        A size out of range, an unknown coding or mapping, an option of another coding, data that
        the network does not take, cells that are no population or not as many as it needs.

    Examples
    --------
    >>> import reliability as rel
    >>> ideal = evaluate(rel.load_network("spirit"), images=500, seed=1)
    >>> bool(ideal["accuracy"].item() > 0.8)
    True
    """
    expect_network(network)
    _check(coding, activation, delta_s, spike_limit, chips)
    if coding != "formal" and converters is not None:
        raise InputError("converters: spikes are not converted; use coding='formal'")
    if coding != "time" and first_spike is not None:
        raise InputError(f"first_spike: got it with coding={coding!r}; use coding='time'")
    neuron = Neuron() if neuron is None else neuron
    data = default_data(network) if data is None else data
    pixels = intensities(data, network)
    chosen = evenly_spaced(data["label"].size, images)
    pixels, labels = pixels[chosen], data["label"].values[chosen].astype(np.int64)
    tested = _chips(network, cells, mapping, chips, profile, seed)
    upper, lower, gain = sample_neurons(neuron, tested.address, network.outputs, seed)
    weights = tested.weights * gain[:, None, :]

    if coding == "spiking":
        sequences = _rate_coded(pixels.tobytes(), pixels.shape, chosen.tobytes(), spike_limit, seed)
        predicted, events = run_spiking(weights, upper, lower, sequences, neuron, delta_s)
        reads = count_reads(sequences, events, network.inputs)
    elif coding == "time":
        first_spike = FirstSpike() if first_spike is None else first_spike
        stream = events_in_time(data).of(chosen)
        threshold = upper * np.float32(first_spike.threshold / neuron.threshold)
        predicted, events = run_first_spike(weights, threshold, stream, neuron, first_spike)
        reads = count_reads(stream.source, events, network.inputs)
    else:
        converters = Converters() if converters is None else converters
        predicted = run_formal(weights, pixels, activation, upper, converters)
        pulses = (converters.codes() > 0)[pixels]
        events = np.broadcast_to(pulses.sum(axis=1, dtype=np.int32), predicted.shape)
        reads = np.broadcast_to(pulses.sum(axis=0), (len(weights), network.inputs))

    energy_event = _energy_of_an_event(tested.technology)
    values = of_decisions(predicted, labels, network.outputs, confidence)
    values |= _costs(events, reads, network.outputs, energy_event, tested.cells_of_an_input)
    if coding == "time":
        last = np.maximum(events - 1, 0)  # of each image, the event that decided
        time = [stream.time[np.arange(len(chosen)), at].mean() for at in last]
        values["decision_time"] = ((), np.array(time), "1" if "pixels" in data else "s")
    axes = {
        "quantile": list(QUANTILES),
        "energy_model": list(energy_event),
        "label": np.arange(network.outputs),
        "predicted": np.arange(network.outputs),
        "image": chosen,
    }
    return on_chips(values, tested.lead, axes).assign_attrs(
        provenance(network, tested.technology, seed),
        coding=coding,
        delta_s=delta_s,
        spike_limit=spike_limit,
        first_spike="" if first_spike is None else repr(first_spike),
        converters="" if converters is None else repr(converters),
        images=len(chosen),
        confidence=confidence,
        mission=tested.mission,
        warnings=tested.warnings,
    )


evaluate.register(DeepNetwork, evaluate_deep)


@lru_cache(maxsize=2)
def _rate_coded(
    pixels: bytes, shape: tuple[int, int], chosen: bytes, spike_limit: int, seed: int
) -> NDArray[np.uint16]:
    """Input events of samples; chips and ages share them."""
    strength = np.frombuffer(pixels, np.uint8).reshape(shape)
    return rate_code(strength, np.frombuffer(chosen, np.int64), spike_limit, seed)


class _Chips(NamedTuple):
    """The chips to evaluate, one row each, and what is known of them."""

    weights: NDArray[np.float32]  # (chips, inputs, outputs)
    address: NDArray[np.int64]  # (chips, 3): wafer, die, chip
    cells_of_an_input: int
    lead: xr.DataArray  # with the population's leading dimensions
    technology: Technology | None
    mission: str
    warnings: list[str]


def _chips(
    network: Network,
    cells: Technology | xr.Dataset | None,
    mapping: Mapping,
    chips: int,
    profile: MissionProfile | None,
    seed: int,
) -> _Chips:
    """Chips of ideal cells, of a technology, or those that are given."""
    if cells is None:
        if profile is not None:
            raise InputError("profile: ideal cells do not age; give a technology or a population")
        return _Chips(
            network.weights.astype(np.float32)[None],
            np.zeros((1, 3), np.int64),
            network.outputs * 2 * network.weight_max,
            xr.DataArray(np.zeros(1), dims="chip", coords={"chip": [0]}),
            None,
            "[]",
            [],
        )
    if isinstance(cells, Technology):
        cells = sample_chips(cells, network, chips=chips, mapping=mapping, seed=seed)
    expect(cells, xr.Dataset, "cells", "a Technology, a population of sample_chips, or None")
    if profile is not None:
        cells = age(cells, profile)
    technology = card_of_cells(cells)
    return _Chips(
        read_weights(cells, network, technology).reshape(-1, *network.weights.shape),
        addresses(cells),
        cells.sizes["cell"] // network.inputs,
        cells["conductance"].transpose(..., "cell").isel(cell=0, drop=True),
        technology,
        cells.attrs["mission"],
        cells.attrs["warnings"],
    )


def _costs(
    events: NDArray[np.int32],
    reads: NDArray[np.int64],
    outputs: int,
    energy_event: dict[str, float],
    cells_of_an_input: int,
) -> Values:
    """Events and energy of an image, and reads of every cell, on each chip."""
    spikes = events.mean(axis=1)
    energy = spikes[:, None] * outputs * np.array(list(energy_event.values()))
    return {
        "spikes": ((), spikes, "1"),
        "spikes_quantile": (("quantile",), np.quantile(events, QUANTILES, axis=1).T, "1"),
        "energy": (("energy_model",), energy, "J"),
        "reads": (("cell",), np.repeat(reads, cells_of_an_input, axis=1), "1"),
    }


def _energy_of_an_event(technology: Technology | None) -> dict[str, float]:
    if technology is None or "energy.event" not in technology:
        return _ENERGY_EVENT
    return {
        "synapse_and_neuron": technology["energy.event"],
        "system": technology["energy.event_system"],
    }


def _check(coding: Any, activation: Any, delta_s: int, spike_limit: int, chips: int) -> None:
    if coding not in CODINGS:
        raise unknown_name("coding", str(coding), CODINGS)
    if activation not in ("argmax", "tanh"):
        raise unknown_name("activation", str(activation), ("argmax", "tanh"))
    limits = {
        "delta_s": (delta_s, 1_000_000),
        "spike_limit": (spike_limit, 1_000_000),
        "chips": (chips, 100_000_000),
    }
    for name, (value, high) in limits.items():
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
            raise InputError(f"{name}: got {value!r}, expected an integer")
        if not 1 <= value <= high:
            raise InputError(f"{name}: got {value}, allowed 1 to {high}")
