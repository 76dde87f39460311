"""Records whose every number is known beforehand."""

import dataclasses

import pytest
import torch
from torch import Tensor, nn

import wordline as wl
from wordline.attacks import AbstractAttack
from wordline.datasets import ImageSplit
from wordline.evaluation import ScoreSettings, craft, identify, score


class Bright(nn.Module):
    """Class 1 where the mean pixel exceeds one half."""

    def __init__(self) -> None:
        super().__init__()
        self.sign = nn.Parameter(torch.ones(()))

    def forward(self, images: Tensor) -> Tensor:
        excess = self.sign * (images.flatten(1).mean(1) - 0.5)
        return torch.stack((-excess, excess), 1)


def _split() -> ImageSplit:
    """Ten images, mean pixel 0.05 ... 0.95; the labels of the fourth and the ninth are wrong."""
    level = torch.arange(10, dtype=torch.float32) / 10 + 0.05
    labels = (level > 0.5).long()
    labels[3], labels[8] = 1, 0
    return ImageSplit(level[:, None, None, None].expand(10, 1, 2, 2).clone(), labels)


def _evaluate(**changes: object) -> wl.Record:
    model = Bright().eval()
    arguments = {
        "victim": model,
        "source": model,
        "attack": wl.FGSM(eps=0.1),
        "data": _split(),
    } | changes
    return wl.evaluate(**arguments)


def test_every_number_of_a_record_by_hand() -> None:
    record = _evaluate()
    assert record.clean_accuracy == 0.8  # all but the two wrong labels
    assert record.adversarial_accuracy == 0.6  # 0.45 and 0.55 cross one half
    assert record.adversarial_loss == pytest.approx(0.2)
    assert record.attack_success_rate == pytest.approx(2 / 8)
    assert record.largest_change == pytest.approx(0.1)
    assert (record.images, record.setting, record.flags) == (10, "SW", ())
    for estimate in (record.clean, record.adversarial, record.loss, record.success):
        assert estimate.low <= estimate.value <= estimate.high


def test_record_survives_json_and_prints() -> None:
    record = _evaluate()
    assert wl.Record.from_json(record.to_json()) == record
    assert "80.0 [" in str(record)
    assert "60.0 [" in wl.table([record, record])
    with pytest.raises(TypeError, match="`records` must hold Records, got str"):
        wl.table(["x"])  # type: ignore[list-item]


def test_limit_takes_the_first_images() -> None:
    assert _evaluate(limit=4).clean_accuracy == 0.75
    assert _evaluate(limit=99).images == 10


def test_settings_are_named_by_who_is_who() -> None:
    software = nn.Sequential(nn.Flatten(), nn.Linear(4, 2)).eval()
    chips = [wl.map_model(software, wl.Crossbar.preset("rethinking-16"), seed=s) for s in (0, 1)]
    names = {
        (v, s): _evaluate(victim=victim, source=source).setting
        for v, victim in enumerate((software, *chips))
        for s, source in enumerate((software, *chips))
    }
    assert names == {
        (0, 0): "SW", (1, 0): "SH", (2, 0): "SH", (1, 1): "HH", (2, 2): "HH",
        (1, 2): "chip-to-chip", (2, 1): "chip-to-chip", (0, 1): "HS", (0, 2): "HS",
    }  # fmt: skip


def test_a_victim_that_is_never_right_is_flagged() -> None:
    wrong = Bright().eval()
    wrong.sign.data = -wrong.sign.data
    split = dataclasses.replace(_split(), labels=(torch.arange(10) / 10 + 0.05 > 0.5).long())
    record = _evaluate(victim=wrong, data=split)
    assert record.clean_accuracy == 0
    assert (record.success.low, record.success.high) == (0, 1)
    assert record.flags == ("no image is classified correctly, so ASR is undefined",)


class Outside(AbstractAttack):
    def __call__(
        self, model: nn.Module, images: Tensor, labels: Tensor, *, generator: object = None
    ) -> Tensor:
        return images + 1

    def perturb(self, *arguments: object) -> Tensor:
        raise NotImplementedError


def test_an_attack_that_leaves_the_image_range_is_refused() -> None:
    with pytest.raises(ValueError, match="`adversarial` holds values outside .0, 1. or NaN"):
        _evaluate(attack=Outside())


def test_adversarial_images_of_another_shape_are_refused() -> None:
    model = Bright().eval()
    with pytest.raises(ValueError, match="`adversarial` must have shape"):
        score(
            model,
            identify(model),
            wl.FGSM(eps=0.1),
            _split(),
            torch.rand(3, 1, 2, 2),
            ScoreSettings(0, 1, 5),
        )


def test_random_starts_depend_on_the_seed_alone() -> None:
    model, attack = (
        nn.Sequential(nn.Flatten(), nn.Linear(4, 2)).eval(),
        wl.PGD(eps=0.1, steps=2, step_size=0.01),
    )
    first, again, other = (craft(model, attack, _split(), seed=s, batch_size=5) for s in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


class Coin(nn.Module):
    """A stochastic victim: right half of the time."""

    def __init__(self) -> None:
        super().__init__()
        self.stream = torch.Generator().manual_seed(0)

    def forward(self, images: Tensor) -> Tensor:
        return torch.rand(len(images), 2, generator=self.stream)


def test_draws_average_a_stochastic_victim() -> None:
    record = _evaluate(victim=Coin().eval(), draws=100)
    assert record.clean.low < 0.5 < record.clean.high
    assert record.clean.high - record.clean.low < 0.2


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"victim": Bright()}, ValueError, "`victim` is in training mode"),
        ({"source": nn.Sequential(nn.Flatten(), nn.Dropout()).eval().append(nn.Dropout())},
         ValueError, "`source` is in training mode .its part '2' is."),
        ({"victim": 3}, TypeError, "`victim` must be a torch.nn.Module, got int"),
        ({"attack": "pgd"}, TypeError, "`attack` must be AbstractAttack"),
        ({"data": [1, 2]}, TypeError, "`data` must be ImageSplit"),
        ({"limit": -1}, ValueError, "`limit` must be at least 0"),
        ({"batch_size": 0}, ValueError, "`batch_size` must be at least 1"),
        ({"draws": 0}, ValueError, "`draws` must be at least 1"),
        ({"seed": -1}, ValueError, "`seed` must be at least 0"),
        ({"data": ImageSplit(torch.full((2, 1, 2, 2), 1.5), torch.zeros(2, dtype=torch.int64))},
         ValueError, r"`images` .*\[0, 1\]"),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused(
    change: dict[str, object], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        _evaluate(**change)
