"""What the weights of networks take, said before anything is run."""

__all__ = ["work"]

from dataclasses import replace

from actsense.networks.settings import Trained, checkpoint_epochs, teacher_of
from actsense.work import GRADIENT, Facts, Work

RULES = {
    "trained": "train_network",
    "downloaded": "download_weights",
    "imported": "import_weights",
}
TRAINING = 105 * 60  # seconds, where the number of images is not known
FILES = 3  # weights, card and its manifest
COPIES = {"adamw": 3, "sgd": 2}  # of weights in a checkpoint: with moments for the optimiser


def work(facts: Facts) -> list[Work]:
    """Return what training, downloading or importing weights takes, and drawing networks."""
    made = [own for network in facts.networks for own in _network(facts, network)]
    return [*made, Work("plot_networks", files=1)]


def _network(facts: Facts, network: str) -> list[Work]:
    own, settings = facts.networks[network], facts.settings.networks[network]
    teachers = teacher_of(settings)
    weights = Work(RULES[own.origin], network, kept=own.weights, files=FILES)
    if not isinstance(settings, Trained):
        return [weights]
    train, validation = facts.images or (0, 0)
    epochs = checkpoint_epochs(settings)
    left = settings.epochs - max(epochs, default=0)  # where the last job goes on
    training = replace(
        weights,
        passes=(GRADIENT + len(teachers)) * train * left
        + train
        + validation,  # which are scored at last
        back=True,
        batch=settings.batch_size,
        opens=(network, *teachers),
        holds=3 * own.weights / 1e6,  # gradients, and two numbers of the optimiser
        seconds=TRAINING,
    )
    checkpoints = replace(
        training,
        rule="train_checkpoint",
        jobs=len(epochs),
        passes=(GRADIENT + len(teachers)) * train * (settings.epochs - left),
        kept=COPIES[settings.optimizer] * own.weights * len(epochs),
        files=len(epochs),
    )
    return [checkpoints, training]
