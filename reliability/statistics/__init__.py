"""Proportions, means, variance components, correlation and importance sampling."""

from reliability.statistics.correlation import (
    autocorrelation,
    cycle_memory,
    effective_sample_size,
    integrated_time,
)
from reliability.statistics.crossed import CrossedMean, crossed_mean
from reliability.statistics.importance import importance_sampling
from reliability.statistics.intervals import (
    Interval,
    binomial_bound,
    clopper_pearson,
    mean_interval,
    wilson,
)
from reliability.statistics.variance import radial_trend, variance_components

__all__ = [
    "CrossedMean",
    "Interval",
    "autocorrelation",
    "binomial_bound",
    "clopper_pearson",
    "crossed_mean",
    "cycle_memory",
    "effective_sample_size",
    "importance_sampling",
    "integrated_time",
    "mean_interval",
    "radial_trend",
    "variance_components",
    "wilson",
]
