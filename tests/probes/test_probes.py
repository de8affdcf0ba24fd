"""Each probe on cases that are known by hand or by theory."""

import math

import numpy as np
import pytest
import tensorflow as tf

from bnexp.probes.calibration import scores
from bnexp.probes.moving_averages import errors
from bnexp.probes.smoothness import along_gradient

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
