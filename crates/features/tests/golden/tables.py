"""Writes the Parquet files of tests/golden/tables: the same small set as people may save it, and what is refused.

Run in this folder with pyarrow 26.0, NumPy 2.4, pandas 3.1 and polars 2.1: python tables.py
"""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

FEATURES = [[0.5, -1.0], [2.0, 0.0], [0.25, 40.0]]
LABELS = [1, 0, 300]
TEXTS = ["dog", "cat", "\u017elva"]
F0, F1 = zip(*FEATURES)


def save(name, compression="snappy", **columns):
    options = {"row_group_size": 2, "compression": compression}
    pq.write_table(pa.table(columns), f"tables/{name}.parquet", **options)


def lists(rows, kind=pa.float32()):
    return pa.array(rows, pa.list_(kind))


paths = ["a.png", "b.png", "c.png"]
half = np.array(FEATURES, dtype=np.float16).ravel()
save("lists", path=paths, embedding=lists(FEATURES), label=LABELS)
save("large-lists", "gzip", features=pa.array(FEATURES, pa.large_list(pa.float64())), y=pa.array(LABELS, pa.uint16()))
save("fixed-lists", "lz4", vector=pa.array(FEATURES, pa.list_(pa.float32(), 2)), target=pa.array(map(float, LABELS)))
save("half", "none", x=pa.FixedSizeListArray.from_arrays(pa.array(half), 2), label=LABELS)
save("columns", f0=pa.array(F0, pa.float32()), f1=pa.array(F1, pa.float64()), label=pa.array(LABELS, pa.int32()))
save("integers", label=[True, False, True], a=pa.array([250, 1, 2], pa.uint8()), b=pa.array([2**31, 0, 5], pa.uint32()), c=[-(2**40), 3, 4], d=[True, False, True])
save("text", f0=F0, f1=F1, label=TEXTS)
save("categories", embedding=lists(FEATURES), label=pa.array(TEXTS).dictionary_encode())
save("several", image=lists(FEATURES), text=lists(FEATURES[::-1]), coarse=[0, 0, 1], fine=LABELS)
pd.DataFrame({"f0": F0, "f1": F1, "label": LABELS}).to_parquet("tables/pandas.parquet")
save("zstd", "zstd", f0=F0, f1=F1, label=LABELS)
save("brotli", "brotli", f0=F0, f1=F1, label=LABELS)
pl.DataFrame({"f0": F0, "f1": F1, "label": LABELS}).write_parquet("tables/polars.parquet")
second = {"compression": "zstd", "data_page_version": "2.0", "use_dictionary": False}
pq.write_table(pa.table({"f0": F0, "f1": F1, "label": LABELS}), "tables/second-version.parquet", **second)
# Indices: without a name and of one's own, one of texts, and one of numbers, which no model should see.
pd.DataFrame({"f0": F0, "f1": F1, "label": LABELS}, index=[5, 6, 7]).to_parquet("tables/pandas-index.parquet")
index = pd.MultiIndex.from_tuples([("a", 9), ("b", 7), ("c", 8)], names=["image", "patient"])
pd.DataFrame({"f0": F0, "f1": F1, "label": LABELS}, index=index).to_parquet("tables/named-index.parquet")
save("missing-texts", f0=F0, label=["dog", "None", "cat"])

# What is refused.
save("empty", f0=pa.array([], pa.float32()), label=pa.array([], pa.int64()))
save("empty-list", embedding=lists([[1.0], [], [2.0]]), label=LABELS)
save("missing-list", embedding=lists([[1.0], None, [2.0]]), label=LABELS)
save("missing-element", embedding=lists([[1.0, 2.0], [3.0, None], [2.0, 3.0]]), label=LABELS)
save("missing-number", f0=[1.0, None, 2.0], label=LABELS)
save("missing-label", f0=F0, label=[1, None, 0])
save("missing-text", f0=F0, label=["a", "b", None])
save("ragged", embedding=lists([[1.0], [1.0, 2.0], [2.0]]), label=LABELS)
save("nan", f0=F0, f1=[0.0, 1.0, float("nan")], label=LABELS)
save("negative-label", f0=F0, label=[0, -1, 1])
save("fraction-label", f0=F0, label=[0.0, 1.5, 1.0])
save("list-label", f0=F0, label=lists([[1], [0, 1], [0]], pa.int64()))
save("path", path=paths, f0=F0, label=LABELS)
save("date", when=pa.array([datetime.datetime(2020, 1, 1)] * 3, pa.timestamp("ns")), f0=F0, label=LABELS)
save("date-label", f0=F0, label=[datetime.date(2020, 1, 1)] * 3)
save("nested", embedding=pa.array([[[1.0]], [[2.0]], [[3.0]]], pa.list_(pa.list_(pa.float32()))), label=LABELS)
