"""The shipped card techB: what the command fits, on cells it has not seen, and what it misses."""

import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

import reliability as rel
from reliability.characterization import reads_of
from reliability.characterization.card_values import rounded
from reliability.characterization.mixture_likelihood import log_density
from reliability.characterization.target import find_levels, level_of
from reliability.devices import level_relaxation, unstable_cells
from reliability.devices.unstable_cells import probability_below

ROOM = 298.15
# Programmed level, reference (uS), time (s), temperature (K), stated fraction beyond it, factor
# within which the card has it, and whether beyond is below. The second rests on few cells: none of
# the 445 at 80 to 84 uS, 3 of those at 76 to 88 uS.
ERRORS = [
    (82.0, 54.0, 5231.0, 373.15, 3.2e-2, 1.7, True),
    (82.0, 54.0, 1e4, ROOM, 3e-3, 6.0, True),
    (10.0, 32.0, 1e4, ROOM, 1.8e-2, 1.7, False),
]


def error_rate(level: float, reference: float, time: float, kelvin: float, below: bool) -> float:
    model = level_relaxation.from_technology(rel.load_technology("techB"))
    g = level * 1e-6
    p = float(probability_below(model, g, g, [time], [kelvin], reference * 1e-6))
    return p if below else 1 - p


@pytest.mark.parametrize(("level", "reference", "time", "kelvin", "stated", "factor", "below"),
                         ERRORS)  # fmt: skip
def test_error_rates_are_those_of_the_measured_cells(
    level: float, reference: float, time: float, kelvin: float, stated: float, factor: float,
    below: bool,
) -> None:  # fmt: skip
    """A normal walk misses them by 1e3 to 1e8."""
    found = error_rate(level, reference, time, kelvin, below)
    assert abs(math.log(found / stated)) < math.log(factor)


@pytest.fixture(scope="module")
def data(shared: Path) -> list[xr.Dataset]:
    files = ("techB_relaxation.tsv.gz", "techB_bake.tsv.gz")
    origin = "data of github.com/akashlevy/RRAM-Relaxation-Master-Model @ ca0cfff, MIT licence"
    return [
        rel.read_measurements(shared / "measured" / name).assign_attrs(origin=origin)
        for name in files
    ]


@pytest.mark.parametrize(("level", "reference", "time", "kelvin", "stated", "factor", "below"),
                         ERRORS)  # fmt: skip
def test_counts_of_measured_cells_do_not_refuse_the_card(
    data: list[xr.Dataset], level: float, reference: float, time: float, kelvin: float,
    stated: float, factor: float, below: bool,
) -> None:  # fmt: skip
    table = reads_of(data[0 if kelvin == ROOM else 1]).table
    at = table["temperature"].fillna(ROOM).eq(kelvin) & (table["point"] > time / 3)
    own = table[at & table["first"].between((level - 2) * 1e-6, (level + 2) * 1e-6)]
    lower = own["conductance"] < reference * 1e-6
    wrong = int((lower if below else ~lower).sum())
    p = error_rate(level, reference, time, kelvin, below)
    assert stats.binomtest(wrong, len(own), p).pvalue > 1e-3
    assert stats.binomtest(wrong, len(own), stated).pvalue > 1e-3


def scores(card: rel.Technology, data: xr.Dataset) -> pd.DataFrame:
    """Logarithmic score (1/uS) of every read after time 0 of levels."""
    one = reads_of(data)
    named = reads_of(data) if one.table["target"].notna().any() else None
    levels = find_levels([named], 128e-6) if named else scores.levels  # type: ignore[attr-defined]
    scores.levels = levels  # type: ignore[attr-defined]
    table = one.table.assign(level=level_of(one, levels))
    table["temperature"] = table["temperature"].fillna(ROOM)
    table = table[(table["level"] >= 0) & (table["time"] > 0)]
    model = level_relaxation.from_technology(card)
    out = []
    for (kelvin, point), own in table.groupby(["temperature", "point"]):
        x = model.progress(own["time"].mean(), kelvin)
        profiles = model.profiles(x)
        rows = np.vstack([profiles[:1] * 1e6, np.log(np.maximum(profiles[1:], 1e-300))])
        rows[[1, 3, 4]] += math.log(1e6)
        at = np.linspace(0, 1, profiles.shape[1])
        g = levels.fraction[own["level"]]
        local = np.array([np.interp(g, at, row) for row in rows])
        first = own["first"].to_numpy() * 1e6
        change = own["conductance"].to_numpy() * 1e6 - first
        score = log_density(change, first, local, 128.0)[0]
        out.append((kelvin, point, float(score.mean())))
    return pd.DataFrame(out, columns=["temperature", "point", "score"])


@pytest.mark.slow
def test_held_out_cells_score_as_well_as_the_best_trial(data: list[xr.Dataset]) -> None:
    """Half of the cells fitted, the other half scored: -2.54 at 10 000 s, -1.30 at 0.01 s.

    The half is random: levels repeat over the addresses, every fourth cell has eight of them.
    """
    assert data[0].sizes["cell"] > 15_000
    chosen = np.random.default_rng(1).permutation(1 + int(data[1]["cell"].max())) % 2 == 0
    known = [one.isel(cell=chosen[one["cell"].values]) for one in data]
    other = [one.isel(cell=~chosen[one["cell"].values]) for one in data]
    card = rel.characterize(known, name="half", maximum="128 uS")
    found = pd.concat([scores(card, one) for one in other])
    at = {(k, p): s for k, p, s in found.to_numpy().tolist()}
    assert at[ROOM, 1e4] > -2.54
    assert at[ROOM, 0.01] > -1.30


@pytest.mark.slow
def test_later_reads_and_a_hotter_bake_are_predicted(data: list[xr.Dataset]) -> None:
    early = data[0].isel(time=data[0]["time"].values <= 100)
    late = rel.characterize(early, name="early", maximum="128 uS")
    at = scores(late, data[0]).set_index("point")["score"]
    assert at[1000.0] > -2.36
    assert at[1e4] > -2.60
    cool = data[1].isel(temperature=data[1]["temperature"].values < 500)
    card = rel.characterize([data[0], cool], name="cool", maximum="128 uS")
    hot = scores(card, data[1]).set_index("temperature")["score"]
    assert hot[533.15] > -3.65  # a normal walk: -4.88


@pytest.mark.slow
def test_card_is_what_the_command_fits(data: list[xr.Dataset]) -> None:
    found = rel.characterize(data, name="techB", maximum="128 uS")
    shipped = rel.load_technology("techB")
    assert set(found) == set(shipped)
    for key, parameter in shipped.parameters.items():
        got = found.parameters[key]
        assert got.value == pytest.approx(rounded(parameter).value, rel=2e-2, abs=2e-8), key
        assert _unversioned(got.source) == _unversioned(parameter.source)
    check = rel.posterior_predictive(data, found, draws=30, seed=1)
    assert check.attrs["outside"] < 0.15


def test_most_cells_hardly_move(data: list[xr.Dataset]) -> None:
    """Of the reads after 1000 s half lie within 1.2 uS, and the model says the same."""
    table = reads_of(data[0]).table
    own = table[(table["point"] == 1000) & table["first"].between(66e-6, 74e-6)]
    change = (own["conductance"] - own["first"]).to_numpy()
    assert abs(change).mean() > 2 * np.median(abs(change))
    model = level_relaxation.from_technology(rel.load_technology("techB"))
    for q in (0.05, 0.25, 0.75, 0.95):
        edge = 70e-6 + np.quantile(change, q)
        p = float(probability_below(model, 70e-6, 70e-6, [1000.0], [ROOM], edge))
        assert p == pytest.approx(q, abs=0.05)


def test_stable_cells_keep_their_programmed_conductance_to_the_last_read(
    data: list[xr.Dataset],
) -> None:
    """The reads at 10 000 s follow the same programming as the others.

    Within a level the conductance at time 0 is what verify happened to leave. Two programmings of
    one cell share nothing of it; the reads after 1000 and 10 000 s follow it about alike. Cells
    that have moved are elsewhere at 10 000 s than at 1000 s.
    """
    table = reads_of(data[0]).table
    wide = table.pivot_table(index=["target", "cell"], columns="point", values="conductance")
    level = wide.index.get_level_values("target").to_numpy()
    wide = wide[(level >= 20) & (level < 32)] * 1e6
    inside = wide - wide.groupby(level="target").transform("median")
    slope = {}
    for time in (1000.0, 1e4):
        both = inside[[0.0, time]].dropna()
        near = both[(wide.loc[both.index, time] - wide.loc[both.index, 0.0]).abs() < 5]
        slope[time] = float(np.polyfit(near[0.0], near[time], 1)[0])
    assert slope[1000.0] > 0.6
    assert slope[1e4] > 0.5


def test_heat_moves_spread_and_shift(data: list[xr.Dataset]) -> None:
    model = level_relaxation.from_technology(rel.load_technology("techB"))
    baked = reads_of(data[1]).table
    baked = baked[(baked["point"] > 0) & baked["first"].between(40e-6, 120e-6)]
    bands = pd.cut(baked["first"], np.array([40, 60, 80, 100, 120]) * 1e-6)
    for (kelvin, _), group in baked.groupby(["temperature", bands], observed=True):
        change = group["conductance"] - group["first"]
        mean, spread = unstable_cells.moments(
            model, group["first"].to_numpy(), [group["time"].mean()], [kelvin]
        )
        assert change.std() == pytest.approx(math.sqrt(np.mean(spread**2)), rel=0.1)
        assert change.mean() == pytest.approx(mean.mean(), abs=1.0e-6)


def _unversioned(source: str) -> str:
    """Source of a fitted value without the version that fitted it."""
    return re.sub(r"(fitted by reliability) \S+", r"\1", source)
