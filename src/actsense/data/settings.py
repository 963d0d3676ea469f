"""Where the images come from: one section per kind of dataset."""

__all__ = [
    "MAX_PIXELS",
    "Cifar10",
    "Dataset",
    "Digits",
    "ImageFolder",
    "ImageNet",
    "PhotographCrops",
    "Photographs",
    "Places365",
    "PublishedImages",
    "SamplesPerClass",
    "read_dataset",
]

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, TypeAdapter

from actsense.settings import Integer, List, Number, Section


class SamplesPerClass(Section):
    """Images per class and partition."""

    train: Integer = Field(ge=1, description="Images per class.")
    validation: Integer = Field(ge=1, description="Images per class.")


MAX_PIXELS = 178_956_970  # half a gigabyte in memory, where Pillow's own limit is
SIDE = 224
SHORTER_SIDE = 256  # that images of 224 pixels are usually cut out of
SAMPLES = SamplesPerClass(train=732, validation=50)

ImageSize = Annotated[
    Integer,
    Field(ge=16, description="Side of the square that is cropped from the centre, pixels."),
]


def _usual_share(given: dict[str, Any]) -> int:
    return round(int(given["image_size"]) * SHORTER_SIDE / SIDE)


Resize = Annotated[
    Integer,
    Field(
        default_factory=_usual_share,
        ge=16,
        description="Length of the shorter side before cropping, pixels; left out, it is "
        "`image_size * 256 / 224`, so that every size shows as much of a photograph.",
    ),
]
Samples = Annotated[
    SamplesPerClass | None,
    Field(
        description="Images per class and partition, or empty for all of them. 732 and 50 are the "
        "most that every class of ImageNet has."
    ),
]
OnUnreadable = Annotated[
    Literal["stop", "skip"], Field(description="What to do with an image that cannot be read.")
]
MaxPixels = Annotated[
    Integer,
    Field(
        ge=1,
        description="Pixels of the largest file that is let in; scans may need more, and three "
        "bytes of memory for each.",
        exclude_if=lambda pixels: pixels == MAX_PIXELS,
    ),
]
White = Annotated[
    Annotated[Number, Field(gt=0)] | None,
    Field(
        description="The value of white in grey files of more than 8 bits, such as 4095 for 12 "
        "bits; empty for 65535, or 1 where values are floating-point numbers.",
        exclude_if=lambda white: white is None,
    ),
]


DIGITS = 1797  # of scikit-learn


class Digits(Section):
    """Handwritten digits blended with photographs."""

    kind: Literal["digits"] = "digits"
    image_size: Integer = Field(
        default=32, ge=16, le=256, description="Side of the images, pixels."
    )
    validation_fraction: Number = Field(
        default=0.25, gt=0, lt=1, description="Share of the digits kept for validation."
    )
    patches_per_digit: Integer = Field(
        default=8,
        ge=1,
        description="Blends of every train digit with different crops of photographs.",
    )
    photographs: Literal["apart", "shared"] = Field(
        default="apart",
        description="`apart`, every photograph is behind digits of one partition alone; `shared`, "
        "all are behind digits of both, in crops drawn by chance, so that networks can learn "
        "which one it is.",
        exclude_if=lambda photographs: photographs == "apart",
    )


class PhotographCrops(Section):
    """Crops of seven photographs that are installed with the package."""

    kind: Literal["photographs"] = "photographs"
    image_size: Integer = Field(
        default=160, ge=16, le=256, description="Side of the images, pixels."
    )
    samples_per_class: SamplesPerClass = Field(
        default=SamplesPerClass(train=40, validation=20),
        description="Crops of every photograph, which is a class, per partition.",
    )


class ImageFolder(Section):
    """An image folder, one subfolder per class."""

    kind: Literal["folder"] = "folder"
    path: str = Field(
        description="The folder; it holds `<class>/` or `train/<class>/` and `val/<class>/`, in "
        "small or capital letters."
    )
    image_size: ImageSize = SIDE
    resize: Resize
    samples_per_class: SamplesPerClass | None = Field(
        default=None, description="Images per class and partition, or empty for all of them."
    )
    validation_fraction: Number = Field(
        default=0.2,
        gt=0,
        lt=1,
        description="Share of every class kept for validation where there is no val folder.",
    )
    on_unreadable: OnUnreadable = "stop"
    max_pixels: MaxPixels = MAX_PIXELS
    white: White = None

    @property
    def place(self) -> Path:
        """The folder that the originals are in."""
        return Path(self.path).expanduser()


class DownloadedPhotographs(Section):
    """Photographs in archives that are downloaded; what their sets have in common."""

    kind: str
    folder: str
    image_size: ImageSize = SIDE
    resize: Resize
    samples_per_class: Samples = SAMPLES
    on_unreadable: OnUnreadable = "stop"
    max_pixels: MaxPixels = MAX_PIXELS
    white: White = None

    @property
    def place(self) -> Path:
        """The folder that the originals are in."""
        return Path(self.folder).expanduser()


class ImageNet(DownloadedPhotographs):
    """ILSVRC 2012, downloaded from Kaggle."""

    kind: Literal["imagenet"] = "imagenet"
    folder: str = Field(
        default="data/imagenet",
        min_length=1,
        description="Where the archive is kept; downloaded there if it is missing (168 GB).",
    )


class Places365(DownloadedPhotographs):
    """The standard set at 256x256 pixels, downloaded."""

    kind: Literal["places365"] = "places365"
    folder: str = Field(
        default="data/places365",
        min_length=1,
        description="Where the archives are kept; downloaded there if they are missing (25 GB).",
    )


CIFAR_SAMPLES = SamplesPerClass(train=5000, validation=1000)  # all of them
CIFAR_ADDRESS = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"


class Cifar10(Section):
    """CIFAR-10, downloaded; images as they are."""

    kind: Literal["cifar10"] = "cifar10"
    folder: str = Field(
        default="data/cifar10",
        min_length=1,
        description="Where the archive is kept; downloaded there if it is missing (170 MB).",
    )
    address: str = Field(
        default=CIFAR_ADDRESS,
        min_length=1,
        description="Where the archive is downloaded from, another server perhaps; whatever it "
        "sends must have the checksum of the published file.",
        exclude_if=lambda address: address == CIFAR_ADDRESS,
    )
    image_size: Literal[32] = Field(
        default=32, description="Side of the images, pixels: nothing is resized."
    )
    samples_per_class: SamplesPerClass | None = Field(
        default=CIFAR_SAMPLES,
        description="Images per class and partition; 5000 and 1000 are all of them.",
    )

    @property
    def place(self) -> Path:
        """The folder that the originals are in."""
        return Path(self.folder).expanduser()

    @property
    def resize(self) -> int:
        """Length of the shorter side, pixels: as it is."""
        return self.image_size

    @property
    def on_unreadable(self) -> str:
        """There are no files of images that could be: an archive is whole, or of no use."""
        return "stop"


class PublishedImages(Section):
    """Images behind published values that `actsense import` turned into results; none are here."""

    kind: Literal["published"] = "published"
    images: List[str] = Field(
        default=(), description="What they are called in the names of the value files."
    )
    image_size: ImageSize = SIDE
    samples_per_class: ClassVar[None] = None


Photographs = ImageFolder | ImageNet | Places365 | Cifar10
Dataset = Annotated[
    Digits | PhotographCrops | Photographs | PublishedImages,
    Field(
        discriminator="kind",
        description="Where the images come from; its `kind` decides which keys it takes.",
    ),
]


def read_dataset(plain: Mapping[str, Any]) -> Dataset:
    """Return the settings of a dataset from plain values, as `Section.plain` gives them."""
    return TypeAdapter[Dataset](Dataset).validate_python(plain)


def most_by_partition(dataset: Dataset, classes: int) -> tuple[int, int] | None:
    """Return how many train and validation images there are at most, or None as `most_images`.

    Arguments are those of `most_images`.
    """
    if isinstance(dataset, Digits):
        # Every class rounds up once.
        validation = int(DIGITS * dataset.validation_fraction) + classes
        return DIGITS * dataset.patches_per_digit, validation
    wanted = dataset.samples_per_class
    return (classes * wanted.train, classes * wanted.validation) if wanted else None


def most_images(dataset: Dataset, classes: int) -> int | None:
    """Return how many images a dataset has at most, or None where only files tell.

    Arguments:
        dataset: Its settings.
        classes: Number of its classes.
    """
    if isinstance(dataset, Digits):
        return DIGITS * dataset.patches_per_digit
    wanted = dataset.samples_per_class
    return classes * (wanted.train + wanted.validation) if wanted else None
