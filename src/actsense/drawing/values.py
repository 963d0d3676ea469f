"""What the values of a factor are called: one name in all figures."""

__all__ = ["TITLES", "value_name"]

TITLES = {
    "S1": "S1: alone",
    "ST": "ST: with all interactions",
    "shapley": "Shapley effect: fair share",
}


def value_name(value: str) -> str:
    """Return how figures call a value, or several of them: `S1, Shapley effect`."""
    return value.replace("shapley", "Shapley effect")
