"""Adapter to attack libraries: whatever they do, nothing of the caller's changes.

`pyautoattack` and `foolbox` draw from the global generators, accumulate `.grad` in the parameters
(FAB calls `backward`), write into the logits they are given (Square), cast to float32, and
`pyautoattack` takes `sys.settrace` for a check of its own. Each is undone or kept away here. Their
authors' verdicts on a stochastic model are wrong (one lucky draw counts as broken), so such a model
is refused.
"""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any, Final

import torch
from torch import Tensor

from ..typing import Images
from .balls import ball
from .norms import Norm
from .objective import Model

PACKAGE_NORMS: Final[dict[Norm, str]] = {"linf": "Linf", "l2": "L2"}
PACKAGE_LOG: Final = logging.getLogger("auto-attack")  # pyautoattack's: one place for its warnings


def run_external(
    attack: str,
    model: Model,
    images: Images,
    eps: float,
    norm: Norm,
    generator: torch.Generator,
    run: Callable[[Model, Images, int], Tensor],
) -> Images:
    """Run `run(model, images, seed)` in float32 and bring its images back into ball, box, dtype.

    Images that the library leaves alone come back bit by bit. Raises `ValueError` for a stochastic
    model.
    """
    if not torch.equal(model(images), model(images)):
        raise ValueError(
            f"`model` gives two different answers to the same images, and {attack} is wrong for "
            "stochastic models; freeze the noise first, or use `PGD` with `eot` and a mean over "
            "draws"
        )
    seed = seed_of(generator)
    if eps == 0:
        return images.clone()
    plain = images.float().contiguous()
    with _global_generators_kept(seed):
        found = run(_InputOnly.of(model, images.dtype), plain.clone(), seed)
    changed = (found != plain).flatten(1).any(1)
    adversarial = images.clone()
    inside = ball(norm, images[changed], eps)
    adversarial[changed] = inside.project(found[changed].to(images.dtype))
    return adversarial


def seed_of(generator: torch.Generator) -> int:
    """Take a fresh generator's own seed, so that a run by hand with it agrees; else draw one.

    >>> generator = torch.Generator().manual_seed(7)
    >>> seed_of(generator), seed_of(generator) == 7
    (7, False)
    """
    seed = generator.initial_seed()
    fresh = torch.equal(generator.get_state(), torch.Generator().manual_seed(seed).get_state())
    drawn = int(torch.randint(2**31, (1,), generator=generator))
    return seed if fresh else drawn


def require_library(name: str, extra: str, attack: str) -> ModuleType:
    """Import a library only now; `ImportError` says how to get it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        library = name.partition(".")[0]
        raise ImportError(f"{attack} needs `{library}`; get it by: pip install {extra}") from error


def require_classes(model: Model, images: Images, at_least: int, loss: str) -> int:
    """Count the classes; refuse a model with too few of them for a loss."""
    if (classes := model(images[:1]).shape[1]) < at_least:
        raise ValueError(
            f"`loss` {loss!r} needs at least {at_least} classes, got {classes} logits; "
            "use `PGD`, `Square`, `FAB` or `APGD(loss='cross-entropy')`"
        )
    return classes


def require_pictures(images: Images, norm: Norm, attack: str) -> None:
    """Refuse images in which Square has no room for a square."""
    if images.ndim != 4 or (norm == "l2" and images.shape[2] < 5):
        more = " with a height of at least 5" if norm == "l2" else ""
        raise ValueError(
            f"`images` must have shape (n, channels, height, width){more} for {attack}, "
            f"got {tuple(images.shape)}"
        )


@contextmanager
def _global_generators_kept(seed: int) -> Iterator[None]:
    """Seed the global generators inside, and put them back afterwards."""
    cuda = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=cuda):
        torch.manual_seed(seed)
        yield


def untraced(method: Any) -> Any:
    """Copy `AutoAttack.run_standard_evaluation` without its look for gradients inside the model.

    That look only logs a warning, and takes `sys.settrace` away from the debugger or coverage it
    may belong to; an audit looks by other means (V5). The copy runs with the names of its module,
    but for that one.
    """
    names = vars(sys.modules[method.__module__])
    unchecked = {"check_dynamic": lambda *arguments, **keywords: None}
    checks = SimpleNamespace(**{**vars(names["checks"]), **unchecked})
    scope = {**names, "checks": checks}
    run = FunctionType(method.__code__, scope, method.__name__, method.__defaults__)
    run.__kwdefaults__ = method.__kwdefaults__
    return run


class _InputOnly(torch.autograd.Function):
    """The model as a function of its images alone: no `backward` on it reaches a parameter."""

    @staticmethod
    def of(model: Model, dtype: torch.dtype) -> Model:
        def logits_of(images: Tensor) -> Tensor:
            if torch.is_grad_enabled() and images.requires_grad:
                return _InputOnly.apply(images, model, dtype)
            with torch.no_grad():
                return model(images.to(dtype)).float().clone()  # Square writes into its logits

        return logits_of

    @staticmethod
    def forward(ctx: Any, images: Tensor, model: Model, dtype: torch.dtype) -> Tensor:
        with torch.enable_grad():
            ctx.leaf = images.detach().to(dtype).requires_grad_(True)
            ctx.logits = model(ctx.leaf)
        return ctx.logits.detach().float().clone()

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None, None]:
        # FAB asks once for every class, so the graph is kept; it dies with `ctx`.
        weight = upstream[0].to(ctx.logits.dtype)
        (gradient,) = torch.autograd.grad(ctx.logits, ctx.leaf, weight, retain_graph=True)
        return gradient.float().contiguous(), None, None
