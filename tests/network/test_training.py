"""Layers whose weights are read from cells while they are trained."""

import numpy as np
import pytest

import reliability as rel
from reliability.network.one_layer.weight_mapping import read_weights

torch = pytest.importorskip("torch")

from reliability.network.training import CellLayer, Devices, IntegerLayer, on_cells  # noqa: E402

OLD = rel.MissionProfile.constant("10 years", "85 degC")


@pytest.fixture(scope="module")
def card():
    return rel.load_technology("oxram-130nm")


@pytest.fixture(scope="module")
def perfect(card):
    """No spread, no defects."""
    zero = ("radial", "unformed", "stuck_lrs", "stuck_hrs")
    return card.with_values({n: 0.0 for n in card if ".sigma" in n or n.endswith(zero)})


def filled(devices=None, **settings) -> IntegerLayer:
    layer = IntegerLayer(12, 5, devices=devices, **settings)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        layer.weight += torch.randn(12, 5, generator=generator)
    return layer


def test_perfect_cells_make_the_plain_layer(perfect) -> None:
    x = torch.rand(7, 12)
    plain, cells = filled(), filled(Devices(perfect, chips=3))
    assert torch.allclose(cells(x), plain(x), atol=1e-5)
    assert (plain.network("n").weights == cells.network("n").weights).all()


def test_weights_are_what_the_suites_own_chips_read_as(card) -> None:
    """Inputs of one line each show the weights of each chip: those of sample_chips, aged."""
    layer = filled(Devices(card, profiles=(OLD,), chips=2, seed=9))
    net = layer.network("n")
    for step in range(2):
        shown = layer(torch.eye(12).repeat(2, 1)).detach().numpy() * layer.scale
        cells = rel.sample_chips(card, net, chips=2, first=2 * step, lot=step, seed=9)
        expected = read_weights(rel.age(cells, OLD), net, card)
        assert shown.reshape(2, 12, 5) == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_steps_differ_and_repeat_with_the_seed(card) -> None:
    x = torch.rand(4, 12)
    layer, again = (filled(Devices(card, (None, OLD), seed=3)) for _ in range(2))
    first, second = layer(x), layer(x)
    assert not torch.equal(first, second)
    assert torch.equal(again(x), first)
    assert torch.equal(again(x), second)
    assert not torch.equal(filled(Devices(card, (None, OLD), seed=4))(x), first)


def test_the_gradient_passes_straight_through(card) -> None:
    """d loss / d weight is that of a plain layer with the read weights, whatever was wanted."""
    x = torch.rand(6, 12)
    layer = filled(Devices(card, chips=1))
    layer(x).square().sum().backward()
    read = filled(Devices(card, chips=1))(torch.eye(12)).detach()
    plain = read.clone().requires_grad_()
    (x @ plain).square().sum().backward()
    assert torch.allclose(layer.weight.grad, plain.grad, rtol=1e-4, atol=1e-4)


def test_evaluation_mode_is_ideal(card) -> None:
    x = torch.rand(4, 12)
    layer = filled(Devices(card)).eval()
    assert torch.equal(layer(x), filled()(x))
    assert layer.step == 0


def model(kind: str):
    torch.manual_seed(2)
    if kind == "conv":
        layers = [torch.nn.Conv2d(2, 4, 3, groups=2), torch.nn.ReLU(), torch.nn.Flatten(),
                  torch.nn.Linear(16, 3)]  # fmt: skip
        return torch.nn.Sequential(*layers), torch.rand(5, 2, 4, 4)
    return torch.nn.Sequential(torch.nn.Linear(6, 4), torch.nn.Tanh()), torch.rand(5, 6)


@pytest.mark.parametrize("kind", ["conv", "linear"])
def test_a_model_on_perfect_levels_is_the_plain_one(kind) -> None:
    card = rel.load_technology("techB")
    perfect = card.with_values({n: 0.0 for n in card if n.startswith("programming.target.error")})
    net, x = model(kind)
    expected = net(x)
    expected.sum().backward()
    gradient = [p.grad.clone() for p in net.parameters()]
    net.zero_grad()
    on_cells(net, Devices(perfect))
    found = net(x)
    found.sum().backward()
    assert torch.allclose(found, expected, atol=1e-5)
    for got, wanted in zip(net.parameters(), gradient, strict=True):
        assert torch.allclose(got.grad, wanted, atol=1e-5)


def test_layers_of_a_model_have_cells_of_their_own_and_repeat() -> None:
    card = rel.load_technology("techB")
    net = torch.nn.Sequential(torch.nn.Linear(6, 6, bias=False), torch.nn.Linear(6, 6, bias=False))
    with torch.no_grad():
        net[1].weight.copy_(net[0].weight)
    before = [p.clone() for p in net.parameters()]
    on_cells(net, Devices(card, (None, OLD), chips=1, seed=5))
    assert [layer.number for layer in net if isinstance(layer, CellLayer)] == [0, 1]
    reads = [layer(torch.eye(6)) for layer in net]
    assert not torch.allclose(reads[0], reads[1], atol=1e-4)
    for layer in net:
        layer.step = 0
    assert all(
        torch.equal(layer(torch.eye(6)), read) for layer, read in zip(net, reads, strict=True)
    )
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), before, strict=True))
    net.eval()
    assert torch.equal(net[0](torch.eye(6)), before[0].T)


def test_training_on_cells_lowers_the_loss(card) -> None:
    """Two classes that lines 0 to 5 and 6 to 11 tell apart."""
    generator = torch.Generator().manual_seed(0)
    y = torch.randint(0, 2, (200,), generator=generator)
    x = torch.rand(200, 12, generator=generator)
    x[:, :6] += y[:, None]
    layer = IntegerLayer(12, 2, devices=Devices(card))
    losses = []
    for _ in range(15):
        loss = torch.nn.functional.cross_entropy(layer(x), y)
        (gradient,) = torch.autograd.grad(loss, [layer.weight])
        with torch.no_grad():
            layer.weight -= gradient
        losses.append(loss.item())
    assert np.mean(losses[-5:]) < 0.7 * losses[0]


def test_what_cannot_be_is_refused(card) -> None:
    with pytest.raises(rel.InputError, match="chips: got 0"):
        Devices(card, chips=0)
    with pytest.raises(rel.InputError, match="profiles: got none"):
        Devices(card, profiles=())
    with pytest.raises(rel.InputError, match="got str, expected a Technology"):
        Devices("oxram-130nm")
    with pytest.raises(rel.InputError, match="no Linear or Conv2d"):
        on_cells(torch.nn.Sequential(torch.nn.ReLU()), Devices(card))
    with pytest.raises(rel.InputError, match="has two states"):
        on_cells(torch.nn.Sequential(torch.nn.Linear(2, 2)), Devices(card), rel.Tiling("levels"))
    with pytest.raises(rel.InputError, match="which has no levels"):
        filled(Devices(card), mapping="multi_level")
