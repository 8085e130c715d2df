"""How long each command takes the first time on a machine, and every time after it.

Usage: python -m benchmarks.first_use [NAME ...]

Each command runs twice, in an empty cache folder for what numba compiles: once it compiles what
it needs, then it finds it. The difference is compilation; the kernels that it left say of what.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.found import row

ROOT = Path(__file__).resolve().parents[1]
MEASURED = ROOT / "data" / "measured" / "techB_relaxation.tsv.gz"
COMMANDS = {
    "technologies show": "technologies show oxram-130nm",
    "plan": "plan analyses/spirit.toml",
    "inspect": f"inspect {MEASURED}",
    "run": "run analyses/spirit.toml --out OUT --chips 10 --workers 2",
    "fit": f"fit {MEASURED} --out OUT/card.toml --draws 20",
    "qualify": "qualify --devices 231 --duration 1000h --test-at 125degC --claim 10years"
    " --at 55degC --fraction 1% --activation-energy 0.7eV --shape 1 --out OUT",
    "qualify, a plan": "qualify docs/examples/qualification_plan.toml --out OUT",
    "size": "size --limit 30% --out OUT",
    "window": "window --compliance-current 50uA,200uA --out OUT",
    "map": "map mobilenet-mnist --rows 128 --columns 64 --adc-bits 8",
}


def seconds(command: str, cache: Path) -> float:
    """Run a command as a user does and return how long it took."""
    with tempfile.TemporaryDirectory() as out:
        words = [word.replace("OUT", out) for word in command.split()]
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", "from reliability.cli import main; main()", *words],
            cwd=ROOT,
            env=os.environ | {"NUMBA_CACHE_DIR": str(cache)},
            capture_output=True,
            text=True,
            check=False,
        )
        taken = time.perf_counter() - start
    if done.returncode > 1 or "Traceback" in done.stderr:  # 1: a claim that is not demonstrated
        raise SystemExit(f"{command}: {done.stderr.strip()[-500:]}")
    return taken


def kernels(cache: Path) -> list[str]:
    """Return the functions that were compiled, as module.function."""
    return sorted({file.stem.split("-")[0] for file in cache.rglob("*.nbi")})


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(COMMANDS))
    for name in parser.parse_args().names or COMMANDS:
        with tempfile.TemporaryDirectory() as folder:
            cache = Path(folder)
            first, again = (seconds(COMMANDS[name], cache) for _ in range(2))
            compiled = kernels(cache)
        print(f"{name:18} {first:6.1f} s, again {again:5.1f} s; {len(compiled)} kernels compiled")
        print("    " + ", ".join(compiled))
        row(
            f"`{name}`, first use ({len(compiled)} kernels compiled)",
            f"{first:.1f} s",
            f"every time after it {again:.1f} s",
        )


if __name__ == "__main__":
    main()
