"""Weights of many layers in cells: what is programmed, and what the cells read as.

Weights are scaled to u = w / scale between -1 and 1, with one scale for each output channel or for
each layer, and every u becomes cells in differential pairs:

- ``levels``: one pair of cells with levels. The side of the sign is at ``G_min + |u| (G_max -
  G_min)``, the other at ``G_min``; the pair reads as ``(G+ - G-) / (G_max - G_min)``.
- ``bits``: u is rounded to a sign and b - 1 bits, which are cut into digits of ``bits_per_cell``
  bits, each one pair. Cells with levels hold any digit, as in ``levels``. With two states a digit
  is one bit: the side of the sign is in the LRS where it is set, all others are in the HRS; a pair
  reads as ``(G+ - G-) / G_unit`` with G_unit = mean G(LRS) - mean G(HRS) of the nominal technology,
  each with the select transistor in series.
- ``pairs``: u is -1 or 1, a pair of two-state cells of which one is in the LRS, and a sense
  amplifier reads the sign of ``G+ - G-``: a bit that is right or wrong, no analogue value.

Columns are cut into tiles of ``rows`` rows; a depthwise or grouped convolution is read column by
column with the inputs of its own group, so no cell is there that no weight uses. The columns of a
tile lie side by side: output, bit, side.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.crossbar.tiles import effective_conductance, on_tiles_of
from reliability.devices.target import Target
from reliability.devices.verify import Verify
from reliability.errors import InputError, expect
from reliability.network.conductances import idle_conductance, in_series, state_difference
from reliability.network.deep.onnx import DeepNetwork, Layer
from reliability.network.deep.tiling import Tiling
from reliability.population import sample_dies
from reliability.population.measured import technology_of
from reliability.technology import Technology


class Placed(NamedTuple):
    """One layer in cells.

    Attributes
    ----------
    layer : Layer
    coded : ndarray of float32, shape (slices, rows, outputs)
        What each pair should read as, -1 to 1.
    factor : ndarray of float32, shape (slices, outputs)
        Weight = sum over slices of factor * coded.
    first : int
        First of its cells on the chip; they are ordered by slice, row, output and side (positive
        first).
    """

    layer: Layer
    coded: NDArray[np.float32]
    factor: NDArray[np.float32]
    first: int

    @property
    def cells(self) -> slice:
        """Its cells on the chip."""
        return slice(self.first, self.first + 2 * self.coded.size)

    def weights(self, read: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return the weights (rows, outputs) that pairs reading ``read`` (like coded) make."""
        return np.einsum("so,sro->ro", self.factor, read).astype(np.float32)


def place(network: DeepNetwork, tiling: Tiling) -> tuple[Placed, ...]:
    """Scale and code the weights of every layer.

    Raises
    ------
    InputError
        A weight beyond a fixed scale, or one that is not plus or minus one scale in ``pairs``.

    Examples
    --------
    >>> import reliability as rel
    >>> net = rel.load_network("mobilenet-mnist")
    >>> placed = place(net, Tiling("bits", weight_bits=4))
    >>> placed[0].coded.shape, bool(abs(placed[0].weights(placed[0].coded)).max() > 0)
    ((3, 9, 16), True)
    """
    return place_layers(network.layers, tiling)


def place_layers(layers: Sequence[Layer], tiling: Tiling) -> tuple[Placed, ...]:
    """Scale and code the weights of some layers, as `place`."""
    out, first = [], 0
    for layer in layers:
        scale = _scale(layer, tiling)
        u = layer.matrix / scale
        if tiling.cells == "levels":
            coded, factor = u[None], scale[None]
        elif tiling.cells == "pairs":
            coded, factor = _signs(layer, u)[None], scale[None]
        else:
            coded, factor = _digits(u, scale, tiling)
        out.append(Placed(layer, coded.astype(np.float32), factor.astype(np.float32), first))
        first = out[-1].cells.stop
    return tuple(out)


def program_layers(
    technology: Technology | xr.Dataset,
    network: DeepNetwork,
    tiling: Tiling,
    *,
    chips: int,
    first: int = 0,
    dies_per_wafer: int = 25,
    verify: Verify | None = None,
    seed: int = 0,
    lot: int = 0,
) -> xr.Dataset:
    """Program all layers on chips ``first`` to ``first + chips`` of a lot, one chip per die.

    With ``verify`` the cells of two states are programmed by it (`reliability.devices.verify`).

    Parameters
    ----------
    technology : Technology or Dataset
        A Dataset of `reliability.read_measurements`: its cells are resampled.
    network : DeepNetwork
    tiling : Tiling
        How weights lie on cells.
    chips, first : int
        How many, and the number of the first in the lot.
    dies_per_wafer : int
    verify : Verify, optional
    seed, lot : int

    Returns
    -------
    Dataset
        As `reliability.sample_population`, with dimensions (chip, cell), in float32; the cells of
        one layer after those of the other, in each as `Placed` says. The coordinate
        ``layer_index`` (cell) counts the layers from 0.

    Raises
    ------
    InputError
        A card without levels for ``levels``, without the two states for the others.

    Examples
    --------
    >>> import reliability as rel
    >>> net = rel.load_network("mobilenet-mnist")
    >>> chips = program_layers(rel.load_technology("techB"), net, Tiling(), chips=1)
    >>> chips.sizes["cell"] == 2 * net.weights
    True
    """
    expect(tiling, Tiling, "tiling", "a Tiling")
    technology = technology_of(technology)
    check_card(technology, tiling)
    placed = place(network, tiling)
    state = target_states(placed, technology)
    cells = sample_dies(
        technology,
        state=state,
        count=chips,
        first=first,
        dies_per_wafer=dies_per_wafer,
        verify=verify,
        seed=seed,
        lot=lot,
    )
    cells.attrs["tiling"] = json.dumps(asdict(tiling))
    index = np.repeat(np.arange(len(placed), dtype=np.int16), [2 * p.coded.size for p in placed])
    return cells.assign_coords(layer_index=("cell", index, {"units": "1"}))


def check_card(technology: Technology, tiling: Tiling) -> None:
    """Refuse a card whose cells the tiling can't use."""
    levels = "target.maximum" in technology
    if tiling.cells == "levels" and not levels:
        raise InputError(
            f"tiling: cells: got 'levels', but {technology.name} has two states; use 'bits' or, "
            "for a binary network, 'pairs'"
        )
    if tiling.cells == "pairs" and levels:
        raise InputError(
            f"tiling: cells: got 'pairs', but {technology.name} has levels; use 'levels' or 'bits'"
        )
    if tiling.cells == "bits" and tiling.bits_per_cell > 1 and not levels:
        raise InputError(
            f"tiling: bits_per_cell: got {tiling.bits_per_cell}, but {technology.name} has two "
            "states, allowed 1"
        )


def target_states(
    placed: tuple[Placed, ...], technology: Technology
) -> NDArray[np.float64] | NDArray[np.str_]:
    """Return the target (S) or the state of every cell of a chip."""
    positive = np.concatenate([p.coded.ravel() for p in placed])
    u = np.stack([positive, -positive], axis=-1)
    if "target.maximum" in technology:
        model = Target.from_technology(technology)
        return (
            model.minimum + np.clip(u, 0, 1).astype(float) * (model.maximum - model.minimum)
        ).ravel()
    return np.where(u > 0, "LRS", "HRS").ravel()


def read_layer(
    placed: Placed, conductance: NDArray[np.floating], technology: Technology, tiling: Tiling
) -> NDArray[np.float32]:
    """Return what the pairs of a layer read as on one chip, shape (slices, rows, outputs).

    Parameters
    ----------
    placed : Placed
    conductance : ndarray, shape (cell,)
        S, of all cells of the chip.
    technology : Technology
        The nominal one.
    tiling : Tiling
        With resistive lines, the pairs read as in an array of linear cells in which the other
        columns and the tile's unused cells, at ``G_min`` or the median HRS, conduct as well.

    Examples
    --------
    >>> import reliability as rel
    >>> card, net = rel.load_technology("techB"), rel.load_network("mobilenet-mnist")
    >>> placed = place(net, Tiling())
    >>> read = read_layer(placed[0], target_states(placed, card), card, Tiling())
    >>> bool(abs(read - placed[0].coded).max() < 1e-6)
    True
    """
    g = conductance[placed.cells].reshape(*placed.coded.shape, 2)
    if tiling.cells == "pairs":
        return np.where(g[..., 0] >= g[..., 1], 1, -1).astype(np.float32)
    if "target.maximum" in technology:
        model = Target.from_technology(technology)
        unit, idle = model.maximum - model.minimum, model.minimum
    else:
        series = technology["access.series_resistance"]
        unit = state_difference(technology)
        idle = idle_conductance(technology)
        g = in_series(g, series)
    if any(tiling.lines.values()):
        g = _with_ir_drop(g.astype(float), idle, tiling)
    return ((g[..., 0] - g[..., 1]) / unit).astype(np.float32)


def compensation(
    placed: Placed,
    read: NDArray[np.float32],
    conductance: NDArray[np.floating],
    programmed: NDArray[np.floating],
    tiling: Tiling,
) -> float:
    """Return the digital factor on a layer's sums.

    Parameters
    ----------
    placed : Placed
    read : ndarray, shape (slices, rows, outputs)
        Of `read_layer`.
    conductance, programmed : ndarray, shape (cell,)
        S, of all cells of the chip, now and as programmed.
    tiling : Tiling

    Examples
    --------
    >>> fc = Layer("fc", "Gemm", ("y",), np.ones((2, 1), np.float32))
    >>> p = Placed(fc, np.ones((1, 2, 1), np.float32), np.ones((1, 1), np.float32), 0)
    >>> g = np.array([2e-5, 0.0, 2e-5, 0.0])
    >>> compensation(p, 0.8 * p.coded, 0.8 * g, g, Tiling(compensation="drift"))
    1.25
    """
    if tiling.compensation == "drift":
        target_sum = float(programmed[placed.cells].sum(dtype=float))
        got = float(conductance[placed.cells].sum(dtype=float))
    elif tiling.compensation == "gain":
        target_sum = float((placed.coded.astype(float) ** 2).sum())
        got = float((placed.coded.astype(float) * read).sum())
    else:
        return 1.0
    return target_sum / got if got > 0 else 1.0


def row_tiles(layer: Layer, rows: int) -> tuple[slice, ...]:
    """Cut the rows of a layer into tiles, all but the last one full.

    >>> row_tiles(Layer("fc", "Gemm", ("y",), np.zeros((300, 10), np.float32)), 128)[-1]
    slice(256, 300, None)
    """
    return tuple(
        slice(start, min(start + rows, layer.rows)) for start in range(0, layer.rows, rows)
    )


def _scale(layer: Layer, tiling: Tiling) -> NDArray[np.float64]:
    size = np.abs(layer.matrix.astype(float))
    if not isinstance(tiling.scale, str):
        if size.max() > tiling.scale:
            raise InputError(
                f"layer {layer.name!r}: weights {layer.matrix.min():.4g} to "
                f"{layer.matrix.max():.4g}, allowed {-tiling.scale:g} to {tiling.scale:g}"
            )
        return np.full(layer.outputs, float(tiling.scale))
    largest = size.max(axis=0) if tiling.scale == "channel" else np.full(layer.outputs, size.max())
    return np.where(largest > 0, largest, 1.0)


def _signs(layer: Layer, u: NDArray[np.float64]) -> NDArray[np.float64]:
    if not np.allclose(np.abs(u), 1, atol=1e-6):
        raise InputError(
            f"layer {layer.name!r}: weights {layer.matrix.min():.4g} to {layer.matrix.max():.4g} "
            "have more than two values, allowed minus and plus one magnitude in each "
            "output channel; leave it digital or use 'levels' or 'bits'"
        )
    return np.sign(u)


def _digits(
    u: NDArray[np.float64], scale: NDArray[np.float64], tiling: Tiling
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Digits of the rounded weights as shares of the largest digit, and the weight of each."""
    top, largest = 2 ** (tiling.weight_bits - 1) - 1, 2**tiling.bits_per_cell - 1
    q = np.rint(u * top).astype(np.int64)
    shift = tiling.bits_per_cell * np.arange(tiling.slices)
    digits = (np.abs(q) >> shift[:, None, None]) & largest
    return digits * np.sign(q) / largest, scale * (2.0**shift * largest / top)[:, None]


def _with_ir_drop(g: NDArray[np.float64], idle: float, tiling: Tiling) -> NDArray[np.float64]:
    """Effective conductances (slices, rows, outputs, 2) in tiles with resistive lines."""
    slices, rows, outputs, _ = g.shape
    cells = g.transpose(1, 2, 0, 3).reshape(rows, -1)
    seen = on_tiles_of(
        cells, (tiling.rows, tiling.columns), idle,
        lambda tiles: effective_conductance(tiles, **tiling.lines), group=2 * slices,
    )  # fmt: skip
    return seen.reshape(rows, outputs, slices, 2).transpose(2, 0, 1, 3)
