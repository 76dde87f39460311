"""`wordline quanos`: the table, the bits and the price, as text and as JSON."""

import json

import wordline as wl
from wordline.quantisation import BitRule, quanos
from wordline.records import BitAssignment
from wordline.records.record import Record


def test_json_is_what_the_library_says(wordline) -> None:
    words = (
        "--limit",
        "40",
        "--calibration",
        "50",
        "--mean-bits",
        "4",
        "--eps",
        "0.1",
        "--ends",
        "6",
        "--json",
    )
    code, out, _ = wordline("quanos", *words)
    assert code == 0
    plain = json.loads(out)
    software, data = wl.load_model("digits-cnn"), wl.load_dataset("digits")
    rule, attack = BitRule(mean_bits=4.0, ends=6), wl.FGSM(eps=0.1)
    small, assignment = quanos(software, data.train, attack=attack, rule=rule, limit=50)
    assert BitAssignment.from_json(json.dumps(plain["assignment"])) == assignment
    for key, network in (("before", software), ("after", small)):
        expected = wl.evaluate(
            victim=network, source=network, attack=attack, data=data.test, limit=40
        )
        assert Record.from_json(json.dumps(plain[key])) == expected
    assert plain["after"]["victim"]["gradient"] == "straight-through"


def test_tables_for_people(wordline) -> None:
    code, out, _ = wordline("quanos", "--limit", "20", "--calibration", "20", "--no-activations")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[2:6]] == ["conv1", "conv2", "fc1", "fc2"]
    assert "bits; ANS under FGSM" in out and out.count("FGSM 8/255 margin") == 2


def test_bad_input_is_one_line(wordline) -> None:
    for words, message in (
        (("--mean-bits", "1"), "`mean_bits` must be at least 2"),
        (("--calibration", "0"), "`calibration` must be at least 1"),
        (("--choices", "4", "2"), "`choices` must increase"),
    ):
        code, _, err = wordline("quanos", *words)
        assert code == 2 and err.count("\n") == 1 and message in err
