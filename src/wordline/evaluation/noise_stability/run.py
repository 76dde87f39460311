"""Software and chip side by side, batch by batch, and every figure of every layer."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ...datasets import ImageSplit, Pairs, as_split, to_float
from ...models.batches import prepare
from ...nn import AbstractMappedLayer
from ...progress import AbstractProgress, Silent
from ...records import LayerStability, LogitStability, NoiseStability
from ...values import require_integer, takes_numbers
from ..identify import identify
from ..layer_pairs import LayerPairs
from ..read_noise import restart_noise
from ..requirements import require_evaluation_mode, require_fit
from .batch import LOGITS, Batch
from .hooks import CallId
from .ratios import statistic


@takes_numbers
def noise_stability(
    *,
    software: nn.Module,
    chip: nn.Module,
    data: Pairs,
    limit: int = 0,
    batch_size: int = 100,
    draws: int = 20,
    probes: int = 16,
    seed: int = 0,
    progress: AbstractProgress | None = None,
) -> NoiseStability:
    """Measure the noise a chip adds to each activation, and how much of it the network passes on.

    Signal-to-noise ratio, noise sensitivity and noise factor of every mapped layer and of the
    logits, as in arXiv 2109.09060 and its code, and the cushions, contraction and smoothness of
    Arora et al. 2018 (arXiv 1802.05296); the formulas stand at `LayerStability`. Clean images, the
    first `limit` of them (0: all); no label is read.

    Layers are found by name, so any two modules will do whose layers have the same ones; cushions,
    contraction and smoothness are the software network's, which autograd must be able to
    differentiate. A stochastic chip is run `draws` times. `probes`: random signs of Hutchinson's
    estimate where there are more classes than that (`seed`). Neither network is changed: no hook,
    mode, read noise, count of conversions or global random state remains.

    Raises ValueError for a network in training mode, for two without a layer of the same name, and
    for layers whose shapes or numbers of calls differ; TypeError for a network that does not give
    one tensor of logits.

    >>> def linear(weight):
    ...     net = nn.Sequential(nn.Flatten(), nn.Linear(1, 1, bias=False)).eval()
    ...     _ = nn.init.constant_(net[1].weight, weight)
    ...     return net
    >>> images = [(torch.ones(1, 1, 1), 0)]
    >>> found = noise_stability(software=linear(1.0), chip=linear(2.0), data=images)
    >>> found["1"].snr.mean  # 2^2 / (2 - 1)^2
    4.0
    """
    require_evaluation_mode("software", software)
    require_evaluation_mode("chip", chip)
    require_integer("limit", limit, at_least=0)
    require_integer("batch_size", batch_size, at_least=1)
    require_integer("draws", draws, at_least=1)
    require_integer("probes", probes, at_least=1)
    require_integer("seed", seed, at_least=0)
    split = as_split(data, limit=limit)
    pairs = LayerPairs.of(software, chip)
    columns: dict[CallId, dict[str, list[Tensor]]] = defaultdict(lambda: defaultdict(list))
    generator, exact = torch.Generator().manual_seed(seed), True
    task = (progress or Silent()).task("stability", len(split))
    with torch.random.fork_rng(), _state_kept(chip), task as advance:
        torch.manual_seed(seed)  # of the copy: a module may draw from it
        require_fit("software", software, split)
        require_fit("chip", chip, split)
        draws = draws if _stochastic(chip, split) else 1
        for start in range(0, len(split), batch_size):
            images = to_float(split.images[start : start + batch_size])
            batch = Batch(software, chip, pairs, images)
            for draw in range(draws):
                restart_noise(chip, "stability", seed, start, draw)
                batch.run_chip()
            exact = batch.classes <= probes
            for call, figures in batch.measure(probes=probes, generator=generator):
                for figure, values in figures.items():
                    columns[call][figure].append(values)
            advance(len(images), "")
    found = {
        call: {figure: statistic(torch.cat(values)) for figure, values in figures.items()}
        for call, figures in columns.items()
    }
    not_called = [name for name in pairs.software if (name, 0) not in found]
    return NoiseStability(
        chip=identify(chip), software=identify(software), data=split.name,
        fingerprint=split.fingerprint(), images=len(split), draws=draws, seed=seed, probes=probes,
        exact_jacobian=exact, batch_size=batch_size, threads=torch.get_num_threads(),
        layers=tuple(
            LayerStability(name=name, call=number, **figures)
            for (name, number), figures in found.items() if (name, number) != LOGITS
        ),
        logits=LogitStability(**found[LOGITS]),
        left_out=(*pairs.left_out, *not_called),
    )  # fmt: skip


def _stochastic(chip: nn.Module, split: ImageSplit) -> bool:
    """Tell if a chip declares itself stochastic, or does not repeat itself on the first image."""
    if any(bool(getattr(module, "stochastic", False)) for module in chip.modules()):
        return True
    image = prepare(chip, split.images[:1])
    with torch.no_grad():
        return not torch.equal(chip(image), chip(image))


@contextmanager
def _state_kept(chip: nn.Module) -> Iterator[None]:
    """Work on copies of the streams of read noise and the counts of conversions."""
    layers = [module for module in chip.modules() if isinstance(module, AbstractMappedLayer)]
    before = [(layer.noise, layer.tally) for layer in layers]
    for layer in layers:
        layer.noise, layer.tally = copy.copy(layer.noise), copy.copy(layer.tally)
    try:
        yield
    finally:
        for layer, (noise, tally) in zip(layers, before, strict=True):
            layer.noise, layer.tally = noise, tally
