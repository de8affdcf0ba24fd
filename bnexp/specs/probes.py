"""The probes: what each measures of a training, in words, units and arguments, and the observer that does.

A probe looks at the model at some steps and changes nothing of the training.  One is a class here, a line of the union,
and an observer in `bnexp.probes`.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal, NamedTuple

from pydantic import AfterValidator, Discriminator, Field

from bnexp.specs.block import Block
from bnexp.specs.values import Frozen, named

MODEL = "model"
"""In place of a layer's name: what is of the whole model."""


class Value(NamedTuple):
    """One number that a probe takes, of the whole model or of each of its layers."""

    label: str
    unit: str = ""
    scale: Literal["linear", "log"] = "linear"
    """Of the axis that it is drawn on."""


class Probe(Frozen):
    """What all probes have."""

    title: ClassVar[str]
    definition: ClassVar[str]
    paper: ClassVar[str] = ""
    link: ClassVar[str] = ""
    values: ClassVar[Mapping[str, Value]]
    target: ClassVar[str]
    """`"module:class"` of the observer."""

    looks: int = Field(10, ge=2, le=100, description="how often: before the first step, after the last, and between")

    def steps(self, evaluations: Sequence[int]) -> list[int]:
        """0 and those of the validation's steps (logarithmic, the last at the end) at which it looks."""
        every = [0, *evaluations]
        last, looks = len(every) - 1, min(self.looks, len(every))
        return [every[round(k * last / (looks - 1))] for k in range(looks)]

    def refusal(self, blocks: Sequence[Block], validation: float) -> str | None:
        """Why it can measure nothing of a model with these hidden blocks and this share of validation images."""
        return None


class OfBatch(Probe):
    """What looks at a batch of training images, the same at every look and for all variants of a seed.

    "In training mode" is as in a training step, with the statistics of this batch; moving averages and random layers
    stay as they were, and dropout has one mask.
    """

    examples: int | None = Field(None, ge=1, description="images in the probe batch; null: as many as a training batch")


class OfManyImages(OfBatch):
    """What wants more images than a training batch has."""

    examples: int | None = Field(250, ge=1, description=OfBatch.model_fields["examples"].description)


class GradientRatios(OfBatch):
    """How the gradient grows from layer to layer on its way down."""

    title = "Gradient ratios"
    definition = (
        "‖∂L/∂z_l‖² / ‖∂L/∂z_(l+1)‖² of the outputs z of successive hidden linear layers, L the mean cross-entropy of "
        "the probe batch in training mode. At the start of deep, wide networks it is π/(π − 1) = 1.467 with batch "
        "normalization, ReLU and large batches, (B − 2)/(B − 3) with batch normalization, no activation and B images, "
        "and about 1 with ReLU, He's initial weights and no normalization; that of the first layer depends on the "
        "scale of the images"
    )
    paper, link = "Yang et al. 2019", "https://arxiv.org/abs/1902.08129"
    target = "bnexp.probes.gradient_ratios:GradientRatios"
    values: ClassVar = {
        "ratio": Value("gradient ratio", "", "log"),
        "median-ratio": Value("median of the ratios", "", "log"),
    }

    name: Literal["gradient-ratios"] = "gradient-ratios"

    def refusal(self, blocks: Sequence[Block], validation: float) -> str | None:
        linear = sum(block.kind in ("conv", "dense") for block in blocks)
        return None if linear > 1 else f"compares successive hidden linear layers, and this model has {linear}"


class Smoothness(OfBatch):
    """How the loss and its gradient change along the gradient."""

    title = "Smoothness along the gradient"
    definition = (
        "of the cross-entropy L of the probe batch in training mode, with gradient g at the weights θ: at θ − ηg with "
        "η of ½, 1, 2 and 4 times the learning rate, the range of L, the largest ‖∇L(θ − ηg) − g‖ (gradient "
        "predictiveness: small is predictable) and the largest ‖∇L(θ − ηg) − g‖ / ‖ηg‖ (effective smoothness β). And "
        "free of scale, with ‖ηg‖ of as many times `relative_step` · ‖θ‖: the range of L, ‖∇L(θ − ηg) − g‖ / ‖g‖ and "
        "(‖∇L(θ − ηg) − g‖ / ‖g‖) / (‖ηg‖ / ‖θ‖)"
    )
    paper, link = "Santurkar et al. 2018, fig. 4", "https://arxiv.org/abs/1805.11604"
    target = "bnexp.probes.smoothness:Smoothness"
    values: ClassVar = {
        "loss-range": Value("loss range", "nats", "log"),
        "predictiveness": Value("gradient change", "nats", "log"),
        "smoothness": Value("effective smoothness β", "nats", "log"),
        "relative-loss-range": Value("loss range, relative step", "nats", "log"),
        "relative-predictiveness": Value("gradient change, relative", "", "log"),
        "relative-smoothness": Value("smoothness, relative", "", "log"),
    }

    name: Literal["smoothness"] = "smoothness"
    relative_step: float = Field(1e-3, gt=0, description="‖ηg‖ / ‖θ‖ of the steps that are free of scale")


class _OfActivations(OfManyImages):
    """A probe of what goes into and comes out of activations."""

    def refusal(self, blocks: Sequence[Block], validation: float) -> str | None:
        here = any(block.kind in ("conv", "dense") for block in blocks)
        return (
            None if here else "looks at the activations of hidden layers, and those of this model are inside its cell"
        )


class DeadUnits(_OfActivations):
    """Units that are silent."""

    title = "Dead units"
    definition = (
        "share of a layer's units (of a convolution its channels) whose activation gives zero for every image of the "
        "probe batch, everywhere in it, in training mode"
    )
    target = "bnexp.probes.activations:DeadUnits"
    values: ClassVar = {"dead": Value("share dead", "share")}

    name: Literal["dead-units"] = "dead-units"


class Activations(_OfActivations):
    """What activations are given."""

    title = "Distribution of the pre-activations"
    definition = (
        "percentiles over all units, places and images of the probe batch of what goes into a layer's activation, in "
        "training mode"
    )
    paper, link = "Ioffe & Szegedy 2015, fig. 1", "https://arxiv.org/abs/1502.03167"
    target = "bnexp.probes.activations:Activations"
    values: ClassVar = {f"p{q}": Value(f"{q}th percentile") for q in (15, 50, 85)}

    name: Literal["activations"] = "activations"


class Calibration(Probe):
    """Whether probabilities are what they say."""

    title = "Calibration"
    definition = (
        "of the validation images in inference mode, under statistics recomputed over 2,000 training images where a "
        "method keeps any: NLL, the mean cross-entropy; Brier score, the mean of Σ_k (p_k − y_k)²; ECE, the mean over "
        "15 equal bins of the highest probability, by their images, of |share that is right − mean of the highest "
        "probability|"
    )
    paper, link = "Guo et al. 2017", "https://arxiv.org/abs/1706.04599"
    target = "bnexp.probes.calibration:Calibration"
    values: ClassVar = {
        "nll": Value("negative log-likelihood", "nats", "log"),
        "brier": Value("Brier score", "", "log"),
        "ece": Value("expected calibration error", "share", "log"),
    }

    name: Literal["calibration"] = "calibration"

    def refusal(self, blocks: Sequence[Block], validation: float) -> str | None:
        return None if validation else "takes validation images, and data.validation is 0"


class MovingAverageError(OfManyImages):
    """What moving averages are worth at inference."""

    title = "Error of the moving averages"
    definition = (
        "of each layer that normalizes by moving averages, in inference mode on the probe batch: moving variance by "
        "the variance of what the layer is given, median over its channels; and |moving mean − mean| by the standard "
        "deviation, likewise. Layers without moving averages, and those inside a cell, have none"
    )
    paper, link = "Li et al. 2019", "https://arxiv.org/abs/1801.05134"
    target = "bnexp.probes.moving_averages:MovingAverageError"
    values: ClassVar = {
        "variance-ratio": Value("variance ratio", "", "log"),
        "mean-error": Value("error of the mean", "", "log"),
    }

    name: Literal["moving-average-error"] = "moving-average-error"


PROBES: dict[str, type[Probe]] = {
    each.model_fields["name"].default: each
    for each in (GradientRatios, Smoothness, DeadUnits, Activations, Calibration, MovingAverageError)
}
"""In the order of every list."""

AnyProbe = Annotated[
    GradientRatios | Smoothness | DeadUnits | Activations | Calibration | MovingAverageError,
    Discriminator("name"),
    named(""),
]


def _in_order(given: tuple[AnyProbe, ...]) -> tuple[AnyProbe, ...]:
    """Each once, in our order: that of the file says nothing."""
    names: list[str] = [probe.name for probe in given]
    if twice := [name for name in PROBES if names.count(name) > 1]:
        raise ValueError(f"probes has {twice[0]} twice")
    return tuple(sorted(given, key=lambda probe: [*PROBES].index(probe.name)))


AnyProbes = Annotated[tuple[AnyProbe, ...], Field(strict=False), AfterValidator(_in_order)]
