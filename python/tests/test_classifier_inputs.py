"""What the classifier refuses or says instead of learning something else, with and without scikit-learn."""

import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest

import mlprobe

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)


def mlp(**parameters):
    return mlprobe.MLPClassifier(**{"hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0, **parameters})


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_columns_in_another_order_are_refused(library):
    frame = pytest.importorskip(library).DataFrame({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2]})
    fit = mlp().fit(frame, Y)
    assert list(fit.feature_names_in_) == ["a", "b", "c"]
    np.testing.assert_array_equal(fit.predict(frame), mlp().fit(X, Y).predict(X))
    for call in (fit.predict, fit.predict_proba, fit.predict_log_proba, lambda x: fit.score(x, Y), lambda x: fit.partial_fit(x, Y)):
        with pytest.raises(ValueError, match="feature names should match"):
            call(frame[["b", "a", "c"]])


MISSING = [
    ["a", None, "b"],
    ["a", float("nan"), "b"],
    ["a", pd.NA, "b"],
    ["a", pd.NaT, "b"],
    ["a", "nan", "b"],
    ["a", "NA", "b"],
    ["a", "", "b"],
    np.array(["a", np.nan, "b"]),
    np.array(["a", None, "b"], dtype=object),
    pd.Series(["a", None, "b"]),
    pd.Series(["a", pd.NA, "b"], dtype="string"),
    pd.Series(["a", None, "b"], dtype="category"),
    pd.Series([1, None, 2], dtype="Int64"),
    [1.0, float("nan"), 2.0],
    np.ma.masked_array([1, 2, 3], [False, True, False]),
]


@pytest.mark.parametrize("y", MISSING, ids=repr)
def test_missing_labels_are_refused(y):
    with pytest.raises(ValueError, match="label of row 1 is missing|masked"):
        mlp().fit(X[:3], y)
    with pytest.raises(ValueError, match="label of row 1 is missing|masked"):
        mlp().partial_fit(X[:3], y, classes=["a", "b"])


def test_text_and_numbers_among_the_labels_are_refused():
    with pytest.raises(ValueError, match="y: expected all text or all numbers, got 'a' in row 0 and 1 in row 1"):
        mlp().fit(X[:3], ["a", 1, "b"])


@pytest.mark.parametrize("value", [1e300, -1e300, 3e38, 1e19, np.inf, np.nan])
@pytest.mark.parametrize("frame", [False, True])
def test_features_too_large_to_train_on_are_refused_by_the_name_of_their_column(value, frame):
    wrong = X.astype(np.float64)
    wrong[7, 1] = value
    name = "'b'" if frame else "1"
    wrong = pd.DataFrame(wrong, columns=["a", "b", "c"]) if frame else wrong
    for call in (mlp().fit, lambda x, y: mlp().partial_fit(x, y, classes=[0, 1])):
        with pytest.raises(ValueError, match=f"X: row 7 of column {name} is"):
            call(wrong, Y)


@pytest.mark.parametrize("call", ["predict", "predict_proba", "predict_log_proba"])
def test_features_too_large_to_predict_from_are_refused_by_the_name_of_their_column(call):
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    predict = getattr(mlp().fit(frame, Y), call)
    for value in (1e300, np.nan, -np.inf):
        wrong = frame.astype(np.float64)
        wrong.loc[5, "b"] = value
        with pytest.raises(ValueError, match="column 'b'"):
            predict(wrong)
    assert np.isfinite(predict(frame * 1e6)).all()
    wide = np.tile(X, 100)  # each value fits float32, their sums do not
    with pytest.raises(ValueError, match="too large for float32.*in column 0"):
        getattr(mlp(hidden_layer_sizes=(64,)).fit(wide, Y), call)(np.full_like(wide, 3e38))


@pytest.mark.parametrize("wrong", ["64", b"64", (6.5,), ("6", "4"), 6.5, (64.0,), (True,), (-1,), (0,), None, [[8]], {"a": 8}])
def test_hidden_layer_sizes_that_are_not_whole_numbers_are_refused(wrong):
    with pytest.raises(ValueError, match="hidden_layer_sizes: expected"):
        mlp(hidden_layer_sizes=wrong).fit(X, Y)


@pytest.mark.parametrize("sizes", [7, np.int64(7), [7], (7,), np.array([7])])
def test_one_hidden_layer_can_be_given_as_a_number(sizes):
    assert [w.shape for w in mlp(hidden_layer_sizes=sizes).fit(X, Y).coefs_] == [(3, 7), (7, 2)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_iter": 2.5},
        {"max_iter": True},
        {"batch_size": "10"},
        {"batch_size": 0},
        {"learning_rate_init": "0.1"},
        {"momentum": None},
        {"alpha": "0"},
        {"threads": 0},
        {"threads": 1.5},
        {"random_state": "seed"},
        {"class_weight": "equal"},
        {"class_weight": {5: 1.0}},
        {"class_weight": {0: -1.0}},
        {"early_stopping": True, "validation_fraction": 1.0},
        {"early_stopping": True, "validation_fraction": 0.001},
        {"early_stopping": True, "n_iter_no_change": 0},
    ],
    ids=str,
)
def test_parameters_of_a_wrong_kind_are_refused_by_name(wrong):
    with pytest.raises(ValueError, match=list(wrong)[-1]):
        mlp(**wrong).fit(X, Y)


@pytest.mark.parametrize("threads", [-1, -2, -1000, 3, np.int64(1)])
def test_threads_count_as_n_jobs_does(threads):
    np.testing.assert_array_equal(mlp(threads=threads).fit(X, Y).coefs_[0], mlp().fit(X, Y).coefs_[0])


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint16, np.int32, float, bool, object, str])
def test_labels_come_back_in_the_type_in_which_they_were_given(dtype):
    y = np.array(["b" if label else "a" for label in Y], dtype=object) if dtype is object else Y.astype(dtype)
    fit = mlp().fit(X, y)
    assert fit.classes_.dtype == fit.predict(X).dtype == y.dtype
    assert mlp().fit(X, Y.tolist()).predict(X).dtype == np.int64


def test_what_would_become_other_numbers_is_refused_in_one_sentence():
    sparse = pytest.importorskip("scipy.sparse")
    for wrong in (sparse.csr_matrix(X), sparse.coo_array(X)):
        with pytest.raises(TypeError, match=r"X: expected a dense array, got a sparse matrix; give X.toarray\(\)"):
            mlp().fit(wrong, Y)
        with pytest.raises(TypeError, match="sparse"):
            mlp().fit(X, Y).predict(wrong)
    with pytest.raises(ValueError, match="masked"):
        mlp().fit(np.ma.masked_array(X, X > 1), Y)
    for wrong in (np.zeros((60, 3), "M8[s]"), pd.DataFrame({"t": pd.date_range("2026-01-01", periods=60)})):
        with pytest.raises(ValueError, match="dates"):
            mlp().fit(wrong, Y)


def test_lists_of_pairs_are_features():
    pairs = [(float(a), float(b)) for a, b in X[:, :2]]
    np.testing.assert_array_equal(mlp().fit(pairs, Y.tolist()).predict(pairs), mlp().fit(X[:, :2], Y).predict(X[:, :2]))


@pytest.mark.parametrize("weights", [[1.0], [-1.0] * 60, [np.nan] * 60, [0.0] * 60, ["a"] * 60, [[1.0]] * 60], ids=str)
def test_weights_that_do_not_fit_are_refused(weights):
    with pytest.raises(ValueError, match="sample_weight"):
        mlp().fit(X, Y, sample_weight=weights)


@pytest.mark.parametrize(("factor", "shift"), [(100, 0), (1000, 0), (0.01, 0), (1, 100)])
def test_features_of_a_scale_from_which_little_is_learned_are_warned_of(factor, shift):
    wrong = (X * factor + shift).astype(np.float32)
    with pytest.warns(UserWarning, match="root mean square of .* far from mean 0 and deviation 1") as caught:
        mlp(learning_rate_init=1e-9).fit(wrong, Y)
    assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match="root mean square"):
        mlp(learning_rate_init=1e-9).partial_fit(wrong, Y, classes=[0, 1])


def test_usual_features_are_not_warned_of(features):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mlp().fit(X, Y)
        mlp(hidden_layer_sizes=(64,)).fit(*features[0])


def test_a_dead_network_is_warned_of():
    dies = mlp(alpha=6000, momentum=0, learning_rate="constant", max_iter=30)  # the weights become 0
    with pytest.warns(UserWarning, match="gives the same for every row"):
        dies.fit(X, Y)


def test_a_fit_that_fails_leaves_no_network_of_other_classes():
    fit = mlp().fit(X, Y)
    with pytest.raises(ValueError, match="missing"):
        fit.fit(X, ["b", None] * 30)
    with pytest.raises(ValueError, match="not fitted"):
        fit.predict(X)


WITHOUT = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("sklearn", "scipy"):
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
import numpy as np, pandas as pd, mlprobe
X = np.random.default_rng(0).normal(size=(60, 3)); y = (X[:, 0] > 0).astype(int)
frame = pd.DataFrame(X, columns=["a", "b", "c"])
mlp = mlprobe.MLPClassifier((8,), max_iter=3, random_state=0)
assert repr(mlp) == "MLPClassifier(hidden_layer_sizes=(8,), max_iter=3, random_state=0)", repr(mlp)
mlp.fit(frame, y)
assert mlp.score(frame, y) == (mlp.predict(X) == y).mean() and mlp.n_features_in_ == 3
def refused(words, call, *arguments):
    try:
        call(*arguments)
    except (TypeError, ValueError) as error:
        assert words in str(error), error
        return
    raise AssertionError(words)
refused("same order", mlp.predict, frame[["b", "a", "c"]])
refused("3 features", mlp.predict, X[:, :2])
refused("type of classes_", mlp.score, X, y.astype(str))
refused("fractions", mlp.fit, X, X[:, 0])
refused("label of row 1 is missing", mlp.fit, X[:2], np.array(["a", np.nan]))
refused("column 0 is NaN", mlp.fit, X * np.nan, y)
refused("1e+300", mlp.fit, X * 0 + 1e300, y)
refused("complex", mlp.fit, X * 1j, y)
refused("expected numbers", mlp.fit, X.astype(str), y)
refused("expected numbers", mlp.fit, [[1, 2], [3]], [0, 1])
refused("shape (60,)", mlp.fit, X, y[:5])
refused("not fitted", mlp.predict, X)
"""


def test_without_scikit_learn_the_same_is_refused():
    run = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
