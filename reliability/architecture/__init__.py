"""What the chip around the array makes of it: energy, area and time, learning, memory hierarchy.

Each study is one function ``(technology, components, *, options, seed) -> Dataset``, deterministic
in
its arguments. The card has the memory's parameters, the components (``data/architecture``) those
of the
chip around it, both with source and uncertainty.
"""

from reliability.architecture.learning.incremental import incremental
from reliability.architecture.learning.learning import learning
from reliability.architecture.logic.area import area
from reliability.architecture.logic.energy import energy
from reliability.architecture.logic.mapping_cost import map_network
from reliability.architecture.logic.streams import streams
from reliability.architecture.memory.hierarchy import hierarchy
from reliability.architecture.memory.tiers import tiers
from reliability.technology.components import Components, list_components, load_components
from reliability.technology.nodes import list_nodes

__all__ = [
    "Components",
    "area",
    "energy",
    "hierarchy",
    "incremental",
    "learning",
    "list_components",
    "list_nodes",
    "load_components",
    "map_network",
    "streams",
    "tiers",
]
