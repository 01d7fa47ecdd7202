//! Small folders of images, made by each test.

use std::fs;
use std::path::Path;

use image::RgbImage;
use mlprobe_data::image_folder::ImageFolder;
use mlprobe_data::{Error, OpenOptions, Source};
use tempfile::TempDir;

/// A folder with PNG files of one colour: (name, red).
pub fn folder(files: &[(&str, u8)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for &(name, red) in files {
        put(dir.path(), name, red);
    }
    dir
}

/// A folder with PNG files that all differ.
pub fn files(names: &[&str]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, red) in names.iter().zip(0..) {
        put(dir.path(), name, red);
    }
    dir
}

pub fn put(dir: &Path, name: &str, red: u8) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    // Sizes differ from image to image.
    let size = 3 + u32::from(red) % 5;
    let image = RgbImage::from_pixel(size, size + 2, image::Rgb([red, 7, 0]));
    image.save_with_format(path, image::ImageFormat::Png).unwrap();
}

pub fn write(dir: &TempDir, name: &str, content: impl AsRef<[u8]>) {
    let path = dir.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// `classes` folders of `each` images, all of different colours.
pub fn classes(classes: usize, each: usize) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (class, i) in (0..classes).flat_map(|class| (0..each).map(move |i| (class, i))) {
        put(dir.path(), &format!("class{class}/{i:02}.png"), (class * each + i) as u8);
    }
    dir
}

/// A BMP of 2 x 2 pixels of one colour, of version 5 and with four channels if a value for the fourth is given.
pub fn bmp([red, green, blue]: [u8; 3], alpha: Option<u8>) -> Vec<u8> {
    let header: u32 = if alpha.is_some() { 124 } else { 40 };
    let pixels = match alpha {
        Some(alpha) => [blue, green, red, alpha].repeat(4),
        // Rows are filled up to a multiple of four bytes.
        None => [&[blue, green, red].repeat(2)[..], &[0, 0]].concat().repeat(2),
    };
    let mut bytes = b"BM".to_vec();
    for number in [14 + header + pixels.len() as u32, 0, 14 + header, header, 2, 2] {
        bytes.extend(number.to_le_bytes());
    }
    let bits: u16 = if alpha.is_some() { 32 } else { 24 };
    bytes.extend([1u16.to_le_bytes(), bits.to_le_bytes()].concat());
    let compression = if alpha.is_some() { 3 } else { 0 };
    for number in [compression, pixels.len() as u32, 2835, 2835, 0, 0] {
        bytes.extend(u32::to_le_bytes(number));
    }
    if alpha.is_some() {
        // Where the channels are in a pixel, then the colour space sRGB.
        for number in [0x00ff_0000u32, 0xff00, 0xff, 0xff00_0000, 0x7352_4742] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.resize(14 + header as usize, 0);
    }
    bytes.extend(pixels);
    bytes
}

pub fn find(dir: &TempDir) -> Result<Source, Error> {
    Source::find(dir.path(), &OpenOptions { side: 4, ..OpenOptions::default() })
}

pub fn open(dir: &TempDir) -> Result<ImageFolder, Error> {
    open_path(dir.path())
}

pub fn open_path(dir: &Path) -> Result<ImageFolder, Error> {
    Source::find(dir, &OpenOptions::default()).map(|source| source.images().unwrap().clone())
}

/// Training and test images of each class, in the order of the classes.
pub fn counts(folder: &ImageFolder) -> Vec<(String, usize, usize)> {
    folder.summary().classes.into_iter().map(|class| (class.name, class.train, class.test)).collect()
}

/// Classes as [`counts`] gives them.
pub fn expected(counts: &[(&str, usize, usize)]) -> Vec<(String, usize, usize)> {
    counts.iter().map(|&(name, train, test)| (name.to_owned(), train, test)).collect()
}
