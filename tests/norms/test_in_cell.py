"""An LSTM with normalization in its cell against its papers' formulas in float64 numpy, step after step.

Cooijmans et al. 2017 and Ba et al. 2016, eq. 20 to 22.  Gradients are held against central differences (good to 1e-9).
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from made import policy
from reference_methods import gradient

from bnexp.norms.in_cell import CellBatchNormalization, CellLayerNormalization, NormalizedLSTM

pytestmark = pytest.mark.numeric

N, T, F, H = 6, 5, 3, 4
EPSILON, MOMENTUM = 0.02, 0.7
CASES = [(method, place) for method in ("batch", "layer") for place in ("in-cell", "inputs")]
ALL = pytest.mark.parametrize("case", CASES, ids="-".join)


def norm(method, name):
    if method == "batch":
        return CellBatchNormalization(MOMENTUM, EPSILON, center=name == "cell_norm", name=name)
    return CellLayerNormalization(EPSILON, name=name)


def made(method, place, policy_name="float64", drawn=True):
    """The layer, built, with weights drawn at random."""
    names = ["input_norm"] if place == "inputs" else ["input_norm", "hidden_norm", "cell_norm"]
    with policy(policy_name):
        layer = NormalizedLSTM(H, **{name: norm(method, name) for name in names}, name="lstm")
        layer.build((None, T, F))
    generator = np.random.default_rng(1)
    for variable in layer.variables if drawn else ():
        positive = "variance" in variable.name or "gamma" in variable.name
        variable.assign(
            generator.uniform(0.3, 1, variable.shape) if positive else generator.normal(0, 0.7, variable.shape)
        )
    return layer


def values(layer):
    return {
        variable.path.removeprefix("lstm/"): np.asarray(variable.numpy(), "float64") for variable in layer.variables
    }


def inputs():
    return np.random.default_rng(2).normal(0.5, 1, (N, T, F))


def states():
    generator = np.random.default_rng(3)
    return generator.normal(0, 0.5, (N, H)), generator.normal(0, 0.5, (N, H))


def ours(layer, x, state, upstream, *, training):
    """The final hidden state, and the gradients of inputs, both states at the start and every trained weight."""
    given = [tf.constant(each) for each in (x, *state)]
    with tf.GradientTape() as tape:
        tape.watch(given)
        y = layer(given[0], initial_state=given[1:], training=training)
    return y, tape.gradient(y, [*given, *(v.value for v in layer.trainable_variables)], upstream)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_hand(case, x, w, training, state):
    """The final hidden state, and the moments of each batch-normalized part at each step."""
    (h, c), method, moments = state, case[0], {}

    def normalized(name, a, t):
        if f"{name}/gamma" not in w:
            return a
        if method == "layer":
            mean, variance = a.mean(1, keepdims=True), a.var(1, keepdims=True)
        elif training:
            mean, variance = moments[name, t] = a.mean(0), a.var(0)
        else:
            mean, variance = w[f"{name}/moving_mean"][t], w[f"{name}/moving_variance"][t]
        y = w[f"{name}/gamma"] * (a - mean) / np.sqrt(variance + EPSILON)
        return y + w.get(f"{name}/beta", 0.0)

    for t in range(T):
        sums = normalized("input_norm", x[:, t] @ w["lstm_cell/kernel"], t)
        sums = sums + normalized("hidden_norm", h @ w["lstm_cell/recurrent_kernel"], t) + w["lstm_cell/bias"]
        i, f, g, o = np.split(sums, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(normalized("cell_norm", c, t))
    return h, moments


@ALL
@pytest.mark.parametrize("training", [True, False])
def test_its_outputs_and_gradients_are_the_papers(case, training):
    """Of every weight, the inputs, and both states at the start: what goes from state to state through all steps."""
    layer, x, (h, c) = made(*case), inputs(), states()
    weights, upstream = values(layer), np.random.default_rng(4).normal(0, 1, (N, H))
    y, found = ours(layer, x, (h, c), upstream, training=training)
    trained = layer.trainable_variables
    np.testing.assert_allclose(y, by_hand(case, x, weights, training, (h, c))[0], rtol=0, atol=1e-12)
    for k in range(3):
        start = [x, h, c]

        def at(value, k=k, start=start):
            x, h, c = (value if j == k else each for j, each in enumerate(start))
            return by_hand(case, x, weights, training, (h, c))[0]

        np.testing.assert_allclose(found[k], gradient(at, start[k], upstream), rtol=0, atol=1e-7)
    for variable, of in zip(trained, found[3:], strict=True):
        name = variable.path.removeprefix("lstm/")
        expected = gradient(
            lambda value, name=name: by_hand(case, x, {**weights, name: value}, training, (h, c))[0],
            weights[name],
            upstream,
        )
        np.testing.assert_allclose(of, expected, rtol=0, atol=1e-7, err_msg=name)


@ALL
@pytest.mark.parametrize("training", [True, False])
def test_so_are_those_of_torch(case, training):
    """The same steps of torch's own normalizations, with its gradients through all of them; to rounding."""
    torch = pytest.importorskip("torch", reason="torch is big: it is installed by the extra `oracle`")
    layer, x, (h, c) = made(*case), inputs(), states()
    upstream = np.random.default_rng(4).normal(0, 1, (N, H))
    w = {name: torch.tensor(value, requires_grad="moving" not in name) for name, value in values(layer).items()}
    start = [torch.tensor(each, requires_grad=True) for each in (x, h, c)]

    def normalized(name, a, t):
        if f"{name}/gamma" not in w:
            return a
        gamma, beta = w[f"{name}/gamma"], w.get(f"{name}/beta")
        if case[0] == "layer":
            return torch.nn.functional.layer_norm(a, a.shape[1:], gamma, beta, EPSILON)
        averages = [w[f"{name}/moving_{kind}"][t].clone() for kind in ("mean", "variance")]
        return torch.nn.functional.batch_norm(a, *averages, gamma, beta, training, 0.0, EPSILON)

    inner, hidden, memory = start
    for t in range(T):
        sums = normalized("input_norm", inner[:, t] @ w["lstm_cell/kernel"], t)
        sums = sums + normalized("hidden_norm", hidden @ w["lstm_cell/recurrent_kernel"], t) + w["lstm_cell/bias"]
        i, f, g, o = sums.chunk(4, dim=1)
        memory = f.sigmoid() * memory + i.sigmoid() * g.tanh()
        hidden = o.sigmoid() * normalized("cell_norm", memory, t).tanh()
    hidden.backward(torch.tensor(upstream))

    y, found = ours(layer, x, (h, c), upstream, training=training)
    trained = layer.trainable_variables
    np.testing.assert_allclose(y, hidden.detach(), rtol=0, atol=1e-12)
    expected = [*start, *(w[variable.path.removeprefix("lstm/")] for variable in trained)]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other.grad, rtol=0, atol=1e-10)


@pytest.mark.parametrize("place", ["in-cell", "inputs"])
def test_each_step_has_moving_averages_of_its_own(place):
    layer, x, (h, c) = made("batch", place), inputs(), states()
    before = values(layer)
    layer(tf.constant(x), initial_state=[tf.constant(h), tf.constant(c)], training=True)
    _, moments = by_hand(("batch", place), x, before, True, (h, c))
    assert len(moments) == T * (3 if place == "in-cell" else 1)
    for (name, t), expected in moments.items():
        for kind, value in zip(("mean", "variance"), expected, strict=True):
            average = f"{name}/moving_{kind}"
            moved = MOMENTUM * before[average][t] + (1 - MOMENTUM) * value
            np.testing.assert_allclose(values(layer)[average][t], moved, rtol=0, atol=1e-12)


def test_a_first_state_of_zeros_is_normalized_to_zero_and_its_moving_variance_goes_there():
    layer, x = made("batch", "in-cell", drawn=False), inputs()
    for _ in range(10):
        y = layer(tf.constant(x), training=True)
    after = values(layer)
    np.testing.assert_array_equal(after["hidden_norm/moving_mean"][0], 0)
    np.testing.assert_allclose(after["hidden_norm/moving_variance"][0], MOMENTUM**10, rtol=1e-12)
    zeros = np.zeros((N, H))
    np.testing.assert_allclose(y, by_hand(("batch", "in-cell"), x, after, True, (zeros, zeros))[0], rtol=0, atol=1e-12)
    at_inference = by_hand(("batch", "in-cell"), x, after, False, (zeros, zeros))[0]
    np.testing.assert_allclose(layer(tf.constant(x)), at_inference, rtol=0, atol=1e-12)


@ALL
@pytest.mark.slow
def test_as_one_graph_and_compiled_by_xla_it_is_the_same(case):
    x, found = tf.constant(inputs()), []
    for jit in (None, False, True):
        layer = made(*case)

        def step(x, layer=layer):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(tf.square(layer(x, training=True)))
            return loss, tape.gradient(loss, [v.value for v in layer.trainable_variables])

        loss, gradients = step(x) if jit is None else tf.function(step, jit_compile=jit)(x)
        found.append([loss, *gradients, *values(layer).values()])
    for other in found[1:]:
        for one, same in zip(found[0], other, strict=True):
            np.testing.assert_allclose(one, same, rtol=0, atol=1e-10)


@ALL
def test_it_starts_as_the_plain_lstm_and_each_gamma_at_its_number(case):
    """Kernels, bias with 1 for the forget gate, and γ of 0.1 by the batch, 1 by the example."""
    layer, plain = made(*case, drawn=False), keras.layers.LSTM(H)
    plain.build((None, T, F))
    assert [v.path.partition("/")[2] for v in layer.cell.variables] == [
        v.path.partition("/")[2] for v in plain.cell.variables
    ]
    np.testing.assert_array_equal(layer.cell.bias, plain.cell.bias)
    starts = {name: value for name, value in values(layer).items() if name.endswith("gamma")}
    np.testing.assert_allclose(np.concatenate(list(starts.values())), 0.1 if case[0] == "batch" else 1.0, rtol=1e-6)


@ALL
def test_made_from_its_configuration_it_is_the_same(case):
    layer = made(*case, "float32")
    again = NormalizedLSTM.from_config(layer.get_config())
    again.build((None, T, F))
    for variable, other in zip(again.variables, layer.variables, strict=True):
        variable.assign(other)
    x = tf.constant(inputs(), "float32")
    np.testing.assert_array_equal(again(x, training=True), layer(x, training=True))


def test_frozen_it_normalizes_by_its_moving_averages():
    layer, x = made("batch", "in-cell"), tf.constant(inputs())
    layer.trainable = False
    before = values(layer)
    np.testing.assert_array_equal(layer(x, training=True), layer(x, training=False))
    for name, value in values(layer).items():
        np.testing.assert_array_equal(value, before[name])


def test_a_sequence_of_open_length_is_refused():
    with pytest.raises(ValueError, match=r"takes sequences \(N,T,F\) of known T; received \(None, None, 3\)"):
        NormalizedLSTM(H, norm("batch", "input_norm")).build((None, None, F))
