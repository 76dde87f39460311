"""The command beside a record computes that record again."""

import dataclasses
import shlex

import tyro
from tests.reports.examples import SOFTWARE, chip, record

import wordline as wl
from wordline.cli import parsers
from wordline.commands import COMMANDS
from wordline.commands.names import arguments_of, names_of
from wordline.records import AsTrained, Attenuated
from wordline.records.record import NetworkIdentity, Record
from wordline.reports.page.describe_conditions import describe_conditions
from wordline.reports.page.reproduce import CommandNames, network_names, reproduce_command
from wordline.runs import Grid, Journal, ScaledWeights, run_grid


def parsed(command: str) -> dict:
    """Parse a command as the command line does; the command itself is not run."""
    program, *words = shlex.split(command)
    assert program == "wordline"
    run = tyro.extras.subcommand_cli_from_dict(parsers(words[:1]), args=words)
    return run().keywords if callable(run) and not hasattr(run, "keywords") else run.keywords


def flat(given: dict) -> dict:
    """Options by name, those of groups too."""
    groups = [value for value in given.values() if dataclasses.is_dataclass(value)]
    return given | {name: value for group in groups for name, value in vars(group).items()}


def command_of(made: Record) -> str:
    return reproduce_command(made, names_of([made]), {})


def test_a_command_parses_and_says_the_conditions() -> None:
    attack = wl.PGD(
        eps=0.1, steps=12, step_size=0.03, loss="cross-entropy", random_start=False, early_stop=True
    )
    made = dataclasses.replace(
        record(chip(3, 32), SOFTWARE, attack=attack, data="cifar10"), threads=2, draws=20
    )
    command = command_of(made)
    start = "wordline evaluate --model MODEL --data cifar10 --root DIR --crossbar rethinking-32"
    assert command.startswith(start)
    given = flat(parsed(command))
    wanted = {
        "crossbar": ("rethinking-32",), "gain": ("unit",), "eps": (0.1,), "steps": 12,
        "step_size": 0.03, "loss": ("cross-entropy",), "random_start": False, "early_stop": True,
        "settings": ("SH",), "seeds": (3,), "limit": 10, "batch_size": 10, "threads": 2,
        "draws": 20, "attack": "pgd", "data": "cifar10",
    }  # fmt: skip
    assert {name: given[name] for name in wanted} == wanted


def test_a_record_computed_again_is_the_same_record(tmp_path, capsys, monkeypatch) -> None:
    data, software = wl.load_dataset("digits").test.take(10), wl.load_model("digits-cnn")
    crossbars = (
        wl.Crossbar.preset("rethinking-16", gain=wl.LeastSquaresGain()),
        dataclasses.replace(
            wl.Crossbar.preset("rethinking-16"), device=wl.Memristor(r_on_ohm=20e3, r_off_ohm=400e3)
        ),
    )
    grid = Grid(
        crossbars,
        (wl.PGD(eps=8 / 255, steps=2, step_size=4 / 255),),
        seeds=(2,),
        settings=("SW", "SH", "HH"),
    )
    records = run_grid(software, data, grid, Journal(tmp_path / "records.jsonl"))
    names = names_of(records)
    models = network_names(records, names)
    monkeypatch.chdir(tmp_path)
    for made in records:
        before, _, command = reproduce_command(made, names, models).rpartition("&& ")
        if before:  # echo '...' > crossbar.json
            (tmp_path / "crossbar.json").write_text(shlex.split(before)[1])
        given = parsed(command)
        assert flat(given)["model"] == "digits-cnn"
        COMMANDS["evaluate"].load()(**given)
        (again,) = Journal(tmp_path / "again.jsonl").records.values()
        assert again == made
        (tmp_path / "again.jsonl").unlink()


def test_a_white_box_record_knows_its_network_from_the_transfer_record_of_its_chip() -> None:
    names = CommandNames(networks={SOFTWARE.weights: "mine"})
    records = [record(chip(0), SOFTWARE), record(chip(0)), record(NetworkIdentity("Net", "other"))]
    models = network_names(records, names)
    assert models[chip(0).weights] == "mine" and "Net" not in models  # two networks of that class
    known = dataclasses.replace(names, attacks=names_of(records).attacks)
    assert "--model mine" in reproduce_command(records[1], known, models)


def test_what_the_command_line_cannot_say_is_python() -> None:
    exotic = wl.PGD(eps=0.1, steps=3, restarts=4)
    code = command_of(record(chip(1), SOFTWARE, attack=exotic))
    compile(code, "reproduce", "exec")
    lines = code.splitlines()
    there = {"wl": wl}
    exec("\n".join(line for line in lines if line.startswith("attack")), there)
    assert there["attack"] == exotic
    assert "victim=victim, source=software" in lines[-1] and "seed=1)" in code
    assert "victim=victim, source=source" in command_of(record(chip(1), chip(2)))
    assert "victim=victim, source=victim" in command_of(record(chip(1), attack=exotic))
    assert "victim=software, source=software" in command_of(
        dataclasses.replace(record(data="cifar10"), seed=5)
    )
    differentiable = NetworkIdentity("Net", "1", gradient="of Net")
    assert "wl.SurrogateGradient" in command_of(record(chip(), differentiable))


def test_a_reduced_copy_is_named_by_its_side() -> None:
    made = record(chip(0), SOFTWARE, data="tiny-imagenet-32")
    given = flat(parsed(command_of(made)))
    assert (given["data"], given["side"]) == ("tiny-imagenet", 32)
    code = command_of(dataclasses.replace(made, seed=5))
    assert "wl.load_dataset('tiny-imagenet', root=\"DIR\", side=32).test" in code
def test_software_that_stands_in_for_a_chip_is_made_again(tmp_path) -> None:
    data, software = wl.load_dataset("digits").test.take(10), wl.load_model("digits-cnn")
    crossbars = (wl.Crossbar.preset("rethinking-16"), ScaledWeights(0.9))
    attack = wl.PGD(eps=8 / 255, steps=2, step_size=4 / 255)
    grid = Grid(crossbars, (attack,), seeds=(2,), twins=True)
    records = run_grid(software, data, grid, Journal(tmp_path / "records.jsonl"))
    names = names_of(records)
    models = network_names(records, names)
    for made in records:
        code = reproduce_command(made, names, models)
        assert "digits-cnn" in code  # a twin's weights are of no other model
        if not isinstance(made.victim.origin, AsTrained):
            there: dict = {}
            exec(code.replace("print(", "found = ("), there)
            assert there["found"] == made
    coded = dataclasses.replace(
        wl.Crossbar.preset("rethinking-16"), adc=wl.UniformConverter(bits=8)
    )
    measured = Attenuated(SOFTWARE, NetworkIdentity("Net", "3", coded))
    code = command_of(record(NetworkIdentity("Net", "2", origin=measured)))
    assert "calibration = ..." in code and "data=calibration, limit=0" in code
    unknown = NetworkIdentity("Net", "2", origin=wl.UnitGain())
    assert "victim = ...  # UnitGain: weights of your own making" in command_of(record(unknown))


def test_calibration_is_part_of_the_command() -> None:
    calibration = "first 77 images of digits-train abc, batches of 50"
    victim = dataclasses.replace(chip(), calibration=calibration)
    assert flat(parsed(command_of(record(victim))))["calibration"] == 77


def test_attacks_by_the_arguments_that_make_them() -> None:
    assert arguments_of(wl.FGSM(eps=8 / 255)) == (
        "--attack",
        "fgsm",
        "--eps",
        "8/255",
        "--loss",
        "margin",
    )
    assert arguments_of(wl.MIFGSM(eps=0.1, steps=5, step_size=2 / 255))[:2] == (
        "--attack",
        "mifgsm",
    )
    assert arguments_of(wl.MultiTargeted(wl.PGD(0.1, 5, 2 / 255)))[:2] == (
        "--attack",
        "multi-targeted",
    )
    assert arguments_of(wl.PGD(eps=0.1, norm="l2")) == ()
    odd = arguments_of(wl.FGSM(eps=0.1234567890123))
    assert odd[3] == "0.1234567890123"  # to the last bit


def test_conditions_hold_everything() -> None:
    pairs = dict(describe_conditions(record(chip(2), SOFTWARE)))
    assert pairs["victim.crossbar.wires.row_ohm"] == "5" and pairs["victim.seed"] == "2"
    assert (
        pairs["source.network"] == "Net"
        and pairs["version of torch"] == "2"
        and pairs["attack.eps"] == "0.1"
    )
    assert dict(describe_conditions(record()))["source"] == "the victim itself"
