import pytest
import torch
from torch import nn

import wordline as wl
from wordline.attacks import PGD, SurrogateGradient


class Rounded(nn.Module):
    """Sees pixels at four levels only, and so gives a gradient of zero."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, images):
        return self.model((3 * images).round() / 3)


def test_the_answers_of_one_with_the_gradient_of_the_other(cnn, batch):
    images, _ = batch
    led = SurrogateGradient(Rounded(cnn).eval(), cnn).eval()
    assert torch.equal(led(images), Rounded(cnn)(images))
    weights = torch.randn(len(images), 5, generator=torch.Generator().manual_seed(0))
    leaf, own = images.clone().requires_grad_(True), images.clone().requires_grad_(True)
    (got,) = torch.autograd.grad((led(leaf) * weights).sum(), leaf)
    (wanted,) = torch.autograd.grad((cnn(own) * weights).sum(), own)
    assert torch.equal(got, wanted)


def test_it_breaks_what_rounding_hides(cnn, own):
    images, _ = own
    rounded = Rounded(cnn).eval()
    labels = rounded(images).argmax(1)
    attack = PGD(0.2, 10, random_start=False)
    with_own = (rounded(attack(rounded, images, labels)).argmax(1) != labels).sum()
    with_other = (
        rounded(attack(SurrogateGradient(rounded, cnn).eval(), images, labels)).argmax(1) != labels
    ).sum()
    assert with_own == 0 < with_other


def test_a_record_says_whose_gradient_it_was():
    software, data = wl.load_model("digits-cnn"), wl.load_dataset("digits").test
    chip = wl.map_model(software, wl.Crossbar.preset("rethinking-16"), seed=2)
    source = SurrogateGradient(chip, software).eval()
    record = wl.evaluate(victim=chip, source=source, attack=wl.FGSM(0.1), data=data, limit=10)
    assert record.setting == "BPDA"
    assert record.source.gradient == "of DigitsCNN"
    assert record.source.seed == 2
    assert wl.Record.from_json(record.to_json()) == record


def test_refuses():
    with pytest.raises(TypeError, match="`model` must be a torch.nn.Module, got int"):
        SurrogateGradient(3, nn.Identity())
    with pytest.raises(TypeError, match="`gradient_from` must be a torch.nn.Module"):
        SurrogateGradient(nn.Identity(), abs)
    led = SurrogateGradient(nn.Identity(), nn.Linear(3, 4))
    with pytest.raises(ValueError, match=r"`gradient_from` must give logits of shape \(2, 3\)"):
        led(torch.rand(2, 3, requires_grad=True))
