"""The view of invariances: demos of whole, partial and damaged results, without a browser."""

import ast
import os
import re
import shutil
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from explored import address, choices, told
from invariance_page import FIRST_ROW, HALF, LAYERS, NETWORKS, SIDE, make_page
from invariance_study import invariance_groups, planted_free, planted_likeness
from PIL import Image
from streamlit.testing.v1 import AppTest

from actsense import explorer
from actsense.errors import ConfigError
from actsense.explorer.invariance.cards import Tile, framed_row, gauge, mixing_matrix
from actsense.explorer.invariance.charts import between_chart, free_chart
from actsense.explorer.invariance.gallery import OWN_ROWS, gallery
from actsense.explorer.invariance.kept import kept_rows
from actsense.explorer.invariance.opened import open_network
from actsense.explorer.invariance.playing import (
    attack,
    compare,
    film_bytes,
    mix,
    sample,
    translate,
)
from actsense.explorer.invariance.samples import stored_samples
from actsense.explorer.invariance.uploads import read_clip_upload, read_uploads
from actsense.explorer.invariance.views import PARTS
from actsense.explorer.invariance.words import (
    consistency_table,
    kept_table,
    kept_verdicts,
    percent,
)
from actsense.explorer.link import Wishes
from actsense.explorer.pictures.images import image_address
from actsense.inspection import open_study
from actsense.invariance.demos.clips import driving_clip
from actsense.invariance.demos.opening import DemoSet, open_demos
from actsense.invariance.demos.own import read_images
from actsense.invariance.demos.representations import show_representations
from actsense.store import write_facts, write_results

Visit = Callable[..., AppTest]
FIRST, LAST = next(iter(LAYERS)), [*LAYERS][-1]
CHOICES: dict[str, dict[str, str]] = {
    "kept": {},
    "representations": {
        **{"layer": "hidden_relu", "seed": "7", "anchor": "427", "images": "1"},
        **{"samples": "3", "temperature": "0.5"},
    },
    "attacks": {
        **{"layer": "logits", "seed": "1", "anchor": "402", "images": "0", "attack": "pgd"},
        **{"towards": "2", "epsilon": "0.1", "attack_samples": "2"},
    },
    "mixing": {"layer": "stage4", "mixed": "401,400,428", "images": "1"},
    "video": {"layer": "logits", "anchor": "403", "images": "0", "clip": "shipped"},
    "networks": {
        **{"layer": "logits", "seed": "3", "beside": "net", "beside_layer": "stage4"},
        **{"both": "404", "images": "0", "both_samples": "2"},
    },
}


class Sent:
    """A file as the browser sends it."""

    def __init__(self, name: str, data: bytes) -> None:
        self.name, self._data = name, data

    def getvalue(self) -> bytes:
        """Return what is in it."""
        return self._data


def png(width: int = 50, height: int = 40, seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def gif(frames: int = 5) -> bytes:
    shown = [Image.new("RGB", (30, 20), (40 * k, 0, 0)) for k in range(frames)]
    file = BytesIO()
    shown[0].save(file, "GIF", save_all=True, append_images=shown[1:], duration=80)
    return file.getvalue()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_page(tmp_path_factory.mktemp("invariances") / "results/world")


@pytest.fixture(scope="module")
def demos(world: Path) -> DemoSet:
    return open_demos(world, "net")


@pytest.fixture(scope="module")
def rows(world: Path) -> pd.DataFrame:
    table = kept_rows(open_study(world))
    return table[table["network"] == "net"]


@pytest.fixture(scope="module")
def partial(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy without tables, a flow and the other network."""
    target = tmp_path_factory.mktemp("partial") / "results/world"
    shutil.copytree(world, target, copy_function=os.link)
    shutil.rmtree(target / "invariance/tables")
    shutil.rmtree(target / "twin")
    (target / f"net/invariance/flows/trained/{LAST}.pt").unlink()
    return target


@pytest.fixture
def copied(world: Path, tmp_path: Path) -> Path:
    target = tmp_path / "results/world"
    return Path(shutil.copytree(world, target, copy_function=os.link))  # files are taken away


def units(demos: DemoSet, count: int) -> tuple[np.ndarray, np.ndarray]:
    return demos.images[:count].numpy(), demos.rows[:count]


def tiles(test: AppTest) -> list[list[str]]:
    """Return the addresses of the images in every row of tiles."""
    found = (re.findall('<img src="([^"]+)"', one.proto.body) for one in test.get("html"))
    return [images for images in found if images]


def texts(test: AppTest) -> str:
    kinds = ("markdown", "caption", "info", "warning")
    written = "\n".join(str(one.value) for kind in kinds for one in test.get(kind))
    return re.sub(r"\\([^a-zA-Z0-9\s])", r"\1", written.replace("\u2060", ""))


# Links and controls.


@pytest.mark.parametrize("part", PARTS)
def test_a_link_to_invariances_reproduces_every_choice(
    world: Path, visit: Visit, part: str
) -> None:
    network = "twin" if part == "networks" else "net"
    asked = {"study": "world", "view": "invariances", "show": part, "network": network}
    asked |= CHOICES[part]
    test = visit(world, **asked)
    assert address(test) == asked
    assert not test.info
    assert not test.warning
    assert any(re.search(r"\*\*.+\*\*", caption.value) for caption in test.caption)


def test_a_study_of_invariances_alone_has_them_first(world: Path, visit: Visit) -> None:
    test = visit(world)
    assert address(test)["view"] == "overview"
    assert {"view": "invariances"} in choices(test)
    assert not test.info


def test_as_many_samples_are_shown_as_asked_and_another_seed_has_others(
    world: Path, visit: Visit
) -> None:
    test = visit(world, view="invariances", show="representations", samples="3", seed="4")
    before = tiles(test)
    assert [len(images) for images in before] == [3, 1, 3]  # image and means, variance, samples
    resample = next(one for one in test.button if one.label == "Resample")
    resample.click().run()
    assert address(test)["seed"] == "5"
    after = tiles(test)
    assert before[0][:2] == after[0][:2]
    assert not set(before[2]) & set(after[2])
    test.number_input[0].set_value(4).run()
    assert tiles(test) == before


def test_the_page_shows_the_samples_of_the_image_and_its_row(
    world: Path, visit: Visit, demos: DemoSet
) -> None:
    test = visit(world, view="invariances", show="representations", anchor="405", samples="2")
    order = [5, *(k for k in range(len(demos.rows)) if k != 5)]
    found = sample(
        *(demos, LAST, demos.images.numpy()[order], demos.rows[order]),
        **{"samples": 2, "temperature": 1.0, "seed": 0},
    )
    assert tiles(test)[2] == [image_address(one, 2 * 104) for one in found.samples]


def test_a_click_on_an_image_chooses_it(world: Path, visit: Visit) -> None:
    test = visit(world, view="invariances", show="mixing")
    pills = test.get("button_group")[-1]
    assert len(pills.options) == 24
    pills.set_value(["405", "401"]).run()
    assert address(test)["mixed"] == "405,401"
    assert len(tiles(test)[0]) == 2 + 2 + 4
    test.get("button_group")[-1].set_value(["405"]).run()  # one is too few
    assert address(test)["mixed"] == "405,401"


@pytest.mark.parametrize(
    ("wanted", "granted", "noted"),
    [
        ("b,a", ["b", "a"], False),
        ("a,a,b", ["a", "b"], True),
        ("a,b,c,d", ["a", "b", "c"], True),
        ("a,x,b", ["a", "b"], True),
        ("a", ["a", "b"], True),
        ("", ["a", "b"], True),
    ],
)
def test_of_several_wishes_the_possible_ones_are_granted(
    wanted: str, granted: list[str], noted: bool
) -> None:
    wishes = Wishes({"mixed": wanted})
    assert wishes.several("mixed", "abcd", ["a", "b"], least=2, most=3) == granted
    assert wishes.query() == {"mixed": ",".join(granted)}
    assert bool(wishes.notes) == noted


def test_no_page_waits_for_torch_before_a_demo_is_played() -> None:
    running = {"playing": "actsense.explorer.invariance.playing"}
    running["responses"] = "actsense.explorer.responses"
    heavy = ("torch", "actsense.invariance.demos", *running.values())
    source = Path(explorer.__file__).parent
    for path in source.rglob("*.py"):
        nodes = ast.parse(path.read_text()).body  # what functions import waits for them
        names = [one.module or "" for one in nodes if isinstance(one, ast.ImportFrom)]
        assert path.stem in running or not [name for name in names if name.startswith(heavy)]


# What is missing, limited or broken.


@pytest.mark.parametrize("lost", ["net/weights.pt", "net/invariance/flows"])
def test_without_files_to_play_with_what_was_kept_is_shown(
    copied: Path, visit: Visit, lost: str
) -> None:
    path = copied / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    test = visit(copied, view="invariances", show="attacks")
    assert "cannot be played here" in told(test)
    assert "snakemake invariance" in told(test)
    samples = tiles(test)[2]
    stored = open_study(copied)["net"].invariances
    assert len(samples) == stored.group("trained", LAST).sample_images.shape[1]
    assert {"anchor", "layer"} <= address(test).keys()
    assert "seed" not in address(test)


def test_a_flow_that_is_missing_spoils_its_layer_alone(partial: Path, visit: Visit) -> None:
    assert f"{LAST}.pt" in told(visit(partial, view="invariances", show="mixing", layer=LAST))
    assert not visit(partial, view="invariances", show="mixing", layer=FIRST).info


def test_a_table_that_is_missing_is_named(partial: Path, visit: Visit) -> None:
    assert "invariance_kept.csv" in told(visit(partial, view="invariances"))


def test_a_single_network_has_nobody_beside_it(partial: Path, visit: Visit) -> None:
    test = visit(partial, view="invariances", show="networks", layer=FIRST)
    assert "Two networks are needed" in told(test)


def test_without_a_store_it_is_said_what_makes_it(copied: Path, visit: Visit) -> None:
    for network in NETWORKS:
        shutil.rmtree(copied / network / "invariance/kept.zarr")
    assert "snakemake invariance" in told(visit(copied, view="invariances"))


def test_an_older_store_is_said_to_be_damaged(tmp_path: Path, visit: Visit) -> None:
    home = tmp_path / "results/old/net"
    groups, attributes = invariance_groups(judge=False, inversion=False, random=False)
    del attributes["seed"]
    write_results(home / "invariance/kept.zarr", groups, attributes=attributes)
    write_facts(home / "card.json", {"name": "net"})
    test = visit(home.parent, view="invariances", show="mixing")
    assert "kept.zarr: damaged" in told(test)


def test_own_images_are_used_and_broken_ones_are_said_to_be_broken(
    world: Path, visit: Visit
) -> None:
    test = visit(world, view="invariances", show="representations")
    files = [("b.png", png(), "image/png"), ("a.png", b"no image", "image/png")]
    test.file_uploader(key="own_files").set_value(files).run()
    assert "a.png: no image that can be read" in texts(test)
    assert "1 of your own" in texts(test)
    test.get("button_group")[-1].set_value("own1").run()
    assert address(test)["anchor"] == "own1"
    assert "b.png" in "".join(one.proto.body for one in test.get("html"))
    # Nobody else has it: the link falls back there, with a note.
    other = visit(world, view="invariances", show="representations", anchor="own1")
    assert address(other)["anchor"] == str(FIRST_ROW)
    assert "own1" in texts(other)
    next(one for one in test.button if one.label == "Remove them").click().run()
    assert address(test)["anchor"] == str(FIRST_ROW)


def test_an_own_clip_moves_the_image_and_a_broken_one_is_said_to_be_broken(
    world: Path, visit: Visit
) -> None:
    test = visit(world, view="invariances", show="video", clip="own")
    assert "Bring a GIF" in told(test)
    test.file_uploader(key="own_clip_file").set_value(("bad.gif", b"no clip", "image/gif")).run()
    assert "bad.gif" in texts(test)
    assert "/tmp" not in texts(test)
    test.file_uploader(key="own_clip_file").set_value(("good.gif", gif(5), "image/gif")).run()
    assert "of 5 frames that move it" in texts(test)


# What is computed.


def test_samples_are_those_of_the_library(demos: DemoSet) -> None:
    images, known = units(demos, 6)
    options = {"samples": 3, "temperature": 0.7, "seed": 5}
    found = sample(demos, LAST, images, known, **options)
    whole = show_representations(
        demos.view(LAST), torch.from_numpy(images), rows=known, bootstrap=1, **options
    )
    # As many at once as there are images decide rounding.
    np.testing.assert_allclose(found.samples, whole.samples[0].numpy() * 255, atol=1.01)
    assert found.predicted == whole.predicted[0]
    assert found.of("cosine") == pytest.approx(
        (
            *(whole.likeness.centred[0], whole.likeness.cosine_floor[0]),
            whole.likeness_reconstructed.centred[0],
        ),
        abs=1e-3,
    )
    np.testing.assert_allclose(
        found.variance, whole.samples[0].numpy().var(axis=0, ddof=1), atol=1e-6
    )


def test_own_images_get_seeds_of_their_own(demos: DemoSet) -> None:
    images, known = units(demos, 3)
    own = known.copy()
    own[0] = OWN_ROWS
    options = {"samples": 2, "temperature": 1.0, "seed": 5}
    first, second = (sample(demos, LAST, images, k, **options) for k in (known, own))
    assert (first.samples != second.samples).any()


def test_own_images_come_first_with_rows_of_no_dataset(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = open_study(world)["net"].invariances
    own = read_uploads([Sent("mine.png", png())], SIDE)
    monkeypatch.setattr("streamlit.session_state", {"own_images": own})
    shown = gallery(stored)
    assert shown.titles[:2] == ["mine.png", f"label: {stored.classes[stored.labels[0]]}"]
    assert list(shown.rows[:2]) == [OWN_ROWS, FIRST_ROW]
    np.testing.assert_array_equal(shown.pixels[:1], own.pixels)
    assert shown.of_study(3).keys == [str(FIRST_ROW + k) for k in range(3)]


def test_a_network_is_opened_again_when_any_of_its_files_is_another(world: Path) -> None:
    known = {Path(path).name for path, _ in open_network(world, "net").stamp}
    assert known == {"weights.pt", "autoencoder.pt", "zarr.json"} | {f"{k}.pt" for k in LAYERS}


def test_mixtures_of_an_image_with_itself_are_its_reconstruction(demos: DemoSet) -> None:
    images, _ = units(demos, 3)
    found = mix(demos, FIRST, images)
    with torch.inference_mode():
        latents, _ = demos.autoencoder.encode(torch.from_numpy(images))
        rebuilt = (demos.autoencoder.decode(latents) * 255).numpy()
    for k in range(3):
        np.testing.assert_allclose(found.images["mixed"][k, k], rebuilt[k], atol=1)
    assert found.predicted["mixed"].shape == (3, 3)


def test_an_attack_of_nothing_leaves_everything_as_it_is(demos: DemoSet) -> None:
    image, row = units(demos, 1)
    options = {"method": "fgsm", "target": None, "samples": 2, "seed": 0}
    still = attack(demos, LAST, image, row, epsilon=0.0, **options)
    np.testing.assert_array_equal(still.images["attacked"], still.images["images"])
    np.testing.assert_array_equal(still.images["samples"], still.images["attacked_samples"])
    moved = attack(demos, LAST, image, row, epsilon=0.1, **options)
    away = moved.images["attacked"].astype(int) - moved.images["images"]
    assert 24 <= abs(away).max() <= 26  # of 255


def test_two_networks_are_judged_by_either(demos: DemoSet, world: Path) -> None:
    twin = open_demos(world, "twin")
    images, known = units(demos, 2)
    found = compare((demos, twin), (LAST, FIRST), images, known, samples=2, seed=1)
    own = sample(demos, LAST, images, known, samples=2, temperature=1.0, seed=1)
    np.testing.assert_array_equal(found.samples[0, 0], own.samples)
    np.testing.assert_array_equal(found.judged[0, 0, 0], own.predicted_samples)
    with torch.inference_mode():
        said = twin.view(FIRST).predict(torch.from_numpy(found.samples[0] / np.float32(255)))
    np.testing.assert_array_equal(found.judged[1, 0], said.numpy())


def test_a_film_shows_clip_image_and_translation_side_by_side(demos: DemoSet) -> None:
    images, _ = units(demos, 1)
    clip = driving_clip(SIDE, 4)
    found = translate(demos, LAST, clip, images[0])
    assert found.images["images"].shape == clip.frames.shape
    np.testing.assert_array_equal(found.images["frames"], clip.frames)
    still = np.repeat(found.images["reference"][None], 4, axis=0)
    film = Image.open(BytesIO(film_bytes([clip.frames, still], 10)))
    assert film.size == (2 * 160 + 8, 160)
    assert film.n_frames == 4
    left = np.asarray(film.convert("RGB"))[2::5, 2:160:5].transpose(2, 0, 1).astype(int)
    assert abs(left - clip.frames[0]).mean() < 8  # a palette rounds


def test_uploads_are_cut_out_as_in_a_folder(tmp_path: Path) -> None:
    sent = [Sent("wide.png", png(90, 40, 1)), Sent("folder/high.png", png(33, 70, 2))]
    for one in sent:
        (tmp_path / Path(one.name).name).write_bytes(one.getvalue())
    found, folder = read_uploads(sent, SIDE), read_images(tmp_path, SIDE)
    assert list(found.names) == list(folder.names)
    np.testing.assert_array_equal(found.pixels, folder.pixels)
    assert not found.problems


def test_uploads_beyond_the_limit_are_left_out_and_said() -> None:
    one = png(20, 20)
    found = read_uploads([Sent(f"{k:02}.png", one) for k in range(50)], SIDE)
    assert len(found.names) == 48
    assert found.problems == ["48.png and later ones: at most 48 images are shown."]
    none = read_uploads([Sent("x.png", b"")], SIDE)
    assert none.pixels.shape == (0, 3, SIDE, SIDE)


def test_a_clip_that_is_sent_is_read_as_a_file_is() -> None:
    assert read_clip_upload(Sent("a.gif", gif(6)), SIDE, 4).frames.shape == (4, 3, SIDE, SIDE)
    with pytest.raises(ConfigError, match=r"^a\.gif: "):
        read_clip_upload(Sent("a.gif", b"nothing"), SIDE, 4)


# Words, charts and cards.


def test_verdicts_say_what_was_planted(rows: pd.DataFrame) -> None:
    first, second, third = kept_verdicts(rows)
    shares = [planted_free("trained", number).mean() for number in (0, len(LAYERS) - 1)]
    assert all(f"{100 * share:.0f} %" in first for share in shares)
    assert "rises" in first
    assert "discard more" in second
    assert f"{100 * planted_likeness('trained', len(LAYERS) - 1)['agreement']:.0f} %" in third


def test_verdicts_do_not_claim_what_is_not_certain(rows: pd.DataFrame) -> None:
    wide = rows.assign(low=rows["value"] - 0.9, high=rows["value"] + 0.9, limited=True)
    first, second, _, last = kept_verdicts(wide)
    assert "not certain" in first
    assert "not certain" in second
    assert last.startswith(f"At {', '.join(LAYERS)} the autoencoder loses too much")
    assert [*kept_verdicts(rows[:0])] == []
    (only,) = kept_verdicts(rows[(rows["layer"] == FIRST) & (rows["measure"] == "explained_latent")
                                 & (rows["state"] == "trained")])  # fmt: skip
    assert only.startswith(f"{FIRST} leaves")


def test_tables_of_charts_hold_layers_alone_with_their_ends(rows: pd.DataFrame) -> None:
    free = kept_table(rows)
    assert list(free["layer"]) == [*LAYERS, *LAYERS]
    assert set(free["state"]) == {"trained", "random weights"}
    np.testing.assert_allclose(free["high"] - free["low"], 2 * HALF)
    between = consistency_table(rows, "agreement").set_index(["state", "layer"])
    planted = planted_likeness("trained", 0)
    told = between.loc["trained", FIRST]
    assert told["value"] == pytest.approx(planted["agreement"])
    assert told["floor"] == pytest.approx(planted["agreement_floor"])
    assert told["ceiling"] == pytest.approx(planted["reconstructed_agreement"])
    assert (between["limited"] == "limited by the autoencoder").sum() == len(LAYERS)
    charts = (free_chart(free), between_chart(consistency_table(rows, "cosine"), "cosine"))
    for chart in charts:
        assert [layer in str(chart) for layer in LAYERS] == [True] * len(LAYERS)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 %"), (0.004, "0.4 %"), (0.5, "50 %"), (0.996, "99.6 %"), (1, "100 %"),
     (np.nan, "an unknown share")],
)  # fmt: skip
def test_shares_are_neither_nothing_nor_all_unless_they_are(value: float, text: str) -> None:
    assert percent(value) == text


def test_a_gauge_marks_value_floor_and_ceiling() -> None:
    drawn = gauge("cosine", 0.5, 0.1, 0.9, limited=False)
    assert "left:10.00%;width:80.00%" in drawn
    assert "calc(50.00% - 3px)" in drawn
    assert "gradient" not in drawn
    assert "gradient" in gauge("cosine", 0.5, 0.1, 0.9, limited=True)
    low = gauge("cosine", -0.5, -1.0, 0.5, limited=False)  # the scale then begins lower
    assert "left:0.00%;width:75.00%" in low
    assert "undefined" in gauge("cosine", float("nan"), 0.1, 0.9, limited=False)


def test_cards_escape_words_and_mark_what_agrees() -> None:
    pixels = np.zeros((3, 4, 4), np.uint8)
    row = framed_row([Tile(pixels, "<b>", 'a"b', True), Tile(pixels, "", "c", False)])
    assert "&lt;b&gt;" in row
    assert "a&quot;b" in row
    assert row.count("✓") == row.count("✗") == 1
    matrix = mixing_matrix([Tile(pixels)] * 3, [[Tile(pixels)] * 3] * 3)
    assert matrix.count("<img") == 3 + 3 + 9
    assert matrix.count("outline:2px") == 3


def test_stored_samples_are_those_of_their_anchor(world: Path) -> None:
    stored = open_study(world)["net"].invariances
    group = stored.group("trained", FIRST)
    found = stored_samples(stored, group, 2)
    np.testing.assert_array_equal(found.image, stored.images[2])
    np.testing.assert_array_equal(found.samples, group.sample_images[2])
    np.testing.assert_array_equal(found.predicted_samples, group.sample_predicted[2])
    assert found.predicted == group.predicted[2]
    assert found.of("agreement")[0] == group.kept.samples.agreement[2]
    assert found.of("cosine")[2] == group.kept.reconstructions.centred[2]
