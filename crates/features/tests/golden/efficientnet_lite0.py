"""Makes efficientnet_lite0.npz: EfficientNet-Lite0 in PyTorch, with the weights of crates/efficientnet-lite0.

    pip install torch numpy safetensors
    python efficientnet_lite0.py efficientnet_lite0_features.safetensors

The argument is the file with the weights before they were rounded (crates/efficientnet-lite0/weights/ORIGIN.md). The
images are the first 8 of squeezenet_features.npz. `features_S` is (8, 1280) for images resized to S pixels,
`features_128_unrounded` the same with the weights before they were rounded, and `input`, `stem` and `block_i` are maps
(channels, height, width) of the first image at 64 pixels.
"""

import os
import sys

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

HERE = os.path.dirname(os.path.abspath(__file__))
WEIGHTS = os.path.join(HERE, "../../../efficientnet-lite0/weights")
# (blocks, kernel, stride of the first), Tan and Le, arXiv:1905.11946, table 1.
STAGES = [(1, 3, 1), (2, 3, 2), (2, 5, 2), (3, 3, 2), (3, 5, 1), (4, 5, 2), (1, 3, 1)]


def same(x, kernel, stride):
    """TensorFlow's padding SAME."""

    def zeros(length):
        total = max((-(-length // stride) - 1) * stride + kernel - length, 0)
        return total // 2, total - total // 2

    return F.pad(x, (*zeros(x.shape[3]), *zeros(x.shape[2])))


def network(w, x):
    """Features (N, 1280), and the maps by name."""

    def norm(x, name):
        part = lambda part: w[f"{name}.{part}"]
        return F.batch_norm(x, part("running_mean"), part("running_var"), part("weight"), part("bias"), eps=1e-3)

    maps = {"input": x}
    x = maps["stem"] = F.relu6(norm(F.conv2d(same(x, 3, 2), w["_conv_stem.weight"], stride=2), "_bn0"))
    index = 0
    for blocks, kernel, first_stride in STAGES:
        for stride in [first_stride] + [1] * (blocks - 1):
            name, y = f"_blocks.{index}", x
            if f"{name}._expand_conv.weight" in w:
                y = F.relu6(norm(F.conv2d(y, w[f"{name}._expand_conv.weight"]), f"{name}._bn0"))
            depthwise = w[f"{name}._depthwise_conv.weight"]
            y = F.conv2d(same(y, kernel, stride), depthwise, stride=stride, groups=len(depthwise))
            y = F.relu6(norm(y, f"{name}._bn1"))
            y = norm(F.conv2d(y, w[f"{name}._project_conv.weight"]), f"{name}._bn2")
            x = maps[f"block_{index}"] = x + y if x.shape == y.shape else y
            index += 1
    return F.relu6(norm(F.conv2d(x, w["_conv_head.weight"]), "_bn1")).mean((2, 3)), maps


def resized(images, size):
    x = torch.from_numpy(images).permute(0, 3, 1, 2).float()
    return (F.interpolate(x, size=(size, size), mode="bilinear", align_corners=False) - 127) / 128


rounded = {}
for number in (1, 2):
    rounded |= load_file(os.path.join(WEIGHTS, f"part{number}.safetensors"))
rounded = {name: value.float() for name, value in rounded.items()}
unrounded = load_file(sys.argv[1])

images = np.load(os.path.join(HERE, "squeezenet_features.npz"))["images_u8_nhwc"][:8]
out = {"images": images}
with torch.no_grad():
    for size in (32, 64, 97, 128, 224):
        out[f"features_{size}"] = network(rounded, resized(images, size))[0].numpy()
    out["features_128_unrounded"] = network(unrounded, resized(images, 128))[0].numpy()
    maps = network(rounded, resized(images[:1], 64))[1]
    for name in ("input", "stem", "block_0", "block_1", "block_3", "block_8", "block_15"):
        out[name] = maps[name][0].numpy()
np.savez_compressed(os.path.join(HERE, "efficientnet_lite0.npz"), **out)
error = out["features_128"] - out["features_128_unrounded"]
print("rounding: rms", (error**2).mean() ** 0.5 / (out["features_128"] ** 2).mean() ** 0.5, "max", abs(error).max())
print({name: (value.shape, float(abs(value).max())) for name, value in out.items()})
