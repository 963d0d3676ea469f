"""What the correlations between maps take, said before anything is run."""

__all__ = ["work"]

from actsense.work import Facts, Work, store_files, table_files

LAYER_ARRAYS = 3  # of the variation over positions
TABLES = 4  # within, across, variation, skipped
FIGURES = 3


def work(facts: Facts) -> list[Work]:
    """Return what the correlations take, for every network over all of its designs."""
    return [own for network in facts.networks for own in _network(facts, network)]


def _network(facts: Facts, network: str) -> list[Work]:
    own = facts.networks[network]
    jobs, layers = int(bool(own.analysed)), len(own.layers)
    variation = store_files(layers * LAYER_ARRAYS, 1 + layers)
    return [
        Work("correlate", network, jobs=jobs, files=variation + table_files(TABLES)),
        Work("plot_correlation", network, jobs=jobs, files=FIGURES),
    ]
