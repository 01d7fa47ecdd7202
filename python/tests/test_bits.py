"""The same bits as the Rust program: the digests of docs/digests.md, computed from Python."""

import hashlib

import numpy as np
import pytest

import mlprobe
from conftest import ROOT


def digest(arrays):
    return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()[:16]


@pytest.mark.parametrize("threads", [1, 3])
def test_images_features_networks_and_probabilities_are_those_of_the_rust_program(mini, threads):
    network = mlprobe.SqueezeNet(32, threads=threads)
    augmented = mlprobe.Augmenter("2022", seed=0, threads=threads).transform(mini.train[:500])
    original, transformed = network.transform(mini.train), network.transform(augmented)
    test = network.transform(mini.test[:500])
    plain = dict(batch_size=500, max_iter=20, alpha=0, momentum=0, learning_rate="constant", random_state=0)
    plain["threads"] = threads
    labels = mini.train_labels
    small = mlprobe.MLPClassifier(learning_rate_init=0.008, **plain).fit(original, labels)
    large = mlprobe.MLPClassifier(learning_rate_init=0.01, **plain)
    large.fit(np.vstack([original, transformed]), np.concatenate([labels, labels[:500]]))
    parameters = [
        array for mlp in (small, large) for w, b in zip(mlp.coefs_, mlp.intercepts_, strict=True) for array in (w.T, b)
    ]
    row = [
        network.fingerprint.rsplit("-", 1)[1],
        *(
            f"`{digest(arrays)}`"
            for arrays in (
                [augmented],
                [original, transformed, test],
                parameters,
                [small.predict_proba(test), large.predict_proba(test)],
            )
        ),
    ]
    table = [line.strip("| ").split(" | ") for line in (ROOT / "docs/digests.md").read_text().splitlines() if "|" in line]
    bf16 = table[0].index("features in bf16")  # not a setting in Python
    assert row in [cells[:bf16] + cells[bf16 + 1 :] for cells in table]
