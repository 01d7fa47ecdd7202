"""The perceptron as a classifier of scikit-learn."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import mlprobe


def test_it_classifies_features_of_images(features):
    (X, y), (X_test, y_test) = features
    mlp = mlprobe.MLPClassifier(random_state=0, max_iter=40).fit(X, y)
    assert mlp.score(X_test, y_test) > 0.2  # chance is 0.1; these are 600 images at 32 pixels
    assert mlp.predict_proba(X_test).shape == (300, 10)
    np.testing.assert_allclose(mlp.predict_proba(X_test).sum(axis=1), 1, rtol=1e-5)
    assert mlp.loss_curve_[-1] < mlp.loss_curve_[0]
    assert len(mlp.loss_curve_) == mlp.n_iter_ == 40


def test_the_same_seed_gives_the_same_bits_for_any_number_of_threads(features):
    (X, y), (X_test, _) = features
    fits = [mlprobe.MLPClassifier(random_state=5, max_iter=5, threads=n).fit(X, y) for n in (1, 2, 5)]
    for fit in fits[1:]:
        np.testing.assert_array_equal(fit.predict_proba(X_test), fits[0].predict_proba(X_test))
    other = mlprobe.MLPClassifier(random_state=6, max_iter=5).fit(X, y)
    assert (other.predict_proba(X_test) != fits[0].predict_proba(X_test)).any()


def test_alpha_means_what_it_means_in_scikit_learn(features):
    """One full-batch step from the same weights: W changes by -rate·(dW + alpha/N·W)."""
    (X, y), _ = features
    plain = dict(max_iter=1, batch_size=len(X), momentum=0, learning_rate="constant", learning_rate_init=0.01)
    without, strong = (mlprobe.MLPClassifier(alpha=alpha, random_state=0, **plain).fit(X, y) for alpha in (0, 600.0))
    start = mlprobe.MLPClassifier(alpha=0, random_state=0, **{**plain, "learning_rate_init": 1e-30}).fit(X, y)
    for a, b, w in zip(without.coefs_, strong.coefs_, start.coefs_, strict=True):
        np.testing.assert_allclose(a - b, 0.01 * 600 / len(X) * w, atol=1e-6)
    for a, b in zip(without.intercepts_, strong.intercepts_, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-7)


@pytest.mark.parametrize("y", [["dog", "cat", "dog", "bird"], [7, -3, 7, 100], [True, False, True, False]])
def test_labels_of_any_kind_come_back(y):
    X = np.eye(4, dtype=np.float32)
    mlp = mlprobe.MLPClassifier((8,), learning_rate_init=0.5, batch_size=4, alpha=0, random_state=0).fit(X, y)
    assert list(mlp.classes_) == sorted(set(y))
    assert list(mlp.predict(X)) == list(y)


def test_pickle_and_clone(features):
    (X, y), (X_test, _) = features
    mlp = mlprobe.MLPClassifier((8, 4), random_state=0, max_iter=3).fit(X, y)
    copy = pickle.loads(pickle.dumps(mlp))
    np.testing.assert_array_equal(copy.predict_proba(X_test), mlp.predict_proba(X_test))
    assert copy.get_params() == mlp.get_params()
    fresh = clone(mlp)
    assert fresh.get_params() == mlp.get_params()
    with pytest.raises(ValueError, match="not fitted"):
        fresh.predict(X)


def test_a_grid_search_runs_in_two_processes(features):
    (X, y), _ = features
    pipeline = make_pipeline(StandardScaler(), mlprobe.MLPClassifier(random_state=0, max_iter=3, threads=1))
    grid = {"mlpclassifier__learning_rate_init": [1e-5, 0.1]}
    search = GridSearchCV(pipeline, grid, n_jobs=2, cv=2).fit(X, y)
    assert search.best_params_ == {"mlpclassifier__learning_rate_init": 0.1}


def test_a_saved_network_is_a_safetensors_file(features, tmp_path):
    (X, y), _ = features
    mlprobe.MLPClassifier(random_state=0, max_iter=1).fit(X, y).save(tmp_path / "mlp.safetensors")
    header = (tmp_path / "mlp.safetensors").read_bytes()[8:600]
    assert b"mlp relu 512-64-10; sha256" in header


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"learning_rate_init": -1.0}, "hyperparameter learning_rate: expected a finite number above 0, got -1"),
        ({"momentum": 1.0}, "hyperparameter momentum"),
        ({"alpha": -1.0}, "hyperparameter weight_decay"),
        ({"max_iter": 0}, "max_iter and batch_size: expected 1 or more"),
        ({"hidden_layer_sizes": (0,)}, "widths of 1 to 65536"),
        ({"learning_rate": "adaptive"}, "'cosine' or 'constant'"),
        ({"random_state": -1}, "random_state"),
        ({"learning_rate_init": 1e30, "learning_rate": "constant"}, "training diverged.*lower the learning rate"),
    ],
)
def test_wrong_parameters_are_refused_in_words(features, parameters, words):
    (X, y), _ = features
    with pytest.raises(ValueError, match=words):
        mlprobe.MLPClassifier(**{"random_state": 0, "max_iter": 3, **parameters}).fit(X, y)
