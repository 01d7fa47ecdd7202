"""Images with their labels from a folder."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mlprobe import _mlprobe

Labels = npt.NDArray[np.uint16]
Pixels = npt.NDArray[np.uint8]


class Images(NamedTuple):
    """The images of a folder.

    Attributes
    ----------
    train, test : ndarray of shape (N, side, side, 3), uint8
        The images, RGB.
    train_labels, test_labels : ndarray of shape (N,), uint16
        Indices into `classes`.
    classes : list of str
        The names of the K classes.
    """

    train: Pixels
    train_labels: Labels
    test: Pixels
    test_labels: Labels
    classes: list[str]


def load_folder(
    folder: str | os.PathLike[str], *, side: int = 128, skip_broken: bool = False, threads: int | None = None
) -> Images:
    """Read a folder of images.

    The folder holds ``train/CLASS/*`` and ``test/CLASS/*``; or ``CLASS/*``, of which every sixth image becomes a test
    image; or the files of CIFAR-10, CIFAR-100, or MNIST and its like.

    Parameters
    ----------
    folder : path
        The folder.
    side : int
        Height and width in pixels: the centre square of each image is resized to it. Files of a known data set keep
        their size.
    skip_broken : bool
        Leave out images that cannot be read instead of raising.
    threads : int, optional
        Number of threads; one per core by default.

    Returns
    -------
    Images

    Raises
    ------
    FileNotFoundError
        If the folder is not there.
    ValueError
        If it holds no data set, or a broken image.
    """
    dataset = _mlprobe.Dataset.open(os.fspath(folder), side, skip_broken, threads or 0)
    return Images(*dataset.train(), *dataset.test(), dataset.classes)


def as_images(images: Any) -> Any:
    """Turn PIL images into arrays; leave everything else as it is."""
    if isinstance(images, np.ndarray) or isinstance(images, (str, bytes)) or not hasattr(images, "__iter__"):
        return images
    return [_pixels(image) if hasattr(image, "getexif") else image for image in images]


def _pixels(image: Any) -> Pixels:
    """The pixels of a PIL image, upright, transparent ones over white."""
    from PIL import Image, ImageOps

    image = ImageOps.exif_transpose(image)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert("RGB"))
