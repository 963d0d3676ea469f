"""The site of the documentation: every page is in its menu, and every link leads somewhere."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site() -> ModuleType:
    """Return docs/assemble.py, which is a program and no part of the package."""
    spec = importlib.util.spec_from_file_location("assemble", REPOSITORY / "docs/assemble.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def repository(tmp_path: Path, site: ModuleType) -> Path:
    """Return a small repository with the pages outside docs/ and two pages inside."""
    for page in site.ELSEWHERE:
        (tmp_path / page).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / page).write_text("# A page\n")
    (tmp_path / "docs/images").mkdir(parents=True)
    (tmp_path / "docs/images/picture.png").write_bytes(b"picture")
    for name in site.BESIDE:
        (tmp_path / "docs" / name).write_text(name)
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/config.yaml").write_text("jobs: 50\n")
    (tmp_path / "docs/running.md").write_text("# Running\n\n## What `S1` says, and_why\n")
    (tmp_path / "docs/reference").mkdir()
    (tmp_path / "docs/reference/index.html").write_text("made by pdoc <!--site ../index.html-->")
    (tmp_path / "README.md").write_text(
        "# Top\n\n[r](docs/running.md#what-s1-says-and_why) ![p](docs/images/picture.png)\n"
        "[c](profiles/config.yaml) [a](https://example.org/x) [t](#top)\n"
        "```\n[kept](docs/running.md)\n```\n![a picture](docs/images/picture.png)\n"
    )
    names = ["running.md", *site.ELSEWHERE.values()]
    menu = ", ".join(f'{{ "P" = "{name}" }}' for name in [*names, "reference/index.html"])
    (tmp_path / "docs/zensical.toml").write_text(f'[project]\nnav = [{{ "All" = [{menu}] }}]\n')
    return tmp_path


def test_the_menu_shows_every_page_and_every_link_resolves(site: ModuleType) -> None:
    pages = site.page_names(REPOSITORY)
    project = site.tomllib.loads((REPOSITORY / site.MENU).read_text())["project"]
    site.check_menu(project["nav"], pages)
    assert len(pages) > 20
    brought = {*project["extra_css"], *(own["path"] for own in project["extra"]["polyfills"])}
    assert brought == {*site.BESIDE}
    linked = 0
    for page, name in pages.items():
        text, files = site.rewritten(page, REPOSITORY, pages)
        known = {str(other) for other in pages.values()}
        known |= {str(site.place(file, pages)) for file in files}
        for target in re.findall(r"\]\((?!\w+:)([^)#\s]+)", site.FENCED.sub("", text)):
            assert target in known, f"{name}: {target}"
            linked += 1
    assert linked > 50


def test_pages_come_together_and_links_follow(
    site: ModuleType, repository: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "docs/.pages"
    (folder / "old").mkdir(parents=True)
    site.assemble(repository, folder)
    assert (folder / "index.md").read_text() == (
        "# Top\n\n[r](running.md#what-s1-says-and_why) ![p](images/picture.png)\n"
        "[c](files/profiles/config.yaml) [a](https://example.org/x) [t](#top)\n"
        "```\n[kept](docs/running.md)\n```\n"
        "[![a picture](images/picture.png)](images/picture.png)\n"  # a click shows it whole
    )
    assert all((folder / name).read_text() == name for name in site.BESIDE)
    assert (folder / "images/picture.png").read_bytes() == b"picture"
    assert (folder / "files/profiles/config.yaml").read_text() == "jobs: 50\n"
    reference = (folder / "reference/index.html").read_text()
    assert reference.startswith('made by pdoc <p><a href="../index.html">')
    assert (folder / "results.md").is_file()
    assert not (folder / "old").exists()


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("docs/nowhere.md", "which is not there"),
        ("docs/running.md#nothing", "docs/running.md has no such heading"),
        ("#nothing", "README.md has no such heading"),
        ("docs/images", "which is not there"),
    ],
)
def test_a_link_that_leads_nowhere_is_named(
    site: ModuleType, repository: Path, link: str, words: str
) -> None:
    (repository / "README.md").write_text(f"# Top\n\nA [link]({link}).\n")
    with pytest.raises(site.BrokenLinkError, match=f"README.md links to {link}.*{words}"):
        site.assemble(repository, repository / "docs/.pages")


def test_a_placeholder_that_would_vanish_is_named(site: ModuleType, repository: Path) -> None:
    page = repository / "docs/running.md"
    page.write_text(
        "# Running\n\n`results/<study>`\n```\n<study>\n```\n## What `S1` says, and_why\n"
    )
    site.assemble(repository, repository / "docs/.pages")
    page.write_text(page.read_text() + "\n`a` goes to results/<study>, `b` too.\n")
    with pytest.raises(site.BrokenLinkError, match=r"running\.md: <study> vanishes"):
        site.assemble(repository, repository / "docs/.pages")


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ('{ "P" = "running.md" }', r"alone: \['running.md'\]"),
        ('{ "P" = "results.md" }, { "P" = "results.md" }', r"twice.*\['results.md'\]"),
        ('{ "P" = "results.md" }, { "P" = "gone.md" }', r"alone: \['gone.md'\]"),
    ],
)
def test_pages_and_menu_agree(site: ModuleType, repository: Path, found: str, words: str) -> None:
    """The first takes a page out, the others add one."""
    menu = repository / site.MENU
    entry = found.split(", ")[0]
    menu.write_text(menu.read_text().replace(entry, "" if found == entry else found))
    menu.write_text(menu.read_text().replace("[, ", "["))
    with pytest.raises(site.BrokenLinkError, match=words):
        site.assemble(repository, repository / "docs/.pages")


def test_every_study_that_is_ready_is_told_of() -> None:
    page = (REPOSITORY / "docs/studies.md").read_text()
    ready = {
        f"workflow/studies/{path.name}" for path in REPOSITORY.glob("workflow/studies/*.yaml")
    }
    assert len(ready) > 5
    assert set(re.findall(r"`(workflow/studies/[\w-]+\.yaml)`", page)) == ready


def test_the_image_has_what_the_workflow_reads() -> None:
    recipe = (REPOSITORY / "envs/apptainer.def").read_text()
    copied = re.findall(r"^    (\S+) /opt/actsense/(\S+)$", recipe, re.MULTILINE)
    assert {source for source, _ in copied} >= {
        *("Snakefile", "workflow", "scripts", "src", "notebooks", "profiles", "envs"),
        *("pyproject.toml", "README.md", "LICENSE"),
    }
    assert all((REPOSITORY / source).exists() and source == target for source, target in copied)
