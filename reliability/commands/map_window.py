"""``reliability window``: the programming window of a technology."""

from pathlib import Path
from typing import Any

import click

from reliability.commands.options import (
    entries,
    json_option,
    print_answer,
    print_columns,
    report_options,
    technology_option,
)

_OF_VERIFY = {"verify_lrs": "lrs_resistance", "verify_hrs": "hrs_resistance",
              "attempts": "attempts", "wait": "wait"}  # fmt: skip


@click.command()
@technology_option
@click.option("--compliance-current", help="Compliance currents of the SET, '50 uA, 100 uA'.")
@click.option("--reset-voltage", help="Stop voltages of the RESET, '2.5 V, 2.8 V'.")
@click.option("--pulse-width", help="Widths of both pulses, '100 ns, 1 us'.")
@click.option("--reference", help="Read reference, '40 uS'; default the best at each condition.")
@click.option("--verify-lrs", help="Resistance below which a SET passes verify, '6 kohm'.")
@click.option("--verify-hrs", help="Resistance above which a RESET passes verify, '40 kohm'.")
@click.option("--attempts", type=click.IntRange(1), help="Pulses until a cell fails to verify.")
@click.option("--wait", help="Time between pulse and verify read, '1 us'.")
@click.option("--time", help="Time of relaxation since programming, '1 h'.")
@click.option("--target", default="1e-6", show_default=True, help="Target bit-error rate.")
@click.option(
    "--draws", type=click.IntRange(0), default=0, show_default=True,
    help="Cards sampled from the uncertainty of the parameters.",
)  # fmt: skip
@click.option("--confidence", default="95%", show_default=True, help="Confidence of intervals.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the sampled cards.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for results and report.")
@report_options
@json_option
def window(
    out: Path | None, formats: tuple[str, ...], template: str, as_json: bool, **options: Any
) -> None:
    """Map the programming window against programming conditions.

    Every condition that is given more than one value is an axis of the map; the others stay as on
    the card. With --out it writes results.zarr, summary.json and report.html.

    \b
    Examples:
      reliability window --compliance-current "50 uA, 100 uA, 200 uA" --reset-voltage "2.5 V, 2.8 V"
      reliability window --verify-lrs "6 kohm" --verify-hrs "40 kohm" --attempts 10 --target 1e-4
      reliability window --compliance-current "50 uA, 200 uA" --time "1 h" --out out/window --json
    """
    from reliability.campaign import run_study
    from reliability.campaign.outputs.programming_window import rates, window_answer, windows_of
    from reliability.campaign.store import read_results
    from reliability.report import write_report
    from reliability.report.outputs.programming_window import CHAPTER, window_table
    from reliability.report.render import check_options

    check_options(formats, template)
    study = _study(options)
    report = None
    if out is None:
        results = windows_of(study)
    else:
        results = read_results(run_study(study, out))
        report = write_report(study, out, formats=formats, template=template)
    answer = window_answer(study, results)
    if not as_json:
        print_columns(window_table(rates(study, results), answer["window"]))
    sentences = (f"{line[0].upper()}{line[1:]}." for line in CHAPTER.lines(answer))
    print_answer(answer["window"], sentences, report, as_json)


def _study(options: dict[str, Any]) -> Any:
    """Return the study of a window that the options describe."""
    from reliability.campaign.load import study_of
    from reliability.units import quantity

    table: dict[str, Any] = {
        "title": f"Programming window of {options['technology']}",
        "technology": options["technology"],
        "outputs": ["window"],
        "seed": options["seed"],
        "confidence": quantity(options["confidence"], "", "confidence", low=0.0, high=1.0),
        "window": {"target_error_rate": quantity(options["target"], "", "target")},
    }
    for name in ("compliance_current", "reset_voltage", "pulse_width"):
        if options[name]:
            table["window"][f"{name}s"] = entries(options[name], name)
    table["window"] |= {name: options[name] for name in ("reference", "time") if options[name]}
    verify = {key: options[name] for name, key in _OF_VERIFY.items() if options[name] is not None}
    if verify:
        table["programming"] = {"verify": verify}
    if options["draws"]:
        table["uncertainty"] = {"draws": options["draws"]}
    return study_of(table, "window")
