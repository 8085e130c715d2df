"""Where memory and logic lie: footprint, wire lengths and energy of planar and stacked layouts.

A chip is a square of tiles. A tile is an array of cells of area ``A_m`` (its selectors in silicon),
its logic of area ``A_l``, and n lines between the two, each with a via of pitch p where they lie on
different tiers. Its footprint is

    planar      A_m + A_l
    tsv         max(A_m, A_l) + n p^2      the via takes silicon of the die it goes through
    hybrid      max(A_m, A_l, n p^2)       pads lie above the transistors, but need their area
    monolithic  v (A_m + A_l + n p^2) / 2  selectors and logic shared by two tiers of transistors,
                                           which are never filled evenly (overhead v)

A line inside a tile is ``(sqrt(A_m) + sqrt(A_l)) / 2`` long in the plane, from the middle of the
array to the middle of its logic, and one third of the side of the footprint where they overlap (the
mean distance of two points along one axis). A wire between two tiles is two thirds of the side of
the chip (the mean Manhattan distance of two points in a square). A transition takes ``C V^2 / 2``.
"""

import math
from dataclasses import dataclass

from reliability.errors import unknown_name
from reliability.technology.components import Components

STRUCTURES = ("planar", "tsv", "hybrid", "monolithic")


@dataclass(frozen=True)
class Tile:
    """A tile in one structure.

    Attributes
    ----------
    footprint : float
        m^2.
    line : float
        Mean length of a line between the array and its logic, m, without its via.
    line_energy : float
        Of a transition of that line with its via, J.
    wire_energy : float
        Of a transition of a metre of wire, J/m.
    """

    footprint: float
    line: float
    line_energy: float
    wire_energy: float


def tile(components: Components, structure: str, lines: int, feature_size: float) -> Tile:
    """Lay out a tile of ``lines`` x ``lines`` cells.

    Parameters
    ----------
    components : Components
        ``"tiers"``.
    structure : {"planar", "tsv", "hybrid", "monolithic"}
    lines : int
        Word lines, and as many bit lines; each needs a connection to the logic.
    feature_size : float
        m.

    Examples
    --------
    >>> from reliability.architecture import load_components
    >>> components = load_components("tiers")
    >>> plane, stacked = (tile(components, s, 256, 130e-9) for s in ("planar", "monolithic"))
    >>> round(stacked.footprint / plane.footprint, 2)
    0.55
    """
    if structure not in STRUCTURES:
        raise unknown_name("structure", structure, STRUCTURES)
    array = (
        lines**2 * components["tile.cell_area"] * feature_size**2 / components["tile.efficiency"]
    )
    logic = array * components["tile.logic_share"]
    per_metre = components["wire.capacitance"]
    half_square = 0.5 * components["wire.voltage"] ** 2
    if structure == "planar":
        footprint, length, via = array + logic, 0.5 * (math.sqrt(array) + math.sqrt(logic)), 0.0
    else:
        vias = 2 * lines * components[f"{structure}.pitch"] ** 2
        footprint = {
            "tsv": max(array, logic) + vias,
            "hybrid": max(array, logic, vias),
            "monolithic": components["monolithic.overhead"] * (array + logic + vias) / 2,
        }[structure]
        length, via = math.sqrt(footprint) / 3, components[f"{structure}.capacitance"]
    return Tile(
        footprint,
        length,
        half_square * (per_metre * length + via),
        half_square * per_metre,
    )


def smallest_tile(components: Components, structure: str, feature_size: float) -> float:
    """Return from how many lines on a square tile takes less area than in the plane.

    Vias take ``2 n p^2`` and stacking saves a part of the ``n^2`` cells, so

        tsv         n = 2 p^2 / min(a, b)
        hybrid      n = 2 p^2 / (a + b)
        monolithic  n = v 2 p^2 / ((2 - v) (a + b))

    with the areas a of a cell in its array and b of the logic for one cell, as whole lines, at
    least one. 0 for ``"planar"``.

    Examples
    --------
    >>> from reliability.architecture import load_components
    >>> round(smallest_tile(load_components("tiers"), "tsv", 130e-9))
    555
    """
    cell = components["tile.cell_area"] * feature_size**2 / components["tile.efficiency"]
    logic = cell * components["tile.logic_share"]
    if structure == "planar":
        return 0.0
    vias = 2 * components[f"{structure}.pitch"] ** 2
    if structure == "tsv":
        lines = vias / min(cell, logic)
    elif structure == "hybrid":
        lines = vias / (cell + logic)
    else:
        over = components["monolithic.overhead"]
        lines = over * vias / ((2 - over) * (cell + logic)) if over < 2 else math.inf
    return math.ceil(max(lines, 1.0)) if lines < math.inf else lines


def wire_length(area: float) -> float:
    """Mean length, m, of a wire between two places of a square chip of an area, m^2.

    >>> round(wire_length(9e-6) * 1e3, 6)  # mm
    2.0
    """
    return 2 / 3 * math.sqrt(area)
