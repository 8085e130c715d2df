"""Specifications are refused at the door, in one line."""

import contextlib
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reliability as rel
from reliability.campaign.load import load_study


@pytest.mark.parametrize(
    ("study", "given", "says"),
    [
        ("retention", {"network.first_spike": 8.0}, "first_spike: acts with .* 'first_spike', got"),
        ("retention", {"network.coding": "first_spike", "network.delta_s": 5}, "'rate', got 'fir"),
        ("retention", {"tiling.adc_bits": 8}, "tiling.adc_bits: acts on a network of many layers"),
        ("mobilenet", {"network.coding": "rate"}, "network.coding: acts on a network of one layer"),
        ("mobilenet", {"network.delta_s": 5}, "network.delta_s: acts on a network of one layer"),
    ],
)
def test_an_option_that_cannot_act_is_refused(study, given, says) -> None:
    if study == "mobilenet":
        pytest.importorskip("onnx")
    with pytest.raises(rel.InputError, match=says):
        load_study(study, given)


def test_an_option_may_act_at_some_points_of_a_sweep_only() -> None:
    study = load_study("temperature", {"network.delta_s": 5})  # of rate coding and weighted sums
    assert study.network.delta_s == 5


def test_shipped_study_is_valid_and_large_enough(analyses) -> None:
    study = load_study(analyses / "spirit.toml")
    assert study.population.chips >= 100
    assert study.network.images == 10_000
    assert len(study.stress.times) * len(study.stress.temperatures) >= 3
    assert study.network.delta_s == 10


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("chips = 5", "chps = 5", r"\[population\] unknown key 'chps'; did you mean 'chips'\?"),
        ("images = 40", "images = 0", "network.images: .*got 0"),
        ("images = 40", "images = '40'", "network.images"),
        (
            '"125 degC"',
            '"-300 degC"',
            "stress.temperatures.1: .*'-300 degC', allowed 0.001 to 2000",
        ),
        ('"10 years"', '"10 kg"', "stress.times.1: .*'10 kg', which is not in units of s"),
        ('"0 s", "10 years"', '"10 years", "0 s"', "expected rising values"),
        ("seed = 5", "seed = 1.5", "seed"),
        ('title = "small"', "", "title: missing"),
        ('"oxram-130nm"', '"oxram-130"', "did you mean 'oxram-130nm'"),
        ("[network]", '[network]\nname = "spirt"', "did you mean 'spirit'"),
        ("LRS.sigma_cell", "LRS.sigma_cel", "did you mean 'programming.LRS.sigma_cell'"),
        ("value = [0.0, 0.01]", "values = [0.0]", "unknown key 'values'; did you mean 'value'"),
        ("scale = [0.5, 1.0]", "scale = [1.0]\nvalue = [1.0]", "both or neither"),
        ('name = "stuck"', 'name = "spread"', "name 'spread' is there twice"),
        ("[stress]", "[ages", "not a TOML file"),
        (
            "[stress]",
            "[parameters]\nread.voltage = [1]\n[stress]",
            r"parameters.read.voltage: got \[1\], expected a number or text",
        ),
    ],
)
def test_what_cannot_be_right_is_named(small, old, new, says) -> None:
    text = small.read_text()
    assert old in text
    small.write_text(text.replace(old, new))
    with pytest.raises(rel.InputError, match=says) as error:
        load_study(small)
    assert "\n" not in str(error.value)
    assert "small.toml" in str(error.value)


def test_missing_file() -> None:
    with pytest.raises(rel.InputError, match=r"no file 'nowhere\.toml'"):
        load_study("nowhere.toml")


def test_overrides_change_the_hash_and_only_what_they_name(small) -> None:
    plain = load_study(small)
    other = load_study(small, {"population.chips": 7, "seed": None})
    assert other.population.chips == 7
    assert other.seed == plain.seed
    assert other.spec_hash != plain.spec_hash
    assert load_study(small).spec_hash == plain.spec_hash


def test_a_card_file_is_found_beside_the_study(small) -> None:
    import importlib.resources

    card = importlib.resources.files("reliability").joinpath("..", "data", "technologies")
    text = card.joinpath("oxram-130nm.toml").read_text()
    (small.parent / "mine.toml").write_text(text.replace('name = "oxram-130nm"', 'name = "mine"'))
    small.write_text(small.read_text().replace('"oxram-130nm"', '"mine.toml"'))
    assert load_study(small).load_technology().name == "mine"


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(
        ["title", "technology", "seed", "network", "images", "stress", "times", "factor",
         "sensitivity", "chips", "population", "parameters", "sweep", "name", "values", "low",
         "high", "design", "kind", "points", "outputs", "endurance", "crossbar", "tiling",
         "programming", "before", "until", "architecture", "study", "components"]), inner,
         max_size=4),
    max_leaves=12,
))  # fmt: skip
@settings(max_examples=250, deadline=None)
def test_any_table_is_a_study_or_an_input_error(tmp_path_factory, table) -> None:
    """No TOML content may end in another exception."""
    import tomlkit

    if not isinstance(table, dict):
        return
    try:
        text = tomlkit.dumps(table)
        tomllib.loads(text)
    except (TypeError, ValueError, AttributeError):
        return  # not expressible in TOML
    path = tmp_path_factory.mktemp("fuzz") / "fuzz.toml"
    path.write_text(text, "utf-8")
    with contextlib.suppress(rel.InputError):
        load_study(path)


def test_a_shipped_study_is_loaded_by_its_name(analyses) -> None:
    assert load_study("spirit") == load_study(analyses / "spirit.toml")
    with pytest.raises(rel.InputError, match="did you mean 'spirit'"):
        load_study("spirt")


@pytest.mark.parametrize(
    ("output", "key", "value"),
    [
        ("crossbar", "network.mapping", "two_level"),
        ("endurance", "population.chips", 7),
        ("window", "stress.times", ["1 h"]),
    ],
)
def test_tables_that_act_on_no_output_are_refused(tmp_path, output, key, value) -> None:
    path = tmp_path / "study.toml"
    path.write_text(f'title = "t"\ntechnology = "oxram-130nm"\noutputs = ["{output}"]\n')
    with pytest.raises(rel.InputError, match=f"{key}: acts with outputs accuracy"):
        rel.load_study(path, {key: value})


def test_a_network_beside_an_output_that_does_not_use_it_is_named(tmp_path) -> None:
    path = tmp_path / "study.toml"
    text = 'title = "t"\ntechnology = "oxram-130nm"\noutputs = ["crossbar"]\n'
    path.write_text(text + '[network]\nmapping = "two_level"\n')
    with pytest.raises(
        rel.InputError,
        match=r"network.mapping: acts with outputs accuracy or attribution, got crossbar",
    ):
        rel.load_study(path)
    path.write_text(text)
    rel.load_study(path)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("[crossbar]\nmax_size = 64\n", "crossbar.max_size: acts with outputs crossbar"),
        ("[window]\n", "window: acts with outputs window"),
        ('[[sweep]]\nname = "product.bits"\nvalues = [64, 128]\n', "product.bits: acts with"),
    ],
)
def test_the_table_of_another_output_is_refused(tmp_path, table, says) -> None:
    path = tmp_path / "study.toml"
    path.write_text(f'title = "t"\ntechnology = "oxram-130nm"\noutputs = ["endurance"]\n{table}')
    with pytest.raises(rel.InputError, match=says):
        rel.load_study(path)
