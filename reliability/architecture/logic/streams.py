"""Average power on a stream of events: clocked or event-driven, always on or off in between.

Events come at random (Poisson) at a mean rate. A clocked core computes at every tick, whatever has
come; an event-driven one at every event, and may switch itself off in between, because resistive
cells keep the weights. A core with SRAM has to keep it supplied or to load it again.
"""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.architecture.logic.digital import energy_factor, mac_energy
from reliability.architecture.logic.digital import memory_read_energy as read_energy
from reliability.architecture.logic.energy import event_energy, mean_lrs_cells
from reliability.architecture.result import cross_checks, finish, first_crossing, scalar
from reliability.errors import InputError
from reliability.network import Network, load_network
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


def leakage(components: Components, node: Node, widths: float, temperature: float) -> float:
    """Leakage power (W) of transistors of so many feature sizes of width in all.

    ``I_off F w V_dd a^((T - 300 K) / 100 K)``; valid from 300 to 400 K, and somewhat below.
    """
    hot = components["leakage.per_100_kelvin"] ** ((temperature - 300.0) / 100.0)
    return components["leakage.current_per_width"] * node.feature * widths * node.supply * hot


def with_power_off(
    rate: NDArray[np.float64],
    floor: float,
    on: float,
    wake_energy: float,
    on_time: float,
    event: float,
) -> NDArray[np.float64]:
    """Average power (W) of a core that switches itself off after each event.

    Events are Poisson, so the core sleeps for a share ``exp(-r t_on)`` of the time and wakes up
    ``r exp(-r t_on)`` times a second:
    ``P = P_floor + P_on (1 - exp(-r t_on)) + r exp(-r t_on) E_wake + r E_event``.
    Waiting for another event before switching off never helps: with exponential gaps the best
    wait is none or for ever.

    Parameters
    ----------
    rate : ndarray
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
    >>> power = with_power_off(np.array([0.0, 1.0]), 1e-8, 1e-6, 1e-9, 1e-5, 1e-10)
    >>> bool(power[0] == 1e-8 and power[1] > power[0])
    True
    """
    asleep = np.exp(-rate * on_time)
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
    add = components["operation.add_32_bits"] * energy_factor(components, node, supply)
    reads = read_energy(components, node, *weight, supply) + 2 * read_energy(
        components, node, *state, supply
    )
    return components["clocked.overhead"] * (add + reads)


def streams(
    technology: Technology,
    components: Components,
    *,
    network: str = "spirit",
    node: str = "130nm",
    temperature: float = 298.15,
    tick: float = 1000.0,
    rates: Sequence[float] = tuple(np.logspace(-2, 7, 37)),
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
    rates : sequence of float
        Input events per second, of all inputs together.
    seed : int
        No effect.

    Returns
    -------
    Dataset
        ``power`` (kind, rate), W; ``crossing`` (kind), Hz: rate below which analog events, switched
        off where that helps, take less power; and headline numbers.
    """
    net = load_network(network)
    if not isinstance(net, Network) or not technology.has_states:
        raise InputError(f"streams: got {network} on {technology.name}, expected a network of one "
                         "layer on cells with LRS and HRS")  # fmt: skip
    place, rate = load_node(node), np.asarray(rates, dtype=float)
    add = components["operation.add_32_bits"] * energy_factor(components, place)
    supply = components["supply.voltage"] * place.supply / load_node("130nm").supply
    lrs = mean_lrs_cells(net)
    event = event_energy(technology, components, lrs_cells=lrs, hrs_cells=2 * net.weight_max - lrs,
                         supply=supply)  # fmt: skip
    at_outputs = net.outputs * event.total + components["logic.additions"] * add
    mac = components["clocked.overhead"] * mac_energy(components, place, net.weights.size)
    weight_bits, state_bits = components["operation.weight_bits"], components["clocked.state_bits"]
    digital = net.outputs * digital_event_energy(
        components, place, (weight_bits, weight_bits * net.weights.size),
        (state_bits, state_bits * net.outputs),
    ) + components["logic.additions"] * add  # fmt: skip

    def leak(gates: float, bits: float = 0.0) -> float:
        widths = gates * components["leakage.gate_width"] + bits * components["leakage.bit_width"]
        return leakage(components, place, widths, temperature)

    bits = net.weights.size * weight_bits + net.outputs * state_bits
    clocked, kept = leak(components["gates.clocked"], bits), leak(0.0, bits)
    bias = (
        components["injector.bias"]
        + components["neuron.comparators"] * components["neuron.comparator_bias"]
    )
    analog = (
        components["idle.reference"] + components["idle.bias_share"] * net.outputs * bias * supply
    )
    analog += leak(components["gates.event"])
    pulse = technology["read.pulse_width"]

    def off(on: float, analog_on: float, reload: float, event_all: float) -> NDArray[np.float64]:
        floor = components["off.detector"] + components["off.switch_share"] * on
        wake = (
            components["off.capacitance"] * supply**2
            + analog_on * components["off.settling"]
            + reload
        )
        time = components["off.settling"] + pulse
        return with_power_off(rate, floor, on, wake, time, event_all)

    full_bias = components["idle.reference"] + net.outputs * bias * supply
    scan = net.inputs * components["clocked.scan"] * add
    timed = clocked + components["idle.timer"]
    power = np.array(
        [
            timed + tick * net.weights.size * mac + 0 * rate,
            timed + tick * scan + rate * net.outputs * mac,
            components["off.detector"] + leak(components["gates.clocked"]) + kept + rate * digital,
            off(clocked, 0.0, bits * components["off.reload_bit"], digital),
            analog + rate * at_outputs,
            off(analog, full_bias, 0.0, at_outputs),
        ]
    )
    best = np.minimum(power[4], power[5])
    crossings = [first_crossing(rate, best, other) for other in power[:4]]
    clock = power[:2].min(axis=0)
    data = xr.Dataset(
        {
            "rate_against_clocked": scalar(
                first_crossing(rate, best, clock), "Hz",
                "event rate below which analog events take less power than any clocked core"),
            "rate_of_power_off": scalar(
                first_crossing(rate, power[5], power[4]), "Hz",
                "event rate below which switching off in between pays"),
            "idle_power": scalar(power[4][0], "W", "power without events, always on"),
            "off_power": scalar(power[5][0], "W", "power without events, switched off"),
            "clocked_power": scalar(clock[0], "W", "power without events, clocked"),
            "event_energy": scalar(at_outputs, "J", "energy of an input event at all outputs"),
            "power": (("kind", "rate"), power, {"units": "W"}),
            "crossing": ("other", crossings, {"units": "Hz"}),
        },
        {"kind": list(KINDS), "rate": ("rate", rate, {"units": "Hz"}), "other": list(KINDS[:4])},
    )  # fmt: skip
    checks = cross_checks(
        components,
        {
            "published.odin_operation": ("ODIN, synaptic operation", _odin(components)),
            "published.odin_inference": (
                "ODIN, inference of 10 neurons (at most)",
                2560 * _odin(components),
            ),
        },
    )
    headline = [str(name) for name, v in data.data_vars.items() if not v.dims]
    return finish(data, technology, components, seed, headline=headline, checks=checks)


def _odin(components: Components) -> float:
    """A synaptic operation of that chip, at 32 nm, the nearest node, and its own 0.55 V."""
    synapse, neuron = components["odin.synapse_word"], components["odin.neuron_word"]
    node = load_node("32nm")
    return digital_event_energy(
        components, node, (synapse, 8192 * synapse), (neuron, 256 * neuron), supply=0.55
    )
