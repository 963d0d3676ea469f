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
# # How much do the networks depend on where things are in the image?
#
# All networks of the study answer about the same images: with their patches shuffled, with
# saturated colours, with cells masked in the order of attribution maps, and with distant patches
# replaced. What each answer rests on is shown beside the images.

# %%
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display

import actsense
from actsense.spatial.cells.figures import cell_curves, cell_dots, name_orders
from actsense.spatial.interaction.figures import interaction_curves
from actsense.spatial.saliency.figures import saliency_strips
from actsense.spatial.transforms.figures import saturation_panels, shuffle_panels
from actsense.spatial.transforms.score_figures import score_panels

# %matplotlib inline
plt.rcParams["figure.dpi"] = 110

# %% tags=["parameters"]
study = "results/digits"  # folder of the results
network = None  # whose cells are masked; None takes the first
fill = None  # what masked cells show; None takes the first

# %%
results = actsense.open_study(study)
tables = {"shuffle_curves", "shuffle_scores", "shuffle_differences", "saturation_curves"}
tables |= {"cell_curves", "cell_scores", "interaction"}
mapped = [name for name in results.networks if results[name].has("saliency")]
if not tables <= {*results.tables} or not mapped:
    raise SystemExit(
        f"No network of {results.path} has been asked where things are. It is done with: "
        + results.make_command("spatial")
    )
title = results.name
curves, scores = results.table("shuffle_curves"), results.table("shuffle_scores")
mode = curves["mode"].iloc[0]
intact = curves[(curves["k"] == 1) & (curves["mode"] == mode)]
columns = ["images", "label", "chance", "top1", "top1_low", "top1_high"]
intact.set_index("network")[columns].round(3)

# %% [markdown]
# Above: top-1 accuracy on the intact images, with 95 % intervals. Where `label` says
# `prediction`, right is what the network itself says of the intact image.

# %% [markdown]
# ## Patches change places
#
# Each side is cut into k parts; other numbers of rows and columns, if there are any, stand right
# of the lines. A line that stays high does without the layout; one that falls to the dotted line,
# guessing, needs it. The right column counts only images that the network gets right when they
# are intact, which makes networks of different accuracy comparable.

# %%
shuffle_panels(curves, title=title)

# %% [markdown]
# The same in two numbers, and every two networks compared on the same images.

# %%
differences, largest = results.table("shuffle_differences"), int(curves["k"].max())
score_panels(scores, differences, largest=largest, title=title)

# %% [markdown]
# ## Colours are pushed to the ends
#
# About the reverse: saturation spares edges and where they are, and spoils texture. A network
# that falls here and not above lives by texture.

# %%
saturations = results.table("saturation_curves")
saturation_panels(saturations, title=title)

# %% [markdown]
# ## Which cells carry the answer?
#
# Cells are masked (deletion) or shown alone (insertion) in the order of a map. Below random
# orders in deletion, and above them in insertion, the map finds what the answer rests on.

# %%
cells = name_orders(results.table("cell_curves"))
network = network or cells["network"].iloc[0]
fill = fill or cells["fill"].iloc[0]
shown = cells[cells["fill"] == fill]
size = results[network].store("cells").attrs["size"]
cell_curves(shown, network, size=size, title=title)

# %%
areas = name_orders(results.table("cell_scores"))
cell_dots(areas, title=title)

# %% [markdown]
# ## Do distant parts add up?
#
# Where a network adds up local evidence, what distant patches do together is the sum of what
# each does alone: correlation and slope are 1, and the residual is 0.

# %%
interaction = results.table("interaction")
interaction_curves(interaction, title=title)

# %% [markdown]
# ## Where does each network look?

# %%
saliency = {name: results[name].store("saliency").to_dataset().load() for name in mapped}
display(saliency_strips(saliency, title=title))

# %% [markdown]
# ## The answer
#
# Accuracies with 95 % intervals over images. Certain differences are those whose intervals leave
# out zero.

# %% tags=["answer"]
shuffled = curves[(curves["mode"] == mode) & (curves["k"] == largest)].set_index("network")
for name, row in intact.set_index("network").iterrows():
    after, half = shuffled.loc[name], scores[scores["network"] == name].set_index("mode")["k50"]
    reached = "nowhere" if np.isnan(half[mode]) else f"at k = {half[mode]:.1f}"
    kept = "still above" if after["top1_low"] > after["chance"] else "not certainly above"
    print(
        f"- {name}: {100 * row['top1']:.0f} % right when intact; half way to guessing {reached} "
        f"({mode}); with {largest} x {largest} patches {100 * after['top1']:.0f} % "
        f"({100 * after['top1_low']:.0f} to {100 * after['top1_high']:.0f}), {kept} guessing."
    )
compared = differences[(differences["metric"] == "relative") & (differences["mode"] == mode)]
for (first, second), pair in compared[compared["k"] > 1].groupby(["first", "second"]):
    sides = {"larger": pair["low"] > 0, "smaller": pair["high"] < 0}
    certain = [
        f"a {side} share than {second} at k = {', '.join(f'{k:.0f}' for k in pair.loc[sure, 'k'])}"
        for side, sure in sides.items()
        if sure.any()
    ]
    kept = " and ".join(certain) or f"not certainly more or less than {second}"
    print(f"- Of the images right when intact, {first} keeps {kept}.")

# %% tags=["answer"]
own = areas[(areas["direction"] == "deletion") & (areas["fill"] == fill)]
own = own[~own["borrowed"] & ~own["method"].isin(["random", "greedy"])]
for name, orders in own.groupby("network", sort=False):
    best = orders.loc[orders["relative"].idxmin()]
    print(
        f"- {name}: cells are found soonest by {best['order']}; the probability left while they "
        f"are masked is {100 * best['relative']:.0f} % ({100 * best['relative_low']:.0f} to "
        f"{100 * best['relative_high']:.0f}) of that under random orders."
    )
for name, sizes in interaction.dropna(subset=["residual"]).groupby("network", sort=False):
    widest = sizes.loc[sizes["size"].idxmax()]
    print(
        f"- {name}: at {widest['size']:.0f} pixels, {100 * widest['residual']:.0f} % "
        f"({100 * widest['residual_low']:.0f} to {100 * widest['residual_high']:.0f}) of what "
        "distant patches do is more, or less, than their sum."
    )
