"""``reliability fit``: from tester files to a technology card, and a posterior predictive check."""

import json
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reliability.commands.options import (
    Card,
    columns_option,
    command_line,
    json_option,
    report_options,
    say,
)
from reliability.errors import InputError

if TYPE_CHECKING:
    from reliability.technology import Technology

_NETWORK = "spirit"  # that measured and modelled cells are compared by


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Card to write (.toml)."
)
@click.option("--name", help="Name of the card; by default that of the file to write.")
@click.option("--title", default="", help="Title of the card.")
@click.option("--memory", default="OxRAM", show_default=True, help="Kind of memory.")
@click.option("--base", type=Card(), help="Card that gives what the data do not hold.")
@click.option("--layout", help="Layout of the files, where it is not recognised.")
@columns_option
@click.option("--sample-rate", help="Sample rate of traces of noise, such as '400 Hz'.")
@click.option("--origin", default="", help="Origin of the data, for the sources of the card.")
@click.option("--maximum", help="Highest conductance as designed, of files that number levels.")
@click.option(
    "--level-from",
    type=click.Choice(["first"]),
    help="Where a file says no state or level: take it from the first read of each cell.",
)
@click.option("--draws", type=click.IntRange(20), default=100, show_default=True,
              help="Simulated experiments of the check.")  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of bootstrap and check.")
@report_options
@json_option
def fit(
    files: tuple[Path, ...], out: Path, draws: int, seed: int, as_json: bool, **options: Any
) -> None:
    """Fit a technology card on the measured FILES, with a posterior predictive check.

    A FILE can carry its own conditions: bake.csv@150degC, or lot7.xlsx@150degC,sheet=2,state=LRS.
    Writes the card, and beside it a page (.html) with measured and simulated cells.

    \b
    Examples:
      reliability fit relaxation.tsv bake.tsv --out mine.toml
      reliability fit bake_125.csv@125degC bake_150.csv@150degC --base oxram-130nm --out mine.toml
      reliability run analyses/spirit.toml --technology mine.toml --out out/mine

    \b
    Files:
      mine.toml   the card, for --technology and rel.load_technology
      mine.html   measured cells beside cells simulated from the card
    """
    from reliability.characterization import card_of
    from reliability.characterization.misfit import level_errors
    from reliability.report.render import check_options
    from reliability.technology import load_technology, writable, write_technology

    check_options(options["formats"], options["template"])
    out = writable(out)
    base = load_technology(options["base"]) if options["base"] else None
    with _warnings_once() as warned:
        data = _read(files, options, as_json)
        levels = {"maximum": options["maximum"], "level_from": options["level_from"]}
        fits, unmet = _fit(data, base, levels, seed, as_json)
        card = card_of(fits, name=options["name"] or out.stem, title=options["title"],
                       memory=options["memory"], base=base)  # fmt: skip
        write_technology(card, out)
        limits = [sentence for each in fits for sentence in each.not_identifiable]
        notes = [f"{d.attrs['source']}: {p}" for d in data for p in d.attrs["problems"]]
        notes += [*_flags(card), *_from_base(card, base, [each.name for each in fits])]
        check, page = None, None
        networks, reasons = _on_networks(data, card, seed, as_json)
        notes += reasons
        try:
            check, page = _check(data, card, out, limits, draws, seed, options, networks, as_json)
        except InputError as error:
            notes.append(f"no check: {error}")
    notes += warned
    if as_json:
        found = _as_json(card, out, check, page)
        found["networks"] = [one.to_dict() for one in networks]
        say(
            json.dumps(found | {"not_identifiable": limits, "not_fitted": unmet, "problems": notes})
        )
        return
    _print_card(card)
    for kind, lines in (("not fitted", unmet), ("not identifiable", limits), ("note", notes)):
        for line in lines:
            say(f"{kind}: {line}")
    say(f"card: {out.resolve()}")
    for one in networks:
        say(_of_network(one))
    if check is not None and page is not None:
        say(
            f"check: {check.attrs['outside']:.0%} of {check.sizes['statistic']} statistics outside "
            f"their {check.attrs['confidence']:.0%} interval; {page.resolve()}"
        )
        for key in ("misfit", "verdict"):
            if key in check.attrs:
                click.echo(f"{'model' if key == 'misfit' else key}: {check.attrs[key]}")
        for errors in level_errors(check):
            say(str(errors))


def _stage(text: str, as_json: bool) -> None:
    if not as_json:
        say(text, err=True)


def _read(files: Sequence[Path], options: dict[str, Any], as_json: bool) -> list[Any]:
    from reliability.commands.measured_files import read_files
    from reliability.measurements import join_bakes

    more = {"sample_rate": options["sample_rate"]} if options["sample_rate"] else {}
    data = join_bakes(read_files(files, options["layout"], options["columns"], **more))
    _stage(f"read {len(files)} file{'s'[: len(files) != 1]}", as_json)
    origin = options["origin"]
    return [one.assign_attrs(origin=origin) if origin else one for one in data]


def _fit(
    data: Sequence[Any], base: Any, levels: dict[str, Any], seed: int, as_json: bool
) -> tuple[list[Any], list[str]]:
    """Fit what can be fitted; return it and a line for each phenomenon that cannot."""
    from reliability.characterization import fit_phenomena
    from reliability.characterization.first_read import reads_with_levels
    from reliability.characterization.requirements import unmet

    def done(name: str) -> None:
        _stage(f"fitted {name.replace('_', ' ')}", as_json)

    _stage("fitting", as_json)
    reads = reads_with_levels(data, levels["level_from"])
    try:
        fits = fit_phenomena(data, **levels, base=base, seed=seed, progress=done)
    except InputError as error:
        if not str(error).startswith("nothing that can be fitted"):
            raise
        for line in unmet(reads):
            say(f"not fitted: {line}", err=True)
        sources = ", ".join(str(one.attrs.get("source", "")) for one in data)
        raise InputError(
            f"nothing can be fitted on {sources}: each phenomenon needs what the lines above say"
        ) from None
    return fits, unmet(reads, [each.name for each in fits])


def _on_networks(
    data: Sequence[Any], card: "Technology", seed: int, as_json: bool
) -> tuple[list[Any], list[str]]:
    """Compare a network on the cells of each file with one on the card; say why where it cannot."""
    from reliability.network import Network, compare_cells, load_network

    _stage("comparing a network on measured and on modelled cells", as_json)
    network = load_network(_NETWORK)
    assert isinstance(network, Network)
    found, reasons = [], []
    for one in data:
        try:
            found.append(compare_cells(network, one, card, seed=seed))
        except InputError as error:
            reasons.append(f"no network on measured cells: {error}")
    return found, reasons


def _of_network(found: Any) -> str:
    """Say in one line how far the accuracy is off where it is furthest."""
    worst = found.isel(condition=int(abs(found["difference"].values).argmax()))
    ends = (100 * float(worst[name]) for name in ("difference", "low", "high"))
    off, low, high = (f"{end:+.1f}" for end in ends)
    return (
        f"network: {found.attrs['network']} on measured cells {float(worst['measured']):.1%}, on "
        f"modelled cells {float(worst['modelled']):.1%}, difference {off} points ({low} to {high} "
        f"at {found.attrs['confidence']:.0%}), the largest of {found.sizes['condition']} "
        f"conditions of {found.attrs['source']}"
    )


def _check(
    data: Sequence[Any], card: "Technology", out: Path, limits: Sequence[str], draws: int,
    seed: int, options: dict[str, Any], networks: Sequence[Any], as_json: bool,
) -> tuple[Any, Path]:  # fmt: skip
    from reliability.characterization import posterior_predictive
    from reliability.report import write_fit_report

    _stage(f"checking against {draws} simulated experiments", as_json)
    check = posterior_predictive(
        data, card, draws=draws, seed=seed, level_from=options["level_from"]
    )
    page = write_fit_report(
        card, check, out.with_suffix(".html"), limits, data=data, command=command_line(),
        formats=options["formats"], template=options["template"], networks=networks,
    )  # fmt: skip
    return check, page


@contextmanager
def _warnings_once() -> Iterator[list[str]]:
    """Collect warnings, each once whatever numbers it holds."""
    found: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield found
    seen: dict[str, list[str]] = {}
    for one in caught:
        if issubclass(one.category, (ResourceWarning, DeprecationWarning, FutureWarning)):
            continue
        text = " ".join(str(one.message).split())
        seen.setdefault(re.sub(r"[-+.\deE]+", "#", text), []).append(text)
    for texts in seen.values():
        times = f" (and {len(texts) - 1} more)" if len(texts) > 1 else ""
        found.append(f"warning: {texts[0]}{times}")


def _flags(card: "Technology") -> list[str]:
    from reliability.characterization.card_values import outside_physics

    return outside_physics(card.parameters.items())


def _from_base(card: "Technology", base: "Technology | None", fitted: Sequence[str]) -> list[str]:
    """Say which phenomena the card has from its base and not from the data, and how well known."""
    if base is None:
        return []
    lines = []
    for section in ("relaxation", "retention", "read_disturb", "endurance", "cycles", "noise"):
        if any(name.split("_")[0] == section.split("_")[0] for name in fitted):
            continue
        kinds = sorted({
            parameter.confidence
            for key, parameter in card.parameters.items()
            if key.partition(".")[0] == section
        })  # fmt: skip
        if kinds:
            words = " and ".join(kinds)
            lines.append(
                f"{section.replace('_', ' ')} is not in the data: the card has that of {base.name} "
                f"({words}), and studies apply it"
            )
    return lines


def _as_json(card: "Technology", out: Path, check: Any, page: Path | None) -> dict[str, Any]:
    from reliability.characterization.misfit import level_errors

    return {
        "card": str(out),
        "check": None if check is None else {
            "page": str(page), **check.attrs,
            "level_errors": [one._asdict() for one in level_errors(check)],
        },
        "fitted": {
            key: {"value": p.value, "unit": p.unit, "sigma": p.sigma,
                  "distribution": p.distribution, "source": p.source}
            for key, p in card.parameters.items()
            if p.confidence == "fitted"
        },
    }  # fmt: skip


def _print_card(card: "Technology") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from reliability.technology.parameter_text import parameter_row

    table = Table("parameter", "value", "uncertainty", "from", pad_edge=False, box=None)
    count = dict.fromkeys(("fitted", "measured", "published", "assumed"), 0)
    sources: dict[str, int] = {}
    for parameter in card.parameters.values():
        count[parameter.confidence] += 1
    fitted = {k: p for k, p in card.parameters.items() if p.confidence == "fitted"}
    for _, series in groupby(fitted, key=lambda key: key.rstrip("0123456789")):
        keys = list(series)
        first, last = (parameter_row(key, fitted[key]) for key in (keys[0], keys[-1]))
        source = fitted[keys[0]].source
        number = sources.setdefault(source, len(sources) + 1)
        one = len(keys) == 1
        name = keys[0] if one else f"{keys[0]} ... {keys[-1].rpartition('_')[2]}"
        value = first["value"] if one else f"{first['value']} ... {last['value']}"
        doubt = first["uncertainty"] if one else "each on the card"
        table.add_row(Text(name), value, doubt, Text(f"[{number}]"))
    Console(width=100).print(table)
    for source, number in sources.items():
        say(f"[{number}] {source}")
    say(", ".join(f"{number} {kind}" for kind, number in count.items() if number))
