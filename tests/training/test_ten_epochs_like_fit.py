"""Ten epochs by the loop and by Keras's `fit`, ten seeds each: the same means, and the same scatter over seeds.

Both start from the weights of the seed and see its 500 images in orders of their own, so that what chance does to a
training is compared too.  Figures of a run are the loss and the accuracy on the 1,000 test images.
"""

import keras
import numpy as np
import pytest
from scipy import stats
from small_trial import images, started

from bnexp.data.division import split
from bnexp.specs.trial import TrialSpec

pytestmark = pytest.mark.slow

SEEDS, EPOCHS, BATCH = range(10), 10, 20


def spec_of(norm):
    training = {"batch_size": BATCH, "epochs": EPOCHS, "evaluations": 1}
    data = {"name": "mnist-5k", "train": 500, "validation": 100}
    model = {"name": "cnn", "filters": [8, 16], "dense": [32], "pools": 2}
    return TrialSpec.model_validate({"data": data, "model": model, "norm": norm, "training": training})


def by_fit(spec):
    """Loss and accuracy of each seed; one compiled model serves all."""
    data, program = images().dataset, started(spec)
    model = program.model
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(), loss=loss, metrics=["accuracy"])
    for seed in SEEDS:
        program.reset(spec, seed)
        for variable in model.optimizer.variables:
            if variable.name != "learning_rate":
                variable.assign(np.zeros(variable.shape))
        examples, generator = split(data, spec.data, seed).train, np.random.default_rng(seed)
        for _ in range(EPOCHS):  # `fit` after a seed repeats one order
            order = generator.permutation(examples)
            x, y = data.train_images[order] / np.float32(255), data.train_labels[order]
            model.fit(x, y, BATCH, shuffle=False, verbose=0)
        yield model.evaluate(data.test_images / np.float32(255), data.test_labels, verbose=0)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("norm", ["none", {"name": "batch", "momentum": 0.9}], ids=["none", "batch"])
def test_means_and_scatter_are_those_of_fit(norm, train):
    spec = spec_of(norm)
    tests = [train(seed=seed, **spec.model_dump(mode="json")).test for seed in SEEDS]
    ours = np.array([(test.loss, test.accuracy) for test in tests])
    theirs = np.array(list(by_fit(spec)))
    print(norm, *(f"{kind(side, axis=0)}" for kind in (np.mean, np.std) for side in (ours, theirs)))
    assert stats.ttest_ind(ours, theirs, equal_var=False).pvalue.min() > 0.01
    ratio = ours.var(0, ddof=1) / theirs.var(0, ddof=1)
    assert np.all((ratio > 1 / 6.5) & (ratio < 6.5)), ratio  # F with 9 and 9 degrees of freedom: 0.5 % at each end
