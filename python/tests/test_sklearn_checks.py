"""Every check that scikit-learn collects for our estimators."""

import collections

import pytest
import sklearn
from sklearn.utils.estimator_checks import parametrize_with_checks

import mlprobe

CLASSIFIER = mlprobe.MLPClassifier((16,), batch_size=20, random_state=0, threads=1)
TRANSFORMERS = [mlprobe.SqueezeNet(16, threads=1), mlprobe.Augmenter(threads=1)]

#: How many checks each version of scikit-learn collects: wrong tags would shrink the set without a word.
COLLECTED = {
    (1, 6): {},
    (1, 9): {},
}
collected = collections.Counter()


@parametrize_with_checks([CLASSIFIER, *TRANSFORMERS])
def test_scikit_learn(estimator, check):
    check(estimator)


def test_no_check_was_lost():
    marks = parametrize_with_checks([CLASSIFIER, *TRANSFORMERS])(lambda estimator, check: None).pytestmark
    (mark,) = [mark for mark in marks if mark.name == "parametrize"]
    parameters = list(mark.args[1])
    for parameter in parameters:
        values = getattr(parameter, "values", parameter)
        assert not getattr(parameter, "marks", ()), f"an expected failure: {parameter}"
        collected[type(values[0]).__name__] += 1
    version = tuple(int(part) for part in sklearn.__version__.split(".")[:2])
    if version not in COLLECTED:
        pytest.skip(f"no count is recorded for scikit-learn {sklearn.__version__}: {dict(collected)}")
    assert dict(collected) == COLLECTED[version]
