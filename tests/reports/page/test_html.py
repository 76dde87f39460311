"""The page: hostile names stay text, nothing is fetched, a browser shows and filters it."""

import json
import os
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tests.reports.examples import (
    SOFTWARE,
    audit_line,
    chip,
    folder,
    record,
    renamed,
    shared_layer,
    stability,
    two_chips,
)

import wordline as wl
from wordline.commands.names import names_of
from wordline.nn import chip_view, map_model
from wordline.reports import Axis, Layout, Published, Results, html_report, read_results
from wordline.reports.page.html import inline_json, page_scripts
from wordline.reports.page.page_data import study_data
from wordline.values import encode

HOSTILE = (
    "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>&amp;<!--\u2028"
)
LAYOUT = Layout(
    "Table II", "AL", Axis("crossbar", ("tile", "setting")), Axis("epsilon", ("eps",)),
    where=(("model", "Net"),), published=(Published("p", "T", "16x16 SH", "0.1", 24.0),),
)  # fmt: skip


class Tags(HTMLParser):
    """Elements and their attributes, and what stands in script elements."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] == "script":
            self.scripts[-1] += data


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    path = tmp_path_factory.mktemp("page") / "run"
    software = wl.load_model("digits-cnn")
    view = chip_view(map_model(software, wl.Crossbar.preset("rethinking-16")))
    more = [record(chip(0, 32), SOFTWARE, eps=eps, attacked=0.3) for eps in (0.1, 0.2)]
    lines = (
        audit_line(chip(0), HOSTILE), {"key": "s", "record": encode(stability())},
        {"key": "t", "record": encode(shared_layer())}, {"key": "c", "record": encode(view)},
        {"key": "f", "failure": HOSTILE}, "{torn",
    )  # fmt: skip
    study = {"title": HOSTILE, "layout": encode(LAYOUT), "reproduces": HOSTILE, "command": HOSTILE}
    return read_results(
        folder(path, [*two_chips(), *more, renamed(record(), HOSTILE)], *lines, study=study)
    )


@pytest.fixture(scope="module")
def written(results: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(html_report([results], names_of(results.evaluations)), encoding="utf-8")
    return path


def test_hostile_names_neither_end_the_script_nor_become_elements(written: Path) -> None:
    tags = Tags()
    tags.feed(written.read_text(encoding="utf-8"))
    assert [tag for tag, _ in tags.tags].count("script") == 2
    assert not any(
        tag == "img" or any(name.startswith("on") for name in given) for tag, given in tags.tags
    )
    data = json.loads(tags.scripts[0])
    assert data["title"] == HOSTILE  # and yet it is there to the letter
    assert any(made["model"] == HOSTILE for made in data["studies"][0]["records"])


def test_nothing_points_outside(written: Path) -> None:
    text = written.read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(text)
    addresses = [
        v for _, given in tags.tags for n, v in given.items() if n in ("src", "href") and v
    ]
    assert all(address.startswith(("#", "data:")) for address in addresses)
    policy = next(
        given["content"]
        for tag, given in tags.tags
        if given.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None and policy.startswith("default-src 'none'") and "http" not in policy
    assert set(re.findall(r"https?://[^\"'\s]+", text)) <= {"http://www.w3.org/2000/svg"}
    assert "innerHTML" not in text and "eval(" not in text


def test_data_in_a_script_element() -> None:
    assert json.loads(inline_json({"a": HOSTILE, "b": float("inf")})) == {
        "a": HOSTILE,
        "b": {"float": "inf"},
    }
    assert not set("<>&\u2028") & set(inline_json(HOSTILE))


def test_means_over_chips_are_computed_before_the_page(results: Results) -> None:
    (curve,) = (
        made for made in study_data(results, names_of(results.evaluations))["curves"]
        if (made["setting"], made["tile"]) == ("SH", "16x16")
    )  # fmt: skip
    (point,) = curve["points"]
    assert (point["radius"], point["eps"]) == (0.1, "0.1") and curve["clean"]["AA"]["chips"] == 2
    numbers = {"value": 65.0, "low": 60.0, "high": 70.0, "sd": 7.0711, "chips": 2}
    assert point["AA"] == pytest.approx(numbers)
    assert "sqrt" not in page_scripts() and "mean(" not in page_scripts()  # nor in JavaScript


def test_data_of_the_page(results: Results) -> None:
    text = html_report([results], names_of(results.evaluations), title="mine")
    tags = Tags()
    tags.feed(text)
    data = json.loads(tags.scripts[0])
    (study,) = data["studies"]
    assert data["title"] == "mine"
    made = next(r for r in study["records"] if r["key"] == "k1")
    assert made["AL"] == pytest.approx([20.0, 15.0, 25.0]) and made["note"] == "masking detected"
    assert (
        made["command"].startswith("wordline evaluate")
        and ["victim.seed", "0"] in made["conditions"]
    )
    assert study["stabilities"][0]["bars"] == [["conv1", None], ["conv2", 20.0], ["fc", 10.0]]
    assert study["stabilities"][1]["bars"] == [
        ["relu", 0.0],
        ["relu (call 2)", -10.0],
        ["relu (call 3)", None],
    ]
    assert study["tables"][0]["rows"][0]["difference"][0] == "+1.0"
    assert study["failures"] == [["f", HOSTILE]] and len(study["unreadable"]) == 1
    assert study["chips"][0]["layers"][1]["nf_map"][0][0] > 0


def chromium() -> str:
    return (
        os.environ.get("CHROMIUM")
        or shutil.which("chromium")
        or shutil.which("chromium-browser")
        or ""
    )


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright drives the browser; not installed here"
    )
    if not chromium():
        pytest.skip("no chromium on this machine; set CHROMIUM to its path")
    quiet = [
        "--no-sandbox", "--disable-gpu", "--disable-background-networking",
        "--disable-component-update", "--disable-sync",
    ]  # fmt: skip
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=chromium(), args=quiet)
        yield opened
        opened.close()


@pytest.mark.parametrize("size", [(1280, 900), (390, 800)], ids=["screen", "phone"])
def test_in_a_browser_without_a_network(browser, written: Path, size: tuple[int, int]) -> None:
    context = browser.new_context(offline=True, viewport={"width": size[0], "height": size[1]})
    tab = context.new_page()
    said: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(written.as_uri())
    tab.wait_for_selector("html[data-ready]")
    assert (
        tab.title().startswith("</script><script>document.title=")
        and tab.locator("img").count() == 0
    )
    assert tab.evaluate("document.documentElement.scrollWidth") <= size[0]  # nothing sticks out

    rows = tab.locator("#records-table tbody tr")
    assert rows.count() == 6 and tab.locator("#count").inner_text() == "6 of 6 records"
    pill = tab.locator("fieldset[data-filter=tile] input[value='32x32']")
    pill.uncheck(force=True)
    assert rows.count() == 4 and tab.locator("#count").inner_text() == "4 of 6 records"
    assert "32x32" not in tab.locator("#curves").inner_html()
    tab.get_by_role("button", name="Choose all").click()
    assert rows.count() == 6 and pill.is_checked()

    heading = tab.locator("#records-table th", has_text="AA %")
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    assert rows.first.locator("td.num").nth(1).inner_text().startswith("70.0")
    heading.get_by_role("button").click()
    assert rows.first.locator("td.num").nth(1).inner_text().startswith("30.0")

    rows.first.get_by_role("button").click()
    detail = tab.locator("#records-table tr.detail")
    assert (
        "wordline evaluate" in detail.inner_text()
        and "victim.crossbar.wires.row_ohm" in detail.inner_text()
    )

    tab.select_option("#quantity", "AL")
    assert "Adversarial loss" in (
        tab.locator("#curves svg").first.get_attribute("aria-label") or ""
    )
    assert tab.locator(".verdict b").inner_text() == "masking detected"
    assert tab.locator("#audits .raised").count() == 1  # the failed check is read first
    tab.locator("#audits details.more > summary").click()
    assert tab.locator("#audits tr[data-status]").count() == 2
    assert tab.locator("#chips select option").count() == 4
    tab.select_option("#chips select", "0")
    assert tab.locator("#chips .maps figure").count() == 3
    assert "+1.0" in tab.locator("#tables").inner_text()
    assert (
        tab.locator("#stability svg").count() == 2 and tab.locator("[role=alert] li").count() == 1
    )
    assert said == [] and all(url.startswith(("file:", "data:")) for url in asked)
    context.close()
