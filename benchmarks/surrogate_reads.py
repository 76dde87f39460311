"""A network on arrays of curved devices (PUMA presets) beside the same network in software.

    python -m benchmarks.surrogate_reads [PATH]    PATH: src of another checkout, a peer in the run

Prints the time of one image, forward and with the gradient by the image, and what they are of
software's, on one thread and on two; with PATH the same there, in turns.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PRESETS = ("puma-32x32-100k", "puma-64x64-100k")
IMAGES, TURNS, THREADS = 10, 2, (1, 2)


def one_turn(threads: int) -> None:
    """Seconds of software and of every preset, printed for the parent."""
    import torch
    from benchmarks.machine import best

    import wordline as wl

    torch.set_num_threads(threads)
    software = wl.load_model("resnet10-cifar10")
    images = torch.rand(IMAGES, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    networks = {"software": software}
    networks |= {
        name: wl.map_model(software, wl.Crossbar.preset(name, gain=wl.UnitGain()))
        for name in PRESETS
    }
    for name, network in networks.items():
        times = 10 if name == "software" else 1

        def forward(network: torch.nn.Module = network) -> None:
            with torch.no_grad():
                network(images)

        def gradient(network: torch.nn.Module = network) -> None:
            leaf = images.clone().requires_grad_()
            torch.autograd.grad(network(leaf).square().sum(), leaf)

        print(name, *(best(run, times) / IMAGES for run in (forward, gradient)), flush=True)


def main(paths: list[str]) -> None:
    """Every checkout in turns, the shortest time of each."""
    from benchmarks.machine import heading, table

    for path in paths:
        if not (Path(path) / "wordline").is_dir():
            raise SystemExit(
                f"`PATH` must be the src folder of a checkout of wordline, got {path!r}"
            )
    best: dict[tuple[int, str, str], list[float]] = {}
    for _ in range(TURNS):
        for threads in THREADS:
            for path in ("", *paths):
                found = _turn(threads, path)
                for name, seconds in found.items():
                    known = best.get((threads, path, name), seconds)
                    best[threads, path, name] = [*map(min, known, seconds)]
    print(heading(), end="\n\n")
    rows = []
    for threads in THREADS:
        for path in ("", *paths):
            software = best[threads, path, "software"]
            for name in PRESETS:
                mine = best[threads, path, name]
                rows.append(
                    {
                        "crossbar": name + (" (peer)" if path else ""),
                        "threads": str(threads),
                        "forward, ms / image": f"{1e3 * mine[0]:.1f}",
                        "of software's": f"{mine[0] / software[0]:.0f} x",
                        "with gradient, ms / image": f"{1e3 * mine[1]:.1f}",
                        "of software's with gradient": f"{mine[1] / software[1]:.0f} x",
                    }
                )
    table(rows)


def _turn(threads: int, path: str) -> dict[str, list[float]]:
    environment = dict(os.environ)
    if path:
        environment["PYTHONPATH"] = os.pathsep.join([path, environment.get("PYTHONPATH", "")])
    run = [sys.executable, "-m", "benchmarks.surrogate_reads", f"--turn={threads}"]
    printed = subprocess.run(
        run, env=environment, capture_output=True, text=True, check=True,
        cwd=Path(__file__).parents[1],
    ).stdout  # fmt: skip
    lines = map(str.split, printed.splitlines())
    return {name: [float(time) for time in times] for name, *times in lines}


if __name__ == "__main__":
    turn = [word for word in sys.argv[1:] if word.startswith("--turn=")]
    one_turn(int(turn[0].partition("=")[2])) if turn else main(sys.argv[1:])
