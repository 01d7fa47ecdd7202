"""Images with their labels from a folder."""

from __future__ import annotations

import os
import warnings
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mlprobe import _mlprobe
from mlprobe._settings import thread_count

Labels = npt.NDArray[np.int64]
Pixels = npt.NDArray[np.uint8]


class Images(NamedTuple):
    """The images of a folder.

    Attributes
    ----------
    train, test : ndarray of shape (N, side, side, 3), uint8
        The images, RGB.
    train_labels, test_labels : ndarray of shape (N,), int64
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
        Number of threads; one per core by default, as for -1.

    Returns
    -------
    Images

    Warns
    -----
    UserWarning
        Of what is odd: files that are not used, images left out, test images that are training images too.

    Raises
    ------
    FileNotFoundError
        If the folder is not there.
    ValueError
        If it holds no data set, or a broken image.
    """
    train, test, classes, oddities = _mlprobe.load_folder(os.fspath(folder), side, skip_broken, thread_count(threads))
    tell(oddities)
    return Images(*train, *test, classes)


def open_dataset(folder: str, side: int, skip_broken: bool, count: int | None) -> _mlprobe.Dataset:
    """The data set in a folder, with a warning of what its user should know."""
    dataset = _mlprobe.Dataset.open(folder, side, skip_broken, thread_count(count))
    tell(dataset.oddities)
    return dataset


def tell(sentences: list[str]) -> None:
    """Warn the caller of a function of this package."""
    for sentence in sentences:
        warnings.warn(sentence, stacklevel=3)
