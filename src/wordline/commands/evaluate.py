"""`evaluate`: accuracy in software, under transfer, and white-box."""

from __future__ import annotations

from pathlib import Path

import torch

from ..progress import Bar
from ..runs import Grid, Journal, run_grid
from ..values import require_integer, require_number
from .options import (
    STEP,
    Number,
    attack_of,
    crossbar_of,
    data_of,
    print_records,
    require_eps,
    require_files,
    software_of,
)


def evaluate(
    model: str = "digits-cnn",
    data: str = "digits",
    root: str = "",
    weights: str = "",
    crossbar: tuple[str, ...] = ("rethinking-64",),
    gain: tuple[str, ...] = ("unit",),
    attack: str = "pgd",
    eps: tuple[Number, ...] = (8 / 255,),
    steps: int = 0,
    step_size: Number = STEP,
    loss: tuple[str, ...] = ("margin",),
    random_start: bool = True,
    early_stop: bool = False,
    settings: tuple[str, ...] = ("SW", "SH", "HH"),
    seeds: tuple[int, ...] = (0,),
    limit: int = 500,
    batch_size: int = 100,
    threads: int = 0,
    calibration: int = 200,
    draws: int = 1,
    out: Path = Path("runs/evaluate.jsonl"),
    json: bool = False,
) -> None:
    """Accuracy in software (SW), of chips under transferred (SH) and white-box (HH) attack; resumes from `out`.

    Args:
        model: a name that ships with wordline, a .safetensors file with its card, or package.module:factory.
        weights: weight file for a factory.
        crossbar: presets or JSON files; every one is combined with every gain.
        gain: unit, least-squares or per-column.
        attack: fgsm, pgd, mifgsm, multi-targeted, worst-case, random; with the extra autoattack apgd-ce, apgd-t, fab-t,
            square, autoattack; with foolbox hop-skip-jump. The libraries' own leave unbroken images as they are.
        eps: Linf radii; 8/255 is a number here.
        steps: 0 takes max(10, 2.5 eps / step_size, rounded up), and the libraries' own defaults for their attacks.
        early_stop: white-box attacks stop moving an image once it is misclassified; images for transfer never do.
        seeds: one chip each.
        limit: the first so many test images; 0 takes all.
        threads: 0 leaves torch's choice; part of a result's conditions.
        calibration: training images that converters with a calibrated range are set on.
        draws: how often a chip with read noise is asked; at least 20 for a result.
        out: JSON lines, one a finished cell.
    """
    for name, value in (("steps", steps), ("limit", limit), ("threads", threads)):
        require_integer(name, value, at_least=0)
    require_integer("calibration", calibration, at_least=1)
    require_number("step_size", step_size, above=0.0)
    require_eps(*eps)
    require_files(("out", out))
    if threads:
        torch.set_num_threads(threads)
    software, loaded = software_of(model, weights), data_of(data, root)
    images = loaded.test
    attacks = tuple(
        attack_of(attack, e, steps, step_size, kind, random_start, early_stop) for kind in loss for e in eps
    )
    crossbars = tuple(crossbar_of(name, g) for g in gain for name in crossbar)
    grid = Grid(crossbars, attacks, seeds, settings, batch_size=batch_size, draws=draws)
    split = images.take(limit) if limit else images
    set_on = loaded.train.take(calibration) if any(c.needs_calibration for c in crossbars) else None
    records = run_grid(software, split, grid, Journal(out), calibration=set_on, progress=Bar())
    print_records(records, json, title=f"{model} on {data}, {len(split)} test images; 95 % intervals")
