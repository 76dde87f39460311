"""The builder of the site: links on the code host and on the site lead to the same pages."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(ROOT / "docs" / "site")
    monkeypatch.delitem(sys.modules, "build", raising=False)  # the library that makes wheels
    yield importlib.import_module("build")
    for name in ("build", "api", "percent"):
        sys.modules.pop(name, None)


def test_links_lead_to_staged_pages_and_code_is_left_alone(
    build: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docs = tmp_path / "docs"
    (docs / "tutorials").mkdir(parents=True)
    page = docs / "page.md"
    page.write_text(
        "[a](other.md#part) [b](../src/x.py) [c](tutorials/t.py) [d](https://e.org/f.md) [g](#h)\n"
        "\n```python\n[k](../l.py)\n```\n"
    )
    for name, value in (("ROOT", tmp_path), ("DOCS", docs), ("TUTORIALS", docs / "tutorials")):
        monkeypatch.setattr(build, name, value)
    text, linked = build.with_staged_links(page)
    assert text == (
        "[a](other.md#part) [b](files/src/x.md) [c](tutorials/t.md) [d](https://e.org/f.md) "
        "[g](#h)\n"
        "\n```python\n[k](../l.py)\n```\n"
    )
    assert linked == {docs / "other.md", tmp_path / "src" / "x.py"}


def test_a_diagram_becomes_a_table(build: ModuleType) -> None:
    assert build.unlinked("```mermaid\nflowchart BT\n    a --> b\n    a --> c\n```") == (
        "| package | imports |\n|---|---|\n| `a` | `b`, `c` |"
    )


def test_a_page_without_a_place_in_the_menu_is_refused(build: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "new.md").write_text("# New\n")
    with pytest.raises(SystemExit, match=r"add \['new.md'\] to the `nav`"):
        build.require_every_page(tmp_path, [{"Home": "index.md"}])
    build.require_every_page(tmp_path, [{"Home": ["new.md"]}])


def test_exported_names_have_places_in_the_reference(build: ModuleType, tmp_path: Path) -> None:
    out = tmp_path / "api"
    build.api.write_pages(ROOT / "src" / "wordline", out)
    index = (out / "index.md").read_text()
    assert "[`wl.Wires`](circuits.md#wordline.circuits.Wires)" in index
    assert "| [circuits](circuits.md) | Write the circuit of one programmed tile" in index
    assert "::: wordline.attacks.PGD\n" in (out / "attacks.md").read_text()
