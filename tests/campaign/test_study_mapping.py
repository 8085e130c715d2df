"""The answer of a study of a deep network: what its tiles take."""

import pytest

import reliability as rel
from reliability.campaign.assessment import assess
from reliability.campaign.study_mapping import INTERVALS, cost_of_image

STUDY = """
title = "t"
technology = "techB"
seed = 1
[network]
name = "mobilenet-mnist"
images = 20
[tiling]
rows = 128
adc_bits = 6
[population]
chips = 2
"""


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(STUDY, "utf-8")
    return rel.load_study(path)


def test_energy_latency_and_area_are_those_of_the_mapping(study) -> None:
    found = cost_of_image(study)
    tiling = rel.Tiling("levels", rows=128, adc_bits=6)
    mapped = rel.map_network(study.load_network(), tiling, technology="techB", draws=0)
    assert found["energy_per_image_joule"] == mapped["energy"].sum()
    assert found["latency_per_image_second"] == mapped["latency"].sum()
    assert found["tile_area_m2"] == mapped["area"].sum()
    for name, (low, high) in INTERVALS.items():
        assert 0 < found[low] < found[name] < found[high]


def test_a_network_of_one_layer_has_no_tiles(study) -> None:
    network = study.network.model_copy(update={"name": "spirit"})
    assert cost_of_image(study.model_copy(update={"network": network})) == {}


def test_ideal_cells_have_no_lines_with_resistance(study) -> None:
    """A study with IR drop has its ideal network too."""
    tiling = study.tiling.model_copy(update={"rows": 32, "bit_line_resistance": 1.0})
    found = assess(study.model_copy(update={"tiling": tiling}), None, rel.Neuron(), 20)
    plain = rel.evaluate(study.load_network(), tiling=rel.Tiling(rows=32, adc_bits=6), images=20)
    assert found["accuracy"].item() == plain["accuracy"].item()
