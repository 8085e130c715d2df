"""Deep networks, and cards of levels, on tiles with resistive lines."""

from dataclasses import replace

import numpy as np
import pytest

import reliability as rel
from reliability.errors import InputError
from reliability.network import TiledDeepNetwork, TiledNetwork, on_tiles, tile_limit
from reliability.network.deep.tiling import Tiling

LINES = {"word_line_resistance": 30.0, "bit_line_resistance": 30.0}


@pytest.fixture(scope="module")
def card():
    return rel.load_technology("oxram-analog")


@pytest.fixture(scope="module")
def network():
    pytest.importorskip("onnxruntime")
    return rel.load_network("mobilenet-mnist")


def errors(tiled, chips, lines):
    """Error of the weights of each layer on tiles of 64 lines."""
    seen = tiled.seen(chips, (64, 64), lines)
    return rel.evaluate(tiled.network, seen, images=5)["weight_error"].isel(chip=0).values


def test_lines_act_on_the_layer_that_is_named_and_on_all_without(card, network) -> None:
    tiled = TiledDeepNetwork(network, chips=1)
    chips = tiled.sample(card, 3)
    ideal = errors(tiled, chips, dict.fromkeys(LINES, 0.0))
    assert (errors(tiled, chips, LINES) > ideal).all()
    name, k = network.layers[2].name, 2
    alone = errors(replace(tiled, layer=name), chips, LINES)
    assert alone[k] > ideal[k]
    assert np.array_equal(np.delete(alone, k), np.delete(ideal, k))


def test_tiles_that_cannot_be_are_refused(card, network) -> None:
    with pytest.raises(InputError, match=r"layer of mobilenet-mnist 'stemm'.*did you mean 'stem'"):
        TiledDeepNetwork(network, layer="stemm")
    with pytest.raises(InputError, match="mapping: got 'dummy'"):
        TiledDeepNetwork(network, tiling=Tiling(mapping="dummy"))
    with pytest.raises(InputError, match="layer: got 'stem' for a network of one layer"):
        tile_limit(TiledNetwork(rel.load_network("spirit")), card, layer="stem")
    with pytest.raises(InputError, match="unknown condition of an array 'drive'"):
        tile_limit(TiledDeepNetwork(network), card, drive="both")
    bits = TiledDeepNetwork(network, tiling=Tiling("bits"))
    assert bits.smallest(card) == 8  # four bits of magnitude, two sides


def test_cells_of_levels_on_ideal_lines_stay_what_they_are() -> None:
    """The smallest level of this card is 0 S, an open cell."""
    spirit, card = rel.load_network("spirit"), rel.load_technology("techB")
    for mapping in ("two_level", "multi_level"):
        chips = rel.sample_chips(card, spirit, mapping=mapping, chips=1, seed=3)
        same = on_tiles(chips, spirit, tile=(50, 33), reading="matrix",
                        word_line_resistance=0.0, bit_line_resistance=0.0)  # fmt: skip
        assert np.allclose(same["conductance"], chips["conductance"], rtol=1e-5, atol=1e-12)
        seen = on_tiles(chips, spirit, tile=(50, 33), reading="matrix", **LINES)
        assert float(seen["conductance"].sum()) < float(chips["conductance"].sum())


@pytest.mark.slow
def test_the_largest_tile_of_a_deep_network_and_of_its_layers(card, network) -> None:
    """The layer with the longest columns decides: alone on tiles the others allow as many lines."""
    tiled, quick = TiledDeepNetwork(network, images=100), {"max_size": 64, "uncertainty_draws": 0}
    whole = tile_limit(tiled, card, 0.02, 200.0, **quick)
    size = whole["size"].item()
    assert 2 <= size < 64
    assert whole["value_high"].sel(tried=size) <= 0.02
    for layer in ("stem", "pointwise_4"):
        alone = tile_limit(tiled, card, 0.02, 200.0, layer=layer, **quick)
        assert alone["size_high"].item() >= size
