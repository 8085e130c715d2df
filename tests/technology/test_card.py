"""Technology cards: what ships, what is refused, draws, variants, and the page made from them."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reliability as rel
from reliability.errors import printable
from reliability.random import stream
from reliability.technology import MODELS, VOCABULARY, Parameter, Technology

CARDS = rel.list_technologies()
HEAD = 'name = "mine"\ntitle = "t"\nmemory = "OxRAM"\ndescription = "d"\n'
GOOD = '{ value = 0.1, unit = "V", distribution = "exact", source = "s", confidence = "assumed" }'

UNIT = 'unit = "V", '


def written(folder: Path, text: str, name: str = "mine.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_the_cards_of_the_issue_ship() -> None:
    wanted = {
        "oxram-130nm", "oxram-200mm", "oxram-300mm", "oxram-analog", "cbram", "pcm-mushroom",
        "techA", "techB",
    }  # fmt: skip
    assert wanted <= set(CARDS)


@pytest.mark.parametrize("name", CARDS)
def test_every_parameter_says_where_it_comes_from(name: str) -> None:
    card = rel.load_technology(name)
    assert card.name == name
    for key, parameter in card.parameters.items():
        assert parameter.source.strip(" :.").lower() not in {"", "assumed"}, key
        says_assumed = parameter.source.lower().startswith("assumed")
        if says_assumed:
            assert parameter.confidence == "assumed", key
        if parameter.confidence in {"published", "measured", "fitted"}:
            assert not says_assumed, key
        if parameter.distribution == "uniform":
            low, high = parameter.interval or (math.nan, math.nan)
            assert low <= parameter.value <= high, key


@pytest.mark.parametrize("name", CARDS)
def test_card_survives_json(name: str) -> None:
    card = rel.load_technology(name)
    again = Technology.from_json(card.to_json())
    assert again == card
    assert again.fingerprint == card.fingerprint


@pytest.mark.parametrize("name", CARDS)
@pytest.mark.filterwarnings("ignore:.*outside the valid range")
def test_every_draw_of_a_card_makes_cells(name: str) -> None:
    """The uncertainty of a card stays physical: cells can be sampled and aged at every draw."""
    card = rel.load_technology(name)
    state = 0.7 if "target.maximum" in card else "LRS"
    profile = rel.MissionProfile.constant("1 day", "85 degC", reads=1e6)
    for k in range(8):
        pop = rel.sample_population(card.drawn(3, k), cells=200, state=state, seed=1)
        g = rel.age(pop, profile)["conductance"].values
        assert np.isfinite(g).all()
        assert (g >= 0).all()


def test_variant_has_all_that_its_base_has(tmp_path: Path) -> None:
    base = rel.load_technology("oxram-130nm")
    path = written(tmp_path, f'base = "oxram-130nm"\n{HEAD}[read]\nvoltage = {GOOD}\n')
    mine = rel.load_technology(path)
    assert set(mine) == set(base)
    assert mine["read.voltage"] == 0.1
    assert mine.parameters["read.voltage"].source == "s"
    assert mine.parameters["read.pulse_width"] == base.parameters["read.pulse_width"]
    beside = written(tmp_path, f'base = "mine.toml"\n{HEAD}', "other.toml")
    assert rel.load_technology(beside)["read.voltage"] == 0.1


def test_variants_do_not_go_in_circles(tmp_path: Path) -> None:
    a, _ = (
        written(tmp_path, f'base = "{tmp_path}/{other}.toml"\n{HEAD}', f"{own}.toml")
        for own, other in (("a", "b"), ("b", "a"))
    )
    with pytest.raises(rel.InputError, match="base"):
        rel.load_technology(a)


BAD = {
    "[raed]\nvoltage = " + GOOD: "did you mean 'read'",
    "[read]\nvoltaeg = " + GOOD: "did you mean 'voltage'",
    "[read]\nvoltage = 0.1": "expected a table with value and source",
    "[read]\nvoltage = " + GOOD.replace("V", "kg"): "not in units of V",
    "[read]\nvoltage = " + GOOD.replace("0.1", "-0.1"): "allowed >= 0 V",
    "[read]\nvoltage = " + GOOD.replace('source = "s", ', ""): "no source",
    "[read]\nvoltage = " + GOOD.replace('"exact"', '"normal"'): "needs sigma",
    "[read]\nvoltage = " + GOOD.replace('"assumed"', '"guessed"'): "confidence",
    "[relaxation]\nmodel = 'log_tmie'": "did you mean 'log_time'",
    "[read]\nmodel = 'log_time'": "no choice of models",
    "[retention.LRS]\nvalid.temprature = [1, 2]": "did you mean 'temperature'",
    "[retention.LRS]\nvalid.temperature = [1, 2, 3]": "expected \\[low, high\\]",
    "[retention.LRS]\nvalid.temperature = ['100 degC', '0 degC']": "expected \\[low, high\\]",
    "[retention.LRS]\nvalid = 3": "expected conditions",
    "[read]\nvoltage = " + GOOD.replace("0.1", "true"): "expected a number",
    "[read]\nvoltage = " + GOOD.replace('"exact"', '"uniform", interval = [-1, 1]'): "got -1",
    "sources = 'x'\n[read]\nvoltage = " + GOOD: "expected a table of texts",
    "[read\n": "not a TOML file",
}


@pytest.mark.parametrize("text", BAD)
def test_what_a_card_cannot_say_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(rel.InputError, match=BAD[text]) as caught:
        rel.load_technology(written(tmp_path, HEAD + text))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_a_study_cannot_set_what_cannot_be(value: float) -> None:
    with pytest.raises(rel.InputError, match=r"read\.voltage"):
        rel.load_technology("oxram-130nm").with_values({"read.voltage": value})


def test_units_of_a_card_are_only_a_way_to_write(tmp_path: Path) -> None:
    one, other = (
        rel.load_technology(
            written(tmp_path, HEAD + "[read]\nvoltage = " + GOOD.replace(*pair), f"{k}.toml")
        )
        for k, pair in enumerate((("0.1", "0.1"), ('0.1, unit = "V"', '100, unit = "mV"')))
    )
    assert one["read.voltage"] == pytest.approx(other["read.voltage"], rel=1e-15)


def test_draws_of_parameters_without_a_group_keep_their_bits() -> None:
    """Numbers from before cards had correlation."""
    card = rel.load_technology("oxram-130nm").drawn(1, 3)
    alone = float(stream(1, "card/noise.white", 3).standard_normal())
    assert card["noise.white"] == 0.0032 * math.exp(0.4 * alone)


GROUPED = """
[read]
voltage = { value = 0.1, unit = "V", distribution = "normal", sigma = 0.01, FITTED }
pulse_width = { value = 50, unit = "ns", distribution = "lognormal", sigma = 0.2, FITTED }
[neuron]
leak = { value = 0.1, distribution = "normal", sigma = 0.01, FITTED }
[correlation.read]
parameters = ["read.voltage", "read.pulse_width"]
matrix = [[1, -0.8], [-0.8, 1]]
""".replace("FITTED", 'source = "s", confidence = "fitted"')


def test_draws_have_the_stated_correlation(tmp_path: Path) -> None:
    card = rel.load_technology(written(tmp_path, HEAD + GROUPED))
    draws = [card.drawn(4, k) for k in range(1500)]
    voltage, width, leak = (
        np.array([draw[key] for draw in draws])
        for key in ("read.voltage", "read.pulse_width", "neuron.leak")
    )
    r = np.corrcoef([voltage, np.log(width), leak])
    slack = 4 / math.sqrt(len(draws))  # of Fisher's z
    assert abs(math.atanh(r[0, 1]) - math.atanh(-0.8)) < slack
    assert abs(math.atanh(r[0, 2])) < slack
    assert voltage.std() == pytest.approx(0.01, rel=4 / math.sqrt(2 * len(draws)))
    assert np.log(width).std() == pytest.approx(0.2, rel=4 / math.sqrt(2 * len(draws)))
    # the first of a group, and all outside, are what they are alone
    free = rel.Technology(**{**vars(card), "correlation": {}})
    assert free.drawn(4, 0)["neuron.leak"] == draws[0]["neuron.leak"]
    assert free.drawn(4, 0)["read.voltage"] == pytest.approx(draws[0]["read.voltage"], rel=1e-14)


def test_a_group_with_draws_takes_one_of_them(tmp_path: Path) -> None:
    """A parabola, which no correlation describes."""
    z = np.linspace(-2, 2, 41).round(2)
    rows = f"draws = {[[a, round(a * a, 2)] for a in z.tolist()]}\n"
    card = rel.load_technology(written(tmp_path, HEAD + GROUPED + rows))
    draws = [card.drawn(4, k) for k in range(400)]
    a = np.array([(draw["read.voltage"] - 0.1) / 0.01 for draw in draws])
    b = np.array([math.log(draw["read.pulse_width"] / 50e-9) / 0.2 for draw in draws])
    np.testing.assert_allclose(b, a**2, atol=0.01)
    assert len(set(a.round(2).tolist())) == len(z)  # P of one missing 0.2 %
    assert abs(a.mean()) < 4 * a.std() / math.sqrt(len(a))
    again = rel.load_technology(rel.write_technology(card, tmp_path / "again.toml"))
    assert again == card == Technology.from_json(card.to_json())
    assert card.with_values({"read.voltage": 0.2}).correlation == {}


def test_what_is_set_leaves_its_group(tmp_path: Path) -> None:
    card = rel.load_technology(written(tmp_path, HEAD + GROUPED))
    assert card.with_values({"read.voltage": 0.2}).correlation == {}
    assert card.with_values({"neuron.leak": 0.2}).correlation == card.correlation
    assert Technology.from_json(card.to_json()) == card
    own = f'base = "mine.toml"\n{HEAD}[read]\nvoltage = {GOOD}\n'
    assert rel.load_technology(written(tmp_path, own, "variant.toml")).correlation == {}
    own = f'base = "mine.toml"\n{HEAD}[neuron]\nleak = {GOOD.replace(UNIT, "")}\n'
    variant = rel.load_technology(written(tmp_path, own, "other.toml"))
    assert variant.correlation == card.correlation


BAD_GROUPS = {
    'parameters = ["read.voltage", "read.pulse_width"]\nmatrix = [[1, 2], [2, 1]]': "semi-definite",
    'parameters = ["read.voltage", "read.pulse_width"]\nmatrix = [[1, 0.5], [0.2, 1]]': "symmetric",
    'parameters = ["read.voltage", "read.pulse_width"]\nmatrix = [[2, 0], [0, 1]]': "diagonal",
    'parameters = ["read.voltage", "read.pulse_width"]\nmatrix = [[1, 0]]': "expected 2 x 2",
    'parameters = ["read.voltage", "read.voltaeg"]\nmatrix = [[1, 0], [0, 1]]': "did you mean",
    'parameters = ["read.voltage", "read.voltage"]\nmatrix = [[1, 0], [0, 1]]': "each once",
    'parameters = ["read.voltage", "read.pulse_width"]\nmatrx = [[1]]': "did you mean .matrix.",
    'matrix = [[1]]': "parameters: missing",
    'parameters = ["read.voltage", "read.pulse_width"]\nmatrix = [[1, 0], [0, 1]]\n'
    'draws = [[0, 1], [2]]': "draws: got 1 numbers in row 2, expected 2",
    'parameters = ["read.voltage", "read.pulse_width"]\nmatrix = [[1, 0], [0, 1]]\n'
    'draws = [[0, nan]]': "draws: got a number that is not finite in row 1",
    'parameters = ["read.voltage", "read.pulse_width"]\nmatrix = [[1, 0], [0, 1]]\n'
    '[correlation.two]\nparameters = ["neuron.leak", "read.voltage"]\nmatrix = [[1, 0], [0, 1]]': (
        "also in group 'read'"
    ),
}  # fmt: skip


@pytest.mark.parametrize("text", BAD_GROUPS)
def test_a_group_that_cannot_be_is_refused(text: str, tmp_path: Path) -> None:
    head = GROUPED[: GROUPED.index("parameters")]
    with pytest.raises(rel.InputError, match=BAD_GROUPS[text]) as caught:
        rel.load_technology(written(tmp_path, HEAD + head + text))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", CARDS)
def test_card_survives_its_file(name: str, tmp_path: Path) -> None:
    card = rel.load_technology(name)
    again = rel.load_technology(rel.write_technology(card, tmp_path / "again.toml"))
    assert again == card
    assert again.fingerprint == card.fingerprint


@given(
    value=st.floats(1e-15, 1e12),
    sigma=st.floats(0, 1e6),
    key=st.sampled_from(sorted(k for k in VOCABULARY if "*" not in k and k[:6] != "wafer.")),
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    model=st.sampled_from(["normal", "lognormal", "exact"]),
)
def test_any_parameter_survives_its_file(
    value: float,
    sigma: float,
    key: str,
    text: str,
    model: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    text = printable(text)  # the reader takes out what a terminal would obey
    parameter = Parameter(
        value=value, unit=VOCABULARY[key], sigma=None if model == "exact" else sigma,
        distribution=model, source=f"x {text}", confidence="fitted", note=text,
        valid=(value / 2, value * 2),
    )  # fmt: skip
    card = Technology("mine", text or "t", "OxRAM", "d", {key: parameter})
    path = rel.write_technology(card, tmp_path_factory.mktemp("cards") / "a.toml")
    assert rel.load_technology(path) == card


def test_the_table_is_refused_where_it_cannot_be_written(tmp_path: Path) -> None:
    card = rel.load_technology("oxram-130nm")
    with pytest.raises(rel.InputError, match=r"expected a name in \.toml"):
        rel.write_technology(card, tmp_path / "card.txt")
    with pytest.raises(rel.InputError, match="no folder"):
        rel.write_technology(card, tmp_path / "none" / "card.toml")


def test_draws_have_the_stated_spread() -> None:
    card = rel.load_technology("oxram-130nm")
    draws = np.array([card.drawn(1, k)["retention.LRS.time_constant"] for k in range(500)])
    spread = np.log(draws).std(ddof=1)
    assert spread == pytest.approx(2.2, rel=4 / math.sqrt(2 * 500))


def test_vocabulary_and_laws_hold_no_dead_word() -> None:
    """Every word of the vocabulary and every model of a section is used by a card or a module."""
    source = "".join(
        path.read_text()
        for path in (Path(rel.__file__).parent).rglob("*.py")
        if path.name != "vocabulary.py"
    )
    for pattern in VOCABULARY:
        word = pattern.rpartition(".")[2].rstrip("*").rstrip("_")
        assert word in source, pattern
    for models in MODELS.values():
        for model in models:
            assert len(models) == 1 or model in source, model


def test_page_is_up_to_date(repository: Path) -> None:
    script = repository / "docs/make_technologies.py"
    made = subprocess.run(
        [sys.executable, script, "--stdout"], capture_output=True, text=True, check=True,
        cwd=repository,
    ).stdout  # fmt: skip
    assert (repository / "docs/technologies.md").read_text("utf-8") == made
