"""The command line: parses, calls, prints; exit code 0 done, 1 failed, 2 bad input, 130 stopped."""

import sys
from io import TextIOWrapper
from typing import Any

import click

from reliability.commands.compare import compare
from reliability.commands.doctor import doctor
from reliability.commands.fit import fit
from reliability.commands.inspect import inspect
from reliability.commands.map_window import window
from reliability.commands.options import EXIT_CODES
from reliability.commands.qualify import qualify
from reliability.commands.report import report
from reliability.commands.run import run
from reliability.commands.size import size
from reliability.commands.study import plan, schema, status
from reliability.commands.technologies import technologies
from reliability.errors import InputError, RunError
from reliability.version import __version__


class _Group(click.Group):
    """Prints a bad input as one line and ends with exit code 2; --debug shows the traceback."""

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
            line, code = _told(error, goes_on=ctx.invoked_subcommand == "run")
            click.echo(line, err=True)
            ctx.exit(code)


def _told(error: BaseException, goes_on: bool) -> tuple[str, int]:
    """Return the line that a user reads of an error, and the exit code."""
    if isinstance(error, KeyboardInterrupt):
        return "\nstopped" + ("; the same command goes on from here" if goes_on else ""), 130
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
    run, plan, status, report, compare, size, window, qualify, fit, inspect, technologies, schema,
    doctor,
):  # fmt: skip
    main.add_command(command)


if __name__ == "__main__":
    main()
