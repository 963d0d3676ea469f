"""What recognising factors by their maps takes, said before anything is run."""

__all__ = ["work"]

from actsense.work import Facts, Work, table_files

FOLDS = 165 * 60  # seconds, of all folds, repeats and permutations of a large network
TABLES = 4  # accuracy, confusion, projection, skipped
FIGURES = 1  # accuracy
FOLDERS = 2  # confusions and projections
KINDS = 3  # of figures of a design: confusions of two kinds, projections


def work(facts: Facts) -> list[Work]:
    """Return what the discriminant analyses take, for every network over all of its designs."""
    return [own for network in facts.networks for own in _network(facts, network)]


def _network(facts: Facts, network: str) -> list[Work]:
    own = facts.networks[network]
    jobs, figures = int(bool(own.analysed and own.maps)), KINDS * len(own.analysed)
    return [
        Work("discriminate", network, jobs=jobs, seconds=FOLDS, files=table_files(TABLES)),
        Work("plot_discriminant", network, jobs=jobs, files=FIGURES + FOLDERS + figures),
    ]
