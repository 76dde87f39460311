"""Training a network on an image data set: one loop, resumable to the bit, on whatever devices there are."""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..files import require_writable
from ..progress import AbstractProgress, Advance, Silent
from ..values import require_instance, require_integer
from .accuracy import accuracy
from .architectures import build_model
from .augment import augment
from .cards import Card
from .checkpoint import Checkpoint
from .data import ImageData, ImageSplit, to_float
from .files import load_state, save_weights
from .recipe import Recipe


def train(
    architecture: str,
    data: ImageData,
    recipe: Recipe,
    out: Path,
    *,
    seed: int = 0,
    half: bool = False,
    command: str = "",
    progress: AbstractProgress | None = None,
) -> Card:
    """Train `architecture` on `data` and leave `NAME.safetensors` and its card `NAME.json` in `out`.

    After every epoch `NAME.checkpoint` is replaced; a run that finds one made by the same settings goes on from it and,
    on the CPU, ends with the same bits, for every draw derives from (seed, epoch). The test split is looked at once, at
    the end. Under `accelerate launch` each process takes its slice of every batch, so that the batches are the same
    for any number of processes, and only the main one writes. Raises ValueError for settings that do not go together,
    a folder that cannot be written, a checkpoint of another run, or a loss that is no longer finite.
    """
    from accelerate import Accelerator  # slow to import, and only training needs it

    started = time.monotonic()
    name = f"{architecture}-{data.name}"
    require_instance("recipe", recipe, Recipe)
    require_integer("seed", seed, at_least=0)
    accelerator = Accelerator(mixed_precision="no")  # its setting is one for the whole process; ours is the recipe's
    bare = _untrained(architecture, data, recipe, seed, accelerator.num_processes)
    require_writable("out", out)

    bare = bare.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # absent from torch's overloads
    model, optimizer = accelerator.prepare(bare, _sgd(bare, recipe))
    settings = name, str(seed), recipe.to_json(), data.train.fingerprint()
    checkpoint = Checkpoint.of(out / f"{name}.checkpoint", *settings)
    done, spent = checkpoint.resume(bare, optimizer)
    accelerator.wait_for_everyone()  # nobody may write before everybody has read

    bf16 = _uses_bf16(recipe)
    steps = len(data.train) // recipe.batch_size
    shown = progress if progress is not None and accelerator.is_main_process else Silent()
    with shown.task(f"training {name}", recipe.epochs * steps) as advance:
        advance(done * steps, "")
        for epoch in range(done, recipe.epochs):
            _train_epoch(accelerator, model, optimizer, data.train, recipe, epoch, seed, bf16, advance)
            if accelerator.is_main_process:
                checkpoint.save(epoch + 1, spent + time.monotonic() - started, bare, optimizer)

    bare.eval()
    if half:  # so that the card tells what the file holds
        load_state(bare, {k: v.half() if v.is_floating_point() else v for k, v in bare.state_dict().items()}, name)
    card = Card(
        architecture=architecture, data=data.name, classes=len(data.classes), side=data.train.images.shape[-1],
        recipe=recipe, seed=seed, train_fingerprint=data.train.fingerprint(), test_fingerprint=data.test.fingerprint(),
        test_accuracy=accuracy(bare, data.test), test_images=len(data.test),
        minutes=round((spent + time.monotonic() - started) / 60, 2),
        versions={"python": platform.python_version(), "torch": torch.__version__}, command=command,
    )  # fmt: skip
    if accelerator.is_main_process:
        save_weights(bare, out / f"{name}.safetensors", half=half)
        card.write(out / f"{name}.json")
        checkpoint.path.unlink(missing_ok=True)
    accelerator.wait_for_everyone()
    return card


def _untrained(architecture: str, data: ImageData, recipe: Recipe, seed: int, processes: int) -> nn.Module:
    """The network at its start, once everything that can go wrong later has been tried."""
    images = data.train.images
    side = images.shape[-1]
    model = build_model(architecture, len(data.classes), side, seed=seed)
    try:
        with torch.no_grad():
            model.eval()(to_float(images[:1]))
    except RuntimeError as error:
        shape = " x ".join(map(str, images.shape[1:]))
        raise ValueError(f"`architecture` {architecture!r} cannot take the {shape} images of {data.name!r}") from error
    if recipe.batch_size > len(data.train):
        raise ValueError(f"`batch_size` is {recipe.batch_size}, more than the {len(data.train)} training images")
    if recipe.batch_size % processes:
        raise ValueError(f"`batch_size` is {recipe.batch_size}, which {processes} processes cannot share evenly")
    if recipe.crop >= side:
        raise ValueError(f"`crop` is {recipe.crop}, but the images have only {side} pixels a side")
    if int(data.train.labels.max()) >= len(data.classes):
        raise ValueError(f"`data` has the label {int(data.train.labels.max())} but only {len(data.classes)} classes")
    return model


def _sgd(model: nn.Module, recipe: Recipe) -> torch.optim.SGD:
    return torch.optim.SGD(
        model.parameters(),
        lr=recipe.schedule.lr(0.0, recipe.epochs),
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
        nesterov=recipe.nesterov,
    )


def _train_epoch(
    accelerator: Any,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    split: ImageSplit,
    recipe: Recipe,
    epoch: int,
    seed: int,
    bf16: bool,
    advance: Advance,
) -> None:
    """One pass over the training images."""
    model.train()
    steps = len(split) // recipe.batch_size
    for step, (images, labels) in enumerate(_batches(split, recipe, epoch, seed, accelerator.device)):
        for group in optimizer.param_groups:
            group["lr"] = recipe.schedule.lr(epoch + step / steps, recipe.epochs)
        mine = slice(accelerator.process_index, None, accelerator.num_processes)
        with torch.autocast(accelerator.device.type, torch.bfloat16, enabled=bf16):
            logits = model(images[mine].contiguous(memory_format=torch.channels_last))
        loss = functional.cross_entropy(logits.float(), labels[mine])
        optimizer.zero_grad()
        accelerator.backward(loss)
        optimizer.step()
        if not math.isfinite(now := loss.item()):
            raise ValueError(f"`recipe` lets the loss become {now} in epoch {epoch + 1}; lower its learning rate")
        advance(1, f"epoch {epoch + 1}/{recipe.epochs}  loss {now:.3f}")


def _batches(
    split: ImageSplit, recipe: Recipe, epoch: int, seed: int, device: torch.device
) -> Iterator[tuple[Tensor, Tensor]]:
    """Augmented batches in random order; all draws come from one stream that belongs to (seed, epoch)."""
    generator = torch.Generator().manual_seed(1_000_003 * seed + epoch)
    order = torch.randperm(len(split), generator=generator)
    for start in range(0, len(split) - recipe.batch_size + 1, recipe.batch_size):
        batch = order[start : start + recipe.batch_size]
        images = to_float(split.images[batch].to(device))
        yield augment(images, recipe.crop, recipe.flip, generator=generator), split.labels[batch].to(device)


def _uses_bf16(recipe: Recipe) -> bool:
    """Whether the recipe's precision means bf16 here: a processor without the arithmetic would only be slower."""
    if recipe.precision != "auto":
        return recipe.precision == "bf16"
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)  # absent from other builds
    return bool(supported())
