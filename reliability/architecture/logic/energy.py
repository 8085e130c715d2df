"""Energy of an inference, in spikes and in sums, from the current of a cell up.

A spike costs what its cells draw from the supply while they are read, whatever the node. A sum
costs digital arithmetic and a memory access, which scale with the node. So the answer to "how much
do spikes save" moves with the node, with the resistance of the cells and with how many events a
connection needs for one decision.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.architecture.logic.digital import add_energy, mac_energy, memory_for_mac_energy
from reliability.architecture.result import cross_checks, finish, one_layer
from reliability.network import FirstSpike, Network, RateCoding, evaluate, load_mnist
from reliability.technology import Technology
from reliability.technology.components import Components
from reliability.technology.nodes import Node, load_node

_OLD = "130nm"  # the node of the chip
_FADE = 0.05  # of the gain of all synapses at each event
_STEPS, _DEEP_WEIGHTS = (128, 256), 17856  # of mobilenet-mnist in rate coding


@dataclass(frozen=True)
class EventEnergy:
    """Energy (J) of one input event at one output, by what takes it from the supply."""

    cells: float
    injector: float
    neuron: float

    @property
    def total(self) -> float:
        """Sum of the parts, J."""
        return self.cells + self.injector + self.neuron


def event_energy(
    technology: Technology,
    components: Components,
    *,
    lrs_cells: float,
    hrs_cells: float,
    supply: float | None = None,
    lrs_resistance: float | None = None,
) -> EventEnergy:
    """Energy of one input event at one output.

    ``E = V_dd t (V_read (n_LRS / R_LRS + n_HRS / R_HRS) + I_injector + n I_comparator)
    + V_dd C V_threshold n_LRS / 4``: the current of the cells is drawn from the supply for the
    whole pulse, though only ``V_read`` of it drops over a cell; four cells charge the neuron to
    its threshold in one event. HRS stays at the card's ratio to LRS.

    Parameters
    ----------
    technology : Technology
        ``programming.*.resistance``, ``read.voltage``, ``read.pulse_width``.
    components : Components
        "energy".
    lrs_cells, hrs_cells : float
        Mean number of cells in each state behind one input and output.
    supply : float, optional
        V, instead of that of the components.
    lrs_resistance : float, optional
        ohm, instead of the card's.

    Examples
    --------
    >>> import reliability as rel
    >>> from reliability.architecture import load_components
    >>> card, components = rel.load_technology("oxram-130nm"), load_components("energy")
    >>> few, many = (event_energy(card, components, lrs_cells=n, hrs_cells=8 - n) for n in (1, 4))
    >>> few.cells < many.cells, few.injector == many.injector
    (True, True)
    """
    pulse = technology["read.pulse_width"]
    supply = components["supply.voltage"] if supply is None else supply
    card_lrs = technology["programming.LRS.resistance"]
    lrs = card_lrs if lrs_resistance is None else lrs_resistance
    hrs = technology["programming.HRS.resistance"] * lrs / card_lrs
    comparators = components["neuron.comparators"] * components["neuron.comparator_bias"]
    charge = components["neuron.capacitance"] * components["neuron.threshold"] * lrs_cells / 4
    return EventEnergy(
        cells=supply * pulse * technology["read.voltage"] * (lrs_cells / lrs + hrs_cells / hrs),
        injector=supply * pulse * components["injector.bias"],
        neuron=supply * (pulse * comparators + charge),
    )


def analog_supply(components: Components, node: Node) -> float:
    """Supply (V) of the analog parts: that of the components at 130 nm, scaled as the node's."""
    return components["supply.voltage"] * node.supply / load_node(_OLD).supply


def bias_power(components: Components, neurons: float, supply: float) -> float:
    """Power (W) of the bias of neurons and of their reference while they are on."""
    return components["idle.reference"] + neurons * supply * (
        components["injector.bias"]
        + components["neuron.comparators"] * components["neuron.comparator_bias"]
    )


def idle_power(components: Components, neurons: float, supply: float) -> float:
    """Power (W) of neurons and their reference while they wait, with a part of their bias."""
    return bias_power(components, components["idle.bias_share"] * neurons, supply)


def system_energy(components: Components, node: Node, event: float, outputs: int) -> float:
    """Energy (J) of one event at one output with its part of the logic and of the interface.

    ``E = E_event + (n_bits edges C V^2 + n_add E_add) / outputs``: one serial word and one pass of
    the sequencer for each input event, which all outputs share.
    """
    serial = components["interface.word"] * components["interface.edges"]
    serial *= components["interface.capacitance"] * components["interface.voltage"] ** 2
    logic = components["logic.additions"] * add_energy(components, node)
    return event + (serial + logic) / outputs


def energy(
    technology: Technology,
    components: Components,
    *,
    network: str = "spirit",
    node: str = _OLD,
    lrs_resistance: float | None = None,
    weights: int | None = None,
    coding: Literal["rate", "first_spike"] = "rate",
    lead: int = 10,
    threshold: float = 14.0,
    images: int = 1000,
    seed: int = 0,
) -> xr.Dataset:
    """Energy of synaptic events and of inferences of a network, against digital sums.

    Parameters
    ----------
    technology : Technology
        Cells with LRS and HRS.
    components : Components
        "energy".
    network : str
        Of one layer, with weights on ``2 weight_max`` cells.
    node : str
        CMOS node (`reliability.technology.nodes.list_nodes`).
    lrs_resistance : float, optional
        ohm, instead of the card's.
    weights : int, optional
        Weights in the SRAM of the digital sums, instead of those of the network.
    coding : {"rate", "first_spike"}
        A lead of spike counts decides, or the first output spike, where each event lowers the gain
        of all synapses by 5 % (`reliability.network.FirstSpike`).
    lead : int
        Lead of the first output over the second that decides in rate coding (`evaluate`).
    threshold : float
        Threshold of the output spike that decides in first-spike coding.
    images : int
        Test images on which events are counted.
    seed : int
        Of the input events.

    Returns
    -------
    Dataset
        Energies (J) of a synaptic event, its parts (``part_energy``), an event with logic and
        interface, and a multiply-accumulate; ``gain``, the energy of a multiply-accumulate over
        that of an event; resistance (ohm, inf where none is enough) and pulse (s, 0 where none is
        enough) at which both are equal; ``activity``, events of a connection per inference, with
        its ``accuracy`` and ``inference_gain``, the energy of all sums over that of the spikes;
        ``deep_activity`` and ``deep_gain`` (steps) of a network of many layers; and the checks.

    Examples
    --------
    >>> import reliability as rel
    >>> from reliability.architecture import load_components
    >>> card, components = rel.load_technology("oxram-130nm"), load_components("energy")
    >>> old, new = (energy(card, components, node=n, images=10) for n in ("130nm", "7nm"))
    >>> bool(old["gain"] > 1 > new["gain"])
    True
    """
    net = one_layer(network, technology)
    place = load_node(node)
    lrs = mean_lrs_cells(net)
    cells = {"lrs_cells": lrs, "hrs_cells": 2 * net.weight_max - lrs}
    here: dict[str, Any] = cells | {
        "supply": analog_supply(components, place),
        "lrs_resistance": lrs_resistance,
    }
    event = event_energy(technology, components, **here)
    mac = mac_energy(components, place, weights or net.weights.size)
    gain = mac / event.total
    activity, accuracy = _events(network, coding, lead, threshold, images, seed)
    measured = components["published.spirit_event"]
    five_events = components["published.spirit_gain"] * measured
    memory = memory_for_mac_energy(components, place, five_events) / 8
    system = system_energy(components, place, event.total, net.outputs)
    resistance = _break_even_resistance(technology, components, mac, **here)
    pulse = _break_even_pulse(technology, components, mac, **here)
    sums = "multiply-accumulate"
    answers = {
        "event_energy": (event.total, "J", "energy of a synaptic event"),
        "system_event_energy": (system, "J", "energy of an event with logic and interface"),
        "mac_energy": (mac, "J", f"energy of a {sums}"),
        "gain": (gain, "1", f"energy of a {sums} relative to an event"),
        "gain_measured": (mac / measured, "1",
                          f"energy of a {sums} relative to the event measured at 130 nm"),
        "memory_for_gain": (memory, "B",
                            f"weight memory at which a {sums} costs five measured events"),
        "break_even_resistance": (resistance, "ohm",
                                  f"LRS resistance above which an event costs less than a {sums}"),
        "break_even_pulse": (pulse, "s",
                             f"read pulse below which an event costs less than a {sums}"),
        "activity": (activity, "1", "events of a connection per inference"),
        "accuracy": (accuracy, "1", "accuracy of the network"),
        "inference_gain": (gain / activity, "1",
                           "energy of all sums of an inference relative to its spikes"),
        "inference_gain_zeros_skipped": (
            gain * _brightness()[1] / activity, "1",
            "energy of the sums of bright inputs of an inference relative to its spikes"),
    }  # fmt: skip
    data = _deep(components, place, event.total)
    data["part_energy"] = xr.DataArray(
        list(vars(event).values()), {"part": list(vars(event))}, "part", attrs={"units": "J"}
    )
    checks = _checks(technology, components, net, **cells)
    return finish(data, technology, components, seed, answers=answers, checks=checks)


def _deep(components: Components, node: Node, event: float) -> xr.Dataset:
    """Events of a connection per inference, and gain, of ten layers in rate coding."""
    activity = np.array([components[f"activity.mobilenet_{n}_steps"] for n in _STEPS])
    gain = mac_energy(components, node, _DEEP_WEIGHTS) / event / activity
    one = {"units": "1"}
    return xr.Dataset(
        {"deep_activity": ("steps", activity, one), "deep_gain": ("steps", gain, one)},
        {"steps": list(_STEPS)},
    )


@lru_cache(maxsize=4096)
def _events(
    network: str, coding: str, lead: int, threshold: float, images: int, seed: int
) -> tuple[float, float]:
    """Events of a connection per inference, and accuracy.

    Kept, because neither node, resistance nor card changes them: most points of a sweep share them.
    """
    net = one_layer(network)
    how = RateCoding(lead) if coding == "rate" else FirstSpike(threshold, _FADE)
    found = evaluate(net, None, coding=how, images=images, seed=seed)
    return float(found["spikes"].mean()) / net.inputs, float(found["accuracy"].mean())


def _checks(
    technology: Technology, components: Components, network: Network, **cells: float
) -> xr.Dataset:
    """Compare with the chip at its own node, whatever the point."""
    old = load_node(_OLD)
    event = event_energy(technology, components, **cells).total
    models = {
        "spirit_event": ("SPIRIT, synaptic event", event),
        "spirit_system": ("SPIRIT, event with logic and SPI",
                          system_energy(components, old, event, network.outputs)),
        "spirit_gain": ("SPIRIT, gain over multiply-accumulate (up to)",
                        mac_energy(components, old, network.weights.size) / event),
    }  # fmt: skip
    return cross_checks(components, {f"published.{key}": m for key, m in models.items()})


def mean_lrs_cells(network: Network) -> float:
    """Mean number of LRS cells that an input event meets: bright inputs fire more often."""
    rate, _ = _brightness()
    weights = np.abs(network.weights).mean(axis=1)
    return float((rate @ weights) / rate.sum())


@lru_cache(maxsize=1)
def _brightness() -> tuple[NDArray[np.float64], float]:
    """Mean of each pixel, and fraction of pixels that are not dark, of all test images."""
    pixels = load_mnist("test")["pixels"].values
    return pixels.mean(axis=0), float((pixels > 0).mean())


def _break_even_resistance(
    technology: Technology, components: Components, mac: float, **event: Any
) -> float:
    """LRS (ohm) above which an event costs less than a sum; inf where the rest alone costs more."""
    parts = event_energy(technology, components, **event)
    left = mac - parts.injector - parts.neuron
    lrs = event["lrs_resistance"] or technology["programming.LRS.resistance"]
    return lrs * parts.cells / left if left > 0 else np.inf


def _break_even_pulse(
    technology: Technology, components: Components, mac: float, **event: Any
) -> float:
    """Read pulse (s) below which an event costs less than a sum; 0 where its charge costs more."""
    parts = event_energy(technology, components, **event)
    none = event_energy(technology.with_values({"read.pulse_width": 0.0}), components, **event)
    per_second = (parts.total - none.total) / technology["read.pulse_width"]
    return max(mac - none.total, 0.0) / per_second
