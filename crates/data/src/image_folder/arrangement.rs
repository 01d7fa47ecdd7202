//! How the images in a folder are arranged: in folders of classes, in parts with folders of classes, or by a table.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::arranged::{Arrangement, ByClass, EXPECTED, layout};
use super::choice::{by_table, found, unusable_table};
use super::columns::Wanted;
use super::matching::Files;
use super::names::{self, Part, part_of, text_of};
use super::rows::is_table;
use super::table::Table;
use crate::Result;
use crate::folder_tree::Folder;
use crate::layout::Layout;
use crate::summary::Oddity;

/// The images in `dir`, if there are classes in it; `None` if it has folders in which there may be some, and nothing else.
///
/// # Errors
/// [`Error::Layout`] for images that cannot be told to be of two or more classes.
pub(crate) fn arrangement(dir: &Folder, above: &[&Folder], wanted: &Wanted) -> Result<Option<Arrangement>> {
    if let Some(parts) = Parts::of(dir)? {
        let train = Classes::below(parts.train)?;
        if !train.files.is_empty() {
            if let Some(listed) = by_table(dir, above, &train.files, wanted)? {
                return Ok(Some(listed));
            }
            return parts.arrange(dir, train, wanted).map(Some);
        }
        if let Some(listed) = found(dir, above, wanted)? {
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
        if let Some(listed) = found(dir, above, wanted)? {
            return Ok(Some(listed));
        }
        let images = dir.images().count();
        return match classes[..] {
            _ if !groups.is_empty() => Classes::of(dir).map(|_| None),
            [] if images == 0 => Ok(None),
            // Classes further down, with some picture beside them.
            [only] if only.folders().filter(|folder| folder.has_images()).count() > 1 => Ok(None),
            [] => {
                let actual = format!(
                    "{images} images and no folders with images{}",
                    unusable_table(dir, above, wanted)
                );
                Err(layout(dir, EXPECTED, actual))
            }
            _ => {
                let table = unusable_table(dir, above, wanted);
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
    if let Some(listed) = by_table(dir, above, &files, wanted)? {
        return Ok(Some(listed));
    }
    Ok(Some(Arrangement { train: files, empty, oddities, ..Arrangement::default() }))
}

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
    fn arrange(&self, dir: &Folder, train: Classes, wanted: &Wanted) -> Result<Arrangement> {
        let mut arrangement =
            Arrangement { train: train.files, empty: train.empty, ..Arrangement::default() };
        let of_training = known_classes(&arrangement);
        let knows = |test: &ByClass| test.keys().any(|class| of_training.contains(class));
        let mut strange: Option<ByClass> = None;
        for (i, &part) in self.held_out.iter().enumerate() {
            let classes = Classes::below(part)?;
            let (test, tables, notes) =
                if knows(&classes.files) || !classes.files.is_empty() && !has_tables(part) {
                    (classes.files, Vec::new(), Vec::new())
                } else {
                    listed_in(part, dir, wanted)?
                };
            if knows(&test) {
                if i > 0 {
                    arrangement.oddities.push(Oddity::Test(part.path.clone()));
                }
                arrangement.oddities.extend(notes);
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

/// Whether `train` is a class, such as the vehicle: it holds no folders of classes, and two or more folders beside it have other
/// names.
fn is_class_called_train(dir: &Folder, parts: &Parts) -> bool {
    parts.held_out.is_empty() && kinds(dir).0.len() > 2
}

fn has_tables(part: &Folder) -> bool {
    part.others().any(|path| is_table(path))
}

/// The images of `part` by class, as a table in it or beside it says.
fn listed_in(part: &Folder, dir: &Folder, wanted: &Wanted) -> Result<(ByClass, Vec<PathBuf>, Vec<Oddity>)> {
    let (images, _) = part.all_files();
    let files = Files::new(&images);
    for path in part.others().chain(dir.others()).filter(|path| is_table(path)) {
        if let Ok(table) = Table::read(path, &files, wanted) {
            let mut classes = ByClass::new();
            for (image, said) in table.values {
                classes.entry(said.value).or_default().push(images[image].clone());
            }
            let oddities = [Oddity::Labels(path.clone())].into_iter().chain(table.notes).collect();
            return Ok((classes, vec![table.path], oddities));
        }
    }
    Ok(Default::default())
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
