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


def test_a_row_of_weight_two_counts_as_two_rows_and_one_of_weight_zero_as_none(features):
    (X, y), (X_test, _) = features
    X, y = X[:90], y[:90]
    weight = np.arange(90) % 3
    parameters = dict(random_state=0, max_iter=20, alpha=1.0)  # 90 rows are one batch
    weighted = mlprobe.MLPClassifier(**parameters).fit(X, y, sample_weight=weight)
    repeated = mlprobe.MLPClassifier(**parameters).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    np.testing.assert_allclose(weighted.predict_proba(X_test), repeated.predict_proba(X_test), rtol=1e-3, atol=1e-5)
    without = mlprobe.MLPClassifier(**parameters).fit(X, y)
    assert np.abs(without.predict_proba(X_test) - repeated.predict_proba(X_test)).max() > 0.01


def test_equal_weights_give_the_bits_of_none(features):
    (X, y), (X_test, _) = features
    fits = [
        mlprobe.MLPClassifier(random_state=0, max_iter=3, alpha=0, threads=threads).fit(X, y, sample_weight=weight)
        for threads, weight in ((1, None), (2, np.full(len(y), 0.3)), (1, 1e-300), (1, [1e300] * len(y)))
    ]
    for fit in fits[1:]:
        np.testing.assert_array_equal(fit.predict_proba(X_test), fits[0].predict_proba(X_test))


def test_class_weights_are_weights_of_rows(features):
    (X, y), (X_test, _) = features
    y, factor = np.where(y < 8, "few", "many"), np.linspace(0.5, 2, len(y))
    plain = mlprobe.MLPClassifier(random_state=0, max_iter=5)
    expected = plain.fit(X, y, sample_weight=factor * np.where(y == "few", 5.0, 1.0)).predict_proba(X_test)
    by_class = mlprobe.MLPClassifier(random_state=0, max_iter=5, class_weight={"few": 5.0}).fit(X, y, sample_weight=factor)
    np.testing.assert_array_equal(by_class.predict_proba(X_test), expected)
    sums = {label: factor[y == label].sum() for label in ("few", "many")}
    balance = factor * np.array([factor.sum() / 2 / sums[label] for label in y])
    expected = plain.fit(X, y, sample_weight=balance).predict_proba(X_test)
    balanced = mlprobe.MLPClassifier(random_state=0, max_iter=5, class_weight="balanced").fit(X, y, sample_weight=factor)
    np.testing.assert_allclose(balanced.predict_proba(X_test), expected, rtol=1e-4, atol=1e-7)


def test_partial_fits_are_the_epochs_of_one_fit_and_go_on_after_pickle(features):
    (X, y), (X_test, _) = features
    whole = mlprobe.MLPClassifier(random_state=0, max_iter=4, learning_rate="constant").fit(X, y)
    parts = mlprobe.MLPClassifier(random_state=0)
    for _ in range(4):
        parts = pickle.loads(pickle.dumps(parts.partial_fit(X, y, classes=np.arange(10))))
        assert parts.n_iter_ == 1
    np.testing.assert_array_equal(parts.predict_proba(X_test), whole.predict_proba(X_test))
    assert parts.loss_curve_ == whole.loss_curve_ and parts.t_ == whole.t_ == 4 * len(X)


def test_partial_fit_takes_classes_that_come_later(features):
    (X, y), _ = features
    mlp = mlprobe.MLPClassifier(random_state=0)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        mlp.partial_fit(X, y)
    first = np.arange(len(y)) < 300
    few, y_few = X[first & (y < 5)], y[first & (y < 5)]
    mlp.partial_fit(few, y_few, classes=range(10))
    for _ in range(20):
        mlp.partial_fit(X, y)
    assert list(mlp.classes_) == list(range(10)) and mlp.score(X, y) > 0.5
    with pytest.raises(ValueError, match=r"expected labels of the classes .*, got \[10, 11\]"):
        mlp.partial_fit(X, y + 2)
    with pytest.raises(ValueError, match="those of the first call"):
        mlp.partial_fit(X, y, classes=range(11))


def test_a_warm_start_begins_with_the_network_that_is_there(features):
    (X, y), _ = features
    cold = mlprobe.MLPClassifier(random_state=0, max_iter=5)
    warm = mlprobe.MLPClassifier(random_state=0, max_iter=5, warm_start=True)
    assert cold.fit(X, y).fit(X, y).loss_curve_ == warm.fit(X, y).loss_curve_
    warm.fit(X, y)
    assert len(warm.loss_curve_) == 10 and warm.n_iter_ == 5
    assert warm.loss_curve_[5] < warm.loss_curve_[1]
    with pytest.raises(ValueError, match="expected labels of the classes"):
        warm.fit(X, y + 1)
    with pytest.raises(ValueError, match=r"hidden_layer_sizes: expected \[64\]"):
        warm.set_params(hidden_layer_sizes=(3,)).fit(X, y)


def test_early_stopping_keeps_the_network_that_was_best_on_rows_held_out(features, capsys):
    (X, y), _ = features
    mlp = mlprobe.MLPClassifier(random_state=0, early_stopping=True, n_iter_no_change=3, validation_fraction=0.2, verbose=True)
    mlp.fit(X, y)
    scores = mlp.validation_scores_
    assert len(scores) == mlp.n_iter_ == len(mlp.loss_curve_) < 100
    assert mlp.best_validation_score_ == max(scores)
    assert max(scores[-4:]) <= max(scores[:-4])  # the last four, more than three, gained nothing
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Iteration 1, loss = ") and lines[1].startswith("Validation score: ")
    assert lines[-1].startswith("Validation score did not improve")
    # The rows held out are a fifth of each class, and the network scores on them what is said.
    rows = mlprobe._mlprobe.held_out(y.astype(np.uint16), 0.2, 0)
    np.testing.assert_array_equal(np.bincount(y[rows]), np.round(0.2 * np.bincount(y)))
    assert mlp.score(X[rows], y[rows]) == pytest.approx(max(scores))
    with pytest.raises(ValueError, match="early_stopping"):
        mlp.partial_fit(X, y)


def test_logarithms_of_probabilities_are_finite_where_those_are_zero(features):
    (X, y), _ = features
    mlp = mlprobe.MLPClassifier(random_state=0, max_iter=20).fit(X, y)
    np.testing.assert_allclose(mlp.predict_log_proba(X), np.log(mlp.predict_proba(X)), rtol=1e-4, atol=1e-5)
    far = X * np.float32(1000)
    assert (mlp.predict_proba(far) == 0).any() and np.isfinite(mlp.predict_log_proba(far)).all()


def test_verbose_prints_the_loss_of_each_epoch(features, capsys):
    (X, y), _ = features
    mlp = mlprobe.MLPClassifier(random_state=0, max_iter=2, verbose=True).fit(X, y)
    expected = [f"Iteration {i + 1}, loss = {loss:.8f}" for i, loss in enumerate(mlp.loss_curve_)]
    assert capsys.readouterr().out.splitlines() == expected


TYPED = """
import mlprobe, numpy as np
mlp = mlprobe.MLPClassifier().fit([[0.0]], [0])
reveal_type(mlp)
reveal_type(mlp.partial_fit([[0.0]], [0], classes=[0]).set_params(alpha=0))
reveal_type(mlp.predict(np.zeros((1, 1))))
reveal_type(mlp.predict_proba([[0.0]]))
reveal_type(mlp.score([[0.0]], [0]))
mlp.predikt([[0.0]])
mlprobe.MLPClassifier(hidden_layers=3)
"""


def test_types_are_known_and_a_misspelt_method_is_an_error(tmp_path):
    api = pytest.importorskip("mypy.api")
    (tmp_path / "typed.py").write_text(TYPED)
    out, _, _ = api.run([str(tmp_path / "typed.py"), "--cache-dir", str(tmp_path / "cache"), "--follow-imports", "silent"])
    assert out.count('Revealed type is "mlprobe._classifier.MLPClassifier"') == 2, out
    assert out.count("ndarray[") == 2 and 'Revealed type is "float"' in out.replace("builtins.", ""), out
    assert '"MLPClassifier" has no attribute "predikt"' in out and 'argument "hidden_layers"' in out, out


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"learning_rate_init": -1.0}, "hyperparameter learning_rate: expected a finite number above 0, got -1"),
        ({"momentum": 1.0}, "hyperparameter momentum"),
        ({"alpha": -1.0}, "hyperparameter weight_decay"),
        ({"max_iter": 0}, "max_iter: expected a whole number of 1 or more, got 0"),
        ({"hidden_layer_sizes": (70_000,)}, "widths of 1 to 65536"),
        ({"learning_rate": "adaptive"}, "'cosine' or 'constant'"),
        ({"random_state": -1}, "random_state"),
        ({"learning_rate_init": 1e30, "learning_rate": "constant"}, "training diverged.*lower the learning rate"),
    ],
)
def test_wrong_parameters_are_refused_in_words(features, parameters, words):
    (X, y), _ = features
    with pytest.raises(ValueError, match=words):
        mlprobe.MLPClassifier(**{"random_state": 0, "max_iter": 3, **parameters}).fit(X, y)
