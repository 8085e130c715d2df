"""``reliability condition``: a card updated by what was observed of the technology."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reliability.commands.options import EXIT_CODES, Card, json_option, print_columns, say

if TYPE_CHECKING:
    from reliability.conditioning import Conditioned


@click.command(epilog=EXIT_CODES)
@click.argument("card", type=Card())
@click.argument("observations", type=click.Path(path_type=Path), required=False)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="File of the posterior card."
)
@click.option("--name", help="Name of the posterior card; by default that of the file.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the sampling.")
@json_option
def condition(
    card: str, observations: Path | None, out: Path, name: str | None, seed: int, as_json: bool
) -> None:
    """Condition a CARD on the [[observation]] tables of a file, or on its own.

    Without OBSERVATIONS, the observations of the card that its parameters do not contain yet are
    used. The posterior card is written with values, spreads and correlations.

    \b
    Examples:
      reliability condition oxram-130nm lot7.toml --out mine.toml
      reliability condition mine.toml bakes.toml --out mine2.toml --seed 3
    """
    from dataclasses import replace

    from reliability.conditioning import posterior
    from reliability.report.conditioning_tables import observation_table, parameter_table
    from reliability.technology import (
        load_technology,
        read_observations,
        writable,
        write_technology,
    )

    writable(out)
    prior = load_technology(card)
    seen = None if observations is None else read_observations(observations)
    found = posterior(prior, seen, seed=seed)
    write_technology(replace(found.technology, name=name or out.stem), out)
    if as_json:
        say(json.dumps(_answer(found, out)))
        return
    for table in (observation_table(found), parameter_table(found)):
        print_columns(table)
        say()
    for s in found.samplings:
        say(
            f"sampling: {s.draws} draws, effective sample size {s.effective:.0f}, R-hat "
            f"{s.r_hat:.3f}; effective fraction of the normal form {s.normal_form:.2f}"
        )
    for note in found.warnings:
        say(f"warning: {note}")
    say(f"card: {out}")


def _answer(found: "Conditioned", out: Path) -> dict[str, Any]:
    return {
        "card": str(out),
        "observations": [
            {
                "observation": c.observation.label,
                "source": c.observation.source,
                "transfer": c.observation.transfer,
                "prior_predictive_probability": c.prior,
                "posterior_predictive_probability": c.posterior,
                "predicted_5_50_95": list(c.predicted),
                "narrowed": c.narrowed,
            }
            for c in found.checks
        ],
        "parameters": [
            {"name": key, "prior_5_50_95": _range(found.prior, key),
             "posterior_5_50_95": _range(found.technology, key)}
            for key in found.parameters
        ],
        "sampling": [
            {"draws": s.draws, "effective_sample_size": s.effective,
             "effective_fraction_of_normal_form": s.normal_form, "r_hat": s.r_hat}
            for s in found.samplings
        ],
        "warnings": found.warnings,
    }  # fmt: skip


def _range(card: Any, key: str) -> list[float]:
    return [card.parameters[key].at(z) for z in (-1.645, 0.0, 1.645)]
