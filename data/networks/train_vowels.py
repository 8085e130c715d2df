"""Train vowels.toml: one layer of 72 x 9 integer weights, -4 to +4, for events of spoken vowels.

As ``train_spirit.py``, on how often each line is active in an utterance (data/vowels). With 270
utterances what has to be kept down is their chance: each batch sees other Poisson counts with
a mean of ``--events``, about as many as a decision has to do with. 54 utterances are held out;
the epoch is chosen on them, and scale and events were chosen by their accuracy over four seeds. The
test utterances only give the figure reported at the end.

    python data/networks/train_vowels.py --out data/networks/vowels.toml

Needs the ``train`` extra (torch). The result is the same for every run on one machine.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from train_spirit import Settings, accuracy, arguments, to_toml, train

LINES = 72
DATA = Path(__file__).resolve().parent.parent / "vowels" / "vowels.npz"
DEFAULT = Settings(scale=2.0, events=50, epochs=150, batch=54, learning_rate=0.02, held_out=54)
HEAD = f'''name = "vowels"
description = """
One fully connected layer, 72 event lines (12 cepstrum coefficients with 6 bands each) to 9 \\
speakers, no bias, integer weights -4 to +4. Row 6 c + b of the weights belongs to band b of \\
coefficient c, column j to speaker j."""
data = "vowels"
inputs = {LINES}
outputs = 9'''
ORIGIN = "Trained from scratch on the training utterances of data/vowels."


def as_tensors(arrays: dict[str, NDArray], split: str) -> tuple[Tensor, Tensor]:
    """How often each line is active in each utterance, and the speakers."""
    count = arrays[f"{split}_events"].astype(int)
    utterance = np.repeat(np.arange(len(count)), count)
    x = np.zeros((len(count), LINES), np.float32)
    np.add.at(x, (utterance, arrays[f"{split}_line"]), 1)
    return torch.from_numpy(x), torch.from_numpy(arrays[f"{split}_speaker"].astype(np.int64))


def main() -> None:
    """Command line entry."""
    args, settings = arguments("the 72 x 9 integer network for spoken vowels", DATA, DEFAULT)
    with np.load(args.data) as data:
        arrays = {name: data[name] for name in data.files}
    digest = hashlib.sha256(b"".join(array.tobytes() for array in arrays.values()))
    result = train(*as_tensors(arrays, "train"), settings)
    x, y = as_tensors(arrays, "test")
    test_accuracy = accuracy(torch.from_numpy(result.weights.astype(np.float32)), x, y)
    text = to_toml(
        result, settings, test_accuracy, digest.hexdigest(),
        script="train_vowels.py", head=HEAD, origin=ORIGIN,
    )  # fmt: skip
    args.out.write_text(text, "utf-8")
    print(f"epoch {result.epoch}: held-out accuracy {result.held_out_accuracy:.4f}")
    print(f"test accuracy {test_accuracy:.4f}")


if __name__ == "__main__":
    main()
