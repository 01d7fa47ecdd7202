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
    of_labels = tables(labels, label_column, image_column, keep_na)
    train, test, classes, oddities = _mlprobe.load_folder(
        os.fspath(folder), side, skip_broken, thread_count(threads), of_labels
    )
    tell(oddities)
    return Images(*train, *test, classes)


def tables(
    labels: str | os.PathLike[str] | None, label_column: str | None, image_column: str | None, keep_na: bool
) -> _mlprobe._Tables:
    """What the extension takes of tables of labels: whole paths, so that they can be recorded."""
    if labels is not None and os.fspath(labels) != "folders":
        labels = os.path.realpath(os.fspath(labels))
    return (None if labels is None else os.fspath(labels), label_column, image_column, keep_na)


def open_dataset(
    folder: str, side: int, skip_broken: bool, count: int | None, of_labels: _mlprobe._Tables
) -> _mlprobe.Dataset:
    """The data set in a folder, with a warning of what its user should know."""
    dataset = _mlprobe.Dataset.open(folder, side, skip_broken, thread_count(count), of_labels)
    tell(dataset.oddities)
    return dataset


def tell(sentences: list[str]) -> None:
    """Warn the caller of a function of this package."""
    for sentence in sentences:
        warnings.warn(sentence, stacklevel=3)
