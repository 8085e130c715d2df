"""Seconds of the failing ppm of a 1-Mbit macro over a mission, with 24 sampled cards.

Usage: python -m benchmarks.macro [sampled cards, default 24]
"""

import sys
import time

import reliability as rel
from benchmarks.found import row
from reliability.product import macro_failures

MISSION = rel.MissionProfile([
    rel.Segment("9 years", "55 degC", reads=1e6), rel.Segment("1 year", "85 degC", reads=1e5)
])  # fmt: skip


def main() -> None:
    """Print the table."""
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 24
    verify = rel.Verify(lrs_resistance="1.5 kohm", hrs_resistance="60 kohm", attempts=8)
    technology = rel.load_technology("oxram-130nm")
    # the card's reads at one polarity set every HRS within a year
    technology = rel.set_conditions(technology, compliance_current="400 uA", reset_voltage="2.9 V")
    start = time.perf_counter()
    found = macro_failures(
        technology, MISSION, bits=2**20, code=(78, 64, 2), cells_per_bit=3, draws=draws,
        verify=verify, seed=1,
    )  # fmt: skip
    took = time.perf_counter() - start
    ppm = [float(found[name]) for name in ("failing_ppm", "low", "high")]
    print(f"{draws} sampled cards: {took:.1f} s, {ppm[0]:.3g} ppm ({ppm[1]:.3g} to {ppm[2]:.3g})")
    row(f"failing ppm of a 1-Mbit macro over ten years, {draws} sampled cards", f"{took:.1f} s")


if __name__ == "__main__":
    main()
