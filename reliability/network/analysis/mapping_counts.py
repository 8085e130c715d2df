"""Tiles, cells, reads and conversions of each layer of a deep network on a tiling."""

from collections.abc import Collection
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from reliability.devices import programming
from reliability.devices.programming import Programming
from reliability.errors import InputError, expect, whole_number
from reliability.network.conductances import in_series
from reliability.network.deep.calibration import calibrated_stages, plain, tensor_shapes
from reliability.network.deep.images import Images
from reliability.network.deep.layer_mapping import Placed, check_card, place, target_states
from reliability.network.deep.onnx import DeepNetwork, products
from reliability.network.deep.onnx_forms import node_names
from reliability.network.deep.onnx_writer import attributes_of
from reliability.network.deep.tiling import Tiling
from reliability.network.loading import from_file
from reliability.technology import Technology


def map_counts(
    network: DeepNetwork | str | Path,
    tiling: Tiling,
    technology: Technology,
    *,
    input_shape: Collection[int] | None = None,
    copies: int = 1,
    spare_columns: int = 0,
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
    copies : int
        Cells in parallel in the place of each, beside each other on joined bit lines.
    spare_columns : int
        Spare outputs of each layer, which are not read.

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
        take, a card that the tiling can't use, copies or spare columns of other cells than
        differential pairs, more copies than a tile has columns.

    Examples
    --------
    >>> import reliability as rel
    >>> net, card = rel.load_network("mobilenet-mnist"), rel.load_technology("techB")
    >>> found = map_counts(net, Tiling(rows=128, columns=64), card)
    >>> found["reads"].values[:3].tolist(), int(found["cells"].sum())
    ([196, 196, 196], 35712)
    """
    network = from_file(network, input_shape=input_shape)
    expect(network, DeepNetwork, "network", "one of many layers, as load_network gives")
    assert isinstance(network, DeepNetwork)
    check_card(technology, tiling)
    placed = place(network, tiling, technology)
    one = _one_input(network, input_shape)
    _, reads = calibrated_stages(network, [plain(p) for p in placed], one)
    layers = [p.layer for p in placed]
    rows, outputs, groups = np.array([(n.rows, n.outputs, n.groups) for n in layers]).T
    slices = np.array([len(p.coded) for p in placed])
    own = [p.tiling for p in placed]
    _check_redundant(own, copies, spare_columns)
    high, wide, arrays, area, pulses = np.array(
        [(t.weight_rows, t.outputs_of_a_tile // copies, 2 if t.pairing == "separate" else 1,
          t.rows * t.columns, t.dac_bits if t.serial_inputs else 1) for t in own]
    ).T  # fmt: skip
    down, across = -(-rows // high), -(-(outputs + spare_columns) // wide)
    cells = copies * np.array([_cells(p, spare_columns) for p in placed])
    reads = reads * pulses
    counts = {
        "rows": rows,
        "outputs": outputs,
        "weights": rows * outputs,
        "cells": cells,
        "row_tiles": down,
        "column_tiles": across,
        "tiles": arrays * down * across,
        "utilisation": cells / (arrays * down * across * area),
        "reads": reads,
        "array_operations": reads * -(-groups // across),
        "dac_conversions": reads * rows * np.maximum(groups, across),
        "adc_conversions": reads * outputs * slices * down,
        "multiplications": reads // pulses * rows * outputs,
    }
    g = copies * _conductance(target_states(placed, technology), technology)
    return xr.Dataset(
        {name: ("layer", values, {"units": "1"}) for name, values in counts.items()}
        | {
            "operator": ("layer", [n.operator for n in layers]),
            "conductance": ("layer", [float(g[p.cells].sum()) for p in placed], {"units": "S"}),
        },
        coords={"layer": [n.name for n in layers]},
        attrs={
            "network": network.name,
            **_digital(_operations(network, one), int(counts["multiplications"].sum())),
            "warnings": network.notes,
            "tiling": tiling.text,
            "copies": copies,
            "spare_columns": spare_columns,
        },
    )


def _cells(placed: Placed, spare_columns: int) -> int:
    """Cells of the weights of a layer and of its spare columns."""
    spare = placed.tiling.cells_of(placed.layer.rows, spare_columns) if spare_columns else 0
    return int(placed.size + spare)


def _check_redundant(tilings: list[Tiling], copies: int, spare_columns: int) -> None:
    """Refuse copies and spare columns that the tiles don't take."""
    whole_number(copies, "copies", 1, 100)
    whole_number(spare_columns, "spare_columns", 0, 1000)
    if copies == 1 and not spare_columns:
        return
    for tiling in tilings:
        if tiling.mapping != "differential":
            raise InputError("tiling: mapping: copies and spare columns need 'differential', got "
                             f"{tiling.mapping!r}")  # fmt: skip
        if copies > tiling.outputs_of_a_tile:
            raise InputError(f"copies: got {copies}, a tile of {tiling.columns} columns takes "
                             f"{tiling.outputs_of_a_tile}")  # fmt: skip


def _digital(operations: dict[str, float], mapped: int) -> dict[str, Any]:
    """Nodes that are computed digitally, and their fractions of all operations."""
    whole = mapped + sum(operations.values())
    return {
        "digital": list(operations),
        "digital_fractions": [count / whole for count in operations.values()],
        "digital_fraction": sum(operations.values()) / whole,
    }


def _one_input(network: DeepNetwork, input_shape: Collection[int] | None) -> Images:
    """Return empty inputs, a batch of them."""
    shape = tuple(network.input_shape if input_shape is None else input_shape)
    if len(shape) != len(network.input_shape) or any(
        own not in (None, size) for own, size in zip(network.input_shape, shape, strict=True)
    ):
        raise InputError(f"input_shape: got {shape}, the network takes {network.input_shape}")
    if None in shape:
        raise InputError(f"input_shape: {network.name} takes {shape}, give the open sizes")
    first, *others = network.inputs
    sizes = dict(zip(first.dims, (network.batch or 1, *shape), strict=True))
    whole = {first.name: np.zeros((network.batch or 1, *map(int, shape)), first.dtype)}  # type: ignore[arg-type]
    for each in others:
        if each.dtype != "float32":  # states are zero anyway
            dims = [d if isinstance(d, int) else sizes.get(d) or 1 for d in each.dims[1:]]
            whole[each.name] = np.zeros((network.batch or 1, *dims), each.dtype)
    return whole


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


def _operations(network: DeepNetwork, one: Images) -> dict[str, float]:
    """Operations for one image of each digital node, by its name, and of each state.

    A product takes as many as it multiplies numbers; a recurrent layer every weight at each step;
    softmax, normalisation, a table and a state one for each number that they give.
    """
    graph = network.model.graph
    names = dict(zip((node.output[0] for node in graph.node), node_names(graph), strict=True))
    nodes = {names.get(n.output[0], n.name): n for n in products(graph)}
    nodes = {name: nodes[name] for name in network.digital}
    shapes = tensor_shapes(
        network, [name for n in nodes.values() for name in (*n.input, *n.output) if name], one
    )
    images = len(one[network.input_name])
    found = {name: _operations_of(node, shapes) / images for name, node in nodes.items()}
    for each in network.inputs[1:]:
        sizes = [size for size in each.dims if isinstance(size, int)]
        found[each.name] = float(np.prod(sizes)) / (network.batch or 1)
    return found


def _operations_of(node: Any, shapes: dict[str, tuple[int, ...]]) -> int:
    size = prod(shapes[next(name for name in node.output if name)])
    first, second = (shapes[name] for name in (*node.input, node.input[0])[:2])
    kind = node.op_type
    if kind in ("Conv", "ConvInteger"):
        return size * prod(second[1:])
    if kind == "QLinearConv":
        return size * prod(shapes[node.input[3]][1:])
    if kind == "ConvTranspose":
        return prod(first) * prod(second[1:])
    if kind in ("MatMul", "Gemm", "MatMulInteger", "QLinearMatMul"):
        turned = kind == "Gemm" and attributes_of(node).get("transA")
        return size * int(first[-2 if turned else -1])
    if kind == "Einsum":
        terms = attributes_of(node)["equation"].decode().replace(" ", "").partition("->")[0]
        axes: dict[str, int] = {}
        for term, name in zip(terms.split(","), node.input, strict=True):
            axes |= dict(zip(term, shapes[name], strict=False))
        return prod(axes.values())
    if kind in ("LSTM", "GRU", "RNN"):
        return first[0] * first[1] * (prod(second) + prod(shapes[node.input[2]]))
    return size
