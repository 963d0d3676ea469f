"""`actsense find`: which units of all layers feel a factor most."""

__all__ = ["SUMMARY", "arguments", "run"]

from argparse import ArgumentParser, Namespace
from pathlib import Path

from actsense.texts import printable

SUMMARY = "units or channels of all layers that feel a factor most"


def arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    parser.add_argument("path", type=Path, help="the folder of a study")
    parser.add_argument("--factor", required=True, help="such as hue")
    parser.add_argument("--top", type=int, default=20, help="how many rows; 20 by default")
    parser.add_argument("--by", choices=("shapley", "S1", "ST"), default="shapley",
                        help="the index; the Shapley effect by default")  # fmt: skip
    parser.add_argument("--level", choices=("unit", "channel"), default="unit",
                        help="single units (the default), or channels as wholes")  # fmt: skip
    for name in ("network", "design", "layer"):
        parser.add_argument(f"--{name}", action="append", default=[], help="all by default")
    parser.add_argument("-o", "--output", type=Path, help="write a table *.csv instead")


def run(chosen: Namespace) -> int:
    """Run the command; return its exit status."""
    from actsense.inspection import open_study
    from actsense.inspection.search import find_strongest
    from actsense.store.tables import write_parts

    table = find_strongest(
        open_study(chosen.path),
        chosen.factor,
        index=chosen.by,
        level=chosen.level,
        top=chosen.top,
        networks=chosen.network,
        designs=chosen.design,
        layers=chosen.layer,
    )
    if chosen.output:
        write_parts([table], chosen.output)
        print(printable(f"{chosen.output}: {len(table)} rows"))
        return 0
    shown = table.astype(object).where(table.notna(), "")
    print(printable(shown.to_string(index=False, float_format="{:.3g}".format)))
    print("Ranked by the lower bound of the interval; dead and rare units are left out.")
    return 0
