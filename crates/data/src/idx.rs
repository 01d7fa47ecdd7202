//! IDX files, gzipped or not: MNIST, Fashion-MNIST and sets of the same form. Grey becomes RGB by repeating the channel.
//!
//! A file of images has a header of four 32-bit numbers, big endian: 0x803 (unsigned bytes in three dimensions), N, rows
//! and columns; then N · rows · columns bytes. A file of labels has 0x801 and N, then N bytes. Format:
//! Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database". Fashion-MNIST: H. Xiao, K. Rasul, R. Vollgraf,
//! "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms", 2017,
//! <https://github.com/zalandoresearch/fashion-mnist>.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use ndarray::Array4;
use sha2::{Digest, Sha256};

use crate::{Dataset, Error, LabelledImages, Result};

/// The classes of Fashion-MNIST in the order of their labels.
pub const FASHION_CLASSES: [&str; 10] = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
];

/// The four files: training images and labels, then test images and labels. A name may end in `.gz`, and may have a dot
/// instead of the hyphen before `idx`. Whether a file is gzipped is known from its content, not from its name.
pub const FILES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

/// Loads the four files in `dir`.
///
/// Fashion-MNIST is recognised by the SHA-256 of its labels: the set is then called `fashion-mnist`, and its classes have
/// their names. Any other set is called `idx`, and its classes `0`, `1` and so on, up to the largest label.
///
/// # Errors
/// [`Error::Missing`] for a file that is not there, [`Error::Io`] for one that cannot be read, and [`Error::Format`]
/// for one whose header is not that of images or labels, that is shorter or longer than its header says, or that does
/// not fit the others. The size that a header claims is compared with the file's size before memory is taken.
///
/// ```no_run
/// let set = mlprobe_data::idx::load("/usr/share/datasets/fashion-mnist")?;
/// assert_eq!(set.train.images.dim(), (60_000, 28, 28, 3));
/// assert_eq!(set.classes[9], "Ankle boot");
/// # Ok::<(), mlprobe_data::Error>(())
/// ```
pub fn load(dir: impl AsRef<Path>) -> Result<Dataset> {
    let [train_images, train_labels, test_images, test_labels] =
        FILES.map(|name| find(dir.as_ref(), name).unwrap_or_else(|| dir.as_ref().join(name)));
    let (train, train_digest) = read_part(&train_images, &train_labels)?;
    let (test, test_digest) = read_part(&test_images, &test_labels)?;
    let [of_train, of_test] = [&train, &test].map(|part| &part.images.shape()[1..3]);
    if of_train != of_test {
        let expected = format!("images of {of_train:?} pixels, as in {}", train_images.display());
        return Err(Error::format(&test_images, "rows and columns", expected, format!("{of_test:?}")));
    }
    let (name, classes) = if [train_digest, test_digest] == FASHION_LABELS {
        ("fashion-mnist", FASHION_CLASSES.map(String::from).to_vec())
    } else {
        let largest = train.labels.iter().chain(&test.labels).max().copied().unwrap_or(0);
        ("idx", (0..=largest).map(|class| class.to_string()).collect())
    };
    Dataset::new(name, classes, train, test)
}

/// The file called `name` in `dir`, under any of its spellings.
pub(crate) fn find(dir: &Path, name: &str) -> Option<PathBuf> {
    let dotted = name.replace("-idx", ".idx");
    [name.to_owned(), format!("{name}.gz"), format!("{dotted}.gz"), dotted]
        .into_iter()
        .map(|name| dir.join(name))
        .find(|path| path.is_file())
}

/// SHA-256 of the labels of Fashion-MNIST, without their header: training, test.
const FASHION_LABELS: [&str; 2] = [
    "657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
    "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
];

/// A header's first number: two zeros, the type (8: unsigned bytes) and the number of dimensions.
const IMAGES: u32 = 0x803;
const LABELS: u32 = 0x801;
/// The most bytes that one byte of a gzip file can stand for: deflate writes 258 bytes in no less than two bits.
const MAX_RATIO: u64 = 1032;
/// The most pixels in a file: 4 GiB.
const MAX_BYTES: u64 = 4 << 30;

/// The images (N, rows, columns, 3) of one file with the labels of another, and the SHA-256 of the labels.
fn read_part(images: &Path, labels: &Path) -> Result<(LabelledImages, String)> {
    let ([n, rows, columns], grey) = read(images, IMAGES)?;
    let ([labelled], labels_read) = read(labels, LABELS)?;
    if labelled != n {
        let expected = format!("{n} labels, one for each image of {}", images.display());
        return Err(Error::format(labels, "number of labels", expected, labelled.to_string()));
    }
    let mut pixels = Vec::with_capacity(3 * grey.len());
    pixels.extend(grey.iter().flat_map(|&value| [value; 3]));
    let images = Array4::from_shape_vec((n, rows, columns, 3), pixels)
        .map_err(|e| Error::format(images, "header", "N, rows and columns", e.to_string()))?;
    let digest = mlprobe_files::hex(&Sha256::digest(&labels_read));
    Ok((LabelledImages::new(images, labels_read.into_iter().map(u16::from).collect())?, digest))
}

/// The dimensions and the bytes of the file `path`, whose header must begin with `magic`.
fn read<const D: usize>(path: &Path, magic: u32) -> Result<([usize; D], Vec<u8>)> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    let size = file.metadata().map_err(Error::io("look at", path))?.len();
    let mut file = BufReader::new(file);
    if file.fill_buf().map_err(Error::io("read", path))?.starts_with(&GZIP) {
        let damaged = |e: io::Error| Error::format(path, "gzip data", "a whole gzip file", e.to_string());
        parse(&mut MultiGzDecoder::new(file), size.saturating_mul(MAX_RATIO), &damaged, path, magic)
    } else {
        parse(&mut file, size, &|e| Error::io("read", path)(e), path, magic)
    }
}

/// Reads header and content from `source`, which has at most `limit` bytes. Errors in reading become what `unreadable`
/// makes of them.
fn parse<const D: usize>(
    source: &mut dyn Read,
    limit: u64,
    unreadable: &dyn Fn(io::Error) -> Error,
    path: &Path,
    magic: u32,
) -> Result<([usize; D], Vec<u8>)> {
    let mut number = |at: usize| {
        let mut bytes = [0; 4];
        match source.read_exact(&mut bytes) {
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
                let expected = format!("a header of {} bytes", HEADER * (D + 1));
                Err(Error::format(
                    path,
                    format!("byte offset {}", HEADER * at),
                    expected,
                    "the end of the file",
                ))
            }
            result => result.map(|()| u32::from_be_bytes(bytes)).map_err(unreadable),
        }
    };
    let found = number(0)?;
    if found != magic {
        let expected = format!("{magic:#010x}, an IDX file of {}", if D == 1 { "labels" } else { "images" });
        return Err(Error::format(path, "byte offset 0", expected, format!("{found:#010x}")));
    }
    let mut dimensions = [0; D];
    for (at, dimension) in dimensions.iter_mut().enumerate() {
        *dimension = number(at + 1)? as usize;
    }
    let claimed = dimensions.iter().try_fold(1u64, |total, &n| total.checked_mul(n as u64));
    let room = limit.saturating_sub((HEADER * (D + 1)) as u64).min(MAX_BYTES);
    let Some(length) = claimed.filter(|length| (1..=room).contains(length)) else {
        let expected = format!("dimensions of 1 to {room} bytes in all, as many as the file can hold");
        return Err(Error::format(path, "header", expected, format!("{dimensions:?}")));
    };
    let mut content = Vec::new();
    source.take(length + 1).read_to_end(&mut content).map_err(unreadable)?;
    if content.len() as u64 != length {
        let more = if content.len() as u64 > length { "more" } else { &content.len().to_string() };
        let expected = format!("{length} bytes after the header, for dimensions {dimensions:?}");
        return Err(Error::format(path, "length", expected, format!("{more} bytes")));
    }
    Ok((dimensions, content))
}

/// What a gzip file begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Bytes of a number in a header.
const HEADER: usize = 4;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn file(magic: u32, dimensions: &[u32], content: &[u8]) -> Vec<u8> {
        let header = [magic].iter().chain(dimensions).flat_map(|n| n.to_be_bytes()).collect::<Vec<_>>();
        [&header, content].concat()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// Three training and two test images of 2 x 3 pixels; the test images and training labels gzipped.
    fn folder() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let pixels: Vec<u8> = (0..18).collect();
        let write = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
        write("train-images.idx3-ubyte", &file(IMAGES, &[3, 2, 3], &pixels));
        write("train-labels-idx1-ubyte.gz", &gzip(&file(LABELS, &[3], &[0, 4, 1])));
        write("t10k-images-idx3-ubyte.gz", &gzip(&file(IMAGES, &[2, 2, 3], &pixels[..12])));
        write("t10k-labels-idx1-ubyte", &file(LABELS, &[2], &[1, 0]));
        dir
    }

    #[test]
    fn grey_is_repeated_and_rows_are_rows() {
        let set = load(folder().path()).unwrap();
        assert_eq!(set.train.images.dim(), (3, 2, 3, 3));
        assert_eq!(set.train.images.as_slice().unwrap()[..9], [0, 0, 0, 1, 1, 1, 2, 2, 2]);
        assert_eq!([0, 1, 2].map(|c| set.test.images[[1, 1, 0, c]]), [9; 3]);
        assert_eq!((&set.train.labels[..], &set.test.labels[..]), (&[0, 4, 1][..], &[1, 0][..]));
        assert_eq!(set.classes, ["0", "1", "2", "3", "4"]);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let long = [0; 7];
        for (name, content, part) in [
            ("train-images.idx3-ubyte", file(LABELS, &[3], &[0, 0, 0]), "0x00000803"),
            ("train-images.idx3-ubyte", file(IMAGES, &[3, 2, 3], &[0; 17]), "as many as the file can hold"),
            ("train-images.idx3-ubyte", file(IMAGES, &[3, 2, 3], &[0; 19]), "18 bytes after the header"),
            ("train-images.idx3-ubyte", file(IMAGES, &[0, 2, 3], &[]), "[0, 2, 3]"),
            (
                "train-images.idx3-ubyte",
                file(IMAGES, &[u32::MAX; 3], &[]),
                "[4294967295, 4294967295, 4294967295]",
            ),
            ("train-images.idx3-ubyte", file(IMAGES, &[4_000_000_000, 1, 1], &long), "1 to 7 bytes"),
            ("train-labels-idx1-ubyte.gz", gzip(&file(LABELS, &[2], &[0, 4])), "3 labels"),
            ("train-labels-idx1-ubyte.gz", gzip(&file(LABELS, &[4], &[0, 4])), "4 bytes after the header"),
            (
                "train-labels-idx1-ubyte.gz",
                gzip(&file(LABELS, &[4], &[0; 4]))[..18].to_vec(),
                "end of the file",
            ),
            ("t10k-images-idx3-ubyte.gz", gzip(&file(IMAGES, &[2, 3, 2], &[0; 12])), "[2, 3] pixels"),
            ("t10k-labels-idx1-ubyte", vec![0, 0, 8, 1, 0], "the end of the file"),
            ("t10k-labels-idx1-ubyte", vec![], "byte offset 0"),
        ] {
            let dir = folder();
            fs::write(dir.path().join(name), content).unwrap();
            let error = load(dir.path()).unwrap_err();
            assert!(matches!(error, Error::Format { .. }), "{error}");
            let text = error.to_string();
            assert!(text.contains(name) && text.contains(part), "{part} not in {text}");
        }
    }

    #[test]
    fn what_a_gzip_file_could_never_hold_is_refused() {
        let dir = folder();
        let bomb = gzip(&file(LABELS, &[3_000_000], &[7; 10]));
        fs::write(dir.path().join("train-labels-idx1-ubyte.gz"), bomb).unwrap();
        let error = load(dir.path()).unwrap_err().to_string();
        assert!(error.contains("as many as the file can hold") && error.contains("[3000000]"), "{error}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let dir = folder();
        fs::remove_file(dir.path().join("train-labels-idx1-ubyte.gz")).unwrap();
        let error = load(dir.path()).unwrap_err();
        assert!(
            matches!(&error, Error::Missing { path } if path.ends_with("train-labels-idx1-ubyte")),
            "{error}"
        );
    }
}
