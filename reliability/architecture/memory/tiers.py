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

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from reliability.architecture.logic.layout import STRUCTURES, smallest_tile, tile, wire_length
from reliability.architecture.logic.stack import Layer, resistance_to
from reliability.architecture.result import cross_checks, finish, scalar
from reliability.devices.verify import Verify
from reliability.errors import InputError
from reliability.mission import MissionProfile
from reliability.network import DeepNetwork, Network, evaluate, load_network, sample_chips
from reliability.population import age, sample_population
from reliability.population.cycling import best_reference
from reliability.statistics import clopper_pearson
from reliability.technology import Technology
from reliability.technology.components import Components
from reliability.units import quantity

COOLINGS = ("package", "heat_sink")
_NAMES = {
    "planar": "planar",
    "tsv": "through-silicon vias",
    "hybrid": "copper pads",
    "monolithic": "monolithic tiers",
}
# Finer where retention of ten years ends.
GRID = (318.15, 338.15, 348.15, 358.15, 368.15, 378.15, 398.15, 423.15, 473.15)
_POINTS = 41  # of power density
_HOTSPOT = (0.1, 39.5, 0.016**2, 0.06**2, 0.03**2)  # K/W, W, m^2 of the die, sink, spreader


def tiers(
    technology: Technology,
    components: Components,
    *,
    network: str = "spirit",
    chips: int = 8,
    images: int = 500,
    cells: int = 20_000,
    lines: int = 256,
    feature_size: float | str = 130e-9,
    chip_area: float | str = 25e-6,
    power_densities: Sequence[float | str] = (1e3, 1e6),
    temperatures: Sequence[float | str] = GRID,
    ambient: float | str = 318.15,
    time: float | str = 315576000.0,
    reads: float = 1e8,
    allowed_loss: float = 0.01,
    seed: int = 0,
) -> xr.Dataset:
    """Compare planar, stacked and monolithic layouts: wires, heat, accuracy after the mission.

    Parameters
    ----------
    technology : Technology
        A card with two states; they are programmed with the card's verify if it has one.
    components : Components
        ``"tiers"``.
    network : str
        A network of one layer.
    chips, images, cells : int
        Chips and test images of the accuracy; cells of each state of the bit errors.
    lines : int
        Word lines, and bit lines, of a tile.
    feature_size : float or str
        m.
    chip_area : float or str
        Of the planar chip, m^2.
    power_densities : (float or str, float or str)
        Least and most power over the area of the planar chip, W/m^2. The stacked ones have the same
        power.
    temperatures : sequence of float or str
        Grid of the ageing, K, rising.
    ambient : float or str
        Around the package, K.
    time : float or str
        Of the mission, s.
    reads : float
        Of every cell in that time.
    allowed_loss : float
        Of accuracy against the same mission at the ambient temperature, for the border.
    seed : int

    Returns
    -------
    Dataset
        By structure: ``footprint`` (m^2), ``density`` (cells in m^2), ``line_length``,
        ``wire_length`` (m), ``line_energy``, ``wire_energy`` (J for a transition). By structure,
        cooling and power density: ``temperature`` of the memory on average and
        ``hottest_temperature`` (K), there ``bit_error_rate`` and ``accuracy`` (NaN beyond the
        grid). By grid temperature: ``error_rate_at``, ``accuracy_at`` with 95 % intervals.
        ``temperature_limit`` (K) and by structure and cooling ``power_limit`` (W/m^2), at which the
        hottest place loses ``allowed_loss``. ``smallest_tile``: lines from which a stacked tile
        takes less area than the planar one. Cross-checks.

    Raises
    ------
    InputError
        A card without two states, a network of many layers, sizes that cannot be.

    Examples
    --------
    >>> import reliability as rel
    >>> from reliability.architecture import load_components
    >>> card, components = rel.load_technology("oxram-130nm"), load_components("tiers")
    >>> data = tiers(card, components, chips=2, images=50, cells=1000, temperatures=[300, 400, 500])
    >>> bool(data["footprint"].sel(structure="monolithic") < data["footprint"].sel(structure="tsv"))
    True
    """
    if not technology.has_states:
        raise InputError(f"technology: {technology.name} has no two states, LRS and HRS")
    loaded = load_network(network)
    if isinstance(loaded, DeepNetwork):
        raise InputError(f"network: got {network!r}, expected a network of one layer")
    size = quantity(feature_size, "m", "feature_size", low=1e-9)
    area = quantity(chip_area, "m^2", "chip_area", low=1e-12)
    around = quantity(ambient, "K", "ambient", low=1e-3, high=2000.0)
    grid = [quantity(t, "K", "temperatures", low=1e-3, high=2000.0) for t in temperatures]
    ends = [quantity(q, "W/m^2", "power_densities", low=1e-9) for q in power_densities]
    for name, values in (("temperatures", grid), ("power_densities", ends)):
        if len(values) < 2 or values != sorted(set(values)):
            raise InputError(f"{name}: got {values}, expected two or more rising values")
    power = np.geomspace(ends[0], ends[-1], _POINTS).tolist()

    aged = _aged(technology, loaded, grid, quantity(time, "s", "time", low=0.0),
                 quantity(reads, "", "reads", low=0.0), chips, images, cells, seed)  # fmt: skip
    laid = xr.concat(
        [_structure(components, s, lines, size, area) for s in STRUCTURES],
        pd.Index(list(STRUCTURES), name="structure"),
    )
    data = xr.merge([laid, aged], combine_attrs="drop_conflicts")
    data = _heat(data, components, power, area, around)
    data = _limits(data, allowed_loss, around)
    headline = _headline(data)
    return finish(
        data.assign(headline), technology, components, seed,
        headline=list(headline), checks=_checks(components),
    )  # fmt: skip


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

    def logic(share: float) -> Layer:
        return Layer("logic", thin, k["silicon"], share)

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


def _structure(
    components: Components, name: str, lines: int, size: float, area: float
) -> xr.Dataset:
    """Footprint, wires and thermal resistance of a chip that takes ``area`` in the plane."""
    laid = tile(components, name, lines, size)
    footprint = area * laid.footprint / tile(components, "planar", lines, size).footprint
    far = wire_length(footprint)
    found = {
        "footprint": (footprint, "m^2"),
        "density": (lines**2 / laid.footprint, "1/m^2"),
        "line_length": (laid.line, "m"),
        "line_energy": (laid.line_energy, "J"),
        "wire_length": (far, "m"),
        "wire_energy": (laid.wire_energy * far, "J"),
        "smallest_tile": (smallest_tile(components, name, size), "1"),
        "stack_resistance": (resistance_to(layers(components, name), "memory"), "m^2 K/W"),
    }
    return xr.Dataset({key: ((), value, {"units": unit}) for key, (value, unit) in found.items()})


def _aged(
    technology: Technology,
    network: Network,
    grid: list[float],
    time: float,
    reads: float,
    chips: int,
    images: int,
    cells: int,
    seed: int,
) -> xr.Dataset:
    """Bit errors and accuracy after the mission, at each temperature, with their intervals."""
    verify = None
    if "programming.verify.attempts" in technology:
        said = {name: technology[f"programming.verify.{name}"]
                for name in ("lrs_resistance", "hrs_resistance", "wait")}  # fmt: skip
        verify = Verify(**said, attempts=int(technology["programming.verify.attempts"]))
    on_chips = sample_chips(technology, network, chips=chips, verify=verify, seed=seed)
    state = np.repeat(["LRS", "HRS"], cells)
    alone = sample_population(
        technology, state=state, cells=2 * cells, verify=verify, seed=seed, lot=1
    )
    limit = best_reference(technology)

    def accuracy(population: xr.Dataset) -> tuple[float, float, float]:
        found = evaluate(network, population, images=images, seed=seed)
        return tuple(float(found[f"accuracy{end}"].mean()) for end in ("", "_low", "_high"))  # type: ignore[return-value]

    def wrong(population: xr.Dataset) -> int:
        low = population["conductance"].values.ravel() < limit
        return int((low == (state == "LRS")).sum())

    fresh = accuracy(on_chips)
    errors, correct, notes = [], [], set(alone.attrs["warnings"])
    for kelvin in grid:
        mission = MissionProfile.constant(time, kelvin, reads, technology["read.voltage"])
        old = age(alone, mission)
        errors.append(wrong(old))
        correct.append(accuracy(age(on_chips, mission)))
        notes |= set(old.attrs["warnings"])
    low, high = clopper_pearson(errors, 2 * cells)
    left, left_low, left_high = np.array(correct).T
    at, one = "grid_temperature", {"units": "1"}
    return xr.Dataset(
        {
            "fresh_accuracy": ((), fresh[0], one),
            "error_rate_at": (at, np.array(errors) / (2 * cells), one),
            "error_rate_low": (at, low, one),
            "error_rate_high": (at, high, one),
            "accuracy_at": (at, left, one),
            "accuracy_low": (at, left_low, one),
            "accuracy_high": (at, left_high, one),
        },
        {at: (at, np.array(grid), {"units": "K"})},
        {"warnings": sorted(notes)},
    )


def _heat(
    data: xr.Dataset, components: Components, power: list[float], area: float, around: float
) -> xr.Dataset:
    """Add the temperatures of the memory, and what is left of its bits there."""
    density = xr.DataArray(
        np.array(power), dims="power_density", coords={"power_density": power},
        attrs={"units": "W/m^2"},
    )  # fmt: skip
    theta = xr.DataArray(
        [components[f"cooling.{name}"] for name in COOLINGS], coords={"cooling": list(COOLINGS)}
    )
    watt = density * area
    inside = watt / data["footprint"] * data["stack_resistance"]
    mean = around + watt * theta + inside
    hottest = around + watt * theta + max(components["cooling.hot_spot"], 1.0) * inside
    order = ("structure", "cooling", "power_density")

    def looked_up(values: xr.DataArray) -> NDArray[np.float64]:
        grid, at = data["grid_temperature"].values, hottest.transpose(*order).values
        inner = np.interp(at, grid, values.values)
        return np.where(at > grid[-1], np.nan, inner)

    one, kelvin = {"units": "1"}, {"units": "K"}
    return data.assign(
        temperature=mean.transpose(*order).assign_attrs(kelvin),
        hottest_temperature=hottest.transpose(*order).assign_attrs(kelvin),
        bit_error_rate=(order, looked_up(data["error_rate_at"]), one),
        accuracy=(order, looked_up(data["accuracy_at"]), one),
    ).assign_coords(power_density=density)


def _limits(data: xr.Dataset, allowed_loss: float, around: float) -> xr.Dataset:
    """Add the temperature, and for each chip the power density, at which too much is lost."""
    kelvin, left = data["grid_temperature"].values, data["accuracy_at"].values
    hotter = kelvin > around
    kelvin = np.append(around, kelvin[hotter])
    left = np.append(np.interp(around, data["grid_temperature"].values, left), left[hotter])
    lost = left[0] - left
    beyond = np.flatnonzero(lost > allowed_loss)
    limit = np.inf
    if len(beyond):
        k = int(beyond[0])
        limit = float(np.interp(allowed_loss, lost[k - 1 : k + 1], kelvin[k - 1 : k + 1]))
    first = data.isel(power_density=0, drop=True)
    per_power = (first["hottest_temperature"] - around) / float(data["power_density"][0])
    border = ((limit - around) / per_power).assign_attrs(units="W/m^2")
    return data.assign(temperature_limit=scalar(limit, "K", "hottest memory"), power_limit=border)


def _headline(data: xr.Dataset) -> dict[str, xr.Variable]:
    limit = float(data["temperature_limit"])
    out = {"temperature_limit": scalar(limit, "K", "hottest the memory may be")}
    plane = data.sel(structure="planar")
    for name in STRUCTURES:
        here = data.sel(structure=name)
        for cooling, text in (("package", "in a package"), ("heat_sink", "under a heat sink")):
            border = float(here["power_limit"].sel(cooling=cooling))
            out[f"power_limit_{name}_{cooling}"] = scalar(
                border, "W/m^2", f"power density of the planar chip {text}, {_NAMES[name]}"
            )
    for name in STRUCTURES[1:]:
        here = data.sel(structure=name)
        for key, text in (("footprint", "footprint"), ("line_energy", "energy of a line")):
            ratio = float(here[key] / plane[key])
            out[f"{key}_{name}"] = scalar(ratio, "1", f"{text} over planar, {_NAMES[name]}")
        if name != "monolithic":  # any tile
            lines = float(here["smallest_tile"])
            text = f"lines of the smallest tile that saves area, {_NAMES[name]}"
            out[f"smallest_tile_{name}"] = scalar(lines, "1", text)
    return out


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
