"""Names of the classes of public data sets, in the order of the labels, and labels by name."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import final

_CIFAR10 = "airplane automobile bird cat deer dog frog horse ship truck"
_CIFAR100 = """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus
    butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch
    crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo
    keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain
    mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain
    plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk
    skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone
    television tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""  # the fine labels
_TINY_IMAGENET = """
    01443537 01629819 01641577 01644900 01698640 01742172 01768244 01770393 01774384 01774750
    01784675 01855672 01882714 01910747 01917289 01944390 01945685 01950731 01983481 01984695
    02002724 02056570 02058221 02074367 02085620 02094433 02099601 02099712 02106662 02113799
    02123045 02123394 02124075 02125311 02129165 02132136 02165456 02190166 02206856 02226429
    02231487 02233338 02236044 02268443 02279972 02281406 02321529 02364673 02395406 02403003
    02410509 02415577 02423022 02437312 02480495 02481823 02486410 02504458 02509815 02666196
    02669723 02699494 02730930 02769748 02788148 02791270 02793495 02795169 02802426 02808440
    02814533 02814860 02815834 02823428 02837789 02841315 02843684 02883205 02892201 02906734
    02909870 02917067 02927161 02948072 02950826 02963159 02977058 02988304 02999410 03014705
    03026506 03042490 03085013 03089624 03100240 03126707 03160309 03179701 03201208 03250847
    03255030 03355925 03388043 03393912 03400231 03404251 03424325 03444034 03447447 03544143
    03584254 03599486 03617480 03637318 03649909 03662601 03670208 03706229 03733131 03763968
    03770439 03796401 03804744 03814639 03837869 03838899 03854065 03891332 03902125 03930313
    03937543 03970156 03976657 03977966 03980874 03983396 03992509 04008634 04023962 04067472
    04070727 04074963 04099969 04118538 04133789 04146614 04149813 04179913 04251144 04254777
    04259630 04265275 04275548 04285008 04311004 04328186 04356056 04366367 04371430 04376876
    04398044 04399382 04417672 04456115 04465501 04486054 04487081 04501370 04507155 04532106
    04532670 04540053 04560804 04562935 04596742 04597913 06596364 07579787 07583066 07614500
    07615774 07695742 07711569 07715103 07720875 07734744 07747607 07749582 07753592 07768694
    07871810 07873807 07875152 07920052 09193705 09246464 09256479 09332890 09428293 12267677
"""  # WordNet ids without their n, sorted: labels count in this order, not in that of wnids.txt
CIFAR10, CIFAR100 = tuple(_CIFAR10.split()), tuple(_CIFAR100.split())
TINY_IMAGENET = tuple(f"n{number}" for number in _TINY_IMAGENET.split())
SYNONYMS = (("plane", "airplane"), ("car", "automobile"))  # in PyTorch's tutorial on CIFAR-10


@final
@dataclass(frozen=True)
class Classes:
    """Classes of a data set: `names[k]` is label k.

    `root`: the folder that is read, for messages. `synonyms`: (other name, name) of a class.

    >>> pets = Classes("pets", ("cat", "sea_lion"))
    >>> pets.labels(("Sea lion", "cat"), "a file"), pets.labels(("1", "0"), "a file")
    ((1, 0), (1, 0))
    """

    data: str
    names: tuple[str, ...]
    root: str = ""
    synonyms: tuple[tuple[str, str], ...] = SYNONYMS

    def labels(self, found: tuple[str, ...], where: str) -> tuple[int, ...]:
        """Return the data set's label of each name in a file or folder, in whatever order they are.

        Names are compared without case, and with blanks and hyphens as underscores; names that are
        all numbers are the labels themselves; no names at all are those numbers in order. Raises
        ValueError for another number of classes, and naming the first class that the data set does
        not have or that comes twice.
        """
        if not found:
            return tuple(range(len(self.names)))
        if len(found) != len(self.names):
            raise ValueError(
                f"`root` {self.root!r} holds data of {len(found)} classes, but {self.data} has "
                f"{len(self.names)}; pass the folder of {self.data}"
            )
        numbers = are_numbers(found)
        known = self._labels_by_number() if numbers else self._labels_by_name()
        names: dict[int, str] = {}
        for index, name in enumerate(found):
            label = known.get(str(int(name)) if numbers else _normalise(name))
            if label is None:
                raise ValueError(
                    f"`root` calls class {index} {name!r} in {where}, where {self.data} has "
                    f"{self.names[index]!r}, and none of {self.data} is called so; name the "
                    "classes as the data set does"
                )
            if label in names:
                raise ValueError(
                    f"`root` names the class {self.names[label]!r} twice in {where}, as "
                    f"{names[label]!r} and {name!r}; leave one"
                )
            names[label] = name
        return tuple(names)

    def display_names(self, found: tuple[str, ...]) -> tuple[str, ...]:
        """Return the data set's own names; numbers if a file numbers its classes or names none."""
        return tuple(map(str, range(len(self.names)))) if are_numbers(found) else self.names

    def _labels_by_number(self) -> dict[str, int]:
        return {str(label): label for label in range(len(self.names))}

    def _labels_by_name(self) -> dict[str, int]:
        own = {_normalise(name): label for label, name in enumerate(self.names)}
        pairs = [(_normalise(word), own.get(_normalise(name))) for word, name in self.synonyms]
        count = Counter(word for word, label in pairs if label is not None)
        once = {w: label for w, label in pairs if label is not None and count[w] == 1}
        return once | own  # a word of two classes names neither


def are_numbers(names: tuple[str, ...]) -> bool:
    """Return True if classes are called by numbers alone, or not at all."""
    return all(name.isascii() and name.isdecimal() for name in names)


def _normalise(name: str) -> str:
    return re.sub(r"[\s-]+", "_", name.strip().lower())
