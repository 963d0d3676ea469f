"""What the most sensitive classes take, said before anything is run."""

__all__ = ["work"]

from actsense.work import Facts, Work, table_files

TABLES = 3  # ranking, matches, skipped
KINDS = 2  # of figures of a design: rankings and matches, in folders


def work(facts: Facts) -> list[Work]:
    """Return what comparing classes takes, for every network over all of its designs."""
    return [own for network in facts.networks for own in _network(facts, network)]


def _network(facts: Facts, network: str) -> list[Work]:
    own = facts.networks[network]
    jobs = int(bool(own.analysed and own.maps))
    return [
        Work("match_classes", network, jobs=jobs, files=table_files(TABLES)),
        Work("plot_classes", network, jobs=jobs, files=KINDS * (1 + len(own.analysed))),
    ]
