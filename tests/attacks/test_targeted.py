import pytest
import torch

from wordline.attacks import FGSM, PGD, AbstractAttack, MultiTargeted, Targeted


def test_climbs_towards_the_class_of_that_rank():
    images = torch.tensor([[0.6, 0.55, 0.5, 0.45]])
    for rank, wanted in ((1, 1), (2, 2), (3, 3), (9, 3)):
        found = Targeted(PGD(0.2, 10, random_start=False), rank)(
            torch.nn.Identity(), images, torch.tensor([0])
        )
        assert found.argmax(1).item() == wanted


def test_all_ranks_together_break_what_multi_targeted_breaks(cnn, own):
    images, labels = own
    inner = PGD(0.01, 8, random_start=False)
    broken = torch.zeros(len(labels), dtype=torch.bool)
    for rank in range(1, 5):
        broken |= cnn(Targeted(inner, rank)(cnn, images, labels)).argmax(1) != labels
    together = cnn(MultiTargeted(inner)(cnn, images, labels)).argmax(1) != labels
    assert 0 < broken.sum() < len(labels)
    assert torch.equal(broken, together)


def test_transfer_runs_to_the_end_and_json_round_trips():
    attack = Targeted(PGD(0.1, early_stop=True), 2)
    assert attack.for_transfer() == Targeted(PGD(0.1), 2)
    assert AbstractAttack.from_json(attack.to_json()) == attack
    assert (attack.eps, attack.norm) == (0.1, "linf")


def test_refuses():
    with pytest.raises(TypeError, match="`attack` must be PGD"):
        Targeted(FGSM(0.1))
    with pytest.raises(ValueError, match="`rank` must be at least 1"):
        Targeted(PGD(0.1), 0)
    with pytest.raises(TypeError, match="`targets` must be tuple"):
        Targeted(PGD(0.1), targets=[1, 0])
    with pytest.raises(ValueError, match="`targets` must be at least 0"):
        Targeted(PGD(0.1), targets=(1, -1))


PIXELS_ARE_LOGITS = torch.nn.Identity()
IMAGES = torch.tensor([[0.6, 0.5, 0.4], [0.4, 0.6, 0.5]])


def test_goes_to_the_users_own_targets_class_by_class():
    attack = Targeted(PGD(0.2, 8, random_start=False), targets=(2, 1, 0))
    found = attack(PIXELS_ARE_LOGITS, IMAGES, torch.tensor([0, 1]))
    # z_2 - z_0 grows fastest by raising pixel 2 and lowering pixel 0, each as far as eps allows
    torch.testing.assert_close(found[0], torch.tensor([0.4, 0.5, 0.6]))
    assert torch.equal(found[1], IMAGES[1])  # already of the class that it shall reach
    assert AbstractAttack.from_json(attack.to_json()) == attack
    assert attack.for_transfer() == attack
    assert (
        '"targets"' not in Targeted(PGD(0.2)).identity()
    )  # records from before have the identity they had


def test_goes_to_the_users_own_targets_image_by_image():
    attack = Targeted(PGD(0.2, 8, random_start=False))
    found = attack.towards(
        PIXELS_ARE_LOGITS, IMAGES, torch.tensor([0, 1]), torch.tensor([2, 0], dtype=torch.int32)
    )
    torch.testing.assert_close(found, torch.tensor([[0.4, 0.5, 0.6], [0.6, 0.4, 0.5]]))
    unmoved = attack.towards(PIXELS_ARE_LOGITS, IMAGES, torch.tensor([0, 1]), torch.tensor([0, 1]))
    assert torch.equal(unmoved, IMAGES) and unmoved is not IMAGES


def test_early_stop_waits_for_the_target():
    images, label = torch.tensor([[0.6, 0.5, 0.4]]), torch.tensor([0])
    inner = PGD(0.2, 20, 0.01, random_start=False, early_stop=True, loss="cross-entropy")
    own = Targeted(inner, targets=(2, 0, 0))(PIXELS_ARE_LOGITS, images, label)
    assert own.argmax(1).item() == 2
    # pixel 0 falls and pixel 2 rises by 0.01 a step from 0.2 apart; pixel 1, at 0.5, falls as well
    torch.testing.assert_close(own, torch.tensor([[0.49, 0.39, 0.51]]))


def test_targets_that_do_not_fit_are_refused():
    attack, labels = Targeted(PGD(0.1)), torch.tensor([0, 1])
    for targets, error, message in (
        ([0, 1], TypeError, "`targets` must be a tensor, got list"),
        (torch.tensor([0.0, 1.0]), ValueError, "`targets` must be integers"),
        (torch.tensor([0]), ValueError, r"`targets` must have shape \(2,\)"),
        (torch.tensor([-1, 0]), ValueError, "`targets` must not be negative, got -1"),
        (
            torch.tensor([3, 0]),
            ValueError,
            "`targets` hold class 3, but the model has only 3 logits",
        ),
    ):
        with pytest.raises(error, match=message):
            attack.towards(PIXELS_ARE_LOGITS, IMAGES, labels, targets)
    with pytest.raises(
        ValueError, match="`targets` names a class for each of 1, but `labels` hold class 1"
    ):
        Targeted(PGD(0.1), targets=(1,))(PIXELS_ARE_LOGITS, IMAGES, labels)


def test_multi_targeted_images_for_transfer_are_attacked_to_the_end(cnn, own):
    early = MultiTargeted(PGD(0.05, 4, early_stop=True), targets=2)
    assert early.for_transfer() == MultiTargeted(PGD(0.05, 4), targets=2)
    images, labels = own
    assert torch.equal(
        early.for_transfer()(cnn, images, labels),
        MultiTargeted(PGD(0.05, 4), targets=2)(cnn, images, labels),
    )
