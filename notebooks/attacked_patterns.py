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
# # What does an attack change in what regions support?
#
# Images are changed by so little that nobody sees it, until the network says something else.
# Regions of every layer are followed through the steps of the attack, in the space that clean
# images have made: which of them turn, which fade, which are new?

# %%
import matplotlib.pyplot as plt
from IPython.display import display

import actsense
from actsense.patterns.figures.attack import attack_changes, attacked_points, changed_images
from actsense.patterns.figures.plot import attacked_pixels
from actsense.patterns.figures.trajectories import TYPES, attacked_trajectories, last_types

# %matplotlib inline
plt.rcParams["figure.dpi"] = 110

# %% tags=["parameters"]
study = "results/digits"  # folder of the results
network = None  # None takes the first that was attacked

# %%
results = actsense.open_study(study)
found = {
    name: results[name].patterns for name in results.networks if results[name].has("patterns")
}
if not found or not {"attacks", "attack_changes"} <= {*results.tables}:
    raise SystemExit(
        f"No network of {results.path} has been attacked. It is done with: "
        + results.make_command("patterns")
    )
network = network or next(iter(found))
stored, title = found[network], f"{results.name}, {network}"
names = ("attacks", "attack_changes", "attack_types", "attack_origins", "attack_points")
tables = {name: results.table(name) for name in names}
attacks = tables["attacks"].set_index("network")
attacks.T

# %% [markdown]
# Above: `norm`, how far an image may be moved (`epsilon`, of pixels in 0 to 1), accuracy before
# and after, and for how many of the images that were right the attack succeeds.

# %% [markdown]
# ## Which regions does it turn?
#
# Above, what supports the answer on clean images; below, what supports the new answer on the
# attacked ones. Pixels look alike.

# %%
chosen = changed_images(stored)
pixels = results.images.read(stored.rows[chosen])
after = attacked_pixels(results[network].path / "patterns/attack.zarr", chosen)
display(attacked_points(stored, pixels, after, chosen, title=title))

# %% [markdown]
# ## On which ways?
#
# Straight from class to class, through the middle where no class is supported, out of the middle,
# or back into it.

# %%
own = {name: table[table["network"] == network] for name, table in tables.items()}
last = own["attack_types"]["layer"] == stored.layers[-1]
display(attacked_trajectories(stored, last_types(stored), own["attack_types"][last], title=title))

# %% [markdown]
# ## In which layers?

# %%
display(
    attack_changes(own["attack_changes"], own["attack_points"], own["attack_origins"], title=title)
)

# %% [markdown]
# ## The answer
#
# With 95 % intervals over images. An origin above one half means that the attack turned evidence
# of the first answer, below, that it made evidence where there was little.

# %% tags=["answer"]
for name, row in attacks.iterrows():
    print(
        f"- {name}: accuracy is {100 * row['accuracy_clean']:.0f} % before and "
        f"{100 * row['accuracy_attacked']:.0f} % after; the attack succeeds on "
        f"{100 * row['success']:.0f} % ({100 * row['success_low']:.0f} to "
        f"{100 * row['success_high']:.0f}) of the images that were right."
    )

# %%
changes = tables["attack_changes"]
for name, rows in changes[changes["step"] == changes["step"].max()].groupby("network", sort=False):
    for metric, words in (("orientation", "turn most"), ("strength", "change most in strength")):
        most = rows.loc[rows[metric].idxmax()]
        print(
            f"- {name}: regions {words} in {most['layer']}, by {most[metric]:.2f} "
            f"({most[f'{metric}_low']:.2f} to {most[f'{metric}_high']:.2f})."
        )

# %% tags=["answer"]
origins = tables["attack_origins"]
for name, rows in origins.groupby("network", sort=False):
    rows = rows[rows["layer"] == rows["layer"].iloc[-1]]
    turned = rows.loc[rows["bin_low"] >= 0.5, "regions"].sum()
    total = rows["regions"].sum()
    if not total:
        print(f"- {name}: no region of the last layer supports the new answer.")
        continue
    print(
        f"- {name}: of {total} regions of the last layer that support the new answer, "
        f"{100 * turned / total:.0f} % supported the first one before."
    )
types = tables["attack_types"]
for name, rows in types.groupby("network", sort=False):
    rows = rows[rows["layer"] == rows["layer"].iloc[-1]]
    often = rows.loc[rows["share"].idxmax()]
    if not often["share"]:
        print(f"- {name}: no region of the last layer goes any of these ways.")
        continue
    print(
        f"- {name}: the commonest way is {TYPES[often['type']]}, of {100 * often['share']:.1f} % "
        f"({100 * often['low']:.1f} to {100 * often['high']:.1f}) of the last layer's regions."
    )
