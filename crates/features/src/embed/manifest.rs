//! The lines of a manifest.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::path_name;
use super::problems::{NOT_OURS, features, in_the_way, to_in_the_way};
use crate::arrays::shortened;
use crate::{Error, Extractor, ExtractorSettings};

/// Lines whose files are checked at a time, on all threads.
pub const BATCH: usize = 256;

const FORMAT: &str = "mlprobe features 2";
/// What the formats of all versions begin with.
const OURS: &str = "mlprobe features";

/// The first line: what made the features.
#[derive(Clone, Debug, Serialize, Deserialize)]
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

    /// Whether features of both are the same. The fingerprint names all that they depend on; the name and the settings may have
    /// the path of a file in them, which can be spelled in several ways.
    pub fn is_of(&self, other: &Self) -> bool {
        (&self.fingerprint, self.dim) == (&other.fingerprint, other.dim)
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
        if !is_same(&self.path, file) {
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

/// Whether two paths are the same file, spelled in whatever way: `a.png`, `./a.png` or from the root. Links are not followed,
/// since the name of a file may say what it shows.
fn is_same(a: &Path, b: &Path) -> bool {
    let absolute = |path| std::path::absolute(path).ok();
    a == b || (absolute(a).is_some() && absolute(a) == absolute(b))
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
        match serde_json::from_slice::<Header>(&line) {
            Ok(header) if header.format == FORMAT => {
                Ok(Some(Self { path, file, header, read: line.len() as u64 }))
            }
            Ok(Header { format, .. }) if format.starts_with(OURS) => {
                let next = "embed the images again, with this version";
                Err(features(path, format!("a manifest ({FORMAT})"), format, next))
            }
            _ => Err(not_ours(path, &line)),
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

/// The lines of a manifest that speak of what is there.
#[derive(Default)]
pub struct Kept {
    /// Images, broken ones too.
    pub images: usize,
    pub rows: usize,
    /// Bytes of the header and these lines.
    pub length: u64,
}

impl Kept {
    /// Of the manifest `path`, which must be of `header` and the first of `files`, up to the first line that is not whole or
    /// whose row is not among the first `rows`. Reads the files of these lines.
    pub fn read(path: &Path, header: &Header, files: &[PathBuf], rows: u64) -> Result<Self, Error> {
        let open = || File::open(path).map_err(Error::io("opening the manifest", path));
        let Some(mut reader) = Reader::new(path, open()?).map_err(to_in_the_way)? else {
            let mut start = Vec::new();
            open()?.take(1 << 16).read_to_end(&mut start).map_err(Error::io("reading", path))?;
            // Cut short while the first line was written, or something else that must not be written over.
            let line = to_line(header).map_err(Error::io("writing", path))?;
            let is_ours = line.starts_with(&start);
            return if is_ours { Ok(Self::default()) } else { Err(to_in_the_way(not_ours(path, &start))) };
        };
        if !reader.header.is_of(header) {
            return Err(in_the_way(path, header.to_string(), reader.header.to_string()));
        }
        let mut kept = Self { length: reader.read, ..Self::default() };
        loop {
            let mut lines = Vec::new();
            while lines.len() < BATCH {
                match reader.next()? {
                    Some(line) if line.row.is_none_or(|row| (row as u64) < rows) => {
                        kept.length = reader.read;
                        lines.push(line);
                    }
                    _ => break,
                }
            }
            let of_lines = &files[kept.images.min(files.len())..];
            if let Some((i, actual)) = first_other(&lines, of_lines) {
                let expected = match of_lines.get(i) {
                    Some(file) => {
                        format!("{} as it is now, as image {}", file.display(), kept.images + i + 1)
                    }
                    None => format!("{} images", files.len()),
                };
                return Err(in_the_way(path, expected, actual));
            }
            kept.images += lines.len();
            kept.rows += lines.iter().filter(|line| line.row.is_some()).count();
            if lines.len() < BATCH {
                return Ok(kept);
            }
        }
    }
}

fn not_ours(path: &Path, start: &[u8]) -> Error {
    let start = String::from_utf8_lossy(&start[..start.len().min(400)]).into_owned();
    let actual = format!("a file that begins with {:?}", shortened(start.lines().next().unwrap_or_default()));
    features(path, format!("the manifest of features that `embed` has written ({FORMAT})"), actual, NOT_OURS)
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
