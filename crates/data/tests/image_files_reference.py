"""Prints the squares that tests/image_files.rs compares with, made by Pillow. pip install pillow; then run this."""

from PIL import Image

for height, width, side in [(9, 16, 4), (12, 5, 3), (3, 4, 5), (40, 40, 4)]:
    image = Image.new("RGB", (width, height))
    image.putdata([tuple((37 * y + 11 * x * x + 90 * c) % 256 for c in range(3)) for y in range(height) for x in range(width)])
    short = min(height, width)
    left, top = (width - short) / 2, (height - short) / 2
    square = image.resize((side, side), Image.Resampling.BILINEAR, box=(left, top, left + short, top + short))
    print(f"({height}, {width}, {side}, &{[channel for pixel in square.getdata() for channel in pixel]}),")
