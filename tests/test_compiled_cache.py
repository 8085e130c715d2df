"""The package starts where neither it nor the home of its user can be written."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from reliability import compiled_cache

# What a user who may write neither sees; root may write everywhere.
READ_ONLY = """
import os, sys, tempfile
package, home = sys.argv[1:]
def refused(path):
    return str(path).startswith((package, home))
access, makedirs, mkdir, temporary = os.access, os.makedirs, os.mkdir, tempfile.TemporaryFile
def no(path):
    raise PermissionError(13, "Permission denied", str(path))
def may(path, mode, **k):
    return not (refused(path) and mode & os.W_OK) and access(path, mode, **k)
def make_all(path, *a, **k):
    return no(path) if refused(path) and not os.path.isdir(path) else makedirs(path, *a, **k)
def make(path, *a, **k):
    return no(path) if refused(path) else mkdir(path, *a, **k)
os.access, os.makedirs, os.mkdir = may, make_all, make
def TemporaryFile(*a, dir=None, **k):
    return no(dir) if dir and refused(dir) else temporary(*a, dir=dir, **k)
tempfile.TemporaryFile = TemporaryFile
from reliability.random import philox
import numpy as np
print(os.environ.get("NUMBA_CACHE_DIR"))
"""


def test_kernels_compile_where_package_and_home_cannot_be_written(tmp_path, repository) -> None:
    home = tmp_path / "home"
    home.mkdir()
    environment = {key: value for key, value in os.environ.items()
                   if key not in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME")}  # fmt: skip
    environment |= {"HOME": str(home), "TMPDIR": str(tmp_path), "PYTHONPATH": str(repository)}
    run = subprocess.run(
        [sys.executable, "-c", READ_ONLY, str(repository / "reliability"), str(home)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-600:]
    folder = Path(run.stdout.strip())
    assert folder.parent == tmp_path
    assert folder.stat().st_mode & 0o077 == 0


def test_a_folder_of_another_user_is_not_taken(tmp_path, monkeypatch) -> None:
    """Whoever fills it would have his code run."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(compiled_cache, "user_cache", lambda: None)
    monkeypatch.setattr(os, "access", lambda path, _: "reliability" not in Path(path).parts[-1])
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    planted = compiled_cache._temporary()
    planted.mkdir()
    planted.chmod(0o777)
    compiled_cache.choose_cache_folder()
    chosen = Path(os.environ["NUMBA_CACHE_DIR"])
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    assert chosen != planted
    assert chosen.parent == tmp_path


def test_the_user_s_own_choice_is_kept(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    compiled_cache.choose_cache_folder()
    assert os.environ["NUMBA_CACHE_DIR"] == str(tmp_path)


@pytest.mark.parametrize("mode", [0o700, 0o770, 0o707])
def test_only_a_private_folder_is_one_s_own(tmp_path, mode) -> None:
    folder = tmp_path / "cache"
    folder.mkdir()
    folder.chmod(mode)
    assert (compiled_cache._own(folder) == folder) == (mode == 0o700)
