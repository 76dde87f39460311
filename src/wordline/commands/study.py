"""The command `study`: the cells of a table or figure, on one machine or on many."""

from __future__ import annotations

import dataclasses
import json as plain
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from tyro.constructors import PrimitiveConstructorSpec

from ..files import require_writable, write_atomically
from ..progress import Bar
from ..values import Value, encode, require_choice, require_integer, require_number
from .options import print_records, said

if TYPE_CHECKING:
    from ..runs import Outcome, StoreConfig, Study
    from ..runs.executors import AbstractExecutor

Address = Annotated[
    str,
    PrimitiveConstructorSpec(
        nargs="*", metavar="[ADDRESS]",
        instance_from_str=lambda given: " ".join(given) or "local",
        is_instance=lambda value: isinstance(value, str),
        str_from_instance=lambda value: [value] if value else [],
    ),
]  # fmt: skip


@dataclass(frozen=True)
class WorkerOptions:
    """The workers.

    Args:
        workers: processes on this machine, or of a local Ray cluster.
        threads: of each cell; part of a result's conditions.
        device: cpu or cuda; part of a result's conditions.
        ray: run as tasks of a Ray cluster: its address, auto for the one that this machine belongs
            to, nothing for one that is started here.
        gpus_per_cell: share of a GPU that a task on Ray claims.
    """

    workers: int = 1
    threads: int = 1
    device: str = "cpu"
    ray: Address = ""
    gpus_per_cell: float = 0.0

    def require(self) -> None:
        """Refuse impossible numbers and options that do not go together."""
        require_choice("device", self.device, ("cpu", "cuda"))
        require_integer("workers", self.workers, at_least=1)
        require_integer("threads", self.threads, at_least=1)
        require_number("gpus_per_cell", self.gpus_per_cell, at_least=0.0)
        if self.gpus_per_cell and not self.ray:
            raise ValueError(
                "`gpus_per_cell` goes with --ray; without it every cell runs on --device"
            )

    def executor(self, config: StoreConfig, study: str) -> AbstractExecutor | None:
        """Return the executor of the cells of a study file; None stands for this process."""
        if self.ray:
            from ..runs.cluster import RayTasks  # Ray takes seconds to import

            return RayTasks(
                config, study, address=self.ray, workers=self.workers, gpus=self.gpus_per_cell
            )
        from ..runs.executors import Processes

        return Processes(self.workers, config, study) if self.workers > 1 else None


def study(
    file: tyro.conf.Positional[Path],
    out: Path = Path("runs/study"),
    scale: str = "quick",
    root: str = "",
    cache: str = "",
    worker: tyro.conf.OmitArgPrefixes[WorkerOptions] = WorkerOptions(),
    limit: int = 0,
    *,
    cost: bool = False,
    json: bool = False,
) -> None:
    """Run the cells of a study that its folder does not hold yet.

    `wordline report` makes its tables.

    Args:
        file: a Python file with a STUDY; it is run, so name only what you trust.
        out: folder of records.jsonl and study.json; the same command goes on where it stopped.
        scale: quick or paper.
        root: local folder of the data set, or a folder that has one for each.
        cache: folder of trained networks, mapped chips and adversarial images; by default
            `out`/cache.
        limit: only the first so many cells; 0 runs all.
        cost: count passes and multiplications instead of running anything.
    """
    worker.require()
    require_integer("limit", limit, at_least=0)
    import torch

    from ..runs import Journal, StoreConfig, load_study, run_cells
    from ..runs import cost as count_cost
    from ..runs.run_cells import only_writer

    if worker.device == "cuda" and not (worker.ray or cost or torch.cuda.is_available()):
        raise ValueError(
            "`device` 'cuda' is not available to torch on this machine; choose cpu, or --ray a "
            "cluster"
        )
    chosen = load_study(file)
    cells = [
        dataclasses.replace(cell, threads=worker.threads, device=worker.device)
        for cell in chosen.at(scale)
    ]
    cells = cells[:limit] if limit else cells
    if cost:
        counted = count_cost(cells, StoreConfig(root=root).open())
        print(counted.to_json() if json else counted)
        return
    config = StoreConfig(cache or str(out / "cache"), root)
    executor = worker.executor(config, str(file))
    with only_writer(out):
        require_writable("cache", Path(config.cache))
        journal = Journal(out / "records.jsonl", Value)
        _describe(chosen, scale, out)
        store = config.open(Bar())
        outcome = run_cells(
            cells, journal, store, executor=executor, title=file.stem, progress=Bar()
        )
    _print(outcome, json, f"{chosen.title}, scale {scale}", out)
    if outcome.failures:
        raise SystemExit(1)


def _describe(chosen: Study, scale: str, out: Path) -> None:
    """Write `study.json`: title, command and layout for a report."""
    about = {
        "title": chosen.title, "reproduces": chosen.reproduces, "command": said(), "scale": scale,
        "layout": encode(chosen.layout), "expected": encode(chosen.expected),
    }  # fmt: skip
    text = plain.dumps(about, indent=1) + "\n"
    write_atomically(out / "study.json", lambda temporary: temporary.write_text(text))


def _print(outcome: Outcome, json: bool, title: str, out: Path) -> None:
    from ..records.record import Record

    records = [result for result in outcome.results if isinstance(result, Record)]
    others = [result for result in outcome.results if not isinstance(result, Record)]
    if json:
        print("\n".join(result.to_json() for result in outcome.results))
    else:
        if records:
            print_records(records, False, title=f"{title}; 95 % intervals")
        for result in others:
            print(result)
        file = out / "records.jsonl"
        print(f"\n{len(outcome.results)} cells in {file}, {outcome.run} of them run now")
    for words in outcome.warnings:
        print(f"wordline: warning: {words}", file=sys.stderr)
    for label, failure in outcome.failures:
        print(f"wordline: failed: {label}: {failure}", file=sys.stderr)
    if outcome.failures:
        count = len(outcome.failures)
        print(f"wordline: {count} cells failed; the same command tries them again", file=sys.stderr)
