"""Fitting a surrogate to the nonlinear solve of a design."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ...circuits import AbstractDeviceLaw, Wires
from ...circuits.effective import through_wires
from ...circuits.nonlinear import currents_through
from ...circuits.siemens import warn_of_ohms
from ...files import require_writable_file
from ...progress import AbstractProgress, Silent
from ...values import require_integer, takes_numbers
from .column_network import ColumnNetwork, compute_features, compute_moments, program_columns
from .design import ArrayDesign
from .file import Errors, Surrogate, SurrogateReport, save_surrogate
from .least_squares import fit_network
from .read import read
from .samples import HELD_OUT, TRAINING, SampleDistribution, Samples, draw_samples

VECTORS = 16  # inputs for each random array
_MAX_POINTS = 1 << 16  # columns the network is fitted to: some hundreds for each of its weights
_SAMPLES_PER_HELD_OUT = 4
_ARRAYS_PER_SOLVE = 8  # between two reports of progress
_NF_ARRAYS = 8


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
    """Fit a surrogate to `samples` nonlinear solves, and judge it by a quarter as many others.

    The held-out samples have another distribution. The same arguments give the same weights, at one
    thread to the last bit. `epochs` is the largest number of steps of the fit, which stops earlier
    once it has converged. Costs about a millisecond a sample for 64 x 64 arrays, and up to half a
    second an epoch. Raises ValueError if the nonlinear solve of a sample does not converge.
    """
    require_integer("samples", samples, at_least=VECTORS)
    require_integer("epochs", epochs, at_least=1)
    require_integer("hidden", hidden, at_least=1)
    require_integer("seed", seed, at_least=0)
    progress = progress or Silent()
    generator = torch.Generator().manual_seed(2 * seed)
    training = _draw(design, samples, TRAINING, generator)
    currents, w = _solve(design, training, "solving arrays to learn from", progress)
    z, weight, target = _points(design, training, currents, w, generator)
    network = fit_network(
        z, weight, target, hidden=hidden, epochs=epochs, generator=generator, progress=progress
    )

    generator = torch.Generator().manual_seed(2 * seed + 1)
    held_out_count = max(VECTORS, samples // _SAMPLES_PER_HELD_OUT)
    held_out = _draw(design, held_out_count, HELD_OUT, generator)
    exact, w = _solve(design, held_out, "solving arrays to judge by", progress)
    nf, nf_linear = _nonideality_factors(design, generator)
    report = SurrogateReport(
        design=design,
        samples=_count(training),
        epochs=epochs,
        hidden=hidden,
        seed=seed,
        held_out=_count(held_out),
        surrogate=_errors(design, _read_as_a_chip(design, network, held_out, w), exact),
        linear=_errors(design, held_out.volts @ w, exact),
        ideal=_errors(design, held_out.volts @ held_out.g, exact),
        nf=nf,
        nf_linear=nf_linear,
        command=command,
    )
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
    """Fit a surrogate for devices between g_off and g_on, siemens, and write it to the file `out`.

    The file is written at the end, whole or not at all. Warns of a `g_on` above 0.1 S, where ohms
    were probably meant.
    """
    design = ArrayDesign(
        tile=tile, g_off_siemens=g_off, g_on_siemens=g_on, wires=wires, law=law, volts=volts
    )
    warn_of_ohms("g_on", design.g_on_siemens)
    if out.suffix != ".safetensors":
        raise ValueError(f"`out` must end in .safetensors, got {str(out)!r}")
    require_writable_file("out", out)
    surrogate = fit(
        design, samples=samples, epochs=epochs, seed=seed, command=command, progress=progress
    )
    save_surrogate(surrogate, out)
    return surrogate.report


def _draw(
    design: ArrayDesign, samples: int, distribution: SampleDistribution, generator: torch.Generator
) -> Samples:
    tiles = -(-samples // VECTORS)
    return draw_samples(design, tiles, VECTORS, distribution, generator=generator)


def _count(samples: Samples) -> int:
    return samples.volts.shape[0] * samples.volts.shape[1]


def _solve(
    design: ArrayDesign, samples: Samples, description: str, progress: AbstractProgress
) -> tuple[Tensor, Tensor]:
    """Solve for the column currents and the effective conductances of all samples."""
    currents = []
    chunks = zip(
        samples.g.split(_ARRAYS_PER_SOLVE), samples.volts.split(_ARRAYS_PER_SOLVE), strict=True
    )
    with progress.task(description, len(samples.g)) as advance:
        for g, volts in chunks:
            try:
                currents.append(currents_through(volts, g, design.wires, design.law))
            except RuntimeError as error:
                raise ValueError(
                    f"`law` {design.law} does not settle on drawn arrays; lower `volts` ({error})"
                ) from error
            advance(len(g), "")
    return torch.cat(currents), through_wires(samples.g, design.wires)


def _points(
    design: ArrayDesign, samples: Samples, currents: Tensor, w: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Features, weights and targets of columns that carry current, relative to the RMS current."""
    m = compute_moments(samples.g, w, design)
    x = samples.volts / design.volts
    m1, z, _ = compute_features(x, (m.w, m.w2, m.w3, m.wq), design)
    static = (feature.unsqueeze(-2).expand_as(m1) for feature in (m.s, m.p))
    features, linear = torch.stack([*z, *static], -1).flatten(0, -2), (design.volts * m1).flatten()
    exact = currents.flatten()
    rms = exact.square().mean().sqrt()
    alive = (linear > 0).nonzero().squeeze(1)
    chosen = alive[torch.randperm(len(alive), generator=generator)[:_MAX_POINTS]]
    return features[chosen], linear[chosen] / rms, (exact - linear)[chosen] / rms


def _read_as_a_chip(
    design: ArrayDesign, network: ColumnNetwork, samples: Samples, w: Tensor
) -> Tensor:
    """Read in float32."""
    programmed = program_columns(network, samples.g, w, design).float()
    return read(network, samples.volts.float(), programmed, design).double()


def _errors(design: ArrayDesign, currents: Tensor, exact: Tensor) -> Errors:
    error = currents - exact
    rms = (error.square().mean() / exact.square().mean()).sqrt().item()
    return Errors(rms, error.abs().max().item() / design.full_scale_ampere)


def _nonideality_factors(design: ArrayDesign, generator: torch.Generator) -> tuple[float, float]:
    """Mean of (I_ideal - I) / I_ideal on uniform arrays, by the nonlinear and linear solve."""
    low, high = design.g_off_siemens, design.g_on_siemens
    rows, cols = design.tile
    share = torch.rand(_NF_ARRAYS, rows, cols, generator=generator, dtype=torch.float64)
    volts = torch.rand(_NF_ARRAYS, VECTORS, rows, generator=generator, dtype=torch.float64)
    volts = design.volts * volts
    g = low + (high - low) * share
    ideal, linear = volts @ g, volts @ through_wires(g, design.wires)
    exact = currents_through(volts, g, design.wires, design.law)
    return ((ideal - exact) / ideal).mean().item(), ((ideal - linear) / ideal).mean().item()
