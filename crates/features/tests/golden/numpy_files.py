"""Writes the files of tests/golden/numpy: the same small set as NumPy's users may save it, and what is refused.

Run in this folder with NumPy 2.4, ml_dtypes 0.6 and safetensors 0.8: python numpy_files.py
"""

import ml_dtypes
import numpy as np
from safetensors.numpy import save_file

FEATURES = np.array([[0.5, -1.0], [2.0, 0.0], [1e-3, 40.0]])
LABELS = np.array([1, 0, 255])
TEXTS = np.array(["dog", "cat", "\u017elva"])


def save(name, write=np.savez, **arrays):
    write(f"numpy/{name}", **arrays)


def labelled(name, labels):
    save(f"{name}.npz", features=f4, labels=labels)


f4, f8 = FEATURES.astype("<f4"), FEATURES.astype("<f8")
whole = np.array([[3, 0], [1, 2], [7, 255]])
save("float32-int64.npz", features=f4, labels=LABELS.astype("<i8"))
save("float64-int32.npz", features=f8, labels=LABELS.astype("<i4"))
save("compressed.npz", np.savez_compressed, features=f4, labels=LABELS.astype("<u2"))
save("scikit-learn.npz", X=np.asfortranarray(f8), y=LABELS.astype("u1"))
save("big-endian.npz", features=f8.astype(">f8"), labels=LABELS.astype(">i2"))
save("fortran.npz", features=np.asfortranarray(f4), labels=LABELS.astype("<u8"), more=LABELS)
for kind in ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]:
    numbers = np.minimum(whole, 127) if kind == "i1" else whole
    save(f"integers-{kind}.npz", features=numbers.astype(f"<{kind}"), labels=(LABELS % 2).astype(f"<{kind}"))
np.save("numpy/features.npy", f4)
np.save("numpy/labels.npy", LABELS.astype("<u4"))

# What is narrower than float32 is widened without loss: NumPy's own widening is beside it.
f2, bf2 = FEATURES.astype("<f2"), FEATURES.astype(ml_dtypes.bfloat16)
bits = bf2.view("<u2")
for name, narrow in [("float16", f2), ("float16-big-endian", f2.astype(">f2")), ("bfloat16", bf2)]:
    save(f"{name}.npz", features=narrow, labels=LABELS, widened=narrow.astype("<f4"))
save("bfloat16-unnamed.npz", features=bf2.view("|V2"), labels=LABELS, widened=bf2.astype("<f4"))
save("bfloat16-bits.npz", features=bits, labels=LABELS, widened=bf2.astype("<f4"))
save("bfloat16-big-endian.npz", features=bits.astype(">u2"), labels=LABELS, widened=bf2.astype("<f4"))

# Labels 1, 0, 255 or dog, cat, \u017elva in other forms.
labelled("column-labels", LABELS[:, None])
for kind in ["<f2", "<f4", ">f8"]:
    labelled(f"float-labels-{kind[1:]}", LABELS.astype(kind))
one_hot = np.eye(256)[LABELS]
labelled("one-hot", one_hot.astype("f4"))
labelled("one-hot-fortran", np.asfortranarray(one_hot.astype(bool)))
labelled("text", TEXTS)
labelled("text-big-endian", TEXTS.astype(">U7"))
labelled("text-column", TEXTS[:, None])
labelled("text-bytes", np.char.encode(TEXTS, "utf-8"))
labelled("largest-label", LABELS + 65280)

# Other names, and several sets in one file.
save("train-test.npz", X_train=f4, y_train=LABELS, X_test=f4[:2] + 1, y_test=LABELS[:2])
np.savez("numpy/unnamed.npz", f4, LABELS)
save("embeddings.npz", embeddings=f4, targets=TEXTS, ids=np.arange(3))
save("other-names.npz", inputs=f4, classes=LABELS)
save("two-labels.npz", features=f4, coarse=LABELS % 2, fine=LABELS)

save_file({"features": f4, "labels": LABELS}, "numpy/float32.safetensors")
save_file({"X": f2, "y": LABELS.astype("u1")}, "numpy/float16.safetensors")
save_file({"embeddings": bf2, "label": LABELS.astype("i4")[:, None]}, "numpy/bfloat16.safetensors")
save_file(
    {"x_train": f8, "y_train": LABELS, "x_test": f8[:2] + 1, "y_test": LABELS[:2]}, "numpy/train-test.safetensors"
)

# What is refused.
labelled("objects", np.array(["cat", None, "dog"], dtype=object))
labelled("fraction-labels", LABELS + 0.5)
labelled("nan-labels", np.where(LABELS == 0, np.nan, LABELS))
labelled("negative-label", LABELS - 1)
labelled("large-label", LABELS + 65281)
labelled("soft-labels", np.full((3, 2), 0.5))
labelled("two-hot", np.array([[1, 0], [1, 1], [0, 1]]))
labelled("no-hot", np.array([[1, 0], [0, 0], [0, 1]]))
labelled("three-axes-labels", LABELS[:, None, None])
labelled("scalar-label", np.array(3))
labelled("empty-text", np.array(["cat", "", "dog"]))
labelled("latin-1", np.array([b"cat", b"caf\xe9", b"dog"]))
labelled("dates", np.array(["2020-01-01"] * 3, dtype="M8[D]"))
labelled("short", LABELS[:2])
save("one-axis.npz", features=f4[:, 0], labels=LABELS)
save("three-axes.npz", features=f4[:, :, None], labels=LABELS)
save("no-rows.npz", features=f4[:0], labels=LABELS[:0])
save("no-columns.npz", features=f4[:, :0], labels=LABELS)
save("text-features.npz", features=f4.astype(str), labels=LABELS)
save("complex.npz", features=f4.astype("c8"), labels=LABELS)
save("float8.npz", features=FEATURES.astype(ml_dtypes.float8_e4m3fn), labels=LABELS)
ragged = np.empty(3, dtype=object)
ragged[:] = [[1.0], [1.0, 2.0], []]
save("ragged.npz", features=ragged, labels=LABELS)
save("records.npz", features=np.zeros(3, dtype=[("a", "<f4"), ("b", "<i4")]), labels=LABELS)
save("too-large.npz", features=f8 * 1e300, labels=LABELS)
save("not-a-number.npz", features=np.where(np.asfortranarray(f4) == 40, np.nan, f4), labels=LABELS)
