"""Training a network on an image data set: one loop, resumable to the bit, on any devices."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from ..datasets import ImageData, ImageSplit, to_float
from ..files import require_writable
from ..fingerprints import fingerprint
from ..models import NetworkSpec, accuracy, load_state, save_weights
from ..progress import AbstractProgress, Silent
from ..values import require_instance, require_integer, takes_numbers
from .cards import Card
from .checkpoint import Checkpoint
from .epoch import TrainStep, train_epoch
from .recipe import Recipe
from .selection import train_val_split

if TYPE_CHECKING:
    from accelerate import Accelerator


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
    """Train `architecture` on `data`; write `NAME.safetensors` and its card `NAME.json` to `out`.

    After every epoch `NAME.checkpoint` is replaced; a run that finds one made by the same settings
    goes on from it and, on the CPU, ends with the same bits, for every draw derives from (seed,
    epoch, step). The test split is used once, at the end. `name` is ARCHITECTURE-DATA unless given.
    Training starts from the weights of `initial`, if given. The result are the software network's
    weights, whatever the recipe's `forward` is.

    Under `accelerate launch` each process takes its slice of every batch, so that the batches are
    the same for any number of processes, and only the main one writes. Raises ValueError for
    settings that do not go together, a folder that cannot be written, a checkpoint of another run,
    an `initial` of another architecture, or a loss that is no longer finite.
    """
    started = time.monotonic()
    name = name or f"{architecture}-{data.name}"
    require_instance("recipe", recipe, Recipe)
    require_integer("seed", seed, at_least=0)
    if Path(name).name != name:
        raise ValueError(
            f"`name` must be a file name without folders, got {name!r}; choose the folder by `out`"
        )
    accelerator = _accelerator()
    spec = NetworkSpec(architecture, len(data.classes), data.train.images.shape[-1])
    model = _initial_network(spec, data, recipe, seed)
    source = "" if initial is None else _start_from(initial, model)
    images, validation = data.train, data.train.take(1)
    if recipe.validation:
        images, validation = train_val_split(data.train, recipe.validation, len(data.classes))
    _require_batches(images, recipe, accelerator.num_processes)
    require_writable("out", out)

    model = model.to(  # type: ignore[call-overload]
        accelerator.device, memory_format=torch.channels_last
    )
    own_step = TrainStep(model, recipe)
    step, optimizer = accelerator.prepare(own_step, _sgd(model, recipe))
    settings = name, str(seed), recipe.identity(), data.train.fingerprint(), source
    checkpoint = Checkpoint.of(out / f"{name}.checkpoint", *settings)
    done, seconds, best = checkpoint.resume(model, optimizer)
    accelerator.wait_for_everyone()  # nobody may write before everybody has read

    steps = len(images) // recipe.batch_size
    shown = progress if progress is not None and accelerator.is_main_process else Silent()
    with shown.task(f"training {name}", recipe.epochs * steps) as advance:
        advance(done * steps, "")
        for epoch in range(done, recipe.epochs):
            train_epoch(accelerator, step, optimizer, images, recipe, epoch, seed, advance)
            if accelerator.is_main_process:
                if recipe.validation:
                    best.update(epoch + 1, own_step.score(validation), model)
                spent = seconds + time.monotonic() - started
                checkpoint.save(epoch + 1, spent, model, optimizer, best)

    best.restore(model)
    model.eval()
    if half:  # so that the card is about the numbers in the file
        state = model.state_dict()
        rounded = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
        load_state(model, rounded, name)
    card = Card(
        network=spec, data=data.name, recipe=recipe, seed=seed,
        train_fingerprint=data.train.fingerprint(), test_fingerprint=data.test.fingerprint(),
        test_accuracy=accuracy(model, data.test), test_images=len(data.test),
        minutes=round((seconds + time.monotonic() - started) / 60, 2),
        versions={"python": platform.python_version(), "torch": torch.__version__},
        command=command, best_epoch=best.epoch, validation_score=best.score, initial=source,
    )  # fmt: skip
    if accelerator.is_main_process:
        save_weights(model, out / f"{name}.safetensors", half=half)
        card.write(out / f"{name}.json")
        checkpoint.path.unlink(missing_ok=True)
    accelerator.wait_for_everyone()
    return card


def _accelerator() -> Accelerator:
    """Accelerator of this process; ValueError if the launched processes do not find each other."""
    from accelerate import Accelerator  # slow to import, and only training needs it

    # its precision is one for the whole process; the recipe has its own
    accelerator = Accelerator(mixed_precision="no")
    launched = os.environ.get("WORLD_SIZE") or "1"
    if launched != str(
        accelerator.num_processes
    ):  # each would train alone and write the same files
        raise ValueError(
            f"`WORLD_SIZE` is {launched}, but accelerate sees {accelerator.num_processes} "
            "process(es); without GPUs set ACCELERATE_USE_CPU=true, and for one process unset "
            "WORLD_SIZE"
        )
    return accelerator


def _initial_network(spec: NetworkSpec, data: ImageData, recipe: Recipe, seed: int) -> nn.Module:
    """Build the network, and refuse settings that would fail only later."""
    images, labels = data.train.images, data.train.labels
    model = spec.build(seed=seed)
    try:
        with torch.no_grad():
            model.eval()(to_float(images[:1]))
    except RuntimeError as error:
        shape = " x ".join(map(str, images.shape[1:]))
        raise ValueError(
            f"`architecture` {spec.architecture!r} cannot take the {shape} images of {data.name!r}"
        ) from error
    if recipe.crop >= spec.side:
        raise ValueError(
            f"`crop` is {recipe.crop}, but the images have only {spec.side} pixels a side"
        )
    if (largest := int(labels.max())) >= spec.classes:
        raise ValueError(f"`data` has the label {largest} but only {spec.classes} classes")
    return model


def _start_from(initial: nn.Module, model: nn.Module) -> str:
    """Copy the weights of another network, and return their fingerprint."""
    require_instance("initial", initial, nn.Module)
    try:
        load_state(model, initial.state_dict(), "initial")
    except ValueError as error:
        raise ValueError(f"`initial` is no network of this architecture ({error})") from error
    return fingerprint(initial)


def _require_batches(images: ImageSplit, recipe: Recipe, processes: int) -> None:
    size = recipe.batch_size
    if size > len(images):
        raise ValueError(f"`batch_size` is {size}, more than the {len(images)} training images")
    if size % processes:
        raise ValueError(f"`batch_size` is {size}, which {processes} processes cannot share evenly")


def _sgd(model: nn.Module, recipe: Recipe) -> torch.optim.SGD:
    return torch.optim.SGD(
        model.parameters(),
        lr=recipe.schedule.lr(0.0, recipe.epochs),
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
        nesterov=recipe.nesterov,
    )
