"""Build the site: copy the pages, run the tutorials, list the API, and let Zensical write HTML.

    make docs                                      all of it, into build/site
    python docs/site/build.py --without-tutorials  pages alone; tutorials appear as their source

The pages stand in docs/ as the code host shows them, and so do their links. What a link leads to
outside docs/ is copied beside the pages: Markdown as a page, a program as a page that shows it.
Tutorials are run again only when they, or wordline, have changed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import api
import percent

ROOT = Path(__file__).parents[2]
DOCS, TUTORIALS = ROOT / "docs", ROOT / "docs" / "tutorials"
BUILD = ROOT / "build"
LINK = re.compile(r"(\]\()([^)#\s]+)(#[^)\s]*)?(\))")
FENCE = re.compile(r"^```.*?^```$", re.M | re.S)


def main() -> None:
    """Stage everything in build/docs and build the site from it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--without-tutorials", action="store_true")
    parser.add_argument("--python", default=sys.executable, help="the one that has wordline")
    parser.add_argument("--out", type=Path, default=BUILD, help="folder of docs and site")
    given = parser.parse_args()
    stage = given.out.resolve() / "docs"
    shutil.rmtree(stage, ignore_errors=True)
    pages = stage / "docs"
    run_tutorials(pages / "tutorials", given.python, run=not given.without_tutorials)
    copy_pages(pages)
    api.write_pages(ROOT / "src" / "wordline", pages / "api")
    config = (DOCS / "site" / "zensical.toml").read_text()
    config = config.replace('{ "API" = [] }', f'{{ "API" = {api.navigation(pages)} }}')
    for path in ("src", "docs/site/doctests.py"):
        config = config.replace(f'"{path}"', f'"{ROOT / path}"')
    if (DOCS / "certificate.md").exists():
        config = config.replace('"audit.md"] }', '"audit.md", "certificate.md"] }')
    (stage / "zensical.toml").write_text(config)
    require_every_page(pages, tomllib.loads(config)["project"]["nav"])
    tool = Path(sys.executable).with_name("zensical")
    subprocess.run([tool, "build", "--strict", "--clean"], cwd=stage, check=True)
    site = stage.with_name("site")
    shutil.rmtree(site, ignore_errors=True)
    shutil.move(stage / "site", site)
    print("open", site / "index.html")


def run_tutorials(out: Path, python: str, *, run: bool) -> None:
    """Put the executed tutorials into `out`, from the cache where nothing has changed."""
    sources = sorted(TUTORIALS.glob("*.py"))
    library = [*sorted((ROOT / "src").rglob("*.py")), DOCS / "site" / "percent.py"]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in library))
    out.mkdir(parents=True)
    for source in sources:
        if not run:
            write_unrun(source, out)
            continue
        key = digest.copy()
        key.update(source.read_bytes())
        cached = BUILD / "tutorials" / key.hexdigest()[:16]
        if not (cached / f"{source.stem}.md").exists():
            print("running", source.name, flush=True)
            command = [python, Path(percent.__file__), source, cached]
            subprocess.run(command, check=True, env=os.environ | {"MPLBACKEND": "Agg"})
        for path in cached.iterdir():
            shutil.copy(path, out)


def write_unrun(source: Path, out: Path) -> None:
    """Write a tutorial as text and code, without outputs."""
    texts = [
        cell.text if cell.kind == "markdown" else f"```python\n{cell.text}\n```"
        for cell in percent.cells(source.read_text())
    ]
    (out / f"{source.stem}.md").write_text("\n\n".join(texts) + "\n")


def copy_pages(pages: Path) -> None:
    """Copy docs/ with its pictures, and all that its pages link to."""
    waiting = [path for path in DOCS.rglob("*.md") if path.parent.name != "site"]
    waiting += [*DOCS.rglob("*.css"), *DOCS.rglob("*.svg"), *DOCS.rglob("*.png")]
    seen = set(waiting)
    while waiting:
        source = waiting.pop()
        target = pages / staged(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix == ".md":
            text, linked = with_staged_links(source)
            target.write_text(text)
            waiting += sorted(linked - seen)
            seen |= linked
        elif source.suffix == ".py":
            name = source.relative_to(ROOT).as_posix()
            target.write_text(f"# {name}\n\n```python\n{source.read_text()}```\n")
        else:
            shutil.copy(source, target)


def staged(source: Path) -> Path:
    """Locate a file below the folder of pages: docs/ is its root, the rest goes to `files/`."""
    if source.is_relative_to(DOCS):
        place = source.relative_to(DOCS)
    else:
        place = Path("files") / source.relative_to(ROOT)
    return place.with_suffix(".md") if source.suffix == ".py" else place


def with_staged_links(source: Path) -> tuple[str, set[Path]]:
    """Return the text of a page with its links as they are once staged, and what they lead to."""
    linked: set[Path] = set()
    here = staged(source).parent

    def replaced(match: re.Match[str]) -> str:
        start, target, anchor, end = match.groups()
        if "://" in target or target.startswith("mailto:"):
            return match[0]
        path = (source.parent / target).resolve()
        if path.is_dir():
            path = path / "README.md"
        if path.parent == TUTORIALS and path.suffix in {".md", ".py"} and path.stem != "index":
            place = Path("tutorials") / f"{path.stem}.md"
        else:
            linked.add(path)
            place = staged(path)
        return f"{start}{os.path.relpath(place, here)}{anchor or ''}{end}"

    text = source.read_text()
    kept: list[str] = []
    held = FENCE.sub(lambda fence: kept.append(fence[0]) or f"\0{len(kept) - 1}\0", text)
    held = LINK.sub(replaced, held)
    return re.sub(r"\0(\d+)\0", lambda mark: unlinked(kept[int(mark[1])]), held), linked


def unlinked(fence: str) -> str:
    """Return a fenced block as it is; a Mermaid diagram, whose script is elsewhere, as a list."""
    if not fence.startswith("```mermaid"):
        return fence
    arrows: dict[str, list[str]] = {}
    for upper, lower in re.findall(r"(\w+) --> (\w+)", fence):
        arrows.setdefault(upper, []).append(f"`{lower}`")
    rows = [f"| `{upper}` | {', '.join(lower)} |" for upper, lower in arrows.items()]
    return "\n".join(["| package | imports |", "|---|---|", *rows])


def require_every_page(pages: Path, nav: list[object]) -> None:
    """Refuse pages of docs/ itself to which no menu leads."""
    listed = set(re.findall(r"'([^']+\.md)'", str(nav)))
    missing = {path.name for path in pages.glob("*.md")} - listed
    if missing:
        raise SystemExit(f"add {sorted(missing)} to the `nav` of docs/site/zensical.toml")


if __name__ == "__main__":
    main()
