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

Other mappings than differential pairs have one cell for each digit d, 0 to 1, and a digital term:
``u = (2 d - 1)`` for levels, for bits a sum of digits less one (offset binary), or two's
complement. A cell reads as its conductance less that of the reference columns, in full digits
(`Tiling`).

Columns are cut into tiles of ``rows`` rows; a depthwise or grouped convolution is read column by
column with the inputs of its own group, so no cell is there that no weight uses. The columns of a
tile lie side by side: output, bit, side.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.crossbar.tiles import effective_conductance, on_tiles_of
from reliability.devices.target import Target
from reliability.devices.verify import Verify
from reliability.errors import InputError, expect, unknown_name
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
        What each pair, or single cell less its references, should read as.
    factor : ndarray of float32, shape (slices, outputs)
        Weight = offset + sum over slices of factor * coded.
    first : int
        First of its cells on the chip. Pairs are ordered by slice, row, output and side (positive
        first); single cells by slice, row and output, and behind them the reference columns by
        row, tile and column (that of the least conductance first).
    tiling : Tiling
        Of this layer.
    digits : ndarray, shape (slices, rows, outputs), optional
        What single cells are programmed to, 0 to 1; of pairs ``coded``.
    offset : ndarray of float32, shape (outputs,), optional
        Digital factor on the sum of the inputs.
    """

    layer: Layer
    coded: NDArray[np.float32]
    factor: NDArray[np.float32]
    first: int
    tiling: Tiling = Tiling()
    digits: NDArray[np.float64] | None = None
    offset: NDArray[np.float32] | None = None

    @property
    def size(self) -> int:
        """Number of its cells."""
        _, rows, outputs = self.coded.shape
        return self.tiling.cells_of(rows, outputs)

    @property
    def cells(self) -> slice:
        """Its cells on the chip."""
        return slice(self.first, self.first + self.size)

    def weights(self, read: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return the weights (rows, outputs) that cells reading ``read`` (like coded) make."""
        made = np.einsum("so,sro->ro", self.factor, read)
        return (made if self.offset is None else made + self.offset).astype(np.float32)


class Scale(NamedTuple):
    """Conductances, S, of a full digit and of a cell without weight, and the resistance in series.

    The resistance (ohm) is that of the select transistor of two-state cells.
    """

    unit: float
    idle: float
    series: float = 0.0

    @classmethod
    def of(cls, technology: Technology) -> "Scale":
        """Return those of a nominal technology."""
        if "target.maximum" in technology:
            model = Target.from_technology(technology)
            return cls(model.maximum - model.minimum, model.minimum)
        series = technology["access.series_resistance"]
        return cls(state_difference(technology), idle_conductance(technology), series)


def place(
    network: DeepNetwork, tiling: Tiling, technology: Technology | None = None
) -> tuple[Placed, ...]:
    """Scale and code the weights of every layer.

    Parameters
    ----------
    network : DeepNetwork
    tiling : Tiling
    technology : Technology, optional
        Whose nominal least conductance the mapping ``offset`` takes off; without, cells are ideal.

    Raises
    ------
    InputError
        A weight beyond a fixed scale, or one that is not plus or minus one scale in ``pairs``;
        settings of a layer that the network does not have.

    Examples
    --------
    >>> import reliability as rel
    >>> net = rel.load_network("mobilenet-mnist")
    >>> placed = place(net, Tiling("bits", weight_bits=4))
    >>> placed[0].coded.shape, bool(abs(placed[0].weights(placed[0].coded)).max() > 0)
    ((3, 9, 16), True)
    """
    expect(tiling, Tiling, "tiling", "a Tiling, such as Tiling(rows=128)")
    names = [layer.name for layer in network.layers]
    for name in tiling.layers:
        if name not in names:
            raise unknown_name("layer in tiling: layers", name, names)
    return place_layers(network.layers, tiling, technology)


def place_layers(
    layers: Sequence[Layer], tiling: Tiling, technology: Technology | None = None
) -> tuple[Placed, ...]:
    """Scale and code the weights of some layers, as `place`."""
    background, out, first = 0.0, [], 0
    whole = [tiling.of(layer.name) for layer in layers]
    if technology is not None and any(own.mapping == "offset" for own in whole):
        scale = Scale.of(technology)
        background = scale.idle / scale.unit
    for layer, own in zip(layers, whole, strict=True):
        out.append(_placed(layer, own, first, background))
        first = out[-1].cells.stop
    return tuple(out)


def _placed(layer: Layer, tiling: Tiling, first: int, background: float) -> Placed:
    scale = _scale(layer, tiling)
    u = layer.matrix / scale
    digits: NDArray[np.float64] | None = None
    if tiling.mapping != "differential":
        digits, factor, constant = _single(u, tiling)
        shift = {"reference": -0.5, "offset": background}.get(tiling.mapping, 0.0)
        coded = digits + shift
        factor = factor * scale
        offset = (constant * scale - shift * factor.sum(axis=0)).astype(np.float32)
        real = coded.astype(np.float32), factor.astype(np.float32)
        return Placed(layer, *real, first, tiling, digits, offset if offset.any() else None)
    if tiling.cells == "levels":
        coded, factor = u[None], scale[None]
    elif tiling.cells == "pairs":
        coded, factor = _signs(layer, u)[None], scale[None]
    else:
        coded, factor = _digits(u, scale, tiling)
    return Placed(layer, coded.astype(np.float32), factor.astype(np.float32), first, tiling)


def _single(
    u: NDArray[np.float64], tiling: Tiling
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Digits of single cells, the weight of each slice (slices, 1), and a constant.

    ``u = constant + sum over slices of weight * digit``.
    """
    if tiling.cells == "levels":
        return ((1 + u) / 2)[None], np.array([[2.0]]), -1.0
    bits, own = tiling.weight_bits, tiling.bits_per_cell
    top, largest = 2 ** (bits - 1) - 1, 2**own - 1
    q = np.rint(u * top).astype(np.int64)
    signed = tiling.mapping == "twos_complement"
    shift = own * np.arange(tiling.slices - signed)
    code = q & (2 ** (bits - 1) - 1) if signed else q + top
    digits = ((code >> shift[:, None, None]) & largest) / largest
    weight = 2.0**shift * largest / top
    if signed:
        digits = np.concatenate([digits, (q < 0)[None].astype(float)])
        weight = np.append(weight, -(2.0 ** (bits - 1)) / top)
    return digits, weight[:, None], 0.0 if signed else -1.0


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
    placed = place(network, tiling, technology)
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
    cells.attrs["tiling"] = tiling.text
    index = np.repeat(np.arange(len(placed), dtype=np.int16), [p.size for p in placed])
    return cells.assign_coords(layer_index=("cell", index, {"units": "1"}))


def check_card(technology: Technology, tiling: Tiling) -> None:
    """Refuse a card whose cells the tiling, or that of a layer, can't use."""
    for name in tiling.layers:
        check_card(technology, tiling.of(name))
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
    digit = np.concatenate([_programmed(p) for p in placed])
    if "target.maximum" in technology:
        model = Target.from_technology(technology)
        return model.minimum + digit * (model.maximum - model.minimum)
    return np.where(digit > 0, "LRS", "HRS")


def _programmed(placed: Placed) -> NDArray[np.float64]:
    """What each cell of a layer is programmed to, 0 to 1."""
    if placed.digits is None:
        u = placed.coded.ravel()
        return np.clip(np.stack([u, -u], axis=-1), 0, 1).astype(float).ravel()
    own = placed.digits.ravel()
    references = (placed.size - own.size) // max(placed.tiling.references, 1)
    return np.concatenate([own, np.tile([0.0, 1.0][: placed.tiling.references], references)])


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
        Of the layer. With resistive lines, the cells read as in an array of linear cells in which
        the other columns and the tile's unused cells, at ``G_min`` or the median HRS, conduct as
        well.

    Examples
    --------
    >>> import reliability as rel
    >>> card, net = rel.load_technology("techB"), rel.load_network("mobilenet-mnist")
    >>> placed = place(net, Tiling())
    >>> read = read_layer(placed[0], target_states(placed, card), card, Tiling())
    >>> bool(abs(read - placed[0].coded).max() < 1e-6)
    True
    """
    g = conductance[placed.cells]
    if tiling.cells == "pairs":
        plus, minus = g.reshape(*placed.coded.shape, 2).transpose(3, 0, 1, 2)
        return np.where(plus >= minus, 1, -1).astype(np.float32)
    scale = Scale.of(technology)
    g = in_series(g, scale.series) if scale.series else g
    lines = any(tiling.lines.values())
    if tiling.mapping != "differential":
        return _read_single(placed, g, scale, tiling, lines)
    pairs = g.reshape(*placed.coded.shape, 2)
    if lines:
        pairs = _with_ir_drop(pairs.astype(float), scale.idle, tiling)
    return ((pairs[..., 0] - pairs[..., 1]) / scale.unit).astype(np.float32)


def _read_single(
    placed: Placed, g: NDArray[np.floating], scale: Scale, tiling: Tiling, lines: bool
) -> NDArray[np.float32]:
    """What single cells read as, less the mean of the reference columns of their tile."""
    _, rows, outputs = placed.coded.shape
    own = g[: placed.coded.size].reshape(placed.coded.shape)
    many = tiling.references
    beside = g[placed.coded.size :].reshape(rows, -1, many) if many else np.empty((rows, 0, 0))
    if lines:
        own, beside = _single_with_ir_drop(
            own.astype(float), beside.astype(float), scale.idle, tiling
        )
    if many:
        of_tile = beside.mean(axis=-1)
        own = own - of_tile[:, np.arange(outputs) // tiling.outputs_of_a_tile]
    return (own / scale.unit).astype(np.float32)


def compensation(
    placed: Placed,
    read: NDArray[np.float32],
    conductance: NDArray[np.floating],
    programmed: NDArray[np.floating],
    tiling: Tiling,
) -> float | NDArray[np.float64]:
    """Return the digital factor on a layer's sums, or one for each column (slices, 1, outputs).

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
    kind, _, columns = tiling.compensation.partition("_")
    if kind == "drift":
        wanted, got = (_of_weights(placed, g) for g in (programmed, conductance))
    elif kind == "gain":
        wanted, got = placed.coded.astype(float) ** 2, placed.coded.astype(float) * read
    else:
        return 1.0
    if columns:
        above, below = (each.sum(axis=1, keepdims=True) for each in (wanted, got))
        return np.divide(above, below, out=np.ones_like(above), where=below > 0)
    target_sum, sum_now = float(wanted.sum()), float(got.sum())
    return target_sum / sum_now if sum_now > 0 else 1.0


def _of_weights(placed: Placed, conductance: NDArray[np.floating]) -> NDArray[np.float64]:
    """Summed conductance of the cells of each weight and slice, shape of ``coded``, S."""
    g = conductance[placed.cells].astype(float)
    if placed.digits is None:
        return np.asarray(g.reshape(*placed.coded.shape, 2).sum(axis=-1))
    return g[: placed.coded.size].reshape(placed.coded.shape)


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
    if tiling.pairing == "columns":
        cells = g.transpose(1, 2, 0, 3).reshape(rows, -1)
        seen = _seen(cells, idle, tiling, 2 * slices)
        return seen.reshape(rows, outputs, slices, 2).transpose(2, 0, 1, 3)
    if tiling.pairing == "rows":
        cells = g.transpose(1, 3, 2, 0).reshape(2 * rows, -1)
        seen = _seen(cells, idle, tiling, slices)
        return seen.reshape(rows, 2, outputs, slices).transpose(3, 0, 2, 1)
    sides = [_seen(side.transpose(1, 2, 0).reshape(rows, -1), idle, tiling, slices)
             for side in np.moveaxis(g, -1, 0)]  # fmt: skip
    both = np.stack(sides, axis=-1).reshape(rows, outputs, slices, 2)
    return both.transpose(2, 0, 1, 3)


def _single_with_ir_drop(
    own: NDArray[np.float64], beside: NDArray[np.float64], idle: float, tiling: Tiling
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Effective conductances of single cells and of the reference columns, at the tile's end."""
    slices, rows, outputs = own.shape
    of_tile, many = tiling.outputs_of_a_tile, tiling.references
    across = -(-outputs // of_tile)
    padded = np.full((rows, across * of_tile, slices), idle)
    padded[:, :outputs] = own.transpose(1, 2, 0)
    tiles = [padded.reshape(rows, across, -1), beside.reshape(rows, across, many)]
    cells = np.concatenate(tiles, axis=-1)
    group = cells.shape[-1]
    seen = _seen(cells.reshape(rows, -1), idle, tiling, group).reshape(rows, across, group)
    weights = seen[..., : group - many].reshape(rows, -1, slices)[:, :outputs]
    return weights.transpose(2, 0, 1), seen[..., group - many :]


def _seen(
    cells: NDArray[np.float64], idle: float, tiling: Tiling, group: int
) -> NDArray[np.float64]:
    """Cells as they are read on tiles, whose last ones are used in part."""
    down, across = tiling.rows, tiling.columns
    rows, columns = cells.shape
    width = across - across % group  # columns that hold weights

    def read(tiles: NDArray[np.float64]) -> NDArray[np.float64]:
        out = tiles.copy()
        high, wide = tiles.shape[:2]
        last = rows - (high - 1) * down, columns - (wide - 1) * width
        for h, many in ((slice(high - 1), down), (slice(high - 1, None), last[0])):
            for w, each in ((slice(wide - 1), width), (slice(wide - 1, None), last[1])):
                if tiles[h, w].size:
                    out[h, w, :many, :each] = effective_conductance(
                        tiles[h, w], used=(many, each), **tiling.lines
                    )
        return out

    return on_tiles_of(cells, (down, across), idle, read, group=group)
