"""Certificates in closed form, and attacks that must not beat them."""

from __future__ import annotations

import dataclasses
import sys
from statistics import NormalDist

import pytest
import torch
from scipy.stats import binom
from tests.evaluation.certificate.chips import ADC, NOISY, QUIET, small_cnn, two_sided
from torch import Tensor, nn

import wordline as wl
from wordline.datasets import ImageSplit
from wordline.evaluation import sensitivity, with_input_noise
from wordline.records import Certificate, clopper_pearson

PHI = NormalDist()
DIRECTION = torch.linspace(-0.5, 1.0, 12)
ALPHA = 0.001
COMMON = {"selection": 20, "estimation": 400, "alpha": ALPHA, "radii": (0.25, 0.5, 1.0)}


def split_of(images: Tensor, labels: Tensor) -> ImageSplit:
    return ImageSplit(images, labels, "drawn")


@pytest.fixture
def drawn() -> tuple[ImageSplit, Tensor]:
    """Images of two sides of a plane, with their distance to it; labels are those of the side."""
    images = torch.rand(40, 1, 3, 4)
    side = (images.flatten(1) - 0.5) @ DIRECTION
    return split_of(images, (side < 0).long()), side.abs() / DIRECTION.norm()


def test_a_binary_linear_classifier_in_closed_form(drawn: tuple[ImageSplit, Tensor]) -> None:
    """p = Phi(distance * sensitivity) exactly, so that the radius of infinitely many reads is the
    distance to the plane, and that of finitely many falls short of it by what the counts say.
    """
    split, distances = drawn
    chip = wl.map_model(two_sided(DIRECTION), NOISY)
    found = wl.certify(victim=chip, data=split, **COMMON)
    n = found.estimation
    rows = zip(found.votes, found.classes, found.labels, distances.tolist(), strict=True)
    inside = 0
    for votes, named, label, distance in rows:
        p = PHI.cdf(distance * found.sensitivity)  # of its own side
        share = p if named == label else 1 - p
        low, high = binom.ppf([0.0005, 0.9995], n, share)
        inside += bool(low <= votes <= high)
    assert inside >= 39  # 0.04 outside are to be expected of 40
    for radius, distance in zip(found.image_radii, distances.tolist(), strict=True):
        assert radius <= distance  # each fails once in a thousand
    largest = max(found.image_radii)
    assert largest > 0.5 * float(distances.max()) or largest == found.largest_radius


def test_input_noise_is_randomised_smoothing(drawn: tuple[ImageSplit, Tensor]) -> None:
    split, distances = drawn
    noisy = with_input_noise(two_sided(DIRECTION), 0.3)
    found = wl.certify(victim=noisy, data=split, **COMMON)
    assert found.input_noise == pytest.approx(0.3, rel=2e-5) and found.input_noise <= 0.3
    assert found.layer == "input" and "with input noise 0.3" in str(found)
    for radius, votes, distance in zip(found.image_radii, found.votes, distances, strict=True):
        p, _ = clopper_pearson(votes, 400, ALPHA)
        assert radius == (pytest.approx(0.3 * PHI.inv_cdf(p), rel=2e-5) if p > 0.5 else 0)
        assert radius <= distance


def chip_of_a_cnn(crossbar: wl.Crossbar) -> wl.Chip:
    with torch.random.fork_rng(devices=[]):
        net = small_cnn()
    return wl.map_model(net, QUIET, overrides=(("model.0", crossbar),))


def separated(chip: wl.Chip, count: int) -> ImageSplit:
    """Images labelled by the chip itself."""
    images = torch.rand(count, 1, 6, 6)
    with torch.no_grad():
        labels = torch.stack([chip(images) for _ in range(50)]).mean(0).argmax(1)
    return split_of(images, labels)


def quiet_noise(sigma: float, **change: object) -> wl.Crossbar:
    noise = dataclasses.replace(NOISY.output_noise, sigma=sigma)
    return dataclasses.replace(NOISY, output_noise=noise, **change)


def expected_at_most(certified: int) -> float:
    """Beaten certificates that 2 alpha of them allow, but for once in ten thousand."""
    return float(binom.ppf(0.9999, certified, 2 * ALPHA))


@pytest.mark.parametrize("change", [{}, {"adc": ADC}], ids=["ideal ADC", "ADC"])
def test_pgd_with_eot_does_not_beat_a_certificate(change: dict[str, object]) -> None:
    chip = chip_of_a_cnn(quiet_noise(0.3, **change))
    split = separated(chip, 30)
    attack = wl.PGD(eps=1.0, steps=5, norm="l2", eot=5)
    radii = (0.01, 0.05)
    found = wl.certify(
        victim=chip, data=split, selection=60, estimation=200, radii=radii, attacks=(attack,)
    )
    assert sum(votes.certified for votes in found.attacks) > 10
    for votes in found.attacks:
        assert votes.beaten <= expected_at_most(votes.certified)
        assert votes.certified == sum(found.certified_images(votes.radius))
        assert votes.attack.eps == votes.radius
    assert found.passes == 30 * (260 + 2 * (5 * 5 + 5 + 60))


def test_the_attack_would_find_a_certificate_that_is_too_large(
    drawn: tuple[ImageSplit, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a linear classifier the radius is sharp: twice as much is beaten at once."""
    split, _ = drawn
    chip = wl.map_model(two_sided(DIRECTION), NOISY)
    claimed = sensitivity(chip, split.images[:1]).bound / 3
    module = sys.modules["wordline.evaluation.certificate.certify"]
    monkeypatch.setattr(module, "sensitivity", lambda *_: ("1", claimed))
    attack = wl.PGD(eps=1.0, steps=5, norm="l2", eot=5)
    found = wl.certify(
        victim=chip, data=split, selection=200, estimation=400, radii=(1.0,), attacks=(attack,)
    )
    (votes,) = found.attacks
    assert votes.beaten > expected_at_most(votes.certified)


def test_ten_thousand_directions_do_not_beat_a_certificate() -> None:
    """Each is judged by 60 reads, at a level that counts for all of them together."""
    chip = chip_of_a_cnn(quiet_noise(0.3))
    split = separated(chip, 20)
    found = wl.certify(victim=chip, data=split, estimation=400, radii=(0.0625,))
    best = max(range(20), key=lambda n: found.image_radii[n])
    radius, named = found.image_radii[best], found.classes[best]
    directions = torch.randn(10_000, 1, 6, 6)
    directions /= directions.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    moved = split.images[best] + 0.999 * radius * directions  # pixels may leave [0, 1]
    with torch.no_grad():
        hits = sum((chip(moved).argmax(1) == named).int() for _ in range(60))
    assert radius > 0.05
    assert int(hits.min()) >= binom.ppf(0.01 / 10_000, 60, 0.5)


def test_noise_of_devices_behind_the_first_layer_is_drawn_for_each_read() -> None:
    """One draw of a pass is that of all its images: a batch must not count as many reads."""
    devices = dataclasses.replace(QUIET, nonidealities=(wl.ReadNoise(0.5),))
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)).eval()
    images = torch.rand(1, 1, 2, 2).expand(8, -1, -1, -1).clone()
    net[3].bias.data -= net(images)[0].detach()  # no class is ahead, but for the noise
    chip = wl.map_model(net, devices, overrides=(("1", quiet_noise(1e-6)),))
    split = split_of(images, torch.zeros(8).long())
    reads = {"selection": 5, "estimation": 50, "radii": (0.1,)}
    together = wl.certify(victim=chip, data=split, **reads)
    assert len(set(together.votes)) == 1 and 0 < together.votes[0] < 50  # images share its noise
    assert set(together.image_radii) == {0.0}


def test_the_same_seed_gives_the_same_certificate(drawn: tuple[ImageSplit, Tensor]) -> None:
    split, _ = drawn
    for victim in (
        wl.map_model(two_sided(DIRECTION), NOISY), with_input_noise(two_sided(DIRECTION), 0.3)
    ):  # fmt: skip
        first, again, other = (
            wl.certify(
                victim=victim, data=split, limit=9, batch_size=4, seed=seed, selection=5,
                estimation=60,
            )
            for seed in (0, 0, 1)
        )  # fmt: skip
        assert first == again and first.votes != other.votes
        assert first.images == 9 and first.passes == 9 * 65


def test_logits_that_are_not_finite_are_no_answer() -> None:
    class Broken(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.where(x > 0, torch.nan, x).flatten(1)[:, :2]

    noisy = with_input_noise(Broken().eval(), 1e-3)
    split = split_of(torch.ones(2, 1, 1, 2), torch.tensor([0, 1]))
    found = wl.certify(victim=noisy, data=split, **COMMON)
    assert found.votes == (0, 0) and found.abstained.value == 1.0 and found.clean.value == 0.0


BAD = [
    ({"selection": 0}, "`selection` must be at least 1"),
    ({"estimation": 0}, "`estimation` must be at least 1"),
    ({"limit": -1}, "`limit` must be at least 0"),
    ({"batch_size": 0}, "`batch_size` must be at least 1"),
    ({"seed": -1}, "`seed` must be at least 0"),
    ({"alpha": 0.0}, "`alpha` must be greater than 0"),
    ({"alpha": 0.5}, "`alpha` must be below 0.5, got 0.5"),
    ({"radii": (0.0,)}, "`radii` must be greater than 0"),
    ({"attacks": (wl.PGD(eps=0.1),)}, "`attacks` must be in L2, .* got 'linf'"),
]


@pytest.mark.parametrize(("change", "words"), BAD, ids=lambda v: None)
def test_bad_arguments_are_refused(
    change: dict[str, object], words: str, drawn: tuple[ImageSplit, Tensor]
) -> None:
    noisy = with_input_noise(two_sided(DIRECTION), 0.3)
    with pytest.raises(ValueError, match=words):
        wl.certify(victim=noisy, data=drawn[0], **change)


def test_bad_victims_are_refused(drawn: tuple[ImageSplit, Tensor]) -> None:
    split, _ = drawn
    with pytest.raises(TypeError, match="`attacks` must be AbstractAttack"):
        wl.certify(victim=two_sided(DIRECTION), data=split, attacks=(0.3,))
    with pytest.raises(TypeError, match="`radii` must be tuple or list, got 3"):
        wl.certify(victim=two_sided(DIRECTION), data=split, radii=3)
    with pytest.raises(ValueError, match="`victim` is in training mode"):
        wl.certify(victim=two_sided(DIRECTION).train(), data=split)
    with pytest.raises(ValueError, match="`victim` has no mapped layer that the images reach"):
        wl.certify(victim=two_sided(DIRECTION), data=split)
    dead = wl.map_model(two_sided(DIRECTION), NOISY)
    dead.layers["1"].effective_weight.zero_()
    with pytest.raises(ValueError, match="`victim` has a first layer '1' of weight zero"):
        wl.certify(victim=dead, data=split)


def test_a_certificate_is_kept_as_json(drawn: tuple[ImageSplit, Tensor]) -> None:
    chip = wl.map_model(two_sided(DIRECTION), NOISY)
    attack = wl.PGD(eps=1.0, steps=1, norm="l2")
    found = wl.certify(victim=chip, data=drawn[0], limit=4, attacks=(attack,), **COMMON)
    assert Certificate.from_json(found.to_json()) == found
