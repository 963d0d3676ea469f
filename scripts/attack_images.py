"""Rule attack_images: a few images of every class to what an attack on a network makes of them."""

from pathlib import Path

from actsense.device.choice import set_threads, use_device
from actsense.features.attacked import write_attack
from actsense.features.images import choose_images
from actsense.job.files import origin
from actsense.job.log import logged
from actsense.networks.opening import open_subject
from actsense.patterns.settings import Patterns

with logged(snakemake.log[0]):
    set_threads(snakemake.threads)
    subject = open_subject(
        images=snakemake.input.images,
        manifest=snakemake.input.manifest,
        weights=snakemake.input.weights,
        settings=snakemake.params.subject,
        batch_size=snakemake.params.batch_size,
        device=use_device(snakemake.params.device),
    )
    settings = Patterns(**snakemake.params.patterns)
    chosen = choose_images(subject, images=settings.images, classes=settings.classes)
    attributes = origin(snakemake.params, snakemake.input)
    written, seed = Path(snakemake.output.attack), snakemake.params.subject["seed"]
    write_attack(subject, chosen, settings.attack, written, seed=seed, attributes=attributes)
