"""Where the checkout is: package, scripts, notebooks and environment beside the rules."""

import sys
import tarfile
from importlib.util import find_spec
from io import BytesIO
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory

FOLDER = workflow.current_basedir

if isinstance(FOLDER, PathLike):
    HERE = Path(FOLDER).parents[1]
elif not hasattr(FOLDER, "ref"):
    sys.exit(
        f"{FOLDER}: one file by its address brings no package along. Name the repository and its tag:"
        ' snakefile: github("<owner>/<repository>", path="workflow/Snakefile", tag="<tag>"), or the path of'
        " a clone. docs/module.md says more."
    )
else:
    # Of a repository Snakemake reads rules and scripts one by one; what they import would be missing.
    # Its commit is laid down whole, once, in the working directory, which all jobs see.
    from git import Repo

    local = hasattr(FOLDER, "repo_path")
    repository = Repo(FOLDER.repo_path) if local else FOLDER.hosted_repo.repo
    commit = repository.commit(FOLDER.ref).hexsha
    HERE = Path(".snakemake/actsense/commits", commit).absolute()
    if not HERE.is_dir():
        HERE.parent.mkdir(parents=True, exist_ok=True)
        packed = BytesIO(repository.git.archive(commit, stdout_as_string=False))
        with TemporaryDirectory(dir=HERE.parent) as beside, tarfile.open(fileobj=packed) as files:
            files.extractall(Path(beside, "whole"), filter="data")
            Path(beside, "whole").rename(HERE)

RULES = HERE / "workflow/rules"

if absent := [name for name in ("numpy", "pydantic", "torch", "zarr") if not find_spec(name)]:
    sys.exit(
        f"The environment of this Snakemake ({sys.prefix}) lacks {', '.join(absent)}. Use the one that `make"
        f" .venv/complete` builds in a clone, or: {sys.executable} -m pip install {HERE}"
    )
