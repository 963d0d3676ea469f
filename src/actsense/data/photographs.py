"""Colour photographs that are installed with this package, inside others."""

__all__ = ["PHOTOGRAPHS", "photograph"]

from importlib.resources import files

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from actsense.errors import ConfigError

# Natural colour photographs in the wheels of scikit-image and scikit-learn (package, file).
PHOTOGRAPHS = {
    "astronaut": ("skimage.data", "astronaut.png"),
    "chelsea": ("skimage.data", "chelsea.png"),
    "china": ("sklearn.datasets.images", "china.jpg"),
    "coffee": ("skimage.data", "coffee.png"),
    "flower": ("sklearn.datasets.images", "flower.jpg"),
    "hubble_deep_field": ("skimage.data", "hubble_deep_field.jpg"),
    "immunohistochemistry": ("skimage.data", "ihc.png"),
    "motorcycle": ("skimage.data", "motorcycle_left.png"),
    "retina": ("skimage.data", "retina.jpg"),
    "rocket": ("skimage.data", "rocket.jpg"),
}


def photograph(name: str) -> NDArray[np.uint8]:
    """Read one of the bundled photographs as (height, width, 3).

    Raises:
        ConfigError: If the installed package lacks the file; nothing is ever downloaded.
    """
    package, file = PHOTOGRAPHS[name]
    try:
        with files(package).joinpath(file).open("rb") as stream, Image.open(stream) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, ModuleNotFoundError) as error:
        raise ConfigError(
            f"the photograph {file!r} is missing from the installed package {package} "
            f"({error}). Reinstall the environment."
        ) from error
