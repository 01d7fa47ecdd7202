//! Embedded images, read back: what they are, and which are the nearest to another image.

use std::collections::HashMap;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use ndarray::ArrayView1;
use rayon::prelude::*;

use super::manifest::{BATCH, Embedded, Header, Line, Reader, first_other};
use super::matrix::{self, HEADER, manifest_of};
use super::problems::{NOT_OURS, RESTORE, features, in_the_way, to_in_the_way};
use crate::{Error, Extractor, ExtractorSettings};

/// Features that [`embed`](super::embed) has written. They stay on disk.
#[derive(Clone, Debug)]
pub struct FeatureFile {
    path: PathBuf,
    header: Header,
    rows: usize,
}

/// An image near to another one.
#[derive(Clone, Debug, PartialEq)]
pub struct Neighbour {
    /// Its row.
    pub row: usize,
    /// Its file, as it was given.
    pub path: PathBuf,
    /// The cosine of the angle between the two rows of features, -1 to 1; 0 if one of them is all zero.
    pub similarity: f64,
}

impl FeatureFile {
    /// The features at `path`, with their manifest beside it.
    ///
    /// # Errors
    /// [`Error::Features`] if the two files are not what [`embed`](super::embed) writes, or are not there; [`Error::Io`] if
    /// one of them cannot be read.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        let manifest = manifest_of(&path);
        let file = match File::open(&manifest) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let expected =
                    format!("features from `embed`, with their manifest {} beside them", manifest.display());
                return Err(match path.exists() {
                    true => features(&path, expected, "a file without a manifest", NOT_OURS),
                    false => features(&path, expected, "neither of the two", "check the path"),
                });
            }
            file => file.map_err(Error::io("opening the manifest", &manifest))?,
        };
        let Some(Reader { header, .. }) = Reader::new(&manifest, file)? else {
            return Err(features(&manifest, "the manifest of features", "a file without lines", NOT_OURS));
        };
        let rows = matrix::rows(&path, header.dim)?;
        Ok(Self { path, header, rows })
    }

    /// N.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// D.
    pub fn dim(&self) -> usize {
        self.header.dim
    }

    /// The name of the extractor that made them.
    pub fn extractor(&self) -> &str {
        &self.header.extractor
    }

    /// Its fingerprint.
    pub fn fingerprint(&self) -> &str {
        &self.header.fingerprint
    }

    /// How to open the extractor again; `None` if it was not one of mlprobe's.
    pub fn settings(&self) -> Option<&ExtractorSettings> {
        self.header.settings.as_ref()
    }

    /// The `most` rows that are nearest to `query` (D), nearest first; among equally near ones the first come first. Rows are
    /// read piece by piece.
    ///
    /// # Errors
    /// [`Error::Shape`] if `query` does not have length D, [`Error::NotFinite`] if a number in it is not finite;
    /// [`Error::Features`] if a row is not finite, or the manifest does not fit; [`Error::Io`] if a file cannot be read.
    pub fn nearest(&self, query: ArrayView1<'_, f32>, most: usize) -> Result<Vec<Neighbour>, Error> {
        if query.len() != self.dim() {
            return Err(Error::Shape {
                operation: "nearest",
                expected: format!("{} features, as in {}", self.dim(), self.path.display()),
                actual: query.len().to_string(),
            });
        }
        if let Some((column, &value)) = query.indexed_iter().find(|(_, value)| !value.is_finite()) {
            return Err(Error::NotFinite { extractor: "the query".into(), row: 0, column, value });
        }
        let query = query.to_vec();
        let mut file = File::open(&self.path).map_err(Error::io("opening", &self.path))?;
        file.seek(SeekFrom::Start(HEADER as u64)).map_err(Error::io("reading", &self.path))?;
        let (mut nearest, mut bytes) = (Vec::new(), Vec::new());
        for first in (0..self.rows).step_by(ROWS) {
            bytes.resize(4 * self.dim() * ROWS.min(self.rows - first), 0);
            file.read_exact(&mut bytes).map_err(Error::io("reading", &self.path))?;
            let rows = bytes.par_chunks_exact(4 * self.dim());
            let similarities: Vec<f64> = rows.map(|row| cosine(&query, row)).collect();
            if let Some(row) = similarities.iter().position(|similarity| similarity.is_nan()) {
                let actual = format!("NaN or infinity in row {}", first + row);
                return Err(features(&self.path, "finite numbers, as `embed` writes them", actual, RESTORE));
            }
            nearest.extend((first..).zip(similarities));
            nearest.sort_by(|(i, a), (j, b): &(usize, f64)| b.total_cmp(a).then(i.cmp(j)));
            nearest.truncate(most);
        }
        let mut paths: HashMap<usize, PathBuf> =
            nearest.iter().map(|&(row, _)| (row, PathBuf::new())).collect();
        self.each_batch(|lines| {
            for line in lines {
                if let Some(path) = line.row.and_then(|row| paths.get_mut(&row)) {
                    *path = line.path;
                }
            }
            Ok(())
        })?;
        let neighbour = |(row, similarity)| {
            let path = paths.remove(&row).unwrap_or_default();
            Neighbour { row, path, similarity }
        };
        Ok(nearest.into_iter().map(neighbour).collect())
    }

    /// What an earlier call has finished at `path`, if both files are there; it must be of this `extractor` and these `files`.
    pub(super) fn find(
        path: &Path,
        extractor: &dyn Extractor,
        files: &[PathBuf],
    ) -> Result<Option<Embedded>, Error> {
        if !(path.exists() && manifest_of(path).exists()) {
            return Ok(None);
        }
        let (found, wanted) = (Self::open(path).map_err(to_in_the_way)?, Header::of(extractor));
        if !found.header.is_of(&wanted) {
            return Err(in_the_way(path, wanted.to_string(), found.header.to_string()));
        }
        let other = |actual: String| in_the_way(path, "features of these images as they are now", actual);
        let mut checked = 0;
        let each = found.each_batch(|lines| match first_other(&lines, &files[checked.min(files.len())..]) {
            Some((_, actual)) => Err(other(actual)),
            None => {
                checked += lines.len();
                Ok(())
            }
        });
        each.map_err(to_in_the_way)?;
        match files.get(checked) {
            Some(file) => Err(other(format!("none of {}", file.display()))),
            None => Ok(Some(Embedded { rows: found.rows, broken: checked - found.rows })),
        }
    }

    /// Hands over the images of the manifest, some lines at a time.
    fn each_batch(&self, mut each: impl FnMut(Vec<Line>) -> Result<(), Error>) -> Result<(), Error> {
        let manifest = manifest_of(&self.path);
        let file = File::open(&manifest).map_err(Error::io("opening the manifest", &manifest))?;
        let mut rows = 0;
        if let Some(mut reader) = Reader::new(&manifest, file)? {
            let mut lines = Vec::new();
            while let Some(line) = reader.next()? {
                rows += usize::from(line.row.is_some());
                lines.push(line);
                if lines.len() == BATCH {
                    each(std::mem::take(&mut lines))?;
                }
            }
            each(lines)?;
        }
        if rows != self.rows {
            return Err(features(
                &manifest,
                format!("lines of {} rows", self.rows),
                rows.to_string(),
                RESTORE,
            ));
        }
        Ok(())
    }
}

/// Rows that are read at once.
const ROWS: usize = 4096;

/// q·x / (|q| |x|) for q (D) and a row x of D little-endian numbers, in double precision; NaN if a number of x is not finite.
fn cosine(query: &[f32], row: &[u8]) -> f64 {
    let (numbers, _) = row.as_chunks();
    let (mut product, mut of_query, mut of_row) = (0.0, 0.0, 0.0);
    for (&q, &x) in query.iter().zip(numbers) {
        let (q, x) = (f64::from(q), f64::from(f32::from_le_bytes(x)));
        product += q * x;
        of_query += q * q;
        of_row += x * x;
    }
    if !f64::is_finite(of_row) {
        return f64::NAN;
    }
    if of_query * of_row == 0.0 {
        0.0
    } else {
        (product / (of_query.sqrt() * of_row.sqrt())).clamp(-1.0, 1.0)
    }
}
