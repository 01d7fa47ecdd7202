//! From labelled files to labelled images of one size.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::Array4;
use rayon::prelude::*;

use crate::{Error, LabelledImages, Result, image_files};

/// Decodes `files` to images (N, side, side, 3), and names their files; those that cannot be read are left out and go to
/// `broken`. Memory is that of the result and of one image per thread. No further image is begun once `stop` is set.
pub(super) fn decode(
    files: &[(PathBuf, u16)],
    side: usize,
    broken: &mut Vec<Error>,
    progress: &(dyn Fn(usize) + Sync),
    stop: &AtomicBool,
) -> Result<(LabelledImages, Vec<PathBuf>)> {
    let refused = |actual: String| {
        let expected = "images that fit into memory, with a side in 1..=65535";
        Error::argument("ImageFolder::load", expected, format!("{} of side {side}: {actual}", files.len()))
    };
    let image = side.checked_pow(2).and_then(|square| square.checked_mul(3)).unwrap_or(0);
    if image == 0 {
        return Err(refused("no pixels".into()));
    }
    let total = image.checked_mul(files.len()).ok_or_else(|| refused("too many bytes".into()))?;
    let mut pixels = Vec::new();
    pixels.try_reserve_exact(total).map_err(|e| refused(e.to_string()))?;
    pixels.resize(total, 0);
    let outcomes: Vec<Result<()>> = pixels
        .par_chunks_exact_mut(image)
        .zip(files)
        .map(|(out, (path, _))| {
            if stop.load(Ordering::Relaxed) {
                return Err(Error::Stopped);
            }
            let square = image_files::read(path).and_then(|image| image_files::to_square(image.view(), side));
            progress(1);
            out.iter_mut().zip(&square?).for_each(|(to, &from)| *to = from);
            Ok(())
        })
        .collect();
    if stop.load(Ordering::Relaxed) {
        return Err(Error::Stopped);
    }
    let (mut labels, mut decoded) = (Vec::with_capacity(files.len()), Vec::with_capacity(files.len()));
    for (i, (outcome, (path, label))) in outcomes.into_iter().zip(files).enumerate() {
        match outcome {
            Ok(()) => {
                // Closes the gaps that broken images leave.
                pixels.copy_within(i * image..(i + 1) * image, labels.len() * image);
                labels.push(*label);
                decoded.push(path.clone());
            }
            Err(error) => broken.push(error),
        }
    }
    pixels.truncate(labels.len() * image);
    let images =
        Array4::from_shape_vec((labels.len(), side, side, 3), pixels).map_err(|e| refused(e.to_string()))?;
    Ok((LabelledImages::new(images, labels)?, decoded))
}
