"""scikit-learn's base classes, or as much of them as is needed where scikit-learn is not installed."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

__all__ = ["BaseEstimator", "ClassifierMixin", "TransformerMixin"]


class _Parameters:
    """Parameters are the arguments of the constructor, kept under their names."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self, **params: Any) -> Any:
        for name, value in params.items():
            if name not in self.get_params():
                raise ValueError(f"{type(self).__name__} has no parameter {name!r}, but {list(self.get_params())}")
            setattr(self, name, value)
        return self


class _Transforms:
    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        return self.fit(X, y, **fit_params).transform(X)  # type: ignore[attr-defined]


if TYPE_CHECKING:
    BaseEstimator, ClassifierMixin, TransformerMixin = Any, Any, Any
else:
    try:
        from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
    except ImportError:
        BaseEstimator, TransformerMixin = _Parameters, _Transforms
        ClassifierMixin = type("ClassifierMixin", (), {})
