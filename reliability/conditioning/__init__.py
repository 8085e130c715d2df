"""Conditioning of cards on observations: likelihoods, posterior, diagnostics."""

from typing import TYPE_CHECKING

from reliability.first_use import first_use

if TYPE_CHECKING:
    from reliability.conditioning.conditioned_card import (
        Conditioned,
        ObservationCheck,
        condition,
        posterior,
        predictive,
    )

__all__ = ["Conditioned", "ObservationCheck", "condition", "posterior", "predictive"]

__getattr__, __dir__ = first_use(__name__)
