"""A picture of one's own: augmented as the sliders say, and answered by the network itself."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import zarr
from explored import address, told
from opened import opened
from streamlit.testing.v1 import AppTest
from torch import Tensor, nn

from actsense.data.pixels import unit_images
from actsense.data.pool import ImagePool
from actsense.explorer import answers, running
from actsense.explorer.responses import applied, responses, sweep_of, swept
from actsense.explorer.shelf import run_shelf
from actsense.inspection import open_study
from actsense.networks.network import Network
from actsense.networks.subject import Subject
from actsense.sampling.law import InputLaw
from actsense.store import seal

Visit = Callable[..., AppTest]
SIDE = 16
AUGMENTATIONS = ("brightness", "hflip", "patch_mask")
LAW = InputLaw(
    AUGMENTATIONS,
    "switched",
    (SIDE, SIDE),
    ImagePool(()),
    divisions=(2, 4),
    ranges={"brightness": {"factor": (0.5, 2.0)}},
)


@pytest.fixture(scope="module")
def subject() -> Subject:
    """A network whose layer is linear in the image."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = nn.Sequential()
        module.add_module("pool", nn.AdaptiveAvgPool2d((4, 5)))
        module.add_module("conv", nn.Conv2d(3, 3, 3, padding=1, bias=False))
        module.add_module("head", nn.Sequential(nn.Flatten(), nn.Linear(60, 4)))
    module.eval().requires_grad_(False)
    unchanged = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    network = Network("made", module, *unchanged, None, None, layout="channels_first")
    pool = ImagePool(((np.array([0]),), (np.array([1]),)))  # of training, of validation
    return opened(network, SIDE, pool)


@pytest.fixture
def images() -> Tensor:
    return 0.4 * torch.rand(5, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(3))


def test_sliders_apply_their_augmentations_in_the_order_of_the_design(images: Tensor) -> None:
    torch.testing.assert_close(applied(images, LAW, {}, stretched=False), images)
    both = applied(images, LAW, {"hflip": [], "brightness": [2.0]}, stretched=False)
    torch.testing.assert_close(both, 2 * images.flip(-1))


@pytest.mark.parametrize(
    ("augmentation", "parameter", "levels"),
    [
        ("brightness", 0, (0.5, 1.25, 2.0)),
        ("hflip", None, (0.0, 1.0)),
        ("patch_mask", 0, (2, 4)),
    ],
)
def test_a_sweep_goes_over_the_range_of_the_design(
    augmentation: str, parameter: int | None, levels: tuple[float, ...]
) -> None:
    sweep = sweep_of(LAW, augmentation, 3)
    assert sweep.parameter == parameter
    assert sweep.levels == pytest.approx(levels)


def test_a_linear_unit_grows_with_brightness_and_sees_a_flip(
    subject: Subject, images: Tensor
) -> None:
    unit, module = ("conv", (2, 1, 4)), subject.network.module
    plain = module[:2](images)[:, 2, 1, 4]
    np.testing.assert_allclose(responses(subject, *unit, images), plain, rtol=1e-5)
    sweep = sweep_of(LAW, "brightness", 3)
    own = (subject, *unit, images, LAW)
    found = swept(*own, "brightness", [9.0], sweep, stretched=False)
    np.testing.assert_allclose(found, np.outer(plain, sweep.levels), rtol=1e-4)
    turned = module[:2](images.flip(-1))[:, 2, 1, 4]
    found = swept(*own, "hflip", [], sweep_of(LAW, "hflip", 3), stretched=False)
    np.testing.assert_allclose(found, np.stack([plain, turned], axis=1), rtol=1e-5)


def test_the_page_runs_the_network_or_says_why_it_cannot(
    copy: Path, visit: Visit, subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"view": "yours", "layer": "conv", "factor": "brightness", "image": "7"}
    asked |= {"channel": "1", "row": "0", "col": "0"}
    assert "weights.pt: not there" in told(visit(copy, **asked))
    (copy / "made/weights.pt").touch()
    assert "does not say how made was opened" in told(visit(copy, **asked))
    store = copy / "made/mixed/indices.zarr"
    design = {"augmentations": AUGMENTATIONS, "base_points": 64}
    known = {"designs": {"mixed": design}, "networks": {"made": {}}}
    zarr.open_group(store, mode="r+").attrs["configuration"] = json.dumps(known)
    seal(store)
    monkeypatch.setattr(running, "_opened", lambda *_: subject)
    test = visit(copy, **asked)
    assert not test.info

    def told_responses() -> list[float]:
        words = "".join(one.proto.body for one in test.get("html"))
        return [float(number) for number in re.findall(r"title=\"response ([^\"]+)", words)]

    pixels = unit_images(open_study(copy).images.read(np.array([7])))
    plain = float(subject.network.module[:2](pixels)[0, 1, 0, 0])
    assert told_responses() == pytest.approx([plain, plain], rel=5e-3)
    test.toggle(key="pick_on_hflip").set_value(True).run()
    turned = float(subject.network.module[:2](pixels.flip(-1))[0, 1, 0, 0])
    assert told_responses() == pytest.approx([plain, turned], rel=5e-3)
    assert abs(plain - turned) > 0.02 * abs(plain)
    test.toggle(key="pick_on_brightness").set_value(True).run()
    test.slider(key="pick_brightness.factor").set_value(0.75).run()
    dimmed = turned * 0.75
    assert told_responses() == pytest.approx([plain, dimmed], rel=5e-3)
    query = address(test)
    assert (query["on"], query["brightness.factor"]) == ("hflip,brightness", "0.75")
    test = visit(copy, **query)
    assert told_responses() == pytest.approx([plain, dimmed], rel=5e-3)
    test.toggle(key="pick_on_hflip").set_value(False).run()
    assert address(test)["on"] == "brightness"
    assert told_responses() == pytest.approx([plain, 0.75 * plain], rel=5e-3)


@pytest.mark.parametrize("largest", [2**26, 0])
def test_another_unit_of_a_layer_needs_no_further_pass(
    copy: Path, subject: Subject, monkeypatch: pytest.MonkeyPatch, largest: int
) -> None:
    """What is kept of a layer is what the network would answer again."""
    law = InputLaw(("brightness",), "switched", (SIDE, SIDE), ImagePool(()))
    passes: list[int] = []
    monkeypatch.setattr(answers, "opened_design", lambda _: (subject, law, False))
    monkeypatch.setattr(answers, "LARGEST", largest)
    subject.network.module.register_forward_hook(lambda *_: passes.append(1))
    shelf = run_shelf(copy, "made", "mixed")
    pixels = shelf.study.images.read(np.array([3, 5]))
    images, counts = unit_images(pixels), []
    for place in ((2, 1, 4), (0, 3, 2)):
        asked = answers.Asked("conv", place, "brightness", (1.0,))
        levels, found = answers.sweep_of_unit(shelf, asked, pixels)
        plain = subject.network.module[:2](images)[(slice(None), *place)]
        first = subject.network.module[:2](images * levels[0])[(slice(None), *place)]
        np.testing.assert_allclose(found[:, 0], first, rtol=1e-4)
        assert found.shape == (2, len(levels))
        for k in (0, 1):
            shown, answer = answers.answer_of(shelf, "conv", place, pixels[k], {})
            np.testing.assert_array_equal(shown, pixels[k])
            assert answer == pytest.approx(float(plain[k]), rel=1e-5)
        _, alone = answers.sweep_of_unit(shelf, asked, pixels[1:])
        np.testing.assert_allclose(alone[0], found[1], rtol=1e-5)
        counts.append(len(passes))
    assert counts[0] > 0
    assert (counts[1] == counts[0]) == (largest > 0)
