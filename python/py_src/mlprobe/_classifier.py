"""The perceptron as a classifier of scikit-learn."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mlprobe import _arrays, _inputs, _mlprobe, _settings
from mlprobe._base import BaseEstimator, ClassifierMixin
from mlprobe._progress import bars

if TYPE_CHECKING:
    from typing_extensions import Self

#: Rows from which it is seen whether a network gives the same for everything.
FEW = 256


class MLPClassifier(ClassifierMixin, BaseEstimator):
    """A multilayer perceptron with ReLU, softmax and cross-entropy, trained by mini-batch gradient descent in float32.

    Parameters have the names and the meaning that they have in scikit-learn's ``MLPClassifier(solver="sgd")``, with these
    differences: momentum is the classical one; training lasts `max_iter` epochs unless `early_stopping` ends it, whatever the
    training loss does; `class_weight`, `threads` and `progress` are ours. The defaults suit features of a frozen network,
    unscaled.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int
        Widths of the hidden layers; ``()`` is multinomial logistic regression.
    learning_rate_init : float
        The step size.
    learning_rate : {"cosine", "constant"}
        How the step size changes: down to 0 along half a cosine over all epochs [1]_, or not at all.
    batch_size : int or "auto"
        Rows per update; more than N are N. "auto" is 200, as in scikit-learn.
    max_iter : int
        Epochs, that is passes over the training set; the most of them with `early_stopping`.
    alpha : float
        Strength of the L2 penalty on weights: alpha/2·ΣW² divided by the size of the batch, as in scikit-learn, or by the
        sum of the weights of as many rows of average weight.
    momentum : float
        At least 0 and below 1.
    class_weight : dict, "balanced" or None
        What the weight of each row is multiplied with, by its class; 1 for a class that is not in the dict. "balanced" gives
        all classes the same sum of weights. As in scikit-learn's ``LogisticRegression``.
    warm_start : bool
        Let `fit` begin with the network that is there. The order of rows is another one each time, and momentum begins at 0.
    early_stopping : bool
        Hold out `validation_fraction` of the rows of each class, rounded, and stop once the accuracy on them has gained less
        than `tol` on the best one for more than `n_iter_no_change` epochs in a row. The network with the best one is kept.
    validation_fraction, tol, n_iter_no_change : float, float, int
        As above; only used with `early_stopping`. (In scikit-learn, `tol` also ends training without it.)
    random_state : int, RandomState or None
        Initial weights, the order of rows and the rows held out follow from it. An int is the seed of the Rust program: both
        then give the same bits.
    verbose : bool
        Print the loss of each epoch.
    threads : int, optional
        Number of threads; one per core by default and with -1. The network is the same for any number.
    progress : bool
        Show a bar by tqdm.

    Attributes
    ----------
    classes_ : ndarray of shape (K,)
        The classes, sorted, in the type in which they were given.
    coefs_, intercepts_ : list of ndarray
        Weights (in, out) and biases (out) of each layer, float32.
    loss_curve_ : list of float
        Mean cross-entropy of each epoch in nats, each example's from before the update of its batch.
    loss_, best_loss_ : float
        The last of them, and the least.
    validation_scores_, best_validation_score_ : list of float, float
        Accuracy on the rows held out after each epoch, and the best one; None without `early_stopping`.
    n_iter_ : int
        Epochs of the last call.
    t_ : int
        Rows visited since the first epoch.
    n_features_in_ : int
        D.
    feature_names_in_ : ndarray of shape (D,)
        The names of the columns, if a data frame was given.

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

    classes_: npt.NDArray[Any]
    loss_curve_: list[float]
    loss_: float
    best_loss_: float
    validation_scores_: list[float] | None
    best_validation_score_: float | None
    n_iter_: int
    t_: int
    n_features_in_: int
    feature_names_in_: npt.NDArray[Any]
    _network: _mlprobe.Network

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (64,),
        *,
        learning_rate_init: float = 0.01,
        learning_rate: str = "cosine",
        batch_size: int | str = 100,
        max_iter: int = 100,
        alpha: float = 0.1,
        momentum: float = 0.9,
        class_weight: Mapping[Any, float] | str | None = None,
        warm_start: bool = False,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        tol: float = 1e-4,
        n_iter_no_change: int = 10,
        random_state: Any = None,
        verbose: bool = False,
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
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.random_state = random_state
        self.verbose = verbose
        self.threads = threads
        self.progress = progress

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train.

        Parameters
        ----------
        X : array-like of shape (N, D)
            Features, finite.
        y : array-like of shape (N,)
            Labels of up to 65,536 classes: numbers or text.
        sample_weight : array-like of shape (N,), optional
            How many rows each row counts as, at least 0. A batch's loss is the weighted mean of its rows, as in scikit-learn.
            Weights of mean 1 leave the penalty `alpha` as strong as it is without weights; smaller ones make it stronger.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For shapes that do not fit, numbers that are not finite or too large for float32, labels that are missing,
            parameters out of range, and for training that diverges: lower `learning_rate_init` then.

        Warns
        -----
        UserWarning
            If features are so far from mean 0 and deviation 1 that the network learns little, or all of its units are
            inactive in the end.
        """
        if self.learning_rate not in ("cosine", "constant"):
            raise ValueError(f"learning_rate: expected 'cosine' or 'constant', got {self.learning_rate!r}")
        epochs = _settings.whole("max_iter", self.max_iter, 1)
        goes_on = bool(self.warm_start) and self.__sklearn_is_fitted__()
        if not goes_on:
            self._forget()
        X, y = _inputs.checked(self, X, y, first=not goes_on)
        classes, codes = _inputs.coded(y)
        if goes_on and not np.array_equal(classes, self.classes_):
            raise ValueError(f"warm_start: expected labels of the classes {self.classes_}, got {classes}")
        _warn_of_scale(X)
        network = self._start(X, classes, goes_on)
        self._train(network.restarted() if goes_on else network, X, codes, classes, sample_weight, epochs, goes_on)
        few = X[:FEW]
        logits = self._network.logits(few)
        if (logits == logits[0]).all() and (few != few[0]).any():
            warnings.warn(
                "the network gives the same for every row: its hidden units are inactive; lower learning_rate_init or alpha, or "
                "scale the features",
                stacklevel=2,
            )
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Train for one epoch on these rows, from where the last call ended, at the rate `learning_rate_init`.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        classes : array-like of shape (K,)
            All classes that will come; needed in the first call, and not after `fit`.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            As `fit`; also for labels that are not in `classes`, and with `early_stopping` or ``class_weight="balanced"``,
            which need all rows at once.
        """
        if self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True: rows to hold out would be other ones each time")
        if isinstance(self.class_weight, str):
            raise ValueError(f"partial_fit does not support class_weight={self.class_weight!r}: give a dict, or sample_weight")
        goes_on = self.__sklearn_is_fitted__()
        if not goes_on and classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit: all that will come")
        X, y = _inputs.checked(self, X, y, first=not goes_on)
        if classes is not None:
            _arrays.check_labels(classes, "classes")
            classes = np.unique(np.asarray(classes))
        if goes_on:
            if classes is not None and not np.array_equal(classes, self.classes_):
                raise ValueError(f"classes: expected those of the first call, {self.classes_}, got {classes}")
            classes = self.classes_
        else:
            _warn_of_scale(X)
        network = self._start(X, classes, goes_on)
        self._train(network, X, _inputs.coded(y, classes)[1], classes, sample_weight, None, goes_on)
        return self

    def _forget(self) -> None:
        """A fit that fails leaves no network of other classes or features behind."""
        self.__dict__.pop("_network", None)
        self.__dict__.pop("feature_names_in_", None)

    def _start(self, X: npt.NDArray[Any], classes: npt.NDArray[Any], goes_on: bool) -> _mlprobe.Network:
        """The network that training begins with."""
        widths = [X.shape[1], *_settings.widths(self.hidden_layer_sizes), len(classes)]
        if not goes_on:
            return _mlprobe.Network.initial(widths, _settings.seed(self.random_state))
        actual = [X.shape[1], *(len(bias) for bias in self.intercepts_)]
        if widths != actual:
            raise ValueError(f"hidden_layer_sizes: expected {actual[1:-1]}, as the network has that is there, got {widths[1:-1]}")
        return self._network

    def _train(
        self,
        network: _mlprobe.Network,
        X: npt.NDArray[Any],
        codes: npt.NDArray[np.uint16],
        classes: npt.NDArray[Any],
        sample_weight: Any,
        epochs: int | None,
        goes_on: bool,
    ) -> None:
        """Trains `network` for `epochs`, or for one that is not the last, and keeps what comes out."""
        weights = _inputs.weights(codes, classes, sample_weight, self.class_weight)
        if weights is not None and not weights.all():
            # So that rows of weight 0 change neither batches nor their order.
            X, codes, weights = X[weights > 0], codes[weights > 0], weights[weights > 0]
        validation = None
        if self.early_stopping:
            X, codes, weights, validation = self._divided(X, codes, weights)
        batch_size = 200 if self.batch_size == "auto" else _settings.whole("batch_size", self.batch_size, 1)
        batch_size = min(batch_size, len(X))
        mean = 1.0
        if weights is not None:
            largest = weights.max()
            weights = weights / largest  # whose sum is finite
            mean = float(largest) * float(weights.mean())
        with bars(bool(self.progress)) as show:
            network, losses, scores = network.trained(
                X,
                codes,
                weights=weights,
                validation=validation,
                epochs=epochs or 1,
                batch_size=batch_size,
                learning_rate=_settings.real("learning_rate_init", self.learning_rate_init),
                cosine=epochs is not None and self.learning_rate == "cosine",
                momentum=_settings.real("momentum", self.momentum),
                weight_decay=_settings.real("alpha", self.alpha) / batch_size / mean,
                threads=_settings.thread_count(self.threads),
                progress=show,
                report=_print if self.verbose else None,
            )
        self._network, self.classes_ = network, classes
        self.n_iter_, self.loss_ = len(losses), losses[-1]
        self.t_ = (self.t_ if goes_on else 0) + len(losses) * len(X)
        self.loss_curve_ = (self.loss_curve_ if goes_on else []) + losses
        self.best_loss_ = min(self.loss_curve_)
        self.validation_scores_, self.best_validation_score_ = (scores, max(scores)) if scores else (None, None)
        if self.verbose and epochs is not None and len(losses) < epochs:
            print(
                f"Validation score did not improve more than tol={self.tol:f} for {self.n_iter_no_change} consecutive epochs. "
                "Stopping."
            )

    def _divided(
        self, X: npt.NDArray[Any], codes: npt.NDArray[np.uint16], weights: npt.NDArray[np.float64] | None
    ) -> tuple[Any, Any, Any, Any]:
        """Features, labels and weights to train on, and what is held out, with the rule for stopping."""
        fraction = _settings.real("validation_fraction", self.validation_fraction)
        if not 0 < fraction < 1:
            raise ValueError(f"validation_fraction: expected a number between 0 and 1, got {fraction}")
        rule = (_settings.real("tol", self.tol), _settings.whole("n_iter_no_change", self.n_iter_no_change, 1))
        # Another stream than that of the network, which is seeded first.
        rows = _mlprobe.held_out(codes, fraction, _settings.seed(self.random_state))
        if not 0 < len(rows) < len(codes):
            raise ValueError(
                f"early_stopping: {len(rows)} of {len(codes)} rows would be held out; give more rows, or another "
                "validation_fraction"
            )
        held = np.zeros(len(codes), bool)
        held[rows] = True
        of_held = np.ones(len(rows)) if weights is None else weights[held]
        validation = (X[held], codes[held], of_held / of_held.max(), *rule)
        return X[~held], codes[~held], None if weights is None else weights[~held], validation

    def predict_proba(self, X: Any) -> npt.NDArray[np.float32]:
        """The probability of each class.

        Parameters
        ----------
        X : array-like of shape (N, D)

        Returns
        -------
        ndarray of shape (N, K), float32
            In the order of `classes_`.

        Raises
        ------
        ValueError
            For features that are not finite, or so large that no class is the likeliest in float32.
        """
        return self._outputs(X, "probabilities")

    def predict_log_proba(self, X: Any) -> npt.NDArray[np.float32]:
        """The logarithm of the probability of each class, also where that is too small for float32.

        Parameters
        ----------
        X : array-like of shape (N, D)

        Returns
        -------
        ndarray of shape (N, K), float32
            In the order of `classes_`.
        """
        probabilities = self.predict_proba(X)
        is_small = probabilities < np.finfo(np.float32).tiny
        logarithms = np.log(np.where(is_small, np.float32(1), probabilities))
        if is_small.any():
            # ln p = z - max z - ln Σ exp(z - max z)
            z = self._outputs(X, "logits")
            z -= z.max(axis=1, keepdims=True)
            logarithms[is_small] = (z - np.log(np.exp(z).sum(axis=1, keepdims=True)))[is_small]
        return logarithms

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The likeliest class.

        Parameters
        ----------
        X : array-like of shape (N, D)

        Returns
        -------
        ndarray of shape (N,)
            In the type of the labels that were given.
        """
        probabilities = self.predict_proba(X)
        labels: npt.NDArray[Any] = self.classes_[probabilities.argmax(axis=1)]
        return labels

    def _outputs(self, X: Any, kind: str) -> npt.NDArray[np.float32]:
        _check_fitted(self)
        X, _ = _inputs.checked(self, X)
        try:
            outputs: npt.NDArray[np.float32] = getattr(self._network, kind)(X)
        except ValueError as error:
            column = int(np.maximum(X.max(axis=0), -X.min(axis=0)).argmax())
            names = getattr(self, "feature_names_in_", range(X.shape[1]))
            raise ValueError(
                f"X: the network's sums are too large for float32, and no class is the likeliest; the largest values, up to "
                f"{np.abs(X[:, column]).max():.4g}, are in column {names[column]!r}; scale it as for training"
            ) from error
        return outputs

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


def _print(epoch: int, loss: float, score: float | None) -> None:
    print(f"Iteration {epoch}, loss = {loss:.8f}" + ("" if score is None else f"\nValidation score: {score:f}"))


def _warn_of_scale(X: npt.NDArray[Any]) -> None:
    """The note of the Rust program."""
    scale = _mlprobe.odd_scale(X)
    if scale is not None:
        warnings.warn(
            f"the features have a root mean square of {scale[0]:.4g} and a deviation of {scale[1]:.4g}, far from mean 0 and "
            "deviation 1, from which the network learns best; scale them, for example with scikit-learn's StandardScaler",
            stacklevel=3,
        )


def _check_fitted(estimator: MLPClassifier) -> None:
    try:
        from sklearn.utils.validation import check_is_fitted
    except ImportError:
        if not estimator.__sklearn_is_fitted__():
            raise ValueError("this MLPClassifier is not fitted yet; call fit first") from None
        return
    check_is_fitted(estimator)
