"""What the chip around the array makes of it: energy, area and time, learning, memory hierarchy.

Each study is one function ``(technology, sheet, *, options, seed) -> Dataset``, deterministic in
its arguments. The card has the memory's parameters, the sheet (``data/architecture``) those of the
chip around it, both with source and uncertainty.
"""

from reliability.architecture.area import area
from reliability.architecture.energy import energy
from reliability.architecture.hierarchy import hierarchy
from reliability.architecture.incremental import incremental
from reliability.architecture.learning import learning
from reliability.architecture.nodes import list_nodes
from reliability.architecture.sheet import Sheet, list_sheets, load_sheet
from reliability.architecture.streams import streams
from reliability.architecture.tiers import tiers

__all__ = [
    "Sheet",
    "area",
    "energy",
    "hierarchy",
    "incremental",
    "learning",
    "list_nodes",
    "list_sheets",
    "load_sheet",
    "streams",
    "tiers",
]
