//! Draws a gallery of the transforms: `cargo run --release -p mlprobe-data --example gallery -- gallery.png`
//!
//! The first row holds images of the mini set, each further row their copies under one transform, four times enlarged.

use std::env;
use std::error::Error;
use std::path::PathBuf;

use image::RgbImage;
use image::imageops::{self, FilterType};
use mlprobe_data::augment::{Augmenter, Transform};
use mlprobe_data::mini;
use ndarray::{Axis, Slice};

const IMAGES: usize = 16;
const SIDE: u32 = 32;
const SCALE: u32 = 4;
const ROWS: [Transform; 6] = [
    Transform::Rotation,
    Transform::Cutout,
    Transform::Crop,
    Transform::ContrastFlip,
    Transform::Enhancement,
    Transform::Posterize,
];

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args_os().nth(1).map_or_else(|| PathBuf::from("target/gallery.png"), PathBuf::from);
    let mini = mini::load(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/cifar10-mini"))?;
    let images = mini.train.images.slice_axis(Axis(0), Slice::from(..IMAGES));

    let mut rows = vec![images.to_owned()];
    for transform in ROWS {
        let (augmented, draws) = Augmenter::new(&[transform], 42)?.apply_with_draws(images)?;
        println!("{:<13} first image: {:?}", transform.name(), draws[0]);
        rows.push(augmented);
    }

    let mut gallery = RgbImage::new(IMAGES as u32 * SIDE, rows.len() as u32 * SIDE);
    for (row, images) in rows.iter().enumerate() {
        for (column, image) in images.outer_iter().enumerate() {
            let pixels = image.iter().copied().collect();
            let tile = RgbImage::from_raw(SIDE, SIDE, pixels).ok_or("an image is not 32x32")?;
            imageops::replace(
                &mut gallery,
                &tile,
                column as i64 * i64::from(SIDE),
                row as i64 * i64::from(SIDE),
            );
        }
    }
    let (width, height) = gallery.dimensions();
    imageops::resize(&gallery, width * SCALE, height * SCALE, FilterType::Nearest).save(&path)?;
    println!("{IMAGES} images under {} transforms: {}", ROWS.len(), path.display());
    Ok(())
}
