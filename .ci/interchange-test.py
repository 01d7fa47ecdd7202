#!/usr/bin/env python3
"""Reads what a run and `cargo xtask export` have written with the libraries that people use.

    .ci/interchange-test.py RUN SETS MODEL.onnx

RUN is a run folder of the study, SETS the folder of `cargo xtask export features` with the same options, and MODEL.onnx
the export of RUN/models/augmented-seed0.safetensors. ONNX Runtime, and NumPy with the weights from the safetensors file,
have to give the probabilities that the run has saved. Needs numpy, onnx, onnxruntime and safetensors from PyPI; without
them, it makes itself an environment in target/interchange.
"""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
REQUIREMENTS = ["numpy==2.4.6", "onnx==1.23.2", "onnxruntime==1.32.0", "safetensors==0.8.0"]

# Logits are sums of some 500 products in f32, taken in another order; probabilities are at most as far apart.
TOLERANCE = 2e-5


def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def check(what, holds):
    print(("ok: " if holds else "WRONG: ") + what)
    return holds


def main(run, sets, model):
    run, sets = pathlib.Path(run), pathlib.Path(sets)
    test, plain, augmented = (np.load(sets / f"{name}.npz") for name in ["test", "unaugmented", "augmented"])
    x, y = test["features"], test["labels"]
    saved = np.load(run / "predictions/augmented-seed0-epoch20.npy")
    predicted = np.load(run / "predictions/augmented-seed0.npy")

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"features": x})
    by_onnx = softmax(logits)

    w = safetensors.numpy.load_file(run / "models/augmented-seed0.safetensors")
    hidden = np.maximum(x @ w["layers.0.weight"].T + w["layers.0.bias"], 0)
    by_numpy = softmax(hidden @ w["layers.1.weight"].T + w["layers.1.bias"])

    n, d = plain["features"].shape
    graph = onnx.load(model)
    onnx.checker.check_model(graph, full_check=True)
    operators = [node.op_type for node in graph.graph.node]
    results = [
        check(f"the ONNX file is whole, with the nodes {', '.join(operators)}", operators == ["Gemm", "Relu", "Gemm"]),
        check("features are float32, labels int64", x.dtype == np.float32 and y.dtype == np.int64),
        check("the augmented set begins with the original one",
              augmented["features"].shape == (2 * n, d) and (augmented["features"][:n] == plain["features"]).all()
              and (augmented["labels"] == np.tile(plain["labels"], 2)).all()),
        check("there is a probability for each test image and class", saved.shape == (len(y), logits.shape[1])),
        check("predictions are the likeliest classes", (predicted == saved.argmax(axis=1)).all()),
        check(f"ONNX Runtime: probabilities within {np.abs(by_onnx - saved).max():.1e}",
              np.abs(by_onnx - saved).max() <= TOLERANCE),
        check(f"NumPy: probabilities within {np.abs(by_numpy - saved).max():.1e}",
              np.abs(by_numpy - saved).max() <= TOLERANCE),
    ]
    return 0 if all(results) else 1


try:
    import numpy as np
    import onnx
    import onnxruntime
    import safetensors.numpy
except ImportError:
    environment = ROOT / "target/interchange"
    python = environment / "bin/python"
    if pathlib.Path(sys.prefix) == environment:
        raise
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)
    sys.exit(subprocess.run([python, __file__, *sys.argv[1:]], check=False).returncode)

sys.exit(main(*sys.argv[1:]))
