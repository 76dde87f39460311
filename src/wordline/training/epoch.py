"""One pass over the training images: what every step does, on whatever devices there are."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from ..datasets import ImageSplit, to_float
from ..progress import Advance
from ..seeds import batch_seed, stream_seed
from .augment import augment
from .recipe import Recipe


class InPrecision(nn.Module):
    """A network as training calls it: channels last, matrix products in bf16 where asked for, logits in float32.

    The context closes after each pass, so that no rounded weight outlives the mode of gradients it was made in.
    """

    def __init__(self, network: nn.Module, bf16: bool) -> None:
        super().__init__()
        self.network, self.bf16 = network, bf16

    def forward(self, images: Tensor) -> Tensor:
        """The logits."""
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self.bf16):
            logits: Tensor = self.network(images.contiguous(memory_format=torch.channels_last))
        return logits.float()


class Trainee(nn.Module):
    """The loss of a network as one module, for a wrapper that averages gradients over processes.

    Such a wrapper counts on one pass a step; the passes in which images are crafted happen inside of it, unseen.
    """

    def __init__(self, model: nn.Module, recipe: Recipe) -> None:
        super().__init__()
        self.network, self.recipe = InPrecision(recipe.body.around(model), uses_bf16(recipe)), recipe

    def forward(self, images: Tensor, labels: Tensor, seed: int, body_seed: int) -> Tensor:
        """The loss of one batch, which draws from `seed`, on a body that draws from `body_seed`."""
        self.recipe.body.begin_step(self.network.network, body_seed)
        generator = torch.Generator().manual_seed(seed)
        return self.recipe.objective.loss(self.network, images, labels, generator=generator)

    def train(self, mode: bool = True) -> Trainee:
        """Training mode, but for batch norm where the recipe freezes it."""
        super().train(mode)
        if self.recipe.frozen_batch_norm:
            for module in self.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        return self

    def score(self, split: ImageSplit) -> float:
        """What the objective thinks of the network as it now stands, on the same draw of its body at every epoch."""
        self.eval()
        with torch.no_grad():
            self.recipe.body.begin_step(self.network.network, 0)
        return self.recipe.objective.score(self.network, split)


def train_epoch(
    accelerator: Any,
    trainee: nn.Module,
    optimizer: torch.optim.Optimizer,
    split: ImageSplit,
    recipe: Recipe,
    epoch: int,
    seed: int,
    advance: Advance,
) -> None:
    """One pass over the training images."""
    trainee.train()
    steps = len(split) // recipe.batch_size
    mine = slice(accelerator.process_index, None, accelerator.num_processes)
    for step, (images, labels) in enumerate(_batches(split, recipe, epoch, seed, accelerator.device)):
        for group in optimizer.param_groups:
            group["lr"] = recipe.schedule.lr(epoch + step / steps, recipe.epochs)
        drawn = stream_seed(seed, epoch, step, accelerator.process_index), stream_seed(seed, epoch, step)
        optimizer.zero_grad()
        loss = trainee(images[mine].contiguous(memory_format=torch.channels_last), labels[mine], *drawn)
        accelerator.backward(loss)
        optimizer.step()
        if not math.isfinite(now := loss.item()):
            raise ValueError(f"`recipe` lets the loss become {now} in epoch {epoch + 1}; lower its learning rate")
        advance(1, f"epoch {epoch + 1}/{recipe.epochs}  loss {now:.3f}")


def uses_bf16(recipe: Recipe) -> bool:
    """Whether the recipe's precision means bf16 here: a processor without the arithmetic would only be slower."""
    if recipe.precision != "auto":
        return recipe.precision == "bf16"
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)  # absent from other builds
    return bool(supported())


def _batches(
    split: ImageSplit, recipe: Recipe, epoch: int, seed: int, device: torch.device
) -> Iterator[tuple[Tensor, Tensor]]:
    """Augmented batches in random order; all draws come from one stream that belongs to (seed, epoch)."""
    generator = torch.Generator().manual_seed(batch_seed(seed, epoch))
    order = torch.randperm(len(split), generator=generator)
    for start in range(0, len(split) - recipe.batch_size + 1, recipe.batch_size):
        batch = order[start : start + recipe.batch_size]
        images = to_float(split.images[batch].to(device))
        yield augment(images, recipe.crop, recipe.flip, generator=generator), split.labels[batch].to(device)
