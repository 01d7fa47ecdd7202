//! Real images come out as they are: the right pixels at the right places, in the right channel order.
#![expect(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::fs;
use std::path::Path;

use mlprobe_data::{Error, cifar10, mini};
use ndarray::{Axis, s};

const MINI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/cifar10-mini");
const CIFAR10: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/cifar-10-batches-bin");

/// (split, position, label, row, column, RGB), printed by `pinned_pixels.py` from another distribution of the images
/// with a decoder of its own. Rows and columns differ, so a transposed image would show.
type Pin = (&'static str, usize, u16, usize, usize, [u8; 3]);
const PINNED: [Pin; 30] = [
    ("train", 0, 6, 0, 0, [59, 62, 63]),
    ("train", 0, 6, 0, 31, [148, 124, 103]),
    ("train", 0, 6, 31, 0, [177, 144, 116]),
    ("train", 0, 6, 5, 20, [102, 68, 42]),
    ("train", 0, 6, 20, 5, [140, 102, 59]),
    ("train", 4, 1, 0, 0, [170, 180, 198]),
    ("train", 4, 1, 0, 31, [157, 177, 212]),
    ("train", 4, 1, 31, 0, [67, 75, 78]),
    ("train", 4, 1, 5, 20, [86, 112, 146]),
    ("train", 4, 1, 20, 5, [108, 98, 94]),
    ("train", 1999, 5, 0, 0, [222, 166, 74]),
    ("train", 1999, 5, 0, 31, [17, 20, 27]),
    ("train", 1999, 5, 31, 0, [4, 89, 124]),
    ("train", 1999, 5, 5, 20, [177, 112, 30]),
    ("train", 1999, 5, 20, 5, [209, 155, 74]),
    ("test", 0, 3, 0, 0, [158, 112, 49]),
    ("test", 0, 3, 0, 31, [116, 85, 33]),
    ("test", 0, 3, 31, 0, [54, 107, 160]),
    ("test", 0, 3, 5, 20, [122, 121, 120]),
    ("test", 0, 3, 20, 5, [152, 157, 160]),
    ("test", 3, 0, 0, 0, [155, 156, 149]),
    ("test", 3, 0, 0, 31, [192, 183, 171]),
    ("test", 3, 0, 31, 0, [92, 78, 64]),
    ("test", 3, 0, 5, 20, [192, 176, 191]),
    ("test", 3, 0, 20, 5, [210, 214, 230]),
    ("test", 999, 5, 0, 0, [132, 108, 63]),
    ("test", 999, 5, 0, 31, [165, 146, 111]),
    ("test", 999, 5, 31, 0, [139, 115, 74]),
    ("test", 999, 5, 5, 20, [237, 228, 215]),
    ("test", 999, 5, 20, 5, [162, 133, 94]),
];

#[test]
fn pixels_labels_orientation_and_channels_are_those_of_the_original() {
    let mini = mini::load(MINI).unwrap();
    for (split, position, label, row, column, rgb) in PINNED {
        let part = if split == "train" { &mini.train } else { &mini.test };
        let at = format!("{split} image {position} at ({row}, {column})");
        assert_eq!(part.labels[position], label, "{at}");
        assert_eq!(part.images.slice(s![position, row, column, ..]).to_vec(), rgb, "{at}");
    }
}

#[test]
fn the_mini_set_holds_as_many_images_of_each_class() {
    let mini = mini::load(MINI).unwrap();
    assert_eq!((mini.name.as_str(), mini.train.len(), mini.test.len()), ("cifar10-mini", 2000, 1000));
    for class in 0..10 {
        let count = |labels: &[u16]| labels.iter().filter(|&&label| label == class).count();
        assert_eq!(count(&mini.train.labels), mini::TRAIN_PER_CLASS);
        assert_eq!(count(&mini.test.labels), mini::TEST_PER_CLASS);
    }
}

#[test]
fn every_file_of_the_mini_set_is_small() {
    for entry in fs::read_dir(MINI).unwrap() {
        let entry = entry.unwrap();
        assert!(entry.metadata().unwrap().len() < 4 << 20, "{}", entry.path().display());
    }
}

#[test]
fn a_mini_set_holds_the_first_images_of_a_longer_set() {
    let mini = mini::load(MINI).unwrap();
    let mut longer = mini.clone();
    for part in [&mut longer.train, &mut longer.test] {
        part.images.append(Axis(0), part.images.clone().slice(s![5..25, .., .., ..])).unwrap();
        part.labels.extend_from_within(5..25);
    }
    let dir = tempfile::tempdir().unwrap();
    mini::build(&longer, dir.path()).unwrap();
    assert_eq!(mini::load(dir.path()).unwrap(), mini);
}

#[test]
fn too_few_images_of_a_class_are_reported() {
    let mut mini = mini::load(MINI).unwrap();
    mini.train.labels[0] = 7; // a frog becomes a horse
    let dir = tempfile::tempdir().unwrap();
    let error = mini::build(&mini, dir.path()).unwrap_err().to_string();
    assert!(error.contains("at least 200") && error.contains("199"), "{error}");
}

/// A copy of the mini set with one file changed by `damage`.
fn damaged(name: &str, damage: impl FnOnce(&mut Vec<u8>)) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(MINI).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
    }
    let path = dir.path().join(name);
    let mut bytes = fs::read(&path).unwrap();
    damage(&mut bytes);
    fs::write(path, bytes).unwrap();
    dir
}

#[test]
fn a_damaged_file_is_named_and_refused() {
    for name in ["train_1.png", "train_2.png", "test.png", "index.csv"] {
        let dir = damaged(name, |bytes| bytes[1000] ^= 1);
        let error = mini::load(dir.path()).unwrap_err();
        assert!(matches!(&error, Error::WrongDigest { path, .. } if path.ends_with(name)), "{error}");
    }
    let dir = damaged("SHA256SUMS", |bytes| bytes.truncate(100));
    let error = mini::load(dir.path()).unwrap_err();
    assert!(matches!(&error, Error::Format { path, .. } if path.ends_with("SHA256SUMS")), "{error}");
}

#[test]
fn a_missing_file_is_named() {
    let dir = damaged("test.png", |_| ());
    fs::remove_file(dir.path().join("test.png")).unwrap();
    let error = mini::load(dir.path()).unwrap_err();
    assert!(matches!(&error, Error::Missing { path } if path.ends_with("test.png")), "{error}");
}

#[test]
#[ignore = "needs the fetched CIFAR-10 under data/cifar-10-batches-bin"]
fn the_mini_set_is_the_beginning_of_cifar10() {
    assert!(cifar10::verify(CIFAR10).iter().all(|file| file.outcome.is_ok()));
    let full = cifar10::load(CIFAR10).unwrap();
    assert_eq!(full.train.images.dim(), (50_000, 32, 32, 3));
    assert_eq!(full.test.images.dim(), (10_000, 32, 32, 3));
    let dir = tempfile::tempdir().unwrap();
    mini::build(&full, dir.path()).unwrap();
    assert_eq!(mini::load(dir.path()).unwrap(), mini::load(MINI).unwrap());
    let index = |dir: &Path| fs::read(dir.join("index.csv")).unwrap();
    assert_eq!(index(dir.path()), index(Path::new(MINI)));
}
