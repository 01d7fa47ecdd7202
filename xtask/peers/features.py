"""Feature extraction by ONNX Runtime, OpenVINO and PyTorch, in f32; in bf16 where that is asked for and the library has it on a
processor, which ONNX Runtime does not. Images are resized before the clock starts, except where `resize` asks for it inside: then
the network does it."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np

# In f32, of each feature, relative to 1 + its size; in bf16, of all together, relative to their root mean square.
TOLERANCE = {"f32": 1e-3, "bf16": 5e-2}
# Images at a time when features are compared with ours: few, because large batches are the ones that crash.
CHECKED = 4


def inputs(request):
    """(N, 3, S, S): the images as the network takes them; (N, 32, 32, 3) bytes if it resizes them."""
    images = np.load(f"{request['data']}/images.npy", mmap_mode="r")[: request["images"]]
    return np.ascontiguousarray(images) if request["resize"] else resized(images, request["size"], means(request))


def means(request):
    """What is taken from RGB/255."""
    return np.array(request["channel_means"], np.float32)


def resized(images, size, means):
    import cv2

    enlarge = lambda image: cv2.resize(image / np.float32(255) - means, (size, size), interpolation=cv2.INTER_LINEAR)
    return np.stack([enlarge(image).transpose(2, 0, 1) for image in images])


def planes(images, means):
    """Bytes (N, 32, 32, 3) to (N, 3, 32, 32)."""
    return np.ascontiguousarray((images / np.float32(255) - means).transpose(0, 3, 1, 2))


def agreement(request, features, precision="f32"):
    """Says how close `features` (N, 512) are to ours in f32, if they are."""
    ours = np.load(f"{request['data']}/features_{request['network']}_{request['size']}.npy")[: len(features)]
    if precision == "f32":
        error = float(np.max(np.abs(features - ours) / (1 + np.abs(ours))))
    else:
        error = float(np.sqrt(np.mean((features - ours) ** 2) / np.mean(ours**2)))
    if not error <= TOLERANCE[precision]:
        raise ValueError(f"features differ from ours by {error:.1e}, more than {TOLERANCE[precision]}")
    return f"features within {error:.0e} of ours" + " in f32" * (precision != "f32")


def precision(request):
    """What a library computes in if it has bf16."""
    return "bf16" if request["precision"] == "bf16" else "f32"


def onnx_file(request):
    """The network as ONNX, made in a process of its own, so that this one has only its own threads."""
    path = f"{request['data']}/{request['network']}_{request['size']}{'_resize' * request['resize']}.onnx"
    if not os.path.exists(path):
        script = os.path.join(os.path.dirname(__file__), "networks.py")
        arguments = [request["network"], weights(request), str(request["size"]), str(int(request["resize"])), path]
        subprocess.run([sys.executable, script, *arguments], check=True, stdout=sys.stderr)
    return path


def weights(request):
    return request["weights"][request["network"]]


def batches(x, size):
    return [x[first : first + size] for first in range(0, len(x), size)]


def onnxruntime(request):
    import onnxruntime as ort

    path, x, threads = onnx_file(request), inputs(request), request["threads"]
    ready = (lambda batch: planes(batch, means(request))) if request["resize"] else lambda batch: batch

    def session(intra):
        options = ort.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = intra, 1
        return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def shared(batch):
        """All threads on one batch."""
        run, parts = session(threads).run, batches(x, batch)
        return lambda: sum(len(run(None, {"x": ready(part)})[0]) for part in parts)

    def apart(batch):
        """Each thread on its own batch."""
        run, parts, pool = session(1).run, batches(x, batch), ThreadPoolExecutor(threads)
        return lambda: sum(len(y) for y in pool.map(lambda part: run(None, {"x": ready(part)})[0], parts))

    sharing = ", threads share it" if threads > 1 else ""
    candidates = [(f"batch {b}{sharing}", lambda b=b: shared(b)) for b in request["batches"]]
    if threads > 1:
        candidates += [(f"a batch of {b} a thread", lambda b=b: apart(b)) for b in request["batches"]]
    y = session(threads).run(None, {"x": ready(x[:64])})[0]
    return dict(version=ort.__version__, precision="f32", agreement=agreement(request, y), candidates=candidates)


def openvino(request):
    import openvino as ov

    core, path, x = ov.Core(), onnx_file(request), inputs(request)
    settings = {"INFERENCE_PRECISION_HINT": precision(request), "INFERENCE_NUM_THREADS": request["threads"]}

    def compiled(batch, hint):
        model = core.read_model(path)
        model.reshape([batch, *x.shape[1:]])
        return core.compile_model(model, "CPU", settings | {"PERFORMANCE_HINT": hint})

    def queued(batch, hint):
        queue, parts = ov.AsyncInferQueue(compiled(batch, hint)), batches(x[: len(x) // batch * batch], batch)
        features = np.empty((len(x), 512), np.float32)

        def keep(answer, i):
            features[i * batch : (i + 1) * batch] = answer.get_output_tensor().data

        queue.set_callback(keep)

        def work():
            for i, part in enumerate(parts):
                queue.start_async(part, i, share_inputs=True)
            queue.wait_all()
            return len(parts) * batch

        return work

    def alone():
        run = compiled(1, "LATENCY").create_infer_request().infer
        return lambda: sum(len(run(part, share_inputs=True)[0]) for part in batches(x, 1))

    if request["batches"] == [1]:
        candidates = [("latency hint", alone)]
    else:
        settings_tried = [(b, hint) for hint in ("THROUGHPUT", "LATENCY") for b in request["batches"]]
        candidates = [
            (f"batch {b}, {hint.lower()} hint", lambda b=b, hint=hint: queued(b, hint)) for b, hint in settings_tried
        ]
    run = compiled(CHECKED, "LATENCY")
    y = np.concatenate([np.array(run(part)[0], np.float32) for part in batches(x[:64], CHECKED)])
    return dict(
        version=ov.__version__.split("-")[0],
        precision=precision(request),
        agreement=agreement(request, y, precision(request)),
        candidates=candidates,
    )


def torch(request):
    import torch
    from networks import load

    torch.set_num_threads(request["threads"])
    torch.set_grad_enabled(False)
    network, x = load(request["network"], weights(request)), torch.from_numpy(inputs(request))
    if precision(request) == "bf16":
        network, x = network.bfloat16(), x.bfloat16()
    last = x.contiguous(memory_format=torch.channels_last)

    def eager(x, memory_format, batch):
        run, parts = network.to(memory_format=memory_format), x.split(batch)
        return lambda: sum(len(run(part)) for part in parts)

    def compiled(batch):
        import torch._inductor.config

        torch._inductor.config.freezing = True
        run = torch.compile(network.to(memory_format=torch.channels_last), dynamic=False)
        parts = last[: len(x) // batch * batch].split(batch)
        return lambda: sum(len(run(part)) for part in parts)

    candidates = [
        (f"channels last, batch {b}", lambda b=b: eager(last, torch.channels_last, b)) for b in request["batches"]
    ]
    if request["compile"]:
        largest = request["batches"][-2:]
        candidates += [(f"compiled, channels last, batch {b}", lambda b=b: compiled(b)) for b in largest]
    return dict(
        version=torch.__version__,
        precision=precision(request),
        agreement=agreement(request, network(x[:64]).float().numpy(), precision(request)),
        candidates=candidates,
    )


PEERS = {"onnxruntime": onnxruntime, "openvino": openvino, "torch": torch}
