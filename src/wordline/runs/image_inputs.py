"""Images as inputs of cells: a part of a data set by name, as it is or with few bits a pixel."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Self, final

from ..datasets import ImageSplit, name_of
from ..defenses import discretise
from ..values import require_choice, require_integer
from .cell import AbstractInput, Loader

MOST_PIXEL_BITS = 24  # the limit of `Discretised`


def require_pixel_bits(bits: int) -> None:
    """Refuse a number of bits that `wordline.defenses.Discretised` does not take."""
    require_integer("bits", bits, at_least=1)
    if bits > MOST_PIXEL_BITS:
        raise ValueError(f"`bits` must be at most {MOST_PIXEL_BITS}, got {bits}")


@dataclass(frozen=True)
class AbstractImages(AbstractInput):
    """The first `limit` images (0: all) of a split of a data set by name.

    `side`: of the images in pixels, as `load_dataset` takes it; 0 is the data set's own. Pinned,
    they carry their number, `count`, and their fingerprint.
    """

    data: str
    split: str = "test"
    limit: int = 0
    fingerprint: str = ""
    count: int = 0
    side: int = field(default=0, kw_only=True)

    def __post_init__(self) -> None:
        require_choice("split", self.split, ("train", "test"))
        require_integer("limit", self.limit, at_least=0)
        require_integer("side", self.side, at_least=0)

    @property
    def title(self) -> str:
        """The name in records and keys."""
        return name_of(self.data, self.side)

    def prepare(self, split: ImageSplit) -> ImageSplit:
        """Transform the images of the data set into those of this input."""
        return split

    @final
    def load(self, loader: Loader) -> ImageSplit:
        """Return the images; refuse others than those that this input is pinned to."""
        if self not in loader.memory:
            loader.memory[self] = self._read(loader)
        found: ImageSplit = loader.memory[self]
        return found

    @final
    def pinned(self, loader: Loader) -> Self:
        key = ("pinned", self)
        if key not in loader.memory:
            split = self.load(loader)
            pin = {"fingerprint": split.fingerprint(), "count": len(split)}
            loader.memory[key] = dataclasses.replace(self, **pin)  # type: ignore[arg-type]
        pinned: Self = loader.memory[key]
        return pinned

    def _read(self, loader: Loader) -> ImageSplit:
        data = loader.data(self.data, self.side)
        whole = data.train if self.split == "train" else data.test
        found = self.prepare(whole.take(self.limit) if self.limit else whole)
        if self.fingerprint and self.fingerprint != found.fingerprint():
            raise ValueError(
                f"`root` holds other images of {self.data!r} than those this study was started "
                f"with ({found.fingerprint()}, not {self.fingerprint}); point every worker to the "
                "same files"
            )
        return found


@final
@dataclass(frozen=True)
class Images(AbstractImages):
    """Images of a data set as they are.

    >>> from wordline.runs import Store
    >>> Images("digits", limit=20).pinned(Store()).count
    20
    """


@final
@dataclass(frozen=True, kw_only=True)
class FewBitImages(AbstractImages):
    """Images whose pixels are discretised before any attack; see `wordline.defenses.discretise`.

    >>> from wordline.runs import Store
    >>> images = FewBitImages(data="digits", limit=5, bits=1)
    >>> images.load(Store()).images.unique().tolist()
    [0.0, 1.0]
    """

    bits: int

    def __post_init__(self) -> None:
        super().__post_init__()
        require_pixel_bits(self.bits)

    @property
    def title(self) -> str:  # 8-bit pixels are those of bytes, and still another row of a table
        return f"{super().title}, {self.bits}-bit pixels"

    def prepare(self, split: ImageSplit) -> ImageSplit:
        return discretise(split, self.bits)


@final
@dataclass(frozen=True)
class NoImages(AbstractInput):
    """The absence of images, where a cell needs none."""

    def pinned(self, loader: Loader) -> Self:
        return self
