//! The mini set: the first 200 training and first 100 test images of each CIFAR-10 class, in file order.
//!
//! It is small enough for the repository (`data/cifar10-mini`), for tests, examples and a first look without
//! a network. Accuracies on it are not comparable with published CIFAR-10 figures.
//!
//! The images are tiles of PNG contact sheets: 25 rows and 40 columns of 32x32 pixels, row by row. `index.csv` lists the
//! split, position and label of each image, and the file and record of CIFAR-10 from which it comes. `sha256sum -c` checks
//! `SHA256SUMS`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use ndarray::Array4;

use crate::cifar10::{self, SIDE};
use crate::{Dataset, Error, LabelledImages, Result, files, png};

/// Training images of each class.
pub const TRAIN_PER_CLASS: usize = 200;
/// Test images of each class.
pub const TEST_PER_CLASS: usize = 100;

/// Loads the mini set from `dir`, with the name `cifar10-mini`: 2,000 training and 1,000 test images.
///
/// # Errors
/// [`Error::Missing`] or [`Error::WrongDigest`] for a file that does not exist or does not match `SHA256SUMS`;
/// [`Error::Format`] for content that is not a mini set.
///
/// ```
/// # let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/cifar10-mini");
/// let mini = mlprobe_data::mini::load(dir)?;
/// assert_eq!(mini.train.images.dim(), (2000, 32, 32, 3));
/// assert_eq!(mini.classes[usize::from(mini.test.labels[0])], "cat");
/// # Ok::<(), mlprobe_data::Error>(())
/// ```
pub fn load(dir: impl AsRef<Path>) -> Result<Dataset> {
    let dir = dir.as_ref();
    verify(dir)?;
    let (train_labels, test_labels) = read_index(&dir.join(INDEX))?;
    let (train, test) =
        (read_part(dir, &SHEETS[..2], train_labels)?, read_part(dir, &SHEETS[2..], test_labels)?);
    Dataset::new("cifar10-mini", cifar10::CLASSES.map(String::from).to_vec(), train, test)
}

/// Writes the mini set of `cifar10` (as [`cifar10::load`] gives it) into `dir`, which is created if needed.
///
/// # Errors
/// [`Error::Argument`] if a class has too few images or they are not 32x32; [`Error::Io`] if `dir` cannot be
/// written.
pub fn build(cifar10: &Dataset, dir: impl AsRef<Path>) -> Result<()> {
    let dir = dir.as_ref();
    fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
    let train = first_of_each_class(&cifar10.train, TRAIN_PER_CLASS)?;
    let test = first_of_each_class(&cifar10.test, TEST_PER_CLASS)?;

    let sheets = train.chunks(TILES).map(|c| (&cifar10.train, c)).chain([(&cifar10.test, &test[..])]);
    for ((source, chosen), name) in sheets.zip(SHEETS) {
        let png = encode_sheet(source, chosen, &dir.join(name))?;
        write(&dir.join(name), &png)?;
    }

    let mut index = format!("{INDEX_HEADER}\n");
    for (split, source, chosen) in [("train", &cifar10.train, &train), ("test", &cifar10.test, &test)] {
        for (position, &i) in chosen.iter().enumerate() {
            let file = if split == "test" { 5 } else { i / RECORDS };
            let (name, record, label) = (cifar10::FILES[file].name, i % RECORDS, source.labels[i]);
            // Writing to a String cannot fail.
            let _ = writeln!(index, "{split},{position},{label},{name},{record}");
        }
    }
    write(&dir.join(INDEX), index.as_bytes())?;

    let mut sums = String::new();
    for name in SUMMED {
        let _ = writeln!(sums, "{}  {name}", files::digest(&dir.join(name))?);
    }
    write(&dir.join(SUMS), sums.as_bytes())
}

pub(crate) const SHEETS: [&str; 3] = ["train_1.png", "train_2.png", "test.png"];
pub(crate) const INDEX: &str = "index.csv";
const INDEX_HEADER: &str = "split,position,label,file,record";
pub(crate) const SUMS: &str = "SHA256SUMS";
/// The files that `SHA256SUMS` lists, in its order.
const SUMMED: [&str; 4] = [SHEETS[0], SHEETS[1], SHEETS[2], INDEX];

/// A contact sheet has 25 rows and 40 columns of tiles.
const COLUMNS: usize = 40;
const TILES: usize = 25 * COLUMNS;
const SHEET_WIDTH: usize = COLUMNS * SIDE;
const SHEET_HEIGHT: usize = TILES / COLUMNS * SIDE;
/// Bytes of one row of a tile, and of a tile.
const TILE_ROW: usize = 3 * SIDE;
const TILE: usize = SIDE * TILE_ROW;
/// Records in one file of CIFAR-10.
const RECORDS: usize = 10_000;

/// Positions of the first `count` images of every class, in file order.
fn first_of_each_class(images: &LabelledImages, count: usize) -> Result<Vec<usize>> {
    let mut seen = [0; cifar10::CLASSES.len()];
    let chosen: Vec<usize> = (0..images.len())
        .filter(|&i| {
            let seen = &mut seen[usize::from(images.labels[i])];
            *seen += 1;
            *seen <= count
        })
        .collect();
    let (_, height, width, _) = images.images.dim();
    if seen.iter().any(|&n| n < count) || (height, width) != (SIDE, SIDE) {
        return Err(Error::argument(
            "mini::build",
            format!("at least {count} images of 32x32 in every class"),
            format!("{height}x{width} images, {seen:?} of them in the classes"),
        ));
    }
    Ok(chosen)
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    mlprobe_files::write(path, bytes).map_err(Error::io("write", path))
}

/// Where row `y` of tile `i` begins in the bytes of its sheet.
fn tile_row(i: usize, y: usize) -> usize {
    let (row, column) = (i / COLUMNS, i % COLUMNS);
    ((row * SIDE + y) * SHEET_WIDTH + column * SIDE) * 3
}

/// The images of `source` at the positions `chosen` as one PNG sheet.
fn encode_sheet(source: &LabelledImages, chosen: &[usize], path: &Path) -> Result<Vec<u8>> {
    let mut sheet = vec![0; TILES * TILE];
    for (tile, &i) in chosen.iter().enumerate() {
        let image = source.images.index_axis(ndarray::Axis(0), i);
        for (y, row) in image.outer_iter().enumerate() {
            let at = tile_row(tile, y);
            sheet[at..at + TILE_ROW].iter_mut().zip(row).for_each(|(to, &from)| *to = from);
        }
    }
    png::encode(&sheet, path, SHEET_WIDTH as u32, SHEET_HEIGHT as u32)
}

/// Compares the four files with `SHA256SUMS`.
fn verify(dir: &Path) -> Result<()> {
    let path = dir.join(SUMS);
    let text = files::read_text(&path)?;
    let mut lines = text.lines();
    for name in SUMMED {
        let line = lines.next().unwrap_or_default();
        match line.split_once("  ") {
            Some((sum, listed)) if listed == name => files::check_digest(&dir.join(name), sum)?,
            _ => return Err(Error::format(&path, "a line", format!("the SHA-256 of {name}"), quote(line))),
        }
    }
    Ok(())
}

/// The labels of the training and of the test images from `index.csv`.
fn read_index(path: &Path) -> Result<(Vec<u16>, Vec<u16>)> {
    let text = files::read_text(path)?;
    let mut lines = text.lines().enumerate();
    let (_, header) = lines.next().unwrap_or_default();
    if header != INDEX_HEADER {
        return Err(Error::format(path, "line 1", quote(INDEX_HEADER), quote(header)));
    }
    let mut read = |split: &str, count: usize| {
        (0..count)
            .map(|position| {
                let (number, line) = lines.next().unwrap_or((position, ""));
                let begin = format!("{split},{position},");
                line.strip_prefix(&begin)
                    .and_then(|rest| rest.split(',').next()?.parse().ok())
                    .filter(|&label: &u16| usize::from(label) < cifar10::CLASSES.len())
                    .ok_or_else(|| {
                        let expected = format!("'{begin}' and a label in 0..=9");
                        Error::format(path, format!("line {}", number + 1), expected, quote(line))
                    })
            })
            .collect::<Result<Vec<u16>>>()
    };
    Ok((read("train", 2 * TILES)?, read("test", TILES)?))
}

/// Reads the images of one split from its sheets.
fn read_part(dir: &Path, sheets: &[&str], labels: Vec<u16>) -> Result<LabelledImages> {
    let mut pixels = Vec::with_capacity(sheets.len() * TILES * TILE);
    for sheet in sheets {
        let path = dir.join(sheet);
        let bytes = fs::read(&path).map_err(Error::io("read", &path))?;
        let sheet = png::decode(&bytes, &path, SHEET_WIDTH as u32, SHEET_HEIGHT as u32)?;
        for (tile, y) in (0..TILES).flat_map(|tile| (0..SIDE).map(move |y| (tile, y))) {
            let at = tile_row(tile, y);
            pixels.extend_from_slice(&sheet[at..at + TILE_ROW]);
        }
    }
    let images = Array4::from_shape_vec((labels.len(), SIDE, SIDE, 3), pixels)
        .map_err(|e| Error::argument("mini::load", "one label for every tile", e.to_string()))?;
    LabelledImages::new(images, labels)
}

fn quote(text: &str) -> String {
    format!("'{text}'")
}
