"""Coverage of the intervals that a user sees, on simulated tests; writes docs/coverage.md.

python -m benchmarks.interval_coverage [--samples 400] [--seconds 400] [--only lots]

Samples come in blocks with seeds of their own, the cases with the fewest first, and each block is a
line of the file of counts: a run that was stopped, or that has a time limit, goes on where it was.
The page is written from the counts alone, as a whole.
"""

import argparse
import json
import math
import time
import warnings
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.interval_coverage_cases import CASES, NOTES, Case

BLOCK = 20  # samples that are simulated at once, times the size of the case
FEWEST = 20  # samples of a row of the page
HEAD = """# Coverage

How often the intervals and bounds of this package hold the truth, on simulated tests. Written as a
whole by `python -m benchmarks.interval_coverage`; every number is a percentage of the samples of
its row.

Two-sided intervals read "holds (truth below, truth above)": 90 (5, 5) is a nominal 90 % interval
whose two ends miss equally often. One-sided bounds read as the percentage of samples that miss.
Bold: outside the goal, which is to hold in no less than nominal minus 2 points, or to miss in no
more than 1.2 times the nominal error, by more than twice the standard error of the count. The
standard error of 90 % is 6.7 points in 20 samples, 3.0 in 100 and 1.3 in 500.
"""


class Count(NamedTuple):
    """Samples of one quantity: how many, truths below and above, and a typical relative width."""

    samples: int
    below: int
    above: int
    width: float

    def plus(self, other: "Count") -> "Count":
        """Counts of two blocks together."""
        total = self.samples + other.samples
        width = self.samples * self.width + other.samples * other.width if total else 0.0
        below, above = self.below + other.below, self.above + other.above
        return Count(total, below, above, width / max(total, 1))


def simulate(case: Case, block: int, samples: int) -> dict[str, Count]:
    """Counts of one block of samples."""
    seed = [zlib.crc32(case.key.encode()), block]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = case.simulate(np.random.default_rng(seed), samples)
    out = {}
    for name, rows in found.items():
        low, high, truth = np.asarray(rows, float).reshape(-1, 3).T
        known = ~(np.isnan(low) & np.isnan(high))
        low, high, truth = low[known], high[known], truth[known]
        with np.errstate(invalid="ignore", divide="ignore"):
            width = (high - low) / np.abs(truth) if case.sides == 2 else high / truth
        typical = float(np.median(width)) if width.size else 0.0
        out[name] = Count(
            int(known.sum()), int(np.sum(truth < low)), int(np.sum(truth > high)), typical
        )
    return out


def counted(lines: Iterable[str]) -> dict[str, dict[str, Count]]:
    """Sum of the counts of each case, and its blocks under ``""``."""
    out: dict[str, dict[str, Count]] = {}
    for line in lines:
        one = json.loads(line)
        found = out.setdefault(one["case"], {})
        for name, count in [*one["counts"].items(), ("", (1, 0, 0, 0.0))]:
            found[name] = found.get(name, Count(0, 0, 0, 0.0)).plus(Count(*count))
    return out


def is_outside(case: Case, count: Count) -> bool:
    """Whether coverage is worse than the goal, and not by chance."""
    allowed = 1 - case.nominal + 0.02 if case.sides == 2 else 1.2 * (1 - case.nominal)
    missed = (count.below if case.sides == 2 else 0) + count.above
    error = math.sqrt(allowed * (1 - allowed) / count.samples)
    return missed / count.samples > allowed + 2 * error


def cell(case: Case, count: Count | None) -> str:
    """Coverage of one quantity as it stands on the page."""
    if count is None or not count.samples:
        return ""
    below, above = (100 * n / count.samples for n in (count.below, count.above))
    text = f"{100 - below - above:.0f} ({below:.0f}, {above:.0f})" if case.sides == 2 else ""
    text = text or f"{above:.0f}"
    return f"**{text}**" if is_outside(case, count) else text


def page(found: dict[str, dict[str, Count]]) -> Iterator[str]:
    """Lines of the page."""
    yield HEAD
    found = {
        key: counts for key, counts in found.items()
        if max(counts[name].samples for name in counts if name) >= FEWEST
    }  # fmt: skip
    outside = [
        f"{case.section}: {case.condition}, {name}"
        for case in CASES
        for name, count in found.get(case.key, {}).items()
        if name and count.samples and is_outside(case, count)
    ]
    total = sum(len(found[case.key]) - 1 for case in CASES if case.key in found)
    yield f"{total - len(outside)} of {total} intervals and bounds are within the goal."
    for section in dict.fromkeys(case.section for case in CASES):
        cases = [case for case in CASES if case.section == section and case.key in found]
        if not cases:
            continue
        names = list(dict.fromkeys(n for case in cases for n in found[case.key] if n))
        kind = {2: "Two-sided intervals", 1: "Errors of one-sided bounds"}[cases[0].sides]
        yield f"\n## {section}\n"
        yield f"{kind}, nominal {100 * cases[0].nominal:.0f} %. {NOTES[section]}\n"
        yield "| " + " | ".join(["condition", "samples", *names]) + " |"
        yield "|---|---:|" + "---|" * len(names)
        for case in cases:
            counts = found[case.key]
            most = max(counts[n].samples for n in counts if n)
            cells = (cell(case, counts.get(n)) for n in names)
            yield "| " + " | ".join([case.condition, str(most), *cells]) + " |"


def main() -> None:
    """Parse the command line, simulate what is missing, and write the page."""
    parser = argparse.ArgumentParser(description="Coverage of intervals on simulated tests.")
    parser.add_argument("--samples", type=int, default=400, help="samples of each case")
    parser.add_argument("--seconds", type=float, default=math.inf, help="time limit of this run")
    parser.add_argument("--only", help="section whose title has this word")
    parser.add_argument("--counts", type=Path, default=Path("out/coverage.jsonl"))
    parser.add_argument("--page", type=Path, default=Path("docs/coverage.md"))
    asked = parser.parse_args()
    asked.counts.parent.mkdir(parents=True, exist_ok=True)
    lines = asked.counts.read_text("utf-8").splitlines() if asked.counts.exists() else []
    done, begin = counted(lines), time.monotonic()
    chosen = [case for case in CASES if not asked.only or asked.only in case.section.lower()]

    def fraction(case: Case) -> float:
        blocks = done.get(case.key, {}).get("", (0,))[0]
        return blocks * BLOCK / asked.samples

    while (case := min(chosen, key=fraction, default=None)) and fraction(case) < 1:
        if time.monotonic() - begin > asked.seconds:
            print(f"stopped at {fraction(case):.0%}; run it again to go on")
            break
        block = round(fraction(case) * asked.samples / BLOCK)
        start = time.monotonic()
        counts = simulate(case, block, max(round(BLOCK * case.size), 1))
        line = json.dumps({"case": case.key, "block": block, "counts": counts})
        with asked.counts.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        lines.append(line)
        done = counted(lines)
        print(f"{case.key}: {fraction(case):.0%}, {time.monotonic() - start:.1f} s", flush=True)
    asked.page.write_text("\n".join(page(done)) + "\n", "utf-8")


if __name__ == "__main__":
    main()
