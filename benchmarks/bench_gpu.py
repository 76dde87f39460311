"""The portable path beside plain torch on one device: solves, reads, and PGD on chips.

    python -m benchmarks.bench_gpu [--device cuda|cpu] [--small]

Prints Markdown tables for `benchmarks/gpu.md`. On the CPU the compiled kernels are left out, so
that the paths are those of a GPU. Shares are of the rate of a large matrix product on this device
in this type, TF32 off.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest import mock

import torch
from benchmarks.bench_pgd import ATTACK
from benchmarks.bench_reads import CASES
from benchmarks.machine import best, heading, table
from torch import Tensor, nn
from torch.nn import functional

import wordline as wl
from wordline.circuits.linear import levels, reference
from wordline.nn.reading import read_fast
from wordline.runs.cost import macs

WIRES = wl.Wires(driver_ohm=1e3, row_ohm=5, col_ohm=10, sense_ohm=1e3)
MAX_DENSE = 1 << 31  # numbers in the dense matrices of a batch, which else do not fit


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--small", action="store_true", help="seconds on a CPU, not minutes")
    args = parser.parse_args()
    device = torch.device(args.device)
    torch.backends.cudnn.allow_tf32 = False
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "portable path, CPU"
    print(f"{name}; {heading()}\n")
    with _portable_reads():
        table(list(solves(device, small=args.small)))
        table(list(reads(device, small=args.small)))
        table(list(attacks(device, small=args.small)))


def solves(device: torch.device, *, small: bool) -> Iterator[dict[str, str]]:
    """The exact solve and its adjoint, beside a batched dense solve of all nodes."""
    sizes = ((16, (1, 16, 128)), (32, (1, 16)), (64, (1, 16, 128)), (128, (1, 16, 128)))
    for dtype in (torch.float64, torch.float32):
        rate = gemm(device, dtype, small=small)
        for n, batches in sizes[: 3 if small else 4]:
            for tiles in batches[: 2 if small else 3]:
                g = (torch.rand(tiles, n, n, dtype=torch.float64) * 1e-4).to(device, dtype)
                solve = seconds(device, lambda g=g: reference.solve(g, WIRES))
                back = seconds(device, lambda g=g: reference.adjoint(g, g, WIRES))
                row = {
                    "type": str(dtype).removeprefix("torch."),
                    "array": f"{n} x {n}",
                    "tiles": str(tiles),
                    "solve, ms": f"{solve * 1e3:.2f}",
                    "share of matrix product": f"{operations(n) * tiles / solve / rate:.1%}",
                    "gradient over solve": f"{back / solve:.2f}",
                }
                dense = tiles * (2 * n * n) ** 2
                if dtype == torch.float64 and dense <= MAX_DENSE >> (6 if small else 0):
                    other = seconds(device, lambda g=g: nodal(g, WIRES), times=1)
                    off = (nodal(g, WIRES) - reference.solve(g, WIRES)).abs().max() / g.max()
                    row["torch.linalg over solve"] = f"{other / solve:.0f} x"
                    row["distance from it"] = f"{off.item():.0e}"
                yield row


def reads(device: torch.device, *, small: bool) -> Iterator[dict[str, str]]:
    """A convolution behind converters beside `F.conv2d`, float32."""
    batch = 4 if small else 256
    layer = nn.Conv2d(128, 128, 3, padding=1, bias=False).eval()
    x = torch.rand(batch, 128, 16, 16, device=device)
    operations = 2 * layer.weight.numel() * batch * 16 * 16
    rate = gemm(device, torch.float32, small=small)
    for name, crossbar in CASES.items():
        chip = wl.map_model(layer, crossbar).to(device)
        weight = chip.layers["model"].effective_weight
        with torch.no_grad():
            plain = seconds(device, lambda w=weight: functional.conv2d(x, w, padding=1))
            read = seconds(device, lambda chip=chip: chip(x), times=2)
        slicing = crossbar.slicing
        digits = sum(1 for _ in slicing.streams(x[:1] / 2)) * len(slicing.slices(1))
        arrays = 2 * digits * operations
        yield {
            "read": name,
            "batch": str(batch),
            "F.conv2d, ms": f"{plain * 1e3:.2f}",
            "read over it": f"{read / plain:.1f} x",
            "share of matrix product": f"{arrays / read / rate:.1%}",
        }


def attacks(device: torch.device, *, small: bool) -> Iterator[dict[str, str]]:
    """PGD-10 on VGG8 in software and on chips, float32."""
    batch = 8 if small else 512
    software = wl.load_model("vgg8-half-cifar10").requires_grad_(False)
    images, labels = torch.rand(batch, 3, 32, 32, device=device), torch.arange(batch) % 10
    rate = gemm(device, torch.float32, small=small)
    work = 2 * macs(software, images[:1].cpu()) * batch * (1 + 2 * ATTACK.steps)  # at least
    base = wl.Crossbar.preset("rethinking-64", gain=wl.LeastSquaresGain())
    took = 0.0
    for name, model in (("software", software), ("rethinking-64", wl.map_model(software, base))):
        model = model.to(device).requires_grad_(False)
        now = seconds(device, lambda m=model: ATTACK(m, images, labels.to(device)), times=2)
        took = took or now
        yield {
            "PGD-10 on": name,
            "batch": str(batch),
            "seconds": f"{now:.2f}",
            "over software": f"{now / took:.2f} x",
            "share of matrix product": f"{work / now / rate:.1%}",
        }


def nodal(g: Tensor, wires: wl.Wires) -> Tensor:
    """Effective conductances by dense matrices of all nodes, `(tiles, 2 cells, 2 cells)`."""
    tiles, rows, cols = g.shape
    word = torch.arange(rows * cols, device=g.device).view(rows, cols)
    bit = word + rows * cols
    a = g.new_zeros(tiles, 2 * rows * cols, 2 * rows * cols)

    def connect(p: Tensor, q: Tensor, siemens: Tensor | float) -> None:
        p, q = p.flatten(), q.flatten()
        for at, other in ((p, q), (q, p)):
            a[:, at, at] += siemens
            a[:, at, other] -= siemens

    connect(word, bit, g.flatten(1))
    connect(word[:, 1:], word[:, :-1], 1 / wires.row_ohm)
    connect(bit[1:], bit[:-1], 1 / wires.col_ohm)
    a[:, word[:, 0], word[:, 0]] += 1 / wires.driver_ohm
    a[:, bit[-1], bit[-1]] += 1 / wires.sense_ohm
    driven = g.new_zeros(2 * rows * cols, rows)
    driven[word[:, 0], torch.arange(rows, device=g.device)] = 1 / wires.driver_ohm
    volts = torch.linalg.solve(a, driven.expand(tiles, -1, -1))
    return volts[:, bit[-1]].mT / wires.sense_ohm


def operations(n: int) -> int:
    """Operations that the portable solve does in matrix products and inverses, a tile of n x n."""
    total = 0
    for level in levels.plan(n, n, torch.device("cpu")).levels:
        w, ports = level.width, len(level.block.ports)
        total += len(level.upstream.members) * (8 * w**3 + 4 * ports * w * w + 2 * ports**2 * w)
    return total


def gemm(device: torch.device, dtype: torch.dtype, *, small: bool) -> float:
    """Operations a second of a large matrix product."""
    n = 1024 if small else 8192
    a = torch.rand(n, n, dtype=dtype, device=device)
    return 2 * n**3 / seconds(device, lambda: a @ a)


def seconds(device: torch.device, run: Callable[[], object], times: int = 3) -> float:
    """Shortest of a few times until the device has finished."""

    def finished() -> None:
        run()
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return best(finished, times)


@contextmanager
def _portable_reads() -> Iterator[None]:
    with mock.patch.object(read_fast, "applies", return_value=False):
        yield


if __name__ == "__main__":
    main()
