"""Closed pipes, streams that were never open, full disks: a line at most, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from wordline import cli

SOURCE = Path(cli.__file__).parents[1]
COMMAND = f"{sys.executable} -m wordline"
FULL = "wordline: standard output cannot be written (No space left on device)\n"


def shell(line: str, unbuffered: bool) -> tuple[str, str]:
    """Standard output and standard error of a line of bash, which has COMMAND as `$W`."""
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "W": COMMAND}
    environment.pop("PYTHONUNBUFFERED", None)
    if unbuffered:
        environment["PYTHONUNBUFFERED"] = "1"
    done = subprocess.run(
        ["bash", "-c", line], env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout, done.stderr


@pytest.mark.parametrize(
    ("line", "out", "err"),
    [
        (
            "$W show rethinking-64 --spice | head -1; echo ${PIPESTATUS[0]}",
            "* wordline tile\n141\n",
            "",
        ),
        ("$W show nothing | true; echo ${PIPESTATUS[0]}", "2\n", None),
        ("$W show rethinking-16 >&-; echo $?", "0\n", ""),
        ("$W show rethinking-16 >/dev/full; echo $?", "2\n", FULL),
        ("$W show nothing 2>&- ; echo $?", "2\n", ""),
        ("$W show nothing 2>/dev/full; echo $?", "2\n", ""),
    ],
)
@pytest.mark.parametrize("unbuffered", [False, True])
def test_streams(line: str, out: str, err: str | None, unbuffered: bool) -> None:
    if unbuffered and "head" not in line and "full" not in line:
        pytest.skip("the same as buffered")
    found = shell(line, unbuffered)
    assert found[0] == out
    assert (
        found[1] == err
        if err is not None
        else found[1].startswith("wordline: `crossbar` must be one of")
    )


def test_the_command_line_says_a_warning_in_one_line(
    wordline, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = warnings.showwarning
    monkeypatch.setitem(cli.__dict__, "_run", lambda: warnings.warn("first\nsecond", stacklevel=1))
    code, out, err = wordline("show", "rethinking-16")
    assert (code, out, err) == (0, "", "wordline: warning: first second\n")
    assert warnings.showwarning is before


def test_ctrl_c_is_one_line_even_before_the_arguments_are_understood(
    wordline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("wordline.cli._run", stop)
    code, out, err = wordline("show", "rethinking-16")
    assert (code, out, err.count("\n")) == (130, "", 1) and err.startswith("wordline: interrupted")
