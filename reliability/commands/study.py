"""``reliability plan``, ``status`` and ``schema``: a study before and while it runs."""

import json
import os
from pathlib import Path

import click

from reliability.commands.options import (
    json_option,
    load_spec,
    print_table,
    say,
    set_option,
    yes_option,
)


@click.command()
@click.argument("spec", type=click.Path(path_type=Path))
@click.option("--chips", type=int, help="Number of chips instead of the study's.")
@set_option
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=os.cpu_count,
    show_default="all cores",
    help="Processes that the time is estimated for.",
)
@yes_option
@json_option
def plan(
    spec: Path,
    chips: int | None,
    settings: tuple[str, ...],
    workers: int,
    yes: bool,
    as_json: bool,
) -> None:
    """Estimate the work and time of the study SPEC.

    \b
    Example:
      reliability plan analyses/spirit.toml --workers 2
    """
    from reliability.campaign import plan_study
    from reliability.units import duration, grouped

    found = plan_study(load_spec(spec, settings, yes, chips=chips), workers=workers)
    if as_json:
        say(json.dumps(found))
        return
    counts = {
        "points of the sweep": (found["points"], ""),
        "chips": (found["chips"], ""),
        "read-outs": (found["read_outs"], " (times × temperatures × reads × read voltages)"),
        "parameter draws": (found["draws"], ""),
        "sensitivity combinations": (found["combinations"], ""),
        "tasks": (found["tasks"], ""),
        "image evaluations": (found["image_evaluations"], ""),
    }
    print_table(
        {what: f"{grouped(number)}{note}" for what, (number, note) in counts.items() if number}
        | {
            "time": f"about {duration(found['seconds'])} with {workers} workers",
            "memory": f"about {found['memory_bytes'] / 1e6:.0f} MB per worker",
            "disk": f"about {found['disk_bytes'] / 1e6:.1f} MB",
            "spec hash": found["spec_hash"][:16],
        }
    )


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@json_option
def status(folder: Path, as_json: bool) -> None:
    """Show the progress of the study in FOLDER.

    \b
    Example:
      reliability status out/spirit
    """
    from reliability.campaign import study_status
    from reliability.units import grouped

    found = study_status(folder)
    if as_json:
        say(json.dumps(found))
        return
    share = found["work_done"] / max(found["work"], 1)
    lines = {
        "study": found["title"],
        "done": f"{share:.0%} of the work, {found['tasks_done']} of {found['tasks']} tasks",
        "running": found["running"] or "no",
    }
    if found["chips_done"]:
        lines["chips"] = grouped(found["chips_done"])
    if "accuracy" in found:
        low, high = found["accuracy_low"], found["accuracy_high"]
        lines["accuracy so far"] = f"{found['accuracy']:.1%} ({low:.1%} to {high:.1%})"
    if "repair" in found:
        lines["damaged"] = found["repair"]
    print_table(lines)


@click.command()
def schema() -> None:
    """Print the JSON schema of a study.

    Editors complete and check TOML files with it.

    \b
    Example:
      reliability schema > study.schema.json
    """
    from reliability.campaign import Study

    say(json.dumps(Study.model_json_schema(), indent=1))
