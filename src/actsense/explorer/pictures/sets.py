"""Sets of pictures, such as those of all facets of a layer, and what is known of them at once."""

__all__ = [
    "Chosen",
    "PictureSet",
    "layers_by_kind",
    "opened",
    "ordered",
    "picture_set",
    "pictured",
]

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actsense.errors import ConfigError, MissingResultError
from actsense.explorer.pictures.words import Row, failed, picture_titles
from actsense.featvis.stored import KINDS, TRAINED, PictureGroup, StoredPictures
from actsense.inspection import StudyResults
from actsense.store import reading

STORE, TABLE = "pictures", "pictures"


@dataclass(frozen=True)
class Chosen:
    """Which set: of a network, of a kind, of a layer.

    Attributes:
        network: Name of the network.
        kind: `facets`, `units` or `channels`.
        layer: Name of the layer.
    """

    network: str
    kind: str
    layer: str


@dataclass(frozen=True)
class PictureSet:
    """All of a set but its images.

    Attributes:
        names: What every target is called.
        roles: `facet`, `channel`, or whether a unit feels the factor `most` or `least`.
        factor: The factor that units were chosen by; empty for other kinds.
        by: The index that they were chosen by.
        indices: That index of every unit, (targets,); NaN for other kinds.
        kept: Iterations whose pictures are kept.
        facts: A row for every picture: `target`, `weights`, `seed`, `variant`, its `title` among
            those of its target, and what table `pictures` says of it.
        judged: Whether that table is there.
        images: How many natural images pictures are compared with.
    """

    names: list[str]
    roles: list[str]
    factor: str
    by: str
    indices: NDArray[np.float64]
    kept: list[int]
    facts: pd.DataFrame
    judged: bool
    images: int

    def of_target(self, target: int) -> pd.DataFrame:
        """Return the facts of a target's pictures: the one that is shown first, controls last."""
        own = self.facts[self.facts["target"] == target]
        control = own["weights"] != TRAINED
        return own.assign(control=control).sort_values(["control", "seed", "variant"])

    @cached_property
    def shown(self) -> Sequence[Row]:
        """The facts of the picture that stands for every target, with its number `picture`."""
        trained = self.facts[self.facts["weights"] == TRAINED]
        first = trained.sort_values(["target", "seed", "variant"]).groupby("target").head(1)
        return first.assign(picture=first.index).to_dict("records")

    @property
    def failures(self) -> int:
        """How many of these have failed."""
        return sum(map(failed, self.shown))


def pictured(study: StudyResults) -> list[str]:
    """Return the networks with pictures.

    Raises:
        ConfigError: If no network has any.
    """
    found = [name for name in study.networks if study[name].has(STORE)]
    if not found:
        raise MissingResultError(study.path / "<network>/featvis/pictures.zarr", "featvis")
    return found


def layers_by_kind(study: StudyResults, network: str) -> dict[str, list[str]]:
    """Return the layers of a network with pictures, by the kind of their targets.

    Raises:
        ConfigError: If there are none, or they are damaged.
    """
    path = study.path / network / "featvis/pictures.zarr"
    with reading(path):
        groups = _stored(study, network).groups
    if not groups:
        raise ConfigError(f"{path}: holds no pictures. Its study asks for none of this network.")
    kinds = {kind: [group.layer for group in groups if group.kind == kind] for kind in KINDS}
    return {kind: layers for kind, layers in kinds.items() if layers}


def opened(study: StudyResults, chosen: Chosen) -> PictureGroup:
    """Open a set."""
    with reading(study.path / chosen.network / "featvis/pictures.zarr"):
        groups = _stored(study, chosen.network).of_kind(chosen.kind)
        return next(group for group in groups if group.layer == chosen.layer)


@lru_cache(maxsize=16)
def _stored(study: StudyResults, network: str) -> StoredPictures:
    """Open the pictures of a network once: a study whose files are others is another object."""
    return study[network].pictures


def picture_set(study: StudyResults, chosen: Chosen) -> PictureSet:
    """Read what is known of a set, without its images."""
    judged = study.has(TABLE)
    with reading(study.path / chosen.network / "featvis/pictures.zarr"):
        group = opened(study, chosen)
        units = chosen.kind == "units"
        indices = group.indices if units else np.full(len(group.names), np.nan)
        facts = group.facts(study.table(TABLE), chosen.network) if judged else group.pictures
        facts = facts.assign(title=picture_titles(facts))
        return PictureSet(
            names=group.names,
            roles=group.roles,
            factor=group.factor,
            by=group.by,
            indices=indices,
            kept=group.kept,
            facts=facts,
            judged=judged,
            images=len(group.rows),
        )


def ordered(found: PictureSet, order: str) -> list[int]:
    """Return the targets of a set in an order: `store`, or by `drive`, the strongest first.

    What failed, or was not judged, comes last.
    """
    targets = list(range(len(found.names)))
    if order == "store" or not found.judged:
        return targets
    drive = [-np.inf if failed(row) or np.isnan(row["ratio"]) else row["ratio"]
             for row in found.shown]  # fmt: skip
    return sorted(targets, key=lambda target: (-drive[target], target))
