"""A network on measured cells beside the same on a card."""

import numpy as np
import pytest
import xarray as xr

import reliability as rel
from reliability.errors import InputError
from reliability.resources import data_folder


def file_of(card, seed):
    """Cells that the card itself made, as a file of them."""
    cells = [rel.sample_population(card, cells=150, state=s, seed=seed) for s in ("LRS", "HRS")]
    g = np.stack([one["conductance"].values[0, 0] for one in cells], axis=-1)
    return xr.Dataset(
        {"conductance": (("cell", "state"), g)},
        coords={"state": ["LRS", "HRS"]},
        attrs={"source": f"card {seed}"},
    )


@pytest.fixture(scope="module")
def card():
    spread = {f"programming.{s}.sigma_{level}": 0.0 for s in ("LRS", "HRS")
              for level in ("lot", "wafer", "die")}  # fmt: skip
    radial = {f"programming.{s}.radial": 0.0 for s in ("LRS", "HRS")}
    return rel.load_technology("oxram-130nm").with_values(spread | radial)


def inside(card, files):
    """How often the interval of the difference holds zero where the card is right."""
    network, count = rel.load_network("spirit"), 0
    for seed in range(files):
        found = rel.compare_cells(network, file_of(card, seed), card, chips=8, images=200,
                                  seed=seed)  # fmt: skip
        count += bool(found["low"] <= 0 <= found["high"])
    return count / files


def test_a_right_card_is_not_refused(card):
    assert inside(card, 3) >= 1 / 3


@pytest.mark.slow
def test_the_interval_holds_a_right_card_as_often_as_it_says(card):
    assert 0.83 <= inside(card, 120) <= 0.98


def test_a_wrong_card_is_seen(card):
    wrong = card.with_values({"programming.HRS.resistance": 20e3})
    found = rel.compare_cells(rel.load_network("spirit"), file_of(card, 1), wrong, images=500)
    assert found["high"].item() < 0


def test_conditions_are_those_that_were_measured():
    data = rel.read_measurements(data_folder() / "measured" / "techB_bake.tsv.gz").isel(
        temperature=[0, 4]
    )
    found = rel.compare_cells(rel.load_network("spirit"), data, rel.load_technology("techB"),
                              chips=3, images=100)  # fmt: skip
    assert found["temperature"].round(0).values.tolist() == [373, 373, 533]
    assert found["time"].values.round(-3).tolist() == [0, 5000, 5000]


def test_a_card_of_another_kind_is_refused(card):
    data = rel.read_measurements(data_folder() / "measured" / "techB_relaxation.tsv.gz")
    with pytest.raises(InputError, match="but techB_relaxation"):
        rel.compare_cells(rel.load_network("spirit"), data, card)
