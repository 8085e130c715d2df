"""Kinds of output of a study, one module each; nothing else in the package asks which kind it is.

A new kind is a module here that makes a `reliability.campaign.kind.Kind`, a module of the same name
in `reliability.report.outputs` that makes its chapter, and a line in each of the two tables.
"""

from reliability.campaign.frame import StudyFrame
from reliability.campaign.kind import Group, Kind
from reliability.campaign.outputs import (
    accuracy,
    architecture,
    attribution,
    crossbar,
    cycled_retention,
    endurance,
    product,
    programming_window,
)

OUTPUTS: dict[str, Kind] = {
    "accuracy": accuracy.KIND,
    "attribution": attribution.KIND,
    "endurance": endurance.KIND,
    "retention": cycled_retention.KIND,
    "crossbar": crossbar.KIND,
    "window": programming_window.KIND,
    "product": product.KIND,
    "architecture": architecture.KIND,
}


def kinds_of(study: StudyFrame) -> list[Kind]:
    """Return the kinds of output that a study asks for, in the order of `OUTPUTS`."""
    return [kind for name, kind in OUTPUTS.items() if name in study.outputs]


def groups() -> dict[str, Group]:
    """Return the groups of the store that all kinds fill."""
    return {name: group for kind in OUTPUTS.values() for name, group in kind.groups.items()}
