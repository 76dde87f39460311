"""The site, built and opened: every link leads somewhere, nothing is fetched, a phone can show it.

`make docs` builds it and then runs this file with SITE set to it. Otherwise the pages alone are
built where `make docs` has left its environment, and the tests skip where it has not.
"""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[2]
TOOL = ROOT / os.environ.get("DOCS_VENV", ".docs-venv") / "bin" / "python"
HOME, TUTORIAL, API = "index.html", "tutorials/five_minutes.html", "api/mapping.html"


class Page(HTMLParser):
    """The anchors of a page, and all that it refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        key = {"a": "href", "link": "href", "img": "src", "script": "src"}.get(tag)
        if key in given:
            self.targets.append(given[key])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if given := os.environ.get("SITE"):
        return (ROOT / given).resolve()
    if not TOOL.exists():
        pytest.skip("no environment of `make docs`; it builds the site and runs these tests")
    out = tmp_path_factory.mktemp("site")
    command = [
        TOOL, ROOT / "docs" / "site" / "build.py", "--without-tutorials", "--out", out,
        "--python", sys.executable,
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    return out / "site"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    found = {}
    for path in site.rglob("*.html"):
        found[path] = Page()
        found[path].feed(path.read_text())
    return found


def test_no_link_is_broken(site: Path, pages: dict[Path, Page]) -> None:
    assert len(pages) > 60
    broken, links = [], 0
    for path, page in pages.items():
        for target in page.targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc or path.name == "404.html":
                continue
            links += 1
            place = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            place = place / "index.html" if place.is_dir() else place
            anchored = not parts.fragment or place.suffix != ".html" or (
                place in pages and unquote(parts.fragment) in pages[place].anchors
            )
            if not place.exists() or not anchored:
                broken.append(f"{path.relative_to(site)}: {target}")
    assert not broken
    assert links > 3000


def test_the_menu_leads_to_all_of_it(site: Path, pages: dict[Path, Page]) -> None:
    reached, waiting = set(), [site / HOME]
    while waiting:
        path = waiting.pop()
        if path in reached or path not in pages:
            continue
        reached.add(path)
        waiting += [
            (path.parent / urlsplit(target).path).resolve()
            for target in pages[path].targets
            if not urlsplit(target).scheme
        ]
    assert {path for path in pages if path.name != "404.html"} <= reached


def test_every_public_name_is_in_the_reference(site: Path, pages: dict[Path, Page]) -> None:
    import wordline

    anchors = set().union(*(pages[path].anchors for path in pages if path.parent.name == "api"))
    missing = [
        name
        for name in wordline.__all__
        if not any(a.startswith("wordline.") and a.split(".")[2:] == [name] for a in anchors)
    ]
    assert not missing


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Files of one folder, without a log."""

    def log_message(self, *given: Any) -> None:
        pass


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
    names = ("chromium", "chromium-browser", "google-chrome")
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if not path:
        pytest.skip("no chromium on this machine; set CHROMIUM to its path")
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=path, args=quiet)
        yield opened
        opened.close()


def test_every_page_fits_a_phone_in_silence(browser: Any, site: Path, address: str) -> None:
    """At 390 px nothing scrolls sideways but tables and code; nothing comes from elsewhere."""
    tab = browser.new_context(viewport={"width": 390, "height": 800}).new_page()
    said: list[str] = []
    tab.on("console", lambda message: said.append(f"{tab.url}: {message.text}"))
    tab.on("pageerror", lambda error: said.append(f"{tab.url}: {error}"))
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    wide = []
    for path in sorted(site.rglob("*.html")):
        tab.goto(address + path.relative_to(site).as_posix())
        if tab.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            wide.append(path.name)
    assert not wide
    assert not said
    assert asked
    assert not [url for url in asked if not url.startswith((address, "data:", "blob:"))]


def test_the_search_finds_a_differential_pair(browser: Any, address: str) -> None:
    tab = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    tab.goto(address + HOME)
    tab.locator(".md-search__button").click()
    tab.get_by_role("combobox", name="Search").fill("differential pair")
    results = tab.get_by_role("option")
    results.first.wait_for(timeout=20_000)
    found = [link.get_attribute("href") for link in results.all()]
    assert any("physics.html" in link for link in found)
    assert any("DifferentialPair" in link for link in found)


@pytest.mark.parametrize("page", [HOME, TUTORIAL, API])
def test_pages_look_as_they_should(browser: Any, address: str, page: str) -> None:
    tab = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    tab.goto(address + page)
    assert tab.locator("h1").count() == 1
    shown = tab.evaluate("[...document.images].map(i => i.complete && i.naturalWidth > 0)")
    assert all(shown)
    if page == API:
        assert tab.locator("pre:has-text('>>>')").count() > 5  # examples are code
        assert tab.locator("blockquote").count() == 0
