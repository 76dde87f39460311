"""Training a network on an image data set: one loop, resumable to the bit, on whatever devices there are."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path

import torch
from torch import nn

from ..datasets import ImageData, ImageSplit, to_float
from ..files import require_writable
from ..fingerprints import fingerprint
from ..models import accuracy, build_model, load_state, save_weights
from ..progress import AbstractProgress, Silent
from ..values import require_instance, require_integer, takes_numbers
from .cards import Card
from .checkpoint import Checkpoint
from .epoch import Trainee, train_epoch
from .recipe import Recipe
from .selection import parted


@takes_numbers
def train(
    architecture: str,
    data: ImageData,
    recipe: Recipe,
    out: Path,
    *,
    seed: int = 0,
    half: bool = False,
    name: str = "",
    initial: nn.Module | None = None,
    command: str = "",
    progress: AbstractProgress | None = None,
) -> Card:
    """Train `architecture` on `data` and leave `NAME.safetensors` and its card `NAME.json` in `out`.

    After every epoch `NAME.checkpoint` is replaced; a run that finds one made by the same settings goes on from it and,
    on the CPU, ends with the same bits, for every draw derives from (seed, epoch, step). The test split is looked at
    once, at the end. `name` is ARCHITECTURE-DATA unless given. Training starts from the weights of `initial` where
    there is one; whatever body the recipe trains it on, what is left are the software network's weights.

    Under `accelerate launch` each process takes its slice of every batch, so that the batches are the same for any
    number of processes, and only the main one writes. Raises ValueError for settings that do not go together, a folder
    that cannot be written, a checkpoint of another run, an `initial` of another architecture, or a loss that is no
    longer finite.
    """
    from accelerate import Accelerator  # slow to import, and only training needs it

    started = time.monotonic()
    name = name or f"{architecture}-{data.name}"
    require_instance("recipe", recipe, Recipe)
    require_integer("seed", seed, at_least=0)
    if Path(name).name != name:
        raise ValueError(f"`name` must be a file name without folders, got {name!r}; choose the folder by `out`")
    accelerator = Accelerator(mixed_precision="no")  # its setting is one for the whole process; ours is the recipe's
    launched = os.environ.get("WORLD_SIZE") or "1"
    if launched != str(accelerator.num_processes):  # each would train on its own and write the same files
        raise ValueError(
            f"`WORLD_SIZE` is {launched}, but accelerate sees {accelerator.num_processes} process(es); without GPUs "
            "set ACCELERATE_USE_CPU=true, and for one process unset WORLD_SIZE"
        )
    bare = _untrained(architecture, data, recipe, seed)
    source = "" if initial is None else _start_from(initial, bare)
    held_out, images = data.train.take(1), data.train
    if recipe.validation:
        held_out, images = parted(data.train, recipe.validation, len(data.classes))
    _require_batches(images, recipe, accelerator.num_processes)
    require_writable("out", out)

    bare = bare.to(accelerator.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    own = Trainee(bare, recipe)
    trainee, optimizer = accelerator.prepare(own, _sgd(bare, recipe))
    settings = name, str(seed), recipe.identity(), data.train.fingerprint(), source
    checkpoint = Checkpoint.of(out / f"{name}.checkpoint", *settings)
    done, spent, kept = checkpoint.resume(bare, optimizer)
    accelerator.wait_for_everyone()  # nobody may write before everybody has read

    steps = len(images) // recipe.batch_size
    shown = progress if progress is not None and accelerator.is_main_process else Silent()
    with shown.task(f"training {name}", recipe.epochs * steps) as advance:
        advance(done * steps, "")
        for epoch in range(done, recipe.epochs):
            train_epoch(accelerator, trainee, optimizer, images, recipe, epoch, seed, advance)
            if accelerator.is_main_process:
                if recipe.validation:
                    kept.offer(epoch + 1, own.score(held_out), bare)
                checkpoint.save(epoch + 1, spent + time.monotonic() - started, bare, optimizer, kept)

    kept.restore(bare)
    bare.eval()
    if half:  # so that the card tells what the file holds
        load_state(bare, {k: v.half() if v.is_floating_point() else v for k, v in bare.state_dict().items()}, name)
    card = Card(
        architecture=architecture, data=data.name, classes=len(data.classes), side=data.train.images.shape[-1],
        recipe=recipe, seed=seed, train_fingerprint=data.train.fingerprint(), test_fingerprint=data.test.fingerprint(),
        test_accuracy=accuracy(bare, data.test), test_images=len(data.test),
        minutes=round((spent + time.monotonic() - started) / 60, 2),
        versions={"python": platform.python_version(), "torch": torch.__version__}, command=command,
        kept_epoch=kept.epoch, validation_score=kept.score, initial=source,
    )  # fmt: skip
    if accelerator.is_main_process:
        save_weights(bare, out / f"{name}.safetensors", half=half)
        card.write(out / f"{name}.json")
        checkpoint.path.unlink(missing_ok=True)
    accelerator.wait_for_everyone()
    return card


def _untrained(architecture: str, data: ImageData, recipe: Recipe, seed: int) -> nn.Module:
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
    if recipe.crop >= side:
        raise ValueError(f"`crop` is {recipe.crop}, but the images have only {side} pixels a side")
    if int(data.train.labels.max()) >= len(data.classes):
        raise ValueError(f"`data` has the label {int(data.train.labels.max())} but only {len(data.classes)} classes")
    return model


def _start_from(initial: nn.Module, model: nn.Module) -> str:
    """Give a network the weights of another one; their fingerprint."""
    require_instance("initial", initial, nn.Module)
    try:
        load_state(model, initial.state_dict(), "initial")
    except ValueError as error:
        raise ValueError(f"`initial` is no network of this architecture ({error})") from error
    return fingerprint(initial)


def _require_batches(images: ImageSplit, recipe: Recipe, processes: int) -> None:
    if recipe.batch_size > len(images):
        raise ValueError(f"`batch_size` is {recipe.batch_size}, more than the {len(images)} training images")
    if recipe.batch_size % processes:
        raise ValueError(f"`batch_size` is {recipe.batch_size}, which {processes} processes cannot share evenly")


def _sgd(model: nn.Module, recipe: Recipe) -> torch.optim.SGD:
    return torch.optim.SGD(
        model.parameters(),
        lr=recipe.schedule.lr(0.0, recipe.epochs),
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
        nesterov=recipe.nesterov,
    )
