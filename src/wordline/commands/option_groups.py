"""Groups of options that several commands share, and the objects that they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from ..values import require_integer, require_number
from .options import EPS, STEP, Number, crossbar_of, data_of, require_eps, software_of

if TYPE_CHECKING:
    from torch import nn

    from ..attacks import AbstractAttack
    from ..datasets import ImageData, ImageSplit
    from ..mapping import Crossbar


@dataclass(frozen=True)
class NetworkOptions:
    """The network.

    Args:
        model: a name that ships with wordline, a .safetensors file with its card, or
            package.module:factory.
        weights: weight file for a factory.
    """

    model: str = "digits-cnn"
    weights: str = ""

    def load(self) -> nn.Module:
        """Return the network."""
        return software_of(self.model, self.weights)


@dataclass(frozen=True)
class NetworkListOptions:
    """Several networks.

    Args:
        model: names that ship with wordline, .safetensors files with their cards, or
            package.module:factory; NAME=MODEL calls one NAME in tables and figures. Repeat the
            option for several.
        weights: weight file for a factory.
    """

    model: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    weights: str = ""

    def load(self) -> dict[str, nn.Module]:
        """Return the networks by name."""
        found: dict[str, nn.Module] = {}
        for words in self.model or ("digits-cnn",):
            name, equals, model = words.partition("=")
            if not equals:
                name = Path(words).stem if words.endswith(".safetensors") else words
                model = words
            if name in found:
                raise ValueError(f"`model` {name!r} is given twice; call them NAME=MODEL")
            found[name] = software_of(model, self.weights)
        return found


@dataclass(frozen=True)
class DataOptions:
    """The data set.

    Args:
        data: digits, cifar10, cifar100 or tiny-imagenet.
        root: local folder of the data set; without it the data come from the hub.
        side: height and width of the images in pixels; 0 is the data set's own, and 32 the reduced
            copy of tiny-imagenet.
    """

    data: str = "digits"
    root: str = ""
    side: int = 0

    def load(self) -> ImageData:
        """Return the data set."""
        return data_of(self.data, self.root, self.side)


@dataclass(frozen=True)
class ChipOptions:
    """The crossbar.

    Args:
        crossbar: a preset such as rethinking-64, or a JSON file of a Crossbar.
        gain: unit, least-squares or per-column; "" takes the crossbar's.
    """

    crossbar: str = "rethinking-64"
    gain: str = ""

    def load(self) -> Crossbar:
        """Return the crossbar."""
        return crossbar_of(self.crossbar, self.gain)


@dataclass(frozen=True)
class AttackOptions:
    """The attacks: one for every loss and eps.

    Args:
        attack: fgsm, pgd, mifgsm, repeated-fgsm, multi-targeted, worst-case, random; with the extra
            autoattack apgd-ce, apgd-t, fab-t, square, autoattack; with foolbox hop-skip-jump. The
            libraries' own leave unbroken images as they are.
        eps: Linf radii; 8/255 is a number here.
        steps: 0 takes max(10, 2.5 eps / step_size, rounded up), and the libraries' own defaults for
            their attacks.
        early_stop: white-box attacks stop moving an image once it is misclassified; images for
            transfer never do.
    """

    attack: str = "pgd"
    eps: tuple[Number, ...] = (EPS,)
    steps: int = 0
    step_size: Number = STEP
    loss: tuple[str, ...] = ("margin",)
    random_start: bool = True
    early_stop: bool = False

    def load(self) -> tuple[AbstractAttack, ...]:
        """Return the attacks."""
        require_integer("steps", self.steps, at_least=0)
        require_number("step_size", self.step_size, above=0.0)
        require_eps(*self.eps)
        return tuple(self._one(loss, eps) for loss in self.loss for eps in self.eps)

    def _one(self, loss: str, eps: float) -> AbstractAttack:
        from ..attacks import named

        options = named.AttackOptions(
            eps, self.step_size, self.steps, loss,  # type: ignore[arg-type]  # checked by name
            self.random_start, self.early_stop,
        )  # fmt: skip
        return named.attack_by_name(self.attack, options)


@dataclass(frozen=True)
class RunOptions:
    """The conditions of a run.

    Args:
        limit: the first so many test images; 0 takes all.
        threads: 0 leaves torch's choice; part of a result's conditions.
    """

    limit: int = 500
    batch_size: int = 100
    threads: int = 0

    def apply(self) -> None:
        """Check the numbers and set torch's threads."""
        require_integer("limit", self.limit, at_least=0)
        require_integer("threads", self.threads, at_least=0)
        if self.threads:
            import torch

            torch.set_num_threads(self.threads)


@dataclass(frozen=True)
class PairOptions:
    """A software network, its chip, and the images.

    A crossbar "software" takes the network itself for the chip.

    Args:
        chip_seed: number of the chip of the crossbar.
    """

    network: NetworkOptions = NetworkOptions()
    data: DataOptions = DataOptions()
    chip: ChipOptions = ChipOptions()
    run: RunOptions = RunOptions()
    chip_seed: int = 0

    def load(self) -> tuple[nn.Module, nn.Module, ImageSplit]:
        """Return software, chip and test images."""
        from ..nn import map_model

        self.run.apply()
        software, images = self.network.load(), self.data.load().test
        if self.chip.crossbar == "software":
            return software, software, images
        return software, map_model(software, self.chip.load(), self.chip_seed), images


@dataclass(frozen=True)
class ComparisonOptions:
    """Networks side by side on the same data.

    Args:
        calibration: training images on which converters with a calibrated range are set.
    """

    networks: NetworkListOptions = NetworkListOptions()
    data: DataOptions = DataOptions()
    run: RunOptions = RunOptions()
    calibration: int = 200

    def load(self) -> tuple[dict[str, nn.Module], ImageData]:
        """Return networks by name, and the data."""
        self.run.apply()
        require_integer("calibration", self.calibration, at_least=1)
        return self.networks.load(), self.data.load()


Network = tyro.conf.OmitArgPrefixes[NetworkOptions]
Data = tyro.conf.OmitArgPrefixes[DataOptions]
Chip = tyro.conf.OmitArgPrefixes[ChipOptions]
Attack = tyro.conf.OmitArgPrefixes[AttackOptions]
Run = tyro.conf.OmitArgPrefixes[RunOptions]
Pair = tyro.conf.OmitArgPrefixes[PairOptions]
Comparison = tyro.conf.OmitArgPrefixes[ComparisonOptions]
