"""Images of a page of targets, and of one target: as addresses that hold them, small enough."""

__all__ = [
    "Card",
    "Natural",
    "cards",
    "film",
    "image_address",
    "is_faded",
    "natural_images",
    "result_addresses",
    "thumbnails",
]

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from actsense.explorer.pictures.sets import Chosen, opened
from actsense.explorer.shelf import Shelf
from actsense.inspection import StudyResults
from actsense.store import reading

SMALL, MIDDLE, LARGE = 64, 160, 512  # pixels of a side, at most
QUALITY = 88
BESIDE = 4  # natural images on a card
Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Card:
    """The picture of a target beside the natural images that it stands for.

    Attributes:
        picture: Address of the picture.
        natural: Addresses of its best natural images, the best first.
    """

    picture: str
    natural: list[str]


@dataclass(frozen=True)
class Natural:
    """A natural image.

    Attributes:
        address: Of the image.
        row: Of the dataset.
        label: Name of its class.
        drive: How much it drives the target: standard deviations.
        weight: Of a member of a facet, else NaN.
    """

    address: str
    row: int
    label: str
    drive: float
    weight: float


def image_address(pixels: Bytes, side: int) -> str:
    """Return an address that holds an image.

    Arguments:
        pixels: (3, height, width).
        side: Of the image that is shown, pixels, at most; small ones are kept to the pixel.
    """
    image = Image.fromarray(np.moveaxis(pixels, 0, -1))
    if max(image.size) > side:
        image = image.resize((side, side), Image.Resampling.BOX)
    file = BytesIO()
    kind = "PNG" if max(image.size) <= SMALL else "JPEG"
    image.save(file, kind, **({} if kind == "PNG" else {"quality": QUALITY}))
    return f"data:image/{kind.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"


def cards(
    shelf: Shelf[StudyResults], chosen: Chosen, targets: tuple[int, ...], pictures: tuple[int, ...]
) -> list[Card]:
    """Read what the gallery shows of some targets.

    Arguments:
        shelf: The study.
        chosen: The set.
        targets: Which targets.
        pictures: The picture of each.
    """
    results = result_addresses(shelf.held, chosen, pictures)
    with reading(shelf.held.path / chosen.network / "featvis/pictures.zarr"):
        group = opened(shelf.held, chosen)
        rows = [group.best_rows(target, BESIDE) for target in targets]
    read = iter(thumbnails(shelf, np.concatenate(rows)))
    return [
        Card(picture, [next(read) for _ in own])
        for picture, own in zip(results, rows, strict=True)
    ]


def result_addresses(
    study: StudyResults, chosen: Chosen, pictures: tuple[int, ...], side: int = MIDDLE
) -> list[str]:
    """Return the addresses of results, read in one go."""
    with reading(study.path / chosen.network / "featvis/pictures.zarr"):
        pixels = opened(study, chosen).data["image"][-1][[*pictures]].to_numpy()
    return [image_address(one, side) for one in pixels]


def film(study: StudyResults, chosen: Chosen, picture: int, faded: bool) -> list[str]:
    """Return the addresses of a picture at all kept iterations.

    Arguments:
        study: The study.
        chosen: The set.
        picture: Number of the picture.
        faded: Whether pixels that were hardly worked on fade into white.
    """
    with reading(study.path / chosen.network / "featvis/pictures.zarr"):
        group = opened(study, chosen)
        frames = group.film(picture)
        if faded:
            worked = group.transparency(picture)
            frames = (worked * frames + (1 - worked) * 255).round().astype(np.uint8)
    return [image_address(one, LARGE) for one in frames]


def is_faded(study: StudyResults, chosen: Chosen, picture: int) -> bool:
    """Tell whether some pixels of a picture were worked on less than others."""
    with reading(study.path / chosen.network / "featvis/pictures.zarr"):
        return bool(opened(study, chosen).transparency(picture).min() < 1)


def natural_images(shelf: Shelf[StudyResults], chosen: Chosen, target: int) -> list[Natural]:
    """Read the members of a facet, or the strongest natural images of another target."""
    with reading(shelf.held.path / chosen.network / "featvis/pictures.zarr"):
        group = opened(shelf.held, chosen)
        best = group.best[target]
        weights = (
            group.data["member_weight"][target].to_numpy()
            if chosen.kind == "facets"
            else np.full(len(best), np.nan)
        )
        drives = group.natural[best, target]
    rows = group.rows[best]
    labels = shelf.study.images.manifest["class_name"].iloc[rows]
    addresses = thumbnails(shelf, rows, MIDDLE)
    return [
        Natural(address, int(row), str(label), float(drive), float(weight))
        for address, row, label, drive, weight in zip(
            addresses, rows, labels, drives, weights, strict=True
        )
    ]


def thumbnails(
    shelf: Shelf[StudyResults], rows: Sequence[int] | NDArray[np.int64], side: int = SMALL
) -> list[str]:
    """Return the addresses of images of the study, by row."""
    pixels = shelf.study.images.read(np.asarray(rows, np.int64))
    return [image_address(one, side) for one in pixels]
