"""The cell of one certificate: a chip, or software with noise at its input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast, final

import torch
from torch import nn

from ..attacks import PGD, AbstractAttack
from ..datasets import Pairs, as_split
from ..evaluation import certify, identify, sensitivity, with_input_noise
from ..evaluation.certificate.certify import RADII
from ..evaluation.requirements import require_evaluation_mode, require_fit
from ..mapping import Crossbar
from ..models.batches import prepare
from ..nn import calibrate, map_model
from ..progress import AbstractProgress
from ..records import Certificate
from ..records.record import Software
from ..values import Value, require_instance, require_integer, require_number
from .cell import AbstractCell, Loader
from .chips import load_chip
from .executors import Serial
from .image_inputs import AbstractImages, NoImages
from .journal import Journal
from .network_inputs import AbstractNetwork, InMemoryNetwork
from .run_cells import run_cells
from .store import Store


@dataclass(frozen=True, kw_only=True)
class CertificateSettings(Value):
    """Numbers of a certificate: radii, reads, rate of errors, and the L2 attack beside it.

    `attack_steps`: of a PGD with the margin loss, `eot` reads a gradient, at each radius; 0 attacks
    nothing.
    """

    radii: tuple[float, ...] = RADII
    selection: int = 100
    estimation: int = 1000
    alpha: float = 0.001
    attack_steps: int = 0
    eot: int = 8

    def __post_init__(self) -> None:
        require_instance("radii", self.radii, tuple)
        for name, least in (("selection", 1), ("estimation", 1), ("attack_steps", 0), ("eot", 1)):
            require_integer(name, getattr(self, name), at_least=least)

    @property
    def attacks(self) -> tuple[AbstractAttack, ...]:
        """The attack, of which the radius is still to be set; or none."""
        steps, eot = self.attack_steps, self.eot
        return (PGD(eps=1.0, steps=steps, norm="l2", eot=eot),) if steps else ()


@final
@dataclass(frozen=True, kw_only=True)
class CertificateCell(AbstractCell):
    """`certify` of one chip; or of software with input noise, for comparison.

    `sigma` > 0 is software with noise of that deviation at its input. `as_chip` is software with as
    much of it as the noise of this chip is worth, so that equal shares of reads give equal radii.
    `only`: patterns of the layers that are on the crossbar, as `map_model` takes them; none: all.
    """

    network: AbstractNetwork
    images: AbstractImages
    crossbar: Crossbar | Software = field(default_factory=Software)
    chip_seed: int = 0
    calibration: AbstractImages | NoImages = field(default_factory=NoImages)
    settings: CertificateSettings = field(default_factory=CertificateSettings)
    sigma: float = 0.0
    as_chip: bool = False
    only: tuple[str, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_instance("network", self.network, AbstractNetwork)
        require_instance("images", self.images, AbstractImages)
        require_instance("crossbar", self.crossbar, (Crossbar, Software))
        require_instance("settings", self.settings, CertificateSettings)
        require_instance("as_chip", self.as_chip, bool)
        require_instance("only", self.only, tuple)
        require_number("sigma", self.sigma, at_least=0.0)
        for name in ("chip_seed", "seed"):
            require_integer(name, getattr(self, name), at_least=0)
        if (self.sigma > 0) == isinstance(self.crossbar, Crossbar):
            raise ValueError(
                f"`sigma` is {self.sigma:g} and `crossbar` {type(self.crossbar).__name__}; give "
                "software a sigma above 0, and a chip none, for its noise is its crossbar's"
            )

    @property
    def label(self) -> str:
        if isinstance(self.crossbar, Software):
            return f"certificate, input noise {self.sigma:g}"
        tile = f"{self.crossbar.tile[0]}x{self.crossbar.tile[1]} #{self.chip_seed}"
        return ", ".join([f"certificate {tile}", *self.only, *["as input noise"] * self.as_chip])

    def run(self, loader: Loader) -> Certificate:
        split, settings = self.images.load(loader), self.settings
        return certify(
            victim=self._victim(loader), data=split, radii=settings.radii,
            selection=settings.selection, estimation=settings.estimation, alpha=settings.alpha,
            attacks=settings.attacks, batch_size=self.batch_size, seed=self.seed,
            progress=loader.progress,
        )  # fmt: skip

    def _victim(self, loader: Loader) -> nn.Module:
        if isinstance(self.crossbar, Software):
            software = self.network.load(loader, self.device)
            return with_input_noise(software, self.sigma, seed=self.seed)
        software = self.network.load(loader, self.device)
        if self.only:
            chip = map_model(software, self.crossbar, self.chip_seed, only=self.only)
            if isinstance(self.calibration, AbstractImages):
                calibrate(chip, self.calibration.load(loader), limit=0)
        else:
            place = self.network, self.crossbar, self.chip_seed, self.calibration
            chip = load_chip(loader, *place, device=self.device)
        if not self.as_chip:
            return chip
        image = prepare(chip, self.images.load(loader).images[:1])
        return with_input_noise(software, 1 / sensitivity(chip, image).bound, seed=self.seed)


def run_certificates(
    software: nn.Module,
    split: Pairs,
    places: Sequence[tuple[Crossbar, int] | float],
    settings: CertificateSettings,
    journal: Journal,
    *,
    baseline: bool = True,
    batch_size: int = 100,
    calibration: Pairs | None = None,
    progress: AbstractProgress | None = None,
) -> list[Certificate]:
    """Run the certificates that the journal lacks and return all, in order.

    `places`: chips (crossbar, seed), and standard deviations of noise at software's input; with
    `baseline` every chip has software with as much input noise beside it. An error is raised.
    """
    require_evaluation_mode("software", software)
    images = as_split(split, "split")
    require_fit("software", software, images)
    store = Store(progress=progress)
    network = InMemoryNetwork(content=identify(software))
    store.hold(network, software)
    set_on: AbstractImages | NoImages = NoImages()
    if calibration is not None:
        set_on = store.hold_images(as_split(calibration, "calibration"))
    named, threads = store.hold_images(images), torch.get_num_threads()
    cells = [
        CertificateCell(
            network=network, images=named, settings=settings, batch_size=batch_size,
            threads=threads, crossbar=Software() if isinstance(place, float) else place[0],
            chip_seed=0 if isinstance(place, float) else place[1],
            calibration=NoImages() if isinstance(place, float) else set_on,
            sigma=place if isinstance(place, float) else 0.0, as_chip=as_chip,
        )
        for place in places
        for as_chip in ((False, True) if baseline and not isinstance(place, float) else (False,))
    ]  # fmt: skip
    run_cells(cells, journal, store, executor=Serial(store, stop_at_error=True), title="certify")
    pinned = [cell.pinned(store).key for cell in cells]
    return [cast(Certificate, journal.results[key]) for key in pinned]
