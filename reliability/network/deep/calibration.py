"""How layers are executed: converters, with ranges that images set on ideal weights."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.network.datasets import load_mnist28
from reliability.network.deep.graph import (
    Converter,
    Stage,
    executed_graph,
    feeds,
    layer_input,
    tile_sum,
)
from reliability.network.deep.images import network_inputs, run_batches
from reliability.network.deep.layer_mapping import Placed, row_tiles
from reliability.network.deep.onnx import DeepNetwork
from reliability.network.deep.runtime import Session
from reliability.network.deep.tiling import Tiling

_IMAGES = 200  # that set the ranges


class Extremes(NamedTuple):
    """Range and shape of a tensor."""

    low: float
    high: float
    shape: tuple[int, ...]


def calibration_inputs(
    network: DeepNetwork, data: xr.Dataset | None, calibration: xr.Dataset | None
) -> NDArray[np.float32]:
    """Return the inputs that set ranges, as `evaluate_deep` says."""
    if calibration is None:
        calibration = load_mnist28("calibration") if data is None else data
    return network_inputs(network, calibration)[:_IMAGES]


def calibrated_stages(
    network: DeepNetwork,
    placed: tuple[Placed, ...],
    tiling: Tiling,
    tuning: NDArray[np.float32],
) -> tuple[tuple[Stage, ...], NDArray[np.int64]]:
    """How each layer is executed, with converters set on ideal weights; reads per image."""
    cut = tuple(Stage(p, row_tiles(p.layer, tiling.rows)) for p in placed)
    sums = {
        (stage.placed.layer.name, s): [tile_sum(stage, s, t) for t in range(len(stage.tiles))]
        for stage in cut
        for s in range(len(stage.placed.coded))
    }
    names = [layer_input(stage, network) for stage in cut]
    names += [name for group in sums.values() for name in group]
    values = {k: v for stage in cut for k, v in feeds(stage, stage.placed.coded).items()}
    seen = extremes(network, cut, names, values, tuning)
    out, reads = [], []
    together = network.batch or len(tuning)  # images of one run
    for stage, source in zip(cut, names, strict=False):  # its own input comes first in names
        layer = stage.placed.layer
        shape = seen[tile_sum(stage, 0, 0)].shape
        channel = 1 if layer.operator == "Conv" else -1
        reads.append(-(-int(np.prod(shape)) // (shape[channel] * together)))
        if tiling.dac_bits is None and tiling.adc_bits is None:
            out.append(Stage(stage.placed))
            continue
        dac = adc = None
        if tiling.dac_bits is not None:
            dac = _converter(seen[source], tiling.dac_bits, tiling.dac_range)
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
    inputs: NDArray[np.float32],
) -> dict[str, Extremes]:
    """Return the range over these inputs, and the shape, of each named tensor of the graph."""
    held = (network.input_name, network.output_name)
    watched = tuple(name for name in dict.fromkeys(names) if name not in held)
    session = Session(executed_graph(network, stages, watched))
    ends = Extremes(float(inputs.min()), float(inputs.max()), inputs.shape)
    out = {network.input_name: ends}
    for arrays in run_batches(session, network, weights, inputs):
        for name, array in zip((network.output_name, *watched), arrays, strict=True):
            low, high = float(array.min()), float(array.max())
            if name in out:
                low, high = min(low, out[name].low), max(high, out[name].high)
            out[name] = Extremes(low, high, array.shape)
    return out


def tensor_shapes(
    network: DeepNetwork, names: Sequence[str], inputs: NDArray[np.float32]
) -> dict[str, tuple[int, ...]]:
    """Return the shape that each named tensor of the graph has for these inputs.

    >>> import reliability as rel
    >>> net = rel.load_network("mobilenet-mnist")
    >>> tensor_shapes(net, [net.output_name], np.zeros((2, 1, 28, 28), np.float32))
    {'scores': (2, 10)}
    """
    stored = {t.name: tuple(t.dims) for t in network.model.graph.initializer}
    computed = [name for name in dict.fromkeys(names) if name not in stored]
    seen = extremes(network, (), computed, {}, inputs)
    return {name: stored[name] if name in stored else seen[name].shape for name in names}
