"""Sweeps: names, designs, sizes, and one-line refusals; their results against single studies."""

import json
import re

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import reliability as rel
from reliability.campaign.dotted import flat, put
from reliability.campaign.spec import Study
from reliability.campaign.store import read_results
from reliability.campaign.sweep import count_points, paired_designs, search_space, sweep_points
from reliability.cli import main

HEAD = """
title = "sweep <script>alert(1)</script>"
technology = "oxram-130nm"
seed = 5

[network]
images = 40

[population]
chips = 3

[stress]
times = ["0 s", "10 years"]
"""


def axis(name: str, body: str) -> str:
    return f'\n[[sweep]]\nname = "{name}"\n{body}\n'


@pytest.fixture
def spec(tmp_path):
    def write(*axes: str, head: str = HEAD):
        path = tmp_path / "sweep.toml"
        path.write_text(head + "".join(axes))
        return path

    return write


LAW = axis("technology.relaxation.model", 'values = ["saturating", "log_time"]')


def test_a_range_of_a_key_of_whole_numbers_has_no_others(spec) -> None:
    lead = axis("network.delta_s", "low = 2\nhigh = 7\npoints = 3")
    volts = axis("technology.read.voltage", "low = 0\nhigh = 1")
    study = rel.load_study(spec(lead, volts))
    assert [point["network.delta_s"] for point in sweep_points(study)[::5]] == [2, 4, 7]
    space = search_space(study)
    assert space["network.delta_s"].whole
    assert not space["technology.read.voltage"].whole  # though both ends are
    drawn = '\n[design]\nkind = "latin_hypercube"\npoints = 8\n'
    leads = [p["network.delta_s"] for p in sweep_points(rel.load_study(spec(lead, volts, drawn)))]
    assert set(leads) <= set(range(2, 8))
    assert all(isinstance(one, int) for one in leads)
    for axes, says in (
        ([axis("network.delta_s", "low = 1\nhigh = 3")], "points: got 5 .*of which 3 differ"),
        ([axis("network.delta_s", "low = 1.5\nhigh = 3")], "got 1.5 to 3, expected whole numbers"),
        ([lead, drawn], "points: got 8 of ranges of whole numbers"),
    ):
        with pytest.raises(rel.InputError, match=says):
            rel.load_study(spec(*axes))


def test_a_search_among_a_million_designs_is_checked_at_some_of_them() -> None:
    axes = [{"name": name, "values": list(range(1, 1001))} for name in
            ("network.delta_s", "network.spike_limit")]  # fmt: skip
    one = {"name": "accuracy.mean", "direction": "maximise", "unit": "1"}
    study = Study(title="t", technology="oxram-130nm", sweep=axes, search={"objective": [one]})
    tried = [tuple(point.values()) for point in paired_designs(study)]
    assert len(set(tried)) == len(tried) == 32**2
    assert {(1, 1), (1, 1000), (1000, 1), (1000, 1000)} <= set(tried)


def test_a_switch_can_be_swept() -> None:
    axes = [{"name": "crossbar.gain_correction", "values": [True, False]}]
    crossbar = {"criterion": "output_error", "limit": 0.05}
    study = Study(title="t", technology="oxram-130nm", sweep=axes, outputs=["crossbar"],
                  crossbar=crossbar)  # fmt: skip
    assert [one.options("crossbar").gain_correction for one in study.at_points()] == [True, False]


def test_a_key_of_an_architecture_study_has_its_unit(spec) -> None:
    head = (
        'title = "t"\ntechnology = "oxram-130nm"\noutputs = ["architecture"]\n'
        'architecture.study = "tiers"\n'
    )
    ambient = axis("architecture.ambient", 'low = "25 degC"\nhigh = "85 degC"\npoints = 2')
    size = axis("architecture.feature_size", 'values = ["130 nm", "28 nm"]')
    points = sweep_points(rel.load_study(spec(ambient, size, head=head)))
    assert points[0] == {"architecture.ambient": 298.15, "architecture.feature_size": 130e-9}
    assert points[-1] == {"architecture.ambient": 358.15, "architecture.feature_size": 28e-9}


def test_every_kind_of_name_reaches_its_place(spec) -> None:
    path = spec(
        LAW,
        axis("technology.read.voltage", 'values = ["0.1 V"]'),
        axis("technology", 'values = ["oxram-130nm", "oxram-300mm"]'),
        axis("network.delta_s", "values = [5]"),
        axis("temperature", 'low = "25 degC"\nhigh = "125 degC"\npoints = 3'),
    )
    study = rel.load_study(path)
    points = sweep_points(study)
    assert len(points) == count_points(study) == 12
    last = study.at(points[-1])
    assert last.load_technology().name == "oxram-300mm"
    assert last.load_technology().models["relaxation"] == "log_time"
    assert last.network.delta_s == 5
    assert last.stress.temperatures == (398.15,)
    assert not last.sweep


def test_points_of_a_sweep_are_the_studies_that_they_stand_for(spec, tmp_path) -> None:
    path = spec(LAW, axis("temperature", 'values = ["25 degC", "125 degC"]'))
    study = rel.load_study(path)
    results = read_results(rel.run_study(study, tmp_path / "swept"))["chips"]
    assert results["accuracy"].dims == ("point", "time", "chip")
    single = {"technology.relaxation.model": "log_time", "temperature": "125 degC"}
    path.write_text(HEAD)
    alone = read_results(rel.run_study(rel.load_study(path, single), tmp_path / "alone"))["chips"]
    here = results.isel(point=3)
    assert here["technology.relaxation.model"].item() == "log_time"
    assert here["temperature"].item() == 398.15
    assert here["temperature"].attrs["units"] == "K"
    for name in ("accuracy", "spikes", "energy"):
        assert (here[name].values == alone[name].isel(temperature=0).values).all()


def test_the_report_of_a_sweep_says_best_worst_and_every_point(spec, tmp_path) -> None:
    path = spec(LAW, axis("network.delta_s", "values = [2, 5, 10]"))
    result = CliRunner().invoke(
        main, ["run", str(path), "--out", str(tmp_path / "out"), "--workers", "1"]
    )
    assert result.exit_code == 0, result.output
    assert result.stdout.count("technology.relaxation.model=") == 6
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    means = [point["accuracy"]["mean"] for point in summary["points"]]
    text = (tmp_path / "out" / "report.html").read_text("utf-8").replace("\xa0", " ")
    assert f"best {max(means) * 100:.1f} %" in text
    assert f"worst {min(means) * 100:.1f} %" in text
    assert "<script>alert" not in text
    assert {"points", "time", "against-network-delta-s", "answers"} <= set(
        re.findall(r'<div class="(?:figure|table)" id="([^"]+)"', text)
    )
    answers = text[text.index('id="answers"') :].partition("</table>")[0]
    assert answers.count("<tr>") == 1 + 12  # the head, six points at two ages


def test_designs_fill_their_ranges_and_do_not_depend_on_anything_but_the_seed(spec) -> None:
    ranges = (
        axis("technology.read.voltage", 'low = "50 mV"\nhigh = "0.2 V"'),
        axis("technology.relaxation.LRS.sigma", 'low = 0.01\nhigh = 1.0\nspacing = "log"'),
    )
    for kind in ("latin_hypercube", "sobol"):
        study = rel.load_study(spec(*ranges, f'\n[design]\nkind = "{kind}"\npoints = 16\n'))
        points = sweep_points(study)
        assert points == sweep_points(study)
        volts = np.array([point["technology.read.voltage"] for point in points])
        sigma = np.array([point["technology.relaxation.LRS.sigma"] for point in points])
        # one point in each of 16 equal slices of either axis
        assert sorted(np.floor((volts - 0.05) / 0.15 * 16)) == list(range(16))
        assert sorted(np.floor(np.log(sigma / 0.01) / np.log(100) * 16)) == list(range(16))
        other = study.model_copy(update={"seed": 6})
        assert sweep_points(other) != points


@pytest.mark.parametrize(
    ("axes", "says"),
    [
        (axis("network.delta", "values = [1]"), r"\[network\] unknown key 'delta'; did you mean"),
        (axis("technology.read.volt", "values = [1]"), "did you mean 'read.voltage'"),
        (
            axis("technology.read.voltage", 'values = ["1 kg"]'),
            "'1 kg', which is not in units of V",
        ),
        (axis("technology.relaxation.model", 'values = ["x"]'), "unknown relaxation.model 'x'"),
        (axis("technology.read.model", 'values = ["x"]'), "has no model of 'read'"),
        (axis("network.delta_s", "values = []"), "got neither or both of values and low, high"),
        (axis("network.delta_s", "low = 1"), "got neither or both of values and low, high"),
        (axis("network.delta_s", "values = [1, 1]"), "got 1 twice, expected each"),
        (axis("network.delta_s", "values = [0]"), "network.delta_s"),
        (axis("temperature", 'low = "0 K"\nhigh = "1 K"\nspacing = "log"'), "log range is above 0"),
        (LAW + LAW, "expected each name once"),
        (LAW + '\n[design]\nkind = "sobol"\n', "got values, a sobol needs low, high"),
        (axis("title.x", "values = [1]"), "title"),
        (axis("network.mapping", 'values = ["multi_level"]'), "oxram-130nm has no levels"),
    ],
)
def test_sweeps_that_cannot_be_are_named(spec, axes, says) -> None:
    with pytest.raises(rel.InputError, match=says) as error:
        rel.load_study(spec(axes))
    assert "\n" not in str(error.value)
    assert "sweep.toml" in str(error.value)


def test_a_sweep_that_is_too_large_by_mistake_is_refused_with_its_size(spec) -> None:
    path = spec(*(axis(f"network.{n}", "low = 1\nhigh = 9\npoints = 1000000")
                  for n in ("delta_s", "spike_limit")))  # fmt: skip
    result = CliRunner().invoke(main, ["plan", str(path)])
    assert result.exit_code == 2
    assert "got 1e+12 points, allowed 100000; --yes if meant" in result.stderr


def test_set_changes_keys_parameters_laws_and_ages(spec, tmp_path) -> None:
    out = tmp_path / "out"
    result = CliRunner().invoke(
        main,
        ["run", str(spec()), "--out", str(out), "--workers", "1",
         "--set", "temperature=125 degC", "--set", "technology.relaxation.model=log_time",
         "--set", "technology.read.voltage=0.2 V", "--set", "network.delta_s=5"],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    there = json.loads((out / "study.json").read_text())["spec"]
    assert there["stress"]["temperatures"] == [398.15]
    assert there["parameters"] == {"relaxation.model": "log_time", "read.voltage": "0.2 V"}
    assert there["network"]["delta_s"] == 5
    report = (out / "report.html").read_text("utf-8")
    assert "set by the study; the card has 0.1" in report
    for wrong, says in (("x", "expected NAME=VALUE"), ("nework.images=3", "unknown key 'nework'")):
        result = CliRunner().invoke(main, ["plan", str(spec()), "--set", wrong])
        assert result.exit_code == 2
        assert says in result.stderr


def test_conditions_verify_and_what_came_before_reach_the_cells(spec, tmp_path) -> None:
    head = (
        HEAD
        + """
[[stress.preconditioning]]
time = "90 s"
temperature = "260 degC"

[programming]
compliance_current = "100 uA"

[programming.verify]
lrs_resistance = "12 kohm"
hrs_resistance = "40 kohm"
attempts = 10
"""
    )
    study = rel.load_study(spec(head=head))
    stored = read_results(rel.run_study(study, tmp_path / "out"))["chips"]["accuracy"]
    card = rel.set_conditions(rel.load_technology("oxram-130nm"), compliance_current="100 uA")
    net, verify = rel.load_network("spirit"), rel.Verify("12 kohm", "40 kohm", 10)
    chips = rel.sample_chips(card, net, chips=3, verify=verify, seed=5)
    reflow = rel.Segment(time="90 s", temperature="260 degC")
    profile = rel.MissionProfile([reflow, rel.Segment(time="10 years")])
    neuron = rel.Neuron.from_technology(card)
    direct = rel.evaluate(net, chips, images=40, seed=5, neuron=neuron, profile=profile)
    assert stored.isel(time=-1, temperature=0).values.tolist() == direct["accuracy"].values.tolist()
    with pytest.raises(rel.InputError, match=r"\[programming\] unknown key 'compliance'"):
        rel.load_study(spec(head=HEAD + '[programming]\ncompliance = "1 mA"\n'))
    with pytest.raises(rel.InputError, match=r"programming.verify.attempts: missing"):
        rel.load_study(spec(head=head.replace("attempts = 10", "")))


def test_status_and_schema(finished) -> None:
    result = CliRunner().invoke(main, ["status", str(finished)])
    assert "100% of the work" in result.stdout
    assert "accuracy so far" in result.stdout
    found = json.loads(CliRunner().invoke(main, ["status", str(finished), "--json"]).stdout)
    assert found["tasks_done"] == found["tasks"]
    assert CliRunner().invoke(main, ["status", str(finished / "nowhere")]).exit_code == 2
    schema = json.loads(CliRunner().invoke(main, ["schema"]).stdout)
    assert schema == Study.model_json_schema()
    undocumented = [
        f"{table}.{name}"
        for table, entry in {"Study": schema, **schema["$defs"]}.items()
        for name, field in entry["properties"].items()
        if "description" not in field and "$ref" not in str(field)
    ]
    assert not undocumented


@given(
    st.recursive(
        st.integers() | st.text(max_size=3),
        lambda inner: st.dictionaries(st.text("ab", min_size=1, max_size=2), inner, max_size=3),
        max_leaves=8,
    ).filter(lambda table: isinstance(table, dict))
)
def test_what_is_put_is_found_under_its_dotted_name(table) -> None:
    for name, value in flat(table).items():
        out: dict = {}
        put(out, name, value)
        assert flat(out) == {name: value}
