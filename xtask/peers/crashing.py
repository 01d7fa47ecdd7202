"""A peer for tests: one of its settings, or all of them, end the process as a crash in native code does."""

import os
import signal
import time


def peer(crashing):
    def prepare(batch):
        if batch in crashing:
            os.kill(os.getpid(), signal.SIGSEGV)

        def work():
            time.sleep(0.001 / batch)
            return 1

        return work

    candidates = [(f"batch {batch}", lambda batch=batch: prepare(batch)) for batch in (1, 2, 50)]
    return dict(version="1", precision="f32", agreement="none", candidates=candidates)


PEERS = {"once": lambda request: peer({2}), "always": lambda request: peer({1, 2, 50})}
