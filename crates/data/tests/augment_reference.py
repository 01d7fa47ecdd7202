"""Prints what tests/augment_draws.rs and src/random.rs pin: draws and digests of augmented images, by NumPy.

    python3 augment_reference.py ../../../data/cifar-10-batches-bin/data_batch_1.bin

A second implementation of the documented random stream and of the six transforms, sharing no code with the crate.
"""
import hashlib
import math
import struct
import sys

import numpy as np

MASK = 0xFFFFFFFF


def chacha8_block(key, counter, nonce):
    """One block of 16 words (D. J. Bernstein, "ChaCha, a variant of Salsa20", 2008)."""
    state = [*struct.unpack("<4I", b"expand 32-byte k"), *struct.unpack("<8I", key)]
    state += [counter & MASK, counter >> 32, nonce & MASK, nonce >> 32]
    w = list(state)

    def quarter(a, b, c, d):
        for x, y, z, turn in [(a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)]:
            w[x] = (w[x] + w[y]) & MASK
            mixed = w[z] ^ w[x]
            w[z] = (mixed << turn | mixed >> (32 - turn)) & MASK

    for _ in range(4):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return [(a + b) & MASK for a, b in zip(w, state)]


class Random:
    def __init__(self, seed, purpose, number):
        key = struct.pack("<Q", seed) + purpose.ljust(24, b"\0")
        self.words = (word for block in range(1 << 64) for word in chacha8_block(key, block, number))

    def below(self, bound):
        while True:
            product = next(self.words) * bound
            if product & MASK >= (1 << 32) % bound:
                return product >> 32

    def uniform(self, low, high):
        word = next(self.words) | next(self.words) << 32
        return low + (high - low) * ((word >> 11) * 2.0**-53)

    def coin(self):
        return next(self.words) >> 31 == 1


PRESETS = {
    2022: ["rotation", "cutout", "crop", "contrast_flip"],
    2023: ["enhancement", "posterize", "rotation", "contrast_flip"],
}


def border(side):
    return math.floor(side / 16 + 0.5)


def draw(seed, index, preset, h, w):
    r = Random(seed, b"augment", index)
    name = PRESETS[preset][r.below(4)]
    if name == "rotation":
        return name, r.uniform(-180, 180)
    if name == "cutout":
        rows, columns = r.below(h // 2 + 1), r.below(w // 2 + 1)
        return name, r.below(h - rows + 1), r.below(w - columns + 1), rows, columns, r.below(256)
    if name == "crop":
        return name, r.below(2 * border(h) + 1), r.below(2 * border(w) + 1)
    if name == "contrast_flip":
        return name, r.uniform(0.5, 2), r.coin()
    if name == "posterize":
        one, other = r.below(256), r.below(255)
        other += other >= one
        return name, min(one, other), max(one, other)
    return (name,)


def apply(image, name, *p):
    h, w, _ = image.shape
    wide = image.astype(int)
    if name == "rotation":
        sin, cos = math.sin(math.radians(p[0])), math.cos(math.radians(p[0]))
        cy, cx = (h - 1) / 2, (w - 1) / 2
        dy, dx = np.mgrid[0:h, 0:w] - np.array([cy, cx])[:, None, None]
        x = np.floor(cx + cos * dx - sin * dy + 0.5).astype(int)
        y = np.floor(cy + sin * dx + cos * dy + 0.5).astype(int)
        inside = (x >= 0) & (x < w) & (y >= 0) & (y < h)
        return np.where(inside[..., None], image[y.clip(0, h - 1), x.clip(0, w - 1)], 0)
    if name == "cutout":
        top, left, rows, columns, value = p
        wide[top : top + rows, left : left + columns] = value
        return wide
    if name == "crop":
        pad = [(border(side),) * 2 for side in (h, w)]
        return np.pad(image, (*pad, (0, 0)))[p[0] : p[0] + h, p[1] : p[1] + w]
    if name == "contrast_flip":
        changed = np.floor(np.clip(p[0] * (wide - 128.0) + 128.0, 0, 255) + 0.5)
        return changed[:, ::-1] if p[1] else changed
    if name == "enhancement":
        low, high = wide.min(), wide.max()
        return wide if low == high else np.floor(255 * (wide - low) / (high - low) + 0.5)
    return wide * (p[1] - p[0]) // 255 + p[0]


def first_of_each_class(path, count):
    records = np.fromfile(path, np.uint8).reshape(-1, 3073)
    seen, chosen = [0] * 10, []
    for record in records:
        seen[record[0]] += 1
        if seen[record[0]] <= count:
            chosen.append(record)
    chosen = np.array(chosen)
    return chosen[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), chosen[:, 0]


r = Random(7, b"pinned", 3)
print([r.below(1000) for _ in range(6)], r.uniform(0, 1), r.uniform(-180, 180))
print([r.coin() for _ in range(5)], r.uniform(0, 1))

images, labels = first_of_each_class(sys.argv[1], 200)
for preset in PRESETS:
    for index in [0, 2, 3, 6, 12, 1 << 40]:
        print(preset, index, *draw(42, index, preset, 32, 32))
    out = np.array([apply(x, *draw(42, i, preset, 32, 32)) for i, x in enumerate(images)]).astype(np.uint8)
    shape = struct.pack("<4Q", *out.shape)
    print(preset, hashlib.sha256(shape + out.tobytes() + labels.tobytes()).hexdigest())
