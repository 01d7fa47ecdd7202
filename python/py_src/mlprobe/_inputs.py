"""What may be given as features, labels and weights, and what is refused, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from mlprobe import _mlprobe, _settings

__all__ = ["checked", "coded", "weights"]

#: Features are trained on up to this size. A step is about as large as a feature, and its product with that feature as large
#: as the square, which float32 holds up to 1.8e19.
LARGEST_TRAINED = 1e18
LARGEST = float(np.finfo(np.float32).max)


def checked(estimator: Any, X: Any, y: Any = None, *, first: bool | None = None) -> tuple[Any, Any]:
    """X (N, D) in float32 or float64 and y (N), checked by scikit-learn if it is there; with y for training, and then
    `first` says whether what X is like becomes what is expected."""
    refuse_wrong_kinds(X, "X")
    refuse_times(X)
    is_training = first is not None
    if is_training:
        if y is None:
            raise ValueError("MLPClassifier requires y to be passed, but the target y is None")
        check_labels(y)
    names = column_names(X)
    try:
        from sklearn.utils.multiclass import check_classification_targets
        from sklearn.utils.validation import validate_data
    except ImportError:
        X = features(X)
        _check_columns(estimator, X, names, bool(first))
        if is_training:
            y = np.asarray(y)
            if y.shape != X.shape[:1]:
                raise ValueError(f"expected y of shape ({len(X)},), a label for each row of X, got {y.shape}") from None
            if y.dtype.kind == "f" and (y != np.round(y)).any():
                raise ValueError("y: expected classes, got numbers with fractions; this is no regression") from None
    else:
        how = {"dtype": (np.float32, np.float64), "reset": bool(first), "ensure_all_finite": False}
        if is_training:
            X, y = validate_data(estimator, X, y, **how)
            check_classification_targets(y)
        else:
            X = validate_data(estimator, X, **how)
    check_scale(X, names, training=is_training)
    return X, y


def coded(y: Any, classes: npt.NDArray[Any] | None = None) -> tuple[npt.NDArray[Any], npt.NDArray[np.uint16]]:
    """Classes (K) and the number of the class of each label (N)."""
    found, codes = np.unique(y, return_inverse=True)
    classes = found if classes is None else classes
    if len(classes) > 65_536:
        raise ValueError(f"y: expected at most 65,536 classes, got {len(classes)}")
    unknown = set(found.tolist()) - set(classes.tolist())
    if unknown:
        raise ValueError(f"y: expected labels of the classes {classes}, got {sorted(unknown)}")
    return classes, np.searchsorted(classes, found)[codes].astype(np.uint16)


def weights(
    codes: npt.NDArray[np.uint16], classes: npt.NDArray[Any], sample_weight: Any, class_weight: Any
) -> npt.NDArray[np.float64] | None:
    """Weights (N) of rows of the classes `codes` (N); none where all rows count alike."""
    of_row = row_weights(sample_weight, len(codes))
    if class_weight is None:
        return of_row
    of_class = np.ones(len(classes))
    if isinstance(class_weight, Mapping):
        numbers = {label: k for k, label in enumerate(classes.tolist())}
        unknown = [label for label in class_weight if label not in numbers]
        if unknown:
            raise ValueError(f"class_weight: expected keys that are among the labels, got {unknown}")
        for label, weight in class_weight.items():
            of_class[numbers[label]] = _settings.real("class_weight", weight)
        if not (np.isfinite(of_class) & (of_class >= 0)).all():
            raise ValueError(f"class_weight: expected finite numbers of at least 0, got {class_weight}")
    elif isinstance(class_weight, str) and class_weight == "balanced":
        counts = np.bincount(codes, of_row, len(classes))
        there = counts > 0
        of_class[there] = counts.sum() / there.sum() / counts[there]
    else:
        raise ValueError(f"class_weight: expected a dict, 'balanced' or None, got {class_weight!r}")
    of_class = of_class[codes]
    return row_weights(of_class if of_row is None else of_row * of_class, len(codes))


def column_names(X: Any) -> npt.NDArray[Any] | None:
    """The names of the columns of a data frame, if all are text."""
    names = list(getattr(X, "columns", ()))
    if not names or not all(isinstance(name, str) for name in names):
        return None
    return np.asarray(names, dtype=object)


def refuse_wrong_kinds(X: Any, name: str) -> None:
    """Refuses what would be something else without a word: sparse matrices, values that are masked."""
    if hasattr(X, "toarray") and hasattr(X, "nnz"):
        raise TypeError(f"{name}: expected a dense array, got a sparse matrix; give {name}.toarray()")
    if np.ma.is_masked(X):
        raise ValueError(f"{name}: some values are masked; fill them, or leave those rows out")


def refuse_times(X: Any) -> None:
    """Refuses dates and times, which NumPy makes numbers of."""
    for dtype in X.dtypes if hasattr(X, "columns") else [getattr(X, "dtype", None)]:
        if getattr(dtype, "kind", "") in ("m", "M") or getattr(dtype, "is_temporal", bool)():
            raise ValueError("X: expected numbers, got dates or times; make them numbers first")


def features(X: Any) -> npt.NDArray[Any]:
    """X (N, D) in float32 or float64, where scikit-learn is not there to check it."""
    try:
        X = np.asarray(X)
        if X.dtype not in (np.float32, np.float64):
            if X.dtype.kind not in "biufO":
                raise ValueError(f"got {X.dtype}")
            X = X.astype(np.float64 if X.dtype.kind == "O" else np.float32)
    except (TypeError, ValueError) as error:
        raise ValueError(f"X: expected numbers of shape (N, D): {error}") from error
    if X.ndim != 2 or 0 in X.shape:
        raise ValueError(f"X: expected shape (N, D), at least one row and one feature, got {X.shape}")
    return X


def check_scale(X: npt.NDArray[Any], names: npt.NDArray[Any] | None, *, training: bool) -> None:
    """Refuses features (N, D) that are not finite or too large for float32, by the name of the column."""
    largest = LARGEST_TRAINED if training else LARGEST
    # Without a copy of X; a comparison with NaN is false.
    with np.errstate(invalid="ignore"):
        fits = (X.max(axis=0, initial=0) <= largest) & (X.min(axis=0, initial=0) >= -largest)
    if fits.all():
        return
    column = int(np.flatnonzero(~fits)[0])
    row = int(np.flatnonzero(~(np.abs(X[:, column]) <= largest))[0])
    value = X[row, column]
    where = f"X: row {row} of column {column if names is None else repr(str(names[column]))}"
    if np.isnan(value):
        raise ValueError(f"{where} is NaN, expected finite numbers; fill in what is missing, or leave those rows out")
    if np.isinf(value):
        raise ValueError(f"{where} is infinity, expected finite numbers")
    limit = "training takes features" if training else "float32 takes numbers"
    raise ValueError(f"{where} is {value:.4g}, but {limit} of up to {largest:.2g}; scale the column")


def check_labels(y: Any) -> None:
    """Refuses labels of which some are missing, or some text and others numbers."""
    refuse_wrong_kinds(y, "y")
    labels = y if isinstance(y, np.ndarray) else np.empty(0)
    if not isinstance(y, np.ndarray):
        try:
            labels = np.asarray(y, dtype=object)  # as text, a missing label would be the class "nan"
        except ValueError:
            return  # of several lengths: refused for its shape
    labels = labels.ravel()
    if labels.dtype.kind not in "OUfT":
        return
    if labels.dtype.kind == "f":
        missing = np.isnan(labels)
    else:
        missing = np.fromiter((_is_missing(label) for label in labels), bool, len(labels))
    if missing.any():
        row = int(missing.argmax())
        raise ValueError(
            f"y: the label of row {row} is missing ({labels[row]!s:.20}), and so are {missing.sum()} of {len(labels)}; leave "
            "those rows out, or give a class that is meant another name"
        )
    is_text = np.fromiter((isinstance(label, str) for label in labels), bool, len(labels))
    if is_text.any() and not is_text.all():
        text, number = labels[is_text.argmax()], labels[is_text.argmin()]
        raise ValueError(f"y: some labels are text, such as {text!r}, and some are not, such as {number!r}; give all as one")


def _is_missing(label: Any) -> bool:
    if isinstance(label, str):
        return _mlprobe.is_missing(label)
    if isinstance(label, (float, np.floating)):
        return bool(np.isnan(label))
    return label is None or type(label).__name__ in ("NAType", "NaTType")


def row_weights(sample_weight: Any, n: int) -> npt.NDArray[np.float64] | None:
    """Weights (N) of rows; none where all rows count alike."""
    if sample_weight is None:
        return None
    refuse_wrong_kinds(sample_weight, "sample_weight")
    try:
        weights = np.asarray(sample_weight, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"sample_weight: expected numbers of shape ({n},): {error}") from error
    if weights.ndim == 0:
        weights = np.full(n, weights)
    if weights.shape != (n,):
        raise ValueError(f"sample_weight: expected shape ({n},), one weight for each row, got {weights.shape}")
    fits = (weights >= 0) & np.isfinite(weights)
    if not fits.all():
        row = int(fits.argmin())
        raise ValueError(f"sample_weight: expected finite numbers of at least 0, got {weights[row]} in row {row}")
    if not weights.any():
        raise ValueError("sample_weight: the weight of every row is zero, so that nothing is left to train on")
    return weights


def _check_columns(estimator: Any, X: npt.NDArray[Any], names: npt.NDArray[Any] | None, first: bool) -> None:
    """What scikit-learn does about the number of columns and their names."""
    if first:
        estimator.n_features_in_ = X.shape[1]
        if names is not None:
            estimator.feature_names_in_ = names
        return
    known = getattr(estimator, "feature_names_in_", None)
    if known is not None and names is not None and list(known) != list(names):
        raise ValueError(
            f"X: the columns should be those of the training, in the same order: expected {list(known)}, got {list(names)}"
        )
    if X.shape[1] != estimator.n_features_in_:
        raise ValueError(f"X has {X.shape[1]} features, but MLPClassifier is expecting {estimator.n_features_in_} features as input")
