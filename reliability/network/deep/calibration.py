"""How layers are executed: converters, with ranges that images set on ideal weights."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

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
from reliability.network.deep.onnx import DeepNetwork
from reliability.network.deep.runtime import Session
from reliability.network.deep.tiling import Tiling

_IMAGES = 200  # that set the ranges


class Extremes(NamedTuple):
    """Range of a tensor, and its shape in a run of so many images."""

    low: float
    high: float
    shape: tuple[int, ...]
    images: int = 1


def calibration_inputs(
    network: DeepNetwork, data: xr.Dataset | None, calibration: xr.Dataset | None
) -> Images:
    """Return the inputs that set ranges, as `evaluate_deep` says."""
    if calibration is None:
        calibration = shipped_images(network, "calibration") if data is None else data
    inputs = network_inputs(network, calibration)
    count = images_of(inputs)
    return at(inputs, evenly_spaced(count, min(count, _IMAGES)))


def calibrated_stages(
    network: DeepNetwork,
    placed: tuple[Placed, ...],
    tiling: Tiling,
    tuning: Images,
) -> tuple[tuple[Stage, ...], NDArray[np.int64]]:
    """How each layer is executed, with converters set on ideal weights; reads per image."""
    cut = tuple(Stage(p, row_tiles(p.layer, tiling.rows)) for p in placed)
    sums = {
        (stage.layer.name, s): [
            tile_sum(stage, s, t, use)
            for t in range(len(stage.tiles))
            for use in range(len(stage.layer.uses))
        ]
        for stage in cut
        for s in range(len(stage.placed.coded))
    }
    sources = {stage.layer.name: layer_inputs(stage, network) for stage in cut}
    names = [name for group in (*sources.values(), *sums.values()) for name in group]
    values = {k: v for stage in cut for k, v in feeds(stage, stage.placed.coded).items()}
    seen = extremes(network, cut, names, values, tuning)
    out, reads = [], []
    for stage in cut:
        layer = stage.layer
        first = [seen[tile_sum(stage, 0, 0, use)] for use in range(len(layer.uses))]
        channel = 1 if layer.operator == "Conv" else -1
        reads.append(sum(-(-prod(e.shape) // (e.shape[channel] * e.images)) for e in first))
        if tiling.dac_bits is None and tiling.adc_bits is None:
            out.append(Stage(stage.placed))
            continue
        dac = adc = None
        if tiling.dac_bits is not None:
            taken = [seen[name] for name in sources[layer.name]]
            low, high = min(e.low for e in taken), max(e.high for e in taken)
            dac = _converter(Extremes(low, high, ()), tiling.dac_bits, tiling.dac_range)
        if tiling.adc_bits is not None:
            ends = [
                max(max(-seen[name].low, seen[name].high) for name in sums[layer.name, s])
                for s in range(len(stage.placed.coded))
            ]
            adc = tuple(
                _converter(Extremes(-e, e, ()), tiling.adc_bits, tiling.adc_range) for e in ends
            )
        out.append(Stage(stage.placed, stage.tiles, dac, adc))
    return tuple(out), np.array(reads)


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
    session = Session(executed_graph(network, stages, watched))
    first = inputs[network.input_name]
    ends = Extremes(float(first.min()), float(first.max()), first.shape, len(first))
    out = {network.input_name: ends}
    for ran in run_batches(session, network, weights, inputs):
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
