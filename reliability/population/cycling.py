"""Cycling: populations of cells written again and again, until they are misread or stuck.

A cell has one path: its fixed deviation (that of `population`), its deviates over the cycles,
its quantile of hard failure. All temperatures of a test see the same path, worn at their own rate.
"""

import math
import warnings
from collections.abc import Sequence
from typing import Any, Literal, TypedDict, Unpack

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.devices import cycles as cycle_process
from reliability.devices import endurance as wear
from reliability.devices import first_passage, programming
from reliability.devices.programming import Programming
from reliability.devices.verify import Verify, outcome
from reliability.devices.wear import not_modelled
from reliability.devices.write_methods import (
    MeasuredMethod,
    WriteMethod,
    find_method,
    has_measured_pulses,
)
from reliability.errors import InputError, unknown_name, whole_number
from reliability.lifetime.censored_fit import fit_lifetime
from reliability.population.programmed import fixed_deviations
from reliability.population.rewriting import hard_failures
from reliability.population.sampling import addresses, sample_population
from reliability.population.window import best_reference
from reliability.population.write_cost import Cells, write_curves
from reliability.random import draw
from reliability.statistics.proportions import clustered_proportion
from reliability.technology import STATES, Technology, expect_technology
from reliability.units import kelvin, outside, quantity

# Why a cell failed.
MODES = ("none", "lrs_misread", "hrs_misread", "stuck_lrs", "stuck_hrs", "defect")
_METHODS = ("first_passage", "every_cycle")
_MOST_CYCLES = 10**15
_MOST_CELLS = 5000  # of a wafer or die, for means over cells


class Where(TypedDict, total=False):
    """Cells that are cycled, as of `reliability.sample_population`."""

    wafers: int
    dies: int
    cells: int
    lot: int
    first_wafer: int
    lots: int | None


def endurance(
    technology: Technology,
    *,
    cycles: float = 1e6,
    temperature: Sequence[float | str] = (298.15,),
    energy: float | str | None = None,
    reference: float | str | None = None,
    write: str | WriteMethod | Verify | None = None,
    attempts: int | None = None,
    method: Literal["first_passage", "every_cycle"] = "first_passage",
    seed: int = 0,
    **where: Unpack[Where],
) -> xr.Dataset:
    """Cycle cells until they are misread or stuck, and count.

    Parameters
    ----------
    technology : Technology
    cycles : float
        Length of the test; cells that have not failed by then are censored.
    temperature : sequence of float or str
        K.
    energy : float or str, optional
        Programming energy of a SET and RESET pair, J; the card's reference energy by default.
    reference : float or str, optional
        Conductance that separates the states when read, S; `best_reference` by default.
    write : str, WriteMethod or Verify, optional
        Write method: ``"verify"`` (default), ``"single_pulse"``, ``"fixed_pulses"``, or one that
        the card has data for, such as ``"ispp"`` or ``"fppv"``
        (`reliability.devices.write_methods`); an object sets its pulses and its tolerance.
    attempts : int, optional
        Pulses of ``verify``, after which a cell that is still on the wrong side of its limit counts
        as failed in this cycle; by default those of the card's program and verify (10 where it has
        none, 1 with ``every_cycle``). Their wear beyond one pulse is neglected; all pulses of
        ``fixed_pulses`` wear.
    method : {"first_passage", "every_cycle"}
        The model of the first passage, or drawing each cycle; see `devices.first_passage`.
    seed : int
    wafers, dies, cells, lot, first_wafer : int
        Cells that are cycled, as of `reliability.sample_population`: 1000 cells of one die by
        default.
    lots : int, optional
        Lots with that many wafers each, from number ``lot`` on; by default one, and the Dataset has
        no dimension ``lot``.

    Returns
    -------
    Dataset
        ``cycles_to_failure`` and ``mode`` (index into ``MODES``; 0 is a censored cell), dimensions
        (temperature, [lot,] wafer, die, cell); ``fraction_permanent``, of cells that are stuck or
        were defective from the start; ``fraction_failed``, of those and of cells that a write left
        on the wrong side of the reference once, with its 95 % interval
        ``fraction_low`` and ``fraction_high`` against ``cycles``; ``weibull_scale`` and
        ``weibull_shape`` fitted to the cells, with their 95 % intervals (NaN where the cells that
        failed identify none: no cell, or all in one cycle). Of cards with two states also
        ``pulses_per_write`` and ``write_success``, the mean number of pulses and the fraction of
        writes that leave a fresh cell on its side of the reference, by ``state``.

    Raises
    ------
    InputError
        A size, condition or method that cannot be; a write method that the card has no data for;
        correlated states, or a memory beyond 1333 cycles, with ``first_passage``; more than one
        attempt with ``every_cycle``.

    Warns
    -----
    UserWarning
        A temperature or cycles outside the range that the card gives for its endurance and wear; it
        is also kept in ``attrs["warnings"]``.

    Notes
    -----
    A cell fails when a write leaves it on the wrong side of the reference after all its pulses (a
    temporary write failure: the next write may succeed), or when it is stuck (a permanent failure).
    ``fraction_failed`` counts both, ``fraction_permanent`` the second.

    Lots (of one lot, wafers; of one wafer, dies) that differ widen the intervals as far as the
    simulated ones show it (`reliability.statistics.clustered_proportion`). Cards of levels
    instead of two states (PCM, analog OxRAM) have no read reference: their cells fail for good
    or not at all.

    Examples
    --------
    >>> import reliability as rel
    >>> test = endurance(rel.load_technology("oxram-130nm"), cells=200, cycles=1e4, seed=7)
    >>> bool(test["fraction_failed"].sel(cycles=1e4) > test["fraction_failed"].sel(cycles=1))
    True
    """
    expect_technology(technology)
    if method not in _METHODS:
        raise unknown_name("method", str(method), _METHODS)
    chosen = _chosen(technology, write, attempts, method)
    tries = chosen.pulses if chosen.is_verified else 1
    length = quantity(cycles, "", "cycles", low=1, high=_MOST_CYCLES)
    if length != int(length):
        raise InputError(f"cycles: got {cycles!r}, expected a whole number")
    kelvins = _kelvins(temperature)
    joule = None if energy is None else quantity(energy, "J", "energy", low=1e-21)
    if "endurance" not in technology.models:
        raise InputError(f"endurance: {technology.name} has no section [endurance]")
    notes = _out_of_range(technology, kelvins, length, chosen.name)
    for note in notes:
        warnings.warn(note, stacklevel=2)
    limit = _reference(technology, reference)
    limits = _limits(limit, write, chosen)
    fresh = _fresh(technology, seed, where)
    rate = wear.acceleration(wear.Endurance.from_technology(technology), kelvins, joule)
    rate = rate * (1 if chosen.is_verified else chosen.pulses)
    mode, life = _lives(technology, fresh, rate, limits, int(length), method, chosen)
    dims, shape, kept = _layout(fresh, where.get("lots"))
    shape = (len(kelvins), *shape)
    one = {"units": "1"}
    test = xr.Dataset(
        {
            "cycles_to_failure": (
                dims, life.reshape(shape), one | {"long_name": "cycles to failure or to the end"}
            ),
            "mode": (dims, mode.reshape(shape), one | {"flag_meanings": " ".join(MODES)}),
        },
        coords={"temperature": ("temperature", kelvins, {"units": "K"}), **kept},
        attrs={name: fresh.attrs[name] for name in _PROVENANCE}
        | {"reference_conductance": limit, "test_cycles": length, "method": method}
        | {"attempts": tries, "write": chosen.name, "warnings": notes}
        | {"wear_not_modelled": not_modelled(technology)},
    )  # fmt: skip
    counted = count_failures(test)
    curves = write_curves(
        technology, chosen, _cells(technology, fresh), rate, counted["cycles"].values, limit, limits
    )
    return counted.merge(curves.drop_vars("state", errors="ignore")).assign(
        _writes(technology, limits, chosen)
    )


def _chosen(
    technology: Technology, write: str | WriteMethod | Verify | None, attempts: int | None,
    method: str,
) -> WriteMethod:  # fmt: skip
    """Return the write method, with its pulses."""
    if write is not None and attempts is not None:
        raise InputError("got both write and attempts, expected one of them")
    if isinstance(write, Verify):
        if not technology.has_states:
            raise InputError(f"write: {technology.name} has levels, allowed a name or a method")
        write = WriteMethod("verify", write.attempts)
    if write is None:
        if attempts is None and (method == "every_cycle" or not technology.has_states):
            attempts = 1
        if attempts is not None:
            whole_number(attempts, "attempts", low=1)
        write = WriteMethod("verify", attempts)
        if not technology.has_states:
            return write
    chosen = find_method(technology, write)
    if chosen.is_verified and chosen.pulses > 1 and method == "every_cycle":
        raise InputError(f"attempts: got {chosen.pulses}, allowed 1 with method='every_cycle'")
    return chosen


def _limits(
    reference: float, write: str | WriteMethod | Verify | None, chosen: WriteMethod
) -> tuple[float, float]:
    """Conductance, S, that a write must reach in LRS and in HRS."""
    if isinstance(write, Verify):
        return write.limit("LRS"), write.limit("HRS")
    beyond = 1.0 + chosen.tolerance
    return reference * beyond, reference / beyond


def _out_of_range(
    technology: Technology, kelvins: NDArray[np.float64], cycles: float, write: str
) -> list[str]:
    """Return one line for each condition outside the valid range of endurance and wear."""
    valid = technology.valid.get
    counted = valid("wear.cycles") if has_measured_pulses(technology, write) else None
    return [
        *outside(f"write.{write}: cycles", [cycles], counted, ""),
        *outside("endurance: temperature", kelvins, valid("endurance.temperature"), "K"),
        *outside("endurance: cycles", [cycles], valid("endurance.cycles"), ""),
    ]


def _writes(
    technology: Technology, limits: tuple[float, float], write: WriteMethod
) -> dict[str, xr.DataArray]:
    """Pulses and success of a write of fresh cells: measured, or in closed form."""
    if math.isnan(limits[0]):
        return {}
    if has_measured_pulses(technology, write.name):
        measured = MeasuredMethod.from_technology(technology, write.name)
        found = [(float(measured.pulses(0.0)), 1 - float(measured.failures(0.0)))] * 2
    else:
        tries = write.pulses if write.is_verified else 1
        algorithm = Verify(1 / limits[0], 1 / limits[1], tries)
        done = [
            outcome(algorithm, state, Programming.from_technology(technology, state))
            for state in STATES
        ]
        pulses = [one.pulses if write.is_verified else float(write.pulses) for one in done]
        found = [(n, 1 - one.failed_to_verify) for n, one in zip(pulses, done, strict=True)]
    one, state = {"units": "1"}, {"state": list(STATES)}
    names = ("pulses_per_write", "write_success")
    columns = zip(names, zip(*found, strict=True), strict=True)
    return {n: xr.DataArray(list(v), state, "state", attrs=one) for n, v in columns}


def _kelvins(temperature: Sequence[float | str] | float | str) -> NDArray[np.float64]:
    listed = (
        [temperature]
        if isinstance(temperature, str) or np.ndim(temperature) == 0
        else (
            list(temperature)  # type: ignore[arg-type]
        )
    )
    if not listed:
        raise InputError("temperature: got no value, expected one or more")
    return np.array([kelvin(t) for t in listed])  # type: ignore[arg-type]


def _reference(technology: Technology, reference: float | str | None) -> float:
    """Reading reference, S; NaN where levels need none."""
    if reference is not None:
        return quantity(reference, "S", "reference", low=1e-15)
    return best_reference(technology) if technology.has_states else math.nan


def _lives(
    technology: Technology,
    fresh: xr.Dataset,
    rate: NDArray[np.float64],
    limits: tuple[float, float],
    length: int,
    method: str,
    write: WriteMethod,
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Failure mode and cycles to failure of each cell, shape (conditions, cells)."""
    model = wear.Endurance.from_technology(technology)
    address, seed = addresses(fresh), int(fresh.attrs["seed"])
    cells = fresh.sizes["cell"]
    hard, stuck_lrs = hard_failures(model, address, cells, seed)
    with np.errstate(over="ignore"):
        until_stuck = np.ceil(hard / rate[:, None])
    stop = np.minimum(until_stuck, length).astype(np.int64)
    if has_measured_pulses(technology, write.name):
        found = MeasuredMethod.from_technology(technology, write.name)
        cycle, state = _failed_writes(found, rate, stop, address, seed)
    elif technology.has_states:
        process = cycle_process.Cycles.from_technology(technology)
        reading = _reading(technology, model, fresh, rate, limits, length)
        if method == "every_cycle":
            walk = cycle_process.start(process, seed, address, cells)
            cycle, state = first_passage.first_crossings(process, walk, reading, stop)
        else:
            u = [
                draw(seed, f"endurance.{s}", address, cells, distribution="uniform").ravel()
                for s in STATES
            ]
            dose = -np.log1p(-np.stack(u, 1))
            cycle, state = first_passage.crossings_from_hazards(
                process, reading, dose, stop, write.pulses if write.is_verified else 1
            )
    else:
        cycle, state = np.zeros(stop.shape, np.int64), np.zeros(stop.shape, np.uint8)
    mode = np.where(cycle > 0, state + 1, 0).astype(np.uint8)
    broken = (until_stuck <= length) & ((cycle == 0) | (cycle > until_stuck))
    mode[broken] = np.where(np.broadcast_to(stuck_lrs, broken.shape), 3, 4)[broken]
    life = np.where(broken, until_stuck, np.where(cycle > 0, cycle, length))
    defect = fresh["defect"].values.ravel() > 0
    mode[:, defect], life[:, defect] = 5, 1
    return mode, life


def _failed_writes(
    found: MeasuredMethod, rate: NDArray[np.float64], stop: NDArray[np.int64],
    address: NDArray[np.int64], seed: int,
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:  # fmt: skip
    """First cycle, of two writes, with a failed write, and the state that it was to leave.

    Writes fail independently of each other, in either state alike, as the card has it of all.
    """
    parts = first_passage.blocks(int(stop.max()))
    u, either = (
        draw(seed, f"endurance.{name}", address, stop.shape[1] // len(address),
             distribution="uniform").ravel()
        for name in ("write", "write.state")
    )  # fmt: skip
    failing = np.minimum(found.failures(parts.middle * rate[:, None]), 1 - 1e-12)
    hazard = -2.0 * np.log1p(-failing)
    start = np.r_[0, parts.last[:-1]]
    cycle = np.zeros(stop.shape, np.int64)
    for k, each in enumerate(hazard):
        used = np.cumsum(each * (parts.last - start))
        block = np.searchsorted(used, -np.log1p(-u))
        inside = np.minimum(block, len(used) - 1)
        left = -np.log1p(-u) - np.r_[0.0, used][inside]
        at = start[inside] + np.ceil(left / np.maximum(each[inside], 1e-300))
        reached = (block < len(used)) & (at <= stop[k])
        cycle[k] = np.where(reached, np.maximum(at, 1), 0).astype(np.int64)
    return cycle, np.broadcast_to(either < 0.5, stop.shape).astype(np.uint8)


def _cells(technology: Technology, fresh: xr.Dataset) -> Cells | None:
    """What stays of the cells over cycles, by lot; of one lot by wafer, of one wafer by die."""
    if not technology.has_states:
        return None
    address, cells, seed = addresses(fresh), fresh.sizes["cell"], int(fresh.attrs["seed"])
    lots = np.unique(fresh["lot"]).size
    groups = _groups(lots, fresh.sizes["wafer"], fresh.sizes["die"])
    width = np.stack([
        _widths(Programming.from_technology(technology, name), name, address, cells, seed)
        for name in STATES
    ], axis=-1)  # fmt: skip
    fixed = fixed_deviations(technology, address, cells, seed)
    few = slice(None, None, max(fixed[..., 0].size // groups // _MOST_CELLS, 1))
    shape = (groups, -1, 2)
    return Cells(fixed.reshape(shape)[:, few], width.reshape(shape)[:, few])


def sample_cycles(
    technology: Technology,
    *,
    cells: int,
    cycles: int,
    wafer: int = 0,
    die: int = 0,
    seed: int = 0,
) -> xr.Dataset:
    """Sample the resistance of unworn cells of one die over consecutive SET/RESET cycles.

    Parameters
    ----------
    technology : Technology
        With the two states.
    cells, cycles : int
        How many of each.
    wafer, die : int
        Address of the die.
    seed : int

    Returns
    -------
    Dataset
        ``resistance`` (ohm), dimensions (cell, cycle, state): the HRS of a cycle comes before its
        LRS.

    Raises
    ------
    InputError
        A number below 1, an address below 0, a card without the two states.

    Examples
    --------
    >>> import reliability as rel
    >>> r = sample_cycles(rel.load_technology("oxram-130nm"), cells=50, cycles=20)["resistance"]
    >>> bool(r.sel(state="HRS").median() > r.sel(state="LRS").median())
    True
    """
    expect_technology(technology)
    for name, count, low in (("cycles", cycles, 1), ("wafer", wafer, 0), ("die", die, 0)):
        whole_number(count, name, low)
    process = cycle_process.Cycles.from_technology(technology)
    fresh = sample_population(technology, wafers=wafer + 1, dies=die + 1, cells=1, seed=seed)
    address = np.array([[wafer, die, 0, 0]])
    deviates = cycle_process.advance(cycle_process.start(process, seed, address, cells), cycles)
    fixed = fixed_deviations(technology, address, cells, seed)[0]
    out = np.empty(deviates.shape)
    for s, name in enumerate(STATES):
        model = Programming.from_technology(technology, name)
        width = _widths(model, name, address, cells, seed)[:, None]
        added = programming.pulse(model, deviates[:, :, s].astype(float), width)
        out[:, :, s] = 1 / programming.conductance(model, fixed[:, [s]] + added)
    attrs = {name: fresh.attrs[name] for name in _PROVENANCE}
    return xr.Dataset(
        {"resistance": (("cell", "cycle", "state"), out, {"units": "ohm"})},
        coords={"state": np.array(STATES)},
        attrs=attrs,
    )


_PROVENANCE = ("seed", "technology", "technology_card", "spec_hash", "reliability_version")


def _fresh(technology: Technology, seed: int, where: Where) -> xr.Dataset:
    """Cells that are cycled, with their coordinates and defects; wafers of lots in turn."""
    state = "LRS" if technology.has_states else technology["target.maximum"]
    given: dict[str, Any] = {key: value for key, value in where.items() if key != "lots"}
    if where.get("lots") is None:
        return sample_population(technology, state=state, seed=seed, **given)
    first, lots = given.pop("lot", 0), whole_number(where["lots"], "lots", low=1)
    each = [
        sample_population(technology, state=state, seed=seed, lot=lot, **given)
        for lot in range(first, first + lots)
    ]
    return xr.concat(
        each, "wafer", data_vars="minimal", coords="minimal", compat="override",
        combine_attrs="override",
    )  # fmt: skip


def _layout(
    fresh: xr.Dataset, lots: int | None
) -> tuple[tuple[str, ...], tuple[int, ...], dict[str, Any]]:
    """Dimensions, sizes and coordinates of cells, with a dimension of lots where there are some."""
    shape = fresh["conductance"].shape
    kept: dict[str, Any] = {
        name: fresh[name] for name in ("wafer", "lot", "die", "x", "y", "radius")
    }
    if lots is None:
        return ("temperature", "wafer", "die", "cell"), shape, kept
    wafers = shape[0] // lots
    kept |= {"wafer": fresh["wafer"].values[:wafers], "lot": fresh["lot"].values[::wafers]}
    return ("temperature", "lot", "wafer", "die", "cell"), (lots, wafers, *shape[1:]), kept


def _groups(*sizes: int) -> int:
    """Units that differ at random: lots; of one lot wafers, of one wafer dies."""
    return next((size for size in sizes if size > 1), 1)


def _widths(
    model: Programming, state: str, address: NDArray[np.int64], cells: int, seed: int
) -> NDArray[np.float64]:
    """Width of each cell's distribution over cycles, relative to sigma_cycle (flat)."""

    def deviates(name: str) -> NDArray[np.floating]:
        return draw(seed, name, address, cells).ravel()

    width = np.asarray(programming.widths(model, deviates, state), np.float64)
    return np.broadcast_to(width, (len(address) * cells,)).copy()


def _reading(
    technology: Technology,
    model: wear.Endurance,
    fresh: xr.Dataset,
    rate: NDArray[np.float64],
    limits_of: tuple[float, float],
    length: int,
) -> first_passage.Reading:
    address, cells = addresses(fresh), fresh.sizes["cell"]
    seed = int(fresh.attrs["seed"])
    blocks = first_passage.blocks(length)
    worn = blocks.middle * rate[:, None]
    limits, sigmas = [], []
    for s, name in enumerate(STATES):
        state = Programming.from_technology(technology, name)
        # wear multiplies the resistance: the reference moves the other way
        reference = limits_of[s] * np.exp(wear.shift(model, s, worn))
        limits.append(programming.deviation_at(state, reference))
        sigmas.append(state.sigma_cycle * _widths(state, name, address, cells, seed))
    return first_passage.Reading(
        fixed=fixed_deviations(technology, address, cells, seed).reshape(-1, 2),
        sigma=np.stack(sigmas, axis=1),
        limit=np.stack(limits, axis=2),
        spread=np.stack([wear.spread(model, s, worn) for s in (0, 1)], axis=2),
        last=blocks.last,
    )


def count_failures(test: xr.Dataset) -> xr.Dataset:
    """Add to a test the fraction failed against cycles and the fitted Weibull distribution.

    Parameters
    ----------
    test : Dataset
        ``cycles_to_failure`` and ``mode`` (temperature, [lot,] wafer, die, cell), the attribute
        ``test_cycles``; several tests can be joined along ``wafer``, whose coordinate ``lot`` tells
        lots of as many wafers each apart.

    Returns
    -------
    Dataset
        What `endurance` returns.
    """
    life, mode = (_lots_first(test, name) for name in ("cycles_to_failure", "mode"))
    kelvin, length = test["temperature"].values, float(test.attrs["test_cycles"])
    grid = np.unique(np.round(np.geomspace(1, length, 1 + int(8 * np.log10(length)) + 1)))
    groups = _groups(*life.shape[1:-1])
    flat, failed = (a.reshape(len(kelvin), groups, -1) for a in (life, mode > 0))
    per_group = np.array(
        [
            [
                np.searchsorted(np.sort(row[bad]), grid, side="right")
                for row, bad in zip(rows, bads, strict=True)
            ]
            for rows, bads in zip(flat, failed, strict=True)
        ]
    )  # (temperature, group, cycles)
    counts, total = per_group.sum(axis=1), flat[0].size
    low, high, effective = clustered_proportion(per_group.swapaxes(1, 2), flat.shape[2])
    fits = np.array(
        [
            _weibull(flat[k].ravel(), failed[k].ravel(), float(effective[k, -1]))
            for k in range(len(kelvin))
        ]
    )
    curve, one = ("temperature", "cycles"), {"units": "1"}
    variables: dict[str, Any] = {
        "fraction_failed": (curve, counts / total, one),
        "fraction_low": (curve, low, one),
        "fraction_high": (curve, high, one),
    }
    variables |= _permanent(life, mode >= 3, grid, groups)
    for i, name in enumerate(("scale", "shape")):
        for j, end in enumerate(("", "_low", "_high")):
            variables[f"weibull_{name}{end}"] = ("temperature", fits[:, i, j], one)
    return test.assign(variables).assign_coords(cycles=("cycles", grid, one))


def _lots_first(test: xr.Dataset, name: str) -> NDArray[Any]:
    """Values over (temperature, lot, wafer, die, cell)."""
    values = test[name]
    if "lot" in test.dims:
        return np.asarray(values.transpose("temperature", "lot", "wafer", "die", "cell"))
    values = values.transpose("temperature", "wafer", "die", "cell")
    lot = np.broadcast_to(test["lot"].values if "lot" in test.coords else 0, values.shape[1])
    in_turn = np.asarray(values)[:, np.argsort(lot, kind="stable")]
    return in_turn.reshape(len(in_turn), np.unique(lot).size, -1, *values.shape[2:])


def _permanent(
    life: NDArray[np.float64], failed: NDArray[np.bool_], grid: NDArray[np.float64], groups: int
) -> dict[str, Any]:
    """Fraction of cells that failed for good by each number of cycles, with its interval."""
    flat, bad = (a.reshape(len(a), groups, -1) for a in (life, failed))
    counts = np.array(
        [
            [
                np.searchsorted(np.sort(row[b]), grid, side="right")
                for row, b in zip(*pair, strict=True)
            ]
            for pair in zip(flat, bad, strict=True)
        ]
    )  # (temperature, group, cycles)
    low, high, _ = clustered_proportion(counts.swapaxes(1, 2), flat.shape[2])
    values = (counts.sum(axis=1) / flat[0].size, low, high)
    names = (f"fraction_permanent{end}" for end in ("", "_low", "_high"))
    one = {"units": "1"}
    return {n: (("temperature", "cycles"), v, one) for n, v in zip(names, values, strict=True)}


def _weibull(
    life: NDArray[np.float64], failed: NDArray[np.bool_], effective_fraction: float
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Scale and shape with their intervals; a failure in cycle n is one between n - 1 and n.

    A cell counts as ``effective_fraction`` of an independent one.
    """
    nothing = (np.nan,) * 3
    if not failed.any():
        return nothing, nothing
    rows, frequency = np.unique(np.stack([life, failed], axis=1), axis=0, return_counts=True)
    bad = rows[:, 1] > 0
    try:
        fit = fit_lifetime(
            lower=np.where(bad, rows[:, 0] - 1, rows[:, 0]),
            upper=np.where(bad, rows[:, 0], np.inf),
            frequency=frequency * effective_fraction,
        )
    except InputError:  # no maximum: defects in the first cycle and no failure after it, say
        return nothing, nothing
    scale, shape = (
        (fit.parameters[name], *fit.interval(name, 0.95)) for name in ("scale", "shape")
    )
    return scale, shape
