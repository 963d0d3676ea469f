"""Command line: `actsense describe PATH` prints any result readably in a terminal."""

__all__ = ["main"]

import argparse
import sys
from pathlib import Path

from actsense.describe import describe
from actsense.errors import ConfigError


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="actsense", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("describe", help="print a result store or file readably")
    command.add_argument("path", type=Path, help="*.zarr, *.zarr.zip, *.csv, *.json")
    try:
        print(describe(parser.parse_args(arguments).path))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:  # `actsense describe ... | head`
        sys.stderr.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
