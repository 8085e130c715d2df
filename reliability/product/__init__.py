"""From cells to a product: error-correcting codes and spare parts."""

from reliability.product.error_correction import (
    Code,
    bch,
    block_failure,
    failure_over_reads,
    secded,
    spared_failure,
    uncorrectable_probability,
)

__all__ = [
    "Code",
    "bch",
    "block_failure",
    "failure_over_reads",
    "secded",
    "spared_failure",
    "uncorrectable_probability",
]
