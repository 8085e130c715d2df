"""Mutated studies, cards and ONNX files: refused in one line, within a minute and 4 GB."""

import resource
import signal
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reliability as rel
from reliability.campaign.plan import chips_per_task, make_plan
from reliability.resources import data_folder, shipped_studies

tomli_w = pytest.importorskip("tomli_w")
SECONDS, MEMORY = 60, 4 * 2**30
NASTY: tuple[Any, ...] = (
    0, -1, 1, 2, 1e300, -1e300, 1e-300, float("nan"), float("inf"), 10**12, 10**18, 2**63 - 1,
    True, "", " ", "x" * 10_000, "1e999999 m", "5 m**(9**9**9)", "9**9**9", "200 m", "1 nm", "0 K",
    "-300 degC", "1e12 years", "\x1b]0;x\x07", "[/b]", "../../etc/passwd", "\u202e", "ß", "{{7*7}}",
    [], [[]], {}, {"value": 1}, [1, "a", None][:2], ["1 h"] * 1000, [0.0] * 5, list(range(300)),
)  # fmt: skip


@contextmanager
def within_limits() -> Iterator[None]:
    """Fail what takes more than a minute or 4 GB."""

    def too_long(*_: object) -> None:
        raise TimeoutError(f"more than {SECONDS} s")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 < MEMORY


def survives(act: Callable[[], object], what: object) -> None:
    """Whether something is done, or refused in one line that a terminal can print."""
    with within_limits():
        try:
            act()
        except rel.InputError as error:
            if not str(error).isprintable():
                pytest.fail(f"{error!r} of {str(what)[:500]}")
        except Exception as error:
            pytest.fail(f"{type(error).__name__}: {error} of {str(what)[:500]}")


def places(table: Any, path: tuple = ()) -> list[tuple]:
    """Return the path of every value in tables and lists."""
    inner = table.items() if isinstance(table, dict) else enumerate(table)
    found = []
    for key, value in inner:
        found.append((*path, key))
        if isinstance(value, dict | list):
            found += places(value, (*path, key))
    return found


def mutated(table: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Change one to three values of a table: another, none, a new key, or one that goes deep."""
    table = tomllib.loads(tomli_w.dumps(table))
    for _ in range(rng.integers(1, 4)):
        every = places(table)
        *path, last = every[rng.integers(len(every))]
        holder: Any = table
        for key in path:
            holder = holder[key]
        act = rng.integers(8)
        if act == 0:
            del holder[last]
        elif act == 1 and isinstance(holder, dict):
            holder[f"{last}x"] = deepcopy(holder[last])
        elif act == 2:
            deep: Any = 1
            for _ in range(int(rng.choice([5, 20, 60]))):
                deep = [deep] if rng.integers(2) else {"a": deep}
            holder[last] = deep
        elif act == 3 and isinstance(holder[last], int | float):
            holder[last] = holder[last] * float(rng.choice([1e-9, -1.0, 1e3, 1e9]))
        else:
            holder[last] = deepcopy(NASTY[rng.integers(len(NASTY))])
    return table


def fuzz_studies(path: Path, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    studies = [tomllib.loads(f.read_text("utf-8")) for f in shipped_studies().values()]
    studies.append(
        tomllib.loads(
            "title = 's'\ntechnology = 'oxram-130nm'\nseed = 5\n"
            "[uncertainty]\ndraws = 4\nchips = 2\n[population]\nchips = 3"
        )
    )

    def load_and_plan() -> None:
        study = rel.load_study(path)
        for _ in islice(make_plan(study, chips_per_task(study)), 10_000):
            pass

    for _ in range(count):
        table = mutated(studies[rng.integers(len(studies))], rng)
        path.write_text(tomli_w.dumps(table))
        survives(load_and_plan, path.read_text())


def fuzz_cards(path: Path, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = rel.list_technologies()
    for _ in range(count):
        file = data_folder() / "technologies" / f"{names[rng.integers(len(names))]}.toml"
        table = mutated(tomllib.loads(file.read_text("utf-8")), rng)
        path.write_text(tomli_w.dumps(table))
        survives(lambda: rel.load_technology(path).fingerprint, path.read_text()[:2000])


def fuzz_onnx(path: Path, count: int, seed: int) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from tests.network.deep.onnx_models import small_network

    rng = np.random.default_rng(seed)
    whole = small_network(path).read_bytes()
    for k in range(count):
        data = bytearray(whole)
        if k % 2:
            for _ in range(rng.integers(1, 8)):
                data[rng.integers(len(data))] = rng.integers(256)
            data = data[: rng.integers(len(data))] if rng.integers(4) == 0 else data
        else:
            data = bytearray(_mutated_model(onnx, whole, rng))
        path.write_bytes(data)
        survives(lambda: rel.load_network(path), f"onnx {seed} {k}")


def _mutated_model(onnx: Any, whole: bytes, rng: np.random.Generator) -> bytes:
    model = onnx.load_model_from_string(whole)
    graph = model.graph
    node = graph.node[rng.integers(len(graph.node))]
    held = graph.initializer[rng.integers(len(graph.initializer))]
    number = int(rng.choice([0, -1, 1, 2**31, 2**62]))
    act = rng.integers(8)
    if act == 0 and node.attribute:
        attribute = node.attribute[rng.integers(len(node.attribute))]
        attribute.ints[:] = [number] * len(attribute.ints)
        attribute.i = number
    elif act == 1:
        dim = graph.input[0].type.tensor_type.shape.dim
        dim[rng.integers(len(dim))].dim_value = number
    elif act == 2:
        held.dims[rng.integers(len(held.dims))] = number
    elif act == 3:
        held.data_location = onnx.TensorProto.EXTERNAL
        there = ("a\0b", "../x", "", "x" * 5000, "/etc/passwd", ".")
        held.external_data.add(key="location", value=there[rng.integers(len(there))])
        held.external_data.add(key="offset", value=str(number))
    elif act == 4:
        del node.input[rng.integers(len(node.input)) :]
    elif act == 5:
        del graph.output[:]
    elif act == 6:
        model.opset_import[0].version = number % 2**31
    else:
        node.op_type = str(rng.choice(["Conv", "MatMul", "Loop", "Nothing", "Reshape", "MaxPool"]))
    return bytes(model.SerializeToString())


def test_mutated_studies(tmp_path) -> None:
    fuzz_studies(tmp_path / "study.toml", 60, seed=1)


def test_mutated_cards(tmp_path) -> None:
    fuzz_cards(tmp_path / "card.toml", 40, seed=1)


def test_mutated_onnx_files(tmp_path) -> None:
    fuzz_onnx(tmp_path / "net.onnx", 30, seed=1)


@pytest.mark.slow
def test_mutated_studies_at_length(tmp_path) -> None:
    fuzz_studies(tmp_path / "study.toml", 1000, seed=2)


@pytest.mark.slow
def test_mutated_cards_at_length(tmp_path) -> None:
    fuzz_cards(tmp_path / "card.toml", 300, seed=2)


@pytest.mark.slow
def test_mutated_onnx_files_at_length(tmp_path) -> None:
    fuzz_onnx(tmp_path / "net.onnx", 200, seed=2)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("uncertainty.draws", 10**12),
        ("population.chips", 10**12),
        ("endurance.wafers", 10**12),
        ("endurance.cells", 10**9),
        ("technology.wafer.diameter", "200 m"),
        ("technology.wafer.die_width", "1 nm"),
        ("technology.read.voltage", "1 m**(9**9**9)"),
        ("stress.reads", [1e300]),
        ("stress.times", ["1e300 s"]),
    ],
)
def test_what_no_machine_can_run_is_refused_with_its_limit(small, key, value) -> None:
    if key.startswith("endurance."):
        small.write_text('title = "t"\ntechnology = "oxram-130nm"\noutputs = ["endurance"]\n')
    with within_limits(), pytest.raises(rel.InputError, match=r"allowed|not in units of V"):
        rel.load_study(small, {key: value})


def test_what_this_machine_has_no_memory_for_is_refused(small, monkeypatch) -> None:
    from reliability.campaign import feasibility

    monkeypatch.setattr(feasibility, "memory_of_machine", lambda: 1e9)
    with pytest.raises(rel.InputError, match=r"uncertainty.chips: a task needs about .* GB of mem"):
        rel.load_study(small, {"uncertainty.chips": 100_000})


def test_the_plan_of_a_long_sweep_is_linear(tmp_path) -> None:
    """3000 points of an attribution: the sweep was built again at every point."""
    text = ('title = "long"\ntechnology = "oxram-130nm"\noutputs = ["attribution"]\n'
            '[[sweep]]\nname = "network.delta_s"\nvalues = [{}]\n')  # fmt: skip
    path = tmp_path / "long.toml"
    path.write_text(text.format(", ".join(map(str, range(1, 3001)))))
    with within_limits():
        study = rel.load_study(path)
        count = sum(1 for _ in make_plan(study, 1))
    assert count % 3000 == 0


def test_deep_nesting_is_one_line(tmp_path) -> None:
    path = tmp_path / "deep.toml"
    deep = "a = " + "[" * 5000 + "]" * 5000
    for text in (deep, ".".join("a" * 3000) + " = 1", "a = " + "9" * 9999, "a = 0x" + "f" * 9999):
        path.write_text(text)
        for load in (rel.load_study, rel.load_technology):
            with pytest.raises(rel.InputError, match=r"deeper than 16|not a TOML|allowed 64"):
                load(path)
