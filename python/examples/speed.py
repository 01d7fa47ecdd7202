"""Python beside Rust: ``python speed.py PROGRAM``, where PROGRAM is the example ``native`` of this crate. They take turns, and the
median ratio of 21 turns is printed.
"""

import statistics
import subprocess
import sys
import time

import numpy as np

import mlprobe

n, y, x, c = np.ogrid[:2000, :32, :32, :3]
IMAGES = (n * 7 + y * 5 + x * 3 + c * 50).astype(np.uint8)
i, j = np.ogrid[:20_000, :512]
X, Y = ((i * 37 + j * 11) % 101 / np.float32(101)).astype(np.float32), np.arange(20_000) % 10
TURNS = 21
NETWORK = mlprobe.SqueezeNet(128).fit()


def python() -> tuple[float, float]:
    start = time.perf_counter()
    NETWORK.transform(IMAGES)
    extraction = len(IMAGES) / (time.perf_counter() - start)
    mlp = mlprobe.MLPClassifier(
        batch_size=500, max_iter=100, alpha=0, momentum=0, learning_rate="constant", random_state=0
    )
    start = time.perf_counter()
    mlp.fit(X, Y)
    return extraction, 100 * len(X) / (time.perf_counter() - start)


def native() -> tuple[float, float]:
    first, second = subprocess.run(sys.argv[1], capture_output=True, check=True, text=True).stdout.split()
    return float(first), float(second)


python()
turns = [(python(), native()) for _ in range(TURNS)]
for index, (work, unit) in enumerate([("extraction", "images/s"), ("training", "rows/s")]):
    ratios = sorted(ours[index] / rust[index] for ours, rust in turns)
    ours, rust = (statistics.median(turn[side][index] for turn in turns) for side in (0, 1))
    print(
        f"{work}: Python {ours:,.0f} {unit}, Rust {rust:,.0f}; ratio {statistics.median(ratios):.3f} "
        f"(quartiles {ratios[TURNS // 4]:.3f} to {ratios[-1 - TURNS // 4]:.3f})"
    )
