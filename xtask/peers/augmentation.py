"""The 2022 preset by albumentations and torchvision: for each image one of rotation, cutout, crop, or contrast and
flip. Both work on one image at a time, since each image has its own transform. Draws are their own, so results agree
with ours in distribution only."""

import numpy as np

SIDE = 32
# Standard errors of two means over a thousand images or more stay well below this, in levels of 0..255.
TOLERANCE = 4.0


def peer(request, version, candidates):
    """`candidates` are (name, transform): an image (32, 32, 3) of bytes to another."""
    images = np.load(f"{request['data']}/images.npy", mmap_mode="r")
    images = np.ascontiguousarray(images[: request["images"]])

    def prepare(transform):
        out = np.empty_like(images)

        def work():
            for image, place in zip(images, out):
                place[:] = transform(image)
            return len(images)

        return work

    for name, transform in candidates:
        mean = float(np.mean([transform(image).mean() for image in images]))
        if abs(mean - request["mean"]) > TOLERANCE:
            raise ValueError(f"{name}: images of mean {mean:.1f}, ours have {request['mean']:.1f}")
    candidates = [(name, lambda transform=transform: prepare(transform)) for name, transform in candidates]
    agreement = f"mean level {mean:.0f}, ours {request['mean']:.0f}"
    return dict(version=version, precision="uint8", agreement=agreement, candidates=candidates)


def albumentations(request):
    import albumentations as A
    import cv2

    cv2.setNumThreads(0)
    random = np.random.default_rng(1)

    def contrast(image, **_):
        return cv2.LUT(image, table(random.uniform(0.5, 2)))

    one_of = A.OneOf(
        [
            A.Rotate(limit=(-180, 180), interpolation=cv2.INTER_NEAREST, fill=0, p=1),
            A.CoarseDropout((1, 1), (1, 16), (1, 16), fill="random_uniform", p=1),
            A.Sequential([A.Pad(2, p=1), A.RandomCrop(SIDE, SIDE, p=1)]),
            A.Sequential([A.Lambda(image=contrast, p=1), A.HorizontalFlip(p=0.5)]),
        ],
        p=1,
    )
    composed = A.Compose([one_of], seed=1)
    return peer(request, A.__version__, [("an image at a time", lambda image: composed(image=image)["image"])])


def torchvision(request):
    import torch
    import torchvision
    from PIL import Image
    from torchvision.transforms import v2

    torch.set_num_threads(1)
    random = np.random.default_rng(1)
    torch.manual_seed(1)

    def block():
        """Left, top, right, bottom and value of a cutout."""
        height, width = random.integers(0, 17, 2)
        top, left = random.integers(0, SIDE - height + 1), random.integers(0, SIDE - width + 1)
        return int(left), int(top), int(left + width), int(top + height), int(random.integers(0, 256))

    def erase(image):
        left, top, right, bottom, value = block()
        if isinstance(image, torch.Tensor):
            return v2.functional.erase(image, top, left, bottom - top, right - left, torch.tensor(value))
        image = image.copy()
        image.paste((value,) * 3, (left, top, right, bottom))
        return image

    def contrast(image):
        a = random.uniform(0.5, 2)
        if isinstance(image, torch.Tensor):
            return image.float().sub_(128).mul_(a).add_(128).round_().clamp_(0, 255).byte()
        return image.point(table(a).tolist() * 3)

    choice = v2.RandomChoice(
        [
            v2.RandomRotation(180),
            v2.Lambda(erase),
            v2.RandomCrop(SIDE, padding=2),
            v2.Compose([v2.Lambda(contrast), v2.RandomHorizontalFlip()]),
        ]
    )
    on_tensors = lambda image: choice(torch.from_numpy(image).permute(2, 0, 1)).permute(1, 2, 0).numpy()
    on_pil = lambda image: np.asarray(choice(Image.fromarray(image)))
    return peer(request, torchvision.__version__, [("v2 on tensors", on_tensors), ("v2 on PIL images", on_pil)])


def table(a):
    """x' = clip(a (x - 128) + 128, 0, 255) for each byte."""
    return np.clip(np.rint(a * (np.arange(256) - 128.0) + 128), 0, 255).astype(np.uint8)


PEERS = {"albumentations": albumentations, "torchvision": torchvision}
