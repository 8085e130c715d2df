"""Bakes that say neither state nor level: taken from the first read when asked."""

import numpy as np
import pytest
import xarray as xr

import reliability as rel
from reliability.characterization import fit_phenomena, reads_of
from reliability.characterization.first_read import with_first_levels
from reliability.characterization.target import find_levels, level_of
from tests.characterization.simulated import levels, part


def bake(first: np.ndarray, after: np.ndarray) -> xr.Dataset:
    return xr.Dataset(
        {"conductance": (("cell", "time"), np.stack([first, after], axis=1))},
        coords={"time": [0.0, 3600.0], "temperature": 398.15}, attrs={"source": "bake.csv"},
    )  # fmt: skip


def test_states_lie_on_both_sides_of_the_widest_gap() -> None:
    rng = np.random.default_rng(1)
    state = rng.integers(0, 2, 60)
    first = np.where(state, 1e-4, 5e-6) * np.exp(rng.normal(0, 0.1, 60))
    table = with_first_levels(reads_of(bake(first, np.full(60, 3e-5)))).table
    found = table.groupby("cell")["state"].first().to_numpy()
    assert (found == np.where(state, "LRS", "HRS")).all()


@pytest.mark.slow
def test_retention_is_the_same_as_with_stated_states() -> None:
    rng = np.random.default_rng(2)
    state = np.repeat(["LRS", "HRS"], 25)
    first = np.where(state == "LRS", 1e-4, 5e-6) * np.exp(rng.normal(0, 0.1, 50))
    hot = []
    for kelvin, lost in ((398.15, 0.1), (448.15, 0.4)):
        start = first * np.exp(rng.normal(0, 0.05, 50))
        after = start * np.exp(lost * np.where(state == "LRS", -1, 1) * rng.uniform(0.5, 2, 50))
        hot.append(bake(start, after).assign_coords(temperature=kelvin))
    plain = xr.concat(hot, "temperature", combine_attrs="override")
    stated = plain.assign_coords(state=("cell", state))
    asked = fit_phenomena(plain, level_from="first")
    assert [fit.name for fit in asked][-1] == "retention"
    assert asked[-1].parameters == fit_phenomena(stated)[-1].parameters
    with pytest.raises(rel.InputError, match=r"neither state nor level .* --level-from first"):
        fit_phenomena(plain)


def spread(fitted, n, at):
    """Standard deviation of stable cells at the n-th read against the level, from its knots."""
    keys = [key for key in fitted if key.startswith(f"relaxation.target.read_{n}.sigma_")]
    keys.sort(key=lambda key: int(key.rpartition("_")[2]))
    knots = [float(fitted[key].note.split()[1]) * 1e-6 for key in keys]  # "at 59.5 uS"
    return np.interp(at, knots, [fitted[key].value for key in keys])


def test_levels_of_the_first_read_give_the_relaxation_of_the_stated_levels() -> None:
    """Cells between two levels as well: the spread of what follows is that of the card."""
    card = part(rel.load_technology("techB"), "relaxation.target")
    targets = np.linspace(2e-5, 1.2e-4, 11)
    made = levels(card, targets, 60, (1.0, 1e3), seed=5)
    stated = {key: p for fit in fit_phenomena(made) for key, p in fit.parameters.items()}
    plain = made.drop_vars("target")
    fits = fit_phenomena(plain, level_from="first")
    assert [fit.name for fit in fits] == ["target_range", "relaxation_target"]
    asked = {key: p for fit in fits for key, p in fit.parameters.items()}
    at = np.linspace(3e-5, 1e-4, 15)  # the fits have knots of their own
    for n in (1, 2):
        one, other = (spread(fitted, n, at) for fitted in (asked, stated))
        assert abs(np.log(one / other)).mean() < 0.3
    assert asked["target.maximum"].value == pytest.approx(1.2e-4, rel=0.05)
    assert fits[0].needed["programming.target.error_0"].confidence == "assumed"


def test_what_says_no_level_is_refused() -> None:
    alike = bake(np.linspace(1.8e-4, 2.2e-4, 30), np.full(30, 1.5e-4))
    with pytest.raises(rel.InputError, match=r"180 to 220 µS, which says no state; .*@state=LRS"):
        fit_phenomena(alike, level_from="first")
    with pytest.raises(rel.InputError, match="unknown level_from 'frist'; did you mean 'first'"):
        fit_phenomena(alike, level_from="frist")  # type: ignore[arg-type]


def test_numbered_levels_may_fall_and_be_uneven() -> None:
    """As in bakes of eight levels whose limits are resistances, level 0 the most conductive."""
    rng = np.random.default_rng(3)
    true = np.array([2.4e-4, 2.2e-4, 1.9e-4, 1.2e-4, 5e-5])
    number = np.repeat(np.arange(5), 800)
    first = true[number] + rng.uniform(-4e-6, 4e-6, 4000)
    data = bake(first, first).assign_coords(state=("cell", number))
    found = find_levels([reads_of(data)])
    assert found.target == pytest.approx(true[::-1], abs=5e-7)
    assert found.number.tolist() == [4, 3, 2, 1, 0]
    assert (found.number[level_of(reads_of(data), found)][::2] == number).all()
    mixed = data.assign_coords(state=("cell", np.array([0, 2, 1, 3, 4])[number]))
    with pytest.raises(rel.InputError, match="neither rises nor falls"):
        find_levels([reads_of(mixed)])


def test_a_maximum_that_is_given_is_assumed_and_not_measured() -> None:
    rng = np.random.default_rng(4)
    number = np.repeat(np.arange(1, 6), 40)
    data = bake(1e-5 * number + rng.normal(0, 2e-7, 200), 1e-5 * number)
    data = data.assign_coords(state=("cell", number), temperature=298.15)
    given = fit_phenomena(data, maximum="60 uS")[0].parameters["target.maximum"]
    assert (given.value, given.confidence) == (pytest.approx(6e-5), "assumed")
    assert "not measured" in given.source
    assert fit_phenomena(data)[0].parameters["target.maximum"].confidence == "measured"
    base = rel.Technology("b", "b", "OxRAM", "", {"target.maximum": given.model_copy(
        update={"source": "data sheet", "confidence": "published"})})  # fmt: skip
    kept = fit_phenomena(data, base=base)[0].parameters["target.maximum"]
    assert (kept.source, kept.confidence) == ("data sheet", "published")
