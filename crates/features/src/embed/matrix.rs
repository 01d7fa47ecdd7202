//! The matrix on disk, and the names of the files beside it.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::problems::{NOT_OURS, RESTORE, features};
use crate::Error;
use crate::arrays::shortened;

/// The manifest of the matrix `out`.
pub fn manifest_of(out: &Path) -> PathBuf {
    out.with_extension("jsonl")
}

/// A file while it grows.
pub fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// The file that is locked while `out` is written: a hidden one, because it stays.
pub fn lock_of(out: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(out.file_name().unwrap_or_default());
    name.push(".lock");
    out.with_file_name(name)
}

/// Bytes before the first row.
pub const HEADER: usize = 128;

/// The header of an `.npy` file, version 1.0, of f32 (rows, dim): always [`HEADER`] bytes, because it is
/// written last, when the number of rows is known. See <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.
pub fn npy_header(rows: usize, dim: usize) -> Vec<u8> {
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    header.extend((HEADER as u16 - 10).to_le_bytes());
    header.extend(format!("{SHAPE}{rows}, {dim}), }}").bytes());
    header.resize(HEADER - 1, b' ');
    header.push(b'\n');
    header
}

/// What the description of a matrix begins with, before N and D.
const SHAPE: &str = "{'descr': '<f4', 'fortran_order': False, 'shape': (";

/// N of the finished matrix at `path`, f32 (N, dim).
pub fn rows(path: &Path, dim: usize) -> Result<usize, Error> {
    let mut file = File::open(path).map_err(Error::io("opening", path))?;
    let bytes = file.metadata().map_err(Error::io("opening", path))?.len();
    let start = start(&mut file).map_err(Error::io("reading", path))?;
    let rows = rows_in(bytes, dim);
    if start == npy_header(rows as usize, dim) && bytes == bytes_of(rows, dim) {
        return Ok(rows as usize);
    }
    let expected = format!("float32 of shape (N, {dim}), which `embed` has written");
    if !start.starts_with(b"\x93NUMPY") {
        return Err(features(path, expected, "a file that is not an array of NumPy", NOT_OURS));
    }
    let described = String::from_utf8_lossy(start.get(10..).unwrap_or_default());
    let claimed = described.trim_end().strip_prefix(SHAPE).and_then(|shape| shape.strip_suffix("), }"));
    let claimed =
        claimed.and_then(|shape| shape.split_once(", ")).map(|(n, d)| (n.parse::<u64>(), d.parse::<usize>()));
    match claimed {
        Some((Ok(n), Ok(d))) if d == dim => {
            let expected = format!("{} bytes, those of {n} rows of {dim} features", bytes_of(n, dim));
            Err(features(path, expected, bytes.to_string(), RESTORE))
        }
        _ => Err(features(path, expected, format!("the array {}", shortened(&described)), NOT_OURS)),
    }
}

/// Whole rows of `dim` features in a file of so many bytes.
pub fn rows_in(bytes: u64, dim: usize) -> u64 {
    bytes.saturating_sub(HEADER as u64) / (4 * dim as u64).max(1)
}

/// Whether the file at `path`, if there is one, may be the part of a matrix: where the header will be, there is nothing yet,
/// or that of as many rows as there are.
pub fn is_part(path: &Path, dim: usize) -> Result<bool, Error> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
        file => file.map_err(Error::io("opening", path))?,
    };
    let bytes = file.metadata().map_err(Error::io("opening", path))?.len();
    let start = start(&mut file).map_err(Error::io("reading", path))?;
    Ok(start.iter().all(|&byte| byte == 0) || start == npy_header(rows_in(bytes, dim) as usize, dim))
}

/// Of a whole file; a header may claim any number.
fn bytes_of(rows: u64, dim: usize) -> u64 {
    rows.saturating_mul(4 * dim as u64).saturating_add(HEADER as u64)
}

fn start(file: &mut File) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    file.take(HEADER as u64).read_to_end(&mut start)?;
    Ok(start)
}
