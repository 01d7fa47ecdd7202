from collections.abc import Callable
from typing import Any, final

import numpy as np
import numpy.typing as npt

_Progress = Callable[[str, int, int, str], None]

@final
class Extractor:
    @staticmethod
    def squeezenet(input_size: int) -> Extractor: ...
    @staticmethod
    def resnet18(weights: str, input_size: int, normalization: str) -> Extractor: ...
    @staticmethod
    def onnx(
        path: str,
        input_size: int | None = None,
        normalization: str | None = None,
        output: str | None = None,
        pool: str | None = None,
    ) -> Extractor: ...
    @property
    def name(self) -> str: ...
    @property
    def dim(self) -> int: ...
    @property
    def input_size(self) -> int: ...
    @property
    def fingerprint(self) -> str: ...
    def extract(
        self, images: Any, threads: int = 0, progress: _Progress | None = None
    ) -> npt.NDArray[np.float32]: ...

@final
class Augmenter:
    def __new__(cls, preset: str, transforms: list[str] | None, seed: int) -> Augmenter: ...
    def describe(self) -> str: ...
    def apply(self, images: npt.NDArray[np.uint8], first: int = 0, threads: int = 0) -> npt.NDArray[np.uint8]: ...
    def draws(self, count: int, height: int, width: int, first: int = 0) -> list[dict[str, Any]]: ...

_Layers = list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]

@final
class Network:
    @staticmethod
    def initial(widths: list[int], seed: int) -> Network: ...
    def __new__(cls, layers: _Layers, velocity: _Layers = ..., seed: int = 0, epochs_done: int = 0) -> Network: ...
    def __reduce__(self) -> tuple[type[Network], tuple[_Layers, _Layers, int, int]]: ...
    def restarted(self) -> Network: ...
    def trained(
        self,
        x: npt.NDArray[Any],
        y: npt.NDArray[np.uint16],
        *,
        weights: npt.NDArray[np.float64] | None,
        validation: tuple[npt.NDArray[Any], npt.NDArray[np.uint16], npt.NDArray[np.float64], float, int] | None,
        epochs: int,
        batch_size: int,
        learning_rate: float,
        cosine: bool,
        momentum: float,
        weight_decay: float,
        threads: int = 0,
        progress: _Progress | None = None,
        report: Callable[[int, float, float | None], None] | None = None,
    ) -> tuple[Network, list[float], list[float]]: ...
    def layers(self) -> _Layers: ...
    def logits(self, x: npt.NDArray[Any]) -> npt.NDArray[np.float32]: ...
    def probabilities(self, x: npt.NDArray[Any]) -> npt.NDArray[np.float32]: ...
    def save(self, path: str) -> None: ...

def odd_scale(x: npt.NDArray[Any]) -> tuple[float, float] | None: ...
def held_out(y: npt.NDArray[np.uint16], fraction: float, seed: int) -> list[int]: ...

# The table of labels, its columns of labels and of images, and whether NA is a class.
_Tables = tuple[str | None, str | None, str | None, bool]
_Half = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]

@final
class Dataset:
    def __new__(cls, name: str, comparable: bool, classes: list[str], train: _Half, test: _Half) -> Dataset: ...
    @staticmethod
    def open(folder: str, side: int, skip_broken: bool, threads: int, tables: _Tables = ...) -> Dataset: ...
    @property
    def classes(self) -> list[str]: ...
    @property
    def oddities(self) -> list[str]: ...
    def train(self) -> _Half: ...
    def test(self) -> _Half: ...
    def __reduce__(self) -> tuple[type[Dataset], tuple[str, bool, list[str], _Half, _Half]]: ...

@final
class Reproduction:
    def __new__(
        cls,
        extractor: Extractor,
        dataset: Dataset,
        *,
        folder: str,
        preset: str,
        seeds: int,
        epochs: int,
        batch_size: int,
        hidden: list[int],
        skip_broken: bool,
        cache: str,
        program: str,
        tables: _Tables = ...,
    ) -> Reproduction: ...
    def run(
        self,
        out: str,
        *,
        checkpoints: str | None = None,
        fresh: bool = False,
        force: bool = False,
        threads: int = 0,
        progress: _Progress | None = None,
    ) -> str: ...
    @staticmethod
    def sets() -> list[str]: ...
    @staticmethod
    def arms() -> list[str]: ...
    def extract(self, set: str | int, threads: int) -> None: ...
    def train(self, arm: str, seed: int, checkpoints: str) -> None: ...

def load_folder(
    folder: str, side: int, skip_broken: bool, threads: int, tables: _Tables
) -> tuple[_Half, _Half, list[str], list[str]]: ...
def find_images(paths: list[str]) -> list[str]: ...
def compare(
    sets: list[tuple[str, npt.NDArray[Any], npt.NDArray[np.uint16], float]],
    test: tuple[npt.NDArray[Any], npt.NDArray[np.uint16]],
    *,
    classes: list[str],
    seeds: int,
    epochs: int,
    batch_size: int,
    hidden: list[int],
    standardise: bool,
    threads: int = 0,
    progress: _Progress | None = None,
) -> str: ...
def is_missing(text: str) -> bool: ...
def notes(results: str) -> list[str]: ...
def summary(results: str) -> str: ...
def page(results: str) -> str: ...
def learning_curves(results: str) -> str: ...
