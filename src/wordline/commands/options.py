"""Options that several commands share: numbers, networks, crossbars, attacks; how they print."""

from __future__ import annotations

import dataclasses
import difflib
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.constructors import PrimitiveConstructorSpec

from ..files import require_writable_file
from ..values import require_choice

if TYPE_CHECKING:
    from torch import nn

    from ..datasets import ImageData
    from ..mapping import AbstractGain, Crossbar
    from ..records.record import Record

EPS = 8 / 255
STEP = 2 / 255
ENDINGS = {"figure": (".png", ".pdf", ".svg"), "export": (".npz", ".csv")}
FOLDERS = ("--root", "--out", "--cache")


def parse_number(text: str) -> float:
    """Read a number or a fraction of numbers: "0.1", "8/255"."""
    above, slash, below = text.partition("/")
    try:
        return float(above) / float(below) if slash else float(above)
    except (ValueError, ZeroDivisionError) as error:
        raise ValueError(f"`{text}` is no number; write 0.03 or 8/255") from error


Number = Annotated[
    float,
    PrimitiveConstructorSpec(
        nargs=1, metavar="NUMBER", instance_from_str=lambda args: parse_number(args[0]),
        is_instance=lambda value: isinstance(value, float),
        str_from_instance=lambda value: [f"{value:g}"],
    ),
]  # fmt: skip


@contextmanager
def asked_as(option: str) -> Iterator[None]:
    """Rename the argument `name` in errors of the library to the option that it came from."""
    try:
        yield
    except ValueError as error:
        if str(error).startswith("`name` "):
            raise ValueError(str(error).replace("`name`", f"`{option}`", 1)) from error
        raise


def gains() -> dict[str, AbstractGain]:
    """Return the gains by their names."""
    from ..mapping import LeastSquaresGain, PerColumnGain, UnitGain

    return {
        "unit": UnitGain(), "least-squares": LeastSquaresGain(), "per-column": PerColumnGain()
    }  # fmt: skip


def data_of(name: str, root: str, side: int = 0) -> ImageData:
    """Load a data set by name."""
    from ..datasets import load_dataset

    with asked_as("data"):
        return load_dataset(name, root, side)


def software_of(name: str, weights: str) -> nn.Module:
    """Load a network by name, by weight file, or from a factory."""
    from .. import models

    if ":" in name:
        return models.from_factory(name, weights)
    if weights:
        raise ValueError(
            "`weights` goes with a factory, package.module:factory; a named model has its own"
        )
    with asked_as("model"):
        return models.load_model(name)


def crossbar_of(name: str, gain: str) -> Crossbar:
    """Load a preset or a JSON file, with another gain where one is named."""
    from ..mapping import Crossbar
    from ..mapping.presets import PRESETS

    known = gains()
    if gain:
        require_choice("gain", gain, tuple(known))
    if not name.endswith(".json"):
        if name not in PRESETS:
            near = difflib.get_close_matches(name, PRESETS, n=1)
            meant = f"; did you mean {near[0]}?" if near else ""
            raise ValueError(
                f"`crossbar` must be one of {', '.join(PRESETS)}, or a .json file, got {name!r}"
                f"{meant}"
            )
        return Crossbar.preset(name, gain=known.get(gain))
    path = Path(name)
    if not path.is_file():
        raise ValueError(f"`crossbar` file {name!r} does not exist")
    chosen = Crossbar.from_json(path.read_text())
    return dataclasses.replace(chosen, gain=known[gain]) if gain else chosen


def require_files(*named: tuple[str, str | Path]) -> None:
    """Refuse, before any work, outputs (option, file) that could not be written after it.

    An empty file name asks for no output. A `figure` and an `export` must also have the suffix of
    one.
    """
    for name, path in named:
        wanted = ENDINGS.get(name, ())
        if wanted and str(path) and Path(path).suffix.lower() not in wanted:
            endings = ", ".join(wanted)
            raise ValueError(f"`{name}` must end in {endings}, got {str(path)!r}")
    for name, path in named:
        if str(path):
            require_writable_file(name, Path(path))


def require_eps(*radii: float) -> None:
    """Refuse a radius that no pixel in [0, 1] could move by."""
    from ..attacks.norms import require_radius

    for eps in radii:
        require_radius("eps", eps)


def said() -> str:
    """Return the command as typed, without the folders of this machine."""
    from ..models import SUFFIXES

    files = (".json", *SUFFIXES)  # named with their folder
    words: list[str] = []
    for word in sys.argv[1:]:
        words += word.split("=", 1) if word.startswith("--") else [word]
    hidden = ["DIR" if before in FOLDERS else word for before, word in pairwise(["", *words])]
    bare = [Path(word).name if Path(word).suffix in files else word for word in hidden]
    return shlex.join(["wordline", *bare])


def print_records(records: Sequence[Record], json: bool, *, title: str) -> None:
    """Print records as a table, or as a JSON line each."""
    from ..records.record import table

    print("\n".join(r.to_json() for r in records) if json else table(records, title=title))
