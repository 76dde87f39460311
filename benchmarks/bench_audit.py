"""The full audit of a digits chip over one PGD-10 of the same images, and what it is spent on.

    python benchmarks/bench_audit.py                  a hundred images: a minute
    python benchmarks/bench_audit.py --images 500

Both in one process, PGD before and after, the shorter counts. Each row of the table is a stretch of
the audit's own progress: a check (the first that needs the base attack pays for it) or a control.
Forward and backward are passes of one image through a network, whichever it is.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from machine import best, heading, table
from torch import Tensor, nn

import wordline as wl
from wordline.progress import AbstractProgress, Advance


class Passes:
    """Counts the images that go forward and backward through networks of some classes."""

    def __init__(self, *classes: type[nn.Module]) -> None:
        self.classes, self.inside = classes, 0
        self.forward = self.backward = 0

    @contextmanager
    def counted(self) -> Iterator[None]:
        hooks = nn.modules.module
        before = hooks.register_module_forward_pre_hook(self._enter)
        after = hooks.register_module_forward_hook(self._leave, always_call=True)
        try:
            yield
        finally:
            before.remove()
            after.remove()

    def _enter(self, module: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        if isinstance(module, self.classes):
            self.forward += 0 if self.inside else len(arguments[0])
            self.inside += 1

    def _leave(self, module: nn.Module, arguments: tuple[Tensor, ...], output: Any) -> None:
        if not isinstance(module, self.classes):
            return
        self.inside -= 1
        if not self.inside and isinstance(output, Tensor) and output.requires_grad:
            output.register_hook(lambda gradient: self._went_back(len(gradient)))

    def _went_back(self, images: int) -> None:
        self.backward += images


class Stretches(AbstractProgress):
    """Seconds and passes between one note of the audit's progress and the next."""

    def __init__(self, passes: Passes) -> None:
        self.passes = passes
        self.spent: dict[str, list[float]] = defaultdict(lambda: [0.0, 0, 0])

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Advance]:
        self.name, self.mark = "before the first check", self._now()

        def advance(units: int, note: str) -> None:
            now = self._now()
            for place, (new, old) in enumerate(zip(now, self.mark, strict=True)):
                self.spent[self.name][place] += new - old
            self.mark = now
            if note and not note.endswith((" pass", " warn", " fail", " skipped")):
                self.name = note

        yield advance

    def _now(self) -> tuple[float, int, int]:
        return time.perf_counter(), self.passes.forward, self.passes.backward


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--crossbar", default="rethinking-64")
    parser.add_argument("--eps", type=float, default=8 / 255)
    options = parser.parse_args()
    software, data = wl.load_model("digits-cnn"), wl.load_dataset("digits").test
    crossbar = wl.Crossbar.preset(options.crossbar, gain=wl.LeastSquaresGain())
    chip = wl.map_model(software, crossbar, seed=0)
    split = data.take(options.images)
    attack = wl.PGD(eps=options.eps, steps=10)

    def pgd() -> None:
        for images, labels in zip(split.images.split(100), split.labels.split(100), strict=True):
            attack(chip, images, labels)

    once = best(pgd)
    passes = Passes(type(chip), type(software))
    stretches = Stretches(passes)
    start = time.perf_counter()
    with passes.counted():
        result = wl.audit(
            chip=chip, software=software, data=data, eps=options.eps, limit=options.images,
            progress=stretches,
        )  # fmt: skip
    whole = time.perf_counter() - start
    once = min(once, best(pgd))
    print(heading(), "\n")
    print(
        f"digits, {options.images} images, {options.crossbar}, eps {options.eps:.4g}: audit "
        f"{whole:.1f} s, PGD-10 {once:.3f} s, ratio {whole / once:.0f}; {result.verdict}\n"
    )
    rows = [
        {
            "stretch": name,
            "seconds": f"{seconds:.2f}",
            "PGD-10s": f"{seconds / once:.1f}",
            "forward": f"{forward:,.0f}",
            "backward": f"{backward:,.0f}",
        }
        for name, (seconds, forward, backward) in stretches.spent.items()
        if forward
    ]
    table(rows)


if __name__ == "__main__":
    main()
