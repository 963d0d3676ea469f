"""Every job that runs a network runs on a GPU, and gives there what it gives on the CPU.

Where there is none, on a made-up one: see `accelerator`.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from accelerator import accelerator
from demo_study import NETWORKS, make_demos
from invariance_world import InvarianceWorld
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from opened import digit_files, noise_files
from pipeline import tiny

from actsense.attribution.region_weights import region_weights
from actsense.augment import AUGMENTATIONS
from actsense.data.cache import ImageCache
from actsense.device.memory import Memory
from actsense.errors import ConfigError
from actsense.features.attacked import write_attack
from actsense.features.images import choose_images
from actsense.features.record import record_features
from actsense.features.settings import Attack
from actsense.features.states import list_states, randomised
from actsense.featvis.evaluate import Places, visualise_features, write_pictures
from actsense.featvis.outcome.transfer import transfers
from actsense.featvis.settings import Featvis
from actsense.featvis.stored import StoredPictures
from actsense.invariance.autoencoder.card import AutoencoderCard
from actsense.invariance.demos.figures import show
from actsense.invariance.demos.opening import open_demos
from actsense.invariance.settings import Demos
from actsense.masking.evaluate import evaluate_masks, evaluate_part
from actsense.masking.settings import Masking
from actsense.masking.trials import MaskTrial
from actsense.networks.image_batches import LabelledImages
from actsense.networks.opening import open_subjects
from actsense.networks.settings import read_network
from actsense.networks.state import read_state
from actsense.networks.subject import Subject
from actsense.networks.training import Training, train_checkpoint, train_network
from actsense.networks.weights import import_weights
from actsense.patterns import evaluate as evaluate_patterns
from actsense.patterns import states
from actsense.patterns.evaluate import embed_patterns
from actsense.patterns.regions import fit_regions
from actsense.patterns.samples import fit_samples
from actsense.patterns.settings import Patterns
from actsense.planning import speed
from actsense.planning.report import measure_study
from actsense.sampling.blocks import write_shard
from actsense.sampling.kept_speed import kept_speeds
from actsense.sampling.opening import Sampling, open_sampling
from actsense.sampling.sharding import Shard
from actsense.segments import evaluate
from actsense.segments.evaluate import sample_segments
from actsense.sensitivity.contrast import estimate_contrast, write_contrast_part
from actsense.sensitivity.cuts import ContrastPart
from actsense.sensitivity.estimation import write_indices
from actsense.sensitivity.moments_file import write_moments
from actsense.sensitivity.settings import Contrast
from actsense.sensitivity.summing import accumulate_shard, stream_shard
from actsense.sensitivity.top_images import TopImages
from actsense.spatial.cells.evaluate import evaluate_cells
from actsense.spatial.cells.settings import Cells
from actsense.spatial.interaction.evaluate import evaluate_interaction
from actsense.spatial.interaction.settings import Interaction
from actsense.spatial.saliency.evaluate import saliency_maps
from actsense.spatial.saliency.settings import Saliency
from actsense.spatial.transforms.evaluate import evaluate_transforms
from actsense.spatial.transforms.settings import Transforms
from actsense.store import Gathered, read_facts, read_indices, read_results, read_table
from actsense.store.archive import open_archive
from actsense.store.rows import Rows
from actsense.study.study import Study

REPOSITORY = Path(__file__).parents[1]
CPU = torch.device("cpu")
SEED, SIDE, SIDE_BY_SIDE = 1, 32, 100
DESIGN = {
    "augmentations": list(AUGMENTATIONS),
    "law": "switched",
    "base_points": 4,
    "replicates": 2,
    "walks": 2,
    "stretch": True,
}
FEW = DESIGN | {"augmentations": ["brightness", "rolling"], "base_points": 32}
SHARD = Shard(range(2), range(1))
TRAINED = {"name": "net", "kind": "trained", "width": 1, "epochs": 2, "batch_size": 40}

ERRORS = (RuntimeError, TypeError, ConfigError)  # the last where a module fails

Groups = Mapping[str, Any]


@dataclass(frozen=True)
class World:
    """Files of digits, of two networks, and of what jobs made of them on the CPU."""

    folder: Path
    files: SimpleNamespace
    settings: dict[str, Any]

    @classmethod
    def made(cls, folder: Path) -> "World":
        """Write images and weights."""
        files, network = digit_files(folder)
        settings = {
            "network": ["one", network | {"layers": ["stage1", "stage2", "probabilities"]}],
            "design": ["all", DESIGN],
            "seed": SEED,
            "precision": "float32",
            "size": SIDE,
        }
        return cls(folder, files, settings)

    @property
    def bag(self) -> tuple[str, dict[str, Any]]:
        """Name and settings of a bag of local features."""
        bag = {"kind": "python", "factory": "actsense.networks.bag:BagNetwork"}
        bag |= {"arguments": {"classes": 10, "width": 4}, "weights": "none", "name": "bag"}
        return "bag", bag

    @property
    def few(self) -> dict[str, Any]:
        """Settings of a design of few augmentations and many points."""
        return self.settings | {"design": ["few", FEW]}

    def sampling(self, device: torch.device, settings: dict[str, Any] | None = None) -> Sampling:
        """Open network and design."""
        settings = settings or self.settings
        return open_sampling(self.files, settings, batch_size=SIDE_BY_SIDE, device=device)

    def subjects(self, device: torch.device) -> dict[str, Subject]:
        """Open the network beside a bag of local features."""
        weights = self.folder / "bag.pt"
        import_weights(self.bag[1], 0, 10, weights, self.folder / "bag.json", image_size=32)
        own = [
            self.settings | {"network": named} for named in (self.settings["network"], self.bag)
        ]
        return open_subjects(
            *(self.files.images, self.files.manifest, [self.files.weights, weights], own),
            batch_size=SIDE_BY_SIDE,
            device=device,
        )

    @cached_property
    def indices(self) -> Path:
        """Indices of all units."""
        moments, path = self.folder / "moments", self.folder / "indices.zarr"
        sampling = self.sampling(CPU, self.few)
        shard = Shard(range(2), range(sampling.design.blocks))
        write_moments(moments, stream_shard(sampling, shard, self.few))
        write_indices([moments], path, {})
        return path

    @cached_property
    def invariances(self) -> InvarianceWorld:
        """What jobs of invariances begin with."""
        (_, network) = self.settings["network"]
        made: InvarianceWorld = InvarianceWorld.made(self.folder / "made", self.files, network)
        return made

    @cached_property
    def demos(self) -> Path:
        """A study whose networks have demos."""
        return make_demos(self.folder / "demos")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World.made(tmp_path_factory.mktemp("world"))


def sample_activations(world: World, device: torch.device, folder: Path) -> Groups:
    path = folder / "shard.zarr.zip"
    sampling = world.sampling(device, world.few)
    write_shard(sampling, SHARD, path)
    states = accumulate_shard(sampling.design, SHARD, path, world.few)
    return {"": [state.joined().sums for state, _ in states]}


def stream_moments(world: World, device: torch.device, folder: Path) -> Groups:
    states = stream_shard(world.sampling(device), SHARD, world.settings)
    return {"": [state.joined().sums for state, _ in states]}


def estimate_contrasts(world: World, device: torch.device, folder: Path) -> Groups:
    sampling, asked = (
        world.sampling(device, world.few),
        {"images": 300, "draws": 2},
    )  # more than codes are kept
    groups, preferred = Gathered(), Gathered()
    top = TopImages(sampling, preferred, **asked, top_images=3)
    estimate_contrast(sampling, groups, **asked, top=top)
    return {**groups, **{f"top {name}": data for name, data in preferred.items()}}


def contrast_part(world: World, device: torch.device, folder: Path) -> Groups:
    opened, before = world.sampling(device, world.few), list[Path]()
    for link in range(2):  # the second one goes on with counts
        part = ContrastPart(slice(0, opened.layers[-1].stop), range(1), link, 2)
        settings, path = Contrast(images=300, draws=1, top_images=2), folder / str(link)
        write_contrast_part(opened, settings, part, before, path)
        before = [path]
    with open_archive(path) as root:
        return {
            "": [np.asarray(root[f"statistics/{name}"]) for name in ("p_value", "mean_difference")]
        }


MASKING = Masking(
    images=10,
    values=("S1",),
    factors="augmentations",
    fractions=(0.5, 0.2),
    scales=(0.5,),
    random_masks=2,
    bootstrap=100,
)


def evaluate_masked(world: World, device: torch.device, folder: Path) -> Groups:
    return evaluate_masks(world.sampling(device, world.few), world.indices, MASKING)


def masked_part(world: World, device: torch.device, folder: Path) -> Groups:
    opened, path = world.sampling(device, world.few), folder / "part"
    evaluate_part(opened, world.indices, MASKING, path, part=0, parts=10)
    with open_archive(path) as root:
        return {"": [np.asarray(root[name]) for name in ("order", "divergence")]}


def sample_segmented(world: World, device: torch.device, folder: Path) -> Groups:
    found = sample_segments(
        *(world.files, world.few, world.indices),
        **{"channels": 1, "batch_size": 100, "device": device, "beside": folder / "segments"},
    )
    return found.groups


def transforms(world: World, device: torch.device, folder: Path) -> Groups:
    settings = Transforms(images=20, divisions=(1, 2, 3), repeats=2, saturations=(2, 64))
    return evaluate_transforms(world.subjects(device)["one"], settings, SEED)


def cells(world: World, device: torch.device, folder: Path) -> Groups:
    settings = Cells(images=3, size=16, random_orders=1, greedy_images=1, samples=2, steps=2)
    subjects = world.subjects(device)
    return evaluate_cells(subjects["bag"], subjects, settings, SEED)


def interaction(world: World, device: torch.device, folder: Path) -> Groups:
    return evaluate_interaction(
        world.subjects(device)["one"], Interaction(images=8, sizes=(4, 8)), SEED
    )


def saliency(world: World, device: torch.device, folder: Path) -> Groups:
    settings, subjects = Saliency(images=2, samples=2), world.subjects(device)
    return saliency_maps(subjects["one"], settings, SEED) | {
        f"bag {name}": data
        for name, data in saliency_maps(subjects["bag"], settings, SEED).items()
    }


def attacked(world: World, subject: Subject, folder: Path) -> Path:
    """Attack a few images; steps along a sign would make much of a rounding."""
    path, settings = folder / "attack.zarr", Attack(norm="l2", steps=2, recorded=1, targeted=True)
    chosen = choose_images(subject, images=8, classes=3)
    write_attack(subject, chosen, settings, path, seed=SEED, attributes={})
    return path


def rows_of(path: Path) -> list[Any]:
    rows = Rows(path)
    return [rows.read(np.arange(len(rows)), name) for name in rows.columns]


def attack(world: World, device: torch.device, folder: Path) -> Groups:
    return {"": rows_of(attacked(world, world.subjects(device)["one"], folder))}


def record(world: World, device: torch.device, folder: Path) -> Groups:
    subject, path = world.subjects(device)["bag"], folder / "features.zarr"
    store = attacked(world, subject, folder)
    settings = {"network": world.bag, "seed": SEED}
    listed = list_states(subject, settings, {1: world.folder / "bag.pt"}, store, random=True)
    places: dict[str, Any] = {"layers": ["features"], "grid": [3, 2]}
    record_features(subject, listed, store, path, **places, attributes={})
    return {"": rows_of(path)}


def recorded(world: World, folder: Path) -> Path:
    """Record features of a few images; on the host, so that both devices embed the same."""
    subject, path = world.subjects(CPU)["one"], folder / "features.zarr"
    chosen, settings = choose_images(subject, images=24, classes=3), Attack(steps=1, recorded=1)
    write_attack(subject, chosen, settings, folder / "attack.zarr", seed=SEED, attributes={})
    own = {"network": world.settings["network"], "seed": SEED}
    listed = list_states(subject, own, {}, folder / "attack.zarr", random=False)
    places: dict[str, Any] = {"layers": ["stage2"], "grid": [2, 2]}
    record_features(subject, listed, folder / "attack.zarr", path, **places, attributes={})
    return path


def embed(world: World, device: torch.device, folder: Path) -> Groups:
    settings = Patterns(seeds=1, others=8, controls=("shuffled",), baselines=("pca",))
    features = Rows(recorded(world, folder))
    with pytest.MonkeyPatch.context() as patch:  # few steps: every operation is made up, too
        patch.setattr(states, "fit_samples", partial(fit_samples, steps=3))
        patch.setattr(evaluate_patterns, "fit_regions", partial(fit_regions, steps=2))
        patch.setattr(evaluate_patterns, "region_weights", partial(region_weights, steps=1))
        return embed_patterns(features, settings, seed=SEED, device=device)


# Adam's first steps are signs of gradients, which would make much of a rounding.
PICTURES: dict[str, Any] = {
    "images": 20,
    "facets": {"count": 2, "members": 3},
    "units": {"factor": "brightness", "top": 1, "controls": 1},
    "objective": {"distance": "distribution", "penalty": "stage2"},
    "search": {"iterations": 2, "optimiser": "sgd", "blur_sigma_px": 1.0, "blur_every": 2},
    "seeds": 1,
    "kept": 2,
}
SHOWN = Places(facets=["stage2"], units=["stage1"])


def visualise(world: World, device: torch.device, folder: Path) -> Groups:
    subject, (_, described) = world.subjects(device)["one"], world.settings["network"]
    return visualise_features(
        *(subject, Featvis.model_validate(PICTURES), SHOWN),
        states=folder / "states",
        seed=SEED,
        random=partial(randomised, subject, read_network(described), SEED),
        indices=read_indices(world.indices),
    )


def judge(world: World, device: torch.device, folder: Path) -> Groups:
    """Show pictures that were made on the host to another network."""
    path, settings = folder / "pictures.zarr", Featvis.model_validate(PICTURES)
    own: dict[str, Any] = {"seed": SEED, "indices": [], "attributes": {"network": "one"}}
    subject, (_, described) = world.subjects(CPU)["one"], world.settings["network"]
    own["random"] = partial(randomised, subject, read_network(described), SEED)
    write_pictures(path, subject, settings, Places(facets=["stage2"]), **own)
    layers = {"one": ["stage1", "stage2"], "bag": ["features"]}
    stores = {"one": StoredPictures(read_results(path))}
    rows = transfers(stores, world.subjects(device), layers)
    return {"": [row["percentile"] for row in rows]}


def train(world: World, device: torch.device, folder: Path) -> Groups:
    """Train in one go, its state kept on the way, and from a checkpoint."""
    cache = ImageCache.open(*noise_files(folder))
    training = Training(TRAINED, cache, SEED, device=device)
    half, weights = folder / "half.pt", folder / "weights.pt"
    train_checkpoint(training, half, epoch=1)
    train_network(training, weights, folder / "card.json", checkpoints=[half])
    return {"": [*read_state(weights).values(), *learned(weights, device, folder)]}


def learned(weights: Path, device: torch.device, folder: Path) -> list[Any]:
    """Train students of a network: by its logits, and by features that it has more of."""
    files, found = noise_files(folder), []
    opened = {"network": ["net", TRAINED], "seed": SEED, "precision": "float32"}
    inputs = SimpleNamespace(images=files[0], manifest=files[1], teacher=[weights])
    for distil in ("logits", "stage2"):
        taught = {"teacher": "net", "distil": distil, "distil_weight": 0.5}
        settings = {**TRAINED, "width": 2, "epochs": 1, **taught, "opened": opened}
        params = SimpleNamespace(settings=settings, seed=SEED, precision="float32")
        path, training = folder / f"{distil}.pt", Training.opened(params, inputs, device)
        train_network(training, path, path.with_suffix(".json"))
        found += read_state(path).values()
    return found


def measure_speeds(world: World, device: torch.device, folder: Path) -> Groups:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speed, "SECONDS", 0.01)
        patch.chdir(folder)
        study = Study.load(tiny(activations="stream"))
        measure_study(study, ["one"], device)
        return {"": [*kept_speeds(study.results, "one")["images_per_second"]]}


def train_autoencoder(world: World, device: torch.device, folder: Path) -> Groups:
    weights, latents = world.invariances.autoencoder(folder, device)
    return {"": [*read_state(weights).values(), *rows_of(latents)]}


def represent(world: World, device: torch.device, folder: Path) -> Groups:
    found, card = world.invariances.represent(folder, "random", device)
    faithful = AutoencoderCard.of(read_facts(card))
    numbers = [faithful.squared, faithful.divergence, *faithful.networks["one"].cosine.values()]
    return {"": [*rows_of(found), *numbers]}


def train_flow(world: World, device: torch.device, folder: Path) -> Groups:
    flow = world.invariances.flow(folder, "trained", "stage2", device)
    nats = read_facts(flow.with_suffix(".json"))["history"]["validation"]
    return {"": [*read_state(flow).values(), nats]}


def measure(world: World, device: torch.device, folder: Path) -> Groups:
    stored = world.invariances.measure(folder / "kept.zarr", device, count=1)
    return {"": stored.root, "kept_0": stored.groups[0].data}


def split(world: World, device: torch.device, folder: Path) -> Groups:
    factors, card = world.invariances.factors(folder, device)
    told = [*card["history"]["validation"], *card["correlations"]["background"].values()]
    return {"": [*read_state(factors).values(), told, card["scores"]["digit"]["value"]]}


def explain(world: World, device: torch.device, folder: Path) -> Groups:
    found = world.invariances.explain(folder / "explained.zarr", device)
    places = {name: found[name] for name in ("place_0", "place_1")}
    return {"": found, "right": [own.attrs["accuracy"] for own in places.values()], **places}


DEMOS = Demos(images=2, samples=2)


@contextmanager
def undrawn() -> Iterator[list[Any]]:
    """Collect the pictures of figures and films, which take long to be drawn."""
    found: list[Any] = []

    def save(figure: Figure, path: Path, *, dpi: int) -> None:
        found.extend(np.asarray(own.get_array()) for own in figure.findobj(AxesImage))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(show, "save", save)
        patch.setattr(show, "write_gif", lambda film, path, **_: found.append(film.numpy()))
        yield found


def demos(world: World, device: torch.device, folder: Path) -> Groups:
    kinds = ("representations", "attacks", "mixing", "animation")
    outputs = {kind: folder / kind for kind in kinds}
    opened = open_demos(world.demos, "net", device=device)
    with undrawn() as found:
        show.show_demos(opened, ["stage4"], DEMOS, outputs, seed=SEED, title="s", dpi=9)
    return {"": found}


def bias(world: World, device: torch.device, folder: Path) -> Groups:
    outputs = {name: folder / name for name in ("bias", "invariance_bias")}
    first, second = (open_demos(world.demos, name, device=device) for name in NETWORKS)
    how: dict[str, Any] = {"seed": SEED, "bootstrap": 20, "title": "s", "dpi": 9}
    with undrawn() as found:
        show.compare_bias((first, second), ["stage4"], DEMOS, outputs, **how)
    return {"": [*found, read_table(outputs["invariance_bias"]).select_dtypes("number")]}


JOBS: dict[str, Callable[[World, torch.device, Path], Groups]] = {
    "sample_activations": sample_activations,
    "stream_moments": stream_moments,
    "contrast_part": contrast_part,
    "estimate_contrast": estimate_contrasts,
    "mask_part": masked_part,
    "evaluate_masks": evaluate_masked,
    "sample_segments": sample_segmented,
    "evaluate_transforms": transforms,
    "evaluate_cells": cells,
    "evaluate_interaction": interaction,
    "map_saliency": saliency,
    "attack_images": attack,
    "record_features": record,
    "embed_patterns": embed,
    "visualise_features": visualise,
    "judge_pictures": judge,
    "train_autoencoder": train_autoencoder,
    "record_representations": represent,
    "train_flow": train_flow,
    "measure_invariances": measure,
    "train_factors": split,
    "explain_factors": explain,
    "show_demos": demos,
    "compare_bias": bias,
    "train_network": train,
    "measure_speed": measure_speeds,
}
ELSEWHERE = {
    "train_checkpoint": "train_network",
    "plan": "measure_speed",
}  # tried together with another


def test_all_scripts_that_take_a_device_are_tried() -> None:
    scripts = (REPOSITORY / "scripts").glob("*.py")
    assert {path.stem for path in scripts if "use_device" in path.read_text()} == {
        *JOBS,
        *ELSEWHERE,
    }


@pytest.mark.parametrize("name", JOBS)
def test_a_job_gives_on_a_gpu_what_it_gives_on_the_cpu(
    world: World, name: str, tmp_path: Path
) -> None:
    folders = [tmp_path / part for part in ("cpu", "gpu")]
    for folder in folders:
        folder.mkdir()
    expected = JOBS[name](world, CPU, folders[0])
    with accelerator() as device:
        found = JOBS[name](world, device, folders[1])
    assert list(found) == list(expected)
    for group in expected:
        compare(found[group], expected[group])


def on_host(found: Any) -> Any:
    """Leave what was made, or the second of a pair, on the host."""
    return (found[0], found[1].cpu()) if isinstance(found, tuple) else found.cpu()


# What a job is given in the wrong place: the job, and what makes it.
MISPLACED: dict[str, tuple[str, Any, str]] = {
    "images": ("stream_moments", Subject, "read"),
    "a colour": ("evaluate_cells", Subject, "mean_colour"),
    "masks": ("evaluate_masks", MaskTrial, "_masked"),
    "channels": ("sample_segments", evaluate, "to_hsv"),
    "labels": ("train_network", LabelledImages, "read"),
}


@pytest.mark.parametrize("what", MISPLACED)
def test_a_misplaced_tensor_is_found(
    world: World, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, owner, member = MISPLACED[what]
    genuine = getattr(owner, member)
    if isinstance(genuine, property):
        monkeypatch.setattr(owner, member, property(lambda self: on_host(genuine.fget(self))))
    else:
        monkeypatch.setattr(owner, member, lambda *given: on_host(genuine(*given)))
    with accelerator() as device, pytest.raises(ERRORS, match="device"):
        JOBS[name](world, device, tmp_path)


def compare(found: Any, expected: Any) -> None:
    """Compare arrays, or the variables of datasets, but for roundings.

    A GPU of glass and metal adds in another order: what is close may then be ranked otherwise.
    """
    tolerance, share = (1e-2, 0.95) if torch.cuda.is_available() else (1e-5, 1)
    names = range(len(expected)) if isinstance(expected, list) else expected.variables
    for name in names:
        own, known = (np.asarray(held[name]) for held in (found, expected))
        assert own.shape == known.shape
        if known.dtype.kind == "f":
            alike = np.isclose(own, known, rtol=1e-3, atol=tolerance, equal_nan=True)
        else:
            alike = own == known
        assert not alike.size or np.mean(alike) >= share, name


def test_memory_that_a_gpu_lacks_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """Fewer images at a time; what is left of its memory is told in the end."""

    def work(part: slice) -> None:
        if part.stop - part.start > 3 or part.start > 6:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    told = r"cuda has too little memory .* GB are free"
    with accelerator() as device, pytest.raises(ConfigError, match=told):
        Memory(device, 10, "images").run(10, work)
    assert "2 images at a time instead of 5" in caplog.text


@pytest.mark.parametrize("name", ["sample_segments", "estimate_contrast"])
def test_results_that_find_no_room_on_a_gpu_are_kept_on_the_host(
    world: World, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what they are made of lies there."""
    make = Memory.empty

    def empty(self: Memory, *shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        with monkeypatch.context() as patch:
            if self.size > SIDE_BY_SIDE:  # units, not images
                patch.setattr(self, "_place", torch.device("cpu"))
            return make(self, *shape, dtype=dtype)

    expected = JOBS[name](world, CPU, tmp_path)
    monkeypatch.setattr(Memory, "empty", empty)
    with accelerator() as device:
        found = JOBS[name](world, device, tmp_path)
    for group in expected:
        compare(found[group], expected[group])
