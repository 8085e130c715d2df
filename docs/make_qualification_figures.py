"""Make the figures of docs/qualification.md (some seconds).

python docs/make_qualification_figures.py
"""

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from reliability.lifetime import Claim, assess_claim, life_against_temperature, probability_curves
from reliability.measurements import read_lifetimes
from reliability.report import figures as draw

HERE = Path(__file__).parent


def main() -> None:
    """Command line entry."""
    data = read_lifetimes(HERE / "examples" / "device_a.csv")
    claim = Claim(30_000 * 3600.0, 0.15, {"temperature": 283.15}, confidence=0.975)
    found = assess_claim(
        claim,
        lower=data["lower"].values,
        upper=data["upper"].values,
        frequency=data["frequency"].values,
        stress={"temperature": data["temperature"].values},
        distribution="lognormal",
    )
    assert found.fit is not None
    tested = [{"temperature": float(k)} for k in np.unique(data["temperature"].values)]
    with matplotlib.rc_context(draw.STYLE):
        figure = Figure(figsize=(11, 4.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        curves = probability_curves(found.fit, tested, confidence=0.95)
        draw.probability_plot(curves, left, claim=(claim.duration, claim.fraction))
        life = life_against_temperature(
            found.fit, list(np.linspace(278, 360, 10)), [0.15, 0.5], confidence=0.95
        )
        draw.arrhenius_plot(life, right, claim=(283.15, claim.duration))
        out = HERE / "figures" / "qualification.svg"
        figure.savefig(out, metadata={"Date": None, "Creator": None}, facecolor="white")
    print(out)


if __name__ == "__main__":
    main()
