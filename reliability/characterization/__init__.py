"""From measured cells to a technology card that says how sure it is, one file a phenomenon.

`characterize` looks at what the data hold and fits it: levels (`target`, `level_relaxation`), two
states (`programming`, `cycles`, `relaxation`, `retention`, `read_disturb`, `endurance`) and noise
(`noise`). Cells are the independent units: every sigma comes from cells drawn again with
replacement, or from the likelihood of cells, and the correlation of what was fitted together goes
onto the card. `posterior_predictive` compares the card with the cells, `misfit` says how far off it
is, `simulated_cells` puts a simulated read beside each measured one.
"""

from typing import TYPE_CHECKING

from reliability.first_use import first_use

if TYPE_CHECKING:
    from reliability.characterization.check import posterior_predictive, simulated_cells
    from reliability.characterization.estimates import Fit
    from reliability.characterization.measured_card import card_of, characterize, fit_phenomena
    from reliability.characterization.read_table import Reads, reads_of

__all__ = [
    "Fit",
    "Reads",
    "card_of",
    "characterize",
    "fit_phenomena",
    "posterior_predictive",
    "reads_of",
    "simulated_cells",
]

__getattr__, __dir__ = first_use(__name__)
