"""Does this change of training data help, how much, and how sure are we?

Images become features by a frozen network, a small perceptron is trained on them with several seeds, and differences are
reported with intervals. All of it is computed by the Rust crates of mlprobe; this package hands NumPy arrays to them.

>>> import mlprobe, numpy as np
>>> images = np.zeros((2, 32, 32, 3), np.uint8)
>>> mlprobe.SqueezeNet().transform(images).shape
(2, 512)
"""

from mlprobe._augmenter import Augmenter
from mlprobe._classifier import MLPClassifier
from mlprobe._extractors import Onnx, ResNet18, SqueezeNet
from mlprobe._folders import Images, load_folder
from mlprobe._result import Result
from mlprobe._studies import compare, reproduce

__all__ = [
    "Augmenter",
    "Images",
    "MLPClassifier",
    "Onnx",
    "ResNet18",
    "Result",
    "SqueezeNet",
    "compare",
    "load_folder",
    "reproduce",
]
__version__ = "0.1.0"
