"""Chapters of a study's report, one module for each kind of output in `campaign.outputs`."""

from reliability.campaign.spec import Study
from reliability.report.chapter import Chapter
from reliability.report.outputs import (
    accuracy,
    architecture,
    attribution,
    crossbar,
    cycled_retention,
    endurance,
    product,
    programming_window,
)

CHAPTERS: dict[str, Chapter] = {
    "accuracy": accuracy.CHAPTER,
    "attribution": attribution.CHAPTER,
    "endurance": endurance.CHAPTER,
    "retention": cycled_retention.CHAPTER,
    "crossbar": crossbar.CHAPTER,
    "window": programming_window.CHAPTER,
    "product": product.CHAPTER,
    "architecture": architecture.CHAPTER,
}


def chapters_of(study: Study) -> list[Chapter]:
    """Return the chapters of a study's outputs, in the order of `CHAPTERS`."""
    return [chapter for name, chapter in CHAPTERS.items() if name in study.outputs]
