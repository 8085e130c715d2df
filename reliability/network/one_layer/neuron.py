"""The integrate-and-fire neuron of the SPIRIT chip and its non-idealities.

Every input event adds the synapse's charge to a 200 fF capacitor. Above the upper threshold the
neuron fires a positive spike, below the lower one a negative spike, and the threshold's charge is
subtracted. Charge is counted in units of weight: a weight of +-4 makes one spike per input event,
so the nominal thresholds are +-4 whatever the absolute current, pulse and capacitance.

Source: A. Valentian et al., IEDM 2019, 14.3.1, as described there for SPIRIT.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reliability.errors import InputError
from reliability.random import draw
from reliability.technology import Technology


@dataclass(frozen=True)
class Neuron:
    """Parameters of a neuron; the non-idealities are zero by default.

    Parameters
    ----------
    threshold : float
        Both thresholds, in units of weight.
    refractory : int
        Input events after a spike during which the neuron integrates but cannot fire.
    threshold_mismatch : float
        Standard deviation of each threshold over neurons, relative; the two are independent.
    injector_mismatch : float
        Standard deviation of the current gain over neurons, relative.
    leak : float
        Fraction of the charge that is lost per input event.

    Examples
    --------
    >>> Neuron(leak=-0.1)
    Traceback (most recent call last):
    reliability.errors.InputError: neuron: leak: got -0.1, allowed 0 to below 1
    """

    threshold: float = 4.0
    refractory: int = 0
    threshold_mismatch: float = 0.0
    injector_mismatch: float = 0.0
    leak: float = 0.0

    def __post_init__(self) -> None:
        if not self.threshold > 0:
            raise InputError(f"neuron: threshold: got {self.threshold}, allowed above 0")
        if not 0 <= self.leak < 1:
            raise InputError(f"neuron: leak: got {self.leak}, allowed 0 to below 1")
        for name in ("refractory", "threshold_mismatch", "injector_mismatch"):
            if getattr(self, name) < 0:
                raise InputError(f"neuron: {name}: got {getattr(self, name)}, allowed 0 or more")

    @classmethod
    def from_technology(cls, technology: Technology) -> "Neuron":
        """Return the neuron with the mismatches and leak of a card, none where it has none."""
        return cls(
            threshold_mismatch=technology.get("neuron.threshold_mismatch", 0.0),
            injector_mismatch=technology.get("neuron.injector_mismatch", 0.0),
            leak=technology.get("neuron.leak", 0.0),
        )


def sample_neurons(
    neuron: Neuron, address: NDArray[np.integer], outputs: int, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Draw the neurons of each chip, the same under all stress conditions.

    Parameters
    ----------
    neuron : Neuron
    address : ndarray of int, shape (chips, 3)
        Wafer, die and chip.
    outputs : int
    seed : int

    Returns
    -------
    upper, lower, gain : ndarray of float32, shape (chips, outputs)
        Thresholds (both positive, in units of weight) and relative current gain.
    """
    z = draw(seed, "neuron", address, 3 * outputs, dtype=np.float32)
    z = z.reshape(len(address), outputs, 3)  # a neuron's numbers stay together
    kind = np.float32
    # A comparator that mismatches by more than its own threshold would fire for ever.
    scale = np.maximum(1 + kind(neuron.threshold_mismatch) * z[..., :2], kind(0.05))
    gain = 1 + kind(neuron.injector_mismatch) * z[..., 2]
    upper = kind(neuron.threshold) * scale[..., 0]
    lower = kind(neuron.threshold) * scale[..., 1]
    return upper, lower, gain.astype(kind)
