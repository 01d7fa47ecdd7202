"""What may be given as features and labels, to `MLPClassifier` as to `compare`, and what is refused, in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mlprobe import _mlprobe

__all__ = ["LARGEST", "check_labels", "check_scale", "column_names", "features", "refuse_times", "refuse_wrong_kinds"]

#: Features are trained on up to this size. A step is about as large as a feature, and its product with that feature as large
#: as the square, which float32 holds up to 1.8e19.
LARGEST = 1e18

NUMBERS = (int, float, np.integer, np.floating, np.bool_)


def features(x: Any, of: str) -> npt.NDArray[Any]:
    """Features (N, D) in float32 or float64, of any size; `of` is what they are called.

    Arrays, lists, data frames and tensors are taken. What is missing in a data frame becomes NaN, which `check_scale` refuses.
    """
    refuse_wrong_kinds(x, of)
    refuse_times(x, of)
    if hasattr(x, "iloc"):  # of pandas, whose missing values would be objects
        wanted = np.float32 if all(dtype == np.float32 for dtype in x.dtypes) else np.float64
        try:
            array = np.asarray(x.to_numpy(dtype=wanted, na_value=np.nan))
        except (TypeError, ValueError):
            array = x.to_numpy(dtype=object)
    else:
        try:
            array = np.asarray(x.detach().cpu() if hasattr(x, "detach") else x)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ValueError(f"{of}: expected numbers of shape (N, D): {error}") from None
    if array.ndim != 2:
        hint = "; turn images into features first, as SqueezeNet().transform does" if array.ndim == 4 else ""
        raise ValueError(f"{of}: expected numbers of shape (N, D), got {array.shape}{hint}")
    if array.dtype.kind == "O":
        for column in range(array.shape[1]):
            if any(isinstance(value, (str, bytes)) for value in array[:, column]):
                raise _no_numbers(of, "text", column_names(x), column)
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{of}: expected numbers: {error}") from None
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{of}: expected numbers, got {array.dtype}")
    if array.dtype in (np.float32, np.float64):
        return array
    return array.astype(np.float64 if array.dtype.kind == "f" else np.float32)


def column_names(x: Any) -> list[str | int] | None:
    """The names of the columns of a data frame or of a table of Arrow."""
    names = getattr(x, "column_names", None)
    if names is None and hasattr(x, "to_numpy"):
        names = getattr(x, "columns", None)
    return None if names is None else [name if isinstance(name, (str, int)) else str(name) for name in names]


def refuse_wrong_kinds(x: Any, of: str) -> None:
    """Refuses what would be something else without a word: sparse matrices, values that are masked."""
    if hasattr(x, "toarray") and hasattr(x, "nnz"):
        raise TypeError(f"{of}: expected a dense array, got a sparse matrix; give {of}.toarray()")
    if np.ma.is_masked(x):
        raise ValueError(f"{of}: some values are masked; fill them, or leave those rows out")


def refuse_times(x: Any, of: str) -> None:
    """Refuses dates and times, which NumPy makes numbers of."""
    is_frame = hasattr(x, "columns") and hasattr(x, "dtypes")
    for column, dtype in enumerate(x.dtypes if is_frame else [getattr(x, "dtype", None)]):
        if getattr(dtype, "kind", "") in ("m", "M") or getattr(dtype, "is_temporal", bool)():
            raise _no_numbers(of, "dates or times", column_names(x), column if is_frame else None)


def check_scale(
    x: npt.NDArray[Any],
    names: list[str | int] | None,
    of: str,
    largest: float = LARGEST,
    limit: str = "training takes features",
) -> None:
    """Refuses features (N, D) that are not finite or too large, by the name of the column."""
    # Without a copy of x; a comparison with NaN is false.
    with np.errstate(invalid="ignore"):
        fits = (x.max(axis=0, initial=0) <= largest) & (x.min(axis=0, initial=0) >= -largest)
    if fits.all():
        return
    column = int(np.flatnonzero(~fits)[0])
    row = int(np.flatnonzero(~(np.abs(x[:, column]) <= largest))[0])
    value = x[row, column]
    where = f"{of}: row {row} of column {column if names is None else repr(names[column])}"
    if np.isnan(value):
        raise ValueError(f"{where} is NaN, expected finite numbers; fill in what is missing, or leave those rows out")
    if np.isinf(value):
        raise ValueError(f"{where} is infinity, expected finite numbers")
    raise ValueError(f"{where} is {value:.4g}, but {limit} of up to {largest:.2g}; scale the column, or leave it out")


def check_labels(y: Any, of: str) -> npt.NDArray[Any]:
    """The labels as an array of the shape in which they were given: all text or all numbers, none of them missing."""
    refuse_wrong_kinds(y, of)
    if hasattr(y, "detach"):
        y = y.detach().cpu()
    try:
        # A list as objects: NumPy would make text of NaN and of numbers that are among text.
        labels = np.asarray(y) if hasattr(y, "__array__") else np.asarray(y, dtype=object)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{of}: expected a label for each row: {error}") from None
    if labels.dtype.kind in "biu":
        return labels
    if labels.dtype.kind == "c":
        raise ValueError(f"{of}: Complex data not supported")  # the words that scikit-learn expects
    values = labels.ravel().tolist()
    missing = [row for row, value in enumerate(values) if _is_missing(value)]
    if missing:
        raise ValueError(
            f"{of}: the label of row {missing[0]} is missing ({values[missing[0]]!r}), {len(missing)} of {len(values)} in all; "
            "leave those rows out, or give the class another name if it is one"
        )
    kinds = [str if isinstance(value, str) else float if isinstance(value, NUMBERS) else None for value in values]
    odd = next((row for row, kind in enumerate(kinds) if kind is None or kind != kinds[0]), None)
    if odd is not None:
        got = " and ".join(f"{values[row]!r} in row {row}" for row in sorted({0, odd}))
        raise ValueError(f"{of}: expected all text or all numbers, got {got}; give all as one of them")
    return labels


def _is_missing(value: Any) -> bool:
    if isinstance(value, str):
        return _mlprobe.is_missing(value)
    try:
        return value is None or bool(value != value)
    except (TypeError, ValueError):  # as of pandas.NA
        return type(value).__name__ == "NAType"


def _no_numbers(of: str, got: str, names: list[str | int] | None, column: int | None) -> ValueError:
    where = "" if column is None else f" in column {column if names is None else repr(names[column])}"
    return ValueError(f"{of}: expected numbers, got {got}{where}; make them numbers first, or leave them out")
