"""Train networks for your devices: in every step the weights are what other cells read as.

A layer of these modules programs its weights into cells of a card in every training step, anew on
other chips, lets a mission age them, and computes with what they read. The gradient passes straight
through: it is taken at the weights that the cells have and applied to the target weights [1]_.
So a network learns to work with the variability, the losses and the defects of its devices, as
V. Joshi et al. [2]_ do with normal noise. With ``eval()`` the layers compute with the target
weights.

- `IntegerLayer`: one layer of whole weights, as `reliability.Network` has them.
- `on_cells`: the linear and convolutional layers of any torch model, with a `reliability.Tiling`.

Steps are counted; chips are those of the suite's populations, keyed by the seed, so that a training
run is the same whenever it is repeated. Needs the extra ``train`` (torch).

.. [1] Y. Bengio, N. Leonard and A. Courville, "Estimating or propagating gradients through
   stochastic neurons for conditional computation", arXiv:1308.3432.
.. [2] V. Joshi et al., Nat. Commun. 11, 2473 (2020), doi:10.1038/s41467-020-16108-9.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError, whole_number
from reliability.mission import MissionProfile
from reliability.network.deep.chips import default_tiling
from reliability.network.deep.layer_mapping import (
    check_card,
    compensation,
    place_layers,
    read_layer,
    target_states,
)
from reliability.network.deep.onnx import Layer
from reliability.network.deep.tiling import Tiling
from reliability.network.one_layer.model import Network
from reliability.network.one_layer.weight_mapping import (
    Mapping,
    check_mapping,
    read_weights,
    sample_chips,
)
from reliability.population import age, sample_dies
from reliability.random import stream
from reliability.technology import Technology

__all__ = ["CellLayer", "Devices", "IntegerLayer", "on_cells"]

_Module: Any
try:
    import torch

    _Module = torch.nn.Module
except ImportError:  # said where a layer is made
    torch = None
    _Module = object


@dataclass(frozen=True)
class Devices:
    """The cells that a network is trained on.

    Parameters
    ----------
    technology : Technology
    profiles : tuple of MissionProfile or None
        What the cells have been through when they are read; every step takes one of them by
        chance. None: as programmed.
    chips : int
        Other chips in every step, each for its part of the batch.
    seed : int
        Of cells and read-outs; take another one for the chips that you evaluate on.

    Examples
    --------
    >>> import reliability as rel
    >>> old = rel.MissionProfile.constant("10 years", "85 degC")
    >>> Devices(rel.load_technology("techB"), profiles=(None, old)).chips
    2
    >>> Devices(rel.load_technology("techB"), chips=0)
    Traceback (most recent call last):
    reliability.errors.InputError: devices: chips: got 0, allowed 1 or more
    """

    technology: Technology
    profiles: tuple[MissionProfile | None, ...] = (None,)
    chips: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.technology, Technology):
            raise InputError(
                f"devices: got {type(self.technology).__name__}, expected a Technology"
            )
        whole_number(self.chips, "devices: chips", 1)
        if not self.profiles:
            raise InputError(
                "devices: profiles: got none, expected at least one; None is no stress"
            )

    def population(self, step: int, program: Callable[..., xr.Dataset]) -> xr.Dataset:
        """Return the aged chips of one step, on wafers and in a lot of their own.

        Parameters
        ----------
        step : int
        program : callable
            Takes ``first`` (chip), ``lot`` and ``seed`` and returns the programmed chips.
        """
        cells = program(first=step * self.chips, lot=step, seed=self.seed)
        draw = stream(self.seed, "training.age", wafer=step)
        profile = self.profiles[int(draw.integers(len(self.profiles)))]
        return cells if profile is None else age(cells, profile)


def _need_torch() -> None:
    if torch is None:
        raise InputError("training needs torch: pip install 'rram-reliability[train]'")


class IntegerLayer(_Module):
    """A layer of whole weights that are read from cells while it is trained.

    Parameters
    ----------
    inputs, outputs : int
    scale : float
        Weight in whole units = scale x real weight, rounded and clipped.
    weight_max : int
        Largest magnitude of a whole weight.
    devices : Devices, optional
        None: the whole weights themselves, as on ideal cells.
    mapping : {"two_level", "multi_level"}
        How cells hold a weight (`reliability.network.one_layer.weight_mapping`).

    Raises
    ------
    InputError
        Without the extra ``train``, or a mapping that the card does not have.

    Examples
    --------
    >>> import pytest, reliability as rel
    >>> torch = pytest.importorskip("torch")
    >>> layer = IntegerLayer(4, 3, devices=Devices(rel.load_technology("oxram-130nm")))
    >>> layer(torch.ones(6, 4)).shape
    torch.Size([6, 3])
    >>> layer.network("mine").weights.shape
    (4, 3)
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        scale: float = 2.7,
        weight_max: int = 4,
        devices: Devices | None = None,
        mapping: Mapping = "two_level",
    ) -> None:
        _need_torch()
        super().__init__()
        if devices is not None:
            check_mapping(devices.technology, mapping)
        self.scale, self.weight_max = scale, weight_max
        self.devices, self.mapping, self.step = devices, mapping, 0
        self.weight = torch.nn.Parameter(torch.zeros(inputs, outputs))

    def network(self, name: str, **more: Any) -> Network:
        """Return the whole weights as a network to evaluate; ``more`` goes to `Network`."""
        levels = self._levels(self.weight.detach() * self.scale).numpy().astype(np.int8)
        return Network(name, levels, self.weight_max, **more)

    def forward(self, x: Any) -> Any:
        """Return the sums in units of the real weights, shape (batch, outputs)."""
        scaled = self.weight * self.scale
        read = self._levels(scaled.detach())[None]
        if self.training and self.devices is not None:
            read = torch.from_numpy(self._read(self.devices))
        weights = scaled + (read - scaled).detach()
        parts = x.tensor_split(len(weights))
        return torch.cat([part @ w for part, w in zip(parts, weights, strict=True)]) / self.scale

    def _levels(self, scaled: Any) -> Any:
        return scaled.round().clamp(-self.weight_max, self.weight_max)

    def _read(self, devices: Devices) -> NDArray[np.float32]:
        """What the weights read as on the chips of this step, shape (chips, inputs, outputs)."""
        network = self.network("trained")

        def program(**where: Any) -> xr.Dataset:
            return sample_chips(
                devices.technology, network, chips=devices.chips, mapping=self.mapping, **where
            )

        cells = devices.population(self.step, program)
        self.step += 1
        return read_weights(cells, network, devices.technology)


class CellLayer(_Module):
    """A linear or convolutional layer whose weights are read from cells while it is trained.

    Parameters
    ----------
    layer : torch.nn.Linear or torch.nn.Conv2d
        Keeps the target weights; its bias is digital.
    devices : Devices
    tiling : Tiling
        How the weights lie in cells; converters play no part here.
    number, layers : int
        Which of how many layers of the network, so that no two share their cells.
    """

    def __init__(
        self, layer: Any, devices: Devices, tiling: Tiling, number: int = 0, layers: int = 1
    ) -> None:
        _need_torch()
        super().__init__()
        check_card(devices.technology, tiling)
        self.layer, self.devices, self.tiling = layer, devices, tiling
        self.number, self.layers, self.step = number, layers, 0

    def forward(self, x: Any) -> Any:
        """Return what the layer makes of a batch."""
        weight = self.layer.weight
        if not self.training:
            return self.layer(x)
        read = torch.from_numpy(self._read(weight.detach().numpy()))
        weights = weight + (read - weight).detach()
        parts = x.tensor_split(len(weights))
        done = [
            torch.func.functional_call(self.layer, {"weight": w}, (part,))
            for part, w in zip(parts, weights, strict=True)
        ]
        return torch.cat(done)

    def _read(self, weight: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the weights read as on the chips of this step, shape (chips, *weight.shape)."""
        technology, tiling = self.devices.technology, self.tiling
        matrix = np.ascontiguousarray(weight.reshape(len(weight), -1).T)
        placed = place_layers([Layer("trained", "Gemm", ("y",), matrix)], tiling)
        state = target_states(placed, technology)

        def program(**where: Any) -> xr.Dataset:
            return sample_dies(technology, state=state, count=self.devices.chips, **where)

        cells = self.devices.population(self.step * self.layers + self.number, program)
        self.step += 1
        out = np.empty((self.devices.chips, *weight.shape), np.float32)
        for chip, row in enumerate(out):
            now, programmed = (cells[n].values[chip] for n in ("conductance", "programmed"))
            read = read_layer(placed[0], now, technology, tiling)
            factor = compensation(placed[0], read, now, programmed, tiling)
            row[:] = (placed[0].weights(read) * np.float32(factor)).T.reshape(weight.shape)
        return out


def on_cells(model: Any, devices: Devices, tiling: Tiling | None = None) -> Any:
    """Put every linear and convolutional layer of a model on cells while it is trained, in place.

    Parameters
    ----------
    model : torch.nn.Module
    devices : Devices
    tiling : Tiling, optional
        By default levels where the card has them, else bits.

    Returns
    -------
    torch.nn.Module
        The model; the weights themselves are in it as before, so ``model.eval()`` computes and
        exports what it did.

    Raises
    ------
    InputError
        No such layer in the model, cells that the tiling can't use, or without the extra.

    Examples
    --------
    >>> import pytest, reliability as rel
    >>> torch = pytest.importorskip("torch")
    >>> net = torch.nn.Sequential(torch.nn.Linear(8, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    >>> net = on_cells(net, Devices(rel.load_technology("techB")))
    >>> net(torch.ones(5, 8)).shape
    torch.Size([5, 2])
    """
    _need_torch()
    tiling = default_tiling(devices.technology) if tiling is None else tiling
    kinds = (torch.nn.Linear, torch.nn.Conv2d)
    found = [
        (parent, name, layer)
        for parent in model.modules()
        if not isinstance(parent, CellLayer)
        for name, layer in parent.named_children()
        if isinstance(layer, kinds)
    ]
    if not found:
        raise InputError("model: got no Linear or Conv2d layer inside it to put on cells")
    for number, (parent, name, layer) in enumerate(found):
        setattr(parent, name, CellLayer(layer, devices, tiling, number, len(found)))
    return model
