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
# # What do layers and units look for, and do the pictures that say so work?
#
# A *facet* is a part of the natural images that a layer responds to alike. For every facet, and
# for units that feel a factor most and least, a picture was made that drives it as much as
# possible. Whether that worked is measured against natural images, against pictures of the same
# architecture with random weights, and in other networks. Pictures that ended grey, or never
# moved the network, have failed: they are counted, and shown nowhere.

# %%
import matplotlib.pyplot as plt
from IPython.display import display

import actsense
from actsense.featvis.figures.curves import curve_lines
from actsense.featvis.figures.drive import drive_dots
from actsense.featvis.figures.embedding import facet_maps
from actsense.featvis.figures.facets import facet_rows
from actsense.featvis.figures.shifts import shift_lines
from actsense.featvis.figures.units import unit_rows

# %matplotlib inline
plt.rcParams["figure.dpi"] = 110

# %% tags=["parameters"]
study = "results/digits"  # folder of the results
network = None  # whose pictures are shown; None takes the first with most sets of them

# %%
results = actsense.open_study(study)
found = {
    name: results[name].pictures for name in results.networks if results[name].has("pictures")
}
found = {name: stored for name, stored in found.items() if stored.groups}
if not found or not {"pictures", "picture_summary"} <= {*results.tables}:
    raise SystemExit(
        f"No network of {results.path} has been asked for pictures of what it looks for. It is "
        f"done with: {results.make_command('featvis')}"
    )
network = network or max(found, key=lambda name: len(found[name].groups))
stored, title = found[network], f"{results.name}, {network}"
every = results.table("pictures")
pictures = every[every["network"] == network]
sets = pictures.groupby(["kind", "layer", "weights"], sort=False)
sets.agg(targets=("target", "nunique"), pictures=("target", "size"), failed=("grey", "sum"))

# %% [markdown]
# ## What does a layer tell apart?
#
# The natural images in a plane, coloured by their facet: images that lie together are alike to the
# layer.

# %%
has_facets = bool(stored.of_kind("facets"))
if has_facets:
    display(facet_maps(stored, results.images, title=title))
else:
    print(f"{network} has no pictures of facets.")

# %% [markdown]
# ## What does it look for in each?
#
# The natural images nearest to the centre of a facet, and its picture from the start to the
# result.

# %%
if has_facets:
    display(facet_rows(stored, pictures, results.images, title=title))

# %% [markdown]
# ## Did the pictures work?
#
# A picture has worked if it drives its target as much as the strongest natural image does, and
# does so in another network too. What random weights reach as well was not learned.

# %%
transfers, likeness = (
    table[table["network"] == network]
    for table in map(results.table, ("picture_transfers", "picture_likeness"))
)
drive_dots(pictures, transfers, likeness, title=title)

# %% [markdown]
# How they came to it:

# %%
curve_lines(stored, pictures, title=title)

# %% [markdown]
# ## Do pictures of units that feel a factor need it?
#
# The factor is shifted in the finished picture, and the unit sees it again. Units of the same
# layer that feel the factor least are the comparison.

# %%
losses = results.table("picture_losses") if results.has("picture_losses") else pictures[:0]
own = losses[losses["network"] == network]
if stored.of_kind("units") and len(own):
    display(unit_rows(stored, pictures, results.images, title=title))
    shifts = results.table("picture_shifts")
    factor = stored.of_kind("units")[0].factor
    display(shift_lines(shifts[shifts["network"] == network], own, factor=factor, title=title))
else:
    print(f"{network} has no pictures of units that feel a factor (`featvis.units`).")

# %% [markdown]
# ## The answer
#
# Medians over targets, in brackets their 95 % intervals. In another network, half of the natural
# images would be beaten by a picture that says nothing.

# %%
summary = results.table("picture_summary")
columns = (summary[name] for name in ("median", "low", "high"))
summary["said"] = [
    f"{median:.3g} ({low:.3g} to {high:.3g})" for median, low, high in zip(*columns, strict=True)
]
keys = ["network", "layer", "kind", "role", "weights"]
for (name, layer, kind, role, weights), rows in summary.groupby(keys, sort=False):
    said = rows.set_index("measure")["said"]
    made_by = name if weights == "trained" else f"{name} with random weights"
    targets = kind if role not in {"most", "least"} else f"{kind} that feel the factor {role}"
    line = f"- {made_by}, {layer}, {targets}: {said['percentile']} % of natural images are beaten,"
    line += f" {said['ratio']} times the drive of the best"
    if kind == "facets":
        line += f", cosine with the facet {said['cosine']}"
    print(f"{line}; {said['high_frequency_ratio']} times their fine detail.")

# %%
beaten = results.table("picture_transfers").groupby(
    ["network", "layer", "kind", "weights", "other"], sort=False
)["percentile"]
for (name, layer, kind, weights, other), percentile in beaten.median().items():
    of = "random weights" if weights == "random" else name
    print(f"- {kind} of {layer}: pictures of {of} beat {percentile:.0f} % of images in {other}.")
failed = every.groupby("network", sort=False)["grey"].agg(["sum", "size"])
for name, row in failed.iterrows():
    print(f"- {name}: {row['sum']} of {row['size']} pictures failed.")

# %% tags=["answer"]
for (name, factor), rows in losses.groupby(["network", "factor"], sort=False):
    lost = {
        row[
            "role"
        ]: f"{100 * row['lost']:.0f} % ({100 * row['low']:.0f} to {100 * row['high']:.0f})"
        for _, row in rows.iterrows()
    }
    if "most" not in lost:
        print(f"- {name}: pictures of units that feel {factor} most drive none; no loss is known.")
        continue
    print(
        f"- {name}: when {factor} is shifted, pictures of units that feel it most lose "
        f"{lost['most']} of their drive, those of units that feel it least "
        f"{lost.get('least', 'nobody knows how much')}."
    )
    for _, row in rows[rows["role"] == "difference"].iterrows():
        more = "do need it more" if row["low"] > 0 else "do not certainly need it more"
        print(
            f"- So pictures of units that feel {factor} {more}: difference {lost['difference']}."
        )
print("All of this is said of the images of the study, and of the settings in `featvis`.")
