"""Freedom of a design: factors left out, probabilities and ranges, the law of the published study.

Whole designs are run over made images and compared with what the law says in closed form.
"""

import hashlib
import itertools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import masked_study
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import kstest

from actsense.augment import AUGMENTATIONS, PUBLISHED, Augmentation, Parameter
from actsense.data.pool import ImagePool
from actsense.sampling.context import Context
from actsense.sampling.decoding import decode_block
from actsense.sampling.designs import Design, Factor, Hidden
from actsense.sampling.evaluator import Evaluator
from actsense.sampling.law import Evaluations, InputLaw
from actsense.sampling.opening import Sampling
from actsense.sampling.plan import build_design
from actsense.sampling.ranges import PARAMETERS, adjustable
from actsense.sampling.settings import DesignSettings, contradictions
from actsense.sampling.sharding import Shard
from actsense.sampling.told import design_words, freedom_words, recorded_designs
from actsense.sensitivity.accumulator import Accumulator
from actsense.sensitivity.estimation import write_indices
from actsense.sensitivity.indices import Indices, estimate_indices
from actsense.sensitivity.maps import SensitivityMaps, Variable
from actsense.sensitivity.moments_file import write_moments
from actsense.sensitivity.summing import stream_shard

Floats = NDArray[np.float64]
NAMES = ("brightness", "grayscaling", "rolling")
IMAGES, CLASSES = 60, 3
LABEL = np.arange(IMAGES) % CLASSES
PARTITION = (np.arange(IMAGES) // CLASSES) % 2
POOL = ImagePool.shuffled(PARTITION, LABEL, seed=0)
FREE: list[dict[str, Any]] = [
    {},
    {"law": "always"},
    {"context": ("order", "image")},
    {"context": ("class", "image")},
    {"context": ("class", "partition")},
    {"context": (), "partitions": ("validation",)},
    {"context": ("image", "class"), "partitions": ("train",)},
    {"probability": {"rolling": 1, "brightness": 0.1}},
    {"law": "published"},
    {"law": "published", "probability": {"rolling": 0.25}, "context": ("image", "partition")},
    {"law": "published", "context": ("class", "order"), "partitions": ("train",)},
]


def settings(**given: Any) -> DesignSettings:
    return DesignSettings(**({"augmentations": NAMES, "base_points": 64} | given))


def opened(own: DesignSettings, seed: int = 3) -> tuple[Design, InputLaw]:
    law = InputLaw.of_design(own, size=32, pool=POOL)
    return build_design("made", own, seed=seed), law


def estimated(own: DesignSettings, answer: Callable[[Evaluations], Floats]) -> Indices:
    """Run a function of the evaluations, (rows,), through a whole design."""
    design, law = opened(own)
    names = tuple(factor.name for factor in design.factors)
    replicates = []
    for replicate in range(design.replicates):
        accumulator = Accumulator(names, design.walks, 1, parts=design.parts)
        for number in range(design.blocks):
            block, evaluations, place = decode_block(design, law, replicate, number)
            accumulator.add(torch.from_numpy(answer(evaluations)[:, None]), place, block)
        replicates.append(accumulator.moments())
    return estimate_indices(replicates)


def agrees(found: Indices, name: str, exact: Any, *, width: float = 0.05) -> None:
    """Assert that an index is what it should be, and that its intervals are narrow."""
    half = found.half_widths[name][..., 0]
    assert np.nanmax(half) < width
    np.testing.assert_array_less(abs(found.values[name][..., 0] - exact), 2 * half + 1e-9)


def on(evaluations: Evaluations, which: int) -> Floats:
    return (evaluations.sequence == which).any(axis=1).astype(float)


@pytest.mark.parametrize("given", FREE, ids=str)
def test_settings_and_law_have_the_same_factors(given: dict[str, Any]) -> None:
    own = settings(**given)
    design, law = opened(own)
    assert law.factors == own.players == design.factors
    assert own.factors == (*(f.name for f in law.factors), *design.parts)
    assert not [*contradictions(own, 32)]
    block = design.block(0, 0)
    most = block.path.max() + 1  # fewer only where a scalar is a whole factor and nothing hidden
    assert block.coordinates.shape[1] == design.nodes >= most
    assert design.nodes == most or (own.law == "published" and not design.hidden)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"context": ("order", "image")}, ("order", "image")),
        ({"context": ("image", "class")}, ("content", "class", "image")),
        ({"partitions": ("train",)}, ("order", "content", "class", "image")),
        ({"context": ("class",), "partitions": ("train",)}, ("class",)),
        ({"context": (), "partitions": ("train",)}, ()),
        ({"law": "published"}, ("order", "class", "partition")),
        ({"law": "published", "partitions": ("train",)}, ("order", "class")),
    ],
)
def test_what_is_left_out_is_no_factor(given: dict[str, Any], names: tuple[str, ...]) -> None:
    assert settings(**given).factors == (*NAMES, *names)


@pytest.mark.parametrize(
    ("law", "digest"), [("switched", "538fd6f6de98a11e"), ("always", "ad8aed0e8934a233")]
)
def test_usual_designs_are_what_they_were_before_there_was_freedom(law: str, digest: str) -> None:
    """Digests of the version before."""
    own = DesignSettings(augmentations=NAMES, base_points=32, law=law)
    design = build_design("d", own, seed=3)
    block = design.block(1, 1)
    decoded = InputLaw.of_design(own, size=32, pool=POOL).decode(
        block.coordinates.reshape(-1, block.coordinates.shape[-1])
    )
    found = hashlib.sha256()
    shown = (decoded.image, decoded.sequence, decoded.values)
    for array in (block.coordinates, block.path, block.exchanged, *shown):
        found.update(np.ascontiguousarray(array).tobytes())
    assert found.hexdigest()[:16] == digest


def test_usual_settings_decide_what_they_decided_before() -> None:
    own = settings(context=("partition", "image", "class", "order"))
    assert own.without_defaults(own.plain()) == {
        "augmentations": [*NAMES],
        "analyses": True,
        "base_points": 64,
        "replicates": 8,
        "walks": 2,
        "law": "switched",
        "stretch": False,
        "shards": "auto",
    }
    free = settings(context=("order",), partitions=("train",), probability=0.2, ranges={})
    kept = free.without_defaults(free.plain())
    assert DesignSettings(**kept) == free
    assert {"context", "partitions", "probability"} < kept.keys()


def test_images_are_those_that_the_context_leaves() -> None:
    def shown(**given: Any) -> NDArray[np.int64]:
        return np.unique(decode_block(*opened(settings(**given)), 0, 0)[1].image)

    of = POOL.rows[1]
    assert shown(context=(), partitions=("validation",)) == of[0][:1]
    assert set(shown(context=("class",), partitions=("validation",))) == {r[0] for r in of}
    assert set(shown(context=("class", "partition"))) == {r[0] for p in POOL.rows for r in p}
    assert {*PARTITION[shown(partitions=("train",))]} == {0}
    assert {*LABEL[shown(context=("image",), partitions=("train",))]} == {0, 1, 2}
    assert {*PARTITION[shown(context=("image",))]} == {0, 1}


def test_without_order_augmentations_come_as_listed() -> None:
    sequences = decode_block(*opened(settings(context=("image",))), 0, 0)[1].sequence
    for row in sequences:
        assert sorted(used := row[row >= 0].tolist()) == used
    assert len(np.unique(sequences, axis=0)) == 8


def test_switches_have_the_variance_of_their_probability() -> None:
    """Y = 3 on_1 + on_2 + 4 on_1 on_2 of Bernoulli variables: all indices in closed form."""
    p, q = 0.2, 0.7
    own = settings(
        augmentations=("grayscaling", "hflip"),
        probability={"grayscaling": p, "hflip": q},
        context=(),
        partitions=("train",),
        base_points=256,
    )

    found = estimated(own, lambda e: 3 * on(e, 0) + on(e, 1) + 4 * on(e, 0) * on(e, 1))

    single = np.array([p * (1 - p) * (3 + 4 * q) ** 2, q * (1 - q) * (1 + 4 * p) ** 2])
    both = 16 * p * (1 - p) * q * (1 - q)
    variance = single.sum() + both
    agrees(found, "S1", single / variance)
    agrees(found, "ST", (single + both) / variance)
    agrees(found, "shapley", (single + both / 2) / variance)
    agrees(found, "S2", np.array([[np.nan, both], [both, np.nan]]) / variance)
    assert found.values["variance"][0] == pytest.approx(variance, rel=0.03)


def test_parameters_have_the_variance_of_their_range() -> None:
    ends = {"brightness": [0.5, 1.5], "rolling": {"columns": [-3, 9]}}
    own = settings(augmentations=("brightness", "rolling"), ranges=ends, law="always",
                   context=(), partitions=("train",))  # fmt: skip

    found = estimated(own, lambda e: 12 * e.values[:, 0].astype(float) + e.values[:, 2])

    variance = np.array([12.0**2, 12.0**2]) / 12
    agrees(found, "S1", variance / variance.sum())
    agrees(found, "ST", variance / variance.sum())
    assert found.values["variance"][0] == pytest.approx(variance.sum(), rel=0.02)
    drawn = opened(own)[1].decode(np.random.default_rng(0).random((4000, 3))).values
    assert kstest(drawn[:, 2], "uniform", args=(-3, 12)).pvalue > 1e-3
    usual = AUGMENTATIONS["rolling"].parameters(32, 32)[0]
    assert isinstance(usual, Parameter)
    assert kstest(drawn[:, 1], "uniform", args=(usual.low, -2 * usual.low)).pvalue > 1e-3


def test_an_augmentation_alone_draws_from_the_range_of_its_design() -> None:
    own = opened(settings(ranges={"brightness": [0.5, 1.5]}))[1]
    values = own.alone(np.arange(3), 0, np.array([[0.0], [0.5], [1.0]])).values[:, 0]
    np.testing.assert_array_equal(values, np.float32([0.5, 1.0, 1.5]))


def effects(rng: int = 0) -> Floats:
    """Return an answer to every image, with effects of partition, class and image."""
    return np.random.default_rng(rng).normal(size=IMAGES) + LABEL + 2.0 * LABEL * PARTITION


@pytest.mark.parametrize("kept", [("class", "image"), ("partition", "image"), ("image",)])
def test_parts_that_are_left_out_go_into_the_image(kept: tuple[str, ...]) -> None:
    """By the analysis of variance of all images, which are equally likely."""
    answers = effects()
    own = settings(augmentations=("grayscaling",), context=kept, base_points=256)
    found = estimated(own, lambda e: answers[e.image] + on(e, 0))

    groups = {"class": LABEL, "partition": PARTITION, "image": np.arange(IMAGES)}
    explained = [np.var([answers[groups[part] == g].mean() for g in set(groups[part])])
                 for part in kept]  # fmt: skip
    parts = np.diff(explained, prepend=0.0)
    exact = [0.25, *([parts.sum()] if len(parts) > 1 else []), *parts]
    for name in ("S1", "ST", "shapley"):
        agrees(found, name, np.array(exact) / (parts.sum() + 0.25), width=0.06)


@dataclass(frozen=True)
class Enumerated(Design):
    """A design over two levels a coordinate: every pair of points with every order of players."""

    @property
    def turns(self) -> int:
        """Players of a walk."""
        return sum(f.coordinates if f.apart else 1 for f in self.factors)

    @property
    def points_per_block(self) -> int:
        """All pairs, in all orders."""
        return 2 ** (2 * sum(f.coordinates for f in self.factors)) * len(self._orders)

    @property
    def _orders(self) -> NDArray[np.int64]:
        return np.array([*itertools.permutations(range(self.turns))])

    def _base_points(self, replicate: int, number: int) -> tuple[Floats, Floats]:
        width = sum(factor.coordinates for factor in self.factors)
        both = np.array([*itertools.product((0.0, 0.5), repeat=2 * width)])
        repeated = np.tile(both, (len(self._orders), 1))
        return repeated[:, :width], repeated[:, width:]

    def _turns(self, replicate: int, number: int) -> NDArray[np.int64]:
        turns = np.repeat(self._orders, self.points_per_block // len(self._orders), axis=0)
        return turns[:, None]


def worth(table: Floats, known: tuple[int, ...]) -> float:
    """Return the variance of the mean given some axes."""
    others = tuple(axis for axis in range(table.ndim) if axis not in known)
    return float(table.mean(axis=others).var())


@pytest.mark.parametrize("apart", [True, False])
def test_players_are_scalars_or_whole_factors(apart: bool) -> None:
    """A random function of three scalars, and a triple product: brute force over coalitions."""
    tables = [np.random.default_rng(0).normal(size=(2, 2, 2)), np.ones((2, 2, 2))]
    for axis in range(3):
        shape = [1, 1, 1]
        shape[axis] = 2
        tables[1] = tables[1] * np.reshape([-1.0, 1.0], shape)
    factors = (Factor("pair", 2, apart=apart), Factor("other", 1))
    design = Enumerated("all", factors, base_points=2**20, replicates=2)
    block = design.block(0, 0)
    levels = (2 * block.coordinates).astype(np.int64)
    accumulator = Accumulator(("pair", "other"), design.walks, 2)
    place = (levels @ [4, 2, 1]).astype(np.int64)
    responses = np.stack([table.ravel() for table in tables], axis=1)
    accumulator.add(torch.from_numpy(responses), place, block)
    found = estimate_indices([accumulator.moments()] * 2)

    players = [(0,), (1,), (2,)] if apart else [(0, 1), (2,)]
    for unit, table in enumerate(tables):
        shares = np.zeros(2)
        orders = [*itertools.permutations(players)]
        for order in orders:
            for k, player in enumerate(order):
                before = tuple(axis for one in order[:k] for axis in one)
                gain = worth(table, before + player) - worth(table, before)
                shares[int(player == (2,))] += gain / len(orders)
        np.testing.assert_allclose(found.values["shapley"][:, unit], shares / table.var())
        first = [worth(table, (0, 1)), worth(table, (2,))]
        np.testing.assert_allclose(found.values["S1"][:, unit], first / table.var(), atol=1e-12)
    exact = [2 / 3, 1 / 3] if apart else [1 / 2, 1 / 2]
    np.testing.assert_allclose(found.values["shapley"][:, 1], exact)  # spec of the triple product


def test_a_hidden_image_goes_where_it_went_in_the_published_study() -> None:
    """Its variance: into every total index, and halved into the effects of class and partition."""
    noise = np.random.default_rng(1).normal(size=IMAGES)
    for part, label in itertools.product((0, 1), range(CLASSES)):
        cell = (part == PARTITION) & (label == LABEL)
        noise[cell] -= noise[cell].mean()
    noise *= np.sqrt(0.5 / noise.var())
    between = np.array([-1.0, 0, 1]) * np.sqrt(0.3 * 3 / 2)
    own = settings(augmentations=("brightness",), law="published", base_points=512)
    ends = opened(own)[1].parameters[0][0]
    assert isinstance(ends, Parameter)
    scale = np.sqrt(0.2 * 12) / (ends.high - ends.low)

    found = estimated(
        own, lambda e: scale * e.values[:, 0] + between[LABEL[e.image]] + noise[e.image]
    )

    assert own.factors == ("brightness", "order", "class", "partition")
    assert found.values["variance"][0] == pytest.approx(1, rel=0.03)
    agrees(found, "S1", [0.2, 0, 0.3, 0])
    agrees(found, "ST", [0.7, 0.5, 0.8, 0.5])
    agrees(found, "shapley", [0.2, 0, 0.55, 0.25])
    assert found.values["shapley"].sum() == pytest.approx(1, abs=1e-12)
    agrees(found, "S2", np.where(np.eye(4) == 1, np.nan, 0.0), width=0.08)


def test_hidden_draws_are_fresh_but_for_the_ends_that_a_walk_shares_all_around_with() -> None:
    factors = tuple(Factor(name, 1) for name in ("a", "class", "partition"))
    design = Design("h", factors, 16, 2, hidden=Hidden(1, ("class", "partition")))
    block = design.block(0, 0)
    drawn, around = block.coordinates[..., 3], block.coordinates[..., 1:3]
    groups = 2 + 2 * len(factors)
    assert len(np.unique(drawn[:, :groups])) == drawn[:, :groups].size
    walked = slice(groups, None)
    for end in (0, 1):
        same = (around[:, walked] == around[:, end, None]).all(axis=2)
        np.testing.assert_array_equal(drawn[:, walked] == drawn[:, end, None], same)
        assert 0 < same.mean() < 1
    again = Design("h", factors, 16, 2, hidden=design.hidden).block(0, 0).coordinates
    np.testing.assert_array_equal(again, block.coordinates)
    assert (design.block(1, 0).coordinates[..., 3] != drawn).all()
    ends = {0, 1}
    assert {*block.path[..., 0].ravel(), *block.path[..., -1].ravel()} == ends
    assert block.path[..., 1:-1].min() >= groups


def test_evaluations_with_hidden_images_are_equal_only_if_they_show_the_same() -> None:
    design, law = opened(settings(law="published"))
    block, evaluations, place = decode_block(design, law, 0, 0)
    every = law.decode(block.coordinates.reshape(-1, block.coordinates.shape[-1]))
    np.testing.assert_array_equal(evaluations[place.reshape(-1)].image, every.image)
    fixed = block.coordinates[:, 0, None, -3:-1] == block.coordinates[..., -3:-1]
    alike = fixed.all(axis=2)[:, 2 : 2 + 2 * len(design.factors)]
    images = every.image.reshape(place.shape)
    same = (
        images[:, 2 : 2 + 2 * len(design.factors)][alike]
        == np.broadcast_to(images[:, :1], alike.shape)[alike]
    )
    assert 0 < same.mean() < 0.3  # one of ten images of a class and partition, by chance


@pytest.mark.parametrize("catalog", [AUGMENTATIONS, PUBLISHED], ids=["usual", "published"])
def test_domains_are_those_of_the_catalogue(catalog: dict[str, Augmentation]) -> None:
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    for name, augmentation in catalog.items():
        usual = augmentation.parameters(32, 32)
        assert [own.name for own in usual] == [*PARAMETERS[name]]
        known = adjustable(name)
        for own in usual:
            if own.name in known:
                assert isinstance(own, Parameter)
                assert known[own.name].holds(own.low, own.high, 32), (name, own)
        ends = [known[own.name].ends(32) if own.name in known else own.at([0, 1])
                for own in usual]  # fmt: skip
        table = torch.tensor(np.array(ends, dtype=np.float32).T.reshape(2, -1))
        changed = augmentation.apply(images, table)
        assert torch.isfinite(changed).all(), name
        assert ((changed >= 0) & (changed <= 1)).all(), name


@pytest.mark.parametrize(
    ("given", "mistake"),
    [
        ({"context": ("order", "class")}, "context: without image and partition, .* partitions:"),
        ({"law": "published", "context": ("image", "order")}, "context: law: published hides"),
        ({"law": "published", "augmentations": ("patch_mask",)}, "law: .* had no patch_mask"),
        ({"probability": {"hue": 0.5}}, "probability.hue: .* does not have it. Allowed: bright"),
        ({"probability": 1.0}, "probability: 1 leaves nothing of grayscaling .* a mapping"),
        ({"probability": {"grayscaling": 1}}, r"probability.grayscaling: .* of the design\.$"),
        ({"ranges": {"hue": [0, 0.1]}}, "ranges.hue: the design does not have it"),
        ({"ranges": {"brightness": [1.5, 0.5]}}, r"ranges.brightness.factor: \[1.5, 0.5\] does"),
        ({"ranges": {"brightness": [-1, 0.5]}}, "ranges.brightness.factor: .* from 0 to 100"),
        ({"ranges": {"rolling": [-1, 1]}}, "ranges.rolling: name one of .* rows, columns"),
        ({"ranges": {"rolling": {"row": [-1, 1]}}}, "ranges.rolling: there is no parameter 'row'"),
        ({"ranges": {"rolling": {"rows": [-1, 33]}}}, "ranges.rolling.rows: .* from -32 to 32"),
        ({"ranges": {"grayscaling": [0, 1]}}, "ranges.grayscaling: grayscaling has no range"),
        ({"augmentations": ("erasing",), "ranges": {"erasing": {"scale": [0, 0.1]}}}, "above 0 "),
        ({"augmentations": ("hue",), "ranges": {"hue": [-0.6, 0.1]}}, "from -0.5 to 0.5"),
    ],
)
def test_what_a_design_cannot_be_is_refused(given: dict[str, Any], mistake: str) -> None:
    found = [f"{key}: {text}" for key, text in contradictions(settings(**given), 32)]
    assert len(found) == 1
    assert re.search(mistake, found[0]), found


def test_the_published_law_stretches_unless_it_is_told_not_to() -> None:
    assert settings(law="published").stretch
    assert not settings(law="published", stretch=False).stretch
    assert not settings().stretch


def test_the_published_law_switches_what_is_named() -> None:
    law = opened(settings(law="published", probability={"rolling": 0.25}))[1]
    assert law.catalog is PUBLISHED
    assert law.probabilities == (1, 0.5, 0.25)
    assert [f.coordinates for f in law.factors] == [1, 1, 3, 3, 1, 1]
    assert opened(settings(probability=0.3))[1].probabilities == (0.3,) * 3
    assert opened(settings(probability=0.3, law="always"))[1].probabilities == (1, 0.3, 1)


def test_what_is_unknown_is_refused() -> None:
    with pytest.raises(ValueError, match="'hue' is no augmentation of the design"):
        InputLaw(NAMES, "switched", (32, 32), POOL, ranges={"hue": {}})
    with pytest.raises(ValueError, match="patch_mask' is no augmentation of the design, or of"):
        InputLaw(("patch_mask",), "published", (32, 32), POOL)
    with pytest.raises(ValueError, match="no range of 'sigma'"):
        _ = InputLaw(
            NAMES, "switched", (32, 32), POOL, ranges={"brightness": {"sigma": (0, 1)}}
        ).parameters
    with pytest.raises(ValueError, match="needs coordinates; x has none"):
        Design("d", (Factor("x", 0),), 2, 2)
    with pytest.raises(ValueError, match="within some of x; got none"):
        Design("d", (Factor("x", 1),), 2, 2, hidden=Hidden(1, ()))
    assert not Context(("order", "class")).is_clear


def test_results_tell_every_freedom_of_their_design_and_nothing_of_a_usual_one() -> None:
    own = settings(
        law="published",
        ranges={"brightness": [0.5, 1.5], "rolling": {"rows": [-3, 3]}},
        probability={"rolling": 0.25},
        context=("class", "image"),
        partitions=("train",),
    )
    kept = {"designs": {"made": own.without_defaults(own.plain()), "other": {"odd": 1}}}
    (name,), (found,) = zip(
        *recorded_designs({"configuration": json.dumps(kept)}).items(), strict=True
    )
    assert (name, found) == ("made", own)
    said = design_words(found)
    for words in (
        *("Always on: brightness; on with probability 0.5: grayscaling; ", "0.25: rolling."),
        *("brightness factor 0.5 to 1.5", "rolling rows -3 to 3", "as in the published study"),
        *("drawn anew", "as they are listed", "Images of train alone", "stretched to [0, 1]"),
    ):
        assert words in said
    assert freedom_words(found) == said
    assert freedom_words(settings(divisions=(3,))) == ""
    assert recorded_designs({}) == {}
    for given, words in (
        ({"context": ("class", "partition")}, "One image of every partition and class."),
        ({"context": ("image",)}, "Which partition and class is a part of which image."),
        ({"context": (), "partitions": ("train",)}, "One image of train alone."),
    ):
        assert words in freedom_words(settings(**given))


def test_pools_of_some_partitions_keep_their_names() -> None:
    pool = POOL.within(("validation",))
    assert pool.partitions == ("validation",)
    assert [*pool.samples(6, apart=True)] == ["validation"]
    np.testing.assert_array_equal(PARTITION[pool.balanced(30)], 1)
    assert POOL.within(("train", "validation")).partitions == ("train", "validation")


def test_a_network_is_shown_the_published_law_and_every_evaluation_counts(tmp_path: Path) -> None:
    usual = masked_study.sampling()
    own = settings(augmentations=("rotation",), law="published", base_points=4, replicates=2)
    law = InputLaw.of_design(own, size=masked_study.SIDE, pool=usual.subject.pool)
    evaluate = Evaluator(
        usual.subject, usual.evaluate.recording, law.augmentations, own.stretch, law.catalog
    )
    sampling = Sampling(build_design("d", own, seed=0), law, evaluate)
    states = [*stream_shard(sampling, Shard(range(2), range(1)), {"seed": 0})]
    write_moments(tmp_path / "m.zarr.zip", states)

    facts = write_indices([tmp_path / "m.zarr.zip"], tmp_path / "indices.zarr", {}).facts
    assert facts["evaluations"] == sampling.design.evaluations == 2 * 4 * (2 + 2 * 4 + 2 * 3)

    alone = law.alone(np.arange(3), 0, np.full((3, 1), 0.9))
    images = usual.subject.read(alone.image)
    turned = PUBLISHED["rotation"].apply(images, torch.from_numpy(alone.values))
    low, high = (f(turned, dim=(2, 3), keepdim=True) for f in (torch.amin, torch.amax))
    torch.testing.assert_close(evaluate.inputs(alone), (turned - low) / (high - low))


@pytest.mark.parametrize(
    ("names", "split"),
    [
        (("hue", "content", "class", "image"), ("hue", "class", "image")),
        (("hue", "order", "class", "partition"), ("hue", "order", "class", "partition")),
        (("hue", "image"), ("hue", "image")),
    ],
)
def test_content_is_left_out_of_maps_where_any_parts_of_it_stand(
    names: tuple[str, ...], split: tuple[str, ...]
) -> None:
    maps = object.__new__(SensitivityMaps)
    maps.variables = tuple(Variable("d", name, name) for name in names)
    assert tuple(v.factor for v in maps.split) == split
    assert tuple(v.factor for v in maps.augmentations) == ("hue",)
