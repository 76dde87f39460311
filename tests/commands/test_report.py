"""`report`, and the pages that `audit` and `quickstart` leave."""

import csv
import json
from pathlib import Path

import pytest
from tests.reports.examples import audit_line, chip, folder, gains_and_twins, stability, two_chips

from wordline.nn import ChipView
from wordline.values import encode


def test_every_file_that_is_asked_for(wordline, tmp_path: Path) -> None:
    lines = audit_line(chip(0)), {"key": "s", "record": encode(stability())}
    first = folder(tmp_path / "one", two_chips(), *lines)
    second = folder(tmp_path / "two", two_chips())
    names = ("out", "csv", "latex", "html", "figures")
    files = {name: tmp_path / "new" / name for name in names}
    options = [word for name, file in files.items() for word in (f"--{name}", str(file))]
    code, out, _ = wordline("report", str(first), str(second), *options)
    assert code == 0 and "# one" in files["out"].read_text() and "# two" in files["out"].read_text()
    assert len(list(csv.DictReader(files["csv"].open()))) == 16
    assert files["latex"].read_text().count(r"\begin{table}") == 2
    assert files["html"].read_text().startswith("<!doctype html>")
    drawn = sorted(file.name for file in files["figures"].iterdir())
    assert drawn == ["one-audit-0.pdf", "one-curves.pdf", "one-stability-0.pdf", "two-curves.pdf"]
    assert all(str(files[name]) in out for name in names)


def test_without_a_file_the_tables_are_printed(wordline, tmp_path: Path) -> None:
    path = str(folder(tmp_path / "one", two_chips()))
    code, out, _ = wordline("report", path)
    assert code == 0 and "| SH 16x16 UnitGain | 90.0" in out
    code, out, _ = wordline("report", path, "--json")
    assert [json.loads(line)["ours"] for line in out.splitlines()][:2] == pytest.approx(
        [90.0, 50.0]
    )


def test_mistakes_are_one_line(wordline, tmp_path: Path) -> None:
    code, _, err = wordline("report", str(tmp_path / "nowhere"))
    assert code == 2 and "does not exist" in err and err.count("\n") == 1
    code, _, err = wordline("report")
    assert code == 2


def test_a_view_of_a_chip(wordline, tmp_path: Path) -> None:
    code, _, _ = wordline(
        "map", "--crossbar", "rethinking-16", "--view", str(tmp_path / "chip.json")
    )
    assert code == 0 and len(ChipView.from_json((tmp_path / "chip.json").read_text()).layers) == 4


@pytest.mark.slow
def test_quickstart_leaves_a_page(wordline, tmp_path: Path) -> None:
    code, out, _ = wordline("quickstart", "--out", str(tmp_path), "--limit", "4")
    assert code == 0 and f"page: {tmp_path / 'report.html'}" in out
    text = (tmp_path / "report.html").read_text()
    assert text.count('"setting"') >= 104 and "--model digits-cnn" in text and "nf_map" in text


@pytest.mark.slow
def test_an_audit_as_a_page(wordline, tmp_path: Path) -> None:
    page = tmp_path / "deep" / "a.html"
    code, out, _ = wordline(
        "audit",
        "--crossbar",
        "rethinking-16",
        "--quick",
        "--limit",
        "4",
        "--eps",
        "0.1",
        "--html",
        str(page),
        "--json",
    )
    assert code == 0 and json.loads(out)["verdict"] in page.read_text()


def test_the_picture_and_table_of_gains(wordline, tmp_path: Path) -> None:
    path = folder(tmp_path / "one", gains_and_twins())
    drawn = tmp_path / "drawn"
    code, out, _ = wordline("report", str(path), "--figures", str(drawn))
    assert code == 0 and {file.name for file in drawn.iterdir()} == {
        "one-gains.png", "one-gains.svg", "one-curves.pdf",
    }  # fmt: skip
    code, out, _ = wordline("report", str(path))
    assert code == 0 and "twins' CA less chips' | verdict |" in out
