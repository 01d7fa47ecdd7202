"""Frozen networks that turn images into features, as transformers of scikit-learn."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mlprobe import _mlprobe
from mlprobe._base import ImageTransformer
from mlprobe._pictures import as_images
from mlprobe._progress import bars
from mlprobe._settings import thread_count

if TYPE_CHECKING:
    from typing_extensions import Self

Features = npt.NDArray[np.float32]


class _Extractor(ImageTransformer):
    """What the networks have in common. They are frozen, so `fit` learns nothing."""

    threads: int | None
    progress: bool

    def _open(self) -> _mlprobe.Extractor:
        raise NotImplementedError

    @property
    def _network(self) -> _mlprobe.Extractor:
        """The network of the parameters as they are now; it is kept for the next call and left out of pickles."""
        params = self.get_params()
        key = repr([params[name] for name in sorted(params) if name not in ("threads", "progress")])
        kept = self.__dict__.get("_kept")
        if kept is None or kept[0] != key:
            kept = (key, self._open())
            self.__dict__["_kept"] = kept
        network: _mlprobe.Extractor = kept[1]
        return network

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_kept"}

    def fit(self, X: object = None, y: object = None) -> Self:
        """Check the parameters; the network is frozen.

        Parameters
        ----------
        X, y : ignored

        Returns
        -------
        self
        """
        self._network  # noqa: B018
        return self

    def transform(self, X: Any) -> Features:
        """Images to features.

        Parameters
        ----------
        X : ndarray of shape (N, height, width, 3), uint8, or list of N images
            Images in RGB of any size. The images of a list are arrays of shape (height, width, 3), images of PIL, encoded
            files as bytes, or paths; PNG, JPEG, WebP, BMP, GIF and TIFF are read. An array or a column of paths, and tensors of
            that shape and type are taken too. The centre square is taken of each.

        Returns
        -------
        ndarray of shape (N, D), float32
            A row depends on its image alone.

        Raises
        ------
        ValueError
            For another shape or type, or a file that is no image.
        FileNotFoundError
            For a path that is not there.
        """
        with bars(self.progress) as show:
            return self._network.extract(as_images(X), threads=thread_count(self.threads), progress=show)

    @property
    def dim(self) -> int:
        """D, the number of features."""
        return self._network.dim

    @property
    def name(self) -> str:
        """A short name with the settings that a reader cares about."""
        return self._network.name

    @property
    def fingerprint(self) -> str:
        """All that the features depend on: a SHA-256, then the instruction set."""
        return self._network.fingerprint

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """The names of the D features.

        Parameters
        ----------
        input_features : ignored

        Returns
        -------
        ndarray of shape (D,), str
        """
        prefix = type(self).__name__.lower()
        return np.asarray([f"{prefix}{i}" for i in range(self.dim)], dtype=object)


class SqueezeNet(_Extractor):
    """SqueezeNet 1.1 with its ImageNet weights built in: 512 numbers per image [1]_.

    Parameters
    ----------
    input_size : int
        Side in pixels that images are resized to, 16 to 1024.
    threads : int, optional
        Number of threads; one per core by default, as for -1. The features are the same for any number.
    progress : bool
        Show a bar by tqdm.

    References
    ----------
    .. [1] Iandola et al., "SqueezeNet", arXiv:1602.07360; the last fire module, averaged over its pixels.

    Examples
    --------
    >>> import mlprobe, numpy as np
    >>> images = np.full((3, 32, 32, 3), 128, np.uint8)
    >>> features = mlprobe.SqueezeNet(input_size=64).transform(images)
    >>> features.shape, features.dtype
    ((3, 512), dtype('float32'))
    """

    def __init__(self, input_size: int = 128, *, threads: int | None = None, progress: bool = False) -> None:
        self.input_size = input_size
        self.threads = threads
        self.progress = progress

    def _open(self) -> _mlprobe.Extractor:
        return _mlprobe.Extractor.squeezenet(self.input_size)


class ResNet18(_Extractor):
    """ResNet-18 with weights from a file: 512 numbers per image [1]_.

    Parameters
    ----------
    weights : path
        A safetensors file with torchvision's tensor names, such as timm's ``resnet18.tv_in1k``.
    input_size : int
        Side in pixels that images are resized to, 32 to 1024.
    normalization : str
        ``"imagenet"``, as the network was trained; ``"div255"``; or means and deviations of x/255, as in
        ``"0.5,0.5,0.5/0.25,0.25,0.25"``.
    threads, progress
        As for `SqueezeNet`.

    References
    ----------
    .. [1] He et al., "Deep Residual Learning for Image Recognition", arXiv:1512.03385; the last block, averaged.
    """

    def __init__(
        self,
        weights: str | os.PathLike[str],
        input_size: int = 224,
        normalization: str = "imagenet",
        *,
        threads: int | None = None,
        progress: bool = False,
    ) -> None:
        self.weights = weights
        self.input_size = input_size
        self.normalization = normalization
        self.threads = threads
        self.progress = progress

    def _open(self) -> _mlprobe.Extractor:
        return _mlprobe.Extractor.resnet18(os.fspath(self.weights), self.input_size, self.normalization)


class Onnx(_Extractor):
    """A network from an ONNX file: its output, as many numbers per image as the file says.

    Operators that are not proven to give the numbers of ONNX Runtime are refused; docs/onnx.md lists the others.

    Parameters
    ----------
    path : path
        The file. Its only input has to be images, normalized or as bytes.
    input_size : int, optional
        Side in pixels that images are resized to; what the file says by default, else 224.
    normalization : str, optional
        As for `ResNet18`, ``"imagenet"`` by default. A network that takes bytes has none.
    output : str, optional
        The name of an output or of another value in the network; the first output by default.
    pool : {"cls", "mean"}, optional
        What is made of an output of tokens (N, T, D), which needs it.
    threads, progress
        As for `SqueezeNet`.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        input_size: int | None = None,
        normalization: str | None = None,
        output: str | None = None,
        pool: str | None = None,
        *,
        threads: int | None = None,
        progress: bool = False,
    ) -> None:
        self.path = path
        self.input_size = input_size
        self.normalization = normalization
        self.output = output
        self.pool = pool
        self.threads = threads
        self.progress = progress

    def _open(self) -> _mlprobe.Extractor:
        return _mlprobe.Extractor.onnx(
            os.fspath(self.path), self.input_size, self.normalization, self.output, self.pool
        )
