//! Which image a table means by a name.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use super::names::text_of;
use crate::folder_tree::is_image;

/// Images by the names under which a table may list them.
pub(super) struct Files<'a> {
    pub(super) images: &'a [PathBuf],
    /// Positions of images by the names of their files: with and without endings, each as written and in a loose spelling.
    by_name: [[HashMap<String, Vec<usize>>; 2]; 2],
}

/// The image that a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// This one, by its name.
    Image(usize),
    /// This one and no other, if the case of letters, leading zeros and folders of another machine do not count.
    Loosely(usize),
    /// No image.
    None,
    /// Any of these images.
    Several(Vec<usize>),
}

impl<'a> Files<'a> {
    pub(super) fn new(images: &'a [PathBuf]) -> Self {
        let mut by_name: [[HashMap<String, Vec<usize>>; 2]; 2] = Default::default();
        for (i, path) in images.iter().enumerate() {
            let [name, stem] =
                [path.file_name(), path.file_stem()].map(|name| text_of(name.unwrap_or_default()));
            for (maps, spell) in by_name.iter_mut().zip(SPELLINGS) {
                for (map, name) in maps.iter_mut().zip([&name, &stem]) {
                    map.entry(spell(name)).or_default().push(i);
                }
            }
        }
        Self { images, by_name }
    }

    /// The image that a table in the folder `dir` calls `name`, with or without its ending. Folders in a relative name must be the image's; those
    /// of a path from the root or from a folder above may be from another machine, as in `../input/train/1.png`.
    pub(super) fn find(&self, dir: &Path, name: &str) -> Found {
        let plain = name.replace('\\', "/");
        let parts: Vec<&str> = plain.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        let is_foreign = plain.starts_with('/')
            || plain.contains("://")
            || parts.first().is_some_and(|first| *first == ".." || first.len() == 2 && first.ends_with(':'));
        let is_plain = plain == name;
        let Some(last) = parts.last() else { return Found::None };
        let below: Vec<String> = dir.components().filter_map(normal).collect();
        for (is_loose, (maps, spell)) in self.by_name.iter().zip(SPELLINGS).enumerate() {
            let Some((named, has_ending)) =
                maps[0].get(&spell(last)).map(|named| (named, true)).or_else(|| {
                    let named = maps[1].get(&spell(last)).filter(|_| !is_image(Path::new(last)))?;
                    Some((named, false))
                })
            else {
                continue;
            };
            let wanted: Vec<String> = parts.iter().map(|part| spell(part)).collect();
            let here: Vec<String> = below.iter().map(|part| spell(part)).chain(wanted.clone()).collect();
            let ends_so = |image: &Path, end: &[String]| {
                let mut path: Vec<String> =
                    image.components().filter_map(normal).map(|part| spell(&part)).collect();
                if let (false, Some(last)) = (has_ending, path.last_mut()) {
                    *last = spell(&text_of(image.file_stem().unwrap_or_default()));
                }
                path.ends_with(end)
            };
            // From the table's folder; then anywhere; then without the first folders of a path from elsewhere.
            let shortest = if is_foreign { parts.len() } else { 1 };
            let ends = std::iter::once(&here[..]).chain((0..shortest).map(|from| &wanted[from..]));
            for (number, end) in ends.enumerate() {
                let fitting: Vec<usize> =
                    named.iter().copied().filter(|&i| ends_so(&self.images[i], end)).collect();
                match fitting[..] {
                    [] => {}
                    [one] if is_loose == 0 && is_plain && (number < 2 || name.starts_with('/')) => {
                        return Found::Image(one);
                    }
                    [one] => return Found::Loosely(one),
                    _ => return Found::Several(fitting),
                }
            }
        }
        Found::None
    }
}

/// The name as it is; and without what a copy of a table may lose: the case of letters, the long form of an ending, and zeros
/// before a number.
const SPELLINGS: [fn(&str) -> String; 2] = [str::to_owned, |name: &str| {
    let name = name.to_lowercase();
    let (stem, ending) = name.rsplit_once('.').unwrap_or((&name, ""));
    let stem = match stem.trim_start_matches('0') {
        _ if stem.is_empty() || !stem.bytes().all(|byte| byte.is_ascii_digit()) => stem,
        "" => "0",
        number => number,
    };
    match ending {
        "" => stem.to_owned(),
        "jpeg" => format!("{stem}.jpg"),
        "tiff" => format!("{stem}.tif"),
        _ => format!("{stem}.{ending}"),
    }
}];

fn normal(component: Component) -> Option<String> {
    match component {
        Component::Normal(name) => Some(text_of(name)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_matched_if_one_image_alone_fits() {
        let images: Vec<PathBuf> =
            ["d/a/0001.png", "d/a/2.JPG", "d/b/2.jpeg", "d/b/x.png", "d/b/X.png", "d/c/y.png", "d/e/y.png"]
                .map(PathBuf::from)
                .to_vec();
        let files = Files::new(&images);
        for (name, found) in [
            ("a/0001.png", Found::Image(0)),
            ("0001", Found::Image(0)),
            ("1", Found::Loosely(0)),
            ("01.PNG", Found::Loosely(0)),
            (r"a\0001.png", Found::Loosely(0)),
            ("../input/d/a/0001.png", Found::Loosely(0)),
            (r"C:\me\a\2.jpg", Found::Loosely(1)),
            ("2.jpg", Found::Several(vec![1, 2])),
            ("a/2.jpg", Found::Loosely(1)),
            ("gs://bucket/flowers/d/a/0001.png", Found::Loosely(0)),
            ("x.png", Found::Image(3)),
            ("x.PNG", Found::Several(vec![3, 4])),
            ("y.png", Found::Several(vec![5, 6])),
            ("/kaggle/input/e/y.png", Found::Image(6)),
            ("other/0001.png", Found::None),
            ("3.png", Found::None),
            ("", Found::None),
        ] {
            assert_eq!(files.find(Path::new("d"), name), found, "{name}");
        }
    }
}
