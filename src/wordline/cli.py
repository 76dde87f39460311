"""The command line: the functions of `commands` by name; bad input is one line on standard error and exit code 2."""

from __future__ import annotations

import functools
import io
import re
import sys
from collections.abc import Callable
from contextlib import redirect_stderr
from typing import Any


def main() -> None:
    """Run one command."""
    import tyro

    from .commands import COMMANDS

    table = {name: _later(command) for name, command in COMMANDS.items()}
    said = io.StringIO()
    try:
        with redirect_stderr(said):  # the parser frames its complaints in boxes of many lines
            run: Callable[[], None] = tyro.extras.subcommand_cli_from_dict(
                table,
                prog="wordline",
                description="Trained networks on memristive crossbars: accuracy and robustness.",
            )
    except SystemExit as stop:
        if stop.code:
            _complain(said.getvalue())
        raise
    try:
        run()
    except (ValueError, TypeError, ImportError, OSError) as error:
        _complain(str(error))
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        _complain("interrupted; finished cells and epochs of a training are kept, the same command goes on")
        raise SystemExit(130) from None


def _later(command: Callable[..., None]) -> Callable[..., Callable[[], None]]:
    """The command with its arguments bound, to be run after all of them have been understood."""

    @functools.wraps(command)
    def bound(*arguments: Any, **keywords: Any) -> Callable[[], None]:
        return functools.partial(command, *arguments, **keywords)

    return bound


def _complain(text: str) -> None:
    """One line, without frames and colours."""
    plain = re.sub(r"\x1b\[[0-9;]*m|[\u2500-\u257f]", " ", text)
    print(f"wordline: {' '.join(plain.split())}", file=sys.stderr)
