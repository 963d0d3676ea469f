"""The table of a configured design, from the manifest that its images have left."""

__all__ = ["designed_table"]

from actsense.data.manifest import read_manifest
from actsense.errors import ConfigError, MissingResultError, choose
from actsense.sampling.design_table import DesignTable
from actsense.sampling.settings import DesignSettings
from actsense.study.study import Study


def designed_table(study: Study, design: str, network: str | None = None) -> DesignTable:
    """Return the evaluations of a design of a study; no network is built.

    Arguments:
        study: The study; its images must have been prepared.
        design: Name of the design.
        network: Name of the network, which may have its own base points.

    Raises:
        MissingResultError: If the images have not been prepared.
        ConfigError: If a name is unknown, or it takes a network to know the base points.
    """
    choose("design", design, study.settings.designs)
    own = [name for name in study.settings.networks if design in study.designs(name)]
    if network is not None:
        own = [choose(f"network of design {design}", network, own)]
    described = [study.design_settings(name, design) for name in own or study.settings.networks]
    if any(other != described[0] for other in described):
        points = {str(one["base_points"]) for one in described}
        raise ConfigError(
            f"design {design}: networks have base points of their own ({', '.join(sorted(points))}"
            f"). Name one with --network: {', '.join(own)}."
        )
    path = study.results / "data/manifest.csv"
    if not path.is_file():
        raise MissingResultError(path, "data")
    return DesignTable.of(
        design,
        DesignSettings(**described[0]),
        read_manifest(path),
        size=study.settings.dataset.image_size,
        seed=study.settings.seed,
    )
