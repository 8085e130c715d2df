"""From measured cells to a technology card that says how sure it is, one file a phenomenon.

`characterize` looks at what the data hold and fits it: levels (`levels`, `relaxing_levels`), two
states (`states`, `cycling`, `relaxing_states`, `retaining`, `disturbing`, `wearing`) and noise
(`fluctuating`). Cells are the independent units: every sigma comes from cells drawn again with
replacement, or from the likelihood of cells, and the correlation of what was fitted together goes
onto the card.
"""

from reliability.characterization.check import posterior_predictive
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
]
