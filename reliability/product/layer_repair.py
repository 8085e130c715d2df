"""Redundant cells and fault-aware mapping of deep networks: copies, spare columns, signs.

Every chip is tested first: its stuck cells are known. Then, layer by layer and independently,

- each cell is ``copies`` cells in parallel, each with its select transistor; those that work make
  up for those that are stuck, as far as they can;
- an output may lie on any column of its layer, spare ones included, and a column may hold the
  negative of its weights, which is undone digitally (`linear_sum_assignment` of the squared error
  of the weights);
- where one side of a pair is stuck, the other one is written so that the pair reads what it should
  as closely as it can.

The bias of outputs is set again by the compensation ``batch_norm`` of a `Tiling`, after mapping and
ageing. Rows stay: they are the outputs of the layer before, whose columns are what is swapped.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from reliability.errors import InputError, whole_number
from reliability.mission import MissionProfile
from reliability.network import DeepNetwork, Tiling, program_layers
from reliability.network.conductances import in_series
from reliability.network.deep.chips import aged_and_calibrated
from reliability.network.deep.layer_mapping import Placed, place
from reliability.population.ageing import PLACED
from reliability.population.programmed import STUCK_HIGH
from reliability.population.sampling import sample_dies
from reliability.technology import Technology

Floats = NDArray[np.float64]
_READ = ("conductance", "programmed", "calibrated")  # variables of the chips that are returned


@dataclass(frozen=True)
class Repair:
    """What a deep network has beside the cells that its weights need.

    Parameters
    ----------
    copies : int
        Cells for each cell.
    spare_columns : int
        Spare output columns of each layer.
    columns, signs : bool
        Whether outputs are placed around stuck cells, and columns may hold negative weights.

    Raises
    ------
    InputError
        Numbers that cannot be.
    """

    copies: int = 1
    spare_columns: int = 0
    columns: bool = True
    signs: bool = True

    def __post_init__(self) -> None:
        whole_number(self.copies, "copies", 1, 100)
        whole_number(self.spare_columns, "spare_columns", 0, 1000)


def repaired_layers(
    technology: Technology, network: DeepNetwork, tiling: Tiling, repair: Repair, *,
    chips: int, profile: MissionProfile | None = None, seed: int = 0, first: int = 0,
    **where: Any,
) -> xr.Dataset:  # fmt: skip
    """Test chips, place the layers around their stuck cells, and program them.

    Parameters
    ----------
    technology : Technology
    network : DeepNetwork
    tiling : Tiling
        With differential pairs, and lines without resistance.
    repair : Repair
    chips, seed, first : int
        As for `reliability.program_layers`.
    profile : MissionProfile, optional
        Age the chips after programming. Their cells lie in the order of the network and not of the
        chip afterwards, so that `reliability.age` refuses them.
    **where
        Others of `reliability.program_layers`.

    Returns
    -------
    Dataset
        As `reliability.program_layers` returns it, one cell in the place of its copies, for
        `reliability.evaluate`; and ``error_before``, ``error_after`` (chip): root mean square of
        what stuck cells take from the weights, in units of the largest weight of their channel or
        layer, in the order of the columns and as placed.

    Raises
    ------
    InputError
        Another mapping than differential pairs, resistive lines.

    Examples
    --------
    >>> import reliability as rel
    >>> card = rel.load_technology("oxram-130nm").with_values({"defects.stuck_lrs": 0.01})
    >>> net, tiling = rel.load_network("mobilenet-mnist"), Tiling("bits")
    >>> found = repaired_layers(card, net, tiling, Repair(spare_columns=2), chips=1)
    >>> bool(found["error_after"] < found["error_before"])
    True
    """
    whole_number(chips, "chips", 1)
    placed = place(network, tiling, technology)
    check_repair(placed)
    base = program_layers(technology, network, tiling, chips=chips, first=first, seed=seed, **where)
    series = float(technology["access.series_resistance"]) if technology.has_states else 0.0
    made: dict[str, list[NDArray[Any]]] = {}
    errors = []
    for k in range(first, first + chips):
        at = {"count": 1, "first": k, "seed": seed, **where}
        cells = _Chip(technology, placed, repair, at)
        aged = cells.programmed()
        if profile is not None:
            aged = aged_and_calibrated(aged, profile, tiling)
        for name in (name for name in _READ if name in aged):
            made.setdefault(name, []).append(cells.in_order(aged[name].values[0], series))
        errors.append(cells.errors)
    before, after = np.array(errors).T
    out = base.drop_vars([name for name in base if name not in _READ])
    for name, values in made.items():
        out[name] = (("chip", "cell"), np.stack(values), base["conductance"].attrs)
    out.attrs |= {PLACED: 1} | {name: aged.attrs[name] for name in ("mission", "warnings")}
    return out.assign(error_before=("chip", before), error_after=("chip", after))


def check_repair(placed: tuple[Placed, ...]) -> None:
    """Refuse layers whose cells are not pairs, or lie on resistive lines."""
    for layer in placed:
        if layer.tiling.mapping != "differential":
            raise InputError(
                f"tiling: mapping: copies, spare columns and fault-aware mapping need "
                f"'differential', got {layer.tiling.mapping!r}"
            )
        if any(layer.tiling.lines.values()):
            raise InputError("tiling: copies, spare columns and fault-aware mapping do not go with "
                             "lines with resistance")  # fmt: skip


class _Chip:
    """One chip: its stuck cells, where the outputs of each layer lie, and what is written."""

    def __init__(
        self, technology: Technology, placed: tuple[Placed, ...], repair: Repair,
        at: dict[str, Any],
    ) -> None:  # fmt: skip
        self.technology, self.at = technology, at
        shapes = [_shape(p, repair) for p in placed]
        ends = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)])
        self.cells = [slice(a, b) for a, b in pairwise(ends)]
        tested = sample_dies(technology, state=self._states(np.zeros(ends[-1])), **at)
        defect = tested["defect"].values[0] if "defect" in tested else np.zeros(ends[-1], np.uint8)
        self.layers = [
            _Layer(p, defect[own].reshape(shape), repair)
            for p, own, shape in zip(placed, self.cells, shapes, strict=True)
        ]
        squares = np.array([layer.squares for layer in self.layers])
        count = sum(p.coded.size for p in placed)
        self.errors = tuple(np.sqrt(squares.sum(axis=0) / count))

    def _states(self, digits: Floats) -> NDArray[Any]:
        """Target (S) or state of cells that are to hold digits, 0 to 1."""
        if "target.maximum" in self.technology:
            low, high = (self.technology[f"target.{end}"] for end in ("minimum", "maximum"))
            return np.asarray(low + digits * (high - low))
        return np.where(digits > 0.5, "LRS", "HRS")

    def programmed(self) -> xr.Dataset:
        """Cells of the chip as written."""
        digits = np.concatenate([layer.digits().ravel() for layer in self.layers])
        return sample_dies(self.technology, state=self._states(digits), **self.at)

    def in_order(self, g: NDArray[Any], series: float) -> NDArray[np.float32]:
        """Conductance in the order of the network; of copies that of one cell that reads alike."""
        parts = [
            layer.in_order(g[own]) for layer, own in zip(self.layers, self.cells, strict=True)
        ]  # fmt: skip
        seen = np.concatenate([in_series(part, series).mean(axis=-1).ravel() for part in parts])
        return np.asarray(seen / (1 - seen * series), np.float32)


class _Layer:
    """A layer of one chip; cells have shape (slices, rows, columns, sides, copies)."""

    def __init__(self, placed: Placed, defect: NDArray[np.uint8], repair: Repair) -> None:
        self.placed, self.defect = placed, defect
        copies = defect.shape[-1]
        high = (defect == STUCK_HIGH).sum(axis=-1)
        bad = (defect != 0).sum(axis=-1)
        self.least, self.most = high / copies, 1 - (bad - high) / copies
        # of a pair, what it can read as
        self.low = self.least[..., 0] - self.most[..., 1]
        self.high = self.most[..., 0] - self.least[..., 1]
        outputs = placed.coded.shape[-1]
        straight = self._costs(1.0)
        self.at = np.arange(outputs)
        self.sign = np.ones(outputs)
        before = float(straight[self.at, self.at].sum())
        if repair.columns:
            turned = self._costs(-1.0) if repair.signs else np.full_like(straight, np.inf)
            self.at = np.asarray(linear_sum_assignment(np.minimum(straight, turned))[1], np.intp)
            place = (np.arange(outputs), self.at)
            self.sign = np.where(turned[place] < straight[place], -1.0, 1.0)
            after = float(np.minimum(straight, turned)[place].sum())
        else:
            after = before
        self.squares = (before, after)

    def _costs(self, sign: float) -> Floats:
        """Squared error of the weights of each output on each column, in full weights."""
        coded, scale = sign * self.placed.coded, np.abs(self.placed.factor).sum(axis=0)
        weight = self.placed.factor / np.where(scale > 0, scale, 1.0)
        cost = np.zeros((coded.shape[-1], self.low.shape[-1]))
        faulty = (self.low > -1) | (self.high < 1)
        for column in np.flatnonzero(faulty.any(axis=(0, 1))):
            rows = np.flatnonzero(faulty[..., column].any(axis=0))
            own = coded[:, rows]
            low, high = (end[:, rows, column, None] for end in (self.low, self.high))
            error = (weight[:, None] * (np.clip(own, low, high) - own)).sum(axis=0)
            cost[:, column] = (error**2).sum(axis=0)
        return cost

    def digits(self) -> Floats:
        """What each cell is written to, 0 to 1; stuck cells do not care."""
        wanted = np.zeros(self.low.shape)
        wanted[..., self.at] = self.placed.coded * self.sign
        wanted = np.clip(wanted, self.low, self.high)
        minus = np.maximum(self.least[..., 1], self.least[..., 0] - wanted)
        minus = np.maximum(minus, -wanted)
        sides = np.stack([wanted + minus, minus], axis=-1)
        works = self.defect == 0
        copies = works.shape[-1]
        # what the working cells have to add to the stuck ones, in cells
        need = sides * copies - self.least * copies
        if self.placed.tiling.cells == "levels":
            each = need / np.maximum(works.sum(axis=-1), 1)
            return np.where(works, np.clip(each, 0, 1)[..., None], 0.0)
        # digits of a cell of two states, or levels of more bits: full cells first, then the rest
        before = np.cumsum(works, axis=-1) - works
        return np.where(works, np.clip(need[..., None] - before, 0, 1), 0.0)

    def in_order(self, g: NDArray[Any]) -> NDArray[Any]:
        """Cells in the order of the network, shape (slices, rows, outputs, sides, copies)."""
        cells = g.reshape(self.defect.shape)[:, :, self.at]
        turned = (self.sign < 0)[:, None, None]
        return np.where(turned, cells[:, :, :, ::-1], cells)


def _shape(placed: Placed, repair: Repair) -> tuple[int, ...]:
    slices, rows, outputs = placed.coded.shape
    return slices, rows, outputs + repair.spare_columns, 2, repair.copies
