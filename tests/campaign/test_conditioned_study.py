"""Observations of a study condition its card, once for all commands."""

import pytest

import reliability as rel
from reliability.campaign import conditioned_study
from tests.conftest import PLAIN_STUDY

SEEN = {"kind": "median", "state": "LRS", "resistance": 5e3, "error": 0.02, "source": "lot 7"}
TABLE = """
[[observation]]
kind = "median"
state = "LRS"
resistance = "5 kohm"
error = 0.02
source = "lot 7"
"""


@pytest.fixture
def spec(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    for name, value in {"_FIRST": 100, "_SIZE": 60, "_EFFECTIVE": 60.0, "_CHECKED": 20}.items():
        monkeypatch.setattr(f"reliability.conditioning.conditioned_card.{name}", value)

    def write(text: str = TABLE):
        path = tmp_path / "study.toml"
        path.write_text(PLAIN_STUDY + text)
        return path

    return write


def test_the_card_is_the_posterior_and_is_kept(spec, tmp_path, monkeypatch) -> None:
    study = rel.load_study(spec())
    card = study.load_technology()
    assert card == rel.condition(rel.load_technology("oxram-130nm"), [SEEN], seed=study.seed)
    assert card["programming.LRS.resistance"] == pytest.approx(5e3, rel=0.05)
    assert study.spec_hash != rel.load_study(spec("")).spec_hash

    def never(*_: object, **__: object) -> None:
        raise AssertionError

    (kept,) = (tmp_path / "cache").rglob("cards/*")
    with monkeypatch.context() as patch:
        patch.setattr(conditioned_study, "condition", never)
        assert rel.load_study(spec()).load_technology() == card
        kept.write_text(kept.read_text()[:50])  # cut short: conditioned again
        with pytest.raises(AssertionError):
            rel.load_study(spec())


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('source = "lot 7"', "", r"observation: 1 \(median\): source: missing"),
        ('"median"', '"medium"', "observation: 1: unknown kind 'medium'; did you mean 'median'"),
        ('"5 kohm"', '"50 ohm"', "observation: median: .* contradicts the card oxram-130nm"),
    ],
)
def test_what_cannot_be_is_one_line(spec, old, new, says) -> None:
    assert old in TABLE
    with pytest.raises(rel.InputError, match=says) as error:
        rel.load_study(spec(TABLE.replace(old, new)))
    assert "\n" not in str(error.value)
