# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What does a study hold, and how do I look at it?
#
# A study shows a network many versions of its images, each with a random choice of augmentations,
# and splits the variance of every unit's response into shares: so much is due to the brightness,
# so much to which image it was. This notebook walks from the study to one layer, one unit and its
# intervals, with the few calls that are needed. Run it on another study by changing `study`.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display

import actsense
from actsense.drawing.names import legible
from actsense.inspection.pictures import draw_pictures
from actsense.sampling.figures.joint_law import joint_law_sheet
from actsense.sensitivity.figures.contrasts import contrast_bars
from actsense.sensitivity.figures.depth import depth_profile

# %matplotlib inline
# %config InlineBackend.print_figure_kwargs = {"bbox_inches": None}
plt.rcParams["figure.dpi"] = 110
pd.options.display.max_colwidth = None

# %% tags=["parameters"]
study = "results/digits"  # folder of the results
network = None  # None takes the one with the most designs
design = None  # None takes the first

# %%
results = actsense.open_study(study)
results

# %% [markdown]
# ## What was measured
#
# A *design* is a group of augmentations that act together; every network has results under each.
# Indices are estimated from *evaluations*: one image under one combination of augmentations.
# Accuracies are those of the model card, on training and validation images.

# %%
runs = [results[name, each] for name in results.networks for each in results.designs(name)]
runs = [each for each in runs if each.has("indices")]


def accuracy(name: str) -> str:
    """Read the shares of right answers from a model card, where there is one."""
    try:
        found = results[name].card.get("accuracy", {}).values()
    except actsense.MissingResultError:
        return "not known: no model card"
    return str([round(share, 3) for share in found])


pd.DataFrame(
    {
        "network": each.network,
        "design": each.design,
        "accuracy (train, validation)": accuracy(each.network),
        "augmentations": ", ".join(each.augmentations),
        "layers": len(each.layers),
        "units": int(each.indices["units"].sel(layer="network")),
        "evaluations": each.indices.attrs.get("evaluations", "not known"),
    }
    for each in runs
)

# %%
runs = [each for each in runs if network in (None, each.network) and design in (None, each.design)]
if not runs:
    raise SystemExit(
        f"No such run in {results.path}. Where there are designs, indices are made with: "
        + results.make_command("indices")
    )
run = runs[0]
title = f"{run.network}, {run.design}"
run

# %% [markdown]
# ## The images
#
# Ten of the images that the network saw, before any augmentation, with their class.

# %%
try:
    images = results.images
except actsense.MissingResultError as missing:
    images = None
    print(missing)
else:
    rows = np.linspace(0, len(images) - 1, 10).astype(int)
    figure, axes = plt.subplots(1, len(rows), figsize=(11, 1.5), layout="constrained")
    for axis, row, picture in zip(axes, rows, images.read(rows), strict=True):
        axis.imshow(picture.transpose(1, 2, 0))
        axis.set_title(legible(images.manifest["class_name"].iloc[row][:14]), fontsize=9)
        axis.set_axis_off()

# %% [markdown]
# And as the design shows them to the network: several augmentations, one after the other.

# %%
if images is not None:
    display(joint_law_sheet(images, run.settings, run.design, title=title))
else:
    print("Without its images, nobody can see what this study showed the network.")

# %% [markdown]
# ## All layers
#
# - **First order** (S1): share of the variance that a factor explains alone.
# - **Total** (ST): with all its interactions; totals of several factors may sum to more than 1.
# - **Shapley effect**: interactions divided fairly; effects of all factors sum to 1.
#
# Beside the augmentations, *image* (which image of a class), *class*, *partition* (training or
# validation) and *order* (in which order augmentations act) are factors, too. Bars are 95 %
# intervals from independent replicates of the whole design: where two of them do not overlap,
# another run would most likely rank the two alike.

# %%
depth_profile(run.indices.to_dataset(), title=title)

# %% [markdown]
# ## One layer
#
# `run.layer(name)` is an `xarray.Dataset` with every unit; each index has its half-width of the
# interval beside it, in the variable that ends in `_ci`. A unit that no factor moves is dead, and
# its indices are undefined; where too few differences carry them, it is rare, and its intervals
# cannot be trusted. The table says, for the layer in the middle of the network, what the
# median unit feels, and for how many units the interval lies above zero.

# %%
layer = run.layers[len(run.layers) // 2]
units = run.layer(layer)
alive = ~(units["dead"] | units["rare"])
places = [name for name in alive.dims]
certain = (units["shapley"] - units["shapley_ci"] > 0).where(alive)
pd.DataFrame(
    {
        "Shapley effect, median unit": units["shapley"].where(alive).median(places).to_series(),
        "median half-width": units["shapley_ci"].where(alive).median(places).to_series(),
        "units above zero, share": certain.mean(places).to_series(),
    }
).round(3).rename_axis(f"{layer}: {int(alive.sum())} of {alive.size} units; others dead or rare")

# %% [markdown]
# ## One unit
#
# The unit of that layer whose response varies most because of augmentations: effect times
# variance, because a share of next to no variance means little.

# %%
moved = units["shapley"].sel(factor=list(run.augmentations)).sum("factor") * units["variance"]
place = {name: int(at) for name, at in moved.fillna(-np.inf).argmax(places).items()}
unit = units.isel(place)
where = ", ".join(f"{name} {at}" for name, at in place.items())

figure, axis = plt.subplots(figsize=(11, 3), layout="constrained")
for shift, (index, label) in zip(
    (-0.25, 0, 0.25),
    {"S1": "first order", "shapley": "Shapley effect", "ST": "total"}.items(),
    strict=True,
):
    positions = np.arange(len(run.factors)) + shift
    axis.bar(positions, unit[index], 0.25, yerr=unit[f"{index}_ci"], capsize=2, label=label)
axis.axhline(0, color="0.6", linewidth=0.7)
axis.set_xticks(range(len(run.factors)), run.factors, rotation=20, ha="right")
axis.set(ylabel="share of the unit's variance", title=f"{title}: {layer}, {where}")
axis.legend()
plt.show()
# %% [markdown]
# ## What the unit answers most
#
# The images with the strongest responses of this unit, untouched in the first row, and under each
# augmentation below, as the network saw them. Numbers are responses, in the unit's own scale.

# %%
if run.has("top_images"):
    top = run.top_images
    best = top.children[layer].to_dataset().isel(place)
    conditions = [str(name) for name in top["condition"].to_numpy()]
    shape = (len(conditions), best.sizes["rank"])
    size = (1.5 * shape[1] + 1, 1.7 * shape[0])
    figure, axes = plt.subplots(*shape, figsize=size, squeeze=False, layout="constrained")
    for line, condition in zip(axes, conditions, strict=True):
        chosen = best.isel(condition=conditions.index(condition))
        chosen = chosen.isel(rank=chosen["image"].to_numpy() >= 0)
        pictures = draw_pictures(
            results.images, top, condition, chosen["image"].to_numpy(), chosen["draw"].to_numpy()
        )
        for axis in line:
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
        for axis, picture, response in zip(
            line, pictures, chosen["response"].to_numpy(), strict=False
        ):
            axis.imshow(picture.transpose(1, 2, 0))
            axis.set_title(f"{response:.3g}", fontsize=8)
        line[0].set_ylabel(condition, rotation=0, ha="right", va="center")
else:
    print("No top images were kept in this study.")

# %% [markdown]
# ## Contrast: one augmentation at a time
#
# Indices say how much variance a factor causes, not in which direction. The contrast compares
# each augmentation alone with the untouched image, pair by pair: a rank-biserial correlation of 1
# means that every image raises the response, -1 that every image lowers it.

# %%
if run.has("contrast"):
    display(contrast_bars(run.table("contrast"), title=title))
else:
    print(f"This study has no contrast yet. Make it with: {results.make_command('contrast')}")

# %% [markdown]
# ## What this study says
#
# Computed from the results above. Go on with `sensitivity_values` (all units in numbers) and
# `single_units` (maps), and where the study has analyses with `correlation`,
# `discriminant_analysis`, `masked_predictions`, `single_class` and `segments`.

# %% tags=["answer"]
network_wide = run.indices.sel(layer="network")
effects, halves = (network_wide[name].to_series() for name in ("shapley", "shapley_ci"))
share = {
    factor: f"{100 * effects[factor]:.1f} %"
    + (f" (± {100 * halves[factor]:.1f})" if np.isfinite(halves[factor]) else "")
    for factor in run.factors
}
augmented = network_wide["shapley"].sel(factor=list(run.augmentations))
strongest = run.augmentations[augmented.to_numpy().argmax()]
shown = [f"{name} {share[name]}" for name in ("partition", "class", "image") if name in share]
print(
    f"{run.network} under {run.design}: augmentations make {100 * float(augmented.sum()):.0f} % "
    f"of the variance of its units.\nIt feels {strongest} most: {share[strongest]}"
    f"{', 95 % interval' if np.isfinite(halves[strongest]) else ', without an interval'}.\n"
    f"Of what was shown: {', '.join(shown) or 'always the same'}."
)
