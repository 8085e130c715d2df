"""Mutation of the physics: is a wrong sign, factor or exponent in ``devices/`` caught by a test?

Each mutant is one change to one expression of one module, in a copy of the repository, on which the
tests of the devices and of what stands directly on them are run until one fails. Sites are drawn
with a fixed seed, as many from each module, so the table can be made again.

    python tests/mutants.py --out mutants.jsonl          # goes on where it was stopped
    python tests/mutants.py --out mutants.jsonl --table  # the table of what is there

Not collected by pytest: some sixty runs of the tests take half an hour.
"""

import argparse
import ast
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[1]
DEVICES = Path("reliability/devices")
# Tests of what stands directly on a module; those of the devices and its doctests always run.
TESTS = {
    "conduction.py": ("tests/crossbar/test_cell_laws.py", "tests/population/test_reading.py"),
    "cycles.py": ("tests/population/test_cycling.py",),
    "drift.py": ("tests/population/test_ageing.py", "tests/population/test_reading.py"),
    "endurance.py": ("tests/population/test_cycling.py",),
    "equivalent_time.py": ("tests/devices/test_relaxation.py", "tests/population/test_ageing.py"),
    "first_passage.py": ("tests/devices/test_endurance.py", "tests/population/test_cycling.py"),
    "gate.py": ("tests/characterization/test_gate.py",),
    "level_relaxation.py": ("tests/devices/test_relaxation.py", "tests/population/test_ageing.py"),
    "noise.py": ("tests/population/test_reading.py",),
    "path.py": ("tests/population/test_ageing.py", "tests/population/test_window.py"),
    "programming.py": ("tests/population/test_window.py", "tests/population/test_ageing.py"),
    "read_disturb.py": ("tests/population/test_ageing.py",),
    "relaxation.py": ("tests/population/test_ageing.py", "tests/population/test_window.py"),
    "retention.py": ("tests/population/test_ageing.py",),
    "target.py": ("tests/devices/test_programming.py", "tests/devices/test_drift.py"),
    "verify.py": ("tests/devices/test_programming.py", "tests/population/test_window.py"),
}
LONGEST = 240  # seconds of processor time, then a mutant counts as killed: it hangs
_SWAPPED = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}


Place = tuple[tuple[str, int | None], ...]  # of a node: field and index at every level


@dataclass(frozen=True)
class Mutant:
    """One change to one expression."""

    module: str
    line: int
    kind: str
    before: str
    after: str
    place: Place
    changed: ast.expr

    @property
    def name(self) -> str:
        return f"{self.module}:{self.line} {self.before} -> {self.after}"

    def source(self, text: str) -> str:
        """The module with the change."""
        tree = ast.parse(text)
        node = tree
        for field, index in self.place[:-1]:
            node = getattr(node, field) if index is None else getattr(node, field)[index]
        field, index = self.place[-1]
        if index is None:
            setattr(node, field, self.changed)
        else:
            getattr(node, field)[index] = self.changed
        return ast.unparse(ast.fix_missing_locations(tree))


def variants(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Changed forms of an expression, with the kind of the change."""
    if isinstance(node, ast.BinOp) and isinstance(node.left, ast.Tuple):
        return  # a shape
    if isinstance(node, ast.BinOp) and type(node.op) in _SWAPPED:
        kind = "sign" if isinstance(node.op, ast.Add | ast.Sub) else "factor"
        yield kind, ast.BinOp(node.left, _SWAPPED[type(node.op)](), node.right)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        if isinstance(node.right, ast.Constant):
            yield "exponent", ast.BinOp(node.left, ast.Pow(), ast.Constant(node.right.value + 1))
        else:
            yield "exponent", ast.BinOp(node.left, ast.Pow(), ast.UnaryOp(ast.USub(), node.right))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        if not isinstance(node.operand, ast.Constant):
            yield "sign", node.operand
    elif isinstance(node, ast.Constant) and type(node.value) is float and node.value:
        yield "factor", ast.Constant(node.value * 1000)
    elif isinstance(node, ast.Name) and node.id.startswith(("BOLTZMANN", "LN10")):
        yield "factor", ast.BinOp(node, ast.Mult(), ast.Constant(1000.0))
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        first = node.args[0] if len(node.args) == 1 and not node.keywords else None
        if first is not None and node.func.attr == "sqrt":
            yield "exponent", first
        elif first is not None and node.func.attr == "exp":
            yield "sign", ast.Call(node.func, [ast.UnaryOp(ast.USub(), first)], [])
        elif first is not None and node.func.attr == "log10":
            yield "factor", ast.Call(ast.Attribute(node.func.value, "log"), [first], [])


def mutants(module: Path) -> list[Mutant]:
    """All mutants of a module."""
    found = []
    for place, node in _expressions(ast.parse(module.read_text("utf-8"))):
        for kind, changed in variants(node):
            before, after = ast.unparse(node), ast.unparse(ast.fix_missing_locations(changed))
            found.append(Mutant(module.name, node.lineno, kind, before, after, place, changed))
    return found


def _expressions(node: ast.AST, path: Place = (), inside: bool = False) -> Iterator:
    """Expressions in the bodies of functions, without indices, annotations, messages."""
    if inside and isinstance(node, ast.expr) and hasattr(node, "lineno"):
        yield path, node
    if isinstance(node, ast.Raise | ast.Subscript | ast.JoinedStr):
        return
    if getattr(node, "name", "") == "_example":  # parameters of doctests
        return
    if isinstance(node, ast.FunctionDef):
        fields = [("body", node.body)]
        inside = True
    else:
        fields = [
            (name, value) for name, value in ast.iter_fields(node)
            if name not in ("annotation", "returns", "decorator_list", "bases")
        ]  # fmt: skip
    for name, value in fields:
        if isinstance(value, list):
            for index, child in enumerate(value):
                if isinstance(child, ast.AST):
                    yield from _expressions(child, (*path, (name, index)), inside)
        elif isinstance(value, ast.AST):
            yield from _expressions(value, (*path, (name, None)), inside)


def chosen(per_module: int, seed: int) -> list[Mutant]:
    """Mutants of every module, drawn so that each kind has its share where there is enough."""
    picked = []
    for module in sorted((REPOSITORY / DEVICES).glob("*.py")):
        rng = np.random.default_rng([seed, *module.name.encode()])
        every = mutants(module)
        order = [every[k] for k in rng.permutation(len(every))]
        kinds: dict[str, list[Mutant]] = {}
        for mutant in order:
            kinds.setdefault(mutant.kind, []).append(mutant)
        turn = [kinds[kind] for kind in sorted(kinds)]
        here: list[Mutant] = []
        while len(here) < min(per_module, len(every)):
            here += [queue.pop() for queue in turn if queue][: per_module - len(here)]
        picked += here
    return picked


def run_tests(clone: Path, module: str, log: Path) -> tuple[str, float]:
    """Run the tests in a fork that has the libraries but not the suite; what became of them."""
    own = Path("tests/devices") / f"test_{module}"
    options = [
        "-x", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", "-o", "addopts=--doctest-modules",
        "-m", "not slow",
    ]  # fmt: skip
    # The module's own tests first: most mutants end there, before the others are collected.
    stages = [[str(path) for path in (own, DEVICES / module) if (clone / path).is_file()]]
    stages += [[test] for test in TESTS.get(module, ())]
    stages.append(["tests/devices"])
    start = time.monotonic()
    pid = os.fork()
    if pid == 0:
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.chdir(clone)
        sys.path.insert(0, str(clone))
        resource.setrlimit(resource.RLIMIT_CPU, (LONGEST, LONGEST + 1))
        import pytest

        code = 0
        for stage in filter(None, stages):
            code = code or int(pytest.main([*stage, *options]))
            code *= code != pytest.ExitCode.NO_TESTS_COLLECTED  # no doctest: goes on
        os._exit(code)
    _, status = os.waitpid(pid, 0)
    seconds = time.monotonic() - start
    if os.WIFSIGNALED(status):
        return "killed", seconds  # it hung, or crashed
    code = os.WEXITSTATUS(status)
    if code not in (0, 1, 2):
        raise RuntimeError(f"pytest ended with {code}, see {log}")
    return ("survived" if code == 0 else "killed"), seconds


def _killer(log: Path) -> str:
    """The test that failed first."""
    for line in log.read_text("utf-8", "replace").splitlines()[::-1]:
        if line.startswith(("FAILED", "ERROR")):
            return line.split(" - ")[0].split(maxsplit=1)[1]
    return "time limit"


def table(done: list[dict]) -> str:
    """What became of the mutants, in Markdown."""
    lines = ["| module | mutants | killed | survivors |", "|---|---:|---:|---|"]
    for module in sorted({one["module"] for one in done}):
        here = [one for one in done if one["module"] == module]
        killed = sum(one["outcome"] == "killed" for one in here)
        left = "; ".join(
            f"line {one['line']}: `{one['before']}` to `{one['after']}`"
            for one in here if one["outcome"] == "survived"
        )  # fmt: skip
        lines.append(f"| `{module}` | {len(here)} | {killed} | {left} |")
    killed = sum(one["outcome"] == "killed" for one in done)
    lines.append(f"| all | {len(done)} | {killed} ({killed / len(done):.0%}) | |")
    return "\n".join(lines)


def main() -> None:
    """Run what is not done yet and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="a line of JSON for each mutant")
    parser.add_argument("--per-module", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--share", default="0/1", help="of several that run at once: 0/2, 1/2")
    parser.add_argument("--again", action="store_true", help="run survivors again")
    parser.add_argument("--table", action="store_true", help="only print")
    asked = parser.parse_args()
    lines = asked.out.read_text("utf-8").splitlines() if asked.out.exists() else []
    done = {one["name"]: one for one in map(json.loads, lines)}
    if not asked.table:
        # The fork has these already.
        import hypothesis, numba, pandas, pint, pydantic, pytest, xarray, zarr  # noqa: E401, F401, I001
        import scipy.optimize, scipy.signal, scipy.special, scipy.stats  # noqa: E401, F401

        with tempfile.TemporaryDirectory() as folder:
            clone = Path(folder) / "clone"
            skipped = shutil.ignore_patterns(".git", "docs", "*.onnx", ".hypothesis", ".venv*")
            shutil.copytree(REPOSITORY, clone, ignore=skipped)
            log = Path(folder) / "log"
            if not done:
                outcome, seconds = run_tests(clone, "none", log)
                if outcome != "survived":
                    sys.exit(f"the tests fail without a mutant:\n{log.read_text()[-3000:]}")
                print(f"no mutant: {seconds:.0f} s", flush=True)
            first, _, step = asked.share.partition("/")
            for mutant in chosen(asked.per_module, asked.seed)[int(first) :: int(step)]:
                before = done.get(mutant.name)
                if before and not (asked.again and before["outcome"] == "survived"):
                    continue
                place = clone / DEVICES / mutant.module
                original = place.read_bytes()
                if b"njit" in original:  # kernels of other modules may hold what is mutated
                    for compiled in (clone / DEVICES / "__pycache__").glob("*.nb*"):
                        compiled.unlink()
                place.write_text(mutant.source(original.decode()), "utf-8")
                try:
                    outcome, seconds = run_tests(clone, mutant.module, log)
                finally:
                    place.write_bytes(original)
                one = {
                    "name": mutant.name, "module": mutant.module, "line": mutant.line,
                    "kind": mutant.kind, "before": mutant.before, "after": mutant.after,
                    "outcome": outcome, "seconds": round(seconds, 1),
                    "by": _killer(log) if outcome == "killed" else "",
                }  # fmt: skip
                done[mutant.name] = one
                with asked.out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(one, ensure_ascii=False) + "\n")
                print(f"{outcome:9}{seconds:5.0f} s  {mutant.name[:110]}", flush=True)
    print(table(list(done.values())))


if __name__ == "__main__":
    main()
