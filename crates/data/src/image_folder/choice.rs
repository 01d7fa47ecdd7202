//! Whether tables or the names of folders say what the classes are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::arranged::{Arrangement, ByClass, EXPECTED, layout};
use super::columns::Wanted;
use super::listing::{Listing, paths};
use super::matching::Files;
use super::names::{Numbering, numbering};
use super::table::Table;
use crate::Result;
use crate::error::first_of;
use crate::folder_tree::Folder;

/// The images in `dir` that the table `given` names.
///
/// # Errors
/// Those of reading it.
pub(crate) fn listed(dir: &Folder, given: &Path, wanted: &Wanted) -> Result<Option<Arrangement>> {
    Listing::of(dir, &[], Some(given), wanted)?.map(|listing| listing.arrange(dir)).transpose()
}

/// The images in `dir` that tables name, which are looked for in it, in the folders in it, and in those above.
pub(super) fn found(dir: &Folder, above: &[&Folder], wanted: &Wanted) -> Result<Option<Arrangement>> {
    if wanted.by_folders {
        return Ok(None);
    }
    Listing::of(dir, above, None, wanted)?.map(|listing| listing.arrange(dir)).transpose()
}

/// The images in `dir` as tables have them, if these and not the names of folders say what the `classes` are.
///
/// Folders that number parts are no classes. Other folders are, unless a table divides half of the images or more in another way. That
/// is refused, but where the folders' names are mere numbers, one has images of several labels, and the table has clear headers:
/// then these number parts too.
pub(super) fn by_table(
    dir: &Folder,
    above: &[&Folder],
    classes: &ByClass,
    wanted: &Wanted,
) -> Result<Option<Arrangement>> {
    if wanted.by_folders {
        return Ok(None);
    }
    let numbering = numbering(classes.keys().map(String::as_str));
    let listing = Listing::of(dir, above, None, wanted);
    let labels = match &listing {
        Ok(Some(listing)) => listing.labels(classes),
        _ => BTreeMap::new(),
    };
    let distinct: BTreeSet<&str> = labels.values().flat_map(BTreeMap::keys).copied().collect();
    let is_table = match (&listing, numbering) {
        (Ok(Some(_)), Some(Numbering::Parts)) if distinct.len() > 1 => true,
        (_, Some(Numbering::Parts)) => {
            let names: Vec<&String> = classes.keys().collect();
            let actual = format!(
                "folders that number parts, patients or the like ({}) and no table of the labels of the images{}. Name the table (--labels FILE), \
                 or say that these folders are the classes (--labels folders)",
                first_of(&names),
                listing
                    .err()
                    .map_or_else(|| unusable_table(dir, above, wanted), |error| format!(": {error}"))
            );
            return Err(layout(dir, EXPECTED, actual));
        }
        (Ok(Some(listing)), numbering) => {
            let (named, all): (usize, usize) =
                (labels.values().flat_map(BTreeMap::values).sum(), classes.values().map(Vec::len).sum());
            let is_pure = labels.values().all(|labels| labels.len() < 2);
            let agrees =
                is_pure && distinct.len() == labels.values().filter(|labels| !labels.is_empty()).count();
            let is_numbered = numbering.is_some();
            if agrees || distinct.len() < 2 || 2 * named < all || !(listing.is_sure() || is_numbered) {
                false
            } else if is_numbered && !is_pure && listing.is_sure() {
                true
            } else {
                let folders: Vec<String> = classes
                    .iter()
                    .map(|(class, files)| format!("{class} ({} images)", files.len()))
                    .collect();
                let labels: Vec<&str> = distinct.into_iter().collect();
                let (table, first) = (listing.shown(), listing.first().display());
                let actual = format!(
                    "two: the folders {}; and the labels in {table}: {}. Choose a table (--labels {first}) or the folders \
                     (--labels folders)",
                    first_of(&folders),
                    first_of(&labels)
                );
                return Err(layout(dir, "one reading of what the classes are", actual));
            }
        }
        _ => false,
    };
    match listing {
        Ok(Some(listing)) if is_table => listing.arrange(dir).map(Some),
        _ => Ok(None),
    }
}

/// Why the first table of the images in `dir` is of no use, for the end of a message.
pub(super) fn unusable_table(dir: &Folder, above: &[&Folder], wanted: &Wanted) -> String {
    let images = dir.all_files().0;
    let files = Files::new(&images);
    let first = paths(dir, above).find_map(|path| Table::read(path, &files, wanted).err());
    first.map_or(String::new(), |error| format!(". A table was of no use: {error}"))
}
