"""Rule compare_transforms: what networks say of shuffled images to tables and figures."""

from actsense.job.files import by_name, paths
from actsense.job.log import logged
from actsense.spatial.transforms.figures import plot_transforms
from actsense.spatial.transforms.tables import compare_transforms
from actsense.store import write_tables

with logged(snakemake.log[0]):
    stores = by_name(snakemake.params.networks, snakemake.input.transforms)
    outputs = paths(snakemake.output)
    samples = {"bootstrap": snakemake.params.bootstrap, "seed": snakemake.params.seed}
    write_tables(compare_transforms(stores, **samples), outputs)
    page = {"title": snakemake.wildcards.study, "dpi": snakemake.params.figures["dpi"]}
    plot_transforms(outputs, outputs, **page)
