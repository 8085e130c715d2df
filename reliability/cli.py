"""The command line: parses, calls, prints.

Exit code 0: done, 1: failed, 2: bad input, 128 plus its number: stopped by a signal (130: Ctrl-C).
"""

import gc
import logging
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from io import TextIOWrapper
from typing import Any

import click

from reliability.commands.compare import compare
from reliability.commands.condition import condition
from reliability.commands.doctor import doctor
from reliability.commands.fit import fit
from reliability.commands.inspect import inspect
from reliability.commands.map_layers import map_layers
from reliability.commands.map_window import window
from reliability.commands.options import EXIT_CODES
from reliability.commands.qualify import qualify
from reliability.commands.report import report
from reliability.commands.run import run
from reliability.commands.size import size
from reliability.commands.study import plan, schema, status
from reliability.commands.technologies import technologies
from reliability.commands.validate import validate
from reliability.errors import InputError, RunError, printable
from reliability.version import __version__

gc.set_threshold(100_000, 20, 20)  # imports make objects that stay: no use in looking at them often

_AGAIN = 1.0  # s: signals that follow one another faster are one


class _Stopped(KeyboardInterrupt):
    """A signal came that ends the command.

    A class of its own: the interpreter ends with SIGINT after some plain ones that were caught.
    """


class _StopSignals:
    """Turns the signals that stop a command into one exception, however many come.

    They come in series: ten Ctrl-C, or one of the terminal and one of the queue. What follows at
    once would interrupt the end of the run, in which workers are stopped and the lock is released.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._last = -_AGAIN

    def __call__(self, number: int, _: object) -> None:
        self.number = self.number or number
        now = time.monotonic()
        if now - self._last >= _AGAIN:
            self._last = now
            raise _Stopped

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Handle the signals of this process, but those that it was started to ignore (nohup)."""
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)  # Windows has not all
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self)
        try:
            yield
        finally:  # nothing is left to stop
            for name in ("SIGINT", "SIGTERM"):
                signal.signal(getattr(signal, name), signal.SIG_IGN)


class _Group(click.Group):
    """Prints a bad input as one line and ends with exit code 2; --debug shows the traceback."""

    _signals = _StopSignals()

    def main(self, args: Any = None, *rest: Any, **how: Any) -> Any:
        # without arguments of a caller it is the process's own command
        with self._signals.in_force() if args is None else nullcontext():
            return super().main(args, *rest, **how)

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        cmd.epilog = cmd.epilog or EXIT_CODES
        super().add_command(cmd, name)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.obj = list(args)  # what a report says makes it again
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.Abort, click.ClickException, BrokenPipeError):
            raise  # click ends with these itself; a pipe that is closed (| head) says nothing
        except (Exception, KeyboardInterrupt) as error:
            if ctx.params.get("debug"):
                raise
            number = self._signals.number
            if number is None and isinstance(error, KeyboardInterrupt):
                number = signal.SIGINT
            if number is None:
                line, code = _message(error)
            else:  # whatever it broke; the store's event loop would list what it had begun
                logging.getLogger("asyncio").setLevel(logging.CRITICAL + 1)
                sys.unraisablehook = lambda _: None
                goes_on = ctx.invoked_subcommand == "run"
                line, code = _stopped(number, goes_on), 128 + number
            click.echo(printable(line), err=True)
            ctx.exit(code)


def _stopped(number: int, goes_on: bool) -> str:
    """Return the line for a command that a signal ended."""
    by = "" if number == signal.SIGINT else f" by {signal.Signals(number).name}"
    return f"\nstopped{by}" + ("; the same command goes on from here" if goes_on else "")


def _message(error: BaseException) -> tuple[str, int]:
    """Return the line that a user reads of an error, and the exit code."""
    if isinstance(error, InputError):
        return f"error: {error}", 2
    if isinstance(error, RunError):
        return f"failed: {error}", 1
    if isinstance(error, OSError) and error.strerror:
        where = "" if error.filename is None else f"{error.filename}: "
        return f"failed: {where}{error.strerror} (--debug shows where)", 1
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return f"failed: {text} (--debug shows where)", 1


@click.group(
    cls=_Group, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EXIT_CODES
)
@click.version_option(__version__, prog_name="reliability")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def main(debug: bool) -> None:
    """Device reliability of resistive memories, from measured cells to network accuracy.

    \b
    Examples:
      reliability technologies
      reliability plan analyses/spirit.toml
      reliability run analyses/spirit.toml --out out/spirit

    \b
    Completion of commands, options and card names in the shell:
      bash  eval "$(_RELIABILITY_COMPLETE=bash_source reliability)"
      zsh   eval "$(_RELIABILITY_COMPLETE=zsh_source reliability)"
      fish  _RELIABILITY_COMPLETE=fish_source reliability | source
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # no ohm or degree sign stops a command


for command in (
    run, plan, status, report, compare, size, window, map_layers, qualify, fit, condition,
    validate, inspect, technologies, schema, doctor,
):  # fmt: skip
    main.add_command(command)


if __name__ == "__main__":
    main()
