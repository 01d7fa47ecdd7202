//! Tables that give images their classes or groups: CSV and TSV files with a column of names and one of labels or groups, and
//! Tiny ImageNet's `val_annotations.txt`.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use csv::{ReaderBuilder, Trim};

use crate::folder_tree::is_image;
use crate::{Error, Result};

/// What a table says about the images that were found.
pub(super) struct Table {
    pub(super) path: PathBuf,
    /// The images' positions in the list that was given, with their labels; each once, sorted.
    pub(super) labels: Vec<(usize, String)>,
    /// Names in the table that no image has, or that have no label.
    pub(super) unknown: Vec<String>,
}

/// What a table says of images.
pub(super) struct Column {
    /// What it is called in messages.
    what: &'static str,
    /// Its usual headers.
    headers: &'static [&'static str],
}

/// The classes of images.
pub(super) const LABELS: Column = Column {
    what: "label",
    headers: &[
        "label",
        "labels",
        "class",
        "classname",
        "category",
        "categoryname",
        "target",
        "breed",
        "species",
        "classid",
        "y",
    ],
};
/// The groups of images.
pub(super) const GROUPS: Column = Column {
    what: "group",
    headers: &[
        "group",
        "groups",
        "groupid",
        "patient",
        "patientid",
        "subject",
        "subjectid",
        "video",
        "videoid",
        "scene",
        "camera",
    ],
};

/// Headers of columns with names of images. Headers are in lower case and with letters only; the first that a table has
/// counts.
const NAMES: [&str; 13] = [
    "path",
    "filepath",
    "imagepath",
    "file",
    "filename",
    "image",
    "imagename",
    "imagefile",
    "imageid",
    "img",
    "imgname",
    "name",
    "id",
];

/// Whether the file's name is that of a table.
pub(super) fn is_table(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    ["csv", "tsv"].iter().any(|known| extension.eq_ignore_ascii_case(known)) || is_annotations(path)
}

fn is_annotations(path: &Path) -> bool {
    path.file_name().and_then(OsStr::to_str).is_some_and(|name| name.ends_with("annotations.txt"))
}

impl Table {
    /// Reads the table `path` with this `column`, whose names are those of `images`: paths relative to the table's folder, or ends of paths,
    /// or names of files, with or without their ending.
    ///
    /// # Errors
    /// [`Error::Missing`] or [`Error::Io`] if it cannot be read; [`Error::Format`] if it is not such a table, names an image
    /// twice with different labels, or names none of the images.
    pub(super) fn read(path: &Path, images: &[PathBuf], column: &Column) -> Result<Self> {
        let rows = rows(path)?;
        let files = Files::new(path.parent().unwrap_or(Path::new("")), images);
        let [name_at, label_at] = columns(path, &rows, &files, column)?;
        let mut labels: HashMap<usize, (usize, String)> = HashMap::new();
        let mut unknown = Vec::new();
        // Without known headers, a first row that names no image is taken for headers too.
        let has_header = rows.first().is_some_and(|row| files.find(&row[name_at]).is_none());
        for (number, row) in rows.iter().enumerate().skip(usize::from(has_header)) {
            let (name, label) = (&row[name_at], &row[label_at]);
            match files.find(name) {
                None => unknown.push(name.clone()),
                Some(_) if label.is_empty() => unknown.push(name.clone()),
                Some(image) => {
                    let (first, given) = labels.entry(image).or_insert((number, label.clone()));
                    if given != label {
                        let what = column.what;
                        let expected = format!("the {what} of row {}, '{given}', for '{name}'", *first + 1);
                        return Err(Error::format(
                            path,
                            format!("row {}", number + 1),
                            expected,
                            format!("'{label}'"),
                        ));
                    }
                }
            }
        }
        if labels.is_empty() {
            let example = rows.get(usize::from(has_header)).map_or("", |row| &row[name_at]);
            let expected = format!("names of the images in {} and below", files.dir.display());
            return Err(Error::format(
                path,
                "the column of names",
                expected,
                format!("'{example}' and the like"),
            ));
        }
        let mut labels: Vec<(usize, String)> = labels.into_iter().map(|(i, (_, label))| (i, label)).collect();
        labels.sort_unstable();
        Ok(Self { path: path.to_owned(), labels, unknown })
    }
}

/// All rows, each with as many fields as the first, white space around them removed.
fn rows(path: &Path) -> Result<Vec<Vec<String>>> {
    let mut file = BufReader::new(File::open(path).map_err(Error::io("open", path))?);
    let start = file.fill_buf().map_err(Error::io("read", path))?;
    let first_line = start.split(|&byte| byte == b'\n').next().unwrap_or_default();
    // The delimiter that occurs most often in the first line.
    let count = |delimiter: u8| first_line.iter().filter(|&&byte| byte == delimiter).count();
    let delimiter = *[b',', b';', b'\t'].iter().rev().max_by_key(|&&d| count(d)).unwrap_or(&b',');
    let mut reader =
        ReaderBuilder::new().has_headers(false).delimiter(delimiter).trim(Trim::All).from_reader(file);
    reader
        .records()
        .map(|record| {
            let record =
                record.map_err(|e| Error::format(path, "a row", "a table in UTF-8", e.to_string()))?;
            Ok(record.iter().map(|field| field.trim_start_matches('\u{feff}').to_owned()).collect())
        })
        .collect()
}

/// Which columns hold the names and the labels.
fn columns(path: &Path, rows: &[Vec<String>], files: &Files, wanted: &Column) -> Result<[usize; 2]> {
    let header = rows.first().map_or(&[][..], |row| row);
    let plain = |text: &String| text.to_lowercase().replace(|c: char| !c.is_alphanumeric(), "");
    let column =
        |known: &[&str]| known.iter().find_map(|&known| header.iter().position(|text| plain(text) == known));
    let (name, label) = (column(&NAMES), column(wanted.headers));
    match (name, label, header.len()) {
        (Some(name), Some(label), _) => Ok([name, label]),
        // Tiny ImageNet has a box behind the label.
        (None, None, 2..) if is_annotations(path) => Ok([0, 1]),
        (name, label, 2) => match name.or(label.map(|label| 1 - label)) {
            Some(name) => Ok([name, 1 - name]),
            None if rows.iter().any(|row| files.find(&row[0]).is_some()) => Ok([0, 1]),
            None => Ok([1, 0]),
        },
        _ => {
            let expected = format!(
                "two columns, or one called {} and so on, and one called {} and so on",
                NAMES[3..6].join(", "),
                wanted.headers[..3].join(", ")
            );
            Err(Error::format(path, "row 1", expected, format!("'{}'", header.join(", "))))
        }
    }
}

/// Images by the names under which a table may list them.
struct Files<'a> {
    dir: &'a Path,
    images: &'a [PathBuf],
    by_name: HashMap<&'a OsStr, Vec<usize>>,
    by_stem: HashMap<OsString, Vec<usize>>,
}

impl<'a> Files<'a> {
    fn new(dir: &'a Path, images: &'a [PathBuf]) -> Self {
        let (mut by_name, mut by_stem) = (HashMap::new(), HashMap::new());
        for (i, path) in images.iter().enumerate() {
            let name = path.file_name().unwrap_or_default();
            by_name.entry(name).or_insert_with(Vec::new).push(i);
            by_stem.entry(path.file_stem().unwrap_or_default().to_owned()).or_insert_with(Vec::new).push(i);
        }
        Self { dir, images, by_name, by_stem }
    }

    /// The image that a table calls `name`, if it is one and no other. Folders in a relative name must be the image's;
    /// those of an absolute one may be from another machine.
    fn find(&self, name: &str) -> Option<usize> {
        let path = Path::new(name);
        let path = path.strip_prefix(".").unwrap_or(path);
        let last = path.file_name()?;
        let (named, has_ending) = match self.by_name.get(last) {
            Some(named) => (named, true),
            None if !is_image(path) => (self.by_stem.get(last)?, false),
            None => return None,
        };
        let ends_so = |image: &Path, path: &Path| {
            if has_ending { image.ends_with(path) } else { image.with_extension("").ends_with(path) }
        };
        let of = |path: &Path| {
            let mut fitting = named.iter().copied().filter(|&i| ends_so(&self.images[i], path));
            fitting.next().filter(|_| fitting.next().is_none())
        };
        of(&self.dir.join(path))
            .or_else(|| of(path))
            .or_else(|| of(Path::new(last)).filter(|_| path.is_absolute()))
    }
}
