"""The same cells on Ray: the same numbers, whatever becomes of its workers."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from wordline.runs import Journal, StoreConfig, load_study, run_cells
from wordline.runs.cluster import RayTasks
from wordline.values import Value

from .test_run_cells import SMALL, _lines, _pids, _until


@pytest.mark.slow
def test_a_ray_worker_is_killed_and_no_cell_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray")
    monkeypatch.setenv(
        "RAY_worker_niceness", "0"
    )  # Ray's own 15 starves its workers on a busy machine
    folder = tmp_path / "touchy"
    folder.mkdir()
    monkeypatch.setenv("TOUCHY", str(folder))
    touchy = load_study(SMALL).at("quick")
    monkeypatch.setenv("TOUCHY", "")
    cells = (*touchy, *load_study(SMALL).at("quick"))
    (folder / "wait-2").touch()

    def kill() -> None:
        _until(lambda: _pids(folder, 2), seconds=600)
        pid = _pids(folder, 2)[0]
        (folder / "wait-2").unlink()
        os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    ray_out, serial_out = (
        Journal(tmp_path / name / "records.jsonl", Value) for name in ("ray", "serial")
    )
    config = StoreConfig(str(tmp_path / "cache"))
    executor = RayTasks(config, str(SMALL), workers=2)
    outcome = run_cells(cells, ray_out, config.open(), executor=executor)
    killer.join()
    assert len(_pids(folder, 2)) == 2  # killed in one process, done in another
    assert outcome.failures == ()
    run_cells(cells, serial_out, StoreConfig().open())
    assert _lines(ray_out.path) == _lines(serial_out.path)
    assert len(ray_out.results) == 18


def test_without_ray_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(
        ImportError, match=r"`ray` needs the extra cluster: pip install 'wordline\[cluster\]'"
    ):
        RayTasks(StoreConfig())


def test_a_cluster_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray")

    def refuse(**settings: object) -> None:
        raise ConnectionError("Could not find any running Ray instance.")

    monkeypatch.setattr(ray, "init", refuse)
    with pytest.raises(
        ValueError,
        match="`ray` finds no cluster at 'auto' .Could not find any running Ray instance",
    ):
        list(RayTasks(StoreConfig(), str(SMALL), address="auto").run(load_study(SMALL).at("quick")))
    idle = RayTasks(StoreConfig(), address="auto")
    assert list(idle.run(())) == []  # nothing to do: no cluster is asked


def test_shares_of_a_gpu_are_checked() -> None:
    pytest.importorskip("ray")
    with pytest.raises(ValueError, match="`gpus_per_cell` must be at least 0"):
        RayTasks(StoreConfig(), gpus=-0.5)
    with pytest.raises(ValueError, match="`workers` must be at least 0"):
        RayTasks(StoreConfig(), workers=-1)
