"""The ``reliability`` command and ``python -m reliability``."""

import signal


def main() -> None:
    """Run the command; Ctrl-C while it is still being imported ends it without a traceback."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # until the command has handlers of its own
    from reliability.cli import main as command

    command()


if __name__ == "__main__":
    main()
