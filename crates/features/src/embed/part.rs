//! The features embedded so far, on disk.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use ndarray::Array2;

use super::manifest::{BATCH, Embedded, Header, Line, Reader, first_other, to_line};
use crate::{Error, Extractor};

/// The two files while they grow. Rows are written first, then the lines that confirm them.
pub struct Part<'a> {
    out: &'a Path,
    /// Room for the header, then rows.
    matrix: File,
    /// Locked, because one process at a time may write it.
    manifest: File,
    dim: usize,
    /// Images embedded, broken ones too.
    pub images: usize,
    rows: usize,
}

impl<'a> Part<'a> {
    /// The part that an earlier call has left for `out`, which must be of this extractor and the first of these files; or a new
    /// one.
    pub fn open(out: &'a Path, extractor: &dyn Extractor, files: &[PathBuf]) -> Result<Self, Error> {
        if out.extension().is_none_or(|extension| extension != "npy") {
            return Err(Error::Embedding {
                path: out.into(),
                expected: "a name that ends in .npy".into(),
                actual: out.display().to_string(),
            });
        }
        let (matrix_path, manifest_path) = (part_of(out), part_of(&manifest_of(out)));
        let open = |path: &Path| {
            let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
            file.map_err(Error::io("opening", path))
        };
        // The last call was killed between the two renames.
        let renamed = manifest_of(out);
        if matrix_path.exists() && !manifest_path.exists() && renamed.exists() {
            fs::rename(&renamed, &manifest_path).map_err(Error::io("renaming", &renamed))?;
        }
        let (matrix, manifest) = (open(&matrix_path)?, open(&manifest_path)?);
        match manifest.try_lock() {
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Embedding {
                    path: manifest_path,
                    expected: "a file that no other process is writing".into(),
                    actual: "one that is being written".into(),
                });
            }
            // Where the file system has no locks, there is no protection against a second process.
            Err(TryLockError::Error(error)) if error.kind() != io::ErrorKind::Unsupported => {
                return Err(Error::io("locking", &manifest_path)(error));
            }
            _ => {}
        }
        let mut part = Self { out, matrix, manifest, dim: extractor.dim(), images: 0, rows: 0 };
        let header = Header::of(extractor);
        let length = part.resume(&manifest_path, &header, files)?;
        part.cut(length, &header).map_err(Error::io("writing", &manifest_path))?;
        Ok(part)
    }

    /// Counts the images whose row and line are whole, and returns the length of their part of the manifest.
    fn resume(&mut self, path: &Path, header: &Header, files: &[PathBuf]) -> Result<u64, Error> {
        let refused =
            |expected: String, actual: String| Error::Embedding { path: path.into(), expected, actual };
        let manifest = self.manifest.try_clone().map_err(Error::io("reading", path))?;
        let rows = self.matrix.metadata().map_err(Error::io("reading", self.out))?.len();
        let rows = rows.saturating_sub(HEADER as u64) / (4 * self.dim as u64).max(1);
        let Some(mut reader) = Reader::new(path, manifest)? else { return Ok(0) };
        if reader.header != *header {
            return Err(refused(header.to_string(), reader.header.to_string()));
        }
        let mut length = reader.read;
        loop {
            let mut lines = Vec::new();
            while lines.len() < BATCH {
                match reader.next()? {
                    Some(line) if line.row.is_none_or(|row| (row as u64) < rows) => {
                        length = reader.read;
                        lines.push(line);
                    }
                    _ => break,
                }
            }
            let of_lines = &files[self.images.min(files.len())..];
            if let Some((i, actual)) = first_other(&lines, of_lines) {
                let expected = match of_lines.get(i) {
                    Some(file) => {
                        format!("{} as it is now, as image {}", file.display(), self.images + i + 1)
                    }
                    None => format!("{} images", files.len()),
                };
                return Err(refused(expected, actual));
            }
            self.images += lines.len();
            self.rows += lines.iter().filter(|line| line.row.is_some()).count();
            if lines.len() < BATCH {
                return Ok(length);
            }
        }
    }

    /// Cuts off what is not whole, and moves to the end of both files.
    fn cut(&mut self, length: u64, header: &Header) -> io::Result<()> {
        self.manifest.set_len(length)?;
        self.manifest.seek(SeekFrom::Start(length))?;
        if length == 0 {
            self.manifest.write_all(&to_line(header)?)?;
        }
        let length = (HEADER + 4 * self.dim * self.rows) as u64;
        self.matrix.set_len(length)?;
        self.matrix.seek(SeekFrom::Start(length))?;
        Ok(())
    }

    /// Appends `features` (N, D), those of the N lines that are not of broken images.
    pub fn append(&mut self, features: &Array2<f32>, lines: &[Line]) -> Result<(), Error> {
        let bytes: Vec<u8> = features.iter().flat_map(|feature| feature.to_le_bytes()).collect();
        let mut text = Vec::new();
        let mut append = || -> io::Result<()> {
            for line in lines {
                let row = line.broken.is_none().then_some(self.rows);
                self.rows += usize::from(row.is_some());
                text.extend(to_line(&Line { row, ..line.clone() })?);
            }
            self.matrix.write_all(&bytes)?;
            self.matrix.sync_data()?;
            self.manifest.write_all(&text)
        };
        append().map_err(Error::io("writing", self.out))?;
        self.images += lines.len();
        Ok(())
    }

    /// Gives both files their final names.
    pub fn finish(mut self) -> Result<Embedded, Error> {
        let manifest = manifest_of(self.out);
        let mut finish = || -> io::Result<()> {
            self.matrix.seek(SeekFrom::Start(0))?;
            self.matrix.write_all(&npy_header(self.rows, self.dim))?;
            mlprobe_files::rename(part_of(&manifest), &manifest)?;
            mlprobe_files::rename(part_of(self.out), self.out)
        };
        finish().map_err(Error::io("writing", self.out))?;
        Ok(Embedded { rows: self.rows, broken: self.images - self.rows })
    }
}

/// The manifest of the matrix `out`.
pub fn manifest_of(out: &Path) -> PathBuf {
    out.with_extension("jsonl")
}

fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// Bytes before the first row.
pub const HEADER: usize = 128;

/// The header of an `.npy` file, version 1.0, of f32 (rows, dim): always [`HEADER`] bytes, because it is
/// written last, when the number of rows is known. See <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.
pub fn npy_header(rows: usize, dim: usize) -> Vec<u8> {
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    header.extend((HEADER as u16 - 10).to_le_bytes());
    header.extend(format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {dim}), }}").bytes());
    header.resize(HEADER - 1, b' ');
    header.push(b'\n');
    header
}
