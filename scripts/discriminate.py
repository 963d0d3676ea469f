"""Rule discriminate: the maps of all designs to tables of which factor made them."""

from actsense.job.files import by_name, paths
from actsense.job.log import logged
from actsense.recognition.tables import discriminate
from actsense.sensitivity.maps import SensitivityMaps
from actsense.store import write_tables

with logged(snakemake.log[0]):
    maps = SensitivityMaps(by_name(snakemake.params.designs, snakemake.input.indices))
    tables = discriminate(maps, **snakemake.params.lda, seed=snakemake.params.seed)
    write_tables(tables, paths(snakemake.output))
