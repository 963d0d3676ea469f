"""Figures of demos: who is what, what the network says of it, and where the gate limits."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from demo_study import ANCHORS, CLASSES, LAYERS, SIDE, make_demos
from figure_texts import words
from matplotlib.text import Text
from PIL import Image

from actsense.errors import ConfigError
from actsense.invariance.demos.attacks import see_attack
from actsense.invariance.demos.figures.attacks import attack_rows
from actsense.invariance.demos.figures.mixing import mixing_matrices
from actsense.invariance.demos.figures.pieces import OTHER
from actsense.invariance.demos.figures.representations import representation_rows
from actsense.invariance.demos.figures.show import show_demos
from actsense.invariance.demos.figures.video import video_animation, video_strip
from actsense.invariance.demos.mixing import mix_images
from actsense.invariance.demos.opening import DemoSet, open_demos
from actsense.invariance.demos.representations import show_representations
from actsense.invariance.demos.video import Translated
from actsense.invariance.settings import Demos

PAIR = ["stage4", "logits"]  # one that passes the gate, and one that is limited


@pytest.fixture(scope="module")
def demos(tmp_path_factory: pytest.TempPathFactory) -> DemoSet:
    return open_demos(make_demos(tmp_path_factory.mktemp("figures") / "made"), "net")


def red(figure: object) -> list[str]:
    """Return what is written in red."""
    found = figure.findobj(Text)  # type: ignore[attr-defined]
    return [text.get_text() for text in found if text.get_color() == OTHER]


def test_samples_have_what_the_network_says_of_them(demos: DemoSet) -> None:
    shown = {
        layer: show_representations(demos.view(layer), demos.images[:3], samples=3, seed=0)
        for layer in PAIR
    }
    for layer in PAIR:  # one sample of every layer is taken for another class
        one = shown[layer].predicted[:, None].repeat(1, 3)
        one[1, 2] = (one[1, 2] + 1) % len(CLASSES)
        shown[layer] = replace(shown[layer], predicted_samples=one)
    figure = representation_rows(demos, shown, title="study")
    said, other = words(figure), CLASSES[int(shown["logits"].predicted_samples[1, 2])]
    found = shown["logits"].consistency

    assert red(figure) == [other, other]
    assert sum(name in CLASSES for name in said) == 3 * (1 + 2 * 3)
    assert "study: what does a layer not tell apart from an image?" in said
    assert {"image", "autoencoder", "stage4", "logits"} < {*said}
    assert (said.count("samples"), said.count("spread")) == (2, 2)
    low, high = found.agreement.interval
    told = (
        f"class kept: {found.agreement.value:.2f} [{low:.2f}, {high:.2f}]; "
        f"others {found.agreement_floor.value:.2f}, "
        f"autoencoder {found.agreement_ceiling.value:.2f}"
    )
    assert told in said
    assert sum("Hatched" in one for one in said) == 1
    assert "below 0.85: logits (0.95 and 0.90)." in " ".join(said)
    (axes,) = figure.axes
    (hatch,) = axes.patches
    (head,) = (text for text in axes.texts if text.get_text() == "logits")
    assert hatch.get_x() == head.get_position()[0]


def test_attacks_are_shown_beside_noise_and_what_layers_see(demos: DemoSet) -> None:
    attacked = {
        layer: see_attack(demos.view(layer), demos.images[:2], epsilon=0.1, samples=1, seed=0)
        for layer in PAIR
    }
    still = attacked["stage4"].predicted["images"]
    for one in attacked.values():
        for name, said in one.predicted.items():
            same = still if said.ndim == 1 else still[:, None]
            said.copy_((same + (name in ("attacked", "view"))) % len(CLASSES))
    figure = attack_rows(demos, attacked, epsilon=0.1, title="study")
    said = words(figure)

    assert any("One step of 0.1," in one and "2 of 2 images" in one for one in said)
    assert said.count("view of\nattacked") == 2
    assert len(red(figure)) == 2 * (1 + 2)  # the attacked images, and the views of both layers
    assert sum(name in CLASSES for name in said) == 2 * (4 + 2 * 4)


def test_mixtures_are_counted_by_whose_class_they_have(demos: DemoSet) -> None:
    mixed = mix_images(demos.view("stage4"), demos.images[:3])
    classes = torch.tensor([0, 1, 1])
    # Rows are v, columns are z: 4 mixtures of two classes, 2 of z's, 1 of v's, 1 of neither.
    made = torch.tensor([[0, 1, 0], [2, 1, 1], [0, 1, 0]])
    mixed = replace(mixed, predicted=classes, predicted_mixed=made)
    figure = mixing_matrices(demos, {"stage4": mixed}, title="study")
    said = words(figure)

    assert "4 mixtures of two classes; that of the image" in said
    assert "above: 50 %, left: 25 %, neither: 25 %" in said
    assert red(figure) == ["red", "blue", "red"]  # by rows: not the class of the image above
    assert not any(one.startswith("Hatched") for one in said)
    alike = mixing_matrices(
        demos, {"stage4": replace(mixed, predicted=classes * 0)}, title="study"
    )
    assert "all images have the same class" in words(alike)


def moved(count: int) -> Translated:
    frames = torch.linspace(0, 1, count).view(-1, 1, 1, 1).expand(-1, 3, SIDE, SIDE)
    said = torch.arange(count) % 2
    return Translated(frames, torch.full((3, SIDE, SIDE), 0.5), 1 - frames, said, 1, 10.0)


def test_a_video_is_shown_by_frames_that_are_evenly_spread(demos: DemoSet) -> None:
    made = [moved(21), moved(21)]
    figure = video_strip(demos, {"stage4": made, "logits": made}, title="study")
    said = words(figure)

    assert {"the video", "frame 1", "frame 21", "stage4", "logits"} < {*said}
    assert sum(one.startswith("frame ") for one in said) == 10
    assert said.count("green") - red(figure).count("green") >= 4  # stills of both layers
    assert {*red(figure)} == {"red"}


def test_an_animation_shows_every_frame_beside_the_still_image(demos: DemoSet) -> None:
    film = video_animation(demos, {"stage4": moved(3), "logits": moved(3)})

    assert film.shape[:2] == (3, 3)
    assert 0 <= film.min() <= film.max() <= 1
    middle = film[:, 0, -40]  # a row of pixels that crosses all pictures
    assert middle[:, 30].tolist() == pytest.approx([0, 0.5, 1], abs=0.01)  # the video is first
    for frame, value in enumerate((0.0, 0.5, 1.0)):
        colours = {round(float(one), 1) for one in middle[frame].unique()}
        assert {round(value, 1), 0.5, round(1 - value, 1)} <= colours


def test_the_same_seed_makes_the_same_files(demos: DemoSet, tmp_path: Path) -> None:
    settings = Demos(images=2, samples=2)

    def made(name: str, seed: int, *kinds: str) -> dict[str, bytes]:
        outputs = {kind: tmp_path / f"{name} {kind}" for kind in kinds}
        show_demos(demos, ["hidden_relu"], settings, outputs, seed=seed, title="s", dpi=40)
        return {kind: path.read_bytes() for kind, path in outputs.items()}

    kinds = ("representations", "attacks", "mixing", "animation")
    first, other = made("first", 0, *kinds), made("other", 1, "representations", "mixing")
    assert made("again", 0, *kinds) == first
    assert other["representations"] != first["representations"]
    assert other["mixing"] == first["mixing"]  # nothing of it is chance
    with Image.open(tmp_path / "first animation") as film:
        assert film.n_frames == 24  # type: ignore[attr-defined]


def test_a_clip_of_the_user_moves_the_images(demos: DemoSet, tmp_path: Path) -> None:
    clip = tmp_path / "own.gif"
    frames = [Image.fromarray(np.full((40, 60, 3), k * 40, np.uint8)) for k in range(5)]
    frames[0].save(clip, save_all=True, append_images=frames[1:], duration=100)
    outputs = {"animation": tmp_path / "moved.gif"}
    show_demos(
        *(demos, ["logits"], Demos(images=2), outputs), clip=clip, seed=0, title="s", dpi=40
    )

    with Image.open(outputs["animation"]) as film:
        assert film.n_frames == 5  # type: ignore[attr-defined]
        assert film.info["duration"] == 100


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"layers": ["stage5"]}, "layer: 'stage5' is not known"),
        ({"settings": Demos(images=ANCHORS + 1)}, "7 of 6 anchors"),
        ({"settings": Demos(images=[1, 2])}, "row 1 is that of no anchor"),
        ({"clip": Path("nowhere.gif")}, "nowhere.gif: not there"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_a_line(
    demos: DemoSet, tmp_path: Path, changes: dict[str, object], told: str
) -> None:
    given = {"layers": list(LAYERS), "settings": Demos(images=2), **changes}
    outputs = {"animation": tmp_path / "film.gif"}

    with pytest.raises(ConfigError, match=told) as refused:
        show_demos(demos, outputs=outputs, seed=0, title="s", dpi=40, **given)  # type: ignore[arg-type]
    assert "\n" not in str(refused.value)
    assert not outputs["animation"].exists()


def test_an_empty_clip_is_refused(demos: DemoSet, tmp_path: Path) -> None:
    clip = tmp_path / "empty.gif"
    clip.touch()
    outputs = {"video": tmp_path / "video.png"}

    with pytest.raises(ConfigError, match=r"the file is empty. Give a GIF"):
        show_demos(
            *(demos, ["logits"], Demos(images=2), outputs), clip=clip, seed=0, title="s", dpi=40
        )
