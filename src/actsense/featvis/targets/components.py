"""Where images lie by what a layer responds to: principal components, and a plane to look at."""

__all__ = ["plane", "principal_components"]

import numpy as np
from numpy.typing import NDArray

from actsense.draws import stream

Floats = NDArray[np.float64]

PERPLEXITY = 30  # at most; of few images a third
FEW = 10  # images; fewer have no neighbourhoods that t-SNE could keep


def principal_components(values: Floats, most: int) -> Floats:
    """Return the principal components of images, largest variance first.

    Every component points to where the channel that counts most for it grows. Images that are
    alike in all channels are alike to the last bit.

    Arguments:
        values: Standardised channels, of mean 0, (images, channels).
        most: How many components are kept, at most.

    Returns:
        (images, min(most, images - 1, channels)), in standard deviations of a channel.
    """
    kept = min(most, len(values) - 1, values.shape[1])
    _, _, loadings = np.linalg.svd(values, full_matrices=False)
    loadings = loadings[:kept]
    largest = abs(loadings).argmax(axis=1)
    loadings *= np.sign(loadings[np.arange(kept), largest])[:, None]
    different, image = np.unique(values, axis=0, return_inverse=True)
    return np.asarray((different @ loadings.T)[image])


def plane(components: Floats, *, seed: int) -> Floats:
    """Return where images lie in the plane of a t-SNE, (images, 2).

    Of fewer than 10 images, or of a single component, these are the first two components.

    Arguments:
        components: Principal components, (images, components).
        seed: Seed of the study.

    Source:
        van der Maaten & Hinton (2008), Visualizing data using t-SNE, JMLR 9.
    """
    images, kept = components.shape
    if images < FEW or kept < 2:
        return np.pad(components[:, :2], ((0, 0), (0, max(0, 2 - kept))))
    from sklearn.manifold import TSNE

    state = int(stream(seed, "plane of facets").integers(2**31))
    tsne = TSNE(2, perplexity=min(PERPLEXITY, images / 3), random_state=state)
    return np.asarray(tsne.fit_transform(components), dtype=np.float64)
