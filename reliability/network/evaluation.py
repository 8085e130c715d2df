"""Accuracy of a network on ideal cells, on a technology, or on a given population of chips."""

import math
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import stdtrit

from reliability.errors import InputError, expect
from reliability.mission import MissionProfile
from reliability.network.conductances import in_series
from reliability.network.deep.deep_evaluation import evaluate_deep
from reliability.network.deep.onnx import DeepNetwork
from reliability.network.deep.tiling import Tiling
from reliability.network.deep.torch_export import is_torch_module
from reliability.network.loading import from_file
from reliability.network.metrics import Metric, measured, metric_of, outputs_of
from reliability.network.one_layer.coding import (
    Circuit,
    Coding,
    CodingName,
    Decisions,
    Samples,
    coding_of,
    options_of,
)
from reliability.network.one_layer.model import Network, expect_network
from reliability.network.one_layer.neuron import Neuron, sample_neurons
from reliability.network.one_layer.weight_mapping import Mapping, read_weights, sample_chips
from reliability.network.own_data import data_of
from reliability.network.results import Values, of_decisions, on_chips, provenance
from reliability.population.ageing import age
from reliability.population.measured import MeasuredCells, is_measured
from reliability.population.sampling import addresses, card_of_cells
from reliability.progress import tracked
from reliability.technology import Technology

_DRAWS, _CHIPS = 20, 2  # bootstrap samples of measured cells, and chips of each
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
# Energy of one synaptic event where the cells are ideal and no card says it: SPIRIT, IEDM 2019.
_ENERGY_EVENT = {"synapse_and_neuron": 3.6e-12, "system": 180e-12}


def evaluate(
    network: Any,
    cells: Technology | xr.Dataset | None = None,
    *,
    coding: Coding | CodingName | None = None,
    mapping: Mapping | None = None,
    tiling: Tiling | None = None,
    chips: int = 20,
    images: int | None = None,
    data: Any = None,
    metric: Metric | None = None,
    outputs: bool = False,
    calibration: Any = None,
    neuron: Neuron | None = None,
    profile: MissionProfile | None = None,
    seed: int = 0,
    confidence: float = 0.95,
    workers: int | None = None,
    batch: int | None = None,
) -> xr.Dataset:
    """Evaluate a network on test images.

    Parameters
    ----------
    network : Network, DeepNetwork, str, Path or torch.nn.Module
        Of `reliability.load_network`, the name, TOML or ONNX file of one, or a torch module,
        whose images are those of ``data``.
    cells : Technology, Dataset or None
        A technology: ``chips`` chips are sampled from it. A population of chips (..., cell) of
        `sample_chips` or `program_layers`: used as it is. A Dataset of
        `reliability.read_measurements`: ``chips`` chips of its cells, resampled with their whole
        trajectories (`reliability.population.measured`), at conditions that were measured. None:
        one chip of ideal cells.
    coding : RateCoding, WeightedSum, FirstSpike, "rate", "weighted_sum" or "first_spike"
        How inputs drive the network and how outputs decide
        (`reliability.network.one_layer.coding`). One layer: ``RateCoding()`` by default. A deep
        network computes weighted sums; for its spikes see `reliability.evaluate_spiking`.
    mapping : {"two_level", "multi_level"}
        One layer: how sampled cells hold a weight, ``two_level`` by default
        (`reliability.network.one_layer.weight_mapping`).
    tiling : Tiling, optional
        Deep network: how weights lie in cells, and converters; by default levels where the card
        has them, else bits, on tiles of 256 x 256 with exact converters.
    chips : int
        Number of chips to sample.
    images : int, optional
        Number of samples, evenly spaced over the data (their order is not random); by default all.
    data : Dataset, (inputs, label), inputs or path, optional
        One's own data, as a Dataset, as two arrays (or tensors) with the samples first, or as an
        ``.npz`` file with the arrays ``inputs`` and ``label``. Variables of a Dataset: one layer,
        ``label`` (sample), and ``pixels`` (sample, input) in uint8, or the events of a stream:
        ``input`` (sample, event), -1 beyond the last, and ``time`` (sample, event) in s
        (`reliability.network.one_layer.events`); deep network, ``inputs`` (image, ...) and
        ``label`` (image, ...). By default the test set of the network.
    metric : str or callable, optional
        ``"accuracy"`` (default), ``"top5"``, ``"agreement"``, ``"mse"``, ``"f1"``, a function
        ``f(outputs, target) -> float`` or its ``module:function``, see
        `reliability.network.evaluate_deep`. Outputs of one layer: output counts (rate coding),
        sums in units of weight at a full input, or how far each charge is above its threshold
        (first spike), at the decision; agreement is with ideal cells and neurons.
    outputs : bool
        Keep the outputs of every chip, too, in ``outputs`` (image, output).
    calibration : as data, optional
        Deep network: inputs that set the ranges of the converters.
    neuron : Neuron, optional
        One layer: by default without mismatch and leak.
    profile : MissionProfile, optional
        Mission to age the cells by before they are evaluated.
    seed : int
        Of the cells, the neurons and the input events.
    confidence : float
        Confidence level of the intervals.
    workers, batch : int, optional
        Deep network: chips at the same time, by default one for each core, and images at the same
        time on each of them, by default so many that their tensors take at most 256 MiB.

    Returns
    -------
    Dataset
        With the population's leading dimensions (``chip``): ``accuracy`` with its Wilson interval
        over images ``accuracy_low``, ``accuracy_high``; ``confusion`` (label, predicted);
        ``correct`` (image), for `reliability.compare_accuracy`.

        One layer: ``spikes``, the mean number of input events per image, and ``spikes_quantile``
        over images; ``energy`` per image (J) for each ``energy_model``; ``reads`` of every cell
        over all images. A synaptic event is one input event at one output, so an image costs
        events x outputs times the energy of one event; a weighted sum has one event for each pixel
        that is not zero. With `FirstSpike` also ``decision_time``, the mean time of the last event
        that was needed: s in a stream, fraction of the window for pixels.

        Measured cells: also ``mean``, the accuracy over chips, and its interval ``low``, ``high``
        from 20 bootstrap samples of the cells with two chips each.

        Deep network: ``weight_error`` and ``reads`` per layer, see
        `reliability.network.evaluate_deep`.

    Raises
    ------
    InputError
        A size out of range, an unknown coding or mapping, an option of the other kind of network,
        data that the network does not take, cells that are no population or not as many as it
        needs.

    Examples
    --------
    >>> ideal = evaluate("spirit", images=500, seed=1)
    >>> bool(ideal["accuracy"].item() > 0.8)
    True
    """
    if not _is_onnx(network):
        network = from_file(network)
    data = data_of(data, "inputs" if _is_onnx(network) else "pixels")
    network = _loaded(network, data)
    if is_measured(cells):
        return _of_measured(
            network, MeasuredCells.of(cells), chips, seed, confidence, coding=coding,
            mapping=mapping, tiling=tiling, images=images, data=data, metric=metric,
            outputs=outputs, calibration=calibration, neuron=neuron, profile=profile,
            workers=workers, batch=batch,
        )  # fmt: skip
    if isinstance(network, DeepNetwork):
        data = None if data is None else data.drop_vars(_single(data))
        _refuse("a deep network", mapping=mapping, neuron=neuron)
        if coding is not None and coding_of(coding) != coding_of("weighted_sum"):
            raise InputError(
                f"coding: got {coding!r}, a deep network computes weighted sums (its converters "
                "are in tiling); use evaluate_spiking for spikes"
            )
        return evaluate_deep(
            network, cells, tiling=tiling, chips=chips, images=images, data=data,
            metric=metric or "accuracy", outputs=outputs, calibration=calibration,
            profile=profile, seed=seed, confidence=confidence, workers=workers, batch=batch,
        )  # fmt: skip
    expect_network(network)
    _refuse("a network of one layer", tiling=tiling, calibration=calibration, workers=workers,
            batch=batch)  # fmt: skip
    tested = _chips(network, cells, mapping or "two_level", chips, profile, seed)
    asked = _Asked(coding_of(coding or "rate"), metric or "accuracy", seed, confidence, outputs)
    samples = Samples.of(network, data, images, asked.metric)
    return _of_one_layer(network, tested, samples, neuron or Neuron(), asked)


class _Asked(NamedTuple):
    """What a network of one layer is evaluated for."""

    coding: Coding
    metric: Metric
    seed: int
    confidence: float
    outputs: bool


def _of_one_layer(
    network: Network, tested: "_Chips", samples: Samples, neuron: Neuron, asked: _Asked
) -> xr.Dataset:
    upper, lower, gain = sample_neurons(neuron, tested.address, network.outputs, asked.seed)
    circuit = Circuit(tested.weights * gain[:, None, :], upper, lower, neuron)
    scored = asked.outputs or asked.metric != "accuracy"
    made = asked.coding.decide(circuit, samples, asked.seed, scored)
    energy_event = energy_of_an_event(tested.technology)
    values = _measured(network, samples, made, asked)
    values |= _costs(
        made, network.outputs, energy_event, tested.cells_of_an_input, tested.energy_of_copies
    )
    if made.time is not None:
        values["decision_time"] = ((), made.time, "1" if "pixels" in samples.data else "s")
    if asked.outputs and made.scores is not None:
        values |= outputs_of(made.scores)
    classes = np.arange(network.outputs)
    axes = {"quantile": list(QUANTILES), "energy_model": list(energy_event)}
    if "confusion" in values:
        axes |= {"label": classes, "predicted": classes}
    if {"confusion", "outputs"} & values.keys():
        axes["image"] = samples.places
    return on_chips(values, tested.lead, axes).assign_attrs(
        provenance(network, tested.technology, asked.seed),
        **options_of(asked.coding),
        metric=metric_of(asked.metric)[0],
        images=len(samples.places),
        confidence=asked.confidence,
        mission=tested.mission,
        warnings=tested.warnings,
    )


def _measured(network: Network, samples: Samples, made: Decisions, asked: _Asked) -> Values:
    """Metric of the decisions of one layer; ideal cells and neurons decide when it asks."""
    if asked.metric == "accuracy":
        labels = samples.labels.astype(np.int64)
        return of_decisions(made.predicted, labels, network.outputs, asked.confidence)

    def ideal() -> NDArray[np.float32]:
        neuron = Neuron()
        threshold = np.full((1, network.outputs), neuron.threshold, np.float32)
        circuit = Circuit(network.weights.astype(np.float32)[None], threshold, threshold, neuron)
        scores = asked.coding.decide(circuit, samples, asked.seed, True).scores
        assert scores is not None  # they were asked for
        return scores[0]

    assert made.scores is not None  # as the caller asked for them
    return measured(asked.metric, made.scores, samples.labels, ideal, asked.confidence)


def _is_onnx(network: Any) -> bool:
    if isinstance(network, (str, Path)):
        return str(network).endswith(".onnx")
    return isinstance(network, DeepNetwork) or is_torch_module(network)


def _single(data: xr.Dataset) -> list[Any]:
    """Variables that are one number for all images."""
    return [name for name in data if not data[name].ndim]


def _loaded(network: Any, data: xr.Dataset | None) -> Any:
    """Return a network; the shape of the images, and what is one number for all, go to its file."""
    if data is None or not _is_onnx(network):
        return from_file(network)
    shapes = (data[name].shape[1:] for name in data if data[name].ndim and name != "label")
    fixed = {str(name): data[name].values for name in _single(data)}
    return from_file(network, fixed=fixed, input_shape=next(shapes, None))


def _of_measured(
    network: Any,
    cells: MeasuredCells,
    chips: int,
    seed: int,
    confidence: float,
    **how: Any,
) -> xr.Dataset:
    """Evaluate chips of measured cells, and bootstrap samples of them for the interval."""

    def of(one: MeasuredCells, count: int) -> xr.Dataset:
        return evaluate(network, one, chips=count, seed=seed, confidence=confidence, **how)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of every chip and sample; below once
        out = of(cells, chips)
    for note in out.attrs["warnings"]:
        warnings.warn(note, stacklevel=3)
    name = str(out.attrs.get("metric", "accuracy"))
    if name not in out:
        return out
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        draws = tracked(range(_DRAWS), "bootstrap samples", _DRAWS)
        again = [of(cells.drawn(seed, k), _CHIPS)[name].values for k in draws]
    units = cells.clusters if cells.clusters > 1 else cells.cells
    found = mean_with_samples(out[name].values.ravel(), np.array(again), units, confidence)
    for key, value in zip(("mean", "low", "high"), found, strict=True):
        out[key] = ((), value, {"units": "1"})
    return out.assign_attrs(cells.source, bootstrap_samples=_DRAWS)


def mean_with_samples(
    values: NDArray[np.float64], again: NDArray[np.float64], units: int, confidence: float
) -> tuple[float, float, float]:
    """Return the mean over chips of measured cells with its interval.

    Parameters
    ----------
    values : ndarray, shape (chips,)
        Of chips of the measured cells.
    again : ndarray, shape (samples, chips)
        Of chips of bootstrap samples of the cells.
    units : int
        Dies or cells that the samples draw from.
    confidence : float

    Notes
    -----
    The variance of the mean is that between the means of the bootstrap samples, less what the few
    chips of each add to it, times units / (units - 1), which resampling leaves out, plus that of
    the mean of ``values``; Student's t with one degree of freedom less than samples or units.

    Examples
    --------
    >>> again = np.array([[0.8, 0.82], [0.78, 0.8]])
    >>> bool(mean_with_samples(np.array([0.8, 0.82]), again, 5, 0.9)[1] < 0.81)
    True
    """
    mean = float(values.mean())
    of_chip = float(np.mean(again.var(axis=1, ddof=1))) if again.shape[1] > 1 else 0.0
    of_cells = max(float(again.mean(axis=1).var(ddof=1)) - of_chip / again.shape[1], 0.0)
    of_cells *= units / (units - 1)
    error = math.sqrt(of_cells + of_chip / len(values))
    t = float(stdtrit(min(len(again), units) - 1, (1 + confidence) / 2))
    return mean, max(mean - t * error, 0.0), min(mean + t * error, 1.0)


def _refuse(what: str, **options: Any) -> None:
    for name, value in options.items():
        if value is not None:
            raise InputError(f"{name}: does not apply to {what}")


class _Chips(NamedTuple):
    """The chips to evaluate, one row each, and what they are made of."""

    weights: NDArray[np.float32]  # (chips, inputs, outputs)
    address: NDArray[np.int64]  # (chips, 3): wafer, die, chip
    cells_of_an_input: int
    lead: xr.DataArray  # with the population's leading dimensions
    technology: Technology | None
    mission: str
    warnings: list[str]
    energy_of_copies: NDArray[np.float64] | float = 0.0  # (chips,): J for each event


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
    technology = None
    if isinstance(cells, Technology):
        technology = cells
        cells = sample_chips(cells, network, chips=chips, mapping=mapping, seed=seed)
    how = "a Technology, a population of sample_chips, a Dataset of read_measurements, or None"
    expect(cells, xr.Dataset, "cells", how)
    if profile is not None:
        cells = age(cells, profile)
    technology = card_of_cells(cells) if technology is None else technology
    return _Chips(
        read_weights(cells, network, technology).reshape(-1, *network.weights.shape),
        addresses(cells),
        cells.sizes["cell"] // network.inputs,
        cells["conductance"].transpose(..., "cell").isel(cell=0, drop=True),
        technology,
        cells.attrs["mission"],
        cells.attrs["warnings"],
        _energy_of_copies(cells, network, technology),
    )


def _energy_of_copies(
    cells: xr.Dataset, network: Network, technology: Technology
) -> NDArray[np.float64] | float:
    """Read energy (J) of the cells beyond the first copy at one output, for one event, mean.

    The card's energy of an event holds the first copy; each further one adds V^2 t sum of G.
    """
    copies = int(cells.attrs.get("copies", 1))
    if copies == 1:
        return 0.0
    for name in ("read.voltage", "read.pulse_width"):
        if name not in technology:
            raise InputError(f"copies: {technology.name} has no {name}, which their energy needs")
    g = cells["conductance"].transpose(..., "cell").values
    series = technology.get("access.series_resistance", 0.0) if "state" in cells.coords else 0.0
    seen = in_series(g, series).reshape(-1, g.shape[-1]).sum(axis=1, dtype=float)
    joule = technology["read.voltage"] ** 2 * technology["read.pulse_width"]
    return np.asarray(joule * seen / network.weights.size * (copies - 1) / copies)


def _costs(
    made: Decisions,
    outputs: int,
    energy_event: dict[str, float],
    cells_of_an_input: int,
    of_copies: NDArray[np.float64] | float,
) -> Values:
    """Events and energy per image, and reads of every cell, of each chip."""
    spikes = made.events.mean(axis=1)
    event = np.array(list(energy_event.values())) + np.reshape(of_copies, (-1, 1))
    energy = spikes[:, None] * outputs * event
    return {
        "spikes": ((), spikes, "1"),
        "spikes_quantile": (("quantile",), np.quantile(made.events, QUANTILES, axis=1).T, "1"),
        "energy": (("energy_model",), energy, "J"),
        "reads": (("cell",), np.repeat(made.reads, cells_of_an_input, axis=1), "1"),
    }


def energy_of_an_event(technology: Technology | None) -> dict[str, float]:
    """Return the energy (J) of a synaptic event by energy model: the card's, else SPIRIT's."""
    if technology is None or "energy.event" not in technology:
        return _ENERGY_EVENT
    return {
        "synapse_and_neuron": technology["energy.event"],
        "system": technology["energy.event_system"],
    }
