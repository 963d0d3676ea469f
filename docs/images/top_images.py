"""Draw which photographs units answer most: `photographs_top_images.png`.

Run it in the folder of the results of `make photographs`, with the file to write as its argument.
"""

import sys
from pathlib import Path

import numpy as np

import actsense
from actsense.drawing.style import new_figure, save
from actsense.inspection.pictures import draw_pictures

LAYERS = ("blocks.0", "blocks.2", "blocks.4", "blocks.6", "global_pool", "probabilities")
UNITS = 3  # of a layer: those that vary most, each of another channel

study = actsense.open_study("results/photographs")
run = study["efficientnet", "geometry"]
classes = study.images.manifest["class_name"].to_numpy().astype(str)
figure = new_figure(
    12,
    6.3,
    "photographs, efficientnet: which images drive a unit most",
    "Three units of every layer, those that vary most, and the six images that they answer most, "
    "without augmentation.\nPer cent: units of the whole layer all six of whose images are of "
    "one photograph.",
)
panels = figure.subplots(len(LAYERS), UNITS)
for row, layer in zip(panels, LAYERS, strict=True):
    data = run.layer(layer)
    variance = data["variance"].where(~data["dead"], 0).to_numpy()
    top = run.top_images[layer].to_dataset().sel(condition="original")
    images, draws = top["image"].to_numpy(), top["draw"].to_numpy()
    answered = (images >= 0).all(axis=0)
    alike = (classes[images] == classes[images[:1]]).all(axis=0)[answered].mean()
    channels = variance.reshape(len(variance), -1)
    for axis, channel in zip(row, np.argsort(-channels.max(axis=1))[:UNITS], strict=True):
        unit = np.unravel_index(channels[channel].argmax(), variance.shape[1:])
        place = (slice(None), channel, *unit)
        pictures = draw_pictures(
            study.images, run.top_images, "original", images[place], draws[place]
        )
        axis.imshow(np.concatenate([*pictures.transpose(0, 2, 3, 1)], axis=1))
        axis.set_title(", ".join(map(str, (channel, *unit))), fontsize=8, loc="left", pad=2)
        axis.set_axis_off()
    row[0].annotate(f"{layer}\n{alike:.0%}".replace("%", " %"), (0, 0.5), (-8, 0),
                    xycoords="axes fraction", textcoords="offset points", ha="right",
                    va="center", fontsize=9)  # fmt: skip
save(figure, Path(sys.argv[1]), dpi=150)
