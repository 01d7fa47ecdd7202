//! Tables that say something of images: their classes, groups or parts.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::columns::{Columns, Value, Wanted, bit, part_in};
use super::matching::{Files, Found};
use super::names::{Part, part_of, text_of};
use super::rows::{self, Rows};
use crate::missing::is_missing;
use crate::summary::Oddity;
use crate::{Error, Result};

/// What a table says about the images that were found.
pub(super) struct Table {
    pub(super) path: PathBuf,
    /// The images' positions in the list that was given, with what is said of them; each once, sorted.
    pub(super) values: Vec<(usize, Said)>,
    /// Names in the table that no image has, or of which nothing is said.
    pub(super) unknown: Vec<String>,
    /// Whether headers tell what the columns are.
    pub(super) is_sure: bool,
    /// The column that says which part an image belongs to.
    pub(super) part: Option<String>,
    /// What a user should know of how it was read.
    pub(super) notes: Vec<Oddity>,
}

/// What a table says of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) value: String,
    pub(super) part: Option<Part>,
}

impl Table {
    /// Reads the table `path`, whose names are those of the images in `files`: paths relative to the table's folder, or ends of paths, or
    /// names of files, with or without their ending.
    ///
    /// # Errors
    /// [`Error::Missing`] or [`Error::Io`] if it cannot be read; [`Error::Table`] if it is not such a table, names an image
    /// twice and says different things of it, or names none of the images.
    pub(super) fn read(path: &Path, files: &Files, wanted: &Wanted) -> Result<Self> {
        Self::of(path, &rows::rows(path)?, files, wanted)
    }

    /// As [`read`](Self::read), for `rows` read from `path`.
    pub(super) fn of(path: &Path, rows: &Rows, files: &Files, wanted: &Wanted) -> Result<Self> {
        let (dir, images) = (path.parent().unwrap_or(Path::new("")), files.images);
        let mut notes = Vec::new();
        let columns = Columns::of(path, rows, files, wanted, &mut notes)?;
        let mut values: HashMap<usize, (usize, Said)> = HashMap::new();
        let (mut unknown, mut missing, mut loose) = (Vec::new(), Vec::new(), Vec::new());
        // Without known headers, a first row that names no image is taken for headers too.
        let has_header = rows.first().is_some_and(|row| files.find(dir, &row[columns.name]) == Found::None);
        let header = rows.first().map_or(&[][..], |row| row);
        for (number, row) in (1..).zip(rows).skip(usize::from(has_header)) {
            let refused = |expected: String, actual: String| {
                Err(Error::table(path, format!("row {number}"), expected, actual))
            };
            let name = &row[columns.name];
            let image = match files.find(dir, name) {
                Found::Image(image) => image,
                Found::Loosely(image) => {
                    loose.push((name.clone(), image));
                    image
                }
                Found::None => {
                    unknown.push(name.clone());
                    continue;
                }
                // Kaggle's `train.csv` means the first of `train/1.png` and `test/1.png`.
                Found::Several(several) => {
                    match several.iter().filter(|&&image| is_of(path, &images[image])).collect::<Vec<_>>()[..]
                    {
                        [only] => *only,
                        _ if several
                            .windows(2)
                            .all(|two| images[two[0]].file_name() == images[two[1]].file_name()) =>
                        {
                            unknown.push(name.clone());
                            continue;
                        }
                        _ => {
                            let [one, other] = [0, 1].map(|i| images[several[i]].display().to_string());
                            return refused(
                                "the name of one image".into(),
                                format!("'{name}', which may be {one} or {other}"),
                            );
                        }
                    }
                }
            };
            let value = match &columns.value {
                Value::Column(at) => row[*at].clone(),
                Value::OneHot(classes) => {
                    let set: Vec<&str> = classes
                        .iter()
                        .filter(|&&at| bit(&row[at]) == Some(true))
                        .map(|&at| header[at].as_str())
                        .collect();
                    let [only] = set[..] else {
                        let actual = format!(
                            "{}{}",
                            set.len(),
                            if set.is_empty() { String::new() } else { format!(" ({})", set.join(", ")) }
                        );
                        return refused(
                            format!("one class with 1 for '{name}', as each image has one class"),
                            actual,
                        );
                    };
                    only.to_owned()
                }
            };
            if value.is_empty() {
                unknown.push(name.clone());
                continue;
            }
            if is_missing(&value) && !wanted.keep_na {
                missing.push((name.clone(), value));
                continue;
            }
            let part = columns.part.and_then(|at| part_in(&header[at], &row[at]));
            if columns.part.is_some() && part.is_none() {
                unknown.push(name.clone());
                continue;
            }
            let said = Said { value, part };
            let (first, given) = values.entry(image).or_insert((number, said.clone()));
            if *given != said {
                let (what, value) = (wanted.what, &given.value);
                if *value == said.value {
                    return refused(format!("the part of row {first} for '{name}'"), "another".into());
                }
                return refused(
                    format!("the {what} of row {first}, '{value}', for '{name}'"),
                    format!("'{}'", said.value),
                );
            }
        }
        if values.is_empty() && missing.is_empty() {
            let example = rows.get(usize::from(has_header)).map_or("", |row| &row[columns.name]);
            let expected = format!("names of the images in {} and below", dir.display());
            return Err(Error::table(
                path,
                "the column of names",
                expected,
                format!("'{example}' and the like"),
            ));
        }
        let table = path.to_owned();
        if let Some((name, image)) = loose.first() {
            let example = (name.clone(), images[*image].clone());
            notes.push(Oddity::Matched { table: table.clone(), names: loose.len(), example });
        }
        if !missing.is_empty() {
            notes.push(Oddity::NoLabel { table: table.clone(), names: missing });
        }
        let mut values: Vec<(usize, Said)> =
            values.into_iter().map(|(image, (_, said))| (image, said)).collect();
        values.sort_unstable_by_key(|(image, _)| *image);
        whole_numbers(&mut values);
        let part = columns.part.map(|at| header[at].clone());
        Ok(Self { path: table, values, unknown, is_sure: columns.is_sure, part, notes })
    }
}

/// Whether the image is in a folder of the part that the table is called after.
fn is_of(table: &Path, image: &Path) -> bool {
    let part = |path: &Path| Some(part_of(&text_of(path.file_stem()?))?.0);
    part(table).is_some_and(|wanted| image.ancestors().skip(1).any(|folder| part(folder) == Some(wanted)))
}

/// Where all values are numbers, `1.0` is 1: one class and not two.
fn whole_numbers(values: &mut [(usize, Said)]) {
    let is_number = |said: &Said| said.value.parse::<f64>().is_ok_and(f64::is_finite);
    if values.iter().all(|(_, said)| is_number(said)) {
        for (_, said) in values {
            if let Some((whole, rest)) = said.value.split_once('.')
                && rest.bytes().all(|byte| byte == b'0')
                && !whole.is_empty()
            {
                said.value = whole.to_owned();
            }
        }
    }
}
