"""Lifetimes: censored fits, acceleration models, bounds, tails, claims and test plans."""

from reliability.lifetime.acceleration import Acceleration, acceleration
from reliability.lifetime.censored_fit import LifetimeFit, fit_lifetime
from reliability.lifetime.claims import Assessment, Claim, assess_claim, more_units
from reliability.lifetime.curves import life_against_temperature, probability_curves
from reliability.lifetime.degradation import (
    DegradationFit,
    crossing_intervals,
    fit_degradation,
    paths,
    pseudo_failures,
)
from reliability.lifetime.demonstration import (
    data_sheet_sentence,
    failure_rate_bound,
    plan_test,
    sample_size,
)
from reliability.lifetime.model_choice import (
    compare_lifetimes,
    goodness_of_fit,
    likelihood_ratio_test,
)
from reliability.lifetime.modes import ModesFit, fit_modes
from reliability.lifetime.nonparametric import kaplan_meier, plotting_positions, turnbull
from reliability.lifetime.tails import TailFit, fit_tail

__all__ = [
    "Acceleration",
    "Assessment",
    "Claim",
    "DegradationFit",
    "LifetimeFit",
    "ModesFit",
    "TailFit",
    "acceleration",
    "assess_claim",
    "compare_lifetimes",
    "crossing_intervals",
    "data_sheet_sentence",
    "failure_rate_bound",
    "fit_degradation",
    "fit_lifetime",
    "fit_modes",
    "fit_tail",
    "goodness_of_fit",
    "kaplan_meier",
    "life_against_temperature",
    "likelihood_ratio_test",
    "more_units",
    "paths",
    "plan_test",
    "plotting_positions",
    "probability_curves",
    "pseudo_failures",
    "sample_size",
    "turnbull",
]
