//! How the images in a folder are arranged: in folders of classes, in parts with folders of classes, or by a table.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::names::{self, Part, part_of, text_of};
use super::table::{LABELS, Table, is_table};
use crate::folder_tree::Folder;
use crate::layout::Layout;
use crate::summary::Oddity;
use crate::{Error, Result};

/// Files by the names of their classes.
pub(super) type ByClass = BTreeMap<String, Vec<PathBuf>>;

/// Images with their classes, as they lie in a folder.
#[derive(Default)]
pub(crate) struct Arrangement {
    pub(super) train: ByClass,
    /// Absent if nothing is set aside for testing.
    pub(super) test: Option<ByClass>,
    /// Folders among those of classes that have no images.
    pub(super) empty: Vec<PathBuf>,
    /// Tables that were read.
    pub(super) tables: Vec<PathBuf>,
    pub(crate) oddities: Vec<Oddity>,
}

/// The images in `dir`, if there are classes in it; `None` if it has folders in which there may be some, and nothing else.
///
/// # Errors
/// [`Error::Layout`] for images that cannot be told to be of two or more classes.
pub(crate) fn arrangement(dir: &Folder) -> Result<Option<Arrangement>> {
    if let Some(parts) = Parts::of(dir)? {
        let train = Classes::below(parts.train)?;
        if !train.files.is_empty() {
            return parts.arrange(dir, train).map(Some);
        }
        if let Some(listed) = listed(dir, None)? {
            return Ok(Some(listed));
        }
        if !is_class_called_train(dir, &parts) {
            let actual =
                format!("{} images without folders of classes in {}", count(parts.train), shown(parts.train));
            return Err(layout(dir, EXPECTED, actual));
        }
    }
    let (classes, groups) = kinds(dir);
    if classes.is_empty() && !groups.is_empty() {
        return Ok(None);
    }
    let unlikely = |class: &&&Folder| part_of(&name(class)).is_some_and(|(_, rest)| rest.is_empty());
    let containers = classes.iter().filter(|class| names::is_container(&name(class))).count();
    if classes.len() < 2 || containers > 0 {
        if let Some(listed) = listed(dir, None)? {
            return Ok(Some(listed));
        }
        let images = dir.images().count();
        return match classes[..] {
            _ if !groups.is_empty() => Classes::of(dir).map(|_| None),
            [] if images == 0 => Ok(None),
            // Classes further down, with some picture beside them.
            [only] if only.folders().filter(|folder| folder.has_images()).count() > 1 => Ok(None),
            [] => {
                let actual = format!("{images} images and no folders with images{}", unusable_table(dir));
                Err(layout(dir, EXPECTED, actual))
            }
            _ => {
                let table = unusable_table(dir);
                let actual = format!("images in {}, not sorted into classes{table}", list(&classes));
                Err(layout(dir, EXPECTED, actual))
            }
        };
    }
    let mut oddities = Vec::new();
    if let Some(part) = classes.iter().find(unlikely) {
        if classes.len() < 3 || classes.iter().filter(unlikely).count() > 1 || name(part) != "train" {
            let others: Vec<&Folder> = classes.iter().copied().filter(|class| !unlikely(&class)).collect();
            let actual = format!(
                "{}, named like a part of a data set and without folders of classes{}{}",
                shown(part),
                if others.is_empty() { "" } else { ", beside " },
                list(&others)
            );
            return Err(layout(dir, EXPECTED, actual));
        }
        oddities.push(Oddity::ClassLikePart(part.path.clone()));
    }
    let Classes { files, empty } = Classes::of(dir)?;
    Ok(Some(Arrangement { train: files, empty, oddities, ..Arrangement::default() }))
}

/// The images in `dir` that tables name: `given`, or those in `dir` and in the folders in it. `None` if no table does.
///
/// # Errors
/// Those of reading the table `given`; [`Error::Format`] if two tables disagree.
pub(crate) fn listed(dir: &Folder, given: Option<&Path>) -> Result<Option<Arrangement>> {
    let (images, _) = dir.all_files();
    let tables = match given {
        Some(path) => vec![Table::read(path, &images, &LABELS)?],
        None => {
            let files = dir.others().chain(dir.folders().flat_map(Folder::others));
            // Whatever is no such table is another file.
            files
                .filter(|path| may_label(path))
                .filter_map(|path| Table::read(path, &images, &LABELS).ok())
                .collect()
        }
    };
    let mut labels: BTreeMap<usize, (&Table, &String)> = BTreeMap::new();
    for table in &tables {
        for (image, label) in &table.labels {
            let (first, given) = labels.entry(*image).or_insert((table, label));
            if *given != label {
                let expected =
                    format!("'{given}' for {}, as in {}", images[*image].display(), first.path.display());
                return Err(Error::format(&table.path, "labels", expected, format!("'{label}'")));
            }
        }
    }
    let mut parts: BTreeMap<Option<Part>, ByClass> = BTreeMap::new();
    for (image, (table, label)) in labels {
        let image = &images[image];
        let part = part_of_image(dir, image).or_else(|| part_of_path(&table.path));
        parts.entry(part).or_default().entry(label.clone()).or_default().push(image.clone());
    }
    let mut take = |part| parts.remove(&part);
    let (train, test, validation) =
        (take(Some(Part::Train)), take(Some(Part::Test)), take(Some(Part::Validation)));
    let (train, test) = match (train.or_else(|| take(None)), test.or(validation)) {
        (Some(train), test) => (train, test),
        (None, Some(all)) => (all, None),
        (None, None) => return Ok(None),
    };
    let mut oddities = Vec::new();
    for table in &tables {
        oddities.push(Oddity::Labels(table.path.clone()));
        if !table.unknown.is_empty() {
            oddities.push(Oddity::NoImage { table: table.path.clone(), names: table.unknown.clone() });
        }
    }
    let tables = tables.into_iter().map(|table| table.path).collect();
    Ok(Some(Arrangement { train, test, tables, oddities, ..Arrangement::default() }))
}

const EXPECTED: &str = "two or more folders of images, one per class, possibly in train and test; or images and one table \
                        (CSV) of their names and labels";

/// The folders of a training set and of what is set aside.
struct Parts<'a> {
    train: &'a Folder,
    /// A test set, then a validation set.
    held_out: Vec<&'a Folder>,
}

impl<'a> Parts<'a> {
    /// The folders in `dir` with images and names like those of parts: `train` and `test`, in any case and with what often
    /// stands beside, or with anything else in common, as in `seg_train` and `seg_test`.
    fn of(dir: &'a Folder) -> Result<Option<Self>> {
        let mut groups: BTreeMap<String, Vec<(Part, &Folder)>> = BTreeMap::new();
        for folder in dir.folders().filter(|folder| folder.has_images()) {
            if let Some((part, rest)) = part_of(&name(folder)) {
                groups.entry(rest).or_default().push((part, folder));
            }
        }
        let is_train = |(part, _): &(Part, &Folder)| *part == Part::Train;
        groups.retain(|rest, group| {
            group.iter().any(is_train) && (rest.is_empty() || !group.iter().all(is_train))
        });
        let group = match groups.len() {
            0 => return Ok(None),
            1 => groups.into_values().next().unwrap_or_default(),
            _ => match groups.remove("") {
                Some(group) => group,
                None => {
                    let all: Vec<&Folder> =
                        groups.into_values().flatten().map(|(_, folder)| folder).collect();
                    return Err(layout(dir, "one training set", list(&all)));
                }
            },
        };
        let one = |part: Part| {
            let all: Vec<&Folder> =
                group.iter().filter(|(p, _)| *p == part).map(|(_, folder)| *folder).collect();
            match all[..] {
                [] => Ok(None),
                [one] => Ok(Some(one)),
                _ => Err(layout(dir, "one training, one test and one validation set", list(&all))),
            }
        };
        let held_out = [one(Part::Test)?, one(Part::Validation)?].into_iter().flatten().collect();
        Ok(one(Part::Train)?.map(|train| Self { train, held_out }))
    }

    /// The training classes with the first part set aside that has images of them.
    fn arrange(&self, dir: &Folder, train: Classes) -> Result<Arrangement> {
        let mut arrangement =
            Arrangement { train: train.files, empty: train.empty, ..Arrangement::default() };
        let of_training = known_classes(&arrangement);
        let knows = |test: &ByClass| test.keys().any(|class| of_training.contains(class));
        let mut strange: Option<ByClass> = None;
        for (i, &part) in self.held_out.iter().enumerate() {
            let classes = Classes::below(part)?;
            let (test, tables) = if knows(&classes.files) || !classes.files.is_empty() && !has_tables(part) {
                (classes.files, Vec::new())
            } else {
                listed_in(part, dir)?
            };
            if knows(&test) {
                if i > 0 {
                    arrangement.oddities.push(Oddity::Test(part.path.clone()));
                }
                arrangement.oddities.extend(tables.iter().cloned().map(Oddity::Labels));
                arrangement.test = Some(test);
                arrangement.tables = tables;
                arrangement.empty.extend(classes.empty);
                return Ok(arrangement);
            }
            if !test.is_empty() {
                strange.get_or_insert(test);
            }
        }
        if strange.is_some() {
            // That no class is common is said with both lists.
            arrangement.test = strange;
            return Ok(arrangement);
        }
        let expected =
            "a folder test (or val, valid, validation) beside train, with the same folders of classes";
        let divide = format!("Name {} to have it divided", self.train.path.display());
        match self.held_out.first() {
            Some(part) => {
                let actual = format!("{} images without classes in {}. {divide}", count(part), shown(part));
                Err(layout(dir, expected, actual))
            }
            None => {
                let others: Vec<&Folder> =
                    dir.folders().filter(|f| f.has_images() && f.path != self.train.path).collect();
                if others.is_empty() {
                    arrangement.oddities.push(Oddity::FoundIn(self.train.path.clone()));
                    return Ok(arrangement);
                }
                Err(layout(
                    dir,
                    expected,
                    format!("{} beside {}. {divide}", list(&others), shown(self.train)),
                ))
            }
        }
    }
}

/// Names of classes that a training set has, with or without images.
pub(super) fn known_classes(arrangement: &Arrangement) -> BTreeSet<String> {
    let empty = arrangement.empty.iter().map(|path| text_of(path.file_name().unwrap_or_default()));
    arrangement.train.keys().cloned().chain(empty).collect()
}

/// Classes as folders.
struct Classes {
    files: ByClass,
    empty: Vec<PathBuf>,
}

impl Classes {
    /// The classes in `dir`, or in the only folder with images in it, and so on.
    fn below(dir: &Folder) -> Result<Self> {
        match kinds(dir) {
            (classes, groups) if classes.is_empty() && groups.len() == 1 => Self::below(groups[0]),
            _ => Self::of(dir),
        }
    }

    /// The folders in `dir` as classes, each with all images below it.
    fn of(dir: &Folder) -> Result<Self> {
        let (classes, groups) = kinds(dir);
        if !groups.is_empty() {
            let inner = groups.iter().flat_map(|group| group.folders()).collect::<Vec<_>>();
            let beside =
                if classes.is_empty() { String::new() } else { format!(" beside {}", list(&classes)) };
            let actual = format!("only folders ({}) in {}{beside}", list(&inner), list(&groups));
            return Err(layout(dir, "folders of images, one per class", actual));
        }
        let mut files = ByClass::new();
        for class in classes {
            let name = name(class);
            if files.insert(name.clone(), class.all_files().0).is_some() {
                return Err(layout(dir, "a name of its own for each class", format!("'{name}' twice")));
            }
        }
        let empty = dir.folders().filter(|folder| !folder.has_images()).map(|folder| folder.path.clone());
        Ok(Self { files, empty: empty.collect() })
    }
}

/// The folders in `dir` with images: those that may be classes, and those that hold only folders of images.
fn kinds(dir: &Folder) -> (Vec<&Folder>, Vec<&Folder>) {
    dir.folders().filter(|folder| folder.has_images()).partition(|folder| may_be_class(folder))
}

/// Whether a folder has images, or nothing but one folder that has, as Tiny ImageNet's `n01443537/images`; and is no
/// data set itself.
fn may_be_class(folder: &Folder) -> bool {
    if folder.images().next().is_some() {
        return Layout::of_files(&folder.path).is_none() && !matches!(Parts::of(folder), Ok(Some(_)));
    }
    let mut inner = folder.folders().filter(|inner| inner.has_images());
    match (inner.next(), inner.next()) {
        (Some(only), None) => part_of(&name(only)).is_none() && may_be_class(only),
        _ => false,
    }
}

/// A vehicle among others: the folder `train` without folders of classes beside two or more that are named otherwise.
fn is_class_called_train(dir: &Folder, parts: &Parts) -> bool {
    parts.held_out.is_empty() && kinds(dir).0.len() > 2
}

/// Whether a file may be a table of labels: not one of predictions to hand in, as competitions have them.
fn may_label(path: &Path) -> bool {
    is_table(path) && !text_of(path.file_name().unwrap_or_default()).to_lowercase().contains("submission")
}

/// Why the first table in `dir` is of no use, for the end of a message.
fn unusable_table(dir: &Folder) -> String {
    let images = dir.all_files().0;
    let first =
        dir.others().find(|path| may_label(path)).and_then(|path| Table::read(path, &images, &LABELS).err());
    first.map_or(String::new(), |error| format!(". A table was of no use: {error}"))
}

fn has_tables(part: &Folder) -> bool {
    part.others().any(|path| may_label(path))
}

/// The images of `part` by class, as a table in it or beside it says.
fn listed_in(part: &Folder, dir: &Folder) -> Result<(ByClass, Vec<PathBuf>)> {
    let (images, _) = part.all_files();
    for path in part.others().chain(dir.others()).filter(|path| may_label(path)) {
        if let Ok(table) = Table::read(path, &images, &LABELS) {
            let mut classes = ByClass::new();
            for (image, label) in table.labels {
                classes.entry(label).or_default().push(images[image].clone());
            }
            return Ok((classes, vec![table.path]));
        }
    }
    Ok((ByClass::new(), Vec::new()))
}

/// The part whose folder in `dir` holds the image.
fn part_of_image(dir: &Folder, image: &Path) -> Option<Part> {
    let inner = image.strip_prefix(&dir.path).ok()?;
    part_of(&text_of(inner.iter().next()?)).map(|(part, _)| part).filter(|_| inner.iter().count() > 1)
}

fn part_of_path(path: &Path) -> Option<Part> {
    part_of(&text_of(path.file_stem()?)).map(|(part, _)| part)
}

fn name(folder: &Folder) -> String {
    text_of(folder.path.file_name().unwrap_or_default())
}

fn count(folder: &Folder) -> usize {
    folder.all_files().0.len()
}

fn shown(folder: &Folder) -> String {
    folder.path.display().to_string()
}

/// The names of the first folders.
fn list(folders: &[&Folder]) -> String {
    const MOST: usize = 5;
    let names: Vec<String> = folders.iter().take(MOST).map(|folder| name(folder)).collect();
    format!("{}{}", names.join(", "), if folders.len() > MOST { ", ..." } else { "" })
}

fn layout(dir: &Folder, expected: &str, actual: String) -> Error {
    Error::Layout { dir: dir.path.clone(), expected: expected.to_owned(), actual }
}
