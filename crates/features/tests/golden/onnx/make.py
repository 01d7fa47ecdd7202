"""Makes the small ONNX models of this folder, and features.npz: what ONNX Runtime computes with them.

    pip install numpy onnx==1.23.2 onnxruntime==1.32.0
    python make.py

Weights and images are random from fixed seeds. Images are divided by 255, resized to 16 x 16 (bilinear, half-pixel
centres), and normalized. An output with pixels is averaged over them.

| model | input | output |
|---|---|---|
| map.onnx | (N, 3, height, width) | (N, 5, height/2, width/2) |
| pooled.onnx | (1, 3, 16, 16) | (1, 5, 1, 1) |
| old.onnx | the same, in an old version of the format, where weights are inputs too | (1, 5, 1, 1) |
| flat.onnx | (N, 3, 16, 16) | (N, 7) |
| gray.onnx | (N, 1, 16, 16) | not to be taken: one channel |
| sequence.onnx | (N, 3, 16, 16) | not to be taken without pooling: tokens (N, 5, 64) |
| tokens.onnx | (N, 3, height, width) | (N, height * width / 4, 6), called tokens; before it the value maps |
"""

import os

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
random = np.random.default_rng(1)


def weight(name, *shape):
    scale = 1 / np.sqrt(np.prod(shape[1:])) if len(shape) > 1 else 0.1
    return numpy_helper.from_array((scale * random.standard_normal(shape)).astype(np.float32), name)


def save(name, nodes, weights, shape_in, shape_out, opset=17, ir_version=8):
    info = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    inputs = [info("image", shape_in)]
    if ir_version < 4:
        inputs += [info(weight.name, weight.dims) for weight in weights]
    graph = helper.make_graph(nodes, name, inputs, [info("features", shape_out)], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, os.path.join(HERE, name + ".onnx"))


def stem(channels, out):
    """A convolution, a rectifier, a strided convolution, a rectifier."""
    weights = [weight("w1", 4, channels, 3, 3), weight("b1", 4), weight("w2", 5, 4, 3, 3), weight("b2", 5)]
    return weights, [
        helper.make_node("Conv", ["image", "w1", "b1"], ["a"], pads=[1, 1, 1, 1], kernel_shape=[3, 3]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w2", "b2"], ["c"], pads=[1, 1, 1, 1], kernel_shape=[3, 3], strides=[2, 2]),
        helper.make_node("Relu", ["c"], [out]),
    ]


weights, nodes = stem(3, "features")
save("map", nodes, weights, ["N", 3, "height", "width"], ["N", 5, None, None])

weights, nodes = stem(3, "d")
nodes.append(helper.make_node("GlobalAveragePool", ["d"], ["features"]))
save("pooled", nodes, weights, [1, 3, 16, 16], [1, 5, 1, 1])
save("old", nodes, weights, [1, 3, 16, 16], [1, 5, 1, 1], opset=7, ir_version=3)

weights, nodes = stem(3, "d")
dense = [
    helper.make_node("MaxPool", ["d"], ["e"], kernel_shape=[2, 2], strides=[2, 2]),
    helper.make_node("Flatten", ["e"], ["f"]),
    helper.make_node("Gemm", ["f", "w3", "b3"], ["features"], transB=1),
]
save("flat", nodes + dense, weights + [weight("w3", 7, 5 * 16), weight("b3", 7)], ["N", 3, 16, 16], ["N", 7])

weights, nodes = stem(1, "features")
save("gray", nodes, weights, ["N", 1, 16, 16], ["N", 5, 8, 8])

weights, nodes = stem(3, "d")
shape = numpy_helper.from_array(np.array([0, 5, 64], dtype=np.int64), "shape")
save("sequence", nodes + [helper.make_node("Reshape", ["d", "shape"], ["features"])], weights + [shape], ["N", 3, 16, 16], ["N", 5, 64])


def resize(images, side):
    """Bilinear with half-pixel centres, (N, height, width, 3)."""
    for axis in (1, 2):
        length = images.shape[axis]
        at = np.maximum((np.arange(side) + 0.5) * length / side - 0.5, 0)
        first = np.minimum(at.astype(int), length - 1)
        second, share = np.minimum(first + 1, length - 1), at - first
        share = share.reshape([-1 if a == axis else 1 for a in range(4)])
        images = (1 - share) * images.take(first, axis) + share * images.take(second, axis)
    return images


images = random.integers(0, 256, (9, 20, 24, 3), dtype=np.uint8)
normalizations = {
    "div255": ([0, 0, 0], [1, 1, 1]),
    "imagenet": ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
}
out = {"images": images}
for name in ("map", "pooled", "old", "flat"):
    session = ort.InferenceSession(os.path.join(HERE, name + ".onnx"), providers=["CPUExecutionProvider"])
    for normalization, (mean, std) in normalizations.items():
        x = (resize(images / 255, 16) - mean) / std
        x = x.transpose(0, 3, 1, 2).astype(np.float32)
        features = np.concatenate([session.run(None, {"image": x[i : i + 1]})[0] for i in range(len(x))])
        out[f"{name}_{normalization}"] = features.mean((2, 3)) if features.ndim == 4 else features
np.savez_compressed(os.path.join(HERE, "features.npz"), **out)
print({name: (value.shape, float(abs(value).max())) for name, value in out.items()})

patches = [weight("w", 6, 3, 2, 2), numpy_helper.from_array(np.array([0, 6, -1], dtype=np.int64), "shape")]
nodes = [
    helper.make_node("Conv", ["image", "w"], ["maps"], kernel_shape=[2, 2], strides=[2, 2]),
    helper.make_node("Reshape", ["maps", "shape"], ["rows"]),
    helper.make_node("Transpose", ["rows"], ["tokens"], perm=[0, 2, 1]),
]
info = helper.make_tensor_value_info
graph = helper.make_graph(nodes, "tokens", [info("image", TensorProto.FLOAT, ["N", 3, "height", "width"])], [info("tokens", TensorProto.FLOAT, ["N", "T", 6])], patches)
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), os.path.join(HERE, "tokens.onnx"))
