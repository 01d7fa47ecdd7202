//! Damaged files of every format: a typed error that names the file, or a data set; never a panic, and never much more
//! memory than the file's size explains.
//!
//! Cases are cut, flipped, lengthened, replaced, and given other numbers where headers have theirs. `PROPTEST_CASES` sets
//! how many there are of each format; docs/robustness.md records long runs. Archives have theirs in src/fetch/tests.rs.
#![cfg(feature = "images")]
#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

#[path = "../../files/tests/damage/mod.rs"]
mod damage;

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use mlprobe_data::{Error, cifar10, cifar100, idx, image_files, mini};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use damage::{Damage, SOME, damage, damaged, measured, turn};

/// Checks that `load` takes at most `memory` bytes, and that its error, if any, names one of the files `about` with
/// what was expected and what was found.
fn check<T>(memory: usize, about: &[&Path], load: impl FnOnce() -> Result<T, Error>) -> TestCaseResult {
    let (result, taken) = measured(load);
    prop_assert!(taken <= memory, "{taken} bytes taken, {memory} allowed");
    let path = match &result {
        Ok(_) => return Ok(()),
        Err(Error::Format { path, at, expected, actual }) => {
            prop_assert!(!at.is_empty() && !expected.is_empty() && !actual.is_empty());
            path
        }
        Err(Error::WrongDigest { path, .. } | Error::TooLarge { path, .. }) => path,
        Err(other) => return Err(TestCaseError::fail(format!("another error: {other:?}"))),
    };
    prop_assert!(about.contains(&path.as_path()), "about {}", path.display());
    Ok(())
}

/// A folder in which one file was damaged.
fn folder<'a>(
    files: impl IntoIterator<Item = (&'a str, Vec<u8>)>,
    victim: &str,
    damage: &[Damage],
) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let bytes = if name == victim { damaged(&bytes, damage) } else { bytes };
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    dir
}

/// Bytes of all files in a folder.
fn size(dir: &TempDir) -> usize {
    fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len() as usize).sum()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Four IDX files of seven and three images of 5 x 4 pixels.
fn idx_files() -> [(&'static str, Vec<u8>); 4] {
    let file = |magic: u32, dimensions: &[u32]| -> Vec<u8> {
        let content = (0..dimensions.iter().product::<u32>()).map(|i| (i % 7) as u8);
        let header = [magic].into_iter().chain(dimensions.iter().copied()).flat_map(u32::to_be_bytes);
        header.chain(content).collect()
    };
    let [a, b, c, d] = idx::FILES;
    [
        (a, file(0x803, &[7, 5, 4])),
        (b, file(0x801, &[7])),
        (c, file(0x803, &[3, 5, 4])),
        (d, file(0x801, &[3])),
    ]
}

/// A picture encoded in `format`.
fn picture(format: ImageFormat) -> Vec<u8> {
    let image = RgbImage::from_fn(23, 17, |x, y| Rgb([(9 * x) as u8, (11 * y) as u8, (x * y) as u8]));
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(image).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn check_picture(format: ImageFormat, damage: &[Damage]) -> TestCaseResult {
    let path = Path::new("folder/picture.xyz");
    let bytes = damaged(&picture(format), damage);
    // The decoded image, and the same as RGB: each within the limit. Decoders have tables and buffers of their own.
    let memory = 2 * image_files::MAX_BYTES as usize + 64 * SOME;
    check(memory, &[path], || {
        let image = image_files::decode(&bytes, path)?;
        image_files::to_square(image.view(), 8)
    })
}

proptest! {
    #[test]
    fn cifar10(damage in damage(), victim in 0..6usize) {
        let _turn = turn();
        let records: Vec<u8> = (0..2 * 3073usize).map(|i| if i % 3073 == 0 { 7 } else { i as u8 }).collect();
        let victim = cifar10::FILES[victim].name;
        let dir = folder(cifar10::FILES.map(|file| (file.name, records.clone())), victim, &damage);
        check(8 * size(&dir) + SOME, &[&dir.path().join(victim)], || cifar10::load(dir.path()))?;
    }

    #[test]
    fn cifar100(damage in damage(), victim in 0..3usize) {
        let _turn = turn();
        let records: Vec<u8> = (0..2 * 3074usize).map(|i| if i % 3074 < 2 { 7 } else { i as u8 }).collect();
        let names: String = (0..100).map(|i| format!("name {i}\n")).collect();
        let [train, test] = cifar100::FILES;
        let files = [(train, records.clone()), (test, records), ("fine_label_names.txt", names.into_bytes())];
        let victim = files[victim].0;
        let dir = folder(files, victim, &damage);
        check(8 * size(&dir) + SOME, &[&dir.path().join(victim)], || cifar100::load(dir.path()))?;
    }

    #[test]
    fn idx_plain(damage in damage(), victim in 0..4usize) {
        let _turn = turn();
        let dir = folder(idx_files(), idx::FILES[victim], &damage);
        let paths = idx::FILES.map(|name| dir.path().join(name));
        // The error may be about the file that the damaged one does not fit.
        check(8 * size(&dir) + SOME, &paths.each_ref().map(|p| p.as_path()), || idx::load(dir.path()))?;
    }

    #[test]
    fn idx_gzipped(inner in damage(), outer in proptest::option::of(damage()), victim in 0..4usize) {
        let _turn = turn();
        let mut files = idx_files();
        files[victim].1 = gzip(&damaged(&files[victim].1, &inner));
        let dir = folder(files, idx::FILES[victim], &outer.unwrap_or_default());
        let paths = idx::FILES.map(|name| dir.path().join(name));
        // Deflate makes at most 1032 bytes of one. Then growing buffers, and grey to RGB.
        let memory = 8 * 1032 * size(&dir) + SOME;
        check(memory, &paths.each_ref().map(|p| p.as_path()), || idx::load(dir.path()))?;
    }

    #[test]
    fn png(damage in damage()) {
        let _turn = turn();
        check_picture(ImageFormat::Png, &damage)?;
    }

    #[test]
    fn jpeg(damage in damage()) {
        let _turn = turn();
        check_picture(ImageFormat::Jpeg, &damage)?;
    }

    #[test]
    fn webp(damage in damage()) {
        let _turn = turn();
        check_picture(ImageFormat::WebP, &damage)?;
    }

    #[test]
    fn gif(damage in damage()) {
        let _turn = turn();
        check_picture(ImageFormat::Gif, &damage)?;
    }

    #[test]
    fn bmp(damage in damage()) {
        let _turn = turn();
        check_picture(ImageFormat::Bmp, &damage)?;
    }

    #[test]
    fn tiff(damage in damage()) {
        let _turn = turn();
        check_picture(ImageFormat::Tiff, &damage)?;
    }

    #[test]
    fn mini_set(damage in damage(), victim in 0..5usize, sums_follow: bool) {
        let _turn = turn();
        let source = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/cifar10-mini"));
        let names = ["train_1.png", "train_2.png", "test.png", "index.csv", "SHA256SUMS"];
        let victim = names[victim];
        let whole = fs::read(source.join(victim)).unwrap();
        let mut files = vec![(victim, damaged(&whole, &damage))];
        if sums_follow && victim != "SHA256SUMS" {
            // Damage that the sums do not tell: the parsers have to.
            let hex = |bytes: &[u8]| -> String { Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect() };
            let sums = fs::read_to_string(source.join("SHA256SUMS")).unwrap();
            files.push(("SHA256SUMS", sums.replace(&hex(&whole), &hex(&files[0].1)).into_bytes()));
        }
        let dir = folder(files, "", &[]);
        for name in names {
            let path = dir.path().join(name);
            if !path.exists() {
                fs::hard_link(source.join(name), &path).or_else(|_| fs::copy(source.join(name), &path).map(drop)).unwrap();
            }
        }
        // Three sheets of 3 MB, decoded one after another beside the images that they become.
        let memory = 5 * (3 << 20) + 2 * size(&dir) + SOME;
        let paths = names.map(|name| dir.path().join(name));
        check(memory, &paths.each_ref().map(|p| p.as_path()), || mini::load(dir.path()))?;
    }
}
