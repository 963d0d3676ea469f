"""The notebooks of a finished study, executed by the workflow and read as a stranger would."""

import json
import os
import re
import runpy
import shutil
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pandas as pd
import pytest
from featvis_study import make_featvis
from nbformat import NotebookNode
from pipeline import REPOSITORY, configure, planned, snakemake
from playwright.sync_api import Page

import actsense
from actsense.errors import ConfigError
from actsense.inspection.published.export import export_hdf5
from actsense.job.notebook import NotebookError, run_notebook
from actsense.store import seal, write_tables

NAMES = sorted(path.stem for path in (REPOSITORY / "notebooks").glob("*.py"))
ANALYSES = sorted({*NAMES} - {"tour", "sensitivity_values", "single_units"})
KEPT = "results/tiny/notebooks"
each = pytest.mark.parametrize("name", NAMES)
QUESTION = """
# %% [markdown]
# # What is it?

# %% tags=["parameters"]
study = "results/digits"
end = None

# %%
import os, sys
import actsense
print(study, sys.executable, actsense.__file__, os.environ["OMP_NUM_THREADS"])
if end == "nothing":
    raise SystemExit("There is nothing to see.")
if end == "killed":
    os.kill(os.getpid(), 9)
if end:
    {}[end]

# %%
print("The answer.")
"""


def texts(notebook: NotebookNode) -> list[str]:
    """Return what the last executed cell and those before it printed."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output["text"] for output in outputs if output.get("name") == "stdout"]


def execute(folder: Path, source: Path, **parameters: str) -> NotebookNode:
    """Execute a notebook in a folder and return what was written."""
    written = folder / "notebook.ipynb"
    run_notebook(
        source, written, folder / "page.html", parameters=parameters, folder=folder, threads=3
    )
    return nbformat.read(written, as_version=4)


@pytest.fixture(scope="session")
def executed(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Execute all notebooks on the finished study; tests must not change its folder."""
    folder = tmp_path_factory.mktemp("executed") / "study"
    shutil.copytree(finished, folder, symlinks=True)
    result = snakemake(folder, "notebooks")
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Write a small notebook that ends as its parameter `end` says."""
    path = tmp_path / "question.py"
    path.write_text(QUESTION.lstrip())
    return path


@each
def test_every_notebook_answers_without_errors_or_warnings(executed: Path, name: str) -> None:
    notebook = nbformat.read(executed / KEPT / f"{name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    outputs = [output for cell in code for output in cell.outputs]
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
    shown = [o.get("data", {}) for o in outputs]
    assert any("image/png" in data or "text/html" in data for data in shown)
    # Nothing but tables, pictures and sentences: no `<Axes ...>` and the like.
    plain = [data["text/plain"] for data in shown if data and {*data} == {"text/plain"}]
    assert all(text.startswith(("<StudyResults", "<RunResults")) for text in plain), plain
    tagged = [cell for cell in code if "answer" in cell.metadata.get("tags", [])]
    answer = tagged[0].outputs[0]["text"].strip()
    assert answer
    assert notebook.cells[1].source.startswith("> **In short**")
    told = notebook.cells[1].source.replace("\\", "")
    assert all(line.strip() in told for line in answer.splitlines()[:2])


@each
def test_the_study_of_the_workflow_reaches_every_notebook(executed: Path, name: str) -> None:
    notebook = nbformat.read(executed / KEPT / f"{name}.ipynb", as_version=4)
    assert notebook.metadata["papermill"]["parameters"] == {"study": "results/tiny"}
    injected = [c for c in notebook.cells if "injected-parameters" in c.metadata.get("tags", [])]
    assert 'study = "results/tiny"' in injected[0].source
    assert notebook.metadata["kernelspec"]["name"] == "python3"
    assert str(REPOSITORY) not in json.dumps(notebook.metadata)


def test_pages_need_nothing_but_themselves(executed: Path, browser_page: Page) -> None:
    asked: list[str] = []
    browser_page.on("request", lambda request: asked.append(request.url))
    for name in NAMES:
        page, notebook = (executed / KEPT / f"{name}.{ending}" for ending in ("html", "ipynb"))
        browser_page.goto(page.as_uri())
        pictures = notebook.read_text().count('"image/png": "')
        loaded = "Array.from(document.images).map(i => i.complete && i.naturalWidth > 100)"
        assert browser_page.evaluate(loaded) == [True] * pictures
        assert pictures > 0 or name == "discriminant_analysis"  # has too few channels here
        assert browser_page.title() == browser_page.inner_text("h1")
        code = browser_page.locator("details.code")
        assert code.count() > 3
        assert not browser_page.locator("details.code[open]").count()  # folded
    kept = {url for url in asked if not url.startswith("data:")}
    assert kept == {(executed / KEPT / f"{name}.html").as_uri() for name in NAMES}


def test_executed_notebooks_are_complete_and_final(executed: Path) -> None:
    files = {path.name for path in (executed / KEPT).iterdir()}
    assert files == {f"{name}.{ending}" for name in NAMES for ending in ("html", "ipynb")}
    assert planned(snakemake(executed, "--dry-run", "notebooks")) == {}


def test_notebooks_make_what_they_read(copied: Path) -> None:
    (copied / "results/tiny/one/analysis/tables/lda.csv").unlink()
    assert planned(snakemake(copied, "--dry-run", "notebooks")) == {
        "discriminate": 1,
        "run_notebook": len(NAMES),
        "notebooks": 1,
    }


def test_a_notebook_that_fails_in_the_workflow_is_named_and_kept(copied: Path) -> None:
    table = copied / "results/tiny/one/analysis/tables/correlation_within.csv"
    table.write_text(table.read_text().replace("p_adjusted", "p_changed"))
    seal(table)
    result = snakemake(copied, f"{KEPT}/correlation.html")
    assert result.returncode != 0
    log = (copied / "results/tiny/logs/run_notebook/correlation.log").read_text()
    assert re.search(r"notebooks/correlation.py failed in its code cell \d+ with KeyError", log)
    assert "results/tiny/notebooks/correlation.failed.ipynb" in log
    assert "Traceback" not in log
    kept = nbformat.read(copied / KEPT / "correlation.failed.ipynb", as_version=4)
    errors = [o for c in kept.cells for o in c.get("outputs", []) if o.output_type == "error"]
    assert "p_adjusted" in "".join(errors[0].traceback)
    assert not (copied / KEPT / "correlation.html").exists()


def test_a_failed_notebook_stays_until_it_succeeds(tmp_path: Path, source: Path) -> None:
    failed = tmp_path / "notebook.failed.ipynb"
    with pytest.raises(NotebookError, match=r"question\.py failed in its code cell 3 with KeyErr"):
        execute(tmp_path, source, end="strange")
    assert failed.is_file()
    assert not (tmp_path / "notebook.ipynb").exists()
    with pytest.raises(NotebookError, match=r"its Python ended, killed or out of memory"):
        execute(tmp_path, source, end="killed")
    assert "The answer." in texts(execute(tmp_path, source))[-1]
    assert not failed.exists()
    assert not list(tmp_path.glob(".*"))


def test_a_notebook_with_nothing_to_show_ends_with_its_sentence(
    tmp_path: Path, source: Path
) -> None:
    notebook = execute(tmp_path, source, end="nothing")
    assert texts(notebook)[-1] == "There is nothing to see."
    assert notebook.cells[-1].outputs[-1]["text"] == "There is nothing to see."
    page = (tmp_path / "page.html").read_text()
    assert "There is nothing to see." in page
    assert "SystemExit: " not in page
    assert "Traceback" not in page


def test_the_kernel_is_this_python_with_this_package(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    another = tmp_path / "jupyter/kernels/python3"
    another.mkdir(parents=True)
    described = {"argv": ["/bin/false", "{connection_file}"], "display_name": "another"}
    (another / "kernel.json").write_text(json.dumps(described | {"language": "python"}))
    startup = tmp_path / "home/.ipython/profile_default/startup/mine.py"
    startup.parent.mkdir(parents=True)
    startup.write_text("import builtins; builtins.print = lambda *words: None")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONPATH", os.fspath(tmp_path))
    (tmp_path / "actsense").mkdir()
    (tmp_path / "actsense/__init__.py").write_text("raise ImportError('another package')")
    printed = texts(execute(tmp_path, source, study="mine"))
    assert printed[0].split() == ["mine", sys.executable, actsense.__file__, "3"]


def test_parameters_that_a_notebook_has_not_are_refused(tmp_path: Path, source: Path) -> None:
    with pytest.raises(ConfigError, match=r"question\.py, parameter: 'studdy' .*Nearest: study"):
        execute(tmp_path, source, studdy="mine")
    with pytest.raises(ConfigError, match=r"nowhere\.py: no such notebook"):
        execute(tmp_path, tmp_path / "nowhere.py")


@pytest.fixture(scope="session")
def lacking(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the notebooks find a study, by its default name, without analyses."""
    folder = tmp_path_factory.mktemp("lacking")
    run = shutil.copytree(finished / "results/tiny", folder / "results/digits") / "one"
    shutil.rmtree(run / "analysis")
    shutil.rmtree(run / "patterns")
    shutil.rmtree(run / "featvis")
    shutil.rmtree(run / "invariance")
    shutil.rmtree(folder / "results/digits/spatial/tables")
    for name in ("masking", "segments"):
        (run / f"mixed/tables/{name}.csv").unlink()
    return folder


@pytest.mark.parametrize("name", ANALYSES)
def test_what_a_study_lacks_is_said_in_a_sentence(
    lacking: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """As `SystemExit`, which ends a page with that sentence; see above."""
    monkeypatch.chdir(lacking)
    sentence = r"^No network of results/digits has .*snakemake"
    with plt.rc_context(), pytest.raises(SystemExit, match=sentence):
        runpy.run_path(str(REPOSITORY / f"notebooks/{name}.py"))


def test_what_came_of_pictures_is_in_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_featvis(tmp_path / "results/digits")
    monkeypatch.chdir(tmp_path)
    with plt.rc_context():
        runpy.run_path(str(REPOSITORY / "notebooks/feature_visualisation.py"))
    answer = capsys.readouterr().out
    assert "100 (100 to 100) % of natural images are beaten, 1.42 (1.22 to 1.64)" in answer
    assert "net with random weights, stage3.block, facets: 37.5 (29.2 to 37.5) %" in answer
    assert "units that feel the factor most: 100" in answer
    assert "pictures of random weights beat 55 % of images in net." in answer
    assert "net: 1 of 40 pictures failed." in answer
    assert "need it more: difference 50 % (40 to 60)" in answer


def test_what_discriminant_analysis_found_is_in_the_answer(copied: Path) -> None:
    factors = ["brightness", "rolling", "class"]
    cases = [
        {"layer": "stage2", "design": "mixed", "value": value, "variant": variant}
        for value in ("S1", "ST", "shapley")
        for variant in ("raw", "normalized")
    ]
    facts = {"chance": 1 / 3, "null_mean": 0.33, "null_high": 0.4, "channels": 4, "factors": 3}
    facts |= {"positions": 4, "left_out": 0, "zero_maps": 0, "dead_units": 0, "rare_units": 0}
    accuracy = [
        case
        | facts
        | {"accuracy": 0.5 + 0.1 * number, "low": 0.4, "high": 0.95}
        | {"p_value": 0.01 * number, "p_adjusted": 0.02 * number}
        for number, case in enumerate(cases)
    ]
    hits = dict(zip(factors, (0.9, 0.3, 0.6), strict=True))
    confusion = [
        {**case, "factor": made, "predicted": guess, "low": 0, "high": 1}
        | {"share": hits[made] if made == guess else (1 - hits[made]) / 2}
        for case in cases
        for made in factors
        for guess in factors
    ]
    projection = [
        {**case, "channel": channel, "factor": factor, "axis_1": channel, "axis_2": place}
        for case in cases
        for channel in range(4)
        for place, factor in enumerate(factors)
    ]
    tables = {"lda": accuracy, "lda_confusion": confusion, "lda_projection": projection}
    for name, rows in tables.items():
        path = copied / f"results/tiny/one/analysis/tables/{name}.csv"
        write_tables({name: pd.DataFrame(rows)}, {name: path})
    source = REPOSITORY / "notebooks/discriminant_analysis.py"
    answer = "".join(texts(execute(copied, source, study="results/tiny")))
    # Raw: p of 0, 0.04 and 0.08; normalized: 0.02, 0.06 and 0.1.
    assert "mixed, raw maps: above the null in 2 of 3 layers and indices" in answer
    assert "mixed, shapes alone: above the null in 1 of 3 layers and indices" in answer
    assert "Best 100 % (40 to 95) in stage2 by shapley, chance 33 %." in answer
    assert "brightness has the most distinctive shape (90 % recognized on average)" in answer
    assert "rolling the least (30 %)" in answer


def test_published_values_stand_beside_the_run(copied: Path) -> None:
    export_hdf5(actsense.open_study(copied / "results/tiny")["one", "mixed"], copied / "values")
    configure(copied, notebooks={"published": "values"})
    result = snakemake(copied, f"{KEPT}/sensitivity_values.html")
    assert result.returncode == 0, result.stdout + result.stderr
    notebook = nbformat.read(copied / KEPT / "sensitivity_values.ipynb", as_version=4)
    assert "one, mixed: " in "".join(texts(notebook))
    # The run's own values: they agree with themselves, in 3 layers, 3 indices, 2 augmentations.
    answer = "rank correlation over units 1.00 in the median of 18 combinations"
    assert answer in texts(notebook)[-1]
