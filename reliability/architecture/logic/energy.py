"""Energy of an inference, in spikes and in sums, from the current of a cell up.

A spike costs what its cells draw from the supply while they are read, whatever the node. A sum
costs digital arithmetic and a memory access, which scale with the node. So the answer to "how much
do spikes save" moves with the node, with the resistance of the cells and with how many events a
connection needs for one decision.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from reliability.architecture.logic.digital import energy_factor, mac_energy, memory_for_mac_energy
from reliability.architecture.result import cross_checks, finish, scalar
from reliability.errors import InputError
from reliability.network import FirstSpike, Network, RateCoding, evaluate, load_mnist, load_network
from reliability.technology import Technology
from reliability.technology.components import Components
from reliability.technology.nodes import load_node

_OLD = "130nm"  # the node of the chip
_USUAL_LEAD = 10  # at which it decides
_USUAL_THRESHOLD = 14  # in time coding, for the same accuracy
_FADE = 0.05  # of the gain of all synapses at each event
_SIZES = (1e3, 1e4, 1e5, 1e6)


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
        V, instead of the components's.
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


def system_energy(components: Components, event: float, outputs: int) -> float:
    """Energy (J) of one event at one output with its share of the logic and of the interface.

    ``E = E_event + (n_bits edges C V^2 + n_add E_add) / outputs``: one serial word and one pass of
    the sequencer for each input event, which all outputs share.
    """
    serial = components["interface.word"] * components["interface.edges"]
    serial *= components["interface.capacitance"] * components["interface.voltage"] ** 2
    add = components["operation.add_32_bits"] * energy_factor(components, load_node(_OLD))
    return event + (serial + components["logic.additions"] * add) / outputs


def energy(
    technology: Technology,
    components: Components,
    *,
    network: str = "spirit",
    nodes: Sequence[str] = (_OLD, "90nm", "65nm", "45nm", "32nm", "20nm", "14nm", "10nm", "7nm"),
    lrs_resistances: Sequence[float] = (2e3, 5.5e3, 2e4, 5e4, 1e5, 3e5, 1e6),
    leads: Sequence[int] = (1, 2, 5, 10, 20, 40),
    thresholds: Sequence[float] = (6.0, 8.0, 10.0, 12.0, 14.0, 18.0),
    images: int = 1000,
    seed: int = 0,
) -> xr.Dataset:
    """Energy of synaptic events and of inferences of a network, against formal sums.

    Parameters
    ----------
    technology : Technology
        Cells with LRS and HRS.
    components : Components
        "energy".
    network : str
        Of one layer, with weights on ``2 weight_max`` cells.
    nodes : sequence of str
        CMOS nodes (`reliability.technology.nodes.list_nodes`).
    lrs_resistances : sequence of float
        ohm.
    leads : sequence of int
        Leads of the first output over the second that decide (`evaluate`).
    thresholds : sequence of float
        Of the first output spike that decides in time coding, where each event lowers the gain of
        all synapses by 5 % (`reliability.network.FirstSpike`).
    images : int
        Test images on which events are counted.
    seed : int
        Of the input events.

    Returns
    -------
    Dataset
        ``part_energy`` (part), ``event_energy``, ``system_event_energy``, J; ``node_event_energy``,
        ``mac_energy`` (node), J; ``break_even_resistance`` (node), ohm, above which an event costs
        less (inf where none does); ``gain`` (node, lrs_resistance): energy of a
        multiply-accumulate over that of an event; ``activity``, ``accuracy``, ``inference_gain``
        (lead): events of a connection per inference, and energy of all sums over that of the
        spikes of an inference at 130 nm; the same in time coding, ``time_activity``,
        ``time_accuracy``, ``time_gain`` (threshold); ``size_gain`` (weights): the gain of an event
        for networks of so many weights, whose SRAM is larger; ``deep_activity``, ``deep_gain``
        (steps) of a network of many layers; and the checks.
    """
    net = load_network(network)
    if not isinstance(net, Network) or not technology.has_states:
        raise InputError(f"energy: got {network} on {technology.name}, expected a network of one "
                         "layer on cells with LRS and HRS")  # fmt: skip
    lrs, cells = mean_lrs_cells(net), 2 * net.weight_max
    behind = {"lrs_cells": lrs, "hrs_cells": cells - lrs}
    event = event_energy(technology, components, **behind)
    system = system_energy(components, event.total, net.outputs)
    old = load_node(_OLD)
    chosen = [load_node(name) for name in nodes]
    newest = chosen[-1].name.replace("nm", " nm")
    macs = np.array([mac_energy(components, node, net.weights.size) for node in chosen])

    def at(supply: float, resistance: float | None = None) -> float:
        return event_energy(
            technology, components, **behind, supply=supply, lrs_resistance=resistance
        ).total

    # the components's supply is that of the old node; newer ones keep their ratio to it
    supplies = [components["supply.voltage"] * node.supply / old.supply for node in chosen]
    gain = macs[:, None] / np.array([[at(v, r) for r in lrs_resistances] for v in supplies])
    each = [(m, {**behind, "supply": v}) for m, v in zip(macs, supplies, strict=True)]
    resistances = [_break_even_resistance(technology, components, m, **e) for m, e in each]
    pulses = [_break_even_pulse(technology, components, m, **e) for m, e in each]
    gain_old = mac_energy(components, old, net.weights.size) / event.total
    found = [evaluate(net, coding=RateCoding(n), images=images, seed=seed) for n in leads]
    activity = np.array([float(f["spikes"].mean()) for f in found]) / net.inputs
    first = [
        evaluate(net, coding=FirstSpike(t, _FADE), images=images, seed=seed) for t in thresholds
    ]
    time_activity = np.array([float(f["spikes"].mean()) for f in first]) / net.inputs
    chosen_time = int(np.abs(np.asarray(thresholds) - _USUAL_THRESHOLD).argmin())
    deep = np.array([components[f"activity.mobilenet_{n}_steps"] for n in (128, 256)])
    deep_mac = mac_energy(components, old, 17856)
    usual = int(np.abs(np.asarray(leads) - _USUAL_LEAD).argmin())
    bright = float((load_mnist("test")["pixels"].values > 0).mean())
    by_size = [mac_energy(components, old, size) / event.total for size in _SIZES]
    measured = components["published.spirit_event"]
    memory = memory_for_mac_energy(components, old, components["published.spirit_gain"] * measured)
    data = xr.Dataset(
        {
            "event_energy": scalar(event.total, "J", "energy of a synaptic event"),
            "system_event_energy": scalar(system, "J", "energy of a synaptic event with "
                                          "logic and interface"),
            "mac_energy_old": scalar(gain_old * event.total, "J",
                                     "energy of a multiply-accumulate at 130 nm"),
            "gain_old": scalar(gain_old, "1", "events for a multiply-accumulate at 130 nm"),
            "gain_measured": scalar(gain_old * event.total / measured, "1", "energy of a "
                                    "multiply-accumulate at 130 nm over the measured event"),
            "memory_for_gain": scalar(memory / 8, "B", "weight memory at which a "
                                      "multiply-accumulate costs five measured events"),
            "inference_gain_usual": scalar(
                gain_old / activity[usual], "1", "energy of all sums over that of the spikes of an "
                f"inference (lead {leads[usual]})"),
            "inference_gain_zeros_skipped": scalar(
                gain_old * bright / activity[usual], "1", "energy of the sums of bright inputs "
                "over that of the spikes of an inference"),
            "inference_gain_time": scalar(
                gain_old / time_activity[chosen_time], "1", "energy of all sums over that of an "
                f"inference in time coding (threshold {thresholds[chosen_time]:g})"),
            "gain_new": scalar(macs[-1] / at(supplies[-1]), "1",
                               f"events for a multiply-accumulate at {newest}"),
            "break_even_pulse": scalar(pulses[-1], "s", "read pulse below which an event costs "
                                       f"less at {newest}"),
            "part_energy": ("part", list(vars(event).values()), {"units": "J"}),
            "node_event_energy": ("node", [at(v) for v in supplies], {"units": "J"}),
            "mac_energy": ("node", macs, {"units": "J"}),
            "break_even_resistance": ("node", resistances, {"units": "ohm"}),
            "gain": (("node", "lrs_resistance"), gain, {"units": "1"}),
            "activity": ("lead", activity, {"units": "1"}),
            "accuracy": ("lead", [float(f["accuracy"].mean()) for f in found], {"units": "1"}),
            "inference_gain": ("lead", gain_old / activity, {"units": "1"}),
            "time_activity": ("threshold", time_activity, {"units": "1"}),
            "time_accuracy": ("threshold", [float(f["accuracy"].mean()) for f in first],
                              {"units": "1"}),
            "time_gain": ("threshold", gain_old / time_activity, {"units": "1"}),
            "size_gain": ("weights", by_size, {"units": "1"}),
            "deep_activity": ("steps", deep, {"units": "1"}),
            "deep_gain": ("steps", deep_mac / event.total / deep, {"units": "1"}),
        },
        {
            "part": list(vars(event)),
            "node": [node.name for node in chosen],
            "lrs_resistance": ("lrs_resistance", list(lrs_resistances), {"units": "ohm"}),
            "lead": list(leads),
            "threshold": list(thresholds),
            "weights": list(_SIZES),
            "steps": [128, 256],
        },
    )  # fmt: skip
    checks = cross_checks(
        components,
        {
            "published.spirit_event": ("SPIRIT, synaptic event", event.total),
            "published.spirit_system": ("SPIRIT, event with logic and SPI", system),
            "published.spirit_gain": ("SPIRIT, gain over formal coding (up to)", gain_old),
        },
    )
    headline = [str(name) for name, v in data.data_vars.items() if not v.dims]
    return finish(data, technology, components, seed, headline=headline, checks=checks)


def mean_lrs_cells(network: Network) -> float:
    """Mean number of LRS cells that an input event meets: bright inputs fire more often."""
    rate = load_mnist("test")["pixels"].values.mean(axis=0)
    weights = np.abs(network.weights).mean(axis=1)
    return float((rate @ weights) / rate.sum())


def _break_even_resistance(
    technology: Technology, components: Components, mac: float, **event: float
) -> float:
    """LRS (ohm) above which an event costs less than a sum; inf where the rest alone costs more."""
    parts = event_energy(technology, components, **event)
    left = mac - parts.injector - parts.neuron
    return technology["programming.LRS.resistance"] * parts.cells / left if left > 0 else np.inf


def _break_even_pulse(
    technology: Technology, components: Components, mac: float, **event: float
) -> float:
    """Read pulse (s) below which an event costs less than a sum; 0 where its charge costs more."""
    parts = event_energy(technology, components, **event)
    none = event_energy(
        technology.with_values({"read.pulse_width": 0.0}), components, **event
    ).total
    per_second = (parts.total - none) / technology["read.pulse_width"]
    return max(mac - none, 0.0) / per_second
