"""Copies of cells and refresh of a network: against the cells themselves and a mission by hand."""

import json

import numpy as np
import pytest

import reliability as rel
from reliability.campaign.load import study_of
from reliability.mission import Segment

YEAR = 31_557_600.0


def table(**more):
    return {
        "title": "Copies", "technology": "oxram-130nm", "seed": 4,
        "network": {"name": "spirit", "images": 30, "copies": 2}, "population": {"chips": 2},
        "programming": {"verify": {"lrs_resistance": "6 kohm", "hrs_resistance": "40 kohm",
                                   "attempts": 4, "wait": "1 us"}},
        "stress": {"times": ["10 years"], "temperatures": ["85 degC"], "refresh": "4 years"},
    } | more  # fmt: skip


def test_a_weight_is_the_mean_of_its_copies() -> None:
    spirit, card = rel.load_network("spirit"), rel.load_technology("oxram-130nm")
    three = rel.sample_chips(card, spirit, copies=3, chips=1, seed=2)
    cells = three["conductance"].values.reshape(1, -1, 3)
    each = [three.isel(cell=slice(k, None, 3)).drop_attrs().assign_attrs(
        three.attrs | {"copies": 1}) for k in range(3)]  # fmt: skip
    mean = np.mean([rel.network.read_weights(one, spirit, card) for one in each], axis=0)
    assert np.allclose(rel.network.read_weights(three, spirit, card), mean, atol=2e-5)
    assert np.ptp(cells, axis=2).mean() > 0  # cells of their own
    one, many = (rel.evaluate(spirit, made, images=50, seed=1) for made in (each[0], three))
    volts, pulse = card["read.voltage"], card["read.pulse_width"]
    seen = cells / (1 + cells * card["access.series_resistance"])
    more = volts**2 * pulse * float(seen.sum()) / spirit.weights.size * 2 / 3
    events = float(many["spikes"].item()) * spirit.outputs
    joule = float(many["energy"].sel(energy_model="synapse_and_neuron").item())
    assert joule == pytest.approx(events * (card["energy.event"] + more), rel=1e-5)
    assert float(one["energy"][0, 0]) == pytest.approx(
        float(one["spikes"].item()) * spirit.outputs * card["energy.event"], rel=1e-6
    )
    flat = [n for n in card if n.startswith("programming.") and ".sigma_" in n]
    flat = [n for n in flat if "exponent" not in n] + [
        f"defects.{n}" for n in ("stuck_lrs", "stuck_hrs", "unformed")
    ]
    even = card.with_values(dict.fromkeys(flat, 0.0))
    same = [rel.network.read_weights(rel.sample_chips(even, spirit, copies=c, chips=1, seed=2),
                                     spirit, even) for c in (1, 3)]  # fmt: skip
    assert np.allclose(*same, atol=1e-5)


def test_refresh_is_the_last_interval_after_the_rewrites_before(tmp_path) -> None:
    study = study_of(table(), "s.toml")
    end = study.stress.end
    assert study.stress.rewrites(end) == 2  # three intervals of 3.33 years
    by_hand = rel.MissionProfile([Segment(10 * YEAR / 3, 358.15, cycles=2)])
    assert study.stress.mission(end).segments == by_hand.segments
    folder = rel.run_study(study, tmp_path / "out")
    found = json.loads((folder / "summary.json").read_text())
    chips = rel.sample_chips(
        study.load_technology(), rel.load_network("spirit"), copies=2, chips=2, seed=4,
        verify=rel.Verify("6 kohm", "40 kohm", 4, wait="1 us"),
    )  # fmt: skip
    aged = rel.age(chips, by_hand)
    neuron = rel.network.Neuron.from_technology(study.load_technology())
    alone = rel.evaluate(rel.load_network("spirit"), aged, images=30, seed=4, neuron=neuron)
    assert found["accuracy"]["mean"] == pytest.approx(float(alone["accuracy"].mean()), abs=1e-6)
    pulses = float(chips["pulses"].mean())
    assert found["write_time_second"] == pytest.approx(11520 * 2 * pulses * 2e-6 * 3, rel=1e-6)
    page = rel.write_report(study, folder).read_text("utf-8").replace("\xa0", " ")
    for said in ("With 2 copies of each cell", "at least once in 4 years", "2 rewrites by refresh",
                 "between rewrites"):  # fmt: skip
        assert said in page


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"network": {"name": "spirit", "copies": 0}}, "network.copies"),
        ({"network": {"name": "mobilenet-mnist", "images": 9, "copies": 2},
          "tiling": {"bit_line_resistance": 1.0}}, "do not go with lines with resistance"),
        ({"network": {"name": "mobilenet-mnist", "images": 9, "fault_mapping": "swap_and_sign"},
          "tiling": {"mapping": "dummy"}}, "fault-aware mapping need 'differential'"),
        ({"network": {"name": "spirit", "spare_columns": 2},
          "stress": {"times": ["1 year"], "inferences": [0, 10]}}, "network.spare_columns: does"),
        ({"network": {"name": "spirit", "fault_mapping": "swap_and_sign"}, "technology": "techB"},
         "network.fault_mapping: needs two_level cells of LRS and HRS"),
        ({"stress": {"times": ["1 year"], "refresh": "0 s"}}, "stress.refresh"),
        ({"stress": {"times": ["1 year"], "inferences": [0, 10], "refresh": "1 day"}},
         "got refresh and inferences"),
    ],
)  # fmt: skip
def test_copies_and_refresh_that_cannot_be_are_refused(more, says) -> None:
    with pytest.raises(rel.InputError, match=says):
        study_of(table(programming={}) | more, "s.toml")


@pytest.mark.parametrize(("network", "fraction"), [("spirit", 0.2), ("mobilenet-mnist", 0.03)])
def test_chips_around_their_stuck_cells_keep_more_accuracy(network, fraction, tmp_path) -> None:
    stuck = {"defects.stuck_lrs": fraction, "defects.stuck_hrs": fraction}
    more = {"fault_mapping": "swap_and_sign", "spare_columns": 4, "copies": 3}
    stress = {"times": ["0 s", "1 year"], "temperatures": ["55 degC"]}
    means = []
    for own in ({}, more):
        spec = study_of(table(
            programming={}, stress=stress, parameters=stuck, population={"chips": 1},
            network={"name": network, "images": 40, **own},
        ), "s.toml")  # fmt: skip
        folder = rel.run_study(spec, tmp_path / str(len(own)))
        summary = json.loads((folder / "summary.json").read_text())
        means.append([row["nominal"] for row in summary["accuracy_by_age"]])
    assert min(means[1]) > max(means[0])
    page = rel.write_report(spec, folder).read_text("utf-8")
    assert "A layer has 4 spare columns, for outputs whose own columns have stuck cells." in page
