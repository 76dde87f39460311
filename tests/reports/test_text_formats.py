"""Markdown, CSV and LaTeX hold the same numbers, and no sign in a name breaks them."""

import csv
import io
import math
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.reports.examples import audit_line, chip, folder, two_chips

from wordline.reports import (
    Axis,
    Layout,
    Published,
    csv_report,
    latex_report,
    markdown_report,
    read_results,
)
from wordline.reports.chip_mean import ChipMean
from wordline.reports.latex import escape_latex, latex_table
from wordline.reports.markdown import markdown_table
from wordline.reports.numbers_as_text import format_number, format_ours, format_signed
from wordline.reports.table import NO_ENTRY, Table, TableEntry
from wordline.values import encode

LAYOUT = Layout(
    "Table II", "AL", Axis("crossbar", ("tile", "setting")), Axis("epsilon", ("eps",)),
    published=(
        Published("p", "T", "software SW", "0.1", 41.5),
        Published("p", "T", "16x16 SH", "0.1", 24.0),
    ),
)  # fmt: skip
HOSTILE = '50 % of a_b & <b>$x^2$</b> \\input{x} #1 {~} | "q" [opt]'


@pytest.fixture
def results(tmp_path: Path):
    study = {
        "title": "T <b>",
        "layout": encode(LAYOUT),
        "command": "wordline study x.py",
        "expected": "AL 24",
    }
    lines = {"key": "f", "failure": "out of memory"}, audit_line(chip(0)), "{torn"
    return read_results(folder(tmp_path / "r", two_chips(), *lines, study=study))


def test_markdown_to_the_letter(results) -> None:
    said = markdown_report([results])
    assert "\n| crossbar | 0.1 | audit |\n|---|---:|---|\n" in said
    rows = [line for line in said.splitlines() if line.startswith("| ")][1:]
    assert rows == [
        "| software SW | 40.0 [35.0, 45.0] |  |",
        "| *published* | *41.5* |  |",
        "| *difference* | -1.5 |  |",
        "| 16x16 SH | 25.0 ± 7.1 (2) [20.0, 30.0] | masking detected (1 of 2 chips) |",
        "| *published* | *24.0* |  |",
        "| *difference* | +1.0 |  |",
    ]
    assert "# T &lt;b&gt;\n" in said and "Command: wordline study x.py" in said
    assert "Expected: AL 24" in said
    intervals = "95 % intervals in brackets; ± standard deviation over chips"
    assert f"AL in %; columns: epsilon; {intervals}" in said
    assert "**Failed cells: 1**\n\n- `f`: out of memory" in said
    assert "records.jsonl line 6: not JSON" in said


def test_csv_reads_back(results) -> None:
    rows = list(csv.DictReader(io.StringIO(csv_report([results]))))
    assert [row["row"] for row in rows] == ["software SW", "16x16 SH"]
    assert float(rows[1]["ours"]) == pytest.approx(25.0)
    assert float(rows[1]["sd"]) == pytest.approx(50**0.5)
    assert float(rows[1]["difference"]) == pytest.approx(1.0) and rows[1]["chips"] == "2"
    assert rows[0]["sd"] == "" and rows[0]["quantity"] == "AL"
    assert rows[1]["audit"].startswith("masking")


def hostile() -> Table:
    mean = ChipMean(2.0, low=1.5, high=2.5, spread=math.nan, chips=1)
    entries = {(HOSTILE, HOSTILE): TableEntry(published=1.0, mean=mean, audit=HOSTILE)}
    return Table(
        HOSTILE, HOSTILE, HOSTILE, HOSTILE, "%", 1, (HOSTILE,), (HOSTILE,), entries, HOSTILE
    )


def test_hostile_names_stay_text() -> None:
    lines = markdown_table(hostile()).splitlines()
    assert "<b>" not in "".join(lines)
    columns = {len(re.findall(r"(?<!\\)\|", line)) for line in lines if line.startswith("|")}
    assert columns == {4}  # three columns, whatever stands in the names


def test_latex_is_escaped_and_whole(results) -> None:
    for said in (latex_report([results]), latex_table(hostile())):
        body = re.sub(r"^%.*\n", "", said)
        assert not re.search(r"(?<!\\)[%$#_]", body.replace(r"$\pm$", ""))
        begun, ended = re.findall(r"\\begin{(\w+)}", body), re.findall(r"\\end{(\w+)}", body)
        assert sorted(begun) == sorted(ended) == ["table", "tabular"]
        assert body.count("{") - body.count(r"\{") == body.count("}") - body.count(r"\}")
        lines = [line for line in body.splitlines() if line.endswith(r"\\")]
        columns = {len(re.findall(r"(?<!\\)&", line)) for line in lines}
        assert len(columns) == 1 and len(lines) in (4, 7)
        assert not any(
            line.lstrip().startswith("[") for line in lines
        )  # after \\ it would be a length
    assert r"\toprule" in said and r"\bottomrule" in said


@pytest.mark.skipif(
    shutil.which("pdflatex") is None, reason="no pdflatex here; the structure is checked above"
)
def test_latex_compiles(results, tmp_path: Path) -> None:
    body = latex_report([results]) + latex_table(hostile())
    head = r"\documentclass{article}\usepackage[T1]{fontenc}\usepackage{booktabs}\begin{document}"
    (tmp_path / "t.tex").write_text(head + "\n" + body + r"\end{document}")
    command = ["pdflatex", "-interaction=batchmode", "-halt-on-error", "t.tex"]
    done = subprocess.run(command, cwd=tmp_path, check=False)
    assert done.returncode == 0


def test_numbers() -> None:
    assert format_number(-0.04, 1) == "0.0" and format_number(float("nan"), 1) == ""
    assert format_number(-0.06, 1) == "-0.1" and format_number(-0.2, 0) == "0"
    assert format_signed(0.04, 1) == "0.0" and format_signed(-1.26, 1) == "-1.3"
    assert format_signed(2.0, 0) == "+2"
    alone = TableEntry(mean=ChipMean(3.0, math.nan, math.nan, math.nan, chips=1))
    assert format_ours(NO_ENTRY, 1) == "" and format_ours(alone, 1) == "3.0"
    assert escape_latex("a\\b^~\n") == r"a\textbackslash{}b\textasciicircum{}\textasciitilde{} "


def test_a_folder_without_evaluations_says_so(tmp_path: Path) -> None:
    found = read_results(folder(tmp_path, [], {"key": "f", "failure": "x"}))
    assert "No evaluations here." in markdown_report([found])
