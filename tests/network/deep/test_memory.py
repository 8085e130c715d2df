"""Batches whose tensors stay below a bound, workers, and the line of progress."""

import io
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
    assert bytes_of_image(net, graph, {}, x) == 3 * 800 * 4  # a and b are there while s is made
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
