"""A folder of images to Parquet shards of features."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mlprobe import _mlprobe
from mlprobe._extractors import SqueezeNet, _Extractor
from mlprobe.ray._cluster import connect, is_to_be_started, quiet
from mlprobe.ray._shards import Manifest, Shard, file_name, plan, read, sha256

__all__ = ["embed", "read"]

#: Images that a core embeds per second, and seconds below which a start of Ray does not pay: docs/scale.md.
RATE, START = 600, 20


def embed(
    folder: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    extractor: _Extractor | None = None,
    workers: int | None = None,
    shard_rows: int = 4096,
    shard_bytes: int = 32 << 20,
    skip_broken: bool = False,
    address: str | None = None,
) -> dict[str, int]:
    """Write the features of all images below a folder as Parquet shards.

    Ray Data streams: a task reads the encoded bytes of one shard, an actor with one thread makes its features and writes
    it. Only encoded bytes, of at most `shard_bytes` per block, pass through the object store. A shard that is whole is not
    made again, so that the same call resumes after a failure. The rows are those of ``mlprobe embed`` bit for bit, on the
    same instruction set.

    Parameters
    ----------
    folder : path
        Read by the workers, so it has to be on every node of the cluster, as `out` has.
    out : path
        A folder for ``part-NNNNNN.parquet``, with the columns ``path``, ``label`` (the folder that an image lies in),
        ``features`` (a fixed-size list of float32) and ``extractor`` (its fingerprint), and for ``manifest.jsonl``.
    extractor : SqueezeNet, ResNet18 or Onnx, optional
        ``SqueezeNet()`` by default.
    workers : int, optional
        Number of actors, with a core each; one per core of the cluster by default.
    shard_rows, shard_bytes : int
        A shard has at most so many images, and so many bytes of image files.
    skip_broken : bool
        Leave out images that cannot be read, and name them in the manifest, instead of raising.
    address : str, optional
        The cluster, unless one is connected; by default RAY_ADDRESS, or one that is started on this machine.

    Returns
    -------
    dict
        ``rows``, ``shards``, ``broken``, and ``skipped``, the shards that were whole already.

    Warns
    -----
    UserWarning
        If this machine would embed the images in less time than Ray takes to start.
    """
    extractor = SqueezeNet() if extractor is None else extractor
    folder, out = os.fspath(folder), Path(out).resolve()
    paths = [os.fspath(path) for path in _mlprobe.find_images([os.path.abspath(folder)])]
    if not paths:
        raise ValueError(f"{folder}: expected images, got none; check the path")
    settings = {
        "extractor": extractor.name,
        "fingerprint": extractor.fingerprint,
        "dim": extractor.dim,
        "shard_rows": shard_rows,
        "shard_bytes": shard_bytes,
    }
    manifest = Manifest(out, settings)
    shards = list(plan(paths, shard_rows, shard_bytes))
    todo = [shard for shard in shards if not manifest.is_whole(shard)]
    if todo:
        images = sum(len(shard.paths) for shard in todo)
        seconds = images / (RATE * (os.cpu_count() or 1))
        if seconds < START and is_to_be_started(address):
            warnings.warn(
                f"{images} images take this machine about {max(1, round(seconds))} s by `mlprobe embed` or `transform`; "
                "with Ray, which has to start, 200 images took 26 s (docs/scale.md)",
                stacklevel=2,
            )
        connect(address)
        _run(todo, extractor, workers, manifest, os.path.abspath(folder), skip_broken)
    manifest.remove_others(len(shards))
    lines = [manifest.done[shard.index] for shard in shards]
    return {
        "rows": sum(line["rows"] for line in lines),
        "shards": len(shards),
        "broken": sum(len(line["broken"]) for line in lines),
        "skipped": len(shards) - len(todo),
    }


def _run(
    todo: list[Shard], extractor: _Extractor, workers: int | None, manifest: Manifest, folder: str, skip_broken: bool
) -> None:
    import ray
    import ray.data
    from ray.data import ActorPoolStrategy, TaskPoolStrategy

    cores = int(ray.cluster_resources().get("CPU", 1))
    actors = min(workers or cores, len(todo))
    rows = [{"shard": shard.index, "paths": list(shard.paths), "digest": shard.digest} for shard in todo]
    dataset = ray.data.from_items(rows, override_num_blocks=len(todo))
    # Reading waits for the disk or the network, so it takes no core from the actors; as many blocks as are soon needed.
    dataset = dataset.map(_read, compute=TaskPoolStrategy(size=min(2 * actors, len(todo))), num_cpus=0)
    dataset = dataset.map(
        _Embedder,
        fn_constructor_args=(extractor, manifest.path.parent, folder, skip_broken),
        compute=ActorPoolStrategy(size=actors, max_tasks_in_flight_per_actor=2),
        num_cpus=1,
    )
    with quiet():
        for row in dataset.iter_rows():
            manifest.add(json.loads(row["line"]))


def _read(row: dict[str, Any]) -> dict[str, Any]:
    """A shard with the bytes of its files."""
    return {**row, "contents": [Path(path).read_bytes() for path in row["paths"]]}


class _Embedder:
    """Holds the extractor in a process of its own."""

    def __init__(self, extractor: _Extractor, out: Path, folder: str, skip_broken: bool) -> None:
        self.extractor = extractor.set_params(threads=1, progress=False)
        self.out = out
        self.folder = folder
        self.skip_broken = skip_broken

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        features, paths, broken = self._features(row["paths"], row["contents"])
        return {"line": json.dumps(self._write(row["shard"], row["digest"], features, paths, broken))}

    def _features(self, paths: Any, contents: Any) -> tuple[npt.NDArray[np.float32], list[str], list[dict[str, str]]]:
        try:
            return self.extractor.transform(list(contents)), list(paths), []
        except ValueError:
            pass  # one by one, to find out which
        rows, kept, broken = [], [], []
        for path, content in zip(paths, contents, strict=True):
            try:
                rows.append(self.extractor.transform([content]))
                kept.append(path)
            except ValueError as error:
                if not self.skip_broken:
                    raise ValueError(f"{path}: {error}; replace or remove it, or skip broken images") from None
                broken.append({"path": path, "reason": str(error)})
        return np.concatenate([np.zeros((0, self.extractor.dim), np.float32), *rows]), kept, broken

    def _write(
        self, shard: int, digest: str, rows: Any, paths: list[str], broken: list[dict[str, str]]
    ) -> dict[str, Any]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        labels = [os.path.basename(os.path.dirname(path)) if _depth(path, self.folder) > 1 else None for path in paths]
        table = pa.table(
            {
                "path": pa.array(paths, pa.string()),
                "label": pa.array(labels, pa.string()),
                "features": pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), self.extractor.dim),
                "extractor": pa.array([self.extractor.fingerprint] * len(paths), pa.string()),
            }
        )
        file = self.out / file_name(shard)
        part = file.with_suffix(f".{os.getpid()}.part")
        pq.write_table(table, part, compression="none", use_dictionary=["label", "extractor"])
        os.replace(part, file)
        return {
            "shard": shard,
            "rows": len(paths),
            "images": digest,
            "sha256": sha256(file),
            "broken": broken,
        }


def _depth(path: str, folder: str) -> int:
    """How many names lead from the folder to the file."""
    return len(Path(path).relative_to(folder).parts)

