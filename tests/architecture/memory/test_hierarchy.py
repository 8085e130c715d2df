"""The resistive cache against DRAM and flash: borders, limits, what does not matter."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

import reliability as rel
from reliability.architecture import hierarchy, load_components
from reliability.architecture.memory.cache_retention import misread_cells
from reliability.architecture.memory.hierarchy import HIERARCHIES, HOSTS, fitting, traffic

pytest.importorskip("onnx")
CAPACITIES = (8192, 16384, 32768)


def over(card, components, hosts=tuple(HOSTS), capacities=CAPACITIES, **options) -> xr.Dataset:
    """A sweep over hosts and capacities, as a study has it."""
    rows = [
        xr.concat(
            [hierarchy(card, components, host=host, capacity=c, **options) for c in capacities],
            xr.DataArray(list(capacities), dims="capacity", name="capacity"),
        )
        for host in hosts
    ]
    return xr.concat(rows, xr.DataArray(list(hosts), dims="host", name="host"))


@pytest.fixture(scope="module")
def card() -> rel.Technology:
    return rel.load_technology("oxram-130nm")


@pytest.fixture(scope="module")
def components():
    return load_components("hierarchy")


@pytest.fixture(scope="module")
def data(card, components):
    return over(card, components)


def power(data, period):
    return data["energy"] / period + data["standby"]


def test_at_the_borders_two_hierarchies_take_the_same_power(data) -> None:
    own = {"hierarchy": "resistive"}
    for border, rival in (("pays_from", "dram_on"), ("pays_until", "dram_off")):
        period = data[border]
        inner = (period > 0) & np.isfinite(period)
        assert inner.any()
        mine = power(data.sel(own), period).where(inner)
        other = power(data.sel(hierarchy=rival), period).where(inner)
        assert np.nanmax(np.abs(mine / other - 1)) < 1e-9
    period = 0.5 * (data["pays_from"] + data["pays_until"])
    pays = data["pays_from"] < data["pays_until"]
    between = power(data, period)
    for rival in ("dram_on", "dram_off"):
        better = between.sel(own) < between.sel(hierarchy=rival)
        assert bool((better | ~pays).all())


def test_a_cache_that_holds_the_network_needs_no_flash(data, card, components) -> None:
    for host in HOSTS:
        here = data.sel(host=host)
        k = fitting(here)
        assert float(here["capacity"][k]) >= float(here["touched_bytes"][k])
        assert float(here["cache_fetched"][k]) == 0
        assert float(here["cache_written_back"][k]) == 0
    slow = components.with_values({"flash.rate": components["flash.rate"] / 10})
    other = hierarchy(card, slow, host="mcu", capacity=32768)
    energy = [data["energy"].sel(host="mcu", capacity=32768), other["energy"]]
    assert energy[0].sel(hierarchy="resistive") == energy[1].sel(hierarchy="resistive")
    assert energy[0].sel(hierarchy="dram_off") < energy[1].sel(hierarchy="dram_off")


def test_traffic_adds_up() -> None:
    sizes = (128, 512, 4096)
    all_sizes = [traffic("mobilenet-mnist", "pixels", 32, 8, 256, "cached", 8, n) for n in sizes]
    for found in all_sizes:
        # every line of the cache is written by a fill or by what the host's SRAM writes back
        assert found.cache_writes == pytest.approx(found.cache_fetched + found.written)
        assert found.line_writes.sum() == pytest.approx(found.cache_writes)
        assert found.fetched <= found.accesses
        assert found.fetched >= found.weight_lines  # it starts empty
    assert (np.diff([found.cache_fetched for found in all_sizes]) <= 0).all()


def test_waking_up_from_flash_takes_its_transfer_time(data, components) -> None:
    wake = data["wake_time"].isel(capacity=-1)
    found = traffic("mobilenet-mnist", "pixels", 32, 8, 512, "cached", 8, 512)
    transfer = found.weight_lines * 32 / components["flash.rate"]
    start = max(components["hyperram.start_time"], components["flash.wake_time"])
    assert float(wake.sel(host="mcu", hierarchy="dram_off")) == pytest.approx(start + transfer)
    # only the FPGA has to be configured
    own = wake.sel(hierarchy="resistive")
    assert own.sel(host="mcu") == own.sel(host="accelerator") == components["resistive.wake_time"]
    assert own.sel(host="fpga") > own.sel(host="mcu")


def test_a_card_that_endures_more_lasts_longer(card, components, data) -> None:
    better = card.with_values({"endurance.scale": 10 * card["endurance.scale"]})
    longer = over(better, components)
    assert (10 * longer["lasts_from"]).values == pytest.approx(data["lasts_from"].values)
    assert bool((data["lasts_from_levelled"] <= data["lasts_from"]).all())
    hot = over(card, components, temperature="85 degC")
    assert bool((hot["lasts_from"] > data["lasts_from"]).all())


def test_activations_that_stay_in_the_host_leave_the_cache_unworn(card, components) -> None:
    for host in HOSTS:
        kept = hierarchy(card, components, host=host, scratch="own")
        assert kept["cache_writes"] == kept["lasts_from"] == kept["local_written_back"] == 0
    with pytest.raises(
        rel.InputError, match=r"local_bytes: got 8192, .* 9408 bytes of activations"
    ):
        hierarchy(card, components, local_bytes=8192, scratch="own")


def test_flash_is_no_place_for_activations(data) -> None:
    """Where the host's SRAM writes back, flash alone takes far more than the rest."""
    energy = data["energy"].sel(host="mcu").isel(capacity=-1)
    assert float(data["local_written_back"].sel(host="mcu")[0]) > 0
    assert energy.sel(hierarchy="flash_only") > 30 * energy.sel(hierarchy="dram_off")


def test_areas_go_with_capacity_and_square_of_the_feature_size(card, components, data) -> None:
    small = over(card, components, feature_size="65 nm")
    for kind in ("area_sram", "area_resistive"):
        assert (4 * small[kind]).values == pytest.approx(data[kind].values, abs=0)
        assert np.diff(data[kind][0] / data["capacity"]) == pytest.approx(0, abs=1e-25)


def test_units_provenance_and_repeatability(card, components, data) -> None:
    assert data["energy"].attrs["units"] == "J"
    assert data["hierarchy"].values.tolist() == list(HIERARCHIES)
    assert set(data.attrs["headline"]) <= set(data.data_vars)
    assert (data["published"] > 0).all()
    assert data.identical(over(card, components))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"capacity": 1000}, "capacity: got 1000 bytes, expected a multiple of 32"),
        ({"local_bytes": 40}, "local_bytes: got 40 bytes, expected a multiple of 32"),
        ({"host": "mpu"}, "unknown host 'mpu'; did you mean 'mcu'"),
        ({"scratch": "owned"}, "unknown scratch 'owned'; did you mean 'own'"),
        ({"network": "mobilenet"}, "did you mean 'mobilenet-mnist'"),
        ({"feature_size": "-1 nm"}, "feature_size: got"),
        ({"lost_fraction": 2.0}, "lost_fraction: got 2.0"),
    ],
)
def test_what_cannot_be_right_is_named(card, components, options, says) -> None:
    with pytest.raises(rel.InputError, match=says) as error:
        hierarchy(card, components, **options)
    assert "\n" not in str(error.value)


def test_a_card_of_levels_is_refused(components) -> None:
    with pytest.raises(rel.InputError, match="pcm-joshi has no two states"):
        hierarchy(rel.load_technology("pcm-joshi"), components)


def test_lines_that_a_rest_costs_are_those_of_worn_cells(card, components) -> None:
    """Bits misread as a population that is worn and aged has them, lines by the binomial."""
    rest = rel.Segment("1 day", "85 degC")
    fresh, worn = misread_cells(card, [0, 1000], rest, seed=3)
    wrong = []
    for state in ("LRS", "HRS"):
        verify = rel.Verify.from_technology(card)
        made = rel.sample_population(card, cells=20_000, state=state, verify=verify, seed=9)
        reference = float(rel.programming_window(card, verify=verify)["reference"])
        mission = rel.MissionProfile([rel.Segment(0, "85 degC", cycles=1000), rest])
        lrs = rel.age(made, mission)["conductance"] >= reference
        wrong.append(float((lrs != (state == "LRS")).mean()))
    assert worn == pytest.approx(np.mean(wrong), rel=0.15)
    assert fresh < worn
    with pytest.warns(UserWarning, match="cycles"):
        found = hierarchy(card, components, host="mcu", capacity=32768, temperature="85 degC")
    bits = found["misread_bits"].values
    assert (np.diff(bits) > 0).all()
    lines = 1 - stats.binom.cdf(1, 72, bits) ** 4
    assert found["lines_lost"].values == pytest.approx(lines)
    assert float(found["lines_lost_worn"]) == found["lines_lost"].sel(life_used=1.0)
