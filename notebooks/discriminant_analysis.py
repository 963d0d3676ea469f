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
# # Can the factor be told from the map that it made?
#
# If two factors leave maps of the same shape, a channel feels them in the same places. Linear
# discriminant analysis learns the shapes on some channels and guesses the factor of maps of
# others. Its accuracy is compared with chance, which is one over the number of factors, and with
# a null of shuffled labels.

# %%
import matplotlib.pyplot as plt

import actsense
from actsense.recognition.figures import accuracy_profile, confusion_maps, projections
from actsense.recognition.vector_figures import vector_histograms

# %matplotlib inline
# %config InlineBackend.print_figure_kwargs = {"bbox_inches": None}
plt.rcParams["figure.dpi"] = 110

# %% tags=["parameters"]
study = "results/digits"  # folder of the results
network = None  # None takes the first that has been analysed
design = None  # None takes the first

# %%
results = actsense.open_study(study)
analysed = [
    name for name in results.networks if network in (None, name) and results[name].has("lda")
]
if not analysed:
    raise SystemExit(
        f"No network of {results.path} has a discriminant analysis. Where a design has analyses "
        f"and layers have positions, it is made with: {results.make_command('lda')}"
    )
run = results[analysed[0]]
accuracy, confusion, projection = (
    run.table(name) for name in ("lda", "lda_confusion", "lda_projection")
)
run.table("lda_skipped")

# %% [markdown]
# Above: what could not be analysed, and why.

# %%
if accuracy.empty:
    raise SystemExit(f"No layer of {run.network} could be analysed; the reasons are above.")
design = design or accuracy["design"].iloc[0]
print(f"Shown: {run.network}; confusions and projections of design {design}.")

# %% [markdown]
# ## How often is the factor recognized?
#
# *Raw* maps differ in strength, too; *normalized* ones in shape alone. If only raw maps are told
# apart, the factors differ in how strongly they are felt, not in where.

# %%
accuracy_profile(accuracy, title=run.network)

# %% [markdown]
# ## Which factors are taken for which?
#
# Rows are the factors that made the maps, columns the guesses. Off the diagonal stand the pairs
# whose maps look alike.

# %%
chosen = "design == @design and variant == 'normalized'"
confusion_maps(
    confusion.query(chosen), accuracy.query(chosen), title=f"{run.network}, {design}, normalized"
)

# %% [markdown]
# ## The plane that separates them most

# %%
chosen = "design == @design and variant == 'raw'"
projections(
    projection.query(chosen), accuracy.query(chosen), title=f"{run.network}, {design}, raw"
)

# %% [markdown]
# ## Layers without positions
#
# They have no maps to recognize. How strongly their units feel each factor is all there is.

# %%
own = results[run.network, design]
flat = {name: own.layer(name) for name in own.layers if "row" not in own.layer(name).dims}
vector_histograms(flat, title=f"{run.network}, {design}")

# %% [markdown]
# ## The answer

# %% tags=["answer"]
names = {"raw": "raw maps", "normalized": "shapes alone"}
for (each, variant), own in accuracy.groupby(["design", "variant"], sort=False):
    best, above = own.loc[own["accuracy"].idxmax()], (own["p_adjusted"] < 0.05).sum()
    print(
        f"{run.network} under {each}, {names[variant]}: above the null in "
        f"{above} of {len(own)} layers and indices (p < 0.05, corrected).\n"
        f"  Best {100 * best['accuracy']:.0f} % ({100 * best['low']:.0f} to "
        f"{100 * best['high']:.0f}) in {best['layer']} by {best['value']}, "
        f"chance {100 * best['chance']:.0f} %."
    )
hits = confusion[(confusion["factor"] == confusion["predicted"])].query(
    "design == @design and variant == 'normalized'"
)
recognized = hits.groupby("factor", sort=False)["share"].mean()
print(
    f"Under {design}, {recognized.idxmax()} has the most distinctive shape "
    f"({100 * recognized.max():.0f} % recognized on average), {recognized.idxmin()} the least "
    f"({100 * recognized.min():.0f} %)."
)
