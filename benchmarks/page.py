"""Tables that a benchmark writes into a page of the documentation."""

__all__ = ["PAGE", "rewrite"]

from pathlib import Path

PAGE = Path("docs/coverage.md")


def rewrite(name: str, table: str, *, page: Path = PAGE) -> None:
    """Print a table, and put it where the page has the last one of this name.

    Arguments:
        name: Stands in the comments around it: `<!-- name -->` and `<!-- end of name -->`.
        table: Markdown.
        page: The page.

    Raises:
        ValueError: If the page does not have both comments.
    """
    print(table, flush=True)
    first, last = f"<!-- {name} -->", f"<!-- end of {name} -->"
    text = page.read_text()
    if not 0 <= text.find(first) < text.find(last):
        raise ValueError(f"{page} needs the lines {first} and {last}, one after the other.")
    before, after = text.split(first)[0], text.split(last)[1]
    page.write_text(f"{before}{first}\n{table}\n{last}{after}")
