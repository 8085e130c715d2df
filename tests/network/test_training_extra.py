"""Training where torch is not installed."""

import pytest

import reliability as rel
from reliability.network import training


def test_without_torch_one_line_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setattr(training, "torch", None)
    devices = training.Devices(rel.load_technology("techB"))
    for make in (lambda: training.IntegerLayer(2, 2), lambda: training.on_cells(None, devices)):
        with pytest.raises(rel.InputError, match=r"pip install 'rram-reliability\[train\]'"):
            make()
