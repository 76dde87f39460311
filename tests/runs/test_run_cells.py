"""Same numbers on one process, on several, and after anything that can happen to them."""

from __future__ import annotations

import dataclasses
import functools
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from wordline.progress import Silent
from wordline.runs import AbstractCell, Journal, StoreConfig, load_study, run_cells
from wordline.runs.executors import Processes
from wordline.runs.run_cells import only_writer
from wordline.values import Value

SMALL = Path(__file__).parent / "small.py"
MAIN = (sys.executable, "-c", "from wordline.cli import main; main()")


def _lines(path: Path) -> list[str]:
    return sorted(path.read_text().splitlines())


def _run(cells: tuple[AbstractCell, ...], out: Path, workers: int = 0, cache: str = "cache"):
    """With no `workers`, in this process."""
    journal = Journal(out / "records.jsonl", Value)
    config = StoreConfig(str(out / cache) if cache else "")
    executor = Processes(workers, config, str(SMALL)) if workers else None
    return run_cells(cells, journal, config.open(), executor=executor)


@pytest.fixture
def touchy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, tuple[AbstractCell, ...]]:
    folder = tmp_path / "touchy"
    folder.mkdir()
    monkeypatch.setenv("TOUCHY", str(folder))
    return folder, load_study(SMALL).at("quick")


def _pids(folder: Path, index: int) -> list[int]:
    return [int(path.name.rsplit("-", 1)[1]) for path in folder.glob(f"pid-{index}-*")]


def _until(condition, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False


def test_serial_workers_and_resumed_write_the_same_lines(tmp_path: Path) -> None:
    cells = load_study(SMALL).at("quick")
    outcome = _run(cells, tmp_path / "serial", cache="")
    assert (outcome.run, len(outcome.results), outcome.failures) == (10, 10, ())
    serial = tmp_path / "serial" / "records.jsonl"
    assert _run(cells, tmp_path / "workers", 2).results == outcome.results
    assert _lines(tmp_path / "workers" / "records.jsonl") == _lines(serial)
    torn = tmp_path / "torn" / "records.jsonl"
    torn.parent.mkdir()
    torn.write_bytes(serial.read_bytes()[:-40])
    assert _run(cells, tmp_path / "torn").run == 1
    assert _lines(torn) == _lines(serial)
    assert _run(cells, tmp_path / "torn").run == 0


def test_a_failing_cell_is_written_down_and_tried_again(tmp_path: Path, touchy) -> None:
    folder, cells = touchy
    (folder / "fail-3").touch()
    outcome = _run(cells, tmp_path / "a")
    ((label, failure),) = outcome.failures
    assert (label, failure.error, failure.message) == (
        "touchy 3",
        "RuntimeError",
        "told to fail\nat 3",
    )
    assert "told to fail" in "".join(failure.traceback)
    assert len(outcome.results) == 7
    (folder / "fail-3").unlink()
    again = _run(cells, tmp_path / "a")
    assert (again.run, again.failures, len(again.results)) == (1, (), 8)
    assert [result.value for result in again.results] == [index / 8 for index in range(8)]


def test_results_that_cannot_be_written_are_failures_of_their_cell(
    tmp_path: Path, touchy, monkeypatch
) -> None:
    _, cells = touchy
    for result, message in (
        (3, "`run` of Touchy must return a Value, got int"),
        (Path("x"), "got PosixPath"),
    ):
        monkeypatch.setattr(type(cells[0]), "run", lambda self, store, result=result: result)
        ((_, failure),) = _run(cells[:1], tmp_path / message[-3:]).failures
        assert message in failure.message


def test_a_worker_that_dies_is_replaced_and_its_cell_done(tmp_path: Path, touchy) -> None:
    folder, cells = touchy
    (folder / "wait-2").touch()

    def kill() -> None:
        _until(lambda: _pids(folder, 2))
        (folder / "wait-2").unlink()
        os.kill(_pids(folder, 2)[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    outcome = _run(cells[:4], tmp_path / "a", 2)
    killer.join()
    assert [result.value for result in outcome.results] == [0.0, 0.125, 0.25, 0.375]
    assert len(_pids(folder, 2)) == 2  # two processes had it


def test_a_cell_that_kills_every_worker_fails_alone(tmp_path: Path, touchy) -> None:
    folder, cells = touchy
    (folder / "die-1").touch()
    outcome = _run(cells[:3], tmp_path / "a", 1)
    ((label, failure),) = outcome.failures
    assert (label, failure.error) == ("touchy 1", "WorkerDied")
    assert "ended with code -9, 3 times" in failure.message
    assert [result.value for result in outcome.results] == [0.0, 0.25]
    assert len(_pids(folder, 1)) == 3


def test_kill_minus_nine_loses_only_what_was_in_flight(tmp_path: Path, touchy) -> None:
    folder, cells = touchy
    (folder / "wait-4").touch()
    command = (*MAIN, "study", str(SMALL), "--out", str(tmp_path / "killed"), "--workers", "2")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        journal = tmp_path / "killed" / "records.jsonl"
        _until(
            lambda: journal.exists() and journal.read_text().count("\n") == 7
        )  # all but the one that waits
        workers = {pid for index in range(8) for pid in _pids(folder, index)}
        process.kill()
    assert len(workers) == 2
    _until(lambda: not any(_alive(pid) for pid in workers))  # nobody goes on without being heard
    (folder / "wait-4").unlink()
    assert _run(cells, tmp_path / "killed").run == 1
    _run(cells, tmp_path / "whole")
    assert _lines(journal) == _lines(tmp_path / "whole" / "records.jsonl")


def test_control_c_ends_workers_and_keeps_what_is_done(tmp_path: Path, touchy) -> None:
    folder, cells = touchy
    (folder / "wait-4").touch()
    command = (*MAIN, "study", str(SMALL), "--out", str(tmp_path / "a"), "--workers", "2")
    heard = functools.partial(
        signal.signal, signal.SIGINT, signal.SIG_DFL
    )  # a shell's background jobs are deaf to it
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heard
    ) as process:
        journal = tmp_path / "a" / "records.jsonl"
        _until(lambda: journal.exists() and journal.read_text().count("\n") == 7)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted; finished cells" in err and "Traceback" not in err
    assert not any(_alive(pid) for pid in _pids(folder, 4))
    (folder / "wait-4").unlink()
    assert _run(cells, tmp_path / "a").run == 1


def test_equal_cells_run_once(tmp_path: Path, touchy) -> None:
    _, cells = touchy
    outcome = _run((cells[0], cells[1], cells[0]), tmp_path / "a")
    assert (outcome.run, len(outcome.results)) == (2, 2)


def test_damage_in_the_cache_is_a_warning_and_no_other_number(tmp_path: Path) -> None:
    cells = load_study(SMALL).at("quick")[4:5]
    first = _run(cells, tmp_path / "a")
    (chip,) = (tmp_path / "a" / "cache" / "chips").glob("*.safetensors")
    chip.write_bytes(b"damaged")
    (tmp_path / "a" / "records.jsonl").unlink()
    notes: list[str] = []

    class Notes(Silent):
        def task(self, description: str, total: int):
            from contextlib import nullcontext

            return nullcontext(lambda units, note: notes.append(note))

    journal = Journal(tmp_path / "a" / "records.jsonl", Value)
    again = run_cells(
        cells, journal, StoreConfig(str(tmp_path / "a" / "cache")).open(), progress=Notes()
    )
    assert again.results == first.results
    assert len(again.warnings) == 1
    assert "HH 16x16 FGSM 0.1 margin: cached chips" in again.warnings[0]
    assert any("was damaged" in note for note in notes)


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    refused = pytest.raises(
        ValueError, match="`out` '.*out' is being written by another process; choose another"
    )
    with only_writer(tmp_path / "out"), refused, only_writer(tmp_path / "out"):
        pytest.fail("let in")
    with only_writer(tmp_path / "out"):
        pass


def test_impossible_numbers_of_workers() -> None:
    with pytest.raises(ValueError, match="`workers` must be at least 1, got 0"):
        Processes(0, StoreConfig())


def test_threads_of_a_cell_hold_while_it_runs(tmp_path: Path) -> None:
    cells = load_study(SMALL).at("quick")[:1]
    one, two = (
        _run(tuple(dataclasses.replace(c, threads=n) for c in cells), tmp_path / str(n))
        for n in (1, 2)
    )
    assert [outcome.results[0].threads for outcome in (one, two)] == [1, 2]
