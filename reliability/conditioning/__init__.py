"""Conditioning of cards on observations: likelihoods, posterior, diagnostics."""

from reliability.conditioning.conditioned_card import (
    Conditioned,
    ObservationCheck,
    condition,
    posterior,
    predictive,
)

__all__ = ["Conditioned", "ObservationCheck", "condition", "posterior", "predictive"]
