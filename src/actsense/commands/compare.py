"""`actsense compare`: two studies, published or one's own, beside each other."""

__all__ = ["SUMMARY", "arguments", "run"]

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from actsense.texts import printable

SUMMARY = "two studies, published or one's own, beside each other"


def arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    told = "results of a study, or published value files"
    parser.add_argument("a", type=Path, metavar="A", help=told)
    parser.add_argument("b", type=Path, metavar="B", help=told)
    for name in ("network", "design"):
        parser.add_argument(f"--{name}", type=_pair, action="append", metavar="A=B",
                            help=f"only this {name} of A, and its counterpart in B")  # fmt: skip
    parser.add_argument("--layer", help="whose single units are drawn; the first by default")
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", default=Path("comparison"))


def run(chosen: Namespace) -> int:
    """Run the command; return its exit status."""
    from actsense.comparison import compare
    from actsense.comparison.files import write_comparison
    from actsense.comparison.pairing import known_layers
    from actsense.errors import choose
    from actsense.inspection import open_study

    a, b = open_study(chosen.a), open_study(chosen.b)
    if chosen.layer is not None:  # before what may take minutes
        choose("--layer", chosen.layer, known_layers(a))
    comparison = compare(
        a,
        b,
        networks=dict(chosen.network or ()),
        designs=dict(chosen.design or ()),
    )
    for line in comparison.lines:
        print(printable(line))
    for path in write_comparison(comparison, chosen.output, layer=chosen.layer):
        print(printable(str(path)))
    return 0


def _pair(text: str) -> tuple[str, str | None]:
    first, equal, second = text.partition("=")
    if not first or (equal and not second):
        raise ArgumentTypeError(f"{text!r}: write the name in A and that in B as A=B, or A alone")
    return first, second or None
