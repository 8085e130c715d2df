"""Figures of the architecture studies, drawn from a nominal result and its draws; their words."""

import warnings
from functools import partial

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

import reliability as rel
from reliability.architecture import area, energy, hierarchy, load_components, streams, tiers
from reliability.report import figures
from reliability.report.outputs.architecture import quantity_lines


def drawn(study, name: str, **options) -> xr.Dataset:
    card, components = rel.load_technology("oxram-130nm"), load_components(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # beyond a model's range
        parts = [study(card, components, **options)]
        parts += [study(card.drawn(1, k), components.drawn(1, k), **options) for k in (1, 2)]
    return xr.concat(parts, xr.DataArray(range(3), dims="draw", name="draw"),
                     data_vars="all", coords="minimal", compat="equals", join="exact",
                     combine_attrs="override")  # fmt: skip


@pytest.fixture(scope="module")
def memory() -> xr.Dataset:
    return drawn(hierarchy, "hierarchy", networks=["spirit"], capacities=[1024, 2048])


@pytest.fixture(scope="module")
def layouts() -> xr.Dataset:
    return drawn(tiers, "tiers", chips=1, images=20, cells=200, temperatures=[318.15, 398.15])


@pytest.fixture(scope="module")
def cores() -> dict[str, xr.Dataset]:
    return {study.__name__: drawn(study, study.__name__) for study in (energy, area, streams)}


def labelled(function, data) -> Figure:
    figure = Figure()
    ax = figure.subplots()
    function(data, ax)
    assert ax.get_ylabel() or len(ax.get_yticklabels()) > 1
    assert ax.get_legend() is not None
    for line in ax.lines:
        assert len(line.get_xdata())
    figure.canvas.draw()
    return figure


@pytest.mark.parametrize(
    "function",
    [
        figures.cache_traffic,
        partial(figures.power_against_period, host="fpga"),
        figures.paying_periods,
        figures.macro_areas,
    ],
)
def test_figures_of_the_hierarchy(memory, function) -> None:
    labelled(function, memory)
    labelled(function, memory.isel(draw=[0]))  # nothing drawn: no bands


@pytest.mark.parametrize(
    "function",
    [
        figures.layout_ratios,
        figures.memory_temperature,
        figures.accuracy_left,
        figures.error_rate_left,
        figures.left_against_temperature,
    ],
)
def test_figures_of_the_tiers(layouts, function) -> None:
    labelled(function, layouts)
    labelled(function, layouts.isel(draw=[0]))


@pytest.mark.parametrize(
    ("study", "function"),
    [
        ("energy", figures.energy_against_node),
        ("energy", figures.gain_against_resistance),
        ("energy", figures.gain_against_activity),
        ("area", figures.area_against_classes),
        ("streams", figures.power_against_rate),
    ],
)
def test_figures_of_cores(cores, study, function) -> None:
    labelled(function, cores[study])
    labelled(function, cores[study].isel(draw=[0]))


def test_maps_and_bars_of_cores(cores) -> None:
    for function in (figures.smallest_core, figures.least_energy_core):
        ax = function(cores["area"], Figure().subplots())
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("CMOS node (nm)", "classes")
    ax = figures.event_energy_parts(cores["energy"], Figure().subplots())
    assert ax.get_ylabel() == "energy of an event (pJ)"
    parts = [bar.get_height() for bar in ax.patches]
    assert parts[-1] == pytest.approx(sum(parts[:-1]))
    assert parts[-1] == pytest.approx(1e12 * float(cores["energy"]["event_energy"][0]))


def test_headline_numbers_are_in_words() -> None:
    one = {"name": "accuracy on all images, fine_tuning", "unit": "1", "value": 0.279,
           "low": 0.25, "high": 0.31}  # fmt: skip
    other = {"name": "trainings, delta_batch", "unit": "1", "value": 5e4, "low": None, "high": None}
    found = {"quantities": {"a": one, "b": other}, "confidence": 0.95, "draws": 20}
    assert quantity_lines(found) == [
        "Accuracy on all images, new images only: 27.9 % (25.0 % to 31.0 % at 95 %, 20 draws).",
        "Trainings, delta rule, batches of 100: 5e+04 (interval unbounded).",
    ]


def test_a_line_is_what_the_result_says(layouts, memory) -> None:
    ax = labelled(figures.memory_temperature, layouts).axes[0]
    line = next(one for one in ax.lines if one.get_label() == "planar, heat sink")
    at = {"structure": "planar", "cooling": "heat_sink", "draw": 0}
    expected = layouts["hottest_temperature"].sel(at) - 273.15
    assert np.asarray(line.get_ydata()) == pytest.approx(expected.values)
    power = partial(figures.power_against_period, host="mcu")
    ax = labelled(power, memory).axes[0]
    line = next(one for one in ax.lines if one.get_label() == "resistive cache")
    here = memory.sel(host="mcu", hierarchy="resistive").isel(network=0, draw=0, capacity=1)
    period = np.asarray(line.get_xdata())
    expected = float(here["energy"]) / period + float(here["standby"])
    assert np.asarray(line.get_ydata()) == pytest.approx(expected)
