"""Executing a notebook: from its source and parameters to a page that a browser reads."""

__all__ = ["NotebookError", "run_notebook"]

import ast
import logging
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jupytext
import nbformat
import papermill
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import DeadKernelError
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError

from actsense.errors import ConfigError, choose
from actsense.store import replacing

log = logging.getLogger(__name__)

THREAD_VARIABLES = (
    *("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"),
    *("NUMBA_NUM_THREADS", "POLARS_MAX_THREADS"),
)
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
ERROR_MARKER = "papermill-error-cell-tag"
ANSWER = 8  # lines below the title
MARKS = re.compile(r"([\\`*_<\[\]])")  # that Markdown would read
SOCKET_PATH = 80  # letters of a folder in which the name of a socket still fits
# The page loads nothing: no scripts, and what the notebook drew is inside.
PAGE = """
{%- extends 'index.html.j2' -%}
{% block html_head_js %}{% endblock %}
{% block html_head_js_mathjax %}{% endblock %}
{% block html_head_js_mermaidjs %}{% endblock %}
{% block extra_css %}
<style type="text/css">
main { max-width: 80rem; margin: 0 auto; }
.jp-RenderedHTMLCommon > p, .jp-RenderedHTMLCommon > ul { max-width: 56rem; }
.jp-OutputArea-output img { max-width: 100%; }
.jp-Cell .jp-InputPrompt, .jp-Cell .jp-OutputPrompt { display: none !important; }
details.code > summary { color: #666; cursor: pointer; font: 0.8rem sans-serif; padding: 2px; }
</style>
{% endblock %}
{% block input_group %}
<details class="code"><summary>code</summary>
{{ super() }}
</details>
{% endblock %}
{% block data_png scoped %}
<div class="jp-RenderedImage jp-OutputArea-output">
<img src="data:image/png;base64,{{ output.data['image/png'] }}"
  alt="{{ output.metadata['image/png']['alt'] | escape_html }}">
</div>
{% endblock %}
"""


class NotebookError(ConfigError):
    """A notebook that failed; the message names it, the cell, its error and where it is kept."""


def run_notebook(
    source: Path,
    executed: Path,
    page: Path,
    *,
    parameters: Mapping[str, Any],
    folder: Path,
    threads: int = 1,
) -> None:
    """Execute a notebook and write it with its outputs, as notebook and as page.

    The kernel is this Python with this very package, whatever kernels are installed; startup
    files and history of the user are left alone. A notebook that has nothing to show ends with
    `raise SystemExit("why")`: it is written up to there, with that sentence. One that fails is
    kept beside `executed` as `<name>.failed.ipynb`, with its traceback, until it succeeds.

    Arguments:
        source: The notebook in any format that jupytext reads.
        executed: The notebook to write.
        page: The self-contained HTML page to write.
        parameters: Values for names of the cell tagged `parameters`.
        folder: Working directory of the notebook.
        threads: Threads that its numerical libraries may use.

    Raises:
        NotebookError: If a cell fails.
        ConfigError: If there is no notebook, or if it has no such parameter.
    """
    logging.getLogger("papermill").setLevel(logging.WARNING)
    notebook = _read(source, parameters)
    failed = executed.with_name(f"{executed.stem}.failed.ipynb")
    with TemporaryDirectory() as scratch:
        prepared, result = Path(scratch) / "prepared.ipynb", Path(scratch) / "executed.ipynb"
        nbformat.write(notebook, prepared)
        try:
            papermill.execute_notebook(
                prepared,
                result,
                parameters=dict(parameters),
                cwd=folder,
                progress_bar=False,
                shutdown_kernel="immediate",
                kernel_manager_class=_kernel_manager(Path(scratch), threads),
            )
        except (PapermillExecutionError, DeadKernelError) as error:
            if not _ends_well(error):
                _write_notebook(_tidied(nbformat.read(result, as_version=4)), failed)
                raise NotebookError(_describe(error, source, failed)) from None
        notebook = _answered(_ended(_tidied(nbformat.read(result, as_version=4))))
    _write_notebook(notebook, executed)
    with replacing(page) as beside:
        exporter = HTMLExporter(raw_template=PAGE, embed_images=True, exclude_anchor_links=True)
        beside.write_text(exporter.from_notebook_node(notebook)[0], encoding="utf-8")
    failed.unlink(missing_ok=True)


def _read(source: Path, parameters: Mapping[str, Any]) -> NotebookNode:
    """Read a notebook, give its cells names that stay, and refuse parameters it has not."""
    if not source.is_file():
        raise ConfigError(f"{source}: no such notebook.")
    notebook: NotebookNode = jupytext.read(source)
    notebook.metadata.setdefault("kernelspec", KERNEL)
    titles = [_headings(cell) for cell in notebook.cells if cell.cell_type == "markdown"]
    notebook.metadata["title"] = next(filter(None, titles), [source.stem])[0]
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
    known = _parameter_names(notebook)
    for name in parameters:
        choose(f"{source}, parameter", name, known)
    return notebook


def _headings(cell: NotebookNode) -> list[str]:
    """Return the headings of a cell of text."""
    return [line.lstrip("# ") for line in cell.source.splitlines() if line.startswith("#")]


def _parameter_names(notebook: NotebookNode) -> list[str]:
    """Return the names assigned in the cell tagged `parameters`."""
    tagged = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    nodes = [node for cell in tagged for node in ast.walk(ast.parse(cell.source))]
    return [n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]


def _kernel_manager(scratch: Path, threads: int) -> type[AsyncKernelManager]:
    """Return what starts this Python, whatever the user's kernel of that name is."""
    package = str(Path(__file__).resolve().parents[2])
    inherited = os.environ.get("PYTHONPATH")
    environment = {
        "PYTHONPATH": os.pathsep.join(filter(None, [package, inherited])),
        "IPYTHONDIR": str(scratch / "ipython"),
        **dict.fromkeys(THREAD_VARIABLES, str(threads)),
    }
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]

    class ThisPython(AsyncKernelManager):
        # Sockets that are files nobody else may open, not ports of a machine shared with others.
        transport = "ipc" if len(str(scratch)) < SOCKET_PATH else "tcp"
        connection_file = str(scratch / "kernel.json")

        @property
        def kernel_spec(self) -> KernelSpec:
            return KernelSpec(argv=command, env=environment, language="python")

    return ThisPython


def _ends_well(error: PapermillExecutionError | DeadKernelError) -> bool:
    """Tell whether a notebook ended itself with a sentence instead of an exit status."""
    if isinstance(error, DeadKernelError) or error.ename != "SystemExit":
        return False
    return not error.evalue.lstrip("-").isdigit()


def _describe(error: PapermillExecutionError | DeadKernelError, source: Path, failed: Path) -> str:
    kept = f"It is kept with its traceback: {failed}"
    if isinstance(error, DeadKernelError):
        return f"{source}: its Python ended, killed or out of memory. {kept}"
    what = f"{error.ename}: {error.evalue}".strip()
    return f"{source} failed in its code cell {error.exec_count} with {what}\n{kept}"


def _tidied(notebook: NotebookNode) -> NotebookNode:
    """Drop what differs from run to run, scratch files and times; name the figures."""
    notebook.metadata["papermill"] = {
        "parameters": notebook.metadata.get("papermill", {}).get("parameters", {})
    }
    heading = notebook.metadata["title"]
    for number, cell in enumerate(notebook.cells):
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        cell["id"] = f"cell-{number}"
        if cell.cell_type == "markdown":
            heading = _headings(cell)[-1] if _headings(cell) else heading
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output.metadata["image/png"] = {"alt": f"Figure: {heading}"}
    return notebook


def _ended(notebook: NotebookNode) -> NotebookNode:
    """Show the sentence of a notebook that ended itself instead of a traceback."""
    cells = [c for c in notebook.cells if ERROR_MARKER not in c.metadata.get("tags", [])]
    for number, cell in enumerate(cells):
        exits = [o for o in cell.get("outputs", []) if o.get("ename") == "SystemExit"]
        if exits:
            kept = [o for o in cell.outputs if o not in exits and o.get("name") != "stderr"]
            sentence = nbformat.v4.new_output("stream", name="stdout", text=exits[0].evalue)
            cell.outputs = [*kept, sentence]
            cells = cells[: number + 1]
            log.info("Ended by itself: %s", exits[0].evalue)
            break
    notebook.cells = cells
    return notebook


def _answered(notebook: NotebookNode) -> NotebookNode:
    """Repeat below the title what cells tagged `answer` say, or the last cell."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    answers = [cell for cell in code if "answer" in cell.metadata.get("tags", [])] or code[-1:]
    said = [output.get("text", "").strip() for cell in answers for output in cell.outputs]
    first = next((k for k, cell in enumerate(notebook.cells) if _headings(cell)), None)
    if first is None or not any(said):
        return notebook
    lines = [line for text in said for line in text.splitlines() if line.strip()]
    shown = [MARKS.sub(r"\\\1", line) for line in lines[:ANSWER]]
    if len(lines) > ANSWER:
        shown.append("The rest is at the end.")
    answer = nbformat.v4.new_markdown_cell(
        ">\n".join(f"> {own}\n" for own in ["**In short**", *shown])
    )
    answer["id"] = "answer"
    notebook.cells.insert(first + 1, answer)
    return notebook


def _write_notebook(notebook: NotebookNode, path: Path) -> None:
    nbformat.validate(notebook)
    with replacing(path) as beside:
        beside.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
