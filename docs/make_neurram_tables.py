"""Print the tables of docs/deep_networks.md on NeuRRAM: loss of accuracy against weight noise, and
of the four ways to map the weights to the cells of ``oxram-analog``.

    python docs/make_neurram_tables.py FOLDER COPY

FOLDER holds ``neurram_resnet20_noise0.00.npz`` to ``0.30`` (see data/networks/neurram_onnx.py),
COPY is whatever ``reliability.load_cifar10`` reads. Some ten minutes.
"""

import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import xarray as xr
from numpy.typing import NDArray

import reliability as rel

sys.path.insert(0, str(Path(__file__).parents[1] / "data" / "networks"))
from neurram_onnx import on_chip, resnet20

# W. Wan et al., Nature 608, 504 (2022): accuracy at test noises of 0, 0.05, 0.10, 0.15 of the
# largest weight of a layer, against the noise in training.
PUBLISHED = {
    0.00: (87.25, 69.3, 25.7, 12.2),
    0.05: (88.13, 86.2, 79.0, 61.6),
    0.10: (88.19, 87.1, 83.8, 77.2),
    0.15: (87.58, 87.0, 85.2, 81.4),
    0.20: (87.56, 87.0, 85.6, 83.3),
    0.25: (86.48, 86.2, 85.5, 83.7),
    0.30: (85.95, 85.9, 85.0, 83.5),
}
TEST_NOISE, IMAGES, BATCHES = (0.05, 0.10, 0.15), 2000, 20


def main() -> None:
    """Evaluate and print."""
    warnings.simplefilter("ignore", UserWarning)
    folder, images = Path(sys.argv[1]), rel.load_cifar10(sys.argv[2])
    data = images.isel(image=slice(None, None, images.sizes["image"] // IMAGES))
    columns = " | ".join(f"{noise:.2f}: published | ours" for noise in TEST_NOISE)
    print(f"| noise in training | {columns} |\n|---|" + "---|---|" * len(TEST_NOISE))
    for trained, accuracy in PUBLISHED.items():
        with np.load(folder / f"neurram_resnet20_noise{trained:.2f}.npz") as held:
            found = losses(dict(held), data)
        cells = [
            f"{accuracy[0] - of_noise + 1e-9:.1f} | {mean:.1f} ± {error:.1f}"
            for of_noise, (mean, error) in zip(accuracy[1:], found, strict=True)
        ]
        print(f"| {trained:.2f} | {' | '.join(cells)} |", flush=True)
    with np.load(folder / "neurram_resnet20_noise0.20.npz") as held:
        mappings(dict(held), data)


def losses(arrays: dict[str, Any], data: xr.Dataset) -> list[tuple[float, float]]:
    """Loss of accuracy in points at each test noise, and its standard error over the batches."""
    rng = np.random.default_rng(1)
    batches = [data.isel(image=slice(first, None, BATCHES)) for first in range(BATCHES)]
    before = np.array([accuracy_of(arrays, batch) for batch in batches])
    out = []
    for noise in TEST_NOISE:
        after = [accuracy_of(noisy(arrays, noise, rng), batch) for batch in batches]
        lost = 100 * (before - np.array(after))
        out.append((float(lost.mean()), float(lost.std(ddof=1) / np.sqrt(BATCHES))))
    return out


def noisy(arrays: dict[str, Any], noise: float, rng: np.random.Generator) -> dict[str, Any]:
    """Weights with normal noise in units of the largest weight of a layer."""

    def drawn(w: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.asarray(w + noise * abs(w).max() * rng.normal(size=w.shape))

    return {name: drawn(w) if name.endswith("kernel") else w for name, w in arrays.items()}


def accuracy_of(arrays: dict[str, Any], data: xr.Dataset, *cells: Any, **options: Any) -> float:
    """Mean accuracy of the network with these weights, exact or on the chips of a card."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "resnet20.onnx"
        onnx.save(resnet20(arrays), path)
        return float(rel.evaluate(path, *cells, data=data, **options)["accuracy"].mean())


def mappings(arrays: dict[str, Any], data: xr.Dataset) -> None:
    """Print the loss on four chips of the card, one day after programming."""
    data = data.isel(image=slice(None, None, 2))
    card, day = rel.load_technology("oxram-analog"), rel.MissionProfile.constant("1 day", "25 degC")
    before = accuracy_of(arrays, data)
    print("\n| mapping | predicted loss |\n|---|---|")
    for name, weights, scale in (
        ("one scale for each output channel", arrays, "channel"),
        ("one scale for each layer, batch normalisation left digital", arrays, "layer"),
        ("one scale for each layer, batch normalisation folded", on_chip(arrays, 100.0), "layer"),
        ("the same, weights clipped at the 95th percentile", on_chip(arrays), "layer"),
    ):
        after = accuracy_of(
            weights, data, card, tiling=rel.Tiling(scale=scale), profile=day, chips=4, seed=1
        )
        print(f"| {name} | {100 * (before - after):.1f} points |", flush=True)


if __name__ == "__main__":
    main()
