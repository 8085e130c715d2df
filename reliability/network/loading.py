"""Networks that ship with the suite, and files of one's own."""

from collections.abc import Collection, Mapping
from functools import lru_cache
from importlib.resources import as_file
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from reliability.errors import InputError, expect, unknown_name
from reliability.files import read_toml
from reliability.network.deep.nir_import import TIME_STEP, load_nir
from reliability.network.deep.onnx import DeepNetwork, load_onnx
from reliability.network.deep.torch_export import is_torch_module, onnx_of_module
from reliability.network.one_layer.model import Network
from reliability.resources import data_folder
from reliability.units import quantity


def load_network(
    name_or_path: Any,
    *,
    digital: Collection[str] = (),
    fixed: Mapping[str, Any] | None = None,
    input_shape: Collection[int] | None = None,
    time_step: float | str | None = None,
) -> Network | DeepNetwork:
    """Load a network that ships with the suite, a TOML, ONNX or NIR file, or a torch module.

    Parameters
    ----------
    name_or_path : str, Path or torch.nn.Module
        ``"spirit"`` (144 inputs, 10 outputs, weights -4 to +4), ``"vowels"`` (72 inputs, 9
        outputs, for events of spoken vowels), ``"mobilenet-mnist"``, ``"binary-mnist"`` and
        ``"binary-mnist-aware"`` (deep ones for MNIST at 28x28, ``docs/deep_networks.md``),
        ``"resnet-cifar10"`` and ``"resnet-cifar10-aware"`` (for CIFAR-10, whose images do not
        ship, `load_cifar10`), or a path ending with ``.toml`` (of the form of ``spirit.toml``),
        ``.onnx`` or ``.nir`` (a spiking network, for `reliability.evaluate_spiking`). A torch
        module is exported in evaluation mode; it needs ``input_shape``.
    digital : collection of str
        Of an ONNX network: names of nodes, or types of operators, whose weights stay digital; of a
        NIR graph names of nodes.
    fixed : mapping of str to array-like, optional
        Of an ONNX network: inputs that are the same for all images, by name (a sampling rate).
    input_shape : collection of int, optional
        Shape of one image: of a torch module, and of an ONNX network whose branches depend on it.
    time_step : float or str, optional
        Of a NIR graph, s or with a unit: of the neurons; by default 0.1 ms, that of snnTorch.

    Returns
    -------
    Network or DeepNetwork
        One layer of integers, or many layers from ONNX.

    Raises
    ------
    InputError
        No such network, or a file that is not one; for ONNX see
        `reliability.network.deep.onnx.load_onnx`.

    Examples
    --------
    >>> net = load_network("spirit")
    >>> net.weights.shape, int(net.weights.min()), int(net.weights.max())
    ((144, 10), -4, 4)
    """
    if is_torch_module(name_or_path):
        return _from_torch(name_or_path, input_shape, digital=digital, fixed=fixed)
    expect(name_or_path, (str, Path), "network", "a name, a path or a torch module")
    text = str(name_or_path)
    shipped = {
        f.name.rpartition(".")[0]: f
        for f in (data_folder() / "networks").iterdir()
        if f.name.endswith((".toml", ".onnx"))
    }
    settings: dict[str, Any] = {"digital": digital, "fixed": fixed, "input_shape": input_shape}
    if text.endswith(".nir"):
        return _from_nir(Path(name_or_path), time_step, **settings)
    if time_step is not None:
        raise InputError("time_step: only of a NIR graph")
    if text.endswith(".onnx"):
        return load_onnx(Path(name_or_path), **settings)
    if text in shipped and shipped[text].name.endswith(".onnx"):
        with as_file(shipped[text]) as path:
            return load_onnx(path, name=text, **settings)
    if digital:
        raise InputError("digital: only layers of an ONNX network can be left digital")
    if fixed or input_shape is not None:
        raise InputError("fixed, input_shape: only of an ONNX network")
    if text in shipped:
        content = shipped[text].read_bytes()
    elif isinstance(name_or_path, Path) or text.endswith(".toml"):
        if not Path(name_or_path).is_file():
            raise InputError(f"network: no file {text!r}")
        content = Path(name_or_path).read_bytes()
    else:
        raise unknown_name("network", text, shipped)
    return _from_toml(content, text)


def from_file(
    network: Any, *, fixed: Mapping[str, Any] | None = None, input_shape: Any = None
) -> Any:
    """Return the network of a name, a path or a torch module, anything else as it is.

    >>> from_file("spirit").outputs
    10
    """
    module = is_torch_module(network)
    if not module and not isinstance(network, (str, Path)):
        return network
    if module or str(network).endswith(".onnx"):
        return load_network(network, fixed=fixed, input_shape=input_shape)
    return load_network(network)


def _from_nir(
    path: Path, time_step: float | str | None, digital: Any, fixed: Any, input_shape: Any
) -> DeepNetwork:
    if fixed or input_shape is not None:
        raise InputError("fixed, input_shape: only of an ONNX network")
    step = TIME_STEP if time_step is None else quantity(time_step, "s", "time_step")
    if not 0 < step < np.inf:
        raise InputError(f"time_step: got {step:g} s, allowed above 0 s")
    return load_nir(path, digital=digital, time_step=step)


def _from_torch(module: Any, input_shape: Collection[int] | None, **settings: Any) -> DeepNetwork:
    content, name = onnx_of_module(module, input_shape), type(module).__name__
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.onnx"
        path.write_bytes(content)
        return load_onnx(path, name=name, **settings)


@lru_cache(maxsize=32)  # a study checks its network again at every point of a sweep
def _parsed(content: bytes, where: str) -> dict[str, Any]:
    return read_toml(content, where)


def _from_toml(content: bytes, where: str) -> Network:
    table = _parsed(content, where)
    try:
        return Network(
            name=str(table["name"]),
            weights=np.array(table["weights"]),
            weight_max=int(table["weight_max"]),
            description=str(table.get("description", "")).strip(),
            data=str(table.get("data", "mnist12")),
        )
    except KeyError as error:
        raise InputError(f"{where}: {error.args[0]}: missing, but it is required") from None
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: {error}") from None
