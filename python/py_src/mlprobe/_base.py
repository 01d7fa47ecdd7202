"""scikit-learn's base classes, or as much of them as is needed where scikit-learn is not installed."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

__all__ = ["BaseEstimator", "ClassifierMixin", "ImageTransformer"]


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
    BaseEstimator: Any
    ClassifierMixin: Any
    TransformerMixin: Any
else:
    try:
        from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
    except ImportError:
        BaseEstimator, TransformerMixin = _Parameters, _Transforms
        ClassifierMixin = type("ClassifierMixin", (), {})


class ImageTransformer(TransformerMixin, BaseEstimator):
    """What turns images into something and learns nothing from them."""

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.no_validation = True
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True  # the nearest that there is to (N, height, width, 3)
        tags.transformer_tags.preserves_dtype = []
        return tags
