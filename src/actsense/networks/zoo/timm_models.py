"""The classifiers of timm, PyTorch Image Models, with and without their published weights."""

__all__ = ["build_timm", "timm_expects", "timm_publishes"]

import re
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor, nn

from actsense.errors import ConfigError, choose
from actsense.networks.settings import Timm, weights_file
from actsense.networks.zoo.packaged import MODEL, PACKAGED
from actsense.networks.zoo.published import Expected, Published
from actsense.store import file_hash

# Importing timm takes seconds of every job; only networks of its own pay for it.
if TYPE_CHECKING:
    from timm.models import PretrainedCfg

HASH = re.compile(r"-[0-9a-f]{8,}\.")  # what the names of many files hold of their own hash
SHA256 = re.compile(r"[0-9a-f]{64}")


def timm_publishes(name: str, settings: Timm) -> Published | None:
    """Return the published weights that the settings name, or None: `none`, `packaged`, a path.

    Arguments:
        name: The network's name in the configuration, used in messages.
        settings: Its settings.

    Raises:
        ConfigError: If the model is unknown, `weights` is nothing that it has, or the published
            weights are of a network without a classifier.
    """
    tag = _tag(name, settings)
    if tag is None:
        return None
    known = _configuration(tag)
    source = f"huggingface.co/{known.hf_hub_id}" if known.hf_hub_id else str(known.url)
    return Published(tag, source, lambda folder: _downloaded(tag, folder))


def timm_expects(name: str, settings: Timm) -> Expected:
    """Return the normalisation of the model, and outputs of published and packaged weights.

    Arguments and errors are those of `timm_publishes`. Weights of a file are taken to expect what
    the model's own published weights do.
    """
    tag = _tag(name, settings)
    known = _configuration(tag or settings.model)
    outputs = known.num_classes if tag or settings.weights == PACKAGED else None
    size = known.input_size[-1]
    return Expected(known.mean, known.std, size, outputs, _categories(outputs))


def build_timm(name: str, settings: Timm, *, classes: int) -> nn.Module:
    """Build the architecture; the weights are filled in later.

    Arguments and errors are those of `timm_publishes`.
    """
    import timm

    full = _tag(name, settings) or settings.model
    return timm.create_model(full, pretrained=False, num_classes=classes)


def _tag(name: str, settings: Timm) -> str | None:
    """Return the full name of published weights, `model.tag`."""
    import timm

    architecture, _, own = settings.model.partition(".")
    _check_model(name, architecture, timm.list_models())
    tags = [full.partition(".")[2] for full in timm.list_pretrained(f"{architecture}.*")]
    if own:
        choose(f"networks.{name}.model", settings.model, [f"{architecture}.{t}" for t in tags])
    wanted = settings.weights
    if wanted == PACKAGED and architecture != MODEL:
        raise ConfigError(
            f"networks.{name}.weights: packaged weights are those of {MODEL}, not of "
            f"{settings.model}. Set networks.{name}.model to {MODEL}, or name other weights."
        )
    if wanted in ("none", PACKAGED) or weights_file(settings):
        return None
    if wanted in tags or (wanted == "DEFAULT" and tags):
        return _with_classifier(name, settings, own, wanted)
    allowed = ", ".join([*(["DEFAULT"] if tags else []), *tags]) or "nothing published"
    raise ConfigError(
        f"networks.{name}.weights: {wanted!r} is neither none, nor one of those that timm has for "
        f"{architecture} ({allowed}), nor a file."
    )


def _check_model(name: str, architecture: str, known: list[str]) -> None:
    if architecture not in known:  # more than a thousand: a message does not list them
        nearest = ", ".join(get_close_matches(architecture, known, n=5)) or "none"
        raise ConfigError(
            f"networks.{name}.model: timm knows no {architecture!r}. Nearest: {nearest}. "
            "timm.list_models() returns all."
        )


def _with_classifier(name: str, settings: Timm, own: str, wanted: str) -> str:
    architecture = settings.model.partition(".")[0]
    if own and wanted not in ("DEFAULT", own):
        raise ConfigError(
            f"networks.{name}: the model {settings.model} names its weights, and weights names "
            f"others, {wanted!r}. Keep one of the two."
        )
    tag = f"{architecture}.{own or _tag_of(architecture, wanted)}"
    if not _configuration(tag).num_classes:
        raise ConfigError(
            f"networks.{name}.weights: {tag} has no classifier, only features. Choose weights "
            "with one, or build the network with a classifier of your own as kind python."
        )
    return tag


def _tag_of(architecture: str, wanted: str) -> str:
    return str(_configuration(architecture).tag) if wanted == "DEFAULT" else wanted


def _downloaded(tag: str, folder: Path) -> dict[str, Tensor]:
    """Download into an empty folder as timm does, and check the hash of what came."""
    import timm
    from timm.models import set_pretrained_check_hash

    known = _configuration(tag)
    set_pretrained_check_hash(bool(HASH.search(str(known.url))))
    module = timm.create_model(
        tag, pretrained=True, num_classes=known.num_classes, cache_dir=folder
    )
    # The hub calls large files by their hash; what arrived has to be what was published.
    for file in folder.rglob("blobs/*"):
        if SHA256.fullmatch(file.name) and file_hash(file) != file.name:
            raise RuntimeError(f"invalid hash value of {tag} (expected {file.name})")
    return dict(module.state_dict())


def _configuration(full: str) -> "PretrainedCfg":
    from timm.models import PretrainedCfg, get_pretrained_cfg

    return get_pretrained_cfg(full) or PretrainedCfg()


def _categories(outputs: int | None) -> list[str] | None:
    """Name the outputs of ImageNet and its supersets, which timm tells apart by their number."""
    from timm.data.imagenet_info import ImageNetInfo, infer_imagenet_subset

    subset = infer_imagenet_subset({"num_classes": outputs}) if outputs else None
    if subset is None:
        return None
    return list(ImageNetInfo(subset).label_descriptions())
