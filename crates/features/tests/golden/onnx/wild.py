"""Makes the models of the folder wild as PyTorch exports them, and wild.npz: what ONNX Runtime computes with them.

    pip install torch==2.15.0 onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.32.0 numpy
    python wild.py

Weights and images are random from fixed seeds. The images (3, 16, 16, 3) need no resizing; they are normalized as
(x / 255 - 0.5) / 0.25, and fed as bytes to networks that take those. wild.npz holds `images`, and the first output of each
model, or `MODEL#OUTPUT`. `cases` holds models that others have made, with the optional attributes left out, with ceil_mode,
in half precision, and for bytes.
"""

import os
import shutil

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
WILD = os.path.join(HERE, "wild")
shutil.rmtree(WILD, ignore_errors=True)
os.makedirs(WILD)
torch.manual_seed(1)
ort.set_default_logger_severity(3)
images = np.random.default_rng(5).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
out = {"images": images}


def record(name, outputs=(None,), layout="planes"):
    session = ort.InferenceSession(os.path.join(WILD, f"{name}.onnx"), providers=["CPUExecutionProvider"])
    kind = session.get_inputs()[0].type
    x = images if kind == "tensor(uint8)" else ((images / 255 - 0.5) / 0.25).astype(np.float16 if "16" in kind else np.float32)
    x = x if layout == "pixels" else x.transpose(0, 3, 1, 2)
    for output in outputs:
        wanted = None if output is None else [output]
        values = [session.run(wanted, {session.get_inputs()[0].name: x[i : i + 1]})[0] for i in range(len(x))]
        out[f"{name}#{output}" if output else name] = np.concatenate(values).astype(np.float32)


class Cnn(nn.Module):
    """What convolutional networks are made of: pooling with ceil_mode, depthwise and grouped kernels, squeeze-and-excitation."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, stride=1, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU6())
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.depthwise = nn.Sequential(nn.Conv2d(8, 8, 5, padding=2, groups=8, bias=False), nn.BatchNorm2d(8), nn.Hardswish())
        self.squeeze = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 4, 1), nn.SiLU(), nn.Conv2d(4, 8, 1), nn.Hardsigmoid())
        self.down = nn.Sequential(nn.Conv2d(8, 12, 3, stride=2, padding=1, dilation=1), nn.LeakyReLU(0.1), nn.AvgPool2d(3, 2, 1, ceil_mode=True))
        self.head = nn.Linear(12, 10)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.normal_(module.running_mean, std=0.2)
                nn.init.uniform_(module.running_var, 0.5, 1.5)

    def forward(self, x):
        x = self.pool(self.stem(x))
        x = x + self.depthwise(x) * self.squeeze(x)
        x = self.down(x)
        features = torch.flatten(nn.functional.adaptive_avg_pool2d(x, 1), 1)
        return features, self.head(features)


class Vit(nn.Module):
    """A vision transformer of two layers, to its tokens (N, 17, 16)."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 4, stride=4)
        self.cls = nn.Parameter(torch.randn(1, 1, 16))
        self.position = nn.Parameter(0.5 * torch.randn(1, 17, 16))
        layer = lambda: nn.ModuleDict({"a": nn.LayerNorm(16), "qkv": nn.Linear(16, 48), "o": nn.Linear(16, 16), "b": nn.LayerNorm(16), "m": nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16))})
        self.layers = nn.ModuleList([layer(), layer()])
        self.norm = nn.LayerNorm(16)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(x.shape[0], -1, -1), x], 1) + self.position
        for layer in self.layers:
            q, k, v = layer["qkv"](layer["a"](x)).reshape(x.shape[0], -1, 3, 4, 4).permute(2, 0, 3, 1, 4).unbind(0)
            attention = nn.functional.scaled_dot_product_attention(q, k, v)
            x = x + layer["o"](attention.transpose(1, 2).reshape(x.shape[0], -1, 16))
            x = x + layer["m"](layer["b"](x))
        return self.norm(x)


class Resizing(nn.Module):
    """Interpolation inside, and an output (N, D, 1, 1)."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3)

    def forward(self, x):
        x = nn.functional.interpolate(self.conv(x), scale_factor=2, mode="bilinear", align_corners=False)
        x = nn.functional.interpolate(x, scale_factor=2, mode="nearest")
        return nn.functional.adaptive_avg_pool2d(nn.functional.pad(x, (1, 1, 1, 1)).softmax(1), 1)


def export(name, network, outputs, opset, dynamo=False, dynamic=False, **more):
    network = network.eval()
    example = torch.randn(2, 3, 16, 16, dtype=next(network.parameters()).dtype)
    if dynamo:
        more["dynamic_shapes"] = ({0: torch.export.Dim("n")},) if dynamic else None
    elif dynamic:
        more["dynamic_axes"] = {"x": {0: "n", 2: "h", 3: "w"}}
    if not dynamic:
        example = example[:1]
    try:
        torch.onnx.export(network, (example,), os.path.join(WILD, f"{name}.onnx"), input_names=["x"], output_names=list(outputs), opset_version=opset, dynamo=dynamo, **more)
    except Exception as error:
        print("NOT EXPORTED", name, repr(error)[:300])
        return
    record(name, (None, outputs[-1]) if len(outputs) > 1 else (None,))


cnn, vit, resizing = Cnn(), Vit(), Resizing()
for opset in (11, 13, 17, 20):
    export(f"cnn-legacy-{opset}", cnn, ("features", "logits"), opset, dynamic=opset != 13)
export("vit-legacy-14", vit, ("tokens",), 14)
export("vit-legacy-17", vit, ("tokens",), 17, dynamic=False)
export("resizing-legacy-11", resizing, ("map",), 11)
export("resizing-legacy-17", resizing, ("map",), 17)
for opset in (18, 20, 22):
    export(f"cnn-dynamo-{opset}", cnn, ("features", "logits"), opset, dynamo=True, dynamic=opset != 20)
    export(f"vit-dynamo-{opset}", vit, ("tokens",), opset, dynamo=True, dynamic=opset == 22, external_data=opset == 18)
export("resizing-dynamo-18", resizing, ("map",), 18, dynamo=True)
export("cnn-half", Cnn().half(), ("features", "logits"), 17)

# As tf2onnx writes a network of TensorFlow: images (N, height, width, 3), and so its maps.
rng = np.random.default_rng(2)
weight = numpy_helper.from_array((0.3 * rng.standard_normal((6, 3, 3, 3))).astype(np.float32), "w")
bias = numpy_helper.from_array((0.3 * rng.standard_normal(6)).astype(np.float32), "b")
info = helper.make_tensor_value_info
nodes = [
    helper.make_node("Transpose", ["x"], ["planes"], perm=[0, 3, 1, 2]),
    helper.make_node("Conv", ["planes", "w", "b"], ["c"], auto_pad="SAME_UPPER", strides=[2, 2]),
    helper.make_node("Relu", ["c"], ["r"]),
    helper.make_node("Transpose", ["r"], ["y"], perm=[0, 2, 3, 1]),
]
graph = helper.make_graph(nodes, "g", [info("x", TensorProto.FLOAT, ["n", 16, 16, 3])], [info("y", TensorProto.FLOAT, ["n", 8, 8, 6])], [weight, bias])
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8), os.path.join(WILD, "nhwc.onnx"))
record("nhwc", layout="pixels")
# Bytes, scaled inside.
scale = numpy_helper.from_array(np.float32(1 / 255), "s")
nodes = [
    helper.make_node("Cast", ["x"], ["f"], to=TensorProto.FLOAT),
    helper.make_node("Mul", ["f", "s"], ["g"]),
    helper.make_node("Conv", ["g", "w", "b"], ["y"]),
]
graph = helper.make_graph(nodes, "g", [info("x", TensorProto.UINT8, ["n", 3, "h", "w"])], [info("y", TensorProto.FLOAT, ["n", 6, None, None])], [weight, bias, scale])
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), os.path.join(WILD, "bytes.onnx"))
record("bytes")
# Files of the folder cases, on one image whose number k is (89 k + 17) mod 256.
for file in sorted(os.listdir(os.path.join(HERE, "cases"))):
    session = ort.InferenceSession(os.path.join(HERE, "cases", file), providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    side = given.shape[2] if isinstance(given.shape[2], int) else 32
    pixels = ((89 * np.arange(side * side * 3) + 17) % 256).astype(np.uint8).reshape(1, side, side, 3).transpose(0, 3, 1, 2)
    x = pixels if "uint8" in given.type else ((pixels / 255 - 0.5) / 0.25).astype(np.float16 if "16" in given.type else np.float32)
    out[f"cases/{file}"] = session.run(None, {given.name: x})[0].astype(np.float32)

np.savez_compressed(os.path.join(HERE, "wild.npz"), **out)
print({name: value.shape for name, value in out.items()})
