"""The networks in PyTorch with our weights, and as ONNX: `python networks.py NETWORK WEIGHTS SIZE RESIZE OUT`.

Input (N, 3, S, S), or with RESIZE = 1 (N, 3, 32, 32), which the network resizes to S itself: RGB/255 minus the means.
Output (N, 512): the last layer of features averaged over its pixels.
"""

import json
import struct
import sys

import numpy as np
import torch
from torch import nn


class Fire(nn.Module):
    def __init__(self, channels, squeezed, half):
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, half, 1)
        self.expand3x3 = nn.Conv2d(squeezed, half, 3, padding=1)

    def forward(self, x):
        s = torch.relu(self.squeeze(x))
        return torch.cat([torch.relu(self.expand1x1(s)), torch.relu(self.expand3x3(s))], 1)


class Resize(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.size = size

    def forward(self, x):
        return nn.functional.interpolate(x, (self.size, self.size), mode="bilinear", align_corners=False)


def squeezenet():
    """SqueezeNet 1.1 without its classifier."""
    pool = lambda: nn.MaxPool2d(3, 2, ceil_mode=True)
    features = nn.Sequential(
        *(nn.Conv2d(3, 64, 3, stride=2), nn.ReLU(), pool(), Fire(64, 16, 64), Fire(128, 16, 64)),
        *(pool(), Fire(128, 32, 128), Fire(256, 32, 128)),
        *(pool(), Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), Fire(512, 64, 256)),
    )
    return nn.Sequential(features, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def resnet18():
    """torchvision's without its classifier."""
    import torchvision

    network = torchvision.models.resnet18(weights=None)
    network.fc = nn.Identity()
    return network


def load(name, weights, resize_to=None):
    """The network in evaluation mode, with the tensors of a safetensors file."""
    network = {"squeezenet": squeezenet, "resnet18": resnet18}[name]()
    state = {key.replace("features.", "0.", 1) if name == "squeezenet" else key: t for key, t in tensors(weights)}
    wrong = network.load_state_dict(state, strict=False)
    missing = [key for key in wrong.missing_keys if not key.endswith("num_batches_tracked")]
    if missing or wrong.unexpected_keys:
        raise ValueError(f"{weights}: {missing} missing, {wrong.unexpected_keys} unexpected")
    return (nn.Sequential(Resize(resize_to), network) if resize_to else network).eval()


def tensors(path):
    """Names and tensors of a safetensors file of f32: a length, a JSON header, numbers."""
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack("<Q", data[:8])
    for name, entry in json.loads(data[8 : 8 + length]).items():
        if name != "__metadata__":
            first, end = (8 + length + offset for offset in entry["data_offsets"])
            yield name, torch.tensor(np.frombuffer(data[first:end], "<f4").reshape(entry["shape"]).copy())


if __name__ == "__main__":
    name, weights, size, resize, out = sys.argv[1:]
    network = load(name, weights, int(size) if resize == "1" else None)
    side = 32 if resize == "1" else int(size)
    example = torch.zeros(2, 3, side, side)
    torch.onnx.export(
        network, (example,), out, input_names=["x"], output_names=["y"], dynamic_axes={"x": {0: "n"}, "y": {0: "n"}},
        opset_version=17, dynamo=False,
    )
