"""Progress bars by tqdm, where they are wanted and it is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Callback = Callable[[str, int, int, str], None]


@contextmanager
def bars(wanted: bool) -> Iterator[Callback | None]:
    """A function to call with stage, units done, units in all and their name, which keeps a bar per stage."""
    if not wanted:
        yield None
        return
    try:
        from tqdm.auto import tqdm
    except ImportError as error:
        raise ImportError("progress=True needs tqdm: pip install mlprobe[progress]") from error
    shown: dict[str, Any] = {}

    def show(stage: str, done: int, total: int, unit: str) -> None:
        if stage not in shown:
            shown[stage] = tqdm(total=total, desc=stage, unit=f" {unit}", unit_scale=total > 100_000)
        shown[stage].update(done - shown[stage].n)

    try:
        yield show
    finally:
        for bar in shown.values():
            bar.close()
