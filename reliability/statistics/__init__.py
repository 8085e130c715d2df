"""Statistics: distributions, censored fits, acceleration, variance components, tails,
intervals and qualification plans; knows no devices."""

from reliability.statistics.acceleration import Acceleration, acceleration
from reliability.statistics.claims import Assessment, Claim, assess_claim, more_units
from reliability.statistics.correlation import (
    autocorrelation,
    cycle_memory,
    effective_sample_size,
    integrated_time,
)
from reliability.statistics.crossed import CrossedMean, crossed_mean
from reliability.statistics.curves import life_against_temperature, probability_curves
from reliability.statistics.importance import importance_sampling
from reliability.statistics.intervals import (
    Interval,
    binomial_bound,
    clopper_pearson,
    mean_interval,
    wilson,
)
from reliability.statistics.lifetime import LifetimeFit, fit_lifetime
from reliability.statistics.model_choice import (
    compare_lifetimes,
    goodness_of_fit,
    likelihood_ratio_test,
)
from reliability.statistics.nonparametric import kaplan_meier, plotting_positions, turnbull
from reliability.statistics.qualification import (
    consumer_risk,
    data_sheet_sentence,
    failure_rate_bound,
    plan_test,
    qualify,
    sample_size,
    weibull_scale_bound,
)
from reliability.statistics.tails import error_rates, fit_tail, threshold_diagnostics
from reliability.statistics.variance import radial_trend, variance_components

__all__ = [
    "Acceleration",
    "Assessment",
    "Claim",
    "CrossedMean",
    "Interval",
    "LifetimeFit",
    "acceleration",
    "assess_claim",
    "autocorrelation",
    "binomial_bound",
    "clopper_pearson",
    "compare_lifetimes",
    "consumer_risk",
    "crossed_mean",
    "cycle_memory",
    "data_sheet_sentence",
    "effective_sample_size",
    "error_rates",
    "failure_rate_bound",
    "fit_lifetime",
    "fit_tail",
    "goodness_of_fit",
    "importance_sampling",
    "integrated_time",
    "kaplan_meier",
    "life_against_temperature",
    "likelihood_ratio_test",
    "mean_interval",
    "more_units",
    "plan_test",
    "plotting_positions",
    "probability_curves",
    "qualify",
    "radial_trend",
    "sample_size",
    "threshold_diagnostics",
    "turnbull",
    "variance_components",
    "weibull_scale_bound",
    "wilson",
]
