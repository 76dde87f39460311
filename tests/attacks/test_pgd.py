import dataclasses

import foolbox
import pytest
import torch
from torch import nn

from wordline.attacks import PGD, distance
from wordline.attacks.losses import cross_entropy, margin


class Counting(nn.Module):
    """Remembers the batch size of every forward, and the images of every one."""

    def __init__(self, model):
        super().__init__()
        self.model, self.seen = model, []

    def forward(self, images):
        self.seen.append(images.detach().clone())
        return self.model(images)


@pytest.mark.parametrize(
    ("norm", "eps", "step_size"),
    [("linf", 0.05, 0.02), ("linf", 0.3, 0.1), ("l2", 0.8, 0.3), ("l2", 3.0, 1.0)],
)
def test_equals_foolbox(cnn, batch, norm, eps, step_size):
    images, labels = (
        batch[0].double(),
        batch[1],
    )  # rounding in float32 alone grows to 5e-6 along seven long steps
    cnn.double()
    kind = foolbox.attacks.LinfPGD if norm == "linf" else foolbox.attacks.L2PGD
    theirs, _, _ = kind(abs_stepsize=step_size, steps=7, random_start=False)(
        foolbox.PyTorchModel(cnn, bounds=(0, 1)), images, labels, epsilons=eps
    )
    attack = PGD(
        eps, 7, step_size, loss="cross-entropy", norm=norm, random_start=False, keep="last"
    )
    torch.testing.assert_close(attack(cnn, images, labels), theirs, atol=1e-6, rtol=0)


def test_best_is_the_iterate_of_highest_loss_and_never_the_start(cnn, own):
    images, labels = own
    attack = PGD(
        0.3, 8, 0.25, loss="cross-entropy", random_start=False
    )  # steps so long that the loss falls at times
    model = Counting(cnn)
    best = attack(model, images, labels)
    iterates = torch.stack(model.seen[1:])
    assert len(model.seen) == 8 + 1  # one forward more than steps
    losses = torch.stack([cross_entropy(cnn(x), labels) for x in iterates])
    assert not torch.equal(
        losses.argmax(0), torch.full((len(images),), 7)
    )  # the last is not always the best
    torch.testing.assert_close(cross_entropy(cnn(best), labels), losses.max(0).values)
    assert torch.equal(best, iterates[losses.argmax(0), torch.arange(len(images))])
    last = dataclasses.replace(attack, keep="last")
    model.seen.clear()
    assert torch.equal(last(model, images, labels), iterates[-1])
    assert len(model.seen) == 8


def test_even_where_every_step_lowers_the_loss_the_clean_image_does_not_come_back():
    def repelling(x):  # the gradient points the wrong way
        return x + 2 * (x.detach() - x)

    images, labels = torch.tensor([[0.75, 0.25]]), torch.tensor([0])
    adversarial = PGD(0.2, 4, 0.05, random_start=False)(repelling, images, labels)
    torch.testing.assert_close(
        adversarial, torch.tensor([[0.8, 0.2]])
    )  # the first iterate, the least bad


def test_restarts_keep_the_best_per_image(cnn, own):
    images, labels = own
    generator = torch.Generator().manual_seed(5)
    single = PGD(0.1, 2, 0.05)
    runs = [single(cnn, images, labels, generator=generator) for _ in range(4)]
    together = dataclasses.replace(single, restarts=4)(
        cnn, images, labels, generator=torch.Generator().manual_seed(5)
    )
    losses = torch.stack([margin(cnn(run), labels) for run in runs])
    torch.testing.assert_close(margin(cnn(together), labels), losses.max(0).values)
    assert len(losses.argmax(0).unique()) > 1


def test_restarts_with_last_iterates_and_without_random_start(cnn, own):
    images, labels = own
    clean_start = PGD(0.1, 2, 0.05, random_start=False, keep="last")
    more = dataclasses.replace(clean_start, restarts=3)(cnn, images, labels)
    first = clean_start(cnn, images, labels)
    assert (margin(cnn(more), labels) >= margin(cnn(first), labels)).all()
    assert not torch.equal(more, first)  # later restarts are drawn at random


class Noisy(nn.Module):
    """Logits whose gradient is one of two directions by turns: only their mean is worth
    following.
    """

    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, images):
        self.calls += 1
        slope = torch.tensor([[3.0, -1.0]]) if self.calls % 2 else torch.tensor([[-1.0, 3.0]])
        return torch.cat(
            [images.new_zeros(len(images), 1), (images * slope).sum(1, keepdim=True)], 1
        )


def test_eot_follows_the_mean_gradient():
    images, labels = torch.full((1, 2), 0.5), torch.tensor([0])
    one = PGD(0.1, 1, 0.1, random_start=False)(Noisy(), images, labels)
    torch.testing.assert_close(one, torch.tensor([[0.6, 0.4]]))
    model = Noisy()
    mean = PGD(0.1, 1, 0.1, random_start=False, eot=2)(model, images, labels)
    torch.testing.assert_close(mean, torch.tensor([[0.6, 0.6]]))  # (3 - 1) / 2 in both pixels
    assert model.calls == 2
    model = Noisy()
    PGD(0.1, 5, 0.1, eot=4)(model, images, labels)
    assert model.calls == 4 * (5 + 1)


def test_best_over_draws_is_by_mean_loss():
    calls = []

    def flickering(
        x,
    ):  # alternately adds 10 and -10 to the margin; only the mean tells iterates apart
        calls.append(0)
        return torch.cat([-x + (10 if len(calls) % 2 else -10), x], 1)

    images, labels = torch.tensor([[0.5]]), torch.tensor([0])
    adversarial = PGD(0.3, 6, 0.05, random_start=False, eot=2)(flickering, images, labels)
    torch.testing.assert_close(adversarial, torch.tensor([[0.8]]))


def test_early_stop_keeps_the_first_misclassified_iterate_and_computes_no_further(
    equidistant, middle_images
):
    labels = equidistant(middle_images).argmax(1)
    attack = PGD(0.3, 12, 0.025, random_start=False, early_stop=True)
    model = Counting(equidistant)
    adversarial = attack(model, middle_images, labels)
    # the margin grows by ||w_i - w_y||_1 = 4 steps at every step: how many an image needs is known
    need = (-margin(equidistant(middle_images), labels) / (4 * 0.025)).floor() + 1
    expected = need.clamp_max(12) * 0.025
    torch.testing.assert_close(distance(middle_images, adversarial, "linf"), expected)
    still_correct = [int((need >= step).sum()) for step in range(1, 13)]
    sizes = [len(x) for x in model.seen]
    assert sizes == [size for size in [40, *still_correct] if size]
    assert sum(sizes) < 40 * 13 / 2


def test_early_stop_throws_no_success_away(cnn, own):
    images, labels = own
    for keep in ("best", "last"):
        attack = PGD(0.02, 10, 0.015, loss="cross-entropy", keep=keep, early_stop=True, restarts=3)
        model = Counting(cnn)
        adversarial = attack(model, images, labels)
        survived = cnn(adversarial).argmax(1) == labels
        assert len(model.seen[0]) == len(images)
        assert 0 < survived.sum() < len(images)
        plain = dataclasses.replace(attack, early_stop=False)(cnn, images, labels)
        assert survived.sum() <= (cnn(plain).argmax(1) == labels).sum()


def test_early_stop_prefers_a_success_of_low_loss_to_a_failure_of_high_loss():
    def plateaus(x):
        # left: correct, cross-entropy log 3; right: misclassified, log(1 + e^0.1) < log 3
        left, right = torch.tensor([0.01, 0.0, 0.0]), torch.tensor([0.0, 0.1, -50.0])
        return torch.where(x < 0.5, left, right) + 0 * x

    images, labels = torch.full((8, 1), 0.4), torch.zeros(8, dtype=torch.long)
    attack = PGD(0.3, 1, loss="cross-entropy", random_start=False, restarts=12, early_stop=True)
    assert (plateaus(attack(plateaus, images, labels)).argmax(1) == 1).all()
    plain = dataclasses.replace(attack, early_stop=False)  # which goes by the loss
    assert (plateaus(plain(plateaus, images, labels)).argmax(1) == 0).all()


def test_early_stop_moves_even_an_image_that_is_wrong_already(cnn, own):
    images, labels = own
    wrong = (labels + 1) % 5
    attack = PGD(0.3, 10, 0.01, random_start=False, early_stop=True)
    adversarial = attack(cnn, images, wrong)
    moved = distance(images, adversarial, "linf")
    torch.testing.assert_close(moved, torch.full_like(moved, 0.01))  # exactly one step


def test_early_stop_equals_the_plain_attack_where_nothing_is_fooled(cnn, own):
    images, labels = own
    for keep in ("best", "last"):
        attack = PGD(1e-4, 5, 4e-5, keep=keep, restarts=2)
        stopped = dataclasses.replace(attack, early_stop=True)
        assert torch.equal(attack(cnn, images, labels), stopped(cnn, images, labels))


def test_step_size_defaults_to_what_can_cross_the_ball():
    assert PGD(8 / 255).step_length() == pytest.approx(2 / 255)
    assert PGD(0.1, 5, 0.03).step_length() == 0.03


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"eps": -1.0}, ValueError, "`eps` must be at least 0"),
        ({"eps": float("inf")}, ValueError, "`eps` must be a finite number"),
        ({"steps": 0}, ValueError, "`steps` must be at least 1, got 0"),
        ({"steps": 2.5}, TypeError, "steps"),
        ({"step_size": 0.0}, ValueError, "`step_size` must be greater than 0"),
        ({"loss": "ce"}, ValueError, "`loss` must be one of"),
        ({"norm": "l1"}, ValueError, "`norm` must be one of 'linf', 'l2', got 'l1'"),
        ({"restarts": 0}, ValueError, "`restarts` must be at least 1"),
        ({"eot": 0}, ValueError, "`eot` must be at least 1"),
        ({"keep": "first"}, ValueError, "`keep` must be one of 'best', 'last'"),
        ({"random_start": 1}, TypeError, "random_start"),
        ({"early_stop": "yes"}, TypeError, "early_stop"),
    ],
)
def test_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        PGD(**{"eps": 0.1, **arguments})


def test_an_image_that_goes_back_and_forth_stops_and_nothing_is_lost(cnn, own):
    images, labels = own
    asked = []

    def counted(images):
        asked.append(len(images))
        return cnn(images)

    attack = PGD(0.001, steps=60, step_size=0.0004)
    whole = attack(counted, images, labels)
    safe = (cnn(whole).argmax(1) == labels) & (cnn(images).argmax(1) == labels)
    assert safe.any()
    all_passes = sum(asked)
    asked.clear()
    stopped = dataclasses.replace(attack, early_stop=True)
    torch.testing.assert_close(stopped(counted, images, labels)[safe], whole[safe])
    assert sum(asked) < all_passes / 3
    asked.clear()
    dataclasses.replace(stopped, eot=2)(counted, images[safe], labels[safe])
    assert sum(asked) == 2 * 61 * int(safe.sum())  # draws may differ: to the end
    asked.clear()
    dataclasses.replace(stopped, keep="last")(counted, images[safe], labels[safe])
    assert sum(asked) == 61 * int(safe.sum())
