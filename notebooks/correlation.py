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
# # Do the same units feel different factors, and do the indices agree?
#
# Two maps of the same layer, each a value per unit, are compared by Spearman's correlation over
# channels, position by position. It asks whether the units that rank high in one rank high in the
# other, however large the values are. Three comparisons: two factors under the same index, one
# factor under two indices, and a factor's map with how much the unit's response varies at all.

# %%
import matplotlib.pyplot as plt
from IPython.display import display

import actsense
from actsense.correlation.figures import across_panels, variation_panels
from actsense.correlation.matrix_figures import within_matrices
from actsense.correlation.pair_figures import (
    across_matrices,
    pair_lines,
    position_spread,
    variation_maps,
)

# %matplotlib inline
# %config InlineBackend.print_figure_kwargs = {"bbox_inches": None}
plt.rcParams["figure.dpi"] = 110

# %% tags=["parameters"]
study = "results/digits"  # folder of the results
network = None  # None takes the first that has been analysed
value = "shapley"  # S1, ST, shapley or contrast; contrast (train) where partitions are apart
layer = None  # None takes the second layer with positions

# %%
results = actsense.open_study(study)
analysed = [
    name
    for name in results.networks
    if network in (None, name) and results[name].has("correlation_within")
]
if not analysed:
    raise SystemExit(
        f"No network of {results.path} has correlations. Where a design has analyses, "
        f"they are made with: {results.make_command('correlation')}"
    )
run = results[analysed[0]]
within, across, variation = (
    run.table(f"correlation_{name}") for name in ("within", "across", "variation")
)
if within.empty:
    raise SystemExit(f"Nothing could be correlated: {run.table('correlation_skipped')}")
maps = run.store("correlation_variation")
mapped = [name for name in within["layer"].unique() if "row" in maps[name].dims]
layer = layer or (mapped[:2] or list(within["layer"]))[-1]
print(
    f"Shown: {run.network}. {len(within)} pairs of variables within, {len(across)} across values."
)

# %% [markdown]
# ## Two factors, one index
#
# Red: units that feel one factor feel the other, too; blue, they feel it less than others do.
# Shapley effects of a unit sum to 1, so what one factor gains others lose, and some blue has to be
# there. Variables of different designs come from independent samples.

# %%
within_matrices(within[within["value"] == value], title=run.network)

# %% [markdown]
# The strongest pairs of augmentations. `low` and `high` bound the 95 % interval over tiles of the
# map; `p_adjusted` says how often exchanged units would give as much, corrected over the whole
# table; `reliability` near 0 means that the maps are noise.

# %%
context = ("order", "content", "partition", "class", "image")
augmented = within[
    ~within["variable_1"].str.startswith(context) & ~within["variable_2"].str.startswith(context)
]
columns = ["layer", "variable_1", "variable_2", "rho", "low", "high", "reliability", "p_adjusted"]
own = augmented[(augmented["value"] == value) & (augmented["p_adjusted"] < 0.05)]
own.reindex(own["rho"].abs().sort_values(ascending=False).index)[columns].head(10).round(3)

# %% [markdown]
# ## All pairs over depth

# %%
pair_lines(within, title=run.network)

# %% [markdown]
# ## Everywhere in a map, or here and there?
#
# A correlation is a mean over positions. Where pairs spread no more than chance makes them (left
# of the dot of their layer), positions agree.

# %%
position_spread(within, title=run.network)

# %% [markdown]
# ## One factor, two indices
#
# If two indices rank units alike (near 1), it hardly matters which is mapped.

# %%
across_panels(across, title=run.network)

# %% [markdown]
# And every variable with every other one, in one layer.

# %%
across_matrices(across, layer, title=run.network)

# %% [markdown]
# ## Sensitivity and variation
#
# Correlation with the coefficient of variation of the response. Where it is high, sensitive units
# are just those that vary most.

# %%
variation_panels(variation, title=run.network)

# %%
if layer in mapped:
    display(variation_maps(maps[layer].to_dataset(), title=f"{run.network}, {layer}"))
else:
    print(f"{layer} has no positions, so there are no maps of it.")

# %% [markdown]
# ## The answer

# %% tags=["answer"]
same = across[across["variable_1"] == across["variable_2"]]
agreement = same.groupby(["value_1", "value_2"], sort=False)["rho"].median()
strongest, weakest = agreement.idxmax(), agreement.idxmin()
pairs = (augmented["value"] == value).sum()
print(
    f"{run.network}: {len(own)} of {pairs} pairs of augmentations in a layer have maps ({value}) "
    "that go together or apart, p < 0.05 after correction."
)
if len(own):
    extreme = own.loc[own["rho"].abs().idxmax()]
    print(
        f"Most: {extreme['variable_1']} and {extreme['variable_2']} in {extreme['layer']}, rho "
        f"{extreme['rho']:.2f} ({extreme['low']:.2f} to {extreme['high']:.2f})."
    )
print(
    f"Of one variable under two values, {strongest[0]} and {strongest[1]} agree best (median rho "
    f"{agreement.max():.2f} over variables and layers), {weakest[0]} and {weakest[1]} least "
    f"({agreement.min():.2f})."
)
