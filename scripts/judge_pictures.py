"""Rule judge_pictures: pictures of all networks to tables of what came of them."""

from actsense.device.choice import set_threads, use_device
from actsense.featvis.outcome.tables import picture_tables
from actsense.featvis.outcome.transfer import transfers
from actsense.featvis.stored import StoredPictures
from actsense.job.files import by_name, paths
from actsense.job.log import logged
from actsense.networks.opening import open_subjects
from actsense.store import read_results, write_tables

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    inputs, params = snakemake.input, snakemake.params
    found = by_name(params.subjects, inputs.pictures)
    stores = {name: StoredPictures(read_results(path)) for name, path in found.items()}
    subjects = open_subjects(
        *(inputs.images, inputs.manifest, inputs.weights, params.subjects.values()),
        batch_size=params.batch_size,
        device=use_device(params.device),
    )
    others, draws = transfers(stores, subjects, params.depths), params.bootstrap
    judged = picture_tables(stores, others, bootstrap=draws, seed=params.seed)
    write_tables(judged, paths(snakemake.output))
