"""Make the page of technology cards, docs/technologies.md, from the cards that ship.

Usage: python docs/make_technologies.py [--stdout]
"""

import sys
from pathlib import Path

from reliability.report.conditioning_tables import interval
from reliability.report.words import typeset
from reliability.technology import Parameter, Technology, list_technologies, load_technology
from reliability.technology.vocabulary import CONDITIONS
from reliability.units import engineering

ENDING = "-conditioned"  # of the name of a card that docs/make_posteriors.py writes
PAGE = Path(__file__).with_name("technologies.md")
HEAD = """# Technology cards

Made from the cards in `data/technologies` by `python docs/make_technologies.py`; do not edit.

A card states every number about a memory with its unit, its uncertainty, where it comes from and
how far to trust it: *measured* or *fitted* on data that are named, *published* (read in the source
that is named, sometimes at second hand, then both are named), or *assumed*. The uncertainty is that
of the value on the card, not the variability of the cells.

| card | memory | what it is | parameters | measured, fitted | published | assumed |
|---|---|---|---:|---:|---:|---:|
"""


def uncertainty(parameter: Parameter) -> str:
    """Return how the value is uncertain, as a reader writes it."""
    unit = parameter.unit
    if parameter.distribution == "uniform" and parameter.interval:
        low, high = (shown(end, unit) for end in parameter.interval)
        return f"{low} to {high}"
    if parameter.distribution == "normal":
        sigma = parameter.sigma or 0.0
        return f"± {sigma:.3g} K" if unit == "K" else f"± {shown(sigma, unit)}"
    if parameter.distribution == "lognormal":
        return f"× or ÷ {2.718281828459045 ** (parameter.sigma or 0.0):.2f}"
    if parameter.distribution == "bounded":
        low, high = (shown(parameter.at(z), unit) for z in (-1.0, 1.0))
        return f"{low} to {high} (1σ)"
    return "as set"


def shown(value: float, unit: str) -> str:
    """Return a value as engineers read it; rates keep their unit as it is."""
    return typeset(f"{value:.4g} {unit}" if "/" in unit else engineering(value, unit, 4))


def cell(text: str) -> str:
    """Return text that a table cell can hold."""
    return text.replace("|", "\\|").replace("\n", " ")


def summary(card: Technology) -> str:
    """Return the line of a card in the first table."""
    count = [p.confidence for p in card.parameters.values()]
    own = count.count("measured") + count.count("fitted")
    return (
        f"| [{card.name}](#{card.name.lower()}) | {card.memory} | {cell(card.title)} "
        f"| {len(count)} | {own} | {count.count('published')} | {count.count('assumed')} |\n"
    )


def section(card: Technology) -> str:
    """Return the section of a card: description, models, valid ranges and all parameters.

    Of a conditioned card, what its prior does not have.
    """
    lines = [f"\n## {card.name}\n", f"{card.title}. {card.description}\n"]
    prior = card.name.removesuffix(ENDING)
    if prior != card.name:
        return "\n".join([*lines, *observed(card), *posterior(card, prior)]) + "\n"
    if card.models:
        models = (f"`{name}` {model}" for name, model in sorted(card.models.items()))
        lines.append(f"Models: {', '.join(models)}.\n")
    if card.valid:
        ranges = (
            f"`{name}` " + " to ".join(shown(e, CONDITIONS[name.rpartition(".")[2]]) for e in ends)
            for name, ends in sorted(card.valid.items())
        )
        lines.append(f"Valid: {', '.join(ranges)}.\n")
    lines.append("| parameter | value | uncertainty | confidence | source |")
    lines.append("|---|---|---|---|---|")
    for key in sorted(card.parameters):
        parameter = card.parameters[key]
        source = parameter.source + (f" ({parameter.note})" if parameter.note else "")
        lines.append(
            f"| `{key}` | {shown(parameter.value, parameter.unit)} "
            f"| {uncertainty(parameter)} | {parameter.confidence} | {cell(source)} |"
        )
    return "\n".join([*lines, "", *observed(card)]) + "\n"


def observed(card: Technology) -> list[str]:
    """Return what was observed of a card, beside the sources of its values."""
    if not card.observations:
        return ["Observations: none beside the sources of the values."]
    lines = ["| observation | transfer | contained in | source |", "|---|---|---|---|"]
    later = f"{card.name}{ENDING}"
    for o in card.observations:
        source = o.source + (f" ({o.note})" if o.note else "")
        label = cell(typeset(o.label.replace("_", " ")))
        where = "the values above" if o.used else f"[{later}](#{later})"
        if card.name.endswith(ENDING):
            where = "the values below"
        lines.append(f"| {label} | × ÷ {o.transfer:g} | {where} | {cell(source)} |")
    return lines


def posterior(card: Technology, name: str) -> list[str]:
    """Return the parameters of a conditioned card before and after."""
    prior = load_technology(name)
    lines = [
        f"\nThe parameters that the observations move, median and 90 % interval "
        f"([how](conditioning.md)); the others are those of [{name}](#{name}):\n",
        "| parameter | prior | posterior |",
        "|---|---|---|",
    ]
    for key, p in card.parameters.items():
        if p != (before := prior.parameters[key]):
            lines.append(f"| `{key}` | {typeset(interval(before))} | {typeset(interval(p))} |")
    return lines


def page() -> str:
    """Return the whole page."""
    cards = [load_technology(name) for name in list_technologies()]
    return HEAD + "".join(map(summary, cards)) + "".join(map(section, cards))


def main() -> None:
    if "--stdout" in sys.argv[1:]:
        sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
        sys.stdout.write(page())
    else:
        PAGE.write_text(page(), "utf-8")
        print(PAGE)


if __name__ == "__main__":
    main()
