"""Software and chip side by side, batch by batch, and every figure of every layer."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ...datasets import ImageSplit, Pairs, as_split, to_float
from ...nn import AbstractMappedLayer
from ...progress import AbstractProgress, Silent
from ...records import LayerStability, LogitStability, NoiseStability
from ...values import require_integer, takes_numbers
from ..layer_pairs import LayerPairs
from ..party import device_of, dtype_of, party, require_evaluation_mode, require_fit, restart_noise
from .batch import LOGITS, Batch
from .ratios import statistic
from .taps import Place


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
    """Measure how much noise a chip adds to each activation of its network, and how much of it the network passes on.

    Signal-to-noise ratio, noise sensitivity and noise factor of every mapped layer and of the logits, as in arXiv
    2109.09060 and its code, and the cushions, contraction and smoothness of Arora et al. 2018 (arXiv 1802.05296); the
    formulas stand at `LayerStability`. Clean images, the first `limit` of them (0: all); no label is read.

    Layers are found by name, so any two modules will do whose layers have the same ones; the last two thirds of the
    figures are the software network's, which autograd has to be able to pass. A stochastic chip is asked `draws`
    times. `probes`: random signs of Hutchinson's estimate where there are more classes than that (`seed`). Neither
    network is changed: no hook, mode, read noise, count of conversions or global random state remains.

    Raises ValueError for a network in training mode, for two without a layer of the same name, and for layers whose
    shapes or numbers of calls differ; TypeError for a network that does not give one tensor of logits.

    >>> one, twice = (nn.Sequential(nn.Flatten(), nn.Linear(1, 1, bias=False)).eval() for _ in range(2))
    >>> _ = nn.init.constant_(one[1].weight, 1.0), nn.init.constant_(twice[1].weight, 2.0)
    >>> images = [(torch.ones(1, 1, 1), 0)]
    >>> noise_stability(software=one, chip=twice, data=images)["1"].snr.mean  # 2^2 / (2 - 1)^2
    4.0
    """
    require_evaluation_mode("software", software)
    require_evaluation_mode("chip", chip)
    for name, value, least in (
        ("limit", limit, 0),
        ("batch_size", batch_size, 1),
        ("draws", draws, 1),
        ("probes", probes, 1),
        ("seed", seed, 0),
    ):
        require_integer(name, value, at_least=least)
    split = as_split(data, limit=limit)
    pairs = LayerPairs.of(software, chip)
    columns: dict[Place, dict[str, list[Tensor]]] = defaultdict(lambda: defaultdict(list))
    generator, exact = torch.Generator().manual_seed(seed), True
    with torch.random.fork_rng(), _as_it_was(chip), (progress or Silent()).task("stability", len(split)) as advance:
        torch.manual_seed(seed)  # of the copy: a module may draw from it
        require_fit("software", software, split)
        require_fit("chip", chip, split)
        draws = draws if _stochastic(chip, split) else 1
        for start in range(0, len(split), batch_size):
            images = to_float(split.images[start : start + batch_size])
            batch = Batch(software, chip, pairs, images)
            for draw in range(draws):
                restart_noise(chip, "stability", seed, start, draw)
                batch.listen_to_chip()
            exact = batch.classes <= probes
            for place, figures in batch.measure(probes=probes, generator=generator):
                for figure, values in figures.items():
                    columns[place][figure].append(values)
            advance(len(images), "")
    found = {place: {f: statistic(torch.cat(v)) for f, v in figures.items()} for place, figures in columns.items()}
    unheard = [name for name in pairs.software if (name, 0) not in found]
    return NoiseStability(
        chip=party(chip), software=party(software), data=split.name, fingerprint=split.fingerprint(),
        images=len(split), draws=draws, seed=seed, probes=probes, exact_jacobian=exact, batch_size=batch_size,
        threads=torch.get_num_threads(),
        layers=tuple(
            LayerStability(name=name, call=call, **figures)
            for (name, call), figures in found.items() if (name, call) != LOGITS
        ),
        logits=LogitStability(**found[LOGITS]),
        left_out=(*pairs.left_out, *unheard),
    )  # fmt: skip


def _stochastic(chip: nn.Module, split: ImageSplit) -> bool:
    """By its own word, or because it does not repeat itself on the first image."""
    if any(bool(getattr(module, "stochastic", False)) for module in chip.modules()):
        return True
    image = to_float(split.images[:1]).to(device_of(chip), dtype_of(chip))
    with torch.no_grad():
        return not torch.equal(chip(image), chip(image))


@contextmanager
def _as_it_was(chip: nn.Module) -> Iterator[None]:
    """Streams of read noise and counts of conversions are copies in here."""
    layers = [module for module in chip.modules() if isinstance(module, AbstractMappedLayer)]
    before = [(layer.noise, layer.tally) for layer in layers]
    for layer in layers:
        layer.noise, layer.tally = copy.copy(layer.noise), copy.copy(layer.tally)
    try:
        yield
    finally:
        for layer, (noise, tally) in zip(layers, before, strict=True):
            layer.noise, layer.tally = noise, tally
