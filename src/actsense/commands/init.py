"""`actsense init`: a first study of a network on a folder of photographs, as a file."""

__all__ = ["SUMMARY", "arguments", "run"]

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from actsense.errors import ConfigError

SUMMARY = "write a study of your photographs that ends in half an hour"
LEAST = 16  # pixels of a side, as in the configuration


def arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    parser.add_argument("folder", type=Path, help="<class>/, or train/<class>/ and val/<class>/")
    parser.add_argument("--network", required=True, help="its name in torchvision or timm")
    parser.add_argument(
        "--weights", help="published ones (the default), packaged, none, or a file"
    )
    parser.add_argument("--minutes", type=float, default=30, help="how long it may take; 30")
    parser.add_argument("--cores", type=int, default=2, help="that it will run on; 2")
    parser.add_argument("--image-size", type=int, help="pixels; what the weights were made for")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("-o", "--output", type=Path, default=Path("study.yaml"))
    parser.add_argument("--force", action="store_true", help="write over a file")


def run(chosen: Namespace) -> int:
    """Run the command; return its exit status."""
    _check(chosen)

    from actsense.device.choice import set_threads, use_device
    from actsense.networks.zoo.named import find_model, published_size
    from actsense.planning.first_study import first_study
    from actsense.planning.study_text import configuration_text, told
    from actsense.store import replacing
    from actsense.texts import printable

    name, network = find_model(chosen.network, chosen.weights)
    set_threads(1)  # as every job of the workflow
    device = use_device(chosen.device)
    planned = first_study(
        chosen.folder,
        name,
        network,
        device,
        image_size=chosen.image_size or published_size(name, network),
        minutes=chosen.minutes,
        cores=chosen.cores,
    )
    with replacing(chosen.output) as beside:
        beside.write_text(configuration_text(planned), encoding="utf-8")
    print(printable(told(planned, str(chosen.output))))
    return 0


def _check(chosen: Any) -> None:
    """Refuse what can be known to be wrong before anything is measured."""
    for key in ("minutes", "cores"):
        if not getattr(chosen, key) > 0:
            raise ConfigError(f"--{key}: {getattr(chosen, key):g} is not above 0.")
    if chosen.image_size is not None and chosen.image_size < LEAST:
        raise ConfigError(f"--image-size: {chosen.image_size} is less than {LEAST} pixels.")
    output: Path = chosen.output
    if output.is_dir() or (output.exists() and not chosen.force):
        what = "a folder" if output.is_dir() else "it is there already"
        advice = "." if output.is_dir() else ", or --force to write over it."
        raise ConfigError(f"{output}: {what}. Give another file with -o{advice}")
