"""Makes resnet18.npz: torchvision's ResNet-18 with weights from a formula, on images from a formula.

    pip install torch torchvision numpy
    python resnet18.py

Element i of tensor t (both counted from 0, tensors in the order of `state_dict()` without `num_batches_tracked` and
`fc`) is a + b * (frac((i + 1) * 0.6180339887498949 + t * 0.7548776662466927) - 0.5), computed in float64 and rounded
to float32, where (a, b) is
    (0, sqrt(12 / fan_in)) for a convolution, (1, 0.4) for a scale and a variance, (0, 0.4) for a shift and a mean.
Pixel i of the images is floor(256 * frac((i + 1) * 0.7548776662466927)).
"""

import os

import numpy as np
import torch
import torch.nn.functional as F
import torchvision


def formula(size, t, a, b):
    i = np.arange(1, size + 1, dtype=np.float64)
    return a + b * (np.modf(i * 0.6180339887498949 + t * 0.7548776662466927)[0] - 0.5)


net = torchvision.models.resnet18(weights=None).eval()
state, t = net.state_dict(), 0
for name, tensor in state.items():
    if "num_batches_tracked" in name or name.startswith("fc."):
        continue
    if tensor.dim() == 4:
        a, b = 0.0, np.sqrt(12 / np.prod(tensor.shape[1:]))
    elif name.endswith(("running_var", "weight")):
        a, b = 1.0, 0.4
    else:
        a, b = 0.0, 0.4
    state[name] = torch.from_numpy(formula(tensor.numel(), t, a, b).astype(np.float32)).reshape(tensor.shape)
    t += 1
net.load_state_dict(state)
net.fc = torch.nn.Identity()

size = 3 * 20 * 24 * 3
images = np.floor(256 * np.modf(np.arange(1, size + 1) * 0.7548776662466927)[0]).astype(np.uint8).reshape(3, 20, 24, 3)
out = {"images": images}
mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
with torch.no_grad():
    for side in (64, 97, 224):
        x = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
        x = F.interpolate(x, size=(side, side), mode="bilinear", align_corners=False)
        out[f"features_{side}_div255"] = net(x).numpy()
        out[f"features_{side}_imagenet"] = net((x - mean) / std).numpy()
    # After each layer of the network, for the first image at 64 pixels: the mean of each channel.
    x = F.interpolate(torch.from_numpy(images[:1]).permute(0, 3, 1, 2).float() / 255, size=(64, 64),
                          mode="bilinear", align_corners=False)
    x = net.relu(net.bn1(net.conv1(x)))
    layers = [x]
    layers.append(net.maxpool(x))
    for stage in (net.layer1, net.layer2, net.layer3, net.layer4):
        for block in stage:
            layers.append(block(layers[-1]))
    for i, layer in enumerate(layers):
        out[f"layer_{i}"] = layer.mean((2, 3))[0].numpy()
np.savez_compressed(os.path.join(os.path.dirname(os.path.abspath(__file__)), "resnet18.npz"), **out)
print({name: (value.shape, float(abs(value).max())) for name, value in out.items()})
