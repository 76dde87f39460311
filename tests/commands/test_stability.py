"""`wordline stability`: one line of Python a network; bad input is one line."""

from pathlib import Path

import pytest

import wordline as wl


def test_stability_of_two_networks(wordline, tmp_path: Path) -> None:
    figure = tmp_path / "f.png"
    arguments = (
        "stability",
        "--model",
        "a=digits-cnn",
        "--model",
        "digits-cnn",
        "--limit",
        "7",
        "--gain",
        "unit",
    )
    code, out, _ = wordline(
        *arguments, "--crossbar", "rethinking-16", "--figure", str(figure), "--json"
    )
    assert code == 0 and figure.stat().st_size > 10_000
    found = [wl.NoiseStability.from_json(line) for line in out.splitlines()]
    software = wl.load_model("digits-cnn")
    chip = wl.map_model(software, wl.Crossbar.preset("rethinking-16"), seed=0)
    alone = wl.noise_stability(
        software=software, chip=chip, data=wl.load_dataset("digits").test, limit=7
    )
    assert found == [alone, alone]
    code, out, _ = wordline(*arguments)
    assert code == 0 and "a: noise stability of chip 64x64" in out and "digits-cnn: noise" in out


def test_ranges_are_set_on_training_images(wordline, tmp_path: Path) -> None:
    crossbar = wl.Crossbar.preset("ideal", gain=wl.LeastSquaresGain())
    crossbar = wl.Crossbar(
        tile=crossbar.tile,
        device=crossbar.device,
        wires=crossbar.wires,
        gain=crossbar.gain,
        adc=wl.UniformConverter(6, range=wl.Calibrated()),
    )
    (tmp_path / "c.json").write_text(crossbar.to_json())
    code, out, _ = wordline(
        "stability",
        "--crossbar",
        str(tmp_path / "c.json"),
        "--limit",
        "3",
        "--calibration",
        "9",
        "--json",
    )
    assert (
        code == 0
        and "first 9 images of digits" in wl.NoiseStability.from_json(out).chip.calibration
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--model", "digits-cnn", "--model", "digits-cnn"),
            "`model` 'digits-cnn' is given twice; call them NAME=",
        ),
        (("--model", "alexnet"), "`model` must be one of"),
        (("--limit", "-1"), "`limit` must be at least 0"),
        (("--threads", "-1"), "`threads` must be at least 0"),
        (("--calibration", "0"), "`calibration` must be at least 1"),
        (("--draws", "0"), "`draws` must be at least 1"),
        (("--crossbar", "rethinking-17"), "`crossbar` must be one of ideal"),
    ],
)
def test_bad_input_is_one_line_and_code_two(
    wordline, arguments: tuple[str, ...], message: str
) -> None:
    code, out, err = wordline("stability", *arguments)
    assert (code, out) == (2, "")
    assert message in err and err.startswith("wordline: ") and err.count("\n") == 1
