"""Run every benchmark, each in a process of its own, and write one table with the machine.

    python -m benchmarks                     # all that are not done yet, then the table
    python -m benchmarks spiking weighted_sum      # these, again
    python -m benchmarks --table             # only the table, from what is there

Results are kept in out/benchmarks, a file for each, so a run that was stopped goes on. The table
goes below the mark in docs/benchmarks.md, or into the file of --page. Wall times need a quiet
machine: where more than a fifth of a core is busy just before or after, the row says so.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

from benchmarks.found import FILE

HERE = Path(__file__).resolve().parent
_OTHERS = ("__init__", "__main__", "interval_coverage", "interval_coverage_cases", "found")
NAMES = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in _OTHERS)
MARK = "<!-- below: written by python -m benchmarks -->"
PACKAGES = ("numpy", "scipy", "numba", "torch", "snntorch", "aihwkit", "lifelines", "surpyval",
            "badcrossbar", "onnxruntime")  # fmt: skip


def machine() -> dict[str, str]:
    """What the numbers depend on."""
    found = {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "python": platform.python_version(),
    }
    if hasattr(os, "sysconf"):
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        found["memory"] = f"{memory / 2**30:.0f} GiB"
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _busy_cores() -> float:
    """Cores that are busy while nothing of ours runs, over a second."""
    counted = Path("/proc/stat")
    if not counted.is_file():
        return os.getloadavg()[0]

    def ticks() -> int:
        user, nice, system = map(int, counted.read_text("utf-8").split()[1:4])
        return user + nice + system

    before = ticks()
    time.sleep(1)
    return (ticks() - before) / os.sysconf("SC_CLK_TCK")


def run(name: str, folder: Path, limit: float | None) -> dict:
    """Run one benchmark and keep what it printed and found."""
    rows = folder / f"{name}.jsonl"
    rows.unlink(missing_ok=True)
    load, start = _busy_cores(), time.monotonic()
    environment = os.environ | {FILE: str(rows)}
    log = folder / f"{name}.txt"
    try:
        with log.open("w", encoding="utf-8") as output:
            code = subprocess.run(
                [sys.executable, "-m", f"{HERE.name}.{name}"], timeout=limit, env=environment,
                stdout=output, stderr=subprocess.STDOUT, cwd=HERE.parent,
            ).returncode  # fmt: skip
    except subprocess.TimeoutExpired:
        code = None
    took = time.monotonic() - start
    load = max(load, _busy_cores())
    lines = rows.read_text("utf-8").splitlines() if rows.exists() else []
    rows.unlink(missing_ok=True)
    entries = [json.loads(line) for line in lines]
    if code != 0:
        last = log.read_text("utf-8", "replace").strip().splitlines()[-1:] or ["no output"]
        why = f"not done in {limit:.0f} s" if code is None else last[0]
        entries.append({"what": name, "left_out": why})
    done = {
        "name": name, "machine": machine(), "load": load, "entries": entries,
        "date": time.strftime("%Y-%m-%d"), "seconds": took,
    }  # fmt: skip
    (folder / f"{name}.json").write_text(json.dumps(done, ensure_ascii=False, indent=1), "utf-8")
    return done


def table(done: list[dict]) -> str:
    """All rows in Markdown, with the machine of each group of them."""
    lines = []
    for told in sorted({json.dumps(one["machine"]) for one in done}):
        here = [one for one in done if json.dumps(one["machine"]) == told]
        days = sorted({one["date"] for one in here})
        parts = ", ".join(f"{key} {value}" for key, value in json.loads(told).items())
        lines += [
            f"Measured {' and '.join(dict.fromkeys((days[0], days[-1])))} on: {parts}.",
            "",
            "| what | ours | peer | times as fast | script |",
            "|---|---|---|---:|---|",
        ]
        missing = []
        for one in here:
            busy = " (beside other work)" if one["load"] > 0.2 else ""
            for entry in one["entries"]:
                if "left_out" in entry:
                    missing.append(f"- `{one['name']}.py`, {entry['what']}: {entry['left_out']}")
                    continue
                ratio = "" if entry["ratio"] is None else f"{entry['ratio']:.3g}"
                cells = (entry["what"] + busy, entry["ours"], entry["peer"], ratio)
                lines.append("| " + " | ".join(cells) + f" | `{one['name']}.py` |")
        if missing:
            lines += ["", "Not measured:", "", *missing]
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    """Run what is asked for and write the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--table", action="store_true", help="run nothing")
    parser.add_argument("--limit", type=float, help="seconds for each benchmark")
    parser.add_argument("--out", type=Path, default=Path("out/benchmarks"))
    parser.add_argument("--page", type=Path, default=HERE.parent / "docs" / "benchmarks.md")
    asked = parser.parse_args()
    unknown = set(asked.names) - set(NAMES)
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    asked.out.mkdir(parents=True, exist_ok=True)
    folder = asked.out.resolve()
    for name in [] if asked.table else asked.names or NAMES:
        if not asked.names and (folder / f"{name}.json").is_file():
            continue
        print(f"{name} ...", flush=True)
        done = run(name, folder, asked.limit)
        print(f"{name}: {len(done['entries'])} rows, {done['seconds']:.0f} s", flush=True)
    done = [json.loads((folder / f"{n}.json").read_text("utf-8")) for n in NAMES
            if (folder / f"{n}.json").is_file()]  # fmt: skip
    if not done:
        sys.exit("nothing is measured yet")
    before = asked.page.read_text("utf-8") if asked.page.is_file() else ""
    head = before.partition(MARK)[0].rstrip()
    asked.page.write_text(f"{head}\n\n{MARK}\n\n{table(done)}".lstrip(), "utf-8")
    print(f"table: {asked.page}")


if __name__ == "__main__":
    main()
