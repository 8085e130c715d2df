"""``reliability qualify``: assess a claim on a life test."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reliability.commands.options import (
    command_line,
    json_option,
    print_answer,
    report_options,
    results_folder,
)
from reliability.errors import InputError, unknown_name

if TYPE_CHECKING:
    import xarray as xr

    from reliability.lifetime.claims import Claim


@click.command(
    epilog="""\b
Exit codes:
  0  the claim is demonstrated; of a plan: all claims are, and no requirement is missed
  1  it is not demonstrated, or the fit failed; of a plan: any of them, or a requirement is missed
  2  wrong input: one line says what
"""
)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--claim", help="Claimed life: '10 years', '1e6 cycles' or '1e9 reads'; not with a plan."
)
@click.option("--fraction", help="Largest fraction that may fail: 1e-4, '100 ppm'; not with a "
              "plan.")  # fmt: skip
@click.option("--at", "use", help="Use condition: '85 degC' or '85 degC, 0.1 V'.")
@click.option("--confidence", default="90%", show_default=True, help="Confidence level, one-sided.")
@click.option(
    "--failure", help="Failure criterion of a read: 'conductance < 20 uS', 'conductance < 80 %'."
)
@click.option("--missing", type=click.Choice(["failed", "censored", "refuse"]), default="failed",
              show_default=True, help="What units that lose their reads are.")  # fmt: skip
@click.option("--consecutive", type=click.IntRange(1), default=1, show_default=True,
              help="Reads in a row beyond the criterion that make a failure.")  # fmt: skip
@click.option("--state", help="State of the cells to use.")
@click.option("--columns", help="Names of the columns in order, or a TOML file with a mapping.")
@click.option("--layout", help="Layout of a tester file (with --failure).")
@click.option("--test-at", help="Test condition where the file has none: '125 degC'.")
@click.option(
    "--devices", type=click.IntRange(1), help="Number of devices on test, without a FILE."
)
@click.option("--duration", help="Duration of the test, without a FILE: '1000 h', '1e5 cycles'.")
@click.option(
    "--failures", type=click.IntRange(0), default=0, help="Number of failures, without a FILE."
)
@click.option(
    "--distribution",
    help="Life distribution: weibull, lognormal, limited_failure ...; default: all candidates "
    "that fit.",
)
@click.option("--choice", type=click.Choice(["worst", "average"]), default="worst",
              show_default=True, help="Bound over the candidates that fit.")  # fmt: skip
@click.option(
    "--acceleration",
    help="Acceleration models, 'arrhenius+inverse_power'; default: by the stresses that differ.",
)
@click.option(
    "--activation-energy", help="Known activation energy or range, '1.1 eV', '1 eV to 1.2 eV'."
)
@click.option("--shape", help="Known Weibull shape or range, '1' (constant rate), '1 to 3'.")
@click.option("--assume", help="Other known coefficients, 'voltage_acceleration = 20 1/V'.")
@click.option("--prior", "priors", multiple=True, help="Prior of a parameter, its central 90 % "
              "and source: 'shape = 1.2 to 2.4 (lots 1 to 4)'; repeatable.")  # fmt: skip
@click.option("--next-lot", type=click.IntRange(1), help="Number of units of the next lot, whose "
              "failures in the claimed time are predicted.")  # fmt: skip
@click.option("--method", default="profile", show_default=True, help="Method of the bound: "
              "profile, calibrated, bootstrap, wald.")  # fmt: skip
@click.option("--quantity", default="cumulative failures", show_default=True,
              help="Name of the failing fraction on the data sheet, e.g. BER.")  # fmt: skip
@click.option("--jesd47", help="JESD47 test whose sample plan is compared.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of simulated samples.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the report.")
@report_options
@json_option
@click.pass_context
def qualify(
    ctx: click.Context, files: tuple[Path, ...], as_json: bool, out: Path | None, **options: Any
) -> None:
    """Assess whether the life test in FILES demonstrates a claim, and state it for a data sheet.

    FILES are tables of times to failure (time and event, or lower and upper ends of read-out
    intervals; frequency, temperature, voltage, lot), or any tester file together with --failure,
    which says when a read counts as failed. One file PLAN.toml is a plan of several tests with the
    claim as a mission profile; the other options are then those of its tables.
    Several files are one test; each can carry its own
    conditions: bake.csv@150degC, or lot7.xlsx@150degC,sheet=2. Without FILES, --devices, --duration
    and --failures state a test.

    \b
    Examples:
      reliability qualify oven.csv --claim "10 years" --at "85 degC" --fraction 1e-3
      reliability qualify bake.tsv --failure "conductance < 20 uS" --state LRS --quantity BER \\
          --claim "10 years" --at "85 degC" --fraction "100 ppm" --out out/retention
      reliability qualify --devices 231 --duration "1000 h" --test-at "125 degC" \\
          --claim "10 years" --at "55 degC" --fraction 1% --activation-energy "0.7 eV" --shape 1
      reliability qualify --devices 231 --duration "1000 h" --test-at "125 degC" \\
          --claim "10 years" --at "55 degC" --fraction 1% --activation-energy "0.7 eV" \\
          --prior "shape = 1 to 2.5 (lots 1 to 4)" --next-lot 1000
      reliability qualify endurance.csv --columns "cycles, event" --claim "1e5 cycles" \\
          --fraction 1e-3
      reliability qualify PLAN.toml --out out/dossier

    \b
    Files in the folder of --out:
      qualification.json   claim, test, fit and verdict
      report.html          the same as a document
    """
    from reliability.commands.measured_files import print_reading, with_reading
    from reliability.lifetime.claims import assess_claim, predict_next_lot
    from reliability.lifetime.statements import parse_known, parse_prior
    from reliability.report.qualification_report import (
        qualification,
        qualification_lines,
        write_qualification_report,
    )
    from reliability.report.render import check_options

    kind = {"formats": options.pop("formats"), "template": options.pop("template")}
    check_options(**kind)
    if len(files) == 1 and files[0].suffix == ".toml":
        ctx.exit(_plan(ctx, files[0], out, kind, as_json))
    for name in ("claim", "fraction"):
        if options[name] is None:
            raise InputError(f"{name}: missing; give --{name}, or a plan (PLAN.toml)")
    standard = _standard(options["jesd47"])
    if out is not None:
        results_folder(out, "qualification.json")
    claim, clock = _claim(options)
    data = _test(files, options)
    if data.attrs["clock"] != clock:
        raise InputError(
            f"claim: got {options['claim']!r}, but the test counts {data.attrs['clock']}"
        )
    lots = data["lot"].values if "lot" in data else None
    found = assess_claim(
        claim,
        lower=data["lower"].values,
        upper=data["upper"].values,
        frequency=data["frequency"].values,
        stress={name: data[name].values for name in ("temperature", "voltage") if name in data},
        lots=lots if lots is not None and len(set(lots)) > 1 else None,
        fixed=parse_known(options["activation_energy"], options["shape"], options["assume"]),
        priors=[parse_prior(text) for text in options["priors"]],
        **{
            name: options[name]
            for name in ("distribution", "acceleration", "choice", "method", "seed")
        },
    )
    summary = with_reading(
        qualification(
            found, data, quantity=options["quantity"], jesd47=standard,
            next_lot=predict_next_lot(found, options["next_lot"]) if options["next_lot"] else None,
        ), data,
    )  # fmt: skip
    report = (
        None
        if out is None
        else write_qualification_report(found, data, summary, out, command=command_line(), **kind)
    )
    if not as_json:
        print_reading(data)
    print_answer(summary, qualification_lines(summary), report, as_json)
    ctx.exit(0 if found.passed else 1)


def _plan(
    ctx: click.Context, path: Path, out: Path | None, kind: dict[str, Any], as_json: bool
) -> int:
    """Assess a plan of several tests; return the exit code."""
    from reliability.product.dossier import qualify_plan
    from reliability.product.qualification_plan import load_plan
    from reliability.report.dossier_report import write_dossier
    from reliability.report.dossier_summary import dossier_lines, dossier_summary

    default = click.core.ParameterSource.DEFAULT
    own = {"files", "out", "seed", "as_json", "formats", "template"}
    for name in ctx.params:
        if name not in own and ctx.get_parameter_source(name) != default:
            raise InputError(f"{name}: not with a plan, which states it in its tables")
    if out is not None:
        results_folder(out, "qualification.json")
    dossier = qualify_plan(load_plan(path), seed=ctx.params["seed"])
    summary = dossier_summary(dossier, command_line())
    report = None if out is None else write_dossier(dossier, out, command=command_line(), **kind)
    print_answer(summary, dossier_lines(summary), report, as_json)
    return 0 if dossier.passed else 1


def _claim(options: dict[str, Any]) -> "tuple[Claim, str]":
    """Claim of the options, and what its life counts."""
    from reliability.lifetime.claims import Claim
    from reliability.lifetime.statements import parse_condition, parse_duration
    from reliability.units import quantity

    duration, clock = parse_duration(options["claim"], "claim")
    claim = Claim(
        duration,
        quantity(options["fraction"], "", "fraction", low=0.0, high=1.0),
        parse_condition(options["use"], "at"),
        quantity(options["confidence"], "", "confidence", low=0.0, high=1.0),
    )
    return claim, clock


def _test(files: tuple[Path, ...], options: dict[str, Any]) -> "xr.Dataset":
    """Units of the life test: those of the files, or those that the options state."""
    from reliability.commands.measured_files import read_life_tests
    from reliability.lifetime.statements import parse_condition, stated_test

    test = parse_condition(options["test_at"], "test_at")
    if not files:
        return stated_test(options["devices"], options["duration"], options["failures"], test)
    if options["devices"] or options["duration"] or options["failures"]:
        raise InputError("devices, duration, failures: go without a file")
    named = ("failure", "state", "columns", "layout", "missing", "consecutive")
    return read_life_tests(files, test, **{name: options[name] for name in named})


def _standard(name: str | None) -> str:
    """Name of a test of JESD47, or none."""
    from reliability.lifetime.demonstration import JESD47_TESTS

    if not name:
        return ""
    names = [test.name for test in JESD47_TESTS]
    if name not in names:
        raise unknown_name("test of JESD47", name, names)
    return name
