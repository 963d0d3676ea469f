"""What autoencoder and flows are worth, from their cards."""

__all__ = ["AUTOENCODER", "FLOWS", "autoencoder_rows", "flow_row"]

from collections.abc import Iterator, Mapping
from typing import Any

from actsense.invariance.autoencoder.card import AutoencoderCard
from actsense.invariance.tables.paired import Row

ERRORS = ("images", "absolute", "squared", "explained", "divergence", "noise")
AUTOENCODER = ("network", "state", "layer", "agreement", "cosine", "limited", *ERRORS)
FLOWS = (
    *("network", "state", "layer", "latent", "train_images", "validation_images"),
    *("train_nats", "validation_nats", "gap_nats", "shuffled_nats", "learned_nats"),
    *("train_bits", "validation_bits", "train_mean_square", "mean_square", "std_lowest"),
    *("std_highest", "ks", "ks_p", "correlation", "inverse_error", "steps", "best_step"),
    *("parameters", "limited"),
)
NOISE = ("mean_square", "std_lowest", "std_highest", "ks", "ks_p", "correlation")
PLAIN = (
    *("network", "state", "layer", "latent", "parameters"),
    *("gap_nats", "inverse_error", "steps", "best_step"),
)


def autoencoder_rows(network: str, state: str, card: AutoencoderCard) -> Iterator[Row]:
    """Yield what the autoencoder leaves of every layer of a network in one state.

    Arguments:
        network: Name of the network.
        state: Its state.
        card: Judged by the network in this state.
    """
    faithful = card.networks[network]
    for layer, cosine in faithful.cosine.items():
        yield {
            **{"network": network, "state": state, "layer": layer},
            **{"agreement": faithful.agreement, "cosine": cosine},
            "limited": not card.passes(network, layer),
            **{name: getattr(card, name) for name in ERRORS},
        }


def flow_row(flow: Mapping[str, Any], *, limited: bool) -> Row:
    """Return what is told of a flow, see `describe_flow`.

    Arguments:
        flow: Its card.
        limited: Whether the autoencoder limits what it says of its layer.
    """
    nats, bits, shuffled = flow["nats"], flow["bits_per_dimension"], flow["shuffled_nats"]
    return {
        **{name: flow[name] for name in PLAIN},
        **{f"{part}_images": flow["images"][part] for part in ("train", "validation")},
        **{f"{part}_nats": nats[part] for part in ("train", "validation")},
        **{f"{part}_bits": bits[part] for part in ("train", "validation")},
        "shuffled_nats": shuffled,
        "learned_nats": None if shuffled is None else shuffled - nats["validation"],
        "train_mean_square": flow["noise"]["train"]["mean_square"],
        **{name: flow["noise"]["validation"][name] for name in NOISE},
        "limited": limited,
    }
