"""Pictures of the joint law are what the network is shown, and captions say how."""

from pathlib import Path

import numpy as np
import pytest
import torch
from figure_texts import words

from actsense.augment import AUGMENTATIONS, parameter_columns, stretch
from actsense.data.cache import ImageCache, Sample, write_cache
from actsense.data.pool import ImagePool
from actsense.sampling.figures.joint_law import applied_steps, joint_law_sheet
from actsense.sampling.law import Evaluations, InputLaw
from actsense.sampling.plan import build_design
from actsense.sampling.settings import DesignSettings

NAMES = ("hue", "hflip", "erasing", "patch_mask")
SIDE, SEED = 16, 5


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> ImageCache:
    folder = tmp_path_factory.mktemp("images")
    draw = np.random.default_rng(0)
    samples = [
        Sample(str(k), k % 2, ("train", "validation")[k // 2 % 2], pixels.astype(np.uint8))
        for k, pixels in enumerate(draw.integers(0, 255, (8, 3, SIDE, SIDE)))
    ]
    paths = folder / "images.zarr", folder / "manifest.csv"
    names = ["cat", "dog"]
    write_cache(samples, *paths, capacity=8, side=SIDE, class_names=names, provenance={})
    return ImageCache.open(*map(Path, paths))


def settings(**more: object) -> dict[str, object]:
    return {"seed": SEED, "designs": {"d": {"augmentations": NAMES, "base_points": 16, **more}}}


def shown(cache: ImageCache, count: int) -> tuple[InputLaw, Evaluations]:
    """Return the law and the first base points, from the design itself."""
    chosen = DesignSettings(augmentations=NAMES, base_points=16)
    pool = ImagePool.of_manifest(cache.manifest, seed=SEED)
    law = InputLaw.of_design(chosen, size=SIDE, pool=pool)
    design = build_design("d", chosen, seed=SEED)
    return law, law.decode(design.block(0, 0).coordinates[:count, 0])


@pytest.mark.parametrize("stretched", [False, True])
def test_pictures_are_the_first_base_points_one_operation_after_the_other(
    cache: ImageCache, stretched: bool
) -> None:
    figure = joint_law_sheet(cache, settings(stretch=stretched), "d", title="t", shown=6)
    _, asked = shown(cache, 6)
    drawn = [np.asarray(image.get_array()) for image in figure.axes[0].images]
    assert len(drawn) == 12
    columns = list(parameter_columns(NAMES).values())
    applied = 0
    for k, row in enumerate(asked.image):
        pixels = cache.read(np.array([row]))
        np.testing.assert_array_equal(drawn[2 * k], pixels[0].transpose(1, 2, 0))
        image = torch.from_numpy(pixels).float() / 255
        for which in asked.sequence[k][asked.sequence[k] >= 0]:
            values = torch.from_numpy(asked.values[k : k + 1, columns[which]])
            image = AUGMENTATIONS[NAMES[which]].apply(image, values)
            applied += 1
        expected = 255 * (stretch(image) if stretched else image)[0].permute(1, 2, 0).numpy()
        assert np.abs(drawn[2 * k + 1] - expected).max() <= 0.51
    assert applied > 8  # several of them, one after the other


def test_captions_list_what_was_applied_in_order_with_parameters(cache: ImageCache) -> None:
    law, asked = shown(cache, 6)
    steps = applied_steps(asked, law)
    for listed, sequence, values in zip(steps, asked.sequence, asked.values, strict=True):
        names = [step.split(". ")[1].split(":")[0] for step in listed]
        assert names == [NAMES[which] for which in sequence if which >= 0]
        assert [int(step.split(".")[0]) for step in listed] == list(range(1, len(names) + 1))
        for name, step in zip(names, listed, strict=True):
            ranges = AUGMENTATIONS[name].parameters(SIDE, SIDE)
            own = values[parameter_columns(NAMES)[name]]
            for parameter, value in zip(ranges, own, strict=True):
                said = f"{parameter.name} = {value:.3g}".replace("_", " ")
                assert (said in step) == (parameter.name != "seed")
    text = "\n".join(words(joint_law_sheet(cache, settings(), "d", title="net, d", shown=6)))
    for word in ("net, d", "1. ", "2. ", ", train", ", validation", "cat", "dog", "degrees"):
        assert word in text
    assert "stretched" not in text
    assert ("nothing: shown as it is" in text) == ([] in steps)
