"""Cells as programmed, chip by chip: their states or levels, their hierarchy and their defects.

What `reliability.population` puts coordinates on. Every random number comes from a stream keyed by
the chip's address (`reliability.population.blocks`).
"""

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from reliability.devices import endurance, programming, target
from reliability.devices import verify as verifying
from reliability.devices.programming import Programming
from reliability.devices.relaxation import Relaxation
from reliability.devices.target import Target
from reliability.devices.verify import Verify
from reliability.devices.wear import Wear, after_writes
from reliability.errors import InputError, unknown_name
from reliability.population.blocks import Deviates, for_blocks
from reliability.population.wafer import radial_positions
from reliability.random import stream
from reliability.technology import STATES, Technology
from reliability.units import outside

# What is wrong with a cell, in the order in which one uniform number decides it.
DEFECTS = ("none", "unformed", "stuck_lrs", "stuck_hrs")
STUCK_HIGH = DEFECTS.index("stuck_lrs")  # of all defects the one that conducts
STUCK = {"stuck_lrs": "LRS", "stuck_hrs": "HRS"}
Pick = slice | NDArray[np.bool_] | NDArray[np.intp]
Of = Callable[[str], NDArray[np.floating]]
State = str | float | Sequence[str] | Sequence[float] | NDArray[Any]


class Programmed(NamedTuple):
    """Cells of some chips.

    Attributes
    ----------
    variables : dict of str to ndarray, shape (chips, cells)
        ``conductance`` and ``programmed`` (the same array, S), ``defect`` (index into `DEFECTS`),
        with verify ``pulses`` and ``passed``.
    coordinate : dict of str to tuple
        ``state`` or ``target`` (S) of the cells of a chip, as xarray takes a coordinate.
    warnings : list of str
    """

    variables: dict[str, NDArray]
    coordinate: dict[str, Any]
    warnings: list[str]


class Worn(NamedTuple):
    """What cycles have made of the cells that are written again.

    Attributes
    ----------
    cycles : float
        Cycles of the mission, by which the random numbers of the last write are told apart.
    x : ndarray, shape (chips, cells)
        Equivalent cycles of each cell; cells with none keep the state that they have.
    stuck : ndarray of uint8, shape (chips, cells)
        Index into `DEFECTS` of cells that have failed for good, else 0.
    """

    cycles: float
    x: NDArray[np.float64]
    stuck: NDArray[np.uint8]

    def renewed(self, deviates: Of, x: NDArray[np.float64], *names: str) -> Of:
        """Return deviates in which what a write draws is that of the last write."""
        return after_writes(deviates, self.cycles, x, (*names, "relaxation"))


def program(
    technology: Technology,
    address: NDArray[np.integer],
    state: State,
    cells: int,
    *,
    verify: Verify | None,
    seed: int,
    dtype: DTypeLike,
    worn: Worn | None = None,
) -> Programmed:
    """Program ``cells`` cells on each chip.

    Parameters
    ----------
    technology : Technology
    address : ndarray of int, shape (chips, 4)
        Wafer, die, chip and lot.
    state : str, float, or a sequence of either
        As for `reliability.sample_population`.
    cells : int
    verify : Verify or None
    seed : int
    dtype : float32 or float64
    worn : Worn, optional
        Of cells that are written again after cycles.

    Examples
    --------
    >>> import reliability as rel
    >>> tech = rel.load_technology("oxram-130nm")
    >>> made = program(tech, np.zeros((2, 4), int), "HRS", 100, verify=None, seed=7,
    ...                dtype=np.float32)
    >>> made.variables["conductance"].shape, made.variables["conductance"].dtype
    ((2, 100), dtype('float32'))
    """
    if not is_target(state):
        names = np.asarray(state, dtype=str)
        if names.ndim and names.shape != (cells,):
            raise InputError(f"state: got {names.size} states for {cells} cells")
        names = np.broadcast_to(names, cells)
        return _program_states(technology, address, names, verify, seed, dtype, worn)
    if verify is not None:
        raise InputError("verify: got an algorithm for levels, whose errors include theirs")
    model = Target.from_technology(technology)
    levels = target.levels(model, state)
    if levels.ndim and levels.shape != (cells,):
        raise InputError(f"state: got {levels.size} targets for {cells} cells")
    levels = np.broadcast_to(levels, cells)
    return _program_targets(technology, address, model, levels, seed, dtype, worn)


def _program_states(
    technology: Technology,
    address: NDArray[np.integer],
    names: NDArray[np.str_],
    verify: Verify | None,
    seed: int,
    dtype: DTypeLike,
    worn: Worn | None,
) -> Programmed:
    state = codes(names)
    shape = (len(address), len(state))
    rates = _defect_rates(technology)
    g, defects = np.empty(shape, dtype=dtype), np.zeros(shape, dtype=np.uint8)
    out = {"conductance": g, "programmed": g, "defect": defects}
    if verify is not None:
        out |= {"pulses": np.zeros(shape, np.uint8), "passed": np.zeros(shape, bool)}
    models = {name: Programming.from_technology(technology, name) for name in STATES}
    fixed_of = _fixed_deviations(technology, models, address, seed)
    aged = _wear_of_states(technology, worn)

    def natural(
        name: str, deviates: Deviates, pick: Pick, chip: int, block: slice
    ) -> NDArray[np.floating]:
        model = models[name]
        of, growth, gain = aged(name, deviates.of(pick), chip, block, pick)
        deviation = fixed_of(name, of, chip)
        width = programming.widths(model, of, name) * growth
        deviation += programming.pulse(model, of("programming.cycle"), width)
        return programming.conductance(model, deviation) * gain

    def work(chip: int, block: slice) -> None:
        deviates = Deviates(seed, address[chip], block, np.float64)  # rounded at the end
        defect = defects[chip, block]
        _draw_defects(defect, rates, deviates)
        if worn is not None:
            np.copyto(defect, worn.stuck[chip, block], where=defect == 0)
        here = {name: array[chip, block] for name, array in out.items()}
        for name, pick in states_in(state[block]):
            if verify is None:
                here["conductance"][pick] = natural(name, deviates, pick, chip, block)
            else:
                model = models[name]
                of, growth, gain = aged(name, deviates.of(pick), chip, block, pick)
                relaxing = Relaxation.from_technology(technology, name) if verify.wait else None
                done = verifying.program(
                    verify, name, model, fixed_of(name, of, chip), of, relaxing,
                    programming.widths(model, of, name) * growth, gain,
                )  # fmt: skip
                for key, values in zip(("conductance", "pulses", "passed"), done, strict=True):
                    here[key][pick] = values
        for kind, cells in defects_in(defect):
            if kind == "unformed":
                here["conductance"][cells] = 1.0 / technology["defects.unformed_resistance"]
            else:
                here["conductance"][cells] = natural(STUCK[kind], deviates, cells, chip, block)
            if verify is not None:
                read, aim = here["conductance"][cells], np.asarray(STATES)[state[block][cells]]
                good = [verifying.passes(verify, *pair) for pair in zip(aim, read, strict=True)]
                here["passed"][cells] = good
                here["pulses"][cells] = np.where(good, 1, verify.attempts)

    for_blocks(work, *shape)
    return Programmed(out, {"state": ("cell", names)}, [])


def _wear_of_states(technology: Technology, worn: Worn | None) -> Callable[..., Any]:
    """Return what gives deviates, width and gain of worn cells of a state."""
    if worn is None or "endurance" not in technology.models:
        model = None
    else:
        model = endurance.Endurance.from_technology(technology)

    def of_cells(name: str, of: Of, chip: int, block: slice, pick: Pick) -> tuple[Of, Any, Any]:
        if worn is None:
            return of, 1.0, 1.0
        x = worn.x[chip, block][pick]
        of = worn.renewed(of, x, "programming.cycle")
        if model is None:
            return of, 1.0, 1.0
        kind, state = of("programming.cycle").dtype, STATES.index(name)
        growth = endurance.spread(model, state, x).astype(kind)
        return of, growth, np.exp(-endurance.shift(model, state, x)).astype(kind)

    return of_cells


def _program_targets(
    technology: Technology,
    address: NDArray[np.integer],
    model: Target,
    levels: NDArray[np.float64],
    seed: int,
    dtype: DTypeLike,
    worn: Worn | None,
) -> Programmed:
    lowest = min(float(levels.min()), model.maximum)  # above, levels are refused
    notes = outside("programming.target:", [lowest], (model.minimum, model.maximum), "S")
    for note in notes:
        warnings.warn(note, stacklevel=4)
    shape = (len(address), len(levels))
    rates = _defect_rates(technology)
    g, defects = np.empty(shape, dtype=dtype), np.zeros(shape, dtype=np.uint8)
    stuck = {"stuck_lrs": model.maximum, "stuck_hrs": model.minimum}
    if rates.any():
        stuck["unformed"] = 1.0 / technology["defects.unformed_resistance"]
    link = Wear.from_technology(technology, "target")

    def work(chip: int, block: slice) -> None:
        deviates = Deviates(seed, address[chip], block, np.float64)  # rounded at the end
        level = levels[block]
        level = level[:1] if level.strides == (0,) else level  # one for all cells
        defect = defects[chip, block]
        _draw_defects(defect, rates, deviates)
        if worn is None:
            g[chip, block] = target.conductance(model, level, deviates("programming.cell"))
        else:
            x = worn.x[chip, block]
            z = worn.renewed(deviates, x, "programming.cell")("programming.cell")
            growth = link.growth(link.at_level(link.programming_spread, level), x)
            g[chip, block] = target.conductance(model, level, z, growth)
            np.copyto(defect, worn.stuck[chip, block], where=defect == 0)
        for kind, cells in defects_in(defect):
            g[chip, block][cells] = stuck[kind]

    for_blocks(work, *shape)
    variables = {"conductance": g, "programmed": g, "defect": defects}
    return Programmed(variables, {"target": ("cell", levels, {"units": "S"})}, notes)


def is_target(state: Any) -> bool:
    """Whether states are targets, in siemens or as text with a unit, and not names."""
    names = np.asarray(state)
    if names.dtype.kind != "U":
        return names.dtype.kind not in "SO"
    different = set(names.ravel().tolist())  # few, however many the cells
    return any(name[:1].isdigit() or name[:1] in ("+", "-", ".") for name in different if name)


def codes(states: Any) -> NDArray[np.uint8]:
    """Return the index into ``STATES`` of each of some names, or of one name.

    >>> codes(["HRS", "LRS"]).tolist(), codes("HRS").tolist()
    ([1, 0], 1)
    """
    names = np.asarray(states, dtype=str)
    if names.ndim and names.strides == (0,):  # one name for all cells
        return np.broadcast_to(codes(names[0]), names.shape)
    known = [names == name for name in STATES]
    unknown = ~np.any(known, axis=0)
    if unknown.any():
        raise unknown_name("state", str(names[unknown][0] if names.ndim else names), STATES)
    return known[1].astype(np.uint8)


def states_in(state: NDArray[np.uint8]) -> Iterator[tuple[str, Pick]]:
    """Yield each state that cells are in, and which cells."""
    for code, name in enumerate(STATES):
        cells = state[:1] == code if state.strides == (0,) else state == code
        if cells.all():
            yield name, slice(None)
        elif cells.any():
            yield name, np.flatnonzero(cells)  # a mask would cost ten times as much to index with


def defects_in(defect: NDArray[np.uint8]) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """Yield each kind of defect that cells have, and the index of those cells."""
    if not defect.any():
        return
    some = np.flatnonzero(defect > 0)  # ten times as fast as of the codes themselves
    for code in np.unique(defect[some]):
        yield DEFECTS[code], some[defect[some] == code]


def fixed_deviations(
    technology: Technology, address: NDArray[np.integer], cells: int, seed: int
) -> NDArray[np.float64]:
    """Return what of the deviation of LRS and HRS stays from pulse to pulse.

    The cells are those that `program` makes, defects aside; shape (chips, cells, 2).
    """
    models = {name: Programming.from_technology(technology, name) for name in STATES}
    fixed_of = _fixed_deviations(technology, models, address, seed)
    out = np.empty((len(address), cells, 2))

    def work(chip: int, block: slice) -> None:
        deviates = Deviates(seed, address[chip], block, np.float64)
        for s, name in enumerate(STATES):
            out[chip, block, s] = fixed_of(name, deviates, chip)

    for_blocks(work, len(address), cells)
    return out


def _fixed_deviations(
    technology: Technology,
    models: Mapping[str, Programming],
    address: NDArray[np.integer],
    seed: int,
) -> Callable[[str, Callable[[str], NDArray[np.floating]], int], NDArray[np.floating]]:
    """Return what gives the fixed deviation of cells of a state: its name, deviates and chip."""
    shared = {
        name: _chip_deviation(model, technology, name, address, seed)
        for name, model in models.items()
    }
    correlation = programming.correlation(technology, "cell")

    def fixed_of(
        name: str, deviates: Callable[[str], NDArray[np.floating]], chip: int
    ) -> NDArray[np.floating]:
        cell = programming.cell_deviate(name, correlation, deviates)
        out = cell * cell.dtype.type(models[name].sigma_cell)
        out += cell.dtype.type(shared[name][chip])
        return out

    return fixed_of


def _chip_deviation(
    model: Programming,
    technology: Technology,
    state: str,
    address: NDArray[np.integer],
    seed: int,
) -> NDArray[np.float64]:
    """What all cells of a chip share: lot, wafer, radial and die effects (chips,)."""
    own = hierarchy(model, f"programming.{state}", address, seed)
    rho = {f"sigma_{name}": programming.correlation(technology, name) for name in LEVELS}
    if state == "HRS" and any(rho.values()):
        sigma = {name: getattr(model, name) for name in rho}
        common = {name: s * rho[name] for name, s in sigma.items()}
        rest = {name: s * math.sqrt(1 - rho[name] ** 2) for name, s in sigma.items()}
        own = hierarchy(replace(model, **rest), "programming.HRS", address, seed)
        own += hierarchy(replace(model, **common), "programming.LRS", address, seed)
    return own + model.radial * radial_positions(technology)[address[:, 1]]


LEVELS = ("lot", "wafer", "die")


class Sigmas(Protocol):
    """Standard deviations of the levels above the cell."""

    @property
    def sigma_lot(self) -> float: ...
    @property
    def sigma_wafer(self) -> float: ...
    @property
    def sigma_die(self) -> float: ...


def hierarchy(
    sigmas: Sigmas, phenomenon: str, address: NDArray[np.integer], seed: int
) -> NDArray[np.float64]:
    """Return the sum of the lot, wafer and die effects of each chip, shape (chips,).

    Parameters
    ----------
    sigmas : object with sigma_lot, sigma_wafer and sigma_die
    phenomenon : str
    address : ndarray of int, shape (chips, 4)
        Wafer, die, chip and lot.
    seed : int
    """

    @cache
    def normal(level: str, *where: int, lot: int = 0) -> float:
        wafer, die = (*where, 0, 0)[:2]
        name = f"{phenomenon}.{level}"
        return float(stream(seed, name, wafer, die, lot=lot).standard_normal())

    return np.array(
        [
            sigmas.sigma_lot * normal("lot", lot)
            + sigmas.sigma_wafer * normal("wafer", wafer, lot=lot)
            + sigmas.sigma_die * normal("die", wafer, die, lot=lot)
            for wafer, die, _, lot in address.tolist()
        ]
    )


def _defect_rates(technology: Technology) -> NDArray[np.float64]:
    if "defects.unformed" not in technology:
        return np.zeros(len(DEFECTS) - 1)
    rates = np.array([technology[f"defects.{name}"] for name in DEFECTS[1:]])
    if rates.sum() > 1:
        raise InputError(f"defects: rates add up to {rates.sum():g}, allowed 0 to 1")
    return rates


def _draw_defects(
    defect: NDArray[np.uint8], rates: NDArray[np.float64], deviates: Deviates
) -> None:
    """Write the kind of defect of each cell: below the first sum of rates unformed, and so on."""
    if rates.any():
        some, u = deviates.rare("defects", float(rates.sum()))
        kind = np.searchsorted(np.cumsum(rates), u, side="right") + 1
        defect[some] = np.where(kind < len(DEFECTS), kind, 0)
