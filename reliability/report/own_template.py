"""A user's template, filled in by a process of its own with bounded time, memory and output.

Jinja2's sandbox keeps a template away from Python's inside. It doesn't keep it from looping for
ever or asking for all memory: a process can be ended.
"""

import os
import pickle
import subprocess
import sys
import traceback
from functools import partial
from pathlib import Path
from typing import NoReturn

import jinja2

from reliability.errors import InputError
from reliability.report.filling import TEMPLATES, environment, fill_in
from reliability.report.page import Report

_SECONDS = 20.0
_MEMORY = 4 << 30  # bytes of addresses
_OUTPUT = 64 << 20  # characters
_REFUSED = 3  # exit code of the child for a template with an error
# It finds modules where this process does, and none in the working directory.
_CHILD = """import sys
sys.path[:] = {!r}
from reliability.report.own_template import _serve
_serve()"""


def fill_in_own(template: str, report: Report | None) -> str:
    """Return the HTML that a user's template makes of a report; without one, only read it.

    Raises
    ------
    InputError
        An error in the template; not finished after 20 s; more than 64 million characters; more
        than 4 GiB of memory (where the system limits it).
    """
    if not Path(template).is_file():
        raise InputError(f"template: got {template!r}, allowed: {', '.join(TEMPLATES)}, or the path"
                         " of a template")  # fmt: skip
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
    try:
        run = subprocess.run(
            [sys.executable, "-P", "-c", _CHILD.format(sys.path)],
            input=pickle.dumps((template, report)), capture_output=True,
            timeout=_SECONDS, env=os.environ | threads, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        _refuse(template, f"not finished after {_SECONDS:g} s")
    if run.returncode == _REFUSED:
        _refuse(template, run.stdout.decode())
    if run.returncode:
        _refuse(template, f"stopped with exit code {run.returncode}, out of memory perhaps")
    return run.stdout.decode()


def _refuse(template: str, why: str) -> NoReturn:
    raise InputError(f"template: {template!r}: {why}")


def _serve() -> None:
    """Answer in the child what `fill_in_own` asks."""
    template, report = pickle.load(sys.stdin.buffer)
    _limit_memory()
    page, code = answer(template, report)
    sys.stdout.buffer.write(page)
    sys.exit(code)


def answer(template: str, report: Report | None) -> tuple[bytes, int]:
    """Return the page and exit code 0, or what is wrong with the template and another one."""
    folder = Path(template).parent.resolve()
    try:
        return _page(folder, Path(template).name, report).encode(), 0
    except Exception as error:
        return _reason(error, folder).encode("utf-8", "replace"), _REFUSED


def _page(folder: Path, name: str, report: Report | None) -> str:
    made = environment(jinja2.FunctionLoader(partial(_load, folder)))
    if report is None:
        made.get_template(name)
        return ""
    parts, length = [], 0
    for part in fill_in(made, name, report):
        parts.append(part)
        length += len(part)
        if length > _OUTPUT:
            raise jinja2.TemplateError(f"more than {_OUTPUT:,} characters")
    return "".join(parts)


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))


def _load(folder: Path, name: str) -> tuple[str, str, None] | None:
    """Read a template that lies in the folder; what a symbolic link leads to may lie elsewhere."""
    file = (folder / name).resolve()
    if not file.is_relative_to(folder):
        raise jinja2.TemplateError(f"{name!r} lies outside of the template's folder")
    if not file.is_file():
        return None
    try:
        return file.read_text("utf-8"), str(file), None
    except UnicodeDecodeError:
        raise jinja2.TemplateError(f"{name!r} is not a text in UTF-8") from None


def _reason(error: Exception, folder: Path) -> str:
    """Say in one line what went wrong, and in which line of which template."""
    if isinstance(error, jinja2.TemplateSyntaxError):
        return f"line {error.lineno} of {error.name}: {error.message}"
    if isinstance(error, jinja2.TemplateNotFound):
        return f"{error.name!r} is not in the template's folder"
    places = [(Path(frame.filename), frame.lineno)
              for frame in traceback.extract_tb(error.__traceback__)]  # fmt: skip
    places = [place for place in places if folder in place[0].parents and place[0].suffix != ".py"]
    where = f"line {places[-1][1]} of {places[-1][0].name}: " if places else ""
    kind = "" if isinstance(error, jinja2.TemplateError) else f"{type(error).__name__}: "
    return where + kind + " ".join(str(error).split())[:300]
