"""Networks on tiles: what the lines do to the cells, and to the accuracy."""

import numpy as np
import pytest

import reliability as rel
from reliability.crossbar import solve_crossbar
from reliability.errors import InputError
from reliability.network import Network, TiledNetwork, accuracy_on_tiles, on_tiles, tile_limit
from reliability.network.conductances import in_series

IDEAL = {"word_line_resistance": 0.0, "bit_line_resistance": 0.0}


@pytest.fixture(scope="module")
def technology():
    return rel.load_technology("oxram-130nm")


@pytest.fixture(scope="module")
def network():
    return rel.load_network("spirit")


@pytest.fixture(scope="module")
def chips(technology, network):
    return rel.sample_chips(technology, network, chips=2, seed=3)


@pytest.mark.parametrize("reading", ["rows", "matrix"])
@pytest.mark.parametrize("tile", [(144, 80), (50, 33)])
def test_lines_without_resistance_change_nothing(chips, network, reading, tile):
    seen = on_tiles(chips, network, tile=tile, reading=reading, **IDEAL)
    assert np.allclose(seen["conductance"], chips["conductance"], rtol=1e-5, atol=0)
    same = rel.evaluate(network, seen, images=100, seed=1)["accuracy"]
    assert np.array_equal(same, rel.evaluate(network, chips, images=100, seed=1)["accuracy"])


def test_seen_cells_give_the_currents_of_the_array(technology):
    """Any input, all rows at once, against the solver; and one row against an array of one."""
    small = Network("small", np.array([[2, -1], [0, 1], [-2, 2]]), weight_max=2)
    chips = rel.sample_chips(technology, small, chips=1, seed=5)
    access = technology["access.series_resistance"]
    g = in_series(chips["conductance"].values.astype(float), access).reshape(3, 8)
    lines = {"word_line_resistance": 40.0, "bit_line_resistance": 25.0}
    volts = np.array([0.1, 0.03, 0.07])
    seen = on_tiles(chips, small, tile=(3, 8), reading="matrix", **lines)
    cells = in_series(seen["conductance"].values.astype(float), access).reshape(3, 8)
    want = solve_crossbar(g, volts, **lines)["output_current"]
    assert np.allclose(volts @ cells, want, rtol=1e-5, atol=0)
    seen = on_tiles(chips, small, tile=(3, 8), reading="rows", **lines)
    cells = in_series(seen["conductance"].values.astype(float), access).reshape(3, 8)
    for row in range(3):
        alone = np.zeros_like(g)
        alone[row] = g[row]
        want = solve_crossbar(alone, np.full(3, 0.1), **lines)["output_current"]
        assert np.allclose(0.1 * cells[row], want, rtol=1e-5, atol=0)


def test_smaller_tiles_lose_less(network, technology):
    tiled, study = TiledNetwork(network, "matrix", chips=2, images=300), {"uncertainty_draws": 0}
    large = accuracy_on_tiles(tiled, technology, [0.0, 20.0], tile=(144, 80), **study)
    small = accuracy_on_tiles(tiled, technology, [0.0, 20.0], tile=(16, 16), **study)
    assert large["lost"].values[0].tolist() == [0.0, 0.0]
    assert float(large["lost_mean"][1]) > float(small["lost_mean"][1]) + 0.1
    assert (large["lost_low"] <= large["lost_mean"]).all()
    assert (large["lost_mean"] <= large["lost_high"]).all()


def test_interval_grows_with_the_cards_uncertainty(network, technology):
    tiled, study = TiledNetwork(network, chips=2, images=200), {"tile": (144, 80), "seed": 2}
    one = accuracy_on_tiles(tiled, technology, [10.0], uncertainty_draws=0, **study)
    more = accuracy_on_tiles(tiled, technology, [10.0], uncertainty_draws=3, **study)
    assert more["drawn_lost"].shape == (3, 1)
    width = [float((o["lost_high"] - o["lost_low"])[0]) for o in (one, more)]
    assert width[1] >= width[0]


@pytest.mark.slow
def test_largest_tile(network, technology):
    study = {"uncertainty_draws": 1, "max_size": 32, "seed": 1}
    tiled = TiledNetwork(network, "matrix", images=200)
    found = tile_limit(tiled, technology, 0.05, 100.0, **study)
    size = found["size"].item()
    assert 0 < size < 32
    assert found["value_high"].sel(tried=size) <= 0.05
    assert found["size_low"] <= size <= found["size_high"]
    loose = tile_limit(tiled, technology, 0.05, 0.0, **study)
    assert loose["size"].item() == 32


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"reading": "row"}, "did you mean 'rows'"),
        ({"tile": (0, 4)}, "tile: got (0, 4)"),
        ({"drive": "both"}, "unknown option of reading 'rows' 'drive'"),
    ],
)
def test_bad_input(chips, network, options, says):
    with pytest.raises(InputError) as caught:
        on_tiles(chips, network, **options)
    assert says in str(caught.value)
    with pytest.raises(InputError, match="needs 8"):
        on_tiles(chips, Network("tiny", np.array([[1, 1]]), weight_max=2))
