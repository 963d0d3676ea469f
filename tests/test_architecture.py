"""The house rules that a machine can keep."""

import ast
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
SOURCE = REPOSITORY / "src/actsense"
MODULES = sorted(SOURCE.rglob("*.py"))
SCRIPTS = sorted((REPOSITORY / "scripts").glob("*.py"))
# What lies on a floor uses what lies below it, never its neighbours.
FLOORS: tuple[set[str], ...] = (
    {"layout"},
    {"draws", "errors", "layers", "progress", "settings", "surroundings", "texts"},
    {"device", "statistics", "store", "work"},
    {"augment", "data", "drawing", "job"},
    {"networks"},
    {"attribution", "features", "sampling"},
    {"sensitivity"},
    {
        *("correlation", "recognition", "single_class", "masking"),
        *("segments", "spatial", "patterns", "featvis", "invariance"),
    },
    {"study", "inspection"},
    {"findings"},
    {"acceptance", "comparison", "planning", "explorer"},
    {"commands"},
    {"__init__", "__main__"},
)


def idea(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Return every imported name, with its module: `actsense.store.write_results`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}, line {node.lineno}: import by the full name"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def code_lines(tree: ast.Module) -> int:
    """Count the lines of statements, without docstring, comments, blank lines and imports."""
    body = tree.body[1:] if ast.get_docstring(tree) else tree.body
    body = [node for node in body if not isinstance(node, ast.Import | ast.ImportFrom)]
    return sum((node.end_lineno or node.lineno) - node.lineno + 1 for node in body)


def test_there_is_something_to_check() -> None:
    assert len(MODULES) > 30
    assert len(SCRIPTS) > 8
    assert {idea(path) for path in MODULES} == set.union(*FLOORS)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_point_downwards(path: Path) -> None:
    own = idea(path)
    used = {name.split(".")[1] for name in imports(path) if name.startswith("actsense.")}
    assert not any(name.split(".")[0] == "snakemake" for name in imports(path))
    (floor,) = (number for number, ideas in enumerate(FLOORS) if own in ideas)
    assert used - {own} <= set().union(*FLOORS[:floor])


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_modules_are_short_named_and_documented(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert len(path.read_text().splitlines()) <= 400
    assert path.stem not in {"utils", "helpers", "common", "misc", "base"}
    assert ast.get_docstring(tree)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: p.name)
def test_scripts_are_thin_and_belong_to_a_rule(path: Path) -> None:
    rules = "\n".join(p.read_text() for p in (REPOSITORY / "workflow/rules").glob("*.smk"))
    assert re.search(rf"^\s*rule {path.stem}:", rules, flags=re.MULTILINE)
    assert f'"../../scripts/{path.name}"' in rules
    tree = ast.parse(path.read_text())
    defined = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    chosen = (ast.If, ast.IfExp, ast.Match)  # a choice belongs into the package
    assert not any(isinstance(node, (*defined, *chosen)) for node in ast.walk(tree))
    assert 0 < code_lines(tree) <= 15
