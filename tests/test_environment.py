"""One environment, described three times: the names, the lock and the conda file agree."""

import re
import tomllib
from importlib.metadata import requires, version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

REPOSITORY = Path(__file__).parents[1]
LOCK = (REPOSITORY / "envs/requirements.txt").read_text()
SITE = (REPOSITORY / "envs/site.txt").read_text()


def locked(lock: str = LOCK) -> dict[str, list[Requirement]]:
    """Return the entries of a lock; a package may have one per Python version."""
    entries: dict[str, list[Requirement]] = {}
    for line in re.findall(r"^(?![#\s])(.+?)\s*\\?$", lock, flags=re.MULTILINE):
        requirement = Requirement(line)
        entries.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return entries


def pinned(name: str, python: str) -> str:
    """Return the version that the lock gives a package on one Python version."""
    environment = {"python_version": python, "python_full_version": f"{python}.9"}
    for requirement in locked()[canonicalize_name(name)]:
        if requirement.marker is None or requirement.marker.evaluate(environment):
            return next(iter(requirement.specifier)).version
    raise AssertionError(f"{name} is not locked for Python {python}")


def wanted() -> list[Requirement]:
    lines = (REPOSITORY / "envs/requirements.in").read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def test_every_name_is_locked_at_a_version_it_allows() -> None:
    assert len(wanted()) > 20
    for requirement in wanted():
        for python in ("3.11", "3.12", "3.13"):
            found = pinned(requirement.name, python)
            assert requirement.specifier.contains(Version(found), prereleases=True)


@pytest.mark.parametrize(("lock", "least"), [(LOCK, 100), (SITE, 8)], ids=["all", "site"])
def test_every_entry_has_hashes_and_no_address(lock: str, least: int) -> None:
    entries = re.split(r"\n(?=\S)", lock.strip())
    assert len(entries) > least
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in lock
    assert "--index" not in lock
    assert "://" not in (REPOSITORY / "envs/requirements.in").read_text()
    assert "://" not in (REPOSITORY / "envs/site.in").read_text()


def test_the_site_is_built_with_what_its_extra_says_and_no_second_version() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert (REPOSITORY / "envs/site.in").read_text().splitlines()[1:] == [
        *project["optional-dependencies"]["site"]
    ]
    ours, theirs = locked(), locked(SITE)
    assert "zensical" in theirs
    shared = sorted(theirs.keys() & ours.keys())
    assert len(shared) > 2
    for name in shared:
        assert {str(r.specifier) for r in theirs[name]} == {str(r.specifier) for r in ours[name]}


def test_the_conda_file_has_the_locked_versions() -> None:
    described = yaml.safe_load((REPOSITORY / "envs/actsense.yaml").read_text())
    python = next(d for d in described["dependencies"] if str(d).startswith("python="))
    assert python == "python=3.11"
    (packages,) = (d["pip"] for d in described["dependencies"] if isinstance(d, dict))
    names = {Requirement(package).name for package in packages}
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    needed = {Requirement(package).name for package in project["dependencies"]}
    assert needed | {"snakemake", "snakemake-executor-plugin-slurm"} <= names
    for package in packages:
        requirement = Requirement(package)
        assert str(requirement.specifier) == f"=={pinned(requirement.name, '3.11')}"


def test_the_package_needs_nothing_that_is_not_listed() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    listed = {canonicalize_name(requirement.name): requirement for requirement in wanted()}
    assert len(project["dependencies"]) > 10
    for needed in map(Requirement, project["dependencies"]):
        assert needed.specifier == listed[canonicalize_name(needed.name)].specifier, needed.name


def test_the_build_backend_is_locked() -> None:
    """The package is built without isolation: nothing outside the lock is fetched for it."""
    build = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["build-system"]
    assert build["requires"]
    for requirement in map(Requirement, build["requires"]):
        for python in ("3.11", "3.12", "3.13"):
            assert requirement.specifier.contains(Version(pinned(requirement.name, python)))


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_torch_and_torchvision_are_the_matching_pair(python: str) -> None:
    """Torchvision's wheel names the one version of torch that it was built against."""
    needs = [Requirement(text) for text in requires("torchvision") or []]
    torch = next(requirement for requirement in needs if requirement.name == "torch")
    assert pinned("torchvision", python) == version("torchvision").partition("+")[0]
    assert torch.specifier.contains(pinned("torch", python))
