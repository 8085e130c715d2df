"""A run that is stopped ends with one line, and nothing of it lives on."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

if not Path("/proc/self/environ").exists():
    pytest.skip("looks for processes in /proc", allow_module_level=True)

LONG_STUDY = """
title = "long"
technology = "oxram-130nm"

[network]
images = 100

[population]
chips = 50000
"""


def processes(mark: str) -> list[int]:
    """Processes that have a mark in their environment, but for those that have ended."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                state = (path / "stat").read_text().rpartition(")")[2].split()[0]
                if mark in (path / "environ").read_text() and state != "Z":
                    found.append(int(path.name))
            except (OSError, UnicodeDecodeError):
                continue
    return found


def stop(tmp_path: Path, repository: Path, numbers: list[int], how: list[str]) -> tuple[int, str]:
    """Send signals to the whole group of a run with workers; return its code and its lines."""
    (tmp_path / "long.toml").write_text(LONG_STUDY)
    mark = f"RELIABILITY_TEST_{time.time_ns()}"
    out = tmp_path / "out"
    command = [sys.executable, "-m", "reliability", "run", str(tmp_path / "long.toml"), "--out"]
    environment = {**os.environ, "PYTHONPATH": str(repository), "MARK": mark}
    with (tmp_path / "lines").open("w") as lines:
        run = subprocess.Popen([*command, str(out), *how], stderr=lines, env=environment,
                               start_new_session=True)  # fmt: skip
        ready = time.monotonic() + 120
        while "chips" not in (tmp_path / "lines").read_text() and time.monotonic() < ready:
            assert run.poll() is None, (tmp_path / "lines").read_text()
            time.sleep(0.1)
        assert len(processes(mark)) > 2
        for number in numbers:
            if number == signal.SIGINT:
                os.killpg(run.pid, number)  # as a terminal does
            else:
                os.kill(run.pid, number)
            time.sleep(0.05)
        code = run.wait(timeout=60)
    end = time.monotonic() + 10
    while (left := processes(mark)) and time.monotonic() < end:
        time.sleep(0.2)
    for process in left:
        os.kill(process, signal.SIGKILL)
    assert not left
    assert (out / "lock.json").exists() == (signal.SIGKILL in numbers)
    return code, (tmp_path / "lines").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGTERM", pytest.param("SIGHUP", marks=pytest.mark.slow)])
def test_signals_end_a_run_with_one_line(tmp_path, repository, name) -> None:
    number = getattr(signal, name)
    code, lines = stop(tmp_path, repository, [number], ["--workers", "2"])
    assert code == 128 + number
    assert lines.endswith(f"\nstopped by {name}; the same command goes on from here\n")
    assert "Traceback" not in lines


def test_no_worker_survives_its_driver(tmp_path, repository) -> None:
    code, lines = stop(tmp_path, repository, [signal.SIGKILL], ["--workers", "2"])
    assert code == -signal.SIGKILL
    assert "Traceback" not in lines


@pytest.mark.slow
@pytest.mark.parametrize(
    "how",
    [
        ["--workers", "2"],
        pytest.param(["--workers", "2", "--scheduler", "local"], marks=pytest.mark.slow),
    ],
)
def test_ten_interrupts_end_a_run_with_one_line(tmp_path, repository, how) -> None:
    if "local" in how:
        pytest.importorskip("distributed")
    code, lines = stop(tmp_path, repository, [signal.SIGINT] * 10, how)
    assert code == 130, lines
    assert lines.endswith("\nstopped; the same command goes on from here\n")
    assert "Traceback" not in lines


def test_a_local_cluster_listens_to_this_machine_only(monkeypatch) -> None:
    pytest.importorskip("distributed")
    from reliability.campaign.execute import local_cluster

    heard = []  # where a listening socket was bound, also one that is closed at once
    real = socket.socket.bind
    monkeypatch.setattr(
        socket.socket, "bind", lambda own, place: (heard.append(place), real(own, place))[1]
    )
    with local_cluster(1) as address:
        assert address.startswith("tcp://127.0.0.1:")
        time.sleep(0.2)
        own = sockets(os.getpid())
        for child in Path("/proc").iterdir():
            if child.name.isdigit() and parent(child) == os.getpid():
                own |= sockets(int(child.name))
        listening = {line.split()[1] for table in ("tcp", "tcp6")
                     for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
                     if line.split()[3] == "0A" and line.split()[9] in own}  # fmt: skip
    assert listening
    assert {place.partition(":")[0] for place in listening} == {"0100007F"}
    assert f"0100007F:{8787:X}" not in listening
    assert heard
    assert {place[0] for place in heard} == {"127.0.0.1"}


def sockets(pid: int) -> set[str]:
    found = set()
    for link in Path(f"/proc/{pid}/fd").glob("*"):
        try:
            target = os.readlink(link)
        except OSError:
            continue
        if target.startswith("socket:["):
            found.add(target[8:-1])
    return found


def parent(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
