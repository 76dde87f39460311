import pytest
import torch

from wordline.attacks import FGSM, PGD, AbstractAttack, MultiTargeted, Targeted


def test_climbs_towards_the_class_of_that_rank():
    images = torch.tensor([[0.6, 0.55, 0.5, 0.45]])
    for rank, wanted in ((1, 1), (2, 2), (3, 3), (9, 3)):
        found = Targeted(PGD(0.2, 10, random_start=False), rank)(torch.nn.Identity(), images, torch.tensor([0]))
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
