"""Each command does its one line of Python; bad input is one line and exit code 2."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

import wordline as wl
from wordline.arrays import SurrogateArray, SurrogateReport
from wordline.commands import COMMANDS
from wordline.commands.options import parse_number
from wordline.defenses import training_attack
from wordline.runs import read_records


def test_show_explains_a_preset(wordline) -> None:
    code, out, _ = wordline("show", "rethinking-16")
    assert code == 0
    assert "1000 ohm at the start of every word line" in out
    assert "arXiv 2008.11298" in out


def test_show_prints_a_netlist(wordline) -> None:
    code, out, _ = wordline("show", "rethinking-16", "--spice")
    assert code == 0
    assert out.count("\nRd") >= 256  # one resistor a device, and the drivers
    assert out.rstrip().endswith(".end")


def test_map_prints_a_report_and_json(wordline) -> None:
    code, out, _ = wordline("map", "--crossbar", "rethinking-32", "--gain", "least-squares")
    assert code == 0
    assert "conv2" in out
    code, out, _ = wordline("map", "--crossbar", "ideal", "--json")
    assert json.loads(out)["crossbar"]["device"]["r_on_ohm"] == 20e3


def test_map_counts_calibrates_chooses_and_exports(wordline, tmp_path: Path) -> None:
    crossbar = dataclasses.replace(
        wl.Crossbar.preset("rethinking-32"), adc=wl.UniformConverter(bits=8, range=wl.Calibrated())
    )
    (tmp_path / "mine.json").write_text(crossbar.to_json())
    code, out, _ = wordline(
        "map",
        "--crossbar",
        str(tmp_path / "mine.json"),
        "--data",
        "digits",
        "--calibrate",
        "20",
        "--exclude",
        "conv1",
        "--export",
        str(tmp_path / "chip.npz"),
        "--json",
    )
    assert code == 0
    report = wl.nn.ChipReport.from_json(out)
    data, software = wl.load_dataset("digits"), wl.load_model("digits-cnn")
    chip = wl.calibrate(wl.map_model(software, crossbar, exclude=("conv1",)), data.train, limit=20)
    assert report == chip.report(data.test.images[:1])
    assert report.usage.conversions > 0 and dict(report.digital)["conv1"] == "excluded by 'conv1'"
    assert (tmp_path / "chip.npz").is_file()
    code, out, _ = wordline("map", "--data", "digits", "--only", "fc?")
    assert "one inference" in out and "not among only='fc?'" in out


def test_a_crossbar_of_ones_own_from_a_file(wordline, tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text(wl.Crossbar.preset("ideal").to_json())
    code, out, _ = wordline("map", "--crossbar", str(file), "--gain", "per-column", "--json")
    assert code == 0
    assert json.loads(out)["crossbar"]["gain"]["type"] == "PerColumnGain"


def test_evaluate_sets_a_twin_beside_every_chip(wordline, tmp_path: Path) -> None:
    words = ("--crossbar", "rethinking-16", "--eps", "0.1", "--limit", "20", "--steps", "2")
    plain, both = (
        wordline("evaluate", *words, *more, "--out", str(tmp_path / f"{len(more)}.jsonl"))
        for more in ((), ("--twin",))
    )
    assert plain[0] == both[0] == 0
    rows = [line for line in both[1].splitlines() if "twin of chip 16x16 UnitGain #0" in line]
    assert [row.split()[0] for row in rows] == ["transfer", "SW"]
    assert "twin" not in plain[1]
    assert read_records(tmp_path / "0.jsonl") == read_records(tmp_path / "1.jsonl")[:3]


def test_evaluate_writes_records_equal_to_one_line_of_python(wordline, tmp_path: Path) -> None:
    out_file = tmp_path / "r.jsonl"
    arguments = (
        "evaluate",
        "--crossbar",
        "rethinking-16",
        "--eps",
        "8/255",
        "0.1",
        "--limit",
        "40",
        "--steps",
        "3",
        "--out",
        str(out_file),
        "--json",
    )
    code, out, _ = wordline(*arguments)
    assert code == 0
    records = [wl.Record.from_json(line) for line in out.splitlines()]
    assert len(records) == 6
    assert records == read_records(out_file)
    software = wl.load_model("digits-cnn")
    chip = wl.map_model(software, wl.Crossbar.preset("rethinking-16"), seed=0)
    hh = next(r for r in records if r.setting == "HH" and r.attack.eps == 0.1)
    attack = wl.PGD(eps=0.1, steps=3, step_size=2 / 255)
    alone = wl.evaluate(
        victim=chip, source=chip, attack=attack, data=wl.load_dataset("digits").test, limit=40
    )
    assert (alone.clean, alone.adversarial, alone.attack) == (hh.clean, hh.adversarial, hh.attack)
    before = out_file.read_bytes()
    assert wordline(*arguments)[0] == 0
    assert out_file.read_bytes() == before  # nothing was computed again


def test_steps_default_to_what_crosses_the_ball(wordline, tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    wordline(
        "evaluate",
        "--eps",
        "2/255",
        "32/255",
        "--limit",
        "4",
        "--settings",
        "SW",
        "--out",
        str(file),
    )
    assert [r.attack.steps for r in read_records(file)] == [10, 40]


def test_audit_is_one_line_of_python(wordline, tmp_path: Path) -> None:
    file = tmp_path / "deep" / "audit.json"
    code, out, _ = wordline("audit", "--quick", "--limit", "6", "--eps", "0.1", "--out", str(file))
    assert code == 0
    assert "verdict: " in out
    software = wl.load_model("digits-cnn")
    chip = wl.map_model(software, wl.Crossbar.preset("rethinking-64"), seed=0)
    data = wl.load_dataset("digits").test
    alone = wl.audit(chip=chip, software=software, data=data, eps=0.1, limit=6, quick=True)
    assert wl.Audit.from_json(file.read_text()) == alone
    code, out, _ = wordline("audit", "--quick", "--limit", "4", "--crossbar", "software", "--json")
    assert json.loads(out)["chip"] == json.loads(out)["software"]


def test_deviation_and_curve_print_and_draw(wordline, tmp_path: Path) -> None:
    for command, word in (("deviation", "cosine"), ("curve", "chance")):
        figure = tmp_path / f"{command}.png"
        code, out, _ = wordline(command, "--limit", "10", "--figure", str(figure))
        assert code == 0
        assert word in out
        assert figure.stat().st_size > 5000
    code, out, _ = wordline("deviation", "--limit", "3", "--json")
    assert len(wl.GradientDeviation.from_json(out).cosine) == 3
    code, out, _ = wordline("curve", "--limit", "3", "--json")
    assert wl.RobustnessCurve.from_json(out).records[0].images == 3


def test_check_passes_here(wordline) -> None:
    code, out, _ = wordline("check")
    assert code == 0
    assert out.count("pass") == 5


def test_train_with_a_defense_on_a_chip_from_a_network(wordline, tmp_path: Path) -> None:
    code, out, _ = wordline(
        "train",
        "digits-cnn",
        "--data",
        "digits",
        "--epochs",
        "1",
        "--batch-size",
        "650",
        "--out",
        str(tmp_path),
        "--defense",
        "trades",
        "--eps",
        "8/255",
        "--attack-steps",
        "1",
        "--crossbar",
        "rethinking-16",
        "--gain",
        "least-squares",
        "--from",
        "digits-cnn",
        "--validation",
        "0.1",
        "--frozen-batch-norm",
        "--lipschitz",
        "1e-5",
    )
    assert code == 0
    card = wl.training.Card.from_json(out.splitlines()[-1])
    assert card.recipe.objective == wl.LipschitzPenalty(wl.TRADES(8 / 255, 1, 2 / 255), 1e-5)
    assert card.recipe.forward == wl.OnChip(
        wl.Crossbar.preset("rethinking-16", gain=wl.LeastSquaresGain())
    )
    assert (
        card.recipe.validation == 0.1
        and card.recipe.frozen_batch_norm
        and card.best_epoch == 1
        and card.initial
    )
    assert not wl.load_model(
        tmp_path / "digits-cnn-digits-trades-8-lipschitz-on-rethinking-16.safetensors"
    ).training


@pytest.mark.parametrize(
    ("defense", "objective"),
    [
        (("pgd",), wl.AdversarialTraining(training_attack(4 / 255, 7))),
        (
            ("pgd", "--attack-steps", "3", "--attack-step-size", "1/255"),
            wl.AdversarialTraining(training_attack(4 / 255, 3, 1 / 255)),
        ),
        (("fgsm-rs",), wl.FastFGSM(4 / 255)),
        (("trades",), wl.TRADES(4 / 255, 10, 1 / 255)),
    ],
)
def test_what_a_defense_stands_for(
    wordline, tmp_path: Path, monkeypatch, defense, objective
) -> None:
    asked = {}

    def train(*arguments, name, **_):
        asked.update(name=name, recipe=arguments[2])
        return arguments[2]

    monkeypatch.setattr(wl.training, "train", train)
    code, _, _ = wordline(
        "train", "digits-cnn", "--data", "digits", "--eps", "4/255", "--defense", *defense
    )
    assert code == 0 and asked["recipe"].objective == objective
    assert asked["name"] == f"digits-cnn-digits-{defense[0]}-4"
    wordline("train", "digits-cnn", "--data", "digits", "--name", "mine", "--defense", *defense)
    assert asked["name"] == "mine"


def test_train_leaves_a_network_that_loads(wordline, tmp_path: Path) -> None:
    code, out, _ = wordline(
        "train", "digits-cnn", "--data", "digits", "--epochs", "1", "--out", str(tmp_path)
    )
    assert code == 0
    assert json.loads(out)["recipe"]["epochs"] == 1
    wl.load_model(tmp_path / "digits-cnn-digits.safetensors")


def test_surrogate_fit_leaves_an_array_of_the_crossbar(wordline, tmp_path: Path) -> None:
    crossbar = wl.Crossbar.preset("rethinking-16")
    out_file, mine = tmp_path / "s.safetensors", tmp_path / "mine.json"
    mine.write_text(dataclasses.replace(crossbar, tile=(8, 4)).to_json())
    arguments = (
        "surrogate",
        "fit",
        "--crossbar",
        str(mine),
        "--b",
        "2",
        "--volts",
        "1/2",
        "--samples",
        "64",
        "--epochs",
        "3",
        "--seed",
        "1",
        "--out",
        str(out_file),
    )
    code, out, _ = wordline(*arguments)
    assert code == 0 and "held-out inputs of 8 x 4 arrays" in out and "NF 0." in out
    report = SurrogateArray.of(out_file).report
    design = report.design
    assert (design.tile, design.wires, design.law, design.volts) == (
        (8, 4),
        crossbar.wires,
        wl.SinhDevice(2.0),
        0.5,
    )
    assert (design.g_off_siemens, design.g_on_siemens) == (
        crossbar.device.g_off_siemens,
        crossbar.device.g_on_siemens,
    )
    assert (report.samples, report.epochs, report.seed) == (64, 3, 1)
    assert report.command.startswith("wordline surrogate fit --crossbar mine.json --b 2 ")
    assert str(tmp_path) not in report.command
    code, out, _ = wordline(*arguments, "--json")
    assert SurrogateReport.from_json(out).design == design


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("surrogate", "learn", "--out", "x.safetensors"), "fit"),
        (("surrogate", "fit", "--out", "x.pt"), "`out` must end in .safetensors, got 'x.pt'"),
        (
            ("surrogate", "fit", "--out", "x.safetensors", "--law", "cubic"),
            "`law` must be one of 'sinh', got 'cubic'",
        ),
        (("surrogate", "fit", "--out", "x.safetensors", "--b", "-1"), "`b` must be at least 0"),
        (
            ("surrogate", "fit", "--out", "x.safetensors", "--volts", "0"),
            "`volts` must be greater than 0",
        ),
        (
            ("surrogate", "fit", "--out", "x.safetensors", "--samples", "1"),
            "`samples` must be at least 16",
        ),
        (("show", "rethinking-17"), "`crossbar` must be one of ideal, rethinking-16"),
        (
            ("show", "rethinking-17"),
            "or a .json file, got 'rethinking-17'; did you mean rethinking-16?",
        ),
        (("audit", "--crossbar", "nothing"), "or a .json file, got 'nothing'\n"),
        (("show", "none.json"), "`crossbar` file 'none.json' does not exist"),
        (("map", "--model", "alexnet"), "`model` must be one of"),
        (
            ("map", "--gain", "big"),
            "`gain` must be one of 'unit', 'least-squares', 'per-column', got 'big'",
        ),
        (
            ("map", "--only", "tail"),
            "`only` pattern 'tail' matches no layer; there are conv1, conv2, fc1, fc2",
        ),
        (("map", "--calibrate", "5"), "`calibrate` needs images; name a data set with --data"),
        (("map", "--calibrate", "-5"), "`calibrate` must be at least 0"),
        (("map", "--export", "chip.txt"), "`export` must end in .npz, .csv, got 'chip.txt'"),
        (("map", "--weights", "x.safetensors"), "`weights` goes with a factory"),
        (("evaluate", "--data", "mnist"), "`data` must be one of digits, cifar10"),
        (("evaluate", "--attack", "magic"), "`attack` must be one of 'fgsm', 'pgd', 'mifgsm'"),
        (("evaluate", "--loss", "hinge"), "`loss` must be one of"),
        (("evaluate", "--eps", "-0.1"), "`eps` must be at least 0"),
        (("evaluate", "--eps", "0.1", "2"), "`eps` must be at most 1, got 2"),
        (("deviation", "--eps", "2"), "`eps` must be at most 1, got 2"),
        (("quanos", "--eps", "2"), "`eps` must be at most 1, got 2"),
        (("evaluate", "--eps", "eight"), "eight"),
        (("evaluate", "--limit", "many"), "many"),
        (("evaluate", "--limit", "-490"), "`limit` must be at least 0"),
        (("evaluate", "--threads", "-1"), "`threads` must be at least 0"),
        (("evaluate", "--steps", "-1"), "`steps` must be at least 0"),
        (("evaluate", "--step-size", "0"), "`step_size` must be greater than 0"),
        (("evaluate", "--batch-size", "0"), "`batch_size` must be at least 1"),
        (("evaluate", "--seeds", "-1"), "`seeds` must be at least 0"),
        (
            ("evaluate", "--model", "resnet10-cifar10"),
            "`data` images of shape (1, 8, 8) do not fit `software`",
        ),
        (("fly",), "fly"),
        (("audit", "--eps", "0.6"), "`eps` must be at most 0.5"),
        (("audit", "--limit", "-1"), "`limit` must be at least 0"),
        (("audit", "--threads", "-1"), "`threads` must be at least 0"),
        (("deviation", "--loss", "hinge"), "`loss` must be one of"),
        (("curve", "--crossbar", "rethinking-17"), "`crossbar` must be one of ideal"),
        (("evaluate", "--settings", "XX"), "`settings` must be one of 'SW', 'SH', 'HH'"),
        (("train", "vgg9", "--data", "digits"), "must be one of"),
        (
            ("train", "digits-cnn", "--data", "digits", "--recipe", "slow"),
            "`recipe` must be one of",
        ),
        (
            ("train", "digits-cnn", "--data", "digits", "--precision", "fp8"),
            "`precision` must be one of",
        ),
        (
            ("train", "digits-cnn", "--data", "digits", "--epochs", "-1"),
            "`epochs` must be at least 1",
        ),
        (
            ("train", "digits-cnn", "--data", "digits", "--attack-steps", "-1"),
            "`attack_steps` must be at least 0",
        ),
        (
            ("train", "digits-cnn", "--data", "digits", "--attack-step-size", "-1"),
            "`attack_step_size` must be",
        ),
        (
            ("train", "digits-cnn", "--data", "digits", "--eps", "0.2"),
            "`eps` belongs to a defense; name one by",
        ),
        (
            ("train", "digits-cnn", "--data", "digits", "--attack-steps", "5"),
            "`attack_steps` belongs to a defense",
        ),
        (
            ("train", "digits-cnn", "--data", "digits", "--attack-step-size", "1"),
            "`attack_step_size` belongs to a",
        ),
        (
            ("train", "digits-cnn", "--data", "digits", "--defense", "pgd", "--eps", "0"),
            "`eps` is 0, which defends",
        ),
        (
            ("train", "digits-cnn", "--data", "digits", "--defense", "pgd", "--eps", "2"),
            "`eps` must be at most 1, got",
        ),
        (
            ("train", "digits-cnn", "--data", "digits", "--defense", "trades", "--eps", "-0.1"),
            "`eps` must be greater",
        ),
        (
            (
                "train",
                "digits-cnn",
                "--data",
                "digits",
                "--defense",
                "fgsm-rs",
                "--attack-steps",
                "5",
            ),
            "takes one step",
        ),
        (("quanos", "--model", "resnet10-cifar10"), "do not fit `model`"),
        (("evaluate", "--data", "digits", "--side", "32"), "`side` of the embedded 'digits' must"),
        (("train", "digits-cnn", "--data", "digits", "--side", "32"), "`side` of the embedded"),
        (
            ("train", "digits-cnn", "--data", "digits", "--gain", "unit"),
            "`gain` belongs to a crossbar",
        ),
        (
            ("train", "digits-cnn", "--data", "digits", "--lipschitz", "-1"),
            "`weight` must be at least 0",
        ),
        (("train", "digits-cnn", "--data", "digits", "--from", "nothing"), "`from` must be one of"),
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
    code, out, err = wordline(*arguments)
    assert code == 2
    assert out == ""
    assert message in err
    assert err.startswith("wordline: ")
    assert err.count("\n") == 1
    assert not list(tmp_path.rglob("*.jsonl"))  # nothing half-written


def test_numbers_may_be_fractions() -> None:
    assert parse_number("8/255") == 8 / 255
    assert parse_number("1e-3") == 1e-3
    for text in ("8/0", "eight", "1/2/3"):
        with pytest.raises(ValueError, match=f"`{text}` is no number"):
            parse_number(text)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_the_first_line_of_every_command(name: str) -> None:
    assert COMMANDS[name].summary == (COMMANDS[name].load().__doc__ or "").splitlines()[0]


def test_help_imports_no_command() -> None:
    code = (
        "import sys; sys.argv = ['wordline', '--help']; from wordline.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print([m for m in sys.modules "
        "if m.startswith(('wordline.commands.', 'wordline.reports'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]" and "evaluate" in done.stdout
