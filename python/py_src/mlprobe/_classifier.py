"""The perceptron as a classifier of scikit-learn."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mlprobe import _mlprobe
from mlprobe._base import BaseEstimator, ClassifierMixin
from mlprobe._progress import bars


class MLPClassifier(ClassifierMixin, BaseEstimator):
    """A multilayer perceptron with ReLU, softmax and cross-entropy, trained by mini-batch gradient descent in float32.

    Parameters have the names and the meaning that they have in scikit-learn's ``MLPClassifier(solver="sgd")``, with two
    differences: momentum is the classical one, and training always lasts `max_iter` epochs. The defaults suit features of
    a frozen network, unscaled.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int
        Widths of the hidden layers; ``()`` is multinomial logistic regression.
    learning_rate_init : float
        The step size.
    learning_rate : {"cosine", "constant"}
        How the step size changes: down to 0 along half a cosine over all epochs [1]_, or not at all.
    batch_size : int
        Rows per update; more than N are N.
    max_iter : int
        Epochs, that is passes over the training set.
    alpha : float
        Strength of the L2 penalty on weights: alpha/2·ΣW² divided by the size of the batch, as in scikit-learn.
    momentum : float
        At least 0 and below 1.
    random_state : int, RandomState or None
        Initial weights and the order of rows follow from it. An int is the seed of the Rust program: both then give the
        same bits.
    threads : int, optional
        Number of threads; one per core by default. The network is the same for any number.
    progress : bool
        Show a bar by tqdm.

    Attributes
    ----------
    classes_ : ndarray of shape (K,)
        The classes, sorted.
    coefs_, intercepts_ : list of ndarray
        Weights (in, out) and biases (out) of each layer, float32.
    loss_curve_ : list of float
        Mean cross-entropy of each epoch in nats, each example's from before the update of its batch.
    loss_ : float
        The last of them.
    n_iter_ : int
        Epochs.
    n_features_in_ : int
        D.

    References
    ----------
    .. [1] Loshchilov and Hutter, "SGDR", ICLR 2017, equation 5, without restarts.

    Examples
    --------
    >>> import numpy as np, mlprobe
    >>> X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    >>> y = np.array(["no", "yes", "yes", "no"])  # "exclusive or"
    >>> mlp = mlprobe.MLPClassifier((16,), learning_rate_init=0.1, batch_size=4, alpha=0, random_state=1).fit(X, y)
    >>> [str(label) for label in mlp.predict(X)]
    ['no', 'yes', 'yes', 'no']
    """

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (64,),
        *,
        learning_rate_init: float = 0.01,
        learning_rate: str = "cosine",
        batch_size: int = 100,
        max_iter: int = 100,
        alpha: float = 0.1,
        momentum: float = 0.9,
        random_state: Any = None,
        threads: int | None = None,
        progress: bool = False,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.learning_rate_init = learning_rate_init
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.alpha = alpha
        self.momentum = momentum
        self.random_state = random_state
        self.threads = threads
        self.progress = progress

    def fit(self, X: Any, y: Any) -> Any:
        """Train.

        Parameters
        ----------
        X : array-like of shape (N, D)
            Features, finite.
        y : array-like of shape (N,)
            Labels of up to 65,536 classes: numbers or text.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For shapes that do not fit, numbers that are not finite, parameters out of range, and for training that
            diverges: lower `learning_rate_init` then.
        """
        if self.learning_rate not in ("cosine", "constant"):
            raise ValueError(f"learning_rate: expected 'cosine' or 'constant', got {self.learning_rate!r}")
        if self.max_iter < 1 or self.batch_size < 1:
            raise ValueError(f"max_iter and batch_size: expected 1 or more, got {self.max_iter} and {self.batch_size}")
        if y is None:
            raise ValueError("MLPClassifier requires y to be passed, but the target y is None")
        X, y = _checked(self, X, y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) > 65_536:
            raise ValueError(f"y: expected at most 65,536 classes, got {len(self.classes_)}")
        hidden = self.hidden_layer_sizes
        batch_size = min(self.batch_size, len(X))
        with bars(self.progress) as show:
            self._network, self.loss_curve_ = _mlprobe.Network.fit(
                X,
                labels.astype(np.uint16),
                classes=len(self.classes_),
                hidden=[int(hidden)] if isinstance(hidden, (int, np.integer)) else [int(width) for width in hidden],
                epochs=self.max_iter,
                batch_size=batch_size,
                learning_rate=self.learning_rate_init,
                cosine=self.learning_rate == "cosine",
                momentum=self.momentum,
                weight_decay=self.alpha / batch_size,
                dropout=0.0,
                seed=_seed(self.random_state),
                threads=self.threads or 0,
                progress=show,
            )
        self.n_iter_ = self.max_iter
        self.loss_ = self.loss_curve_[-1]
        return self

    def predict_proba(self, X: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """The probability of each class.

        Parameters
        ----------
        X : array-like of shape (N, D)

        Returns
        -------
        ndarray of shape (N, K), float32
            In the order of `classes_`.
        """
        _check_fitted(self)
        return self._network.probabilities(_checked(self, X)[0])

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[Any]:
        """The likeliest class.

        Parameters
        ----------
        X : array-like of shape (N, D)

        Returns
        -------
        ndarray of shape (N,)
        """
        probabilities = self.predict_proba(X)
        labels: npt.NDArray[Any] = self.classes_[probabilities.argmax(axis=1)]
        return labels

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network as safetensors, which ``mlprobe predict`` reads.

        Parameters
        ----------
        path : path
        """
        _check_fitted(self)
        self._network.save(os.fspath(path))

    @property
    def coefs_(self) -> list[npt.NDArray[np.float32]]:
        return [weight.T for weight, _ in self._network.layers()]

    @property
    def intercepts_(self) -> list[npt.NDArray[np.float32]]:
        return [bias for _, bias in self._network.layers()]

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_network")


def _seed(random_state: Any) -> int:
    """An int is its own seed; from anything else one is drawn."""
    if isinstance(random_state, (int, np.integer)):
        if not 0 <= random_state < 2**64:
            raise ValueError(f"random_state: expected 0 to 2**64 - 1, got {random_state}")
        return int(random_state)
    source = np.random.mtrand._rand if random_state is None else random_state
    if hasattr(source, "integers"):
        return int(source.integers(2**31))
    return int(source.randint(2**31))


def _checked(estimator: Any, X: Any, y: Any = None) -> tuple[Any, Any]:
    """X (N, D) in float32 or float64 and y (N), checked by scikit-learn if it is there."""
    try:
        from sklearn.utils.multiclass import check_classification_targets
        from sklearn.utils.validation import validate_data
    except ImportError:
        X = np.asarray(X)
        if X.dtype not in (np.float32, np.float64):
            X = X.astype(np.float32)
        if X.ndim != 2 or (y is not None and np.shape(y) != X.shape[:1]):
            raise ValueError(f"expected X of shape (N, D) and y of shape (N,), got {X.shape} and {np.shape(y)}") from None
        if y is not None:
            estimator.n_features_in_ = X.shape[1]
        return X, y
    dtypes = (np.float32, np.float64)
    if y is None:
        return validate_data(estimator, X, dtype=dtypes, reset=False), None
    X, y = validate_data(estimator, X, y, dtype=dtypes)
    check_classification_targets(y)
    return X, y


def _check_fitted(estimator: MLPClassifier) -> None:
    try:
        from sklearn.utils.validation import check_is_fitted
    except ImportError:
        if not estimator.__sklearn_is_fitted__():
            raise ValueError("this MLPClassifier is not trained yet; call fit first") from None
        return
    check_is_fitted(estimator)
