"""`actsense shuffle`: one network on a folder of images whose patches change places."""

__all__ = ["SUMMARY", "arguments", "run"]

from argparse import ArgumentParser, Namespace
from pathlib import Path

from actsense.texts import printable

SUMMARY = "one network on a folder, patches shuffled"
NUMBERS = {"images": 1000, "repeats": 3, "image_size": 224, "batch_size": 256, "seed": 0}


def arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    parser.add_argument("folder", type=Path, help="<class>/, or train/<class>/ and val/<class>/")
    parser.add_argument("--network", required=True, help="its name in torchvision")
    parser.add_argument("--weights", default="DEFAULT", help="published ones, none, or a file")
    parser.add_argument("-k", default="1..10", help="patches along a side: 1..10 or 1,2,4,2x3")
    parser.add_argument("--modes", nargs="+", choices=("grid", "bands"), default=["grid", "bands"])
    for name, usual in NUMBERS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=usual)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("-o", "--output", type=Path, help="a folder; shuffle_NETWORK by default")


def run(chosen: Namespace) -> int:
    """Run the command; return its exit status."""
    from actsense.spatial.commands.one_network import parse_divisions, shuffle_folder

    output = chosen.output or Path(f"shuffle_{chosen.network}")
    numbers = {name: getattr(chosen, name) for name in NUMBERS}
    for path in shuffle_folder(
        chosen.folder,
        output,
        network=chosen.network,
        weights=chosen.weights,
        divisions=parse_divisions(chosen.k),
        modes=chosen.modes,
        device=chosen.device,
        **numbers,
    ):
        print(printable(str(path)))
    return 0
