"""Rule evaluate_cells: images and maps of all networks to one network's predictions."""

from pathlib import Path

from actsense.spatial.cell_curves import evaluate_cells

from actsense.run import logged, set_threads, use_device
from actsense.spatial.classifier import open_classifier
from actsense.store import file_hash, provenance, write_results

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    device, settings = use_device(snakemake.params.device), snakemake.params.classifiers
    images = [Path(snakemake.input.images), Path(snakemake.input.manifest)]
    weights = dict(zip(settings, map(Path, snakemake.input.weights), strict=True))
    sources = {
        name: open_classifier(
            *(*images, weights[name], settings[name]),
            batch_size=snakemake.params.batch_size,
            device=device,
        )
        for name in settings
    }
    own = snakemake.wildcards.network
    groups = evaluate_cells(
        sources[own], sources, snakemake.params.cells, seed=settings[own]["seed"]
    )
    attributes = provenance(
        configuration=dict(snakemake.params.study),
        weights_sha256={name: file_hash(path) for name, path in weights.items()},
        dataset_sha256=file_hash(images[1]),
    )
    write_results(Path(snakemake.output.cells), groups, attributes=attributes)
