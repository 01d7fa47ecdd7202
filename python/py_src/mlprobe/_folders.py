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
    folder: str | os.PathLike[str],
    *,
    side: int = 128,
    skip_broken: bool = False,
    labels: str | os.PathLike[str] | None = None,
    label_column: str | None = None,
    image_column: str | None = None,
    keep_na: bool = False,
    threads: int | None = None,
) -> Images:
    """Read a folder of images.

    The folder holds ``train/CLASS/*`` and ``test/CLASS/*``; or ``CLASS/*``, of which every sixth image becomes a test
    image; or images and a table of their labels; or the files of CIFAR-10, CIFAR-100, or MNIST and its like. What you may not
    expect, such as images without a label, is a `UserWarning`.

    Parameters
    ----------
    folder : path
        The folder.
    side : int
        Height and width in pixels: the centre square of each image is resized to it. Files of a known data set keep
        their size.
    skip_broken : bool
        Leave out images that cannot be read instead of raising.
    labels : path, optional
        A table of the images' names and labels, or ``"folders"`` where tables say one thing and folders another and the
        folders are right. Found out by default.
    label_column, image_column : str, optional
        The table's columns, if their names do not tell.
    keep_na : bool
        Keep ``NA``, ``nan``, ``None`` and the like as classes. By default they are missing values and their images are left
        out.
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
    of_labels = tables(labels, label_column, image_column, keep_na)
    dataset = _mlprobe.Dataset.open(os.fspath(folder), side, skip_broken, threads or 0, of_labels)
    return Images(*dataset.train(), *dataset.test(), dataset.classes)


def tables(
    labels: str | os.PathLike[str] | None, label_column: str | None, image_column: str | None, keep_na: bool
) -> _mlprobe._Tables:
    """What the extension takes of tables of labels: whole paths, so that they can be recorded."""
    if labels is not None and os.fspath(labels) != "folders":
        labels = os.path.realpath(os.fspath(labels))
    return (None if labels is None else os.fspath(labels), label_column, image_column, keep_na)


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
