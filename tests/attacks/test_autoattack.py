"""APGD, Square and AutoAttack: the same images as the package makes by hand."""

import sys

import pytest
import torch

from wordline.attacks import APGD, AutoAttack, Square

pyautoattack = pytest.importorskip("pyautoattack")


def seeded(seed=3):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_apgd_equals_the_package_by_hand(cnn, own, norm):
    from pyautoattack.autopgd_base import APGDAttack, APGDAttack_targeted

    images, labels = own
    eps, name = (0.02, "Linf") if norm == "linf" else (0.3, "L2")
    for loss, theirs in (("cross-entropy", "ce"), ("dlr", "dlr"), ("targeted-dlr", None)):
        arguments = {"n_iter": 6, "norm": name, "eps": eps, "seed": 3}
        with torch.random.fork_rng(devices=[]):
            by_hand = (
                APGDAttack(cnn, loss=theirs, **arguments)
                if theirs
                else APGDAttack_targeted(cnn, n_target_classes=4, **arguments)
            ).perturb(images, labels)
        ours = APGD(eps, steps=6, loss=loss, norm=norm)(cnn, images, labels, generator=seeded(3))
        torch.testing.assert_close(ours, by_hand.detach(), atol=1e-6, rtol=0)
        assert torch.equal(cnn(ours).argmax(1), cnn(by_hand).argmax(1))


def run_by_hand(model, images, labels, eps, norm):
    attack = pyautoattack.AutoAttack(model, eps=eps, norm=norm, seed=3, version="standard")
    attack.fab.n_target_classes = attack.apgd_targeted.n_target_classes = 4
    trace = sys.gettrace()
    with torch.random.fork_rng(devices=[]):
        adversarial, _ = attack.run_standard_evaluation(images, labels)
    sys.settrace(trace)
    return adversarial


def test_autoattack_equals_the_package_by_hand(cnn, own, monkeypatch):
    square = pyautoattack.square.SquareAttack
    whole = square.attack_single_run

    def cut_short(self, x, y):  # both here and by hand; the slow test spends all 5000 queries
        self.n_queries = 30
        return whole(self, x, y)

    monkeypatch.setattr(square, "attack_single_run", cut_short)
    images, labels = own[0][:4], own[1][:4]
    ours = AutoAttack(0.008)(cnn, images, labels, generator=seeded(3))
    by_hand = run_by_hand(cnn, images, labels, 0.008, "Linf")
    torch.testing.assert_close(ours, by_hand, atol=1e-6, rtol=0)
    assert torch.equal(cnn(ours).argmax(1), cnn(by_hand).argmax(1))
    survived = cnn(ours).argmax(1) == labels
    assert 0 < survived.sum() < len(images)  # all four attacks ran, and something fell


@pytest.mark.slow
@pytest.mark.parametrize(("norm", "name", "eps"), [("linf", "Linf", 0.008), ("l2", "L2", 0.06)])
def test_autoattack_with_survivors_equals_the_package_by_hand(cnn, own, norm, name, eps):
    images, labels = own
    ours = AutoAttack(eps, norm=norm)(cnn, images, labels, generator=seeded(3))
    torch.testing.assert_close(ours, run_by_hand(cnn, images, labels, eps, name), atol=1e-6, rtol=0)
    survived = cnn(ours).argmax(1) == labels
    assert 0 < survived.sum() < len(images)
    assert torch.equal(ours[survived], images[survived])


@pytest.mark.parametrize(
    ("attack", "classes", "message"),
    [
        (AutoAttack(0.1), 3, "`loss` 'targeted-dlr' needs at least 4 classes, got 3"),
        (
            APGD(0.1, loss="targeted-dlr"),
            3,
            "`loss` 'targeted-dlr' needs at least 4 classes, got 3",
        ),
        (APGD(0.1, loss="dlr"), 2, "`loss` 'dlr' needs at least 3 classes, got 2"),
    ],
)
def test_refuses_too_few_classes(attack, classes, message):
    images = torch.full((2, classes, 5, 5), 0.5)
    with pytest.raises(ValueError, match=message):
        attack(lambda x: x.mean((2, 3)), images, torch.zeros(2, dtype=torch.long))


@pytest.mark.parametrize("attack", [Square(0.1), AutoAttack(0.1)])
def test_refuses_what_has_no_height_and_width(attack):
    with pytest.raises(
        ValueError, match=r"`images` must have shape \(n, channels, height, width\) for"
    ):
        attack(torch.nn.Identity(), torch.full((2, 5), 0.5), torch.zeros(2, dtype=torch.long))


def test_refuses_images_with_no_room_for_an_l2_square():
    with pytest.raises(ValueError, match="with a height of at least 5"):
        Square(0.1, norm="l2")(
            torch.nn.Flatten(), torch.full((2, 1, 4, 8), 0.5), torch.zeros(2, dtype=torch.long)
        )


def test_square_does_not_write_into_the_logits_or_images():
    images = torch.full((3, 1, 5, 5), 0.5)

    def pixels(x):  # a view of its own input
        return x.flatten(1)

    labels = torch.zeros(3, dtype=torch.long)
    images[:, 0, 0, 0] = 0.8
    adversarial = Square(0.2, queries=50)(pixels, images, labels)
    assert adversarial.isfinite().all()
    assert (pixels(adversarial).argmax(1) != 0).all()


@pytest.mark.slow
def test_autoattack_on_a_chip_equals_the_package_by_hand():
    import wordline as wl

    data, software = wl.load_dataset("digits").test.take(12), wl.load_model("digits-cnn")
    chip = wl.map_model(
        software, wl.Crossbar.preset("rethinking-32", gain=wl.LeastSquaresGain()), seed=0
    )
    ours = AutoAttack(0.1)(chip, data.images, data.labels, generator=seeded(3))
    attack = pyautoattack.AutoAttack(chip, eps=0.1, norm="Linf", seed=3, version="standard")
    trace = sys.gettrace()
    with torch.random.fork_rng(devices=[]):
        by_hand, _ = attack.run_standard_evaluation(data.images, data.labels)
    sys.settrace(trace)
    torch.testing.assert_close(ours, by_hand, atol=1e-6, rtol=0)
    assert 0 < (chip(ours).argmax(1) == data.labels).sum() < 12
