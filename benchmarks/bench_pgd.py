"""White-box PGD on a chip: its time over PGD in software, and over a loop of 15 lines.

    python benchmarks/bench_pgd.py     a minute; ratios of paired runs (median, least, most)

Expect 1.0: a mapped layer is an ordinary convolution with another weight. Accepted: 1.15 (chip),
1.05 (loop).
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

import wordline as wl

ATTACK = wl.PGD(
    eps=8 / 255, steps=10, step_size=2 / 255, loss="margin", random_start=False, keep="last"
)


def loop(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """PGD in fifteen lines: the least that the attack must compute."""
    low, high = (images - 8 / 255).clamp(0, 1), (images + 8 / 255).clamp(0, 1)
    true = nn.functional.one_hot(labels, 10).bool()
    adversarial = images
    for _ in range(10):
        leaf = adversarial.detach().requires_grad_()
        logits = model(leaf)
        margin = logits.masked_fill(true, -torch.inf).amax(1) - logits[true]
        (gradient,) = torch.autograd.grad(margin.sum(), leaf)
        adversarial = (leaf.detach() + 2 / 255 * gradient.sign()).clamp(low, high)
    return adversarial


def setting() -> tuple[nn.Module, nn.Module, Tensor, Tensor]:
    """Software, chip, and random images: the cost does not depend on what they show."""
    software = wl.load_model("vgg8-half-cifar10").requires_grad_(False)
    chip = wl.map_model(
        software, wl.Crossbar.preset("rethinking-64", gain=wl.LeastSquaresGain())
    ).requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    return software, chip, torch.rand(50, 3, 32, 32, generator=generator), torch.arange(50) % 10


def test_pgd_on_software(benchmark: Any) -> None:
    software, _, images, labels = setting()
    benchmark.pedantic(ATTACK, (software, images, labels), rounds=3)


def test_pgd_on_a_chip(benchmark: Any) -> None:
    _, chip, images, labels = setting()
    benchmark.pedantic(ATTACK, (chip, images, labels), rounds=3)


def paired(
    one: Callable[[], object], other: Callable[[], object], *, pairs: int = 7
) -> tuple[float, float, float]:
    """Ratios of times one / other, measured in turn: median, least, most."""
    ratios = []
    for _ in range(pairs + 1):
        times = []
        for run in (one, other):
            start = time.perf_counter()
            run()
            times.append(time.perf_counter() - start)
        ratios.append(times[0] / times[1])
    return (
        statistics.median(ratios[1:]),
        min(ratios[1:]),
        max(ratios[1:]),
    )  # the first pair warms up


if __name__ == "__main__":
    software, chip, images, labels = setting()
    same = torch.equal(loop(chip, images, labels), ATTACK(chip, images, labels))
    print(
        f"vgg8-half, 50 images, 10 steps, {torch.get_num_threads()} threads; "
        f"loop and attack agree: {same}"
    )
    for name, one, other in (
        (
            "PGD on a chip / PGD on software",
            lambda: ATTACK(chip, images, labels),
            lambda: ATTACK(software, images, labels),
        ),
        (
            "PGD on a chip / 15-line loop",
            lambda: ATTACK(chip, images, labels),
            lambda: loop(chip, images, labels),
        ),
    ):
        print("{}: {:.3f} ({:.3f} to {:.3f})".format(name, *paired(one, other)))
