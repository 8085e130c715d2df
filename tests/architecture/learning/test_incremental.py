"""A chip that learns anew with its own cells, against a slow obvious reference."""

import numpy as np
import pytest
import xarray as xr

import reliability as rel
from reliability.architecture import incremental, learning, load_components
from reliability.architecture.learning.chip_learning import Chip
from reliability.architecture.learning.incremental import incremental_checks
from reliability.architecture.learning.learning import learning_checks
from reliability.architecture.learning.learnt_storage import stored_sides
from reliability.architecture.learning.written_cells import ideal, outcomes
from reliability.devices.endurance import Endurance, acceleration
from reliability.errors import InputError
from reliability.network.analysis.phenomena import phenomena_of, without

CARD = rel.load_technology("oxram-130nm")
COMPONENTS = load_components("learning")
SMALL = {"images": 300, "chips": 1, "test_images": 500, "budgets": (5, 50)}


def random_chip(two_level, steps=3, seed=0):
    random = np.random.default_rng(seed)
    weights = random.integers(-steps, steps + 1, (6, 4))
    cells = weights.size * 2 * (steps if two_level else 1)
    card = CARD if two_level else rel.load_technology("pcm-mushroom")
    table = outcomes(card, steps, cells, attempts=2, chip=0, seed=seed)
    x = (random.random((80, 6)) * (random.random((80, 6)) < 0.7)).astype(np.float32)
    return Chip.programmed(weights, table, steps, two_level), x, random.integers(0, 4, 80)


@pytest.mark.parametrize("two_level", [True, False])
@pytest.mark.parametrize("kind", ["gradient", "error"])
def test_counted_writes_are_those_of_a_slow_reference(two_level, kind) -> None:
    chip, x, labels = random_chip(two_level)
    steps, rate, n = chip.steps, 0.2, chip.held.shape[3]
    unit = chip.outcomes.unit.reshape(*chip.outcomes.unit.shape[:2], 6, 4, 2, n)
    level, held = chip.level.copy(), chip.held.astype(float).copy()
    writes, volatile = np.zeros(held.shape, int), np.zeros((6, 4))
    seen = {}

    def read():
        total = held.sum(axis=-1)
        return total[..., 0] - total[..., 1]

    for k in range(len(x)):
        y = x[k] @ read() * 4 / steps
        error = np.exp(y - y.max()) / np.exp(y - y.max()).sum()
        if kind == "error":
            error = np.eye(4)[y.argmax()]
        error[labels[k]] -= 1
        volatile -= rate * steps * np.outer(x[k], error)
        for i, j in np.ndindex(6, 4):
            change = int(volatile[i, j])
            volatile[i, j] -= change
            new = int(np.clip(level[i, j] + change, -steps, steps))
            for side, sign in enumerate((1, -1)):
                a, b = max(sign * level[i, j], 0), max(sign * new, 0)
                for c in range(n):
                    old_state, state = (int(c < v) for v in (a, b)) if two_level else (a, b)
                    if old_state == state:
                        continue
                    writes[i, j, side, c] += 1
                    draw = writes[i, j, side, c] % unit.shape[1]
                    held[i, j, side, c] = unit[state, draw, i, j, side, c]
                    seen.setdefault(int(writes.sum()), read().copy())
            level[i, j] = new
    states = chip.learn(x, labels, kind=kind, rate=rate, columns=np.ones(4, bool), budgets=(3, 7))
    assert writes.sum() > 7
    assert np.array_equal(chip.writes, writes)
    assert np.array_equal(chip.level, level)
    assert np.allclose(chip.read, read(), atol=1e-4)
    for budget, state in zip((3, 7), states, strict=True):
        assert np.allclose(state, seen[budget], atol=1e-4)


@pytest.mark.parametrize("two_level", [True, False])
def test_nothing_is_written_without_a_rate_or_outside_the_columns(two_level) -> None:
    chip, x, labels = random_chip(two_level)
    before = chip.read.copy()
    every = np.ones(4, bool)
    states = chip.learn(x, labels, kind="gradient", rate=0.0, columns=every, budgets=(1, 2))
    assert chip.writes.sum() == 0
    assert np.array_equal(states, [before, before])
    only = np.array([False, True, False, False])
    chip.learn(x, labels, kind="gradient", rate=0.3, columns=only, budgets=(1,))
    assert chip.writes[:, only].sum() > 0
    assert chip.writes[:, ~only].sum() == 0
    assert np.array_equal(chip.read[:, ~only], before[:, ~only])


def test_a_transfer_writes_each_cell_at_most_once_largest_change_first() -> None:
    chip, x, labels = random_chip(two_level=True)
    chip.learn(x, labels, kind="gradient", rate=0.3, columns=np.ones(4, bool), budgets=())
    assert chip.writes.sum() == 0
    old, change = chip.level.copy(), chip.volatile.copy()
    wanted = np.clip(np.round(old + change), -3, 3)
    (after_two, _) = chip.transfer((2, 10_000))
    assert chip.writes.max() == 1
    assert chip.writes.sum() == np.abs(wanted - old).sum()
    assert np.array_equal(chip.level, wanted)
    touched = (after_two != random_chip(two_level=True)[0].read).sum()
    assert 1 <= touched <= 2
    assert chip.volatile.any() == np.False_


def test_exact_cells_give_whole_weights() -> None:
    weights = np.arange(-4, 5).reshape(3, 3)
    for two_level, levels, cells in ((True, 2, 72), (False, 5, 18)):
        chip = Chip.programmed(weights, ideal(levels, cells), 4, two_level)
        assert np.array_equal(chip.read, weights)


@pytest.mark.parametrize("scenario", ["new_class", "shifted_input"])
def test_a_study_is_the_same_again_and_learns(scenario) -> None:
    for rule in ("replay", "transfer_at_end"):
        options = {"scenario": scenario, "rule": rule, **SMALL}
        first, again = (incremental(CARD, COMPONENTS, seed=3, **options) for _ in range(2))
        assert first.identical(again)
        assert (first["writes_spent"] > 0).all()
        exact = first["accuracy_of_chip"].sel(cells="exact", part="new").isel(budget=-1)
        before = first["before"].sel(cells="exact", part="new")
        if rule == "replay":
            assert (exact.values > before.values).all()
        if scenario == "new_class":
            assert float(before.max()) == 0.0


def test_cards_of_levels_learn_too_and_without_endurance_lifetimes_are_unknown() -> None:
    data = incremental(rel.load_technology("techB"), COMPONENTS, **SMALL)
    assert np.isnan(data["runs_to_failure"])
    assert data.attrs["cells_of_chip"] == 2880


def along(study, rules, **options) -> xr.Dataset:
    """A sweep over rules, as a campaign has it."""
    parts = [study(CARD, COMPONENTS, rule=rule, **options) for rule in rules]
    return xr.concat(parts, xr.DataArray(list(rules), dims="rule", name="rule"))


def test_a_learning_study_agrees_with_its_parts() -> None:
    """Lifetimes scale with the pulses of a write; levelling only helps; ageing starts fresh."""
    rules = ("errors_every", "errors_two_level", "stdp")
    options = {"images": 500, "epochs": 1, "repeats": 2}
    data = along(learning, rules, **options)
    weak = data["runs_to_failure"].sel(rule="errors_every", levelling="none", fraction=0.01)
    assert float(weak.sel(pulse="weak") / weak.sel(pulse="full")) == pytest.approx(1e5)
    assert np.isnan(data["runs_to_failure"].sel(rule="stdp", pulse="weak")).all()
    first = data["runs_to_first_failure"].sel(pulse="full")
    for way in ("synapse", "rows", "array"):
        assert (first.sel(levelling=way) >= first.sel(levelling="none")).all()
    aged = learning(CARD, COMPONENTS, rule="errors_two_level", failed=(0.01, 0.3), **options)
    fresh = data["accuracy_of_run"].sel(rule="errors_two_level").isel(repeat=0)
    assert float(aged["accuracy_failed"].sel(failed=0.0)) == float(fresh)
    twice = COMPONENTS.with_values({"write.cycles": 1.0})
    half = learning(CARD, twice, rule="errors_every", **options)
    ratio = data["runs_to_failure"].sel(rule="errors_every") / half["runs_to_failure"]
    assert np.allclose(ratio.values[np.isfinite(ratio.values)], 2.0)


def test_published_learning_is_compared_where_its_rules_are_swept() -> None:
    options = {"images": 300, "epochs": 1, "repeats": 1}
    data = learning_checks(along(learning, ("backprop_every", "backprop_threshold"), **options))
    label = "updates saved by leaving out small ones"
    assert data["check"].values.tolist() == ["accuracy, three layers trained in PCM cells", label]
    writes = data["writes"]
    assert float(data["model"].sel(check=label)) == pytest.approx(float(writes[0] / writes[1]))
    assert "check" not in learning_checks(along(learning, ("delta_batch",), **options)).dims
    anew = along(incremental, ("fine_tuning", "replay"), **SMALL)
    lost = incremental_checks(anew)["model"]
    assert lost.dims == ("check",)
    assert float(lost[0]) == float(anew["accuracy_lost"].sel(rule="replay"))


@pytest.mark.parametrize(
    ("study", "options", "says"),
    [
        (learning, {"rule": "stp"}, "unknown rule 'stp'; did you mean 'stdp'"),
        (learning, {"failed": (0.1, 0.01)}, "failed: got"),
        (learning, {"loss": 0.0}, "loss: got 0"),
        (learning, {"runs": (10.0, 1.0)}, "runs: got"),
        (incremental, {"scenario": "new"}, "unknown scenario 'new'; did you mean 'new_class'"),
        (incremental, {"rule": "reply"}, "unknown rule 'reply'; did you mean 'replay'"),
        (incremental, {"budgets": (5, 5)}, "budgets: got"),
        (incremental, {"rule": "template", "scenario": "shifted_input"}, "rule: got .template"),
        (incremental, {"chips": 0}, "chips: got 0"),
        (incremental, {"rate": 2.0}, "rate: got 2"),
    ],
)
def test_what_cannot_be_right_is_named(study, options, says) -> None:
    with pytest.raises(rel.InputError, match=says) as error:
        study(CARD, COMPONENTS, **options)
    assert "\n" not in str(error.value)


def test_a_card_without_endurance_is_refused() -> None:
    with pytest.raises(rel.InputError, match="techB has no endurance"):
        learning(rel.load_technology("techB"), COMPONENTS)


def test_a_chip_that_has_learnt_often_keeps_less() -> None:
    """Stored for a year at 85 degC: the cells of the new class are worn most, and lose most."""
    options = SMALL | {"images": 1500, "budgets": (500,), "runs": (0.0, 1e7)}
    data = incremental(CARD, COMPONENTS, storage_time="1 year", storage_temperature="85 degC",
                       **options)  # fmt: skip
    stored = data["accuracy_stored"].mean("chip")
    assert stored.sel(part="new", runs=1e7) < stored.sel(part="new", runs=0) - 0.03
    assert stored.sel(part="all", runs=0) < data["accuracy"]
    assert data["accuracy_after_storage"] == pytest.approx(float(stored.sel(part="all", runs=1e7)))
    with pytest.raises(InputError, match=r"runs: got \[1.0, 0.0\], expected rising"):
        incremental(CARD, COMPONENTS, **(SMALL | {"runs": (1.0, 0.0)}))


@pytest.mark.parametrize("rule", ["delta_two_level", "stdp"])
def test_training_on_perfect_cells_is_kept_until_they_wear(rule) -> None:
    """Stored weights are those that were trained where cells have no error, and fail when worn."""
    errors = [name for name in phenomena_of(CARD) if name != "endurance"]
    options = {"rule": rule, "images": 2000, "epochs": 1, "repeats": 1, "runs": (0.0, 1e9)}
    perfect = learning(without(CARD, errors), COMPONENTS, **options)
    stored = perfect["accuracy_stored"].isel(repeat=0)
    assert float(stored.sel(runs=0)) == float(perfect["accuracy_of_run"].isel(repeat=0))
    assert perfect["accuracy_after_storage"] == stored.sel(runs=1e9)
    assert stored.sel(runs=1e9) < stored.sel(runs=0) - 0.03


def test_cycles_at_another_temperature_count_as_the_endurance_says() -> None:
    """1000 cycles at 85 degC wear as much as so many more at the reference temperature."""
    faster = float(acceleration(Endurance.from_technology(CARD), 358.15))
    sides, rest = np.linspace(0, 1, 40), rel.Segment("1 h", "25 degC")
    hot, more = (
        stored_sides(CARD, sides, cycles=np.full((40, 8), n), storage=rest, written_at=at, seed=2)
        for n, at in ((1000.0, 358.15), (1000 * faster, 298.15))
    )
    assert faster > 3
    np.testing.assert_allclose(hot, more, atol=2e-4)  # cycles are rounded to whole ones
    few = stored_sides(CARD, sides, cycles=np.full((40, 8), 1000.0), storage=rest, seed=2)
    assert np.abs(few - hot).max() > 0.01
