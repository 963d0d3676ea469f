"""Rule plot_augmentations: an image of the study to the contact sheet."""

from pathlib import Path

from actsense.data import ImageCache
from actsense.figures.augmentations import contact_sheet
from actsense.figures.style import save
from actsense.run import logged

with logged(snakemake.log[0]):
    cache = ImageCache.open(Path(snakemake.input.images), Path(snakemake.input.manifest))
    figure = contact_sheet(cache.read(cache.partition_rows("validation")[:1])[0])
    save(figure, Path(snakemake.output.png), dpi=snakemake.params.figures["dpi"])
