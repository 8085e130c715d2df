"""What a study did: its method, its population, and which phenomena act in it."""

from collections.abc import Iterator, Sequence

import numpy as np

from reliability.campaign.spec import Study
from reliability.campaign.study_cells import cells_text
from reliability.report.outputs import chapters_of
from reliability.report.page import Section, Table
from reliability.report.points import Finished, cards_of, points_text
from reliability.report.words import fraction_text, in_words, merged, percent, typeset
from reliability.technology import Technology
from reliability.technology.vocabulary import CONDITIONS
from reliability.units import engineering

# Sections of a card that are phenomena of a cell, in the order in which a cell meets them.
_PHENOMENA = {
    "programming": "Programming", "relaxation": "Relaxation", "retention": "Retention",
    "drift": "Drift", "read_disturb": "Read disturb", "endurance": "Endurance",
    "wear": "Wear", "noise": "Noise", "conduction": "Conduction", "defects": "Defects",
}  # fmt: skip
_LEVELS = {"sigma_lot": "lot-to-lot", "sigma_wafer": "wafer-to-wafer", "sigma_die": "die-to-die",
           "sigma_cell": "device-to-device", "sigma_cycle": "cycle-to-cycle",
           "radial": "centre to edge of the wafer", "stuck_lrs": "fraction of cells stuck in LRS",
           "stuck_hrs": "fraction of cells stuck in HRS",
           "unformed": "fraction of cells not formed",
           "unformed_resistance": "resistance of a cell that is not formed"}  # fmt: skip
_NAMED = {False: [], True: ["technology"]}  # first columns where several cards are swept
# Names of people in the models of a card.
_PEOPLE = {"arrhenius": "Arrhenius", "weibull": "Weibull"}


def method_section(finished: Finished) -> Section:
    """Say in sentences what was computed, and where the intervals come from."""
    study, chapters = finished.study, chapters_of(finished.study)
    text = method_lines(study)
    if study.observation:
        text.append(f"The card was first conditioned on {_counted(study)} of the study.")
    if study.cells is not None:
        cards = (point.load_technology() for point in study.at_points())
        text += dict.fromkeys(line for card in cards for line in cells_text(card))
    if study.sweep:
        text.append(
            f"This was done at {points_text(study, len(finished.answers()))}, with the same random "
            "numbers at all of them."
        )
    if study.uncertainty:
        sampled = ", ".join(filter(None, (chapter.sampled(study) for chapter in chapters)))
        what = "cards were sampled from the uncertainty of the card's parameters"
        if study.cells is not None:
            what = "bootstrap samples of the measured cells were drawn"
        text.append(f"{study.uncertainty.draws} {what}{sampled and ', '}{sampled}.")
    elif study.cells is not None:
        text.append("The intervals do not include that the measured cells are a finite sample.")
    else:
        text.append("The intervals do not include the uncertainty of the card's parameters.")
    intervals = [line for chapter in chapters for line in chapter.intervals(study)]
    level = f"Intervals have {percent(study.confidence, 0)} confidence."
    return Section("method", "Method", [*text, " ".join([level, *intervals])])


def _counted(study: Study) -> str:
    count = len(study.observation)
    return "one observation" if count == 1 else f"{count} observations"


def method_lines(study: Study) -> list[str]:
    """Say what was computed, at all points of a sweep."""
    points = study.at_points()
    return [
        line
        for chapter in chapters_of(study)
        for line in merged(line for point in points for line in chapter.method(point))
    ]


def population_section(finished: Finished) -> Section:
    """Describe the chips or wafers, and the variability of their cells."""
    study = finished.study
    chapters, cards = chapters_of(study), cards_of(study)
    figures = [figure for chapter in chapters for figure in chapter.cells(finished)]
    text = [line for chapter in chapters for line in chapter.population(study)]
    rows = [[*([name] * (len(cards) > 1)), *row] for name, (technology, _) in cards.items()
            for row in _variability(technology)]  # fmt: skip
    table = Table(
        "spread", "Variability of the cells",
        "Standard deviations of resistances are relative (of ln R, or of G where the distribution "
        "is normal in G).",
        [*_NAMED[len(cards) > 1], "component", "state", "value", "confidence"], rows,
    )  # fmt: skip
    return Section("population", "Population", text, tuple(figures), (table,) if rows else ())


def _variability(technology: Technology) -> Iterator[list[str]]:
    """Yield the components of variability on a card: what, of which state, value, confidence."""
    for name, p in technology.parameters.items():
        last = name.rpartition(".")[2]
        defect = name.startswith("defects.")
        if defect or (name.startswith("programming.") and "verify" not in name and last in _LEVELS):
            state = name.split(".")[1] if name.count(".") == 2 else "all cells"
            fraction = defect and p.unit in ("", "1")
            value = fraction_text(p.value) if fraction else engineering(p.value, p.unit)
            yield [_LEVELS.get(last, in_words(last)), state, value, p.confidence]


def phenomena_section(finished: Finished) -> Section:
    """Say of each phenomenon which model it follows, whether it acts here, and its valid range."""
    study = finished.study
    figures = [figure for chapter in chapters_of(study) for figure in chapter.stress(finished)]
    cards = cards_of(study)
    rows = [[*([name] * (len(cards) > 1)), *row] for name, (technology, points) in cards.items()
            for row in _phenomena(technology, points)]  # fmt: skip
    table = Table(
        "phenomena-table", "Phenomena of the cells",
        "A phenomenon that does not act in this study is not in its numbers.",
        [*_NAMED[len(cards) > 1], "phenomenon", "model", "in this study", "valid range",
         "parameters"], rows,
    )  # fmt: skip
    tables = (table,) if study.cells is None else ()  # measured cells hold what acted on them
    return Section("phenomena", "Phenomena", (), tuple(figures), tables)


def _phenomena(technology: Technology, points: Sequence[Study]) -> Iterator[list[str]]:
    """Yield the phenomena of a card, and how they act at the points that use it."""
    for key, title in _PHENOMENA.items():
        own = [p for name, p in technology.parameters.items() if name.split(".")[0] == key]
        if not own:
            continue
        models = {
            model for section, model in technology.models.items() if section.split(".")[0] == key
        }
        valid = [
            f"{in_words(name.partition('.')[2])} {_range(name, *ends)}"
            for name, ends in technology.valid.items()
            if name.split(".")[0] == key
        ]
        kinds = [p.confidence for p in own]
        count = ", ".join(f"{k} {kinds.count(k)}" for k in dict.fromkeys(sorted(kinds)))
        model = " ".join(_PEOPLE.get(w, w) for w in in_words("; ".join(sorted(models))).split())
        yield [title, model, typeset(acts(key, points)), "; ".join(valid), count]


def acts(phenomenon: str, points: Sequence[Study]) -> str:
    """Say under which conditions a phenomenon acts in any output of a study, or that it does not.

    >>> acts("endurance", Study(title="t", technology="oxram-130nm").at_points())
    'does not act: cells are programmed once'
    """
    chapters = chapters_of(points[0])
    said = [text for c in chapters for point in points if (text := c.acts(phenomenon, point))]
    acting = [text for text in said if not text.startswith("does not act")]
    return "; ".join(merged(acting)) or next(iter(said), "does not act")


def _range(name: str, low: float, high: float) -> str:
    unit = CONDITIONS.get(name.rpartition(".")[2], "1")
    low_text, high_text = (engineering(end, unit) if np.isfinite(end) else "any"
                           for end in (low, high))  # fmt: skip
    return f"{low_text} to {high_text}"
