"""Orders and names of classes, held against what `sorted` and the published lists say."""

from __future__ import annotations

import pytest

from wordline.datasets.classes import CIFAR10, CIFAR100, TINY_IMAGENET, Classes

PETS = Classes("pets", ("cat", "dog", "sea_lion"), root="DIR")


def test_the_published_lists() -> None:
    for names, count in ((CIFAR10, 10), (CIFAR100, 100), (TINY_IMAGENET, 200)):
        assert len(set(names)) == count and list(names) == sorted(names)
    assert (CIFAR10[3], CIFAR100[52]) == ("cat", "oak_tree")
    assert (TINY_IMAGENET[0], TINY_IMAGENET[199]) == ("n01443537", "n12267677")


@pytest.mark.parametrize(
    ("found", "labels"),
    [
        ((), (0, 1, 2)),
        (("cat", "dog", "sea_lion"), (0, 1, 2)),
        (("dog", "sea_lion", "cat"), (1, 2, 0)),
        (("Sea Lion", "CAT", " dog"), (2, 0, 1)),
        (("sea-lion", "cat", "dog"), (2, 0, 1)),
        (("2", "0", "1"), (2, 0, 1)),
        (("00", "01", "02"), (0, 1, 2)),
    ],
)
def test_names_in_any_order_keep_their_labels(
    found: tuple[str, ...], labels: tuple[int, ...]
) -> None:
    assert PETS.labels(found, "a") == labels


def test_other_words_for_classes() -> None:
    cifar = Classes("cifar10", CIFAR10)
    assert cifar.labels(("plane", "car", *CIFAR10[2:]), "a") == tuple(range(10))
    known = Classes(
        "pets", ("n1", "n2", "n3"), synonyms=(("cat", "n1"), ("dog, hound", "n2"), ("cat", "n9"))
    )
    assert known.labels(("dog, hound", "n3", "Cat"), "a") == (1, 2, 0)
    crane = Classes("cranes", ("n1", "n2"), synonyms=(("crane", "n1"), ("crane", "n2")))
    with pytest.raises(
        ValueError, match="calls class 0 'crane' in a"
    ):  # a word of both is a word of none
        crane.labels(("crane", "n2"), "a")


@pytest.mark.parametrize(
    ("found", "match"),
    [
        (
            ("cat", "dog"),
            "`root` 'DIR' holds data of 2 classes, but pets has 3; pass the folder of pets",
        ),
        (
            ("cat", "hound", "sea_lion"),
            "calls class 1 'hound' in a, where pets has 'dog', and none of pets is called",
        ),
        (("class0", "class1", "class2"), "calls class 0 'class0' in a, where pets has 'cat'"),
        (("1", "2", "3"), "calls class 2 '3' in a, where pets has 'sea_lion'"),
        (("1", "2", "cat"), "calls class 0 '1' in a"),
        (
            ("sea lion", "cat", "sea_lion"),
            "names the class 'sea_lion' twice in a, as 'sea lion' and 'sea_lion'; leave",
        ),
        (("0", "00", "1"), "names the class 'cat' twice in a, as '0' and '00'"),
    ],
)
def test_other_classes_are_refused(found: tuple[str, ...], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        PETS.labels(found, "a")
