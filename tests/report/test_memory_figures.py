"""Figures of the memory hierarchy and of the tiers, drawn from a nominal result and its draws."""

import warnings
from functools import partial

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

import reliability as rel
from reliability.architecture import hierarchy, load_sheet, tiers
from reliability.report import figures


def drawn(study, name: str, **options) -> xr.Dataset:
    card, sheet = rel.load_technology("oxram-130nm"), load_sheet(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # beyond a model's range
        parts = [study(card, sheet, **options)]
        parts += [study(card.drawn(1, k), sheet.drawn(1, k), **options) for k in (1, 2)]
    return xr.concat(parts, xr.DataArray(range(3), dims="draw", name="draw"),
                     data_vars="all", coords="minimal", compat="equals", join="exact",
                     combine_attrs="override")  # fmt: skip


@pytest.fixture(scope="module")
def memory() -> xr.Dataset:
    return drawn(hierarchy, "hierarchy", networks=["spirit"], capacities=[1024, 2048])


@pytest.fixture(scope="module")
def layouts() -> xr.Dataset:
    return drawn(tiers, "tiers", chips=1, images=20, cells=200, temperatures=[318.15, 398.15])


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
