"""Weights of a network placed around the faulty cells of a chip, and columns kept in order.

A weight is the difference of two sides of cells, in units of one cell's window. Stuck cells leave
it an interval of values; what the weight lacks depends on where it lies, and the places can be
chosen when a chip is tested, or again in the field when cells have been lost:

- rows (inputs) and columns (outputs) swapped, which the periphery undoes [1]_;
- the sign of a column turned, which its output undoes [2]_;
- the mean error of a column taken out by its bias [1]_.

The cost of a place is the squared error that is left, weighted with the power of its input: rows
and columns are assigned exactly (linear sum assignment), in turns until nothing improves.

`column_maintenance` is what is done afterwards: gains of columns calibrated in the periphery,
columns that drifted too far written again, with reads, writes, energy and time.

.. [1] F. L. Aguirre et al., Electronics 10, 2427 (2021), doi:10.3390/electronics10192427.
.. [2] "Weight Transformations in Bit-Sliced Crossbar Arrays for Fault Tolerant
   Computing-in-Memory", arXiv:2512.18459 (2025).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment

from reliability.errors import InputError, whole_number
from reliability.mission import MissionProfile
from reliability.population.ageing import PLACED, age
from reliability.population.programmed import STUCK_HIGH
from reliability.population.sampling import sample_dies
from reliability.technology import Technology

if TYPE_CHECKING:
    from reliability.network import Network

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
_CELL_VARIABLES = ("conductance", "programmed", "defect", "pulses", "passed")
_TURNS = 20  # of rows and columns; each lowers the error


class Reach(NamedTuple):
    """Least and greatest weight at each place of a chip, shape (rows, columns)."""

    low: Floats
    high: Floats


@dataclass(frozen=True)
class Placing:
    """What a placement around faults may do.

    Parameters
    ----------
    rows, columns, signs : bool
        Whether rows, columns, and the signs of columns may be swapped or turned.
    """

    rows: bool = True
    columns: bool = True
    signs: bool = True


@dataclass(frozen=True)
class FaultMapping:
    """Where the weights of a network lie on a chip.

    Attributes
    ----------
    rows, columns : ndarray of int
        Place of each input and of each output.
    signs : ndarray of float, shape (outputs,)
        -1 where a column holds the negative weights.
    weights : ndarray, shape (inputs, outputs)
        What the network really has, in its own order.
    bias : ndarray, shape (outputs,)
        To be added to each output; 0 without inputs whose mean is known.
    error_before, error_after : float
        Root mean squared error of the weights, weighted with the power of the inputs.
    """

    rows: Places
    columns: Places
    signs: Floats
    weights: Floats
    bias: Floats
    error_before: float
    error_after: float


def stuck_reach(stuck_low: ArrayLike, stuck_high: ArrayLike, cells: int) -> Reach:
    """Return the weights that sides of cells can hold in spite of stuck ones.

    Parameters
    ----------
    stuck_low, stuck_high : array_like of int, shape (rows, columns, 2)
        Cells of the positive and of the negative side that conduct too little, or too much.
    cells : int
        On each side.

    Examples
    --------
    >>> reach = stuck_reach([[[1, 0]]], [[[0, 0]]], 4)  # one of the positive side lost
    >>> reach.low.item(), reach.high.item()
    (-4.0, 3.0)
    """
    low, high = np.asarray(stuck_low, float), np.asarray(stuck_high, float)
    if low.shape != high.shape or low.shape[-1:] != (2,):
        raise InputError(f"stuck_low: got shape {low.shape}, expected (rows, columns, 2) for both")
    if (low < 0).any() or (high < 0).any() or (low + high > cells).any():
        raise InputError(f"stuck_low, stuck_high: got more than {cells} cells of a side")
    least, most = high, cells - low
    return Reach(least[..., 0] - most[..., 1], most[..., 0] - least[..., 1])


def map_around_faults(
    weights: ArrayLike, reach: Reach, *, rows: bool = True, columns: bool = True,
    signs: bool = True, mean_input: ArrayLike | None = None, power: ArrayLike | None = None,
) -> FaultMapping:  # fmt: skip
    """Choose the places of weights so that they lack least.

    Parameters
    ----------
    weights : array_like, shape (inputs, outputs)
        In units of one cell's window.
    reach : Reach
        Of the chip, as many rows and columns as the weights or more (spare ones).
    rows, columns, signs : bool
        What may be swapped or turned.
    mean_input, power : array_like, shape (inputs,), optional
        Mean of each input, for the bias, and mean square, the weight of its errors (1 each).

    Raises
    ------
    InputError
        A chip smaller than the weights, inputs that do not match.

    Examples
    --------
    A row without a working positive side goes to the input that needs none.

    >>> reach = Reach(np.array([[-1.0], [-1.0]]), np.array([[0.0], [1.0]]))
    >>> found = map_around_faults([[1.0], [-1.0]], reach)
    >>> found.weights.ravel().tolist(), found.error_before, found.error_after
    ([1.0, -1.0], 0.7071067811865476, 0.0)
    """
    w = np.asarray(weights, float)
    low, high = (np.asarray(each, float) for each in reach)
    if w.ndim != 2 or low.shape != high.shape or (np.array(low.shape) < w.shape).any():
        raise InputError(f"weights: got {w.shape}, the chip has {low.shape}")
    weight = np.ones(w.shape[0]) if power is None else np.asarray(power, float)
    mean = np.zeros(w.shape[0]) if mean_input is None else np.asarray(mean_input, float)
    if weight.shape != (w.shape[0],) or mean.shape != (w.shape[0],):
        raise InputError(f"mean_input, power: expected {w.shape[0]} values, one for each input")
    at = [np.arange(n) for n in w.shape]
    sign = np.ones(w.shape[1])
    before = best = _squares(w, low, high, at, sign, weight)
    for _ in range(_TURNS):
        if rows:
            at[0] = _assign_rows(w * sign, low[:, at[1]], high[:, at[1]], weight)
        if columns or signs:
            at[1], sign = _assign_columns(
                w, low[at[0]], high[at[0]], weight, at[1], sign, columns, signs
            )
        now = _squares(w, low, high, at, sign, weight)
        if now >= best * (1 - 1e-12):
            break
        best = now
    held = sign * np.clip(w * sign, low[np.ix_(*at)], high[np.ix_(*at)])
    bias = mean @ (w - held)
    count = max(weight.sum() * w.shape[1], 1e-300)
    after = _squares(w, low, high, at, sign, weight)
    return FaultMapping(
        at[0], at[1], sign, held, bias, float(np.sqrt(before / count)),
        float(np.sqrt(after / count)),
    )  # fmt: skip


def _squares(
    w: Floats, low: Floats, high: Floats, at: list[Places], sign: Floats, weight: Floats
) -> float:
    own = w * sign
    gap = own - np.clip(own, low[np.ix_(*at)], high[np.ix_(*at)])
    return float(weight @ (gap**2).sum(axis=1))


def _assign_rows(w: Floats, low: Floats, high: Floats, weight: Floats) -> Places:
    gap = w[:, None] - np.clip(w[:, None], low, high)  # (input, row, output)
    _, place = linear_sum_assignment(weight[:, None] * (gap**2).sum(axis=2))
    return np.asarray(place, np.intp)


def _assign_columns(
    w: Floats, low: Floats, high: Floats, weight: Floats, at: Places, sign: Floats,
    swap: bool, turn: bool,
) -> tuple[Places, Floats]:  # fmt: skip
    """Columns of the outputs, and their signs; those that may not change stay."""
    if not swap:
        low, high = low[:, at], high[:, at]
    cost = []
    for way in (1.0, -1.0):
        own = way * w[:, :, None]  # (input, output, column)
        if not swap:
            gap = own[:, :, 0] - np.clip(own[:, :, 0], low, high)
            cost.append(weight @ gap**2)
        else:
            gap = own - np.clip(own, low[:, None], high[:, None])
            cost.append(np.tensordot(weight, gap**2, 1))
    straight, turned = cost
    if not turn:
        keep = sign if not swap else sign[:, None]
        straight = np.where(keep > 0, straight, turned)
        turned = np.full_like(turned, np.inf)
        own_sign = np.asarray(sign)
    least = np.minimum(straight, turned)
    place = at if not swap else np.asarray(linear_sum_assignment(least)[1], np.intp)
    if not turn:
        return place, own_sign
    outputs = np.arange(w.shape[1])
    better = (turned < straight) if not swap else (turned < straight)[outputs, place]
    return place, np.where(better, -1.0, 1.0)


def repaired_chips(
    technology: Technology, network: "Network", *, chips: int, seed: int = 0,
    placing: Placing | None = None, copies: int = 1, spare_columns: int = 0,
    mean_input: ArrayLike | None = None, power: ArrayLike | None = None,
    profile: MissionProfile | None = None, first: int = 0, **where: Any,
) -> xr.Dataset:  # fmt: skip
    """Test chips, place the network around their faulty cells, and program them.

    Parameters
    ----------
    technology : Technology
        With states (``two_level`` mapping).
    network : Network
    chips, seed, first, copies : int
        As for `reliability.network.sample_chips`: without spare columns the same chips.
    placing : Placing, optional
        What may be swapped or turned; by default all.
    spare_columns : int
        Columns of a chip beside those that the outputs need.
    mean_input, power
        As for `map_around_faults`.
    profile : MissionProfile, optional
        Age the chips after programming. Their cells lie in the order of the network and not of the
        chip afterwards, so that `reliability.age` refuses them.
    **where
        ``verify``, ``lot`` and ``dies_per_wafer`` of `sample_chips`.

    Returns
    -------
    Dataset
        As `reliability.network.sample_chips` returns it, cells in the order of the network, for
        `reliability.evaluate`; and ``error_before``, ``error_after`` (chip) of the weights.

    Raises
    ------
    InputError
        As `sample_chips` and `map_around_faults`.

    Examples
    --------
    >>> import reliability as rel
    >>> card = rel.load_technology("oxram-130nm").with_values({"defects.stuck_lrs": 0.02})
    >>> found = repaired_chips(card, rel.load_network("spirit"), chips=2, seed=1)
    >>> bool((found["error_after"] < found["error_before"]).all())
    True
    """
    from reliability.network import sample_chips  # slow import, and only this needs it

    if not technology.has_states:
        raise InputError(f"technology: {technology.name} has levels, expected LRS and HRS")
    whole_number(spare_columns, "spare_columns", 0, 1000)
    out = sample_chips(
        technology, network, chips=chips, seed=seed, copies=copies, first=first, **where
    )
    cells, wide = network.weight_max * copies, network.outputs + spare_columns
    shape, allowed = (network.inputs, wide, 2, cells), vars(placing or Placing())
    made, errors = [], []
    for chip in range(first, first + chips):
        at = {"count": 1, "first": chip, "seed": seed, **where}
        tested = sample_dies(technology, state=np.full(np.prod(shape), "HRS"), **at)
        defect = tested["defect"].values.reshape(shape)
        high = (defect == STUCK_HIGH).sum(axis=-1)
        low = ((defect != 0) & (defect != STUCK_HIGH)).sum(axis=-1)
        found = map_around_faults(
            network.weights * copies, stuck_reach(low, high, cells), mean_input=mean_input,
            power=power, **allowed,
        )  # fmt: skip
        aged = _program(technology, found, defect, profile, at)
        made.append(_in_order(aged, found, defect.shape))
        errors.append((found.error_before / copies, found.error_after / copies))
    before, after = np.array(errors).T
    for name in (name for name in _CELL_VARIABLES if name in out):
        out[name] = (("chip", "cell"), np.stack([each[name] for each in made]), out[name].attrs)
    out.attrs |= {PLACED: 1} | {name: aged.attrs[name] for name in ("mission", "warnings")}
    return out.assign(error_before=("chip", before), error_after=("chip", after))


def _program(
    technology: Technology, found: FaultMapping, defect: NDArray[np.uint8],
    profile: MissionProfile | None, at: dict[str, Any],
) -> xr.Dataset:  # fmt: skip
    """Cells of one chip, written for its mapping and aged, in the order of the chip."""
    wanted = np.zeros(defect.shape[:2])
    wanted[np.ix_(found.rows, found.columns)] = found.weights * found.signs
    works, high = defect == 0, (defect == STUCK_HIGH).sum(axis=-1)
    # LRS cells that each side needs beyond the stuck ones: as few as give the weight
    need = wanted - (high[..., 0] - high[..., 1])
    need = np.stack([np.maximum(need, 0), np.maximum(-need, 0)], axis=-1)
    room = works.sum(axis=-1)
    short = np.maximum(need - room, 0)  # the other side has to give way, which it cannot here
    need = np.round(need - short)
    state = np.where(works & (np.cumsum(works, axis=-1) <= need[..., None]), "LRS", "HRS")
    made = sample_dies(technology, state=state.ravel(), **at)
    return made if profile is None else age(made, profile)


def _in_order(
    made: xr.Dataset, found: FaultMapping, shape: tuple[int, ...]
) -> dict[str, NDArray[Any]]:
    """Variables of the cells in the order of the network."""
    turned = found.signs < 0
    out = {}
    for name in (name for name in _CELL_VARIABLES if name in made):
        cells = made[name].values.reshape(shape)[np.ix_(found.rows, found.columns)]
        cells = np.where(turned[None, :, None, None], cells[:, :, ::-1], cells)
        out[name] = cells.ravel()
    return out


class ColumnWork(NamedTuple):
    """What the maintenance of columns leaves, and what it costs.

    Attributes
    ----------
    weights : ndarray, shape (rows, columns)
        As the outputs see them: read weights times the gain of their column.
    gains : ndarray, shape (columns,)
    rewritten : ndarray of bool, shape (columns,)
        Columns to be written again, not yet done in ``weights``.
    reads, writes : int
        Of cells.
    energy, time : float
        J, s.
    """

    weights: Floats
    gains: Floats
    rewritten: NDArray[np.bool_]
    reads: int
    writes: int
    energy: float
    time: float


def column_maintenance(
    weights: ArrayLike, wanted: ArrayLike, *, limit: float, cells_per_weight: int,
    read_energy: float = 0.0, write_energy: float = 0.0, read_time: float = 0.0,
    write_time: float = 0.0,
) -> ColumnWork:  # fmt: skip
    """Calibrate the gain of each column, and name the columns that drifted beyond a limit.

    Each column is read once row by row; its gain is the least-squares one of what was read to what
    is wanted, and costs no wear. A column whose relative error (root mean square, after the gain)
    is above the limit is to be written again: one write of each of its cells.

    Parameters
    ----------
    weights, wanted : array_like, shape (rows, columns)
        As read now, and as they should be.
    limit : float
        Of the relative error of a column.
    cells_per_weight : int
    read_energy, write_energy : float
        Of one cell, J.
    read_time, write_time : float
        Of one row, s; rows of the columns that are written again are written one after another.

    Raises
    ------
    InputError
        Arrays that do not match, a limit or a number of cells that is not above 0.

    Examples
    --------
    A loss of 20 % in all cells of a column is a matter of its gain.

    >>> done = column_maintenance([[0.8], [-0.4]], [[1.0], [-0.5]], limit=0.1, cells_per_weight=2)
    >>> done.gains.round(3).tolist(), done.rewritten.tolist(), done.reads
    ([1.25], [False], 4)
    """
    g, w = np.asarray(weights, float), np.asarray(wanted, float)
    if g.shape != w.shape or g.ndim != 2:
        raise InputError(f"weights: got {g.shape}, expected {w.shape} as wanted")
    if not limit > 0 or cells_per_weight < 1:
        raise InputError("limit, cells_per_weight: allowed above 0")
    square = (g**2).sum(axis=0)
    gains = np.where(square > 0, (g * w).sum(axis=0) / np.maximum(square, 1e-300), 1.0)
    gains = np.where(gains > 0, gains, 1.0)
    left = gains * g - w
    size = np.sqrt((w**2).mean(axis=0))
    error = np.sqrt((left**2).mean(axis=0)) / np.maximum(size, 1e-300)
    rewritten = error > limit
    rows, columns = w.shape
    reads = rows * columns * cells_per_weight
    writes = int(rewritten.sum()) * rows * cells_per_weight
    return ColumnWork(
        gains * g, gains, rewritten, reads, writes,
        reads * read_energy + writes * write_energy,
        rows * read_time + (rows * write_time if rewritten.any() else 0.0),
    )  # fmt: skip
