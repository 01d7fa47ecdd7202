"""Training sets compared by training the same network on each, with the same seeds."""

from __future__ import annotations

import html
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mlprobe import _mlprobe
from mlprobe._extractors import SqueezeNet, _Extractor
from mlprobe._folders import tables
from mlprobe._progress import bars

LabelledSet = tuple[npt.ArrayLike, npt.ArrayLike]


class Result:
    """What a study found. A notebook shows its report.

    Parameters
    ----------
    results : str
        JSON as in ``results.json``; `read` takes it from a file.

    Attributes
    ----------
    results : dict
        The content of ``results.json``. Accuracies are fractions, losses are in nats, times in seconds.

    Examples
    --------
    >>> import numpy as np, mlprobe
    >>> rng = np.random.default_rng(0)
    >>> def points(n):
    ...     X = rng.random((n, 2), np.float32)
    ...     return X, (X[:, 0] > 0.5).astype(int)
    >>> sets = {"few": points(20), "many": points(200)}
    >>> result = mlprobe.compare(sets, test=points(500), seeds=5, learning_rate=0.1)
    >>> result.verdict
    'better'
    >>> "many is more accurate than few" in result.summary()
    True
    """

    def __init__(self, results: str) -> None:
        self._json = results
        self.results: dict[str, Any] = json.loads(results)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Result:
        """Read ``results.json``, also one that the program ``mlprobe`` has written.

        Parameters
        ----------
        path : path
            The file, or the run folder that holds it.

        Returns
        -------
        Result
        """
        path = Path(path)
        return cls((path / "results.json" if path.is_dir() else path).read_text(encoding="utf-8"))

    @property
    def verdicts(self) -> dict[str, str]:
        """The answers: of a reproduction's claims, ``holds``, ``does not hold`` or ``undecided``; of other studies, whether
        each arm is ``better`` than the first, ``worse``, ``equivalent``, or ``undecided``."""
        claims = {claim["id"]: claim["verdict"] for claim in self.results["claims"]}
        return claims or {answer["contrast"]["a"]: answer["answer"] for answer in self.results["answers"]}

    @property
    def verdict(self) -> str:
        """The first of `verdicts`, which is all of them if two sets were compared."""
        return next(iter(self.verdicts.values()), "undecided")

    def summary(self) -> str:
        """Arms and answers in a few lines.

        Returns
        -------
        str
        """
        return _mlprobe.summary(self._json)

    def to_pandas(self) -> Any:
        """One row per run.

        Returns
        -------
        pandas.DataFrame
            ``arm``, ``seed``, ``train_accuracy`` and ``test_accuracy`` (fractions), ``seconds`` of training, and the
            ``learning_rate`` and ``train_images`` of the arm.
        """
        import pandas as pd

        runs = [
            {
                "arm": arm["name"],
                "seed": run["seed"],
                "train_accuracy": run["train_accuracy"],
                "test_accuracy": run["test_accuracy"],
                "seconds": run["seconds"],
                "learning_rate": arm["learning_rate"],
                "train_images": arm["train_images"],
            }
            for arm in self.results["arms"]
            for run in arm["runs"]
        ]
        return pd.DataFrame(runs)

    def learning_curves(self) -> str:
        """Accuracy over epochs for every arm.

        Returns
        -------
        str
            SVG.
        """
        return _mlprobe.learning_curves(self._json)

    def to_html(self) -> str:
        """The report as one page with all of its figures.

        Returns
        -------
        str
            HTML.
        """
        return _mlprobe.page(self._json)

    def save_html(self, path: str | os.PathLike[str]) -> None:
        """Write the report.

        Parameters
        ----------
        path : path
            Where to; an earlier file is replaced.
        """
        Path(path).write_text(self.to_html(), encoding="utf-8")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the results as JSON, for `read` and for ``mlprobe report``.

        Parameters
        ----------
        path : path
        """
        Path(path).write_text(self._json, encoding="utf-8")

    def _repr_html_(self) -> str:
        page = html.escape(self.to_html(), quote=True)
        return f'<iframe srcdoc="{page}" style="width:100%;height:900px;border:0"></iframe>'

    def __repr__(self) -> str:
        return f"Result({', '.join(f'{arm}: {verdict}' for arm, verdict in self.verdicts.items())})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Result) and self.results == other.results

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> Any:
        return type(self), (self._json,)


def compare(
    sets: Mapping[str, LabelledSet],
    test: LabelledSet,
    *,
    seeds: int = 5,
    epochs: int = 100,
    learning_rate: float | Mapping[str, float] = 0.01,
    batch_size: int = 100,
    hidden_layer_sizes: Sequence[int] = (64,),
    standardise: bool = False,
    threads: int | None = None,
    progress: bool = False,
) -> Result:
    """Is one training set better than another?

    The same network is trained on each set with the same seeds and scored on one test set. Every set is compared with the
    first. The method, its intervals and their sources are described in the README of the crate mlprobe-experiments.

    Parameters
    ----------
    sets : mapping of str to (X, y)
        Two or more training sets: features (N, D) and labels (N), numbers or text.
    test : (X, y)
        The test set.
    seeds : int
        Every set is trained with the seeds 0, 1, 2, ... Intervals need 2, answers 3.
    epochs : int
        Passes over each training set.
    learning_rate : float or mapping of str to float
        The step size, of all sets or of each.
    batch_size : int
        Rows per update.
    hidden_layer_sizes : sequence of int
        Widths of the hidden layers.
    standardise : bool
        Give every feature mean 0 and deviation 1, as measured on each training set.
    threads : int, optional
        How many runs train at a time; one per core by default. The results are the same for any number.
    progress : bool
        Show bars by tqdm.

    Returns
    -------
    Result

    Raises
    ------
    ValueError
        If shapes or labels do not fit together, or training diverges.

    Examples
    --------
    See `Result`.
    """
    if len(sets) < 2:
        raise ValueError(f"sets: expected two or more, got {len(sets)}")
    labels = [np.asarray(y) for _, y in [*sets.values(), test]]
    for name, y in zip([*sets, "the test set"], labels, strict=True):
        if y.ndim != 1:
            raise ValueError(f"labels of {name}: expected shape (N,), got {y.shape}")
    classes, codes = np.unique(np.concatenate(labels), return_inverse=True)
    if len(classes) > 65_536:
        raise ValueError(f"labels: expected at most 65,536 classes, got {len(classes)}")
    unknown = set(np.unique(labels[-1])) - set(np.unique(np.concatenate(labels[:-1])))
    if unknown:
        raise ValueError(
            f"no training set has the test classes {sorted(map(str, unknown))}; label both in the same way, or leave those "
            "rows out of the test set"
        )
    ends = np.cumsum([len(y) for y in labels])
    coded = np.split(codes.astype(np.uint16), ends[:-1])
    rate = learning_rate if isinstance(learning_rate, Mapping) else dict.fromkeys(sets, learning_rate)
    if set(rate) != set(sets):
        raise ValueError(f"learning_rate: expected one of each of {list(sets)}, got {list(rate)}")
    arms = [
        (name, _features(x), y, float(rate[name])) for (name, (x, _)), y in zip(sets.items(), coded[:-1], strict=True)
    ]
    with bars(progress) as show:
        results = _mlprobe.compare(
            arms,
            (_features(test[0]), coded[-1]),
            classes=[str(name) for name in classes],
            seeds=seeds,
            epochs=epochs,
            batch_size=batch_size,
            hidden=list(hidden_layer_sizes),
            standardise=standardise,
            threads=threads or 0,
            progress=show,
        )
    return Result(results)


def reproduce(
    dataset: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    extractor: _Extractor | None = None,
    preset: str = "2022",
    seeds: int = 5,
    epochs: int = 800,
    batch_size: int = 500,
    hidden_layer_sizes: Sequence[int] = (64,),
    cache: str | os.PathLike[str] = "cache",
    skip_broken: bool = False,
    labels: str | os.PathLike[str] | None = None,
    label_column: str | None = None,
    image_column: str | None = None,
    keep_na: bool = False,
    fresh: bool = False,
    force: bool = False,
    threads: int | None = None,
    progress: bool = False,
) -> Result:
    """Does augmentation help on these images? The whole study, as ``mlprobe reproduce`` runs it.

    Interrupt it at any time: the same call resumes it, with the same bits in the end.

    Parameters
    ----------
    dataset : path
        A folder as in `load_folder`.
    out : path
        The run folder, for ``results.json``, ``report.html``, models and predictions.
    extractor : SqueezeNet, ResNet18 or Onnx, optional
        The network that makes the features; ``SqueezeNet()`` by default.
    preset : {"2022", "2023"}
        The transforms, as in `Augmenter`.
    seeds, epochs, batch_size, hidden_layer_sizes, threads, progress
        As in `compare`.
    cache : path
        Features are extracted once and kept there.
    skip_broken : bool
        Leave out images that cannot be read instead of raising.
    labels, label_column, image_column, keep_na
        As in `load_folder`.
    fresh : bool
        Begin from the start even if the run is finished or could be resumed.
    force : bool
        Replace the finished run of other settings.

    Returns
    -------
    Result

    Raises
    ------
    FileNotFoundError
        If the data set is not there.
    FileExistsError
        If `out` holds something else.
    BlockingIOError
        If another process works in `out`.
    """
    study = reproduction(
        SqueezeNet() if extractor is None else extractor,
        None,
        folder=os.path.realpath(os.fspath(dataset)),
        preset=preset,
        seeds=seeds,
        epochs=epochs,
        batch_size=batch_size,
        hidden=list(hidden_layer_sizes),
        skip_broken=skip_broken,
        tables=tables(labels, label_column, image_column, keep_na),
        cache=os.fspath(cache),
    )
    with bars(progress) as show:
        return Result(study.run(os.fspath(out), fresh=fresh, force=force, threads=threads or 0, progress=show))


def reproduction(
    extractor: _Extractor,
    dataset: _mlprobe.Dataset | None,
    *,
    folder: str,
    skip_broken: bool,
    tables: _mlprobe._Tables = (None, None, None, False),
    **settings: Any,
) -> _mlprobe.Reproduction:
    """The study with its data set, which is opened if it is not given."""
    network = extractor._network
    if dataset is None:
        dataset = _mlprobe.Dataset.open(folder, network.input_size, skip_broken, extractor.threads or 0, tables)
    return _mlprobe.Reproduction(
        network, dataset, folder=folder, skip_broken=skip_broken, tables=tables, program=_mlprobe.__file__, **settings
    )


def _features(x: npt.ArrayLike) -> npt.NDArray[Any]:
    x = np.asarray(x)
    return x if x.dtype in (np.float32, np.float64) else x.astype(np.float32)
