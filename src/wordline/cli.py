"""The command line: the functions of `commands` by name; bad input is one line on standard error and exit code 2."""

from __future__ import annotations

import functools
import io
import os
import re
import sys
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from typing import Any, TextIO, cast


def main() -> None:
    """Run one command.

    Exit codes: 0; 2 for bad input and for what cannot be written; 130 for an interruption, each with one line on
    standard error; 141 without any where nobody reads the output any more.
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
        _complain("interrupted; finished cells and epochs of a training are kept, the same command goes on")
        raise SystemExit(130) from None
    except SystemExit:
        output.end_if_unwritten()
        raise
    output.end_if_unwritten()


class _Output:
    """Standard output, which remembers what kept it from being written."""

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
        """End here if something is missing: silently for a closed pipe (`| head -1`), in a line otherwise."""
        try:
            self._stream.flush()
        except OSError as error:
            self._failed = error
        if self._failed is None:
            return
        _lead_nowhere(self._stream)
        if isinstance(self._failed, BrokenPipeError):
            raise SystemExit(141) from None
        _complain(f"standard output cannot be written ({self._failed.strerror})")
        raise SystemExit(2) from None


def _run() -> None:
    """Understand the arguments, then do what they say."""
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
    run()


def _open_streams() -> None:
    """Streams that were closed from the start lead nowhere, or the first file opened would take their number."""
    for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w"))


def _warn(message: Warning | str, *_: Any) -> None:
    """A warning of Python as one line."""
    _complain(f"warning: {message}")


def _later(command: Callable[..., None]) -> Callable[..., Callable[[], None]]:
    """The command with its arguments bound, to be run after all of them have been understood."""

    @functools.wraps(command)
    def bound(*arguments: Any, **keywords: Any) -> Callable[[], None]:
        return functools.partial(command, *arguments, **keywords)

    return bound


def _complain(text: str) -> None:
    """One line, without frames and colours."""
    plain = re.sub(r"\x1b\[[0-9;]*m|[\u2500-\u257f]", " ", text)
    try:
        print(f"wordline: {' '.join(plain.split())}", file=sys.stderr, flush=True)
    except OSError:  # nobody reads that either
        _lead_nowhere(sys.stderr)


def _lead_nowhere(stream: TextIO) -> None:
    """What a stream still holds would be tried, and its failure reported, once more as Python ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
