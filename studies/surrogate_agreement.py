"""Agreement of a surrogate of curved arrays with the exact solve, in a whole network.

Reproduces  nothing printed: what arXiv 2003.06902 checks against SPICE, here in a network small
            enough for both
Command     python studies/surrogate_agreement.py [images]
Time        2 on one core for 300 images
Expect      the same answers up to a handful; logits within four percent, input gradients within a
            degree

A perceptron 64 - 32 - 10, trained here on the embedded digits in a few seconds, on the three PUMA
crossbars (16-bit weights in 4-bit slices, 4-bit streams, 14-bit ADC): every array solved by
Newton's method, read by the surrogate, by the exact solve of the ohmic array, and as ideal
products.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

import wordline as wl
from wordline.datasets import ImageData

PRESETS = ("puma-32x32-100k", "puma-64x64-100k", "puma-64x64-300k")
EXACT = wl.NonlinearArray(wl.SinhDevice(b=4.0))


def perceptron(data: ImageData) -> nn.Module:
    """Train a network of two matrices."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        model = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    images, labels = wl.datasets.to_float(data.train.images), data.train.labels
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(400):
        optimizer.zero_grad()
        functional.cross_entropy(model(images), labels).backward()
        optimizer.step()
    return model.eval()


def answers(model: nn.Module, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, float]:
    """Return logits, input gradients of the cross-entropy, and seconds."""
    begun = time.perf_counter()
    x = images.clone().requires_grad_()
    logits = model(x)
    (gradient,) = torch.autograd.grad(functional.cross_entropy(logits, labels, reduction="sum"), x)
    return logits.detach(), gradient.flatten(1), time.perf_counter() - begun


def main() -> None:
    """Print one table."""
    torch.set_num_threads(1)
    data = wl.load_dataset("digits")
    software = perceptron(data)
    split = data.test.take(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
    images, labels = wl.datasets.to_float(split.images), split.labels
    right = float((software(images).argmax(1) == labels).double().mean())
    print(
        f"perceptron on digits, first {len(labels)} test images, software CA {right:.1%}, "
        "float32, 1 thread\n"
    )
    print(
        "| crossbar | arrays | CA % | same answer as exact | logits, rel. RMS from exact | "
        "gradient cosine | s |"
    )
    print("|---|---|---|---|---|---|---|")
    for name in PRESETS:
        crossbar = wl.Crossbar.preset(name)
        kinds = {
            "exact nonlinear": replace(crossbar, array=EXACT),
            "surrogate": crossbar,
            "ohmic, exact": replace(crossbar, array=wl.ExactArray()),
            "ideal": replace(crossbar, array=wl.ExactArray(), wires=wl.Wires()),
        }
        want: tuple[Tensor, Tensor, float] | None = None
        for kind, made in kinds.items():
            logits, gradient, seconds = answers(wl.map_model(software, made), images, labels)
            want = want or (logits, gradient, seconds)
            same = float((logits.argmax(1) == want[0].argmax(1)).double().mean())
            error = float(
                (logits - want[0]).square().mean().sqrt() / want[0].square().mean().sqrt()
            )
            cosine = float(functional.cosine_similarity(gradient, want[1]).median())
            ca = float((logits.argmax(1) == labels).double().mean())
            figures = f"{ca:.1%} | {same:.1%} | {error:.1e} | {cosine:.5f} | {seconds:.1f}"
            print(f"| {name} | {kind} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
