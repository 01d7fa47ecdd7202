//! Images with classes or parts that tables name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::arranged::{Arrangement, ByClass};
use super::columns::{LABELS, PARTS, Wanted, are_codes, part_in};
use super::matching::Files;
use super::names::{Part, part_of, text_of};
use super::rows::{self, CUB_SPLIT, is_table};
use super::table::{Said, Table};
use crate::folder_tree::Folder;
use crate::summary::Oddity;
use crate::{Error, Result};

/// What tables say of the images in a folder.
pub(super) struct Listing {
    images: Vec<PathBuf>,
    /// What is said of the images, by their positions, and by which table.
    said: BTreeMap<usize, (Said, usize)>,
    tables: Vec<Table>,
}

impl Listing {
    /// What `given` says of the images in `dir`, or without it the tables in `dir`, in the folders in it, and in those `above`.
    /// `None` if there is no table of them.
    ///
    /// # Errors
    /// Those of reading the table `given`; [`Error::Table`] if two tables disagree.
    pub(super) fn of(
        dir: &Folder,
        above: &[&Folder],
        given: Option<&Path>,
        wanted: &Wanted,
    ) -> Result<Option<Self>> {
        let (images, _) = dir.all_files();
        let files = Files::new(&images);
        let tables = match given {
            Some(path) => vec![Table::read(path, &files, wanted)?],
            // A file that cannot be read as such a table is something else, and is left alone.
            None => paths(dir, above).filter_map(|path| Table::read(path, &files, wanted).ok()).collect(),
        };
        let mut said: BTreeMap<usize, (Said, usize)> = BTreeMap::new();
        for (number, table) in tables.iter().enumerate() {
            for (image, here) in &table.values {
                let (there, first) = said.entry(*image).or_insert((here.clone(), number));
                if there.value != here.value {
                    let expected = format!(
                        "'{}' for {}, as in {}. Say which table counts (--labels)",
                        there.value,
                        images[*image].display(),
                        tables[*first].path.display()
                    );
                    return Err(Error::table(&table.path, "labels", expected, format!("'{}'", here.value)));
                }
                there.part = there.part.or(here.part);
            }
        }
        Ok((!said.is_empty()).then_some(Self { images, said, tables }))
    }

    /// The images by class, in the parts that a column names; or else the folders of the images, or else the tables' own names.
    pub(super) fn arrange(self, dir: &Folder) -> Result<Arrangement> {
        let mut arrangement = Arrangement::default();
        for table in &self.tables {
            arrangement.oddities.push(Oddity::Labels(table.path.clone()));
            arrangement.oddities.extend(table.notes.iter().cloned());
            if !table.unknown.is_empty() {
                let (table, names) = (table.path.clone(), table.unknown.clone());
                arrangement.oddities.push(Oddity::NoImage { table, names });
            }
        }
        let labels: BTreeSet<&String> = self.said.values().map(|(said, _)| &said.value).collect();
        if labels.len() == self.said.len() && labels.len() >= OWN_LABELS {
            let path = &self.tables[0].path;
            let expected = "classes with several images each; say which column holds them (--label-column)";
            return Err(Error::table(
                path,
                "labels",
                expected,
                format!("another one for each of {} images", labels.len()),
            ));
        }
        let mut parts: BTreeMap<Option<Part>, ByClass> = BTreeMap::new();
        for (image, (said, table)) in &self.said {
            let image = &self.images[*image];
            let table = &self.tables[*table].path;
            let part = said.part.or_else(|| part_of_image(dir, image)).or_else(|| part_of_path(table));
            parts.entry(part).or_default().entry(said.value.clone()).or_default().push(image.clone());
        }
        let by_column = self.tables.iter().find_map(|table| Some((&table.path, table.part.clone()?)));
        arrangement.take(parts, by_column.map(|(path, column)| (path.clone(), Some(column))));
        arrangement.tables = self.tables.into_iter().map(|table| table.path).collect();
        Ok(arrangement)
    }

    /// The labels of the images of each class in `classes`.
    pub(super) fn labels<'a>(&'a self, classes: &'a ByClass) -> BTreeMap<&'a str, BTreeMap<&'a str, usize>> {
        let of_path: BTreeMap<&Path, &str> = self
            .said
            .iter()
            .map(|(image, (said, _))| (self.images[*image].as_path(), said.value.as_str()))
            .collect();
        let count = |files: &'a Vec<PathBuf>| {
            let mut counts = BTreeMap::new();
            for label in files.iter().filter_map(|file| of_path.get(file.as_path())) {
                *counts.entry(*label).or_insert(0) += 1;
            }
            counts
        };
        classes.iter().map(|(class, files)| (class.as_str(), count(files))).collect()
    }

    /// Whether headers tell what the columns are.
    pub(super) fn is_sure(&self) -> bool {
        self.tables.iter().all(|table| table.is_sure)
    }

    /// The first of the tables.
    pub(super) fn first(&self) -> &Path {
        &self.tables[0].path
    }

    /// The tables' paths, for a message.
    pub(super) fn shown(&self) -> String {
        self.tables.iter().map(|table| table.path.display().to_string()).collect::<Vec<_>>().join(", ")
    }
}

/// As many images, each with a label of its own, are not classes but names or measurements.
const OWN_LABELS: usize = 10;

/// The tables that may say something of the images in `dir`.
pub(super) fn paths<'a>(dir: &'a Folder, above: &[&'a Folder]) -> impl Iterator<Item = &'a PathBuf> {
    let near: Vec<&Folder> = above.iter().copied().chain([dir]).collect();
    let files =
        near.into_iter().flat_map(|folder| folder.others().chain(folder.folders().flat_map(Folder::others)));
    let distinct: BTreeSet<&PathBuf> = files.filter(|path| is_table(path)).collect();
    distinct.into_iter()
}

/// Divides images that no folder divides as files below `root` say: `train_test_split.txt` of CUB-200, tables of names and
/// parts, or lists of names such as `train.txt` and `test.txt`. The first of these that names training and other images counts.
pub(crate) fn divide_as_listed(root: &Folder, arrangement: &mut Arrangement) {
    let images: Vec<PathBuf> = arrangement.train.values().flatten().cloned().collect();
    let files = Files::new(&images);
    let (_, others) = root.all_files();
    let unread = || others.iter().filter(|path| !arrangement.tables.contains(path));
    let cub =
        unread().filter(|path| path.file_name().is_some_and(|name| name == CUB_SPLIT)).find_map(|path| {
            let table = Table::of(path, &rows::cub_split(path).ok()?, &files, &PARTS).ok()?;
            Some((vec![path.clone()], parts_of(&table, "is_train")))
        });
    let tables = || {
        unread().filter(|path| is_table(path)).find_map(|path| {
            let rows = rows::rows(path).ok()?;
            let table = Table::of(path, &rows, &files, &PARTS).ok().filter(|table| table.is_sure)?;
            let header = rows[0].iter().find(|header| PARTS.knows(header))?;
            let fields = table.values.iter().map(|(_, said)| said.value.as_str());
            are_codes(header, fields).then(|| (vec![path.clone()], parts_of(&table, header)))
        })
    };
    let lists = || {
        let mut found: (Vec<PathBuf>, BTreeMap<usize, BTreeSet<Part>>) = Default::default();
        for path in unread().filter(|path| is_table(path)) {
            let Some(part) = part_of_path(path) else { continue };
            let Ok(rows) = rows::rows(path) else { continue };
            // Names alone get a second field.
            let alone = || rows.iter().map(|row| vec![row[0].clone(), "listed".to_owned()]).collect();
            let table = Table::of(path, &rows, &files, &LABELS);
            let Ok(table) = table.or_else(|_| Table::of(path, &alone(), &files, &LABELS)) else { continue };
            found.0.push(path.clone());
            for (image, _) in table.values {
                found.1.entry(image).or_default().insert(part);
            }
        }
        found
    };
    let divides = |(_, parts): &(Vec<PathBuf>, BTreeMap<usize, Part>)| {
        parts.values().any(|part| *part == Part::Train) && parts.values().any(|part| *part != Part::Train)
    };
    let mut found = cub.filter(|found| divides(found)).or_else(|| tables().filter(|found| divides(found)));
    if found.is_none() {
        let (paths, parts) = lists();
        match one_each(parts) {
            Some(parts) => found = Some((paths, parts)).filter(|found| divides(found)),
            None => arrangement.oddities.push(Oddity::Contradicting(paths)),
        }
    }
    let Some((paths, parts)) = found else { return };
    let part_of: BTreeMap<&Path, Part> =
        parts.iter().map(|(image, part)| (images[*image].as_path(), *part)).collect();
    let mut divided: BTreeMap<Option<Part>, ByClass> = BTreeMap::new();
    for (class, files) in &arrangement.train {
        for file in files {
            if let Some(part) = part_of.get(file.as_path()) {
                divided.entry(Some(*part)).or_default().entry(class.clone()).or_default().push(file.clone());
            }
        }
    }
    arrangement.take(divided, Some((paths[0].clone(), None)));
    arrangement.tables.extend(paths);
}

/// The part of each image by the lists that have it; `None` if one is listed for training and for testing. `trainval.txt` and
/// `val.txt` have the same validation images, which are for training where there are test images.
fn one_each(parts: BTreeMap<usize, BTreeSet<Part>>) -> Option<BTreeMap<usize, Part>> {
    let has_test = parts.values().any(|parts| parts.contains(&Part::Test));
    let one = |parts: &BTreeSet<Part>| match (parts.first(), parts.last(), has_test) {
        (Some(one), Some(other), _) if one == other => Some(*one),
        (Some(Part::Train), Some(Part::Validation), _) if parts.contains(&Part::Test) => None,
        (Some(Part::Train), Some(Part::Validation), true) => Some(Part::Train),
        (Some(Part::Train), Some(Part::Validation), false) => Some(Part::Validation),
        _ => None,
    };
    parts.iter().map(|(image, parts)| Some((*image, one(parts)?))).collect()
}

/// The parts of the images by a table's column called `header`.
fn parts_of(table: &Table, header: &str) -> BTreeMap<usize, Part> {
    table.values.iter().filter_map(|(image, said)| Some((*image, part_in(header, &said.value)?))).collect()
}

/// The part whose folder in `dir` holds the image.
fn part_of_image(dir: &Folder, image: &Path) -> Option<Part> {
    let inner = image.strip_prefix(&dir.path).ok()?;
    part_of(&text_of(inner.iter().next()?)).map(|(part, _)| part).filter(|_| inner.iter().count() > 1)
}

fn part_of_path(path: &Path) -> Option<Part> {
    part_of(&text_of(path.file_stem()?)).map(|(part, _)| part)
}
