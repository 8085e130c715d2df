"""The networks for CIFAR-10: what their files say, and what they say without images."""

from itertools import pairwise

import numpy as np
import pytest

import reliability as rel

pytest.importorskip("onnxruntime")
NETWORKS = ("resnet-cifar10", "resnet-cifar10-aware")


@pytest.mark.parametrize("name", NETWORKS)
def test_all_weights_lie_in_cells(name) -> None:
    net = rel.load_network(name)
    widths = (3, 24, 48, 48, 48, 96, 96, 96, 96)
    kernels = sum(9 * a * b for a, b in pairwise(widths))
    assert net.weights == kernels + 96 * 10
    assert not net.digital_weights


def test_without_images_one_line_says_how_to_give_them(tmp_path) -> None:
    with pytest.raises(rel.InputError, match="give your own copy of CIFAR-10") as refused:
        rel.evaluate(rel.load_network("resnet-cifar10"))
    assert "\n" not in str(refused.value)
    for study in ("cifar10", "design_tile"):
        with pytest.raises(rel.InputError, match=r"network\.data: .*your own copy of CIFAR-10"):
            rel.load_study(study)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_accuracy_of_the_test_images_is_what_the_file_says(name, shared) -> None:
    copy = shared / "datasets" / "cifar10_jpeg.tar.xz"
    if not copy.is_file():
        pytest.skip("no shared data")
    net = rel.load_network(name)
    found = rel.evaluate(net, data=copy, images=2000)["accuracy"].item()
    stated = float(net.metadata["test_accuracy_10000"])
    assert stated > 0.8
    assert found == pytest.approx(stated, abs=4 * np.sqrt(stated * (1 - stated) / 2000))
