"""What a study did: its method, its population, and which phenomena act in it."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from reliability.campaign.selection import FEWEST_WAFERS
from reliability.campaign.spec import Study
from reliability.campaign.tables import AttributionTable
from reliability.report.outputs.crossbar import size_criterion
from reliability.report.page import Figure, Section, Table
from reliability.report.points import axis_label
from reliability.report.words import in_words, of_age, percent, typeset
from reliability.technology import Technology
from reliability.technology.vocabulary import CONDITIONS
from reliability.units import duration, engineering

# Sections of a card that are phenomena of a cell, in the order in which a cell meets them.
_PHENOMENA = {
    "programming": "Programming", "relaxation": "Relaxation", "retention": "Retention",
    "drift": "Drift", "read_disturb": "Read disturb", "endurance": "Endurance",
    "noise": "Noise", "conduction": "Conduction", "defects": "Defects",
}  # fmt: skip

_DEFECTS = {"stuck_lrs": "share of cells stuck in LRS", "stuck_hrs": "share of cells stuck in HRS",
            "unformed": "share of cells never formed",
            "unformed_resistance": "resistance of a cell never formed"}  # fmt: skip
# What stands for a phenomenon in an attribution, where the network is at one age.
_AT_AGE: dict[str, Callable[[AttributionTable], str]] = {
    key: lambda a: f"with and without, {of_age({'time': a.time, 'temperature': a.temperature})}"
    for key in ("relaxation", "retention", "drift")
} | {
    "read_disturb": lambda a: (
        f"with and without, {a.reads:.3g} reads at {engineering(a.read_voltage, 'V')}"
        if a.reads else "does not act: no reads are counted"
    )
}  # fmt: skip
_CODINGS = {
    "rate": "rate-coded spikes",
    "weighted_sum": "weighted sums, non-spiking",
    "first_spike": "first-spike coding",
}
# Names of people in the laws of a card.
_PEOPLE = {"arrhenius": "Arrhenius", "weibull": "Weibull"}


def method_section(study: Study, summary: dict[str, Any]) -> Section:
    """Say in sentences what was computed, and where the intervals come from."""
    text = []
    if "accuracy" in study.outputs:
        n = study.network
        coding = _CODINGS[n.coding]
        text.append(
            f"The network {n.name} ({coding}) was put on the cells of {summary['chips']} simulated "
            f"chips ({n.mapping.replace('_', ' ')} cells). Each chip was aged along one path for "
            f"each cell and classified {n.images:,} test images at each of "
            f"{_ages(len(study.stress.combinations))}."
        )
    if "endurance" in study.outputs:
        e = study.endurance
        text.append(
            f"{e.wafers} wafers of {e.dies} dies of {e.cells:,} cells were cycled to failure, or "
            f"to {e.cycles:.3g} cycles, at {_list(e.temperatures, 'K')}."
        )
    if "crossbar" in study.outputs:
        text.append(
            f"Arrays were searched for the largest at which {size_criterion(study)}, with exact "
            "currents through lines and cells of Monte Carlo arrays."
        )
    if "attribution" in study.outputs:
        a = study.attribution
        text.append(
            f"The network {study.network.name} was put on the cells of {a.chips} simulated chips "
            "with every combination of the phenomena, on the same chips and "
            f"{a.images:,} images each time."
        )
    if study.architecture:
        text.append(
            f"The model of the study {study.architecture.study} was computed for the card and its "
            "components of parameters as they are."
        )
    if study.sweep:
        axes = " × ".join(axis_label(axis) for axis in study.sweep)
        text.append(
            f"This was done at {len(summary['points'])} points of {axes}, with the same random "
            "numbers at all of them."
        )
    u = study.uncertainty
    if u:
        drawn = f"{u.draws} cards were drawn from the uncertainty of the parameters"
        if "accuracy" in study.outputs:
            drawn += f", with {u.chips} chips of each"
        if study.architecture:
            drawn += ", each with a components drawn from its own"
        text.append(f"{drawn}.")
    else:
        text.append("The uncertainty of the card's parameters is not in the intervals.")
    text.append(" ".join([f"Intervals are at {percent(study.confidence, 0)}.", *_intervals(study)]))
    return Section("method", "Method", text)


def _ages(count: int) -> str:
    return "one age" if count == 1 else f"{count} ages"


def _intervals(study: Study) -> Iterator[str]:
    """Say what the interval of each output is made of."""
    u = study.uncertainty
    if "accuracy" in study.outputs:
        yield (
            "That of a mean accuracy adds in variance the finite number of chips and wafers "
            "(Student t), of test images (binomial)"
            + (", and the spread of the drawn cards (Student t on the logit scale)." if u else ".")
        )
        if -(-study.population.chips // study.population.dies_per_wafer) < FEWEST_WAFERS:
            yield (f"Fewer than {FEWEST_WAFERS} wafers do not tell how wafers differ: the number "
                   "of chips counts for these wafers, not for others.")  # fmt: skip
    if "attribution" in study.outputs:
        yield "That of a loss is of its mean over chips (Student t), for the card as it is."
    if "endurance" in study.outputs:
        yield "That of failed cells holds the spread of wafers; that of drawn cards is apart."
    if "crossbar" in study.outputs:
        yield ("That of a size holds the noise of the Monte Carlo arrays"
               + (" and the drawn cards." if u else "."))  # fmt: skip
    if study.architecture and u:
        yield "That of an architecture's number holds this share of the draws."


def population_section(
    study: Study, technology: Technology, figures: Iterator[Figure] | tuple[()]
) -> Section:
    """Describe the chips or wafers, and how cells differ."""
    text = []
    if "accuracy" in study.outputs:
        p = study.population
        wafers = -(-p.chips // p.dies_per_wafer)
        text.append(
            f"{p.chips} chips on {wafers} wafer{'s' if wafers > 1 else ''} of one lot, one on each "
            f"die, {p.dies_per_wafer} dies a wafer. The spread between lots is not in the chips."
        )
    kinds = {"sigma_lot": "lot", "sigma_wafer": "wafer", "sigma_die": "die", "sigma_cell": "cell",
             "sigma_cycle": "cycle", "radial": "centre to edge"}  # fmt: skip
    names = [k for k in technology.parameters
             if k.startswith(("programming.", "defects.")) and "verify" not in k]  # fmt: skip
    rows = []
    for name in names:
        p_, last = technology.parameters[name], name.rpartition(".")[2]
        if last in kinds or name.startswith("defects."):
            level = kinds.get(last, _DEFECTS.get(last, in_words(last)))
            what = f"from {level} to {level}" if last.startswith("sigma") else level
            state = name.split(".")[1] if name.count(".") == 2 else "all cells"
            rows.append([what, state, engineering(p_.value, p_.unit), p_.confidence])
    table = Table(
        "spread", "How cells differ",
        "Standard deviations of resistances are relative (of ln R, or of G where the law is normal "
        "in G).",
        ["what", "state", "value", "confidence"], rows,
    )  # fmt: skip
    return Section("population", "Population", text, tuple(figures), (table,) if rows else ())


def phenomena_section(
    study: Study, technology: Technology, figures: Iterator[Figure] | tuple[()]
) -> Section:
    """Say of each phenomenon which law it follows, whether it acts here, and where it is valid."""
    rows = []
    for key, title in _PHENOMENA.items():
        own = [p for name, p in technology.parameters.items() if name.split(".")[0] == key]
        if not own:
            continue
        laws = {law for section, law in technology.models.items() if section.split(".")[0] == key}
        valid = [
            f"{in_words(name.partition('.')[2])} {_range(name, *ends)}"
            for name, ends in technology.valid.items()
            if name.split(".")[0] == key
        ]
        kinds = [p.confidence for p in own]
        count = ", ".join(f"{k} {kinds.count(k)}" for k in dict.fromkeys(sorted(kinds)))
        law = " ".join(_PEOPLE.get(w, w) for w in in_words("; ".join(sorted(laws))).split())
        rows.append([title, law, typeset(_acts(key, study)),
                     "; ".join(valid), count])  # fmt: skip
    table = Table(
        "phenomena-table", "What acts on the cells",
        "What does not act in this study is not in its numbers.",
        ["phenomenon", "law", "in this study", "valid range", "parameters"], rows,
    )  # fmt: skip
    return Section("phenomena", "Phenomena", (), tuple(figures), (table,))


def acts_on_network(section: str, study: Study) -> bool:
    """Tell whether the parameters of a section of the card can move the accuracy of a study."""
    if section in ("wafer", "energy", "cycles", "endurance"):
        return False
    return not _acts(section, study).startswith("does not act")


def _acts(key: str, study: Study) -> str:
    """Say under which conditions a phenomenon acts, or that it does not."""
    stress, swept = study.stress, {axis.name for axis in study.sweep}
    network = "accuracy" in study.outputs
    if "attribution" in study.outputs and not network and key in _AT_AGE:
        return _AT_AGE[key](study.attribution)
    if key == "endurance":
        e = study.endurance
        if "endurance" not in study.outputs:
            return "does not act: cells are programmed once"
        return f"to {e.cycles:.3g} cycles at {_list(e.temperatures, 'K')}"
    if key == "programming":
        verify = study.programming.verify
        return f"verify, up to {verify.attempts} pulses" if verify else "as the card has it"
    if not network and key != "conduction":
        return "does not act" if key != "defects" else "as the card has it"
    if key in ("relaxation", "retention", "drift"):
        if "time" in swept or "temperature" in swept:
            return "at the times and temperatures of the sweep"
        if max(stress.times) == 0 and not stress.preconditioning:
            return "does not act: no time passes"
        until = duration(stress.times[-1])
        return f"to {until} at {_list(stress.temperatures, 'K')}"
    if key == "read_disturb":
        if max(stress.inferences) > 0:
            volts = _list(stress.read_voltages, "V")
            return f"by the reads of {max(stress.inferences):.3g} inferences at {volts}"
        if max(stress.reads) == 0 and not {"reads", "inferences"} & swept:
            return "does not act: no reads are counted"
        return f"to {max(stress.reads):.3g} reads at {_list(stress.read_voltages, 'V')}"
    if key in ("noise", "conduction") and network:
        read = study.network.read_temperature
        if read is not None:
            return f"in each read, at {engineering(read, 'K')}"
        if "network.read_temperature" in swept:
            return "in each read, at the temperatures of the sweep"
        how = "without noise" if key == "noise" else "at the card's temperature and voltage"
        return f"does not act: cells are read {how}"
    return "as the card has it"


def _list(values: tuple[float, ...], unit: str) -> str:
    if len(values) > 3:
        return f"{engineering(values[0], unit)} to {engineering(values[-1], unit)}"
    return ", ".join(engineering(value, unit) for value in values)


def _range(name: str, low: float, high: float) -> str:
    unit = CONDITIONS.get(name.rpartition(".")[2], "1")
    low_text, high_text = (engineering(end, unit) if np.isfinite(end) else "any"
                           for end in (low, high))  # fmt: skip
    return f"{low_text} to {high_text}"
