"""Wheel and sdist hold what they should, and what they hold works where nothing else is."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CI = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
OPTIONAL = {"llvmlite", "ray", "pyautoattack", "timm", "transformers"}  # numba's own; extras


def test_the_citation_names_this_version() -> None:
    citation = (ROOT / "CITATION.cff").read_text()
    assert f"\nversion: {PROJECT['version']}\n" in citation
    assert f"\nlicense: {PROJECT['license']}\n" in citation


def test_public_ci_runs_targets_that_exist_on_every_python() -> None:
    targets = set(re.findall(r"make ([a-z-]+)", CI))
    makefile = (ROOT / "Makefile").read_text()
    assert {"lint", "test", "test-widths", "test-slow", "docs"} == targets
    assert all(re.search(rf"^{target}:", makefile, re.M) for target in targets)
    versions = re.search(r"python: \[(.*)\]", CI)[1].replace('"', "").split(", ")
    assert f">={versions[0]}" == PROJECT["requires-python"]
    assert versions == ["3.11", "3.12", "3.13", "3.14"]


def test_every_import_is_a_declared_dependency() -> None:
    declared = {re.split(r"[>=<\[ ]", line)[0].lower() for line in PROJECT["dependencies"]}
    owners = metadata.packages_distributions()
    used: set[str] = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                used |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                used.add(node.module.split(".")[0])
    foreign = used - sys.stdlib_module_names - {"wordline"} - OPTIONAL
    names = {owner.lower() for module in foreign for owner in owners.get(module, [module])}
    assert names <= declared
    assert declared - names <= {"pyarrow", "accelerate", "datasets"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT]
    subprocess.run(command, check=True, capture_output=True)
    return out


@pytest.mark.slow
def test_the_sdist_holds_what_a_maintainer_needs(built: Path) -> None:
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {name.split("/", 1)[-1] for name in opened.getnames()}
    assert {
        "Makefile", "requirements.lock", "requirements-docs.lock", "CITATION.cff", "LICENSE",
        "docs/site/build.py", "docs/index.md", "docs/tutorials/five_minutes.py", "docs/solver.svg",
        "tests/docs/test_packaging.py", "studies/table2.py", "examples/chip_in_foolbox.py",
        "src/wordline/py.typed",
    } <= names  # fmt: skip
    assert not [name for name in names if name.startswith(("build/", "runs/", ".venv"))]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["*.whl", "*.tar.gz"])
def test_it_works_in_a_clean_environment(built: Path, kind: str, tmp_path: Path) -> None:
    """Nothing but the package is new there: its dependencies are those of this environment."""
    (package,) = built.glob(kind)
    clean = tmp_path / "clean"
    venv.create(clean, with_pip=False)
    python = clean / "bin" / "python"
    library = sysconfig.get_path("purelib", vars={"base": str(clean), "platbase": str(clean)})
    Path(library, "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    given = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(*words: str | Path) -> str:
        done = subprocess.run(words, cwd=tmp_path, env=given, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet")
    run(*pip, "--no-deps", "--no-index", "--no-build-isolation", "--ignore-installed", package)
    assert str(clean) in run(python, "-c", "import wordline; print(wordline.__file__)")
    assert "64 word lines" in run(clean / "bin" / "wordline", "show", "rethinking-64")
    code = (
        "import wordline as wl\n"
        "net, data = wl.load_model('digits-cnn'), wl.load_dataset('digits')\n"
        "crossbar = wl.Crossbar.preset('rethinking-16', gain=wl.LeastSquaresGain())\n"
        "print(wl.models.accuracy(wl.map_model(net, crossbar), data.test.take(100)))"
    )
    assert float(run(python, "-c", code)) > 0.9
