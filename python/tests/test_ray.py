"""On a real Ray cluster of several nodes on this machine, of which some are killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import mlprobe

ray = pytest.importorskip("ray")
pytest.importorskip("pyarrow")
pytestmark = pytest.mark.ray

from mlprobe.ray import embed, read, reproduce  # noqa: E402

NETWORK = mlprobe.SqueezeNet(32)


@pytest.fixture(scope="session")
def cluster():
    from ray.cluster_utils import Cluster

    store = 200 << 20
    cluster = Cluster(
        initialize_head=True,
        connect=True,
        head_node_args={"num_cpus": 2, "object_store_memory": store, "include_dashboard": False},
    )
    cluster.add_node(num_cpus=1, object_store_memory=store)
    cluster.add_node(num_cpus=1, object_store_memory=store)
    yield cluster
    ray.shutdown()
    cluster.shutdown()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, mini):
    """240 files in folders of ten classes, and one beside them."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("pictures")
    for i, (pixels, label) in enumerate(zip(mini.train[:240], mini.train_labels, strict=False)):
        path = folder / mini.classes[label] / f"{i:04}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).resize((40, 34)).save(path)
    Image.fromarray(mini.train[0]).save(folder / "stray.png")
    return folder


@pytest.fixture(scope="module")
def expected(pictures):
    """Paths in the order of `mlprobe embed`, and the features of one machine."""
    paths = [str(path) for path in mlprobe._mlprobe.find_images([str(pictures)])]
    return paths, NETWORK.transform(paths)


def rows(out):
    table = read(out)
    return table["path"].to_pylist(), np.stack(table["features"].to_numpy())


def assert_as_expected(out, expected):
    paths, features = rows(out)
    assert paths == expected[0]
    np.testing.assert_array_equal(features, expected[1])


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_any_number_of_workers_gives_the_rows_of_one_machine(cluster, pictures, expected, tmp_path, workers):
    found = embed(pictures, tmp_path / "out", extractor=NETWORK, workers=workers, shard_rows=32)
    assert found == {"rows": 241, "shards": 8, "broken": 0, "skipped": 0}
    assert_as_expected(tmp_path / "out", expected)


def test_others_read_the_shards(cluster, pictures, expected, tmp_path):
    pandas = pytest.importorskip("pandas")
    embed(pictures, tmp_path / "out", extractor=NETWORK, shard_rows=100)
    assert str(read(tmp_path / "out").schema.field("features").type).startswith("fixed_size_list<")
    frame = pandas.concat([pandas.read_parquet(file) for file in sorted((tmp_path / "out").glob("*.parquet"))])
    assert list(frame.columns) == ["path", "label", "features", "extractor"]
    assert set(frame.extractor) == {NETWORK.fingerprint}
    assert frame.label.isna().sum() == 1 and frame.label.nunique() == 10
    duckdb = pytest.importorskip("duckdb")
    query = f"select count(*), min(len(features)) from '{tmp_path}/out/*.parquet' where label = 'frog'"
    assert duckdb.connect().execute(query).fetchall() == [((frame.label == "frog").sum(), 512)]


def test_only_what_is_missing_or_damaged_is_made_again(cluster, pictures, expected, tmp_path):
    out = tmp_path / "out"
    options = dict(extractor=NETWORK, workers=2, shard_rows=32)
    embed(pictures, out, **options)
    whole = {file.name: file.read_bytes() for file in out.glob("*.parquet")}
    (out / "part-000003.parquet").unlink()
    (out / "part-000005.parquet").write_bytes(b"damaged")
    # Shards are noted as they finish, in any order. The last line, which is cut short, is to be that of another one.
    settings, *lines = (out / "manifest.jsonl").read_text().splitlines(keepends=True)
    lines.sort(key=lambda line: -json.loads(line)["shard"])
    (out / "manifest.jsonl").write_text("".join([settings, *lines])[:-20])
    found = embed(pictures, out, **options)
    assert found["skipped"] == 8 - 3 and found["rows"] == 241
    assert {file.name: file.read_bytes() for file in out.glob("*.parquet")} == whole
    assert embed(pictures, out, **options)["skipped"] == 8
    with pytest.raises(ValueError, match="choose another folder"):
        embed(pictures, out, **{**options, "extractor": mlprobe.SqueezeNet(64)})


def test_an_image_that_has_changed_is_embedded_again(cluster, pictures, tmp_path):
    copy = tmp_path / "pictures"
    shutil.copytree(pictures, copy)
    embed(copy, tmp_path / "out", extractor=NETWORK, shard_rows=100)
    shutil.copy(copy / "stray.png", next(iter(sorted((copy / "frog").iterdir()))))
    found = embed(copy, tmp_path / "out", extractor=NETWORK, shard_rows=100)
    assert found["skipped"] == 2 and found["shards"] == 3
    paths = [str(path) for path in mlprobe._mlprobe.find_images([str(copy)])]
    np.testing.assert_array_equal(rows(tmp_path / "out")[1], NETWORK.transform(paths))


def test_broken_images_are_named(cluster, pictures, tmp_path):
    copy = tmp_path / "pictures"
    shutil.copytree(pictures / "frog", copy)
    broken = sorted(copy.iterdir())[2]
    broken.write_bytes(b"no image")
    found = embed(copy, tmp_path / "out", extractor=NETWORK, skip_broken=True)
    assert found["broken"] == 1 and found["rows"] == len(list(copy.iterdir())) - 1
    assert str(broken) in (tmp_path / "out/manifest.jsonl").read_text()
    with pytest.raises(Exception, match="skip broken images"):
        embed(copy, tmp_path / "other", extractor=NETWORK)


def test_rows_are_the_same_after_a_worker_and_a_node_were_killed(cluster, pictures, tmp_path):
    network = mlprobe.SqueezeNet(224)
    paths = [str(path) for path in mlprobe._mlprobe.find_images([str(pictures)])]
    out, killed = tmp_path / "out", []
    victim = cluster.add_node(num_cpus=2, object_store_memory=200 << 20)

    def lines():
        manifest = out / "manifest.jsonl"
        return len(manifest.read_text().splitlines()) if manifest.exists() else 0

    def kill():
        while lines() < 3:
            time.sleep(0.02)
        here = os.getpid()
        worker = next(pid for pid in actors() if pid != here)
        os.kill(worker, signal.SIGKILL)
        killed.append(("worker", lines()))
        while lines() < 8:
            time.sleep(0.02)
        cluster.remove_node(victim, allow_graceful=False)
        killed.append(("node", lines()))

    killer = threading.Thread(target=kill)
    killer.start()
    embed(pictures, out, extractor=network, workers=4, shard_rows=8)
    killer.join(60)
    assert [name for name, _ in killed] == ["worker", "node"]
    assert all(done < 1 + 31 for _, done in killed), f"too late to matter: {killed}"
    found, features = rows(out)
    assert found == paths
    np.testing.assert_array_equal(features, network.transform(paths))


def actors():
    """Processes of actors that embed."""
    found = []
    for process in os.listdir("/proc"):
        if process.isdigit():
            try:
                with open(f"/proc/{process}/cmdline") as file:
                    if "_Embedder" in file.read():
                        found.append(int(process))
            except OSError:
                pass
    return found


def timeless(results):
    """Results without what was measured by a clock."""
    if isinstance(results, dict):
        if results.get("contrast", {}).get("measure") == "seconds":
            return None
        return {key: timeless(value) for key, value in results.items() if key not in ("seconds", "stages")}
    return [timeless(value) for value in results] if isinstance(results, list) else results


def test_a_reproduction_gives_the_results_of_one_machine(cluster, photos, tmp_path):
    table = tmp_path / "kinds.csv"
    rows = [f"{path.name},{path.parent.name}/{path.name},{'NA' if path.parent.name == 'frog' else 'plane'}" for path in sorted(photos.glob("*/*"))]
    table.write_text("\n".join(["name,file,kind", *rows]))
    options = dict(extractor=NETWORK, seeds=3, epochs=4)
    options |= dict(labels=table, label_column="kind", image_column="file", keep_na=True)
    alone = mlprobe.reproduce(photos, tmp_path / "alone", cache=tmp_path / "cache", **options)
    spread = reproduce(photos, tmp_path / "spread", cache=tmp_path / "other-cache", **options)
    assert spread.results["dataset"]["classes"] == ["NA", "plane"]
    assert timeless(spread.results) == timeless(alone.results)

    def files(run):
        return {str(file.relative_to(run)): file.read_bytes() for of in ("models", "predictions") for file in (run / of).rglob("*.*")}

    assert len(files(tmp_path / "alone")) > 2 * 4 * 3, "a model and its predictions for each arm and seed, and the probes'"
    assert files(tmp_path / "spread") == files(tmp_path / "alone")


def test_the_command_line_embeds(cluster, pictures, expected, tmp_path):
    arguments = ["embed", str(pictures), "--out", str(tmp_path / "out"), "--input-size", "32", "--workers", "2"]
    run = subprocess.run(
        [sys.executable, "-m", "mlprobe.ray", "--address", cluster.address, *arguments], capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout == "241 rows in 1 shards, 0 of them whole before; 0 broken images.\n"
    assert run.stderr == ""
    assert_as_expected(tmp_path / "out", expected)
    program = f"import sys; from mlprobe.ray.__main__ import main; main({arguments}); assert 'ray' not in sys.modules"
    again = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert (again.returncode, again.stderr) == (0, ""), "Ray is not started where nothing is to do"
    assert again.stdout == "241 rows in 1 shards, 1 of them whole before; 0 broken images.\n"


def test_it_is_said_before_ray_starts_that_one_machine_would_do(pictures, tmp_path, monkeypatch):
    def connect(address):
        raise ConnectionRefusedError

    monkeypatch.setattr("mlprobe.ray._embed.is_to_be_started", lambda address: True)
    monkeypatch.setattr("mlprobe.ray._embed.connect", connect)
    with pytest.warns(UserWarning, match="241 images take this machine about 1 s by `mlprobe embed`"):
        with pytest.raises(ConnectionRefusedError):
            embed(pictures, tmp_path / "out", extractor=NETWORK)
