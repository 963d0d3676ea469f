"""The pages of the documentation in one folder, as the builder of the site wants them.

Some pages lie elsewhere in the repository, where a reader of the tree expects them, and pages link
to files that are none. Here each page gets a name of its own in one folder, what it links to comes
along, and links follow. `make site` runs this, then Zensical with docs/zensical.toml.
"""

import re
import shutil
import sys
import tomllib
from collections.abc import Iterator
from os.path import relpath
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
MENU = Path("docs/zensical.toml")
# Pages outside docs/, and what they are called among the others.
ELSEWHERE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "results/README.md": "results.md",
    "notebooks/README.md": "notebooks.md",
    "src/actsense/augment/README.md": "augmentations.md",
}
# How tables look, and what the search runs in where there is no server.
BESIDE = ("site.css", "iframe-worker.js")
# Made by `make docs`, and copied where it is there. Its pages say where they lead to a site around
# them, docs/pdoc has their templates.
REFERENCE = "reference"
UPWARDS = re.compile(r"<!--site (\S+)-->")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
IMAGE = re.compile(r"^!\[([^]]*)\]\(([^)\s]+)\)", re.MULTILINE)
LINK = re.compile(r"(?<=\]\()(?!\w+:)([^)\s#]*)(#[^)\s]*)?(?=\))")
PLACEHOLDER = re.compile(r"`[^`]*`|(<[a-z][^>\n]*>)")
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)


class BrokenLinkError(Exception):
    """A link that leads nowhere, a page that no menu shows, or words that would vanish."""


def page_names(repository: Path) -> dict[Path, Path]:
    """Return the pages, relative to the repository, and their names in the folder of the site."""
    own = {path.relative_to(repository): Path(path.name) for path in repository.glob("docs/*.md")}
    return own | {Path(page): Path(name) for page, name in ELSEWHERE.items()}


def place(target: Path, pages: dict[Path, Path]) -> Path:
    """Return where a page or a file of the repository lies in the folder of the site."""
    if target in pages:
        return pages[target]
    return target.relative_to("docs") if target.parts[0] == "docs" else Path("files", target)


def anchors(text: str) -> set[str]:
    """Return what links may name of a page: its headings, as GitHub and the site write them."""
    headings = HEADING.findall(FENCED.sub("", text))
    plain = (re.sub(r"\[(.*?)\]\(.*?\)", r"\1", heading).lower() for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


def outside_fences(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the parts of a page in order, and whether each is text and no block of code."""
    end = 0
    for block in FENCED.finditer(text):
        yield text[end : block.start()], True
        yield block[0], False
        end = block.end()
    yield text[end:], True


def rewritten(page: Path, repository: Path, pages: dict[Path, Path]) -> tuple[str, set[Path]]:
    """Return a page with links as they are in the site, and the files that it links to.

    Raises:
        BrokenLinkError: If a link names a file or a heading that is not there, or if a `<name>`
            stands outside code, where browsers take it for a tag and show nothing.
    """
    files = set()

    def followed(link: re.Match[str]) -> str:
        name, anchor = link[1], link[2] or ""
        target = Path(relpath(repository / page.parent / name, repository)) if name else page
        if not (repository / target).is_file():
            raise BrokenLinkError(f"{page} links to {name}, which is not there.")
        if anchor and anchor[1:] not in anchors((repository / target).read_text()):
            raise BrokenLinkError(f"{page} links to {name}{anchor}: {target} has no such heading.")
        if target not in pages:
            files.add(target)
        return (relpath(place(target, pages), place(page, pages).parent) if name else "") + anchor

    parts = [*outside_fences((repository / page).read_text())]
    for part in (part for part, plain in parts if plain):
        if lost := next(filter(None, PLACEHOLDER.findall(part)), None):
            raise BrokenLinkError(f"{page}: {lost} vanishes outside code. Write `{lost}`.")
    text = "".join(LINK.sub(followed, part) if plain else part for part, plain in parts)
    # A picture opens as large as it is: on a telephone, nothing of a figure can be read otherwise.
    return IMAGE.sub(r"[![\1](\2)](\2)", text), files


def listed(menu: list[dict[str, str | list]]) -> Iterator[str]:
    """Yield the pages of a menu, in order."""
    for entry in menu:
        for target in entry.values():
            if isinstance(target, str):
                yield target
            else:
                yield from listed(target)


def check_menu(menu: list[dict[str, str | list]], pages: dict[Path, Path]) -> None:
    """Raise `BrokenLinkError` if a page is not in the menu, is there twice, or is no page."""
    shown = [name for name in listed(menu) if not name.startswith(REFERENCE)]
    there = {str(name) for name in pages.values()}
    if wrong := sorted(there.symmetric_difference(shown)):
        raise BrokenLinkError(f"{MENU}: in the menu or among the pages alone: {wrong}.")
    if twice := sorted({name for name in shown if shown.count(name) > 1}):
        raise BrokenLinkError(f"{MENU}: twice in the menu: {twice}.")


def assemble(repository: Path, folder: Path) -> None:
    """Write all pages, with what they link to and the reference, into a new folder.

    Raises:
        BrokenLinkError: If a link leads nowhere, or pages and menu do not agree.
    """
    pages = page_names(repository)
    check_menu(tomllib.loads((repository / MENU).read_text())["project"]["nav"], pages)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for page, name in pages.items():
        text, files = rewritten(page, repository, pages)
        (folder / name).write_text(text)
        for file in files:
            (folder / place(file, pages)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(repository / file, folder / place(file, pages))
    for name in BESIDE:
        shutil.copy(repository / "docs" / name, folder)
    if (repository / "docs" / REFERENCE).is_dir():
        shutil.copytree(repository / "docs" / REFERENCE, folder / REFERENCE)
        for page in (folder / REFERENCE).rglob("*.html"):
            back = r'<p><a href="\1">The documentation of actsense</a></p>'
            page.write_text(UPWARDS.sub(back, page.read_text()))


if __name__ == "__main__":
    try:
        assemble(REPOSITORY, REPOSITORY / "docs/.pages")
    except BrokenLinkError as error:
        sys.exit(str(error))
