"""A still image that moves like a video: what is said of it, with what is not said of frames.

    frame x_t    its mean latent w_t    v_t = t(w_t | z_t)    shown    D(t^-1(v_t | z))

with z what the layer says of the still image.
"""

__all__ = ["Translated", "translate_clip"]

from dataclasses import dataclass

from torch import Tensor

from actsense.errors import ConfigError
from actsense.invariance.demos.clips import Clip
from actsense.invariance.demos.view import View


@dataclass(frozen=True)
class Translated:
    """A video and its translation; images in [0, 1], on the CPU.

    Attributes:
        frames: Of the video, (frames, 3, side, side).
        reference: The still image, (3, side, side).
        images: Frames of the translation, as many as of the video, of the same shape.
        predicted: Number of the highest output for every image of the translation, (frames,).
        predicted_reference: The same for the still image.
        rate: Frames per second.
    """

    frames: Tensor
    reference: Tensor
    images: Tensor
    predicted: Tensor
    predicted_reference: int
    rate: float


def translate_clip(view: View, clip: Clip, reference: Tensor) -> Translated:
    """Let a still image move like a video.

    Arguments:
        view: The layer.
        clip: The video, its frames of the side of the network.
        reference: The still image, in [0, 1], (3, side, side).

    Raises:
        ConfigError: If the video has no frame, or frames or image have another size.
    """
    if not len(clip.frames):
        raise ConfigError("The video has no frame. Give one with one or more.")
    still, looked = view.look(reference[None]), view.look(clip.images)
    said = still.said.expand(len(clip.frames), *still.said.shape[1:])
    images = view.seen(looked.v, said)
    return Translated(
        *(clip.images, reference.cpu(), images, view.predict(images)),
        *(int(still.predicted[0]), clip.rate),
    )
