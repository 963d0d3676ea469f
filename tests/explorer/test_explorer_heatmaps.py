"""Pictures hold one pixel per position, in the color of its value."""

import base64
import re
from io import BytesIO

import numpy as np
import pytest
from matplotlib import colormaps
from PIL import Image

from actsense.explorer.heatmaps import color_bar, heatmap, picture
from actsense.explorer.image_views import part_of
from actsense.explorer.unit_maps import color_limit, verdict


def pixels(html: str) -> np.ndarray:
    found = re.search(r"base64,([^\"]+)", html)
    assert found
    return np.asarray(Image.open(BytesIO(base64.b64decode(found[1]))))


def test_every_position_is_one_pixel_in_the_color_of_its_value() -> None:
    values = np.array([[0.0, 0.1, 0.2], [0.4, 0.7, np.nan]])
    drawn = pixels(heatmap(values, 0.4, title="S1"))
    assert drawn.shape == (2, 3, 3)
    magma = (255 * np.array(colormaps["magma"]([0.0, 0.25, 0.5, 1.0]))[:, :3]).astype(np.uint8)
    np.testing.assert_array_equal(drawn[0], magma[:3])
    np.testing.assert_array_equal(drawn[1, :2], [magma[3], magma[3]])  # beyond the limit: clipped
    assert len(set(drawn[1, 2].tolist())) == 1  # unknown is gray


def test_rare_units_have_a_color_of_their_own() -> None:
    rare = np.array([[False, True, False]])
    drawn = pixels(heatmap(np.array([[0.1, 0.9, np.nan]]), 1.0, title="", rare=rare))[0]
    assert drawn[1].tolist() == [169, 193, 220]
    assert drawn[2].tolist() == [178, 178, 178]


def test_signed_values_are_white_at_zero() -> None:
    drawn = pixels(heatmap(np.array([[-2.0, 0.0, 2.0]]), 2.0, title="", signed=True))[0].astype(
        int
    )
    assert drawn[1].min() > 240
    assert drawn[0, 2] > drawn[0, 0]  # blue below
    assert drawn[2, 0] > drawn[2, 2]  # red above


def test_the_chosen_position_is_marked_in_its_place() -> None:
    html = heatmap(np.zeros((4, 8)), 1.0, title="", chosen=(1, 6))
    assert "left:75.000%;top:25.000%;width:12.500%;height:25.000%" in html


def test_a_color_bar_says_its_ends() -> None:
    assert ">0<" in color_bar(0.25)
    assert "0.25" in color_bar(0.25)
    assert "-0.25" in color_bar(0.25, signed=True)


def test_pictures_keep_their_colors_and_names_cannot_break_the_page() -> None:
    image = np.zeros((3, 2, 2), dtype=np.uint8)
    image[0, 0, 1] = 255
    html = picture(image, ["1.5", "<script>class & co"])
    np.testing.assert_array_equal(pixels(html)[0, 1], [255, 0, 0])
    assert "<script>" not in html
    assert "&lt;script&gt;class &amp; co" in html


WIDTHS = np.full((2, 3), 2e-5)


def test_noise_is_not_stretched_over_all_colors() -> None:
    noise = np.array([[1e-5, -1e-5, 0], [0, 1e-5, 0]])
    assert color_limit(noise, WIDTHS, None, 0.01) == 0.01
    assert color_limit(noise, np.full((2, 3), 0.4), None, 0.01) == 0.4  # nothing beside its width
    assert color_limit(noise + 0.3, np.full((2, 3), 0.4), None, 0.01) == 0.4
    assert color_limit(noise + 0.3, WIDTHS, None, 0.01) == pytest.approx(0.30001)
    rare = np.array([[False, True, True], [True, True, True]])
    assert color_limit(np.array([[0.1, 9, 9], [9, 9, 9]]), WIDTHS, rare, 0.01) == 0.1


@pytest.mark.parametrize(
    ("beyond", "words"), [(0, "all intervals cover 0"), (5, "5 of 100"), (6, "")]
)
def test_a_map_of_noise_is_said_to_be_one(beyond: int, words: str) -> None:
    value = np.zeros((10, 10))
    value.reshape(-1)[:beyond] = -1.0
    said = verdict(value, np.full_like(value, 0.5), None)
    assert (words in said) if words else not said
    assert not verdict(value, np.full_like(value, np.nan), None)  # none were published
    assert "all intervals" in verdict(value, np.full_like(value, 0.5), value != 0)


@pytest.mark.parametrize(
    ("box", "shown"),
    [((0, 0, 0, 0), False), ((0, 0, 20, 20), False), ((3, 0, 20, 20), True), ((0, 4, 2, 6), True)],
)
def test_what_a_unit_sees_is_shown_if_it_is_a_part(
    box: tuple[int, int, int, int], shown: bool
) -> None:
    assert part_of(box, 20) == (box if shown else None)


def test_a_framed_part_is_shown_again_pixel_by_pixel() -> None:
    image = np.arange(3 * 8 * 8, dtype=np.uint8).reshape(3, 8, 8)
    html = picture(image, ["1.5"], framed=(2, 1, 5, 7))
    assert "left:12.500%;top:25.000%;width:75.000%;height:37.500%" in html
    part = pixels(html.partition('alt="what the unit sees"')[0].rpartition("<img")[2])
    np.testing.assert_array_equal(part, np.moveaxis(image[:, 2:5, 1:7], 0, -1))
