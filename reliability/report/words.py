"""Numbers and stress conditions in words, as the documents say them."""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import chain, groupby
from typing import Any

from reliability.statistics.means import held_by_draws
from reliability.units import duration, engineering, grouped

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_PLAIN = re.compile(r"\d+(\.\d+)?")
_POWER = re.compile(r"(?<![\w.])(\d(?:\.\d+)?)e([+-]?\d{1,3})\b")
_MINUS = re.compile(r"(?<![^\s(])-(?=\d)")
_TIMES = re.compile(r"(?:(?<=[1-9])|(?<=\d0))x(?=\d)")
_GROUP = re.compile(r"(?<=\d) (?=\d{3}\b)")
_ASCII = re.compile(r"(?<=\d )(u(?=[AFSVWsm]\b)|deg(?=C\b))")
_UNIT = re.compile(
    r"(?<=\d) (?=%|°C|"
    r"(?:[fpnµmkMGT]?(?:Ω|S|V|A|J|s|W|Hz|F)|eV|h|min|ppm|FIT|days?|years?|points?)\b)"
)


def typeset(text: str) -> str:
    """Set the numbers of a sentence as they are printed; units stay on the line of their number.

    >>> typeset("1.5e+03 years, 8e+08 reads, 1e+14 reads, p <= 2.5e-06").replace("\xa0", " ")
    '1500 years, 8×10⁸ reads, 10¹⁴ reads, p ≤ 2.5×10⁻⁶'
    >>> typeset("12x12 pixels of 100x100, 0x10")
    '12×12 pixels of 100×100, 0x10'
    >>> typeset("-40 to 8-bit, 20 uS at 85 degC").replace("\xa0", " ")
    '−40 to 8-bit, 20 µS at 85 °C'
    """
    text = _TIMES.sub("×", text)
    text = _POWER.sub(_power, text.replace("<=", "≤").replace(">=", "≥"))
    text = _ASCII.sub(lambda match: "µ" if match[0] == "u" else "°", _MINUS.sub("−", text))
    return _UNIT.sub("\xa0", _GROUP.sub("\u202f", text))


def _power(match: re.Match[str]) -> str:
    factor, exponent = match.group(1), int(match.group(2))
    if 0 <= exponent < 6:
        return grouped(float(match.group()))
    ten = f"10{str(exponent).translate(_RAISED)}"
    return ten if factor == "1" else f"{factor}×{ten}"


def in_words(name: str) -> str:
    """Print the dotted name of a parameter or a phenomenon of a card as words.

    >>> in_words("read_disturb.LRS.voltage_slope"), in_words("lrs_resistance")
    ('read disturb LRS voltage slope', 'LRS resistance')
    """
    words = name.replace(".", " ").replace("_", " ")
    return re.sub(r"\b[lh]rs\b", lambda state: state[0].upper(), words)


def percent(value: float, digits: int = 1) -> str:
    """Print a fraction as the document does.

    >>> percent(0.8372), percent(math.nan)
    ('83.7 %', 'not known')
    """
    return "not known" if math.isnan(value) else f"{value * 100:.{digits}f} %"


def counted(number: int, what: str) -> str:
    """Print how many there are of something.

    >>> counted(1, "chip"), counted(20, "chip")
    ('1 chip', '20 chips')
    """
    return f"{grouped(number)} {what}{'' if number == 1 else 's'}"


def fraction_text(value: float) -> str:
    """Print a fraction of cells or chips, small ones in parts per million.

    >>> fraction_text(0.0123), fraction_text(3.2e-5), fraction_text(0.0)
    ('1.23 %', '32 ppm', '0 %')
    """
    if value == 0:
        return "0 %"
    return percent(value, 2) if value >= 1e-4 else f"{value * 1e6:.3g} ppm"


def ppm_text(value: float) -> str:
    """Print failing parts in a million, many of them in percent.

    >>> said = ppm_text(12.34), ppm_text(2500.0), ppm_text(34567.0), ppm_text(1e-30)
    >>> tuple(text.replace("\xa0", " ") for text in said)
    ('12.3 ppm', '2500 ppm', '3.46 %', 'below 10⁻⁶ ppm')
    """
    if value >= 1e4:
        return f"{value / 1e4:.3g} %"
    if 0 < value < 1e-6:
        return typeset("below 1e-06 ppm")
    return f"{grouped(value)} ppm" if value >= 1000 else typeset(f"{value:.3g} ppm")


def rate_text(value: float) -> str:
    """Print an error rate as a power of ten.

    >>> rate_text(2.5e-7), rate_text(1e-6), rate_text(0.0)
    ('2.5×10⁻⁷', '10⁻⁶', '0')
    """
    return typeset(f"{value:.1e}".replace(".0e", "e")) if value else "0"


def lines_text(count: float, most: int, none: str = "none") -> str:
    """Print a number of lines of an array; a search that ended before its limit says so.

    >>> lines_text(64, 512), lines_text(512, 512), lines_text(0, 512)
    ('64', 'more than 512', 'none')
    """
    if count <= 0:
        return none
    return f"more than {most}" if count >= most else f"{count:.0f}"


def lines_range(low: float, high: float, most: int) -> str:
    """Print the interval of a number of lines.

    >>> lines_range(40, 64, 512), lines_range(0, 512, 512), lines_range(512, 512, 512)
    ('40 to 64', 'none to more than 512', 'more than 512')
    """
    if low >= most:
        return f"more than {most}"
    return f"{lines_text(low, most)} to {lines_text(high, most)}"


def percent_range(found: Mapping[str, Any], digits: int = 1) -> str:
    """Print the interval of an answer.

    >>> percent_range({"low": 0.81, "high": 0.85})
    '81.0 % to 85.0 %'
    """
    return ends_text(*(percent(found[end], digits) for end in ("low", "high")))


def ends_text(low: str, high: str) -> str:
    """Print the ends of an interval, which one chip does not have.

    >>> ends_text("40", "60"), ends_text("not known", "not known")
    ('40 to 60', 'interval not known')
    """
    return "interval not known" if "not known" in (low, high) else f"{low} to {high}"


def interval_text(ends: str, confidence: float) -> str:
    """Print an interval with its confidence level.

    >>> interval_text("40 to 60 lines", 0.95)
    '40 to 60 lines, 95 % confidence'
    """
    return f"{ends}, {percent(confidence, 0)} confidence"


def few_draws(draws: int, confidence: float) -> str:
    """Say what the interval of few sampled cards contains; empty where they are enough.

    >>> few_draws(8, 0.9), few_draws(24, 0.9)
    (' 8 sampled cards are few: their range contains that of one more with 78 %, not 90 %.', '')
    """
    held = held_by_draws(draws, confidence)
    if held >= confidence - 1e-9 or not draws:
        return ""
    return (f" {draws} sampled cards are few: their range contains that of one more with "
            f"{percent(held, 0)}, not {percent(confidence, 0)}.")  # fmt: skip


def listed(values: Sequence[float], unit: str) -> str:
    """Print values, or the first and the last of many.

    >>> listed((298.15, 358.15), "K")
    '25 °C, 85 °C'
    """
    if len(values) > 3:
        return f"{engineering(values[0], unit)} to {engineering(values[-1], unit)}"
    return ", ".join(engineering(value, unit) for value in values)


def merged(texts: Iterable[str]) -> list[str]:
    """Write sentences that differ in a few words as one sentence with all of them.

    The points of a sweep say the same of themselves but for what is swept.

    Parameters
    ----------
    texts : iterable of str
        Sentences, the same ones counted once.

    Returns
    -------
    list of str
        One sentence for those that share more than half of their words.

    Examples
    --------
    >>> merged(["cells at 25 °C, read once.", "cells at 85 °C, read once.", "no cells."])
    ['cells at 25 or 85 °C, read once.', 'no cells.']
    >>> merged(f"cells (of a tile, {how}) that are read" for how in ("as drawn", "no lines"))
    ['cells (of a tile, as drawn or no lines) that are read']
    >>> merged(f"rewritten after {n} days" for n in (30, 90, 365, 1000, 3650))
    ['rewritten after 30 to 3650 days']
    >>> merged(f"a lead of {n}" for n in (16, 4, 24, 2, 10))
    ['a lead of 2 to 24']
    >>> merged(f"{state}: time {t} s is too long" for state in ("HRS", "LRS") for t in (1, 2))
    ['HRS or LRS: time 1 or 2 s is too long']
    """
    groups: list[list[list[str]]] = []
    for text in dict.fromkeys(texts):
        words = text.split(" ")
        for group in groups:
            if len(_common(group[0], words)) > max(len(group[0]), len(words)) / 2:
                group.append(words)
                break
        else:
            groups.append([words])
    return [_one_sentence(group) for group in groups]


def _common(first: list[str], other: list[str]) -> dict[int, int]:
    """Return the place of each word of a sentence in another that shares it."""
    blocks = SequenceMatcher(None, first, other, autojunk=False).get_matching_blocks()
    return {i + k: j + k for i, j, size in blocks for k in range(size)}


def _one_sentence(group: list[list[str]]) -> str:
    first, *others = group
    places = [_common(first, words) for words in others]
    kept = [i for i in range(len(first)) if all(i in place for place in places)]
    # rows of texts: what stands between words that all share, and those words
    cuts = [[-1, *([p[i] for i in kept] if p else kept), len(words)]
            for p, words in zip([{}, *places], group, strict=True)]  # fmt: skip
    columns = []
    for k in range(len(kept) + 1):
        columns.append([w[c[k] + 1 : c[k + 1]] for w, c in zip(group, cuts, strict=True)])
        if k < len(kept):
            columns.append([[first[kept[k]]]] * len(group))
    columns = [column for column in columns if any(column)]
    runs = [
        [[*chain(*row)] for row in zip(*run, strict=True)] for _, run in groupby(columns, _same)
    ]
    while (joined := _joined(runs)) is not None:
        runs = joined
    return " ".join(_alternatives(run) for run in runs)


def _same(texts: list[list[str]]) -> bool:
    return all(text == texts[0] for text in texts)


def _joined(runs: list[list[list[str]]]) -> list[list[list[str]]] | None:
    """Join two alternatives that change together and are a few words apart."""
    for k in range(len(runs) - 2):
        left, between, right = runs[k : k + 3]
        if _same(between) and not _same(left) and len(between[0]) < 6:
            whole = [[*a, *b, *c] for a, b, c in zip(left, between, right, strict=True)]
            count = [len({tuple(row) for row in part}) for part in (left, right, whole)]
            if count[2] == max(count[:2]):
                return [*runs[:k], whole, *runs[k + 3 :]]
    return None


def _alternatives(rows: list[list[str]]) -> str:
    """Print a few alternatives, and the ends of many; a mark after all of them stands once."""
    texts = list(dict.fromkeys(map(" ".join, rows)))
    if len(texts) == 1:
        return texts[0]
    mark = texts[0][-1:] if texts[0][-1:] in ",;:.)" else ""
    if mark == ")" and not all(text.count(")") > text.count("(") for text in texts):
        mark = ""  # it belongs to each
    if mark and all(text.endswith(mark) for text in texts):
        texts = [text[:-1] for text in texts]
    else:
        mark = ""
    texts = [text for text in texts if text]
    units = {text.partition(" ")[2] for text in texts}
    if len(units) == 1 and all(_PLAIN.fullmatch(text.split(" ")[0]) for text in texts):
        texts.sort(key=lambda text: float(text.split(" ")[0]))
    if len(texts) > 4 and all(text.strip("<≤(-").split(".")[0][:1].isdigit() for text in texts):
        return f"{texts[0]} to {texts[-1]}{mark}"
    if all(text.startswith("(") for text in texts):
        texts = [texts[0], *(text[1:] for text in texts[1:])]
    comma = "; " if any("," in text for text in texts) else ", "
    return f"{comma.join(texts[:-1])} or {texts[-1]}{mark}" if texts[1:] else texts[0] + mark


_STRESS: dict[str, tuple[str, Callable[[float], str]]] = {
    "cycles": ("cycles", lambda n: typeset(f"{n:.5g}")),
    "time": ("time", lambda t: duration(t) if t else "0 s"),
    "temperature": ("temperature", lambda t: engineering(t, "K")),
    "reads": ("reads", lambda n: typeset(f"{n:.3g}")),
    "inferences": ("inferences", lambda n: typeset(f"{n:.3g}")),
    "read_voltage": ("read voltage", lambda v: engineering(v, "V")),
}


def stress_columns(read_outs: Sequence[Mapping[str, float]]) -> dict[str, Callable[..., str]]:
    """Return columns of a table of read-outs: only what differs between them has one.

    Parameters
    ----------
    read_outs : sequence of mapping of str to float
        Stress conditions, with the keys of ``stress.combinations``.

    Returns
    -------
    dict of str to callable
        What each column prints of a read-out, by its heading.

    Examples
    --------
    >>> same = {"cycles": 0, "reads": 0, "inferences": 0, "read_voltage": 0.1, "temperature": 300}
    >>> columns = stress_columns([same | {"time": 0.0}, same | {"time": 3600.0}])
    >>> {name: text(same | {"time": 60.0}) for name, text in columns.items()}
    {'time': '1 min'}
    """

    def printed(key: str) -> Callable[[Mapping[str, float]], str]:
        return lambda at: _STRESS[key][1](at[key])

    return {_STRESS[key][0]: printed(key) for key in _STRESS
            if len({at.get(key) for at in read_outs}) > 1}  # fmt: skip


def of_age(age: dict[str, float]) -> str:
    """Say a stress condition inside a sentence.

    >>> of_age({"time": 3600.0, "temperature": 358.15})
    'after 1 h at 85 °C'
    """
    title = age_title(age)
    return title[0].lower() + title[1:]


def age_title(age: dict[str, float]) -> str:
    """Say the stress that a chip has been through.

    >>> age_title({"time": 3600.0, "temperature": 358.15})
    'After 1 h at 85 °C'
    """
    reads = ""
    if age.get("inferences"):
        reads = f"{age['inferences']:.3g} inferences at {engineering(age['read_voltage'], 'V')}"
    elif age.get("reads"):
        reads = f"{age['reads']:.3g} reads at {engineering(age['read_voltage'], 'V')}"
    cycles = f"{age['cycles']:.5g} cycles" if age.get("cycles") else ""
    reads, cycles = typeset(reads), typeset(cycles)
    if age["time"] == 0:
        both = " and ".join(filter(None, (cycles, reads)))
        return f"After {both}" if both else "As programmed"
    first = f"{cycles}, then " if cycles else ""
    title = f"After {first}{duration(age['time'])} at {engineering(age['temperature'], 'K')}"
    return f"{title} and {reads}" if reads else title
