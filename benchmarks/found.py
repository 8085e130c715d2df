"""What a benchmark found, as rows of the one table that ``python -m benchmarks`` writes.

A script that is run by itself only prints; run by the table it also leaves its rows in a file.
"""

import json
import os
from pathlib import Path

FILE = "RELIABILITY_BENCHMARK"  # environment variable: where the rows go


def row(what: str, ours: str, peer: str = "", ratio: float | None = None) -> None:
    """Keep a row: what was done, our number, the peer with its number, how many times as fast."""
    _keep({"what": what, "ours": ours, "peer": peer, "ratio": ratio})


def left_out(what: str, why: object) -> None:
    """Keep and print that something was not measured, and why."""
    print(f"{what} is left out: {why}")
    _keep({"what": what, "left_out": " ".join(str(why).split())})


def _keep(entry: dict) -> None:
    if FILE in os.environ:
        with Path(os.environ[FILE]).open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")
