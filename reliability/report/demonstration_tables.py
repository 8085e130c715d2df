"""Tests that would demonstrate an answer: sample sizes, and equivalent bake times."""

from collections.abc import Iterator

from reliability.campaign.spec import Study
from reliability.lifetime.acceleration import arrhenius
from reliability.lifetime.demonstration import sample_size
from reliability.report.page import Table
from reliability.report.points import cards_of
from reliability.report.words import percent
from reliability.units import duration, engineering

_CONFIDENCE = 0.9  # one-sided, of qualification tests
_OVENS = (358.15, 398.15, 423.15)  # K: 85, 125 and 150 degC
_LONG = 3.6e6  # s: a mission of 1000 h is tested as it is
_FRACTIONS = (0.1, 0.05, 0.01, 0.001)


def plan_tables(study: Study) -> Iterator[Table]:
    """Yield the sample size of a demonstration test, and the bake time equivalent to the mission.

    The first, where there is a limit to demonstrate, is the exact binomial sample size without (and
    with one) failure; the second, for missions longer than a bake, the time that the activation
    energy of each state's retention makes equal to the end of the mission.
    """
    if study.options("limits").accuracy is not None:
        yield _sample_sizes(study.options("limits").chips_below)
    if study.stress.end["time"] >= _LONG:
        yield from _bake_times(study)


def _sample_sizes(given: float | None) -> Table:
    fractions = sorted({*_FRACTIONS, *((given,) if given else ())}, reverse=True)
    rows = [
        [f"{100 * fraction:g} %", f"{sample_size(fraction, confidence=_CONFIDENCE)}",
         f"{sample_size(fraction, failures=1, confidence=_CONFIDENCE)}"]
        for fraction in fractions
    ]  # fmt: skip
    return Table(
        "sample-sizes", "Sample size of a demonstration test",
        f"Chips to test to demonstrate at {percent(_CONFIDENCE, 0)} confidence that at most this "
        "fraction of the lot is below the limit. A simulation replaces none of them.",
        ["fraction below", "chips, no failure", "chips, one failure"], rows,
    )  # fmt: skip


def _bake_times(study: Study) -> Iterator[Table]:
    end, cards = study.stress.end, cards_of(study)
    ovens = [oven for oven in _OVENS if oven > end["temperature"]]
    rows = []
    for card, (technology, _) in cards.items():
        for name, parameter in technology.parameters.items():
            if not (name.startswith("retention.") and name.endswith(".activation_energy")
                    and parameter.value > 0):  # fmt: skip
                continue
            times = [end["time"] / float(arrhenius(end["temperature"], oven, parameter.value))
                     for oven in ovens]  # fmt: skip
            rows.append([card, name.split(".")[1], f"{parameter.value:.3g} eV",
                         parameter.confidence, *(engineering(t, "s") for t in times)])  # fmt: skip
    if not rows:
        return
    one = len(cards) == 1
    yield Table(
        "ovens", "Equivalent bake time",
        f"Bake time equivalent to {duration(end['time'])} at "
        f"{engineering(end['temperature'], 'K')} by the Arrhenius law with the card's activation "
        "energy of each state; it is as uncertain as that energy.",
        ["technology", "state", "activation energy", "confidence",
         *(f"at {engineering(oven, 'K')}" for oven in ovens)][one:],
        [row[one:] for row in rows],
    )  # fmt: skip
