"""One peer doing one stage's work: `python peer.py REQUEST`, both ways in JSON, a line at a time.

The request names stage and peer, and says with how many threads, for how many seconds a measurement, and where the
inputs lie. While the best setting is sought, each is named before it is tried:

    {"trying": ...}

If that ends the process, as a crash in native code does, the caller starts it again with the setting's name in `crashed`, and
the setting is left out. Then comes what is measured:

    {"version": ..., "precision": ..., "setting": ..., "agreement": ...}    or    {"missing": the reason}

By then the peer is warm, its best setting is found, and its results are known to agree with ours. From then on, each
line on standard input is answered by one measurement: {"rate": units a second}.
"""

import importlib
import json
import os
import sys
import time


def main():
    request = json.loads(sys.argv[1])
    # Libraries print what they like; the answers keep the standard output for themselves.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    if hasattr(os, "sched_setaffinity"):
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {allowed[core % len(allowed)] for core in request["cores"]})
    try:
        peer = importlib.import_module(request["module"]).PEERS[request["peer"]](request)
        setting, work = best(peer["candidates"], request, answers)
    except Exception as error:
        print(json.dumps({"missing": f"{type(error).__name__}: {error}".splitlines()[0]}), file=answers)
        raise
    about = {name: peer[name] for name in ("version", "precision", "agreement")} | {"setting": setting}
    print(json.dumps(about), file=answers)
    for _ in sys.stdin:
        print(json.dumps({"rate": rate(work, request["seconds"])}), file=answers)


def best(candidates, request, answers):
    """The name and the work of the fastest candidate: (name, function that prepares the work). Each work does some
    units and returns how many; its first call warms it up."""
    measured, failed, crashed = [], [], request.get("crashed", [])
    for name, prepare in candidates:
        if name in crashed:
            continue
        print(json.dumps({"trying": name}), file=answers)
        try:
            work = prepare()
            work()
            measured.append((rate(work, request["tune_seconds"]), name, work))
        except Exception as error:
            failed.append((name, error))
    if not measured:
        raise failed[0][1] if failed else RuntimeError("every setting ended its process")
    _, name, work = max(measured, key=lambda one: one[0])
    tried = [f"best of {len(candidates)}"] if len(candidates) > 1 else []
    tried += [f"{name} failed: {type(error).__name__}" for name, error in failed]
    tried += [f"{name} crashed" for name in crashed]
    return f"{name} ({', '.join(tried)})" if tried else name, work


def rate(work, seconds):
    """Units a second of `work`, repeated until `seconds` are over."""
    done, start = 0, time.perf_counter()
    while True:
        done += work()
        elapsed = time.perf_counter() - start
        if elapsed >= seconds:
            return done / elapsed


if __name__ == "__main__":
    main()
