//! The lines of a manifest.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::path_name;
use crate::{Error, Extractor, ExtractorSettings};

/// Lines whose files are checked at a time, on all threads.
pub const BATCH: usize = 256;

const FORMAT: &str = "mlprobe features 2";

/// The first line: what made the features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    format: String,
    /// The extractor's name.
    pub extractor: String,
    pub fingerprint: String,
    /// How to open it again.
    pub settings: Option<ExtractorSettings>,
    /// D.
    pub dim: usize,
}

/// What [`embed`](super::embed) has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Embedded {
    /// N.
    pub rows: usize,
    /// Images left out.
    pub broken: usize,
}

impl Header {
    pub fn of(extractor: &dyn Extractor) -> Self {
        Self {
            format: FORMAT.into(),
            extractor: extractor.name(),
            fingerprint: extractor.fingerprint(),
            settings: extractor.settings(),
            dim: extractor.dim(),
        }
    }
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "features of {} (fingerprint {})", self.extractor, self.fingerprint)
    }
}

/// Every other line: an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its row, if it has one; set when it is written.
    pub row: Option<usize>,
    /// As it was given.
    #[serde(with = "path_name")]
    pub path: PathBuf,
    /// The file's size.
    pub bytes: u64,
    /// The file's SHA-256 (hex), unless it could not be read.
    pub sha256: Option<String>,
    /// Why it has no row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
}

impl Line {
    /// The line of an image file as it is now.
    pub fn image(file: &Path) -> Self {
        Self {
            row: None,
            path: file.into(),
            bytes: size(file),
            sha256: mlprobe_files::sha256(file).ok(),
            broken: None,
        }
    }

    /// What is there instead of `file` as it is now; `None` if the line is about it.
    fn other_than(&self, file: &Path) -> Option<String> {
        if self.path != file {
            Some(self.path.display().to_string())
        } else if self.bytes != size(file) || self.sha256 != mlprobe_files::sha256(file).ok() {
            Some(format!(
                "{} of {} bytes and other content: it was changed or replaced after it was read",
                self.path.display(),
                self.bytes
            ))
        } else {
            None
        }
    }
}

/// The first of `lines` that is not about the file in its place, and what it is about. Reads all of these files.
pub fn first_other(lines: &[Line], files: &[PathBuf]) -> Option<(usize, String)> {
    let other = |(i, line): (usize, &Line)| {
        let what =
            files.get(i).map_or_else(|| Some(line.path.display().to_string()), |file| line.other_than(file));
        what.map(|what| (i, what))
    };
    lines.par_iter().enumerate().find_map_first(other)
}

/// The size of a file, 0 if it cannot be told.
fn size(file: &Path) -> u64 {
    std::fs::metadata(file).map_or(0, |metadata| metadata.len())
}

/// A manifest being read: the header, then line by line.
pub struct Reader<'a> {
    path: &'a Path,
    file: BufReader<File>,
    pub header: Header,
    /// Bytes of the whole lines read so far.
    pub read: u64,
}

impl<'a> Reader<'a> {
    /// Of an open file; `None` if it does not begin with a whole line.
    pub fn new(path: &'a Path, file: File) -> Result<Option<Self>, Error> {
        let mut file = BufReader::new(file);
        let Some(line) = whole_line(&mut file).map_err(Error::io("reading", path))? else { return Ok(None) };
        let header: Option<Header> = serde_json::from_slice(&line).ok();
        match header.filter(|header| header.format == FORMAT) {
            Some(header) => Ok(Some(Self { path, file, header, read: line.len() as u64 })),
            None => Err(Error::Embedding {
                path: path.into(),
                expected: format!("a manifest ({FORMAT})"),
                actual: String::from_utf8_lossy(&line[..line.len().min(80)]).trim_end().into(),
            }),
        }
    }

    /// The next line; `None` at the end, or if what follows is not whole.
    pub fn next(&mut self) -> Result<Option<Line>, Error> {
        let Some(bytes) = whole_line(&mut self.file).map_err(Error::io("reading", self.path))? else {
            return Ok(None);
        };
        let line = serde_json::from_slice(&bytes).ok();
        if line.is_some() {
            self.read += bytes.len() as u64;
        }
        Ok(line)
    }
}

/// The next line with its end; `None` if there is no end.
fn whole_line(file: &mut BufReader<File>) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    file.read_until(b'\n', &mut line)?;
    Ok(Some(line).filter(|line| line.ends_with(b"\n")))
}

/// `value` as a line.
pub fn to_line<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}
