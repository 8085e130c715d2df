"""The wanted limits, and what a test of real chips would take to show what a study says."""

from collections.abc import Iterator
from typing import Any

from reliability.campaign.spec import Study
from reliability.lifetime.acceleration import arrhenius
from reliability.lifetime.demonstration import sample_size
from reliability.report.cover import limits_table
from reliability.report.page import Section, Table
from reliability.report.words import percent
from reliability.technology import Technology
from reliability.units import duration, engineering

_CONFIDENCE = 0.9  # one-sided, of qualification tests
_OVENS = (358.15, 398.15, 423.15)  # K: 85, 125 and 150 degC
_SHARES = (0.1, 0.05, 0.01, 0.001)


def qualification_section(study: Study, technology: Technology, summary: dict[str, Any]) -> Section:
    """Return every limit at every point and age, and the plans of tests."""
    limits = limits_table(study, summary)
    text = () if limits.rows else (
        "The study states no limit, so there is no verdict. A limit can be stated afterwards, and "
        "nothing is computed again: reliability report FOLDER --limit accuracy=82%.",
    )  # fmt: skip
    tables = [limits] if limits.rows else []
    return Section("qualification", "Qualification", text,
                   tables=[*tables, *_plan_tables(study, technology)])  # fmt: skip


def _plan_tables(study: Study, technology: Technology) -> Iterator[Table]:
    """Yield how many chips show a share below a limit, and how long an oven stands for the mission.

    The first is the exact binomial sample size without (and with one) failure; the second the time
    that the activation energy of each state's retention makes equal to the end of the mission.
    """
    if "accuracy" not in study.outputs:
        return
    given = study.limits.chips_below
    shares = sorted({*_SHARES, *((given,) if given else ())}, reverse=True)
    rows = [
        [f"{100 * share:g} %", f"{sample_size(share, confidence=_CONFIDENCE)}",
         f"{sample_size(share, failures=1, confidence=_CONFIDENCE)}"]
        for share in shares
    ]  # fmt: skip
    yield Table(
        "sample-sizes", "Chips that a test takes",
        f"Real chips that show, at {percent(_CONFIDENCE, 0)} confidence, that at most such a share "
        "of the lot is below a limit. A simulation replaces none of them.",
        ["share below", "chips, none below", "chips, one below"], rows,
    )  # fmt: skip
    end = study.stress.end
    states = {
        name.split(".")[1]: technology[name]
        for name in technology
        if name.startswith("retention.") and name.endswith(".activation_energy")
        and technology[name] > 0
    }  # fmt: skip
    if not states or end["time"] == 0:
        return
    ovens = [oven for oven in _OVENS if oven > end["temperature"]]
    rows = []
    for state, energy in states.items():
        parameter = technology.parameters[f"retention.{state}.activation_energy"]
        times = [end["time"] / float(arrhenius(end["temperature"], oven, energy))
                 for oven in ovens]  # fmt: skip
        rows.append([state, f"{energy:.3g} eV", parameter.confidence, *map(duration, times)])
    yield Table(
        "ovens", "Oven time that stands for the mission",
        f"{duration(end['time'])} at {engineering(end['temperature'], 'K')}, by the Arrhenius law "
        "with the activation energy that the card has for each state; no better than that energy.",
        ["state", "activation energy", "confidence",
         *(f"at {engineering(oven, 'K')}" for oven in ovens)],
        rows,
    )  # fmt: skip
