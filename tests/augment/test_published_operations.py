"""The published operations against PIL and torchvision, one image at a time, and OpenCV."""

import zlib
from collections.abc import Callable
from math import log

import numpy as np
import pytest
import torch
from PIL import ImageFilter
from torch import Tensor
from torchvision.transforms import functional as peer

from actsense.augment import AUGMENTATIONS, PUBLISHED, augment, parameter_columns
from actsense.augment.blur import local_blur_sizes
from actsense.augment.published.ellipse import filled_ellipses

NAMES = list(PUBLISHED)
COLOR_AND_PLACE = NAMES[5:]  # the second set, whose order was a factor beside its 8 bits


def pictures(batch: int, height: int, width: int, *, seed: int = 0) -> Tensor:
    """Images of 256 levels: smooth ones under noise, a gray one, a black and a white one."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(batch, 3, 5, 5, generator=generator)
    images = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")
    images += 0.2 * torch.rand(images.shape, generator=generator) - 0.1
    images[0] = images[0, :1]
    images[1], images[2] = 0, 1
    return (images.clamp(0, 1) * 255).round() / 255


def draw(name: str, batch: int, height: int, width: int, *, seed: int = 1) -> Tensor:
    """Parameters from their ranges; the first image has all low, the second all high ends."""
    ranges = PUBLISHED[name].parameters(height, width)
    u = torch.rand(batch, len(ranges), generator=torch.Generator().manual_seed(seed))
    u[0], u[1] = 0, 1
    drawn = [torch.from_numpy(p.at(v.numpy())).float() for p, v in zip(ranges, u.T, strict=True)]
    return torch.stack(drawn, dim=1) if drawn else u


def erasing(image: Tensor, value: list[float]) -> Tensor:
    row, column, scale, log_ratio = value
    height, width = image.shape[1:]
    ratio = float(np.exp(log_ratio))
    down, across = (round((height * width * scale * r) ** 0.5) for r in (ratio, 1 / ratio))
    top, left = max(round(row) - down // 2, 0), max(round(column) - across // 2, 0)
    if top + down >= height or left + across >= width:
        return image
    return peer.erase(image, top, left, down, across, torch.zeros(1, dtype=image.dtype))


def hue(image: Tensor, value: list[float]) -> Tensor:
    """Cut down to 8 bits as torchvision 0.9 did."""
    if image.dtype == torch.float32:
        return peer.adjust_hue(image, value[0])
    return (peer.adjust_hue(image.float() / 255, value[0]) * 255).byte()


def rotation(image: Tensor, value: list[float]) -> Tensor:
    height, width = image.shape[1:]
    turned = peer.to_pil_image(image).rotate(value[0])
    slope = abs(np.tan(np.deg2rad(value[0])))
    left = round(slope / (1 - slope**2) * (height - width * slope))
    top = round(slope / (1 - slope**2) * (width - height * slope))
    cropped = turned.crop((left, top, width - left, height - top))
    return peer.resize(peer.pil_to_tensor(cropped), [height, width], antialias=False)


def elliptic_local_blur(image: Tensor, value: list[float]) -> Tensor:
    first, second, right, down, angle = (round(number) for number in value)
    height, width = image.shape[1:]
    picture = peer.to_pil_image(image)
    sigma, _, _ = local_blur_sizes(min(height, width))
    blurred = peer.pil_to_tensor(picture.filter(ImageFilter.GaussianBlur(sigma)))
    reach = max(height, width)
    drawn = filled_ellipses(torch.tensor([[first, second]]), torch.tensor([-angle]), reach)[0]
    top, left = reach - height // 2 - down, reach - width // 2 - right
    inside = drawn[top : top + height, left : left + width]
    return torch.where(inside, blurred, peer.pil_to_tensor(picture))


PEERS: dict[str, Callable[[Tensor, list[float]], Tensor]] = {
    "erasing": erasing,
    "sharpness_const": lambda image, value: peer.adjust_sharpness(image, 1.5),
    "rolling": lambda image, value: image.roll([int(value[0]), int(value[1])], dims=[1, 2]),
    "grayscaling": lambda image, value: peer.rgb_to_grayscale(image, 3),
    "gaussian_blur": lambda image, value: peer.gaussian_blur(image, [7, 7], value),
    "brightness": lambda image, value: peer.adjust_brightness(image, value[0]),
    "contrast": lambda image, value: peer.adjust_contrast(image, value[0]),
    "saturation": lambda image, value: peer.adjust_saturation(image, value[0]),
    "hue": hue,
    "hflip": lambda image, value: peer.hflip(image),
    "rotation": rotation,
    "elliptic_local_blur": elliptic_local_blur,
}


def one_by_one(images: Tensor, sequence: Tensor, values: Tensor, names: list[str]) -> Tensor:
    """Every image alone, floats until an operation leaves 8 bits; then floats again."""
    columns = parameter_columns(names, PUBLISHED)
    results = []
    for image, queue, row in zip(images, sequence.tolist(), values, strict=True):
        for k in queue:
            if k >= 0:
                image = PEERS[names[k]](image, row[columns[names[k]]].tolist())
        results.append(image / 255 if image.dtype == torch.uint8 else image)
    return torch.stack(results)


@pytest.mark.parametrize("size", [(64, 64), (40, 57)])
@pytest.mark.parametrize("name", NAMES)
def test_operation_equals_pil_and_torchvision(name: str, size: tuple[int, int]) -> None:
    images, values = pictures(12, *size), draw(name, 12, *size)

    ours = PUBLISHED[name].apply(images, values)

    peers = one_by_one(images, torch.zeros(12, 1, dtype=torch.int64), values, [name])
    if name == "rotation":  # 0.035 % of its values lie half way between two levels, to 1e-5
        assert ((ours - peers).abs() > 1.001 / 255).sum() == 0
        assert (ours != peers).float().mean() < 1e-3
    else:  # torch sums a convolution or a mean in an order of its own
        summed = {"sharpness_const", "gaussian_blur", "contrast"}
        torch.testing.assert_close(ours, peers, rtol=0, atol=5e-7 if name in summed else 0)


@pytest.mark.parametrize("name", NAMES)
def test_operation_on_256_levels_equals_torchvision_on_uint8(name: str) -> None:
    names = [name, "elliptic_local_blur"] if name != "elliptic_local_blur" else [name, "rotation"]
    images = pictures(12, 64, 64)
    values = torch.cat([draw(n, 12, 64, 64) for n in names], dim=1)
    sequence = torch.tensor([[1, 0]]).expand(12, -1)

    ours = augment(images, sequence, values, names, PUBLISHED)

    peers = one_by_one(images, sequence, values, names)
    assert torch.equal((ours * 255).round() / 255, ours)
    different = (ours != peers).float().mean()
    assert different <= (1e-4 if name == "gaussian_blur" else 0)  # rounds values half way


@pytest.mark.parametrize("names", [COLOR_AND_PLACE, NAMES])
def test_every_order_equals_one_after_the_other(names: list[str]) -> None:
    images = pictures(24, 64, 64)
    values = torch.cat([draw(name, 24, 64, 64, seed=2) for name in names], dim=1)
    generator = torch.Generator().manual_seed(3)
    sequence = torch.rand(24, len(names), generator=generator).argsort(dim=1)
    sequence[::2] = sequence[::2].masked_fill(sequence[::2] % 3 == 1, -1)

    ours = augment(images, sequence, values, names, PUBLISHED)

    peers = one_by_one(images, sequence, values, names)
    different = (ours - peers).abs() > 1e-6
    assert different.float().mean() < 1e-3
    assert different.flatten(1).any(dim=1).sum() <= 6  # all others agree to rounding of floats


def test_an_image_does_not_feel_its_neighbors() -> None:
    images = pictures(10, 33, 29)
    values = torch.cat([draw(name, 10, 33, 29) for name in NAMES], dim=1)
    generator = torch.Generator().manual_seed(3)
    sequence = torch.rand(10, len(NAMES), generator=generator).argsort(dim=1)

    together = augment(images, sequence, values, NAMES, PUBLISHED)

    alone = [
        augment(images[i : i + 1], sequence[i : i + 1], values[i : i + 1], NAMES, PUBLISHED)
        for i in range(10)
    ]
    assert torch.equal(torch.cat(alone), together)


def test_only_what_follows_the_rotation_has_few_levels() -> None:
    """A tenth of the brightness leaves 26 of 256 levels to a rotation, but not after it."""
    images = pictures(4, 64, 64)[3:]
    values = torch.tensor([[0.1, 7.0]])

    dark, turned = (
        augment(images, torch.tensor([order]), values, ["brightness", "rotation"], PUBLISHED)
        for order in ([0, 1], [1, 0])
    )
    mixed = augment(images, torch.tensor([[0, -1]]), values, ["brightness", "rotation"], PUBLISHED)

    assert {len(dark.unique()), len(turned.unique())} <= set(range(10, 27))
    assert not torch.equal(dark, turned)
    torch.testing.assert_close(mixed, 0.1 * images)


# Semi-axes and clockwise angle: how many pixels OpenCV 4.14 fills (5.0 the same) and the checksum
# of its mask around pixel (34, 34) of 69 x 69, packed to bits.
FILLED = {
    (2, 3, 0): (31, 3020690604),
    (3, 9, 7): (104, 3873216604),
    (10, 10, 0): (347, 4227729199),
    (10, 14, -15): (474, 3877655592),
    (12, 15, 4): (605, 1647781569),
    (15, 32, 15): (1591, 1161168409),
    (32, 10, -9): (1077, 3311685417),
    (21, 30, -3): (2055, 2927496659),
    (32, 32, 1): (3307, 4146238894),
    (11, 31, 11): (1129, 104620676),  # one pixel hangs on the digits of the sine
}


@pytest.mark.parametrize(("ellipse", "filled"), FILLED.items())
def test_ellipse_is_filled_as_by_opencv(
    ellipse: tuple[int, int, int], filled: tuple[int, int]
) -> None:
    first, second, angle = ellipse
    turned = torch.tensor([[5, 6], [first, second]]), torch.tensor([9, angle])

    inside = filled_ellipses(*turned, 34)[1].numpy()

    assert (inside.sum(), zlib.crc32(np.packbits(inside).tobytes())) == filled


def test_ellipse_is_cut_at_the_square() -> None:
    whole = filled_ellipses(torch.tensor([[20, 9]]), torch.tensor([12]), 25)

    cut = filled_ellipses(torch.tensor([[20, 9]]), torch.tensor([12]), 11)

    assert torch.equal(cut, whole[:, 14:-14, 14:-14])


def test_local_blur_of_a_larger_ellipse_is_cut_at_the_window() -> None:
    """At 64 pixels the longest semi-axis of the range is 9 pixels; one more is drawn."""
    images, values = pictures(4, 64, 64)[3:], torch.tensor([[80.0, 80.0, 3.0, -2.0, 0.0]])
    blurred = elliptic_local_blur(images[0], values[0].tolist()) / 255

    result = PUBLISHED["elliptic_local_blur"].apply(images, values)

    expected = images[0].clone()
    expected[:, 21:40, 26:45] = blurred[:, 21:40, 26:45]
    assert torch.equal(result[0], expected)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 2), (3, 5), (7, 4), (16, 10)])
@pytest.mark.parametrize("name", NAMES)
def test_result_is_an_image_of_the_same_size(name: str, size: tuple[int, int]) -> None:
    """Small ones as well, on both floats and levels; and what comes in stays as it is."""
    images, values = pictures(8, *size), draw(name, 8, *size)
    before = images.clone()

    for apply in (PUBLISHED[name].apply, PUBLISHED[name].apply_in_8_bits):
        if apply:
            striped = apply(images.contiguous(memory_format=torch.channels_last), values)
            result = apply(images, values)

            assert result.shape == images.shape
            assert result.dtype == torch.float32
            assert ((result >= 0) & (result <= 1)).all()
            torch.testing.assert_close(striped, result, rtol=0, atol=1e-6)
            result.zero_()
            assert torch.equal(images, before)


def test_names_and_columns_are_those_of_the_other_catalogue() -> None:
    assert list(AUGMENTATIONS)[:12] == NAMES
    assert parameter_columns(NAMES, PUBLISHED) == parameter_columns(NAMES)
    for name in NAMES:
        own = (p.name for p in PUBLISHED[name].parameters(64, 48))
        assert list(own) == [p.name for p in AUGMENTATIONS[name].parameters(64, 48)]


def test_ranges_are_the_published_ones() -> None:
    """Those that differ from the other catalogue: whole pixels and degrees, ends included."""
    ranges = {
        name: [(p.name, *p.at([0, 1]).tolist()) for p in PUBLISHED[name].parameters(224, 224)]
        for name in ("erasing", "rolling", "elliptic_local_blur")
    }

    assert ranges["erasing"] == [
        ("center_row", 44, 180),
        ("center_column", 44, 180),
        ("scale", 0.02, 0.33),
        ("log_ratio", log(0.3), pytest.approx(log(3.3))),
    ]
    assert ranges["rolling"] == [("rows", -44, 44), ("columns", -44, 44)]
    assert ranges["elliptic_local_blur"] == [
        ("semi_axis_1", 10, 32),
        ("semi_axis_2", 10, 32),
        ("shift_columns", -32, 32),
        ("shift_rows", -32, 32),
        ("angle", -15, 15),
    ]


@pytest.mark.parametrize("name", ["erasing", "rolling", "elliptic_local_blur"])
def test_draws_of_pixels_are_whole_and_uniform(name: str) -> None:
    u = (np.arange(10**4) + 0.5) / 10**4
    for parameter in PUBLISHED[name].parameters(224, 224):
        if parameter.name in ("scale", "log_ratio"):
            continue
        drawn, counts = np.unique(parameter.at(u), return_counts=True)

        low, high = parameter.at([0, 1])
        assert drawn.tolist() == list(range(int(low), int(high) + 1))
        share = 10**4 / (high - low)
        assert abs(counts[1:-1] - share).max() <= 1.001
        assert abs(counts[[0, -1]] - share / 2).max() <= 1.001  # ends are rounded from one side


@pytest.mark.parametrize(
    ("center", "erased"),
    [
        ((32, 32), (22, 42, 22, 42)),
        ((12, 14), (2, 22, 4, 24)),
        ((12, 5), (2, 22, 0, 20)),  # moved inside, at its full size
        ((3, 40), (0, 20, 30, 50)),
        ((53, 32), (43, 63, 22, 42)),
        ((54, 32), None),  # would end with the image
        ((32, 60), None),
        ((3, 60), None),
    ],
)
def test_rectangle_is_moved_at_one_border_and_dropped_at_the_other(
    center: tuple[int, int], erased: tuple[int, int, int, int] | None
) -> None:
    values = torch.tensor([[*center, 400 / 64**2, 0.0]])

    result = PUBLISHED["erasing"].apply(torch.ones(1, 3, 64, 64), values)

    expected = torch.ones(1, 3, 64, 64)
    if erased:
        top, bottom, left, right = erased
        expected[..., top:bottom, left:right] = 0
    assert torch.equal(result, expected)


def test_an_augmentation_of_today_is_refused() -> None:
    with pytest.raises(ValueError, match="'patch_mask' is not one of erasing, "):
        parameter_columns(["hue", "patch_mask"], PUBLISHED)
