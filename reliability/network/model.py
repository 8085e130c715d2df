"""A network as its integer weights."""

import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import as_file
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reliability.errors import InputError, expect, unknown_name
from reliability.network.datasets import DATA_SETS
from reliability.network.onnx import DeepNetwork, load_onnx
from reliability.resources import data_folder


@dataclass(frozen=True, eq=False)
class Network:
    """One fully connected layer with signed integer weights.

    Attributes
    ----------
    name, description : str
    weights : ndarray of int8, shape (inputs, outputs)
    weight_max : int
        Largest magnitude, which is also the number of single-level cells on each side.
    data : {"mnist12", "vowels"}
        What it was trained for, and is evaluated on where no other data are given.

    Raises
    ------
    InputError
        Weights that are no integers, not (inputs, outputs), or above ``weight_max``.

    Examples
    --------
    >>> Network("tiny", np.array([[2], [-1]]), weight_max=2).inputs
    2
    """

    name: str
    weights: NDArray[np.int8]
    weight_max: int
    description: str = ""
    data: str = "mnist12"

    def __post_init__(self) -> None:
        if self.data not in DATA_SETS:
            raise unknown_name("data", self.data, DATA_SETS)
        weights = np.asarray(self.weights)
        if weights.ndim != 2 or not np.issubdtype(weights.dtype, np.integer):
            raise InputError(
                f"network {self.name}: weights: got {weights.dtype} of shape {weights.shape}, "
                "expected integers (inputs, outputs)"
            )
        if np.abs(weights.astype(int)).max(initial=0) > self.weight_max:
            raise InputError(
                f"network {self.name}: weights: got {weights.min()} to {weights.max()}, "
                f"allowed {-self.weight_max} to {self.weight_max}"
            )
        object.__setattr__(self, "weights", weights.astype(np.int8))

    @property
    def inputs(self) -> int:
        """Number of inputs."""
        return int(self.weights.shape[0])

    @property
    def outputs(self) -> int:
        """Number of outputs, one per class."""
        return int(self.weights.shape[1])

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the weights."""
        return sha256(repr(self.weights.shape).encode() + self.weights.tobytes()).hexdigest()


def expect_network(value: object) -> None:
    """Refuse what is not a network of one layer, such as its name."""
    if isinstance(value, DeepNetwork):
        raise InputError("network: got one of many layers, expected one of one layer")
    expect(value, Network, "network", "a Network, as load_network gives it")


def load_network(
    name_or_path: str | Path, *, digital: Collection[str] = ()
) -> Network | DeepNetwork:
    """Load a network that ships with the suite, or a TOML or ONNX file of one's own.

    Parameters
    ----------
    name_or_path : str or Path
        ``"spirit"`` (144 inputs, 10 outputs, weights -4 to +4), ``"vowels"`` (72 inputs, 9
        outputs, for events of spoken vowels), ``"mobilenet-mnist"`` (a depthwise-separable network
        for MNIST at 28x28), or a path ending with ``.toml`` (of the
        form of ``spirit.toml``) or ``.onnx``.
    digital : collection of str
        Of an ONNX network: names of nodes, or types of operators, whose weights stay digital.

    Returns
    -------
    Network or DeepNetwork
        One layer of integers, or many layers from ONNX.

    Raises
    ------
    InputError
        No such network, or a file that is not one; for ONNX see
        `reliability.network.onnx.load_onnx`.

    Examples
    --------
    >>> net = load_network("spirit")
    >>> net.weights.shape, int(net.weights.min()), int(net.weights.max())
    ((144, 10), -4, 4)
    """
    text = str(name_or_path)
    shipped = {
        f.name.rpartition(".")[0]: f
        for f in (data_folder() / "networks").iterdir()
        if f.name.endswith((".toml", ".onnx"))
    }
    if text.endswith(".onnx"):
        return load_onnx(Path(name_or_path), digital=digital)
    if text in shipped and shipped[text].name.endswith(".onnx"):
        with as_file(shipped[text]) as path:
            return load_onnx(path, name=text, digital=digital)
    if digital:
        raise InputError("digital: only layers of an ONNX network can be left digital")
    if text in shipped:
        content = shipped[text].read_bytes()
    elif isinstance(name_or_path, Path) or text.endswith(".toml"):
        if not Path(name_or_path).is_file():
            raise InputError(f"network: no file {text!r}")
        content = Path(name_or_path).read_bytes()
    else:
        raise unknown_name("network", text, shipped)
    try:
        table = tomllib.loads(content.decode())
        return Network(
            name=str(table["name"]),
            weights=np.array(table["weights"]),
            weight_max=int(table["weight_max"]),
            description=str(table.get("description", "")).strip(),
            data=str(table.get("data", "mnist12")),
        )
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{text}: not a TOML file: {error}") from None
    except KeyError as error:
        raise InputError(f"{text}: {error.args[0]}: missing, but it is required") from None
    except (TypeError, ValueError) as error:
        raise InputError(f"{text}: {error}") from None
