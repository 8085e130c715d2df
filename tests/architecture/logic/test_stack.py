"""Heat in layers against a numerical solution, and its limits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reliability as rel
from reliability.architecture import load_components
from reliability.architecture.logic.layout import STRUCTURES
from reliability.architecture.logic.stack import Layer, resistance_to
from reliability.architecture.memory.tiers import layers


def numerical(stack: list[Layer], name: str, cells: int = 200) -> float:
    """Finite volumes: ``cells`` slices a layer, all heat down to the base."""
    height = np.concatenate([np.full(cells, layer.thickness / cells) for layer in stack])
    k = np.concatenate([np.full(cells, layer.conductivity) for layer in stack])
    source = np.concatenate([np.full(cells, layer.fraction / cells) for layer in stack])
    # flux into the bottom of each slice is all that is made in it and above
    flux = np.cumsum(source[::-1])[::-1]
    half = height / (2 * k)
    rise = np.empty(len(height))
    rise[0] = flux[0] * half[0]
    for i in range(1, len(height)):
        rise[i] = rise[i - 1] + flux[i] * (half[i - 1] + half[i])
    first = [layer.name for layer in stack].index(name) * cells
    return float(rise[first + cells // 2])


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(1e-8, 1e-3), st.floats(0.1, 400.0), st.floats(0.01, 1.0)),
        min_size=1,
        max_size=6,
    )
)
def test_as_a_numerical_solution(values) -> None:
    total = sum(share for *_, share in values)
    stack = [Layer(str(i), t, k, share / total) for i, (t, k, share) in enumerate(values)]
    for layer in stack:
        found, expected = resistance_to(stack, layer.name), numerical(stack, layer.name)
        assert found == pytest.approx(expected, rel=0.01, abs=0)


def test_higher_layers_are_hotter_and_shares_move_heat() -> None:
    def stack(low: float) -> list[Layer]:
        return [Layer("a", 1e-5, 2.0, low), Layer("b", 1e-5, 2.0, 1 - low)]

    rises = [resistance_to(stack(0.5), name) for name in "ab"]
    assert rises[0] < rises[1]
    assert resistance_to(stack(1.0), "b") < resistance_to(stack(0.0), "b")


@pytest.mark.parametrize("structure", STRUCTURES)
def test_shipped_stacks_hold_their_power_once(structure) -> None:
    stack = layers(load_components("tiers"), structure)
    assert sum(layer.fraction for layer in stack) == pytest.approx(1.0)
    assert resistance_to(stack, "memory") == pytest.approx(numerical(stack, "memory"), rel=0.01)


def test_what_cannot_be_right_is_named() -> None:
    with pytest.raises(rel.InputError, match="got layer 'c'"):
        resistance_to([Layer("a", 1e-6, 1.0, 1.0)], "c")
    with pytest.raises(rel.InputError, match="expected a sum of one"):
        resistance_to([Layer("a", 1e-6, 1.0, 0.5)], "a")
