//! Image files to features: a few in memory, or any number streamed to an `.npy` file (feature `images`).
//!
//! [`embed`] leaves two files, here for `features.npy`:
//!
//! | file | content |
//! |---|---|
//! | `features.npy` | f32 (N, D), as NumPy writes it |
//! | `features.jsonl` | its manifest, JSON in every line: first the extractor, then an object for each image, with `row`, `path` and `bytes` (the file's size); `row` is null for a broken image, and `broken` says why |
//!
//! While it works they have `.part` added to their names. The next call goes on where the last one stopped, however it
//! was stopped, and the files it leaves in the end are the same bytes.

mod manifest;
mod nearest;
mod part;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use mlprobe_data::image_files;
use ndarray::{Array2, Array3, Array4, Axis};
use rayon::prelude::*;

pub use mlprobe_data::image_folder::OnBroken;
pub use nearest::{FeatureFile, Neighbour};

use crate::{Error, Extractor};
use manifest::Line;
use part::Part;

/// Something that happened while images were embedded.
#[derive(Debug)]
pub enum Event<'a> {
    /// The work begins after this many images, which an earlier call has done.
    Resumed(usize),
    /// The features of this many more images are there.
    Done(usize),
    /// An image is broken, and has been left out.
    Broken(&'a mlprobe_data::Error),
}

/// Called for every [`Event`], from any thread; `Break` stops the work after the images under way.
pub type Observer<'a> = dyn Fn(Event<'_>) -> ControlFlow<()> + Sync + 'a;

/// What [`embed`] has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Embedded {
    /// N.
    pub rows: usize,
    /// Images left out.
    pub broken: usize,
}

/// The features (N, D) of N image files, in memory.
///
/// # Errors
/// [`Error::Data`] for a file that is no image, and those of the extractor.
///
/// ```
/// use mlprobe_features::{SqueezeNet, embed};
///
/// let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/cifar10-mini/test.png");
/// let features = embed::extract_files(&SqueezeNet::new(64)?, &[file])?;
/// assert_eq!(features.dim(), (1, 512));
/// # Ok::<(), mlprobe_features::Error>(())
/// ```
pub fn extract_files<P: AsRef<Path> + Sync>(
    extractor: &dyn Extractor,
    files: &[P],
) -> Result<Array2<f32>, Error> {
    let images: Result<Vec<_>, _> =
        files.par_iter().map(|file| read(file.as_ref(), extractor.input_size())).collect();
    extract(extractor, &images?, &|_| ()).map_err(|(_, error)| error)
}

/// Writes the features of the image `files` to `out`, whose name has to end in `.npy`, and a manifest beside it.
///
/// A chunk of images at a time is decoded, while features of the one before are extracted, on the threads of the
/// current rayon pool; then it is written. Memory is that of three chunks, of 64 MiB at most each, of the files that are
/// being decoded, one a thread, and of the list itself, for any number of images. `out` appears only when it is whole. If
/// an earlier call has left such a file with these features of these images, nothing is done.
///
/// # Errors
/// [`Error::Broken`] for an image that cannot be read, with [`OnBroken::Refuse`]; [`Error::Stopped`] if `observer` asked
/// for it; [`Error::Image`] if the extractor fails. In all three cases, the next call goes on. [`Error::Embedding`] if
/// `out` or a part of it is there and does not fit to the extractor or `files`, or another process is writing it;
/// [`Error::Io`] if a file cannot be written.
///
/// ```
/// use std::ops::ControlFlow;
///
/// use mlprobe_data::image_files;
/// use mlprobe_features::{FeatureFile, SqueezeNet, embed};
///
/// # let folder = tempfile::tempdir()?;
/// # let out = folder.path().join("features.npy");
/// let files = image_files::find([concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/cifar10-mini")])?;
/// let network = SqueezeNet::new(64)?;
/// let embedded = embed::embed(&network, &files, &out, Default::default(), &|_| ControlFlow::Continue(()))?;
/// assert_eq!(embedded.rows, 3);
///
/// let query = embed::extract_files(&network, &files[..1])?;
/// let nearest = FeatureFile::open(&out)?.nearest(query.row(0), 2)?;
/// assert_eq!(nearest[0].path, files[0].to_string_lossy());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn embed(
    extractor: &dyn Extractor,
    files: &[PathBuf],
    out: &Path,
    on_broken: OnBroken,
    observer: &Observer<'_>,
) -> Result<Embedded, Error> {
    let stopped = AtomicBool::new(false);
    let tell = |event: Event<'_>| {
        if observer(event).is_break() {
            stopped.store(true, Ordering::Relaxed);
        }
    };
    if let Some(embedded) = FeatureFile::find(out, extractor, files)? {
        tell(Event::Resumed(files.len()));
        return Ok(embedded);
    }
    let mut part = Part::open(out, extractor, files)?;
    tell(Event::Resumed(part.images));
    let side = extractor.input_size();
    let mut chunks = files[part.images..].chunks(chunk_len(side));
    let mut next = chunks.next().map(|files| decode(files, side, on_broken));
    while let Some(chunk) = next {
        if stopped.load(Ordering::Relaxed) {
            return Err(Error::Stopped { done: part.images, total: files.len() });
        }
        let follow =
            || chunks.next().filter(|_| chunk.refused.is_none()).map(|files| decode(files, side, on_broken));
        let progress = |count| tell(Event::Done(count));
        let (features, after) = rayon::join(|| extract(extractor, &chunk.images, &progress), follow);
        let features = features.map_err(|(image, source)| {
            let path = chunk.lines.iter().filter(|line| line.broken.is_none()).nth(image);
            Error::Image {
                path: path.map(|line| line.path.clone()).unwrap_or_default(),
                source: Box::new(source),
            }
        })?;
        part.append(&features, &chunk.lines)?;
        for error in &chunk.skipped {
            tell(Event::Broken(error));
        }
        if let Some(source) = chunk.refused {
            return Err(Error::Broken { source, done: part.images });
        }
        next = after;
    }
    part.finish()
}

/// Images of a chunk: as many as take some 64 MiB when decoded, but not so few that threads idle, nor so many that much
/// is lost when the work is stopped.
fn chunk_len(side: usize) -> usize {
    ((64 << 20) / (3 * side * side).max(1)).clamp(16, 256)
}

/// Decoded files.
struct Chunk {
    /// Those that could be read.
    images: Vec<Array3<u8>>,
    /// For each file, broken ones too.
    lines: Vec<Line>,
    /// Why files were left out.
    skipped: Vec<mlprobe_data::Error>,
    /// Why the file after the last line stops the work.
    refused: Option<mlprobe_data::Error>,
}

fn decode(files: &[PathBuf], side: usize, on_broken: OnBroken) -> Chunk {
    let decoded: Vec<_> = files.par_iter().map(|file| read(file, side)).collect();
    let mut chunk = Chunk { images: Vec::new(), lines: Vec::new(), skipped: Vec::new(), refused: None };
    for (file, decoded) in files.iter().zip(decoded) {
        match decoded {
            Ok(image) => {
                chunk.images.push(image);
                chunk.lines.push(Line::image(file));
            }
            Err(error) if on_broken == OnBroken::Skip => {
                chunk.lines.push(Line::broken(file, &error));
                chunk.skipped.push(error);
            }
            Err(error) => {
                chunk.refused = Some(error);
                break;
            }
        }
    }
    chunk
}

/// The centre square of an image file. A large one is shrunk to `side`, smoothly; the extractor enlarges a small one, as
/// it does those of CIFAR-10.
fn read(file: &Path, side: usize) -> Result<Array3<u8>, mlprobe_data::Error> {
    let image = image_files::read(file)?;
    let (height, width, _) = image.dim();
    image_files::to_square(image.view(), side.min(height).min(width))
}

/// Square images to their features (N, D); those of one size together, since an extractor takes them so. Of an image
/// that fails, its index too.
fn extract(
    extractor: &dyn Extractor,
    images: &[Array3<u8>],
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Array2<f32>, (usize, Error)> {
    let mut features = Array2::zeros((images.len(), extractor.dim()));
    let mut order: Vec<usize> = (0..images.len()).collect();
    order.sort_by_key(|&i| images[i].dim());
    for same in order.chunk_by(|&i, &j| images[i].dim() == images[j].dim()) {
        let (height, width, channels) = images[same[0]].dim();
        let mut batch = Array4::zeros((same.len(), height, width, channels));
        for (mut to, &i) in batch.outer_iter_mut().zip(same) {
            to.assign(&images[i]);
        }
        let rows = extractor.extract_with(batch.view(), progress).map_err(|error| match error {
            Error::NotFinite { row, .. } => (same[row], error),
            _ => (same[0], error),
        })?;
        for (row, &i) in rows.axis_iter(Axis(0)).zip(same) {
            features.row_mut(i).assign(&row);
        }
    }
    Ok(features)
}
