"""Memory in three dimensions: what stacking saves in wires, and what its heat costs in accuracy.

The same chip (same cells, logic and power) is laid out in a plane, as two dies with through-silicon
vias, as two dies joined by copper pads, and as a memory between two monolithic tiers of transistors
(`layout`). The temperature of its memory is

    T = T_ambient + P theta + h q R

with the power P, the thermal resistance theta of package or heat sink, the power density of the
footprint q = P / A, the resistance R of the layers between the cooled base and the memory
(`stack`), and the ratio h of the power density at the hottest place to the mean. Cells of the card
then age for the mission at that temperature with their reads (`reliability.age`: relaxation,
retention, read disturb): bit errors of the two states at the best reading reference, accuracy of a
network of one layer on chips. Both are computed on a grid of temperatures, looked up in between.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.architecture.logic.layout import smallest_tile, tile, wire_length
from reliability.architecture.logic.stack import Layer, resistance_to
from reliability.architecture.result import cross_checks, finish, one_layer
from reliability.devices.verify import Verify
from reliability.errors import InputError, unknown_name
from reliability.mission import MissionProfile
from reliability.network import evaluate, sample_chips
from reliability.network.results import label_of_chips, table_of_one
from reliability.population import age, sample_dies
from reliability.population.cycling import best_reference
from reliability.statistics import clustered_proportion, crossed_mean
from reliability.technology import Technology
from reliability.technology.components import Components
from reliability.units import quantity

COOLINGS = ("package", "heat_sink")
# Finer where retention of ten years ends.
GRID = (318.15, 338.15, 348.15, 358.15, 368.15, 378.15, 398.15, 423.15, 473.15)
_UNITS = {"footprint": "m^2", "density": "1/m^2", "line_length": "m", "line_energy": "J",
          "wire_length": "m", "wire_energy": "J", "stack_resistance": "m^2 K/W",
          "temperature": "K"}  # fmt: skip
_WAFERS = 10  # that the cells of the bit errors lie on
_HOTSPOT = (0.1, 39.5, 0.016**2, 0.06**2, 0.03**2)  # K/W, W, m^2 of the die, sink, spreader


def tiers(
    technology: Technology,
    components: Components,
    *,
    structure: str = "planar",
    cooling: str = "package",
    power_density: float | str = 1e4,
    network: str = "spirit",
    chips: int = 8,
    images: int = 500,
    cells: int = 20_000,
    lines: int = 256,
    feature_size: float | str = 130e-9,
    chip_area: float | str = 25e-6,
    temperatures: Sequence[float | str] = GRID,
    ambient: float | str = 318.15,
    time: float | str = 315576000.0,
    reads: float = 1e8,
    allowed_loss: float = 0.01,
    seed: int = 0,
) -> xr.Dataset:
    """Wires, heat and accuracy after the mission of one layout of memory and logic.

    Parameters
    ----------
    technology : Technology
        A card with two states; they are programmed with the card's verify if it has one.
    components : Components
        ``"tiers"``.
    structure : {"planar", "tsv", "hybrid", "monolithic"}
    cooling : {"package", "heat_sink"}
    power_density : float or str
        Power over the area of the planar chip, W/m^2; a stacked one has the same power.
    network : str
        A network of one layer.
    chips, images, cells : int
        Chips and test images of the accuracy; cells of each state of the bit errors, on ten wafers.
    lines : int
        Word lines, and bit lines, of a tile.
    feature_size : float or str
        m.
    chip_area : float or str
        Of the planar chip, m^2.
    temperatures : sequence of float or str
        At which the cells are aged, K, rising; looked up in between.
    ambient : float or str
        Around the package, K.
    time : float or str
        Of the mission, s.
    reads : float
        Of every cell in that time.
    allowed_loss : float
        Of accuracy against the same mission at the ambient temperature, for the limits.
    seed : int

    Returns
    -------
    Dataset
        ``footprint`` (m^2), ``density`` (cells in m^2), lengths (m) and energies (J, of a
        transition) of a line of a tile and of a wire across the chip, and their ratios to the
        planar layout; ``temperature`` of the memory on average and ``hottest_temperature`` (K),
        there ``bit_error_rate`` and ``accuracy`` (NaN beyond the temperatures); by
        ``grid_temperature``: ``error_rate_at`` with 95 % intervals over wafers, ``accuracy_at``
        with those over chips and images;
        ``temperature_limit`` (K) and ``power_limit`` (W/m^2), at which the hottest place loses
        ``allowed_loss``; ``smallest_tile``: lines from which a tile takes less area than in the
        plane. Cross-checks.

    Raises
    ------
    InputError
        A card without two states, a network of many layers, sizes that cannot be.

    Examples
    --------
    >>> import reliability as rel
    >>> from reliability.architecture import load_components
    >>> card, components = rel.load_technology("oxram-130nm"), load_components("tiers")
    >>> data = tiers(card, components, structure="monolithic", chips=2, images=50, cells=1000,
    ...              temperatures=[300, 400, 500])
    >>> bool(data["footprint_ratio"] < 1)
    True
    """
    one_layer(network, technology)
    if cooling not in COOLINGS:
        raise unknown_name("cooling", cooling, COOLINGS)
    size = quantity(feature_size, "m", "feature_size", low=1e-9)
    area = quantity(chip_area, "m^2", "chip_area", low=1e-12)
    around = quantity(ambient, "K", "ambient", low=1.0)
    power = quantity(power_density, "W/m^2", "power_density", low=0.0)
    grid = tuple(quantity(t, "K", "temperatures", low=1.0) for t in temperatures)
    if len(grid) < 2 or list(grid) != sorted(set(grid)):
        raise InputError(f"temperatures: got {list(grid)}, expected two or more rising values")

    laid, plane = (_layout(components, s, lines, size, area) for s in (structure, "planar"))
    aged = _aged(technology, network, grid, quantity(time, "s", "time", low=0.0),
                 quantity(reads, "", "reads", low=0.0), chips, images, cells, seed)  # fmt: skip
    limit = _temperature_limit(aged, allowed_loss, around)
    # K for a W/m^2 of the planar chip
    package = area * components[f"cooling.{cooling}"]
    inside = area / laid["footprint"] * laid["stack_resistance"]
    per_power = package + max(components["cooling.hot_spot"], 1.0) * inside
    hottest = around + power * per_power
    left, errors = (_looked_up(aged, name, hottest) for name in ("accuracy_at", "error_rate_at"))
    ratio = {key: laid[key] / plane[key] for key in plane}
    answers = {
        "hottest_temperature": (hottest, "K", "hottest memory"),
        "accuracy": (left, "1", "accuracy after the mission"),
        "bit_error_rate": (errors, "1", "bit-error rate after the mission"),
        "temperature_limit": (limit, "K", "highest allowed temperature of the memory"),
        "power_limit": ((limit - around) / per_power, "W/m^2", "highest allowed power density"),
        "footprint_ratio": (ratio["footprint"], "1", "footprint relative to planar"),
        "line_energy_ratio": (ratio["line_energy"], "1",
                              "energy of a line of a tile relative to planar"),
        "wire_energy_ratio": (ratio["wire_energy"], "1",
                              "energy of a wire across the chip relative to planar"),
        "smallest_tile": (smallest_tile(components, structure, size), "1",
                          "lines of the smallest tile that takes less area than in the plane"),
    }  # fmt: skip
    laid["temperature"] = around + power * (package + inside)
    data = aged.assign({key: ((), laid[key], {"units": unit}) for key, unit in _UNITS.items()})
    return finish(data, technology, components, seed, answers=answers, checks=_checks(components))


def layers(components: Components, structure: str) -> list[Layer]:
    """Return the layers of a structure from its cooled base to its top; one is ``"memory"``.

    The memory is a thin layer among the metals, with ``tile.array_power`` of the power; the rest is
    dissipated by transistors, half in each of two monolithic tiers. The dies of a stack face the
    same way with through-silicon vias, and each other with copper pads.

    Examples
    --------
    >>> from reliability.architecture import load_components
    >>> [layer.name for layer in layers(load_components("tiers"), "monolithic")][2:6]
    ['logic', 'lower metal', 'memory', 'upper metal']
    """
    k = {name: components[f"conductivity.{name}"]
         for name in ("silicon", "thin_silicon", "metal", "oxide", "bond", "attach")}  # fmt: skip
    array = components["tile.array_power"]
    metal, thin = components["layer.metal"], 1e-7  # sources of heat are thin
    memory = Layer("memory", thin, k["metal"], array)
    base = [
        Layer("attach", components["layer.attach"], k["attach"]),
        Layer("substrate", components["layer.substrate"], k["silicon"]),
    ]

    def logic(part: float) -> Layer:
        return Layer("logic", thin, k["silicon"], part)

    if structure == "monolithic":
        between = components["monolithic.metal"]
        half = (1 - array) / 2
        return [
            *base,
            logic(half),
            Layer("lower metal", between, k["metal"]),
            memory,
            Layer("upper metal", between, k["metal"]),
            Layer("oxide", components["monolithic.oxide"], k["oxide"]),
            Layer("upper logic", components["monolithic.silicon"], k["thin_silicon"], half),
        ]
    below = [*base, logic(1 - array)]
    if structure == "planar":
        return [*below, Layer("metal", metal / 2, k["metal"]), memory]
    if structure == "tsv":
        return [
            *below,
            Layer("metal", metal, k["metal"]),
            Layer("bond", components["tsv.bond"], k["bond"]),
            Layer("thin die", components["tsv.die"], k["silicon"]),
            Layer("memory metal", metal / 2, k["metal"]),
            memory,
        ]
    return [
        *below,
        Layer("metal", metal, k["metal"]),
        Layer("bond", components["hybrid.bond"], k["oxide"]),
        Layer("memory metal", metal / 2, k["metal"]),
        memory,
    ]


def _layout(
    components: Components, structure: str, lines: int, size: float, area: float
) -> dict[str, float]:
    """Footprint, wires and thermal resistance of a chip that takes ``area`` in the plane."""
    laid = tile(components, structure, lines, size)
    footprint = area * laid.footprint / tile(components, "planar", lines, size).footprint
    far = wire_length(footprint)
    return {
        "footprint": footprint,
        "density": lines**2 / laid.footprint,
        "line_length": laid.line,
        "line_energy": laid.line_energy,
        "wire_length": far,
        "wire_energy": laid.wire_energy * far,
        "stack_resistance": resistance_to(layers(components, structure), "memory"),
    }


@lru_cache(maxsize=256)
def _aged(
    technology: Technology,
    network: str,
    grid: tuple[float, ...],
    time: float,
    reads: float,
    chips: int,
    images: int,
    cells: int,
    seed: int,
) -> xr.Dataset:
    """Bit errors and accuracy after the mission, at each temperature, with their intervals.

    Kept, because layouts, coolings and powers of a sweep differ in their heat alone.
    """
    verify = None
    if "programming.verify.attempts" in technology:
        verify = Verify.from_technology(technology)
    loaded = one_layer(network)
    on_chips = sample_chips(technology, loaded, chips=chips, verify=verify, seed=seed)
    wafers = min(_WAFERS, cells)
    state = np.repeat(["LRS", "HRS"], cells // wafers)
    alone = sample_dies(
        technology, state=state, count=wafers, dies_per_wafer=1, verify=verify, seed=seed, lot=1
    )
    limit = best_reference(technology)

    def accuracy(population: xr.Dataset) -> list[float]:
        found = evaluate(loaded, population, images=images, seed=seed)
        of_chips = found["correct"].isel(image=0, drop=True)
        mean, low, high, *_ = crossed_mean(table_of_one(found), label_of_chips(of_chips, "wafer"))
        return [mean, low, high]

    def wrong(population: xr.Dataset) -> NDArray[np.intp]:
        low = population["conductance"].values < limit
        return np.asarray((low == (state == "LRS")).sum(axis=1))

    errors, correct, notes = [], [], set(alone.attrs["warnings"])
    for kelvin in grid:
        mission = MissionProfile.constant(time, kelvin, reads, technology["read.voltage"])
        old = age(alone, mission)
        errors.append(wrong(old))
        correct.append(accuracy(age(on_chips, mission)))
        notes |= set(old.attrs["warnings"])
    low, high, _ = clustered_proportion(errors, state.size)
    left, left_low, left_high = np.array(correct).T
    at, one = "grid_temperature", {"units": "1"}
    return xr.Dataset(
        {
            "fresh_accuracy": ((), accuracy(on_chips)[0], one),
            "error_rate_at": (at, np.mean(errors, axis=1) / state.size, one),
            "error_rate_low": (at, low, one),
            "error_rate_high": (at, high, one),
            "accuracy_at": (at, left, one),
            "accuracy_low": (at, left_low, one),
            "accuracy_high": (at, left_high, one),
        },
        {at: (at, np.array(grid), {"units": "K"})},
        {"warnings": sorted(notes)},
    )


def _looked_up(aged: xr.Dataset, name: str, kelvin: float) -> float:
    """Value at a temperature, linear in between; NaN above the hottest that was aged."""
    grid = aged["grid_temperature"].values
    return float(np.interp(kelvin, grid, aged[name].values)) if kelvin <= grid[-1] else np.nan


def _temperature_limit(aged: xr.Dataset, allowed_loss: float, around: float) -> float:
    """Temperature (K) at which too much accuracy is lost; inf if at none."""
    grid, left = aged["grid_temperature"].values, aged["accuracy_at"].values
    hotter = grid > around
    kelvin = np.append(around, grid[hotter])
    lost = np.interp(around, grid, left) - np.append(np.interp(around, grid, left), left[hotter])
    beyond = np.flatnonzero(lost > allowed_loss)
    if not len(beyond):
        return np.inf
    k = int(beyond[0])
    return float(np.interp(allowed_loss, lost[k - 1 : k + 1], kelvin[k - 1 : k + 1]))


def _checks(components: Components) -> xr.Dataset:
    """Compare with two-tier layouts of logic, and with a die whose heat also spreads sideways."""
    # logic alone on two tiers: about half the footprint, wires as the root of it
    halved = 0.5 * components["monolithic.overhead"]
    sink, watt, die, plate, spreader = _HOTSPOT
    resistance = (
        sink + 0.0069 / (400 * plate) + 0.001 / (400 * spreader)
        + 20e-6 / (4 * die) + 0.5 * 150e-6 / (130 * die)
    )  # fmt: skip
    return cross_checks(
        components,
        {
            "published.lim_footprint": ("two tiers of logic, footprint over planar", halved),
            "published.lim_wire": ("two tiers of logic, wire over planar", halved**0.5),
            "published.hotspot_mean_rise": ("HotSpot ev6, mean rise", watt * resistance),
        },
    )
