"""A qualification of several tests: each requirement met and missed, the claim, the next lot."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.stats import chi2, norm

from reliability.cli import main
from reliability.errors import InputError
from reliability.lifetime.acceleration import arrhenius
from reliability.lifetime.claims import Claim, assess_claim, more_units
from reliability.lifetime.next_lot import next_lot_bound
from reliability.mission import jedec_requirements
from reliability.product.dossier import qualify_plan
from reliability.product.mission_equivalent import equivalent_temperature
from reliability.product.path_answers import path_curves
from reliability.product.qualification_plan import load_plan
from reliability.product.standard_rows import Row, check_requirements

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
HEAD = """
[product]
memory = "{memory}"
cycles = 1e4
temperature = ["-40 degC", "105 degC"]
[claim]
fraction = "1 %"
uber = 1e-12
[[claim.segment]]
time = "10 years"
temperature = "55 degC"
reads = 1e6
[acceleration]
activation_energy = "0.7 eV"
shape = "1"
source = "assumed"
[samples.ELFR]
lots = 3
devices = 300
[samples."cross-temperature"]
lots = 1
devices = 10
[samples."read disturb"]
lots = 1
devices = 10
[samples.LTOL]
lots = 1
devices = 32
"""


def lots(devices: int, count: int = 3, failures: int = 0) -> str:
    each = [
        f'{{ name = "{"ABC"[k]}", devices = {devices}, failures = {0 if k else failures} }}'
        for k in range(count)
    ]
    return f"lot = [{', '.join(each)}]"


def block(name: str, **keys: object) -> str:
    values = {"criterion": "a wrong bit", **keys}
    own = str(values.pop("lots", lots(77)))
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    return "\n".join(["[[test]]", f'name = "{name}"', *lines, own])


def plan(tmp_path: Path, *tests: str, memory: str = "OxRAM") -> Path:
    path = tmp_path / "plan.toml"
    path.write_text("\n".join([HEAD.format(memory=memory), *tests]))
    return path


BAKE = {"temperature": "125 degC", "duration": "1000 h"}
CYCLED = {"cycles": 1e4, "cycling_temperature": "85 degC"}
HALVES = [
    block("NVCE", temperature=t, duration="1e4 cycles", lots=lots(39))
    for t in ("25 degC", "85 degC")
]
CROSS = [
    block("cross-temperature", temperature=w, duration="1 h", write_temperature=w,
          read_temperature=r, lots=lots(10, 1))
    for w, r in (("-40 degC", "105 degC"), ("105 degC", "-40 degC"))
]  # fmt: skip
PASSES = {
    "NVCE": HALVES,
    "UCHTDR": [block("UCHTDR", **BAKE)],
    "PCHTDR": [block("PCHTDR", temperature="100 degC", duration="1000 h", read_points=["96 h"],
                     lots=lots(39), **CYCLED)],
    "LTDR": [block("LTDR", temperature="25 degC", duration="500 h", reads=1e6, lots=lots(38),
                   cycles=1e4, cycling_temperature="25 degC")],
    "HTOL": [block("HTOL", **BAKE)],
    "ELFR": [block("ELFR", temperature="125 degC", duration="48 h", lots=lots(300))],
    "HTSL": [block("HTSL", temperature="150 degC", duration="1000 h", lots=lots(25))],
    "read disturb": [block("read disturb", temperature="55 degC", duration="1e6 reads",
                           lots=lots(10, 1))],
    "cross-temperature": CROSS,
    "UBER": [block("UBER", temperature="55 degC", duration="1 h", bits_read=1e13,
                   correction="after")],
    "LTOL": [block("LTOL", temperature="-40 degC", duration="1000 h", lots=lots(32, 1))],
    "AEC-HTOL": [block("HTOL", **BAKE)],
    "AEC-ELFR": [block("ELFR", temperature="125 degC", duration="48 h", lots=lots(800))],
    "AEC-HTSL": [block("HTSL", temperature="150 degC", duration="1000 h", lots=lots(45, 1))],
    "AEC-EDR": [block("EDR", **BAKE)],
    "AEC-ED": [block("ED", temperature="25 degC", duration="1 h")],
}  # fmt: skip
# What of a row could not be confirmed, so that no plan meets it.
UNCONFIRMED = {"LTOL": "the duration", "AEC-EDR": "AEC-Q100-005", "AEC-ED": "AEC-Q100-009"}
MISSES = {
    "NVCE": ([block("NVCE", temperature="25 degC", duration="1e4 cycles")], "0 of 231 devices"),
    "NVCE, cycles": ([t.replace("1e4 cycles", "1e3 cycles") for t in HALVES], "required 10 000"),
    "UCHTDR": ([block("UCHTDR", temperature="25 degC", duration="1 h")], "25 °C, required 125 °C"),
    "UCHTDR, time": ([block("UCHTDR", temperature="125 degC", duration="999 h")], "999 h"),
    "UCHTDR, failure": ([block("UCHTDR", **BAKE, lots=lots(77, failures=1))], "1 failure, acc"),
    "UCHTDR, lots": ([block("UCHTDR", **BAKE, lots=lots(116, 2))], "2 lots of 77"),
    "UCHTDR, cycled": ([block("UCHTDR", **BAKE, **CYCLED)], "before an uncycled test"),
    "PCHTDR": ([block("PCHTDR", temperature="100 degC", duration="1000 h", read_points=["96 h"])],
               "0 cycles before it"),
    "PCHTDR, read point": ([block("PCHTDR", temperature="125 degC", duration="100 h", **CYCLED)],
                           "no read-out after 10 h"),
    "PCHTDR, cold": ([block("PCHTDR", temperature="125 degC", duration="100 h", cycles=1e4,
                            read_points=["10 h"], cycling_temperature="25 degC")], "cycled at 25"),
    "LTDR": ([block("LTDR", temperature="25 degC", duration="500 h", cycles=1e4,
                    cycling_temperature="25 degC")], "no reads stated"),
    "LTDR, hot": ([block("LTDR", temperature="85 degC", duration="500 h", reads=1e6, cycles=1e4,
                         cycling_temperature="25 degC")], "allowed up to 30"),
    "HTOL": ([block("HTOL", temperature="105 degC", duration="1000 h")], "105 °C, required"),
    "ELFR": ([block("ELFR", temperature="125 degC", duration="24 h", lots=lots(300))], "24 h"),
    "HTSL": ([block("HTSL", temperature="150 degC", duration="1000 h", lots=lots(24))],
             "0 lots of 25"),
    "read disturb": ([block("read disturb", temperature="55 degC", duration="1e5 reads")],
                     "required 1 000 000 reads"),
    "cross-temperature": (CROSS[:1], "not written at 105"),
    "UBER": ([block("UBER", temperature="55 degC", duration="1 h", bits_read=1e11,
                    correction="after")], "bound 2.7e-11 for the next lot"),
    "UBER, before": ([block("UBER", temperature="55 degC", duration="1 h", bits_read=1e13)],
                     "before correction"),
    "LTOL": ([block("LTOL", temperature="25 degC", duration="1000 h", lots=lots(32, 1))],
             "25 °C, allowed up to -10 °C"),
    "AEC-HTOL": ([block("HTOL", temperature="105 degC", duration="1000 h")], "required 125 °C"),
    "AEC-ELFR": ([block("ELFR", temperature="125 degC", duration="48 h", lots=lots(300))],
                 "0 lots of 800"),
    "AEC-HTSL": ([block("HTSL", temperature="150 degC", duration="500 h", lots=lots(45, 1))],
                 "500 h, required 1000 h"),
    "AEC-EDR": ([block("EDR", **BAKE, lots=lots(77, failures=1))], "1 failure, accepted 0"),
    "AEC-ED": (['[samples."AEC-ED"]\nlots = 3\ndevices = 30',
                block("ED", temperature="25 degC", duration="1 h", lots=lots(30, 1))],
               "1 lot of 30"),
}  # fmt: skip


ROWS = {row["name"]: row.get("test", row["name"]) for row in jedec_requirements()}


def rows_of(tmp_path: Path, name: str, *tests: str, grade: int = 1) -> dict[str, Row]:
    """Rows of a plan by name; of a product with a grade for a row of AEC-Q100."""
    path = plan(tmp_path, *tests)
    if name.startswith("AEC"):
        path.write_text(path.read_text().replace("[product]", f"[product]\ngrade = {grade}"))
    return {row.name: row for row in check_requirements(load_plan(path))}


@pytest.mark.parametrize("name", ROWS)
def test_a_requirement_that_is_kept_is_met(name, tmp_path) -> None:
    """Each row of the table of standards, with a plan that keeps it."""
    found = rows_of(tmp_path, name, *PASSES[name])
    if name in UNCONFIRMED:
        assert found[name].met is None
        assert UNCONFIRMED[name] in found[name].reason
        assert "could not be confirmed" in found[name].reason
    else:
        assert found[name].met is True, found[name].reason
    others = [row for row in found.values() if ROWS[row.name] != ROWS[name]]
    assert all(row.met is None for row in others)  # missing
    assert all(row.reason for row in found.values())


def test_each_requirement_has_a_plan_that_misses_it() -> None:
    assert {name.split(",")[0] for name in MISSES} == set(ROWS)


@pytest.mark.parametrize("name", MISSES)
def test_a_requirement_that_is_missed_says_why(name, tmp_path) -> None:
    tests, reason = MISSES[name]
    row = rows_of(tmp_path, name, *tests)[name.split(",")[0]]
    assert row.met is False
    assert reason in row.reason


@pytest.mark.parametrize("errors", [(0, 0, 0), (2, 0, 0), (1, 1, 0)])
def test_uncorrectable_errors_are_bounded_over_lots(errors, tmp_path) -> None:
    """More than a pooled Poisson bound, most where all errors are of one lot."""
    each = ", ".join(
        f'{{ name = "{name}", devices = 10, bits_read = 1e13, uncorrectable_errors = {k} }}'
        for name, k in zip("ABC", errors, strict=True)
    )
    test = block("UBER", temperature="55 degC", duration="1 h", correction="after",
                 lots=f"lot = [{each}]")  # fmt: skip
    path = plan(tmp_path, test)
    bound = next_lot_bound(errors, [1e13] * 3)
    pooled = chi2.ppf(0.9, 2 * sum(errors) + 2) / 2 / 3e13
    assert pooled < bound < 2 * pooled
    for claim, met in ((1.01 * bound, True), (0.99 * bound, False)):
        path.write_text(plan(tmp_path, test).read_text().replace("uber = 1e-12", f"uber = {claim}"))
        row = next(r for r in check_requirements(load_plan(path)) if r.name == "UBER")
        assert row.met is met, row.reason
    assert f"{sum(errors)} uncorrectable errors in 3e+13 bits" in row.done


def test_automotive_rows_go_by_the_grade_of_the_product(tmp_path) -> None:
    for grade, met in ((0, False), (1, True)):
        row = rows_of(tmp_path, "AEC-HTOL", *PASSES["HTOL"], grade=grade)["AEC-HTOL"]
        assert row.met is met, row.reason
    row = rows_of(tmp_path, "HTOL", *PASSES["HTOL"])["AEC-HTOL"]
    assert (row.met, row.applies) == (None, False)


STORAGE = {  # grade: conditions that keep AEC-HTSL, and those that miss it
    0: ([("175 degC", "1000 h"), ("150 degC", "2000 h")], [("150 degC", "1000 h")]),
    1: ([("150 degC", "1000 h"), ("175 degC", "500 h")], [("125 degC", "1000 h")]),
    2: ([("125 degC", "1000 h")], [("105 degC", "1000 h")]),
    3: ([("125 degC", "1000 h")], [("125 degC", "500 h")]),
}


@pytest.mark.parametrize("grade", STORAGE)
def test_storage_goes_by_the_grade(grade, tmp_path) -> None:
    for cases, met in zip(STORAGE[grade], (True, False), strict=True):
        for temperature, duration in cases:
            test = block("HTSL", temperature=temperature, duration=duration, lots=lots(45, 1))
            row = rows_of(tmp_path, "AEC-HTSL", test, grade=grade)["AEC-HTSL"]
            assert row.met is met, row.reason


@pytest.mark.parametrize("grade", [0, 3])
def test_early_life_of_grades_that_no_summary_states_stays_open(grade, tmp_path) -> None:
    test = block("ELFR", temperature="150 degC", duration="48 h", lots=lots(800))
    rows = rows_of(tmp_path, "AEC-ELFR", test, grade=grade)
    assert rows["AEC-ELFR"].met is None
    assert f"for grade {grade} could not be confirmed" in rows["AEC-ELFR"].reason
    assert rows["AEC-ED"].met is None
    assert "missing: no test ED" in rows["AEC-ED"].reason


def test_what_aec_q100_005_requires_is_part_of_no_claim(tmp_path) -> None:
    path = plan(tmp_path, *PASSES["AEC-EDR"])
    path.write_text(path.read_text().replace("[product]", "[product]\ngrade = 1"))
    assert not qualify_plan(load_plan(path)).answers


def test_bits_are_not_the_devices_of_a_standard(tmp_path) -> None:
    test = block("HTSL", temperature="150 degC", duration="1000 h", unit="bits", lots=lots(25))
    path = plan(tmp_path, test)
    row = next(r for r in check_requirements(load_plan(path)) if r.name == "HTSL")
    assert (row.met, row.reason) == (False, "counted in bits, the standard counts devices")
    both = plan(tmp_path, test, block("UCHTDR", **BAKE))
    with pytest.raises(InputError, match="mechanism retention: tests count bits and devices"):
        qualify_plan(load_plan(both))


def test_pcm_has_conditions_of_its_own(tmp_path) -> None:
    test = block("UCHTDR", temperature="90 degC", duration="1000 h")
    for memory, met in (("PCM", True), ("OxRAM", False)):
        rows = check_requirements(load_plan(plan(tmp_path, test, memory=memory)))
        assert next(row for row in rows if row.name == "UCHTDR").met is met


def test_zero_failures_give_the_chi_square_bound_of_the_mission(tmp_path) -> None:
    dossier = qualify_plan(load_plan(plan(tmp_path, *PASSES["UCHTDR"])))
    answer = dossier.answers[0]
    factor = float(arrhenius(328.15, 398.15, 0.7))
    hazard = chi2.ppf(0.9, 2) / 2 * 87_660 / (231 * 1000 * factor)
    assert answer.found.bound == pytest.approx(-math.expm1(-hazard), rel=1e-6)
    energies, bounds = zip(*answer.sensitivity, strict=True)
    assert energies == pytest.approx((0.6, 0.7, 0.8))
    assert bounds[0] > bounds[1] > bounds[2]
    for energy, bound in answer.sensitivity:
        factor = float(arrhenius(328.15, 398.15, energy))
        hazard = chi2.ppf(0.9, 2) / 2 * 87_660 / (231 * 1000 * factor)
        assert bound == pytest.approx(-math.expm1(-hazard), rel=1e-6)
    # the T-model, tangent at 125 degC, extrapolates to shorter lives
    slope = 0.7 / (8.617333e-5 * 398.15**2)
    hazard = chi2.ppf(0.9, 2) / 2 * 87_660 / (231 * 1000 * math.exp(slope * 70))
    assert answer.t_model.bound == pytest.approx(-math.expm1(-hazard), rel=1e-4)
    assert answer.next_lot > answer.found.bound


VOLTS = """
[product]
memory = "OxRAM"
[claim]
fraction = "1 %"
[[claim.segment]]
time = "1 year"
temperature = "85 degC"
voltage = "1.2 V"
[[claim.segment]]
time = "9 years"
temperature = "40 degC"
voltage = "{rest}"
[acceleration]
activation_energy = "0.7 eV"
{voltage}
shape = "1"
source = "assumed"
"""


@pytest.mark.parametrize(
    ("voltage", "rest", "parked", "tested"),
    [
        ('voltage_acceleration = "3 1/V"', "0 V", math.exp(-3.6), math.exp(0.36)),
        ('voltage_model = "inverse_power"\nvoltage_exponent = "20"', "0.6 V", 2.0**-20, 1.1**20),
    ],
)
def test_voltage_accelerates_a_mission_of_voltages(voltage, rest, parked, tested, tmp_path) -> None:
    """The bound from hours at 85 degC and 1.2 V, in closed form."""
    path = tmp_path / "plan.toml"
    test = block("HTOL", temperature="125 degC", voltage="1.32 V", duration="1000 h")
    path.write_text(VOLTS.format(voltage=voltage, rest=rest) + test)
    answer = qualify_plan(load_plan(path)).answers[0]
    mission = 8766 * (1 + 9 * float(arrhenius(358.15, 313.15, 0.7)) * parked)
    exposure = 231 * 1000 * float(arrhenius(358.15, 398.15, 0.7)) * tested
    hazard = chi2.ppf(0.9, 2) / 2 * mission / exposure
    assert answer.found.bound == pytest.approx(-math.expm1(-hazard), rel=1e-6)
    assert answer.condition["voltage"] == 1.2
    assert answer.t_model.bound > answer.found.bound


def degrading(path: Path, kelvin: float, seed: int) -> None:
    """Reads of 40 units whose conductance falls as ln t, faster at higher temperature (1.0 eV)."""
    random = np.random.default_rng(seed)
    factor = float(arrhenius(423.15, kelvin, 1.0))
    lines = ["device,lot,time [h],conductance [uS]"]
    for unit in range(40):
        slope = 1.6 * (1 + 0.15 * random.normal())
        start = 60 + 2 * random.normal()
        for t in (1, 24, 168, 500, 1000):
            read = start - slope * math.log(1 + 3600 * t * factor) + 0.2 * random.normal()
            lines.append(f"{unit},{'AB'[unit % 2]},{t},{read:.3f}")
    path.write_text("\n".join(lines))


def test_paths_say_what_failure_times_do_not(tmp_path) -> None:
    """Two bakes without a failure, and no stated activation energy: the paths give both."""
    for seed, kelvin in enumerate((423.15, 448.15)):
        degrading(tmp_path / f"{kelvin:.0f}.csv", kelvin, seed)
    keys = {"failure": "conductance < 15 uS", "lots": "", "mechanism": "retention"}
    tests = [
        block("UCHTDR", temperature=f"{kelvin} K", file=f"{kelvin:.0f}.csv", **keys)
        for kelvin in (423.15, 448.15)
    ]
    head = HEAD.format(memory="OxRAM").replace('activation_energy = "0.7 eV"', "")
    path = tmp_path / "plan.toml"
    path.write_text("\n".join([head, *tests]))
    answer = qualify_plan(load_plan(path)).answers[0]
    assert answer.found is None
    assert "activation energy" in answer.reason
    first, _, both = answer.paths
    assert first.at_mission is None  # its mission is not known without an activation energy
    assert first.fits[0][0] == "log_time"
    assert first.counted.agree
    energy = both.fits[0][1].coefficients["activation_energy"]
    assert energy == pytest.approx(1.0, abs=0.05)
    # median crossing at 175 degC: 45 uS at 1.6 uS of each e-fold
    median = (math.exp(45 / 1.6) - 1) / float(arrhenius(423.15, 448.15, 1.0))
    assert both.median.low < median < both.median.high
    # ten years at 55 degC: the fraction of slopes (and starts) that lose 45 uS
    lost = math.log1p(10 * 31_557_600 * float(arrhenius(423.15, 328.15, 1.0)))
    z = np.random.default_rng(0).normal(size=(400_000, 2))
    truth = (60 + 2 * z[:, 0] - 1.6 * (1 + 0.15 * z[:, 1]) * lost < 15).mean()
    assert both.at_mission.value < 1e-3
    assert truth <= both.at_mission.high + 1e-3


def test_paths_are_compared_with_the_last_read_out_of_at_least_half_of_the_units(tmp_path) -> None:
    """8 of 40 units are read at 1000 h: what failed by 500 h is counted, and predicted."""
    degrading(tmp_path / "bake.csv", 423.15, 0)
    head, *lines = (tmp_path / "bake.csv").read_text().splitlines()
    lines = [x for x in lines if int(x.split(",")[0]) < 8 or x.split(",")[2] != "1000"]
    (tmp_path / "bake.csv").write_text("\n".join([head, *lines]))
    keys = {"temperature": "150 degC", "file": "bake.csv", "failure": "conductance < 33 uS",
            "lots": "", "missing": "censored", "mechanism": "retention"}  # fmt: skip
    answer = qualify_plan(load_plan(plan(tmp_path, block("UCHTDR", **keys)))).answers[0].paths[0]
    rows = [x.split(",") for x in lines]
    failed = {u for u, _, t, g in rows if float(t) <= 500 and float(g) < 33}
    assert (answer.counted.failed, answer.counted.units) == (len(failed), 40)
    slope, spread = 1.6 * math.log1p(500 * 3600), math.hypot(2, 0.24 * math.log1p(500 * 3600))
    truth = norm.cdf((33 - 60 + slope) / spread)
    assert answer.counted.predicted == pytest.approx(truth, abs=0.12)
    curves = path_curves(answer)  # of the model that made the reads, straight in ln t
    assert curves.attrs["shape"] == "log_time"
    want = 60 - 1.6 * np.log1p(curves["time"].values)
    np.testing.assert_allclose(curves["middle"].values * 1e6, want, atol=0.8)


def test_reads_of_a_file_are_counted_by_lot(tmp_path) -> None:
    """Time-zero rejects, lost reads, retests and over-range reads, each in its lot."""
    lines = ["device,lot,time [h],conductance [uS]"]
    for unit in range(12):
        lot = "AB"[unit % 2]
        for t in (0, 100, 500, 1000):
            if unit == 3 and t == 1000:
                continue  # lost
            value = "5" if unit == 0 else ">40" if (unit, t) == (5, 100) else "50"
            lines.append(f"{unit},{lot},{t},{value}")
    lines.append("2,A,500,51")  # a retest
    (tmp_path / "bake.csv").write_text("\n".join(lines))
    keys = {"temperature": "125 degC", "file": "bake.csv", "failure": "conductance < 20 uS",
            "lots": "", "missing": "censored"}  # fmt: skip
    test = load_plan(plan(tmp_path, block("UCHTDR", **keys))).tests[0]
    a, b = test.lots
    assert (a.devices, a.failed, a.time_zero_rejects, a.retests) == (5, 0, 1, 1)
    assert (b.devices, b.lost_reads, b.over_range) == (6, 1, 1)
    assert test.points == (3.6e5, 1.8e6, 3.6e6)


def test_a_requirement_can_be_called_not_applicable(tmp_path) -> None:
    names = ("LTOL", "HTOL", "ELFR", "LTDR", "PCHTDR", "NVCE", "HTSL", "read disturb",
             "cross-temperature", "UBER")  # fmt: skip
    exempt = "\n".join(["[not_applicable]", *(f'"{name}" = "agreed"' for name in names)])
    found = qualify_plan(load_plan(plan(tmp_path, *PASSES["UCHTDR"], exempt)))
    assert found.verdict == ("qualified" if found.answers[0].passed else "not qualified")
    agreed = [row.reason for row in found.rows if "AEC" not in row.name and not row.applies]
    assert agreed == ["not applicable: agreed"] * 10
    exempt = '[not_applicable]\nUCHTDR = "agreed"'
    with pytest.raises(InputError, match="got a test of this name"):
        qualify_plan(load_plan(plan(tmp_path, *PASSES["UCHTDR"], exempt)))


def test_units_that_would_demonstrate_a_claim_over_lots_do(tmp_path) -> None:
    """Three lots of 77 without a failure do not bound 1 % where lots may differ; more units do."""
    ends = {"lower": np.full(3, 1000.0), "upper": np.full(3, np.inf), "lots": ["A", "B", "C"]}
    claim = Claim(1000.0, 0.01)
    found = assess_claim(claim, frequency=np.full(3, 77), **ends)
    needed = more_units(found)
    assert not found.passed
    assert needed > 231
    assert assess_claim(claim, frequency=np.full(3, math.ceil(needed / 3)), **ends).passed
    assert not assess_claim(claim, frequency=np.full(3, 0.99 * needed / 3), **ends).passed


def test_a_plan_without_a_test_of_its_claim_does_not_demonstrate_it(tmp_path) -> None:
    path = plan(tmp_path, *PASSES["ELFR"])
    found = qualify_plan(load_plan(path))
    assert (found.verdict, found.passed) == ("incomplete", False)
    run = CliRunner().invoke(main, ["qualify", str(path)])
    assert run.exit_code == 1
    assert "no test speaks of the claim" in run.output


def test_a_mission_ages_as_much_as_its_equivalent_temperature() -> None:
    times, kelvin = [1.0, 14.0], [358.15, 313.15]
    same = equivalent_temperature(times, kelvin, 1.1)
    one = 15 * float(arrhenius(300.0, same, 1.1))
    assert one == pytest.approx(float(np.dot(times, arrhenius(300.0, kelvin, 1.1))), rel=1e-9)


@pytest.mark.parametrize("count", [3, 6])
@pytest.mark.parametrize("spread", [0.0, 0.5])
def test_the_next_lot_is_bounded_as_often_as_stated(count, spread) -> None:
    """Lots whose ln hazard varies: the bound of the next one holds in 90 % of qualifications."""
    random = np.random.default_rng(count)
    bounds: dict[tuple[int, ...], float] = {}
    held, tries = 0, 300
    for _ in range(tries):
        hazard = 0.01 * np.exp(spread * random.normal(size=count + 1))
        failed = tuple(sorted(random.poisson(77 * hazard[:-1]).tolist()))
        if failed not in bounds:
            bounds[failed] = next_lot_bound(failed, [77] * count, 0.9)
        held += hazard[-1] <= bounds[failed]
    assert held / tries > 0.9 - 3 * math.sqrt(0.09 / tries)


def test_alike_lots_give_the_bound_of_jesd85() -> None:
    for failed in ([0, 0, 0], [1, 0, 2]):
        wanted = chi2.ppf(0.9, 2 * sum(failed) + 2) / 2 / 231
        found = next_lot_bound(failed, [77] * 3, 0.9, scale=0.0)
        assert found == pytest.approx(wanted, rel=2e-3)


def shipped(folder: Path, *names: str) -> Path:
    """The example with some of its tests only."""
    for file in EXAMPLES.glob("*.csv"):
        shutil.copy(file, folder)
    head, *tests = (EXAMPLES / "qualification_plan.toml").read_text().split("[[test]]")
    kept = [test for test in tests if any(f'name = "{name}"' in test for name in names)]
    path = folder / "plan.toml"
    path.write_text("[[test]]".join([head, *kept]))
    return path


def test_the_document_says_what_an_auditor_looks_for(tmp_path) -> None:
    out = tmp_path / "dossier"
    path = shipped(tmp_path, "UCHTDR", "bake at 150 °C", "PCHTDR")
    run = CliRunner().invoke(main, ["qualify", str(path), "--out", str(out)])
    assert run.exit_code == 1, run.output  # a failure in UCHTDR
    found = json.loads((out / "qualification.json").read_text())
    page = (out / "report.html").read_text().replace("\xa0", " ").replace("\u202f", " ")
    for text in ("QR-0042", "1000 h", "125 °C", "a word with a wrong bit after correction",
                 "Sample size", "SHA-256", "T-model", "Time-zero", "one-sided", "4460 ppm",
                 "Degradation paths", "up to 54 % of all lots", "10 000 cycles at 85",
                 "failed since the one before", "fraction of bits, not of devices",
                 "Units that would demonstrate the claim"):  # fmt: skip
        assert text in page, text
    assert len(found["files"]) == 3
    uchtdr = next(t for t in found["tests"] if t["name"] == "UCHTDR")
    # 168, 500 (one failed, known to an interval), 1000 h
    assert [p["on_test"] for p in uchtdr["read_points"]] == [231, 231, 230]
    assert [p["failed"] for p in uchtdr["read_points"]] == [0, 1, 0]


@pytest.mark.slow
def test_the_shipped_plan_makes_its_document(tmp_path) -> None:
    out = tmp_path / "dossier"
    run = CliRunner().invoke(
        main, ["qualify", str(EXAMPLES / "qualification_plan.toml"), "--out", str(out)]
    )
    assert run.exit_code == 1, run.output
    found = json.loads((out / "qualification.json").read_text())
    rows = {row["name"]: row for row in found["requirements"]}
    assert rows["UCHTDR"]["met"] is False
    assert rows["NVCE"]["met"] is True
    assert rows["HTSL"]["met"] is True
    assert rows["ELFR"]["met"] is None
    assert found["verdict"] == "not qualified"
    page = (out / "report.html").read_text().replace("\xa0", " ").replace("\u202f", " ")
    assert "125 °C and 1.32 V" in page
    operating = next(c for c in found["claims"] if c["mechanism"] == "operating life")
    assert operating["condition"]["voltage"] == 1.2
    storage = next(c for c in found["claims"] if c["mechanism"] == "storage")
    assert [len(d["tests"]) for d in storage["degradation"]] == [1, 1, 2]
    assert all(d["counted"]["agree"] for d in storage["degradation"][:2])


@pytest.mark.parametrize(
    ("test", "message"),
    [
        (block("HTOL", duration="1000 h"), "temperature: missing; a test without conditions"),
        (block("HTOL", temperature="125 degC"), "duration: missing; a test without conditions"),
        (block("HTOL", **BAKE, lots=""), "got neither of file and"),
        (block("HTOL", **BAKE, lots="lot = [{ devices = 77 }]"), "test HTOL: lot 1: name: missing"),
        (block("HTOL", **BAKE, lots='lot = [{ name = "A", devices = 7, failures = 8 }]'),
         "got 8 failures of 7 devices"),
        (block("HTOL", **BAKE, lots='lot = [{ name = "A", devices = 7, failures = -1 }]'),
         "test HTOL: lot A: failures: Input should be greater than or equal to 0 (got -1)"),
        (block("HTOL", **BAKE, color="red"), "unknown key 'color'"),
        (block("HTOL", temperature="125 degC", duration="1000"), "expected a unit"),
        (block("HTOL", temperature="125 degC", duration="1e4 cycles"), "got cycles, expected"),
        (block("HTOL", **BAKE, cycles=10), "cycling_temperature: missing"),
        (block("HTOL", **BAKE, voltage="1.3 V"), "voltage: the segments of the claim state none"),
        (block("HTOL", **BAKE, read_points=["2000 h"]), "beyond the end of the test"),
        (block("HTOL", **BAKE, read_points=["500 h", "168 h"]), "expected rising ones"),
        (block("HTOL", **BAKE, failure="conductance < 1 uS"), "failure: goes with a file"),
        (block("HTOL", **BAKE, lots='lot = [{ name = "A", devices = 7, failures = [0, 1] }]'),
         "got 2, expected one for each of 0 read points"),
        (block("UCHTDR", temperature="125 degC", file="uchtdr.csv", lots=""), "uchtdr.csv"),
        (block("UCHTRD", **BAKE), "test UCHTRD: not a test of the standards, did you mean 'UCHTD"),
        (block("htol", **BAKE), "did you mean 'HTOL'?"),
        (block("NVEC", temperature="25 degC", duration="1e4 cycles"), "did you mean 'NVCE'?"),
        (block("Read-disturb", **BAKE), "did you mean 'read disturb'?"),
        (block("EDR", **BAKE), "test: EDR is of AEC-Q100, but the product states no grade"),
        ('[samples."AEC-HTOL"]\nlots = 1\ndevices = 5\n' + block("HTOL", **BAKE),
         "samples: AEC-HTOL is of AEC-Q100"),
        (block("UBER", **BAKE, uncorrectable_errors=1), "got 1, but no bits_read"),
        (block("UBER", **BAKE, bits_read=1e9, lots='lot = [{ name = "A", devices = 7, '
               "bits_read = 1e9 }]"), "got those of the test and of lots"),
        (block("UBER", **BAKE, lots='lot = [{ name = "A", devices = 7, bits_read = 1e9 }, '
               '{ name = "B", devices = 7, uncorrectable_errors = 2 }]'),
         "lot B: uncorrectable_errors: got 2, but no bits_read"),
    ],
)  # fmt: skip
def test_plans_that_cannot_be_are_refused_in_one_line(test, message, tmp_path) -> None:
    with pytest.raises(InputError) as error:
        qualify_plan(load_plan(plan(tmp_path, test)))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_tests_of_no_requirement_are_named(tmp_path) -> None:
    """A test of its own that states its mechanism may have any name."""
    path = plan(tmp_path, block("UCHTRD", **BAKE, mechanism="bake"), block("ESD", **BAKE))
    run = CliRunner().invoke(main, ["qualify", str(path)])
    assert run.exit_code == 1, run.output
    assert "tests of no requirement: UCHTRD, ESD" in run.output


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('fraction = "1 %"', 'fraction = "0 %"', "claim.fraction: got 0 %, allowed between 0 and"),
        ('fraction = "1 %"', "confidence = 90\nfraction = 0.1", "claim.confidence: Input should"),
        ('"0.7 eV"', '"-0.7 eV"', "acceleration: activation_energy: got -0.7, allowed above 0"),
        ('"0.7 eV"', '"0 eV to 1 eV"', "acceleration: activation_energy: got (0.0, 1.0), allowed"),
        ('shape = "1"', 'shape = "0"', "acceleration: shape: got 0.0, allowed above 0"),
        ('shape = "1"', 'shape = "one"', "acceleration: shape: got 'one', expected a number"),
        (
            'temperature = "55 degC"',
            "temperature = 55",
            "claim: segment 1: temperature: got 55, expected a text with its unit",
        ),
        ('time = "10 years"', "time = 10", "claim: segment 1: time: got 10, expected a text with"),
    ],
)
def test_claims_and_coefficients_that_cannot_be_are_refused(old, new, message, tmp_path) -> None:
    path = plan(tmp_path, *PASSES["HTOL"])
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InputError) as error:
        load_plan(path)
    assert f"plan.toml: {message}" in str(error.value)


def test_a_file_does_not_contradict_its_plan(tmp_path) -> None:
    table = "time [h],event,lot,temperature [degC]\n1000,S,A,150\n1000,S,A,150\n"
    (tmp_path / "bake.csv").write_text(table)
    keys = {"file": "bake.csv", "lots": ""}
    assert load_plan(plan(tmp_path, block("UCHTDR", **keys))).tests[0].temperature == 423.15
    with pytest.raises(InputError, match="got 125 °C in the plan and 150 °C in the file"):
        load_plan(plan(tmp_path, block("UCHTDR", temperature="125 degC", **keys)))


def test_a_bound_names_the_voltage_and_the_lots_that_it_leaves_out(tmp_path) -> None:
    path = tmp_path / "plan.toml"
    head = VOLTS.format(voltage='voltage_acceleration = "3 1/V"', rest="0 V")
    bad = block("HTOL", **BAKE, lots=lots(77, failures=77))
    path.write_text(head + bad)
    limits = "; ".join(qualify_plan(load_plan(path)).answers[0].found.limitations)
    assert "the voltage of the mission is not in the bound" in limits
    assert "the lots differ" in limits
    path.write_text(head + block("HTOL", **BAKE))
    limits = "; ".join(qualify_plan(load_plan(path)).answers[0].found.limitations)
    assert "the lots differ" not in limits
    path.write_text(head + "\n".join([bad, block("HTOL", **BAKE, voltage="1.3 V")]))
    with pytest.raises(InputError, match="operating life: voltage: test HTOL states none"):
        qualify_plan(load_plan(path))


def test_saturating_paths_need_a_common_start(tmp_path) -> None:
    random = np.random.default_rng(6)
    lines = ["device,lot,time [h],conductance [uS]"]
    for unit in range(20):
        start, end, rate = 60 + random.normal(), 0.2 * np.exp(0.2 * random.normal()), 0.004
        for t in (0, 24, 168, 500, 1000):
            fall = 1 - end * (1 - math.exp(-rate * t)) + (0.001 * random.normal() if t else 0)
            lines.append(f"{unit},A,{t},{start * fall:.4f}")
    (tmp_path / "bake.csv").write_text("\n".join(lines))
    keys = {"temperature": "125 degC", "file": "bake.csv", "degradation": ["saturating"]}
    first, second = (
        qualify_plan(load_plan(plan(tmp_path, block("UCHTDR", lots="", failure=limit, **keys))))
        .answers[0].paths[0]
        for limit in ("conductance < 30 uS", "conductance < 60 %")
    )  # fmt: skip
    assert "saturating: units do not begin at one value" in first.reason
    assert second.fits[0][1].theta[0] == pytest.approx(math.log(0.2), abs=0.2)


def test_a_file_without_lots_is_refused(tmp_path) -> None:
    (tmp_path / "bake.csv").write_text("time [h],event,count\n1000,S,77\n")
    keys = {"temperature": "125 degC", "file": "bake.csv", "lots": ""}
    with pytest.raises(InputError, match="lot: not named"):
        load_plan(plan(tmp_path, block("UCHTDR", **keys)))
    named = load_plan(plan(tmp_path, block("UCHTDR", **keys, in_lot="A")))
    assert named.tests[0].lots[0].devices == 77


def test_options_of_the_single_test_do_not_go_with_a_plan(tmp_path) -> None:
    path = plan(tmp_path, *PASSES["HTOL"])
    run = CliRunner().invoke(main, ["qualify", str(path), "--claim", "10 years"])
    assert run.exit_code == 2
    assert "claim: not with a plan" in run.output
