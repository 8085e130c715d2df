"""The lock of a folder has one holder at a time, whoever died or was suspended before."""

import json
import os
import socket
import subprocess
import sys
import threading
import time

import pytest

import reliability as rel
from reliability.campaign import lock
from reliability.campaign.load import load_study


@pytest.fixture
def dead() -> int:
    """Number of a process that has ended."""
    command = [sys.executable, "-c", "import os; print(os.getpid())"]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def leave_stale(folder, pid: int) -> None:
    owner = {"host": socket.gethostname(), "pid": pid, "since": time.time(), "token": "old"}
    (folder / lock.LOCK).write_text(json.dumps(owner))


def holders(folder, count: int) -> int:
    """Most holders at the same time, of some that come at the same moment."""
    start, inside, most, guard = threading.Barrier(count), 0, 0, threading.Lock()

    def come() -> None:
        nonlocal inside, most
        start.wait()
        try:
            with lock.locked(folder):
                with guard:
                    inside += 1
                    most = max(most, inside)
                time.sleep(0.02)
                with guard:
                    inside -= 1
        except rel.InputError:
            pass

    threads = [threading.Thread(target=come) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return most


def test_a_stale_lock_goes_to_one_of_many(tmp_path, dead) -> None:
    for _ in range(60):
        leave_stale(tmp_path, dead)
        assert holders(tmp_path, 4) == 1
        assert not (tmp_path / lock.LOCK).exists()


def test_a_stale_lock_goes_to_one_where_the_disk_has_no_lock(tmp_path, dead, monkeypatch) -> None:
    monkeypatch.setattr(lock, "fcntl", None)
    for _ in range(5):
        leave_stale(tmp_path, dead)
        assert holders(tmp_path, 3) <= 1


def test_an_owner_that_was_suspended_leaves_the_new_one_alone(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(lock, "_STALE", 100.0)
    with lock.locked(tmp_path) as old:
        assert lock.holds(tmp_path, old)
        with pytest.raises(rel.InputError, match=f"is being run by process {os.getpid()}"):
            lock._claim(tmp_path / lock.LOCK)
        long_ago = time.time() - 1000
        os.utime(tmp_path / lock.LOCK, (long_ago, long_ago))
        new = lock._claim(tmp_path / lock.LOCK)  # by another run
        assert not lock.holds(tmp_path, old)
        with pytest.raises(lock.LockLost, match=r"lost the lock"):
            lock.check(tmp_path, old)
    assert lock.holds(tmp_path, new)


def test_a_run_that_lost_its_lock_writes_nothing_more(small, tmp_path) -> None:
    study, out, done = load_study(small), tmp_path / "out", []

    def lose(task, *_) -> None:
        done.append(task)
        if len(done) == 5:
            (out / lock.LOCK).write_text(json.dumps({"token": "of another run"}))

    with pytest.raises(rel.RunError, match=r"lost the lock of .* what is done is kept"):
        rel.run_study(study, out, chunk=1, progress=lose)
    assert rel.study_status(out)["tasks_done"] == len(done) == 5
    assert json.loads((out / lock.LOCK).read_text()) == {"token": "of another run"}


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "[" * 100_000, '{"host": 1}', '{"host": "HERE", "pid": "x"}',
             '{"host": "HERE", "pid": 1e300, "since": 0}', '{"host": "HERE", "pid": 0, "since": 0}']
)  # fmt: skip
def test_a_damaged_lock_is_no_lock(tmp_path, text) -> None:
    (tmp_path / lock.LOCK).write_text(text.replace("HERE", socket.gethostname()))
    assert lock.owner(tmp_path) is None
    with lock.locked(tmp_path) as token:
        assert lock.holds(tmp_path, token)


def test_a_link_in_place_of_the_lock_is_not_followed(tmp_path) -> None:
    (tmp_path / "victim").write_text("x")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / lock.LOCK).symlink_to(tmp_path / "victim")
    with pytest.raises(rel.InputError, match="cannot write"), lock.locked(tmp_path / "out"):
        pass
    assert (tmp_path / "victim").read_text() == "x"
