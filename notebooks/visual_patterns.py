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
# # Where do visual patterns emerge, over depth and over training?
#
# Every image, and every region of it in every layer, becomes a vector in one space of three
# dimensions. Its direction says which class it supports, its strength how surely. A region that
# supports one class beyond a threshold is a *knowledge point*; it is *reliable* if that class is
# the true one. Null controls, which hold no patterns, are counted in the same way.

# %%
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Image, display

import actsense
from actsense.patterns.figures.choice import clearest_image, typical_images
from actsense.patterns.figures.counts import (
    difference_lines,
    point_bars,
    point_curves,
    training_lines,
)
from actsense.patterns.figures.embedding import embedding_views
from actsense.patterns.figures.knowledge import depth_paths, knowledge_points_on_images
from actsense.patterns.figures.training import training_animation, training_snapshots
from actsense.patterns.figures.weights import weight_maps

# %matplotlib inline
plt.rcParams["figure.dpi"] = 110

# %% tags=["parameters"]
study = "results/digits"  # folder of the results
network = None  # whose images are shown; None takes the first with most checkpoints

# %%
results = actsense.open_study(study)
found = {
    name: results[name].patterns for name in results.networks if results[name].has("patterns")
}
if not found or not {"embeddings", "knowledge_points"} <= {*results.tables}:
    raise SystemExit(
        f"No network of {results.path} has been asked for its patterns. It is done with: "
        + results.make_command("patterns")
    )
network = network or max(found, key=lambda name: len(found[name].training))
stored, title = found[network], f"{results.name}, {network}"
embeddings, points = results.table("embeddings"), results.table("knowledge_points")
ours = embeddings[(embeddings["method"] == "ours") & (embeddings["kind"] == "final")]
ours.set_index("network")[["images", "classes", "kl", "agreement", "accuracy"]].round(3)

# %% [markdown]
# Above: how far what the embeddings say is from what the networks say (`kl`, nats), how often both
# have the same top class (`agreement`), and how often the networks are right (`accuracy`). Where
# the agreement is low, three dimensions are too few for that many classes.

# %% [markdown]
# ## Images in three dimensions
#
# Points are images, lines the directions of classes. A good embedding is long where the network is
# certain: its strength correlates with the uncertainty, negatively, and more than others do.

# %%
embedding_views(stored, embeddings, title=title)

# %% [markdown]
# ## Which regions count, and which are knowledge points?
#
# First the weights of regions, which are of no class. Then the regions that support one: solid
# blue if it is the true one, dashed orange if not.

# %%
chosen = typical_images(stored)
pixels = results.images.read(stored.rows[chosen])
display(weight_maps(stored, chosen, pixels, title=title))
display(knowledge_points_on_images(stored, chosen, pixels, title=title))

# %% [markdown]
# The same regions of one image, followed from the first layer to the last:

# %%
one = results.images.read(stored.rows[[clearest_image(stored)]])
depth_paths(stored, one, title=title)

# %% [markdown]
# ## How many, over depth, and against controls?
#
# Only what rises above the marks is a pattern.

# %%
classes = embeddings.groupby("network", sort=False)["classes"].first()
point_bars(points, classes, title=results.name)

# %% [markdown]
# A threshold is a choice; this is every other one.

# %%
point_curves(points, title=results.name)

# %% [markdown]
# ## Over training
#
# In the beginning all points lie in the middle. The animation moves straight from one checkpoint
# to the next.

# %%
grown = len(stored.training) > 1
if grown:
    display(training_snapshots(stored, title=title))
    display(training_lines(points, title=results.name))
    display(Image(training_animation(stored, title=title), format="gif"))
else:
    print(f"{network} has kept no checkpoints.")

# %% [markdown]
# ## Two networks

# %%
differences = results.table("knowledge_differences")
if len(differences):
    display(difference_lines(differences, title=results.name))
else:
    print("There is one network only.")

# %% [markdown]
# ## The answer
#
# Shares and differences with 95 % intervals over images. A control is beaten where the interval of
# the network lies above that of the control.

# %% tags=["answer"]
own = points[points["configured"]]
for name, rows in own.groupby("network", sort=False):
    final = rows[rows["kind"] == "final"].set_index("layer")
    controls = rows[rows["kind"].isin(["shuffled", "random", "regions"])]
    highest = controls.groupby("layer")["ratio_boot_high"].max().reindex(final.index)
    beaten = final["ratio_boot_low"] > highest.fillna(0)  # a control without points has no share
    if final["ratio"].isna().all():
        print(f"- {name}: no region of any layer is a knowledge point.")
        continue
    best = final.loc[final["ratio"].idxmax()]
    print(
        f"- {name}: the reliable share is largest in {best.name}, {100 * best['ratio']:.0f} % "
        f"({100 * best['ratio_boot_low']:.0f} to {100 * best['ratio_boot_high']:.0f}) of "
        f"{best['points']:.1f} points per image; certainly above all controls in "
        f"{beaten.sum() or 'none'} of {len(final)} layers."
    )


# %%
def share(ratio: float) -> str:
    """Say a share; without points there is none."""
    return "none" if np.isnan(ratio) else f"{100 * ratio:.0f} %"


compared = embeddings[embeddings["kind"] == "final"]
for name, rows in compared.groupby("network", sort=False):
    methods = rows.set_index("method")
    one, others = methods.loc["ours"], methods["pearson"].drop("ours").dropna()
    best = f"; the best other embedding, {others.idxmin()}, has {others.min():.2f}"
    print(
        f"- {name}: strength and uncertainty correlate with {one['pearson']:.2f} "
        f"({one['pearson_low']:.2f} to {one['pearson_high']:.2f}){best if len(others) else ''}."
    )
for name, rows in own[own["kind"] == "checkpoint"].groupby("network", sort=False):
    last = rows["layer"].iloc[-1]
    early = rows[rows["layer"] == last].sort_values("epoch").iloc[0]
    late = own[(own["network"] == name) & (own["layer"] == last) & (own["kind"] == "final")]
    print(
        f"- {name}, {last}: from epoch {early['epoch']:g} to the end, points per image go from "
        f"{early['points']:.1f} to {late['points'].iloc[0]:.1f}, their reliable share from "
        f"{share(early['ratio'])} to {share(late['ratio'].iloc[0])}."
    )

# %% tags=["answer"]
counted = {"points": "knowledge points", "reliable": "reliable ones", "ratio": "reliable share"}
for (first, second), rows in differences.groupby(["first", "second"], sort=False):
    certain = rows[(rows["low"] > 0) | (rows["high"] < 0)]
    for quantity, sure in certain.groupby("quantity", sort=False):
        sides = {"more": sure["difference"] > 0, "less": sure["difference"] < 0}
        told = [
            f"{side} than {second} in {', '.join(sure.loc[on_it, 'first_layer'])}"
            for side, on_it in sides.items()
            if on_it.any()
        ]
        print(f"- {counted[quantity]}: {first} has {' and '.join(told)}.")
    if certain.empty:
        print(f"- Between {first} and {second}, no difference is certain.")
print("All of this is said of the classes and images of the study, at its threshold.")
