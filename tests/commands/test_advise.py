"""`wordline advise`: one line of Python; it resumes; bad input is one line."""

from pathlib import Path

import pytest

import wordline as wl


def test_advise_is_one_line_of_python(wordline, tmp_path: Path) -> None:
    out_file, figure = tmp_path / "a.jsonl", tmp_path / "a.png"
    arguments = (
        "advise",
        "--model",
        "one=digits-cnn",
        "--model",
        "two=digits-cnn",
        "--tile",
        "16",
        "--r-on",
        "20e3",
        "--adc-bits",
        "0",
        "6",
        "--limit",
        "5",
        "--steps",
        "2",
        "--eps",
        "8/255",
        "--within",
        "0.1",
        "--calibration",
        "10",
        "--out",
        str(out_file),
        "--figure",
        str(figure),
    )
    code, out, err = wordline(*arguments, "--json")
    assert code == 0 and figure.stat().st_size > 10_000 and "advise: 10/10" in err
    digits, software = wl.load_dataset("digits"), wl.load_model("digits-cnn")
    alone = wl.advise(
        {"one": software, "two": software},
        base=wl.Crossbar.preset("rethinking-64", gain=wl.LeastSquaresGain()),
        data=digits.test,
        calibration=digits.train.take(10),
        out=tmp_path / "b.jsonl",
        tiles=(16,),
        r_on_ohm=(20e3,),
        adc_bits=(0, 6),
        within=0.1,
        eps=8 / 255,
        steps=2,
        limit=5,
    )
    assert wl.Advice.from_json(out) == alone
    code, out, _ = wordline(*arguments)
    assert code == 0 and "within 10 points" in " ".join(out.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--tile", "0"), "`tile rows` must be at least 1"),
        (("--adc-bits", "1"), "`bits` must be at least 2"),
        (("--r-on", "-1"), "`r_on_ohm` must be greater than 0"),
        (("--within", "2"), "`within` must be at most 1"),
        (("--eps", "0"), "`eps` must be greater than 0"),
        (("--limit", "-1"), "`limit` must be at least 0"),
        (("--seeds", "-1"), "`seeds` must be at least 0"),
        (("--gain", "big"), "`gain` must be one of"),
    ],
)
def test_bad_input_is_one_line_and_code_two(
    wordline,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = wordline("advise", *arguments)
    assert (code, out) == (2, "")
    assert message in err and err.startswith("wordline: ") and err.count("\n") == 1
    assert not list(tmp_path.rglob("*.jsonl"))
