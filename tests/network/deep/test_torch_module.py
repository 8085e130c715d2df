"""Networks that are torch modules."""

import numpy as np
import pytest

import reliability as rel

torch = pytest.importorskip("torch")
pytest.importorskip("onnxruntime")


def module():
    torch.manual_seed(1)
    return torch.nn.Sequential(
        torch.nn.Conv2d(2, 6, 3, padding=1), torch.nn.BatchNorm2d(6), torch.nn.ReLU(),
        torch.nn.Dropout(0.5), torch.nn.Flatten(), torch.nn.Linear(180, 3),
    )  # fmt: skip


def test_a_module_is_evaluated_as_torch_runs_it() -> None:
    net = module()
    with torch.no_grad():  # a batch normalisation that does something
        net[1].running_mean += 0.3
        net[1].running_var *= 2
    x = np.random.default_rng(0).normal(size=(20, 2, 6, 5)).astype(np.float32)
    with torch.no_grad():
        scores = net.eval()(torch.from_numpy(x)).numpy()
    net.train()
    found = rel.evaluate(net, data=(torch.from_numpy(x), scores.argmax(axis=1)), outputs=True)
    assert found["accuracy"].item() == 1
    pairs = torch.utils.data.TensorDataset(torch.from_numpy(x), torch.from_numpy(scores).argmax(1))
    assert rel.evaluate(net, data=pairs)["accuracy"].item() == 1
    tracking = torch.from_numpy(x).requires_grad_()
    assert rel.evaluate(net, data=(tracking, pairs.tensors[1]))["accuracy"].item() == 1
    assert found["outputs"].values[0] == pytest.approx(scores, abs=1e-5)
    assert net.training
    assert all(part.training for part in net.modules())
    loaded = rel.load_network(net, input_shape=(2, 6, 5))
    assert loaded.weights == 6 * 2 * 9 + 180 * 3
    assert loaded.batch is None


def test_a_module_that_does_not_go_is_refused_in_one_line() -> None:
    with pytest.raises(rel.InputError, match="input_shape: a torch module needs the shape"):
        rel.load_network(module())
    with pytest.raises(rel.InputError, match=r"can't export Sequential .*\(3, 6, 5\): Runtime"):
        rel.load_network(module(), input_shape=(3, 6, 5))
