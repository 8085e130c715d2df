"""From cells to a product: error-correcting codes, failing macros, redundancy, maintenance."""

from reliability.product.error_correction import (
    Code,
    bch,
    block_failure,
    failure_of_weak_cells,
    failure_over_reads,
    secded,
    spared_failure,
    uncorrectable_probability,
)
from reliability.product.macro import Macro, macro_failures

__all__ = [
    "Code",
    "Macro",
    "bch",
    "block_failure",
    "failure_of_weak_cells",
    "failure_over_reads",
    "macro_failures",
    "secded",
    "spared_failure",
    "uncorrectable_probability",
]
