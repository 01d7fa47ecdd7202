"""What a study found."""

from __future__ import annotations

import html
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlprobe import _mlprobe

if TYPE_CHECKING:
    import pandas


class Result:
    """What a study found. A notebook shows the scores and answers; `save_html` writes the report with its figures.

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

    @property
    def notes(self) -> list[str]:
        """What the scores alone do not say, such as features of a scale that a network learns badly from."""
        return _mlprobe.notes(self._json)

    def summary(self) -> str:
        """Arms and answers in a few lines.

        Returns
        -------
        str
        """
        return _mlprobe.summary(self._json)

    def to_pandas(self) -> pandas.DataFrame:
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
        # Neither scripts, frames, pictures nor styles: a notebook shows those only once it is trusted. Its colours are kept.
        heading, table, text = html.escape(self.summary()).split("\n\n", 2)
        (*names,), *rows = (re.split(" {2,}", line.strip()) for line in table.splitlines())
        head = "".join(f"<th>{name}</th>" for name in names)
        body = "".join(f"<tr><th>{arm}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>" for arm, *cells in rows)
        sentences = "".join(f"<p>{line.strip()}</p>" for line in text.splitlines() if line.strip())
        return (
            f"<p>{heading}</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{sentences}"
            "<p>The report with its figures: <code>save_html(&quot;report.html&quot;)</code></p>"
        )

    def __repr__(self) -> str:
        return f"Result({', '.join(f'{arm}: {verdict}' for arm, verdict in self.verdicts.items())})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Result) and self.results == other.results

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[type[Result], tuple[str]]:
        return type(self), (self._json,)
