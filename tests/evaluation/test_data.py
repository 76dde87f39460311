"""Data sets of pairs and pixels off by rounding, where `data` is taken."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

import wordline as wl
from wordline.attacks import AbstractAttack
from wordline.datasets import ImageSplit
from wordline.quantisation import adversarial_noise_sensitivity
from wordline.runs import Grid, Journal, run_grid

SPLIT = ImageSplit(
    torch.rand(12, 1, 4, 4, generator=torch.Generator().manual_seed(1)),
    torch.arange(12) % 3,
    "list",
)
PAIRS = [SPLIT[k] for k in range(len(SPLIT))]
FGSM = wl.FGSM(eps=0.1)


def test_a_list_of_pairs_gives_the_record_of_its_split(linear_model: nn.Module) -> None:
    records = [
        wl.evaluate(victim=linear_model, source=linear_model, attack=FGSM, data=data, limit=limit)
        for data in (SPLIT, PAIRS)
        for limit in (0, 7)
    ]
    assert records[:2] == records[2:] and records[1].images == 7


def test_foreign_data_are_named_in_the_record(linear_model: nn.Module) -> None:
    data = TensorDataset((SPLIT.images * 255).to(torch.uint8), SPLIT.labels)
    record = wl.evaluate(victim=linear_model, source=linear_model, attack=FGSM, data=data)
    assert (record.data, record.flags) == (
        "TensorDataset",
        ("bytes of the data set were divided by 255",),
    )
    assert wl.Record.from_json(record.to_json()) == record


@pytest.mark.parametrize("native", [True, False])
def test_pixels_off_by_rounding_are_clipped_and_the_record_says_so(
    linear_model: nn.Module, native: bool
) -> None:
    off = SPLIT.images.clone()
    off[3, 0, 0, 0], off[4, 0, 0, 0] = 1 + 2**-22, -(2**-23)
    data: Any = (
        ImageSplit(off, SPLIT.labels, "mine") if native else TensorDataset(off, SPLIT.labels)
    )
    record = wl.evaluate(victim=linear_model, source=linear_model, attack=FGSM, data=data)
    assert record.flags == ("pixels off [0, 1] by up to 2.4e-07 were clipped",)
    clean = ImageSplit(off.clamp(0, 1), SPLIT.labels, record.data)
    plain = wl.evaluate(victim=linear_model, source=linear_model, attack=FGSM, data=clean)
    assert plain == dataclasses.replace(record, flags=())


@dataclasses.dataclass(frozen=True)
class Rounded(AbstractAttack):
    """As a library's attack whose arithmetic ends a little beyond white."""

    beyond: float = 0.0

    def __call__(
        self, model: nn.Module, images: Tensor, labels: Tensor, *, generator: object = None
    ) -> Tensor:
        return torch.ones_like(images) + self.beyond

    def perturb(self, *arguments: object) -> Tensor:
        raise NotImplementedError


def test_adversarial_images_off_by_rounding(linear_model: nn.Module) -> None:
    def run(beyond: float) -> wl.Record:
        return wl.evaluate(
            victim=linear_model, source=linear_model, attack=Rounded(beyond), data=SPLIT
        )

    record = run(2**-22)
    assert record.flags == ("adversarial pixels off [0, 1] by up to 2.4e-07 were clipped",)
    assert record.answers == run(0.0).answers and record.largest_change <= 1
    with pytest.raises(ValueError, match="`adversarial` holds values outside"):
        run(2e-6)


def test_everything_that_takes_data_takes_pairs(linear_model: nn.Module, tmp_path: Path) -> None:
    crossbar = wl.Crossbar.preset("ideal")
    chip = wl.map_model(linear_model, crossbar)
    both: dict[str, Any] = {"software": linear_model, "chip": chip}
    for data in (SPLIT, PAIRS):
        curve = wl.robustness_curve(victim=chip, source=linear_model, data=data, eps=(0.1,))
        assert curve.records[0].images == 12
        assert wl.gradient_deviation(**both, data=data, eps=0.1).fingerprint == SPLIT.fingerprint()
        assert wl.noise_stability(**both, data=data).fingerprint == SPLIT.fingerprint()
        assert isinstance(wl.matched_noise(**both, data=data), nn.Module)
        assert (
            adversarial_noise_sensitivity(linear_model, data, FGSM).fingerprint
            == SPLIT.fingerprint()
        )
        assert isinstance(wl.quanos(linear_model, data)[0], nn.Module)
        audit = wl.audit(**both, data=data, eps=0.1, limit=10, quick=True, calibration=data)
        assert (audit.images, audit.fingerprint) == (10, SPLIT.take(10).fingerprint())
        grid = Grid((crossbar,), (FGSM,), (0,), ("SW",))
        assert (
            run_grid(linear_model, data, grid, Journal(tmp_path / "j.jsonl"), calibration=data)[
                0
            ].images
            == 12
        )


def test_the_calibration_of_an_audit_is_named(linear_model: nn.Module) -> None:
    outside = ImageSplit(SPLIT.images + 1, SPLIT.labels)
    with pytest.raises(ValueError, match=r"`images` of `calibration` must lie in \[0, 1\]"):
        wl.audit(chip=linear_model, software=linear_model, data=SPLIT, eps=0.1, calibration=outside)
