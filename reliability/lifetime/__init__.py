"""Lifetimes: censored fits, acceleration models, bounds, tails, claims and test plans."""

from typing import TYPE_CHECKING

from reliability.first_use import first_use
from reliability.lifetime.acceleration import Acceleration, acceleration

if TYPE_CHECKING:
    from reliability.lifetime.censored_fit import LifetimeFit, fit_lifetime
    from reliability.lifetime.claims import (
        Assessment,
        Claim,
        assess_claim,
        more_units,
        predict_next_lot,
    )
    from reliability.lifetime.covariates import (
        GroupComparison,
        compare_groups,
        fit_lifetime_regression,
    )
    from reliability.lifetime.curves import life_against_temperature, probability_curves
    from reliability.lifetime.degradation import crossing_intervals, paths, pseudo_failures
    from reliability.lifetime.degradation_fit import DegradationFit, fit_degradation
    from reliability.lifetime.demonstration import (
        data_sheet_sentence,
        failure_rate_bound,
        plan_test,
        sample_size,
    )
    from reliability.lifetime.future_units import Prediction, predict_failures, tolerance_bound
    from reliability.lifetime.model_choice import (
        compare_lifetimes,
        goodness_of_fit,
        likelihood_ratio_test,
    )
    from reliability.lifetime.modes import ModesFit, fit_modes
    from reliability.lifetime.nonparametric import kaplan_meier, plotting_positions, turnbull
    from reliability.lifetime.pass_fail import PassFailFit, fit_pass_fail
    from reliability.lifetime.planning import (
        Arm,
        PlanPower,
        compare_allocations,
        plan_demonstration,
        plan_power,
    )
    from reliability.lifetime.priors import LifetimePosterior, Prior, fit_with_priors
    from reliability.lifetime.step_stress import Schedule, failure_under, fit_step_stress
    from reliability.lifetime.tails import TailFit, fit_tail

__all__ = [
    "Acceleration",
    "Arm",
    "Assessment",
    "Claim",
    "DegradationFit",
    "GroupComparison",
    "LifetimeFit",
    "LifetimePosterior",
    "ModesFit",
    "PassFailFit",
    "PlanPower",
    "Prediction",
    "Prior",
    "Schedule",
    "TailFit",
    "acceleration",
    "assess_claim",
    "compare_allocations",
    "compare_groups",
    "compare_lifetimes",
    "crossing_intervals",
    "data_sheet_sentence",
    "failure_rate_bound",
    "failure_under",
    "fit_degradation",
    "fit_lifetime",
    "fit_lifetime_regression",
    "fit_modes",
    "fit_pass_fail",
    "fit_step_stress",
    "fit_tail",
    "fit_with_priors",
    "goodness_of_fit",
    "kaplan_meier",
    "life_against_temperature",
    "likelihood_ratio_test",
    "more_units",
    "paths",
    "plan_demonstration",
    "plan_power",
    "plan_test",
    "plotting_positions",
    "predict_failures",
    "predict_next_lot",
    "probability_curves",
    "pseudo_failures",
    "sample_size",
    "tolerance_bound",
    "turnbull",
]

__getattr__, __dir__ = first_use(__name__)
