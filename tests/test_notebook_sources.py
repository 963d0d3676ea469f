"""Sources of notebooks: text alone, parameters up front, results through the one interface."""

import ast
import re
from pathlib import Path

import jupytext
import pytest
from nbformat import NotebookNode

REPOSITORY = Path(__file__).parents[1]
SOURCES = sorted((REPOSITORY / "notebooks").glob("*.py"))
LIBRARIES = {"numpy", "pandas", "matplotlib", "xarray", "IPython"}
DRAWING = re.compile(r"actsense\.(drawing\.|inspection\.pictures\.|.*figures\b)")
# Reading or writing files by any other way than the interface.
FORBIDDEN = {"open", "read_csv", "open_datatree", "open_zarr", "to_csv", "savefig", "read_text"}

notebooks = pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)


def cells(path: Path, kind: str) -> list[NotebookNode]:
    return [cell for cell in jupytext.read(path).cells if cell.cell_type == kind]


def code(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def test_the_workflow_executes_every_notebook_there_is() -> None:
    rules = (REPOSITORY / "workflow/rules/notebooks.smk").read_text()
    table = rules[: rules.index("CARDS")]
    assert sorted(re.findall(r'^    "(\w+)":', table, flags=re.MULTILINE)) == [
        path.stem for path in SOURCES
    ]
    assert len(SOURCES) == 13


@notebooks
def test_a_source_is_percent_text_without_outputs_for_python3(path: Path) -> None:
    notebook = jupytext.read(path)
    described = notebook.metadata["jupytext"]["text_representation"]
    assert (described["extension"], described["format_name"]) == (".py", "percent")
    assert notebook.metadata["kernelspec"]["name"] == "python3"
    assert not any(cell.get("outputs") for cell in notebook.cells)
    assert not path.with_suffix(".ipynb").exists()


@notebooks
def test_a_notebook_opens_with_a_question_and_ends_with_an_answer(path: Path) -> None:
    notebook = jupytext.read(path)
    title = notebook.cells[0].source.splitlines()[0]
    assert title.startswith("# ")
    assert title.endswith("?")
    assert "print(" in notebook.cells[-1].source


@notebooks
def test_one_cell_holds_the_parameters_and_the_study_is_the_first(path: Path) -> None:
    tagged = [c for c in cells(path, "code") if "parameters" in c.metadata.get("tags", [])]
    assert len(tagged) == 1
    assigned = ast.parse(tagged[0].source).body
    assert all(
        isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) for node in assigned
    )
    assert ast.unparse(assigned[0]) == "study = 'results/digits'"


@notebooks
def test_results_are_read_through_the_interface_alone(path: Path) -> None:
    names: set[str] = set()
    for node in ast.walk(code(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            assert called not in FORBIDDEN, f"line {node.lineno}"
    own = {name for name in names if name.split(".")[0] not in LIBRARIES}
    assert "actsense" in own
    assert all(name == "actsense" or DRAWING.match(name) for name in own)


@notebooks
def test_cells_are_short(path: Path) -> None:
    assert max(len(cell.source.splitlines()) for cell in cells(path, "code")) <= 30
