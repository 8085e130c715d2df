"""``reliability qualify``: does a life test show a claim?"""

import json
import re
from pathlib import Path
from typing import Any

import click

from reliability.commands.options import command_line, entries, report_options, results_folder
from reliability.errors import InputError, unknown_name

_UNITS = {"activation_energy": "eV", "voltage_acceleration": "1/V"}


@click.command(
    epilog="""\b
Exit codes:
  0  the claim is shown
  1  it is not shown, or the fit failed
  2  wrong input: one line says what
"""
)
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--claim", required=True, help="'10 years', '1e6 cycles' or '1e9 reads'.")
@click.option("--fraction", required=True, help="At most this fraction fails: 1e-4, '100 ppm'.")
@click.option("--at", "use", help="Use condition: '85 degC' or '85 degC, 0.1 V'.")
@click.option("--confidence", default="90%", show_default=True, help="One-sided.")
@click.option("--failure", help="When a read is a failure: 'conductance < 20 uS', '< 80 %'.")
@click.option("--state", help="Only cells of this state.")
@click.option("--columns", help="What the columns are, or a TOML file with a mapping.")
@click.option("--layout", help="Layout of a tester's file (with --failure).")
@click.option("--test-at", help="Condition of the test where the file has none: '125 degC'.")
@click.option("--devices", type=click.IntRange(1), help="Without a FILE: devices on test.")
@click.option("--duration", help="Without a FILE: '1000 h' or '1e5 cycles' of each.")
@click.option("--failures", type=click.IntRange(0), default=0, help="Without a FILE: failed ones.")
@click.option("--distribution", help="weibull, lognormal ...; default: the best by AICc.")
@click.option("--acceleration", help="Laws, 'arrhenius+inverse_power'; default: by what differs.")
@click.option("--activation-energy", help="Taken as known, '1.1 eV'.")
@click.option("--shape", type=float, help="Weibull shape, taken as known.")
@click.option("--assume", help="Other coefficients, 'voltage_acceleration = 20 1/V'.")
@click.option("--method", default="profile", show_default=True, help="Interval: profile, "
              "calibrated, bootstrap, wald.")  # fmt: skip
@click.option("--quantity", default="failed fraction", show_default=True,
              help="Its name on the data sheet, e.g. BER.")  # fmt: skip
@click.option("--jesd47", help="Test of JESD47 whose sample plan is compared.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of bootstrap intervals.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the report.")
@report_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def qualify(
    ctx: click.Context, file: Path | None, as_json: bool, out: Path | None, **options: Any
) -> None:
    """Say whether the life test in FILE shows a claim, and what may be printed about it.

    FILE is a table of times to failure (time and event, or lower and upper ends of read-out
    intervals; frequency, temperature, voltage), or any tester file together with --failure, which
    says when a read counts as failed. Without FILE, --devices, --duration and --failures state a
    test.

    \b
    Examples:
      reliability qualify oven.csv --claim "10 years" --at "85 degC" --fraction 1e-3
      reliability qualify bake.tsv --failure "conductance < 20 uS" --state LRS --quantity BER \\
          --claim "10 years" --at "85 degC" --fraction "100 ppm" --out out/retention
      reliability qualify --devices 231 --duration "1000 h" --test-at "125 degC" \\
          --claim "10 years" --at "55 degC" --fraction 1% --activation-energy "0.7 eV"
      reliability qualify endurance.csv --columns "cycles, event" --claim "1e5 cycles" \\
          --fraction 1e-3

    \b
    Files in the folder of --out:
      qualification.json   claim, test, fit and verdict
      report.html          the same as a document
    """
    from reliability.lifetime.claims import Claim, assess_claim
    from reliability.measurements import read_lifetimes
    from reliability.report.qualification_report import (
        qualification,
        qualification_lines,
        write_qualification_report,
    )
    from reliability.report.render import check_options
    from reliability.units import quantity

    kind = {"formats": options.pop("formats"), "template": options.pop("template")}
    check_options(**kind)
    standard = _standard(options["jesd47"])
    if out is not None:
        results_folder(out, "qualification.json")
    duration, clock = _duration(options["claim"], "claim")
    claim = Claim(
        duration,
        quantity(options["fraction"], "", "fraction", low=0.0, high=1.0),
        _stress(options["use"], "at"),
        quantity(options["confidence"], "", "confidence", low=0.0, high=1.0),
    )
    test = _stress(options["test_at"], "test_at")
    if file is None:
        data = _counts(options, test)
    elif options["devices"] or options["duration"] or options["failures"]:
        raise InputError("devices, duration, failures: go without a file")
    else:
        constants: dict[str, str | float] = {
            ("read_voltage" if name == "voltage" and options["failure"] else name): value
            for name, value in test.items()
        }
        data = read_lifetimes(
            file, columns=options["columns"], failure=options["failure"], state=options["state"],
            layout=options["layout"], constants=constants,
        )  # fmt: skip
    if data.attrs["clock"] != clock:
        raise InputError(
            f"claim: got {options['claim']!r}, but the test counts {data.attrs['clock']}"
        )
    known = _known(options)
    if file is None:
        known.setdefault("shape", 1.0)  # counts say nothing of a shape
    stress = {name: data[name].values for name in ("temperature", "voltage") if name in data}
    found = assess_claim(
        claim,
        lower=data["lower"].values,
        upper=data["upper"].values,
        frequency=data["frequency"].values,
        stress=stress,
        distribution=options["distribution"],
        acceleration=options["acceleration"],
        fixed=known,
        method=options["method"],
        seed=options["seed"],
    )
    told = qualification(found, data, quantity=options["quantity"], jesd47=standard)
    report = (
        None
        if out is None
        else write_qualification_report(found, data, told, out, command=command_line(), **kind)
    )
    if as_json:
        click.echo(json.dumps(told | ({} if report is None else {"report": str(report)})))
    else:
        for line in qualification_lines(told):
            click.echo(line)
        for problem in data.attrs.get("problems", []):
            click.echo(f"note: {problem}", err=True)
        if report is not None:
            click.echo(f"report: {report.resolve()}")
    ctx.exit(0 if found.passed else 1)


def _duration(text: str, name: str) -> tuple[float, str]:
    """A time in s, or a number of cycles or reads, and which of them it is."""
    from reliability.units import quantity

    match = re.match(r"^\s*(\S+)\s*(cycles?|reads?)\s*$", text)
    if match:
        count = quantity(match.group(1), "", name, low=0.0)
        return count, "cycles" if match.group(2).startswith("cycle") else "reads"
    if re.match(r"^\s*[-+.\deE]+\s*$", text):
        raise InputError(f"{name}: got {text!r}, expected a unit: years, h, cycles, reads")
    try:
        return quantity(text, "s", name, low=0.0), "time"
    except InputError as error:
        other = "" if text.strip().startswith("-") else ", nor in cycles or reads"
        raise InputError(f"{error}{other}") from None


def _stress(text: str | None, name: str) -> dict[str, float]:
    """A condition such as '85 degC, 0.1 V'."""
    from reliability.units import quantity

    stress: dict[str, float] = {}
    for entry in entries(text, name) if text else []:
        for stress_name, unit in (("temperature", "K"), ("voltage", "V")):
            try:
                value = quantity(entry, unit, name)
            except InputError:
                continue
            if re.match(r"^[-+.\deE]+$", entry):
                raise InputError(f"{name}: got {entry!r}, expected a unit: degC, K or V")
            if stress_name in stress:
                raise InputError(f"{name}: two values of {stress_name} in {text!r}")
            stress[stress_name] = value
            break
        else:
            raise InputError(f"{name}: got {entry!r}, expected a temperature or a voltage")
    return stress


def _known(options: dict[str, Any]) -> dict[str, float]:
    """Coefficients that are taken as known."""
    from reliability.units import quantity

    known: dict[str, float] = {}
    if options["activation_energy"]:
        known["activation_energy"] = quantity(
            options["activation_energy"], "eV", "activation_energy", low=0.0
        )
    if options["shape"] is not None:
        known["shape"] = options["shape"]
    for entry in entries(options["assume"], "assume") if options["assume"] else []:
        name, equals, value = (part.strip() for part in entry.partition("="))
        if not equals:
            raise InputError(f"assume: got {entry!r}, expected 'name = value'")
        known[name] = quantity(value, _UNITS.get(name, ""), name)
    return known


def _counts(options: dict[str, Any], test: dict[str, float]) -> Any:
    """A test stated by counts, as `read_lifetimes` would give it."""
    import numpy as np
    import xarray as xr

    for name in ("devices", "duration"):
        if not options[name]:
            raise InputError(f"{name}: missing; give a file, or --devices and --duration")
    duration, clock = _duration(options["duration"], "duration")
    devices, failures = options["devices"], options["failures"]
    if failures > devices:
        raise InputError(f"failures: got {failures}, more than {devices} devices")
    # When they failed is not known: some time before the end.
    rows = [(0.0, duration, failures), (duration, np.inf, devices - failures)]
    rows = [row for row in rows if row[2]]
    lower, upper, frequency = np.array(rows, dtype=float).T
    units = "s" if clock == "time" else "1"
    return xr.Dataset(
        {
            "lower": ("unit", lower, {"units": units}),
            "upper": ("unit", upper, {"units": units}),
            "frequency": ("unit", frequency),
            **{name: ("unit", np.full(len(rows), value)) for name, value in test.items()},
        },
        attrs={"clock": clock, "source": "stated on the command line"},
    )


def _standard(name: str | None) -> str:
    """Name of a test of JESD47, or none."""
    from reliability.lifetime.demonstration import JESD47_TESTS

    if not name:
        return ""
    names = [test.name for test in JESD47_TESTS]
    if name not in names:
        raise unknown_name("test of JESD47", name, names)
    return name
