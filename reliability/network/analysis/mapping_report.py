"""Tiles, cells, reads and conversions that a deep network takes on a tiling: `map_network`."""

import json
from collections.abc import Collection
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import xarray as xr

from reliability.errors import InputError, expect
from reliability.network.deep.calibration import calibrated_stages
from reliability.network.deep.layer_mapping import place
from reliability.network.deep.onnx import DeepNetwork
from reliability.network.deep.tiling import Tiling
from reliability.network.loading import from_file


def map_network(
    network: DeepNetwork | str | Path,
    tiling: Tiling | None = None,
    *,
    input_shape: Collection[int] | None = None,
) -> xr.Dataset:
    """Count the tiles, cells, reads and conversions of each layer.

    Parameters
    ----------
    network : DeepNetwork, str or Path
        Or its ONNX file.
    tiling : Tiling, optional
        By default levels on tiles of 256 x 256.
    input_shape : collection of int, optional
        Of one image, where the file leaves a size open.

    Returns
    -------
    Dataset
        Over ``layer``: ``operator``, ``rows``, ``outputs``, ``weights``, ``cells``; ``tiles``
        (``row_tiles`` x ``column_tiles``), and ``utilisation``, the fraction of their cells that
        hold a weight; per inference (image) ``reads``, the pulses that a cell gets,
        ``dac_conversions`` (rows driven, on each tile) and ``adc_conversions`` (column pairs
        sensed, on each tile). Attributes: ``digital``, the nodes that multiply digitally;
        ``tiling``.

    Raises
    ------
    InputError
        Not a deep network, a size of the input that is open, weights that the tiling does not
        take.

    Notes
    -----
    Layers do not share tiles. The groups of a grouped convolution lie side by side on the columns
    of a tile and are driven one after the other.

    Examples
    --------
    >>> import reliability as rel
    >>> net = rel.load_network("mobilenet-mnist")
    >>> found = map_network(net, Tiling(rows=128, columns=64))
    >>> found["reads"].values[:3].tolist(), int(found["cells"].sum())
    ([196, 196, 196], 35712)
    """
    network = from_file(network)
    expect(network, DeepNetwork, "network", "one of many layers, as load_network gives")
    assert isinstance(network, DeepNetwork)
    tiling = Tiling() if tiling is None else tiling
    placed = place(network, tiling)
    shape = tuple(network.input_shape if input_shape is None else input_shape)
    if len(shape) != len(network.input_shape) or any(
        own not in (None, size) for own, size in zip(network.input_shape, shape, strict=True)
    ):
        raise InputError(f"input_shape: got {shape}, the network takes {network.input_shape}")
    if None in shape:
        raise InputError(f"input_shape: {network.name} takes {shape}, give the open sizes")
    one = np.zeros((network.batch or 1, *map(int, shape)), np.float32)  # type: ignore[arg-type]
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
        "dac_conversions": reads * rows * np.maximum(groups, across),
        "adc_conversions": reads * outputs * slices * down,
    }
    return xr.Dataset(
        {name: ("layer", values, {"units": "1"}) for name, values in counts.items()}
        | {"operator": ("layer", [n.operator for n in layers])},
        coords={"layer": [n.name for n in layers]},
        attrs={
            "network": network.name,
            "digital": list(network.digital),
            "tiling": json.dumps(asdict(tiling)),
        },
    )
