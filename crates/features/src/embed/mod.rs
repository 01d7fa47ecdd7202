//! Image files to features: a few in memory, or any number streamed to an `.npy` file (feature `images`).
//!
//! [`embed`] leaves two files, here for `features.npy`:
//!
//! | file | content |
//! |---|---|
//! | `features.npy` | f32 (N, D), as NumPy writes it |
//! | `features.jsonl` | its manifest, with one JSON object per line: first the extractor, then every image with its `row`, its `path`, and the size and SHA-256 of its file (`bytes`, `sha256`) |
//!
//! The `row` of a broken image is null, and `broken` says why. A `path` that is not UTF-8 is a list of bytes in place of text.
//!
//! While [`embed`] works, both names end in `.part`. However it was stopped, the next call continues from there, and the
//! files are the same bytes in the end. An image that was changed or replaced in the meantime is noticed. Paths may be spelled
//! in another way, such as `./a.png` for `a.png`; a `path` stays as it was given when its image was embedded.
//!
//! One process at a time writes these files: it holds the lock of an empty hidden file beside them, `.features.npy.lock`. That file
//! stays, because a lock that is removed while others wait for it lets two of them in. It may be removed when nobody embeds.

mod manifest;
mod matrix;
mod nearest;
mod part;
mod path_name;
mod problems;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use mlprobe_data::image_files;
use ndarray::{Array2, Array3, Array4, Axis};
use rayon::prelude::*;

pub use manifest::Embedded;
pub use mlprobe_data::image_folder::OnBroken;
pub use nearest::{FeatureFile, Neighbour};

use crate::extractor::all_finite;
use crate::{Error, Extractor};
use manifest::Line;
use part::Part;

/// Something that happened while images were embedded.
#[derive(Debug)]
pub enum Event<'a> {
    /// The work begins after this many images, which an earlier call has embedded.
    Resumed(usize),
    /// The features of this many more images are there.
    Done(usize),
    /// An image is broken, and has been left out.
    Broken(&'a mlprobe_data::Error),
}

/// Called for every [`Event`], from any thread; `Break` stops the work after the images that have been started.
pub type Observer<'a> = dyn Fn(Event<'_>) -> ControlFlow<()> + Sync + 'a;

/// The features (N, D) of N image files, in memory.
///
/// # Errors
/// [`Error::Data`] for a file that is not an image; [`Error::Image`] if the extractor fails for one.
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
    extract(extractor, &images?, &|_| ()).map_err(|(image, source)| Error::Image {
        path: files[image].as_ref().into(),
        source: Box::new(source.of_image(image)),
    })
}

/// The features (N, D) of N decoded images (height, width, 3) of any sizes: of their centre squares, as [`embed`] takes them.
///
/// ```
/// use mlprobe_features::{SqueezeNet, embed};
/// use ndarray::Array3;
///
/// let images = [Array3::zeros((32, 48, 3)), Array3::from_elem((100, 70, 3), 200)];
/// assert_eq!(embed::extract_images(&SqueezeNet::new(64)?, &images)?.dim(), (2, 512));
/// # Ok::<(), mlprobe_features::Error>(())
/// ```
///
/// # Errors
/// [`Error::Data`] for an image without pixels or not RGB, and the errors of the extractor.
pub fn extract_images(extractor: &dyn Extractor, images: &[Array3<u8>]) -> Result<Array2<f32>, Error> {
    let squares: Result<Vec<_>, _> =
        images.par_iter().map(|image| centre(image, extractor.input_size())).collect();
    extract(extractor, &squares?, &|_| ()).map_err(|(image, error)| error.of_image(image))
}

/// Writes the features of the image `files` to `out`, whose name has to end in `.npy`, and a manifest beside it.
///
/// Images are decoded in chunks, while features of the chunk before are extracted, on the threads of the current rayon
/// pool. Whatever the number of images, memory is at most that of three chunks of 64 MiB, of one file per thread, and of
/// the list of files. `out` appears only when it is whole. If `out` is already there with these features of these images,
/// nothing is done but to compare the images with the manifest.
///
/// # Errors
/// [`Error::Broken`] for an image that cannot be read, with [`OnBroken::Refuse`]; [`Error::Stopped`] if `observer` asked
/// for it; [`Error::Image`] if the extractor fails. In all three cases, the next call continues from there.
/// [`Error::Embedding`] if `out` or a part of it is there and is not of this extractor or of `files` as they are now;
/// [`Error::InUse`] if another process is writing it; [`Error::Io`] if a file cannot be written.
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
/// assert_eq!(nearest[0].path, files[0]);
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
    let finished = || -> Result<_, Error> {
        let found = FeatureFile::find(out, extractor, files)?;
        Ok(found.inspect(|_| tell(Event::Resumed(files.len()))))
    };
    // What is finished does not change any more, and may lie where nothing can be written.
    if let Some(embedded) = finished()? {
        return Ok(embedded);
    }
    let _held = part::hold(out)?;
    part::settle(out, extractor, files)?;
    // By this, or by another process just now.
    if let Some(embedded) = finished()? {
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
            let mut read = (part.images..).zip(&chunk.lines).filter(|(_, line)| line.broken.is_none());
            let (number, path) =
                read.nth(image).map(|(number, line)| (number, line.path.clone())).unwrap_or_default();
            Error::Image { path, source: Box::new(source.of_image(number)) }
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

/// The number of images in a chunk: they take about 64 MiB when decoded, but they are enough to keep all threads busy, and
/// not so many that much is lost when the work is stopped.
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
    // The line comes first: a file that is replaced in between does not get the digest of what was not read.
    let decoded: Vec<_> = files.par_iter().map(|file| (Line::image(file), read(file, side))).collect();
    let mut chunk = Chunk { images: Vec::new(), lines: Vec::new(), skipped: Vec::new(), refused: None };
    for (line, decoded) in decoded {
        match decoded {
            Ok(image) => {
                chunk.images.push(image);
                chunk.lines.push(line);
            }
            Err(error) if on_broken == OnBroken::Skip => {
                chunk.lines.push(Line { broken: Some(error.to_string()), ..line });
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

fn read(file: &Path, side: usize) -> Result<Array3<u8>, mlprobe_data::Error> {
    centre(&image_files::read(file)?, side)
}

/// The centre square of an image. A large one is shrunk smoothly to `side`; a small one is enlarged by the extractor, as
/// those of CIFAR-10 are.
fn centre(image: &Array3<u8>, side: usize) -> Result<Array3<u8>, mlprobe_data::Error> {
    let (height, width, _) = image.dim();
    image_files::to_square(image.view(), side.min(height).min(width))
}

/// The features (N, D) of square images. Images of one size are extracted together, as an extractor takes them. An error
/// comes with the index of its image.
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
        let rows = extractor.extract_with(batch.view(), progress);
        // Checked here too, since anybody may write an extractor.
        let rows = rows
            .and_then(|rows| all_finite(&extractor.name(), has_shape(rows, (same.len(), features.ncols()))?));
        let rows = rows.map_err(|error| match error {
            Error::NotFinite { row, .. } => (same.get(row).copied().unwrap_or(same[0]), error),
            _ => (same[0], error),
        })?;
        for (row, &i) in rows.axis_iter(Axis(0)).zip(same) {
            features.row_mut(i).assign(&row);
        }
    }
    Ok(features)
}

fn has_shape(features: Array2<f32>, expected: (usize, usize)) -> Result<Array2<f32>, Error> {
    if features.dim() == expected {
        return Ok(features);
    }
    let (expected, actual) = (format!("features {expected:?}"), format!("{:?}", features.dim()));
    Err(Error::Shape { operation: "extracting features", expected, actual })
}
