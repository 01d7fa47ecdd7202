//! A small folder of images with planted faults, and the program at work on it.

#[path = "../../../features/tests/bmp/mod.rs"]
mod bmp;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use mlprobe_data::random::Random;
use serde_json::Value;
use tempfile::TempDir;

pub const CLASSES: [&str; 3] = ["blue", "green", "red"];
/// Training and test images of each class: 2 % of the training images are two.
pub const EACH: [usize; 2] = [40, 20];
/// Options that keep a study small.
pub const STUDY: &str = "--input-size 32 --seeds 2 --epochs 4 --batch-size 20";

/// An image of 16 x 16 pixels in blocks of 4 x 4, in which the colour of the class dominates.
fn image(class: usize, number: usize) -> Vec<u8> {
    let mut random = Random::new(number as u64, b"images", class as u64);
    let blocks: Vec<u8> = (0..48).map(|_| random.below(120) as u8).collect();
    bmp::bmp(16, 16, |y, x| {
        let mut pixel = [0, 1, 2].map(|c| blocks[12 * (y / 4) + 3 * (x / 4) + c]);
        pixel[2 - class] += 135;
        pixel
    })
}

/// `photos/SIDE/CLASS/NUMBER.bmp`, where test image blue/05 is training image blue/07, and training images green/03 and red/11
/// lie in each other's folder.
pub fn photos() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (side, count) in ["train", "test"].into_iter().zip(EACH) {
        for (class, name) in CLASSES.into_iter().enumerate() {
            let dir = folder.path().join("photos").join(side).join(name);
            fs::create_dir_all(&dir).unwrap();
            for number in 0..count {
                let number_of_its_own = if side == "test" { 100 + number } else { number };
                fs::write(dir.join(format!("{number:02}.bmp")), image(class, number_of_its_own)).unwrap();
            }
        }
    }
    let photos = folder.path().join("photos");
    fs::copy(photos.join("train/blue/07.bmp"), photos.join("test/blue/05.bmp")).unwrap();
    for (wrong, class) in [("train/green/03.bmp", 2), ("train/red/11.bmp", 1)] {
        fs::write(photos.join(wrong), image(class, 300)).unwrap();
    }
    folder
}

fn mlprobe(folder: &Path, arguments: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mlprobe"))
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .env("MLPROBE_CACHE", folder.join("cache"))
        .output()
        .unwrap()
}

/// Standard output and standard error.
pub fn succeeds(folder: &Path, arguments: &str) -> [String; 2] {
    let output = mlprobe(folder, arguments);
    let [said, told] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{told}");
    [said, told]
}

pub fn fails(folder: &Path, arguments: &str) -> String {
    let output = mlprobe(folder, arguments);
    assert!(!output.status.success(), "{arguments}");
    String::from_utf8(output.stderr).unwrap()
}

pub fn json(path: impl AsRef<Path>) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}
