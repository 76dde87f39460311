"""The commands that doubt: audit, deviation, curve; arguments in, one line of Python each, text out."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from . import zoo
from .commands import Number, _crossbar, _model
from .evaluation import audit as run_audit
from .evaluation import gradient_deviation, robustness_curve
from .nn import map_model
from .progress import Bar
from .reports import accuracy_curves, deviation_figure
from .values import require_choice, require_integer

EPS = 8 / 255


def audit(
    model: str = "digits-cnn",
    data: str = "digits",
    root: str = "",
    weights: str = "",
    crossbar: str = "rethinking-64",
    gain: str = "",
    eps: Number = EPS,
    limit: int = 500,
    quick: bool = False,
    chip_seed: int = 0,
    seed: int = 0,
    batch_size: int = 100,
    threads: int = 0,
    out: str = "",
    json: bool = False,
) -> None:
    """Is the chip's robustness real? Some thirty checks, controls beside it, and a verdict.

    Args:
        crossbar: a preset or a JSON file; "software" audits the network itself.
        eps: Linf radius; 8/255 is a number here.
        limit: the first so many test images; 0 takes all.
        quick: smaller budgets, and stop at the first check that shows masked gradients.
        chip_seed: which chip of the crossbar.
        seed: of the audit's own random numbers.
        out: also write the result to this JSON file.
    """
    software, chip, images = _pair(model, weights, data, root, crossbar, gain, chip_seed, limit, threads)
    result = run_audit(
        chip=chip, software=software, data=images, eps=eps, limit=limit, quick=quick, seed=seed, batch_size=batch_size,
        progress=Bar(),
    )  # fmt: skip
    if out:
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        Path(out).write_text(result.to_json() + "\n")
    print(result.to_json() if json else result)


def deviation(
    model: str = "digits-cnn",
    data: str = "digits",
    root: str = "",
    weights: str = "",
    crossbar: str = "rethinking-64",
    gain: str = "",
    eps: Number = EPS,
    loss: str = "cross-entropy",
    limit: int = 500,
    chip_seed: int = 0,
    batch_size: int = 100,
    threads: int = 0,
    figure: str = "",
    json: bool = False,
) -> None:
    """How far the chip's input gradients are from the software's: cosine, signs, norms, and the loss along both.

    Args:
        eps: Linf radius of the perturbations that are compared.
        loss: cross-entropy, margin or dlr.
        figure: also draw it into this .png, .pdf or .svg.
    """
    require_choice("loss", loss, ("cross-entropy", "margin", "dlr"))
    software, chip, images = _pair(model, weights, data, root, crossbar, gain, chip_seed, limit, threads)
    result = gradient_deviation(
        chip=chip, software=software, data=images, eps=eps, limit=limit, loss=loss, batch_size=batch_size,  # type: ignore[arg-type]
        progress=Bar(),
    )  # fmt: skip
    if figure:
        deviation_figure(result, Path(figure))
    print(result.to_json() if json else result)


def curve(
    model: str = "digits-cnn",
    data: str = "digits",
    root: str = "",
    weights: str = "",
    crossbar: str = "rethinking-64",
    gain: str = "",
    limit: int = 500,
    chip_seed: int = 0,
    batch_size: int = 100,
    threads: int = 0,
    figure: str = "",
    json: bool = False,
) -> None:
    """Accuracy of the chip under white-box PGD at growing eps, until it does no better than chance.

    Args:
        crossbar: a preset or a JSON file; "software" takes the network itself.
        figure: also draw it into this .png, .pdf or .svg.
    """
    _, chip, images = _pair(model, weights, data, root, crossbar, gain, chip_seed, limit, threads)
    result = robustness_curve(victim=chip, source=chip, data=images, limit=limit, batch_size=batch_size, progress=Bar())
    if figure:
        accuracy_curves(result.records, Path(figure), chance=result.chance)
    print(result.to_json() if json else result)


def _pair(
    model: str, weights: str, data: str, root: str, crossbar: str, gain: str, chip_seed: int, limit: int, threads: int
) -> tuple[nn.Module, nn.Module, zoo.ImageSplit]:
    """Software, chip and test images, as the words say."""
    require_integer("limit", limit, at_least=0)
    require_integer("threads", threads, at_least=0)
    if threads:
        torch.set_num_threads(threads)
    software, images = _model(model, weights), zoo.load_dataset(data, root).test
    chip = software if crossbar == "software" else map_model(software, _crossbar(crossbar, gain), chip_seed)
    return software, chip, images
