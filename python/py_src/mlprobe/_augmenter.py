"""Random transforms of images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mlprobe import _mlprobe
from mlprobe._base import ImageTransformer
from mlprobe._pictures import Pixels, stacked
from mlprobe._settings import thread_count

if TYPE_CHECKING:
    from typing_extensions import Self


class Augmenter(ImageTransformer):
    """Give every image one random transform, a function of the seed and of the image's index alone.

    Parameters
    ----------
    preset : {"2022", "2023"}
        The edition of the course whose four transforms are drawn from with equal probability. 2022: rotation, cutout,
        crop, contrast and flip. 2023: enhancement, posterize, rotation, contrast and flip.
    seed : int
        Determines every draw.
    transforms : list of str, optional
        Draw from these instead: ``rotation``, ``cutout``, ``crop``, ``contrast_flip``, ``enhancement``, ``posterize``.
    threads : int, optional
        Number of threads; one per core by default, as for -1. The images are the same for any number.

    Examples
    --------
    >>> import mlprobe, numpy as np
    >>> images = np.zeros((2, 32, 32, 3), np.uint8)
    >>> augmenter = mlprobe.Augmenter(preset="2022", seed=0)
    >>> augmenter.transform(images).shape
    (2, 32, 32, 3)
    >>> len(augmenter.draws(images))
    2
    """

    def __init__(
        self,
        preset: str = "2022",
        seed: int = 0,
        *,
        transforms: Sequence[str] | None = None,
        threads: int | None = None,
    ) -> None:
        self.preset = preset
        self.seed = seed
        self.transforms = transforms
        self.threads = threads

    @property
    def _inner(self) -> _mlprobe.Augmenter:
        transforms = None if self.transforms is None else list(self.transforms)
        return _mlprobe.Augmenter(self.preset, transforms, self.seed)

    def fit(self, X: object = None, y: object = None) -> Self:
        """Check the parameters; nothing is learned.

        Parameters
        ----------
        X, y : ignored

        Returns
        -------
        self
        """
        self._inner  # noqa: B018
        return self

    def transform(self, X: Pixels | Sequence[Any], *, first: int = 0) -> Pixels:
        """Transform copies of images.

        Parameters
        ----------
        X : ndarray of shape (N, height, width, 3), uint8
            The images, RGB. They are not changed. A list of such images or of images of PIL, all of one size, is taken too.
        first : int
            The index of the first image: many images can be transformed in parts, with the same result.

        Returns
        -------
        ndarray of shape (N, height, width, 3), uint8

        Raises
        ------
        ValueError
            For another shape or type, an unknown preset or transform.
        """
        return self._inner.apply(stacked(X), first, thread_count(self.threads))

    def draws(self, X: Pixels | Sequence[Any], *, first: int = 0) -> list[dict[str, Any]]:
        """What is drawn for images.

        Parameters
        ----------
        X : ndarray of shape (N, height, width, 3)
            The images, of which only the shape matters.
        first : int
            As in `transform`.

        Returns
        -------
        list of N dicts
            ``transform``, its name, and its parameters: angles in degrees, places and sizes in pixels.
        """
        count, height, width, _ = np.shape(stacked(X))
        return self._inner.draws(count, height, width, first)

    def describe(self) -> str:
        """A text that identifies the result for given images.

        Returns
        -------
        str
        """
        return self._inner.describe()
