"""Tiles, cells, reads and conversions of each layer of a deep network on a tiling."""

import json
from collections.abc import Collection
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import xarray as xr

from reliability.devices import programming
from reliability.devices.programming import Programming
from reliability.errors import InputError, expect
from reliability.network.conductances import in_series
from reliability.network.deep.calibration import calibrated_stages, tensor_shapes
from reliability.network.deep.layer_mapping import check_card, place, target_states
from reliability.network.deep.onnx import DeepNetwork, node_name
from reliability.network.deep.tiling import Tiling
from reliability.network.loading import from_file
from reliability.technology import Technology


def map_counts(
    network: DeepNetwork | str | Path,
    tiling: Tiling,
    technology: Technology,
    *,
    input_shape: Collection[int] | None = None,
) -> xr.Dataset:
    """Count the tiles, cells, reads and conversions of each layer.

    Parameters
    ----------
    network : DeepNetwork, str or Path
        Or its ONNX file.
    tiling : Tiling
    technology : Technology
        Of the cells, whose nominal conductances are summed.
    input_shape : collection of int, optional
        Of one image, where the file leaves a size open.

    Returns
    -------
    Dataset
        Over ``layer``, all of `reliability.map_network` but energy, latency and area;
        ``conductance`` (S) is the sum over the cells of the layer as the nominal card programs
        them.

    Raises
    ------
    InputError
        Not a deep network, a size of the input that is open, weights that the tiling does not
        take, a card that the tiling can't use.

    Examples
    --------
    >>> import reliability as rel
    >>> net, card = rel.load_network("mobilenet-mnist"), rel.load_technology("techB")
    >>> found = map_counts(net, Tiling(rows=128, columns=64), card)
    >>> found["reads"].values[:3].tolist(), int(found["cells"].sum())
    ([196, 196, 196], 35712)
    """
    network = from_file(network)
    expect(network, DeepNetwork, "network", "one of many layers, as load_network gives")
    assert isinstance(network, DeepNetwork)
    check_card(technology, tiling)
    placed = place(network, tiling)
    one = _one_input(network, input_shape)
    plain = replace(tiling, dac_bits=None, adc_bits=None)
    _, reads = calibrated_stages(network, placed, plain, one)
    layers = [p.layer for p in placed]
    rows, outputs, groups = np.array([(n.rows, n.outputs, n.groups) for n in layers]).T
    slices = np.array([len(p.coded) for p in placed])
    down = -(-rows // tiling.rows)
    across = -(-outputs // (tiling.columns // (2 * slices)))
    cells = 2 * slices * rows * outputs
    counts = {
        "rows": rows,
        "outputs": outputs,
        "weights": rows * outputs,
        "cells": cells,
        "row_tiles": down,
        "column_tiles": across,
        "tiles": down * across,
        "utilisation": cells / (down * across * tiling.rows * tiling.columns),
        "reads": reads,
        "array_operations": reads * -(-groups // across),
        "dac_conversions": reads * rows * np.maximum(groups, across),
        "adc_conversions": reads * outputs * slices * down,
        "multiplications": reads * rows * outputs,
    }
    target = target_states(placed, technology)
    g = _conductance(target, technology)
    conductance = [float(g[p.cells].sum()) for p in placed]
    mapped, digital = int(counts["multiplications"].sum()), _multiplications(network, one)
    return xr.Dataset(
        {name: ("layer", values, {"units": "1"}) for name, values in counts.items()}
        | {
            "operator": ("layer", [n.operator for n in layers]),
            "conductance": ("layer", conductance, {"units": "S"}),
        },
        coords={"layer": [n.name for n in layers]},
        attrs={
            "network": network.name,
            "digital": list(network.digital),
            "digital_fraction": digital / (mapped + digital),
            "tiling": json.dumps(asdict(tiling)),
        },
    )


def _one_input(network: DeepNetwork, input_shape: Collection[int] | None) -> np.ndarray:
    """Return an empty input, its batch included."""
    shape = tuple(network.input_shape if input_shape is None else input_shape)
    if len(shape) != len(network.input_shape) or any(
        own not in (None, size) for own, size in zip(network.input_shape, shape, strict=True)
    ):
        raise InputError(f"input_shape: got {shape}, the network takes {network.input_shape}")
    if None in shape:
        raise InputError(f"input_shape: {network.name} takes {shape}, give the open sizes")
    return np.zeros((network.batch or 1, *map(int, shape)), np.float32)  # type: ignore[arg-type]


def _conductance(target: np.ndarray, technology: Technology) -> np.ndarray:
    """Nominal conductance (S) of cells by their target (S) or state, select device in series."""
    if "target.maximum" in technology:
        return target.astype(float)
    median = {
        state: programming.quantile(
            Programming.from_technology(technology, state), np.array([0.5])
        )[0]
        for state in ("LRS", "HRS")
    }
    g = np.where(target == "LRS", median["LRS"], median["HRS"]).astype(float)
    return in_series(g, technology["access.series_resistance"])


def _multiplications(network: DeepNetwork, one: np.ndarray) -> float:
    """Count the multiplications of the digital nodes for one image; NaN where one can't be told.

    A product of matrices takes as many as its output has elements times the length of the axis
    that it sums over; a convolution the elements of the kernel of one output.
    """
    graph = network.model.graph
    nodes = [n for i, n in enumerate(graph.node) if node_name(graph, i) in network.digital]
    if not nodes:
        return 0
    if not {node.op_type for node in nodes} <= {"MatMul", "Gemm", "Conv"}:
        return np.nan
    inputs = [name for node in nodes for name in node.input[:2]]
    shapes = tensor_shapes(network, [*inputs, *(node.output[0] for node in nodes)], one)
    count = 0
    for node in nodes:
        first, second = (shapes[name] for name in node.input[:2])
        size = int(np.prod(shapes[node.output[0]]))
        turned = any(a.name == "transA" and a.i for a in node.attribute)
        summed = second[1:] if node.op_type == "Conv" else first[-2 if turned else -1 :][:1]
        count += size * int(np.prod(summed))
    return count / len(one)
