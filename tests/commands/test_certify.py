"""`wordline certify`: one line of Python; it resumes, and refuses in one line."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

import wordline as wl
from wordline.records import Certificate

WORDS = (
    "certify", "--limit", "4", "--selection", "2", "--estimation", "10", "--radii", "0.05", "1/10"
)  # fmt: skip


def test_certificates_equal_one_line_of_python_and_are_kept(wordline, tmp_path: Path) -> None:
    out_file = tmp_path / "c.jsonl"
    arguments = (
        *WORDS, "--noise", "0.001", "--input-limit", "2", "--input-noise", "0.25", "--out",
        str(out_file),
    )  # fmt: skip
    code, out, _ = wordline(*arguments, "--json")
    assert code == 0
    chip_found, beside, software_found = (Certificate.from_json(x) for x in out.splitlines())
    crossbar = dataclasses.replace(
        wl.Crossbar.preset("ideal"),
        dac=wl.IdealConverter(range=wl.devices.FixedRange(2.0)),
        output_noise=wl.OutputNoise(sigma=0.001),
    )
    reads = {"limit": 4, "selection": 2, "estimation": 10, "radii": (0.05, 0.1)}
    chip = wl.map_model(wl.load_model("digits-cnn"), crossbar, 0)
    assert chip_found == wl.certify(victim=chip, data=wl.load_dataset("digits").test, **reads)
    assert beside.sensitivity == pytest.approx(chip_found.sensitivity, rel=1e-4)
    assert software_found.input_noise == pytest.approx(0.25, rel=1e-4)
    lines = out_file.read_text()
    code, out, _ = wordline(*arguments)
    assert code == 0 and out_file.read_text() == lines
    assert "digits-cnn on digits, 4 test images" in out and "cert. 0.1 %" in out


def test_a_crossbar_file_and_an_attack(wordline, tmp_path: Path) -> None:
    crossbar = dataclasses.replace(
        wl.Crossbar.preset("ideal"),
        dac=wl.IdealConverter(range=wl.devices.FixedRange(1.0)),
        adc=wl.UniformConverter(bits=8, range=wl.Calibrated()),
        output_noise=wl.OutputNoise(sigma=0.001),
    )
    (tmp_path / "c.json").write_text(crossbar.to_json())
    code, out, _ = wordline(
        *WORDS, "--crossbar", str(tmp_path / "c.json"), "--no-baseline", "--calibration", "5",
        "--attack-steps", "1", "--eot", "1", "--out", str(tmp_path / "c.jsonl"),
    )  # fmt: skip
    assert code == 0 and "attacked" in out and "input noise" not in out.split("cert.")[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "`victim` has a first mapped layer 'conv1' whose output noise is missing"),
        (("--noise", "0.1"), "whose full voltage is the largest input of each image (SampleMax)"),
        (("--crossbar", "ideel"), "did you mean ideal?"),
        (("--estimation", "0"), "`estimation` must be at least 1"),
        (("--calibration", "0"), "`calibration` must be at least 1"),
        (("--input-noise", "-1"), "`sigma` must be at least 0"),
        (("--noise", "-1"), "`sigma` must be at least 0"),
        (("--input-limit", "-1"), "`limit` must be greater than 0"),
    ],
)
def test_bad_input_is_one_line_and_code_two(
    wordline, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    code, out, err = wordline(*WORDS, *arguments, "--out", str(tmp_path / "c.jsonl"))
    assert (code, out) == (2, "")
    assert message in err and err.splitlines()[-1].startswith("wordline: ")
