//! Files to features: memory does not grow with the number of images. Alone in its process, whose memory it measures.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod bmp;

use std::fs;
use std::ops::ControlFlow;

use mlprobe_data::image_files;
use mlprobe_features::embed::{OnBroken, embed};
use mlprobe_features::{Error, Extractor};
use ndarray::{Array2, ArrayView4};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// D = 512: nothing but zeros.
struct Zeros;

impl Extractor for Zeros {
    fn name(&self) -> String {
        "zeros@16".into()
    }

    fn dim(&self) -> usize {
        512
    }

    fn input_size(&self) -> usize {
        16
    }

    fn fingerprint(&self) -> String {
        "00-portable".into()
    }

    fn extract_with(
        &self,
        images: ArrayView4<'_, u8>,
        _: &(dyn Fn(usize) + Sync),
    ) -> Result<Array2<f32>, Error> {
        Ok(Array2::zeros((images.dim().0, self.dim())))
    }
}

/// The most bytes that were in use at a time while `count` images were embedded, beyond those in use before.
fn peak(count: usize) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let image = bmp::bmp(16, 16, |y, x| [y as u8, x as u8, 0]);
    let file = |i: usize| folder.path().join(format!("{i:04}.bmp"));
    fs::write(file(0), &image).unwrap();
    for i in 1..count {
        fs::hard_link(file(0), file(i)).unwrap();
    }
    let files = image_files::find([folder.path()]).unwrap();
    let out = folder.path().join("features.npy");
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    embed(&Zeros, &files, &out, OnBroken::Refuse, &|_| ControlFlow::Continue(())).unwrap();
    MEMORY.peak_usage() - before
}

#[test]
fn four_times_as_many_images_take_the_same_memory() {
    peak(512); // the threads start
    let (few, many) = (peak(512), peak(2048));
    // Their rows alone are 3 MiB more. Threads decode more images at a time or fewer, of a kilobyte each.
    assert!(many < few + (256 << 10), "{few} bytes for 512 images, {many} for 2,048");
}
