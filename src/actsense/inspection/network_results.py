"""One network of a study."""

__all__ = ["NetworkResults"]

from functools import cached_property
from typing import Any, final

from actsense.featvis.stored import StoredPictures
from actsense.inspection.results import Results
from actsense.inspection.source import Source
from actsense.invariance.stored import StoredInvariances
from actsense.patterns.stored import StoredPatterns, configured_threshold


@final
class NetworkResults(Results):
    """What is known of one network, all designs together.

    Tables are those of its analyses, such as `correlation_within`, `lda` or `single_class`; stores
    are `correlation_variation`, of the spatial study `transforms`, `cells`, `interaction` and
    `saliency`, `patterns`, `pictures` of feature visualisation, and `kept` of invariances.

    Attributes:
        network: Name of the network.
    """

    def __init__(self, source: Source, network: str) -> None:
        super().__init__(source, (network,))
        self.network = network

    def __repr__(self) -> str:
        return f"<NetworkResults {self.network}: {self.path}>"

    @cached_property
    def designs(self) -> tuple[str, ...]:
        """Names of the designs with results of this network."""
        return self._source.designs(self.network)

    @cached_property
    def patterns(self) -> StoredPatterns:
        """Embeddings of its images and of their regions, in every state of the network.

        Raises:
            MissingResultError: If they have not been made.
            ConfigError: If they are damaged.
        """
        points = self._source.table((), "knowledge_points")
        return StoredPatterns(self.store("patterns"), configured_threshold(points))

    @cached_property
    def pictures(self) -> StoredPictures:
        """Pictures of what its layers and units respond to.

        Raises:
            MissingResultError: If they have not been made.
            ConfigError: If they are damaged.
        """
        return StoredPictures(self.store("pictures"))

    @cached_property
    def invariances(self) -> StoredInvariances:
        """What its layers keep of images, and samples of what they do not say.

        Raises:
            MissingResultError: If they have not been made.
            ConfigError: If they are damaged.
        """
        return StoredInvariances(self.store("kept"))

    @cached_property
    def card(self) -> dict[str, Any]:
        """The model card: where weights come from, and how good the network is.

        Raises:
            MissingResultError: If it has not been made.
        """
        return self._source.card(self.network)
