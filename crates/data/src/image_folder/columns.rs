//! Which columns of a table hold the names of images, what it says of them, and the part that they belong to.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use super::matching::{Files, Found};
use super::names::{Part, part_of};
use super::rows::{Rows, is_annotations};
use crate::folder_tree::is_image;
use crate::missing::is_missing;
use crate::summary::Oddity;
use crate::{Error, Result};

/// What is looked for in a table of images.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    /// What it is called in messages.
    pub(crate) what: &'static str,
    /// Its usual headers.
    pub(crate) headers: &'static [&'static str],
    /// The header of its column; one of the usual ones if `None`.
    pub(crate) column: Option<&'a str>,
    /// The header of the column with the names of images; one of the usual ones if `None`.
    pub(crate) names: Option<&'a str>,
    /// Whether `NA`, `None` and the like are values like any other.
    pub(crate) keep_na: bool,
    /// Whether folders count, whatever tables say.
    pub(crate) by_folders: bool,
}

/// The classes of images.
pub(crate) const LABELS: Wanted<'static> = Wanted::of(
    "label",
    &[
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
);
/// Headers that are of classes where none of the above is there.
const OTHER_LABELS: [&str; 6] = ["dx", "diagnosis", "labelname", "classlabel", "imagelabel", "choice"];
/// The groups of images.
pub(super) const GROUPS: Wanted<'static> = Wanted::of(
    "group",
    &[
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
        "lesion",
        "lesionid",
    ],
);
/// The parts of a data set that images belong to.
pub(super) const PARTS: Wanted<'static> = Wanted::of(
    "part",
    &[
        "split",
        "datasplit",
        "splitname",
        "subset",
        "partition",
        "istrain",
        "istraining",
        "istest",
        "isval",
        "isvalid",
        "isvalidation",
        "set",
        "dataset",
        "imageset",
        "part",
        "phase",
        "usage",
    ],
);
/// The first of these headers are of parts and nothing else.
const CLEAR: usize = 11;
/// Below the first of them, 0, 1 and 2 stand for training, validation and test images, as in CelebA and WILDS.
const CODED: usize = 5;

impl Wanted<'_> {
    const fn of(what: &'static str, headers: &'static [&'static str]) -> Self {
        Self { what, headers, column: None, names: None, keep_na: false, by_folders: false }
    }

    /// Whether a column under this header holds it.
    pub(super) fn knows(&self, header: &str) -> bool {
        self.headers.contains(&plain(header).as_str())
    }

    /// The columns that a table must have, in words.
    fn expected(&self) -> String {
        let (names, values) = (NAMES[3..6].join(", "), self.headers[..3].join(", "));
        format!("two columns, or one called {names} and so on, and one called {values} and so on")
    }

    /// Whether a table may say more of the images: their parts, or their classes in a column each.
    fn has_parts(&self) -> bool {
        self.what == LABELS.what
    }
}

/// Headers of columns with names of images, the likeliest first. Headers are in lower case and with letters only.
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

/// Columns of a table.
pub(super) struct Columns {
    pub(super) name: usize,
    pub(super) value: Value,
    /// The column of parts, if it names any.
    pub(super) part: Option<usize>,
    /// Whether headers tell which column is which, so that they cannot be of anything else.
    pub(super) is_sure: bool,
}

pub(super) enum Value {
    Column(usize),
    /// A column for each class, with 1 in the one that an image belongs to.
    OneHot(Vec<usize>),
}

impl Columns {
    /// The columns of `rows`, the first row of which may be headers; and what was noticed.
    pub(super) fn of(
        path: &Path,
        rows: &Rows,
        files: &Files,
        wanted: &Wanted,
        notes: &mut Vec<Oddity>,
    ) -> Result<Self> {
        let (dir, header) = (path.parent().unwrap_or(Path::new("")), rows.first().map_or(&[][..], |row| row));
        let refused = |expected: String| {
            let found = if header.is_empty() { "nothing".into() } else { format!("'{}'", header.join(", ")) };
            Error::table(path, "row 1", expected, found)
        };
        let named = |column: &str| {
            let at = header.iter().position(|text| text == column);
            at.or_else(|| {
                header.iter().position(|text| plain(text) == plain(column) && !plain(text).is_empty())
            })
            .ok_or_else(|| refused(format!("a column called {column}")))
        };
        let known = |list: &[&str]| -> Vec<usize> {
            list.iter()
                .flat_map(|&known| (0..header.len()).filter(move |&at| plain(&header[at]) == known))
                .collect()
        };
        if is_annotations(path) && header.len() > 2 {
            // Tiny ImageNet has a box behind the label.
            return Ok(Self { name: 0, value: Value::Column(1), part: None, is_sure: true });
        }
        let names_images =
            |at: usize| rows.iter().take(SAMPLE).any(|row| files.find(dir, &row[at]) != Found::None);
        let of_names = known(&NAMES);
        // A number may be that of an image or of a row. The name of a file tells more.
        let has_endings = |at: &usize| rows.iter().take(SAMPLE).any(|row| is_image(Path::new(&row[*at])));
        let likely = || {
            let all = of_names.iter().copied().chain(0..header.len()).filter(|&at| names_images(at));
            let naming: Vec<usize> = all.collect();
            naming.iter().copied().find(has_endings).or(naming.first().copied())
        };
        let name = match wanted.names {
            Some(column) => Some(named(column)?),
            None => likely().or_else(|| of_names.first().copied()),
        };
        let Some(name) = name.filter(|_| header.len() > 1) else {
            return Err(refused(wanted.expected()));
        };
        // Without headers, a column of nothing but parts says which it is: `TRAIN, a.png, cat`.
        let unnamed = (0..header.len()).find(|&at| {
            header.len() > 2
                && rows.iter().all(|row| part_of(&row[at]).is_some_and(|(_, rest)| rest.is_empty()))
        });
        let of_parts = known(PARTS.headers).into_iter().chain(unnamed).filter(|_| wanted.has_parts());
        let of_parts: Vec<usize> = of_parts.filter(|&at| at != name).collect();
        let (mut part, mut unclear) = (None, Vec::new());
        for &at in &of_parts {
            if Some(at) == wanted.column.and_then(|column| named(column).ok()) {
                continue;
            }
            let is_part = |row: &&Vec<String>| part_in(&header[at], &row[at]).is_some();
            let values = || rows.iter().skip(1).filter(|row| !is_missing(&row[at]));
            let is_clear = are_codes(&header[at], values().map(|row| row[at].as_str()));
            match values().filter(is_part).filter(|_| is_clear).count() {
                // These headers may be of something else.
                0 if !PARTS.headers[..CLEAR].contains(&plain(&header[at]).as_str()) => {}
                0 => {
                    unclear.push(at);
                    notes.extend(values().next().map(|row| Oddity::NoPart {
                        table: path.to_owned(),
                        column: header[at].clone(),
                        value: row[at].clone(),
                    }));
                }
                found if found == values().count() => part = part.or(Some(at)),
                _ => {
                    let row = rows.iter().skip(1).find(|row| !is_missing(&row[at]) && !is_part(row));
                    let expected = format!("train, test or val in the column '{}'", header[at]);
                    let value = row.map_or("", |row| &row[at]);
                    return Err(Error::table(path, "the column of parts", expected, format!("'{value}'")));
                }
            }
        }
        let is_value = |at: &usize| *at != name && part != Some(*at) && !is_coordinate(header, *at);
        let mut of_values: Vec<usize> = known(wanted.headers).into_iter().filter(is_value).collect();
        if of_values.is_empty() && wanted.has_parts() {
            of_values = known(&OTHER_LABELS).into_iter().filter(is_value).collect();
        }
        let others: Vec<usize> = (0..header.len())
            // An unnamed column numbers the rows.
            .filter(|at| {
                *at != name
                    && part != Some(*at)
                    && !unclear.contains(at)
                    && (header.len() < 3 || !header[*at].is_empty())
            })
            .filter(|&at| rows.iter().skip(1).any(|row| !row[at].is_empty()))
            .collect();
        let (value, is_sure) = match (wanted.column, &of_values[..]) {
            (Some(column), _) => (Value::Column(named(column)?), true),
            (None, [first, rest @ ..]) => {
                let is_other = |at: &&usize| plain(&header[**at]) != "y" && !agree(rows, *first, **at);
                if let Some(other) = rest.iter().find(is_other) {
                    let actual = format!(
                        "'{}' and '{}', which divide the images differently. Say which column counts (--label-column)",
                        header[*first], header[*other]
                    );
                    return Err(Error::table(
                        path,
                        "row 1",
                        format!("one column of {}s", wanted.what),
                        actual,
                    ));
                }
                (Value::Column(*first), of_names.contains(&name) || names_images(name))
            }
            (None, []) => match others[..] {
                [only] => (Value::Column(only), false),
                _ if wanted.has_parts() && is_one_hot(rows, &others) => (Value::OneHot(others), true),
                _ => {
                    let one_hot = if wanted.has_parts() { ", or one of 0 and 1 per class" } else { "" };
                    let which =
                        if wanted.has_parts() { ". Say which (--label-column, --image-column)" } else { "" };
                    return Err(refused(format!("{}{one_hot}{which}", wanted.expected())));
                }
            },
        };
        let of_groups = known(GROUPS.headers).into_iter().filter(|_| wanted.has_parts());
        notes.extend(
            of_groups
                .take(1)
                .filter(|&at| at != name && !matches!(value, Value::Column(label) if label == at))
                .map(|at| Oddity::Grouped { table: path.to_owned(), column: header[at].clone() }),
        );
        Ok(Self { name, value, part, is_sure })
    }
}

/// Rows in which names of images are looked for.
const SAMPLE: usize = 100;

fn plain(text: &str) -> String {
    text.to_lowercase().replace(|c: char| !c.is_alphanumeric(), "")
}

/// Whether the column is the vertical place of something: `y` behind `x`, or in a list such as `[x,y]`.
fn is_coordinate(header: &[String], at: usize) -> bool {
    let is = |text: &str, letter: &str| text.trim().eq_ignore_ascii_case(letter);
    plain(&header[at]) == "y" && (!is(&header[at], "y") || header.iter().any(|other| is(other, "x")))
}

/// Whether the numbers in a column are clear: 0, 1 and 2 say which parts they stand for, 0 and 1 alone do not.
pub(super) fn are_codes<'a>(header: &str, fields: impl Iterator<Item = &'a str>) -> bool {
    if !PARTS.headers[..CODED].contains(&plain(header).as_str()) {
        return true;
    }
    let found: BTreeSet<&str> = fields.collect();
    found.iter().all(|field| field.parse::<f64>().is_err()) || found == BTreeSet::from(["0", "1", "2"])
}

/// Whether two columns divide the rows in the same way, so that either may name the classes.
fn agree(rows: &Rows, one: usize, other: usize) -> bool {
    let (mut there, mut back) = (HashMap::new(), HashMap::new());
    rows.iter().skip(1).all(|row| {
        let (a, b) = (&row[one], &row[other]);
        *there.entry(a).or_insert(b) == b && *back.entry(b).or_insert(a) == a
    })
}

/// Whether two or more columns hold nothing but 0 and 1.
fn is_one_hot(rows: &Rows, columns: &[usize]) -> bool {
    let is_bit = |row: &Vec<String>| columns.iter().all(|&at| bit(&row[at]).is_some());
    columns.len() > 1 && rows.len() > 1 && rows.iter().skip(1).all(is_bit)
}

/// A field that is 0 or 1, also as `1.0`, or false or true, as pandas writes them.
pub(super) fn bit(field: &str) -> Option<bool> {
    match field.parse::<f64>() {
        Err(_) if field.eq_ignore_ascii_case("true") => Some(true),
        Err(_) if field.eq_ignore_ascii_case("false") => Some(false),
        Ok(0.0) => Some(false),
        Ok(1.0) => Some(true),
        _ => None,
    }
}

/// The part that a `field` below a `header` such as `split` or `is_valid` stands for.
pub(super) fn part_in(header: &str, field: &str) -> Option<Part> {
    let yes = match field.to_lowercase().as_str() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => bit(field),
    };
    match (plain(header).strip_prefix("is").and_then(part_of), yes) {
        (Some((Part::Train, _)), Some(true)) => Some(Part::Train),
        (Some((Part::Train, _)), Some(false)) => Some(Part::Test),
        (Some((part, _)), Some(true)) => Some(part),
        (Some(_), Some(false)) => Some(Part::Train),
        (Some(_), None) => None,
        (None, _) => match plain(field).as_str() {
            code @ ("0" | "1" | "2") if PARTS.headers[..CODED].contains(&plain(header).as_str()) => {
                match code {
                    "0" => Some(Part::Train),
                    "1" => Some(Part::Validation),
                    _ => Some(Part::Test),
                }
            }
            "dev" | "development" => Some(Part::Validation),
            "eval" | "evaluation" | "holdout" => Some(Part::Test),
            _ => part_of(field).filter(|(_, rest)| rest.is_empty()).map(|(part, _)| part),
        },
    }
}
