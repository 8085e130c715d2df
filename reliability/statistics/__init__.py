"""Proportions, means, variance components and correlation; thin over statsmodels and scipy."""

from typing import TYPE_CHECKING

from reliability.first_use import first_use

if TYPE_CHECKING:
    from reliability.statistics.control import Capability, capability, ewma_chart, xbar_s_chart
    from reliability.statistics.correlation import autocorrelation, integrated_time
    from reliability.statistics.crossed import CrossedMean, crossed_mean
    from reliability.statistics.gauge import GaugeStudy, gauge_study
    from reliability.statistics.means import mean_interval
    from reliability.statistics.outliers import outlier_dies
    from reliability.statistics.proportions import (
        Interval,
        binomial_bound,
        clopper_pearson,
        clustered_proportion,
        wilson,
    )
    from reliability.statistics.tolerance import (
        tolerance_factor,
        tolerance_interval,
        tolerance_size,
    )
    from reliability.statistics.variance import radial_trend, variance_components

__all__ = [
    "Capability",
    "CrossedMean",
    "GaugeStudy",
    "Interval",
    "autocorrelation",
    "binomial_bound",
    "capability",
    "clopper_pearson",
    "clustered_proportion",
    "crossed_mean",
    "ewma_chart",
    "gauge_study",
    "integrated_time",
    "mean_interval",
    "outlier_dies",
    "radial_trend",
    "tolerance_factor",
    "tolerance_interval",
    "tolerance_size",
    "variance_components",
    "wilson",
    "xbar_s_chart",
]

__getattr__, __dir__ = first_use(__name__)
