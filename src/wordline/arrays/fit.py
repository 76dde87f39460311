"""Fitting a surrogate to the nonlinear solve of a design."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ..circuits import AbstractDeviceLaw, Wires
from ..circuits.effective import through_wires
from ..circuits.nonlinear import currents_through
from ..circuits.siemens import warn_of_ohms
from ..files import require_writable_file
from ..progress import AbstractProgress, Silent
from ..values import require_integer, takes_numbers
from . import column_network, column_read
from .column_network import ColumnNetwork
from .levenberg import least_squares
from .samples import HELD_OUT, TRAINING, ArrayDesign, Mixture, Samples, sample
from .surrogate_file import Errors, Surrogate, SurrogateReport, save_surrogate

VECTORS = 16  # inputs for each drawn array
_POINTS = 1 << 16  # columns the network is fitted to: some hundreds for each of its weights
_HELD_OUT_SHARE = 4  # one held-out input for so many that are fitted
_TOGETHER = 8  # arrays solved between two reports of progress


def fit(
    design: ArrayDesign,
    *,
    samples: int = 8192,
    epochs: int = 100,
    hidden: int = 4,
    seed: int = 0,
    command: str = "",
    progress: AbstractProgress | None = None,
) -> Surrogate:
    """Fit a surrogate to `samples` nonlinear solves, and judge it by a quarter as many of another mixture.

    The same arguments give the same weights, at one thread to the last bit. `epochs` is the most passes over the data;
    a fit that has arrived stops. Costs about a millisecond a sample for 64 x 64 arrays, and some seconds for the fit.
    Raises ValueError if the nonlinear solve does not converge for a drawn sample.
    """
    for name, value, least in (("samples", samples, VECTORS), ("epochs", epochs, 1), ("hidden", hidden, 1)):
        require_integer(name, value, at_least=least)
    require_integer("seed", seed, at_least=0)
    progress = progress or Silent()
    draws = torch.Generator().manual_seed(2 * seed)
    drawn = _draw(design, samples, TRAINING, draws)
    currents, w = _solve(design, drawn, "solving arrays to learn from", progress)
    network = least_squares(
        *_points(design, drawn, currents, w, draws), hidden=hidden, epochs=epochs, generator=draws, progress=progress
    )

    others = torch.Generator().manual_seed(2 * seed + 1)
    judged = _draw(design, max(VECTORS, samples // _HELD_OUT_SHARE), HELD_OUT, others)
    truth, w = _solve(design, judged, "solving arrays to judge by", progress)
    nf, nf_linear = _nf(design, others)
    report = SurrogateReport(
        design=design, samples=_count(drawn), epochs=epochs, hidden=hidden, seed=seed, held_out=_count(judged),
        surrogate=_errors(design, _read(design, network, judged, w), truth),
        linear=_errors(design, judged.volts @ w, truth),
        ideal=_errors(design, judged.volts @ judged.g, truth),
        nf=nf, nf_linear=nf_linear, command=command,
    )  # fmt: skip
    return Surrogate(network, report)


@takes_numbers
def fit_surrogate(
    *,
    tile: tuple[int, int],
    g_off: float,
    g_on: float,
    wires: Wires,
    law: AbstractDeviceLaw,
    volts: float,
    out: Path,
    samples: int = 8192,
    epochs: int = 100,
    seed: int = 0,
    command: str = "",
    progress: AbstractProgress | None = None,
) -> SurrogateReport:
    """Fit a surrogate for arrays of a window g_off to g_on, siemens, and write it to `out`, whole or not at all.

    Nothing is kept of a fit that is interrupted. Warns of a `g_on` above 0.1 S, where ohms were probably meant.
    """
    design = ArrayDesign(tile=tile, g_off_siemens=g_off, g_on_siemens=g_on, wires=wires, law=law, volts=volts)
    warn_of_ohms("g_on", design.g_on_siemens)
    if out.suffix != ".safetensors":
        raise ValueError(f"`out` must end in .safetensors, got {str(out)!r}")
    require_writable_file("out", out)
    fitted = fit(design, samples=samples, epochs=epochs, seed=seed, command=command, progress=progress)
    save_surrogate(fitted, out)
    return fitted.report


def _draw(design: ArrayDesign, samples: int, mixture: Mixture, generator: torch.Generator) -> Samples:
    return sample(design, -(-samples // VECTORS), VECTORS, mixture, generator=generator)


def _count(drawn: Samples) -> int:
    return drawn.volts.shape[0] * drawn.volts.shape[1]


def _solve(design: ArrayDesign, drawn: Samples, what: str, progress: AbstractProgress) -> tuple[Tensor, Tensor]:
    """Column currents, and effective conductances, of all drawn arrays."""
    found = []
    with progress.task(what, len(drawn.g)) as advance:
        for g, volts in zip(drawn.g.split(_TOGETHER), drawn.volts.split(_TOGETHER), strict=True):
            try:
                found.append(currents_through(volts, g, design.wires, design.law))
            except RuntimeError as error:
                raise ValueError(
                    f"`law` {design.law} does not settle on drawn arrays; lower `volts` ({error})"
                ) from error
            advance(len(g), "")
    return torch.cat(found), through_wires(drawn.g, design.wires)


def _points(
    design: ArrayDesign, drawn: Samples, currents: Tensor, w: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Features, weights and targets of columns that carry current, relative to the root mean square current."""
    m = column_network.moments(drawn.g, w, design)
    found = column_network.features(drawn.volts / design.volts, m.w, m.w2, m.w3, m.wq, design)
    static = (x.unsqueeze(-2).expand_as(found.m1) for x in (m.s, m.p))
    z, linear = torch.stack([*found.z, *static], -1).flatten(0, -2), (design.volts * found.m1).flatten()
    exact = currents.flatten()
    size = exact.square().mean().sqrt()
    alive = (linear > 0).nonzero().squeeze(1)
    chosen = alive[torch.randperm(len(alive), generator=generator)[:_POINTS]]
    return z[chosen], linear[chosen] / size, (exact - linear)[chosen] / size


def _read(design: ArrayDesign, network: ColumnNetwork, judged: Samples, w: Tensor) -> Tensor:
    """As a chip reads it: in float32."""
    programmed = column_network.program(network, judged.g, w, design).float()
    return column_read.read(network, judged.volts.float(), programmed, design).double()


def _errors(design: ArrayDesign, found: Tensor, truth: Tensor) -> Errors:
    off = found - truth
    rms = (off.square().mean() / truth.square().mean()).sqrt().item()
    return Errors(rms, off.abs().max().item() / design.full_scale_ampere)


def _nf(design: ArrayDesign, generator: torch.Generator) -> tuple[float, float]:
    """Mean of (I_ideal - I) / I_ideal on uniform arrays and inputs, by the nonlinear and the linear solve."""
    low, high = design.g_off_siemens, design.g_on_siemens
    share = torch.rand(8, *design.tile, generator=generator, dtype=torch.float64)
    volts = design.volts * torch.rand(8, VECTORS, design.tile[0], generator=generator, dtype=torch.float64)
    g = low + (high - low) * share
    ideal, linear = volts @ g, volts @ through_wires(g, design.wires)
    exact = currents_through(volts, g, design.wires, design.law)
    return ((ideal - exact) / ideal).mean().item(), ((ideal - linear) / ideal).mean().item()
