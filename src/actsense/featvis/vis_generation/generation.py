"""Pictures of the facets of a folder of images, under the names of the published code."""

__all__ = ["VisGeneration"]

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from actsense.data.pixels import unit_images
from actsense.draws.counter import counter_keys
from actsense.errors import ConfigError
from actsense.featvis.pictures.pixels import Pixels
from actsense.featvis.pictures.starts import start_images
from actsense.featvis.pictures.statistics import ImageStatistics
from actsense.featvis.search.record import Made
from actsense.featvis.search.synthesis import synthesise
from actsense.featvis.search.watch import Watch
from actsense.featvis.settings import Facets, Objective, Picture
from actsense.featvis.targets.facets import facet_targets, find_facets
from actsense.featvis.targets.targets import Targets
from actsense.featvis.vis_generation.embedding_picture import write_embedding
from actsense.featvis.vis_generation.image_folder import list_folder, read_images
from actsense.featvis.vis_generation.octave import penalty_of, read_octave, search_of
from actsense.featvis.visualisation import Pictures, evaluating, finished
from actsense.progress import Progress
from actsense.store.atomic import remove, replacing

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BATCH = 16  # images that are shown at a time
EVERY = 200  # iterations from one picture that is written to the next
LEVELS = 255


class VisGeneration:
    """Pictures of what a layer responds to in a folder of images, one for each facet of it.

    The images are parted by the responses of the target, and for every part a picture is made
    that drives its channels and resembles its response. Names and defaults are those of the
    published code; what it does is what its method means: members are the nearest of their own
    facet, no facet drives another, momentum is kept, and nothing is rounded on the way.

    Arguments:
        features: A network, such as a `torch.nn.Sequential` without its classifier, on any device.
        target_channels: Channels that every picture drives.
        clusters: Facets.
        octave: Schedules; `octave.OCTAVE` beside this module has keys and defaults.
        img_name: Name of the folder of images.
        target: Name of the module whose output is driven; of one that runs several times, the
            last run counts.
        penalty: Name of the module whose input is kept small.
        iterations: Steps.
        data_path: Where the folder is.
        size: Side of the pictures, pixels; images are cut square.
        seed: Seed of all random numbers.
        output: Where the results go.
        mean: What the network expects images in [0, 1] to be normalised by, a number per colour.
        std: Like it.

    Raises:
        ConfigError: If a key or value is not allowed, or the folder has no images.

    Source:
        Stergiou (2021), The mind's eye: visualizing class-agnostic features of CNNs, ICIP,
        arXiv 2101.12447.
    """

    def __init__(
        self,
        features: nn.Module,
        target_channels: int = 50,
        clusters: int = 10,
        octave: Mapping[str, float] | None = None,
        img_name: str = "",
        target: str = "",
        penalty: str = "",
        iterations: int = 2001,
        data_path: str | Path = ".",
        *,
        size: int = 512,
        seed: int = 0,
        output: str | Path = ".",
        mean: Sequence[float] = IMAGENET[0],
        std: Sequence[float] = IMAGENET[1],
    ) -> None:
        counts = {"target_channels": target_channels, "clusters": clusters}
        for name, count in (counts | {"iterations": iterations, "size": size}).items():
            if not isinstance(count, int) or isinstance(count, bool) or count < 1:
                raise ConfigError(f"{name}: must be a whole number of 1 or more; got {count!r}.")
        self._octave = read_octave(octave)
        self._files = list_folder(Path(data_path) / img_name)
        self._features, self._target, self._penalty = features, target, penalty
        self._channels, self._clusters, self._iterations = target_channels, clusters, iterations
        self._size, self._seed, self._mean, self._std = size, seed, mean, std
        self._name, self._output = Path(img_name).name or "images", Path(output)

    def generate(self) -> Pictures:
        """Make the pictures, and write them and how they came about.

        Under `output`, this writes `tsne_IMG_NAME.png`, the images in a plane by facet;
        `generated/cluster_01/iteration_0000.png`, the start, and so on, every 200 iterations and
        the last; and `generated/metrics.csv`. A job that was killed goes on where it was.

        Returns:
            The pictures, (clusters, 3, size, size) in [0, 1], the largest facet first.

        Raises:
            ConfigError: If a module or its output does not fit, or there are fewer images, or
                channels, than are asked for.
        """
        with evaluating(self._features) as device:
            watch = Watch.of_module(
                *(self._features, self._target, self._penalty or None),
                side=self._size,
                mean=self._mean,
                std=self._std,
            )
            files, features = self._responses(watch, device)
            facets = Facets(count=self._clusters, channels=self._channels)
            split = find_facets(features, facets, seed=self._seed, layer=self._target)
            members = [self._read([files[at] for at in own]) for own in split.member.tolist()]
            embedding = self._output / f"tsne_{self._name}.png"
            write_embedding(split, np.stack([own[0] for own in members]), embedding)
            targets = facet_targets(split, features, self._target).to(device)
            made = self._search(watch, targets, members, split.weight)
            return finished(watch, targets, made)

    def _responses(
        self, watch: Watch, device: torch.device
    ) -> tuple[list[Path], NDArray[np.float32]]:
        """Return the readable files, and the mean over places of every channel for each."""
        files: list[Path] = []
        found: list[Tensor] = []
        with Progress(len(self._files), desc="images", unit="image") as bar:
            for paths, pixels in read_images(self._files, self._size, BATCH):
                with torch.inference_mode():
                    maps, _ = watch(unit_images(pixels, device))
                found.append((maps.mean(dim=(2, 3)) if maps.ndim > 2 else maps).float().cpu())
                files += paths
                bar.update(len(paths))
        if not files:
            raise ConfigError(f"img_name: none of the {len(self._files)} images can be read.")
        return files, torch.cat(found).numpy()

    def _read(self, files: list[Path]) -> NDArray[np.uint8]:
        ((_, pixels),) = read_images(files, self._size, len(files))
        return pixels

    def _search(
        self,
        watch: Watch,
        targets: Targets,
        members: list[NDArray[np.uint8]],
        weight: NDArray[np.float64],
    ) -> Made:
        """Make the pictures and write them."""
        device, count = targets.direction.device, len(targets)
        keys = counter_keys(self._seed, ["picture of a facet of a folder", torch.arange(count)])
        statistics = ImageStatistics.typical(self._size)
        stacked, weights = torch.from_numpy(np.stack(members)), torch.from_numpy(weight)
        starts = start_images("mean", keys, statistics, members=stacked, weights=weights)
        folder = self._output / "generated"
        state = folder / ".pictures.state"
        made = synthesise(
            *(watch, targets, starts.to(device), statistics),
            keys=keys.to(device),
            groups=torch.arange(count, device=device),
            objective=self._objective(watch, starts[:1].to(device)),
            picture=Picture(model="pixels"),
            search=search_of(
                self._octave, iterations=self._iterations, side=self._size, rate=Pixels.rate
            ),
            kept=range(0, self._iterations + 1, EVERY),
            state=state,
        )
        _write_pictures(made, folder)
        with replacing(folder / "metrics.csv") as beside:
            _metrics(made).to_csv(beside, index=False)
        remove(state)
        return made

    def _objective(self, watch: Watch, image: Tensor) -> Objective:
        with torch.inference_mode():
            _, inputs = watch(image)
        if inputs is None:
            return Objective()
        weight = penalty_of(self._octave, inputs=inputs[0].numel(), channels=self._channels)
        return Objective(penalty=self._penalty, penalty_weight=weight)


def _write_pictures(made: Made, folder: Path) -> None:
    """Write the pictures of every facet to a folder of its own."""
    levels = (made.images * LEVELS).round().to(torch.uint8)
    for iteration, pictures in zip(made.kept, levels.movedim(2, -1).numpy(), strict=True):
        for cluster, pixels in enumerate(pictures, start=1):
            path = folder / f"cluster_{cluster:02d}" / f"iteration_{iteration:04d}.png"
            with replacing(path) as beside:
                Image.fromarray(pixels).save(beside, format="png")


def _metrics(made: Made) -> pd.DataFrame:
    """Return a row for every facet and iteration."""
    count = len(made.silent)
    rows = {
        "cluster": np.repeat(np.arange(1, count + 1), len(made.iterations)),
        "iteration": np.tile(made.iterations, count),
    }
    return pd.DataFrame(rows | {name: own.flatten() for name, own in made.curves.items()})
