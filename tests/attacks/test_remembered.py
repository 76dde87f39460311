"""A model asked once for each image: the same logits, bit by bit, and no image for another."""

import pytest
import torch
from torch import Tensor, nn

from wordline.attacks import Square, autoattack
from wordline.attacks.remembered import Remembered


class Counting:
    """Logits that tell images apart, and how many images were asked for."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, images: Tensor) -> Tensor:
        self.asked += len(images)
        flat = images.flatten(1)
        return torch.stack((flat.sum(1), flat[:, 0]), 1)


@pytest.mark.parametrize("numbers", [0, 40, 2**20])  # forgets at once, now and then, never
def test_the_logits_are_those_of_the_model_whatever_is_kept(numbers) -> None:
    pool = torch.rand(12, 1, 2, 3, generator=torch.Generator().manual_seed(0))
    model, plain = Counting(), Counting()
    once = Remembered(model, numbers)
    for seed in range(30):
        picked = pool[torch.randint(12, (7,), generator=torch.Generator().manual_seed(seed))]
        assert torch.equal(once(picked), plain(picked))
    assert model.asked <= plain.asked
    if numbers > 40:
        # each image once, but for images that stand twice in one batch when first met
        assert model.asked < 24


def test_images_with_one_hash_are_told_apart(monkeypatch) -> None:
    monkeypatch.setattr("wordline.attacks.remembered._hashes", lambda bits: [7] * len(bits))
    once, images = Remembered(Counting()), torch.rand(5, 1, 2, 2)
    for part in (images[:2], images[2:], images):
        assert torch.equal(once(part), Counting()(part))


def test_zero_and_minus_zero_are_two_images() -> None:
    once = Remembered(lambda images: 1 / images.flatten(1))
    assert once(torch.zeros(1, 2)).tolist() == [[torch.inf] * 2]
    assert once(-torch.zeros(1, 2)).tolist() == [[-torch.inf] * 2]


def test_what_a_caller_writes_into_its_logits_is_not_remembered() -> None:
    once, images = Remembered(Counting()), torch.rand(3, 4)
    for _ in range(3):
        logits = once(images)
        assert torch.equal(logits, Counting()(images))
        logits.zero_()


def test_square_makes_the_same_images_with_few_of_the_questions(monkeypatch) -> None:
    pytest.importorskip("pyautoattack")
    generator = torch.Generator().manual_seed(0)
    images = 0.3 + 0.4 * torch.rand(6, 1, 6, 6, generator=generator)
    weight = torch.randn(3, 36, generator=generator)
    asked = [0]

    class Net(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            asked[0] += len(images)
            return images.flatten(1).double().mv(weight[0].double())[:, None] * torch.tensor(
                [1.0, -1.0, 0.5]
            )

    net = Net().eval()
    labels = net(images).argmax(1)
    found, counts = [], []
    for memory in (Remembered, lambda model: model):
        monkeypatch.setattr(autoattack, "Remembered", memory)
        asked[0] = 0
        found.append(Square(0.001, queries=2000)(net, images, labels))
        counts.append(asked[0])
    assert torch.equal(*found)
    assert counts[1] > 6000
    assert counts[0] < counts[1] / 4
