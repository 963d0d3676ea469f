"""Four of the demos: representations, attacks, mixing and two networks. Nothing is stored."""

__all__ = ["show_attacks", "show_mixing", "show_representations", "show_two_networks"]

from typing import Literal, cast

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from actsense.errors import ConfigError
from actsense.explorer.controls import pick, plain
from actsense.explorer.invariance.cards import Tile, framed_row, mixing_matrix
from actsense.explorer.invariance.gallery import choose_image, choose_images
from actsense.explorer.invariance.opened import Opened, open_network, remembered
from actsense.explorer.invariance.outcomes import Pair, Played, Sampled
from actsense.explorer.invariance.samples import draw_sampled
from actsense.explorer.invariance.stage import (
    Stage,
    choose_layer,
    kept_networks,
    kept_of,
    pick_steps,
)
from actsense.explorer.invariance.words import percent

COMPANIONS = 48  # images that the chosen one is compared with
TEMPERATURES = (0, 0.25, 0.5, 0.75, 1, 1.25, 1.5)
EPSILONS = (0, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2)
METHODS = {"fgsm": "one step (FGSM)", "pgd": "twenty steps (PGD)"}
AWAY = "away"  # from what the network says, to no class in particular
ATTACKED = 3  # samples of an attacked image, at first


def show_representations(stage: Stage, opened: Opened) -> None:
    """Show samples of one image."""
    st.markdown(
        f"##### What does {plain(stage.layer)} keep of an image, and what does it discard?"
    )
    place = choose_image(stage.gallery)
    left, right = st.columns(2)
    with left:
        samples = int(pick_steps("Samples", "samples", range(2, 21), 8))
    with right:
        temperature = pick_steps("Temperature", "temperature", TEMPERATURES, 1)
    others = [k for k in range(len(stage.gallery.keys)) if k != place][:COMPANIONS]
    places = [place, *others]

    def work() -> Sampled:
        from actsense.explorer.invariance.playing import sample

        return sample(
            *(opened.demos, stage.layer, *stage.images(places)),
            samples=samples,
            temperature=temperature,
            seed=stage.seed,
        )

    name = stage.depends(opened, places, "sample", samples, temperature, stage.seed)
    title = stage.gallery.titles[place]
    draw_sampled(remembered(name, work), stage.stored.outputs, stage.layer, title,
                 limited=stage.limited)  # fmt: skip
    st.caption(
        "Temperature: how far samples may go from the most likely one; 1 is as the flow learned "
        "it, 0 makes all samples the same. Seed and image decide what is drawn: layers and "
        "networks get the same, so that what differs between their samples is theirs."
    )


def show_attacks(stage: Stage, opened: Opened) -> None:
    """Show what a layer sees of an image that was changed to mislead the network."""
    st.markdown(f"##### What does {plain(stage.layer)} see of an image that misleads the network?")
    place = choose_image(stage.gallery)
    outputs = stage.stored.outputs
    method = pick(st.container(), "Attack", "attack", list(METHODS), words=METHODS, buttons=True)
    targets = {AWAY: "any other class"} | {str(k): name for k, name in enumerate(outputs)}
    columns = st.columns(3)
    target = pick(columns[0], "Towards", "towards", list(targets), words=targets)
    with columns[1]:
        epsilon = pick_steps("Epsilon", "epsilon", EPSILONS, 0.03)
    with columns[2]:
        samples = int(pick_steps("Samples", "attack_samples", range(1, 7), ATTACKED))

    def work() -> Played:
        from actsense.explorer.invariance.playing import attack

        return attack(
            *(opened.demos, stage.layer, *stage.images([place])),
            method=cast(Literal["fgsm", "pgd"], method),
            target=None if target == AWAY else int(target),
            epsilon=epsilon,
            samples=samples,
            seed=stage.seed,
        )

    name = stage.depends(opened, [place], "attack", method, epsilon, target, samples, stage.seed)
    found = remembered(name, work)
    images, said = found.images, found.predicted
    first = int(said["images"])

    def tile(name: str, title: str, *words: str) -> Tile:
        number = int(said[name])
        if name == "images":
            return Tile(images[name], title, f"says {outputs[number]}", None, words)
        return Tile(images[name], title, outputs[number], number == first, words)

    st.markdown(_attack_words(outputs, first, int(said["attacked"]), int(said["view"])))
    left, right = st.container(horizontal=True, gap="large"), st.container()
    moved = images["attacked"].astype(np.float64) - images["images"]
    stretched = 127.5 * (1 + moved / max(1.0, np.abs(moved).max()))
    with left.container(width=480):
        st.markdown("**What people see**")
        shown = [
            tile("images", "image", stage.gallery.titles[place]),
            tile("attacked", "attacked"),
            Tile(stretched.round().astype(np.uint8), "difference", words=["grey: none"]),
            tile("noisy", "noise as large"),
        ]
        st.html(framed_row(shown))
    with left.container(width=480):
        st.markdown("**What the layer sees**")
        seen = [
            tile("reconstructed", "of the image"),
            tile("view", "of the attacked"),
            tile("noisy_view", "of the noisy"),
            tile("reconstructed_attacked", "autoencoder", "of the attacked"),
        ]
        st.html(framed_row(seen))
    for key, words in (
        ("samples", "Samples of what the layer says of the image"),
        ("attacked_samples", "Samples of what it says of the attacked image"),
    ):
        right.markdown(f"**{words}**")
        row = zip(images[key], said[key], strict=True)
        right.html(framed_row([Tile(x, "", outputs[k], bool(k == first)) for x, k in row]))
    st.caption(
        "What the layer sees has what it says of the changed image, and all it does not say from "
        "the intact one. **Where it shows another thing than people see, the attack reached the "
        "layer.** The autoencoder alone shows that the attack itself is not visible. ✓: the class "
        "of the intact image; ✗: another one. Both rows of samples are drawn alike. Epsilon: how "
        "far a value of the image may move, where black is 0 and white is 1."
    )


def _attack_words(outputs: list[str], first: int, then: int, seen: int) -> str:
    if then == first:
        return (
            f"The attack does not change what the network says: **{plain(outputs[first])}**. Try "
            "a larger epsilon, or more steps."
        )
    told = plain(outputs[seen])
    shown = (
        f"What the layer sees of it is **{told}** to the network, too."
        if seen == then
        else f"What the layer sees of it is **{told}** to the network."
    )
    return f"The attack turns **{plain(outputs[first])}** into **{plain(outputs[then])}**. {shown}"


def show_mixing(stage: Stage, opened: Opened) -> None:
    """Show all mixtures of some images."""
    st.markdown(
        f"##### What {plain(stage.layer)} keeps of one image, with what it discards of another"
    )
    places = choose_images(
        stage.gallery,
        "Images: click to add or remove; 2 to 6",
        "mixed",
        count=4,
        least=2,
        most=6,
    )

    def work() -> Played:
        from actsense.explorer.invariance.playing import mix

        return mix(opened.demos, stage.layer, stage.images(places)[0])

    found = remembered(stage.depends(opened, places, "mix"), work)
    outputs, own = stage.stored.outputs, found.predicted["images"]
    heads = [
        Tile(x, stage.gallery.titles[place], f"says {outputs[k]}")
        for x, place, k in zip(found.images["images"], places, own, strict=True)
    ]
    mixed = [
        [Tile(x, "", outputs[k], bool(k == own[j])) for j, (x, k) in enumerate(zip(*line,
                                                                                strict=True))]
        for line in zip(found.images["mixed"], found.predicted["mixed"], strict=True)
    ]  # fmt: skip
    apart = ~np.eye(len(places), dtype=bool)
    same = (found.predicted["mixed"] == own[None, :])[apart]
    st.markdown(
        f"Of {apart.sum()} mixtures of two images, the network gives **{same.sum()}** the class "
        "of the image that the layer speaks of."
    )
    st.html(mixing_matrix(heads, mixed))
    st.caption(
        "**Down a column, all is the same to the layer; along a row, all that it discards stays "
        "the same.** Framed: an image with itself, which the autoencoder alone changes. ✓: the "
        "class of the image on top."
    )


def show_two_networks(stage: Stage, opened: Opened) -> None:
    """Show samples of two networks side by side, from the same draws."""
    shelf = stage.shelf
    others = [name for name in shelf.read(kept_networks) if name != stage.network]
    if not others:
        raise ConfigError(
            f"Only {stage.network} has invariances. Two networks are needed: name another one in "
            "invariance.networks."
        )
    side = st.sidebar
    other = pick(side, "Beside", "beside", others, instead_of=("beside_layer",))
    stored = shelf.read(kept_of, other)
    layer = choose_layer(stored, f"Layer of {plain(other)}", "beside_layer", stage.layer)
    second = open_network(shelf.held.path, other)
    names, layers = (stage.network, other), (stage.layer, layer)
    st.markdown(f"##### Do {plain(names[0])} and {plain(names[1])} keep the same of an image?")
    places = choose_images(
        stage.gallery, "Images: click to add or remove; 1 to 4", "both", count=2, least=1, most=4
    )
    samples = int(pick_steps("Samples", "both_samples", range(2, 9), 4))

    def work() -> Pair:
        from actsense.explorer.invariance.playing import compare

        return compare(
            (opened.demos, second.demos),
            layers,
            *stage.images(places),
            samples=samples,
            seed=stage.seed,
        )

    key = stage.depends(opened, places, "compare", second.stamp, layer, samples, stage.seed)
    found = remembered(key, work)
    outputs = (stage.stored.outputs, stored.outputs)
    share = (found.judged == found.predicted[:, None, :, None]).mean(axis=(2, 3))
    st.markdown(_both_words(names, share))
    for number, place in enumerate(places):
        row = st.container(horizontal=True, gap="medium")
        numbers = found.predicted[:, number]
        said = [f"{name} says {outputs[k][numbers[k]]}" for k, name in enumerate(names)]
        tile = Tile(stage.gallery.pixels[place], stage.gallery.titles[place], words=said)
        with row.container(width=130):
            st.markdown("**image**")
            st.html(framed_row([tile]))
        with row.container():
            for k, name in enumerate(names):
                st.markdown(f"**{plain(name)}**, {plain(layers[k])}")
                drawn = zip(found.samples[k, number], found.judged[k, k, number], strict=True)
                tiles = [Tile(x, "", outputs[k][o], bool(o == numbers[k])) for x, o in drawn]
                st.html(framed_row(tiles))
    st.caption(
        "Samples below each other are drawn alike: what differs is the networks'. ✓: the network "
        "whose samples they are gives them the class of the image. **Where one network keeps a "
        "texture or a shape that the other lets go, they go by different cues:** bring your own "
        "images whose texture and shape tell of different classes to see it."
    )


def _both_words(names: tuple[str, str], share: NDArray[np.float64]) -> str:
    """Say how often either network gives samples the class of their image."""
    return "\n".join(
        f"- **{plain(names[k])}** gives {percent(share[k, k])} of its own samples the class that "
        f"it gives to their image, and {percent(share[k, 1 - k])} of those of "
        f"{plain(names[1 - k])}."
        for k in (0, 1)
    )
