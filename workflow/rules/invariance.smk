"""From networks to what their layers keep of images and what they discard, shown as images."""

INVARIANCE_TABLES = {
    "invariance_autoencoder": "results/{study}/invariance/tables/invariance_autoencoder.csv",
    "invariance_flows": "results/{study}/invariance/tables/invariance_flows.csv",
    "invariance_kept": "results/{study}/invariance/tables/invariance_kept.csv",
    "invariance_quality": "results/{study}/invariance/tables/invariance_quality.csv",
    "invariance_moved": "results/{study}/invariance/tables/invariance_moved.csv",
    "invariance_effects": "results/{study}/invariance/tables/invariance_effects.csv",
    "invariance_inversion": "results/{study}/invariance/tables/invariance_inversion.csv",
}
ALL_INVARIANCES = {
    "kept": "what layers keep of images",
    "consistency": "samples in the eyes of their network",
    "moved": "augmentations that samples move along",
    "effects": "free directions and sensitivities",
    **({"quality": "samples beside real images"} if beside.judge else {}),
}
INVARIANCE_FIGURES = {
    name: of_invariances(f"{name}.png", figure, "results/{study}/invariance/figures")
    for name, figure in ALL_INVARIANCES.items()
}
# What decides samples and what is measured of them, of the settings of invariances.
MEASURED = ("anchors", "samples", "inversion", "inverted", "rank", "augmentations")
TRAINING = ("images", "validation", "autoencoder", "flow")
# Networks in states, and their layers, whose samples are compared.
COMPARED = beside.sampled_places(EXAMINED)
BIAS = beside.bias  # two networks, and layers of both
BIAS_PLACES = {"network": BIAS["networks"], "layer": BIAS["layers"], "state": "trained"}
INVERTED = config["invariance"]["inversion"] is not None


rule train_autoencoder:
    """The autoencoder behind all flows of the study, and the latents of its images."""
    input:
        images=IMAGES,
        manifest=MANIFEST,
        judge=of_judge(WEIGHTS),
    output:
        autoencoder=AUTOENCODER,
        latents=directory(LATENTS),
    resources:
        mem_mb=memory("train_autoencoder"),
        runtime=runtime("train_autoencoder"),
    params:
        **of_config("batch_size", "device", "seed", "precision"),
        subject=study.subject_settings(beside.judge) if beside.judge else None,
        judge_layers=beside.judge_layers,
        invariance=beside.invariance_settings("images", "validation", "autoencoder"),
        study=beside.autoencoder_provenance,
    message:
        "Training the autoencoder of the study"
    script:
        "../../scripts/train_autoencoder.py"


rule record_representations:
    """What layers of a network in one state say of images, and of their reconstructions."""
    input:
        images=IMAGES,
        manifest=MANIFEST,
        weights=WEIGHTS,
        checkpoint=state_checkpoint,
        autoencoder=AUTOENCODER,
        latents=LATENTS,
    output:
        representations=stored(directory(REPRESENTATIONS)),
        card=FAITHFULNESS,
    resources:
        mem_mb=memory("record_representations"),
        runtime=runtime("record_representations"),
    params:
        **OPENED,
        layers=state_layers,
        study=of(beside.invariance_provenance, "images", "validation", "autoencoder"),
    message:
        "Recording representations of {wildcards.network}, {wildcards.state}"
    script:
        "../../scripts/record_representations.py"


rule train_flow:
    """A flow between latents and what a layer does not say of them, with its card."""
    input:
        latents=LATENTS,
        representations=REPRESENTATIONS,
    output:
        flow=FLOW,
        card=FLOW_CARD,
    resources:
        mem_mb=memory("train_flow"),
        runtime=runtime("train_flow"),
    params:
        **of_config("device", "seed", "precision"),
        flow=beside.invariance_settings("flow")["flow"],
        study=of(beside.invariance_provenance, *TRAINING),
    message:
        "Training the flow of {wildcards.layer} of {wildcards.network}, {wildcards.state}"
    script:
        "../../scripts/train_flow.py"


rule measure_invariances:
    """Samples of what the layers of a network do not say, and what they keep of their anchors."""
    input:
        images=IMAGES,
        manifest=MANIFEST,
        weights=WEIGHTS,
        judge=of_judge(WEIGHTS),
        autoencoder=AUTOENCODER,
        latents=LATENTS,
        faithful=of_sampled(FAITHFULNESS),
        flows=of_sampled(FLOW),
        cards=of_sampled(FLOW_CARD),
    output:
        kept=directory(KEPT),
    resources:
        mem_mb=memory("measure_invariances"),
        runtime=runtime("measure_invariances"),
    params:
        **OPENED,
        judge_subject=study.subject_settings(beside.judge) if beside.judge else None,
        judge_layer=beside.judge_layers[-1] if beside.judge else "",
        places=of(beside.measured_places),
        augmentations=beside.compared_augmentations,
        invariance=beside.invariance_settings(*MEASURED),
        study=of(beside.invariance_provenance, *TRAINING, *MEASURED),
    message:
        "Sampling what {wildcards.network} does not say"
    script:
        "../../scripts/measure_invariances.py"


rule compare_invariances:
    """What is kept in all networks and layers as tables, with figures."""
    input:
        kept=expand(KEPT, network=EXAMINED, allow_missing=True),
        faithful=of_places(FAITHFULNESS, COMPARED),
        flows=of_places(FLOW_CARD, COMPARED),
        indices=of_runs(INDICES, networks=EXAMINED),
    output:
        **INVARIANCE_TABLES,
        **INVARIANCE_FIGURES,
    resources:
        mem_mb=memory("compare_invariances"),
    params:
        **of_config("seed", "figures"),
        networks=EXAMINED,
        states=list(dict.fromkeys((own["network"], own["state"]) for own in COMPARED)),
        indices=[(name, design) for name in EXAMINED for design in study.designs(name)],
        bootstrap=config["invariance"]["bootstrap"],
    message:
        "Comparing what networks keep"
    script:
        "../../scripts/compare_invariances.py"


rule plot_invariances:
    """Samples of what the layers of a network do not say, in images."""
    input:
        kept=KEPT,
    output:
        **(
            {"inversion": of_invariances("inversion.png", "samples and inverted images")}
            if INVERTED
            else {}
        ),
        samples=of_invariances("samples.png", "samples of layers"),
        variance=of_invariances("variance.png", "where samples differ"),
        flows=of_invariances("flows.png", "the training of flows"),
    params:
        **of_config("figures"),
    message:
        "Drawing what {wildcards.network} does not say"
    script:
        "../../scripts/plot_invariances.py"


rule show_demos:
    """Five ways to look at what layers of a network say, and do not say, of some images."""
    input:
        weights=WEIGHTS,
        autoencoder=AUTOENCODER,
        kept=KEPT,
        flows=demo_flows,
        clip=config["invariance"]["demos"]["clip"] or [],
    output:
        representations=of_demos("representations.png", "samples of some images"),
        attacks=of_demos("attacks.png", "what layers see of an attack"),
        mixing=of_demos("mixing.png", "images mixed with one another"),
        video=of_demos("video.png", "a still image that moves"),
        animation="results/{study}/{network}/invariance/demos/video.gif",  # no report shows it
    resources:
        mem_mb=memory("show_demos"),
        runtime=runtime("show_demos"),
    params:
        **OPENED,
        **of_config("seed", "figures"),
        layers=of(beside.demo_layers),
        demos=config["invariance"]["demos"],
    message:
        "Showing what {wildcards.network} sees"
    script:
        "../../scripts/show_demos.py"


rule compare_bias:
    """What samples of two networks keep of the same images: texture or shape."""
    input:
        weights=expand(WEIGHTS, network=BIAS["networks"], allow_missing=True),
        autoencoder=AUTOENCODER,
        kept=expand(KEPT, network=BIAS["networks"], allow_missing=True),
        flows=expand(FLOW, **BIAS_PLACES, allow_missing=True),
        manifest=MANIFEST if config["dataset"]["kind"] == "digits" else [],
    output:
        invariance_bias="results/{study}/invariance/tables/invariance_bias.csv",
        bias=of_demos(
            "bias.png", "which cue two networks keep", "results/{study}/invariance/figures"
        ),
    resources:
        mem_mb=memory("compare_bias"),
        runtime=runtime("compare_bias"),
    params:
        **of_config("batch_size", "device", "seed", "figures"),
        subjects=[study.subject_settings(name) for name in BIAS["networks"]],
        layers=BIAS["layers"],
        demos=config["invariance"]["demos"],
        bootstrap=config["invariance"]["bootstrap"],
    message:
        "Comparing which cues networks keep"
    script:
        "../../scripts/compare_bias.py"


rule invariance:
    """What layers keep of images and what they discard, with figures."""
    input:
        expand(rules.compare_invariances.output if EXAMINED else [], study=STUDY),
        expand(rules.plot_invariances.output, study=STUDY, network=EXAMINED),
        expand(rules.compare_factors.output if CONCEPTUAL else [], study=STUDY),
    message:
        "What layers keep of images is there" if EXAMINED else NOTHING.format("invariance")


rule demos:
    """What layers see of attacks, of mixed images, and of videos."""
    input:
        expand(rules.show_demos.output, study=STUDY, network=EXAMINED),
        expand(rules.compare_bias.output if BIAS["networks"] else [], study=STUDY),
    message:
        "The demos are there" if EXAMINED else NOTHING.format("invariance")
