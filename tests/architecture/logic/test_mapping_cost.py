"""Cost of a mapped network against arithmetic by hand and two published chips."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import reliability as rel
from reliability.architecture import load_components
from reliability.cli import main
from reliability.technology.nodes import load_node
from tests.network.deep.onnx_models import model, onnx


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    """One product of a matrix of 256 x 256 with a vector: half of the weights 1, half -1."""
    w = np.where(np.arange(256 * 256).reshape(256, 256) % 2, 1.0, -1.0).astype(np.float32)
    nodes = [onnx.helper.make_node("MatMul", ["x", "w"], ["y"], name="fc")]
    made = model(
        nodes, [onnx.numpy_helper.from_array(w, "w")], [("x", ["N", 256])], [("y", ["N", 256])]
    )
    path = tmp_path_factory.mktemp("core") / "core.onnx"
    path.write_bytes(made.SerializeToString())
    return path


CORE = rel.Tiling(rows=256, columns=512, dac_bits=8, adc_bits=8)


def test_cost_by_hand(core) -> None:
    """Every part at the node where converters are published, with round component parameters."""
    card, kept = rel.load_technology("techB"), load_components("tiles")
    sheet = kept.with_values(
        {"converter.energy": "2 pJ", "converter.time": "1 ns", "converter.columns": 4,
         "converter.area": "1000 um^2", "input.pulse": "10 ns", "input.driver": "0.5 pJ",
         "input.activity": 0.25, "periphery.energy": 3, "periphery.area": 2}
    )  # fmt: skip
    found = rel.map_network(core, CORE, technology=card, components=sheet, draws=2)
    part = found["energy_part"].isel(layer=0)
    assert found["conductance"].item() == pytest.approx(256 * 256 * 128e-6)
    cells = 8 * 0.2**2 * 10e-9 * 0.25 * 256 * 256 * 128e-6
    assert part.sel(part="cells").item() == pytest.approx(cells)
    assert part.sel(part="drivers").item() == pytest.approx(256 * 8 * 0.5e-12, rel=1e-6, abs=0)
    assert part.sel(part="converters").item() == pytest.approx(256 * 2e-12, rel=1e-6, abs=0)
    parts = float(part.sel(part=["cells", "drivers", "converters", "digital"]).sum())
    assert found["total_energy"].item() == pytest.approx(3 * parts, rel=1e-6, abs=0)
    assert found["total_latency"].item() == pytest.approx(8 * 10e-9 + 4 * 1e-9)
    cell = max(kept["cell.area"] * 32e-9**2, kept["cell.smallest"]) / kept["cell.efficiency"]
    least = 2 * (256 * 512 * cell + 64 * 1000e-12)
    assert least < found["total_area"].item() < 1.3 * least  # the rest are row drivers


def test_copies_and_spare_columns_cost(core) -> None:
    """Two cells in the place of each and 4 spare outputs: 3 tiles of 128 outputs instead of one."""
    one, more = (
        rel.map_network(core, CORE, draws=2, **redundant).isel(layer=0)
        for redundant in ({}, {"copies": 2, "spare_columns": 4})
    )
    assert (one["tiles"], more["tiles"]) == (1, 3)
    assert more["cells"] == 2 * 2 * 256 * (256 + 4)
    assert more["utilisation"] == pytest.approx(4 * 260 / (3 * 512))
    ratio = (more["energy_part"] / one["energy_part"]).to_series()
    # two cells conduct, three tiles are driven, and joined bit lines are converted once
    assert ratio[["cells", "drivers", "converters"]].tolist() == pytest.approx([2, 3, 1])
    assert more["latency"] == one["latency"]
    # a converter for 128 sums instead of 256 on each tile: less than three times the area
    assert 1.5 < more["area"] / one["area"] < 3


def test_copies_and_spare_columns_need_pairs_and_room(core) -> None:
    for tiling, redundant, match in (
        (rel.Tiling(mapping="offset"), {"copies": 2}, "need 'differential', got 'offset'"),
        (rel.Tiling(columns=4), {"copies": 3}, "copies: got 3, a tile of 4 columns takes 2"),
        (CORE, {"copies": 0}, "copies: got 0, allowed 1 to 100"),
        (CORE, {"spare_columns": 1.5}, "spare_columns: got 1.5, expected an integer"),
    ):
        with pytest.raises(rel.InputError, match=match):
            rel.map_network(core, tiling, draws=2, **redundant)


def test_a_bit_fewer_costs_less_and_scaling_follows_the_node(core) -> None:
    sheet = load_components("tiles").with_values({"periphery.energy": 1})
    eight, seven = (
        rel.map_network(core, rel.Tiling(rows=256, columns=512, adc_bits=b), components=sheet,
                        draws=2)["energy_part"].sel(part="converters").item()
        for b in (8, 7)
    )  # fmt: skip
    assert eight / seven == pytest.approx(sheet["converter.per_bit"])
    small = rel.map_network(core, CORE, components=sheet, node="14nm", draws=2)
    ratio = small["energy_part"].sel(part="converters").item() / eight
    assert ratio == pytest.approx(load_node("14nm").energy() / load_node("32nm").energy())


def test_two_chips_lie_in_the_interval(core) -> None:
    """HERMES core and the chip of 64 of them, 14 nm, a converter for each output, 8 bits.

    10.5 and 9.76 TOPS/W (doi:10.1109/JSSC.2022.3140414, doi:10.1038/s41928-023-01010-1); the
    components' overhead of the periphery was chosen with the first in view, so that this holds a
    published table, not a prediction. Latency: 63.1 TOPS of 64 cores are 133 ns.
    """
    kept = load_components("tiles")
    sheet = kept.with_values({"converter.columns": 1, "input.pulse": "16.25 ns"})
    found = rel.map_network(
        core, CORE, technology="pcm-joshi", components=sheet, node="14nm", seed=1
    )
    operations = 2 * 256 * 256
    for name in ("hermes", "legallo"):
        measured = operations * kept[f"published.{name}_operation"]
        assert found["total_energy_low"] < measured < found["total_energy_high"]
        assert 1.2 < measured / found["total_energy"].item() < 1.6
    measured = 64 * operations / kept["published.legallo_throughput"]
    assert found["total_latency"].item() == pytest.approx(measured, rel=0.05)


def test_digital_products_are_a_fraction_of_the_multiplications(tmp_path) -> None:
    """6 x 4 x 4 products with weights, 6 x 6 x 4 of two activations."""
    make = onnx.helper.make_node
    nodes = [
        make("MatMul", ["x", "w"], ["q"], name="query"),
        make("Transpose", ["x"], ["k"], perm=[0, 2, 1]),
        make("MatMul", ["q", "k"], ["s"], name="scores"),
        make("ReduceMean", ["s"], ["y"], axes=[2], keepdims=0),
    ]
    w = onnx.numpy_helper.from_array(np.ones((4, 4), np.float32), "w")
    made = model(nodes, [w], [("x", ["N", 6, 4])], [("y", ["N", 6])])
    (tmp_path / "attention.onnx").write_bytes(made.SerializeToString())
    found = rel.map_network(tmp_path / "attention.onnx", draws=2)
    assert found.attrs["digital"] == ["scores"]
    assert found.attrs["digital_fraction"] == pytest.approx(144 / (144 + 96))


def test_command_prints_layers_totals_and_json(core, tmp_path) -> None:
    out = tmp_path / "layers.csv"
    words = ["map", str(core), "--rows", "128", "--adc-bits", "6", "--draws", "5"]
    said = CliRunner().invoke(main, [*words, "--out", str(out)])
    assert said.exit_code == 0, said.output
    assert "256 × 256" in said.output
    assert "Energy:" in said.output
    assert out.read_text().startswith("layer,rows,outputs")
    answer = json.loads(CliRunner().invoke(main, [*words, "--json"]).output)
    assert answer["tiles"] == 4
    assert answer["total_energy_low"] < answer["total_energy"] < answer["total_energy_high"]
    bad = CliRunner().invoke(main, ["map", "spirit"])
    assert bad.exit_code == 2
    assert bad.output.count("\n") == 1


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"node": "28nm"}, "unknown node '28nm'"),
        ({"technology": "oxram-130nm"}, "has two states"),
        ({"confidence": 2}, "confidence: got 2"),
        ({"components": "tile"}, "did you mean 'tiles'"),
    ],
)
def test_what_cannot_be_is_refused(core, settings, match) -> None:
    with pytest.raises(rel.InputError, match=match):
        rel.map_network(core, CORE, **settings)
