"""A folder of image files as a dataset."""

__all__ = ["plan_folder"]

from dataclasses import dataclass
from pathlib import Path

from actsense.data.image_plan import ImagePlan, plan_images
from actsense.data.listing import list_images
from actsense.data.settings import ImageFolder


@dataclass(frozen=True)
class FolderSource:
    """Image files below a folder."""

    root: Path
    repair = "Replace it"

    def locate(self, file: str) -> str:
        """Return the path of a file as text."""
        return str(self.root / file)

    def open(self, file: str) -> Path:
        """Return the path of a file."""
        return self.root / file


def plan_folder(settings: ImageFolder, seed: int) -> ImagePlan:
    """Decide which files of a folder are taken.

    Arguments:
        settings: Where the folder is, and how images are cut.
        seed: Seed of the split and of the subsets.

    Raises:
        ConfigError: If a setting is wrong or a class has too few images.
    """
    root = settings.place
    return plan_images(
        list_images(root),
        FolderSource(root),
        seed,
        side=settings.image_size,
        resize=settings.resize,
        samples=settings.samples_per_class,
        fraction=settings.validation_fraction,
        skip=settings.on_unreadable == "skip",
        white=settings.white,
        max_pixels=settings.max_pixels,
    )
