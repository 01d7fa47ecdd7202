"""What may be given to `compare` as sets, features and labels, as arrays that the engine takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from mlprobe import _mlprobe

__all__ = ["features", "labels", "named_pairs", "ordered_columns", "pair"]

#: Squares of larger features, and so distances and gradients, do not fit into float32.
LARGEST = 1e18


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
    named = [(i, [*map(_name, x.columns)]) for i, x in enumerate(sets) if _is_frame(x)]
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
    """Features (N, D) in float32 or float64, none of them too large.

    Arrays, lists, data frames, tensors and sparse matrices are taken. NaN is left to the engine, which names its row.
    """
    names: list[Any] | None = None
    if _is_frame(x):
        names = [*map(_name, x.columns)]
        array = _of_frame(x, names, of)
    else:
        array = _numbers(_array(x.toarray() if hasattr(x, "toarray") else x, f"features of {of}"), None, of)
    if columns is not None and names is not None:
        array, names = array[:, columns], [names[column] for column in columns]
    with np.errstate(invalid="ignore"):
        is_larger = bool(array.size) and (array.max() > LARGEST or array.min() < -LARGEST)
        if is_larger:
            row, column = np.argwhere((array > LARGEST) | (array < -LARGEST))[0]
            shown = column if names is None else repr(names[column])
            raise ValueError(
                f"features of {of}: expected numbers of at most {LARGEST:g} in size, got {array[row, column]} in column "
                f"{shown}, row {row}; rescale or remove the column"
            )
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float32)


def labels(y: Any, of: str) -> npt.NDArray[Any]:
    """Labels (N): all numbers or all text, none missing."""
    if hasattr(y, "__array__") or hasattr(y, "detach"):
        array = _array(y, f"labels of {of}")
    else:  # as objects: NumPy would make text of NaN and of numbers that are among text
        array = np.empty(len(y), object)
        array[:] = list(y)
        if array.size and isinstance(array[0], (list, tuple, np.ndarray)):
            array = np.asarray(y)
    if array.ndim == 2 and 1 in array.shape:
        array = array.ravel()
    if array.ndim != 1:
        raise ValueError(f"labels of {of}: expected shape (N,), got {array.shape}")
    if array.dtype.kind in "biu":
        return array
    values = array.tolist()
    missing = next((row for row, value in enumerate(values) if _is_missing(value)), None)
    if missing is not None:
        raise ValueError(
            f"labels of {of}: expected a label in each row, got {values[missing]!r} in row {missing}, which stands for a "
            "missing value; leave the row out, or give the class another name"
        )
    kinds = {str if isinstance(value, str) else float if isinstance(value, (int, float, np.number)) else type(value) for value in values}
    if not kinds <= {str, float} or len(kinds) > 1:
        raise ValueError(f"labels of {of}: expected all text or all numbers, got {' and '.join(sorted(_called(kind) for kind in kinds))}")
    return np.array(values)


def _called(kind: type) -> str:
    return {str: "text", float: "numbers"}.get(kind, kind.__name__)


def _is_missing(value: Any) -> bool:
    if value is None or isinstance(value, str):
        return value is None or _mlprobe.is_missing(value)
    try:
        return bool(value != value)
    except (TypeError, ValueError):  # as of pandas.NA
        return type(value).__name__ == "NAType"


def _is_frame(x: Any) -> bool:
    return hasattr(x, "columns") and hasattr(x, "to_numpy")


def _name(column: Any) -> Any:
    return column if isinstance(column, (str, int)) else str(column)


def _some(names: Iterable[Any]) -> str:
    names = [repr(name) for name in names]
    return ", ".join(names[:5] or ["none"]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _of_frame(frame: Any, names: list[Any], of: str) -> npt.NDArray[Any]:
    """A data frame of pandas or polars; what is missing in it becomes NaN."""
    if hasattr(frame, "iloc"):  # pandas
        dtypes = list(frame.dtypes)
        is_time = [getattr(dtype, "kind", "") in ("m", "M") for dtype in dtypes]
        if any(is_time):
            raise _no_numbers(of, names[is_time.index(True)], str(dtypes[is_time.index(True)]))
        wanted = np.float32 if all(dtype == np.float32 for dtype in dtypes) else np.float64
        try:
            return np.asarray(frame.to_numpy(dtype=wanted, na_value=np.nan))
        except (TypeError, ValueError):
            return _numbers(frame.to_numpy(dtype=object), names, of)
    return _numbers(np.asarray(frame.to_numpy()), names, of)


def _numbers(array: npt.NDArray[Any], names: list[Any] | None, of: str) -> npt.NDArray[Any]:
    if array.ndim != 2:
        hint = "; turn images into features first, as SqueezeNet().transform does" if array.ndim == 4 else ""
        raise ValueError(f"features of {of}: expected shape (N, D), got {array.shape}{hint}")
    if array.dtype.kind == "O":
        for column in range(array.shape[1]):
            if any(isinstance(value, (str, bytes)) for value in array[:, column]):
                raise _no_numbers(of, column if names is None else names[column], "text")
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"features of {of}: expected numbers: {error}") from None
    if array.dtype.kind not in "fiub":
        raise ValueError(f"features of {of}: expected numbers, got {array.dtype}")
    return array


def _no_numbers(of: str, column: Any, got: str) -> ValueError:
    return ValueError(f"features of {of}: expected numbers, got {got} in column {column!r}; leave it out or encode it")


def _array(x: Any, what: str) -> npt.NDArray[Any]:
    if hasattr(x, "detach"):  # a tensor, wherever it is
        x = x.detach().cpu()
    try:
        return np.asarray(x)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{what}: expected what NumPy can make an array of: {error}") from None
