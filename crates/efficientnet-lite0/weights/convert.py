"""Writes part1.safetensors and part2.safetensors from the f32 weights that ORIGIN.md names.

    pip install numpy safetensors
    python convert.py efficientnet_lite0_features.safetensors
"""

import sys

import numpy as np
from safetensors.numpy import load_file, save_file

tensors = load_file(sys.argv[1])
small = {
    name: value.astype(np.float16) if value.ndim == 4 and value.shape[2:] == (1, 1) else value
    for name, value in sorted(tensors.items())
}
half = sum(value.nbytes for value in small.values()) / 2
parts, size = [{}, {}], 0
for name, value in small.items():
    parts[size > half][name] = value
    size += value.nbytes
for number, part in enumerate(parts, 1):
    save_file(part, f"part{number}.safetensors")
    print(number, len(part), sum(value.nbytes for value in part.values()))
