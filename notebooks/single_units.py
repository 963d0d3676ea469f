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
# # Where does a single channel feel each factor, and how sure is that?
#
# Units of a convolutional layer stand at positions: a channel is a map of them. Indices of every
# position show where in the picture a factor matters to what this channel detects, and the
# intervals show which of the differences between positions are more than noise.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display

import actsense
from actsense.sensitivity.figures.maps import layer_maps
from actsense.sensitivity.figures.single_unit import channel_maps, channel_pairs
from actsense.sensitivity.figures.whole_layers import layer_page, moment_maps

# %matplotlib inline
# %config InlineBackend.print_figure_kwargs = {"bbox_inches": None}
plt.rcParams["figure.dpi"] = 110

# %% tags=["parameters"]
study = "results/digits"  # folder of the results
network = None  # None takes the one with the most designs
design = None  # None takes the first
layer = None  # None takes the second layer with positions
channel = None  # None takes the one whose response augmentations change most

# %%
results = actsense.open_study(study)
found = [
    (name, each)
    for name in results.networks
    for each in results.designs(name)
    if network in (None, name) and design in (None, each) and results[name, each].has("indices")
]
if not found:
    raise SystemExit(
        f"No such run in {results.path}. Where there are designs, indices are made with: "
        + results.make_command("indices")
    )
run = results[found[0]]

# %%
mapped = [
    name
    for name in run.layers
    if run.layer(name).sizes.get("row", 1) * run.layer(name).sizes.get("col", 1) > 1
]
if not mapped:
    raise SystemExit(f"No recorded layer of {run.network} has positions, so there are no maps.")
layer = layer or mapped[:2][-1]
units = run.layer(layer)
channels = run.indices[f"{layer}/by_channel"].to_dataset()
augmentations = list(run.augmentations)
moved = channels["shapley"].sel(factor=augmentations).sum("factor") * channels["variance"]
channel = int(moved.to_numpy().argmax()) if channel is None else channel
one = units.isel(channel=channel)
alive = ~(one["dead"] | one["rare"])
title = f"{run.network}, {run.design}: {layer}, channel {channel}"
print(f"Shown: {title}. Layers with positions: {', '.join(mapped)}.")

# %%
beside = {each: results[run.network, each] for each in results.designs(run.network)}
designs = {
    each: other.layer(layer)
    for each, other in (beside | {run.design: run}).items()
    if other.has("indices") and layer in other.layers
}
whole = f"{run.network}, {layer}"

# %% [markdown]
# ## The response itself
#
# What the channel and those that vary most answer under all random augmentations of each design,
# in their own scale, and how large the variation is beside the mean.

# %%
moment_maps(designs, title=whole, channel=channel)

# %% [markdown]
# ## Every factor
#
# All factors of the channel under every design: augmentations first, then the context that images
# come with. The root of the scale shows small shares.

# %%
channel_maps(designs, channel, title=f"{whole}, channel {channel}")

# %% [markdown]
# ## Every pair of factors

# %%
if "S2" in units:
    display(channel_pairs(units, channel, title=title))
else:
    print("These results hold no second-order indices.")

# %% [markdown]
# ## One position with its intervals
#
# The position of this channel where augmentations cause most variance. Bars are 95 % intervals
# from independent replicates of the whole design.

# %%
NAMES = {"S1": "first order", "shapley": "Shapley effect", "ST": "total"}
strength = (one["shapley"].sel(factor=augmentations).sum("factor") * one["variance"]).fillna(-1)
row, col = np.unravel_index(strength.to_numpy().argmax(), strength.shape)
unit = one.isel(row=row, col=col)
table = pd.DataFrame(
    {name: unit[index].to_series() for index, name in NAMES.items()}, index=run.factors
)
errors = np.stack([unit[f"{index}_ci"].to_numpy() for index in ("S1", "shapley", "ST")])
figure, axis = plt.subplots(figsize=(11, 3), layout="constrained")
table.plot.bar(yerr=errors, ax=axis, capsize=2, rot=20, width=0.8)
axis.axhline(0, color="0.6", linewidth=0.7)
axis.set(ylabel="share of the unit's variance", title=f"{title}, row {row}, column {col}")
plt.show()
# %% [markdown]
# ## Against the untouched image
#
# Rank-biserial correlation of each augmentation alone with the untouched image: red, it raises
# the response of the unit in that position; blue, it lowers it. Indices are blind to this sign.
# A row for every partition where they are apart.

# %%
if run.has("contrast"):
    signed = run.contrast[layer].to_dataset().isel(channel=channel)["rank_biserial"]
    partitions = signed["partition"].to_numpy() if "partition" in signed.dims else []
    lines = {name: signed.sel(partition=name) for name in partitions} or {"": signed}
    figure, axes = plt.subplots(
        len(lines), len(augmentations), figsize=(1.5 * len(augmentations) + 1.5, 2 * len(lines)),
        squeeze=False, layout="constrained",
    )  # fmt: skip
    for line, (partition, values) in zip(axes, lines.items(), strict=True):
        for axis, name in zip(line, augmentations, strict=True):
            shown = values.sel(augmentation=name)
            drawn = axis.imshow(shown, cmap="RdBu_r", vmin=-1, vmax=1)
            axis.set(title=name.replace("_", "\n"), xticks=[], yticks=[], facecolor="0.7")
        line[0].set_ylabel(partition)
    figure.colorbar(drawn, ax=axes, label="rank-biserial")
else:
    print(f"This run has no contrast yet. Make it with: {results.make_command('contrast')}")

# %% [markdown]
# ## The channels of the layer that feel each factor most

# %%
layer_maps(units, channels, title=f"{run.network}, {run.design}, {layer}", shown=4)

# %% [markdown]
# ## All channels of the layer
#
# At most 512. Other indices: `"S1"` or `"ST"` instead of `"shapley"`; layers without positions
# have such a page, too.

# %%
layer_page(units, "shapley", title=f"{run.network}, {run.design}, {layer}")

# %% [markdown]
# ## The answer
#
# A position counts as certain where its interval lies above 0. Whether positions differ from each
# other is another question: a half-width is about two standard errors, and what they do not
# explain of the variance over positions is more than noise.

# %% tags=["answer"]
print(f"{title}, {int(alive.sum())} of {alive.size} positions alive. Shapley effects:")
known = bool(np.isfinite(one["shapley_ci"]).any()) if "shapley_ci" in one else False
for factor in augmentations:
    effect = one["shapley"].sel(factor=factor).where(alive)
    at = effect.fillna(-1).argmax(["row", "col"])
    largest = (
        f"- {factor}: largest at row {int(at['row'])}, column {int(at['col'])}: "
        f"{100 * float(effect.isel(at)):.0f} % of the variance"
    )
    if not known:
        print(f"{largest}.")
        continue
    half = one["shapley_ci"].sel(factor=factor).where(alive)
    certain = 100 * float((effect - half > 0).sum() / alive.sum())
    noise, spread = float((half**2).mean() / 4), float(effect.var())
    real = 100 * max(0.0, 1 - noise / spread) if spread > 0 else 0.0
    print(
        f"{largest} (± {100 * float(half.isel(at)):.0f}), certain at {certain:.0f} % of the "
        f"positions; {real:.0f} % of how positions differ is more than noise."
    )
if not known:
    print("Without intervals, nobody can tell which of this is more than noise.")
