"""What may be given to `compare` as sets, as arrays that the engine takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from mlprobe import _arrays

__all__ = ["features", "labels", "named_pairs", "ordered_columns", "pair"]


def named_pairs(sets: Any) -> dict[str, tuple[Any, Any]]:
    """Training sets under their names, from a mapping or from pairs of a name and a set."""
    if not isinstance(sets, Mapping):
        try:
            pairs = [(name, given) for name, given in sets]
        except (TypeError, ValueError):
            pairs = []
        if not pairs or not all(isinstance(name, str) for name, _ in pairs):
            raise ValueError('sets: expected names and sets, as in {"a": (X, y), "b": (X, y)}')
        if len(dict(pairs)) < len(pairs):
            raise ValueError(f"sets: expected different names, got {[name for name, _ in pairs]}")
        sets = dict(pairs)
    return {name: pair(given, name) for name, given in sets.items()}


def pair(given: Any, of: str) -> tuple[Any, Any]:
    """Features and labels of a set."""
    if isinstance(given, (tuple, list)) and len(given) == 2:
        return given[0], given[1]
    size = f" of {len(given)} elements" if hasattr(given, "__len__") else ""
    raise ValueError(f"{of}: expected a pair (X, y) of features and labels, got a {type(given).__name__}{size}")


def ordered_columns(sets: list[Any], called: list[str]) -> list[list[int] | None]:
    """Which columns of each set to take, so that columns with names are in the order of the first set that has names."""
    order: list[list[int] | None] = [None] * len(sets)
    named = [(i, names) for i, x in enumerate(sets) if (names := _arrays.column_names(x)) is not None]
    for i, found in named[1:]:
        first, expected = named[0]
        if found == expected:
            continue
        if set(found) != set(expected) or len(set(found)) < len(found) or len(found) != len(expected):
            missing = [name for name in expected if name not in found]
            more = [name for name in found if name not in expected]
            raise ValueError(
                f"columns of {called[i]}: expected those of {called[first]}, but {_some(missing)} are missing and "
                f"{_some(more)} are in addition; give all sets the same columns, each once"
            )
        order[i] = [found.index(name) for name in expected]
    return order


def features(x: Any, of: str, columns: list[int] | None = None) -> npt.NDArray[Any]:
    """Features (N, D) in float32 or float64, finite and none of them too large, with the `columns` in this order.

    Arrays, lists, data frames, tensors and sparse matrices are taken.
    """
    x, names = x.toarray() if hasattr(x, "toarray") else x, _arrays.column_names(x)
    array = _arrays.features(x, f"features of {of}")
    _arrays.check_scale(array, names, f"features of {of}")
    return array if columns is None else array[:, columns]


def labels(y: Any, of: str) -> npt.NDArray[Any]:
    """Labels (N): all numbers or all text, none missing."""
    array = _arrays.check_labels(y, f"labels of {of}")
    if array.ndim == 2 and 1 in array.shape:
        array = array.ravel()
    if array.ndim != 1:
        raise ValueError(f"labels of {of}: expected shape (N,), got {array.shape}")
    return array if array.dtype.kind in "biu" else np.array(array.tolist())


def _some(names: Iterable[Any]) -> str:
    names = [repr(name) for name in names]
    return ", ".join(names[:5] or ["none"]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
