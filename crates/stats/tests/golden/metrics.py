"""Reference values for tests/metrics_reference.rs, computed with scikit-learn: `python metrics.py > metrics.json`.

Made with Python 3, NumPy 2.4.6 and scikit-learn 1.9.1; seeded, so a second run prints the same file.
"""

import json

import numpy as np
from sklearn import metrics

rng = np.random.default_rng(20240602)
N, K = 120, 5

# Class 4 is never predicted: its precision is undefined.
logits = rng.normal(0, 1.5, (N, K)) - np.array([0, 0, 0, 0, 30])
labels = np.where(rng.uniform(size=N) < 0.5, logits.argmax(1), rng.integers(0, K, N))
exp = np.exp(logits - logits.max(1, keepdims=True))
probabilities = (exp / exp.sum(1, keepdims=True)).astype(np.float32)
predicted = probabilities.argmax(1)
precision, recall, f1, support = metrics.precision_recall_fscore_support(labels, predicted, zero_division=0)

# Guo et al.'s bins: confidences in (m/15, (m+1)/15].
confidence, correct = probabilities.max(1).astype(np.float64), predicted == labels
bins = []
for low, high in zip(np.arange(15) / 15, np.arange(1, 16) / 15):
    inside = (confidence > low) & (confidence <= high)
    mean = (lambda x: float(x[inside].mean()) if inside.any() else 0.0)
    bins.append({"count": int(inside.sum()), "confidence": mean(confidence), "accuracy": mean(correct)})

print(json.dumps({
    "labels": labels.tolist(),
    "probabilities": [[float(str(p)) for p in row] for row in probabilities],  # the shortest digits that give the f32
    "confusion": metrics.confusion_matrix(labels, predicted).tolist(),
    "precision": precision.tolist(), "recall": recall.tolist(), "f1": f1.tolist(), "support": support.tolist(),
    "top_k_accuracy": [metrics.top_k_accuracy_score(labels, probabilities, k=k) for k in range(1, K)],
    "log_loss": metrics.log_loss(labels, probabilities),
    "bins": bins,
    "expected_calibration_error": sum(b["count"] / N * abs(b["accuracy"] - b["confidence"]) for b in bins),
    "mistakes": [int(i) for i in np.argsort(-confidence, kind="stable") if not correct[i]],
}))
