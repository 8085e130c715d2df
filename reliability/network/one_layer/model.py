"""A network as its integer weights."""

from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from reliability.errors import InputError, unknown_name
from reliability.network.datasets import DATA_SETS


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
