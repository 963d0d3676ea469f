"""The answer of a notebook, repeated below its title."""

import nbformat
import pytest
from nbformat import NotebookNode

from actsense.job.notebook import ANSWER, _answered


def code(*texts: str, tags: tuple[str, ...] = ()) -> NotebookNode:
    cell = nbformat.v4.new_code_cell("print()", metadata={"tags": [*tags]})
    cell.outputs = [nbformat.v4.new_output("stream", text=text) for text in texts]
    return cell


def answered(*cells: NotebookNode) -> list[NotebookNode]:
    intro = [nbformat.v4.new_markdown_cell("no title"), nbformat.v4.new_markdown_cell("# What?")]
    whole = nbformat.v4.new_notebook(cells=[*intro, *cells])
    return list(_answered(whole).cells)


def test_what_the_last_cell_says_stands_below_the_title() -> None:
    picture = nbformat.v4.new_output("display_data", {"image/png": "x"})
    last = code("Hue *falls*,\n\n", "`a_b` <rises> [1].\n")
    last.outputs.append(picture)
    cells = answered(code("first"), last)
    assert [cell.cell_type for cell in cells] == ["markdown"] * 3 + ["code"] * 2
    assert cells[2].source.split("\n>\n") == [
        "> **In short**",
        "> Hue \\*falls\\*,",
        "> \\`a\\_b\\` \\<rises> \\[1\\].\n",
    ]


def test_cells_that_are_marked_are_the_answer() -> None:
    cells = answered(code("so", tags=("answer",)), code("and so", tags=("answer",)), code("not"))
    assert "> so\n>\n> and so" in cells[2].source
    assert "not" not in cells[2].source


@pytest.mark.parametrize(("count", "rest"), [(ANSWER, False), (ANSWER + 1, True)])
def test_a_long_answer_is_cut_and_says_so(count: int, rest: bool) -> None:
    source = answered(code("\n".join(f"line {k}." for k in range(count))))[2].source
    assert [f"> line {k}." in source for k in range(count)] == [True] * ANSWER + [False] * rest
    assert ("The rest is at the end." in source) == rest


def test_without_an_answer_or_a_title_nothing_is_added() -> None:
    assert len(answered(code("\n  \n"))) == 3
    assert len(answered()) == 2
    alone = nbformat.v4.new_notebook(cells=[code("so")])
    assert len(_answered(alone).cells) == 1
