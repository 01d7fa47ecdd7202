"""scikit-learn's base classes, or as much of them as is needed where scikit-learn is not installed."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["BaseEstimator", "ClassifierMixin", "ImageTransformer"]


class _Parameters:
    """Parameters are the arguments of the constructor, kept under their names."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self, **params: Any) -> Self:
        for name, value in params.items():
            if name not in self.get_params():
                raise ValueError(f"{type(self).__name__} has no parameter {name!r}, but {list(self.get_params())}")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self)).parameters
        changed = (
            f"{name}={value!r}"
            for name, value in self.get_params().items()
            if repr(value) != repr(defaults[name].default)
        )
        return f"{type(self).__name__}({', '.join(changed)})"


class _Scores:
    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The accuracy, 0 to 1."""
        predicted, y = np.asarray(self.predict(X)), np.asarray(y)  # type: ignore[attr-defined]
        if y.shape != predicted.shape:
            raise ValueError(f"y: expected shape {predicted.shape}, got {y.shape}")
        if (y.dtype.kind in "US") != (predicted.dtype.kind in "US") and "O" not in (y.dtype.kind, predicted.dtype.kind):
            raise ValueError(f"y: expected labels of the type of classes_, {predicted.dtype}, got {y.dtype}")
        return float(np.average(predicted == y, weights=sample_weight))


class _Transforms:
    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        return self.fit(X, y, **fit_params).transform(X)  # type: ignore[attr-defined]


if TYPE_CHECKING:  # scikit-learn has no types, and what derives from `Any` has every attribute
    BaseEstimator = _Parameters
    ClassifierMixin = _Scores
    TransformerMixin = _Transforms
else:
    try:
        from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
    except ImportError:
        BaseEstimator, ClassifierMixin, TransformerMixin = _Parameters, _Scores, _Transforms


class ImageTransformer(TransformerMixin, BaseEstimator):
    """What turns images into something and learns nothing from them."""

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.requires_fit = False
        tags.no_validation = True
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True  # the nearest that there is to (N, height, width, 3)
        tags.transformer_tags.preserves_dtype = []
        return tags
