"""Pages of the API reference: one a package, and what each exports, for mkdocstrings to fill."""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGES = (
    "models", "datasets", "devices", "circuits", "arrays", "mapping", "nn", "attacks",
    "evaluation", "records", "defenses", "training", "quantisation", "runs", "reports",
)  # fmt: skip


def exported(module: Path) -> list[str]:
    """Read `__all__` of a package without importing it."""
    for node in ast.parse(module.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return [str(name) for name in ast.literal_eval(node.value)]
    return []


def origins(module: Path) -> dict[str, str]:
    """Map each imported name to the module that a relative import takes it from."""
    found = {}
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level and node.module:
            found |= {alias.asname or alias.name: node.module for alias in node.names}
    return found


def title(module: Path) -> str:
    """Read the first line of a docstring."""
    return (ast.get_docstring(ast.parse(module.read_text())) or "").splitlines()[0]


def write_pages(library: Path, out: Path) -> None:
    """Write a page for each package, and an index of the names at the top level."""
    out.mkdir(parents=True)
    rows = ["| name | package | |", "|---|---|---|"]
    places = origins(library / "__init__.py")
    for name in exported(library / "__init__.py"):
        package = places[name].split(".")[0]
        rows.append(
            f"| [`wl.{name}`]({package}.md#wordline.{package}.{name}) "
            f"| [{package}]({package}.md) | {summary(library, package, name)} |"
        )
    (out / "index.md").write_text(
        "# API\n\nThe names of an ordinary job, as `import wordline as wl` has them. The rest is\n"
        "one level down: `wl.attacks`, `wl.devices` and so on; each package has a page here.\n\n"
        + "\n".join(rows) + "\n"
    )  # fmt: skip
    for package in PACKAGES:
        module = library / package / "__init__.py"
        blocks = "\n\n".join(f"::: wordline.{package}.{name}" for name in exported(module))
        (out / f"{package}.md").write_text(f"# {package}\n\n{title(module)}\n\n{blocks}\n")


def summary(library: Path, package: str, name: str) -> str:
    """Read the first line of what a package exports."""
    module = library / package / "__init__.py"
    place = origins(module).get(name, "")
    base = library / package / place.replace(".", "/")
    path = base.with_suffix(".py") if base.with_suffix(".py").exists() else base / "__init__.py"
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            return (ast.get_docstring(node) or "").splitlines()[0]
    return summary_below(path, name)


def summary_below(module: Path, name: str) -> str:
    """Follow a name that a subpackage exports in turn."""
    place = origins(module).get(name, "")
    path = module.parent / f"{place.replace('.', '/')}.py"
    if not place or not path.exists():
        return ""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            return (ast.get_docstring(node) or "").splitlines()[0]
    return ""


def navigation(pages: Path) -> str:
    """Write the part of the menu that leads to the pages of the API."""
    names = ["index", *PACKAGES]
    return "[" + ", ".join(f'"api/{n}.md"' for n in names if (pages / f"api/{n}.md").exists()) + "]"
