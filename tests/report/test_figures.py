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
from reliability import lifetime
from reliability.report import figures
from reliability.statistics.crossed import mean_of_fractions

BASELINE = Path(__file__).with_name("baseline")
TOLERANCE = 2.0  # root mean square of the 256 levels of a colour
TIMES = np.array([0.0, 1.0, 60.0, 3600.0, 86400.0])
SCORES = stats.norm.ppf((np.arange(99) + 0.5) / 99)
SIX_YEARS = 6 * 31557600.0


def weibull(law: str = "weibull") -> xr.Dataset:
    """Forty lives of shape 2 and scale 1000 h, of which those beyond 1400 h were still good."""
    life = 3.6e6 * (-np.log1p(-(np.arange(40) + 0.5) / 40)) ** 0.5
    fit = rel.fit_lifetime(time=np.minimum(life, 5e6), event=life < 5e6, distribution=law)
    return lifetime.probability_curves(fit, [{}])


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
        {"target_error_rate": 1e-3},
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


def survivors() -> dict[str, lifetime.nonparametric.SurvivalCurve]:
    """Two groups, one of which loses half of its units."""
    hours = 3600.0 * np.arange(10, 210, 10)
    return {
        "hot": lifetime.kaplan_meier(hours, np.ones(20)),
        "cold": lifetime.kaplan_meier(hours * 2, np.arange(20) % 2),
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
    "reference": lambda ax: figures.error_rate_against_reference(errors(), ax, target=1e-2),
    "wafers": several_wafers,
    "crossbar": lambda ax: figures.largest_array_map(
        sizes(), ax, x="lrs_resistance", y="wire", wanted=64
    ),
    "accuracy": lambda ax: figures.accuracy_against_time(accuracy(), ax, references={"": 0.82}),
    "attribution": lambda ax: figures.attribution_bars(
        losses([0.01, 0.05, -0.004], [0.0, 0.04, -0.01], [0.02, 0.06, 0.001]), ax
    ),
    "predictive": lambda ax: figures.predictive_check(predictive(), ax, quantity="sigma"),
}


def losses(value, low, high) -> xr.Dataset:
    """Loss of accuracy by three causes, counted in one or more ways."""
    dims = ("way", "cause")[-np.ndim(value) :]
    ends = {"value": value, "low": low, "high": high}
    return xr.Dataset(
        {name: (dims, np.array(values)) for name, values in ends.items()},
        {"cause": ["a", "b", "c"]},
    )


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


def drawn(ax: Axes, label: str) -> tuple[np.ndarray, np.ndarray]:
    """Data of the line with a label."""
    lines = [line for line in ax.lines if line.get_label() == label]
    return lines[0].get_data()


@pytest.mark.parametrize("law", ["normal", "lognormal", "loglogistic", "weibull", "gumbel_min",
                                 "gumbel_max"])  # fmt: skip
def test_a_law_is_a_straight_line_on_its_paper(law: str) -> None:
    ax = figures.probability_plot(weibull(law), Figure().subplots())
    fit = next(line for line in ax.lines if line.get_linestyle() == "-")
    x, percent = fit.get_data()
    inside = (percent > 0.1) & (percent < 99.9)
    at = ax.transData.transform(np.column_stack([x, percent])[inside])
    line = np.polyfit(*at.T, 1)
    assert np.abs(np.polyval(line, at[:, 0]) - at[:, 1]).max() < 0.1  # pixels
    assert ax.get_ylabel() == "failed (%)"
    assert ax.get_xlabel() == ("time" if ax.get_xscale() == "log" else "time (days)")
    assert [text.get_text() for text in ax.texts] == ["6"]  # units still good


def test_other_quantities_stand_in_the_unit_that_reads_best() -> None:
    g = 50e-6 + 2e-6 * SCORES
    fit = rel.fit_lifetime(time=g * 1e6, distribution="normal")
    curves = lifetime.probability_curves(fit, [{}])
    curves = curves.assign({n: curves[n] * 1e-6 for n in ("time", "seen_time")})
    curves["time"].attrs["units"] = "S"
    ax = figures.probability_plot(curves, Figure().subplots(), clock="conductance")
    assert ax.get_xlabel() == "conductance (µS)"
    assert drawn(ax, "all units")[0].mean() == pytest.approx(50)
    with pytest.raises(rel.InputError, match="did you mean 'weibull'"):
        figures.probability_plot(curves, Figure().subplots(), paper="wiebull")


def test_cells_are_pooled_by_level_and_time_zero_has_a_place() -> None:
    ax = figures.relaxation_fan(relaxing(), Figure().subplots())
    x, y = drawn(ax, "50 µS")
    assert x.tolist() == TIMES.tolist()
    assert y == pytest.approx(np.full(5, 50))
    assert ax.get_ylabel() == "conductance (µS)"
    assert ax.get_xticklabels()[-1].get_text() == "0"
    left, first = ax.transData.transform([(0.0, 50), (1.0, 50)])[:, 0]
    assert left < first  # a decade and a half before
    with pytest.raises(rel.InputError, match="expected reads among them"):
        figures.read_disturb(relaxing(), Figure().subplots())


def test_drift_states_the_coefficient_of_each_level() -> None:
    ax = figures.drift(drifting(), Figure().subplots())
    told = [text.get_text() for text in ax.get_legend().get_texts()]
    assert told == ["2 µS: ν = 0.050", "8 µS: ν = 0.030", "24 µS: ν = 0.010"]


def test_spectral_density_of_white_noise_is_its_variance_over_its_bandwidth() -> None:
    white = 5e-5 * (1 + 0.01 * np.random.default_rng(0).standard_normal(2**15))
    trace = xr.DataArray(white, dims="time", coords={"time": np.arange(2**15) * 1e-3})
    ax = figures.power_spectral_density(trace, Figure().subplots(), confidence=0.95)
    _, density = drawn(ax, "reads")
    expected = 0.01**2 / 500.0
    vertices = np.concatenate([path.vertices for path in ax.collections[0].get_paths()])
    inside = [
        vertices[vertices[:, 0] == f, 1].min() <= expected <= vertices[vertices[:, 0] == f, 1].max()
        for f in np.unique(vertices[:, 0])
    ]
    assert len(inside) == len(density)
    assert sum(inside) >= stats.binom.ppf(1e-3, len(inside), 0.95)
    with pytest.raises(rel.InputError, match="equal steps"):
        figures.power_spectral_density(
            trace.assign_coords(time=np.geomspace(1, 2, 2**15)), Figure().subplots()
        )

    with pytest.raises(rel.InputError, match="got 63 reads, expected 64 or more"):
        figures.power_spectral_density(trace[:63], Figure().subplots())


def test_a_trace_is_drawn_as_steps_in_the_units_that_read_best() -> None:
    trace = noisy()
    ax = figures.noise_trace(trace, Figure().subplots())
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (s)", "conductance (µS)")
    for cell in (0, 1):
        line = next(one for one in ax.lines if one.get_label() == f"cell {cell}")
        assert line.get_drawstyle() == "steps-post"
        np.testing.assert_allclose(line.get_xdata(), trace["time"])
        np.testing.assert_allclose(line.get_ydata(), trace.sel(cell=cell) * 1e6)
    assert figures.noise_trace(trace[:, 0], Figure().subplots()).get_legend() is None


def test_resistance_against_cycles_is_the_middle_and_the_ends_of_the_cells() -> None:
    spread = np.exp(0.3 * SCORES)
    r = np.stack([5e3 * spread, 9e4 * spread**2])[None] * np.array([1.0, 1.1, 1.3])[:, None, None]
    given = xr.DataArray(r, dims=("cycle", "state", "cell"), coords={"state": ["LRS", "HRS"]})
    ax = figures.resistance_against_cycles(given, Figure().subplots())
    assert ax.get_ylabel() == "resistance (kΩ)"
    for k, (state, median) in enumerate((("LRS", 5.0), ("HRS", 90.0))):
        x, y = drawn(ax, f"{state}: median, 90 % of cells")
        assert x.tolist() == [1, 2, 3]  # cycles without a coordinate count from 1
        np.testing.assert_allclose(y, median * np.array([1.0, 1.1, 1.3]), rtol=1e-12)
        band = ax.collections[k].get_paths()[0].vertices
        ends = np.quantile(r[0, k] / 1e3, [0.05, 0.95])
        np.testing.assert_allclose(sorted(set(band[band[:, 0] == 1, 1])), ends, rtol=1e-9)


def test_wafer_map_shows_every_die_of_the_grid_and_categories_have_names() -> None:
    values = dies(1)[0]
    ax = figures.wafer_map(values, Figure().subplots(), **WAFER)
    grid, tested = ax.collections
    assert len(grid.get_paths()) == values.size  # the whole wafer was sampled
    assert len(tested.get_paths()) == values.size - 1
    bar = ax.figure.axes[-1]
    assert bar.get_ylabel() == "median (µS)"
    assert np.nanmax(values) * 1e6 == pytest.approx(tested.get_array().max())
    kinds = xr.where(values > 8e-5, "good", "weak")
    ax = figures.wafer_map(kinds, Figure().subplots(), **WAFER)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["good", "weak"]
    chips = values.rename(die="chip").drop_vars("wafer")
    chips = chips.assign_coords(wafer=("chip", np.full(chips.size, 4)))
    ax = figures.wafer_map(chips, Figure().subplots(), **WAFER)
    assert ax.get_title() == "wafer 4"
    with pytest.raises(rel.InputError, match="one for each of 2 wafers"):
        figures.wafer_maps(dies(), [ax], **WAFER)


def test_several_ways_to_count_a_loss_stand_beside_each_other() -> None:
    value = np.array([[0.01, 0.05, -0.004], [0.02, 0.03, 0.0]])
    found = losses(value, value - 0.01, value + 0.01).assign_coords(way=["of", "by"])
    ax = figures.attribution_bars(found, Figure().subplots())
    assert [label.get_text() for label in ax.get_yticklabels()] == ["c", "a", "b"]
    widths = [bar.get_width() for bar in ax.patches]  # points, ordered by the first way
    assert widths == pytest.approx([-0.4, 1, 5, 0, 2, 3])
    places = [bar.get_y() + bar.get_height() / 2 for bar in ax.patches]
    assert places == pytest.approx([0.2, 1.2, 2.2, -0.2, 0.8, 1.8])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["of", "by"]


@pytest.mark.parametrize("along", ["reads", "inferences"])
def test_accuracy_against_reads_has_the_mean_of_chips_with_its_interval(along: str) -> None:
    chips = 0.8 + 0.01 * np.linspace(-1, 1, 11) - np.array([0.0, 0.01, 0.1])[:, None]
    accuracy = xr.DataArray(chips, dims=(along, "chip"),
                            coords={along: [0.0, 1e6, 2e9], "read_voltage": 0.1})  # fmt: skip
    ax = figures.accuracy_against_reads(accuracy, Figure().subplots(), ideal=0.85, confidence=0.9)
    x, mean = drawn(ax, "100 mV")
    assert x.tolist() == [0.0, 1e6, 2e9]
    assert mean == pytest.approx(chips.mean(axis=1))
    bars = ax.collections[1].get_segments()
    _, low, high = mean_of_fractions(chips[0], None, 0.9)
    assert bars[0][:, 1] == pytest.approx([low, high])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "10⁶", "2×10⁹"]


def test_a_cross_for_no_array_leaves_the_panels_their_room() -> None:
    none = sizes()
    none["size"][0, 1:] = 0
    with matplotlib.rc_context(figures.STYLE):
        figure = Figure(figsize=(9.8, 4.4), layout="constrained")
        for ax in figure.subplots(1, 2, sharey=True):
            figures.size_against(none, ax, x="lrs_resistance", lines="wire")
        figure.draw_without_rendering()
    assert all(ax.get_position().width > 0.4 for ax in figure.axes)


def test_without_axes_a_figure_is_new_and_in_style() -> None:
    from matplotlib import pyplot

    before = pyplot.get_fignums()
    ax = figures.survival(survivors())
    assert pyplot.get_fignums() != before
    assert not ax.spines["top"].get_visible()
    pyplot.close(ax.figure)


if __name__ == "__main__":
    for name, draw in DRAWN.items():
        print(image(draw, BASELINE / f"{name}.png"))
