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
# # Which classes feel an augmentation most, and does a damaged network answer with them?
#
# The outputs of a network are units, too. Those whose value varies most because of an
# augmentation are its sensitive classes. If masks of the sensitive activations made the network
# fall back on them, its predictions would overlap with them more than with random classes.

# %%
import matplotlib.pyplot as plt

import actsense
from actsense.single_class.figures import class_matches, class_ranking

# %matplotlib inline
plt.rcParams["figure.dpi"] = 110

# %% tags=["parameters"]
study = "results/digits"  # folder of the results
network = None  # None takes the first that has been analysed
design = None  # None takes the first

# %%
results = actsense.open_study(study)
analysed = [
    name
    for name in results.networks
    if network in (None, name) and results[name].has("single_class")
]
if not analysed:
    raise SystemExit(
        f"No network of {results.path} has this analysis. Where a design has analyses and layers "
        f"have positions, it is made with: {results.make_command('single_class')}"
    )
run = results[analysed[0]]
ranking = run.table("single_class").astype({"class": str})
matches = run.table("single_class_matches").astype({"most_predicted_class": str})
if ranking.empty:
    reasons = run.table("single_class_skipped")["reason"].unique()
    raise SystemExit(f"No class of {run.network} could be ranked: {'; '.join(reasons)}.")
design = design or ranking["design"].iloc[0]
ranking, matches = (table[table["design"] == design] for table in (ranking, matches))
print(f"Shown: {run.network} under {design}, {ranking['class'].nunique()} classes.")

# %% [markdown]
# ## The sensitive classes
#
# The bars are index times variance: how much of the variance of a class's output is due to the
# augmentation. Where the first classes stand out from the rest, an augmentation concerns few of
# them; where bars fall off slowly, all.

# %%
compared = 0 if matches.empty else int(matches["k"].max())
class_ranking(ranking, candidates=compared, title=f"{run.network}, {design}")

# %%
shapley = ranking[(ranking["value"] == ranking["value"].iloc[-1]) & (ranking["rank"] == 1)]
shapley[["factor", "class", "index", "ci", "variance", "weighted", "weighted_low"]].round(4)

# %% [markdown]
# ## Do predictions overlap with them?
#
# Jaccard overlap of the first predictions with the sensitive classes, with 95 % intervals over
# images; gray is what random classes would give with these very predictions. `collapse_share` is
# how often the most frequent answer is given: a network that always answers the same overlaps
# with anything by accident.

# %%
class_matches(matches, title=f"{run.network}, {design}")

# %% [markdown]
# The largest overlaps beyond random classes.

# %%
columns = ["value", "factor", "input", "rule", "scale", "fraction", "jaccard", "low", "high",
           "null_mean", "p_adjusted", "most_predicted_class", "collapse_share"]  # fmt: skip
beyond = matches.assign(beyond=matches["jaccard"] - matches["null_mean"])
beyond.sort_values("beyond", ascending=False)[columns].head(8).round(3)

# %% [markdown]
# ## The answer
#
# A class is named where the interval of its variance due to the augmentation lies above 0. With
# few classes the smallest possible p-value is large, because random choices repeat; then an
# overlap cannot be told from chance, whatever it is.

# %%
for value, of_value in ranking.groupby("value", sort=False):
    for factor, own in of_value.groupby("factor", sort=False):
        first, certain = own.sort_values("rank").iloc[0], (own["weighted_low"] > 0).sum()
        if not certain:
            print(f"{value}, {factor}: no class certainly feels it.")
            continue
        print(
            f"{value}, {factor}: class {first['class']} most, {100 * first['index']:.1f} % "
            f"(± {100 * first['ci']:.1f}) of its output's variance; {certain} of {len(own)} "
            "classes certainly feel it."
        )

# %% tags=["answer"]
damaged = matches[matches["rule"] == "top"]
if damaged.empty:
    print("No masks were compared, so nothing is known about damaged networks.")
else:
    more, often = (damaged["p_adjusted"] < 0.05).sum(), damaged["collapse_share"].median()
    print(
        f"Of {len(damaged)} damaged networks and inputs, {more} answer with the sensitive classes "
        "more than with random ones (p < 0.05, corrected).\n"
        f"The smallest p-value before correction is {damaged['p_value'].min():.2g}; the most "
        f"frequent answer makes {100 * often:.0f} % of all in the median."
    )
