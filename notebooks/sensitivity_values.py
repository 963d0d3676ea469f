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
# # How large are the sensitivity values, layer by layer and unit by unit?
#
# First the indices of whole layers, then the distribution over their units, with the checks that
# estimates have to stand: values below 0 or above 1 are noise of the estimation, and how many
# there are says how much there is. Values are never clipped here. Where `published` names a
# folder of the published value files (HDF5), the same network is set beside them.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import actsense
from actsense.comparison.figures import layer_profiles, map_correlations
from actsense.drawing.names import short_names
from actsense.sensitivity.figures.depth import depth_profile
from actsense.sensitivity.figures.pairs import pair_maps

# %matplotlib inline
plt.rcParams["figure.dpi"] = 110

# %% tags=["parameters"]
study = "results/digits"  # folder of the results
network = None  # None takes the one with the most designs
design = None  # None takes the first
published = None  # folder of published value files, or None

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
title = f"{run.network}, {run.design}"
print(f"Shown: {title}. There are also: {', '.join(map(str, found[1:])) or 'no others'}.")

# %% [markdown]
# ## Layers
#
# Mean and variance of the responses in the units' own scale, averaged over units, with
# half-widths of their 95 % intervals (`_ci`). Dead units are moved by no factor; they have no
# indices. Of rare units too few differences are known for an interval to be trusted; they count
# here, by their variance.

# %%
totals = run.indices.to_dataset()
columns = ["units", "dead_units", "rare_units", "mean", "mean_ci", "variance", "variance_ci"]
totals[columns].to_dataframe().loc[[*run.layers, "network"]].round(4)

# %% [markdown]
# Shares of the variance over depth. All factors above, augmentations alone in the
# middle, content and its parts below.

# %%
depth_profile(totals, title=title)

# %% [markdown]
# Shares that two factors explain only together (second order). Where a cell is large, the effect
# of one factor depends on the other.

# %%
pair_maps(totals, title=title)

# %% [markdown]
# ## Units
#
# Every line falls from 1 at the left: how many units of the layer have a larger index, all
# augmentations together. Heights are logarithmic, because a unit that feels one augmentation
# rarely feels all, so most indices are small. Estimates below 0 (gray) are noise; more
# `base_points` would make them fewer.

# %%
NAMES = {"S1": "first order", "ST": "total", "shapley": "Shapley effect"}
augmentations = list(run.augmentations)
values = {
    layer: {index: run.layer(layer)[index].sel(factor=augmentations).to_numpy() for index in NAMES}
    for layer in run.layers
}
# Matplotlib hides what begins with an underscore, as layers may.
labels = {layer: f" {short}" for layer, short in short_names(run.layers).items()}
colors = plt.get_cmap("viridis")(np.linspace(0, 0.9, len(run.layers)))

figure, axes = plt.subplots(1, 3, figsize=(11, 3.2), sharey=True, layout="constrained")
for axis, (index, name) in zip(axes, NAMES.items(), strict=True):
    for layer, color in zip(run.layers, colors, strict=True):
        ordered = np.sort(values[layer][index][np.isfinite(values[layer][index])])
        axis.plot(ordered, np.arange(len(ordered), 0, -1) / len(ordered), color=color,
                  label=labels[layer])  # fmt: skip
    axis.axvspan(-0.1, 0, color="0.93", zorder=0)
    axis.set(xlabel="share of the unit's variance", title=name, yscale="log", xlim=(-0.1, 1))
axes[0].set_ylabel("share of units and\naugmentations above")
axes[-1].legend(fontsize=8)
figure.suptitle(
    f"{title}: how many units of a layer have a larger index (gray: impossible values)"
)
plt.show()
# %% [markdown]
# How much of that is noise: `below 0` and `above 1` count impossible estimates, `certain` those
# whose 95 % interval lies above 0. By chance alone, 2.5 % would be certain.

# %%
rows = []
for layer in run.layers:
    for index, name in NAMES.items():
        value = values[layer][index]
        half = run.layer(layer)[f"{index}_ci"].sel(factor=augmentations).to_numpy()
        finite = np.isfinite(value)
        rows.append(
            {
                "layer": layer,
                "index": name,
                "median": np.median(value[finite]),
                "median half-width": np.median(half[finite]),
                "below 0": (value[finite] < 0).mean(),
                "above 1": (value[finite] > 1).mean(),
                "certain": (value - half > 0)[finite].mean(),
            }
        )
checks = pd.DataFrame(rows).set_index(["layer", "index"])
checks.round(3)

# %% [markdown]
# ## Beside the published values
#
# The same layers of the same network under the published design that shares the most
# augmentations, as `actsense compare` sets any two studies beside each other. Per layer:
# Spearman's correlation over units of this run with the published values. It cannot be 1: both
# have noise, and the published study drew other images, in another order, by another estimator.

# %%
beside = None
if published is None:
    print("No published values were given: set `published` to the folder that holds their files.")
else:
    chosen = {"networks": {run.network: None}, "designs": {run.design: None}}
    try:
        beside = actsense.compare(results, actsense.open_study(published), **chosen)
        print("\n".join(beside.lines))
    except actsense.errors.ConfigError as error:
        print(error)

# %% [markdown]
# Numbers are correlations, gray ones cannot be told from 0. Below the figure stands what both
# were made under, where that differs.

# %%
map_correlations(beside, beside.pairs[0]) if beside else print("Nothing to compare.")

# %% [markdown]
# And the layers of both over depth.

# %%
layer_profiles(beside, beside.pairs[0]) if beside else print("Nothing to compare.")

# %% [markdown]
# ## The answer

# %% tags=["answer"]
shapley = totals["shapley"].sel(factor=augmentations)
for layer in (run.layers[0], run.layers[-1], "network"):
    one = shapley.sel(layer=layer)
    name = augmentations[one.to_numpy().argmax()]
    half = float(totals["shapley_ci"].sel(layer=layer, factor=name))
    print(
        f"{layer}: {100 * float(one.sum()):.0f} % of the variance is due to augmentations, "
        f"most to {name}: {100 * float(one.max()):.1f} % (± {100 * half:.1f}, 95 % interval)."
    )
median = checks.xs("Shapley effect", level="index")
print(
    f"Single units, one augmentation: {100 * median['certain'].mean():.0f} % have a Shapley "
    f"effect certainly above 0, {100 * median['below 0'].mean():.0f} % an estimate "
    "below 0 (mean over layers)."
)
if beside:
    maps = beside.tables["maps"]
    maps = maps[maps["value"].isin(NAMES) & maps["factor"].isin(augmentations)]
    print(
        f"Beside the published values: rank correlation over units {maps['rho'].median():.2f} in "
        f"the median of {len(maps)} combinations of layer, index and augmentation."
    )
