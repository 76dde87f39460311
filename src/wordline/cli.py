"""The command line: bad input is one line on standard error and exit code 2."""

from __future__ import annotations

import functools
import io
import os
import re
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from typing import Any, TextIO, cast

from .commands import COMMANDS


def main() -> None:
    """Run one command.

    Exit codes: 0; 2 for bad input and for files that cannot be written, 130 for an interruption,
    each with one line on standard error; 141 without any where the output is a closed pipe.
    """
    _open_streams()
    output = _Output(sys.stdout)
    try:
        with redirect_stdout(cast(TextIO, output)), warnings.catch_warnings():
            warnings.showwarning = _warn  # type: ignore[assignment]
            _run()
    except (ValueError, TypeError, ImportError, OSError) as error:
        output.end_if_unwritten()
        _complain(str(error))
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        kept = "finished cells and epochs of a training are kept"
        _complain(f"interrupted; {kept}, the same command goes on")
        raise SystemExit(130) from None
    except SystemExit:
        output.end_if_unwritten()
        raise
    output.end_if_unwritten()


class _Output:
    """Standard output that remembers the error that kept it from being written."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._failed: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, and remember a failure, which leaves no trace in an unbuffered stream."""
        try:
            return self._stream.write(text)
        except OSError as error:
            self._failed = error
            raise

    def end_if_unwritten(self) -> None:
        """Exit if output is missing: silently for a closed pipe (`| head -1`), else with a line."""
        try:
            self._stream.flush()
        except OSError as error:
            self._failed = error
        if self._failed is None:
            return
        _redirect_to_null(self._stream)
        if isinstance(self._failed, BrokenPipeError):
            raise SystemExit(141) from None
        _complain(f"standard output cannot be written ({self._failed.strerror})")
        raise SystemExit(2) from None


def _run() -> None:
    """Parse the arguments, then run the command."""
    import tyro

    said = io.StringIO()
    try:
        with redirect_stderr(said):  # the parser frames its complaints in boxes of many lines
            run: Callable[[], None] = tyro.extras.subcommand_cli_from_dict(
                parsers(sys.argv[1:2]),
                prog="wordline",
                description="Trained networks on memristive crossbars: accuracy and robustness.",
            )
    except SystemExit as stop:
        if stop.code:
            _complain(said.getvalue())
        raise
    run()


def parsers(chosen: Sequence[str]) -> dict[str, Callable[..., Callable[[], None]]]:
    """Return a parser for every command; only the chosen ones are imported.

    The others have their summaries alone, so that `wordline --help` imports none of them.
    """
    return {
        name: _bind(command.load()) if name in chosen else _stub(command.summary)
        for name, command in COMMANDS.items()
    }


def _open_streams() -> None:
    """Open streams that were closed from the start, or the first file would get their number."""
    for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w"))


def _warn(message: Warning | str, *_: Any) -> None:
    """Print a warning of Python as one line."""
    _complain(f"warning: {message}")


def _bind(command: Callable[..., None]) -> Callable[..., Callable[[], None]]:
    """Return a function that binds the command's arguments, to be run after all are parsed."""

    @functools.wraps(command)
    def bound(*arguments: Any, **keywords: Any) -> Callable[[], None]:
        return functools.partial(command, *arguments, **keywords)

    return bound


def _stub(summary: str) -> Callable[..., Callable[[], None]]:
    def stub() -> Callable[[], None]:
        return lambda: None

    stub.__doc__ = summary
    return stub


def _complain(text: str) -> None:
    """Print one line, without frames and colours."""
    plain = re.sub(r"\x1b\[[0-9;]*m|[\u2500-\u257f]", " ", text)
    try:
        print(f"wordline: {' '.join(plain.split())}", file=sys.stderr, flush=True)
    except OSError:  # a closed pipe as well
        _redirect_to_null(sys.stderr)


def _redirect_to_null(stream: TextIO) -> None:
    """Redirect a broken stream, or Python would flush it once more and report the failure."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
