"""What the tests work on: images of CIFAR-10 that come with the repository."""

from pathlib import Path

import numpy as np
import pytest

import mlprobe

ROOT = Path(__file__).parents[2]
MINI = ROOT / "data/cifar10-mini"


@pytest.fixture(scope="session")
def mini():
    return mlprobe.load_folder(MINI)


@pytest.fixture(scope="session")
def photos(tmp_path_factory, mini):
    """A folder CLASS/*.png of two classes, 24 images each, of several sizes."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("data") / "photos"
    for label, name in ((0, "airplane"), (6, "frog")):
        (folder / name).mkdir(parents=True)
        for i, pixels in enumerate(mini.train[mini.train_labels == label][:24]):
            image = Image.fromarray(pixels)
            image.resize((32 + i, 32 + 2 * (i % 5))).save(folder / name / f"{i:02}.png")
    return folder


@pytest.fixture(scope="session")
def features(mini):
    """Features of few images: (X, y) for training, and for testing."""
    network = mlprobe.SqueezeNet(32)
    train, test = slice(0, 600), slice(0, 300)
    return (
        (network.transform(mini.train[train]), mini.train_labels[train].astype(np.int64)),
        (network.transform(mini.test[test]), mini.test_labels[test].astype(np.int64)),
    )


class _Tensor:
    def __init__(self, array):
        self._array = np.asarray(array)
        self.dtype, self.shape = f"torch.{self._array.dtype}", self._array.shape

    def detach(self):
        return self

    cpu = detach

    def numpy(self):
        return self._array

    def __array__(self, dtype=None, copy=None):
        return self._array.astype(dtype or self._array.dtype)

    def __iter__(self):
        return map(_Tensor, self._array)

    def __len__(self):
        return len(self._array)


def as_tensor(array):
    """What torch gives, as far as it is used."""
    return _Tensor(array)
