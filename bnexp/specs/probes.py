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
    of_hidden: ClassVar[bool] = False
    """Whether it looks at the hidden linear layers or their activations."""
    timing: ClassVar[bool] = False
    """Whether it measures time, so that the same trial gives other numbers each time."""

    def steps(self, evaluations: Sequence[int]) -> list[int]:
        """Those of the validation's steps, or 0, at which it looks: the last, unless it follows the training."""
        return [evaluations[-1]]

    def refusal(self, blocks: Sequence[Block], validation: float) -> str | None:
        """Why it can measure nothing of a model with these hidden blocks and this share of validation images."""
        return None


class Following(Probe):
    """What looks again and again."""

    looks: int = Field(10, ge=2, le=100, description="how often: before the first step, after the last, and between")

    def steps(self, evaluations: Sequence[int]) -> list[int]:
        """0 and those of the validation's steps (logarithmic, the last at the end) at which it looks."""
        every = [0, *evaluations]
        last, looks = len(every) - 1, min(self.looks, len(every))
        return [every[round(k * last / (looks - 1))] for k in range(looks)]


class OfBatch(Following):
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
        "scale of the images. Their imbalance is the median of the larger of a ratio and its reciprocal: 1 where the "
        "gradient neither fades nor grows"
    )
    paper, link = "Yang et al. 2019", "https://arxiv.org/abs/1902.08129"
    of_hidden = True
    target = "bnexp.probes.gradient_ratios:GradientRatios"
    values: ClassVar = {
        "ratio": Value("gradient ratio", "", "log"),
        "median-ratio": Value("median of the ratios", "", "log"),
        "imbalance": Value("imbalance of the gradients", "", "log"),
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
        "η of ½, 1, 2 and 4 times the learning rate of the next step, the range of L, the largest ‖∇L(θ − ηg) − g‖ "
        "(gradient predictiveness: small is predictable) and the largest ‖∇L(θ − ηg) − g‖ / ‖ηg‖ (effective smoothness "
        "β). And free of scale, with ‖ηg‖ of as many times `relative_step` · ‖θ‖: the range of L, "
        "‖∇L(θ − ηg) − g‖ / ‖g‖ and (‖∇L(θ − ηg) − g‖ / ‖g‖) / (‖ηg‖ / ‖θ‖)"
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


def _inside_a_cell(blocks: Sequence[Block], what: str) -> str | None:
    """Why what hidden layers have is not to be had of a model; None where there are some."""
    here = any(block.kind in ("conv", "dense") for block in blocks)
    return None if here else f"looks at the {what} of hidden layers, and those of this model are inside its cell"


class _OfActivations(OfManyImages):
    """A probe of what goes into and comes out of activations."""

    of_hidden = True

    def refusal(self, blocks: Sequence[Block], validation: float) -> str | None:
        return _inside_a_cell(blocks, "activations")


class _OfStep(OfBatch):
    """A probe of the trial's own next step, as it would be on the probe batch.

    That is the optimizer's, with its state and the learning rate of the next step (of the last, after it), on all that
    is trained on: smoothed labels, weights of classes, the model's own losses.  It is undone.
    """

    of_hidden = True

    def refusal(self, blocks: Sequence[Block], validation: float) -> str | None:
        return _inside_a_cell(blocks, "kernels")


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


class Calibration(Following):
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


class CovariateShift(_OfStep):
    """How a layer's gradient changes when the layers below it make their step."""

    title = "Internal covariate shift"
    definition = (
        "of each linear layer but the first, the output among them: G, the gradient of the cross-entropy of the probe "
        "batch in training mode with respect to its kernel, and G', the same once all trained weights below it "
        "(kernels, biases, those of norms) have made the trial's next step on this batch, and it has not; ‖G − G'‖, "
        "‖G − G'‖ / ‖G‖ and the cosine between G and G'. They are 0, 0 and 1 where the steps below change nothing for "
        "the layer"
    )
    paper, link = "Santurkar et al. 2018, definition 2.1", "https://arxiv.org/abs/1805.11604"
    target = "bnexp.probes.covariate_shift:CovariateShift"
    values: ClassVar = {
        "l2": Value("shift, L2", "nats", "log"),
        "relative": Value("shift, relative", "", "log"),
        "cosine": Value("shift, cosine"),
    }

    name: Literal["covariate-shift"] = "covariate-shift"


class BatchNoise(OfBatch):
    """How much of a model's answer is due to who else is in the batch."""

    title = "Noise from batch companions"
    definition = (
        "of the logits of each probe image under the statistics of its batch (dropout and noise off), a batch as large "
        "as the training's, with other random training images in each of `draws`: the standard deviation over the "
        "draws, pooled over images and classes as the root of the mean variance; the same by the standard deviation of "
        "the mean logits over the images; and likewise that of the probability of the true class. 0 where nothing "
        "depends on the batch; of a layer of your own without moving averages there are no numbers, as nobody knows "
        "what it takes from the batch"
    )
    paper, link = "Luo et al. 2019", "https://arxiv.org/abs/1809.00846"
    target = "bnexp.probes.batch_noise:BatchNoise"
    values: ClassVar = {
        "logits": Value("noise of the logits"),
        "relative": Value("noise by spread over images"),
        "probability": Value("noise of the probability"),
    }

    name: Literal["batch-noise"] = "batch-noise"
    examples: int | None = Field(64, ge=2, description=OfBatch.model_fields["examples"].description)
    draws: int = Field(8, ge=2, le=100, description="sets of companions that each image is seen with")


class EffectiveLearningRate(_OfStep):
    """How large steps are where the scale of the weights does not count."""

    title = "Effective learning rate"
    definition = (
        "of each hidden linear layer with kernel W, all its units together, and learning rate η of the next step: "
        "η/‖W‖², and ‖ΔW‖/‖W‖ of the trial's next step on the probe batch. Where a norm makes the scale of W "
        "irrelevant, gradient descent from aW with a²η gives the same functions as from W with η, so that η/‖W‖² says "
        "how fast W turns; of Adam, whose steps do not grow with the gradient, aW goes with aη, and ‖ΔW‖/‖W‖ says it. "
        "Where there is no such norm, both scale and direction of W count, and η/‖W‖² is a mere ratio"
    )
    paper, link = "van Laarhoven 2017", "https://arxiv.org/abs/1706.05350"
    target = "bnexp.probes.effective_learning_rate:EffectiveLearningRate"
    values: ClassVar = {"rate": Value("η/‖W‖²", "", "log"), "relative-update": Value("‖ΔW‖/‖W‖", "", "log")}

    name: Literal["effective-learning-rate"] = "effective-learning-rate"


SIZES = (1, 32, 256)
"""Images a call, of which latencies are measured."""


class InferenceLatency(Probe):
    """How long the trained model takes to answer, before and after folding."""

    title = "Inference latency"
    definition = (
        "after the last step, the median time of `calls` warm calls of the model in inference mode, as a graph, on 1, "
        "32 and 256 images; in turn with the model in which `bnexp.fold` has made batch normalizations part of the "
        "linear layers before them. With the threads of the trial, on images that are on its device already, until the "
        "answer is there. Comparable where one trial at a time ran, on a machine that did nothing else"
    )
    paper, link = "Jacob et al. 2018", "https://arxiv.org/abs/1712.05877"
    target = "bnexp.probes.inference_latency:InferenceLatency"
    timing = True
    values: ClassVar = {
        f"{kind}-{size}": Value(f"{kind}, {size} image{'s' * (size > 1)}", "ms", "log")
        for kind in ("raw", "folded")
        for size in SIZES
    }

    name: Literal["inference-latency"] = "inference-latency"
    calls: int = Field(30, ge=30, le=1000, description="of which the median is taken")


PROBES: dict[str, type[Probe]] = {
    each.model_fields["name"].default: each
    for each in (
        GradientRatios,
        Smoothness,
        CovariateShift,
        DeadUnits,
        Activations,
        Calibration,
        MovingAverageError,
        BatchNoise,
        EffectiveLearningRate,
        InferenceLatency,
    )
}
"""In the order of every list."""

AnyProbe = Annotated[
    GradientRatios
    | Smoothness
    | CovariateShift
    | DeadUnits
    | Activations
    | Calibration
    | MovingAverageError
    | BatchNoise
    | EffectiveLearningRate
    | InferenceLatency,
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
