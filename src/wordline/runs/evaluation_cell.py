"""The cell behind most tables: one victim, one source, one attack."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

from torch import Tensor, nn

from ..attacks import AbstractAttack
from ..datasets import ImageSplit, to_float
from ..evaluation import ScoreSettings, craft, identify, score
from ..mapping import Crossbar
from ..models import correct
from ..records.record import NetworkIdentity, Record, Software, describe_attack
from ..values import Value, require_choice, require_instance, require_integer
from .cell import AbstractCell, Loader, content_key
from .chips import RunSettings, chip_images, transfer_images
from .image_inputs import AbstractImages, NoImages
from .network_inputs import AbstractNetwork
from .stand_ins import Place, ScaledWeights, Twin, load_victim, needs_images

SETTINGS = ("SW", "SH", "HH")
CHIP_TO_CHIP = "chip-to-chip"


@dataclass(frozen=True)
class Cell(Value):
    """The content of one evaluation, whose hash is its key in a journal.

    Names of networks are not part of it. The class name and the fields stay as they are: every
    key in every journal is made of them.
    """

    setting: str
    software: NetworkIdentity
    crossbar: Value
    chip_seed: int
    attack: AbstractAttack
    fingerprint: str
    images: int
    conditions: tuple[str, int, int, int, int]  # data, seed, draws, batch size, threads
    calibration: str = ""  # images that the chip's converters were set on
    device: str = "cpu"
    source_seed: int = -1  # of the chip that the images of `chip-to-chip` were crafted on


@final
@dataclass(frozen=True, kw_only=True)
class EvaluationCell(AbstractCell):
    """Accuracy under one attack: in software (SW), of a chip under transfer (SH) or white-box (HH).

    `chip-to-chip` scores the chip of `chip_seed` on images crafted on the chip of `source_seed`, of
    the same network on the same crossbar: variation drawn anew between crafting and scoring.

    `crossbar` may also be a stand-in for a chip, attacked in the same two ways: its attenuated twin
    (`Twin`), or software of weights times a factor (`ScaledWeights`). Such a victim is software, so
    the records of HH and SH are those of SW and transfer, and its identity says what it is. An
    attack whose images are transferred is taken to its end (`for_transfer`). `calibration`: the
    images on which converters with a calibrated range are set, and on which the twin of a chip
    whose layers have no matrix is measured.
    """

    setting: str
    network: AbstractNetwork
    images: AbstractImages
    attack: AbstractAttack
    crossbar: Place = field(default_factory=Software)
    chip_seed: int = 0
    calibration: AbstractImages | NoImages = field(default_factory=NoImages)
    seed: int = 0
    draws: int = 1
    source_seed: int = -1

    def __post_init__(self) -> None:
        super().__post_init__()
        require_choice("setting", self.setting, (*SETTINGS, CHIP_TO_CHIP))
        require_instance("network", self.network, AbstractNetwork)
        require_instance("images", self.images, AbstractImages)
        require_instance("attack", self.attack, AbstractAttack)
        places = {"SW": (Software,), CHIP_TO_CHIP: (Crossbar,)}
        others = Crossbar, Twin, ScaledWeights
        require_instance("crossbar", self.crossbar, places.get(self.setting, others))
        for name in ("chip_seed", "seed"):
            require_integer(name, getattr(self, name), at_least=0)
        require_integer("draws", self.draws, at_least=1)
        if self.setting != CHIP_TO_CHIP:
            object.__setattr__(self, "source_seed", -1)  # there is no second chip
        else:
            require_integer("source_seed", self.source_seed, at_least=0)
            if self.source_seed == self.chip_seed:
                raise ValueError(
                    f"`source_seed` is {self.source_seed}, the seed of the victim; name another "
                    'chip, or take the setting "HH"'
                )
        if self.setting in ("SH", CHIP_TO_CHIP):
            object.__setattr__(self, "attack", self.attack.for_transfer())
        if not needs_images(self.crossbar):
            object.__setattr__(self, "calibration", NoImages())
        elif isinstance(self.crossbar, Twin) and isinstance(self.calibration, NoImages):
            raise ValueError(
                "`calibration` is missing: the layers of this twin's chip have converters, curved "
                "devices or slices, so its attenuation is measured on images; pass training images"
            )
        if isinstance(self.crossbar, ScaledWeights):
            object.__setattr__(self, "chip_seed", 0)  # it is of no chip

    @property
    def key(self) -> str:
        if not self.network.content.weights or not self.images.fingerprint:
            raise ValueError(f"`cell` {self.label!r} has no content yet; use cell.pinned(store)")
        images, set_on, calibration = self.images, self.calibration, ""
        if isinstance(set_on, AbstractImages):
            calibration = f"{set_on.count} {set_on.title} {set_on.fingerprint}"
        content = Cell(
            setting=self.setting,
            software=self.network.content,
            crossbar=self.crossbar,
            chip_seed=self.chip_seed,
            attack=self.attack,
            fingerprint=images.fingerprint,
            images=images.count,
            conditions=(images.title, self.seed, self.draws, self.batch_size, self.threads),
            calibration=calibration,
            device=self.device,
            source_seed=self.source_seed,
        )
        return content_key(content)

    @property
    def label(self) -> str:
        attack = describe_attack(self.attack)
        if isinstance(self.crossbar, Software):
            return f"{self.setting} {attack}"
        if isinstance(self.crossbar, Twin | ScaledWeights):
            return f"{self.setting} {self.crossbar.label} {attack}"
        return f"{self.setting} {self.crossbar.tile[0]}x{self.crossbar.tile[1]} {attack}"

    def run(self, loader: Loader) -> Record:
        """Craft the images on the source and score them on the victim."""
        split, size = self.images.load(loader), self.batch_size
        place = self.network, self.crossbar, self.chip_seed, self.calibration
        settings = RunSettings(size, self.threads, self.device)
        what = self.attack, self.images, self.seed
        if isinstance(self.crossbar, Crossbar) and self.setting == CHIP_TO_CHIP:
            other = self.network, self.crossbar, self.source_seed, self.calibration
            images, source = chip_images(loader, other, *what, settings)
        victim = load_victim(loader, *place, device=self.device)
        if self.setting == "HH":
            source = identify(victim)
            images = craft(victim, self.attack, split, seed=self.seed, batch_size=size)
        elif self.setting != CHIP_TO_CHIP:  # images crafted on software serve every chip
            source = identify(self.network.load(loader, self.device))
            images = transfer_images(loader, self.network, *what, settings)
        clean = self._clean_hits(loader, victim, split)
        scoring = ScoreSettings(self.seed, self.draws, size)
        return score(victim, source, self.attack, split, images, scoring, clean=clean)

    def _clean_hits(self, loader: Loader, victim: nn.Module, split: ImageSplit) -> Tensor | None:
        """Return a mask of correctly classified clean images, kept for the victim's next cells.

        A stochastic victim has none: its answers differ from pass to pass.
        """
        if self.draws > 1 or (isinstance(self.crossbar, Crossbar) and self.crossbar.stochastic):
            return None
        asked = (
            self.network, self.crossbar, self.chip_seed, self.calibration, self.images,
            self.batch_size, self.threads, self.device,
        )  # fmt: skip
        if loader.memory.get("clean", (None,))[0] != asked:
            images, labels = to_float(split.images), split.labels
            hits = correct(victim, images, labels, batch_size=self.batch_size)
            loader.memory["clean"] = asked, hits
        mask: Tensor = loader.memory["clean"][1]
        return mask
