"""The command line in this process: what it prints, and how it ends."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from wordline.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def wordline(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `wordline ARGUMENTS`; exit code, standard output and standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["wordline", *arguments])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 1
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
