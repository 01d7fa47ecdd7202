"""Parameters of estimators, and what is refused, in words."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import numpy as np

__all__ = ["real", "seed", "thread_count", "whole", "widths"]


def whole(name: str, value: Any, least: int) -> int:
    """The value of a parameter that is a whole number."""
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= least:
        return int(value)
    raise ValueError(f"{name}: expected a whole number of {least} or more, got {value!r}")


def real(name: str, value: Any) -> float:
    """The value of a parameter that is a number."""
    if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
        return float(value)
    raise ValueError(f"{name}: expected a number, got {value!r}")


def widths(hidden_layer_sizes: Any) -> list[int]:
    """Widths of the hidden layers; one number is one layer."""
    if isinstance(hidden_layer_sizes, (int, np.integer)):
        hidden_layer_sizes = (hidden_layer_sizes,)
    if isinstance(hidden_layer_sizes, (str, bytes)) or not isinstance(hidden_layer_sizes, Iterable):
        raise ValueError(f"hidden_layer_sizes: expected whole numbers such as (64,), got {hidden_layer_sizes!r}")
    return [whole("hidden_layer_sizes", width, 1) for width in hidden_layer_sizes]


def thread_count(threads: Any) -> int:
    """How many threads there may be, 0 for one per core. As with `n_jobs` of scikit-learn, -1 are all cores, -2 all but one."""
    if threads is None:
        return 0
    if not isinstance(threads, (int, np.integer)) or isinstance(threads, bool) or threads == 0:
        raise ValueError(f"threads: expected 1 or more, or -1 for all cores, got {threads!r}")
    if threads > 0:
        return int(threads)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(cores + 1 + int(threads), 1)


def seed(random_state: Any) -> int:
    """An int is its own seed; from anything else one is drawn."""
    if isinstance(random_state, (int, np.integer)):
        if not 0 <= random_state < 2**64:
            raise ValueError(f"random_state: expected 0 to 2**64 - 1, got {random_state}")
        return int(random_state)
    source = np.random.mtrand._rand if random_state is None else random_state
    if hasattr(source, "integers"):
        return int(source.integers(2**31))
    if hasattr(source, "randint"):
        return int(source.randint(2**31))
    raise ValueError(f"random_state: expected an int, a RandomState, a Generator or None, got {random_state!r}")
