"""`audit` as a whole: what it returns, what it depends on and what not, and what it refuses."""

import dataclasses
import json

import pytest
import torch
from torch import nn

import wordline as wl
from wordline.datasets import ImageSplit
from wordline.evaluation.audit import decide
from wordline.evaluation.audit.registry import RUNNING_ORDER, SHOWN
from wordline.evaluation.audit.verdict import VERDICTS
from wordline.progress import AbstractProgress
from wordline.records import Check

from .conftest import BROKEN, FAST, Noise, Secretive

# as in docs/evaluation.md
SPELLED = (
    "V1 V2 V3 V4 V5 G1 G2 G3 G4 A1 A2 A3 A4 A5 A6 A7 E1 E2 B1 B2 B3 B4 B5 R1 R2 R3 C1 C2 C3 C4 T1"
)


def check(id: str, status: str) -> Check:
    return Check(id, "t", status, {}, "f.", "f. e.")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("failed", "verdict"),
    [
        ("G1 A2 C1", "masking detected"), ("B3", "masking detected"), ("E2", "masking detected"),
        ("A6 C2", "evaluation not converged"), ("T1", "evaluation not converged"),
        ("R3", "evaluation not converged"), ("C3", "advantage explained by clean-accuracy loss"),
        ("C1 C4", "advantage explained by attenuation"),
        ("A2 C4", "evaluation not converged"),
        ("", "no masking found by these 29 checks"),
        ("V3 G4", "no masking found by these 29 checks"),
    ],
)  # fmt: skip
def test_the_first_verdict_with_a_failed_check_is_the_verdict(failed: str, verdict: str) -> None:
    checks = [check(id, "fail" if id in failed.split() else "pass") for id in SPELLED.split()]
    checks[23], checks[24] = check("R1", "skipped"), check("R2", "skipped")
    assert decide(checks) == verdict


def test_every_check_of_the_documentation_is_there_once_and_explained() -> None:
    assert list(SHOWN) == SPELLED.split()
    assert sorted(c.id for c in RUNNING_ORDER) == sorted(SHOWN)
    leading = [id for ids in VERDICTS.values() for id in ids]
    assert sorted(leading) == sorted(set(SHOWN) - {"V3", "G4"})
    for c in RUNNING_ORDER:
        text = " ".join((type(c).__doc__ or "").split())
        assert text.startswith("Raised ") and " Because " in text, c.id


def test_the_result_prints_and_survives_json(software, digits) -> None:
    chip = wl.map_model(
        software, wl.Crossbar.preset("rethinking-16", gain=wl.LeastSquaresGain()), seed=3
    )
    result = wl.audit(chip=chip, software=software, data=digits, eps=0.1, limit=30, budget=FAST)
    assert wl.Audit.from_json(result.to_json()) == result
    assert json.loads(result.to_json())["verdict"] == result.verdict
    text = str(result)
    assert f"verdict: {result.verdict}" in text
    assert "chip 16x16 LeastSquaresGain #3, Linf 0.1, 30 images of digits" in text
    assert [c.id for c in result.checks] == SPELLED.split()
    assert result["G1"].explanation.startswith(result["G1"].found + " Raised if more than 1 %")
    assert (result.chip.seed, result.images, result.eps) == (3, 30, 0.1)
    rows = {row.name: row for row in result.comparisons}
    assert rows["chip"].clean == result.clean and rows["chip"].adversarial == result.attacked
    assert rows["software"].adversarial == result.software_attacked
    assert result.worst.value <= result.attacked.value
    with pytest.raises(KeyError, match="`id` must be one of V1, V2"):
        result["Z9"]
    with pytest.raises(
        ValueError, match="`status` must be one of 'pass', 'warn', 'fail', 'skipped'"
    ):
        check("V1", "perhaps")


def test_the_same_numbers_again_and_in_other_batches(software, digits, no_global_draws) -> None:
    chip = wl.map_model(
        software, wl.Crossbar.preset("rethinking-32", gain=wl.LeastSquaresGain()), seed=0
    )
    state = {name: value.clone() for name, value in chip.state_dict().items()}
    one, again, batches = (
        wl.audit(
            chip=chip,
            software=software,
            data=digits,
            eps=0.1,
            limit=30,
            budget=FAST,
            batch_size=size,
        )
        for size in (100, 100, 11)
    )
    assert one == again
    for a, b in zip(one.checks, batches.checks, strict=True):
        assert (a.id, a.status) == (b.id, b.status)
        for key in a.figures:
            assert a.figures[key] == pytest.approx(b.figures[key], abs=0.051), (
                a.id,
                key,
            )  # a border image or two
    assert all(torch.equal(value, state[name]) for name, value in chip.state_dict().items())
    assert not any(layer._forward_pre_hooks or layer._forward_hooks for layer in chip.modules())
    assert all(parameter.grad is None for parameter in chip.parameters())


def test_a_module_that_draws_from_the_global_generator_is_repeatable_and_leaves_it_alone(
    software, digits
) -> None:
    chip = Secretive(software, 0.02)
    before = torch.get_rng_state()
    one, again = (
        wl.audit(chip=chip, software=software, data=digits, eps=0.1, limit=20, budget=FAST)
        for _ in range(2)
    )
    assert torch.equal(torch.get_rng_state(), before)
    assert one == again
    assert one.stochastic
    assert one["V3"].status == "warn"
    for id in ("R1", "R2", "B2", "B3", "G3", "T1"):
        assert one[id].status == "skipped", id
        assert "`frozen(seed)`" in one[id].found or "`with_noise(scale)`" in one[id].found
    assert one["R3"].status in ("pass", "fail")


def test_quick_stops_at_the_first_sign_of_masking_and_says_so(software, digits) -> None:
    chip = BROKEN["rounded pixels, no straight-through"](software)
    quick, full = (
        wl.audit(chip=chip, software=software, data=digits, eps=0.1, limit=30, budget=FAST, quick=q)
        for q in (True, False)
    )
    assert quick.verdict == full.verdict == "masking detected"
    skipped = [c for c in quick.checks if c.status == "skipped"]
    assert len(skipped) == 26
    assert all("stopped after G1 failed" in c.found for c in skipped)
    assert "stopped after G1 failed" in str(quick)
    assert quick.comparisons == ()
    assert full.stopped == ""
    failed = {c.id for c in full.checks if c.status == "fail"}
    assert failed >= {"G1", "B4", "B5"}  # software's images and gradients do what its own cannot


def test_a_chip_without_gradient_is_still_asked_what_needs_none(software, digits) -> None:
    result = wl.audit(
        chip=BROKEN["no gradient at all"](software),
        software=software,
        data=digits,
        eps=0.15,
        limit=30,
        budget=FAST,
    )
    assert result["G2"].status == "fail"
    assert result["A2"].status == "skipped"
    assert "no gradient" in result["A2"].found
    assert result["B2"].status == "fail"  # Square needs none
    assert result["B2"].figures["only"] > 0.1
    assert result.attacked == result.clean
    assert result.worst.value < result.clean.value


def test_where_an_attack_meets_a_nan_the_check_fails_and_the_audit_goes_on(
    software, digits
) -> None:
    class Cliff(nn.Module):  # a gradient of NaN, but only away from the clean images
        def __init__(self) -> None:
            super().__init__()
            self.model, self.known = software, digits.images[:20]
            self.eval()

        def forward(self, images):
            logits = self.model(images)
            clean = torch.stack([(x == self.known).flatten(1).all(1).any() for x in images])
            if clean.all() or not logits.requires_grad:
                return logits
            return logits + 0 * (images.flatten(1).sum(1, keepdim=True) * 0).sqrt()

    result = wl.audit(chip=Cliff(), software=software, data=digits, eps=0.1, limit=20, budget=FAST)
    failed = [c for c in result.checks if c.status == "fail"]
    assert any(
        "the attack could not be run: `model` has a gradient with NaN" in c.found for c in failed
    )
    assert result.verdict in ("masking detected", "evaluation not converged")


def test_noise_is_averaged_and_judged(software, digits) -> None:
    result = wl.audit(
        chip=Noise(software, 0.05), software=software, data=digits, eps=0.1, limit=40, budget=FAST
    )
    assert result["V3"].status == "warn" and result.stochastic
    for id in ("R1", "R2", "R3", "A5", "B2", "B3", "G3", "T1"):
        assert result[id].status != "skipped", id
    assert result["R1"].status == "pass"  # a frozen draw is no more robust than software
    assert result["R2"].status == "pass"
    assert result["A7"].status == "skipped"
    assert not [
        c.id for c in result.checks if c.status == "fail" and c.id in VERDICTS["masking detected"]
    ]


def test_progress_names_the_checks(software, digits) -> None:
    notes: list[str] = []

    class Notes(AbstractProgress):
        def task(self, description, total):
            from contextlib import nullcontext

            assert description == "audit" and total > len(SPELLED.split())
            return nullcontext(lambda units, note: notes.append(note))

    chip = BROKEN["logits x 300"](software)
    wl.audit(
        chip=chip,
        software=software,
        data=digits,
        eps=0.1,
        limit=20,
        budget=FAST,
        quick=True,
        progress=Notes(),
    )
    assert "G1 fail" in notes
    assert notes[-1] == "done"


def test_the_labels_nobody_reads_come_after_the_limit(software, digits) -> None:
    seen = []

    class Spy(ImageSplit):
        def __getitem__(self, index):
            seen.append(index)
            return super().__getitem__(index)

    normed = nn.Sequential(nn.BatchNorm2d(1), software).eval()
    spy = Spy(digits.images, digits.labels)
    result = wl.audit(
        chip=normed, software=software, data=digits, calibration=spy, eps=0.1, limit=20, budget=FAST
    )
    row = next(row for row in result.comparisons if row.name == "batch norm recalibrated")
    assert row.measured and seen
    noise = "software, matched noise"  # left out for want of an advantage
    left_out = [row for row in result.comparisons if not row.measured]
    unmapped = [row for row in left_out if row.name != noise]
    assert {row.name for row in unmapped} >= {"least-squares gain", "another seed's chip"}
    assert all("no `Chip`" in row.note for row in unmapped)


class Constant(nn.Module):
    def forward(self, images):
        return torch.tensor([[1.0] + 9 * [0.0]]).repeat(len(images), 1)


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"chip": 3}, TypeError, "`chip` must be a torch.nn.Module"),
        ({"chip": nn.Linear(2, 2)}, ValueError, "`chip` is in training mode"),
        ({"software": nn.Linear(2, 2)}, ValueError, "`software` is in training mode"),
        ({"software": nn.Linear(2, 2).eval()}, ValueError, "do not fit `software`"),
        ({"software": Constant().eval()}, ValueError, "`software` gives no finite gradient"),
        ({"data": [1]}, TypeError, "`data` must be ImageSplit"),
        ({"eps": 0.0}, ValueError, "`eps` must be greater than 0"),
        ({"eps": 0.6}, ValueError, "`eps` must be at most 0.5"),
        ({"limit": -1}, ValueError, "`limit` must be at least 0"),
        ({"batch_size": 0}, ValueError, "`batch_size` must be at least 1"),
        ({"seed": -1}, ValueError, "`seed` must be at least 0"),
        ({"quick": "yes"}, TypeError, "`quick` must be bool"),
        ({"budget": 3}, TypeError, "`budget` must be Budget"),
        ({"calibration": 3}, TypeError, "`calibration` must be ImageSplit"),
    ],
)
def test_bad_arguments_are_refused(change, kind, message, software, digits) -> None:
    with pytest.raises(kind, match=message):
        wl.audit(
            **{
                "chip": software,
                "software": software,
                "data": digits,
                "eps": 0.1,
                "limit": 5,
                **change,
            }
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [({"steps": 0}, "`steps`"), ({"draws": 19}, "`draws` must be at least 20"),
     ({"targets": -1}, "`targets`"), ({"loss": "hinge"}, "`loss` must be one of"),
     ({"square": 0}, "`square`")],
)  # fmt: skip
def test_a_budget_is_checked(change, message) -> None:
    with pytest.raises(ValueError, match=message):
        wl.Budget(**change)
    assert wl.Budget.from_json(dataclasses.replace(wl.Budget(), steps=7).to_json()).steps == 7
