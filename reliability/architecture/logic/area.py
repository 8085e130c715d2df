"""Area, time, energy and leakage of a core: all in parallel, or shared in time.

Three cores classify the same input within the same time. The parallel one has a cell for each
synapse and a neuron for each class. The shared analog one has the same cells, but a neuron for as
many classes as it can serve one after the other, each time with the whole input again, which it
has to keep. The shared digital one has its weights in SRAM and as many multipliers as the time
asks for.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from reliability.architecture.logic.digital import energy_factor, mac_energy, memory_read_energy
from reliability.architecture.logic.energy import event_energy
from reliability.architecture.logic.streams import leakage
from reliability.architecture.result import cross_checks, finish, first_crossing, scalar
from reliability.errors import InputError
from reliability.technology import Technology
from reliability.technology.components import Components
from reliability.technology.nodes import Node, load_node

CORES = ("parallel", "shared analog", "shared digital")
_CLASSES = tuple(int(n) for n in np.unique(np.logspace(0, 5, 31).round()))
_FEW = 10  # classes at which the energy is a headline
_INPUT_BITS = 8
_LRS_SHARE = 0.2  # of the cells that an event meets, in the network of the chip: 1.6 of 8
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
    """What a core has to do: inputs, classes, seconds for an inference, cells of a weight."""

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
    scale = _logic_scale(components, node) / _logic_scale(components, load_node("130nm"))
    capacitor = components["neuron.capacitance"] / components["analog.capacitor_density"]
    return float(capacitor + components["analog.circuits"] * scale ** components["analog.scaling"])


def digital_neuron_area(components: Components, node: Node) -> float:
    """Area (m^2) of a digital neuron of its own: an adder, a threshold and its state."""
    area = 2 * components["logic_area.add_32_bits"] + 32 * components["logic_area.register_bit"]
    return area * _logic_scale(components, node)


def parallel(technology: Technology, components: Components, node: Node, task: Task) -> Core:
    """Return a core with a cell for each synapse and a neuron for each class.

    >>> import reliability as rel
    >>> from reliability.architecture import load_components
    >>> card, components = rel.load_technology("oxram-130nm"), load_components("area")
    >>> core = parallel(card, components, load_node("130nm"), Task(144, 10, 1e-3, 8, 300.0))
    >>> 0.05 < core.area * 1e6 < 0.3 and core.latency < 1e-3  # mm^2
    True
    """
    return _analog(technology, components, node, task, share=1)


def shared_analog(technology: Technology, components: Components, node: Node, task: Task) -> Core:
    """Return a core whose neurons serve as many classes each as the deadline allows."""
    once = _event_time(technology, components, task)
    share = max(1, min(task.classes, math.floor(task.deadline / once + 1e-9)))
    return _analog(technology, components, node, task, share=share)


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
        + (control + units * unit) * _logic_scale(components, node),
        latency=math.ceil(synapses / units) * cycle,
        energy=synapses * mac,
        leakage=_leakage(components, node, task, gates, bits),
    )


def area(
    technology: Technology,
    components: Components,
    *,
    nodes: Sequence[str] = ("130nm", "90nm", "65nm", "45nm", "32nm", "20nm", "14nm", "10nm", "7nm"),
    classes: Sequence[int] = _CLASSES,
    inputs: int = 144,
    cells: int = 8,
    deadline: float = 1e-3,
    temperature: float = 298.15,
    seed: int = 0,
) -> xr.Dataset:
    """Area, latency, energy and leakage of three cores over nodes and numbers of classes.

    Parameters
    ----------
    technology : Technology
        Cells with LRS and HRS.
    components : Components
        "area".
    nodes : sequence of str
        CMOS nodes.
    classes : sequence of int
        Rising.
    inputs : int
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
        deadline), ``leakage`` (W), each (core, node, classes); ``area_border`` (node): number of
        classes up to which the parallel core is the smallest (0: never, inf: at all sizes);
        ``energy_ratio`` (node, classes): energy of the parallel core over the least of the others;
        and the checks. Area and energy of a core that misses the deadline are infinite.
    """
    if not technology.has_states:
        raise InputError(f"area: {technology.name} has no LRS and HRS")
    make = (parallel, shared_analog, shared_digital)
    chosen = [load_node(name) for name in nodes]
    tasks = [Task(inputs, n, deadline, cells, temperature) for n in classes]
    found = [[[m(technology, components, node, t) for t in tasks] for node in chosen] for m in make]

    def of(name: str) -> np.ndarray:
        return np.array([[[getattr(core, name) for core in row] for row in one] for one in found])

    areas, leaks = of("area"), of("leakage")
    energies = of("energy") + leaks * deadline
    sizes = np.asarray(classes, dtype=float)
    border = [first_crossing(sizes, of_node[0], of_node[1:].min(axis=0))
              for of_node in areas.transpose(1, 0, 2)]  # fmt: skip
    few = int(np.abs(sizes - _FEW).argmin())
    ratio = energies[0] / energies[1:].min(axis=0)
    three = ("core", "node", "classes")
    ends = ((0, chosen[0]), (len(chosen) - 1, chosen[-1]))
    data = xr.Dataset(
        {
            **{
                f"area_border_{node.name}": scalar(
                    border[k], "1", "classes up to which the parallel core is the smallest at "
                    f"{node.feature * 1e9:.0f} nm")
                for k, node in ends
            },
            **{
                f"energy_ratio_{node.name}": scalar(
                    ratio[k, few], "1", "energy of the parallel core over the least of the others "
                    f"at {node.feature * 1e9:.0f} nm and {sizes[few]:.0f} classes")
                for k, node in ends
            },
            "area": (three, areas, {"units": "m^2"}),
            "latency": (three, of("latency"), {"units": "s"}),
            "energy": (three, energies, {"units": "J"}),
            "leakage": (three, leaks, {"units": "W"}),
            "area_border": ("node", border, {"units": "1"}),
            "energy_ratio": (("node", "classes"), ratio, {"units": "1"}),
        },
        {"core": list(CORES), "node": [node.name for node in chosen], "classes": sizes},
    )  # fmt: skip
    headline = [str(name) for name, v in data.data_vars.items() if not v.dims]
    return finish(data, technology, components, seed, headline=headline, checks=_checks(components))


def _analog(
    technology: Technology, components: Components, node: Node, task: Task, share: int
) -> Core:
    """A core of cells whose neurons serve ``share`` classes each."""
    old = load_node("130nm")
    scale = _logic_scale(components, node)
    analog_scale = (scale / _logic_scale(components, old)) ** components["analog.scaling"]
    neurons = math.ceil(task.classes / share)
    size = task.inputs * task.classes * task.cells * cell_area(components, node)
    size /= components["cell.efficiency"]
    size += neurons * neuron_area(components, node)
    size += task.inputs * components["analog.row_driver"] * analog_scale
    size += components["gates.event"] * components["logic_area.gate"] * scale
    bits = 0.0
    if share > 1:  # the input is kept and given again, the columns are switched
        bits = task.inputs * _INPUT_BITS
        size += bits * _bit_area(components, node)
        size += task.classes * components["analog.column_switch"] * analog_scale
    supply = components["supply.voltage"] * node.supply / old.supply
    lrs = _LRS_SHARE * task.cells
    event = event_energy(
        technology, components, lrs_cells=lrs, hrs_cells=task.cells - lrs, supply=supply
    ).total
    events = components["events.activity"] * task.inputs
    logic = (
        components["logic.additions"]
        * components["operation.add_32_bits"]
        * energy_factor(components, node)
    )
    if share > 1:
        logic += memory_read_energy(components, node, _INPUT_BITS, bits)
    bias = (
        components["injector.bias"]
        + components["neuron.comparators"] * components["neuron.comparator_bias"]
    )
    idle = components["idle.reference"] + components["idle.bias_share"] * neurons * bias * supply
    latency = share * _event_time(technology, components, task)
    late = latency > task.deadline * (1 + 1e-9)
    return Core(
        area=np.inf if late else size,
        latency=latency,
        energy=np.inf if late else events * (task.classes * event + share * logic),
        leakage=idle + _leakage(components, node, task, components["gates.event"], bits),
    )


def _event_time(technology: Technology, components: Components, task: Task) -> float:
    """Time (s) of all events of an inference at one set of neurons."""
    pulse = technology["read.pulse_width"] * components["analog.period"]
    return components["events.activity"] * task.inputs * pulse


def _logic_scale(components: Components, node: Node) -> float:
    """Area of logic at a node, relative to 40 nm where it is published."""
    published = load_node("45nm").area * (40 / 45) ** 2
    return float((node.area / published) ** components["scaling.area_exponent"])


def _bit_area(components: Components, node: Node) -> float:
    return node.sram_cell / components["sram.efficiency"]


def _leakage(components: Components, node: Node, task: Task, gates: float, bits: float) -> float:
    widths = gates * components["leakage.gate_width"] + bits * components["leakage.bit_width"]
    return leakage(components, node, widths, task.temperature)


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
