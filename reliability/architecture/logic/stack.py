"""Heat in one dimension: layers on a base that is cooled, power in some of them.

All heat leaves through the base; the top is adiabatic. A layer of thickness t and conductivity k
gets the power per area ``q_i`` from above and makes ``p_i`` of its own, evenly over its thickness:

    rise across the layer      = (q_i + p_i / 2) t / k
    rise from its base to its middle = (q_i + 3 p_i / 4) t / (2 k)

Valid for a chip that is much wider than thick and for power that is even over it: heat that spreads
sideways from a hot block, and the constriction into a wider spreader, are not in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from reliability.errors import InputError


@dataclass(frozen=True)
class Layer:
    """A layer of a stack.

    Attributes
    ----------
    name : str
    thickness : float
        m.
    conductivity : float
        W/(m K), across the layer.
    fraction : float
        Of the power of the stack that is dissipated in it.
    """

    name: str
    thickness: float
    conductivity: float
    fraction: float = 0.0


def resistance_to(layers: Sequence[Layer], name: str) -> float:
    """Return the rise of the middle of a layer over the base, per power density of the stack.

    Parameters
    ----------
    layers : sequence of Layer
        From the cooled base upwards; their fractions sum to one.
    name : str
        Of the layer.

    Returns
    -------
    float
        m^2 K/W.

    Examples
    --------
    All power at the top of 150 um of silicon:

    >>> die = [Layer("silicon", 150e-6, 130.0), Layer("transistors", 1e-9, 130.0, fraction=1.0)]
    >>> round(resistance_to(die, "transistors") * 1e6, 3)  # mm^2 K/W
    1.154
    """
    if name not in [layer.name for layer in layers]:
        raise InputError(f"stack: got layer {name!r}, allowed {[layer.name for layer in layers]}")
    if abs(sum(layer.fraction for layer in layers) - 1.0) > 1e-9:
        raise InputError(f"stack: got fractions of power {[layer.fraction for layer in layers]}, "
                         "expected a sum of one")  # fmt: skip
    rise, above = 0.0, 1.0
    for layer in layers:
        above -= layer.fraction
        crossing = layer.thickness / layer.conductivity
        if layer.name == name:
            return rise + (above + 0.75 * layer.fraction) * crossing / 2
        rise += (above + layer.fraction / 2) * crossing
    raise AssertionError  # the name is one of them
