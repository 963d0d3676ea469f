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
# # Does a network need the activations that feel an augmentation?
#
# The activations most sensitive to a factor are scaled (a scale of 0 removes them), and the
# network predicts again. Removing anything hurts, so every mask is compared with random masks of
# the same size, with the activations of largest magnitude, and with its own map after positions
# are permuted.

# %%
import matplotlib.pyplot as plt
from IPython.display import display

import actsense
from actsense.drawing.style import FACTOR_COLORS, interval_errors
from actsense.masking.profile_figures import (
    correlation_maps,
    effect_maps,
    first_layer,
    place_maps,
    trees,
)

# %matplotlib inline
plt.rcParams["figure.dpi"] = 110

# %% tags=["parameters"]
study = "results/digits"  # folder of the results
network = None  # None takes the first that has been masked
design = None  # None takes the first

# %%
results = actsense.open_study(study)
found = [
    (name, each)
    for name in results.networks
    for each in results.designs(name)
    if network in (None, name)
    and design in (None, each)
    and {"masking", "mask_effects"} <= {*results[name, each].tables}
]
if not found:
    raise SystemExit(
        f"No network of {results.path} has been masked. Where a design has analyses and layers "
        f"have positions, it is done with: {results.make_command('masking')}"
    )
run = results[found[0]]
title = f"{run.network}, {run.design}"
table, effects = run.table("masking"), run.table("mask_effects")
untouched = table[table["rule"] == "none"].set_index("input")
untouched[["images", "top1", "top1_low", "top1_high", "entropy"]].round(3)

# %% [markdown]
# Above: top-1 accuracy without any mask, with 95 % intervals over images, for untouched images
# (`original`) and each augmentation alone; `entropy` of the predicted classes, in nats.

# %% [markdown]
# ## Accuracy over the share of activations that is masked
#
# Lines: masks by the map of a factor, on untouched images. Gray: random masks of the same size.
# Dashed: the largest magnitudes. A line below the gray band says that the factor's activations
# matter more than others; only one below the dashed line is worth more than looking for large
# activations.

# %%
own, masked = first_layer(table[table["first_place"]])
own = own[(own["input"] == "original") & (own["scale"] == effects["scale"].min())]
value = effects["value"].iloc[0]
figure, axis = plt.subplots(figsize=(9, 4), layout="constrained")
for factor in effects["factor"].unique():
    line = own[(own["rule"] == "top") & (own["value"] == value) & (own["factor"] == factor)]
    axis.errorbar(line["fraction"], line["top1"], interval_errors(line, "top1"), capsize=2,
                  color=FACTOR_COLORS.get(factor), label=factor, marker="o")  # fmt: skip
for rule, style in {"random": "-", "magnitude": "--"}.items():
    line = own[own["rule"] == rule].sort_values("fraction")
    axis.errorbar(line["fraction"], line["top1"], interval_errors(line, "top1"), capsize=4,
                  color="0.5", linestyle=style, label=rule, linewidth=3, alpha=0.7)  # fmt: skip
axis.axhline(untouched["top1"]["original"], color="0.8", label="no mask")
axis.set(
    xlabel="share of the activations that is masked",
    ylabel="top-1 accuracy, untouched images",
    title=f"{title}: masks from {value} in {masked}, activations times {own['scale'].min():g}",
)
axis.legend(fontsize=8, ncols=2)
plt.show()
# %% [markdown]
# ## Beyond random masks, for every input
#
# Does a mask of a factor hurt more when the image is changed by that same factor (framed)?

# %%
effect_maps(effects, title=title)

# %% [markdown]
# ## In single layers

# %%
place_maps(effects, title=title)

# %% [markdown]
# ## Do masks act alike on augmented and untouched images?

# %%
profiles = run.table("mask_profiles")
correlation_maps(profiles, title=title) if len(profiles) else print("There are no profiles.")

# %% [markdown]
# Which masks act alike at all, as a tree. Leaves are named input--masked factor.

# %%
summary = run.table("mask_trees")
if len(summary):
    display(trees(run.table("mask_clusters"), run.table("mask_linkage"), summary, title=title))
else:
    print("There are no trees.")

# %% [markdown]
# ## The answer
#
# Effects are accuracies under the mask minus those under random masks of equal size, in
# percentage points, on untouched images, with 95 % intervals over images.

# %% tags=["answer"]
answer, _ = first_layer(effects[effects["first_place"]])
answer = answer[
    (answer["input"] == "original")
    & (answer["value"] == value)
    & (answer["scale"] == answer["scale"].min())
].sort_values("effect")
largest = own[own["fraction"] == own["fraction"].max()]
print(f"{title}, masks from {value} in {masked}, activations times {effects['scale'].min():g}:")
for row in answer.itertuples():
    verdict = "no certain difference"
    if row.high < 0 or row.low > 0:
        verdict = "needed more than others" if row.high < 0 else "needed less than others"
    print(
        f"- {row.factor}: {100 * row.effect:+.0f} points "
        f"({100 * row.low:+.0f} to {100 * row.high:+.0f}), {verdict}."
    )
top = largest[(largest["rule"] == "top") & (largest["value"] == value)]
for _, magnitude in largest[largest["rule"] == "magnitude"].iterrows():
    beyond = top.loc[top["top1_high"] < magnitude["top1_low"], "factor"]
    print(
        f"Without the largest {100 * largest['fraction'].max():.0f} % of the magnitudes, "
        f"{100 * magnitude['top1']:.0f} % ({100 * magnitude['top1_low']:.0f} to "
        f"{100 * magnitude['top1_high']:.0f}) are right. Masks of as many sensitive activations "
        f"that certainly do more harm: {', '.join(beyond) or 'none'}."
    )
