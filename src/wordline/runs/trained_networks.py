"""Networks that a study trains itself, from scratch or from another network."""

from __future__ import annotations

import dataclasses
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, final

from torch import nn

from .. import models, training
from ..values import require_choice, require_instance, require_integer
from .cache import Tensors
from .cell import Loader
from .network_inputs import UNKNOWN, AbstractNetwork


@dataclass(frozen=True)
class AbstractTrainedNetwork(AbstractNetwork):
    """A network that is trained when it is first needed and kept in the cache.

    An interrupted training goes on from its last epoch. `side`: of the images of `data`, as
    `load_dataset` takes it.
    """

    architecture: str
    data: str
    recipe: training.Recipe
    seed: int = 0
    side: int = field(default=0, kw_only=True)

    def __post_init__(self) -> None:
        require_choice("architecture", self.architecture, tuple(models.ARCHITECTURES))
        require_instance("recipe", self.recipe, training.Recipe)
        for name in ("seed", "side"):
            require_integer(name, getattr(self, name), at_least=0)

    def initial(self, loader: Loader) -> nn.Module | None:
        """Return the network to start from; None draws the weights."""
        return None

    @final
    def build(self, loader: Loader) -> nn.Module:
        plain = dataclasses.replace(self, content=UNKNOWN)
        made_by = (plain.identity(), loader.data(self.data, self.side).train.fingerprint())
        tensors = loader.tensors("networks", made_by, lambda: self._train(loader, made_by))
        return models.load_state(self.skeleton(loader), tensors, "cache").eval()

    @final
    def skeleton(self, loader: Loader) -> nn.Module:
        data = loader.data(self.data, self.side)
        pixels = data.test.images.shape[-1]
        return models.build_model(self.architecture, len(data.classes), pixels).eval()

    def _train(self, loader: Loader, made_by: tuple[str, ...]) -> Tensors:
        with tempfile.TemporaryDirectory() as scratch:
            out = loader.folder("networks", made_by, Path(scratch))
            data = loader.data(self.data, self.side)
            training.train(
                self.architecture, data, self.recipe, out, seed=self.seed,
                initial=self.initial(loader), progress=loader.progress,
            )  # fmt: skip
            return models.read_weights(out / f"{self.architecture}-{data.name}.safetensors")


@final
@dataclass(frozen=True)
class TrainedNetwork(AbstractTrainedNetwork):
    """A network trained from scratch."""

    former_names: ClassVar[tuple[str, ...]] = ("Trained",)


@final
@dataclass(frozen=True, kw_only=True)
class FineTunedNetwork(AbstractTrainedNetwork):
    """A network trained on from the weights of another one."""

    start: AbstractNetwork

    def __post_init__(self) -> None:
        super().__post_init__()
        require_instance("start", self.start, AbstractNetwork)

    def initial(self, loader: Loader) -> nn.Module:
        return self.start.load(loader)
