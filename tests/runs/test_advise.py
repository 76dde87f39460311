"""Advice: the grid it tries, who dominates whom, and that nothing is computed twice."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import wordline as wl
from wordline.progress import Lines
from wordline.records.advice import Advice, Option, compare_options
from wordline.records.record import Estimate
from wordline.reports import advice_figure
from wordline.runs import read_records

BASE = wl.Crossbar.preset("rethinking-16", gain=wl.LeastSquaresGain())


def option(clean: float, robust: float, bits: int, conversions: float) -> Option:
    e = lambda share: Estimate(share, share, share)  # noqa: E731
    return Option(
        "net",
        BASE,
        (16, 16),
        20e3,
        bits,
        1,
        e(clean),
        e(robust),
        robust,
        robust,
        0.9,
        0.1,
        4,
        1024,
        conversions,
    )


@given(
    st.lists(
        st.builds(
            option,
            *[st.sampled_from([0.1, 0.5, 0.85, 0.9])] * 2,
            st.sampled_from([0, 4, 6]),
            st.sampled_from([1.0, 2.0]),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_dominance_is_the_pareto_order_of_what_keeps(options: list[Option]) -> None:
    found = compare_options(tuple(options), 0.1)
    for one in found:
        assert one.keeps == (one.clean.value >= 0.9 - 0.1)
        by_hand = False
        for other in found:
            gains = [
                other.clean.value - one.clean.value,
                other.robust.value - one.robust.value,
                (one.adc_bits or 99) - (other.adc_bits or 99),
                one.conversions - other.conversions,
            ]
            by_hand |= other.keeps and min(gains) >= 0 and max(gains) > 0
        assert one.dominated == by_hand
    if any(one.keeps for one in found):
        assert any(one.keeps and not one.dominated for one in found)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, object], Advice]:
    digits = wl.load_dataset("digits")
    arguments: dict[str, object] = {
        "networks": {"a": wl.load_model("digits-cnn")},
        "base": BASE,
        "data": digits.test,
        "limit": 12,
        "eps": 0.1,
        "calibration": digits.train.take(20),
        "out": tmp_path_factory.mktemp("advise") / "r.jsonl",
        "steps": 2,
        "tiles": (16, 32),
        "r_on_ohm": (40e3,),
        "adc_bits": (0, 5),
    }
    return arguments, wl.advise(**arguments)


def test_every_setting_is_tried_and_counted(asked) -> None:
    arguments, found = asked
    assert [(o.tile, o.r_on_ohm, o.adc_bits) for o in found.options] == [
        ((size, size), pytest.approx(40e3), bits) for size in (16, 32) for bits in (0, 5)
    ]
    records = read_records(arguments["out"])
    assert len(records) == 1 + 2 * 4
    for one in found.options:
        assert one.crossbar.device.r_off_ohm == pytest.approx(400e3)  # the ratio stays
        own = [r for r in records if r.victim.crossbar == one.crossbar]
        assert {r.setting for r in own} == {"SH", "HH"}
        both = np.all([list(r.answers) for r in own], axis=0)
        assert one.robust.value == both.mean() <= min(r.adversarial_accuracy for r in own)
        assert [one.transfer, one.white_box] == [np.mean(list(r.answers)) for r in own]
        assert one.clean == own[0].clean
        assert all(
            len(r.attack.attacks) == 2 and r.attack.attacks[1].loss == "cross-entropy" for r in own
        )
        calibrated = "20 images" in own[0].victim.calibration
        assert calibrated == (one.adc_bits == 5)
        chip = wl.map_model(wl.load_model("digits-cnn"), one.crossbar)
        if one.adc_bits == 5:
            wl.calibrate(chip, arguments["calibration"], limit=0)
            report = chip.report(arguments["data"].images[:1])
            assert one.conversions == report.usage.conversions and one.cells == report.cells
    ideal, five = found.options[:2]
    assert ideal.conversions == five.conversions  # an ideal ADC converts too


def test_it_resumes_and_says_how_far_it_is(asked, capsys) -> None:
    arguments, found = asked
    before = arguments["out"].read_bytes()
    assert wl.advise(**arguments, progress=Lines(share=0.0)) == found
    assert arguments["out"].read_bytes() == before
    assert "advise: 9/9" in capsys.readouterr().err


def test_several_chips_and_the_base_as_it_is(asked, tmp_path: Path) -> None:
    arguments, _ = asked
    few = {k: v for k, v in arguments.items() if k not in ("tiles", "r_on_ohm", "adc_bits")}
    (one,) = wl.advise(**{**few, "seeds": (0, 1), "out": tmp_path / "r.jsonl", "limit": 6}).options
    assert one.crossbar == BASE and one.chips == 2
    assert one.clean.low <= one.clean.value <= one.clean.high


def test_where_draws_disagree_the_worse_attack_counts(asked, tmp_path: Path) -> None:
    arguments, _ = asked
    noisy = dataclasses.replace(BASE, nonidealities=(wl.ReadNoise(sigma=1.0),))
    few = {k: v for k, v in arguments.items() if k not in ("tiles", "r_on_ohm", "adc_bits")}
    few |= {"base": noisy, "out": tmp_path / "r.jsonl", "limit": 4, "steps": 1}
    (one,) = wl.advise(**few).options
    assert one.robust.value == min(one.white_box, one.transfer)
    assert not any(r.answers for r in read_records(tmp_path / "r.jsonl") if r.victim.is_chip)


def test_records_without_answers_are_not_taken_for_advice(asked, tmp_path: Path) -> None:
    arguments, _ = asked
    plain = [json.loads(line) for line in arguments["out"].read_text().splitlines()]
    for line in plain:
        del line["record"]["answers"]
    (tmp_path / "old.jsonl").write_text("".join(json.dumps(line) + "\n" for line in plain))
    with pytest.raises(ValueError, match="`out` holds records of an earlier version"):
        wl.advise(**{**arguments, "out": tmp_path / "old.jsonl"})


def test_an_adc_of_the_base_keeps_its_range(asked) -> None:
    arguments, _ = asked
    base = dataclasses.replace(BASE, adc=wl.UniformConverter(8, range=wl.FullScale(0.5)))
    found = wl.advise(**{**arguments, "base": base, "tiles": (), "adc_bits": (7,), "limit": 2})
    assert found.options[0].crossbar.adc == wl.UniformConverter(7, range=wl.FullScale(0.5))


def test_prints_draws_and_survives_json(asked, tmp_path: Path) -> None:
    _, found = asked
    assert Advice.from_json(found.to_json()) == found
    text = str(found)
    assert "the worst of white-box and transferred PGD" in text and "\n *" in text
    assert "5 bits" in text and "40k" in text
    low = dataclasses.replace(
        found, options=compare_options((option(0.2, 0.2, 4, 1.0), option(0.9, 0.3, 0, 2.0)), 0.02)
    )
    assert "\n CA" in str(low) and [o.robust.value for o in low.best] == [0.3]
    assert advice_figure(low, tmp_path / "a.png").stat().st_size > 10_000
    words = advice_figure(found, tmp_path / "a.svg").read_text()
    assert "<!-- a, software -->" in words and "<!-- 32 x 32 -->" in words


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"seeds": (0, 0)}, ValueError, r"`seeds` holds a value twice, got \(0, 0\)"),
        ({"tiles": (32, 32)}, ValueError, "`tiles` holds a value twice"),
        ({"seeds": ()}, ValueError, "`seeds` is empty"),
        ({"networks": {}}, ValueError, "`networks` is empty"),
        ({"base": 3}, TypeError, "`base` must be Crossbar"),
        ({"within": -0.1}, ValueError, "`within` must be at least 0"),
        ({"eps": 0.0}, ValueError, "`eps` must be greater than 0"),
        ({"limit": -1}, ValueError, "`limit` must be at least 0"),
        ({"adc_bits": (-1,)}, ValueError, "`adc_bits` must be at least 0"),
        ({"r_on_ohm": (0.0,)}, ValueError, "`r_on_ohm` must be greater than 0"),
        ({"tiles": (0,)}, ValueError, "`tile rows` must be at least 1"),
        ({"steps": 0}, ValueError, "`steps` must be at least 1"),
    ],
)
def test_bad_arguments_are_refused(asked, change, kind, message) -> None:
    with pytest.raises(kind, match=message):
        wl.advise(**{**asked[0], **change})


def test_only_a_memristor_has_an_r_on(asked) -> None:
    table = wl.MeasuredDevice((1e-6, 1e-4), (1e-6, 1e-4), (0.0, 0.0))
    with pytest.raises(
        ValueError, match="`r_on_ohm` changes a Memristor, but `base` has MeasuredDevice"
    ):
        wl.advise(**{**asked[0], "base": dataclasses.replace(BASE, device=table)})
