//! One file over HTTP: resumed, bounded, verified.

use std::fs::{self, OpenOptions};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ureq::Agent;
use ureq::http::{StatusCode, header};

use super::progress::{OnProgress, Progress};
use crate::{Error, Result, files};

/// A file on a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Its address, http or https.
    pub url: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256 in lower-case hexadecimal.
    pub sha256: String,
}

/// How long to wait for the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a name to be resolved, and for a connection: short, so that a machine without a network moves on.
    pub connect: Duration,
    /// For the next bytes of an answer.
    pub stall: Duration,
}

impl Default for Timeouts {
    /// 10 seconds to connect, 30 seconds without a byte.
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), stall: Duration::from_secs(30) }
    }
}

/// Downloads `remote` to `path`, unless the right file is there already.
///
/// Bytes are collected in a file beside `path` with `.part` added to its name. If it exists, only what is missing is
/// asked for; a server that cannot do that sends everything again. After a broken connection, the download is resumed as
/// long as each attempt brings something, at most five times; then what has arrived stays for the next call. A whole file
/// with wrong content is removed, and if some of it came from an earlier call, it is fetched once more from the beginning.
///
/// # Errors
/// [`Error::Download`] if the server cannot be reached, refuses, stalls or breaks off; [`Error::WrongSize`] if it offers
/// a file of another size or sends too much; [`Error::WrongDigest`] if the content is whole and wrong; [`Error::Io`] if
/// the file cannot be written.
pub fn download(
    remote: &Remote,
    path: &Path,
    timeouts: &Timeouts,
    progress: &mut OnProgress<'_>,
) -> Result<()> {
    if files::check(path, remote.size, &remote.sha256).is_ok() {
        return Ok(());
    }
    let part = part_of(path);
    let mut resumed = size_of(&part) > 0;
    loop {
        collect(remote, &part, timeouts, progress)?;
        match files::check(&part, remote.size, &remote.sha256) {
            Ok(()) => break,
            Err(error) => {
                remove(&part)?;
                if !resumed {
                    return Err(error.of(path));
                }
                resumed = false;
            }
        }
    }
    mlprobe_files::rename(&part, path).map_err(Error::io("write", path))
}

/// Brings one file to `path` by a [`download`], and creates its folder if needed. A second process that fetches the
/// same file waits for the first, then finds it.
///
/// Unlike a download, it never replaces a file: one that is there and not the right one is refused.
///
/// # Errors
/// As [`download`]; [`Error::WrongSize`] or [`Error::WrongDigest`] for a file that is there; [`Error::Io`] if the folder
/// cannot be written.
pub fn fetch_file(
    remote: &Remote,
    path: impl AsRef<Path>,
    timeouts: &Timeouts,
    progress: &mut OnProgress<'_>,
) -> Result<()> {
    let path = path.as_ref();
    let dir = path.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
    let _lock = files::lock(&dir.join(".lock"))?;
    if path.exists() {
        return files::check(path, remote.size, &remote.sha256);
    }
    download(remote, path, timeouts, progress)
}

/// How many requests are made for one file.
const ATTEMPTS: usize = 5;

/// Connects until `part` has the size of `remote`.
fn collect(remote: &Remote, part: &Path, timeouts: &Timeouts, progress: &mut OnProgress<'_>) -> Result<()> {
    for attempt in 1.. {
        let before = size_of(part);
        if before == remote.size {
            break;
        }
        match transfer(remote, part, timeouts, progress) {
            Ok(()) => break,
            Err(Error::Download { .. }) if attempt < ATTEMPTS && size_of(part) > before => continue,
            Err(Error::Download { url, reason, .. }) => {
                return Err(Error::Download { url, reason, kept: size_of(part) });
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// One request: appends what is missing to `part`, or writes the whole file again. Succeeds only when all has arrived.
fn transfer(remote: &Remote, part: &Path, timeouts: &Timeouts, progress: &mut OnProgress<'_>) -> Result<()> {
    let failed = |reason: String| Error::Download { url: remote.url.clone(), reason, kept: 0 };
    let wrong_size =
        |actual| Error::WrongSize { path: PathBuf::from(&remote.url), expected: remote.size, actual };

    let have = size_of(part);
    let mut request = agent(timeouts).get(&remote.url);
    if (1..remote.size).contains(&have) {
        request = request.header(header::RANGE, format!("bytes={have}-"));
    }
    let mut response = request.call().map_err(|e| failed(e.to_string()))?;

    // The answer starts at `have` only if it says so; anything else is the whole file.
    let start = match (response.status(), content_range(&response)) {
        (StatusCode::PARTIAL_CONTENT, Some((start, total))) if start == have => {
            total.filter(|&total| total != remote.size).map_or(Ok(()), |total| Err(wrong_size(total)))?;
            have
        }
        (StatusCode::PARTIAL_CONTENT, range) => {
            remove(part)?;
            return Err(failed(format!("asked for bytes from {have}, got the range {range:?}")));
        }
        (StatusCode::OK, _) => 0,
        (status, _) => return Err(failed(format!("unexpected answer {status}"))),
    };
    if let Some(length) = response.body().content_length().filter(|length| start + length != remote.size) {
        return Err(wrong_size(start + length));
    }

    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(start == 0)
        .append(start > 0)
        .open(part)
        .map_err(Error::io("open", part))?;
    let name = remote.url.rsplit('/').next().unwrap_or_default();
    let label = format!("downloading {name}");
    let mut on_bytes = |done| progress(Progress { label: &label, done, total: Some(remote.size) });
    // One byte more than expected tells a file that is too long, however long it is.
    let mut body = response.body_mut().as_reader().take(remote.size - start + 1);
    files::copy(&mut body, &|e| failed(e.to_string()), &mut file, part, start, &mut on_bytes)?;
    match size_of(part) {
        size if size < remote.size => Err(failed(format!("ended after {size} of {} bytes", remote.size))),
        size if size > remote.size => {
            remove(part)?;
            Err(wrong_size(size))
        }
        _ => Ok(()),
    }
}

fn agent(timeouts: &Timeouts) -> Agent {
    Agent::config_builder()
        .timeout_resolve(Some(timeouts.connect))
        .timeout_connect(Some(timeouts.connect))
        .timeout_recv_response(Some(timeouts.stall))
        .timeout_per_read(Some(timeouts.stall))
        .build()
        .new_agent()
}

/// Start and total size from the header `Content-Range: bytes 10-99/100`; the total may be `*`.
fn content_range<B>(response: &ureq::http::Response<B>) -> Option<(u64, Option<u64>)> {
    let text = response.headers().get(header::CONTENT_RANGE)?.to_str().ok()?;
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    Some((range.split_once('-')?.0.parse().ok()?, total.parse().ok()))
}

fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// The size of a file, 0 if it is not there.
fn size_of(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

fn remove(path: &Path) -> Result<()> {
    fs::remove_file(path).map_err(Error::io("remove", path))
}
