"""A search: fronts with known answers, noise, designs that cannot be, and a run that is killed."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import reliability as rel
import reliability.campaign.summary as summary_module
from reliability.campaign import execute
from reliability.campaign.finished import read_study
from reliability.campaign.fronts import pareto_front
from reliability.campaign.limits import limit_row, outcome
from reliability.campaign.load import load_study, study_of
from reliability.campaign.screening import hopeless
from reliability.campaign.search import (
    Evaluation,
    Space,
    growth,
    hypervolume,
    non_dominated,
    search_designs,
)
from reliability.campaign.store import read_marker
from reliability.campaign.tables import DesignTable, SearchTable
from reliability.cli import main
from reliability.report.provenance import study_toml

from .test_product import NARROW, PRODUCT

pytest.importorskip("optuna")
BOTH = [
    {"name": "product.energy_joule", "direction": "minimise", "unit": "J"},
    {"name": "product.failing_ppm", "direction": "minimise", "unit": "ppm"},
]
AXES = [
    {"name": "product.code", "values": ["none", "secded", "bch2", "bch3"]},
    {"name": "product.cells_per_bit", "values": [1, 3]},
]


def table(**more):
    return {
        "title": "Search", "technology": "oxram-130nm", "parameters": NARROW, "seed": 3,
        "outputs": ["product"], "product": PRODUCT, "sweep": AXES,
        "stress": {"times": ["10 years"], "temperatures": ["85 degC"], "reads": [1000]},
        "search": {"objective": BOTH, "evaluations": 6, "population": 3}, **more,
    }  # fmt: skip


def zdt1(designs, noise):
    """ZDT1 of three variables, whose front is f2 = 1 - sqrt(f1); the noise is that of its name."""
    x = np.array([[d["a"], d["b"], d["c"]] for d in designs])
    g = 1 + 9 * x[:, 1:].mean(axis=1)
    f = np.column_stack([x[:, 0], g * (1 - np.sqrt(x[:, 0] / g))])
    seeds = [int(1e6 * abs(row.sum())) for row in x]
    return f + [np.random.default_rng(s).normal(0, noise, 2) for s in seeds]


@pytest.mark.parametrize("method", ["nsga2", pytest.param("tpe", marks=pytest.mark.slow)])
def test_a_noisy_front_is_found_far_better_than_by_chance(method) -> None:
    space = {name: Space((), 0.0, 1.0) for name in "abc"}
    search = SearchTable(objective=BOTH, evaluations=300, population=20, method=method)
    exact, seen = [], []

    def evaluate(designs):
        exact.extend(zdt1(designs, 0.0))
        seen.extend(map(dict, designs))
        return [Evaluation(row) for row in zdt1(designs, 0.01)]

    designs = search_designs(space, search, 7, evaluate)
    assert designs == seen
    assert len({tuple(d.values()) for d in designs}) == 300
    chance = zdt1([dict(zip("abc", row, strict=True))
                   for row in np.random.default_rng(1).random((300, 3))], 0.0)  # fmt: skip
    whole = 0.1 * 1.1 + 1.1 - 1 / 3  # of the front, up to (1.1, 1.1)
    found, random = (hypervolume(v, [1.1, 1.1]) for v in (np.array(exact), chance))
    assert random < 0.5 * whole
    assert 0.8 * whole < found < whole


def test_hypervolume_and_dominance_against_counting() -> None:
    rng = np.random.default_rng(5)
    v = rng.random((12, 3))
    points = rng.random((200_000, 3))
    counted = np.mean([(v <= p).all(axis=1).any() for p in points[:20_000]])
    assert hypervolume(v, [1, 1, 1]) == pytest.approx(counted, abs=0.015)
    brute = [not any((o <= w).all() and (o < w).any() for o in v) for w in v]
    assert non_dominated(v).tolist() == brute
    rising = list(growth(v, np.ones(12, bool)))
    assert rising == sorted(rising)


def test_constraints_steer_the_search() -> None:
    space = {"x": Space((), 0.0, 1.0)}
    one = [{"name": "e", "direction": "minimise", "unit": "1"}]
    search = SearchTable(objective=one, evaluations=120, population=20)

    def evaluate(designs):  # least x that meets x >= 0.7
        return [Evaluation([d["x"]], max(0.7 - d["x"], 0.0)) for d in designs]

    met = [d["x"] for d in search_designs(space, search, 1, evaluate) if d["x"] >= 0.7]
    assert min(met) < 0.72


def staged(images=200, chips=12, stages=(4,), evaluations=14, **more):
    axes = [
        {"name": "network.delta_s", "values": [1, 2, 3, 4, 6, 8, 12, 16]},
        {"name": "programming.compliance_current", "values": ["100 uA", "200 uA"]},
    ]
    objectives = [
        {"name": "energy_per_image_joule", "direction": "minimise", "unit": "J"},
        {"name": "accuracy.mean", "direction": "maximise", "unit": "1"},
    ]
    search = {"objective": objectives, "evaluations": evaluations, "population": 5}
    return {
        "title": "Stages", "technology": "oxram-130nm", "seed": 3, "sweep": axes,
        "network": {"name": "spirit", "images": images},
        "population": {"chips": chips, "dies_per_wafer": 1},
        "stress": {"times": ["1 year"], "temperatures": ["85 degC"]},
        "limits": {"accuracy": 0.7}, "search": search | {"stages": stages}, **more,
    }  # fmt: skip


def summary_of(folder):
    return json.loads((folder / "summary.json").read_text())


class Killed(Exception):
    pass


def killed(study, folder, after):
    """Run a study until so many tasks are done."""
    count = []

    def stop(task, done, total) -> None:
        count.append(task)
        if len(count) == after:
            raise Killed

    with pytest.raises(Killed):
        rel.run_study(study, folder, progress=stop)


@pytest.mark.slow
def test_a_killed_search_resumes_to_the_same_front_whatever_the_workers(tmp_path) -> None:
    study = study_of(table(), "s.toml")
    whole = rel.run_study(study, tmp_path / "whole", workers=2)
    killed(study, tmp_path / "stopped", 5)
    again = rel.run_study(study, tmp_path / "stopped")
    assert summary_of(again) == summary_of(whole)
    longer = table()
    longer["search"] = longer["search"] | {"evaluations": 8}
    before = summary_of(whole)
    more = summary_of(rel.run_study(study_of(longer, "s"), whole))
    assert more["evaluated"][:6] == before["evaluated"]
    assert len(more["evaluated"]) == 8


@pytest.mark.slow
def test_a_staged_search_is_the_same_in_processes_on_dask_and_after_a_kill(tmp_path) -> None:
    study = study_of(staged(images=20, chips=6, stages=[2], evaluations=8), "s.toml")
    whole = summary_of(rel.run_study(study, tmp_path / "whole", workers=2))
    assert any("stopped_after_chips" in one for one in whole["evaluated"])
    with execute.local_cluster(2) as address:
        dask = rel.run_study(study, tmp_path / "dask", scheduler=address)
    assert summary_of(dask) == whole
    for after in (4, 24):  # within the first stage, within a later generation
        killed(study, tmp_path / f"{after}", after)
        assert summary_of(rel.run_study(study, tmp_path / f"{after}")) == whole


@pytest.mark.slow
def test_stages_save_chips_and_find_the_front_of_the_whole_search(tmp_path) -> None:
    """Three designs of 14 are hopeless after 4 of 12 chips; none of them is on the front."""
    study = study_of(staged(), "s.toml")
    whole, short = (
        summary_of(
            rel.run_study(study_of(staged(stages=s), "s"), tmp_path / str(len(s)), workers=2)
        )
        for s in ((), (4,))
    )
    assert short["front"] == whole["front"]
    assert short["recommended"] == whole["recommended"]
    gone = [one for one in short["evaluated"] if one.get("stopped_after_chips") == 4]
    assert len(gone) >= 3
    assert len(short["points"]) == 14 - len(gone)
    lost = {tuple(one["design"].values()) for one in gone}
    assert all(one["outcome"] == "not demonstrated" for one in whole["evaluated"]
               if tuple(one["design"].values()) in lost)  # fmt: skip
    page = rel.write_report(study, tmp_path / "1").read_text("utf-8")
    assert "stopped after 4 of 12 chips" in page
    assert summary_of(tmp_path / "1") == short  # made again from the stores


@pytest.mark.slow
def test_a_stage_stops_designs_and_says_so(tmp_path) -> None:
    """At 20 images the leads of 1 and 2 are far below 70 %, and need no more than two chips."""
    study = study_of(staged(images=20, chips=3, stages=[2], evaluations=5), "s.toml")
    summary = summary_of(rel.run_study(study, tmp_path / "out"))
    gone = [one for one in summary["evaluated"] if "stopped_after_chips" in one]
    assert gone
    assert len(summary["evaluated"]) == len(summary["points"]) + len(gone) == 5
    assert sum(len(summary[k]) for k in ("feasible", "inconclusive", "infeasible")) == 5
    assert all(one not in summary["front"] for one in gone)


def test_few_designs_at_a_limit_are_stopped_and_none_that_leads() -> None:
    """Normal 95 % intervals stop 2.5 % of the designs whose accuracy is the limit exactly."""
    rng = np.random.default_rng(11)
    energy = {"direction": "minimise", "value": 1.0, "low": 1.0, "high": 1.0}

    def design(mean, joule=1.0):
        low, high = mean - 0.0196, mean + 0.0196
        gain = {"direction": "maximise", "value": mean, "low": low, "high": high}
        return {"objectives": [energy | dict.fromkeys(("value", "low", "high"), joule), gain],
                "outcome": outcome(low, high, 0.8, "least")}  # fmt: skip

    stopped = [hopeless([design(0.8 + e)])[0] for e in rng.normal(0, 0.01, 3000)]
    assert 0.017 < np.mean(stopped) < 0.033
    rival = design(0.9)
    assert hopeless([rival, design(0.88), design(0.85), design(0.85, 0.9)]) == [
        False, False, True, False,
    ]  # fmt: skip
    wrong = [hopeless([design(0.9 + a), design(0.9 + b)])
             for a, b in rng.normal(0, 0.01, (2000, 2))]  # fmt: skip
    assert np.mean(wrong) < 0.005  # of two equal designs, far apart by 2.8 sigma of the difference


def test_an_undecided_search_recommends_an_estimate_that_meets_the_limit(repository) -> None:
    """Cheaper designs whose interval only reaches up to the limit are not on the front."""
    study = load_study(repository / "analyses" / "design_spirit.toml")
    names = [axis.name for axis in study.sweep]

    def point(lead, mean, joule):
        one = limit_row("accuracy", 0.8, "least", (mean, mean - 0.06, mean + 0.06))
        design = dict.fromkeys(names, 1) | {"network.delta_s": lead}
        return {"point": design, "limits": [one], "energy_per_image_joule": joule,
                "write_time_second": joule, "accuracy": {"mean": mean}}  # fmt: skip

    points = [point(2, 0.77, 1e-9), point(4, 0.82, 3e-9), point(6, 0.85, 5e-9)]
    leads = [one["design"]["network.delta_s"] for one in pareto_front(study, points)["front"]]
    assert leads == [4, 6]
    leads = [one["design"]["network.delta_s"] for one in pareto_front(study, points[:1])["front"]]
    assert leads == [2]


def grid_of(study, budget):
    """The study on a full grid of at most so many designs: its axes with fewer values."""
    sweep = list(study.sweep)
    while np.prod([len(axis.values) for axis in sweep]) > budget:
        k = int(np.argmax([len(axis.values) for axis in sweep]))
        values = sweep[k].values
        middle = len(values) // 2  # the ends stay
        fewer = values[:middle] + values[middle + 1 :]
        sweep[k] = sweep[k].model_copy(update={"values": fewer})
    least = DesignTable(minimise=study.search.objective[0].name)
    return study.model_copy(update={"sweep": tuple(sweep), "search": None, "design": least})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "small"),
    [
        ("design_memory", {"product.lots": 2}),
        ("design_spirit", {"population.chips": 4, "search.stages": [2], "network.images": 300,
                           "limits.accuracy": 0.75}),
    ],
)  # fmt: skip
def test_a_search_beats_or_ties_a_full_grid_of_the_same_budget(name, small, tmp_path) -> None:
    small = small | {"search.evaluations": 24, "search.population": 8}
    study = rel.load_study(name, small).model_copy(update={"decision": None})
    grid = grid_of(study, study.search.evaluations)
    found, other = (
        summary_of(rel.run_study(each, tmp_path / kind, workers=2))
        for kind, each in (("search", study), ("grid", grid))
    )
    assert len(other["points"]) <= study.search.evaluations
    assert found["recommended"] is not None
    best = found["front"][0]["objectives"][0]["value"]
    assert other["recommended"] is None or best <= other["recommended"]["cost"] * (1 + 1e-9)


def test_the_front_of_a_crossbar_is_that_of_its_closed_form() -> None:
    """Periphery per line falls with the length of a word line, the drop along it grows.

    The last of n equal cells sees V / cosh(n sqrt(r G)). All lengths are on the front, each with
    the least line resistance.
    """
    space = {"lines": Space((), 4, 64, True, True), "ohm": Space((1.0, 2.0, 5.0))}
    goals = [{"name": "area", "direction": "minimise", "unit": "1"},
             {"name": "drop", "direction": "minimise", "unit": "1"}]  # fmt: skip
    search = SearchTable(objective=goals, evaluations=90, population=15)
    seen = {}

    def drop(design):
        n, g = design["lines"], 1e-4
        lines = {"word_line_resistance": design["ohm"], "bit_line_resistance": 0.0}
        solved = rel.solve_crossbar(np.full((1, n), g), np.array([0.1]), fields=True, **lines)
        volts = float(solved["word_line_voltage"].values[0, -1])
        assert volts * np.cosh(np.sqrt(design["ohm"] * g) * n) == pytest.approx(0.1, rel=0.02)
        return 1 - volts / 0.1

    def evaluate(designs):
        for design in designs:
            seen[tuple(design.values())] = 1 / design["lines"], drop(design)
        return [Evaluation(seen[tuple(design.values())]) for design in designs]

    designs = search_designs(space, search, 5, evaluate)
    values = np.array([seen[tuple(d.values())] for d in designs])
    front = [d for d, on in zip(designs, non_dominated(values), strict=True) if on]
    assert {d["ohm"] for d in front} == {1.0}
    least = [d["lines"] for d in front]
    assert len(least) > 25
    assert min(least) <= 5
    assert max(least) >= 62


def test_a_search_ends_with_a_front_a_design_and_a_report(tmp_path) -> None:
    spec = tmp_path / "s.toml"
    study = study_of(table(limits={"failing_ppm": 5e5}), "s.toml")
    spec.write_text(study_toml(study))
    out = tmp_path / "out"
    said = CliRunner().invoke(main, ["run", str(spec), "--out", str(out), "--workers", "1"])
    assert said.exit_code == 0, said.output
    summary = json.loads((out / "summary.json").read_text())
    front = summary["front"]
    values = np.array([[o["value"] for o in one["objectives"]] for one in front])
    every = np.array([[o["value"] for o in one["objectives"]] for one in summary["evaluated"]])
    met = [one["outcome"] == "demonstrated" for one in summary["evaluated"]]
    assert non_dominated(values).all()
    assert all((v[None] <= every[met]).any(axis=1).all() for v in values)  # none dominates it
    assert all(o["low"] <= o["value"] <= o["high"] for one in front for o in one["objectives"])
    assert values[0, 0] == every[met][:, 0].min()
    chosen = rel.load_study(out / "recommended.toml")
    assert chosen.search is None
    assert not chosen.sweep
    assert chosen.options("product").code == front[0]["design"]["product.code"]
    page = (out / "report.html").read_text("utf-8")
    for part in ("front", "hypervolume", "parallel", "front-table"):
        assert f'id="{part}"' in page
    assert page.index("Recommended:") < page.index('id="method"')


def test_a_constraint_that_nothing_meets_says_the_best_reached(tmp_path, monkeypatch) -> None:
    study = study_of(table(limits={"failing_ppm": 0.0},
                           search={"objective": BOTH, "evaluations": 3, "population": 2}),
                     "s.toml")  # fmt: skip
    answered, answers = [], summary_module._answers
    monkeypatch.setattr(
        summary_module, "_answers", lambda here, own: answered.append(here) or answers(here, own)
    )
    folder = rel.run_study(study, tmp_path / "out")
    assert len(answered) == 3  # each design once, not at each generation
    summary = summary_of(folder)
    assert summary["front"] == []
    reached = summary["best_reached"][0]
    assert reached["value"] == min(o["objectives"][1]["value"] for o in summary["evaluated"])
    assert "No design meets" in rel.write_report(study, folder).read_text("utf-8")
    assert summary_of(folder) == summary  # of the store, as of the run
    assert read_study(folder)[2] == []  # of the same study


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ({"objective": [BOTH[0] | {"unit": "ppm"}]}, "unit: got 'ppm' for product.energy_joule"),
        ({"objective": [{"name": "product.uber", "unit": "1"}]}, "direction"),
        ({"objective": [{"name": "product.uber", "direction": "minimise"}]}, "unit"),
        ({"objective": BOTH, "evaluations": 1_000_000}, "evaluations"),
        ({"objective": [BOTH[0], *BOTH]}, "objective: got .* expected each name once"),
        ({"objective": []}, "objective"),
        ({"objective": BOTH, "stages": [4]}, "search.stages: acts with outputs accuracy"),
        ({"objective": BOTH, "stages": [100]}, "less than the 100 of population.chips"),
        ({"objective": BOTH, "stages": [8, 4]}, "rising"),
        ({"objective": BOTH, "stages": [1]}, "stages"),
    ],
)
def test_searches_that_cannot_be_are_refused(search, message) -> None:
    with pytest.raises(rel.InputError, match=message):
        study_of(table(search=search), "s.toml")


def test_choices_and_objectives_that_do_not_fit_are_refused_by_name(tmp_path) -> None:
    axes = [{"name": "product.maintenance", "values": ["none", "refresh"]},
            {"name": "product.interval", "values": ["1 year", "2 years"]}]  # fmt: skip
    with pytest.raises(rel.InputError, match="a choice depends on another: with product"):
        study_of(table(sweep=axes), "s.toml")
    wrong = [BOTH[0] | {"name": "product.joules"}]
    study = study_of(table(search={"objective": wrong, "evaluations": 2, "population": 2}), "s")
    with pytest.raises(rel.InputError, match=r"got 'product.joules'.*product\.energy_joule"):
        rel.run_study(study, tmp_path / "out")
    assert len(read_marker(tmp_path / "out")["points"]) == 1  # at the first design
