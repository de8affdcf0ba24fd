"""The same weights under other statistics: what a batch-dependent model owes to its moving averages.

Moving averages lag: with momentum 0.99 they still carry 37 % of their initial value after 100 steps and 0.9 % after
468.  So a batch-dependent model is also scored with the statistics of each batch, as in training, and with statistics
recomputed over training images ("precise BN": Wu & Johnson 2021, https://arxiv.org/abs/2105.07576).
"""

import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf

from bnexp.models.blocks import Built
from bnexp.models.own_state import inside, kept
from bnexp.norms.bases import Channelwise
from bnexp.training.fast_blocks import with_fast_forms

RECALIBRATION_EXAMPLES = 10_000
"""Training images that statistics are recomputed over for the test set, at most."""
EVALUATED_RECALIBRATION = 2_000
"""The same for each look at the validation examples."""
RECALIBRATION_BATCH = 250
"""Large enough for a batch's own statistics to stand for all, small enough for the memory of a worker."""


Seen: TypeAlias = tf.Tensor | tuple[tf.Tensor, ...]
"""What a normalization sees: inputs (N,...,C); or the number of examples, and mean and variance over all of them."""
Watch: TypeAlias = Callable[[keras.layers.Layer, Seen], None]


class BatchStatistics:
    """A model whose batch-dependent normalizations are in training mode, while all else is in inference mode.

    Noise that such a layer adds in training, as dropout does, is among all else.

    What training mode changes (moving averages, counters) is set right after every batch, so that no batch sees a
    trace of another.
    """

    def __init__(self, built: Built) -> None:
        self._model = built.model
        self.layers = batch_dependent(built)
        self._by_batch = with_fast_forms(built.model, "batch", watch=self._saw) if self.layers else built.model
        self._watch: Watch = _nobody
        self._state = list({id(v): v for layer in self.layers for v in layer.non_trainable_variables}.values())
        self._noted: list[list[Any]] = [[] for _ in self.layers]
        # For batches of any size, as the graph that scores: if it is known, TensorFlow computes other last digits,
        # which cells that normalize tell apart.
        images = [tf.TensorSpec((None, *built.model.input_shape[1:]), tf.float32)]
        self._collect = tf.function(self._note_all, images, autograph=False)

    @property
    def of_steps(self) -> bool:
        """Whether some are of time steps.

        All examples should then be one batch: what a step is given follows from the statistics of all steps before, and
        where a batch hardly varies, those of parts of it are no guide.  Those of 250 images each, taken together, left
        an LSTM over rows at 85 % that had 99 % by the statistics of batches, and those of all 4,000 images 98 %.
        """
        return any(hasattr(layer, "take_in") for layer in self.layers)

    def logits(self, x: tf.Tensor) -> tf.Tensor:
        """Logits (N,classes) of images (N,H,W,C), normalized among themselves."""
        return self._without_trace(x, _nobody)[0]

    def recalibrate(self, batches: Iterable[tf.Tensor]) -> None:
        """Set the moving averages to mean and variance over all of `batches`, each of shape (n,H,W,C).

        Every normalization sees inputs that those before it normalized within their batch, without batch
        renormalization's correction, which would normalize them by the averages that are to be replaced; mean and
        variance are those of its inputs over all examples, not averages over batches.
        """
        noted = [self._step(batch)[1] for batch in batches]
        for layer, *seen in zip(self.layers, *noted, strict=True):
            _set_statistics(layer, *_together(*zip(*chain(*seen), strict=True)))

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Whatever happens to the moving averages within is undone."""
        with kept(self._state):
            yield

    def disagreement(self, batch: tf.Tensor) -> str | None:
        """Which layer takes in something else, in a training step on `batch`, than `recalibrate` would set; and why.

        The step is done from two values of each statistic s.  One that moves as m · s + (1 − m) · b, whatever m may be,
        shows m by what it keeps of their difference, and b by what it makes of 0; b must be what `recalibrate` sets for
        the inputs of this batch, or the same from the unbiased variance.  In a layer that is called k times in a step,
        as in a loop over rows, k such b count.  What a layer is given must not depend on what the step is done from.
        """
        with self.kept():
            return self._disagreement(batch)

    def _disagreement(self, batch: tf.Tensor) -> str | None:
        statistics: list[list[keras.Variable]] = []
        for layer, seen in zip(self.layers, self._step(batch)[1], strict=True):
            found = _would_set(layer, *seen[0][1:]) if seen else {}
            statistics.append([variable for variable in layer.non_trainable_variables if id(variable) in found])
            if not found:
                return f"{layer.path} cannot take mean and variance of its inputs for statistics"
        _fill(chain(*statistics), 0.0)
        from_zero, noted = self._step(batch)
        far = _FAR * (1 + max(float(np.abs(from_zero[id(v)]).max()) for v in chain(*statistics)))
        _fill(chain(*statistics), far)
        from_far, noted_from_far = self._step(batch)
        with kept(self._model.variables):
            self._model(batch, training=True)  # where a user's layer may call its part for inference throughout
            stayed = [variable for variable in chain(*statistics) if (variable.numpy() == far).all()]
        if stayed:
            return f"{stayed[0].path} does not move in training"
        for layer, seen, others, variables in zip(self.layers, noted, noted_from_far, statistics, strict=True):
            relative, absolute = _ALIKE if layer.compute_dtype in ("float32", "float64") else _ALIKE_IN_HALF
            absolute *= float(np.sqrt(np.mean([variance for _, _, variance in seen])))
            of_either = zip(chain(*seen), chain(*others), strict=True)
            if not all(np.allclose(one, other, relative, absolute) for one, other in of_either):
                return (
                    f"in training, what {layer.path} is given depends on moving averages of layers before it, so that "
                    "statistics taken of all at once would not fit together"
                )
            expected = [
                [
                    _would_set(layer, mean, variance * (n / max(n - 1, 1) if unbiased else 1))
                    for n, mean, variance in seen
                ]
                for unbiased in (False, True)
            ]
            for variable in variables:
                zero = from_zero[id(variable)]
                share = float(np.median((from_far[id(variable)] - zero) / far))
                if not share < 1 - 1e-6:
                    return f"{variable.path} does not move in training"
                values = ([found[id(variable)] for found in calls] for calls in expected)
                if not any(_taken_in(zero, share, each, relative, absolute) for each in values):
                    return (
                        f"in training, {variable.path} takes in something else than "
                        "the mean or variance of the layer's inputs over the batch"
                    )
        return None if any(len(seen) > 1 for seen in noted) else self._more_than_normalizes(batch, noted)

    def _more_than_normalizes(self, batch: tf.Tensor, noted: list[list[Any]]) -> str | None:
        """Why training mode is no inference mode under the batch's own statistics; None where the outputs agree."""
        for layer, [(_, mean, variance)] in zip(self.layers, noted, strict=True):
            _set_statistics(layer, mean, variance)
        in_training, at_inference = self.logits(batch), self._model(batch, training=False)
        gap = float(tf.reduce_mean(tf.abs(in_training - at_inference)))
        if gap <= _OUTPUTS_ALIKE * float(tf.math.reduce_std(at_inference)):
            return None
        return "in training, a layer does more than normalize by the statistics of the batch: noise, or other formulas"

    def _step(self, batch: tf.Tensor) -> tuple[dict[int, np.ndarray], list[list[Any]]]:
        """What a training step makes of each statistic, by the id of its variable, and what each layer noted."""
        try:
            after = self._collect(batch)
            noted = [list(each) for each in self._noted]
        finally:
            for each in self._noted:
                each.clear()
        return {id(v): value.numpy().astype(np.float64) for v, value in zip(self._state, after, strict=True)}, noted

    def _note_all(self, batch: tf.Tensor) -> list[tf.Tensor]:
        with _as_at_inference(self.layers):
            return self._without_trace(batch, lambda layer, x: _note(x, self._noted[self.layers.index(layer)]))[1]

    def _saw(self, layer: keras.layers.Layer, mean: tf.Tensor, variance: tf.Tensor) -> bool:
        """A layer in a fast form has these moments, (N,1,...,C), of each example; whether it is one of ours."""
        known = any(layer is one for one in self.layers)
        if known:
            self._watch(layer, (tf.shape(mean)[0], *_of_examples(mean, variance)))
        return known

    def _without_trace(self, x: tf.Tensor, watch: Watch) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Logits of `x`, and what its statistics became; `watch` is told of what each normalization sees."""
        before = [tf.identity(variable.value) for variable in self._state]
        self._watch = watch
        with _in_training_mode(self.layers, watch):
            logits = self._by_batch(x, training=False)
        after = [tf.identity(variable.value) for variable in self._state]
        for variable, value in zip(self._state, before, strict=True):
            variable.assign(value)
        return logits, after


def _nobody(layer: keras.layers.Layer, seen: Seen) -> None:
    """Watches nothing."""


@contextmanager
def _in_training_mode(layers: list[keras.layers.Layer], watch: Watch) -> Iterator[None]:
    """While a model is called: these layers, wherever they stand in it, compute as in training, but without noise.

    One that is a part of a cell takes in the moments of all time steps together, each step's apart.
    """

    def training(layer: keras.layers.Layer, call: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
        given = inspect.signature(call).bind(*arguments, **keywords)
        watch(layer, given.args[0])
        if "training" in inspect.signature(call).parameters:
            given.arguments["training"] = True
        return call(*given.args, **given.kwargs)

    def taken_in(layer: Any, take_in: Callable[..., None], *moments: tf.Tensor) -> None:
        watch(layer, moments)
        take_in(*moments)

    for layer in layers:
        if hasattr(layer, "take_in"):
            layer.take_in, layer.uses_batch = partial(taken_in, layer, layer.take_in), lambda training: True
        else:
            layer.call = partial(training, layer, getattr(layer, "without_noise", layer.call))
    try:
        yield
    finally:
        for layer in layers:
            for name in {"take_in", "uses_batch", "call"} & vars(layer).keys():
                delattr(layer, name)  # the method of its class again


@contextmanager
def _as_at_inference(layers: list[keras.layers.Layer]) -> Iterator[None]:
    """While a graph is traced: what a layer does with a batch's statistics is what it will do once they are set.

    Ours and Keras's batch renormalization is batch normalization, and cells round as at inference.
    """
    altered = {"renorm": False, "rounded": True}
    before = [(layer, name, getattr(layer, name)) for layer in layers for name in altered if hasattr(layer, name)]
    for layer, name, _ in before:
        setattr(layer, name, altered[name])
    try:
        yield
    finally:
        for layer, name, value in before:
            setattr(layer, name, value)


def _note(seen: Seen, noted: list[Any]) -> None:
    """Note numbers a channel, mean and variance, by a function of Python, for a cell is called within a loop.

    TensorFlow never lets go of that function, which so holds nothing but the list.
    """

    def note(*moments: np.ndarray) -> None:
        noted.append([moment.copy() for moment in moments])  # what is given is TensorFlow's memory

    if isinstance(seen, tuple):
        count, *moments = seen
        given = [tf.cast(count, tf.int64), *(tf.cast(tf.reshape(moment, (-1,)), tf.float64) for moment in moments)]
    else:
        given = [tf.size(seen, tf.int64) // seen.shape[-1], *_moments(seen)]
    tf.numpy_function(note, given, [])


def _moments(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and biased variance (C) of x (N,...,C): of each example in float32, of all together in float64.

    One sum over all 169,000 numbers of a channel would keep four digits in float32, and float64 twice the memory.
    """
    pixels, x = list(range(1, len(x.shape) - 1)), x if x.dtype == tf.float64 else tf.cast(x, tf.float32)
    return _of_examples(*(tf.nn.moments(x, pixels, keepdims=True) if pixels else (x, tf.zeros_like(x))))


def _of_examples(means: tf.Tensor, variances: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and biased variance (C) of all examples, from those (N,...,C) of each."""
    means, variances = (tf.cast(tf.reshape(each, (-1, each.shape[-1])), tf.float64) for each in (means, variances))
    of_all = tf.reduce_mean(means, 0)
    return of_all, tf.reduce_mean(variances + tf.square(means - of_all), 0)


def _together(
    counts: tuple[int, ...], means: tuple[np.ndarray, ...], variances: tuple[np.ndarray, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and biased variance over all examples, from those (C) of batches of so many numbers, in float64."""
    share = np.array(counts)[:, None] / sum(counts)
    of_batches = np.array(means, np.float64)
    mean = (share * of_batches).sum(0)
    return mean, (share * (np.array(variances, np.float64) + (of_batches - mean) ** 2)).sum(0)


def batch_dependent(built: Built) -> list[keras.layers.Layer]:
    """The layers, norms themselves or parts of them, that keep moving statistics of their batches.

    Ours have a method `set_statistics(mean, variance)`; of any other layer, `moving_mean` or `moving_variance` tells.
    A user's own class says with an attribute `batch_dependent = False` that what it calls so is something else.
    """
    names = ("set_statistics", "moving_mean", "moving_variance")
    parts = dict.fromkeys(part for norm in built.norms for part in inside(norm.layer))
    return [one for one in parts if getattr(one, "batch_dependent", True) and any(hasattr(one, name) for name in names)]


def normalizing_by_themselves(built: Built) -> list[keras.layers.Layer]:
    """The layers of Keras's or ours that normalize, and are no part of the model's norms."""
    of_norms = {id(part) for norm in built.norms for part in inside(norm.layer)}
    return [one for one in inside(built.model) if isinstance(one, _NORMALIZATIONS) and id(one) not in of_norms]


_NORMALIZATIONS = (
    keras.layers.BatchNormalization,
    keras.layers.GroupNormalization,
    keras.layers.LayerNormalization,
    keras.layers.RMSNormalization,
    Channelwise,
)

_FAR = 1e4
"""How many times its new value a statistic is put away from it: what it keeps of so large a number says how much."""
_ALIKE, _ALIKE_IN_HALF = (5e-3, 1e-4), (5e-2, 1e-2)
"""How far two ways of computing a statistic may lie apart by rounding: of its size, and of the inputs' deviation, in
float32 and in 16 bits."""


_OUTPUTS_ALIKE = 0.05
"""How far the logits of both ways may lie apart, of their deviation: a batch's biased and unbiased variance differ."""


def _fill(variables: Iterable[keras.Variable], number: float) -> None:
    for variable in variables:
        variable.assign(np.full(variable.shape, number, variable.dtype))


def _would_set(layer: keras.layers.Layer, mean: np.ndarray, variance: np.ndarray) -> dict[int, np.ndarray]:
    """What `_set_statistics` makes of the layer's statistics, by the ids of their variables; {} where it cannot."""
    floats = [v for v in layer.non_trainable_variables if keras.backend.is_float_dtype(v.dtype)]
    with kept(floats):  # a counter among them decides how the layer computes
        _fill(floats, np.nan)
        try:
            _set_statistics(layer, mean, variance)
        except Exception:  # whatever a layer that is not ours says of moments that are not its own
            return {}
        values = {id(variable): variable.numpy().astype(np.float64) for variable in floats}
    return {key: value for key, value in values.items() if not np.isnan(value).all()}


def _taken_in(zero: np.ndarray, share: float, values: list[np.ndarray], relative: float, absolute: float) -> bool:
    """Whether an average that was 0, and keeps a `share`, has become `zero` by these values but for rounding."""
    momentum = max(share, 0.0) ** (1 / len(values))
    weights = (1 - momentum) * momentum ** np.arange(len(values))[::-1]
    expected = np.tensordot(weights, np.array(values), 1)
    size = np.abs(expected) + np.abs(expected).mean()
    return bool(np.all(np.abs(zero - expected) <= relative * size + absolute * weights.sum()))


def _set_statistics(layer: keras.layers.Layer, mean: np.ndarray, variance: np.ndarray) -> None:
    """Put moments (C) in the place of the moving statistics that the layer has."""
    if hasattr(layer, "set_statistics"):
        layer.set_statistics(mean, variance)
        return
    for name, value in [("moving_mean", mean), ("moving_variance", variance)]:
        if getattr(layer, name, None) is not None:
            getattr(layer, name).assign(value)
