"""Populations of cells: sampled, programmed, cycled, aged and read; the programming window."""

from typing import TYPE_CHECKING

from reliability.first_use import first_use

if TYPE_CHECKING:
    from reliability.population.ageing import age
    from reliability.population.cycling import endurance, sample_cycles
    from reliability.population.reading import read_cells
    from reliability.population.sampling import sample_dies, sample_population
    from reliability.population.wafer import die_sites, radial_positions
    from reliability.population.window import best_reference, programming_window, sampled_error_rate

__all__ = [
    "age",
    "best_reference",
    "die_sites",
    "endurance",
    "programming_window",
    "radial_positions",
    "read_cells",
    "sample_cycles",
    "sample_dies",
    "sample_population",
    "sampled_error_rate",
]

__getattr__, __dir__ = first_use(__name__)
