import numpy as np
import torch

from actsense.data.pixels import unit_images


def test_pixels_are_shares_of_the_brightest_one() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    found = unit_images(levels)
    assert found.dtype == torch.float32
    np.testing.assert_array_equal(found, (np.arange(256) / 255).astype("f4").reshape(levels.shape))
