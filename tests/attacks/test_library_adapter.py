"""Attacks run by other people's code: same images as by hand, and no trace left behind."""

import builtins
import copy
import logging
import sys

import pytest
import torch

from wordline.attacks import APGD, FAB, AbstractAttack, AutoAttack, HopSkipJump, Square, distance
from wordline.attacks.hop_skip_jump import _per_sample
from wordline.attacks.library_adapter import seed_of

pyautoattack = pytest.importorskip("pyautoattack")
pytest.importorskip("foolbox")

ATTACKS = [
    APGD(0.02, steps=8),
    APGD(0.02, steps=8, loss="dlr", restarts=2),
    APGD(0.3, steps=8, loss="targeted-dlr", norm="l2"),
    FAB(0.02, steps=5),
    FAB(0.3, steps=3, targeted=False, norm="l2", restarts=2),
    Square(0.03, queries=60),
    Square(0.6, queries=60, norm="l2"),
    HopSkipJump(0.05, norm="linf", steps=2, evaluations=20),
    HopSkipJump(0.5, norm="l2", steps=2, evaluations=20),
]
every_attack = pytest.mark.parametrize("attack", ATTACKS, ids=repr)


def seeded(seed=3):
    return torch.Generator().manual_seed(seed)


@every_attack
def test_breaks_something_within_the_ball(attack, cnn, own):
    images, labels = own
    adversarial = attack(cnn, images, labels, generator=seeded())
    assert (cnn(adversarial).argmax(1) != labels).any()
    assert (distance(images, adversarial, attack.norm) <= attack.eps + 1e-6).all()
    assert torch.equal(adversarial, attack(cnn, images, labels, generator=seeded()))


@every_attack
def test_leaves_no_trace(attack, cnn, own):
    leaves_no_trace(attack, cnn, *own)


def test_autoattack_leaves_no_trace(cnn, own):
    leaves_no_trace(
        AutoAttack(0.3), cnn, own[0][:3], own[1][:3]
    )  # the one that sets a tracer of its own


def leaves_no_trace(attack, cnn, images, labels):
    for parameter in cnn.parameters():
        parameter.register_hook(lambda gradient: pytest.fail("a parameter's gradient was computed"))
    cnn[7].bias.grad = torch.full((5,), 7.0)
    state, random_state, root = (
        copy.deepcopy(cnn.state_dict()),
        torch.get_rng_state(),
        list(logging.root.handlers),
    )

    def tracer(frame, event, argument):
        return None

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        attack(cnn, images, labels)
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(before)
    assert torch.equal(torch.get_rng_state(), random_state)
    assert logging.root.handlers == root
    assert all(torch.equal(value, state[name]) for name, value in cnn.state_dict().items())
    assert all(p.requires_grad and (p.grad is None or p is cnn[7].bias) for p in cnn.parameters())
    assert cnn[7].bias.grad.eq(7).all()
    assert not cnn.training


@every_attack
def test_double_precision_and_memory_order_are_the_callers(attack, cnn, own):
    images, labels = own
    images = images.double().to(memory_format=torch.channels_last)
    adversarial = attack(cnn.double(), images, labels)
    assert adversarial.dtype == torch.float64
    unmoved = (adversarial == images).flatten(1).all(1)
    assert not unmoved.all()
    assert (distance(images, adversarial, attack.norm) <= attack.eps + 1e-12).all()


@every_attack
def test_refuses_a_stochastic_model(attack, cnn, own):
    images, labels = own
    noise = seeded()

    def noisy(x):
        return cnn(x) + 1e-6 * torch.randn(len(x), 5, generator=noise)

    with pytest.raises(
        ValueError,
        match=rf"`model` gives two different answers .* {type(attack).__name__} is wrong",
    ):
        attack(noisy, images, labels)


@every_attack
def test_json_round_trip_and_eps_zero(attack, cnn, own):
    assert AbstractAttack.from_json(attack.to_json()) == attack
    images, labels = own
    assert torch.equal(type(attack)(**{**vars(attack), "eps": 0.0})(cnn, images, labels), images)


@every_attack
def test_says_how_to_get_the_package(attack, cnn, own, monkeypatch):
    original = builtins.__import__
    for name in [name for name in sys.modules if name.split(".")[0] in ("pyautoattack", "foolbox")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(builtins, "__import__", original)
    extra = "foolbox" if isinstance(attack, HopSkipJump) else r"wordline\[autoattack\]"
    with pytest.raises(ImportError, match=rf"{type(attack).__name__} needs .*pip install {extra}"):
        attack(cnn, *own)


def test_a_fresh_generator_hands_over_its_seed_and_a_used_one_draws():
    generator = seeded(11)
    assert seed_of(generator) == 11
    later = [seed_of(generator) for _ in range(3)]
    assert len(set(later)) == 3
    again = seeded(11)
    seed_of(again)
    assert [seed_of(again) for _ in range(3)] == later


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


def test_features_without_height_and_width_suit_the_others(two_classes, middle_images):
    images = middle_images.flatten(1).float()
    two_classes.weight, two_classes.bias = two_classes.weight.float(), two_classes.bias.float()
    labels = two_classes(images).argmax(1)
    for attack in (APGD(0.3, steps=20), FAB(0.3, steps=20), HopSkipJump(0.3, "linf", steps=5)):
        assert (two_classes(attack(two_classes, images, labels)).argmax(1) != labels).all()


def test_square_does_not_write_into_the_logits_or_images():
    images = torch.full((3, 1, 5, 5), 0.5)

    def pixels(x):  # a view of its own input
        return x.flatten(1)

    labels = torch.zeros(3, dtype=torch.long)
    images[:, 0, 0, 0] = 0.8
    adversarial = Square(0.2, queries=50)(pixels, images, labels)
    assert adversarial.isfinite().all()
    assert (pixels(adversarial).argmax(1) != 0).all()


def test_hop_skip_jump_gets_near_the_border(two_classes, middle_images):
    """Nearest adversarial of a linear model: margin / ||w_0 - w_1||_2; a label-only walk comes
    within some percent.
    """
    images = middle_images[:6].float()
    two_classes.weight, two_classes.bias = two_classes.weight.float(), two_classes.bias.float()
    logits = two_classes(images)
    labels = logits.argmax(1)
    nearest = (logits[:, 0] - logits[:, 1]).abs() / (
        two_classes.weight[0] - two_classes.weight[1]
    ).norm()
    adversarial = HopSkipJump(10.0, norm="l2", steps=25)(two_classes, images, labels)
    assert (two_classes(adversarial).argmax(1) != labels).all()
    assert (distance(images, adversarial, "l2") < 1.1 * nearest).all()


def test_hop_skip_jump_steps_do_not_shrink_with_the_batch():
    import eagerpy
    import foolbox

    attack = _per_sample(foolbox)(constraint="l2")
    images = eagerpy.astensor(torch.full((30, 1, 3, 3), 0.5))
    directions = attack.approximate_gradients(
        lambda x: eagerpy.astensor(x.raw.flatten(1)[:, 0] > 0.5),
        images,
        40,
        eagerpy.astensor(torch.full((30,), 0.1)),
    )
    torch.testing.assert_close(directions.raw.flatten(1).norm(dim=1), torch.ones(30))


def test_hop_skip_jump_returns_what_it_cannot_start_from():
    images, labels = torch.full((2, 3), 0.5), torch.zeros(2, dtype=torch.long)

    def constant(x):
        return torch.tensor([[1.0, 0.0]]).expand(len(x), 2) + 0 * x[:, :1]

    assert torch.equal(HopSkipJump(0.1, steps=1)(constant, images, labels), images)
    wrong = torch.ones(2, dtype=torch.long)
    assert torch.equal(HopSkipJump(0.1, steps=1)(constant, images, wrong), images)


@pytest.mark.parametrize(
    ("kind", "arguments", "error", "message"),
    [
        (APGD, {"eps": -1.0}, ValueError, "`eps`"),
        (APGD, {"steps": 0}, ValueError, "`steps`"),
        (
            APGD,
            {"loss": "margin"},
            ValueError,
            "`loss` must be one of 'cross-entropy', 'dlr', 'targeted-dlr'",
        ),
        (APGD, {"restarts": 0}, ValueError, "`restarts`"),
        (APGD, {"norm": "l1"}, ValueError, "`norm`"),
        (FAB, {"eps": -1.0}, ValueError, "`eps`"),
        (FAB, {"steps": 0}, ValueError, "`steps`"),
        (FAB, {"restarts": 0}, ValueError, "`restarts`"),
        (FAB, {"targeted": 1}, TypeError, "targeted"),
        (FAB, {"norm": "l1"}, ValueError, "`norm`"),
        (Square, {"eps": -1.0}, ValueError, "`eps`"),
        (Square, {"queries": 0}, ValueError, "`queries`"),
        (Square, {"restarts": 0}, ValueError, "`restarts`"),
        (Square, {"norm": "l1"}, ValueError, "`norm`"),
        (AutoAttack, {"eps": -1.0}, ValueError, "`eps`"),
        (AutoAttack, {"norm": "l1"}, ValueError, "`norm`"),
        (
            AutoAttack,
            {"version": "rand"},
            ValueError,
            "`version` must be one of 'standard', 'plus', got 'rand'",
        ),
        (HopSkipJump, {"eps": -1.0}, ValueError, "`eps`"),
        (HopSkipJump, {"norm": "l1"}, ValueError, "`norm`"),
        (HopSkipJump, {"steps": 0}, ValueError, "`steps`"),
        (HopSkipJump, {"evaluations": 0}, ValueError, "`evaluations`"),
    ],
)
def test_refuses(kind, arguments, error, message):
    with pytest.raises(error, match=message):
        kind(**{"eps": 0.1, **arguments})


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
