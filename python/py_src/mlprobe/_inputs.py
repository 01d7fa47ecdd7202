"""What may be given to `MLPClassifier` as features, labels and weights, and what is refused, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from mlprobe import _arrays, _settings

__all__ = ["checked", "coded", "weights"]

LARGEST = float(np.finfo(np.float32).max)


def checked(estimator: Any, X: Any, y: Any = None, *, first: bool | None = None) -> tuple[Any, Any]:
    """X (N, D) in float32 or float64 and y (N), checked by scikit-learn if it is there; with y for training, and then
    `first` says whether what X is like becomes what is expected."""
    _arrays.refuse_wrong_kinds(X, "X")
    _arrays.refuse_times(X, "X")
    is_training = first is not None
    if is_training:
        if y is None:
            raise ValueError("MLPClassifier requires y to be passed, but the target y is None")
        _arrays.check_labels(y, "y")
    names = _arrays.column_names(X)
    try:
        from sklearn.utils.multiclass import check_classification_targets
        from sklearn.utils.validation import validate_data
    except ImportError:
        X = _arrays.features(X, "X")
        if 0 in X.shape:
            raise ValueError(f"X: expected shape (N, D), at least one row and one feature, got {X.shape}") from None
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
    if is_training:
        _arrays.check_scale(X, names, "X")
    else:
        _arrays.check_scale(X, names, "X", LARGEST, "float32 takes numbers")
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


def row_weights(sample_weight: Any, n: int) -> npt.NDArray[np.float64] | None:
    """Weights (N) of rows; none where all rows count alike."""
    if sample_weight is None:
        return None
    _arrays.refuse_wrong_kinds(sample_weight, "sample_weight")
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


def _check_columns(estimator: Any, X: npt.NDArray[Any], names: list[str | int] | None, first: bool) -> None:
    """What scikit-learn does about the number of columns and their names."""
    if names is not None and not all(isinstance(name, str) for name in names):
        names = None
    if first:
        estimator.n_features_in_ = X.shape[1]
        if names is not None:
            estimator.feature_names_in_ = np.asarray(names, dtype=object)
        return
    known = getattr(estimator, "feature_names_in_", None)
    if known is not None and names is not None and list(known) != names:
        raise ValueError(
            f"X: the columns should be those of the training, in the same order: expected {list(known)}, got {names}"
        )
    if X.shape[1] != estimator.n_features_in_:
        raise ValueError(f"X has {X.shape[1]} features, but MLPClassifier is expecting {estimator.n_features_in_} features as input")
