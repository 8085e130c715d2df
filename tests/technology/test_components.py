"""Component parameters: read like cards, refused in one line, drawn from keyed streams."""

import numpy as np
import pytest

import reliability as rel
from reliability.architecture import list_components, load_components

TEXT = """
name = "mine"
title = "Mine"
description = "A components of one's own."

[sources]
book = "A book, doi:10.1/1"

[cell]
area = { value = 4, unit = "um^2", distribution = "normal", sigma = 0.4, source = "book", confidence = "published" }
leak = { value = 3, unit = "nW", distribution = "lognormal", sigma = 0.5, source = "assumed: small", confidence = "assumed" }
tilt = { value = -1, distribution = "exact", source = "book", confidence = "published", valid = [-2, 0] }
"""  # noqa: E501


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(TEXT)
    return path


@pytest.mark.parametrize("name", list_components())
def test_shipped_sheets_are_named_after_their_file_and_say_where_numbers_come_from(name) -> None:
    components = load_components(name)
    assert components.name == name
    for key, parameter in components.parameters.items():
        assert parameter.source.startswith("assumed") <= (parameter.confidence == "assumed"), key
        if parameter.confidence == "assumed":
            assert parameter.distribution != "exact", f"{key}: an assumed value is uncertain"


def test_values_are_in_si_and_sources_are_written_out(mine) -> None:
    components = load_components(mine)
    assert components["cell.area"] == pytest.approx(4e-12, abs=0)
    assert components.parameters["cell.area"].unit == "m^2"
    assert components.parameters["cell.area"].sigma == pytest.approx(0.4e-12, abs=0)
    assert components.parameters["cell.area"].source == "A book, doi:10.1/1"
    assert components.parameters["cell.leak"].unit == "W"
    assert dict(components) == {name: components[name] for name in components}
    assert components.get("cell.height", 1.0) == 1.0


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("um^2", "um^2 lumen", "cell.area: unit: got 'um.2 lumen'"),
        ('source = "book", confidence = "published" }', 'confidence = "published" }', "no source"),
        (", valid = [-2, 0]", "", "cell.tilt: value: got -1, allowed >= 0"),
        ("distribution = \"normal\", sigma = 0.4", 'distribution = "normal"', "needs sigma"),
        ('title = "Mine"', "", "title: got None"),
        ("[cell]", "[cell]\nheight = 3", "cell.height: got 3, expected a table"),
        ("[cell]", "[cell", "not a TOML file"),
    ],
)  # fmt: skip
def test_what_cannot_be_right_is_named(mine, old, new, says) -> None:
    assert old in TEXT
    mine.write_text(TEXT.replace(old, new))
    with pytest.raises(rel.InputError, match=says):
        load_components(mine)


def test_unknown_names(mine) -> None:
    with pytest.raises(rel.InputError, match=r"did you mean 'cell\.area'"):
        load_components(mine)["cell.aria"]
    with pytest.raises(rel.InputError, match=r"no file 'nowhere\.toml'"):
        load_components("nowhere.toml")


def test_a_value_that_is_set_is_exact(mine) -> None:
    components = load_components(mine).with_values({"cell.area": "5 um^2"})
    assert components["cell.area"] == pytest.approx(5e-12, abs=0)
    assert components.drawn(1, 1)["cell.area"] == components["cell.area"]
    assert components.fingerprint != load_components(mine).fingerprint
    with pytest.raises(rel.InputError, match="not in units of m"):
        load_components(mine).with_values({"cell.area": "5 um"})
    with pytest.raises(rel.InputError, match="allowed >= 0"):
        load_components(mine).with_values({"cell.area": -1})


def test_draws_have_the_spread_that_the_sheet_says_and_do_not_depend_on_others(mine) -> None:
    components = load_components(mine)
    n = 400
    drawn = [components.drawn(3, k) for k in range(n)]
    area = np.array([one["cell.area"] for one in drawn])
    leak = np.log([one["cell.leak"] for one in drawn])
    # four standard errors of mean and of standard deviation
    assert abs(area.mean() - 4e-12) < 4 * 0.4e-12 / np.sqrt(n)
    assert abs(area.std(ddof=1) / 0.4e-12 - 1) < 4 / np.sqrt(2 * n)
    assert abs(leak.mean() - np.log(3e-9)) < 4 * 0.5 / np.sqrt(n)
    assert abs(np.corrcoef(area, leak)[0, 1]) < 4 / np.sqrt(n)
    mine.write_text("\n".join(line for line in TEXT.splitlines() if "leak" not in line))
    assert load_components(mine).drawn(3, 7)["cell.area"] == drawn[7]["cell.area"]


def test_a_sheet_has_what_its_base_has_and_states_what_it_changes(mine) -> None:
    head = 'name = "own"\ntitle = "t"\ndescription = "d"\n'
    stated = '[cell]\narea = { value = 5, unit = "um^2", distribution = "exact", source = "book" '
    own = mine.with_name("own.toml")
    own.write_text(f'base = "{mine}"\n{head}{stated}, confidence = "published" }}\n')
    components = load_components(own)
    assert set(components) == set(load_components(mine))
    assert components["cell.area"] == pytest.approx(5e-12, abs=0)
    own.write_text(f'base = "{own}"\n{head}')
    with pytest.raises(rel.InputError, match="base: got"):
        load_components(own)
