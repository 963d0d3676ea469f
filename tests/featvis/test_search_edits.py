"""What happens to pictures on the way besides steps, and what is kept of them."""

from itertools import count
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from searches import OFF, PICTURES, SIDE, assert_same, made, noise, photos, tiny_targets

from actsense.featvis.search.smoothing import gradient_mask
from actsense.featvis.settings import Search


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_pixels_outside_the_window_do_not_change(optimiser: str) -> None:
    """Spec test 33, first part."""
    found = made(optimiser=optimiser, mask_sigma_px=1.5, iterations=20, learning_rate=0.02)
    changed = (found.images[-1] - found.images[0]).abs().amax(dim=(0, 1))
    assert changed[0, 0] == changed[-1, -1] == 0
    assert changed[0].max() < 1e-4
    assert changed[6:10, 6:10].min() > 0.01


@pytest.mark.parametrize(
    ("edit", "moment"),
    [
        ({"blur_sigma_px": 1.0, "blur_every": 3}, 3),
        ({"denoise_weight": 2.0, "denoise_every": 3}, 3),
        ({"brightness_every": 3}, 3),
        ({"canvas": 1.5, "window_every": 3}, 3),
    ],
)
def test_pictures_are_edited_when_it_is_time(edit: dict[str, Any], moment: int) -> None:
    plain, edited = (made(iterations=4, kept=5, **OFF, **own) for own in ({}, edit))
    differ = (plain.images - edited.images).flatten(1).abs().amax(dim=1) > 0
    assert differ.tolist() == [False] * moment + [True] * (5 - moment)


def test_a_brightening_adds_grey_levels_and_stays_in_range() -> None:
    starts = photos()[:PICTURES]
    options = {"learning_rate": 0.0, "iterations": 2, **OFF}
    found = made(starts=starts, brightness_every=1, brightness_levels=51.0, **options)
    torch.testing.assert_close(found.images[-1], (starts + 0.4).clamp(max=1))


@pytest.mark.parametrize(
    ("iterations", "kept", "expected"),
    [(12, 4, [0, 4, 8, 12]), (1, 5, [0, 1]), (7, 3, [0, 4, 7]), (9, [2, 5], [0, 2, 5, 9])],
)
def test_pictures_are_kept_evenly_with_start_and_result(
    iterations: int, kept: Any, expected: list[int]
) -> None:
    found = made(iterations=iterations, kept=kept, learning_rate={"start": 0.1, "end": 0.0})
    assert found.kept == expected
    assert found.images.shape == (len(expected), PICTURES, 3, SIDE, SIDE)
    starts = photos()[:PICTURES].flip(0) * 0.5 + 0.25
    assert torch.equal(found.images[0], starts)
    assert found.images.min() >= 0
    assert found.images.max() <= 1
    assert found.iterations == list(range(1, iterations + 1))


def test_curves_are_thinned_and_keep_their_ends() -> None:
    tiny = {"respond": lambda images: (images.mean(dim=(2, 3)), None), "own": tiny_targets()}
    found = made(iterations=501, starts=torch.full((1, 3, 4, 4), 0.5), **tiny)
    assert (found.iterations[0], found.iterations[-1], len(found.iterations)) == (1, 501, 200)
    assert all(curve.shape == (1, 200) for curve in found.curves.values())


def test_transparency_is_the_accumulated_size_of_gradients() -> None:
    weights = noise(12, 3 * 4 * 4, seed=3)  # other ones in every iteration
    passes, sigma = count(), {"start": 1.0, "end": 4.0}
    found = made(
        respond=lambda x: ((x.flatten(1) @ weights[next(passes)])[:, None].expand(-1, 3), None),
        own=tiny_targets(),
        starts=torch.full((1, 3, 4, 4), 0.5),
        **{"mask_sigma_px": sigma, **OFF},
    )
    sizes = weights.view(12, 3, 4, 4).abs().sum(dim=1)
    windows = [gradient_mask(4, float(one)) for one in torch.linspace(1, 4, 12)]
    size = (sizes * torch.stack(windows)).sum(dim=0)
    torch.testing.assert_close(found.transparency[0], size / size.max(), atol=1e-5, rtol=1e-4)


def test_views_move_by_a_sixteenth_if_nothing_is_said() -> None:
    assert_same(made(iterations=2), made(iterations=2, jitter_px=1))


@pytest.mark.parametrize("name", ["mask_sigma_px", "denoise_weight"])
@pytest.mark.parametrize("given", [0.0, {"start": 2.0, "end": 0.0}])
def test_numbers_that_would_be_divided_by_are_above_zero(name: str, given: Any) -> None:
    with pytest.raises(ValidationError, match=rf"{name}\.(.|\n)*should be greater than 0"):
        Search.model_validate({name: given})
