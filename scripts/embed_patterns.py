"""Rule embed_patterns: features of a network to embeddings of its images and regions."""

from pathlib import Path

from actsense.device.choice import set_threads, use_device
from actsense.job.files import origin
from actsense.job.log import logged
from actsense.patterns.evaluate import embed_patterns
from actsense.patterns.settings import Patterns
from actsense.store import write_results
from actsense.store.rows import Rows

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    groups = embed_patterns(
        Rows(Path(snakemake.input.features)),
        Patterns(**snakemake.params.patterns),
        seed=snakemake.params.seed,
        device=use_device(snakemake.params.device),
    )
    facts = {"network": snakemake.wildcards.network}
    attributes = origin(snakemake.params, snakemake.input, **facts)
    write_results(Path(snakemake.output.patterns), groups, attributes=attributes)
