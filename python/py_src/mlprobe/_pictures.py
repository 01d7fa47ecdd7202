"""Images of PIL and of other libraries as those that the engine takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["as_images", "pixels", "stacked"]

Pixels = npt.NDArray[np.uint8]


def as_images(images: Any) -> Any:
    """Columns of paths as lists and tensors as arrays; everything else as it is."""
    if hasattr(images, "columns") and hasattr(images, "to_numpy"):
        names = list(images.columns)
        if len(names) != 1:
            raise ValueError(f"images: expected one column of paths, got {len(names)}: {names[:5]}; choose one of them")
        images = images[names[0]]
    if hasattr(images, "detach"):
        images = images.detach().cpu().numpy()
    if isinstance(images, np.ndarray):
        return images.tolist() if images.ndim == 1 and images.dtype.kind in "UO" else images
    if hasattr(images, "to_list"):  # a column of pandas or polars
        return images.to_list()
    if isinstance(images, (list, tuple)):
        return [image.detach().cpu().numpy() if hasattr(image, "detach") else image for image in images]
    return np.asarray(images) if hasattr(images, "__array__") and not hasattr(images, "getexif") else images


def stacked(images: Any) -> Any:
    """A list of arrays or of images of PIL, all of one size, as one array."""
    images = as_images(images)
    if not isinstance(images, (list, tuple)):
        return images
    arrays = [pixels(image) if hasattr(image, "getexif") else image for image in images]
    odd = next((array for array in arrays if not isinstance(array, np.ndarray)), None)
    if odd is not None:
        raise ValueError(f"images: expected arrays or images of PIL, got {odd!r}; read files with PIL.Image.open first")
    shapes = sorted({array.shape for array in arrays})
    if len(shapes) > 1:
        raise ValueError(f"images: expected all of one shape, got {shapes[0]} and {shapes[1]}; give each size by itself")
    return np.stack(arrays) if arrays else np.zeros((0, 1, 1, 3), np.uint8)


def pixels(image: Any) -> Pixels:
    """The pixels (height, width, 3) of an image of PIL, as the engine reads those of its file.

    Upright; 16 bits rounded to 8; transparent pixels over white.
    """
    from PIL import ImageOps

    format, transparency = image.format, image.info.get("transparency")
    image = ImageOps.exif_transpose(image)
    mode = image.mode
    if mode == "F":
        raise ValueError("an image of PIL in mode F: expected one that says which numbers are black and white; scale it, and "
                         "convert it with .convert('L')")  # fmt: skip
    if mode == "I" or mode.startswith("I;16"):
        return _of_16_bits(np.asarray(image).astype(np.int64), transparency, may_be_8=mode == "I")
    if mode in ("RGBA", "RGBa", "LA", "La", "PA") or transparency is not None:
        image = image.convert("LA") if mode == "La" else image
        rgba = np.asarray(image.convert("RGBA")).astype(np.uint32)
        return _over_white(rgba, is_unused=format in ("BMP", "TIFF") and not rgba[..., 3].any())
    if mode == "CMYK":
        ink = 255 - np.asarray(image).astype(np.uint32)
        return _rounded(ink[..., :3] * ink[..., 3:])
    try:
        return np.asarray(image.convert("RGB"))
    except ValueError as error:
        raise ValueError(f"an image of PIL in mode {mode}: {error}; convert it to RGB") from None


def _of_16_bits(grey: npt.NDArray[np.int64], transparency: Any, may_be_8: bool) -> Pixels:
    low, high = (int(grey.min()), int(grey.max())) if grey.size else (0, 0)
    if low < 0 or high > 65_535 or (may_be_8 and 0 < high < 256):
        raise ValueError(
            f"an image of PIL with integers from {low} to {high}: expected 16 bits, of which 65535 is white; scale it, or "
            "convert it with .convert('L') if 255 is white"
        )
    rgb = np.repeat(((grey + 128) // 257)[..., None], 3, axis=2)
    if isinstance(transparency, int):
        rgb[grey == transparency] = 255
    return rgb.astype(np.uint8)


def _over_white(rgba: npt.NDArray[np.uint32], is_unused: bool) -> Pixels:
    """Over white; but if all is transparent in a format where programs leave zeros, it is not meant."""
    if is_unused:
        return rgba[..., :3].astype(np.uint8)
    alpha = rgba[..., 3:]
    return _rounded(rgba[..., :3] * alpha + (255 - alpha) * 255)


def _rounded(products: npt.NDArray[np.uint32]) -> Pixels:
    """Products of two numbers up to 255 as fractions of 255, to the nearest."""
    return ((products + 127) // 255).astype(np.uint8)
