"""What there is to do beside a run of the workflow, which is `snakemake`."""

__all__ = ["main"]

import argparse
import sys
from importlib import import_module
from importlib.metadata import version
from pkgutil import iter_modules

from actsense import commands
from actsense.errors import ConfigError
from actsense.texts import printable

COMMANDS = [
    import_module(f"{commands.__name__}.{found.name}")
    for found in iter_modules(commands.__path__)  # by alphabet
]
# A path where a folder would be is a file, or the other way round.
MISNAMED = (FileExistsError, IsADirectoryError, NotADirectoryError)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="actsense", description=__doc__)
    parser.add_argument("--version", action="version", version=f"actsense {version('actsense')}")
    listed = parser.add_subparsers(metavar="COMMAND")
    for command in COMMANDS:
        # A module cannot be called `import`.
        name = command.__name__.rpartition(".")[2].rstrip("_").replace("_", "-")
        summary = command.SUMMARY
        about = f"{summary[0].upper()}{summary[1:]}."
        own = listed.add_parser(name, help=summary, description=about)
        command.arguments(own)
        own.set_defaults(run=command.run)

    chosen = parser.parse_args(arguments)
    if "run" not in chosen:
        parser.print_help()
        return 0
    try:
        return int(chosen.run(chosen))
    except ConfigError as error:
        print(printable(str(error)), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "Interrupted: nothing is half written. The same command begins anew.", file=sys.stderr
        )
        return 130  # what a shell says of a command that Ctrl-C ended
    except BrokenPipeError:  # `actsense describe ... | head`
        sys.stderr.close()
        return 0
    except (OSError, MemoryError, RuntimeError) as error:
        from actsense.store.damage import trouble

        if limit := trouble(error):
            print(printable(str(limit)), file=sys.stderr)
        elif isinstance(error, OSError) and error.filename is not None:
            advice = " Give another name." if isinstance(error, MISNAMED) else ""
            print(printable(f"{error.filename}: {error.strerror}.{advice}"), file=sys.stderr)
        else:
            raise
        return 1


if __name__ == "__main__":
    sys.exit(main())
