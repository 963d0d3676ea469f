"""Every command that the documentation shows is run: here, or where this module says.

Here Snakemake only says what it would do, in the finished study: that the rules do it is what that
study shows.
"""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pipeline import REPOSITORY, planned, snakemake

PAGES = [
    REPOSITORY / "README.md",
    REPOSITORY / "CONTRIBUTING.md",
    REPOSITORY / "notebooks/README.md",
    *sorted((REPOSITORY / "docs").glob("*.md")),
]
PROGRAMS = ("make", "snakemake", "actsense")
IMPORT = "tests/inspection/published/test_conversion.py"
SHUFFLE = "tests/spatial/commands/test_shuffle_commands.py"
# Commands that another test or CI runs: where, and the words to be found there.
ELSEWHERE = {
    "make demo": (".ci/run", "make demo"),
    "make demo TORCH=cpu": ("tests/test_installation.py", 'install(folder, "cpu")'),
    "make photographs": ("tests/workflow/test_photographs.py", "studies/photographs.yaml"),
    "make report": (".ci/run", "make report"),
    "make notebooks": (".ci/run", "make notebooks"),
    "make test": (".ci/run", "make test"),
    "make lint": (".ci/run", "make lint"),
    "make docs": (".ci/run", "make docs"),
    "make site": (".ci/run", "make docs site"),
    "make test-slurm": (".ci/run", "make test-slurm"),
    "make explore": ("tests/workflow/test_explorer.py", "explore"),
    "actsense explore results/digits": ("tests/workflow/test_explorer.py", "explore"),
    "actsense explore results": ("tests/workflow/test_explorer.py", "explore"),
    "actsense shuffle FOLDER --network resnet18 -k 1..10": (SHUFFLE, 'main(["shuffle"'),
    "actsense plot-shuffle results/mine results/other shuffle_resnet18 -o shuffle.png": (
        *(SHUFFLE, 'main(["plot-shuffle"'),
    ),
    "actsense init photographs --network resnet18": (
        *("tests/planning/test_first_study.py", 'main(["init"'),
    ),
    "actsense run study.yaml plan": ("tests/commands/test_run.py", "snakemake_call"),
    "actsense run study.yaml": ("tests/commands/test_run.py", "snakemake_call"),
    "make check-install": (".ci/run", "make check-install"),
    "actsense check results/published": (
        *("tests/acceptance/test_published_accuracies.py", 'main(["check"'),
    ),
    "actsense design config.yaml --network small --design colour -o rows.csv": (
        *("tests/study/test_designed.py", 'main(["design"'),
    ),
    "actsense compare results/mine archive/results -o comparison": (
        *("tests/comparison/test_comparison_figures.py", 'main(["compare"'),
    ),
    "snakemake spatial --cores 2 --configfile workflow/studies/cifar.yaml": (
        *("tests/workflow/test_configuration.py", "workflow/studies"),
    ),
    "actsense import archive results/theirs": (IMPORT, 'main(["import"'),
    "snakemake figures correlation lda masking single_class segments --cores 2 --configfile "
    "results/theirs/study.yaml": (IMPORT, "OF_VALUES"),
    "make bench": ("tests/test_benchmarks.py", "benchmarks"),
    "make slurm-profile": ("tests/workflow/test_profiles.py", "slurm-profile"),
    "snakemake --profile slurm": ("tests/slurm/test_cluster.py", "slurm"),
    "snakemake --profile slurm -n": ("tests/slurm/test_cluster.py", "slurm"),
    "snakemake ...": ("tests/workflow/test_crashes.py", "--unlock"),
    "snakemake --unlock": ("tests/workflow/test_crashes.py", "--unlock"),
    "snakemake plan": ("tests/workflow/test_planned.py", 'snakemake(tmp_path, "plan")'),
    "snakemake notebooks": ("tests/workflow/test_notebooks.py", 'snakemake(folder, "notebooks")'),
}
# The demo's names, and those of the tiny study that stands in for it here; other studies that are
# planned, and another folder that is written.
STANDING_IN = {
    "results/digits": "results/tiny",
    "small/colour": "one/mixed",
    "plan --cores 2 --configfile animals.yaml": "plan --cores 2 --configfile my.yaml",
    "workflow/studies/published.yaml": "my.yaml",
    "--hdf5 exported": "--hdf5 published",
}


def blocks(page: Path) -> list[tuple[str, str]]:
    """Return kind and text of every fenced block."""
    fenced = page.read_text().split("```")[1::2]
    return [(kind, text) for kind, _, text in (block.partition("\n") for block in fenced)]


def commands(page: Path) -> list[str]:
    lines = "".join(text for kind, text in blocks(page) if kind == "").splitlines()
    stripped = (line.partition(" #")[0].strip().removeprefix("$ ") for line in lines)
    plain = (line.replace(".venv/bin/", "") for line in stripped)
    return [line for line in plain if line.split(maxsplit=1)[:1] and line.split()[0] in PROGRAMS]


def stood_in(command: str) -> str:
    """Return a command as it is run here; `-n` once or twice says the same."""
    for name, other in STANDING_IN.items():
        command = command.replace(name, other)
    return command.replace(" -n", "") if command.startswith("snakemake") else command


SHOWN = [command for page in PAGES if page.is_file() for command in commands(page)]
OWN = sorted({stood_in(command) for command in SHOWN if command not in ELSEWHERE})


def test_the_documentation_shows_commands() -> None:
    assert len(SHOWN) > 25
    assert len(OWN) > 8


@pytest.mark.parametrize("command", [c for c in dict.fromkeys(SHOWN) if c in ELSEWHERE])
def test_commands_that_are_not_run_here_are_run_elsewhere(command: str) -> None:
    place, words = ELSEWHERE[command]
    assert words in (REPOSITORY / place).read_text()


@pytest.fixture(scope="module")
def folder(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the finished study, with what the commands name beside it."""
    study = tmp_path_factory.mktemp("commands") / "study"
    shutil.copytree(finished, study, symlinks=True)
    shutil.copy(study / "config.yaml", study / "my.yaml")
    shown = [text for kind, text in blocks(REPOSITORY / "docs/running.md") if kind == "yaml"]
    (example,) = (text for text in shown if text.startswith("study: animals"))
    (study / "animals.yaml").write_text(example)
    (study / "my_module.py").write_text(
        "from torch import nn\n\n\ndef build():\n"
        "    layers = {'conv1': nn.Conv2d(3, 4, 3), 'pool': nn.AdaptiveAvgPool2d(1),\n"
        "              'flat': nn.Flatten(), 'logits': nn.Linear(4, 2)}\n"
        "    network = nn.Sequential()\n"
        "    for name, layer in layers.items():\n        network.add_module(name, layer)\n"
        "    return network\n"
    )
    (study / "my_weights.pt").touch()
    rng = np.random.default_rng(0)
    for kind in ("cat", "dog"):
        (study / "photographs" / kind).mkdir(parents=True)
        for number in range(100):  # as many as the example wants
            pixels = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(study / f"photographs/{kind}/{number}.jpg")
    return study


@pytest.mark.parametrize("command", OWN)
def test_commands_of_the_documentation_run(folder: Path, command: str) -> None:
    program, *arguments = shlex.split(command)
    if program == "snakemake":
        jobs = planned(snakemake(folder, "--dry-run", *arguments))
        forced = (
            {*arguments[arguments.index("--forcerun") + 1 :]} if "--forcerun" in command else {}
        )
        assert {*forced} <= {*jobs}
        return
    run = [Path(sys.executable).with_name(program), *arguments]
    result = subprocess.run(
        run, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
