"""What every job imports before its work starts must stay light."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    *("torch", "torchvision", "timm", "sklearn"),
    *("pandas", "scipy", "zarr", "xarray", "matplotlib"),
)
SCRIPTS = {
    path.stem: path.read_text() for path in (Path(__file__).parents[1] / "scripts").glob("*.py")
}
FIGURES = re.compile(r"from actsense\.([\w.]*figures\b|drawing\.)")
# They run networks, or as `plot_images` the augmentations, which are written in PyTorch.
RUN_TORCH = {
    *("attack_images", "compare_patterns", "embed_patterns", "record_features"),
    *("accumulate", "download_weights", "estimate_contrast", "import_weights", "map_saliency"),
    *("evaluate_cells", "evaluate_interaction", "evaluate_masks", "evaluate_transforms"),
    *("contrast_part", "mask_part"),
    *("sample_activations", "sample_segments", "stream_moments"),
    *("train_checkpoint", "train_network"),
    *("judge_pictures", "visualise_features"),
    *("train_autoencoder", "record_representations", "train_flow"),
    *("measure_invariances", "compare_invariances", "show_demos", "compare_bias"),
    *("train_factors", "explain_factors", "compare_factors"),
    *("measure_speed", "plan", "plot_images"),
}
DRAW = {name for name, text in SCRIPTS.items() if FIGURES.search(text)} - RUN_TORCH
# Scripts, and what none of them may import: heavier than all that they do. torchvision and timm
# are for networks that come from there, and are loaded with them.
GROUPS = {
    "tables": (
        SCRIPTS.keys() - RUN_TORCH - DRAW,
        {"torch", "torchvision", "sklearn", "matplotlib"},
    ),
    "figures": (DRAW, {"torch", "torchvision", "sklearn", "scipy.stats"}),
    "torch": (RUN_TORCH, {"torchvision", "timm", "sklearn"}),
}


def test_reading_the_workflow_imports_nothing_heavy() -> None:
    program = (
        "import sys, actsense.errors, actsense.study.study; from importlib import import_module; "
        "from actsense.planning.work import STUDIES; "
        "plans = [import_module(f'actsense.{study}.plan') for study in STUDIES]; "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    run = [sys.executable, "-c", program]
    assert subprocess.check_output(run, text=True).strip() == "[]"


@pytest.mark.parametrize("group", GROUPS)
def test_scripts_import_nothing_that_is_heavier_than_their_work(group: str) -> None:
    scripts, forbidden = GROUPS[group]
    program = "import sys\nfound = {}\n"
    for name in sorted(scripts):  # one after the other: the first that imports a module is named
        tree = ast.parse(SCRIPTS[name])
        lines = [
            ast.unparse(node)
            for node in tree.body
            if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        program += "\n".join([*lines, f"found[{name!r}] = {forbidden} & sys.modules.keys()", ""])
    if group == "torch":  # how each of them opens its networks
        program += (
            "from torch.nn import Conv2d\nfrom actsense.networks.peak import measure_forward\n"
            "measure_forward(Conv2d(3, 1, 1), 4)\n"
            "found['measure_forward'] = {'torch._dynamo'} & sys.modules.keys()\n"
        )
    program += "print({name: modules for name, modules in found.items() if modules})"
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "{}"
