"""Figures: what they draw of small closed-form data, as images and as numbers on their axes.

Images are without text, so that fonts do not matter. After a wanted change of a figure make the
images again and look at them: python tests/report/test_figures.py
"""

from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.testing.compare import compare_images
from matplotlib.testing.decorators import remove_ticks_and_titles
from matplotlib.text import Text
from scipy import stats

import reliability as rel
from reliability import statistics
from reliability.report import figures

BASELINE = Path(__file__).with_name("baseline")
TOLERANCE = 2.0  # root mean square of the 256 levels of a colour
TIMES = np.array([0.0, 1.0, 60.0, 3600.0, 86400.0])
SCORES = stats.norm.ppf((np.arange(99) + 0.5) / 99)
SIX_YEARS = 6 * 31557600.0


def weibull(law: str = "weibull") -> xr.Dataset:
    """Forty lives of shape 2 and scale 1000 h, of which those beyond 1400 h were still good."""
    life = 3.6e6 * (-np.log1p(-(np.arange(40) + 0.5) / 40)) ** 0.5
    fit = rel.fit_lifetime(time=np.minimum(life, 5e6), event=life < 5e6, distribution=law)
    return statistics.probability_curves(fit, [{}])


def life() -> xr.Dataset:
    """Life of 1 eV with a band that widens away from 125 °C."""
    kelvin = np.array([300.0, 330.0, 360.0, 398.15, 420.0])
    median = 3.6e5 * np.exp(1 / 8.617e-5 * (1 / kelvin - 1 / 398.15))
    wide = np.exp(0.2 + np.abs(kelvin - 398.15) / 80)
    shares = np.array([[0.2], [1.0]])
    return xr.Dataset(
        {
            "life": (("fraction", "temperature"), shares * median),
            "low": (("fraction", "temperature"), shares * median / wide),
            "high": (("fraction", "temperature"), shares * median * wide),
            "seen_time": ("failure", [2e5, 4e5, 1e6]),
            "seen_temperature": ("failure", [420.0, 398.15, 398.15]),
        },
        {"fraction": [0.01, 0.5], "temperature": kelvin},
    )


def cells(values: np.ndarray, along: str, axis: np.ndarray, **more: object) -> xr.DataArray:
    return xr.DataArray(values, dims=(along, "cell"), coords={along: axis, **more})


def relaxing() -> xr.DataArray:
    """Two levels whose spread grows by 0.5 µS a decade."""
    decades = np.log10(1 + TIMES)[:, None]
    spread = np.concatenate([50 + (1 + decades) * SCORES, 90 + (1 + decades / 2) * SCORES], axis=1)
    return cells(spread * 1e-6, "time", TIMES, target=("cell", np.repeat([50e-6, 90e-6], 99)))


def disturbed() -> xr.DataArray:
    reads = np.concatenate([[0.0], np.geomspace(1e3, 1e12, 10)])
    lost = 1 - np.exp(-reads[:, None] / (1e10 * np.exp(SCORES)))
    return cells(1e-5 * np.exp(0.3 * SCORES + 2 * lost), "reads", reads)


def drifting() -> xr.DataArray:
    """Three levels with drift coefficients 0.05, 0.03 and 0.01."""
    time = np.geomspace(20, 2e7, 7)
    nu = np.repeat([0.05, 0.03, 0.01], 99)
    start = np.repeat([2e-6, 8e-6, 24e-6], 99) * np.exp(0.1 * np.tile(SCORES, 3))
    return cells(start * (time[:, None] / 20) ** -nu, "time", time,
                 target=("cell", np.repeat([2e-6, 8e-6, 24e-6], 99)))  # fmt: skip


def window() -> xr.Dataset:
    current, voltage = np.geomspace(50e-6, 300e-6, 6), np.linspace(2.4, 3.0, 5)
    decades = 0.5 + np.log10(current / 5e-5)[:, None] + 2 * (voltage - 2.4)
    dims = ("compliance_current", "reset_voltage")
    return xr.Dataset(
        {"window": (dims, decades), "bit_error_rate": (dims, stats.norm.sf(2 * decades))},
        {"compliance_current": ("compliance_current", current, {"units": "A"}),
         "reset_voltage": ("reset_voltage", voltage, {"units": "V"})},
        {"wanted_error_rate": 1e-3},
    )  # fmt: skip


def errors() -> xr.Dataset:
    reference = np.geomspace(10e-6, 100e-6, 31)
    wrong = np.array([stats.norm.cdf(np.log(reference / 80e-6) / 0.2),
                      stats.norm.sf(np.log(reference / 12e-6) / 0.4)])  # fmt: skip
    return xr.Dataset(
        {"error_rate": (("state", "reference"), wrong),
         "bit_error_rate": ("reference", wrong.mean(axis=0))},
        {"state": ["LRS", "HRS"], "reference": reference},
    )  # fmt: skip


def noisy() -> xr.DataArray:
    """A square wave beside a sum of eleven sines."""
    time = np.arange(2048) * 1e-3
    waves = sum(np.sin(2 * np.pi * 2.0**k * time + k) / 2 ** (k / 2) for k in range(11))
    trace = np.array([5e-5 * (1 + 0.01 * waves), 4e-5 * (1 - 0.05 * ((time * 7) % 1 < 0.4))])
    return xr.DataArray(trace.T, dims=("time", "cell"), coords={"time": time, "cell": [0, 1]})


def dies(wafers: int = 2) -> xr.DataArray:
    """A radial trend on a grid of 20 mm dies; the last die of each wafer was not measured."""
    at = np.array([(x, y) for x in range(-80, 81, 20) for y in range(-80, 81, 20)
                   if np.hypot(abs(x) + 10, abs(y) + 10) < 97])  # fmt: skip
    x, y = at.T.astype(float)
    values = np.array([1e-4 * (1 + k / 10 - np.hypot(x, y) / 300) for k in range(wafers)])
    values[:, -1] = np.nan
    return xr.DataArray(
        values, dims=("wafer", "die"), attrs={"units": "S", "long_name": "median"},
        coords={"wafer": np.arange(wafers), "x": ("die", x), "y": ("die", y)},
    )  # fmt: skip


WAFER = {"diameter": 200.0, "die": (20.0, 20.0), "edge_exclusion": 3.0}


def sizes() -> xr.Dataset:
    ohm, wire = np.geomspace(3e3, 5e4, 5), np.geomspace(1, 30, 4)
    size = np.sqrt(ohm[:, None] / wire)
    dims = ("lrs_resistance", "wire")
    return xr.Dataset(
        {"size": (dims, size), "size_low": (dims, size / 1.5), "size_high": (dims, size * 1.5)},
        {"lrs_resistance": ("lrs_resistance", ohm, {"units": "ohm"}),
         "wire": ("wire", wire, {"units": "ohm"})},
    )  # fmt: skip


def accuracy() -> xr.DataArray:
    loss = np.multiply.outer([0.01, 0.04], np.log10(1 + TIMES))
    return xr.DataArray(
        0.8 - loss[..., None] + 0.01 * np.linspace(-1, 1, 11), dims=("temperature", "time", "chip"),
        coords={"temperature": [298.15, 398.15], "time": TIMES},
    )  # fmt: skip


def predictive() -> xr.Dataset:
    level = np.tile(np.arange(20e-6, 101e-6, 20e-6), 2)
    time = np.repeat([1.0, 1e4], 5)
    seen = 2e-6 + 0.2e-6 * np.log10(time) + 0.01 * level
    at = {"level": level, "time": time, "temperature": np.full(10, 298.15), "reads": np.zeros(10),
          "quantity": np.full(10, "sigma"), "label": level.astype(str)}  # fmt: skip
    check = xr.Dataset(
        {"observed": ("statistic", seen), "low": ("statistic", seen - 4e-7),
         "high": ("statistic", seen + 3e-7)},
        {name: ("statistic", values) for name, values in at.items()},
    )  # fmt: skip
    check["time"].attrs["units"] = "s"
    return check


def survivors() -> dict[str, statistics.nonparametric.SurvivalCurve]:
    """Two groups, one of which loses half of its units."""
    hours = 3600.0 * np.arange(10, 210, 10)
    return {
        "hot": statistics.kaplan_meier(hours, np.ones(20)),
        "cold": statistics.kaplan_meier(hours * 2, np.arange(20) % 2),
    }


def several_wafers(ax: Axes, values: xr.DataArray | None = None) -> None:
    ax.set_axis_off()
    figures.wafer_maps(dies() if values is None else values, ax.figure.subplots(1, 2), **WAFER)


DRAWN: dict[str, Callable[[Axes], object]] = {
    "weibull_paper": lambda ax: figures.probability_plot(weibull(), ax, claim=(1e5, 0.02)),
    "normal_paper": lambda ax: figures.probability_plot(weibull("normal"), ax),
    "gumbel_paper": lambda ax: figures.probability_plot(weibull("gumbel_max"), ax),
    "arrhenius": lambda ax: figures.arrhenius_plot(life(), ax, claim=(313.15, SIX_YEARS)),
    "survival": lambda ax: figures.survival(survivors(), ax),
    "relaxation": lambda ax: figures.relaxation_fan(relaxing(), ax),
    "drift": lambda ax: figures.drift(drifting(), ax),
    "read_disturb": lambda ax: figures.read_disturb(disturbed(), ax, reference=5e-5),
    "density": lambda ax: figures.power_spectral_density(noisy(), ax),
    "window": lambda ax: figures.window_map(
        window(), ax, x="compliance_current", y="reset_voltage"
    ),
    "reference": lambda ax: figures.error_rate_against_reference(errors(), ax, wanted=1e-2),
    "wafers": several_wafers,
    "crossbar": lambda ax: figures.largest_array_map(
        sizes(), ax, x="lrs_resistance", y="wire", wanted=64
    ),
    "accuracy": lambda ax: figures.accuracy_against_time(accuracy(), ax, references={"": 0.82}),
    "attribution": lambda ax: figures.attribution_bars(
        ["a", "b", "c"], [0.01, 0.05, -0.004], [0.0, 0.04, -0.01], [0.02, 0.06, 0.001], ax
    ),
    "predictive": lambda ax: figures.predictive_check(predictive(), ax, quantity="sigma"),
}


def image(draw: Callable[[Axes], object], path: Path) -> Path:
    """Draw without text or layout, so that neither fonts nor their versions matter."""
    with matplotlib.rc_context(figures.STYLE):
        figure = Figure(figsize=(6.4, 4.8), dpi=50)
        draw(figure.subplots())
    remove_ticks_and_titles(figure)
    for thing in (*figure.findobj(Text), *figure.findobj(Legend)):
        thing.set_visible(False)
    figure.savefig(path)
    return path


@pytest.mark.parametrize("name", DRAWN)
def test_image(name: str, tmp_path: Path) -> None:
    drawn = image(DRAWN[name], tmp_path / f"{name}.png")
    assert compare_images(str(BASELINE / f"{name}.png"), str(drawn), TOLERANCE) is None


def test_images_tell_small_changes(tmp_path: Path) -> None:
    """Two spreads a tenth wider, a curve a fifth higher, a die without a value: all are seen."""
    wider = (relaxing() - 50e-6) * 1.1 + 50e-6
    higher = life() * 1.2
    blank = dies().where(dies()["die"] != 3)
    changed: dict[str, Callable[[Axes], object]] = {
        "relaxation": lambda ax: figures.relaxation_fan(wider, ax),
        "arrhenius": lambda ax: figures.arrhenius_plot(
            higher.assign_coords(life().coords), ax, claim=(313.15, SIX_YEARS)
        ),
        "wafers": lambda ax: several_wafers(ax, blank),
        "accuracy": lambda ax: figures.accuracy_against_time(accuracy()[::-1], ax),
    }
    for name, draw in changed.items():
        drawn = image(draw, tmp_path / f"{name}.png")
        assert compare_images(str(BASELINE / f"{name}.png"), str(drawn), TOLERANCE), name


if __name__ == "__main__":
    for name, draw in DRAWN.items():
        print(image(draw, BASELINE / f"{name}.png"))
