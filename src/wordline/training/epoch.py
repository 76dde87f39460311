"""One pass over the training images: the work of every step, on whatever devices there are."""

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


class MixedPrecision(nn.Module):
    """A network with channels last, matrix products in bf16 where asked for, and float32 logits.

    The autocast context closes after each pass, so that no rounded weight outlives the gradient
    mode that it was made in.
    """

    def __init__(self, network: nn.Module, bf16: bool) -> None:
        super().__init__()
        self.network, self.bf16 = network, bf16

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits."""
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self.bf16):
            logits: Tensor = self.network(images.contiguous(memory_format=torch.channels_last))
        return logits.float()


class TrainStep(nn.Module):
    """The loss of a network as one module, for a wrapper that averages gradients over processes.

    Such a wrapper counts on one pass a step; the passes that craft images happen inside of it.
    """

    def __init__(self, model: nn.Module, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.network = MixedPrecision(recipe.forward.wrap(model), uses_bf16(recipe))

    def forward(self, images: Tensor, labels: Tensor, seed: int, forward_seed: int) -> Tensor:
        """Return the loss of a batch; attacks draw from `seed`, chips and noise from the other."""
        self.recipe.forward.on_step(self.network.network, forward_seed)
        generator = torch.Generator().manual_seed(seed)
        return self.recipe.objective.loss(self.network, images, labels, generator=generator)

    def train(self, mode: bool = True) -> TrainStep:
        """Set training mode, except for batch norm that the recipe freezes."""
        super().train(mode)
        if self.recipe.frozen_batch_norm:
            for module in self.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        return self

    def score(self, split: ImageSplit) -> float:
        """Return the objective's score; chips and noise are drawn alike at every epoch."""
        self.eval()
        with torch.no_grad():
            self.recipe.forward.on_step(self.network.network, 0)
        return self.recipe.objective.score(self.network, split)


def train_epoch(
    accelerator: Any,
    step_loss: nn.Module,
    optimizer: torch.optim.Optimizer,
    split: ImageSplit,
    recipe: Recipe,
    epoch: int,
    seed: int,
    advance: Advance,
) -> None:
    """Train for one pass over the images; ValueError once the loss is no longer finite.

    `step_loss` is a `TrainStep`, or the accelerator's wrapper of one.
    """
    step_loss.train()
    steps = len(split) // recipe.batch_size
    share = slice(accelerator.process_index, None, accelerator.num_processes)
    batches = _batches(split, recipe, epoch, seed, accelerator.device)
    for step, (images, labels) in enumerate(batches):
        for group in optimizer.param_groups:
            group["lr"] = recipe.schedule.lr(epoch + step / steps, recipe.epochs)
        attack_seed = stream_seed(seed, epoch, step, accelerator.process_index)
        forward_seed = stream_seed(seed, epoch, step)
        optimizer.zero_grad()
        batch = images[share].contiguous(memory_format=torch.channels_last)
        loss = step_loss(batch, labels[share], attack_seed, forward_seed)
        accelerator.backward(loss)
        optimizer.step()
        if not math.isfinite(now := loss.item()):
            raise ValueError(
                f"`recipe` lets the loss become {now} in epoch {epoch + 1}; lower its learning rate"
            )
        advance(1, f"epoch {epoch + 1}/{recipe.epochs}  loss {now:.3f}")


def uses_bf16(recipe: Recipe) -> bool:
    """Return True if the recipe means bf16 here; "auto" does if the processor computes in it."""
    if recipe.precision != "auto":
        return recipe.precision == "bf16"
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    # absent from other builds
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return bool(supported())


def _batches(
    split: ImageSplit, recipe: Recipe, epoch: int, seed: int, device: torch.device
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield augmented batches in random order; all draws come from one stream of (seed, epoch)."""
    generator = torch.Generator().manual_seed(batch_seed(seed, epoch))
    order = torch.randperm(len(split), generator=generator)
    for start in range(0, len(split) - recipe.batch_size + 1, recipe.batch_size):
        batch = order[start : start + recipe.batch_size]
        images = to_float(split.images[batch].to(device))
        images = augment(images, recipe.crop, recipe.flip, generator=generator)
        yield images, split.labels[batch].to(device)
