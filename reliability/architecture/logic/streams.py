"""Average power on a stream of events: clocked or event-driven, always on or off in between.

Events come at random (Poisson) at a mean rate. A clocked core computes at every tick, whatever has
come; an event-driven one at every event, and may switch itself off in between, because resistive
cells keep the weights. A core with SRAM has to keep it supplied or to load it again.
"""

import math

import numpy as np
import xarray as xr

from reliability.architecture.logic.digital import add_energy, leakage, mac_energy
from reliability.architecture.logic.digital import memory_read_energy as read_energy
from reliability.architecture.logic.energy import (
    analog_supply,
    bias_power,
    event_energy,
    idle_power,
    mean_lrs_cells,
)
from reliability.architecture.result import (
    add_answers,
    cross_checks,
    crossing,
    finish,
    one_layer,
)
from reliability.network import Network
from reliability.technology import Technology
from reliability.technology.components import Components
from reliability.technology.nodes import Node, load_node

KINDS = (
    "clocked, all sums",
    "clocked, zeros skipped",
    "digital events, SRAM kept",
    "digital events, SRAM reloaded",
    "analog events, always on",
    "analog events, off in between",
)


def with_power_off(
    rate: float,
    floor: float,
    on: float,
    wake_energy: float,
    on_time: float,
    event: float,
) -> float:
    """Average power (W) of a core that switches itself off after each event.

    Events are Poisson, so the core sleeps for a fraction ``exp(-r t_on)`` of the time and wakes up
    ``r exp(-r t_on)`` times a second:
    ``P = P_floor + P_on (1 - exp(-r t_on)) + r exp(-r t_on) E_wake + r E_event``.
    Waiting for another event before switching off never helps: with exponential gaps the best
    wait is none or for ever.

    Parameters
    ----------
    rate : float
        Input events per second.
    floor, on : float
        Power while off, and on top of it while on, W.
    wake_energy : float
        J.
    on_time : float
        From a wake-up until off again, s.
    event : float
        Energy of an input event at all outputs, J.

    Examples
    --------
    >>> none, one = (with_power_off(r, 1e-8, 1e-6, 1e-9, 1e-5, 1e-10) for r in (0.0, 1.0))
    >>> none == 1e-8 < one
    True
    """
    asleep = math.exp(-rate * on_time)
    return floor + on * (1 - asleep) + rate * asleep * wake_energy + rate * event


def digital_event_energy(
    components: Components,
    node: Node,
    weight: tuple[float, float],
    state: tuple[float, float],
    supply: float | None = None,
) -> float:
    """Energy (J) of one event at one digital neuron: weight read, state read, added to, written.

    Parameters
    ----------
    components : Components
    node : Node
    weight, state : (float, float)
        Bits that are read at once, and bits of the whole memory.
    supply : float, optional
        V, instead of the node's.
    """
    reads = read_energy(components, node, *weight, supply)
    reads += 2 * read_energy(components, node, *state, supply)
    return components["clocked.overhead"] * (add_energy(components, node, supply) + reads)


def streams(
    technology: Technology,
    components: Components,
    *,
    network: str = "spirit",
    node: str = "130nm",
    temperature: float = 298.15,
    tick: float = 1000.0,
    rate: float = 100.0,
    seed: int = 0,
) -> xr.Dataset:
    """Average power of six ways to run a network of one layer on a stream of events.

    Parameters
    ----------
    technology : Technology
        Cells with LRS and HRS.
    components : Components
        "streams".
    network : str
        Of one layer.
    node : str
        CMOS node.
    temperature : float
        K, of the leakage.
    tick : float
        Rate at which a clocked core computes, Hz: an event waits for up to one over it.
    rate : float
        Input events per second, of all inputs together.
    seed : int
        No effect.

    Returns
    -------
    Dataset
        ``power`` (kind), W; that of the best clocked core and of analog events, switched off where
        that helps; and the checks.

    Examples
    --------
    >>> import reliability as rel
    >>> from reliability.architecture import load_components
    >>> card, components = rel.load_technology("oxram-130nm"), load_components("streams")
    >>> rare = streams(card, components, rate=1.0)
    >>> bool(rare["analog_power"] < rare["clocked_power"])
    True
    """
    net = one_layer(network, technology)
    place = load_node(node)
    pulse = technology["read.pulse_width"]
    digital = _digital_power(components, net, place, temperature, tick, rate, pulse)
    analog, event = _analog_power(technology, components, net, place, temperature, rate)
    power = np.array([*digital, *analog])
    answers = {
        "analog_power": (min(analog), "W",
                         "power of analog events, switched off in between where that helps"),
        "clocked_power": (power[:2].min(), "W", "power of the better clocked core"),
        "always_on_power": (analog[0], "W", "power of analog events, always on"),
        "event_energy": (event, "J", "energy of an input event at all outputs"),
    }  # fmt: skip
    data = xr.Dataset({"power": ("kind", power, {"units": "W"})}, {"kind": list(KINDS)})
    models = {
        "odin_operation": ("ODIN, synaptic operation", _odin(components)),
        "odin_inference": ("ODIN, inference of 10 neurons (at most)", 2560 * _odin(components)),
    }
    checks = cross_checks(components, {f"published.{key}": model for key, model in models.items()})
    return finish(data, technology, components, seed, answers=answers, checks=checks)


def stream_crossings(data: xr.Dataset) -> xr.Dataset:
    """Add the event rates below which analog events, and switching them off, take less power.

    Parameters
    ----------
    data : Dataset
        Of `streams` along ``rate``, rising; without that dimension it stays as it is.
    """
    if "rate" not in data.dims:
        return data
    power = data["power"]
    always, off = (power.sel(kind=KINDS[k]) for k in (4, 5))
    against = crossing(data["analog_power"] / data["clocked_power"], "rate")
    name = "event rate below which {} takes less power than {}"
    return add_answers(
        data,
        rate_against_clocked=(against, "Hz", name.format("analog events", "any clocked core")),
        rate_of_power_off=(crossing(off / always, "rate"), "Hz",
                           name.format("switching off in between", "staying on")),
    )  # fmt: skip


def _digital_power(
    components: Components, net: Network, node: Node, temperature: float, tick: float,
    rate: float, pulse: float,
) -> list[float]:  # fmt: skip
    """Power (W) of the four ways without resistive cells."""
    add = add_energy(components, node)
    mac = components["clocked.overhead"] * mac_energy(components, node, net.weights.size)
    weight_bits, state_bits = components["operation.weight_bits"], components["clocked.state_bits"]
    of_output = digital_event_energy(
        components, node, (weight_bits, weight_bits * net.weights.size),
        (state_bits, state_bits * net.outputs),
    )  # fmt: skip
    event = net.outputs * of_output + components["logic.additions"] * add
    bits = net.weights.size * weight_bits + net.outputs * state_bits
    gates = components["gates.clocked"]
    clocked, logic, kept = (
        leakage(components, node, temperature, gates=g, bits=b)
        for g, b in ((gates, bits), (gates, 0.0), (0.0, bits))
    )
    timed = clocked + components["idle.timer"]
    reload = bits * components["off.reload_bit"]
    return [
        timed + tick * net.weights.size * mac,
        timed + tick * net.inputs * components["clocked.scan"] * add + rate * net.outputs * mac,
        components["off.detector"] + logic + kept + rate * event,
        _with_wake_up(components, node, rate, clocked, reload, event, pulse),
    ]


def _analog_power(
    technology: Technology, components: Components, net: Network, node: Node, temperature: float,
    rate: float,
) -> tuple[list[float], float]:  # fmt: skip
    """Power (W) of analog events, always on and off in between, and energy of an event (J)."""
    supply, lrs = analog_supply(components, node), mean_lrs_cells(net)
    one = event_energy(technology, components, lrs_cells=lrs, hrs_cells=2 * net.weight_max - lrs,
                       supply=supply)  # fmt: skip
    event = net.outputs * one.total + components["logic.additions"] * add_energy(components, node)
    on = idle_power(components, net.outputs, supply)
    on += leakage(components, node, temperature, gates=components["gates.event"])
    settling = bias_power(components, net.outputs, supply) * components["off.settling"]
    pulse = technology["read.pulse_width"]
    off = _with_wake_up(components, node, rate, on, settling, event, pulse)
    return [on + rate * event, off], event


def _with_wake_up(
    components: Components, node: Node, rate: float, on: float, wake: float, event: float,
    pulse: float,
) -> float:  # fmt: skip
    """Power (W) of a core that is off in between, whose wake-up takes ``wake`` and its supply."""
    floor = components["off.detector"] + components["off.switch_share"] * on
    charge = components["off.capacitance"] * analog_supply(components, node) ** 2
    return with_power_off(rate, floor, on, charge + wake, components["off.settling"] + pulse, event)


def _odin(components: Components) -> float:
    """A synaptic operation of that chip, at 32 nm, the nearest node, and its own 0.55 V."""
    synapse, neuron = components["odin.synapse_word"], components["odin.neuron_word"]
    node = load_node("32nm")
    return digital_event_energy(
        components, node, (synapse, 8192 * synapse), (neuron, 256 * neuron), supply=0.55
    )
