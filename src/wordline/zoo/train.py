"""Training a network on an image data set: one loop, resumable to the bit, on whatever device there is."""

from __future__ import annotations

import hashlib
import platform
import time
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..progress import AbstractProgress, Silent
from .architectures import build_model
from .augment import augment
from .cards import Card
from .data import ImageData, ImageSplit, to_float
from .files import save_weights, write_atomically
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

    After every epoch `NAME.checkpoint` is replaced; a run that finds one made by the same settings goes on from it and
    ends with the same bits, for every draw derives from (seed, epoch). The test split is looked at once, at the end.
    """
    from accelerate import Accelerator  # slow to import, and only training needs it

    started = time.monotonic()
    name = f"{architecture}-{data.name}"
    side = data.train.images.shape[-1]
    model = build_model(architecture, len(data.classes), side, seed=seed).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(
        model.parameters(), lr=0.1, momentum=recipe.momentum, weight_decay=recipe.weight_decay,
        nesterov=recipe.momentum > 0,
    )  # fmt: skip
    accelerator = Accelerator(mixed_precision=_precision(recipe))
    model, optimizer = accelerator.prepare(model, optimizer)
    key = hashlib.sha256(f"{name} {seed} {recipe.to_json()} {data.train.fingerprint()}".encode()).hexdigest()
    checkpoint = out / f"{name}.checkpoint"
    done, spent = _resume(checkpoint, key, accelerator.unwrap_model(model), optimizer)

    split = data.train
    steps = len(split) // recipe.batch_size
    if steps == 0:
        raise ValueError(f"`batch_size` is {recipe.batch_size}, more than the {len(split)} training images")
    with (progress or Silent()).task(f"training {name}", recipe.epochs * steps) as advance:
        advance(done * steps, "")
        for epoch in range(done, recipe.epochs):
            generator = torch.Generator().manual_seed(1_000_003 * seed + epoch)
            order = torch.randperm(len(split), generator=generator)
            model.train()
            for step in range(steps):
                for group in optimizer.param_groups:
                    group["lr"] = recipe.schedule.lr(epoch + step / steps, recipe.epochs)
                batch = order[step * recipe.batch_size : (step + 1) * recipe.batch_size]
                images = augment(to_float(split.images[batch]), recipe.crop, recipe.flip, generator=generator)
                images = images.to(accelerator.device, memory_format=torch.channels_last)
                labels = split.labels[batch].to(accelerator.device)
                with accelerator.autocast():
                    logits = model(images)
                loss = functional.cross_entropy(logits.float(), labels)
                optimizer.zero_grad()
                accelerator.backward(loss)
                optimizer.step()
                advance(1, f"epoch {epoch + 1}/{recipe.epochs}  loss {loss.item():.3f}")
            _save_checkpoint(
                checkpoint, key, epoch + 1, spent + time.monotonic() - started, accelerator.unwrap_model(model), optimizer
            )

    trained = accelerator.unwrap_model(model).eval()
    card = Card(
        architecture=architecture, data=data.name, classes=len(data.classes), side=side, recipe=recipe, seed=seed,
        train_fingerprint=split.fingerprint(), test_fingerprint=data.test.fingerprint(),
        test_accuracy=accuracy(trained, data.test), test_images=len(data.test),
        minutes=round((spent + time.monotonic() - started) / 60, 2),
        versions={"python": platform.python_version(), "torch": torch.__version__}, command=command,
    )  # fmt: skip
    save_weights(trained, out / f"{name}.safetensors", half=half)
    card.write(out / f"{name}.json")
    checkpoint.unlink(missing_ok=True)
    return card


def accuracy(model: nn.Module, split: ImageSplit, *, batch_size: int = 250) -> float:
    """Share of images whose largest logit is the label's, in full precision."""
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    correct = 0
    with torch.no_grad():
        for start in range(0, len(split), batch_size):
            images = to_float(split.images[start : start + batch_size]).to(device)
            labels: Tensor = split.labels[start : start + batch_size].to(device)
            correct += int((model(images).argmax(1) == labels).sum())
    return correct / len(split)


def _precision(recipe: Recipe) -> str:
    if recipe.precision != "auto":
        return "bf16" if recipe.precision == "bf16" else "no"
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported() else "no"
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)  # absent from other builds
    return "bf16" if supported() else "no"


def _save_checkpoint(
    path: Path, key: str, epochs: int, seconds: float, model: nn.Module, optimizer: torch.optim.Optimizer
) -> None:
    state = {
        "key": key,
        "epochs": epochs,
        "seconds": seconds,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    write_atomically(path, lambda temporary: torch.save(state, temporary))


def _resume(path: Path, key: str, model: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[int, float]:
    """Epochs done and seconds spent by an interrupted run of the same settings; (0, 0) without one."""
    if not path.exists():
        return 0, 0.0
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(f"`out` holds a damaged checkpoint {str(path)!r} ({error}); delete it to start over") from error
    if state["key"] != key:
        raise ValueError(f"`out` holds {str(path)!r} of a run with other settings; delete it or choose another folder")
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return state["epochs"], state["seconds"]
