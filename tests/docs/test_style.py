"""The word list of docs/style.md, held on pages, the README and public docstrings."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIST = ROOT / "docs" / "style.md"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES += sorted((ROOT / "docs" / "tutorials").glob("*.py"))
MODULES = sorted((ROOT / "src" / "wordline").rglob("*.py"))
CODE = re.compile(r"^```.*?^```|^ {4}.*?$|`[^`\n]*`|\]\([^)]*\)|<[^>]*>", re.M | re.S)


def words() -> list[str]:
    """The first column of the list: each word is quoted as code."""
    rows = re.findall(r"^\| (`.*?) \|", LIST.read_text(), re.M)
    return [word for row in rows for word in re.findall(r"`([^`]+)`", row)]


def pattern() -> re.Pattern[str]:
    either = "|".join(re.escape(word) for word in sorted(words(), key=len, reverse=True))
    return re.compile(rf"(?<![\w.-])(?:{either})(?![\w-])", re.I)


def prose(path: Path) -> str:
    """Text without code, links' targets, and titles of other people's works."""
    text = path.read_text().split("## References")[0]
    if path.suffix == ".py":
        text = "\n".join(re.findall(r"^# (?!%%)(.*)$", text, re.M))
    return CODE.sub(" ", text)


def public_docstrings(path: Path) -> list[tuple[str, str]]:
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
            name = getattr(node, "name", path.stem)
            text = re.sub(r"^ *>>> .*$", "", ast.get_docstring(node) or "", flags=re.M)
            if not name.startswith("_"):
                found.append((name, CODE.sub(" ", text)))
    return found


def test_the_list_has_words() -> None:
    assert len(words()) > 30
    for word in ("leverage", "e.g.", "ground truth"):
        assert pattern().search(f"One may {word}, they say.")
    assert not pattern().search("A visible xbars-like deviation, viable.")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_pages_keep_to_the_list(page: Path) -> None:
    found = [match[0] for match in pattern().finditer(prose(page))]
    assert not found, f"docs/style.md has other words for {found}"


def test_public_docstrings_keep_to_the_list() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {name}: {match[0]}"
        for path in MODULES
        for name, text in public_docstrings(path)
        for match in pattern().finditer(text)
    ]
    assert not found
