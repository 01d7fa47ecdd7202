//! CIFAR-100 in its binary version: 50,000 training and 10,000 test images, 32x32 RGB, one hundred balanced classes in
//! twenty superclasses.
//!
//! Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009;
//! format and files at <https://www.cs.toronto.edu/~kriz/cifar.html>.

use std::path::Path;

use crate::{Dataset, Error, Result, files, records};

/// The files with images: training, then test. A record begins with two label bytes, the superclass and the class.
pub const FILES: [&str; 2] = ["train.bin", "test.bin"];

/// Loads CIFAR-100 from `train.bin` and `test.bin` in `dir`, with the name `cifar100` and the classes ("fine" labels).
///
/// Names of classes are the lines of `fine_label_names.txt` beside the files; without it, they are `class 0` to `class 99`.
/// Files with more or fewer records load too.
///
/// # Errors
/// [`Error::Missing`] for a file that is not there, [`Error::Io`] for one that cannot be read, and [`Error::Format`]
/// for one that does not consist of whole records with labels 0..=19 and 0..=99, or names other than 100 classes.
///
/// ```no_run
/// let cifar100 = mlprobe_data::cifar100::load("data/cifar-100-binary")?;
/// assert_eq!(cifar100.classes.len(), 100);
/// # Ok::<(), mlprobe_data::Error>(())
/// ```
pub fn load(dir: impl AsRef<Path>) -> Result<Dataset> {
    let dir = dir.as_ref();
    let part = |name| records::read(&[dir.join(name)], &[SUPERCLASSES, CLASSES]);
    Dataset::new(
        "cifar100",
        class_names(&dir.join("fine_label_names.txt"))?,
        part(FILES[0])?,
        part(FILES[1])?,
    )
}

const SUPERCLASSES: usize = 20;
const CLASSES: usize = 100;

/// The lines of the file `path`, or numbers if there is none.
fn class_names(path: &Path) -> Result<Vec<String>> {
    if !path.exists() {
        return Ok((0..CLASSES).map(|class| format!("class {class}")).collect());
    }
    let text = files::read_text(path)?;
    let names: Vec<String> =
        text.lines().map(str::trim).filter(|name| !name.is_empty()).map(String::from).collect();
    match names.len() {
        CLASSES => Ok(names),
        found => Err(Error::format(path, "lines", format!("{CLASSES} class names"), format!("{found}"))),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    const RECORD: usize = records::length(2);

    /// Two training records of the classes 3 and 99, and a test record of class 0, all of one colour.
    fn folder() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let record = |superclass: u8, class: u8| {
            [vec![superclass, class], vec![10; 1024], vec![20; 1024], vec![30; 1024]].concat()
        };
        fs::write(dir.path().join("train.bin"), [record(19, 3), record(0, 99)].concat()).unwrap();
        fs::write(dir.path().join("test.bin"), record(5, 0)).unwrap();
        dir
    }

    #[test]
    fn the_second_label_is_the_class_and_planes_become_rows() {
        let set = load(folder().path()).unwrap();
        assert_eq!((&set.train.labels[..], &set.test.labels[..]), (&[3, 99][..], &[0][..]));
        assert_eq!(set.train.images.dim(), (2, 32, 32, 3));
        assert_eq!([0, 1, 2].map(|c| set.train.images[[1, 31, 31, c]]), [10, 20, 30]);
        assert_eq!(set.classes[99], "class 99");
    }

    #[test]
    fn names_come_from_the_file_beside() {
        let dir = folder();
        let path = dir.path().join("fine_label_names.txt");
        let names: Vec<String> = (0..100).map(|i| format!("name_{i}")).collect();
        fs::write(&path, names.join("\n") + "\n\n").unwrap();
        assert_eq!(load(dir.path()).unwrap().classes, names);
        fs::write(&path, "apple\n").unwrap();
        let error = load(dir.path()).unwrap_err().to_string();
        assert!(error.contains("fine_label_names.txt") && error.contains("100 class names"), "{error}");
    }

    #[test]
    fn either_label_out_of_range_is_named_with_its_offset() {
        for (at, value, range) in [(0, 20, "0..=19"), (1, 100, "0..=99")] {
            let dir = folder();
            let path: PathBuf = dir.path().join("train.bin");
            let mut bytes = fs::read(&path).unwrap();
            bytes[RECORD + at] = value;
            fs::write(&path, bytes).unwrap();
            let error = load(dir.path()).unwrap_err().to_string();
            let offset = format!("offset {}", RECORD + at);
            for part in ["train.bin", "record 1", &offset, range, &format!("label {value}")] {
                assert!(error.contains(part), "{part} not in {error}");
            }
        }
    }
}
