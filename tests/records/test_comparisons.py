"""Gains and worst cases from records, against counts by hand, and pairs that are none."""

from dataclasses import replace

import pytest
import torch
from torch import nn

import wordline as wl
from wordline.models import correct
from wordline.records.correctness import Correctness
from wordline.records.record import Record


@pytest.fixture(scope="module")
def records() -> list[Record]:
    """Software, and a chip under transfer and white-box, on forty digits."""
    software, data = wl.load_model("digits-cnn"), wl.load_dataset("digits").test
    chip = wl.map_model(software, wl.Crossbar.preset("rethinking-64", gain=wl.LeastSquaresGain()))
    attack = wl.FGSM(eps=0.1)
    pairs = ((software, software), (chip, software), (chip, chip))
    return [wl.evaluate(victim=v, source=s, attack=attack, data=data, limit=40) for v, s in pairs]


def test_a_record_keeps_what_its_shares_count(records: list[Record]) -> None:
    for record in records:
        assert sum(record.answers) / 40 == record.adversarial_accuracy
        assert sum(record.clean_answers) / 40 == record.clean_accuracy
        assert Record.from_json(record.to_json()) == record
    images, labels = (
        wl.load_dataset("digits").test.take(40).images,
        wl.load_dataset("digits").test.take(40).labels,
    )
    found = correct(wl.load_model("digits-cnn"), images, labels, batch_size=40)
    assert list(records[0].clean_answers) == found.tolist()


def test_the_gain_is_the_difference_and_its_interval_is_paired(records: list[Record]) -> None:
    software, moved, white = records
    gain = wl.robust_gain(moved, software)
    assert gain.value == pytest.approx(moved.adversarial_accuracy - software.adversarial_accuracy)
    assert gain.low <= gain.value <= gain.high
    back = wl.robust_gain(software, moved)
    assert (back.value, back.low, back.high) == pytest.approx((-gain.value, -gain.high, -gain.low))
    assert wl.robust_gain(white, white).value == 0.0


def test_the_worst_case_is_taken_image_by_image(records: list[Record]) -> None:
    one, other = (
        replace(records[1], images=4, answers=Correctness.of(right))
        for right in ((True, True, False, False), (True, False, True, False))
    )
    assert wl.worst_case([one, other]).value == 0.25 < 0.5 == wl.worst_case([one]).value


def test_draws_that_disagree_have_no_answers() -> None:
    crossbar = replace(
        wl.Crossbar.preset("rethinking-16", gain=wl.LeastSquaresGain()),
        nonidealities=(wl.ReadNoise(sigma=1.0),),
    )
    chip, data = wl.map_model(wl.load_model("digits-cnn"), crossbar), wl.load_dataset("digits").test
    several, one = (
        wl.evaluate(victim=chip, source=chip, attack=wl.FGSM(eps=0.2), data=data, limit=30, draws=n)
        for n in (5, 1)
    )
    assert not several.answers and len(one.answers) == 30
    with pytest.raises(ValueError, match="`record` holds no answers for HH FGSM 0.2 margin"):
        wl.robust_gain(several, one)


def test_pairs_that_are_none_are_refused(records: list[Record]) -> None:
    software, moved, _ = records
    with pytest.raises(ValueError, match="`beside` has a record of other images"):
        wl.robust_gain(moved, replace(software, fingerprint="other"))
    with pytest.raises(ValueError, match="`records` are of different victims"):
        wl.worst_case([software, moved])
    with pytest.raises(ValueError, match="`records` is empty"):
        wl.worst_case([])
    with pytest.raises(TypeError, match="`beside` must be Record, got"):
        wl.robust_gain(moved, 3)  # type: ignore[arg-type]


def test_nan_logits_are_wrong_answers() -> None:
    class Broken(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images.flatten(1)[:, :10] * torch.nan

    data = wl.load_dataset("digits").test.take(8)
    assert not correct(Broken().eval(), data.images, data.labels, batch_size=4).any()
