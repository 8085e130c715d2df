"""Batches whose tensors stay below a bound, workers, and the line of progress."""

import io
import subprocess
import sys
import time

import numpy as np
import pytest

import reliability as rel
from reliability import progress as module
from reliability.network.deep import memory
from reliability.network.deep.memory import batch_of, bytes_of_image
from reliability.progress import progress, tracked
from tests.network.deep.onnx_models import model, onnx, small_network, tensor

make = onnx.helper.make_node


def test_bytes_of_an_image_are_those_of_tensors_that_live_at_once(tmp_path) -> None:
    """x (8) -> a (800) -> b (800) -> c (8), and a again beside b: 1600 numbers at most."""
    nodes = [make("MatMul", ["x", "w"], ["a"], name="one"), make("Relu", ["a"], ["b"]),
             make("Add", ["a", "b"], ["s"]),
             make("MatMul", ["s", "v"], ["y"], name="two")]  # fmt: skip
    constants = [tensor("w", np.ones((8, 800))), tensor("v", np.ones((800, 8)))]
    made = model(nodes, constants, [("x", ["N", 8])], [("y", ["N", 8])])
    (tmp_path / "net.onnx").write_bytes(made.SerializeToString())
    net = rel.load_network(tmp_path / "net.onnx")
    x = {"x": np.zeros((500, 8), np.float32)}
    graph = net.model.SerializeToString()
    most = bytes_of_image(net, graph, {}, x)  # a and b are there while s is made, y is copied
    assert most == 3 * 800 * 4 + 8 * 4
    assert batch_of(net, graph, {}, x) == 250
    assert batch_of(net, graph, {}, x, batch=7) == 7


def test_batch_falls_with_the_bound_and_decisions_do_not_change(tmp_path, monkeypatch) -> None:
    path = small_network(tmp_path / "net.onnx")
    x = np.random.default_rng(0).normal(size=(30, 2, 6, 5)).astype(np.float32)
    how = {"data": (x, np.zeros(30, int)), "chips": 3, "seed": 1, "outputs": True}
    card = rel.load_technology("techB")
    whole = rel.evaluate(path, card, **how)["outputs"].values
    monkeypatch.setattr(memory, "BYTES", 5000)
    net = rel.load_network(path)
    graph = net.model.SerializeToString()
    one = bytes_of_image(net, graph, {}, {"x": x})
    assert batch_of(net, graph, {}, {"x": x}) == 5000 // one < 10
    for options in ({}, {"batch": 4, "workers": 1}, {"workers": 3}):
        found = rel.evaluate(path, card, **how, **options)["outputs"].values
        assert found == pytest.approx(whole, abs=1e-5)
    for wrong in ({"batch": 0}, {"workers": 0}):
        with pytest.raises(rel.InputError, match="got 0"):
            rel.evaluate(path, card, **how, **wrong)
    with pytest.raises(rel.InputError, match="workers: does not apply to a network of one layer"):
        rel.evaluate(rel.load_network("spirit"), images=2, workers=1)


_PEAK = """
import re, sys
from pathlib import Path
import numpy as np
import reliability as rel

def held(name):
    return int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

path, images, chips, workers = sys.argv[1], *map(int, sys.argv[2:])
x = np.random.default_rng(0).random((images, 3, 128, 128), dtype=np.float32)
data, card = (x, np.zeros(images, int)), rel.load_technology("techB")
network = rel.load_network(path)
rel.evaluate(network, card, data=(x[:2], data[1][:2]), chips=1)
before = held("VmRSS")
rel.evaluate(network, card, data=data, chips=chips, workers=workers)
print(held("VmHWM") - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_grows_with_workers_by_a_bound_and_with_nothing_else(tmp_path) -> None:
    """Tensors of 8 MiB an image: the most that a process of its own held."""
    rng = np.random.default_rng(0)
    nodes = [make("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1]), make("Relu", ["a"], ["b"]),
             make("Conv", ["b", "v"], ["c"], pads=[1, 1, 1, 1]), make("Relu", ["c"], ["d"]),
             make("GlobalAveragePool", ["d"], ["e"]), make("Flatten", ["e"], ["y"])]  # fmt: skip
    constants = [tensor("w", rng.normal(size=(64, 3, 3, 3))),
                 tensor("v", rng.normal(size=(64, 64, 3, 3)))]  # fmt: skip
    made = model(nodes, constants, [("x", ["N", 3, 128, 128])], [("y", ["N", 64])])
    (tmp_path / "net.onnx").write_bytes(made.SerializeToString())

    def peak(images, chips, workers):
        numbers = map(str, (images, chips, workers))
        command = [sys.executable, "-c", _PEAK, tmp_path / "net.onnx", *numbers]
        return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    one, two = peak(40, 2, 1), peak(40, 2, 2)
    assert one < 300
    assert two - one < 256
    assert abs(peak(40, 5, 2) - two) < 60
    assert abs(peak(120, 2, 2) - two) < 60


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_one_line_in_a_terminal_and_nothing_elsewhere(monkeypatch) -> None:
    monkeypatch.setattr(module, "_AFTER", 0.0)
    monkeypatch.setattr(module, "_EVERY", 0.0)
    for stream, shown in ((_Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        for item in tracked(range(4), "chips", 4):
            time.sleep(0.001)
            assert list(tracked("ab", "inner", 2)) == ["a", "b"]  # shows nothing
            assert 0 <= item < 4
        text = stream.getvalue()
        assert ("chips: 2 of 4, 50%" in text) is shown
        assert "inner" not in text
        assert text.endswith("\r") is shown
    monkeypatch.setattr(sys, "stderr", terminal := _Terminal())
    with progress("chips", 2, show=False) as done:
        done(1)
    assert not terminal.getvalue()
