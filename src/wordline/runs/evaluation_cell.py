"""The cell behind most tables: one victim, one source, one attack."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..attacks import AbstractAttack
from ..evaluation import ScoreSettings
from ..evaluation import craft, identify, score
from ..mapping import Crossbar
from ..records.record import NetworkIdentity, Record, Software, describe_attack
from ..values import Value, require_choice, require_instance, require_integer
from .cell import AbstractCell, content_key
from .inputs import AbstractNetwork, Images, NoImages
from .store import Conditions

if TYPE_CHECKING:
    from .store import Store

SETTINGS = ("SW", "SH", "HH")


@dataclass(frozen=True)
class Cell(Value):
    """Everything that decides one record; its hash is the cell's name in a journal, whatever the network was called.

    Name and fields stay as they are: every key in every journal is made of them.
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


@dataclass(frozen=True, kw_only=True)
class EvaluationCell(AbstractCell):
    """Accuracy under one attack: in software (SW), of a chip under transfer (SH) or white-box (HH).

    An attack whose images are transferred is taken to its end (`for_transfer`). `calibration`: the images that
    converters with a calibrated range are set on.
    """

    setting: str
    network: AbstractNetwork
    images: Images
    attack: AbstractAttack
    crossbar: Crossbar | Software = field(default_factory=Software)
    chip_seed: int = 0
    calibration: Images | NoImages = field(default_factory=NoImages)
    seed: int = 0
    draws: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        require_choice("setting", self.setting, SETTINGS)
        require_instance("network", self.network, AbstractNetwork)
        require_instance("images", self.images, Images)
        require_instance("attack", self.attack, AbstractAttack)
        require_instance("crossbar", self.crossbar, Software if self.setting == "SW" else Crossbar)
        for name in ("chip_seed", "seed"):
            require_integer(name, getattr(self, name), at_least=0)
        require_integer("draws", self.draws, at_least=1)
        if self.setting == "SH":
            object.__setattr__(self, "attack", self.attack.for_transfer())
        if isinstance(self.crossbar, Software) or not self.crossbar.needs_calibration:
            object.__setattr__(self, "calibration", NoImages())

    @property
    def key(self) -> str:
        """The hash of the content, which takes a pinned cell."""
        if not self.network.party.weights or not self.images.fingerprint:
            raise ValueError(f"`cell` {self.label!r} has no content yet; use cell.pinned(store)")
        set_on = self.calibration
        words = f"{set_on.count} {set_on.called} {set_on.fingerprint}" if isinstance(set_on, Images) else ""
        images, conditions = self.images, (self.seed, self.draws, self.batch_size, self.threads)
        content = Cell(
            self.setting, self.network.party, self.crossbar, self.chip_seed, self.attack, images.fingerprint,
            images.count, (images.called, *conditions), words, self.device,
        )  # fmt: skip
        return content_key(content)

    @property
    def label(self) -> str:
        """Setting, tile and attack."""
        tile = "" if isinstance(self.crossbar, Software) else f" {self.crossbar.tile[0]}x{self.crossbar.tile[1]}"
        return f"{self.setting}{tile} {describe_attack(self.attack)}"

    def run(self, store: Store) -> Record:
        """Craft and score."""
        split = store.split(self.images)
        software = store.network(self.network, self.device)
        victim = software
        if isinstance(self.crossbar, Crossbar):
            victim = store.chip(self.network, self.crossbar, self.chip_seed, self.calibration, device=self.device)
        source = victim if self.setting == "HH" else software
        if self.setting == "HH":
            images = craft(source, self.attack, split, seed=self.seed, batch_size=self.batch_size)
        else:  # what is crafted on software serves every chip
            conditions = Conditions(self.batch_size, self.threads, self.device)
            who = self.network.party
            images = store.adversarial(source, who, self.attack, self.images, self.seed, conditions)
        settings = ScoreSettings(self.seed, self.draws, self.batch_size)
        clean = None
        if self.draws == 1 and (isinstance(self.crossbar, Software) or not self.crossbar.stochastic):
            asked = (self.network, self.crossbar, self.chip_seed, self.calibration, self.images, *self._rounding)
            clean = store.clean(asked, victim, split, self.batch_size)
        return score(victim, identify(source), self.attack, split, images, settings, clean=clean)

    @property
    def _rounding(self) -> tuple[object, ...]:
        return self.batch_size, self.threads, self.device
