"""Threads, processes, Ctrl-C and progress."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import mlprobe

IMAGES = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), np.uint8)


def test_the_gil_is_released_while_rust_computes(mini):
    """Python goes on counting in this thread while another extracts features: far more often than once per call."""
    network = mlprobe.SqueezeNet(64, threads=1)
    network.transform(mini.train[:1])
    worker = threading.Thread(target=network.transform, args=(mini.train[:400],))
    worker.start()
    turns = 0
    while worker.is_alive():
        turns += 1
        time.sleep(0.001)
    assert turns > 20


def test_two_threads_overlap(mini):
    """Each call is inside Rust while the other one is, seen from the times at which their progress is told."""
    network = mlprobe.SqueezeNet(64, threads=1)
    spans = {}

    def work(name):
        times = []
        network._network.extract(mini.train[:600], threads=1, progress=lambda *_: times.append(time.monotonic()))
        spans[name] = (times[0], times[-1])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    overlap = min(end for _, end in spans.values()) - max(start for start, _ in spans.values())
    assert overlap > 0.5 * min(end - start for start, end in spans.values())


def child(queue):
    network = mlprobe.SqueezeNet(16)
    X, y = network.transform(IMAGES), np.arange(8) % 2
    mlp = mlprobe.MLPClassifier((4,), max_iter=2, random_state=0).fit(X, y)
    result = mlprobe.compare({"a": (X[:4], y[:4]), "b": (X[:4], y[:4])}, (X[4:], y[4:]), seeds=3, epochs=2)
    queue.put((X, mlp.predict_proba(X), result.verdict))


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_calls_work_in_a_process_made_by(method):
    import queue

    here = queue.Queue()
    child(here)  # the parent has used its threads
    expected = here.get()
    context = multiprocessing.get_context(method)
    there = context.Queue()
    process = context.Process(target=child, args=(there,))
    process.start()
    try:
        actual = there.get(timeout=60)
    finally:
        process.join(10)
        if process.is_alive():
            process.kill()
    np.testing.assert_array_equal(actual[0], expected[0])
    np.testing.assert_array_equal(actual[1], expected[1])
    assert actual[2] == expected[2]


LONG = {
    "transform": "mlprobe.SqueezeNet(512, threads=1).transform(np.zeros((100_000, 8, 8, 3), np.uint8))",
    "fit": "mlprobe.MLPClassifier(max_iter=10**6, alpha=0, learning_rate_init=1e-6).fit(X, y)",
    "compare": "mlprobe.compare({'a': (X, y), 'b': (X, y)}, (X + 1, y), epochs=10**6, learning_rate=1e-6)",
    "reproduce": "mlprobe.reproduce(sys.argv[1], sys.argv[2], epochs=10**6, extractor=mlprobe.SqueezeNet(32), cache=sys.argv[2] + '-cache')",
    "load_folder": "mlprobe.load_folder(sys.argv[3], threads=1)",
    "transform files": "mlprobe.SqueezeNet(32, threads=1).transform([sys.argv[3] + '/a/0.jpg'] * 2000)",
}


@pytest.fixture(scope="module")
def many_large(tmp_path_factory):
    """Many names of one picture of 4 million pixels, in two classes."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("large")
    Image.effect_noise((2000, 2000), 60).save(folder / "picture.jpg")
    for name in "ab":
        (folder / "classes" / name).mkdir(parents=True)
        for i in range(1000):
            os.link(folder / "picture.jpg", folder / "classes" / name / f"{i}.jpg")
    return folder / "classes"


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
@pytest.mark.parametrize("call", LONG)
def test_ctrl_c_stops_the_call_and_its_threads_within_two_seconds(call, photos, many_large, tmp_path):
    program = f"""
import sys, time, numpy as np, mlprobe
X, y = np.random.default_rng(0).random((5000, 64), np.float32), np.arange(5000) % 10
print("ready", flush=True)
try:
    {LONG[call]}
except KeyboardInterrupt:
    print("stopped", flush=True)
time.sleep(1)
before = time.process_time()
time.sleep(0.5)
print(time.process_time() - before, flush=True)
"""
    arguments = [sys.executable, "-c", program, str(photos), str(tmp_path / "run"), str(many_large)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(2)
        assert process.poll() is None, "the call is long"
        start = time.monotonic()
        os.kill(process.pid, signal.SIGINT)
        line = process.stdout.readline()
        seconds = time.monotonic() - start
        goes_on = float(process.stdout.readline() or "inf")
        process.kill()
    assert line == "stopped\n"
    assert seconds < 2
    assert goes_on < 0.2, "seconds of computing in half a second"


def test_progress_is_shown_where_it_is_wanted(features, capsys):
    (X, y), test = features
    mlprobe.MLPClassifier(max_iter=3, progress=True).fit(X, y)
    shown = capsys.readouterr().err
    assert "training" in shown and "3/3" in shown
    mlprobe.compare({"a": (X, y), "b": (X, y)}, test, seeds=1, epochs=2, progress=True)
    assert "training: 100%" in capsys.readouterr().err
    mlprobe.MLPClassifier(max_iter=3).fit(X, y)
    assert capsys.readouterr().err == ""
