"""Digital arithmetic and memory at a node: energy, delay and area of a multiply-accumulate.

Operation energies are published at one node each and scaled by `reliability.technology.nodes`.
How far the scaling may be off grows with its distance: a factor f of it is taken to the power of
``scaling.*_exponent``, which is drawn around one.
"""

from reliability.technology.components import Components
from reliability.technology.nodes import Node, load_node


def energy_factor(components: Components, node: Node, supply: float | None = None) -> float:
    """Energy of an operation at a node, relative to 45 nm at 0.9 V where it is published.

    At the node's nominal supply, or another one (V).

    >>> from reliability.technology.components import load_components
    >>> components = load_components("energy")
    >>> round(energy_factor(components, load_node("130nm")), 1)
    7.4
    """
    factor = node.energy(supply) / load_node("45nm").energy(0.9)
    return float(factor ** components["scaling.energy_exponent"])


def add_energy(components: Components, node: Node, supply: float | None = None) -> float:
    """Energy (J) of an addition of 32 bits, at the node's supply or another one (V)."""
    return components["operation.add_32_bits"] * energy_factor(components, node, supply)


def leakage(
    components: Components, node: Node, temperature: float, *, gates: float, bits: float = 0.0
) -> float:
    """Leakage power (W) of gates and of bits of SRAM, by the width of their transistors.

    ``I_off F w V_dd a^((T - 300 K) / 100 K)`` with the width w in feature sizes F; valid from 300
    to 400 K, and somewhat below.
    """
    widths = gates * components["leakage.gate_width"] + bits * components["leakage.bit_width"]
    hot = components["leakage.per_100_kelvin"] ** ((temperature - 300.0) / 100.0)
    return components["leakage.current_per_width"] * node.feature * widths * node.supply * hot


def memory_read_energy(
    components: Components, node: Node, bits: float, capacity: float, supply: float | None = None
) -> float:
    """Energy (J) of reading some bits of an SRAM.

    ``bits / 64 E_8kB (capacity / 8 kB)^exponent``: bit and word lines grow with the sides of the
    array. Published for 8 kB; valid from about 0.5 kB to 1 MB.

    Parameters
    ----------
    components : Components
    node : Node
    bits : float
        That are used of what is read.
    capacity : float
        Of the memory, bits.
    supply : float, optional
        V, instead of the node's.
    """
    size = (capacity / 65536) ** components["memory.capacity_exponent"]
    return (
        bits
        / 64
        * components["memory.read_64_bits"]
        * size
        * energy_factor(components, node, supply)
    )


def arithmetic_energy(components: Components, node: Node, weight_bits: float) -> float:
    """Energy (J) of multiplying 8 bits by a weight and adding to 32 bits, with no memory.

    A multiplier has as many full adders as the product of its widths, so its energy is taken in
    proportion to them.
    """
    multiply = components["operation.multiply_8_bits"] * weight_bits / 8
    return energy_factor(components, node) * (multiply + components["operation.add_32_bits"])


def mac_energy(components: Components, node: Node, weights: float) -> float:
    """Energy (J) of one multiply-accumulate of a digital network, its weight read from SRAM.

    The input is read once for all outputs and costs nothing beside it.

    Parameters
    ----------
    components : Components
    node : Node
    weights : float
        Of the network, which make the memory large.

    Examples
    --------
    >>> from reliability.technology.components import load_components
    >>> components = load_components("energy")
    >>> old, new = (mac_energy(components, load_node(n), 1440) for n in ("130nm", "7nm"))
    >>> bool(old > 50 * new)
    True
    """
    bits = components["operation.weight_bits"]
    read = memory_read_energy(components, node, bits, weights * bits)
    return arithmetic_energy(components, node, bits) + read


def memory_for_mac_energy(components: Components, node: Node, energy: float) -> float:
    """Capacity (bits) of the weight memory at which a multiply-accumulate costs ``energy`` (J).

    Zero where the arithmetic alone costs more.
    """
    bits = components["operation.weight_bits"]
    left = energy - arithmetic_energy(components, node, bits)
    if left <= 0:
        return 0.0
    at_8_kb = memory_read_energy(components, node, bits, 65536)
    return float(65536 * (left / at_8_kb) ** (1 / components["memory.capacity_exponent"]))
