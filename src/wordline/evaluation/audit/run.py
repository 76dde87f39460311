"""`audit`: every doubt about a chip's robustness, one after the other."""

from __future__ import annotations

import dataclasses

import torch
from torch import nn

from ...attacks.norms import require_radius
from ...datasets import ImageSplit, Pairs, as_split
from ...progress import AbstractProgress, Silent
from ...records import Audit, Budget, Check
from ...records.record import Estimate
from ...values import require_instance, require_integer, require_number, takes_numbers
from ..account import account
from ..party import party, require_evaluation_mode, require_fit
from ..score import versions
from .advantage import accuracy, compare_all
from .bench import Bench
from .check import AbstractCheck, Finding, Skip
from .gradients import input_gradients
from .order import RUNNING_ORDER, SHOWN
from .subject import Subject
from .verdict import FATAL, decide

CONTROL = 2000  # images at most that batch norm is recalibrated on
ENOUGH_TO_CALIBRATE = 100  # images for a batch-norm statistic; below that the audited ones are used


@takes_numbers
def audit(
    *,
    chip: nn.Module,
    software: nn.Module,
    data: Pairs,
    eps: float,
    limit: int = 0,
    quick: bool = False,
    budget: Budget | None = None,
    calibration: Pairs | None = None,
    seed: int = 0,
    batch_size: int = 100,
    progress: AbstractProgress | None = None,
) -> Audit:
    """Doubt a chip's robustness against Linf attacks of radius eps, and say what the doubts found.

    `chip` is any module from images in [0, 1] to logits, `software` the network that it is compared with; the first
    `limit` images of `data` are used (0: all). `quick=True` looks less hard (`Budget.quick()`) and stops at the first
    check that shows masked gradients; another `budget` may be given. `calibration`: images, whose labels nobody
    reads, for the batch-norm control; by default those of `data` after the first `limit`. Random numbers come from
    `seed` alone: a module that draws from torch's global generator is run under a copy of it.

    The verdict is "masking detected", "evaluation not converged", "advantage explained by clean-accuracy loss", or
    "no masking found by these N checks". Docs: docs/evaluation.md.

    Raises ValueError for a network in training mode, images that do not fit or eps that is not in (0, 0.5].
    """
    require_evaluation_mode("chip", chip)
    require_evaluation_mode("software", software)
    require_radius("eps", eps, above=0.0)
    require_number("eps", eps, at_most=0.5)
    for name, value, least in (("limit", limit, 0), ("batch_size", batch_size, 1), ("seed", seed, 0)):
        require_integer(name, value, at_least=least)
    require_instance("quick", quick, bool)
    budget = (Budget.quick() if quick else Budget()) if budget is None else budget
    require_instance("budget", budget, Budget)
    whole = as_split(data, limit=limit + CONTROL if limit else 0)
    split = whole.take(limit) if limit else whole
    unseen = _unseen(whole, len(split)) if calibration is None else as_split(calibration, "calibration")

    checks: dict[str, Check] = {}
    with torch.random.fork_rng(), (progress or Silent()).task("audit", len(RUNNING_ORDER) + 1) as advance:
        torch.manual_seed(seed)  # of the copy
        require_fit("chip", chip, split)
        require_fit("software", software, split)
        products = account("chip", chip, split)
        bench = Bench(
            chip, software, split, eps=float(eps), budget=budget, seed=seed, batch_size=batch_size,
            calibration=unseen, tell=lambda note: advance(0, note),
        )  # fmt: skip
        _require_gradient(bench.software)
        stopped = ""
        for check in RUNNING_ORDER:
            advance(0, f"{check.id} {check.title}")
            checks[check.id] = _asked(check, bench, stopped)
            if quick and not stopped and check.id in FATAL and checks[check.id].status == "fail":
                stopped = f"stopped after {check.id} failed; run without quick to ask on"
            advance(1, f"{check.id} {checks[check.id].status}")
        comparisons = () if stopped or bench.blind else compare_all(bench, quick=quick)
        worst = bench.chip.worst.minimum(bench.chip.clean)
        advance(1, "done")
        ordered = tuple(checks[id] for id in SHOWN)
        return Audit(
            verdict=decide(ordered), checks=ordered, comparisons=comparisons, chip=party(chip),
            software=party(software), eps=float(eps), budget=budget, quick=quick, stopped=stopped,
            stochastic=bench.chip.stochastic,
            clean=accuracy(bench.chip, bench.chip.clean), attacked=_attacked(bench, bench.chip, stopped),
            worst=accuracy(bench.chip, worst), software_clean=accuracy(bench.software, bench.software.clean),
            software_attacked=_attacked(bench, bench.software, stopped), data=split.name, images=len(split),
            fingerprint=split.fingerprint(), seed=seed, batch_size=batch_size, threads=torch.get_num_threads(),
            versions=versions(), products=products,
        )  # fmt: skip


def _asked(check: AbstractCheck, bench: Bench, stopped: str) -> Check:
    """One check's result; what cannot be asked is skipped with the reason."""
    reason = stopped or (bench.blind if check.follows_gradients else "")  # set by G2, which runs first of these
    try:
        if reason:
            raise Skip(reason)
        return check.result(check.run(bench))
    except Skip as why:
        return check.result(Finding("skipped", {}, f"{why}."))
    except ValueError as error:  # an attack met a gradient that is not finite, or found none
        if "gradient" not in str(error):
            raise
        bench.blind = "an attack met a gradient that it could not follow"
        return check.result(Finding("fail", {}, f"the attack could not be run: {error}"))


def _attacked(bench: Bench, subject: Subject, stopped: str) -> Estimate:
    """Accuracy under the base attack, under one start of it if the audit stopped early; a blind one changes nothing."""
    if bench.blind and subject is bench.chip:
        return accuracy(subject, subject.clean)
    found = subject.attack(bench.base, on=subject.right, stream="base/0") if stopped else bench.based(subject)
    return accuracy(subject, found.share)


def _require_gradient(software: Subject) -> None:
    """The chip is the one in doubt; software has to work."""
    images, labels = software.conditions.images[:1], software.conditions.labels[:1]
    gradient = input_gradients(software, images, labels, "margin")
    if len(gradient) == 0 or not gradient.isfinite().all():
        raise ValueError("`software` gives no finite gradient with respect to its images; pass the network as trained")


def _unseen(data: ImageSplit, used: int) -> ImageSplit:
    """The images after those that are audited, if they are enough."""
    if len(data) - used < ENOUGH_TO_CALIBRATE:
        return data
    return dataclasses.replace(data, images=data.images[used:], labels=data.labels[used:])
