"""Technology cards: what ships, what is refused, draws, variants, and the page made from them."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import reliability as rel
from reliability.technology import LAWS, VOCABULARY, Technology

CARDS = rel.list_technologies()
HEAD = 'name = "mine"\ntitle = "t"\nmemory = "OxRAM"\ndescription = "d"\n'
GOOD = '{ value = 0.1, unit = "V", distribution = "exact", source = "s", confidence = "assumed" }'


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
    "[relaxation]\nlaw = 'log_tmie'": "did you mean 'log_time'",
    "[read]\nlaw = 'log_time'": "no choice of laws",
    "[retention.LRS]\nvalid.temprature = [1, 2]": "did you mean 'temperature'",
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


def test_draws_have_the_stated_spread() -> None:
    card = rel.load_technology("oxram-130nm")
    draws = np.array([card.drawn(1, k)["retention.LRS.time_constant"] for k in range(500)])
    spread = np.log(draws).std(ddof=1)
    assert spread == pytest.approx(1.2, rel=4 / math.sqrt(2 * 500))


def test_vocabulary_and_laws_hold_no_dead_word() -> None:
    """Every word of the vocabulary and every law of a section is used by a card or a module."""
    source = "".join(
        path.read_text()
        for path in (Path(rel.__file__).parent).rglob("*.py")
        if path.name != "vocabulary.py"
    )
    for pattern in VOCABULARY:
        word = pattern.rpartition(".")[2].rstrip("*").rstrip("_")
        assert word in source, pattern
    for laws in LAWS.values():
        for law in laws:
            assert len(laws) == 1 or law in source, law


def test_page_is_up_to_date(repository: Path) -> None:
    script = repository / "docs/make_technologies.py"
    made = subprocess.run(
        [sys.executable, script, "--stdout"], capture_output=True, text=True, check=True,
        cwd=repository,
    ).stdout  # fmt: skip
    assert (repository / "docs/technologies.md").read_text("utf-8") == made
