"""Makes operators.npz: small ONNX models, one or a few operators each, and what ONNX Runtime computes with them.

    pip install numpy onnx==1.23.2 onnxruntime==1.32.0
    python operators.py

Every model takes an image x (1, 3, S, S) and gives (1, D). Each case is made once for every version of its operator among
the opsets 7 to 22. The archive holds `images_S` (2, S, S, 3), `CASE@OPSET.onnx` (the file's bytes) and `CASE@OPSET`, the
features (2, D) of the images x -> (x / 255 - 0.5) / 0.25. Weights are random from fixed seeds.
"""

import os
import zlib

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, defs, helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
FIRST, LAST = 7, 22
SIZE = 8
ort.set_default_logger_severity(3)


def node(op, inputs, outputs="y", **attributes):
    return helper.make_node(op, inputs.split(), outputs.split(), **attributes)


def ints(*values):
    return np.array(values, dtype=np.int64)


def weight(*shape, scale=0.5):
    seed = zlib.crc32(repr(shape).encode())
    return (scale * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


def versions(op):
    """The opsets at which the operator changed."""
    since = {schema.since_version for schema in defs.get_all_schemas_with_history() if schema.name == op and not schema.domain}
    return sorted({max(FIRST, version) for version in since if version <= LAST and not any(version < w <= FIRST for w in since)})


rng = np.random.default_rng(3)
out = {f"images_{size}": rng.integers(0, 256, (2, size, size, 3), dtype=np.uint8) for size in (8, 9, 11)}


def case(name, nodes, weights={}, first=FIRST, last=LAST, to_float=False, size=SIZE):
    """`nodes` lead from x to y; the operator under test is the part of `name` before the dash."""
    op = name.split("-")[0]
    x = ((out[f"images_{size}"] / 255 - 0.5) / 0.25).transpose(0, 3, 1, 2).astype(np.float32)
    opsets = [max(first, version) for version in versions(op) if version <= last]
    opsets = sorted({opset for opset in opsets if opset <= last})
    used = {key for one in nodes for key in one.input}
    for opset in opsets:
        tail = [node("Cast", "y", "yf", to=TensorProto.FLOAT)] if to_float else []
        tail.append(node("Reshape", ("yf" if to_float else "y") + " flat_shape", "features"))
        tensors = {key: value for key, value in weights.items() if key in used} | {"flat_shape": ints(1, -1)}
        graph = helper.make_graph(
            nodes + tail,
            "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, size, size])],
            [helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, "D"])],
            [numpy_helper.from_array(value, key) for key, value in tensors.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        try:
            onnx.checker.check_model(model, full_check=True)
            session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
            features = np.concatenate([session.run(None, {"x": one[None]})[0] for one in x])
        except Exception as error:
            print("SKIPPED", f"{name}@{opset}", str(error).strip().splitlines()[0][:150])
            continue
        assert np.isfinite(features).all(), name
        out[f"{name}@{opset}.onnx"] = np.frombuffer(model.SerializeToString(), dtype=np.uint8)
        out[f"{name}@{opset}"] = features


# Convolution and pooling, at sizes that leave different rests.
for size in (8, 9, 11):
    w3 = {"w": weight(4, 3, 3, 3), "b": weight(4)}
    conv = lambda **attributes: [node("Conv", "x w b", **attributes)]
    case(f"Conv-defaults_{size}", conv(), w3, size=size)
    case(f"Conv-no_bias_{size}", [node("Conv", "x w", kernel_shape=[3, 3])], w3, size=size)
    case(f"Conv-pads_{size}", conv(kernel_shape=[3, 3], pads=[1, 0, 2, 1], strides=[2, 1]), w3, size=size)
    case(f"Conv-dilations_{size}", conv(dilations=[2, 3]), w3, size=size)
    case(f"Conv-group_{size}", [node("Conv", "x w", group=3, strides=[2, 2], pads=[1, 1, 1, 1])], {"w": weight(6, 1, 3, 3)}, size=size)
    case(f"Conv-valid_{size}", conv(auto_pad="VALID", strides=[2, 2]), w3, size=size)
    case(f"Conv-same_upper_{size}", conv(auto_pad="SAME_UPPER", strides=[2, 2]), w3, size=size)
    case(f"Conv-same_upper_wide_{size}", [node("Conv", "x w", auto_pad="SAME_UPPER", strides=[2, 2])], {"w": weight(4, 3, 4, 5)}, size=size)
    case(f"Conv-notset_{size}", conv(auto_pad="NOTSET", pads=[1, 1, 1, 1]), w3, size=size)
    case(f"ConvTranspose-2_{size}", [node("ConvTranspose", "x w b", strides=[2, 2], pads=[1, 1, 1, 1], kernel_shape=[3, 3])], {"w": weight(3, 4, 3, 3), "b": weight(4)}, size=size)
    for op in ("MaxPool", "AveragePool"):
        pool = lambda **attributes: [node(op, "x", **attributes)]
        case(f"{op}-defaults_{size}", pool(kernel_shape=[2, 3]), size=size)
        case(f"{op}-strides_{size}", pool(kernel_shape=[3, 3], strides=[2, 3]), size=size)
        case(f"{op}-pads_{size}", pool(kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]), size=size)
        case(f"{op}-pads_uneven_{size}", pool(kernel_shape=[3, 3], strides=[2, 2], pads=[0, 0, 1, 1]), size=size)
        case(f"{op}-valid_{size}", pool(kernel_shape=[3, 3], strides=[2, 2], auto_pad="VALID"), size=size)
        case(f"{op}-same_upper_{size}", pool(kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER"), size=size)
        case(f"{op}-notset_{size}", pool(kernel_shape=[3, 3], auto_pad="NOTSET"), size=size)
        case(f"{op}-ceil_{size}", pool(kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1), first=10, size=size)
        case(f"{op}-ceil2_{size}", pool(kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1), first=10, size=size)
        case(f"{op}-ceil_pads_{size}", pool(kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1, pads=[1, 1, 1, 1]), first=10, size=size)
        case(f"{op}-ceil_last_in_padding_{size}", pool(kernel_shape=[2, 2], strides=[3, 3], ceil_mode=1, pads=[1, 1, 1, 1]), first=10, size=size)
        case(f"{op}-floor_{size}", pool(kernel_shape=[2, 2], strides=[2, 2], ceil_mode=0), first=10, size=size)
    case(f"MaxPool-storage_order_{size}", [node("MaxPool", "x", kernel_shape=[2, 2], storage_order=0, dilations=[1, 1])], first=10, size=size)
    case(f"AveragePool-include_{size}", [node("AveragePool", "x", kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2], count_include_pad=1)], size=size)
    case(f"AveragePool-exclude_{size}", [node("AveragePool", "x", kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2], count_include_pad=0)], size=size)
    case(f"AveragePool-include_ceil_{size}", [node("AveragePool", "x", kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2], count_include_pad=1, ceil_mode=1)], first=10, size=size)
    case(f"AveragePool-include_ceil2_{size}", [node("AveragePool", "x", kernel_shape=[2, 2], strides=[2, 2], count_include_pad=1, ceil_mode=1)], first=10, size=size)
case("GlobalAveragePool-", [node("GlobalAveragePool", "x")])
case("GlobalMaxPool-", [node("GlobalMaxPool", "x")])
# Normalization.
bn = {"s": weight(3), "b": weight(3), "m": weight(3), "v": np.abs(weight(3)) + 0.5}
case("BatchNormalization-defaults", [node("BatchNormalization", "x s b m v")], bn)
case("BatchNormalization-epsilon", [node("BatchNormalization", "x s b m v", epsilon=0.1, momentum=0.8)], bn)
case("BatchNormalization-training_mode", [node("BatchNormalization", "x s b m v", training_mode=0)], bn, first=14)
case("InstanceNormalization-", [node("InstanceNormalization", "x s b", epsilon=0.01)], bn)
case("InstanceNormalization-defaults", [node("InstanceNormalization", "x s b")], bn)
ln = {"s": weight(8), "b": weight(8), "s2": weight(8, 8), "b2": weight(8, 8)}
case("LayerNormalization-defaults", [node("LayerNormalization", "x s b")], ln)
case("LayerNormalization-no_bias", [node("LayerNormalization", "x s", epsilon=0.01, stash_type=1)], ln)
case("LayerNormalization-axis", [node("LayerNormalization", "x s2 b2", axis=-2)], ln)
case("LayerNormalization-axis2", [node("LayerNormalization", "x s2 b2", axis=2)], ln)
# Activations and functions of each number.
for op in "Relu Sigmoid Tanh Exp Neg Abs Floor Ceil Sign Sin Cos Softplus Softsign Identity".split():
    case(f"{op}-", [node(op, "x")])
for op in ("Erf", "HardSwish", "Round"):
    case(f"{op}-", [node(op, "x")])
case("Gelu-none", [node("Gelu", "x")])
case("Gelu-exact", [node("Gelu", "x", approximate="none")])
case("Gelu-tanh", [node("Gelu", "x", approximate="tanh")])
positive = [node("Exp", "x", "p")]
for op in ("Sqrt", "Log", "Reciprocal"):
    case(f"{op}-", positive + [node(op, "p")])
case("LeakyRelu-defaults", [node("LeakyRelu", "x")])
case("LeakyRelu-alpha", [node("LeakyRelu", "x", alpha=0.2)])
case("Elu-defaults", [node("Elu", "x")])
case("Elu-alpha", [node("Elu", "x", alpha=0.5)])
case("HardSigmoid-defaults", [node("HardSigmoid", "x")])
case("HardSigmoid-set", [node("HardSigmoid", "x", alpha=1 / 6, beta=0.4)])
case("PRelu-", [node("PRelu", "x s")], {"s": weight(3, 1, 1)})
case("Clip-attributes", [node("Clip", "x", min=-0.5, max=1.0)], last=10)
case("Clip-inputs", [node("Clip", "x lo hi")], {"lo": np.float32(-0.5), "hi": np.float32(1)}, first=11)
case("Clip-min", [node("Clip", "x lo")], {"lo": np.float32(0)}, first=11)
case("Clip-max", [helper.make_node("Clip", ["x", "", "hi"], ["y"])], {"hi": np.float32(0.25)}, first=11)
for op in ("Softmax", "LogSoftmax"):
    case(f"{op}-defaults", [node(op, "x")])
    for axis in (-1, 1, 2, 3):
        if axis >= 0:
            case(f"{op}-axis{axis}", [node(op, "x", axis=axis)])
        case(f"{op}-{axis}from11", [node(op, "x", axis=axis)], first=11)
    case(f"{op}-rows", [node("Flatten", "x", "f"), node(op, "f", axis=1)])
case("LpNormalization-", [node("LpNormalization", "x", axis=1, p=2)])
# Arithmetic with broadcasting.
for op in ("Add", "Sub", "Mul", "Div"):
    case(f"{op}-broadcast", [node(op, "x c")], {"c": weight(3, 1, 1) + 2})
    case(f"{op}-reversed", [node("Exp", "x", "p"), node(op, "c p")], {"c": weight(1, 8) + 2})
    case(f"{op}-integers", [node("Shape", "x", "s"), node(op, "s c")], {"c": ints(2)}, to_float=True)
case("Pow-2", [node("Pow", "x c")], {"c": np.float32(2)})
case("Pow-half", positive + [node("Pow", "p c")], {"c": np.float32(0.5)})
case("Pow-3", [node("Pow", "x c")], {"c": np.float32(3)})
case("Mod-", [node("Shape", "x", "s"), node("Mod", "s c")], {"c": ints(4)}, to_float=True)
for op in ("Min", "Max", "Sum", "Mean"):
    case(f"{op}-2", [node(op, "x c")], {"c": weight(3, 8, 8)}, first=8)
    case(f"{op}-3", [node(op, "x c d")], {"c": weight(3, 1, 1), "d": weight(1, 8)}, first=8)
# Products.
mm = {"w": weight(8, 5), "w4": weight(1, 3, 8, 4), "v": weight(7, 192), "v2": weight(192, 7), "b": weight(7), "s": ints(24, 8)}
case("MatMul-4by2", [node("MatMul", "x w")], mm)
case("MatMul-4by4", [node("MatMul", "x w4")], mm)
case("MatMul-rows", [node("Flatten", "x", "f"), node("MatMul", "f v2")], mm)
case("MatMul-self", [node("Transpose", "x", "t", perm=[0, 1, 3, 2]), node("MatMul", "x t")])
flat = [node("Flatten", "x", "f")]
case("Gemm-defaults", flat + [node("Gemm", "f v2 b")], mm)
case("Gemm-transB", flat + [node("Gemm", "f v b", transB=1)], mm)
case("Gemm-transA", flat + [node("Transpose", "f", "g", perm=[1, 0]), node("Gemm", "g v2 b", transA=1)], mm)
case("Gemm-scales", flat + [node("Gemm", "f v b", transB=1, alpha=0.5, beta=2.0)], mm)
case("Gemm-no_bias", flat + [node("Gemm", "f v", transB=1)], mm, first=11)
case("Einsum-", [node("Einsum", "x w", equation="nchw,wd->nchd")], mm)
# Shapes.
case("Reshape-", [node("Reshape", "x s")], {"s": ints(0, -1, 6)})
case("Reshape-allowzero", [node("Reshape", "x s", allowzero=0)], {"s": ints(0, -1, 6)}, first=14)
case("Reshape-allowzero1", [node("Reshape", "x s", allowzero=1)], {"s": ints(1, -1, 6)}, first=14)
case("Reshape-dynamic", [node("Shape", "x", "s"), node("Gather", "s i", "n"), node("Concat", "n m", "t", axis=0), node("Reshape", "x t")], {"i": ints(0), "m": ints(-1)})
for axis in (0, 1, 2):
    case(f"Flatten-{axis}", [node("Flatten", "x", axis=axis)])
case("Flatten-defaults", [node("Flatten", "x")])
case("Flatten-negative", [node("Flatten", "x", axis=-2)], first=11)
case("Transpose-", [node("Transpose", "x", perm=[0, 2, 3, 1])])
case("Transpose-defaults", [node("Transpose", "x")])
case("Squeeze-attribute", [node("Squeeze", "x", axes=[0])], last=12)
case("Squeeze-input", [node("Squeeze", "x a")], {"a": ints(0)}, first=13)
case("Squeeze-all", [node("Squeeze", "x")])
case("Unsqueeze-attribute", [node("Unsqueeze", "x", axes=[1, 4])], last=12)
case("Unsqueeze-input", [node("Unsqueeze", "x a")], {"a": ints(1, -1)}, first=13)
case("Concat-1", [node("Concat", "x x", axis=1)])
case("Concat-3", [node("Concat", "x c", axis=3)], {"c": weight(1, 3, 8, 2)})
case("Concat-negative", [node("Concat", "x c", axis=-1)], {"c": weight(1, 3, 8, 2)}, first=11)
joined = [node("Concat", "b a", axis=2)]
case("Split-attribute", [node("Split", "x", "a b", axis=2, split=[3, 5])] + joined, last=12)
case("Split-input", [node("Split", "x s", "a b", axis=2)] + joined, {"s": ints(3, 5)}, first=13)
case("Split-equal", [node("Split", "x", "a b", axis=3), node("Concat", "b a", axis=3)], last=17)
case("Split-num_outputs", [node("Split", "x", "a b", axis=2, num_outputs=2)] + joined, first=18)
case("Split-axis0", [node("Split", "x s", "y z")], {"s": ints(1, 0)}, first=13)
case("Slice-attributes", [node("Slice", "x", axes=[2, 3], starts=[1, -3], ends=[9, 100])], last=9)
sl = {"s": ints(1, -3), "e": ints(9, 2**63 - 1), "a": ints(2, 3), "t": ints(2, 1), "s1": ints(-1), "e1": ints(-100), "a1": ints(1), "t1": ints(-1)}
case("Slice-inputs", [node("Slice", "x s e a t")], sl, first=10)
case("Slice-no_steps", [node("Slice", "x s e a")], sl, first=10)
case("Slice-backwards", [node("Slice", "x s1 e1 a1 t1")], sl, first=10)
case("Gather-0", [node("Gather", "x i", axis=2)], {"i": ints(2, 0, 7)})
case("Gather-scalar", [node("Gather", "x i", axis=1)], {"i": np.array(1, dtype=np.int64)})
case("Gather-negative", [node("Gather", "x i", axis=-1)], {"i": ints(-1, 0)}, first=11)
case("Gather-defaults", [node("Gather", "x i")], {"i": ints(0)})
case("Expand-", [node("GlobalAveragePool", "x", "z"), node("Expand", "z t")], {"t": ints(2, 3, 4, 5)}, first=8)
case("Tile-", [node("Tile", "x r")], {"r": ints(1, 2, 1, 1)})
case("Shape-", [node("Shape", "x")], to_float=True)
case("Shape-part", [node("Shape", "x", start=1, end=-1)], to_float=True, first=15)
case("Size-", [node("Size", "x")], to_float=True)
case("Pad-attributes", [node("Pad", "x", pads=[0, 0, 1, 2, 0, 0, 0, 1], value=0.5)], last=10)
case("Pad-inputs", [node("Pad", "x p v")], {"p": ints(0, 0, 1, 2, 0, 0, 0, 1), "v": np.float32(0.5)}, first=11)
case("Pad-constant", [node("Pad", "x p", mode="constant")], {"p": ints(0, 0, 1, 2, 0, 0, 0, 1)}, first=11)
case("Pad-reflect", [node("Pad", "x p", mode="reflect")], {"p": ints(0, 0, 1, 2, 0, 0, 0, 1)}, first=11)
case("Pad-edge", [node("Pad", "x p", mode="edge")], {"p": ints(0, 0, 1, 2, 0, 0, 0, 1)}, first=11)
case("DepthToSpace-", [node("Concat", "x x x x", "z", axis=1), node("DepthToSpace", "z", blocksize=2)])
for mode in ("DCR", "CRD"):
    case(f"DepthToSpace-{mode}", [node("Concat", "x x x x", "z", axis=1), node("DepthToSpace", "z", blocksize=2, mode=mode)], first=11)
# Reductions.
for op in ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL2", "ReduceProd"):
    change = 13 if op == "ReduceSum" else 18
    for name, axes in (("pixels", [2, 3]), ("channels", [1]), ("negative", [-1])):
        first = 11 if name == "negative" else FIRST
        case(f"{op}-{name}", [node(op, "x", axes=axes, keepdims=0)], first=first, last=change - 1)
        case(f"{op}-{name}_input", [node(op, "x a", keepdims=0)], {"a": ints(*axes)}, first=change)
    case(f"{op}-keep", [node(op, "x", axes=[2], keepdims=1)], last=change - 1)
    case(f"{op}-keep_input", [node(op, "x a", keepdims=1)], {"a": ints(2)}, first=change)
    case(f"{op}-noop", [node(op, "x a", noop_with_empty_axes=0)], {"a": ints(2)}, first=change)
    case(f"{op}-all", [node(op, "x", keepdims=0)])
# Comparisons and choices.
for op in ("Greater", "Less", "Equal", "GreaterOrEqual", "LessOrEqual"):
    case(f"{op}-", [node(op, "x c")], {"c": np.float32(0.1)}, first=9, to_float=True)
case("Equal-integers", [node("Shape", "x", "s"), node("Equal", "s c")], {"c": ints(3)}, to_float=True)
case("Not-", [node("Greater", "x c", "g"), node("Not", "g")], {"c": np.float32(0.1)}, first=9, to_float=True)
for op in ("And", "Or"):
    case(f"{op}-", [node("Greater", "x c", "g"), node("Less", "x d", "l"), node(op, "g l")], {"c": np.float32(-0.5), "d": np.float32(0.5)}, first=9, to_float=True)
case("Where-", [node("Greater", "x c", "g"), node("Where", "g x d")], {"c": np.float32(0.1), "d": weight(3, 1, 1)}, first=9)
# Constants and types.
value = numpy_helper.from_array(weight(3, 1, 1))
case("Constant-value", [node("Constant", "", "c", value=value), node("Add", "x c")])
case("Constant-float", [node("Constant", "", "c", value_float=0.5), node("Add", "x c")], first=12)
case("Constant-ints", [node("Constant", "", "c", value_ints=[1, 24, 8]), node("Reshape", "x c")], first=12)
case("Constant-int", [node("Constant", "", "c", value_int=1), node("Gather", "x c", axis=1)], first=12)
case("Constant-floats", [node("Constant", "", "c", value_floats=[0.5] * 8), node("Add", "x c")], first=12)
shape = {"s": ints(3, 1, 1)}
half = helper.make_tensor("h", TensorProto.FLOAT, [1], [0.5])
case("ConstantOfShape-", [node("ConstantOfShape", "s", "c", value=half), node("Add", "x c")], shape, first=9)
case("ConstantOfShape-zero", [node("ConstantOfShape", "s", "c"), node("Add", "x c")], shape, first=9)
case("Range-", [node("Range", "a b c", "r"), node("Gather", "x r", axis=2)], {"a": np.int64(1), "b": np.int64(8), "c": np.int64(3)}, first=11)
case("Cast-int64", [node("Cast", "x", "i", to=TensorProto.INT64), node("Cast", "i", "y", to=TensorProto.FLOAT)])
case("Cast-int32", [node("Cast", "x", "i", to=TensorProto.INT32), node("Cast", "i", "y", to=TensorProto.FLOAT)])
# Half precision: computed in single precision here, so equal only within the rounding of ONNX Runtime.
case("Cast-float16", [node("Cast", "x", "i", to=TensorProto.FLOAT16), node("Cast", "i", "y", to=TensorProto.FLOAT)])
case("Dropout-", [node("Dropout", "x")])
case("Dropout-ratio", [node("Dropout", "x", ratio=0.3)], last=11)
case("Dropout-input", [node("Dropout", "x r")], {"r": np.float32(0.3)}, first=12)
case("Dropout-seed", [node("Dropout", "x", seed=3)], first=12)
# Resize: by scales, whole or not, or to sizes. Opset 11 asks for the input roi.
up = {
    "roi": np.zeros(0, dtype=np.float32),
    "whole": np.array([1, 1, 2, 3], dtype=np.float32),
    "up": np.array([1, 1, 1.6, 2.3], dtype=np.float32),
    "down": np.array([1, 1, 0.45, 0.7], dtype=np.float32),
    "half": np.array([1, 1, 0.5, 1.5], dtype=np.float32),
    "none": np.zeros(0, dtype=np.float32),
    "larger": ints(1, 3, 16, 13),
    "smaller": ints(1, 3, 5, 3),
}


def resize(name, first, scale, size=SIZE, **attributes):
    inputs = f"x roi none {scale}" if scale in ("larger", "smaller") else f"x roi {scale}"
    case(f"Resize-{name}_{scale}_{size}", [node("Resize", inputs, **attributes)], up, first=first, size=size)


for way in ("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"):
    for scale in ("whole", "up", "down", "half", "larger", "smaller"):
        resize(f"linear_{way}", 11 if scale in ("whole", "smaller") else 19, scale, mode="linear", coordinate_transformation_mode=way)
        for rounding in ("floor", "round_prefer_floor", "round_prefer_ceil", "ceil"):
            if way.endswith("half_pixel") and scale in ("larger", "smaller"):
                continue  # ONNX Runtime and others round such coordinates differently: refused
            first = 11 if (scale, rounding) == ("whole", "floor") else 19
            resize(f"nearest_{way}_{rounding}", first, scale, mode="nearest", coordinate_transformation_mode=way, nearest_mode=rounding)
        resize(f"linear_{way}", 19, scale, 11, mode="linear", coordinate_transformation_mode=way)
resize("defaults", 11, "whole")
resize("cubic_coefficient", 11, "whole", mode="linear", cubic_coeff_a=-0.75)
resize("antialias", 18, "whole", mode="linear", antialias=0)
resize("said_in_full", 18, "whole", mode="linear", keep_aspect_ratio_policy="stretch", exclude_outside=0, extrapolation_value=0.0)
case("AveragePool-dilations", [node("AveragePool", "x", kernel_shape=[2, 2], dilations=[1, 1])], first=19)

np.savez_compressed(os.path.join(HERE, "operators.npz"), **out)
print(len(out) // 2, "models")
