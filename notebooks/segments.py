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
# # What does a part of the network feel that sees one colour channel alone?
#
# Each part, from one recorded layer to the next, is fed with the hue, the saturation or the value
# (brightness) of the augmented image instead of the layer before. Its indices stand beside those
# of the same channels in the whole network. A part behind the value channel sees no colour: what
# it feels of a hue shift comes through brightness alone.

# %%
import matplotlib.pyplot as plt

import actsense
from actsense.drawing.mosaic import LIMITS
from actsense.segments.figures import segment_patterns, segment_profile
from actsense.segments.matrix_figures import (
    segment_correlations,
    segment_distances,
    segment_likeness,
)

# %matplotlib inline
# %config InlineBackend.print_figure_kwargs = {"bbox_inches": None}
plt.rcParams["figure.dpi"] = 110

# %% tags=["parameters"]
study = "results/digits"  # folder of the results
network = None  # None takes the first that has been analysed
design = None  # None takes the first
layer = None  # None takes the first part

# %%
results = actsense.open_study(study)
found = [
    (name, each)
    for name in results.networks
    for each in results.designs(name)
    if network in (None, name)
    and design in (None, each)
    and "segments" in results[name, each].tables
    and "segment_correlations" in results[name, each].tables
]
if not found:
    raise SystemExit(
        f"No network of {results.path} has segments. Where a design has analyses and layers have "
        f"positions, they are made with: {results.make_command('segments')}"
    )
run = results[found[0]]
title = f"{run.network}, {run.design}"
segments = run.table("segments")
run.table("segments_skipped")

# %% [markdown]
# Above: layers without such a part, and why.

# %%
if segments.empty:
    raise SystemExit(f"No part of {run.network} can be run alone; the reasons are above.")
layers = list(segments["layer"].unique())
layer = layer or layers[0]
print(f"Shown: {title}. Parts: {', '.join(layers)}.")

# %% [markdown]
# ## Indices behind each channel
#
# Black is the same channels in place. Where a colour channel carries an augmentation, its line
# lies above 0; gray-scaling, for one, leaves no saturation.

# %%
segment_profile(segments, title=title)

# %% [markdown]
# ## Where single channels feel it
#
# First-order maps of the first part's most sensitive channel: what each colour channel carries to
# each position. Same scale in all maps.

# %%
COLOURS, augmentations = ("hue", "saturation", "value"), list(run.augmentations)
inside = {
    colour: run.segments.children[f"{layer} {colour}"].to_dataset()
    for colour in COLOURS
    if f"{layer} {colour}" in run.segments.children
}
inside["in place"] = run.layer(layer)
indices = {
    colour: data["S1"].sel(factor=augmentations).where(~(data["dead"] | data["rare"]))
    for colour, data in inside.items()
}
place = indices.pop("in place")
sums = sum(values.fillna(0).sum(["factor", "row", "col"]) for values in indices.values())
at = int(sums["channel"][sums.to_numpy().argmax()])
indices["in place"] = place.isel(channel=[at]).assign_coords(channel=[at])

figure, axes = plt.subplots(
    len(indices), len(augmentations), figsize=(1.5 * len(augmentations) + 2, 1.5 * len(indices)),
    squeeze=False, layout="constrained",
)  # fmt: skip
for line, (colour, maps) in zip(axes, indices.items(), strict=True):
    for axis, name in zip(line, augmentations, strict=True):
        drawn = axis.imshow(maps.sel(factor=name, channel=at), cmap="Reds", norm=LIMITS)
        axis.set(xticks=[], yticks=[], facecolor="0.7")
    line[0].set_ylabel(colour, rotation=0, ha="right", va="center")
for axis, name in zip(axes[0], augmentations, strict=True):
    axis.set_title(name.replace("_", "\n"), fontsize=9)
figure.colorbar(drawn, ax=axes, shrink=0.6, label="first-order index", extend="both")
figure.suptitle(f"{title}: {layer}, channel {at} (gray: dead or rare)")
plt.show()
# %% [markdown]
# ## Do factors go together in the same places?
#
# Correlations over positions between the maps of two factors, beside those of the same channels
# in place.

# %%
correlations = run.table("segment_correlations")
own = correlations[correlations["layer"] == layer]
segment_correlations(own, title=f"{title}, {layer}")

# %% [markdown]
# ## As in the whole network, and in other layers?
#
# First each part beside the same layer in place; then all layers: how alike they are, and how far
# apart.

# %%
patterns = run.table("segment_patterns")
segment_patterns(patterns, title=title)

# %%
segment_likeness(patterns, title=title)

# %%
segment_distances(patterns, title=title)

# %% [markdown]
# ## The answer
#
# Which colour channel carries each augmentation into the network, by the total index in the first
# part, with 95 % intervals from replicates.

# %% tags=["answer"]
own = segments[(segments["layer"] == layers[0]) & (segments["index"] == "ST")]
for factor in augmentations:
    of_factor = own[own["factor"] == factor].set_index("colour")
    behind = of_factor.drop(index="in place", errors="ignore").sort_values("value")
    best = behind.iloc[-1]
    rivals, place = behind.iloc[:-1], of_factor.loc["in place"]
    clear = (best["value"] - best["ci"] > rivals["value"] + rivals["ci"]).all()
    certainly = "" if clear else ", not certainly more than others"
    print(
        f"{factor}: most through {best.name}, {100 * best['value']:.0f} % of the variance "
        f"(± {100 * best['ci']:.0f}){certainly}; in place {100 * place['value']:.0f} % "
        f"(± {100 * place['ci']:.0f})."
    )
far = run.table("segment_differences").query("factor == 'all' and index == 'shapley'")
for row in far[far["layer"] == layers[0]].itertuples():
    ends = f"{row.low:.2f} to {row.high:.2f}, 95 % over channels" if row.low == row.low else ""
    print(
        f"Behind {row.colour}, correlations between factors are {row.difference:.2f} "
        f"({ends or 'too few channels for an interval'}) from those in the whole network."
    )
