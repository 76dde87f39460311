"""Surrogate files: safetensors with the design and the errors in the header; no code is loaded."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes

from ...files import write_atomically
from ...text import render_table
from ...values import Value, require_instance
from .column_network import FEATURES, ColumnNetwork
from .design import ArrayDesign

BUILTIN = "builtin:"
_WEIGHTS = Path(__file__).parent / "weights"
_KEY = "wordline.surrogate"


@dataclass(frozen=True)
class Errors(Value):
    """Errors of column currents against those of the nonlinear solve.

    `rms`: root mean square error over root mean square current; `largest`: largest error as a share
    of the full scale, the current of an ideal column of devices that are all on at full voltage.
    """

    rms: float
    largest: float


@dataclass(frozen=True, kw_only=True)
class SurrogateReport(Value):
    """The design of a surrogate, the conditions of its fit, and its errors on held-out samples.

    `samples`: input vectors of the fit; `surrogate`, `linear` (ohmic devices with the same wires),
    `ideal` (ohmic devices without wires): errors of the three on `held_out` input vectors of
    another distribution; `nf`, `nf_linear`: non-ideality factor for conductances uniform in the
    window and voltages uniform up to the largest, by the nonlinear and by the linear solve.
    """

    design: ArrayDesign
    samples: int
    epochs: int
    hidden: int
    seed: int
    held_out: int
    surrogate: Errors
    linear: Errors
    ideal: Errors
    nf: float
    nf_linear: float
    command: str = ""

    def __str__(self) -> str:
        rows = [
            (name, f"{errors.rms:.1e}", f"{errors.largest:.1e}")
            for name, errors in (
                ("surrogate", self.surrogate),
                ("linear solve", self.linear),
                ("ideal", self.ideal),
            )
        ]
        tile_rows, tile_cols = self.design.tile
        title = f"{self.held_out} held-out inputs of {tile_rows} x {tile_cols} arrays"
        header = ("", "relative RMS error", "largest error / full scale")
        nf = f"NF {self.nf:.3f}, {self.nf_linear:.3f} with ohmic devices"
        return f"{render_table(header, rows, title=title)}\n{nf}; uniform conductances and voltages"


class Surrogate(NamedTuple):
    """The weights of a surrogate, and its report."""

    network: ColumnNetwork
    report: SurrogateReport


def save_surrogate(surrogate: Surrogate, path: Path) -> str:
    """Write a surrogate atomically and return the SHA-256 of the file.

    Equal surrogates give equal files.
    """
    tensors = {name: tensor.contiguous() for name, tensor in surrogate.network._asdict().items()}
    data = to_bytes(tensors, metadata={_KEY: surrogate.report.to_json()})
    write_atomically(path, lambda temporary: temporary.write_bytes(data))
    return hashlib.sha256(data).hexdigest()


def surrogate_hash(path: str) -> str:
    """Compute the SHA-256 of a surrogate's file as it is now."""
    return hashlib.sha256(_read(path)).hexdigest()


@lru_cache(maxsize=16)
def load_surrogate(path: str, sha256: str) -> Surrogate:
    """Load the surrogate of a file with this SHA-256.

    "builtin:puma-64x64-100k" and its like ship with wordline. Raises ValueError for a missing,
    changed or damaged file, and for a law of a class that has not been imported.
    """
    data = _read(path)
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise ValueError(
            f"`path` {path!r} holds a surrogate of SHA-256 {found[:16]}..., not {sha256[:16]}...; "
            "it was fitted again since: use SurrogateArray.of(path) to take it as it is now"
        )
    try:
        network = ColumnNetwork(**from_bytes(data))
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"][_KEY]
    except (SafetensorError, TypeError, KeyError) as error:
        raise ValueError(
            f"`path` {path!r} is damaged or holds no surrogate of wordline ({error})"
        ) from error
    report = SurrogateReport.from_json(header)
    _require_shapes(path, network, report)
    return Surrogate(network, report)


def _read(path: str) -> bytes:
    require_instance("path", path, str)
    name = path.removeprefix(BUILTIN)
    file = _WEIGHTS / f"{name}.safetensors" if path.startswith(BUILTIN) else Path(path)
    if not file.is_file():
        known = ", ".join(BUILTIN + known.stem for known in sorted(_WEIGHTS.glob("*.safetensors")))
        raise ValueError(
            f"`path` {path!r} is no surrogate file; fit one with `wordline surrogate fit`, "
            f"or use {known}"
        )
    return file.read_bytes()


def _require_shapes(path: str, network: ColumnNetwork, report: SurrogateReport) -> None:
    hidden = report.hidden
    shapes = ((FEATURES, hidden), (hidden,), (hidden,), (FEATURES,), ())
    for name, tensor, shape in zip(network._fields, network, shapes, strict=True):
        matches = tensor.dtype == torch.float64 and tuple(tensor.shape) == shape
        if not matches or not bool(tensor.isfinite().all()):
            raise ValueError(
                f"`path` {path!r}: weight {name!r} must be finite float64 of shape {shape}, "
                f"got {tensor.dtype} of {tuple(tensor.shape)}; fit the surrogate again"
            )
