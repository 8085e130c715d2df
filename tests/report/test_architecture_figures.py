"""Figures of the architecture studies, drawn from a nominal result and its draws; their words."""

import warnings

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

import reliability as rel
from reliability.architecture import area, energy, hierarchy, load_components, streams, tiers
from reliability.architecture.logic.streams import stream_crossings
from reliability.report import figures
from reliability.report.outputs.architecture import headline


def drawn(study, name: str, axes: dict[str, list] | None = None, **options) -> xr.Dataset:
    """Draws of a study, along axes as a sweep has them."""
    if axes:
        (axis, values), *inner = axes.items()
        parts = [drawn(study, name, dict(inner), **{axis: v}, **options) for v in values]
        return xr.concat(parts, xr.DataArray(values, dims=axis, name=axis), data_vars="all",
                         coords="minimal", compat="override", combine_attrs="override")  # fmt: skip
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
    axes = {"host": ["mcu", "fpga"], "network": ["spirit"], "capacity": [1024, 2048]}
    return drawn(hierarchy, "hierarchy", axes)


@pytest.fixture(scope="module")
def layouts() -> xr.Dataset:
    axes = {"structure": ["planar", "monolithic"], "power_density": [1e3, 1e4, 1e5]}
    return drawn(tiers, "tiers", axes, chips=1, images=20, cells=200, cooling="heat_sink",
                 temperatures=[318.15, 398.15])  # fmt: skip


@pytest.fixture(scope="module")
def cores() -> dict[str, xr.Dataset]:
    return {
        "energy": drawn(energy, "energy", {"node": ["130nm", "7nm"]}, images=20),
        "resistance": drawn(energy, "energy", {"lrs_resistance": [2e3, 1e5]}, images=20),
        "rate": drawn(energy, "energy", {"lead": [1, 5]}, images=20),
        "time": drawn(energy, "energy", {"threshold": [6.0, 14.0]}, coding="time", images=20),
        "area": drawn(area, "area", {"node": ["130nm", "7nm"], "classes": [1, 10, 100]}),
        "cores": drawn(area, "area", {"classes": [1, 10, 100]}),
        "streams": stream_crossings(drawn(streams, "streams", {"rate": [0.1, 1e3, 1e6]})),
    }


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
    ("function", "at"),
    [
        (figures.cache_traffic, {"network": 0}),
        (figures.power_against_period, {"host": 1, "network": 0}),
        (figures.paying_periods, {}),
        (figures.macro_areas, {"host": 0, "network": 0}),
    ],
)
def test_figures_of_the_hierarchy(memory, function, at) -> None:
    labelled(function, memory.isel(at))
    labelled(function, memory.isel(at).isel(draw=[0]))  # nothing drawn: no bands


@pytest.mark.parametrize(
    "function",
    [
        figures.memory_temperature,
        figures.accuracy_left,
        figures.error_rate_left,
    ],
)
def test_figures_of_the_tiers(layouts, function) -> None:
    labelled(function, layouts)
    labelled(function, layouts.isel(draw=[0]))
    labelled(figures.left_against_temperature, layouts.isel(structure=0, power_density=0))
    labelled(figures.layout_ratios, layouts.isel(power_density=0))


@pytest.mark.parametrize(
    ("study", "function"),
    [
        ("energy", figures.energy_against_node),
        ("rate", figures.gain_against_activity),
        ("time", figures.gain_against_activity),
        ("cores", figures.area_against_classes),
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
    ax = figures.gain_against_resistance(cores["resistance"], Figure().subplots())
    assert ax.get_xlabel() == "LRS resistance (kΩ)"
    here = cores["energy"].isel(node=0)
    ax = figures.event_energy_parts(here, Figure().subplots())
    assert ax.get_ylabel() == "energy of an event (pJ)"
    parts = [bar.get_height() for bar in ax.patches]
    assert parts[-1] == pytest.approx(sum(parts[:-1]))
    assert parts[-1] == pytest.approx(1e12 * float(here["event_energy"][0]))


def test_the_headline_is_one_sentence_with_value_unit_and_interval() -> None:
    def one(name: str, unit: str, value: float, low: float | None, high: float | None) -> dict:
        return {"name": name, "unit": unit, "value": value, "low": low, "high": high}

    found = {
        "study": "energy", "confidence": 0.95, "draws": 20,
        "labels": {"architecture.node": "CMOS node"}, "point": {"architecture.node": "130nm"},
        "quantities": {
            "event_energy": one("energy", "J", 3.1e-12, 1e-12, 1.7e-11),
            "mac_energy": one("energy", "J", 5.8e-12, None, None),
            "activity": one("events", "1", 0.19, 0.19, 0.19),
            "accuracy": one("accuracy of the network", "1", 0.881, 0.881, 0.881),
            "inference_gain": one("gain", "1", 2.1, 0.3, 11),
        },
    }  # fmt: skip
    assert headline(found).replace("\xa0", " ") == (
        "With CMOS node = 130 nm, a synaptic event takes 3.1 pJ (95 % interval 1 pJ to 17 pJ) and "
        "a multiply-accumulate 5.8 pJ (unbounded); an inference takes 0.19 events of a connection "
        "at an accuracy of 88.1 %, and digital sums 2.1 (0.3 to 11) times the energy of its spikes."
    )


def test_a_line_is_what_the_result_says(layouts, memory) -> None:
    ax = labelled(figures.memory_temperature, layouts).axes[0]
    line = next(one for one in ax.lines if one.get_label() == "planar")
    at = {"structure": "planar", "draw": 0}
    expected = layouts["hottest_temperature"].sel(at) - 273.15
    assert np.asarray(line.get_ydata()) == pytest.approx(expected.values)
    ax = labelled(figures.power_against_period, memory.isel(network=0, host=0)).axes[0]
    line = next(one for one in ax.lines if one.get_label() == "resistive cache")
    here = memory.sel(host="mcu", hierarchy="resistive").isel(network=0, draw=0, capacity=1)
    period = np.asarray(line.get_xdata())
    expected = float(here["energy"]) / period + float(here["standby"])
    assert np.asarray(line.get_ydata()) == pytest.approx(expected)
