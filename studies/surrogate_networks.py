"""GENIEx (arXiv 2003.06902) and wordline's surrogate on the same arrays.

Reproduces  the network of arXiv 2003.06902: Linear(N^2 + N, 500) - ReLU - Linear(500, N) on
            normalised (G, V), which predicts I_ideal / I of every column; here also I_linear / I,
            with the exact currents of ohmic devices
Command     python studies/surrogate_networks.py 64 150 (tile, seconds of training for each of the
            two)
Time        7 on one core
Expect      the two generalise poorly to arrays they have not seen; the column network is far below
            both

The two learn from as many nonlinear solves as `builtin:puma-NxN-100k` did, 16384, of four times as
many arrays; all three are judged by the same 4096.
"""

import math
import sys
import time

import torch
from torch import Tensor, nn

from wordline.arrays import ArrayDesign, SurrogateArray
from wordline.arrays.surrogate.samples import HELD_OUT, TRAINING, SampleDistribution, draw_samples
from wordline.circuits import effective_conductance, solve_nonlinear

VECTORS, BATCH = 4, 64  # inputs of an array, arrays of a step
Data = tuple[
    Tensor, Tensor, dict[str, Tensor], Tensor
]  # shares of the window, of the voltage, bases, exact currents


def data(
    design: ArrayDesign, count: int, distribution: SampleDistribution, seed: int
) -> tuple[Data, Tensor]:
    """Return the data of a network, and the conductances.

    Normalised conductances and voltages, currents to start from, exact currents.
    """
    g, volts = draw_samples(
        design,
        count // VECTORS,
        VECTORS,
        distribution,
        generator=torch.Generator().manual_seed(seed),
    )
    exact = solve_nonlinear(volts, g, design.wires, design.law)
    bases = {"ideal": volts @ g, "linear": volts @ effective_conductance(g, design.wires)}
    share = (g - design.g_off_siemens) / (design.g_on_siemens - design.g_off_siemens)
    return (share.flatten(1).float(), (volts / design.volts).float(), bases, exact), g


class Geniex(nn.Module):
    """The published network.

    The conductances' half of the first layer is shared by all inputs of an array.
    """

    def __init__(self, rows: int, cols: int, hidden: int = 500) -> None:
        super().__init__()
        self.conductances = nn.Linear(rows * cols, hidden)
        self.voltages = nn.Linear(rows, hidden, bias=False)
        self.out = nn.Linear(hidden, cols)

    def forward(self, g: Tensor, v: Tensor) -> Tensor:
        """Return each column's ratio; g `(tiles, rows * cols)`, v `(tiles, vectors, rows)`."""
        return self.out(torch.relu(self.conductances(g).unsqueeze(1) + self.voltages(v)))


def train(network: Geniex, learn: Data, base: str, seconds: float, seed: int = 0) -> int:
    """Train by Adam on the mean square error of the ratio; return the epochs.

    The learning rate falls to zero over `seconds`.
    """
    g, v, bases, exact = learn
    alive = exact > 0
    ratio = torch.where(alive, bases[base] / exact.where(alive, 1), 1).float()
    generator, optimizer = (
        torch.Generator().manual_seed(seed),
        torch.optim.Adam(network.parameters()),
    )
    started, steps = time.perf_counter(), 0
    while (gone := (time.perf_counter() - started) / seconds) < 1:
        optimizer.param_groups[0]["lr"] = 0.5e-3 * (1 + math.cos(math.pi * gone))
        some = torch.randint(len(g), (BATCH,), generator=generator)
        loss = ((network(g[some], v[some]) - ratio[some]) * alive[some]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        steps += 1
    return steps * BATCH // len(g)


def errors(design: ArrayDesign, found: Tensor, exact: Tensor) -> str:
    """Write two entries of the table."""
    rms = ((found - exact).square().mean() / exact.square().mean()).sqrt()
    return f"{rms:.1e} | {(found - exact).abs().max() / design.full_scale_ampere:.1e}"


def main(size: int, seconds: float) -> None:
    """Print the table."""
    torch.set_num_threads(1)
    array = SurrogateArray.of(f"builtin:puma-{size}x{size}-100k")
    design = array.design
    learn, _ = data(design, 16384, TRAINING, 0)
    judge, g = data(design, 4096, HELD_OUT, 1)
    g_share, v, bases, exact = judge
    print(
        "| network | weights | epochs | relative RMS error | largest error / full scale |\n"
        "|---|---|---|---|---|"
    )
    for name, currents in bases.items():
        print(f"| none: {name} currents | 0 | | {errors(design, currents, exact)} |")
    for base in bases:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            network = Geniex(*design.tile)
        epochs = train(network, learn, base, seconds)
        with torch.no_grad():
            currents = bases[base] / network(g_share, v)
        weights = sum(p.numel() for p in network.parameters())
        print(
            f"| GENIEx, {base} base | {weights} | {epochs} | {errors(design, currents, exact)} |",
            flush=True,
        )
    currents = array.currents(
        v.double() * design.volts, array.program(g, design.wires), design.wires
    )
    weights, epochs = 8 * array.report.hidden + 7, array.report.epochs
    found = errors(design, currents, exact)
    print(f"| column network, linear base | {weights} | {epochs} | {found} |")


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
