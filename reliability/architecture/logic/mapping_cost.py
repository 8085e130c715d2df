"""Tiles, conversions, energy, latency and area of a deep network: `map_network`."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.architecture.logic.area import cell_area, logic_scale
from reliability.architecture.logic.digital import add_energy, memory_read_energy
from reliability.errors import expect, fraction
from reliability.network import DeepNetwork, Tiling
from reliability.network.analysis.mapping_counts import map_counts
from reliability.progress import tracked
from reliability.statistics.means import nominal_and_drawn
from reliability.technology import Technology, load_technology
from reliability.technology.components import Components, load_components
from reliability.technology.nodes import Node, load_node

_WORD = 8  # bits of inputs and outputs where the tiling says none


class Cost(NamedTuple):
    """What each layer takes for one inference.

    Attributes
    ----------
    energy : dict of str to ndarray
        J, of ``cells``, ``drivers``, ``converters``, ``digital`` (additions and buffers) and
        ``periphery`` (regulators, references, clocks, control).
    latency : ndarray
        s.
    area : ndarray
        m^2, of its tiles with their drivers and converters.
    """

    energy: dict[str, NDArray[np.float64]]
    latency: NDArray[np.float64]
    area: NDArray[np.float64]


def map_network(
    network: DeepNetwork | str | Path,
    tiling: Tiling | None = None,
    *,
    technology: Technology | str | None = None,
    components: Components | str = "tiles",
    node: str = "32nm",
    input_shape: Collection[int] | None = None,
    copies: int = 1,
    spare_columns: int = 0,
    draws: int = 200,
    confidence: float = 0.9,
    seed: int = 0,
) -> xr.Dataset:
    """Return what each layer of a deep network takes on a tiling.

    Parameters
    ----------
    network : DeepNetwork, str or Path
        Or its ONNX file.
    tiling : Tiling, optional
        By default levels on tiles of 256 x 256.
    technology : Technology or str, optional
        Of the cells; by default ``techB`` where the tiling needs levels, else ``oxram-130nm``.
    components : Components or str
        Component parameters of converters, drivers and logic, as those of ``tiles``.
    node : str
        CMOS node of the chip, to which component parameters are scaled.
    input_shape : collection of int, optional
        Of one image, where the file leaves a size open.
    copies : int
        Cells in parallel in the place of each, beside each other on joined bit lines.
    spare_columns : int
        Spare outputs of each layer; they take area, and are not read.
    draws : int
        Component parameters sampled from their uncertainty, for the intervals.
    confidence : float
        Of the intervals.
    seed : int

    Returns
    -------
    Dataset
        Over ``layer``: ``operator``, ``rows``, ``outputs``, ``weights``, ``cells``; ``tiles``
        (``row_tiles`` x ``column_tiles``), and ``utilisation``, the fraction of their cells that
        hold a weight, a copy or a spare column; per inference (image) ``reads``, the pulses that a
        cell gets,
        ``array_operations``, ``dac_conversions`` (rows driven, on each tile),
        ``adc_conversions`` (column pairs sensed, on each tile) and ``multiplications``;
        ``energy`` (J), ``latency`` (s) and ``area`` (m^2), each with an interval ``*_low``,
        ``*_high``; ``energy_part`` (part, layer) of cells, drivers, converters, digital
        additions and buffers, and periphery. ``total_*`` are sums over the layers, which run one
        after the other. Attributes: ``digital``, digital nodes (products of two activations,
        softmax, normalisation, embeddings, layers left digital) and state inputs, with
        ``digital_fractions``, the fraction of the operations of each, and ``digital_fraction``,
        that of all (they cost nothing here); ``warnings``, weights that are not in cells;
        ``tiling``, ``technology``, ``components``, ``node``.

    Raises
    ------
    InputError
        Not a deep network, a size of the input that is open, weights that the tiling does not
        take, a card that the tiling can't use, an unknown node, copies or spare columns that the
        tiles don't take.

    Notes
    -----
    Layers do not share tiles. The groups of a grouped convolution lie side by side on the columns
    of a tile and are driven one after the other. An input of b bits is b pulses on its word line
    whose charge is weighted and summed before one conversion; a cell takes ``V^2 G`` of each pulse
    times the mean input. Without converters in the tiling 8 bits are counted. Component parameters
    are published at one node and scaled as A. Stillmaker and B. Baas do (Integration 58, 74
    (2017), doi:10.1016/j.vlsi.2017.02.002), 130 nm to 7 nm. Interconnect between tiles, leakage,
    activations and other digital operations are not counted: docs/deep_networks.md compares with
    two chips. The intervals hold the uncertainty of the component parameters and of the card's
    read pulse; conductances are nominal.

    Examples
    --------
    >>> import reliability as rel
    >>> net = rel.load_network("mobilenet-mnist")
    >>> found = rel.map_network(net, rel.Tiling(rows=128, columns=64, adc_bits=8), draws=20)
    >>> int(found["cells"].sum()), bool(1e-6 < found["total_energy"] < 1e-5)
    (35712, True)
    """
    tiling = Tiling() if tiling is None else tiling
    expect(tiling, Tiling, "tiling", "a Tiling, such as Tiling(rows=128)")
    if technology is None:
        technology = "techB" if tiling.cells == "levels" else "oxram-130nm"
    card = load_technology(technology) if isinstance(technology, str) else technology
    sheet = load_components(components) if isinstance(components, str) else components
    on = load_node(node)
    confidence = fraction(confidence, "confidence")
    counts = map_counts(
        network, tiling, card, input_shape=input_shape, copies=copies, spare_columns=spare_columns
    )
    nominal = cost(counts, tiling, card, sheet, on)
    own = {key: p for key, p in card.parameters.items() if key.startswith("read.")}
    read = replace(card, parameters=own, correlation={})  # sampling all of a card takes 20 ms
    sampled = [
        cost(counts, tiling, read.drawn(seed, k), sheet.drawn(seed, k), on)
        for k in tracked(range(draws), "draws", draws)
    ]
    parts = list(nominal.energy)
    out = counts.assign(
        energy_part=(("part", "layer"), np.stack([nominal.energy[p] for p in parts]), _J)
    ).assign_coords(part=parts)
    for name, unit in (("energy", "J"), ("latency", "s"), ("area", "m^2")):
        value = _of(nominal, name)
        many = np.stack([value, *(_of(c, name) for c in sampled)])
        low, high = nominal_and_drawn(many, confidence)
        total_low, total_high = nominal_and_drawn(many.sum(axis=1), confidence)
        units = {"units": unit}
        out = out.assign(
            {
                name: ("layer", value, units),
                f"{name}_low": ("layer", low, units),
                f"{name}_high": ("layer", high, units),
                f"total_{name}": ((), value.sum(), units),
                f"total_{name}_low": ((), total_low, units),
                f"total_{name}_high": ((), total_high, units),
            }
        )
    said = {"technology": card.name, "components": sheet.name, "node": node}
    return out.assign_attrs(said, confidence=confidence, draws=draws, seed=seed)


def cost(
    counts: xr.Dataset, tiling: Tiling, technology: Technology, components: Components, node: Node
) -> Cost:
    """Return energy, latency and area of each layer from its counts.

    With b input bits, n ADC bits, V the read voltage, t a pulse, r the factor per bit:
    ``E_cells = reads b V^2 t activity sum(G)``, ``E_converters = conversions E_8 r^(n - 8)``,
    ``latency = operations (b t + columns t_8 n / 8)``. Valid where a conversion takes no longer
    than the next read, and for converters of 4 to 10 bits.

    Parameters
    ----------
    counts : Dataset
        Of `reliability.network.analysis.mapping_counts.map_counts`.
    tiling : Tiling
    technology : Technology
    components : Components
    node : Node
    """
    own = [tiling.of(str(name)) for name in counts["layer"].values]
    inputs = np.array([1 if t.serial_inputs else t.dac_bits or _WORD for t in own])
    outputs = np.array([1 if t.cells == "pairs" else t.adc_bits or _WORD for t in own])
    rows, columns = np.array([(t.rows, t.columns) for t in own]).T
    joined = np.array([t.columns_of_a_weight * counts.attrs["copies"] for t in own])
    sensed = -(-columns * np.array([t.slices for t in own]) // joined)
    published = load_node("32nm")
    smaller = (node.energy() / published.energy()) ** components["scaling.energy_exponent"]
    pulse = technology.get("read.pulse_width", components["input.pulse"])
    resolution = components["converter.per_bit"] ** (outputs - 8)
    n = {name: counts[name].values.astype(float) for name in counts if name != "operator"}
    voltage = technology["read.voltage"]
    energy = {
        "cells": n["reads"] * inputs * voltage**2 * pulse
        * components["input.activity"] * n["conductance"],
        "drivers": n["dac_conversions"] * inputs * components["input.driver"] * smaller,
        "converters": n["adc_conversions"] * components["converter.energy"] * resolution * smaller,
        "digital": n["adc_conversions"] * add_energy(components, node)
        + (n["dac_conversions"] * inputs + n["reads"] * n["outputs"] * outputs)
        * memory_read_energy(components, node, 1, components["buffer.capacity"]),
    }  # fmt: skip
    whole = max(components["periphery.energy"], 1.0)
    energy["periphery"] = (whole - 1) * np.sum(list(energy.values()), axis=0)
    faster = node.delay() / published.delay()
    conversion = components["converter.time"] * outputs / 8 * faster
    together = max(components["converter.columns"], 1.0)
    latency = n["array_operations"] * (inputs * pulse + together * conversion)
    density = logic_scale(components, node) / logic_scale(components, published)
    drivers = components["analog.row_driver"] * (
        logic_scale(components, node) / logic_scale(components, load_node("130nm"))
    ) ** components["analog.scaling"]  # fmt: skip
    converters = sensed / together
    tile = (
        rows * columns * cell_area(components, node) / components["cell.efficiency"]
        + rows * drivers
        + converters * components["converter.area"] * resolution * density
    )
    return Cost(energy, latency, n["tiles"] * tile * max(components["periphery.area"], 1.0))


_J = {"units": "J"}


def _of(found: Cost, name: str) -> NDArray[np.float64]:
    if name == "energy":
        return np.sum(list(found.energy.values()), axis=0)
    return np.asarray(getattr(found, name))
