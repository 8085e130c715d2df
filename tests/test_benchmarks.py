"""The runner of the benchmarks: one table, goes on where it was stopped, says what is missing."""

import ast
import sys

import pytest

import benchmarks.__main__ as runner

GOOD = """
from benchmarks.found import left_out, row
row("sums", "2 s", "peer 6 s", 3.0)
row("memory", "1 GB")
left_out("another peer", "No module named 'peer'")
"""
SCRIPTS = {"good": GOOD, "missing": "import no_such_peer", "slow": "import time; time.sleep(60)"}


@pytest.fixture
def call(tmp_path, monkeypatch, repository):
    place = tmp_path / "benchmarks"
    place.mkdir()
    (place / "found.py").write_text((repository / "benchmarks" / "found.py").read_text("utf-8"))
    (place / "__init__.py").touch()
    for name, text in SCRIPTS.items():
        (place / f"{name}.py").write_text(text)
    page = tmp_path / "page.md"
    page.write_text(f"# By hand\n\n{runner.MARK}\n\nold rows")
    monkeypatch.setattr(runner, "HERE", place)
    monkeypatch.setattr(runner, "NAMES", sorted(SCRIPTS))
    monkeypatch.setattr(runner, "_busy_cores", lambda: 0.0)  # takes a second each time

    def run(*arguments):
        told = ["benchmarks", *arguments, "--out", str(tmp_path / "out"), "--page", str(page)]
        monkeypatch.setattr(sys, "argv", told)
        runner.main()
        return page.read_text("utf-8")

    return run


def test_one_table_with_ratios_machine_and_what_is_missing(call, capsys) -> None:
    call("good", "missing")
    page = call("slow", "--limit", "1")
    assert page.startswith("# By hand\n")
    assert "old rows" not in page
    assert "| sums" in page
    assert "| 2 s | peer 6 s | 3 | `good.py` |" in page
    assert "numpy" in page
    assert "- `good.py`, another peer: No module named 'peer'" in page
    assert "- `missing.py`, missing: ModuleNotFoundError: No module named 'no_such_peer'" in page
    assert "- `slow.py`, slow: not done in 1 s" in page
    capsys.readouterr()
    assert call() == page  # nothing is run again
    assert "..." not in capsys.readouterr().out
    call("good")
    assert "good ..." in capsys.readouterr().out


def test_an_unknown_benchmark_is_refused(call) -> None:
    with pytest.raises(SystemExit):
        call("speed")


def test_every_benchmark_leaves_a_row(repository) -> None:
    for name in runner.NAMES:
        tree = ast.parse((repository / "benchmarks" / f"{name}.py").read_text("utf-8"))
        called = {n.func.id for n in ast.walk(tree)
                  if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}  # fmt: skip
        assert "row" in called, name
