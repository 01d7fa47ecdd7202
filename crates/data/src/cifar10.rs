//! CIFAR-10 in its binary version: 50,000 training and 10,000 test images, 32x32 RGB, ten balanced classes.
//!
//! Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009;
//! format and files at <https://www.cs.toronto.edu/~kriz/cifar.html>.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::{Dataset, Result, files, records};

/// The classes' names in the order of their labels.
pub const CLASSES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// Height and width of an image in pixels.
pub const SIDE: usize = records::SIDE;

/// One of the six files of the binary version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchFile {
    /// The file's name.
    pub name: &'static str,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256 in lower-case hexadecimal.
    pub sha256: &'static str,
}

/// The official files: five of training images, then one of test images; 10,000 records each.
pub const FILES: [BatchFile; 6] = [
    batch("data_batch_1.bin", "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"),
    batch("data_batch_2.bin", "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"),
    batch("data_batch_3.bin", "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"),
    batch("data_batch_4.bin", "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"),
    batch("data_batch_5.bin", "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"),
    batch("test_batch.bin", "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"),
];

/// Loads CIFAR-10 from the six files in `dir`, with the name `cifar10`.
///
/// The format is checked record by record; [`verify`] tells whether the files are the official ones. Files with more or
/// fewer records load too.
///
/// # Errors
/// [`crate::Error::Missing`] for a file that does not exist, [`crate::Error::Io`] for one that cannot be read, and
/// [`crate::Error::Format`] for one that does not consist of whole records with labels 0..=9.
///
/// ```no_run
/// let cifar10 = mlprobe_data::cifar10::load("data/cifar-10-batches-bin")?;
/// assert_eq!(cifar10.train.images.dim(), (50_000, 32, 32, 3));
/// # Ok::<(), mlprobe_data::Error>(())
/// ```
pub fn load(dir: impl AsRef<Path>) -> Result<Dataset> {
    let paths = FILES.map(|file| dir.as_ref().join(file.name));
    let [train, test] = [&paths[..5], &paths[5..]].map(|paths| records::read(paths, &[CLASSES.len()]));
    Dataset::new("cifar10", CLASSES.map(String::from).to_vec(), train?, test?)
}

/// Compares each of the six files in `dir` with the official one, by size and SHA-256.
///
/// ```
/// let nowhere = mlprobe_data::cifar10::verify("/no/such/folder");
/// assert!(nowhere.iter().all(|file| matches!(file.outcome, Err(mlprobe_data::Error::Missing { .. }))));
/// ```
pub fn verify(dir: impl AsRef<Path>) -> Vec<FileStatus> {
    FILES
        .iter()
        .map(|file| {
            let path = dir.as_ref().join(file.name);
            let outcome = files::check(&path, file.size, file.sha256);
            FileStatus { path, outcome }
        })
        .collect()
}

/// What [`verify`] found about one file.
#[derive(Debug)]
pub struct FileStatus {
    /// The file.
    pub path: PathBuf,
    /// `Ok` for the official file; else [`crate::Error::Missing`], [`crate::Error::WrongSize`] (truncated or too long),
    /// [`crate::Error::WrongDigest`], or [`crate::Error::Io`] if it cannot be read.
    pub outcome: Result<()>,
}

impl fmt::Display for FileStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Ok(()) => write!(f, "{}: OK", self.path.display()),
            Err(error) => error.fmt(f),
        }
    }
}

const RECORD: usize = records::length(1);

const fn batch(name: &'static str, sha256: &'static str) -> BatchFile {
    BatchFile { name, size: 10_000 * RECORD as u64, sha256 }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::Error;

    const PIXELS: usize = SIDE * SIDE;

    /// Six small batch files of `records` records each: red 10, green 20, blue 30, but record `i` has `i` in the
    /// second row's first column of red.
    fn folder(records: usize) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let mut bytes = Vec::new();
        for i in 0..records {
            let at = bytes.len();
            bytes.push((i % 10) as u8);
            for value in [10, 20, 30] {
                bytes.extend([value; PIXELS]);
            }
            bytes[at + 1 + SIDE] = i as u8;
        }
        for file in FILES {
            fs::write(dir.path().join(file.name), &bytes).unwrap();
        }
        dir
    }

    #[test]
    fn planes_become_interleaved_rows() {
        let dataset = load(folder(3).path()).unwrap();
        assert_eq!(dataset.train.images.dim(), (15, 32, 32, 3));
        assert_eq!(dataset.test.labels, [0, 1, 2]);
        let pixel = |y, x| [0, 1, 2].map(|c| dataset.train.images[[4, y, x, c]]);
        assert_eq!(pixel(1, 0), [1, 20, 30]);
        assert_eq!(pixel(0, 1), [10, 20, 30]);
    }

    #[test]
    fn a_label_above_nine_is_named_with_file_record_and_offset() {
        for label in [10, 77, 255] {
            let dir = folder(3);
            let path = dir.path().join("data_batch_4.bin");
            let mut bytes = fs::read(&path).unwrap();
            bytes[2 * RECORD] = label;
            fs::write(&path, bytes).unwrap();
            let error = load(dir.path()).unwrap_err().to_string();
            for part in ["data_batch_4.bin", "record 2", "offset 6146", "0..=9", &format!("label {label}")] {
                assert!(error.contains(part), "{part} not in {error}");
            }
        }
    }

    #[test]
    fn a_length_that_is_no_multiple_of_a_record_is_refused() {
        for length in [0, 1, RECORD - 1, RECORD + 1, 2 * RECORD - 1] {
            let dir = folder(2);
            let path = dir.path().join("test_batch.bin");
            let bytes = [0; 2 * RECORD];
            fs::write(&path, &bytes[..length]).unwrap();
            let error = load(dir.path()).unwrap_err();
            assert!(matches!(error, Error::Format { .. }), "{error}");
            let text = error.to_string();
            assert!(text.contains("test_batch.bin") && text.contains("3073"), "{text}");
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let dir = folder(1);
        fs::remove_file(dir.path().join("data_batch_2.bin")).unwrap();
        let error = load(dir.path()).unwrap_err();
        assert!(matches!(&error, Error::Missing { path } if path.ends_with("data_batch_2.bin")), "{error}");
    }

    #[test]
    fn verify_tells_missing_truncated_and_wrong_files_apart() {
        let dir = folder(1);
        fs::remove_file(dir.path().join("data_batch_2.bin")).unwrap();
        fs::write(dir.path().join("data_batch_3.bin"), vec![0; 30_730_000]).unwrap();
        fs::write(dir.path().join("data_batch_4.bin"), vec![0; 30_730_001]).unwrap();
        let lines: Vec<String> = verify(dir.path()).iter().map(ToString::to_string).collect();
        let expected = ["truncated", "missing", "wrong content", "too long", "truncated", "truncated"];
        for (line, part) in lines.iter().zip(expected) {
            assert!(line.contains(part), "{part} not in {line}");
        }
    }
}
