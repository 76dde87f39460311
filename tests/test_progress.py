from __future__ import annotations

import sys

import pytest

from wordline.progress import Bar, Lines, Silent


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def run(lines: Lines, clock: Clock, total: int, seconds: float, first: int = 0) -> None:
    with lines.task("work", total) as advance:
        advance(first, "")
        for unit in range(total - first):
            clock.now += seconds
            advance(1, f"unit {unit}")


def test_silence(capsys: pytest.CaptureFixture[str]) -> None:
    with Silent().task("work", 3) as advance:
        advance(3, "done")
    assert capsys.readouterr() == ("", "")


def test_a_line_for_every_twentieth(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    run(Lines(clock=clock), clock, 200, 1.0)
    out, err = capsys.readouterr()
    assert not out and len(err.splitlines()) == 20
    assert err.splitlines()[0] == "work: 10/200, 0:00:10 gone, 0:03:10 left, unit 9"
    assert err.splitlines()[-1] == "work: 200/200, 0:03:20 gone, 0:00:00 left, unit 199"


def test_a_line_every_thirty_seconds_of_slow_work(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    run(Lines(clock=clock), clock, 1000, 10.0)
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == [
        "work: 3/1000, 0:00:30 gone, 2:46:10 left, unit 2",
        "work: 6/1000, 0:01:00 gone, 2:45:40 left, unit 5",
    ]


def test_work_of_an_earlier_run_does_not_count_as_speed(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    run(Lines(clock=clock), clock, 100, 2.0, first=50)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "work: 50/100, 0:00:00 gone"
    assert lines[1] == "work: 55/100, 0:00:10 gone, 0:01:30 left, unit 4"


def test_a_bar_writes_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Bar().task("work", 2) as advance:
        advance(1, "half")
        advance(1, "")
    out, err = capsys.readouterr()
    assert not out
    assert err.splitlines() == [
        "work: 1/2, 0:00:00 gone, half",
        "work: 2/2, 0:00:00 gone, 0:00:00 left",
    ]


def test_a_bar_draws_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    with Bar().task("work", 2) as advance:
        advance(1, "half")
    assert "1/2" in capsys.readouterr().err


def test_a_late_bar_says_nothing_of_short_work(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with Bar(delay=3.0, clock=clock).task("mapping", 10) as advance:
        for _ in range(10):
            clock.now += 0.2
            advance(1, "")
    assert capsys.readouterr() == ("", "")


def test_a_late_bar_catches_up_with_long_work(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with Bar(delay=3.0, clock=clock).task("mapping", 10) as advance:
        for step in range(10):
            clock.now += 1.0
            advance(1, f"layer {step}")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("mapping: 3/10") and lines[-1].startswith("mapping: 10/10")
    assert len(lines) == 8 and lines[-1].endswith("layer 9")
