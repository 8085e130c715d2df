"""What a study calls the metric of its chips, and whether it is a fraction."""

from reliability.campaign.frame import StudyFrame
from reliability.errors import InputError
from reliability.network.metrics import FRACTIONS

NAMES = {
    "accuracy": "accuracy",
    "top5": "top-5 accuracy",
    "agreement": "agreement",
    "f1": "F1 score",
    "mse": "mean squared error",
}


def metric_name(study: StudyFrame) -> str:
    """Return the metric of a study in words; of a user's function its name."""
    return name_of(study.network.metric)


def name_of(metric: str) -> str:
    """Return a metric in words.

    >>> name_of("mse"), name_of("my_metrics:worst_case@1a2b3c4d5e6f")
    ('mean squared error', 'worst_case')
    """
    return NAMES.get(metric, metric.partition("@")[0].rpartition(":")[2])


def is_fraction(study: StudyFrame) -> bool:
    """Whether the metric lies between 0 and 1, and 1 is best."""
    return study.network.metric in FRACTIONS


def expect_fraction(study: StudyFrame, key: str) -> None:
    """Refuse a key that acts on fractions where the metric is none."""
    if not is_fraction(study):
        raise InputError(
            f"{key}: needs a metric between 0 and 1 ({', '.join(FRACTIONS)}), got network.metric "
            f"{study.network.metric.partition('@')[0]!r}"
        )
