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
# # What does a layer keep of an image, and what does it discard?
#
# A layer cannot tell apart images that it says the same of. Such images are drawn here: an
# autoencoder turns images into latents, and a conditional invertible network, a *flow*, draws
# latents that go with what the layer says of an image, its *anchor*. What these *samples* still
# differ by, the layer leaves free; the rest it keeps. The answer comes first, its figures below.

# %%
import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display

import actsense
from actsense.invariance.figures.consistency import consistency_ranges
from actsense.invariance.figures.effects import effect_points
from actsense.invariance.figures.flows import flow_curves
from actsense.invariance.figures.inversion import inverted_rows
from actsense.invariance.figures.kept import free_bars
from actsense.invariance.figures.moved import moved_cells
from actsense.invariance.figures.quality import quality_dots
from actsense.invariance.figures.samples import sample_rows
from actsense.invariance.figures.variance import variance_maps

# %matplotlib inline
plt.rcParams["figure.dpi"] = 110

# %% tags=["parameters"]
study = "results/digits"  # folder of the results
network = None  # whose samples are shown; None takes the first that has some

# %%
results = actsense.open_study(study)
found = [name for name in results.networks if results[name].has("kept")]
tables = [f"invariance_{name}" for name in ("kept", "quality", "moved", "effects", "inversion")]
if not found or not {*tables} <= {*results.tables}:
    raise SystemExit(
        f"No network of {results.path} has been asked what its layers keep of images. It is done "
        f"with: {results.make_command('invariance')}"
    )
network = network or found[0]
stored, title = results[network].invariances, f"{results.name}, {network}"
kept, quality, moved, effects, inversion = map(results.table, tables)


# %%
def percent(row: pd.Series, unit: str = "%") -> str:
    """Say a share, or what two differ by, with its interval."""
    if row[["value", "low", "high"]].isna().any():
        return "an unknown share"
    words = f"{100 * row['value']:.0f} {unit}"
    return f"{words} ({100 * row['low']:.0f} to {100 * row['high']:.0f})"


def certain(row: pd.Series) -> str:
    """Say on which side of zero an interval lies."""
    return (
        "more" if row["low"] > 0 else "less" if row["high"] < 0 else "not certainly more or less"
    )


free = kept[kept["measure"] == "explained_latent"]
of_layers = free[free["state"].isin(["trained", "random"]) & ~free["layer"].str.contains(" - ")]
order = pd.MultiIndex.from_frame(of_layers[["network", "layer"]].drop_duplicates())
of_layers.pivot(index=["network", "layer"], columns="state", values="value").loc[order].round(3)

# %% [markdown]
# Above: the share of the variance of images that each layer leaves free.
#
# ## The answer: what is kept, and what is discarded
#
# In brackets 95 % intervals over anchors.

# %% tags=["answer"]
for name, rows in of_layers[of_layers["state"] == "trained"].groupby("network", sort=False):
    said = ", ".join(f"{row['layer']} {percent(row)}" for _, row in rows.iterrows())
    print(
        f"- {name}: of what images differ by, its layers leave free: {said}; they keep the rest."
    )
    limited = rows.loc[rows["limited"], "layer"]
    print(
        f"- {name}: the autoencoder limits what is known of {', '.join(limited)}: these numbers "
        "may say more of it than of the network."
        if len(limited)
        else f"- {name}: none of these numbers is limited by the autoencoder."
    )
steps = free[(free["state"] == "trained") & free["layer"].str.contains(" - ")]
for _, row in steps.iterrows():
    later, before = row["layer"].split(" - ")
    print(
        f"- {row['network']}: {later} leaves {certain(row)} free than {before}: difference "
        f"{percent(row, 'points')}."
    )

# %% [markdown]
# What random weights do: where they leave as much free, nothing was learned.

# %%
learned = free[free["state"] == "trained - random"].set_index(["network", "layer"])
random = of_layers[of_layers["state"] == "random"]
for _, row in random.iterrows():
    other = learned.loc[(row["network"], row["layer"])]
    marked = " (limited by the autoencoder)" if row["limited"] else ""
    print(
        f"- {row['network']}, {row['layer']}: random weights leave {percent(row)} free{marked}; "
        f"trained ones {certain(other)}: difference {percent(other, 'points')}."
    )
if random.empty:
    print("- Random weights were not looked at (`invariance.random`).")

# %%
free_bars(kept, title=results.name)

# %% [markdown]
# ## What it looks like
#
# Each row is a layer: what its samples share is kept, what varies is not.

# %%
display(sample_rows(stored, title=title))
display(variance_maps(stored, title=title))

# %% [markdown]
# ## Can that be believed?
#
# A flow may forget what the layer says. Then the network does not take its samples for their
# anchors, and the share that is left free is overstated. No sample can do better than what the
# autoencoder returns of the anchor itself.

# %%
consistency_ranges(kept, title=results.name)

# %%
single = kept[(kept["state"] == "trained") & ~kept["layer"].str.contains(" - ")]
for (name, layer), rows in single.groupby(["network", "layer"], sort=False):
    row = rows.set_index("measure")
    print(
        f"- {name}, {layer}: {percent(row.loc['agreement'])} of samples have the class of their "
        f"anchor, {100 * row.loc['agreement_floor', 'value']:.0f} % by chance, "
        f"{100 * row.loc['agreement_ceiling', 'value']:.0f} % of reconstructions; centred cosine "
        f"{row.loc['cosine', 'value']:.2f}, of reconstructions "
        f"{row.loc['cosine_ceiling', 'value']:.2f}."
    )

# %% [markdown]
# How the flows were trained, and whether samples look like real images to a network that is not
# looked at:

# %%
display(flow_curves(stored, title=title))
display(quality_dots(quality, title=results.name))

# %% [markdown]
# ## Beside images by optimisation
#
# Optimisation finds images that need not occur, and that a layer says nearly the same of.

# %%
if any(group.inverted is not None for group in stored.of("trained")):
    display(inverted_rows(stored, title=title))
rows = inversion[(inversion["measure"] == "distance") & (inversion["state"] == "trained")]
for (name, layer), own in rows.groupby(["network", "layer"], sort=False):
    away = own.set_index("images")["value"]
    print(
        f"- {name}, {layer}: what the layer says is {away['inverted']:.2g} away for optimised "
        f"images, {away['samples']:.2g} for samples (squared, relative)."
    )

# %% [markdown]
# ## Which changes of an image are ignored?

# %%
moved_cells(moved, title=results.name)

# %%
along = moved[(moved["measure"] == "free") & (moved["state"] == "trained")].dropna(
    subset=["value"]
)
along = along[~along["layer"].str.contains(" - ")]
for (name, layer), rows in along.groupby(["network", "layer"], sort=False):
    most, least = (rows.loc[rows["value"].agg(end)] for end in ("idxmax", "idxmin"))
    print(
        f"- {name}, {layer}: ignores {most['augmentation']} most, {percent(most)} is left free, "
        f"and {least['augmentation']} least, {percent(least)}."
    )

# %% [markdown]
# ## Do layers keep what they are sensitive to?
#
# The sensitivities of the same layers were measured by other means: with augmented images.

# %%
effect_points(effects, title=results.name)

# %%
ranked = effects[(effects["augmentation"].fillna("") == "") & (effects["index"] == "shapley")]
ranked = ranked[(ranked["measure"] == "fixed") & (ranked["state"] == "trained")]
for _, row in ranked.dropna(subset=["value", "layer"]).iterrows():
    where = f"{row['network']}, {row['layer'] or 'all layers'}, {row['design']}"
    both = row[["low_both", "high_both"]]  # over other replicates as well, where these are known
    low, high = row[["low", "high"]] if both.isna().any() else both
    agree = "agree" if low > 0 else "disagree" if high < 0 else "do not certainly agree"
    print(
        f"- {where}: augmentations ordered by what is kept and by Shapley effects {agree}: rank "
        f"correlation {row['value']:.2f} ({low:.2f} to {high:.2f})."
    )
if ranked["value"].isna().all():
    print("- Fewer than three augmentations have both: no order can be compared.")
print("All of this is said of the images of the study, and of what its autoencoder shows of them.")
