"""Every operation against torchvision, one image at a time."""

import zlib
from collections.abc import Callable
from itertools import product
from math import ceil, log

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from scipy.signal import correlate
from skimage.data import astronaut, chelsea, coffee
from sklearn.datasets import load_sample_images
from torch import Tensor
from torch.nn import functional
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as peer

from actsense.augment import AUGMENTATIONS, LARGEST_DIVISION
from actsense.draws.counter import counter_keys, counter_permutations

SIZES = [(32, 32), (40, 57), (61, 36)]


def noise(batch: int, height: int, width: int, *, seed: int = 0) -> Tensor:
    """Images of independent uniform pixels: the hardest for any interpolation."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, 3, height, width, generator=generator)


def draw(name: str, batch: int, height: int, width: int, *, seed: int = 1) -> Tensor:
    """Parameters from their ranges; the first image has all low, the second all high ends."""
    ranges = AUGMENTATIONS[name].parameters(height, width)
    generator = torch.Generator().manual_seed(seed)
    u = torch.rand(batch, len(ranges), generator=generator)
    u[0], u[1] = 0, 1
    drawn = [torch.from_numpy(p.at(v.numpy())).float() for p, v in zip(ranges, u.T, strict=True)]
    return torch.stack(drawn, dim=1) if drawn else u


def sharpness_const(image: Tensor, value: list[float]) -> Tensor:
    return peer.adjust_sharpness(image, 1.5)


def gaussian_blur(image: Tensor, value: list[float]) -> Tensor:
    return peer.gaussian_blur(image, [7, 7], value)


def rolling(image: Tensor, value: list[float]) -> Tensor:
    return image.roll([round(value[0]), round(value[1])], dims=[1, 2])


def erasing(image: Tensor, value: list[float]) -> Tensor:
    row, column, scale, log_ratio = value
    area = scale * image[0].numel()
    height = round((area * torch.tensor(log_ratio).exp().item()) ** 0.5)
    width = round((area / torch.tensor(log_ratio).exp().item()) ** 0.5)
    top, left = round(row) - height // 2, round(column) - width // 2
    bottom, right = top + height, left + width
    top, left = max(top, 0), max(left, 0)
    return peer.erase(image, top, left, bottom - top, right - left, torch.zeros(1))


def rotation(image: Tensor, value: list[float]) -> Tensor:
    """Repeat the border first: torchvision shows black outside of the image."""
    height, width = image.shape[1:]
    angle = torch.tensor(value[0], dtype=torch.float64).deg2rad().abs()
    zoom = angle.cos() + max(height / width, width / height) * angle.sin()
    framed = functional.pad(image[None], [1, 1, 1, 1], mode="replicate")[0]
    turned = peer.affine(
        framed,
        angle=-value[0],  # clockwise there
        translate=[0, 0],
        scale=zoom.item(),
        shear=[0, 0],
        interpolation=InterpolationMode.BILINEAR,
    )
    return turned[:, 1:-1, 1:-1]


def elliptic_local_blur(image: Tensor, value: list[float]) -> Tensor:
    """Blur the whole image, then choose every pixel by its place in the complex plane."""
    first, second, right, down, angle = value
    height, width = image.shape[1:]
    sigma = max(3 / 224 * min(height, width), 1)
    blurred = peer.gaussian_blur(image, [2 * ceil(3 * sigma) + 1] * 2, [sigma])
    x = torch.arange(width, dtype=torch.float64) - (width - 1) / 2 - right
    y = (height - 1) / 2 + down - torch.arange(height, dtype=torch.float64)  # upwards
    place = torch.complex(*torch.meshgrid(x, y, indexing="xy"))
    turn = torch.tensor(angle, dtype=torch.float64).deg2rad()
    place = place * torch.polar(torch.ones_like(turn), -turn)
    inside = torch.complex(place.real / first, place.imag / second).abs() <= 1
    return torch.where(inside, blurred, image)


def cells_and_order(name: str, image: Tensor, divisions: float, seed: float) -> tuple[int, Tensor]:
    """Cells per side of one image, and the order of its cells that the seed stands for."""
    k = min(int(divisions), *image.shape[1:], LARGEST_DIVISION)
    keys = counter_keys(zlib.crc32(name.encode()), [torch.tensor([int(seed)])])
    return k, counter_permutations(keys, k * k)[0]


def patch_shuffle(image: Tensor, value: list[float]) -> Tensor:
    """Crop the cells and paste them, one by one."""
    k, order = cells_and_order("patch_shuffle", image, *value)
    height, width = image.shape[1] // k, image.shape[2] // k
    tops, lefts = (
        [(side - k * cell) // 2 + i * cell for i in range(k)]
        for side, cell in zip(image.shape[1:], (height, width), strict=True)
    )
    corners, result = list(product(tops, lefts)), image.clone()
    for (top, left), source in zip(corners, order.tolist(), strict=True):
        cell = peer.crop(image, *corners[source], height, width)
        result[:, top : top + height, left : left + width] = cell
    return result


def patch_mask(image: Tensor, value: list[float]) -> Tensor:
    """Erase the cells, one by one, with the mean."""
    k, order = cells_and_order("patch_mask", image, value[0], value[2])
    hidden = order[: max(1, round(value[1] * k * k))].tolist()
    down, across = (torch.arange(side).tensor_split(k) for side in image.shape[1:])
    mean, result = image.mean(dim=(1, 2), keepdim=True), image
    for rows, columns in (list(product(down, across))[cell] for cell in hidden):
        corner = int(rows[0]), int(columns[0])
        result = peer.erase(result, *corner, len(rows), len(columns), mean)
    return result


PEERS: dict[str, Callable[[Tensor, list[float]], Tensor]] = {
    "erasing": erasing,
    "sharpness_const": sharpness_const,
    "rolling": rolling,
    "grayscaling": lambda image, value: peer.rgb_to_grayscale(image, 3),
    "gaussian_blur": gaussian_blur,
    "brightness": lambda image, value: peer.adjust_brightness(image, value[0]),
    "contrast": lambda image, value: peer.adjust_contrast(image, value[0]),
    "saturation": lambda image, value: peer.adjust_saturation(image, value[0]),
    "hue": lambda image, value: peer.adjust_hue(image, value[0]),
    "hflip": lambda image, value: peer.horizontal_flip(image),
    "rotation": rotation,
    "elliptic_local_blur": elliptic_local_blur,
    "patch_shuffle": patch_shuffle,
    "patch_mask": patch_mask,
}

# Coordinates of float32 are known to 1e-5 pixels; a noise image changes by up to 1 per pixel.
TOLERANCE = {"rotation": 1e-5}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_operation_equals_torchvision_image_by_image(name: str, size: tuple[int, int]) -> None:
    images, values = noise(24, *size), draw(name, 24, *size)

    ours = AUGMENTATIONS[name].apply(images, values)

    peers = [PEERS[name](x, v.tolist()) for x, v in zip(images, values, strict=True)]
    torch.testing.assert_close(ours, torch.stack(peers), rtol=0, atol=TOLERANCE.get(name, 2e-6))


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_operation_equals_torchvision_at_the_published_size(name: str) -> None:
    images, values = noise(3, 224, 224), draw(name, 3, 224, 224)

    ours = AUGMENTATIONS[name].apply(images, values)

    peers = [PEERS[name](x, v.tolist()) for x, v in zip(images, values, strict=True)]
    tolerance = {"rotation": 1e-4}.get(name, 2e-6)
    torch.testing.assert_close(ours, torch.stack(peers), rtol=0, atol=tolerance)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 2), (3, 5), (7, 4), (32, 20)])
@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_result_is_an_image_of_the_same_size(name: str, size: tuple[int, int]) -> None:
    images, values = noise(16, *size), draw(name, 16, *size)
    images[3], images[4] = 0, 1

    result = AUGMENTATIONS[name].apply(images, values)

    assert result.shape == images.shape
    assert result.dtype == torch.float32
    assert (result >= 0).all()
    assert (result <= 1).all()


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (3, 3)])
@pytest.mark.parametrize("name", ["gaussian_blur", "elliptic_local_blur"])
def test_blur_continues_a_small_image_by_repeated_mirroring(
    name: str, size: tuple[int, int]
) -> None:
    """Where torch refuses the frame, NumPy's reflecting one is the oracle."""
    image, value = noise(1, *size), draw(name, 2, *size)[1:]
    sigma, radius = value[0, 0].item(), 3
    inside = torch.ones(size, dtype=torch.bool)
    if name == "elliptic_local_blur":
        value = torch.tensor([[1e-3, 1e-3, 0.0, 0.0, 0.0]])  # the center alone
        sigma, radius = 1, 3
        row, column = (torch.arange(n) - (n - 1) / 2 for n in size)
        inside = (row[:, None] == 0) & (column == 0)
    frame = np.pad(image[0].numpy(), [(0, 0), (radius, radius), (radius, radius)], "reflect")
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    blurred = correlate(frame, np.multiply.outer(taps, taps)[None] / taps.sum() ** 2, "valid")

    result = AUGMENTATIONS[name].apply(image, value)[0]

    expected = torch.where(inside, torch.from_numpy(blurred).float(), image[0])
    torch.testing.assert_close(result, expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_input_stays_as_it_is(name: str) -> None:
    images, values = noise(4, 20, 30), draw(name, 4, 20, 30)
    before, values_before = images.clone(), values.clone()

    result = AUGMENTATIONS[name].apply(images, values)
    result.zero_()

    assert torch.equal(images, before)
    assert torch.equal(values, values_before)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_memory_layout_of_the_input_does_not_matter(name: str) -> None:
    images, values = noise(4, 20, 30), draw(name, 4, 20, 30)
    apply = AUGMENTATIONS[name].apply

    striped = apply(images.contiguous(memory_format=torch.channels_last), values)

    torch.testing.assert_close(striped, apply(images, values), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "identity"),
    [
        ("erasing", [10.0, 10.0, 0.0, 0.0]),
        ("rolling", [0.0, 0.0]),
        ("gaussian_blur", [0.1]),
        ("brightness", [1.0]),
        ("contrast", [1.0]),
        ("saturation", [1.0]),
        ("hue", [0.0]),
        ("hue", [1.0]),
        ("rotation", [0.0]),
        ("patch_shuffle", [1.0, 123456.0]),
    ],
)
def test_identity_parameters_return_the_image(name: str, identity: list[float]) -> None:
    images = noise(2, 24, 33)

    result = AUGMENTATIONS[name].apply(images, torch.tensor([identity, identity]))

    # The interpolation weights of a rotation by zero are exact to 1e-6 of a pixel.
    torch.testing.assert_close(result, images, rtol=0, atol=1e-5)


def test_flipping_twice_returns_the_image() -> None:
    images, nothing = noise(3, 9, 14), torch.empty(3, 0)
    flip = AUGMENTATIONS["hflip"].apply

    assert torch.equal(flip(flip(images, nothing), nothing), images)


def test_rolling_back_returns_the_image() -> None:
    images, shifts = noise(20, 30, 41), draw("rolling", 20, 30, 41)
    roll = AUGMENTATIONS["rolling"].apply

    assert torch.equal(roll(roll(images, shifts), -shifts), images)


def test_hues_add_up() -> None:
    images = noise(8, 16, 16)
    first, second = draw("hue", 8, 1, 1, seed=2), draw("hue", 8, 1, 1, seed=3)
    turn = AUGMENTATIONS["hue"].apply

    torch.testing.assert_close(
        turn(turn(images, first), second), turn(images, first + second), rtol=0, atol=1e-5
    )


def test_hue_keeps_the_largest_and_smallest_channel() -> None:
    images = noise(8, 16, 16)

    result = AUGMENTATIONS["hue"].apply(images, draw("hue", 8, 16, 16))

    torch.testing.assert_close(result.amax(dim=1), images.amax(dim=1), rtol=0, atol=1e-6)
    torch.testing.assert_close(result.amin(dim=1), images.amin(dim=1), rtol=0, atol=1e-6)


def test_hue_leaves_gray_images_alone() -> None:
    gray = noise(6, 16, 16)[:, :1].repeat(1, 3, 1, 1)

    result = AUGMENTATIONS["hue"].apply(gray, draw("hue", 6, 16, 16))

    torch.testing.assert_close(result, gray, rtol=0, atol=1e-7)


# The gray weights of torchvision sum to 0.9999, hence 1e-4 in the next laws on gray.


def test_saturation_leaves_gray_images_alone() -> None:
    gray = noise(6, 16, 16)[:, :1].repeat(1, 3, 1, 1)

    result = AUGMENTATIONS["saturation"].apply(gray, draw("saturation", 6, 16, 16))

    torch.testing.assert_close(result, gray, rtol=0, atol=3e-4)


def test_graying_twice_is_graying_once() -> None:
    images, nothing = noise(3, 16, 16), torch.empty(3, 0)
    gray = AUGMENTATIONS["grayscaling"].apply
    once = gray(images, nothing)

    torch.testing.assert_close(gray(once, nothing), once, rtol=0, atol=1.1e-4)


def test_contrast_keeps_the_mean_gray_of_unclipped_images() -> None:
    images = 0.45 + 0.1 * noise(6, 16, 16)
    weights = torch.tensor([0.2989, 0.587, 0.114])

    result = AUGMENTATIONS["contrast"].apply(images, draw("contrast", 6, 16, 16))

    mean, kept = ((x.mean(dim=(2, 3)) * weights).sum(dim=1) for x in (images, result))
    torch.testing.assert_close(kept, mean, rtol=0, atol=2e-4)


def test_brightness_factors_multiply_while_nothing_is_clipped() -> None:
    images = 0.3 * noise(6, 16, 16)
    first, second = torch.full((6, 1), 1.6), torch.full((6, 1), 0.4)
    brighten = AUGMENTATIONS["brightness"].apply

    torch.testing.assert_close(
        brighten(brighten(images, first), second), brighten(images, first * second)
    )


def test_erased_area_is_the_part_of_the_rectangle_inside_the_image() -> None:
    height, width = 50, 80
    values = draw("erasing", 200, height, width)

    result = AUGMENTATIONS["erasing"].apply(torch.ones(200, 3, height, width), values)

    expected, clipped = [], 0
    for row, column, scale, log_ratio in values.double().tolist():
        sides = [
            (height * width * scale * 2.718281828459045**s) ** 0.5 for s in (log_ratio, -log_ratio)
        ]
        lengths = []
        for center, side, length in zip((row, column), sides, (height, width), strict=True):
            start = round(center) - round(side) // 2
            lengths.append(min(start + round(side), length) - max(start, 0))
            clipped += lengths[-1] < round(side)
        expected.append(lengths[0] * lengths[1])
    assert clipped > 20  # the law is about the border, too
    assert (result == 0).sum(dim=(1, 2, 3)).tolist() == [3 * area for area in expected]


@pytest.mark.parametrize("size", [(32, 32), (224, 224), (40, 90), (90, 40)])
def test_rotation_shows_nothing_from_outside_the_image(size: tuple[int, int]) -> None:
    angles = torch.linspace(-180, 180, 73)[:, None]

    result = AUGMENTATIONS["rotation"].apply(
        torch.ones(1, 3, *size).expand(73, -1, -1, -1), angles
    )

    torch.testing.assert_close(result, torch.ones_like(result), rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [(64, 64), (40, 90), (90, 40)])
def test_rotation_reaches_the_border_of_the_image(size: tuple[int, int]) -> None:
    """The crop is the largest one: some corner samples the outermost half pixel."""
    height, width = size
    x = torch.linspace(-1, 1, width).expand(1, 1, height, width)
    y = torch.linspace(-1, 1, height)[:, None].expand(1, 1, height, width)
    edge = torch.maximum(x.abs(), y.abs()).expand(9, 3, -1, -1)
    angles = torch.linspace(-10, 10, 9)[:, None]

    result = AUGMENTATIONS["rotation"].apply(edge, angles)

    assert (result.amax(dim=(1, 2, 3)) > 1 - 2 / min(size)).all()


def test_rotation_turns_counter_clockwise() -> None:
    image = torch.zeros(1, 3, 41, 41)
    image[..., 20, 30] = 1  # to the right of the center

    result = AUGMENTATIONS["rotation"].apply(image, torch.tensor([[90.0]]))

    assert result[0, 0, 10, 20] > 0.99  # above the center


def test_ellipse_keeps_every_pixel_outside_to_the_bit() -> None:
    size = (60, 75)
    images, values = noise(12, *size), draw("elliptic_local_blur", 12, *size)
    values[:, :2] = values[:, :1]  # circles

    result = AUGMENTATIONS["elliptic_local_blur"].apply(images, values)

    row = torch.arange(60)[:, None] - 29.5 - values[:, 3, None, None]
    column = torch.arange(75) - 37 - values[:, 2, None, None]
    outside = (row**2 + column**2 > values[:, 0, None, None] ** 2 + 1e-3)[:, None]
    assert torch.equal(result * outside, images * outside)
    assert ((result != images) & ~outside).sum() > 100


@pytest.mark.parametrize("size", [(64, 64), (40, 57)])
def test_ellipse_may_reach_over_the_border(size: tuple[int, int]) -> None:
    height, width = size
    values = draw("elliptic_local_blur", 4, *size)
    values[:, 2:4] = torch.tensor([[1, 0], [-1, 0], [0, 1], [0, -1]]) * 0.48
    values[:, 2:4] *= torch.tensor([width, height])
    images = noise(4, *size)

    result = AUGMENTATIONS["elliptic_local_blur"].apply(images, values)

    peers = [elliptic_local_blur(x, v.tolist()) for x, v in zip(images, values, strict=True)]
    torch.testing.assert_close(result, torch.stack(peers), rtol=0, atol=2e-6)


@pytest.mark.parametrize("size", [(16, 16), (32, 32), (224, 224), (40, 57)])
def test_ranges_scale_with_the_image(size: tuple[int, int]) -> None:
    height, width = size
    ranges = {
        name: {p.name: tuple(p.at([0, 1])) for p in augmentation.parameters(height, width)}
        for name, augmentation in AUGMENTATIONS.items()
    }
    roll, slide = 44 / 224, 32 / 224
    shortest, longest = max(min(size) * 10 / 224, 2), max(min(size) * 32 / 224, 4)
    expected = {
        "erasing": {
            "center_row": (height / 5, height - height / 5),
            "center_column": (width / 5, width - width / 5),
            "scale": (0.02, 0.33),
            "log_ratio": (log(0.3), log(3.3)),
        },
        "sharpness_const": {},
        "rolling": {
            "rows": (-roll * height, roll * height),
            "columns": (-roll * width, roll * width),
        },
        "grayscaling": {},
        "gaussian_blur": {"sigma": (0.1, 2.0)},
        "brightness": {"factor": (0.1, 2.5)},
        "contrast": {"factor": (0.01, 3.5)},
        "saturation": {"factor": (0.01, 3.5)},
        "hue": {"shift": (-0.5, 0.5)},
        "hflip": {},
        "rotation": {"angle": (-10.0, 10.0)},
        "elliptic_local_blur": {
            "semi_axis_1": (shortest, longest),
            "semi_axis_2": (shortest, longest),
            "shift_columns": (-slide * width, slide * width),
            "shift_rows": (-slide * height, slide * height),
            "angle": (-15.0, 15.0),
        },
        "patch_shuffle": {"divisions": (2, 8), "seed": (0, 2**24)},
        "patch_mask": {"divisions": (2, 8), "share": (0.1, 0.5), "seed": (0, 2**24)},
    }
    assert list(ranges) == list(expected)
    for name, own in expected.items():
        assert list(ranges[name]) == list(own)
        for parameter, ends in own.items():
            assert ranges[name][parameter] == pytest.approx(ends)


# Where an augmentation does nothing, by its definition and at any size.
IDENTITIES = {"rolling": 0.5, "hue": 0.5, "rotation": 0.5, "gaussian_blur": 0.0}


@pytest.fixture(scope="module")
def photographs() -> list[Image.Image]:
    """The middle squares of real photographs."""
    found = [*load_sample_images().images, astronaut(), chelsea(), coffee()]
    return [
        ImageOps.fit(photograph, [min(photograph.size)] * 2)
        for photograph in map(Image.fromarray, found)
    ]


@pytest.mark.parametrize("side", [16, 24, 32, 48, 64, 128, 224, 256])
@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_every_augmentation_is_visible_on_photographs(
    name: str, side: int, photographs: list[Image.Image]
) -> None:
    """In most photographs, 4 pixels at least change by 8 of 255 steps or more."""
    scaled = np.stack([photograph.resize((side, side)) for photograph in photographs])
    images = torch.from_numpy(scaled).permute(0, 3, 1, 2) / 255
    parameters = AUGMENTATIONS[name].parameters(side, side)
    shares = [0, 0.25, 0.5, 0.75, 1] if parameters else [0]
    for share in set(shares) - {IDENTITIES.get(name)}:
        values = torch.tensor([[float(p.at(share)) for p in parameters]]).float()

        result = AUGMENTATIONS[name].apply(images, values.expand(len(images), -1))

        changed = ((result - images).abs().amax(dim=1) >= 8 / 255).sum(dim=(1, 2))
        assert changed.median() >= 4, f"at {share} of the ranges"
