"""Throughput of `mlprobe.ray.embed` against workers on this machine: ``python scale.py WORKERS...``, as a table for docs/scale.md.

Each figure is marginal, from embedding 3,000 and 9,000 images, so that the start of processes does not count; the start itself
is printed beside it. The images are those of CIFAR-10 mini as PNG files.
"""

import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import ray
from PIL import Image

import mlprobe
from mlprobe.ray import embed

ROOT = Path(__file__).parents[2]
NETWORK = mlprobe.SqueezeNet(128)


def pictures(folder: Path, copies: int) -> Path:
    mini = mlprobe.load_folder(ROOT / "data/cifar10-mini")
    for i, pixels in enumerate(np.concatenate([mini.train, mini.test] * copies)):
        path = folder / str(copies) / f"{i // 500:03}" / f"{i:05}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    return folder / str(copies)


def seconds(work, *arguments, **options) -> float:
    start = time.perf_counter()
    work(*arguments, **options)
    return time.perf_counter() - start


def direct(folder: Path, threads: int) -> None:
    """The same files on one machine without Ray, threads instead of actors."""
    paths = mlprobe._mlprobe.find_images([str(folder)])
    mlprobe.SqueezeNet(128, threads=threads).transform(paths)


def spread(folder: Path, out: Path, workers: int) -> None:
    shutil.rmtree(out, ignore_errors=True)
    embed(folder, out, extractor=NETWORK, workers=workers, shard_rows=250)


with tempfile.TemporaryDirectory() as scratch:
    folder = Path(scratch)
    few, many = pictures(folder, 1), pictures(folder, 3)
    ray.init(num_cpus=max(map(int, sys.argv[1:])), object_store_memory=200 << 20, log_to_driver=False, logging_level="ERROR")
    spread(few, folder / "out", 1)  # starts what is started once
    print("| workers | through Ray, images/s | start, s | threads without Ray, images/s | overhead per image, ms of a core |")
    print("|--:|--:|--:|--:|--:|")
    for workers in map(int, sys.argv[1:]):
        turns = []
        for _ in range(3):
            pair = [seconds(spread, files, folder / "out", workers) for files in (few, many)]
            plain = [seconds(direct, files, workers) for files in (few, many)]
            turns.append((pair[1] - pair[0], plain[1] - plain[0], pair[0]))
        through, without, first = (float(np.median(column)) for column in zip(*turns, strict=True))
        overhead = 1000 * workers * (through - without) / 6000
        print(f"| {workers} | {6000 / through:,.0f} | {first - through / 2:.1f} | {6000 / without:,.0f} | {overhead:.2f} |", flush=True)
    ray.shutdown()
