"""How layers are executed: converters, with ranges that images set on ideal weights."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError
from reliability.network.datasets import evenly_spaced
from reliability.network.deep.graph import (
    Converter,
    Stage,
    executed_graph,
    feeds,
    layer_inputs,
    tile_sum,
)
from reliability.network.deep.images import (
    Images,
    at,
    images_of,
    network_inputs,
    run_batches,
    shipped_images,
)
from reliability.network.deep.layer_mapping import Placed, row_tiles
from reliability.network.deep.memory import batch_of
from reliability.network.deep.onnx import DeepNetwork
from reliability.network.deep.runtime import Session
from reliability.network.own_data import data_of

_IMAGES = 200  # that set the ranges


class Extremes(NamedTuple):
    """Range of a tensor, and its shape in a run of so many images."""

    low: float
    high: float
    shape: tuple[int, ...]
    images: int = 1


def calibration_inputs(network: DeepNetwork, data: xr.Dataset | None, calibration: Any) -> Images:
    """Return the inputs that set ranges, as `evaluate_deep` says."""
    given = data_of(calibration, "inputs")
    if given is None:
        given = shipped_images(network, "calibration") if data is None else data
    else:
        given = given.drop_vars([name for name in given if not given[name].ndim])
    try:
        inputs = network_inputs(network, given)
    except InputError as error:
        raise error if calibration is None else InputError(f"calibration: {error}") from None
    count = images_of(inputs)
    return inputs if count <= _IMAGES else at(inputs, evenly_spaced(count, _IMAGES))


def plain(placed: Placed) -> Placed:
    """Return a layer in cells without converters."""
    own = replace(
        placed.tiling, dac_bits=None, adc_bits=None, dac=None, adc=None, serial_inputs=False
    )  # fmt: skip
    return placed._replace(tiling=own)


def calibrated_stages(
    network: DeepNetwork, placed: Sequence[Placed], tuning: Images
) -> tuple[tuple[Stage, ...], NDArray[np.int64]]:
    """How each layer is executed, with converters set on ideal weights; reads per image."""
    if all(p.tiling.dac_bits is None and p.tiling.adc_bits is None for p in placed):
        tuning = at(tuning, slice(1))  # nothing has a range, only shapes are asked for
    cut = tuple(Stage(p, row_tiles(p.layer, p.tiling.weight_rows)) for p in placed)
    sources = {stage.layer.name: layer_inputs(stage, network) for stage in cut}
    first = [tile_sum(stage, 0, 0, u) for stage in cut for u in range(len(stage.layer.uses))]
    names = [*(name for group in sources.values() for name in group), *first]
    serial = any(p.tiling.serial_inputs for p in placed)
    names += [] if serial else [name for stage in cut for name in _sums(stage)]
    values = {k: v for stage in cut for k, v in feeds(stage, stage.placed.coded).items()}
    seen = extremes(network, cut, names, values, tuning)
    driven = [_with_dac(stage, [seen[name] for name in sources[stage.layer.name]]) for stage in cut]
    if serial:  # sums of single bits, of codes that are known now
        cut = tuple(driven)
        names = [name for stage in cut for name in _sums(stage)]
        seen |= extremes(network, cut, names, values, tuning)
    out, reads = [], []
    for stage in driven:
        layer, own = stage.layer, stage.placed.tiling
        uses = [seen[tile_sum(stage, 0, 0, use)] for use in range(len(layer.uses))]
        channel = 1 if layer.operator == "Conv" else -1
        pulses = sum(-(-prod(e.shape) // (e.shape[channel] * e.images)) for e in uses)
        reads.append(pulses * max(len(stage.planes), 1))
        if own.dac_bits is None and own.adc_bits is None:
            out.append(Stage(stage.placed))
            continue
        adc = None
        if own.adc_bits is not None:
            ranges = [_range(stage, s, seen) for s in range(len(stage.placed.coded))]
            adc = tuple(_converter(each, own.adc_bits, own.adc_range) for each in ranges)
        out.append(replace(stage, adc=adc, drive=own.dac, errors=own.adc))
    return tuple(out), np.array(reads)


def _sums(stage: Stage, slices: Iterable[int] | None = None) -> list[str]:
    """Names of the sums of a layer's tiles, of all slices or of some."""
    return [
        tile_sum(stage, s, t, use, plane)
        for s in (range(len(stage.placed.coded)) if slices is None else slices)
        for t in range(len(stage.tiles))
        for use in range(len(stage.layer.uses))
        for plane in range(max(len(stage.planes), 1))
    ]


def _with_dac(stage: Stage, taken: Sequence[Extremes]) -> Stage:
    own = stage.placed.tiling
    if own.dac_bits is None:
        return stage
    low, high = min(e.low for e in taken), max(e.high for e in taken)
    return replace(stage, dac=_converter(Extremes(low, high, ()), own.dac_bits, own.dac_range))


def _range(stage: Stage, slice_: int, seen: Mapping[str, Extremes]) -> Extremes:
    """Range of the sums of a slice: around zero for pairs, else from zero where none is below."""
    names = _sums(stage, [slice_])
    low, high = min(seen[name].low for name in names), max(seen[name].high for name in names)
    if stage.placed.digits is not None:
        return Extremes(low, high, ())
    end = max(-low, high)
    return Extremes(-end, end, ())


def _converter(seen: Extremes, bits: int, fraction: float) -> Converter:
    """Quantiser of a range: codes from 0 where it holds nothing negative, else around 0."""
    end = fraction * max(-seen.low, seen.high)
    if seen.low >= 0:
        codes = 2**bits - 1
        return Converter(end / codes if end else 1.0, 0.0, float(codes))
    codes = max(2 ** (bits - 1) - 1, 1)
    return Converter(end / codes if end else 1.0, float(-codes), float(codes))


def extremes(
    network: DeepNetwork,
    stages: tuple[Stage, ...],
    names: Sequence[str],
    weights: Mapping[str, NDArray[np.float32]],
    inputs: Images,
) -> dict[str, Extremes]:
    """Return the range over these inputs, and the shape, of each named tensor of the graph."""
    held = (network.input_name, network.output_name)
    watched = tuple(name for name in dict.fromkeys(names) if name not in held)
    graph = executed_graph(network, stages, watched)
    session, size = Session(graph), batch_of(network, graph, dict(weights), inputs)
    first = inputs[network.input_name]
    ends = Extremes(float(first.min()), float(first.max()), first.shape, len(first))
    out = {network.input_name: ends}
    for ran in run_batches(session, network, weights, inputs, size):
        for name, array in zip((network.output_name, *watched), ran.outputs, strict=True):
            low, high = float(array.min()), float(array.max())
            if name in out:
                low, high = min(low, out[name].low), max(high, out[name].high)
            out[name] = Extremes(low, high, array.shape, ran.images)
    return out


def tensor_shapes(
    network: DeepNetwork, names: Sequence[str], inputs: Images
) -> dict[str, tuple[int, ...]]:
    """Return the shape that each named tensor of the graph has for these inputs.

    >>> import reliability as rel
    >>> net = rel.load_network("mobilenet-mnist")
    >>> images = np.zeros((2, 1, 28, 28), np.float32)
    >>> tensor_shapes(net, [net.output_name], {net.input_name: images})
    {'scores': (2, 10)}
    """
    stored = {t.name: tuple(t.dims) for t in network.model.graph.initializer}
    computed = [name for name in dict.fromkeys(names) if name not in stored]
    seen = extremes(network, (), computed, {}, inputs)
    return {name: stored[name] if name in stored else seen[name].shape for name in names}
