"""What the page on a study takes, said before anything is run."""

__all__ = ["work"]

from actsense.work import Facts, Work

PAGE = 1e7  # bytes, with ten figures inside


def work(facts: Facts) -> list[Work]:
    """Return what the page takes, and the record of the run beside it."""
    return [Work("write_page", kept=PAGE, files=3)]
