"""Networks of ImageNet on crossbars: seconds to map, memory, images a second beside plain torch.

    python -m benchmarks.bench_big_networks [--networks VGG16] [--crossbars wires-128] [--seconds 2]

Prints a Markdown table; about four minutes on two quiet cores. Each row comes from a process of its
own, as a peak never falls. "map" includes one probed pass of one image, which finds the share of
multiply-accumulates on arrays. Images a second are those of the shortest of several passes, in
turns with the software network; "x" is the chip's time over software's.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import torch
from benchmarks.big_networks import NETWORKS, PIXELS, build
from benchmarks.machine import heading, table, timed
from benchmarks.memory import peak
from torch import nn

import wordline as wl

CROSSBARS = {
    "rethinking-64": wl.Crossbar.preset("rethinking-64"),
    "wires-128": wl.Crossbar(
        tile=(128, 128), device=wl.Memristor(r_on_ohm=20e3, r_off_ohm=200e3),
        wires=wl.Wires(row_ohm=2.5, col_ohm=2.5), gain=wl.UnitGain(),
    ),
}  # fmt: skip
BATCHES = (1, 8)


def main() -> None:
    """One row a network and crossbar."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--crossbars", nargs="+", choices=CROSSBARS, default=list(CROSSBARS))
    parser.add_argument("--seconds", type=float, default=2.0, help="time for each rate")
    parser.add_argument("--here", action="store_true", help="the first of each, as JSON; internal")
    args = parser.parse_args()
    if args.here:
        print(json.dumps(measured(args.networks[0], args.crossbars[0], args.seconds)))
        return
    print(heading() + "\n")
    for name in args.crossbars:
        crossbar = CROSSBARS[name]
        print(f"`{name}`: {crossbar.wires}, {crossbar.device}, {crossbar.gain}  ")
    print(flush=True)
    table([_row(n, c, args.seconds) for n in args.networks for c in args.crossbars])


def measured(name: str, crossbar_name: str, seconds: float) -> dict[str, str]:
    """Map one network and run it."""
    crossbar = CROSSBARS[crossbar_name]
    wl.map_model(nn.Linear(200, 200).eval(), crossbar)  # compiles
    software = build(name)
    images = torch.rand(max(BATCHES), 3, PIXELS, PIXELS, generator=torch.Generator().manual_seed(1))
    bound = wl.mapping_memory(software, crossbar).peak_bytes / 2**30
    before = peak()
    to_map, chip = timed(lambda: wl.map_model(software, crossbar, example=images[:1]))
    weights = sum(layer.effective_weight.numel() for layer in chip.layers.values())
    row = {
        "network": name,
        "crossbar": crossbar_name,
        "weights on arrays, M": f"{weights / 1e6:.1f}",
        "MACs on arrays": f"{chip.products.share:.2%}",
        "map, s": f"{to_map:.1f}",
        "peak, GB": f"{peak():.2f} (before {before:.2f})",
        "above, GB (bound)": f"{peak() - before:.2f} ({bound:.2f})",
    }
    for batch in BATCHES:
        soft, hard = in_turns(software, chip, images[:batch], seconds)
        row[f"images/s, batch {batch}: software"] = f"{batch / soft:.2f}"
        row[f"chip, batch {batch}"] = f"{batch / hard:.2f} ({hard / soft:.2f} x)"
    with torch.no_grad():
        logits = chip(images[:1])
    row["finite"] = str(bool(logits.isfinite().all()))
    return row


@torch.no_grad()
def in_turns(
    software: nn.Module, chip: nn.Module, images: torch.Tensor, seconds: float
) -> tuple[float, float]:
    """Shortest passes of both, in turns, for at least that long and twice each."""
    soft, hard, until = [], [], time.perf_counter() + seconds
    while len(soft) < 2 or time.perf_counter() < until:
        soft.append(timed(lambda: software(images))[0])
        hard.append(timed(lambda: chip(images))[0])
    return min(soft), min(hard)


def _row(name: str, crossbar: str, seconds: float) -> dict[str, str]:
    """Measure in a fresh process; a failure is a row that says so."""
    command = [sys.executable, "-m", "benchmarks.bench_big_networks", "--here"]
    cell = ["--networks", name, "--crossbars", crossbar, "--seconds", str(seconds)]
    there = Path(__file__).parents[1]
    run = subprocess.run([*command, *cell], cwd=there, capture_output=True, text=True, check=False)
    if run.returncode:
        last = (run.stderr.strip().splitlines() or ["no message"])[-1]
        return {"network": name, "crossbar": crossbar, "failed": f"{run.returncode}: {last[:200]}"}
    return json.loads(run.stdout.splitlines()[-1])  # type: ignore[no-any-return]


if __name__ == "__main__":
    main()
