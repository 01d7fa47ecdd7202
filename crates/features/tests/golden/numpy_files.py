"""Writes the files of tests/golden/numpy: the same small set as NumPy's users may save it, and what is refused.

Run in this folder with NumPy 2.4: python numpy_files.py
"""

import numpy as np

FEATURES = np.array([[0.5, -1.0], [2.0, 0.0], [1e-3, 40.0]])
LABELS = np.array([1, 0, 255])


def save(name, write=np.savez, **arrays):
    write(f"numpy/{name}", **arrays)


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

save("objects.npz", features=f4, labels=np.array(["cat", None, "dog"], dtype=object))
save("text.npz", features=f4, labels=np.array(["cat", "cow", "dog"]))
save("float-labels.npz", features=f4, labels=LABELS.astype("f4"))
save("large-label.npz", features=f4, labels=LABELS + 1)
save("negative-label.npz", features=f4, labels=LABELS - 1)
save("column-labels.npz", features=f4, labels=LABELS[:, None])
save("three-axes.npz", features=f4[:, :, None], labels=LABELS)
save("float16.npz", features=f4.astype("<f2"), labels=LABELS)
save("records.npz", features=np.zeros(3, dtype=[("a", "<f4"), ("b", "<i4")]), labels=LABELS)
save("too-large.npz", features=f8 * 1e300, labels=LABELS)
save("not-a-number.npz", features=np.where(np.asfortranarray(f4) == 40, np.nan, f4), labels=LABELS)
save("other-names.npz", inputs=f4, targets=LABELS)
