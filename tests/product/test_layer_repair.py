"""Redundant cells of deep networks, with and without stuck cells."""

import itertools

import numpy as np
import pytest

import reliability as rel
from reliability.errors import InputError
from reliability.network.deep.layer_mapping import Layer, place_layers
from reliability.population.programmed import DEFECTS
from reliability.product.layer_repair import Repair, _Layer, repaired_layers

NET = rel.load_network("mobilenet-mnist")
CARD = rel.load_technology("oxram-130nm")
HIGH, LOW = DEFECTS.index("stuck_lrs"), DEFECTS.index("stuck_hrs")
NO_DEFECTS = {f"defects.{name}": 0.0 for name in ("stuck_lrs", "stuck_hrs", "unformed")}


def test_without_stuck_cells_the_chips_are_those_of_program_layers() -> None:
    card, tiling = CARD.with_values(NO_DEFECTS), rel.Tiling("bits", weight_bits=3)
    week = rel.MissionProfile.constant("1 week", "85 degC")
    found = repaired_layers(card, NET, tiling, Repair(), chips=1, first=3, seed=5, profile=week)
    own = rel.age(rel.program_layers(card, NET, tiling, chips=1, first=3, seed=5), week)
    for name in ("conductance", "programmed"):
        assert found[name].values == pytest.approx(own[name].values, rel=1e-5)
    assert float(found["error_before"][0]) == float(found["error_after"][0]) == 0.0


def test_repair_brings_back_what_stuck_cells_cost() -> None:
    """Programmed without variability, the weights are what the placement says that they are."""
    exact = {f"programming.{s}.sigma_{k}": 0.0 for s in ("LRS", "HRS") for k in ("cell", "cycle")}
    exact |= {f"programming.{s}.sigma_{k}": 0.0 for s in ("LRS", "HRS")
              for k in ("lot", "wafer", "die")}  # fmt: skip
    card = CARD.with_values(exact | {"defects.stuck_lrs": 0.01, "defects.unformed": 0.01})
    tiling = rel.Tiling("bits", weight_bits=3)
    kept = {}
    for name, repair in {
        "none": Repair(columns=False), "columns": Repair(signs=False), "signs": Repair(),
        "spares": Repair(spare_columns=8), "copies": Repair(copies=3),
    }.items():  # fmt: skip
        found = repaired_layers(card, NET, tiling, repair, chips=1, seed=2)
        kept[name] = float(found["error_after"][0])
    assert kept["none"] > kept["columns"] > kept["signs"] > kept["spares"] > 0
    assert kept["copies"] < kept["none"]


@pytest.mark.parametrize("seed", range(4))
def test_a_layer_is_placed_as_well_as_any_placement_is(seed) -> None:
    """All columns and signs tried; cells as written read as the placement says."""
    random = np.random.default_rng(seed)
    layer = Layer("fc", "Gemm", ("y",), random.standard_normal((4, 2)).astype(np.float32))
    placed = place_layers([layer], rel.Tiling("bits", weight_bits=4))[0]
    shape = (*placed.coded.shape[:2], 3, 2, 2)
    defect = random.choice([0, HIGH, LOW], p=[0.7, 0.2, 0.1], size=shape).astype(np.uint8)
    own = _Layer(placed, defect, Repair(copies=2, spare_columns=1))
    weight = placed.factor / np.abs(placed.factor).sum(axis=0)

    def squares(columns, signs):
        wanted = placed.coded * np.array(signs)
        held = np.clip(wanted, own.low[..., list(columns)], own.high[..., list(columns)])
        return float((((held - wanted) * weight[:, None]).sum(axis=0) ** 2).sum())

    best = min(squares(c, s) for c in itertools.permutations(range(3), 2)
               for s in itertools.product((1.0, -1.0), repeat=2))  # fmt: skip
    assert own.squares[1] == pytest.approx(best)
    cells = np.where(defect == HIGH, 1.0, np.where(defect == LOW, 0.0, own.digits()))
    read = own.in_order(cells).mean(axis=-1)
    held = np.clip(placed.coded * own.sign, own.low[..., own.at], own.high[..., own.at])
    assert read[..., 0] - read[..., 1] == pytest.approx(held * own.sign, abs=1e-9)


def test_copies_average_and_cells_beside_them_need_no_lines() -> None:
    card, tiling = CARD.with_values(NO_DEFECTS), rel.Tiling("bits", weight_bits=3)
    one, four = (
        repaired_layers(card, NET, tiling, Repair(copies=k), chips=1, seed=1) for k in (1, 4)
    )
    spread = [float(np.log(found["conductance"].values).std()) for found in (one, four)]
    assert one.sizes == four.sizes
    assert spread[1] < spread[0]
    resistive = rel.Tiling("bits", weight_bits=3, bit_line_resistance=1.0)
    dummy = rel.Tiling("bits", mapping="dummy")
    for bad, says in ((resistive, "lines with resistance"), (dummy, "'differential', got 'dummy'")):
        with pytest.raises(InputError, match=says):
            repaired_layers(card, NET, bad, Repair(), chips=1)
