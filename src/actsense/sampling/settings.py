"""Which augmentations act together, on which images, and how often they are drawn."""

__all__ = ["DIVIDED", "DesignSettings", "contradictions"]

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from actsense.sampling.context import CHOICES, PARTITIONS, Context
from actsense.sampling.designs import Factor
from actsense.sampling.ranges import PARAMETERS, adjustable
from actsense.settings import Integer, List, Number, PowerOfTwo, Section, Tuple

DIVIDED = ("patch_shuffle", "patch_mask")  # augmentations that draw one of the divisions
PUBLISHED = "published"
HALF = 0.5  # the usual probability of what has a switch

Augmented = Literal[
    "erasing",
    "sharpness_const",
    "rolling",
    "grayscaling",
    "gaussian_blur",
    "brightness",
    "contrast",
    "saturation",
    "hue",
    "hflip",
    "rotation",
    "elliptic_local_blur",
    "patch_shuffle",
    "patch_mask",
]
Share = Annotated[Number, Field(gt=0, le=1)]
Ends = Annotated[Tuple[Number], Field(min_length=2, max_length=2)]


def _listed(given: tuple[str, ...]) -> tuple[str, ...]:
    """Put names into one order: that of the configuration says nothing."""
    known = (*CHOICES, *PARTITIONS)
    return tuple(sorted(given, key=known.index))


class DesignSettings(Section):
    """A group of augmentations that act together."""

    augmentations: List[Augmented] = Field(
        min_length=1, description="Names of the augmentations, in the order of the results."
    )
    divisions: List[Annotated[Integer, Field(ge=2, le=16)]] = Field(
        default=(2, 4, 8),
        min_length=1,
        description="Patches along each side, for `patch_shuffle` and `patch_mask`; one is drawn.",
    )
    ranges: dict[str, Ends | dict[str, Ends]] = Field(
        default={},
        description="Ranges of parameters in the place of the usual ones: `{brightness: [0.5, "
        "1.5]}`, or `{erasing: {scale: [0.02, 0.1]}}` where there are several. Draws are uniform. "
        "Pixels are those of images of `dataset.image_size`. The names are in "
        "src/actsense/augment/README.md.",
    )
    context: Annotated[
        List[Literal["order", "class", "image", "partition"]], AfterValidator(_listed)
    ] = Field(
        default=("order", "class", "image", "partition"),
        description="What varies beside the augmentations. Without `order` they are applied as "
        "listed. Without `image` one image of every class and partition is shown. Without `class` "
        "or `partition`, `image` is which image of all classes or of both partitions.",
    )
    partitions: Annotated[List[Literal["train", "validation"]], AfterValidator(_listed)] = Field(
        default=("train", "validation"),
        min_length=1,
        description="Partitions whose images are shown; with one, `partition` is no factor.",
    )
    analyses: bool = Field(
        default=True,
        description="Whether correlation, LDA, masking, single classes and segments include the "
        "design.",
    )
    base_points: PowerOfTwo = Field(description="Base points of every replicate; a power of two.")
    replicates: Integer = Field(
        default=8,
        ge=2,
        description="Independent scrambles of the sequence, from which the intervals come.",
    )
    walks: Integer = Field(
        default=2,
        ge=1,
        description="Shapley walks per base point; every second one reverses the one before. A "
        "pair costs least for its precision (measured on the g-function with eight factors).",
    )
    law: Literal["switched", "always", "published"] = Field(
        default="switched",
        description="`switched`: every augmentation is on with probability one half. `always`: "
        "those with parameters are always on. `published`: so they are, all work as in the "
        "published study, the image is drawn anew for every evaluation, class and partition are "
        "factors beside each other, and Shapley effects are sums over single parameters.",
    )
    probability: Share | dict[str, Share] = Field(
        default=HALF,
        description="Probability of the augmentations that the law switches, or of those named, "
        "whatever the law; the others keep 0.5. With 1, an augmentation is always on.",
    )
    stretch: bool = Field(
        default_factory=lambda given: given["law"] == PUBLISHED,
        description="Stretch every channel to [0, 1] after augmentation, as the published study: "
        "so it is under `law: published` unless `false` is given here, and only there unless "
        "`true` is.",
    )
    shards: Literal["auto"] | Annotated[Integer, Field(ge=1)] = Field(
        default="auto",
        description="Sampling jobs per replicate. `auto`: the fewest whose activations fit eight "
        "times into the budget and, where the speed of a network is known, that end within "
        "`job_minutes`; replicates that are sampled within two minutes together share a job. "
        "Another number makes the replicates again, so settle it before a long run.",
    )

    @property
    def factors(self) -> tuple[str, ...]:
        """Names behind every index of the design: its factors, then the parts of the last."""
        built = self.players
        return tuple(factor.name for factor in (*built, *built[-1].parts))

    @property
    def players(self) -> tuple[Factor, ...]:
        """The factors with their uniform coordinates: switch first, then parameters."""
        apart = self.law == PUBLISHED
        own = [
            Factor(name, int(chance < 1) + len(PARAMETERS[name]), apart=apart)
            for name, chance in self.chances.items()
        ]
        # One key per augmentation, ranked: continuous in every key, unlike one coded coordinate.
        return (*own, *self.surroundings.factors(keys=len(self.augmentations)))

    @property
    def surroundings(self) -> Context:
        """The factors behind the augmentations."""
        return Context(self.context, self.partitions, hides_image=self.law == PUBLISHED)

    @property
    def chances(self) -> dict[str, float]:
        """How probable it is that each augmentation is on; with 1 it has no switch."""
        given = self.probability
        named: dict[str, float] = {}
        usual = HALF
        if isinstance(given, dict):
            named = given
        else:
            usual = given
        always = self.law != "switched"
        return {
            name: named.get(name, 1 if always and PARAMETERS[name] else usual)
            for name in self.augmentations
        }

    @property
    def chosen_ranges(self) -> dict[str, dict[str, tuple[float, float]]]:
        """Lower and upper ends by augmentation and parameter, where they are given.

        One that has several parameters without a name, or none, holds them under an empty name.
        """
        chosen: dict[str, dict[str, tuple[float, float]]] = {}
        for name, given in self.ranges.items():
            only = [*adjustable(name)]
            named = (
                given if isinstance(given, dict) else {only[0] if len(only) == 1 else "": given}
            )
            chosen[name] = {one: (ends[0], ends[1]) for one, ends in named.items()}
        return chosen

    def without_defaults(self, plain: Mapping[str, Any]) -> dict[str, Any]:
        """Return plain settings of the design without freedoms that it does not take.

        Results that were made before there were any stay what they are.
        """
        usual: dict[str, Any] = {"context": [*CHOICES], "partitions": [*PARTITIONS]}
        usual |= {"ranges": {}, "probability": HALF}
        left = {key: value for key, value in plain.items() if usual.get(key, ...) != value}
        if not {*DIVIDED} & {*self.augmentations}:
            left.pop("divisions", None)
        return left


def contradictions(design: DesignSettings, side: int) -> Iterator[tuple[str, str]]:
    """Name what a design cannot be, each with its key.

    Arguments:
        design: The design.
        side: Side of the images, pixels.
    """
    yield from _unclear(design)
    for key in ("probability", "ranges"):
        given = getattr(design, key)
        for name in given if isinstance(given, dict) else ():
            if name not in design.augmentations:
                yield (
                    f"{key}.{name}",
                    f"the design does not have it. Allowed: {', '.join(design.augmentations)}.",
                )
    for name, chance in design.chances.items():
        if chance == 1 and not PARAMETERS[name]:
            named = isinstance(design.probability, dict)
            yield (
                f"probability.{name}" if named else "probability",
                f"1 leaves nothing of {name} that could vary, as it has no parameters. Give it "
                "less than 1, or leave it out of the design"
                + ("." if named else "; a mapping gives every augmentation its own."),
            )
    for name, chosen in design.chosen_ranges.items():
        for parameter, (low, high) in chosen.items() if name in design.augmentations else ():
            if wrong := _wrong_range(name, parameter, low, high, side):
                yield f"ranges.{name}" + f".{parameter}" * (parameter in adjustable(name)), wrong


def _unclear(design: DesignSettings) -> Iterator[tuple[str, str]]:
    around = design.surroundings
    if not around.is_clear:
        yield (
            "context",
            "without image and partition, it is not said of which partition the images are. "
            "Keep one of them, or write partitions: [train] or [validation].",
        )
    if around.hidden and not around.hidden.within:
        yield (
            "context",
            "law: published hides the image behind class and partition, and both are left out or "
            "fixed. Keep one of them, leave image out, too, or choose another law.",
        )
    own = [name for name in design.augmentations if name in DIVIDED]
    if design.law == PUBLISHED and own:
        yield "law", f"the published study had no {' and no '.join(own)}. Choose another law."


def _wrong_range(name: str, parameter: str, low: float, high: float, side: int) -> str:
    """Say what is wrong with a range, or nothing."""
    known = adjustable(name)
    example = next(iter(known), "")
    if not known:
        return f"{name} has no range to choose. Leave it out."
    if not parameter:
        return f"name one of its parameters: {', '.join(known)}, as in {name}: {{{example}: ...}}."
    if parameter not in known:
        return f"there is no parameter {parameter!r}. Allowed: {', '.join(known)}."
    if not low < high:
        return f"[{low:g}, {high:g}] does not ascend. Write the lower end first."
    if not known[parameter].holds(low, high, side):
        return f"[{low:g}, {high:g}] is outside of what is allowed: {known[parameter].told(side)}."
    return ""
