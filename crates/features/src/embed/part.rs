//! The features embedded so far, on disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use ndarray::Array2;

use super::manifest::{Embedded, Header, Kept, Line, to_line};
use super::matrix::{self, HEADER, lock_of, manifest_of, npy_header, part_of};
use super::problems::{in_the_way, to_in_the_way};
use crate::{Error, Extractor};

/// Holds `out` and all files beside it, which one process at a time may write, until the result is dropped.
pub fn hold(out: &Path) -> Result<File, Error> {
    if out.extension().is_none_or(|extension| extension != "npy") {
        return Err(in_the_way(out, "a name that ends in .npy", out.display().to_string()));
    }
    let lock = mlprobe_files::try_lock(lock_of(out)).map_err(Error::io("locking", out))?;
    lock.ok_or_else(|| Error::InUse { path: out.into() })
}

/// Brings the four files in order if one of the two renames of [`Part::finish`] is missing, the second after a kill, the first
/// perhaps after a power cut, so that a part is there as ever, or a finished file. `out` must be held. What is not of
/// `extractor` and `files` is refused and left alone.
pub fn settle(out: &Path, extractor: &dyn Extractor, files: &[PathBuf]) -> Result<(), Error> {
    let (manifest, header) = (manifest_of(out), Header::of(extractor));
    let (matrix_part, manifest_part) = (part_of(out), part_of(&manifest));
    let rename =
        |from: &Path, to: &Path| mlprobe_files::rename(from, to).map_err(Error::io("renaming", from));
    match (out.exists(), manifest.exists(), manifest_part.exists()) {
        (false, true, false) => {
            if Kept::read(&manifest, &header, files, u64::MAX)?.length == 0 {
                return Err(in_the_way(&manifest, "the manifest of these images", "a file without lines"));
            }
            rename(&manifest, &manifest_part)
        }
        (false, true, true) => Err(in_the_way(&manifest, "no file beside its own part", "a file")),
        (true, false, false) => {
            Err(in_the_way(out, "no file, or one with its manifest beside it", "another file"))
        }
        (true, false, true) => {
            let rows = matrix::rows(out, header.dim).map_err(to_in_the_way)? as u64;
            let kept = Kept::read(&manifest_part, &header, files, rows)?;
            let is_empty = size(&matrix_part) <= HEADER as u64 && matrix::is_part(&matrix_part, header.dim)?;
            if is_empty && kept.rows as u64 == rows {
                if matrix_part.exists() {
                    fs::remove_file(&matrix_part).map_err(Error::io("removing", &matrix_part))?;
                }
                rename(&manifest_part, &manifest)?;
            }
            // Otherwise the part grows on, and is compared in the end.
            Ok(())
        }
        (true, true, _) | (false, false, _) => Ok(()),
    }
}

/// The two files while they grow. Rows are written first, then the lines that confirm them.
pub struct Part<'a> {
    out: &'a Path,
    /// Room for the header, then rows.
    matrix: File,
    manifest: File,
    dim: usize,
    /// Images embedded, broken ones too.
    pub images: usize,
    rows: usize,
}

impl<'a> Part<'a> {
    /// The part that an earlier call has left for `out`, which must be of this extractor and the first of these files; or a new
    /// one. `out` must be held.
    pub fn open(out: &'a Path, extractor: &dyn Extractor, files: &[PathBuf]) -> Result<Self, Error> {
        let (matrix_path, manifest_path) = (part_of(out), part_of(&manifest_of(out)));
        let (header, dim) = (Header::of(extractor), extractor.dim());
        let kept = match manifest_path.exists() {
            true => {
                let rows = matrix::rows_in(size(&matrix_path), dim);
                Kept::read(&manifest_path, &header, files, rows)?
            }
            false => Kept::default(),
        };
        if !matrix::is_part(&matrix_path, dim)? {
            return Err(in_the_way(&matrix_path, "no file, or the rows so far", "another file"));
        }
        let open = |path: &Path| {
            let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
            file.map_err(Error::io("opening", path))
        };
        let (matrix, manifest) = (open(&matrix_path)?, open(&manifest_path)?);
        let mut part = Self { out, matrix, manifest, dim, images: kept.images, rows: kept.rows };
        part.cut(kept.length, &header).map_err(Error::io("writing", &manifest_path))?;
        Ok(part)
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
        // Where the header of a finish was written that was cut off.
        self.matrix.seek(SeekFrom::Start(0))?;
        self.matrix.write_all(&[0; HEADER])?;
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

    /// Gives both files their final names: the manifest first, so that the matrix never stands alone.
    pub fn finish(mut self) -> Result<Embedded, Error> {
        let (out, manifest) = (self.out, manifest_of(self.out));
        let (matrix_part, manifest_part) = (part_of(out), part_of(&manifest));
        let header = npy_header(self.rows, self.dim);
        let mut write = || self.matrix.seek(SeekFrom::Start(0)).and_then(|_| self.matrix.write_all(&header));
        write().map_err(Error::io("writing", &matrix_part))?;
        // Whatever came there meanwhile is not ours to replace.
        if manifest.exists() {
            return Err(in_the_way(&manifest, "no file", "one that came while images were embedded"));
        }
        let digest = |path: &Path| mlprobe_files::sha256(path).map_err(Error::io("reading", path));
        if out.exists() && digest(out)? != digest(&matrix_part)? {
            return Err(in_the_way(
                out,
                format!("no file, or that of {}", matrix_part.display()),
                "another file",
            ));
        }
        mlprobe_files::rename(manifest_part, &manifest).map_err(Error::io("writing", &manifest))?;
        mlprobe_files::rename(matrix_part, out).map_err(Error::io("writing", out))?;
        Ok(Embedded { rows: self.rows, broken: self.images - self.rows })
    }
}

/// The size of a file, 0 if it is not there.
fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}
