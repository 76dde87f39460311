"""A network on arrays of curved devices (PUMA presets) beside the same network in software.

    python benchmarks/surrogate_reads.py [PATH]    PATH: src of another checkout, a peer in the run

Prints processor time of one image, forward, and what it is of software's; with PATH the same there,
in turns.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

PRESETS = ("puma-32x32-100k", "puma-64x64-100k")
IMAGES, TURNS = 10, 3
ROW = "{:16s} {:>10s} {:>14s} {:>12s}"


def one_turn() -> None:
    """Seconds of software and of every preset, printed for the parent."""
    import torch

    import wordline as wl

    torch.set_num_threads(1)
    software = wl.load_model("resnet10-cifar10")
    images = torch.rand(IMAGES, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    networks = {"software": software}
    networks |= {
        name: wl.map_model(software, wl.Crossbar.preset(name, gain=wl.UnitGain()))
        for name in PRESETS
    }
    for name, network in networks.items():
        with torch.no_grad():
            network(images[:1])
            start = time.process_time()
            network(images)
            print(name, (time.process_time() - start) / IMAGES, flush=True)


def main(paths: list[str]) -> None:
    """Every checkout in turns, the shortest time of each."""
    for path in paths:
        if not (Path(path) / "wordline").is_dir():
            raise SystemExit(
                f"`PATH` must be the src folder of a checkout of wordline, got {path!r}"
            )
    best: dict[tuple[str, str], float] = {}
    for _ in range(TURNS):
        for path in ("", *paths):
            environment = os.environ | ({"PYTHONPATH": path} if path else {})
            run = [sys.executable, __file__, "--turn"]
            printed = subprocess.run(
                run, env=environment, capture_output=True, text=True, check=True
            ).stdout
            for name, seconds in map(str.split, printed.splitlines()):
                best[path, name] = min(best.get((path, name), float(seconds)), float(seconds))
    print(ROW.format("", "ms / image", "of software's", "of the peer's"))
    for path in ("", *paths):
        for name in PRESETS:
            mine = best[path, name]
            beside = f"{mine / best[paths[0], name]:.2f}" if paths and not path else ""
            ratio = f"{mine / best[path, 'software']:.0f} x"
            print(ROW.format(name, f"{1e3 * mine:.0f}", ratio, beside), path and "(peer)")


if __name__ == "__main__":
    one_turn() if "--turn" in sys.argv else main(sys.argv[1:])
