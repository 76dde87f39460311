"""What the first use in a process costs, with compiled code to be made and with it at hand.

    python benchmarks/bench_cold_start.py             two minutes
    python benchmarks/bench_cold_start.py solve quick  only what has these words in its name

Every figure is that of a process of its own: the first time with an empty folder for compiled code
("anew"), then three times with what that left there ("kept", the shortest). Work is timed from
after the imports, commands from outside. A second solve in the same process is the last column.
Accepted on two cores: solve 5 s anew and 0.1 s kept, help 1 s, quickstart 25 s anew.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from machine import heading, table, timed

from wordline.commands import COMMANDS

REPEATS = 3
SOLVE = """
g = torch.rand(8, 64, 64, dtype=torch.{dtype}).mul_(4.5e-5).add_(5e-6)
g.requires_grad_({gradient})
wires = wl.Wires(driver_ohm=1e3, row_ohm=5, col_ohm=10, sense_ohm=1e3)
def work():
    w = wl.effective_conductance(g, wires)
    if {gradient}:
        w.sum().backward()
"""
READ = """
crossbar = wl.Crossbar(
    tile=(64, 64), device=wl.Memristor(r_on_ohm=20e3, r_off_ohm=200e3), wires=wl.Wires(),
    gain=wl.UnitGain(), adc=wl.UniformConverter(bits=8, range=wl.devices.FullScale(0.25)),
)
chip = wl.map_model(torch.nn.Linear(128, 64).eval(), crossbar)
x = torch.rand(16, 128)
def work():
    with torch.no_grad():
        chip(x)
"""
FRAME = """
import time, torch, wordline as wl
wl.effective_conductance, wl.map_model
{set_up}
for _ in range(2):
    start = time.perf_counter()
    work()
    print(time.perf_counter() - start)
"""
WORK = {
    "solve, float64": SOLVE.format(dtype="float64", gradient=False),
    "solve, float32": SOLVE.format(dtype="float32", gradient=False),
    "solve and gradient, float64": SOLVE.format(dtype="float64", gradient=True),
    "read with an 8-bit ADC, no wires": READ,
}
HELP = ((), *((name,) for name in COMMANDS))


def run(folder: Path, *words: str) -> tuple[float, list[float]]:
    """Run Python with a folder for compiled code: seconds in all, and those that it prints."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder)}
    seconds, done = timed(
        lambda: subprocess.run(
            [sys.executable, *words], env=environment, capture_output=True, text=True, check=True
        )
    )
    return seconds, [float(line) for line in done.stdout.split() if "-c" in words]


def work(name: str) -> dict[str, str]:
    """Time a piece of work in new processes."""
    with tempfile.TemporaryDirectory() as folder:
        runs = [run(Path(folder), "-c", FRAME.format(set_up=WORK[name]))[1] for _ in range(4)]
    anew, kept, second = runs[0][0], *map(min, zip(*runs[1:], strict=True))
    return {
        "first use in a process": name, "anew": f"{anew:.1f} s", "kept": f"{kept:.3f} s",
        "the second": f"{second:.4f} s",
    }  # fmt: skip


def command(name: str, *words: str, repeats: int = REPEATS) -> dict[str, str]:
    """Time a command from outside."""
    with tempfile.TemporaryDirectory() as place:
        anew, *kept = (
            run(Path(place) / "code", "-m", "wordline", *(w.format(f"{place}/{n}") for w in words))[
                0
            ]
            for n in range(1 + repeats)
        )
    return {"first use in a process": name, "anew": f"{anew:.1f} s", "kept": f"{min(kept):.2f} s"}


def main() -> None:
    """Print the table."""
    asked = sys.argv[1:]
    rows = {name: lambda name=name: work(name) for name in WORK}
    for words in HELP:
        name = " ".join(("wordline", *words, "--help"))
        rows[name] = lambda name=name, words=words: command(name, *words, "--help")
    rows["wordline quickstart"] = lambda: command(
        "wordline quickstart", "quickstart", "--out", "{}", repeats=1
    )
    chosen = [make for name, make in rows.items() if not asked or any(w in name for w in asked)]
    print(heading() + "\n")
    table([make() for make in chosen])


if __name__ == "__main__":
    main()
