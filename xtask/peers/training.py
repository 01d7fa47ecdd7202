"""The 512-64-10 network by NumPy, PyTorch, JAX and scikit-learn, in f32, or PyTorch in bf16 where that is asked for: mini-batch gradient descent over reshuffled
rows, evaluation, and a cycle of both as the study has it.

A network is made from x (N, 512), y (N) and W1 (64, 512), W2 (10, 64), biases zero. `fit(batch, learning_rate,
epochs)` returns the last epoch's mean loss; `evaluate(n)` returns mean loss and accuracy over the first n rows.
"""

import warnings

import numpy as np

# Of losses, relative to ours in f32.
TOLERANCE = {"f32": 1e-4, "bf16": 2e-2}


def peer(request, version, networks, precision="f32"):
    """`networks` are (name, class)."""
    load = lambda name: np.load(f"{request['data']}/{name}.npy")
    x, y, weights = load("train_x"), load("train_y"), (load("w1"), load("w2"))
    check, stage = request["check"], request["stage"]
    n, batch, learning_rate = len(x), request["batch"], request["learning_rate"]

    def prepare(network):
        model = network(x, y, *weights)

        def train():
            model.fit(batch, learning_rate, request["epochs"])
            return n * request["epochs"]

        def evaluate():
            model.evaluate(n)
            return n

        def cycle():
            model.fit(batch, learning_rate, request["epochs"])
            model.evaluate(n)
            model.evaluate(min(n, request["test_rows"]))
            return n * request["epochs"]

        return {"training": train, "evaluation": evaluate, "cycle": cycle}[stage]

    errors = []
    for name, network in networks:
        model = network(x[: check["rows"]], y[: check["rows"]], *weights)
        loss = model.fit(check["rows"], check["learning_rate"], check["epochs"])
        errors.append(abs(loss / check["loss"] - 1))
        if stage != "training":
            errors.append(abs(model.evaluate(check["rows"])[0] / check["loss_after"] - 1))
        if not max(errors) <= TOLERANCE[precision]:
            raise ValueError(f"{name}: losses differ from ours by {max(errors):.1e}, more than {TOLERANCE[precision]}")
    candidates = [(name, lambda network=network: prepare(network)) for name, network in networks]
    agreement = f"losses of {check['epochs']} steps within {max(errors):.0e} of ours" + " in f32" * (precision != "f32")
    return dict(version=version, precision=precision, agreement=agreement, candidates=candidates)


class NumPy:
    """Written out by hand as ours is, in buffers that are allocated once."""

    def __init__(self, x, y, w1, w2):
        self.x, self.y = x, y.astype(np.intp)
        # (in, out), so that every product runs along rows.
        self.w1, self.w2 = np.ascontiguousarray(w1.T), np.ascontiguousarray(w2.T)
        self.b1, self.b2 = np.zeros(w1.shape[0], np.float32), np.zeros(w2.shape[0], np.float32)
        self.random = np.random.default_rng(1)
        self.rows = 0

    def make_buffers(self, m):
        if m != self.rows:
            self.rows, empty = m, lambda *shape: np.empty(shape, np.float32)
            self.batch, self.z1, self.a1, self.z2 = empty(m, 512), empty(m, 64), empty(m, 64), empty(m, 10)
            self.dw1, self.dw2, self.da1 = empty(512, 64), empty(64, 10), empty(m, 64)
            self.range = np.arange(m)

    def forward(self, x, y):
        """Sum of the losses; leaves softmax in z2."""
        np.dot(x, self.w1, out=self.z1)
        self.z1 += self.b1
        np.maximum(self.z1, 0, out=self.a1)
        z2 = np.dot(self.a1, self.w2, out=self.z2)
        z2 += self.b2
        z2 -= z2.max(axis=1, keepdims=True)
        of_label = z2[self.range, y]
        np.exp(z2, out=z2)
        sums = z2.sum(axis=1, keepdims=True)
        z2 /= sums
        return float(np.log(sums).sum(dtype=np.float64) - of_label.sum(dtype=np.float64))

    def fit(self, batch, learning_rate, epochs):
        n, m = len(self.x), min(batch, len(self.x))
        self.make_buffers(m)
        for _ in range(epochs):
            total, order = 0.0, self.random.permutation(n)
            for first in range(0, n - m + 1, m):
                rows = order[first : first + m]
                x, y = np.take(self.x, rows, axis=0, out=self.batch, mode="clip"), self.y[rows]
                total += self.forward(x, y)
                dz2 = self.z2
                dz2[self.range, y] -= 1
                np.dot(self.a1.T, dz2, out=self.dw2)
                dz1 = np.dot(dz2, self.w2.T, out=self.da1)
                dz1 *= self.z1 >= 0
                np.dot(x.T, dz1, out=self.dw1)
                step = np.float32(learning_rate / m)
                self.dw1 *= step
                self.dw2 *= step
                self.w1 -= self.dw1
                self.w2 -= self.dw2
                self.b1 -= step * dz1.sum(axis=0)
                self.b2 -= step * dz2.sum(axis=0)
        return total / n

    def evaluate(self, n):
        m = min(500, n)
        self.make_buffers(m)
        total, correct = 0.0, 0
        for first in range(0, n - m + 1, m):
            y = self.y[first : first + m]
            total += self.forward(self.x[first : first + m], y)
            correct += int((self.z2.argmax(axis=1) == y).sum())
        return total / n, correct / n


def numpy(request):
    return peer(request, np.__version__, [("buffers reused", NumPy)])


def torch(request):
    import torch

    torch.set_num_threads(request["threads"])
    precision = "bf16" if request["precision"] == "bf16" else "f32"

    class Network:
        compiled, fused = False, False

        def __init__(self, x, y, w1, w2):
            self.x, self.y = torch.from_numpy(x), torch.from_numpy(y.astype(np.int64))
            hidden, last = torch.nn.Linear(512, 64), torch.nn.Linear(64, 10)
            self.model = torch.nn.Sequential(hidden, torch.nn.ReLU(), last)
            with torch.no_grad():
                for layer, weight in ((hidden, w1), (last, w2)):
                    layer.weight.copy_(torch.from_numpy(weight))
                    layer.bias.zero_()
            loss = lambda x, y: torch.nn.functional.cross_entropy(self.logits(x), y)
            self.loss = torch.compile(loss) if self.compiled else loss

        def logits(self, x):
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
                return self.model(x).float()

        def fit(self, batch, learning_rate, epochs):
            kind = {"fused": True} if self.fused else {"foreach": True}
            descent = torch.optim.SGD(self.model.parameters(), lr=learning_rate, **kind)
            for _ in range(epochs):
                total = 0.0
                for rows in torch.randperm(len(self.x)).split(batch):
                    loss = self.loss(self.x[rows], self.y[rows])
                    loss.backward()
                    descent.step()
                    descent.zero_grad()
                    total += loss.detach() * len(rows)
            return float(total) / len(self.x)

        @torch.inference_mode()
        def evaluate(self, n):
            total, correct = 0.0, 0
            for x, y in zip(self.x[:n].split(2000), self.y[:n].split(2000)):
                z = self.logits(x)
                total += float(torch.nn.functional.cross_entropy(z, y, reduction="sum"))
                correct += int((z.argmax(1) == y).sum())
            return total / n, correct / n

    variant = lambda name, **settings: (name, type(name, (Network,), settings))
    networks = [variant("eager")]
    if request["stage"] != "evaluation":
        networks.append(variant("eager, fused step", fused=True))
        if request["compile"]:
            networks.append(variant("compiled, fused step", compiled=True, fused=True))
    return peer(request, torch.__version__, networks, precision)


def jax(request):
    import jax
    import jax.numpy as jnp

    class Network:
        whole_epochs = False

        def __init__(self, x, y, w1, w2):
            self.x, self.y = jnp.asarray(x), jnp.asarray(y, jnp.int32)
            self.parameters = (jnp.asarray(w1.T), jnp.zeros(64), jnp.asarray(w2.T), jnp.zeros(10))
            self.random = np.random.default_rng(1)

        def fit(self, batch, learning_rate, epochs):
            n = len(self.x)
            for _ in range(epochs):
                order = jnp.asarray(self.random.permutation(n).astype(np.int32).reshape(-1, min(batch, n)))
                if self.whole_epochs:
                    self.parameters, losses = scan(self.parameters, self.x, self.y, order, learning_rate)
                else:
                    losses = []
                    for rows in order:
                        self.parameters, loss = step(self.parameters, self.x, self.y, rows, learning_rate)
                        losses.append(loss)
            return float(jnp.mean(jnp.asarray(losses)))

    def mean_loss(parameters, x, y):
        w1, b1, w2, b2 = parameters
        z = jnp.maximum(x @ w1 + b1, 0) @ w2 + b2
        return jnp.mean(jax.nn.logsumexp(z, axis=1) - jnp.take_along_axis(z, y[:, None], axis=1)[:, 0])

    def descend(parameters, x, y, rows, learning_rate):
        loss, gradients = jax.value_and_grad(mean_loss)(parameters, x[rows], y[rows])
        return tuple(p - learning_rate * g for p, g in zip(parameters, gradients)), loss

    step = jax.jit(descend, donate_argnums=0)
    scan = jax.jit(
        lambda parameters, x, y, order, rate: jax.lax.scan(
            lambda parameters, rows: descend(parameters, x, y, rows, rate), parameters, order
        )
    )
    whole = type("Whole", (Network,), {"whole_epochs": True})
    return peer(request, jax.__version__, [("a step compiled", Network), ("an epoch compiled", whole)])


def scikit_learn(request):
    import sklearn
    from sklearn.neural_network import MLPClassifier

    warnings.filterwarnings("ignore")  # that the iterations ended before convergence, which is what they should

    class Network:
        def __init__(self, x, y, w1, w2):
            self.x, self.y, self.weights = x, y, (w1.T, w2.T)

        def fit(self, batch, learning_rate, epochs):
            batch = min(batch, len(self.x))
            model = MLPClassifier(
                (64,), solver="sgd", alpha=0, momentum=0, nesterovs_momentum=False, batch_size=batch,
                learning_rate_init=learning_rate, max_iter=epochs, tol=0, n_iter_no_change=epochs + 1, random_state=1,
            )
            if len(self.x) > batch:
                return model.fit(self.x, self.y).loss_
            # The check: the weights can be set only once a first step has made them.
            model.partial_fit(self.x, self.y, classes=np.arange(10))
            for parameters, values in zip(model.coefs_ + model.intercepts_, (*self.weights, 0, 0)):
                parameters[:] = values
            for _ in range(epochs):
                model.partial_fit(self.x, self.y)
            return model.loss_

    return peer(request, sklearn.__version__, [("MLPClassifier, sgd", Network)])


PEERS = {"numpy": numpy, "torch": torch, "jax": jax, "scikit-learn": scikit_learn}
