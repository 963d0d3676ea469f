"""Rule compare_interactions: what distant patches do to networks to a table and figures."""

from actsense.job.files import by_name, paths
from actsense.job.log import logged
from actsense.spatial.interaction.figures import plot_interaction
from actsense.spatial.interaction.tables import compare_interactions
from actsense.store import write_tables

with logged(snakemake.log[0]):
    stores = by_name(snakemake.params.networks, snakemake.input.interaction)
    outputs = paths(snakemake.output)
    samples = {"bootstrap": snakemake.params.bootstrap, "seed": snakemake.params.seed}
    write_tables(compare_interactions(stores, **samples), outputs)
    page = {"title": snakemake.wildcards.study, "dpi": snakemake.params.figures["dpi"]}
    plot_interaction(outputs["interaction"], stores, outputs, **page)
