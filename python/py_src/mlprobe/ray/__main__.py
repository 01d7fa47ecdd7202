"""``python -m mlprobe.ray embed`` and ``python -m mlprobe.ray reproduce``."""

from __future__ import annotations

import argparse
import sys
import warnings
from typing import Any

from mlprobe import Onnx, ResNet18, SqueezeNet
from mlprobe.ray import embed, reproduce


def main(arguments: list[str] | None = None) -> int:
    """Run a command, and print what it did."""
    parser = argparse.ArgumentParser(prog="python -m mlprobe.ray", description=__doc__)
    parser.add_argument("--address", help="the cluster; by default RAY_ADDRESS, or one that is started on this machine")
    commands = parser.add_subparsers(dest="command", required=True)
    embedding = commands.add_parser("embed", help="a folder of images to Parquet shards of features")
    embedding.add_argument("folder")
    embedding.add_argument("--workers", type=int, help="actors with a core each [default: one per core]")
    embedding.add_argument("--shard-rows", type=int, default=4096)
    embedding.add_argument("--shard-bytes", type=int, default=32 << 20)
    study = commands.add_parser("reproduce", help="does augmentation help on these images?")
    study.add_argument("dataset")
    study.add_argument("--preset", default="2022", choices=["2022", "2023"])
    study.add_argument("--seeds", type=int, default=5)
    study.add_argument("--epochs", type=int, default=800)
    study.add_argument("--cache", default="cache")
    study.add_argument("--labels", help="the table of labels, or `folders`")
    study.add_argument("--label-column")
    study.add_argument("--image-column")
    study.add_argument("--keep-na", action="store_true", help="NA and the like are classes")
    study.add_argument("--fresh", action="store_true", help="begin from the start")
    study.add_argument("--force", action="store_true", help="replace the finished run of other settings")
    for command in (embedding, study):
        command.add_argument("--out", required=True)
        command.add_argument("--extractor", default="squeezenet", help="squeezenet, a file of ResNet-18's weights, or PATH.onnx")
        command.add_argument("--input-size", type=int)
        command.add_argument("--skip-broken", action="store_true")
    options = vars(parser.parse_args(arguments))
    command = options.pop("command")
    network = _network(options.pop("extractor"), options.pop("input_size"))
    warnings.formatwarning = lambda message, *_, **__: f"{message}\n"  # where in the source it was said helps nobody here
    if command == "embed":
        found = embed(options.pop("folder"), options.pop("out"), extractor=network, **options)
        print("{rows} rows in {shards} shards, {skipped} of them whole before; {broken} broken images.".format(**found))
    else:
        print(reproduce(options.pop("dataset"), options.pop("out"), extractor=network, **options).summary())
    return 0


def _network(name: str, input_size: int | None) -> Any:
    size: dict[str, Any] = {} if input_size is None else {"input_size": input_size}
    if name == "squeezenet":
        return SqueezeNet(**size)
    return Onnx(name, **size) if name.endswith(".onnx") else ResNet18(name, **size)


if __name__ == "__main__":
    sys.exit(main())
