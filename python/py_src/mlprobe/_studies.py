"""Training sets compared by training the same network on each, with the same seeds."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mlprobe import _mlprobe
from mlprobe._extractors import SqueezeNet, _Extractor
from mlprobe._folders import open_dataset, tables, tell
from mlprobe._progress import bars
from mlprobe._result import Result
from mlprobe._sets import features, labels, named_pairs, ordered_columns, pair
from mlprobe._settings import thread_count, widths

#: Features (N, D) and labels (N).
LabelledSet = tuple[Any, Any]


def compare(
    sets: Mapping[str, LabelledSet] | Iterable[tuple[str, LabelledSet]],
    test: LabelledSet,
    *,
    seeds: int = 5,
    epochs: int = 100,
    learning_rate: float | Mapping[str, float] = 0.01,
    batch_size: int = 100,
    hidden_layer_sizes: Sequence[int] | int = (64,),
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
        Two or more training sets: features (N, D) and labels (N), numbers or text. Arrays, data frames, tensors and sparse
        matrices are taken; columns with names are matched by name.
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
    hidden_layer_sizes : sequence of int, or int
        Widths of the hidden layers.
    standardise : bool
        Give every feature mean 0 and deviation 1, as measured on each training set.
    threads : int, optional
        How many runs train at a time; one per core by default, as for -1. The results are the same for any number.
    progress : bool
        Show bars by tqdm.

    Returns
    -------
    Result

    Raises
    ------
    ValueError
        If shapes, columns or labels do not fit together, labels are missing, numbers do not fit into float32, test rows are in
        a training set, or training diverges.

    Warns
    -----
    UserWarning
        Of what the scores alone do not say, as `Result.notes`.

    Examples
    --------
    See `Result`.
    """
    named = named_pairs(sets)
    if len(named) < 2:
        raise ValueError(f"sets: expected two or more, got {len(named)}")
    given = [*named.items(), ("the test set", pair(test, "the test set"))]
    xs, ys = _features(given), [labels(y, name) for name, (_, y) in given]
    classes, coded = _coded([name for name, _ in given], ys)
    rate = learning_rate if isinstance(learning_rate, Mapping) else dict.fromkeys(named, learning_rate)
    if set(rate) != set(named):
        raise ValueError(f"learning_rate: expected one of each of {list(named)}, got {list(rate)}")
    arms = [(name, x, y, float(rate[name])) for name, x, y in zip(named, xs, coded, strict=False)]  # without the test set
    with bars(progress) as show:
        results = _mlprobe.compare(
            arms,
            (xs[-1], coded[-1]),
            classes=classes,
            seeds=seeds,
            epochs=epochs,
            batch_size=batch_size,
            hidden=widths(hidden_layer_sizes),
            standardise=standardise,
            threads=thread_count(threads),
            progress=show,
        )
    result = Result(results)
    tell([note.replace("(--standardise)", "(standardise=True)") for note in result.notes])
    return result


def reproduce(
    dataset: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    extractor: _Extractor | None = None,
    preset: str = "2022",
    seeds: int = 5,
    epochs: int = 800,
    batch_size: int = 500,
    hidden_layer_sizes: Sequence[int] | int = (64,),
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
        hidden=widths(hidden_layer_sizes),
        skip_broken=skip_broken,
        tables=tables(labels, label_column, image_column, keep_na),
        cache=os.fspath(cache),
    )
    with bars(progress) as show:
        results = study.run(os.fspath(out), fresh=fresh, force=force, threads=thread_count(threads), progress=show)
    result = Result(results)
    tell(result.notes)
    return result


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
        dataset = open_dataset(folder, network.input_size, skip_broken, extractor.threads, tables)
    return _mlprobe.Reproduction(
        network, dataset, folder=folder, skip_broken=skip_broken, tables=tables, program=_mlprobe.__file__, **settings
    )


def _features(given: list[tuple[str, tuple[Any, Any]]]) -> list[npt.NDArray[Any]]:
    """The features of each set, columns with names in one order."""
    order = ordered_columns([x for _, (x, _) in given], [name for name, _ in given])
    return [features(x, name, columns) for (name, (x, _)), columns in zip(given, order, strict=True)]


def _coded(names: list[str], ys: list[npt.NDArray[Any]]) -> tuple[list[str], list[npt.NDArray[np.uint16]]]:
    """The classes, sorted, and the labels of each set as indices into them. The last set is for testing."""
    is_text = [y.dtype.kind == "U" for y in ys if y.size]
    if len(set(is_text)) > 1:
        raise ValueError("labels: expected text in all sets or numbers in all sets, got both; label all in the same way")
    classes, codes = np.unique(np.concatenate(ys), return_inverse=True)
    if len(classes) > 65_536:
        raise ValueError(f"labels: expected at most 65,536 classes, got {len(classes)}")
    coded = np.split(codes.astype(np.uint16), np.cumsum([len(y) for y in ys])[:-1])
    unknown = np.setdiff1d(coded[-1], np.concatenate(coded[:-1]))
    if len(unknown):
        raise ValueError(
            f"no training set has the test classes {[str(classes[k]) for k in unknown]}; label both in the same way, or leave "
            "those rows out of the test set"
        )
    return [str(name) for name in classes], coded
