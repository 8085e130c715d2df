"""Networks that ship, and files of one's own."""

import numpy as np
import pytest

import reliability as rel


def test_spirit_has_the_weights_of_the_chip() -> None:
    net = rel.load_network("spirit")
    assert net.weights.shape == (144, 10)
    assert set(np.unique(net.weights)) == set(range(-4, 5))


def test_unknown_network_offers_the_nearest() -> None:
    with pytest.raises(rel.InputError, match="did you mean 'spirit'"):
        rel.load_network("spirits")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name = 'x'", "weights: missing"),
        ("name = 'x'\nweight_max = 4\nweights = [[1, 2], [3]]", "x.toml"),
        ("name =", "not a TOML file"),
    ],
)
def test_damaged_network_file(tmp_path, text, says) -> None:
    file = tmp_path / "x.toml"
    file.write_text(text)
    with pytest.raises(rel.InputError, match=says):
        rel.load_network(file)
