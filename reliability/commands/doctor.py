"""``reliability doctor``: is this installation sound?"""

import json
import math
from typing import Any

import click

from reliability.commands.options import json_option, print_table, say


@click.command(
    epilog="""\b
Exit codes:
  0  all checks pass
  1  one does not
  2  wrong option
"""
)
@json_option
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Check the installation.

    Prints the environment, the extras, and a self-check against stored numbers.

    The self-check computes one number in each room of the suite and takes about five seconds. The
    first one after an installation takes up to a minute more, in which kernels are compiled. Put
    what is printed into a report of a fault.

    \b
    Examples:
      reliability doctor
      reliability doctor --json > environment.json
    """
    from reliability.campaign.self_check import environment, extras, self_check

    surroundings, found = environment(), extras()
    if not as_json:
        print_table(surroundings, "  ")
        say("\nextras")
        lines = {name: _packages(name, packages) for name, packages in found.items()}
        print_table(lines or {"not known": "the suite is run from its files, not installed"}, "  ")
        say("\nself-check")
    checks = self_check()
    passed = all(check.passed for check in checks)
    if as_json:
        told: dict[str, Any] = {
            "environment": surroundings,
            "extras": found,
            "checks": [
                vars(check)
                | {"passed": check.passed}
                | ({"found": None} if math.isnan(check.found) else {})
                for check in checks
            ],
            "passed": passed,
        }
        say(json.dumps(told, ensure_ascii=False))
    else:
        for check in checks:
            say(_line(check))
        bad = sum(not check.passed for check in checks)
        say(f"\n{len(checks) - bad} of {len(checks)} checks pass")
    ctx.exit(0 if passed else 1)


def _packages(extra: str, packages: dict[str, str | None]) -> str:
    if None in packages.values():
        return f"not installed: pip install 'rram-reliability[{extra}]'"
    return ", ".join(f"{name} {version}" for name, version in packages.items())


def _line(check: Any) -> str:
    mark = "ok   " if check.passed else "WRONG"
    text = check.error or (
        f"{check.found:.7g}, stored {check.expected:.7g} ± {check.tolerance:.2g}"
    )
    return f"  {mark} {check.name:<44} {text}  ({check.seconds:.1f} s)"
