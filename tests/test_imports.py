"""What every job imports before its work starts must stay light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("torch", "torchvision", "pandas", "scipy", "zarr", "xarray", "sklearn", "matplotlib")
SCRIPTS = Path(__file__).parents[1] / "scripts"
# Scripts, and what none of them may import: heavier than all that they do.
GROUPS = {
    "tables": (
        {"compare_segments", "correlate", "discriminate", "estimate_indices", "match_classes"}
        | {"merge_moments", "profile_masks", "run_notebook"}
        | {"cache_images", "download_dataset"},
        {"torch", "torchvision", "sklearn", "matplotlib"},
    ),
    "figures": (
        {"plot_classes", "plot_contrast", "plot_correlation", "plot_discriminant"}
        | {"plot_indices", "plot_masking", "plot_networks", "plot_saliency", "plot_segments"}
        | {"compare_cells", "compare_interactions", "compare_transforms"},
        {"torch", "torchvision", "sklearn", "scipy.stats"},
    ),
    # They run networks, or as `plot_images` the augmentations, which are written in PyTorch.
    # torchvision is for networks that come from there, and is loaded with them.
    "torch": (
        {"accumulate", "download_weights", "estimate_contrast", "import_weights", "map_saliency"}
        | {"evaluate_cells", "evaluate_interaction", "evaluate_masks", "evaluate_transforms"}
        | {"sample_activations", "sample_segments", "stream_moments", "train_network"}
        | {"plan", "plot_images"},
        {"torchvision", "sklearn"},
    ),
}


def test_reading_the_workflow_imports_nothing_heavy() -> None:
    program = (
        "import sys, actsense.errors, actsense.resources, actsense.study; "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    run = [sys.executable, "-c", program]
    assert subprocess.check_output(run, text=True).strip() == "[]"


def test_every_script_has_its_group() -> None:
    named = [name for scripts, _ in GROUPS.values() for name in scripts]
    assert sorted(named) == sorted(path.stem for path in SCRIPTS.glob("*.py"))


@pytest.mark.parametrize("group", GROUPS)
def test_scripts_import_nothing_that_is_heavier_than_their_work(group: str) -> None:
    scripts, forbidden = GROUPS[group]
    program = "import sys\nfound = {}\n"
    for name in sorted(scripts):  # one after the other: the first that imports a module is named
        tree = ast.parse((SCRIPTS / f"{name}.py").read_text())
        lines = [
            ast.unparse(node)
            for node in tree.body
            if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        program += "\n".join([*lines, f"found[{name!r}] = {forbidden} & sys.modules.keys()", ""])
    program += "print({name: modules for name, modules in found.items() if modules})"
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "{}"
