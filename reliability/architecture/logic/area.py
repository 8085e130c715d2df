"""Area, time, energy and leakage of a core: in parallel, or multiplexed in time.

Three cores classify the same input within the same time. The parallel one has a cell for each
synapse and a neuron for each class. The shared analog one has the same cells, but a neuron for as
many classes as it can serve one after the other, each time with the whole input again, which it
has to keep. The shared digital one has its weights in SRAM and as many multipliers as the time
asks for.
"""

import math
from dataclasses import dataclass

import numpy as np
import xarray as xr

from reliability.architecture.logic.digital import (
    add_energy,
    leakage,
    mac_energy,
    memory_read_energy,
)
from reliability.architecture.logic.energy import analog_supply, event_energy, idle_power
from reliability.architecture.result import add_answers, cross_checks, crossing, finish
from reliability.errors import InputError
from reliability.technology import Technology
from reliability.technology.components import Components
from reliability.technology.nodes import Node, load_node

CORES = ("parallel", "shared analog", "shared digital")
_INPUT_BITS = 8
_LRS_FRACTION = 0.2  # of the cells that an event meets, in the network of the chip: 1.6 of 8
_REGISTER_BITS = 48  # input, weight and sum of a multiplier


@dataclass(frozen=True)
class Core:
    """What a core takes.

    Attributes
    ----------
    area : float
        m^2.
    latency : float
        Of an inference, s.
    energy : float
        Of an inference, without leakage, J.
    leakage : float
        Power while it waits, W.
    """

    area: float
    latency: float
    energy: float
    leakage: float


@dataclass(frozen=True)
class Task:
    """What a core has to do.

    Inputs, classes, seconds for an inference, cells of a weight, and temperature (K).
    """

    inputs: int
    classes: int
    deadline: float
    cells: int
    temperature: float


def cell_area(components: Components, node: Node) -> float:
    """Area (m^2) of a 1T1R cell: squares of the feature size, but no smaller than the smallest."""
    return max(components["cell.area"] * node.feature**2, components["cell.smallest"])


def neuron_area(components: Components, node: Node) -> float:
    """Area (m^2) of an analog neuron: its capacitor, which stays, and circuits that shrink little.

    ``C / density + A_130 (logic scaling)^exponent``.
    """
    scale = logic_scale(components, node) / logic_scale(components, load_node("130nm"))
    capacitor = components["neuron.capacitance"] / components["analog.capacitor_density"]
    return float(capacitor + components["analog.circuits"] * scale ** components["analog.scaling"])


def digital_neuron_area(components: Components, node: Node) -> float:
    """Area (m^2) of a digital neuron of its own: an adder, a threshold and its state."""
    area = 2 * components["logic_area.add_32_bits"] + 32 * components["logic_area.register_bit"]
    return area * logic_scale(components, node)


def parallel(technology: Technology, components: Components, node: Node, task: Task) -> Core:
    """Return a core with a cell for each synapse and a neuron for each class.

    >>> import reliability as rel
    >>> from reliability.architecture import load_components
    >>> card, components = rel.load_technology("oxram-130nm"), load_components("area")
    >>> core = parallel(card, components, load_node("130nm"), Task(144, 10, 1e-3, 8, 300.0))
    >>> 0.05 < core.area * 1e6 < 0.3 and core.latency < 1e-3  # mm^2
    True
    """
    return _analog(technology, components, node, task, per_neuron=1)


def shared_analog(technology: Technology, components: Components, node: Node, task: Task) -> Core:
    """Return a core whose neurons serve as many classes each as the deadline allows."""
    once = _event_time(technology, components, task)
    per_neuron = max(1, min(task.classes, math.floor(task.deadline / once + 1e-9)))
    return _analog(technology, components, node, task, per_neuron=per_neuron)


def shared_digital(technology: Technology, components: Components, node: Node, task: Task) -> Core:
    """Return a core with weights in SRAM and as many multipliers as the deadline asks for."""
    cycle = components["clock.period"] * node.delay() / load_node("45nm").delay()
    synapses = task.inputs * task.classes
    units = max(1, math.ceil(synapses * cycle / task.deadline - 1e-9))
    weight_bits = components["operation.weight_bits"]
    bits = synapses * weight_bits + (task.inputs + 4 * task.classes) * _INPUT_BITS
    unit = (
        components["logic_area.multiply_8_bits"] * weight_bits / 8
        + components["logic_area.add_32_bits"]
        + _REGISTER_BITS * components["logic_area.register_bit"]
    )
    control = components["gates.clocked"] * components["logic_area.gate"]
    gates = components["gates.clocked"] + units * unit / components["logic_area.gate"]
    mac = components["clocked.overhead"] * mac_energy(components, node, synapses)
    return Core(
        area=bits * _bit_area(components, node)
        + (control + units * unit) * logic_scale(components, node),
        latency=math.ceil(synapses / units) * cycle,
        energy=synapses * mac,
        leakage=_leakage(components, node, task, gates, bits),
    )


def area(
    technology: Technology,
    components: Components,
    *,
    node: str = "130nm",
    classes: int = 10,
    inputs: int = 144,
    cells: int = 8,
    deadline: float = 1e-3,
    temperature: float = 298.15,
    seed: int = 0,
) -> xr.Dataset:
    """Area, latency, energy and leakage of three cores at a node and a number of classes.

    Parameters
    ----------
    technology : Technology
        Cells with LRS and HRS.
    components : Components
        "area".
    node : str
        CMOS node.
    classes, inputs : int
        Of the network.
    cells : int
        Of a weight.
    deadline : float
        s for an inference; one follows the other.
    temperature : float
        K, of the leakage.
    seed : int
        No effect.

    Returns
    -------
    Dataset
        ``area`` (m^2), ``latency`` (s), ``energy`` (J, of an inference with its leakage until the
        deadline), ``leakage`` (W), each (core); ``area_ratio`` and ``energy_ratio`` of the
        parallel core to the least of the others; and the checks. Area and energy of a core that
        misses the deadline are infinite.
    """
    if not technology.has_states:
        raise InputError(f"area: {technology.name} has no LRS and HRS")
    place, task = load_node(node), Task(inputs, classes, deadline, cells, temperature)
    found = [make(technology, components, place, task)
             for make in (parallel, shared_analog, shared_digital)]  # fmt: skip
    areas, energies = (np.array([getattr(core, name) for core in found])
                       for name in ("area", "energy"))  # fmt: skip
    leaks = np.array([core.leakage for core in found])
    energies = energies + leaks * deadline
    answers = {
        "parallel_area": (areas[0], "m^2", "area of the parallel core"),
        "area_ratio": (areas[0] / areas[1:].min(), "1",
                       "area of the parallel core relative to the smaller of the others"),
        "parallel_energy": (energies[0], "J", "energy of an inference of the parallel core"),
        "energy_ratio": (energies[0] / energies[1:].min(), "1",
                         "energy of the parallel core relative to the least of the others"),
    }  # fmt: skip
    data = xr.Dataset(
        {
            "area": ("core", areas, {"units": "m^2"}),
            "latency": ("core", [core.latency for core in found], {"units": "s"}),
            "energy": ("core", energies, {"units": "J"}),
            "leakage": ("core", leaks, {"units": "W"}),
        },
        {"core": list(CORES)},
    )
    return finish(data, technology, components, seed, answers=answers, checks=_checks(components))


def area_border(data: xr.Dataset) -> xr.Dataset:
    """Add the number of classes up to which the parallel core is the smallest.

    Parameters
    ----------
    data : Dataset
        Of `area` along ``classes``, rising; without that dimension it stays as it is.
    """
    if "classes" not in data.dims:
        return data
    border = crossing(data["area_ratio"], "classes")
    border = border.copy(data=np.floor(border))  # whole classes
    return add_answers(data, area_border=(
        border, "1", "classes up to which the parallel core is the smallest"))  # fmt: skip


def _analog(
    technology: Technology, components: Components, node: Node, task: Task, per_neuron: int
) -> Core:
    """A core of cells whose neurons serve ``per_neuron`` classes each."""
    old = load_node("130nm")
    scale = logic_scale(components, node)
    analog_scale = (scale / logic_scale(components, old)) ** components["analog.scaling"]
    neurons = math.ceil(task.classes / per_neuron)
    size = task.inputs * task.classes * task.cells * cell_area(components, node)
    size /= components["cell.efficiency"]
    size += neurons * neuron_area(components, node)
    size += task.inputs * components["analog.row_driver"] * analog_scale
    size += components["gates.event"] * components["logic_area.gate"] * scale
    bits = 0.0
    if per_neuron > 1:  # the input is kept and given again, the columns are switched
        bits = task.inputs * _INPUT_BITS
        size += bits * _bit_area(components, node)
        size += task.classes * components["analog.column_switch"] * analog_scale
    supply = analog_supply(components, node)
    lrs = _LRS_FRACTION * task.cells
    event = event_energy(
        technology, components, lrs_cells=lrs, hrs_cells=task.cells - lrs, supply=supply
    ).total
    events = components["events.activity"] * task.inputs
    logic = components["logic.additions"] * add_energy(components, node)
    if per_neuron > 1:
        logic += memory_read_energy(components, node, _INPUT_BITS, bits)
    idle = idle_power(components, neurons, supply)
    latency = per_neuron * _event_time(technology, components, task)
    late = latency > task.deadline * (1 + 1e-9)
    return Core(
        area=np.inf if late else size,
        latency=latency,
        energy=np.inf if late else events * (task.classes * event + per_neuron * logic),
        leakage=idle + _leakage(components, node, task, components["gates.event"], bits),
    )


def _event_time(technology: Technology, components: Components, task: Task) -> float:
    """Time (s) of all events of an inference at one set of neurons."""
    pulse = technology["read.pulse_width"] * components["analog.period"]
    return components["events.activity"] * task.inputs * pulse


def logic_scale(components: Components, node: Node) -> float:
    """Area of logic at a node, relative to 40 nm where it is published."""
    published = load_node("45nm").area * (40 / 45) ** 2
    return float((node.area / published) ** components["scaling.area_exponent"])


def _bit_area(components: Components, node: Node) -> float:
    return node.sram_cell / components["sram.efficiency"]


def _leakage(components: Components, node: Node, task: Task, gates: float, bits: float) -> float:
    return leakage(components, node, task.temperature, gates=gates, bits=bits)


def _checks(components: Components) -> xr.Dataset:
    """Areas at 28 and 65 nm that were published."""
    bits = 8192 * components["odin.synapse_word"] + 256 * components["odin.neuron_word"]
    bit = 160 * 28e-9**2 / components["sram.efficiency"]
    logic = components["gates.clocked"] * components["logic_area.gate"] * (28 / 40) ** 2
    node = load_node("65nm")
    return cross_checks(
        components,
        {
            "published.odin_area": ("ODIN, core (SRAM and logic)", bits * bit + logic),
            "published.odin_synapse": ("ODIN, synapse of 4 bits", 4 * bit),
            "published.leti_cell": ("28 nm FDSOI, 1T1R cell", components["cell.area"] * 28e-9**2),
            "published.neuron_area_ratio": (
                "65 nm, digital over analog neuron",
                digital_neuron_area(components, node) / neuron_area(components, node),
            ),
        },
    )
