"""Results as text, in a browser, or as files that others read; and patches shuffled at once."""

__all__ = ["main"]

import argparse
import sys
from pathlib import Path

from actsense.errors import ConfigError
from actsense.texts import printable

SHUFFLE = {"images": 1000, "repeats": 3, "image_size": 224, "batch_size": 256, "seed": 0}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="actsense", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    describe = commands.add_parser("describe", help="print a result store or file readably")
    describe.add_argument("path", type=Path, help="*.zarr, *.zarr.zip, *.csv, *.json")
    describe.set_defaults(run=_describe)

    explore = commands.add_parser("explore", help="open a page on results in the browser")
    explore.add_argument("path", type=Path, help="a study's folder, or that of all studies")
    explore.add_argument("--port", type=int, help="of this machine; any free one by default")
    explore.add_argument("--no-browser", action="store_true", help="only print the address")
    explore.set_defaults(run=_explore)

    export = commands.add_parser("export", help="write indices and contrasts for other programs")
    export.add_argument("path", type=Path, help="results of a network under a design")
    export.add_argument("--hdf5", type=Path, metavar="FOLDER", required=True,
                        help="write the value files of the published study")  # fmt: skip
    export.set_defaults(run=_export)

    plot = commands.add_parser("plot-shuffle", help="curves of shuffled patches in one plot")
    plot.add_argument("paths", type=Path, nargs="+", metavar="RESULTS",
                      help="studies, tables shuffle_curves.csv, or folders of such")  # fmt: skip
    plot.add_argument("--metric", choices=("top1", "relative"), default="top1")
    plot.add_argument("-o", "--output", type=Path, default=Path("shuffle.png"))
    plot.set_defaults(run=_plot_shuffle)

    shuffle = commands.add_parser("shuffle", help="one network on a folder, patches shuffled")
    shuffle.add_argument("folder", type=Path, help="<class>/, or train/<class>/ and val/<class>/")
    shuffle.add_argument("--network", required=True, help="its name in torchvision")
    shuffle.add_argument("--weights", default="DEFAULT", help="published ones, none, or a file")
    shuffle.add_argument("-k", default="1..10", help="patches along a side: 1..10 or 1,2,4")
    shuffle.add_argument(
        "--modes", nargs="+", choices=("grid", "bands"), default=["grid", "bands"]
    )
    for name, usual in SHUFFLE.items():
        shuffle.add_argument(f"--{name.replace('_', '-')}", type=int, default=usual)
    shuffle.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    shuffle.add_argument("-o", "--output", type=Path, help="a folder; shuffle_NETWORK by default")
    shuffle.set_defaults(run=_shuffle)

    chosen = parser.parse_args(arguments)
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
            print(limit, file=sys.stderr)
            return 1
        raise


# Each imports what it needs: an explorer that is not installed must not keep results from view.


def _describe(chosen: argparse.Namespace) -> int:
    from actsense.inspection.describe import describe

    print(printable(describe(chosen.path)))
    return 0


def _explore(chosen: argparse.Namespace) -> int:
    from actsense.explorer import explore

    return explore(chosen.path, port=chosen.port, open_browser=not chosen.no_browser)


def _export(chosen: argparse.Namespace) -> int:
    from actsense.inspection import open_study
    from actsense.inspection.published.export import export_hdf5

    path = chosen.path.resolve()
    run = open_study(path.parents[1])[path.parent.name, path.name]
    for path in export_hdf5(run, chosen.hdf5):
        print(path)
    return 0


def _plot_shuffle(chosen: argparse.Namespace) -> int:
    from actsense.spatial.commands.curves import plot_curves

    names = plot_curves(chosen.paths, chosen.output, metric=chosen.metric)
    print(printable(f"{chosen.output}: {', '.join(names)}"))
    return 0


def _shuffle(chosen: argparse.Namespace) -> int:
    from actsense.spatial.commands.one_network import parse_divisions, shuffle_folder

    output = chosen.output or Path(f"shuffle_{chosen.network}")
    numbers = {name: getattr(chosen, name) for name in SHUFFLE}
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


if __name__ == "__main__":
    sys.exit(main())
