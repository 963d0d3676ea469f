"""How well embeddings say what the network says, beside embeddings by other methods."""

__all__ = ["EMBEDDINGS", "embedding_rows"]

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from actsense.patterns.alignment import align
from actsense.patterns.baselines import strength_correlation
from actsense.patterns.radial import log_posterior
from actsense.patterns.stored import StoredPatterns

OURS = "ours"
EMBEDDINGS = (
    *("network", "state", "kind", "epoch", "method", "images", "classes"),
    *("kl", "agreement", "accuracy"),
    *("pearson", "pearson_low", "pearson_high", "spearman", "spearman_low", "spearman_high"),
    *("seeds", "seeds_low", "seeds_high", "spread", "moved"),
)


def embedding_rows(
    network: str, stored: StoredPatterns, *, bootstrap: int, seed: int
) -> Iterator[dict[str, Any]]:
    """Yield one row for every fitted state, and for every other method on the finished network.

    `kl` is the mean divergence from what the network says, nats, `agreement` how often the most
    probable classes are the same, `accuracy` how often the network's is the label. `pearson` and
    `spearman` are correlations over images of strength, the length of an embedding, with the
    entropy of what the network says. `seeds` is the median divergence of all starts, between the
    least and the largest; `spread` the mean angle between their embeddings, radians. `moved` is
    how far the images of a checkpoint still go until the next one, root of the mean square, as a
    share of that of the next embedding.

    Arguments:
        network: Its name.
        stored: Its patterns.
        bootstrap: Resamples of the images behind intervals.
        seed: Seed of the study.
    """
    data, draws = stored.root, {"bootstrap": bootstrap, "seed": seed}
    for state in np.flatnonzero(data["kind"] != "attack"):
        own = data.isel(state=state)
        said = own["probability"].to_numpy()
        row = {"network": network, "images": len(said), "classes": said.shape[1]}
        row |= {key: own[key].item() for key in ("state", "kind", "epoch")}
        fit = {
            "kl": own["loss"].item(),
            "agreement": _agreement(own),
            "accuracy": float(own["correct"].mean()),
        }
        finished = state == stored.final
        starts = _starts(stored) if finished else {"moved": _moved(stored, int(state))}
        placed = own["embedding"].to_numpy()
        yield row | {"method": OURS} | fit | starts | strength_correlation(placed, said, **draws)
        for method, other in _baselines(stored) if finished else ():
            yield row | {"method": method} | strength_correlation(other, said, **draws)


def _agreement(own: xr.Dataset) -> float:
    vectors, directions, prior = (
        torch.from_numpy(own[name].to_numpy()) for name in ("embedding", "direction", "prior")
    )
    best = log_posterior(vectors, directions, prior).argmax(dim=-1).numpy()
    return float((best == own["probability"].to_numpy().argmax(axis=1)).mean())


def _starts(stored: StoredPatterns) -> dict[str, float]:
    losses = stored.tree["seeds"]["loss"].to_numpy()
    return {
        "seeds": float(np.median(losses)),
        "seeds_low": float(losses.min()),
        "seeds_high": float(losses.max()),
        "spread": float(stored.root["spread"].mean()),
    }


def _moved(stored: StoredPatterns, state: int) -> float:
    """Return how far images are from their places in the state that this one is turned onto."""
    order = [shown.state for shown in stored.training]
    if state not in order:
        return np.nan
    later = order[order.index(state) + 1]
    pair = (torch.from_numpy(stored.embedding(number)) for number in (state, later))
    return align(*pair).residual


def _baselines(stored: StoredPatterns) -> Iterator[tuple[str, NDArray[np.float64]]]:
    data = stored.tree["baselines"].to_dataset()
    yield from zip(data["method"].to_numpy(), data["embedding"].to_numpy(), strict=True)
