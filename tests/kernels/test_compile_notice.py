"""A line for whoever waits for the compiler: late, once, and silent where that was asked for."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest
from numba.core.event import Event, EventStatus

from wordline.kernels.compile_notice import CompileNotice

SOURCE = Path(__file__).parents[2] / "src"
SLOW = """
import sys, time, logging
from numba import njit
from numba.core.dispatcher import _FunctionCompiler
from wordline.kernels import kernel
compile_now = _FunctionCompiler.compile
def slowly(self, args, return_type):
    if self.py_func.__name__ != "inner":
        time.sleep({seconds})
    return compile_now(self, args, return_type)
_FunctionCompiler.compile = slowly
decorate = {decorate}
@decorate
def inner(x):
    return x + 1
@decorate
def outer(x):
    return inner(x)
{before}
print(outer(1), outer(1.5))
"""


class Cache:
    cache_path = "/folder"


class Kernel:
    def __init__(self, cache: object) -> None:
        self._cache = cache


class Clock:
    """A timer that ends when the test says so."""

    made: ClassVar[list[Clock]] = []

    def __init__(self, delay: float, function: Callable[..., None], arguments: list[Any]) -> None:
        self.delay, self.state, self.end = delay, "made", lambda: function(*arguments)
        self.made.append(self)

    def start(self) -> None:
        self.state = "running"

    def cancel(self) -> None:
        self.state = "cancelled"


@pytest.fixture(autouse=True)
def _clocks(monkeypatch):
    monkeypatch.setattr(threading, "Timer", Clock)
    Clock.made.clear()


@contextmanager
def compiling(notice: CompileNotice, cache: object) -> Iterator[None]:
    data = {"dispatcher": Kernel(cache)}
    notice.on_start(Event("numba:compile", EventStatus.START, data))
    try:
        yield
    finally:
        notice.on_end(Event("numba:compile", EventStatus.END, data))


def test_a_clock_of_one_second_runs_while_the_outermost_kernel_compiles() -> None:
    notice = CompileNotice(Cache)
    with compiling(notice, Cache()):
        with compiling(notice, Cache()), compiling(notice, Cache()):
            pass
        (clock,) = Clock.made
        assert (clock.delay, clock.state) == (1.0, "running")
    assert clock.state == "cancelled"
    with pytest.raises(KeyboardInterrupt), compiling(notice, Cache()):
        raise KeyboardInterrupt
    assert [clock.state for clock in Clock.made] == ["cancelled"] * 2


def test_it_is_said_once_a_process(caplog) -> None:
    notice = CompileNotice(Cache)
    with compiling(notice, Cache()):
        on_another_thread = Thread(target=_compile, args=(notice,))
        on_another_thread.start()
        on_another_thread.join()
        assert len(Clock.made) == 2  # one a thread
        for clock in Clock.made:
            clock.end()
    with compiling(notice, Cache()):
        pass
    assert len(Clock.made) == 2
    assert caplog.messages == [
        "wordline: compiling for this processor, which takes seconds; it is kept in /folder"
    ]


def _compile(notice: CompileNotice) -> None:
    with compiling(notice, Cache()):
        pass


def test_kernels_of_other_libraries_are_none_of_our_business() -> None:
    notice = CompileNotice(Cache)
    with compiling(notice, object()):
        assert Clock.made == []
        with compiling(notice, Cache()):  # one of ours that they call
            (clock,) = Clock.made
        assert clock.state == "cancelled"


def test_no_folder_is_promised_where_there_is_none(caplog, monkeypatch) -> None:
    monkeypatch.setattr(Cache, "cache_path", None)
    with compiling(CompileNotice(Cache), Cache()):
        Clock.made[0].end()
    assert caplog.messages == ["wordline: compiling for this processor, which takes seconds"]


@pytest.mark.parametrize(
    ("seconds", "decorate", "before", "lines"),
    [
        (1.5, "kernel()", "", 1),
        (1.5, "njit", "", 0),
        (1.5, "kernel()", "logging.getLogger('wordline').setLevel('ERROR')", 0),
    ],
    ids=["slow", "of others", "silenced"],
)
def test_a_user_of_the_library_reads_it_on_standard_error(
    tmp_path, seconds: float, decorate: str, before: str, lines: int
) -> None:
    (tmp_path / "program.py").write_text(
        SLOW.format(seconds=seconds, decorate=decorate, before=before)
    )
    environment = {
        **os.environ, "PYTHONPATH": str(SOURCE), "NUMBA_CACHE_DIR": str(tmp_path / "cache")
    }  # fmt: skip
    command = [sys.executable, str(tmp_path / "program.py")]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert run.stdout == "2 2.5\n"
    said = run.stderr.splitlines()
    assert len(said) == lines
    for line in said:
        assert line.startswith("wordline: compiling for this processor, which takes seconds; it")
        assert f"kept in {tmp_path / 'cache'}" in line
