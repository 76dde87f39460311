"""`study`: every cell of a table or figure, resumed, on one machine or on many."""

from __future__ import annotations

import dataclasses
import json as plain
import sys
from pathlib import Path
from typing import Annotated

import torch
import tyro
from tyro.constructors import PrimitiveConstructorSpec

from ..files import write_atomically
from ..progress import Bar
from ..records.record import Record
from ..runs import Journal, Outcome, Place, Study, load_study, run_cells
from ..runs import cost as count_cost
from ..runs.executors import AbstractExecutor, Processes, Serial
from ..runs.run_cells import only_writer
from ..values import Value, encode, require_choice, require_integer, require_number
from .options import print_records, said

Address = Annotated[
    str,
    PrimitiveConstructorSpec(
        nargs="*", metavar="[ADDRESS]", instance_from_str=lambda given: " ".join(given) or "local",
        is_instance=lambda value: isinstance(value, str), str_from_instance=lambda value: [value] if value else [],
    ),
]  # fmt: skip


def study(
    file: tyro.conf.Positional[Path],
    out: Path = Path("runs/study"),
    scale: str = "quick",
    root: str = "",
    cache: str = "",
    workers: int = 1,
    threads: int = 1,
    ray: Address = "",
    gpus_per_cell: float = 0.0,
    device: str = "cpu",
    limit: int = 0,
    cost: bool = False,
    json: bool = False,
) -> None:
    """Run the cells of a study that `out` does not hold yet; `wordline report` makes its tables.

    Args:
        file: a Python file with a STUDY; it is run, so name only what you trust.
        out: folder of records.jsonl and study.json; the same command goes on where it stopped.
        scale: quick or paper.
        root: local folder of the data set, or a folder that has one for each.
        cache: folder of trained networks, mapped chips and adversarial images; by default `out`/cache.
        workers: processes on this machine, or of a local Ray cluster.
        threads: of each cell; part of a result's conditions.
        ray: run as tasks of a Ray cluster: its address, auto for the one that this machine belongs to, nothing for one
            that is started here.
        gpus_per_cell: share of a GPU that a task on Ray claims.
        device: cpu or cuda; part of a result's conditions.
        limit: only the first so many cells; 0 runs all.
        cost: count passes and multiplications instead of running anything.
    """
    require_choice("device", device, ("cpu", "cuda"))
    for name, value, least in (("workers", workers, 1), ("threads", threads, 1), ("limit", limit, 0)):
        require_integer(name, value, at_least=least)
    require_number("gpus_per_cell", gpus_per_cell, at_least=0.0)
    if gpus_per_cell and not ray:
        raise ValueError("`gpus_per_cell` goes with --ray; without it every cell runs on --device")
    if device == "cuda" and not (ray or cost or torch.cuda.is_available()):
        raise ValueError("`device` 'cuda' is not available to torch on this machine; choose cpu, or --ray a cluster")
    chosen = load_study(file)
    cells = [dataclasses.replace(cell, threads=threads, device=device) for cell in chosen.at(scale)]
    cells = cells[:limit] if limit else cells
    if cost:
        counted = count_cost(cells, Place(root=root).store())
        print(counted.to_json() if json else counted)
        return
    executor = _executor(workers, ray, gpus_per_cell)
    place = Place(cache or str(out / "cache"), root)
    with only_writer(out):
        journal = Journal(out / "records.jsonl", Value)
        _describe(chosen, scale, out)
        outcome = run_cells(
            cells, journal, place, executor=executor, study=str(file), title=file.stem, progress=Bar()
        )
    _print(outcome, json, f"{chosen.title}, scale {scale}", out)
    if outcome.failures:
        raise SystemExit(1)


def _executor(workers: int, ray: str, gpus: float) -> AbstractExecutor:
    if ray:
        from ..runs.cluster import RayTasks  # Ray takes seconds to import

        return RayTasks(ray, workers=workers, gpus=gpus)
    return Serial() if workers == 1 else Processes(workers)


def _describe(chosen: Study, scale: str, out: Path) -> None:
    """`study.json`: what a report needs to know besides the records."""
    about = {
        "title": chosen.title, "reproduces": chosen.reproduces, "command": said(), "scale": scale,
        "layout": encode(chosen.layout), "expected": encode(chosen.expected),
    }  # fmt: skip
    write_atomically(out / "study.json", lambda temporary: temporary.write_text(plain.dumps(about, indent=1) + "\n"))


def _print(outcome: Outcome, json: bool, title: str, out: Path) -> None:
    records = [result for result in outcome.results if isinstance(result, Record)]
    others = [result for result in outcome.results if not isinstance(result, Record)]
    if json:
        print("\n".join(result.to_json() for result in outcome.results))
    else:
        if records:
            print_records(records, False, title=f"{title}; 95 % intervals")
        for result in others:
            print(result)
        print(f"\n{len(outcome.results)} cells in {out / 'records.jsonl'}, {outcome.run} of them run now")
    for words in outcome.warnings:
        print(f"wordline: warning: {words}", file=sys.stderr)
    for label, failure in outcome.failures:
        print(f"wordline: failed: {label}: {failure}", file=sys.stderr)
    if outcome.failures:
        print(f"wordline: {len(outcome.failures)} cells failed; the same command tries them again", file=sys.stderr)
