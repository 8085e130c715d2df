"""Spiking networks from NIR graphs: against NumPy loops, and against snnTorch where it is there."""

from itertools import pairwise

import numpy as np
import pytest

import reliability as rel
from reliability.network.deep.graph import Stage, feeds
from reliability.network.deep.layer_mapping import place
from reliability.network.deep.rate_coding import _run_steps, _spiking_graph, _steps, _thresholds
from reliability.network.deep.runtime import Session
from tests.network.deep.onnx_models import convolve

nir = pytest.importorskip("nir")
DT = 1e-4


def written(path, nodes, edges):
    nir.write(path, nir.NIRGraph(nodes, edges))
    return path


def lif(n, rng, **more):
    each = {"tau": rng.uniform(2, 9, n) * DT, "r": rng.uniform(1, 4, n),
            "v_leak": rng.uniform(0, 0.1, n), "v_threshold": rng.uniform(0.4, 1, n),
            "v_reset": rng.uniform(-0.2, 0.1, n)}  # fmt: skip
    return nir.LIF(**each | more)


def cuba(n, rng):
    own = vars(lif(n, rng))
    kept = {name: own[name] for name in ("r", "v_leak", "v_threshold", "v_reset")}
    tau = rng.uniform(2, 9, (2, n)) * DT
    return nir.CubaLIF(tau_syn=tau[0], tau_mem=tau[1], w_in=rng.uniform(1, 3, n), **kept)


class Neuron:
    """Neurons of a NIR node, step by step, from their differential equations."""

    def __init__(self, node) -> None:
        self.node, self.v, self.i = node, 0.0, 0.0

    def __call__(self, x):
        node, kind = self.node, type(self.node).__name__
        if kind.startswith("Cuba"):
            self.i = self.i + DT / node.tau_syn * (node.w_in * x - self.i)
            x = self.i
        if kind in ("I", "IF"):
            self.v = self.v + DT * node.r * x
        else:
            tau = node.tau_mem if kind.startswith("Cuba") else node.tau
            self.v = self.v + DT / tau * (node.v_leak - self.v + node.r * x)
        if not hasattr(node, "v_threshold"):
            return self.v
        spikes = self.v > node.v_threshold
        self.v = np.where(spikes, node.v_reset, self.v)
        return spikes.astype(float)


def in_steps(net, x):
    """Summed outputs and number of spikes after each step, on ideal cells."""
    stages = tuple(Stage(p) for p in place(net, rel.Tiling()))
    values = {k: v for s in stages for k, v in feeds(s, s.placed.coded).items()}
    limits = _thresholds(net.neurons, 0.0, np.zeros((1, 3), np.int64), 0)
    session = Session(_spiking_graph(net, stages, net.neurons), values | limits)
    counts = list(range(1, x.shape[1] + 1))
    return _run_steps(session, net, net.neurons, limits, _steps("steps", x, None), counts)


def events(rng, *shape):
    return (rng.random(shape) < 0.4).astype(np.float32)


def test_a_graph_of_every_node_against_numpy(tmp_path) -> None:
    """Convolution, pools, affine and scaled layers, with neurons of each kind between them."""
    rng = np.random.default_rng(1)
    w, b = rng.normal(size=(3, 2, 2, 3)), rng.normal(size=3)
    kernel = np.array([2, 2])
    nodes = {
        "input": nir.Input(np.array([2, 5, 6])),
        "conv": nir.Conv2d((5, 6), w, 1, "same", 1, 1, b),
        "if": nir.IF(rng.uniform(0.5, 1, (3, 5, 6)) / DT, np.full((3, 5, 6), 1.5)),
        "sum": nir.SumPool2d(kernel, kernel, np.array([0, 0])),
        "mean": nir.AvgPool2d(kernel, np.array([1, 1]), np.array([0, 0])),
        "flat": nir.Flatten(np.array([3, 1, 2]), 0),
        "fc": nir.Affine(rng.normal(size=(7, 6)), rng.normal(size=7)),
        "lif": lif(7, rng),
        "linear": nir.Linear(rng.normal(size=(5, 7))),
        "cuba": cuba(5, rng),
        "scale": nir.Scale(rng.uniform(1, 2, 5)),
        "li": nir.LI(np.full(5, 4 * DT), np.ones(5), np.full(5, 0.1)),
        "output": nir.Output(np.array([5])),
    }
    names = list(nodes)
    edges = [*pairwise(names), ("lif", "skip"), ("skip", "li")]
    nodes["skip"] = nir.Linear(rng.normal(size=(5, 7)))
    net = rel.load_network(written(tmp_path / "net.nir", nodes, edges))
    assert net.weights == w.size + 42 + 35 + 35
    x = events(rng, 4, 12, 2, 5, 6)
    scores, fired = in_steps(net, x)
    held = {name: Neuron(nodes[name]) for name in ("if", "lif", "cuba", "li")}
    total, count = 0.0, 0.0
    for step in range(12):
        a = convolve(x[:, step], w, (0, 1, 1, 1), (1, 1), 1) + b[:, None, None]
        s = held["if"](a)
        pooled = s[:, :, :4].reshape(4, 3, 2, 2, 3, 2).sum(axis=(3, 5))
        mean = (pooled[:, :, :-1] + pooled[:, :, 1:]) / 2
        mean = (mean[..., :-1] + mean[..., 1:]) / 2
        f = held["lif"](mean.reshape(4, -1) @ nodes["fc"].weight.T + nodes["fc"].bias)
        c = held["cuba"](f @ nodes["linear"].weight.T)
        y = held["li"](c * nodes["scale"].scale + f @ nodes["skip"].weight.T)
        total, count = total + y, count + s.sum() + f.sum() + c.sum()
        assert scores[step] == pytest.approx(total, abs=1e-3)
        assert fired[step] == count
    assert count > 100


def test_spikes_return_a_step_later_in_a_loop(tmp_path) -> None:
    """A recurrent layer as a graph inside the graph, and a loop over two layers of neurons."""
    rng = np.random.default_rng(2)
    one, two, inner = lif(4, rng), lif(3, rng), lif(4, rng)
    linear = [nir.Linear(rng.normal(size=s)) for s in ((4, 5), (4, 4), (4, 4), (3, 4), (4, 3))]
    recurrent = nir.NIRGraph(
        {"input": nir.Input(np.array([4])), "lif": inner, "w": linear[1],
         "output": nir.Output(np.array([4]))},
        [("input", "lif"), ("lif", "w"), ("w", "lif"), ("lif", "output")],
    )  # fmt: skip
    nodes = {"input": nir.Input(np.array([5])), "a": linear[0], "rec": recurrent, "b": linear[2],
             "one": one, "c": linear[3], "two": two, "back": linear[4],
             "output": nir.Output(np.array([3]))}  # fmt: skip
    edges = [("input", "a"), ("a", "rec"), ("rec", "b"), ("b", "one"), ("one", "c"), ("c", "two"),
             ("two", "back"), ("back", "one"), ("two", "output")]  # fmt: skip
    net = rel.load_network(written(tmp_path / "loop.nir", nodes, edges))
    x = events(rng, 6, 20, 5)
    scores, fired = in_steps(net, x)
    first, held, last = Neuron(inner), Neuron(one), Neuron(two)
    r, t, total, count = np.zeros((6, 4)), np.zeros((6, 3)), 0.0, 0.0
    for step in range(20):
        r = first(x[:, step] @ linear[0].weight.T + r @ linear[1].weight.T)
        o = held(r @ linear[2].weight.T + t @ linear[4].weight.T)
        t = last(o @ linear[3].weight.T)
        total, count = total + t, count + r.sum() + o.sum() + t.sum()
        assert scores[step] == pytest.approx(total)
        assert fired[step] == count


def small(path, rng=None):
    rng = np.random.default_rng(3) if rng is None else rng
    nodes = {"input": nir.Input(np.array([6])), "fc": nir.Linear(rng.normal(size=(8, 6))),
             "lif": lif(8, rng), "last": nir.Linear(rng.normal(size=(3, 8))),
             "out": lif(3, rng), "output": nir.Output(np.array([3]))}  # fmt: skip
    names = list(nodes)
    return written(path, nodes, list(pairwise(names)))


def test_a_graph_is_evaluated_on_cells(tmp_path) -> None:
    rng, path = np.random.default_rng(4), small(tmp_path / "net.nir")
    net, card = rel.load_network(path), rel.load_technology("techB")
    x = events(rng, 40, 25, 6)
    label = in_steps(net, x)[0][-1].argmax(axis=-1)
    ideal = rel.evaluate_spiking(net, steps=[10, 25], coding="steps", data=(x, label))
    assert ideal["accuracy"].values[0, 1] == 1
    assert ideal["events"].values[1] == pytest.approx(x.sum() / 40)
    cells = rel.evaluate_spiking(net, card, steps=[25], coding="steps", data=(x, label), chips=3)
    assert (cells["accuracy"] > 0.5).all()
    assert cells["accuracy"].values.mean() < 1
    uneven = rel.evaluate_spiking(net, steps=[25], coding="steps", data=(x, label),
                                  threshold_mismatch=0.3)  # fmt: skip
    assert uneven["spikes"] != ideal["spikes"].isel(steps=[1])
    still = rel.evaluate_spiking(net, steps=[25], data=(x[:, 0], label), coding="current")
    assert still["spikes"] > 0
    mapped = rel.map_network(net, rel.Tiling(), technology=card, draws=2)
    assert mapped.attrs["warnings"] == ["reads and costs are those of one time step"]


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"coding": "steps", "steps": [26]}, r"shape \(40, 25, 6\), coding 'steps' needs"),
        ({"coding": "current"}, r"got images of shape \(25, 6\), network net takes \(6,\)"),
        ({"coding": "steps", "steps": [2], "leak": 0.1}, "has neurons of its own"),
    ],
)
def test_what_does_not_go_with_a_graph_is_refused(tmp_path, how, says) -> None:
    net = rel.load_network(small(tmp_path / "net.nir"))
    x = np.zeros((40, 25, 6), np.float32)
    with pytest.raises(rel.InputError, match=says):
        rel.evaluate_spiking(net, data=(x, np.zeros(40, int)), **how)
    with pytest.raises(rel.InputError, match="its neurons spike; use evaluate_spiking"):
        rel.evaluate(net, data=(x[:, 0], np.zeros(40, int)))


def test_files_that_are_no_graph_are_refused_in_one_line(tmp_path, monkeypatch) -> None:
    rng, path = np.random.default_rng(5), tmp_path / "net.nir"
    one, fc = nir.Input(np.array([3])), nir.Linear(rng.normal(size=(3, 3)))
    end = nir.Output(np.array([3]))

    def says(text, file=path, **settings):
        with pytest.raises(rel.InputError, match=text) as found:
            rel.load_network(file, **settings)
        assert "\n" not in str(found.value)

    says("no file", tmp_path / "none.nir")
    path.write_bytes(b"nothing")
    says("not a NIR graph")
    small(path)
    says("allowed the time step of 0.01 s or more; give a shorter time_step", time_step="10 ms")
    says("time_step: got -1 s", time_step=-1)
    says("only of an ONNX network", input_shape=(6,))
    says("time_step: only of a NIR graph", "mobilenet-mnist", time_step=1e-4)
    loop = [("input", "fc"), ("fc", "two"), ("two", "fc"), ("fc", "output")]
    two = nir.Linear(rng.normal(size=(3, 3)))
    written(path, {"input": one, "fc": fc, "two": two, "output": end}, loop)
    says("a loop through 'fc' has no neurons")
    late = nir.Delay(np.full(3, 1e-3))
    chain = [("input", "fc"), ("fc", "late"), ("late", "output")]
    written(path, {"input": one, "fc": fc, "late": late, "output": end}, chain)
    says("Delay 'late' is not evaluated here")
    import sys

    monkeypatch.setitem(sys.modules, "nir", None)
    says("pip install 'rram-reliability\\[nir\\]'")


def test_spikes_are_those_of_snntorch(tmp_path) -> None:
    """The real package runs its modules and writes their graphs; a graph resets to its v_reset."""
    torch = pytest.importorskip("torch")
    snn = pytest.importorskip("snntorch")
    pytest.importorskip("nirtorch")
    from snntorch.export_nir import export_to_nir
    from snntorch.utils import reset

    torch.manual_seed(0)
    one = torch.ones(9)
    how = {"init_hidden": True, "reset_mechanism": "zero", "reset_delay": False}
    layers = {
        "leaky": snn.Leaky(beta=0.9 * one, threshold=one, **how),
        "synaptic": snn.Synaptic(alpha=0.7 * one, beta=0.8 * one, threshold=one, **how),
        "recurrent": snn.RLeaky(beta=0.9, linear_features=9, **how),
    }
    x = events(np.random.default_rng(6), 5, 40, 6)
    for name, layer in layers.items():
        last = snn.Leaky(beta=0.8 * torch.ones(4), threshold=torch.ones(4), **how)
        module = torch.nn.Sequential(torch.nn.Linear(6, 9), layer, torch.nn.Linear(9, 4), last)
        for part in module:
            if isinstance(part, torch.nn.Linear):
                part.weight.data *= 3
        nir.write(tmp_path / "net.nir", export_to_nir(module, torch.zeros(1, 6), ignore_dims=[0]))
        scores, _ = in_steps(rel.load_network(tmp_path / "net.nir"), x)
        reset(module)
        with torch.no_grad():
            theirs = sum(module(torch.tensor(x[:, step])) for step in range(40))
        assert scores[-1] == pytest.approx(theirs.numpy()), name
        assert scores[-1].sum() > 20
