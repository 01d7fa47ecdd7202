"""Ray, connected and kept quiet."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def is_connected() -> bool:
    """Whether this process is connected to a cluster."""
    return "ray" in sys.modules and bool(sys.modules["ray"].is_initialized())


def is_to_be_started(address: str | None) -> bool:
    """Whether `connect` will start Ray on this machine."""
    return not is_connected() and address in (None, "local") and not os.environ.get("RAY_ADDRESS")


def connect(address: str | None = None) -> None:
    """Connect to a cluster, or start one on this machine, unless this process has done so. Only errors are printed."""
    if is_connected():
        return
    # Else Ray warns of a change to come that is about GPUs, of which nothing is asked here.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    # Else Ray's core tells of each actor of Ray Data that it may not restart. What fails is raised all the same.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    import ray

    # A dashboard of our own would be three processes more to start, and nobody would look at it.
    more = {"include_dashboard": False} if is_to_be_started(address) else {}
    with _without_stderr():  # where Ray's core tells that it was told to be quiet; what fails is raised
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", **more)


@contextmanager
def _without_stderr() -> Iterator[None]:
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@contextmanager
def quiet() -> Iterator[None]:
    """Ray Data neither shows bars nor tells what it plans and does; errors are raised all the same."""
    from ray.data import DataContext

    context, logger = DataContext.get_current(), logging.getLogger("ray.data")
    names = [name for name in ("enable_progress_bars", "print_on_execution_start") if hasattr(context, name)]
    before, level = [getattr(context, name) for name in names], logger.level
    for name in names:
        setattr(context, name, False)
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for name, value in zip(names, before, strict=True):
            setattr(context, name, value)
        logger.setLevel(level)
