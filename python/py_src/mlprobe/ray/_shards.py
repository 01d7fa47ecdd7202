"""The folder of Parquet shards that `embed` writes, and its manifest.

A shard holds consecutive images of the list that is embedded. It appears under its name when it is whole, and then gets a
line in ``manifest.jsonl``. A shard with a line of the same images, whose file still has the digest in it, is not made again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MANIFEST = "manifest.jsonl"


@dataclass(frozen=True)
class Shard:
    """Some images that become one file."""

    index: int
    paths: tuple[str, ...]
    #: SHA-256 over path, size and time of change of each file.
    digest: str


def file_name(shard: int) -> str:
    """The file of the shard with this index."""
    return f"part-{shard:06}.parquet"


def plan(paths: list[str], rows: int, size: int) -> Iterator[Shard]:
    """Cut the list into shards of at most `rows` images and, unless one image is larger, `size` bytes of files."""
    chosen: list[str] = []
    index, total, digest = 0, 0, hashlib.sha256()
    for path in paths:
        found = os.stat(path)
        if chosen and (len(chosen) == rows or total + found.st_size > size):
            yield Shard(index, tuple(chosen), digest.hexdigest())
            chosen, index, total, digest = [], index + 1, 0, hashlib.sha256()
        chosen.append(path)
        total += found.st_size
        digest.update(f"{path}\0{found.st_size}\0{found.st_mtime_ns}\n".encode(errors="surrogateescape"))
    if chosen:
        yield Shard(index, tuple(chosen), digest.hexdigest())


def sha256(path: Path) -> str:
    """Of a file, in hexadecimal."""
    with open(path, "rb") as file:
        digest = hashlib.sha256()
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


class Manifest:
    """What is whole in the folder `out`."""

    def __init__(self, out: Path, settings: dict[str, Any]) -> None:
        self.path = out / MANIFEST
        out.mkdir(parents=True, exist_ok=True)
        lines = _lines(self.path)
        if lines and not (isinstance(lines[0], dict) and "fingerprint" in lines[0]):
            raise ValueError(
                f"{self.path}: expected no file, or the manifest of shards that `embed` has written, got another file; choose "
                "another folder"
            )
        if lines and lines[0] != settings:
            raise ValueError(
                f"{self.path}: expected the features of {settings}, got those of {lines[0]}; choose another folder, or "
                "remove this one"
            )
        self.done = {line["shard"]: line for line in lines[1:]}
        self._refuse_others()
        # Written again, so that a line that a kill cut short is gone.
        part = self.path.with_suffix(".part")
        part.write_text("".join(json.dumps(line) + "\n" for line in [settings, *self.done.values()]))
        os.replace(part, self.path)

    def is_whole(self, shard: Shard) -> bool:
        """Whether the shard's file is there as it was written, from the images as they are now."""
        line = self.done.get(shard.index)
        file = self.path.parent / file_name(shard.index)
        return line is not None and line["images"] == shard.digest and file.exists() and sha256(file) == line["sha256"]

    def add(self, line: dict[str, Any]) -> None:
        """Note that a shard is whole."""
        self.done[line["shard"]] = line
        with open(self.path, "a") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def remove_others(self, count: int) -> None:
        """Remove shards of an earlier, longer list; files of other names stay."""
        for file in self.path.parent.glob("part-*.parquet"):
            index = file.stem.removeprefix("part-")
            if index.isdecimal() and int(index) >= count and file.name == file_name(int(index)):
                file.unlink()

    def _refuse_others(self) -> None:
        # A shard may be whole before a kill leaves the manifest without its line, but there is no shard before the manifest.
        if not self.path.exists() and (found := next(self.path.parent.glob("part-*.parquet"), None)):
            raise ValueError(
                f"{found}: expected a folder without other shards, got a file that `embed` has not written; choose another folder"
            )


def _lines(path: Path) -> list[Any]:
    if not path.exists():
        return []
    lines: list[Any] = []
    for line in path.read_text(errors="replace").splitlines():
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError:
            # The last line may have been cut short; a file that begins otherwise is not ours.
            return lines or [line]
    return lines


def read(out: str | os.PathLike[str]) -> Any:
    """Read the shards of a folder in their order, which is that of the paths.

    Parameters
    ----------
    out : path
        What `embed` has written.

    Returns
    -------
    pyarrow.Table
        ``path``, ``label`` (null for an image that lies in no folder of a class), ``features`` and ``extractor``.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = sorted(Path(out).glob("part-*.parquet"))
    if not files:
        raise FileNotFoundError(f"reading {out}: there are no shards; run embed first")
    return pa.concat_tables([pq.read_table(file) for file in files])
