"""wordline beside the tools that people use instead: one run, one machine, in Markdown.

    python -m benchmarks.peers [--crosssim PATH] [--badcrossbar PATH] [--lightning PATH]
        [--network resnet20.safetensors] [--data FOLDER] [--seconds 0.5] [--limit 12] [--skip ...]

A path is a checkout, or a folder for which `pip install --target` was called; a tool that cannot be
imported is left out, and the first lines say so. Weights and images are random unless given.
Prints tables, which `peers.md` explains: one array, a ResNet-20, gradients, codes. About four
minutes on two quiet cores, most of it CrossSim with wires; nothing is extrapolated: what would take
longer than `--limit` seconds is not run.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks import peer_arrays, peer_network_run
from benchmarks.machine import heading, table
from benchmarks.peer_networks import SETTINGS, TOOLS

PATHS = {"crosssim": "CrossSim", "badcrossbar": "badcrossbar", "lightning": "aihwkit-lightning"}
TABLES = ("arrays", "networks", "gradients")
BATCHES, COUNTS = [1, 10, 50], [1, 64, 1024]


def main() -> None:
    """Print the tables."""
    args = arguments()
    paths = [str(Path(path).resolve()) for name in PATHS if (path := getattr(args, name))]
    sys.path[:0] = paths
    if args.one:
        tool, setting = args.one
        print(json.dumps(peer_network_run.measured(tool, setting, args)))
        return
    print(heading() + "  ")
    print("; ".join(version(name, getattr(args, option)) for option, name in PATHS.items()) + "\n")
    if "arrays" not in args.skip:
        peer_arrays.report(COUNTS, args.limit)
    if "networks" not in args.skip:
        cells = [
            (tool, setting) for setting in args.settings for tool in TOOLS if knows(tool, setting)
        ]
        table(with_distances([row(*cell) for cell in cells]))
    if "gradients" not in args.skip:
        table(peer_network_run.gradients())
        if TOOLS["CrossSim"].there:
            table(peer_network_run.codes())


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for option, name in PATHS.items():
        parser.add_argument(f"--{option}", default="", metavar="PATH", help=f"where {name} is")
    parser.add_argument("--network", default="", help="safetensors file of a ResNet-20")
    parser.add_argument("--data", default="", help="folder of CIFAR-10")
    parser.add_argument("--seconds", type=float, default=0.5, help="time for each rate")
    parser.add_argument("--limit", type=float, default=12.0, help="longest pass to run, seconds")
    parser.add_argument("--batches", type=int, nargs="+", default=BATCHES)
    parser.add_argument("--settings", nargs="+", default=list(SETTINGS), choices=SETTINGS)
    parser.add_argument("--skip", nargs="+", default=[], choices=TABLES)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)  # one row, in its own process
    return parser.parse_args()


def knows(tool: str, setting: str) -> bool:
    """Tell whether a tool is there and has what a setting asks for; software has nothing."""
    its, values = TOOLS[tool], SETTINGS[setting]
    return its.there and (its.wired or not values.ohm) and (its.coded or not values.bits)


def row(tool: str, setting: str) -> dict[str, Any]:
    """Measure one tool in one setting in a fresh process, as a peak of memory never falls."""
    command = [sys.executable, "-m", "benchmarks.peers", *sys.argv[1:], "--one", tool, setting]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    first = {"setting": setting, "tool": tool}
    if run.returncode:
        last = (run.stderr.strip().splitlines() or ["no message"])[-1]
        return first | {"map, s": f"failed: {last[:120]}"}
    return first | json.loads(run.stdout.splitlines()[-1])


def with_distances(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Put in the place of each answer how far it is from those of software and of wordline.

    Of the first image, over the largest logit of that other.
    """
    answers = {(r["tool"], r["setting"]): np.array(r.pop("answer", [])) for r in rows}
    software = answers.get(("software", "ideal"), np.array([]))
    for r in rows:
        ours = answers[r["tool"], r["setting"]]
        others = {"software": software, "wordline": answers.get(("wordline", r["setting"]))}
        for name, other in others.items():
            far = r["tool"] not in ("software", name) and other is not None
            if far and len(other) == len(ours) > 0:
                r[f"from {name}"] = f"{np.abs(ours - other).max() / np.abs(other).max():.1e}"
    return rows


def version(name: str, path: str) -> str:
    """Name a tool with its version, and the commit where it is a checkout; or say it is missing."""
    module = TOOLS[name].module if name in TOOLS else name
    if importlib.util.find_spec(module) is None:
        return f"{name} is not here"
    project = Path(path, "pyproject.toml")
    try:
        number = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        read = tomllib.loads(project.read_text()) if path and project.exists() else {}
        number = read.get("project", {}).get("version", "of unknown version")
    command = ["git", "-C", path or os.devnull, "rev-parse", "--short=8", "HEAD"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return f"{name} {number}" + (f" (commit {found.stdout.strip()})" * (not found.returncode))


if __name__ == "__main__":
    main()
