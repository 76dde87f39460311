"""The rules of CONTRIBUTING.md that a program can check."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import wordline

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "src" / "wordline"
MODULES = sorted(LIBRARY.rglob("*.py"))
MAY_PRINT = {"cli.py", "commands", "reports"}
MAY_SET = {"cli.py", "commands"}  # a command is a process of its own
MAY_SET_FOR_A_WHILE = {"runs/threads.py"}  # and puts back what was set before
SEEDS = {"manual_seed", "manual_seed_all", "seed", "set_rng_state"}
RANDOM_STATES = {
    "torch",
    "torch.random",
    "torch.default_generator",
    "torch.cuda",
    "np.random",
    "random",
}
DEFAULTS = {"set_default_dtype", "set_num_threads", "use_deterministic_algorithms", "basicConfig"}
DEFAULTS |= {"filterwarnings", "simplefilter"}

every_module = pytest.mark.parametrize(
    "path", MODULES, ids=lambda path: str(path.relative_to(LIBRARY))
)


def test_imports_run_one_way() -> None:
    code = "import sys; from importlinter.cli import lint_imports_command as run; sys.exit(run())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@every_module
def test_a_file_holds_one_idea_and_says_which(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) <= 300
    if lines and path.name != "__init__.py":
        assert ast.get_docstring(ast.parse(path.read_text()))


@every_module
def test_the_library_neither_talks_nor_asserts_nor_seeds(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert not any(isinstance(node, ast.Assert) for node in ast.walk(tree)), (
        "raise with a message instead of assert"
    )
    top = path.relative_to(LIBRARY).parts[0]
    for call, forked in _calls(tree):
        name = _dotted(call.func)
        owner, _, last = name.rpartition(".")
        where = f"{path.name}:{call.lineno}: {name}"
        assert name != "print" or top in MAY_PRINT, f"{where}: the library stays silent"
        seeds = last in SEEDS and owner in RANDOM_STATES
        assert not seeds or forked, f"{where}: pass a generator, or fork the state around it"
        may_set = top in MAY_SET or path.relative_to(LIBRARY).as_posix() in MAY_SET_FOR_A_WHILE
        assert last not in DEFAULTS or forked or may_set, (
            f"{where} changes what the whole process does"
        )
        assert name not in {"eval", "exec", "pickle.load", "pickle.loads"}, (
            f"{where} runs what a file says"
        )
        if name == "torch.load":
            assert any(
                k.arg == "weights_only" and ast.unparse(k.value) == "True" for k in call.keywords
            ), where


def _calls(node: ast.AST, forked: bool = False) -> Iterator[tuple[ast.Call, bool]]:
    """Every call below `node`, and whether it stands in a block that puts the global state back."""
    if isinstance(node, ast.With):
        restored = ("fork_rng", "catch_warnings")
        forked = forked or any(
            word in ast.unparse(item.context_expr) for item in node.items for word in restored
        )
    if isinstance(node, ast.Call):
        yield node, forked
    for child in ast.iter_child_nodes(node):
        yield from _calls(child, forked)


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def test_every_public_name_is_explained() -> None:
    for name in getattr(wordline, "__all__", ()):
        thing = getattr(wordline, name)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            text = inspect.getdoc(thing) or ""
            # a dataclass without a docstring gets its signature as one
            assert text and not text.startswith(f"{name}("), f"wordline.{name} has no docstring"


def test_the_oracles_are_independent() -> None:
    for path in (ROOT / "tests" / "oracles").rglob("*.py"):
        assert "wordline.circuits" not in path.read_text(), path


def test_tests_mirror_the_library() -> None:
    packages = {path.parent.relative_to(LIBRARY) for path in MODULES if path.name != "__init__.py"}
    missing = [str(p) for p in packages if not list((ROOT / "tests" / p).glob("test_*.py"))]
    assert not missing


@pytest.mark.slow
def test_the_wheel_is_pure_python_and_holds_the_weights(tmp_path: Path) -> None:
    build = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(tmp_path),
        str(ROOT),
    ]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.endswith("-py3-none-any.whl")
    assert wheel.stat().st_size < 12_000_000
    names = zipfile.ZipFile(wheel).namelist()
    weights = "wordline/models/weights/digits-cnn-digits.safetensors"
    digits = "wordline/datasets/embedded/digits.npz"
    assert {"wordline/py.typed", weights, digits} <= set(names)
    surrogates = ("puma-32x32-100k", "puma-64x64-100k", "puma-64x64-300k")
    weights = "wordline/arrays/surrogate/weights"
    assert {f"{weights}/{name}.safetensors" for name in surrogates} <= set(names)
    assert not [
        name for name in names if name.endswith((".so", ".pyc", ".nbc", ".nbi", ".parquet"))
    ]


QUESTION = re.compile(r"(What|Who|Whose|Whom|Which|Where|Whether|How|When|Why)\b")
PLACES = ("src", "tests", "studies", "benchmarks", "examples")
SOURCES = sorted(path for place in PLACES for path in (ROOT / place).rglob("*.py"))


@every_module
def test_docstrings_state_and_functions_take_few_arguments(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
            name = getattr(node, "name", path.name)
            text = ast.get_docstring(node) or ""
            assert not QUESTION.match(text), (
                f"{name}: begin with a verb or a noun, not {text[:30]!r}"
            )
        if isinstance(node, ast.FunctionDef):
            positional = [*node.args.posonlyargs, *node.args.args]
            taken = len(positional) - (
                positional[:1] != [] and positional[0].arg in {"self", "cls"}
            )
            assert taken <= 8, (
                f"{node.name} takes {taken} positional arguments; name them or group them"
            )


def test_lines_have_at_most_100_columns() -> None:
    files = [*SOURCES, *LIBRARY.rglob("*.js"), *LIBRARY.rglob("*.css"), *LIBRARY.rglob("*.html")]
    for path in files:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            assert len(line) <= 100, f"{path.relative_to(ROOT)}:{number} has {len(line)} columns"


def test_the_reading_order_is_that_of_the_imports() -> None:
    spec = importlib.util.spec_from_file_location(
        "reading_order", ROOT / "docs" / "reading_order.py"
    )
    order = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(order)
    modules = order.reading_order()
    for place, module in enumerate(modules):
        assert order.imports(module, set(modules)) <= set(modules[:place]), module
    total = sum(len(order.path_of(module).read_text().splitlines()) for module in modules)
    assert total <= order.LIMIT, f"the core has {total} lines"
    assert (ROOT / "docs" / "reading-order.md").read_text() == order.page(), (
        "run docs/reading_order.py"
    )


def test_the_top_level_holds_the_names_of_an_ordinary_job() -> None:
    assert 40 <= len(wordline.__all__) <= 60
    assert set(wordline.__all__) <= set(dir(wordline))
    assert (
        wordline.TRADES is wordline.defenses.TRADES
    )  # what a package exports is found from the top
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = wordline.Nothing
