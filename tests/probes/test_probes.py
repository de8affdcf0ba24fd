"""Each probe on cases that are known by hand or by theory."""

import math
from itertools import count

import numpy as np
import pytest
import tensorflow as tf
from small_trial import TINY_CNN

from bnexp.norms.fold import fold
from bnexp.probes.batch_noise import deviations
from bnexp.probes.calibration import scores
from bnexp.probes.covariate_shift import shifts
from bnexp.probes.inference_latency import in_turn
from bnexp.probes.moving_averages import errors
from bnexp.probes.smoothness import along_gradient
from bnexp.training.loop import Stop
from bnexp.training.program import examples

DEEP = {"name": "mlp", "widths": [1000] * 8, "initializer": "he_normal"}
"""Wide enough for the theory of infinite width to hold within a few per cent."""
BATCH = {"name": "batch", "epsilon": 1e-6}
SIX = {"name": "mlp", "widths": [6]}


def middle(observer, examples, norm, **change):
    """Mean gradient ratio of a deep network at its start; the first layer's, which sees pixels, is left out."""
    probe = observer(
        {"name": "gradient-ratios", "examples": examples}, model=DEEP, norm=norm, data="mnist-5k", **change
    )
    return np.mean([*probe.measured()["ratio"].values()][1:])


def test_with_batch_norm_and_relu_the_gradient_grows_by_pi_over_pi_minus_1(observer):
    """Yang et al. 2019, https://arxiv.org/abs/1902.08129: for large batches; for small ones by more."""
    assert middle(observer, 256, BATCH) == pytest.approx(math.pi / (math.pi - 1), rel=0.04)
    assert middle(observer, 16, BATCH) > 1.55


@pytest.mark.parametrize("examples", [8, 16])
def test_with_batch_norm_alone_it_grows_by_b_minus_2_over_b_minus_3(observer, examples):
    ratio = middle(observer, examples, BATCH, change={"activation": "linear"})
    assert ratio == pytest.approx((examples - 2) / (examples - 3), rel=0.05)


def test_with_relu_and_he_initial_weights_alone_it_stays(observer):
    assert middle(observer, 256, "none") == pytest.approx(1, rel=0.04)


CURVATURE = np.diag([1.0, 4.0, 9.0])


def quadratic(point):
    return 0.5 * point @ CURVATURE @ point, CURVATURE @ point


def test_along_the_gradient_of_a_quadratic_all_is_known():
    """L = ½ θᵀAθ has g = Aθ and ∇L(θ − ηg) − g = −ηAg; L(θ − ηg) = L(θ) − η‖g‖² + ½ η² gᵀAg."""
    point, rate, share = np.array([1.0, -2.0, 0.5]), 0.01, 0.001
    _, g = quadratic(point)
    size, slope, curved = (np.linalg.norm(vector) for vector in (point, g, CURVATURE @ g))
    loss = {
        eta: quadratic(point)[0] - eta * slope**2 + eta**2 / 2 * (g @ CURVATURE @ g) for eta in (rate / 2, 4 * rate)
    }
    unit = share * size / slope
    relative = {k: -k * unit * slope**2 + (k * unit) ** 2 / 2 * (g @ CURVATURE @ g) for k in (0.5, 4)}
    assert along_gradient(quadratic, point, rate, share) == pytest.approx(
        {
            "loss-range": loss[rate / 2] - loss[4 * rate],
            "predictiveness": 4 * rate * curved,
            "smoothness": curved / slope,
            "relative-loss-range": relative[0.5] - relative[4],
            "relative-predictiveness": 4 * unit * curved / slope,
            "relative-smoothness": curved / slope * size / slope,
        }
    )


def test_what_is_free_of_scale_does_not_change_with_the_unit_of_the_weights():
    point, c = np.array([1.0, -2.0, 0.5]), 10.0

    def rescaled(theta):
        loss, gradient = quadratic(theta / c)
        return loss, gradient / c

    one, other = along_gradient(quadratic, point, 0.01, 0.001), along_gradient(rescaled, c * point, 0.01, 0.001)
    for name in one:
        assert (one[name] == pytest.approx(other[name])) == name.startswith("relative")


def test_at_a_minimum_nothing_is_free_of_scale():
    found = along_gradient(quadratic, np.zeros(3), 0.01, 0.001)
    assert found["loss-range"] == found["predictiveness"] == 0
    assert np.isnan(found["relative-smoothness"])


def test_smoothness_of_a_model_is_that_of_its_loss(observer):
    """At the learning rate, by the model's own loss at weights that are moved by hand."""
    training = {"batch_size": 50, "epochs": 1, "optimizer": {"name": "sgd", "learning_rate": 0.05}}
    probe = observer("smoothness", model=SIX, training=training)
    found = probe.measured()
    losses = []
    for eta in (0.025, 0.2):
        probe = observer("smoothness", model=SIX, training=training)
        with tf.GradientTape() as tape:
            loss = cross_entropy(probe)
        weights = probe.model.trainable_variables
        for weight, gradient in zip(weights, tape.gradient(loss, [one.value for one in weights]), strict=True):
            weight.assign(weight.value - eta * gradient)
        losses.append(float(cross_entropy(probe)))
    assert found["loss-range"]["model"] == pytest.approx(losses[0] - losses[1], rel=1e-4)


def cross_entropy(probe):
    logits = probe.model(probe.images, training=True)
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(probe.labels, logits))


def biased(probe, bias):
    """The observer, its only hidden layer giving the same for every image."""
    layer = probe.built.hidden[0].linear
    layer.kernel.assign(np.zeros(layer.kernel.shape))
    layer.bias.assign(bias)
    return probe


SGD = {"batch_size": 50, "epochs": 1, "optimizer": {"name": "sgd", "learning_rate": 0.5}}


def test_the_shift_of_a_product_of_two_numbers_is_known():
    """L = ½(w₂w₁x − y)² has ∂L/∂w₂ = (w₂w₁x − y)w₁x; below it w₁ goes to w₁'."""
    x, y, w1, w1_after, w2 = 2.0, 1.0, 0.5, -0.25, 3.0

    def gradients(weights):
        (u,), (v,) = weights
        return [(v * u * x - y) * v * x, (v * u * x - y) * u * x]

    before, after = [[np.float64(w1)], [np.float64(w2)]], [[np.float64(w1_after)], [np.float64(99.0)]]
    old, new = (w2 * w1 * x - y) * w1 * x, (w2 * w1_after * x - y) * w1_after * x
    assert shifts(gradients, before, after) == [
        (pytest.approx(abs(new - old)), pytest.approx(abs(new - old) / abs(old)), pytest.approx(np.sign(old * new)))
    ]


def test_the_shift_of_a_linear_network_is_that_of_its_formula(observer):
    """Gradient descent of logits V'(W'x + b) + c, of which V's gradient is hᵀ(p − y)/n for h = W'x + b."""
    probe = observer("covariate-shift", model=SIX, training=SGD, change={"activation": "linear"})
    w, b, v, c = (weight.numpy().astype(np.float64) for weight in probe.model.trainable_variables)
    x, y = probe.images.numpy().reshape(50, -1).astype(np.float64), np.eye(10)[probe.labels.numpy()]

    def gradients(w, b):
        hidden = x @ w + b
        p = np.exp(hidden @ v + c)
        error = (p / p.sum(1, keepdims=True) - y) / len(x)
        return x.T @ error @ v.T, (error @ v.T).sum(0), hidden.T @ error

    of_w, of_b, old = gradients(w, b)
    *_, new = gradients(w - 0.5 * of_w, b - 0.5 * of_b)
    cosine = (old * new).sum() / np.linalg.norm(old) / np.linalg.norm(new)
    assert cosine < 0.98
    found = probe.measured()
    assert found["l2"] == {"output": pytest.approx(np.linalg.norm(new - old), rel=1e-4)}
    assert found["relative"] == {"output": pytest.approx(np.linalg.norm(new - old) / np.linalg.norm(old), rel=1e-4)}
    assert found["cosine"] == {"output": pytest.approx(cosine, rel=1e-4)}


def test_the_next_step_is_the_one_that_the_trial_would_make(observer):
    """By Adam's state after some steps, at the rate of the schedule, on smoothed labels; and all is put back."""
    training = {"batch_size": 30, "epochs": 2, "schedule": "cosine", "label_smoothing": 0.1}
    probe = observer("covariate-shift", norm="batch", model=SIX, training=training)
    program, data = probe.setup.program, probe.setup.data
    program.train(data.images, data.labels, probe.setup.parts.train[:300].reshape(10, 30), np.full(10, 1e-3))
    probe.at(Stop(10, 0, 0.0, None, 0, 0.0, diverged=False))
    probe._step = 10
    before, seen = program.state(), probe.weights_after_next_step()
    for one, other in zip(
        [*before.model, *before.optimizer], [*(now := program.state()).model, *now.optimizer], strict=True
    ):
        np.testing.assert_array_equal(one, other)
    assert 0 < probe.learning_rate < 1e-3
    program.train(data.images, data.labels, probe.chosen[None], np.array([probe.learning_rate]))
    for one, other in zip(seen, probe.weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_smoothness_is_along_steps_of_the_rate_of_the_schedule(observer):
    """A warm-up of 4 steps begins with a quarter."""
    warmup = {**SGD, "schedule": {"name": "constant", "warmup": 4}}
    quarter = {**SGD, "optimizer": {"name": "sgd", "learning_rate": 0.125}}
    one, other = (observer("smoothness", model=SIX, training=each).measured() for each in (warmup, quarter))
    assert one["loss-range"]["model"] == pytest.approx(other["loss-range"]["model"], rel=1e-5)


def test_deviations_over_companions_known_by_hand():
    """Two draws, two images, two classes: a variance of 2 for one logit, and of 0 for the other three."""
    logits = np.array([[[1.0, 0.0], [4.0, 0.0]], [[-1.0, 0.0], [4.0, 0.0]]])
    found = deviations(logits, np.array([0, 1]))
    p = 1 / (1 + math.exp(-1.0)), 1 / (1 + math.exp(1.0))
    assert found["logits"] == pytest.approx(math.sqrt(2 / 4))
    assert found["relative"] == pytest.approx(math.sqrt(2 / 4) / math.sqrt((8 + 0) / 2))
    assert found["probability"] == pytest.approx(math.sqrt(np.var(p, ddof=1) / 2))


@pytest.mark.parametrize("norm", ["none", "layer", "group", "weight", "spectral", "noise"])
def test_what_does_not_depend_on_the_batch_has_no_noise_of_companions(norm, observer):
    found = observer({"name": "batch-noise", "draws": 2}, norm=norm).measured()
    assert found == {"logits": {"model": 0}, "relative": {"model": 0}, "probability": {"model": 0}}


def test_the_noise_of_the_mean_of_a_batch_is_that_of_a_sample(observer):
    """Linear but for the mean of the batch, of B − 1 companions out of M images: σ² (B − 1)/B² (M − B + 1)/(M − 1)."""
    size = 16
    training = {"batch_size": size, "epochs": 1}
    spec = {"name": "batch-noise", "examples": 32, "draws": 20}
    probe = observer(spec, norm="mean-only-batch", model=SIX, training=training, change={"activation": "linear"})
    images, m = probe.setup.data.images.numpy()[probe.setup.parts.train] / np.float32(255), 330
    logits = probe.model(images, training=False).numpy().astype(np.float64)
    expected = logits.var(0, ddof=1).mean() * (size - 1) / size**2 * (m - size + 1) / (m - 1)
    assert probe.measured()["logits"]["model"] == pytest.approx(math.sqrt(expected), rel=0.05)


def test_a_batch_of_all_training_images_has_no_noise(observer):
    probe = observer("batch-noise", norm="batch", model=SIX, training={"batch_size": 330, "epochs": 1})
    assert probe.measured()["logits"]["model"] == 0


def test_effective_learning_rate_known_by_hand(observer):
    probe = observer("effective-learning-rate", model=SIX, training=SGD)
    kernel = probe.built.hidden[0].linear.kernel
    kernel.assign(np.full(kernel.shape, 0.25))
    assert probe.measured()["rate"] == {"dense1": pytest.approx(0.5 / (784 * 6 * 0.25**2))}


def test_where_scale_does_not_count_steps_turn_the_weights_by_the_effective_learning_rate(observer):
    """Batch normalization with small ε: of a·W the gradient is that of W by a, and ‖ΔW‖/‖W‖ goes with η/‖W‖²."""
    probe = observer("effective-learning-rate", norm={"name": "batch", "epsilon": 1e-8}, model=SIX, training=SGD)
    kernel = probe.built.hidden[0].linear.kernel
    one = probe.measured()
    kernel.assign(kernel.numpy() * 4)
    other = probe.measured()
    for name in ("rate", "relative-update"):
        assert other[name]["dense1"] == pytest.approx(one[name]["dense1"] / 16, rel=1e-3)


def test_calls_are_timed_warm_and_in_turn():
    """A clock that goes on by 1 at each look: each call takes 1, and those that warm up are not among them."""
    made = []
    clock = count().__next__
    found = in_turn({"a": lambda: made.append("a"), "b": lambda: made.append("b")}, 3, clock)
    assert found == {"a": [1, 1, 1], "b": [1, 1, 1]}
    assert made[:4] == ["a", "b", "a", "b"]
    assert len(made) == 2 * (5 + 3)


@pytest.mark.parametrize(
    ("norm", "left"),
    [
        *((name, 0) for name in ("batch", "batch-renorm", "frozen-batch", "ghost-batch", "noisy-batch")),
        *(("mean-only-batch", 4), ("switchable", 2), ("evonorm-b0", 2), ("layer", 2)),  # 4: weights are normalized too
    ],
)
def test_a_model_of_ours_with_recalibrated_statistics_is_folded_where_it_can_be(norm, left, observer):
    probe = observer("inference-latency", norm=norm, model=TINY_CNN)
    data, program = probe.setup.data, probe.setup.program
    if program.batch_dependent:
        program.recalibrate(data.images, probe.setup.parts.train[:100])
    folded = fold(probe.model)
    kept = [one for one in probe.built.norms if one.layer.name in {layer.name for layer in folded.layers}]
    assert len(kept) == left
    images, _ = examples(data.images, data.labels, np.arange(20))
    expected = probe.model(images, training=False)
    np.testing.assert_allclose(folded(images, training=False), expected, rtol=1e-4, atol=1e-4)


def test_latencies_are_of_the_model_and_of_one_without_its_norms(observer, monkeypatch):
    seen = {}

    def timed(calls, times):
        seen.update({kind: call() for kind, call in calls.items()})
        return {kind: [2e-3, 1e-3, 9e-3] for kind in calls}

    monkeypatch.setattr("bnexp.probes.inference_latency.in_turn", timed)
    probe = observer("inference-latency", norm="batch")
    found = probe.measured()
    assert found["folded-32"] == {"model": 2.0}
    assert seen["raw"].shape == (256, 10)
    np.testing.assert_allclose(seen["folded"], seen["raw"], atol=1e-4)
    assert [layer.name for layer in probe.model.layers if "norm" in layer.name] != []


def test_units_that_give_zero_for_every_image_are_dead(observer):
    probe = biased(observer("dead-units", model=SIX), [-1, 2, 0, 1, -3, 5])
    assert probe.measured() == {"dead": {"dense1": 0.5}}


def test_a_unit_that_one_image_wakes_is_not_dead(observer):
    probe = observer("dead-units", model=SIX)
    layer, image = probe.built.hidden[0].linear, probe.images[0].numpy().ravel()
    layer.kernel.assign(np.outer(image, np.eye(6)[0]))
    largest = max(float(image @ other.numpy().ravel()) for other in probe.images[1:])
    layer.bias.assign([-(largest + image @ image) / 2, *[-1] * 5])
    assert image @ image > largest  # the image is most like itself
    assert probe.measured()["dead"]["dense1"] == pytest.approx(5 / 6)


def test_percentiles_are_those_of_what_activations_are_given(observer):
    probe = biased(observer("activations", model={"name": "mlp", "widths": [101]}), np.arange(-50.0, 51.0))
    assert probe.measured() == {"p15": {"dense1": -35}, "p50": {"dense1": 0}, "p85": {"dense1": 35}}


def test_batch_norm_gives_activations_mean_0_and_variance_1_of_the_batch(observer):
    found = observer("activations", norm=BATCH, model={"name": "mlp", "widths": [500]}).measured()
    assert found["p50"]["dense1"] == pytest.approx(0, abs=0.05)
    assert found["p85"]["dense1"] == pytest.approx(1.036, abs=0.05)  # of a normal distribution


def test_scores_of_probabilities_known_by_hand():
    """Two classes; probability .8 for the one of ten images, of which 7 are right."""
    logits = np.tile([math.log(4.0), 0.0], (10, 1))
    found = scores(logits, np.array([0] * 7 + [1] * 3))
    assert found == pytest.approx(
        {
            "nll": -(7 * math.log(0.8) + 3 * math.log(0.2)) / 10,
            "brier": (7 * 2 * 0.2**2 + 3 * 2 * 0.8**2) / 10,
            "ece": 0.1,
        }
    )


def test_calibration_errors_of_two_bins_do_not_cancel():
    """Five images with .8 of which 3 are right, five with .6 of which 4 are."""
    logits = np.array([[math.log(4.0), 0.0]] * 5 + [[math.log(1.5), 0.0]] * 5)
    found = scores(logits, np.array([0, 0, 0, 1, 1, 0, 0, 0, 0, 1]))
    assert found["ece"] == pytest.approx((5 * 0.2 + 5 * 0.2) / 10)


def test_calibration_has_the_loss_of_the_evaluation(trainer, observer):
    probe = observer("calibration", norm="layer")
    data, validation = probe.setup.data, probe.setup.parts.validation
    loss = probe.setup.program.evaluate(data.images, data.labels, validation).loss
    assert probe.measured()["nll"]["model"] == pytest.approx(loss, rel=1e-5)


def test_errors_of_moving_averages_known_by_hand():
    """Channels with variance 1, 4 and 0, of which the last has no ratio."""
    x = np.array([[-1.0, 1.0, 3.0], [1.0, 5.0, 3.0]])
    found = errors(x, np.array([0.5, 3.0, 0.0]), np.array([2.0, 2.0, 1.0]))
    assert found == pytest.approx((np.median([2.0, 0.5]), np.median([0.5, 0.0])))


@pytest.mark.slow
def test_recalibrated_averages_of_the_first_layer_have_no_error(observer):
    probe = observer({"name": "moving-average-error", "examples": 330}, norm="batch")
    data, train = probe.setup.data, probe.setup.parts.train
    before = probe.measured()
    probe.setup.program.recalibrate(data.images, train)
    after = probe.measured()
    assert before["variance-ratio"]["conv1"] > 50
    assert after["variance-ratio"]["conv1"] == pytest.approx(1, rel=1e-3)
    assert after["mean-error"]["conv1"] == pytest.approx(0, abs=1e-3)


def test_a_model_without_moving_averages_has_no_error_of_them(observer):
    assert observer("moving-average-error", norm="layer").measured() == {}
