//! Files checked by size and SHA-256.

use std::fs;
#[cfg(feature = "fetch")]
use std::fs::File;
use std::io::ErrorKind;
#[cfg(feature = "fetch")]
use std::io::{self, Read, Write};
use std::path::Path;

use crate::{Error, Result};

/// Checks that `path` is a file of `size` bytes whose SHA-256 is `sha256` (lower-case hexadecimal).
pub(crate) fn check(path: &Path, size: u64, sha256: &str) -> Result<()> {
    let actual = fs::metadata(path).map_err(Error::io("look at", path))?.len();
    if actual != size {
        return Err(Error::WrongSize { path: path.to_owned(), expected: size, actual });
    }
    check_digest(path, sha256)
}

/// Checks that the SHA-256 of the file at `path` is `sha256`.
pub(crate) fn check_digest(path: &Path, sha256: &str) -> Result<()> {
    let actual = digest(path)?;
    if actual != sha256 {
        return Err(Error::WrongDigest { path: path.to_owned(), expected: sha256.to_owned(), actual });
    }
    Ok(())
}

/// The file at `path` as text.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| match error.kind() {
        ErrorKind::InvalidData => Error::format(path, "text", "UTF-8", error.to_string()),
        _ => Error::io("read", path)(error),
    })
}

/// The SHA-256 of the file at `path` in lower-case hexadecimal.
pub(crate) fn digest(path: &Path) -> Result<String> {
    mlprobe_files::sha256(path).map_err(Error::io("read", path))
}

/// Copies `source` to `target`, the file `path`, and tells `on_bytes` how many bytes are done, beginning at `start`.
/// Errors in reading become what `unreadable` makes of them.
#[cfg(feature = "fetch")]
pub(crate) fn copy(
    source: &mut dyn Read,
    unreadable: &dyn Fn(io::Error) -> Error,
    target: &mut File,
    path: &Path,
    start: u64,
    on_bytes: &mut dyn FnMut(u64),
) -> Result<()> {
    let mut buffer = vec![0; 1 << 16];
    let mut done = start;
    loop {
        on_bytes(done);
        match source.read(&mut buffer).map_err(unreadable)? {
            0 => return Ok(()),
            n => {
                target.write_all(&buffer[..n]).map_err(Error::io("write", path))?;
                done += n as u64;
            }
        }
    }
}

/// Holds `path` locked against other processes until the result is dropped; waits for its turn.
#[cfg(feature = "fetch")]
pub(crate) fn lock(path: &Path) -> Result<File> {
    mlprobe_files::lock(path).map_err(Error::io("lock", path))
}
