"""The examples of docs/extending.md: patches that apply, and commands that run, as the page says.

Of the page's fenced blocks, `python` and `yaml` ones that begin with the name of a file are that
file, the other ones are excerpts of the section's patch, and `sh` ones are run. Every patch
applies to the tree as it is. Their commands run in one tree that gets one patch after the other,
as by somebody who follows the page from top to bottom.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pipeline import REPOSITORY

from actsense.augment import AUGMENTATIONS
from actsense.drawing.style import FACTOR_COLORS
from actsense.sampling.designs import CONTEXT, PARTS

PAGE = REPOSITORY / "docs/extending.md"
EXAMPLES = REPOSITORY / "docs/examples"
KINDS = ("dataset", "network", "factor", "analysis")
MYPY_CACHE = ".mypy_cache"  # of `make lint`, if it has been run: a first check takes a minute
# What Python and Numba keep beside sources, and take again where size and time are those of the
# source: none of it is used for a file that a patch changes.
COMPILED = (".pyc", ".nbi", ".nbc")


def section(heading: str) -> str:
    """Return the text of the page's section whose heading ends like this."""
    parts = PAGE.read_text().split("\n## ")
    (found,) = (part for part in parts[1:] if part.split("\n")[0].endswith(heading))
    return found


def blocks(heading: str) -> list[tuple[str, str]]:
    """Return language and text of the fenced blocks of a section."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", section(heading), flags=re.MULTILINE | re.DOTALL)


def file_name(text: str) -> str:
    """Return the name that a block gives itself in its first line, if it does."""
    named = re.match(r"# ([\w./]+\.\w+)\n", text)
    return named[1] if named else ""


def commands(heading: str) -> str:
    return "".join(text for language, text in blocks(heading) if language == "sh")


def patch(kind: str) -> str:
    return (EXAMPLES / f"{kind}.patch").read_text()


def touched(kind: str) -> list[str]:
    """Return the files that a patch changes or makes."""
    return re.findall(r"^\+\+\+ b/(.*)$", patch(kind), flags=re.MULTILINE)


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a copy of the tree, with its package and this environment's programs."""
    own = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(folder / "src"),
        "GIT_CEILING_DIRECTORIES": str(folder.parent),
    }
    return subprocess.run(
        command,
        cwd=folder,
        env=os.environ | own,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the working tree, uncommitted changes and all, for all patches."""
    listed = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = subprocess.check_output(listed, cwd=REPOSITORY, text=True).split("\0")
    # Jobs run below any folder.
    tree = tmp_path_factory.mktemp("it's {extending}") / "tree"
    for name in names:
        if (REPOSITORY / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, tree / name)
    for compiled in (REPOSITORY / "src").rglob("__pycache__/*"):
        if compiled.suffix in COMPILED:
            name = compiled.relative_to(REPOSITORY)
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(compiled, tree / name)
    if (REPOSITORY / MYPY_CACHE).is_dir():
        shutil.copytree(REPOSITORY / MYPY_CACHE, tree / MYPY_CACHE)
    return tree


def test_every_factor_has_a_color_of_its_own() -> None:
    assert {*AUGMENTATIONS, *CONTEXT, *PARTS} == {*FACTOR_COLORS}
    assert len({*FACTOR_COLORS.values()}) == len(FACTOR_COLORS)


def test_every_patch_has_a_section() -> None:
    assert sorted(path.stem for path in EXAMPLES.glob("*.patch")) == sorted(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_shows_the_patch_as_it_is(kind: str) -> None:
    added = [line.strip() for line in re.findall(r"^\+(?!\+\+ )(.*)$", patch(kind), re.MULTILINE)]
    excerpts = [text for language, text in blocks(kind) if language in ("python", "yaml")]
    excerpts = [text for text in excerpts if not file_name(text)]
    assert excerpts
    for text in excerpts:
        shown = [line.strip() for line in text.splitlines()]  # the page's indentation is its own
        assert "\n".join(shown) in "\n".join(added), text
    for name in touched(kind):
        assert f"`{name}`" in section(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_patch_brings_tests_that_the_page_runs(kind: str) -> None:
    brought = [name for name in touched(kind) if name.startswith("tests/")]
    assert brought
    assert all(name in commands(kind) for name in brought)


@pytest.mark.parametrize("kind", KINDS)
def test_a_patch_applies_to_the_tree_as_it_is(kind: str) -> None:
    applied = run(REPOSITORY, "git", "apply", "--check", f"docs/examples/{kind}.patch")
    assert applied.returncode == 0, (
        f"docs/examples/{kind}.patch no longer applies: docs/extending.md, at its end, says how "
        f"it is written again.\n{applied.stderr}"
    )


def test_all_targets_are_found_below_any_folder(tree: Path) -> None:
    listed = run(tree, "snakemake", "--dry-run", "all", "notebooks", "plan")
    assert listed.returncode == 0, listed.stdout + listed.stderr


def test_what_the_page_says_comes_true_from_top_to_bottom(tree: Path) -> None:
    for kind in KINDS:
        for language, text in blocks(kind):
            if language in ("python", "yaml") and (name := file_name(text)):
                (tree / name).write_text(text)
        assert f"git apply docs/examples/{kind}.patch" in commands(kind)
    for heading in (*KINDS, "Before a commit"):
        done = run(tree, "sh", "-e", "-x", "-c", commands(heading))
        assert done.returncode == 0, done.stdout + done.stderr
        for made in re.findall(r"`(results/[^`]+)`", section(heading)):
            assert (tree / made).exists(), made
