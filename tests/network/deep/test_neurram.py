"""ResNet-20 of NeuRRAM: accuracy against weight noise as an independent implementation has it."""

import importlib.util
import tarfile

import numpy as np
import pytest

import reliability as rel
from reliability.network.own_data import data_of

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


@pytest.mark.slow
def test_accuracy_against_weight_noise(repository, shared, tmp_path) -> None:
    """Training noise 0.20, test noise 0 and 0.10: 0.836 and 0.815 on 2 000 of these images."""
    images = shared / "datasets" / "cifar10_jpeg.tar.xz"
    weights = shared / "reference" / "neurram_resnet20_noise0.20.npz"
    if not images.is_file() or not weights.is_file():
        pytest.skip("no shared data")
    with tarfile.open(images) as tar:
        wanted = (m for m in tar if m.name.endswith("0.jpg") and "test/" in m.name)
        tar.extractall(tmp_path, members=wanted, filter="data")
    data = data_of(next(tmp_path.rglob("test")), "inputs").isel(image=slice(None, None, 2))
    assert data.sizes["image"] == 500
    script = repository / "data" / "networks" / "neurram_onnx.py"
    spec = importlib.util.spec_from_file_location("neurram_onnx", script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with np.load(weights) as held:
        arrays = dict(held)
    for noise, expected in ((0.0, 0.836), (0.10, 0.815)):
        rng = np.random.default_rng(1)
        noisy = {
            name: w + noise * abs(w).max() * rng.normal(size=w.shape)
            if name.endswith("kernel") else w
            for name, w in arrays.items()
        }  # fmt: skip
        onnx.save(module.resnet20(noisy), tmp_path / "net.onnx")
        found = rel.evaluate(tmp_path / "net.onnx", data=data)
        # 99 % interval of 500 images, and the spread of one draw of the noise
        assert found["accuracy"].item() == pytest.approx(expected, abs=0.045)
