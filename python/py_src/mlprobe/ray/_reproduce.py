"""The study of the original report, its runs spread over a cluster."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mlprobe import _mlprobe
from mlprobe._extractors import SqueezeNet, _Extractor
from mlprobe._folders import open_dataset, tables, tell
from mlprobe._progress import bars
from mlprobe._result import Result
from mlprobe._settings import widths
from mlprobe._studies import reproduction
from mlprobe.ray._cluster import connect


def reproduce(
    dataset: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    extractor: _Extractor | None = None,
    preset: str = "2022",
    seeds: int = 5,
    epochs: int = 800,
    batch_size: int = 500,
    hidden_layer_sizes: Sequence[int] | int = (64,),
    cache: str | os.PathLike[str] = "cache",
    skip_broken: bool = False,
    labels: str | os.PathLike[str] | None = None,
    label_column: str | None = None,
    image_column: str | None = None,
    keep_na: bool = False,
    fresh: bool = False,
    force: bool = False,
    progress: bool = False,
    address: str | None = None,
) -> Result:
    """`mlprobe.reproduce` with a Ray task for each set of features and for each (arm, seed).

    Images and features are put in the object store once. A task trains with the engine's own checkpoints and sends back the
    last one; the run is then put together here by the engine, which finds every run trained. So the results are those of
    one machine bit for bit, apart from measured times, on the same instruction set and version of mlprobe.

    Parameters are those of `mlprobe.reproduce` but for `threads`, and `address` as for `embed`. `dataset`, `labels`, `out` and
    `cache` need to be on this machine alone.

    Returns
    -------
    Result
    """
    extractor = SqueezeNet() if extractor is None else extractor
    folder = os.path.realpath(os.fspath(dataset))
    of_labels = tables(labels, label_column, image_column, keep_na)
    data = open_dataset(folder, extractor._network.input_size, skip_broken, None, of_labels)
    settings = dict(
        folder=folder, preset=preset, seeds=seeds, epochs=epochs, batch_size=batch_size,
        hidden=widths(hidden_layer_sizes), skip_broken=skip_broken, tables=of_labels,
    )  # fmt: skip
    connect(address)
    import ray

    extract, train = (ray.remote(num_cpus=1, max_retries=-1)(task) for task in (_extract, _train))
    images = ray.put(data)
    sets = {name: extract.remote(extractor, images, settings, name) for name in _mlprobe.Reproduction.sets()}
    copies = {seed: extract.remote(extractor, images, settings, seed) for seed in range(seeds)}
    shared = list(sets.values())
    runs = [
        train.remote(extractor, images, settings, arm, seed, *shared, *([copies[seed]] if arm == "augmented" else []))
        for seed in range(seeds)
        for arm in _mlprobe.Reproduction.arms()
    ]
    cache = Path(cache)
    with tempfile.TemporaryDirectory() as checkpoints, bars(progress) as show:
        waiting = list(runs)
        while waiting:
            done, waiting = ray.wait(waiting)
            _unpack(ray.get(done[0]), Path(checkpoints))
            if show:
                show("runs", len(runs) - len(waiting), len(runs), "runs")
        for features in [*shared, *copies.values()]:
            _unpack(ray.get(features), cache)
        study = reproduction(extractor, data, cache=os.fspath(cache), **settings)  # type: ignore[arg-type]
        result = Result(study.run(os.fspath(out), checkpoints=checkpoints, fresh=fresh, force=force, progress=show))
    tell(result.notes)
    return result


def _extract(extractor: _Extractor, data: _mlprobe.Dataset, settings: dict[str, Any], name: str | int) -> dict[str, Any]:
    """A set of features, as the files of a cache."""
    with tempfile.TemporaryDirectory() as cache:
        reproduction(extractor, data, cache=cache, **settings).extract(name, 1)
        return _pack(Path(cache))


def _train(
    extractor: _Extractor, data: _mlprobe.Dataset, settings: dict[str, Any], arm: str, seed: int, *sets: dict[str, Any]
) -> dict[str, Any]:
    """A run, as the checkpoint of its end."""
    with tempfile.TemporaryDirectory() as scratch:
        cache, checkpoints = Path(scratch) / "cache", Path(scratch) / "checkpoints"
        for files in sets:
            _unpack(files, cache)
        reproduction(extractor, data, cache=os.fspath(cache), **settings).train(arm, seed, os.fspath(checkpoints))
        shutil.rmtree(cache)
        return {name: content for name, content in _pack(checkpoints).items() if name.startswith(f"{arm}-seed")}


def _pack(folder: Path) -> dict[str, Any]:
    """The files of a folder, as arrays, which the object store does not copy."""
    return {file.name: np.fromfile(file, np.uint8) for file in sorted(folder.iterdir()) if file.suffix != ".lock"}


def _unpack(files: dict[str, Any], folder: Path) -> None:
    """Write what `_pack` has taken; each file appears when it is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        part = folder / f".{name}.{os.getpid()}.part"
        content.tofile(part)
        os.replace(part, folder / name)
