"""mlprobe on more than one machine, by Ray (``pip install mlprobe[ray]``).

``python -m mlprobe.ray embed FOLDER --out features.parquet`` turns a folder of images into features, and ``python -m
mlprobe.ray reproduce FOLDER --out RUN`` runs the study, both on whatever cluster Ray is connected to. docs/scale.md has
figures and settings.
"""

from mlprobe.ray._embed import embed, read
from mlprobe.ray._reproduce import reproduce

__all__ = ["embed", "read", "reproduce"]
