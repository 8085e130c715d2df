"""A folder that can be written for what numba compiles.

Numba keeps it beside the package or in the user's home and does not start where neither can be
written, as in a container that runs under another user.
"""

import os
import sys
import tempfile
from pathlib import Path

_VARIABLE = "NUMBA_CACHE_DIR"


def choose_cache_folder() -> None:
    """Name a folder to numba where its own choice cannot be written, in this and child processes.

    The user's cache folder if it can be written, else one in the folder for temporary files that
    belongs to this user alone: what lies in it is loaded and run.
    """
    package = Path(__file__).parent
    if os.environ.get(_VARIABLE) or os.access(package, os.W_OK):
        return
    cache = user_cache()
    folder = (
        _own(cache and cache / "numba")
        or _own(_temporary())
        or tempfile.mkdtemp(prefix="reliability-")
    )
    os.environ[_VARIABLE] = str(folder)
    if "numba" in sys.modules:  # it has read its variables
        sys.modules["numba"].config.CACHE_DIR = str(folder)


def user_cache() -> Path | None:
    """Return the folder in which this user keeps what can be made again, whether it is there."""
    named = os.environ.get("LOCALAPPDATA") or os.environ.get("XDG_CACHE_HOME")
    try:
        return Path(named or Path.home() / ".cache") / "reliability"
    except RuntimeError:  # a user without a home
        return None


def _temporary() -> Path:
    user = os.getuid() if hasattr(os, "getuid") else "user"
    return Path(tempfile.gettempdir()) / f"reliability-numba-{user}"


def _own(folder: Path | None) -> Path | None:
    """Return a folder that is made or there, and that nobody else can write; None otherwise."""
    if folder is None:
        return None
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    foreign = hasattr(os, "getuid") and (found.st_uid != os.getuid() or found.st_mode & 0o022)
    return None if foreign or folder.is_symlink() or not os.access(folder, os.W_OK) else folder
