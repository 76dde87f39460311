"""`audit`: all checks of a chip's robustness, and the verdict."""

from __future__ import annotations

import dataclasses
from contextlib import ExitStack

import torch
from torch import nn

from ...attacks.norms import require_radius
from ...datasets import ImageSplit, Pairs, as_split
from ...progress import AbstractProgress, Silent
from ...records import Audit, Budget, Check, Estimate
from ...values import require_instance, require_integer, require_number, takes_numbers
from ..account import account
from ..identify import identify
from ..requirements import require_evaluation_mode, require_fit
from ..score import versions
from .audited_model import AuditedModel
from .base_run import CONTROLS, accuracy, compare_all
from .check import AbstractCheck, Finding, Skip
from .context import AuditContext
from .controls import NOISE
from .gradients import input_gradients
from .plan import Meter, base_runs, runs_of_checks
from .registry import RUNNING_ORDER, SHOWN
from .verdict import FATAL, decide

CONTROL = 2000  # images at most that batch norm is recalibrated on
ENOUGH_TO_CALIBRATE = 100  # images for a batch-norm statistic; if fewer, the audited ones are used


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
    """Check if a chip's robustness against Linf attacks of radius eps is real.

    `chip` is any module from images in [0, 1] to logits, `software` the network that it is compared
    with; the first `limit` images of `data` are used (0: all). `quick=True` takes a smaller budget
    (`Budget.quick()`) and stops at the first check that shows masked gradients; another `budget`
    may be given. `calibration`: images, whose labels are not read, for the batch-norm control; by
    default those of `data` after the first `limit`. Random numbers come from `seed` alone: a module
    that draws from torch's global generator is run under a copy of it.

    The verdict is "masking detected", "evaluation not converged", "advantage explained by
    attenuation", "advantage explained by clean-accuracy loss", or "no masking found by these N
    checks". Docs: docs/evaluation.md.

    Raises ValueError for a network in training mode, images that do not fit or eps that is not in
    (0, 0.5].
    """
    require_evaluation_mode("chip", chip)
    require_evaluation_mode("software", software)
    require_radius("eps", eps, above=0.0)
    require_number("eps", eps, at_most=0.5)
    require_integer("limit", limit, at_least=0)
    require_integer("batch_size", batch_size, at_least=1)
    require_integer("seed", seed, at_least=0)
    require_instance("quick", quick, bool)
    budget = (Budget.quick() if quick else Budget()) if budget is None else budget
    require_instance("budget", budget, Budget)
    whole = as_split(data, limit=limit + CONTROL if limit else 0)
    split = whole.take(limit) if limit else whole
    if calibration is None:
        unseen = _unseen(whole, len(split))
    else:
        unseen = as_split(calibration, "calibration")

    checks: dict[str, Check] = {}
    with torch.random.fork_rng(), ExitStack() as shown:
        torch.manual_seed(seed)  # of the copy
        require_fit("chip", chip, split)
        require_fit("software", software, split)
        products = account("chip", chip, split)
        context = AuditContext(
            chip, software, split, eps=float(eps), budget=budget, seed=seed, batch_size=batch_size,
            calibration=unseen,
        )  # fmt: skip
        _require_gradient(context.software)
        planned = runs_of_checks(budget, stochastic=context.chip.stochastic)
        total = sum(planned.get(check.id, 1) for check in RUNNING_ORDER)
        total += sum(base_runs(budget, stochastic=control is NOISE) for control in CONTROLS)
        task = (progress or Silent()).task("audit", total)
        context.meter = meter = Meter(shown.enter_context(task), total)
        stopped = ""
        for check in RUNNING_ORDER:
            meter.begin(f"{check.id} {check.title}", planned.get(check.id, 1))
            checks[check.id] = _run(check, context, stopped)
            failed = checks[check.id].status == "fail"
            if quick and not stopped and check.id in FATAL and failed:
                stopped = f"stopped after {check.id} failed; run without quick to go on"
            meter.end(f"{check.id} {checks[check.id].status}")
        skip_controls = stopped or context.unusable_gradient
        comparisons = () if skip_controls else compare_all(context)
        worst = context.chip.worst.minimum(context.chip.clean)
        meter.finish("done")
        ordered = tuple(checks[id] for id in SHOWN)
        return Audit(
            verdict=decide(ordered), checks=ordered, comparisons=comparisons, chip=identify(chip),
            software=identify(software), eps=float(eps), budget=budget, quick=quick,
            stopped=stopped, stochastic=context.chip.stochastic,
            clean=accuracy(context.chip, context.chip.clean),
            attacked=_attacked(context, context.chip, stopped),
            worst=accuracy(context.chip, worst),
            software_clean=accuracy(context.software, context.software.clean),
            software_attacked=_attacked(context, context.software, stopped), data=split.name,
            images=len(split), fingerprint=split.fingerprint(), seed=seed, batch_size=batch_size,
            threads=torch.get_num_threads(), versions=versions(), products=products,
        )  # fmt: skip


def _run(check: AbstractCheck, context: AuditContext, stopped: str) -> Check:
    """Run one check; one that does not apply is skipped with the reason."""
    # G2, the first check to follow gradients, sets `unusable_gradient`
    reason = stopped or (context.unusable_gradient if check.follows_gradients else "")
    try:
        if reason:
            raise Skip(reason)
        return check.result(check.run(context))
    except Skip as why:
        return check.result(Finding("skipped", {}, f"{why}."))
    except ValueError as error:  # an attack met a gradient that is not finite, or found none
        if "gradient" not in str(error):
            raise
        context.unusable_gradient = "an attack met a gradient that it could not follow"
        return check.result(Finding("fail", {}, f"the attack could not be run: {error}"))


def _attacked(context: AuditContext, audited: AuditedModel, stopped: str) -> Estimate:
    """Estimate accuracy under the base attack; under one start of it if the audit stopped early.

    Without a usable gradient the attack changes nothing.
    """
    if context.unusable_gradient and audited is context.chip:
        return accuracy(audited, audited.clean)
    if stopped:
        found = audited.attack(context.base, on=audited.right, stream="base/0")
    else:
        found = context.base_result(audited)
    return accuracy(audited, found.share)


def _require_gradient(software: AuditedModel) -> None:
    """Refuse a software network without a gradient; the chip alone is in doubt."""
    images, labels = software.settings.images[:1], software.settings.labels[:1]
    gradient = input_gradients(software, images, labels, "margin")
    if len(gradient) == 0 or not gradient.isfinite().all():
        raise ValueError(
            "`software` gives no finite gradient with respect to its images; pass the network as "
            "trained"
        )


def _unseen(data: ImageSplit, used: int) -> ImageSplit:
    """Take the images after those that are audited, if they are enough."""
    if len(data) - used < ENOUGH_TO_CALIBRATE:
        return data
    return dataclasses.replace(data, images=data.images[used:], labels=data.labels[used:])
