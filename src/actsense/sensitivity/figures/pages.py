"""All figures of one index store."""

__all__ = ["plot_indices"]

from collections.abc import Mapping
from pathlib import Path

from actsense.drawing.names import legible
from actsense.drawing.style import new_figure, save
from actsense.sampling.told import freedom_words, recorded_designs
from actsense.sensitivity.figures.bars import channel_bars
from actsense.sensitivity.figures.depth import depth_profile
from actsense.sensitivity.figures.maps import layer_maps
from actsense.sensitivity.figures.pairs import pair_maps
from actsense.store import file_names, read_indices, replacing


def plot_indices(
    store: Path, outputs: Mapping[str, Path], *, title: str, units: int, dpi: int
) -> None:
    """Draw depth profile, pairs, channels and the maps of every layer.

    Arguments:
        store: The index store.
        outputs: PNG files `profile`, `pairs`, `channels`, and the folder `maps`.
        title: Network and design.
        units: Channels or units shown per factor.
        dpi: Dots per inch of the PNG files.
    """
    tree = read_indices(store)
    totals = tree.to_dataset().load()
    if "replicates" in tree.attrs:
        each = tree.attrs["base_points"] // tree.attrs["replicates"]
        title += f" ({tree.attrs['replicates']} replicates of {each} base points)"
    names = [str(name) for name in totals["layer"].to_numpy() if str(name) in tree.children]
    layers = {name: tree[name].to_dataset().drop_vars("layer").load() for name in names}
    channels = {
        name: tree[name]["by_channel"].to_dataset().drop_vars("layer").load()
        for name in names
        if "by_channel" in tree[name].children
    }
    designs = recorded_designs(tree.attrs).values()
    note = " ".join(filter(None, map(freedom_words, designs)))
    save(depth_profile(totals, title=title, note=note), outputs["profile"], dpi=dpi)
    save(pair_maps(totals, title=title), outputs["pairs"], dpi=dpi)
    bars = channel_bars(channels, title=title, shown=units) or new_figure(
        8, 1.2, title, "No recorded layer is a map, so there are no channels to show."
    )
    save(bars, outputs["channels"], dpi=dpi)
    with replacing(outputs["maps"]) as folder:
        folder.mkdir()
        files = file_names(layers)
        for name, data in layers.items():
            label = f"{title}, {legible(name)}"
            figure = layer_maps(data, channels.get(name), title=label, shown=units)
            save(figure, folder / f"{files[name]}.png", dpi=dpi)
