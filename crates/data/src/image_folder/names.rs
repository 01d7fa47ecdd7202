//! What the names of folders and files say: a part of a data set, or a class.

use std::collections::BTreeMap;
use std::ffi::OsStr;

use unicode_normalization::UnicodeNormalization;

/// A part of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Train,
    /// In the order of preference for testing.
    Test,
    Validation,
}

/// The part that `name` stands for, in any case, and what else the name says: nothing for `Train`, `TestImages`,
/// `training_set` or `val2017`, and `seg` for `seg_train`.
pub(super) fn part_of(name: &str) -> Option<(Part, String)> {
    let (mut part, mut rest) = (None, Vec::new());
    for word in words(name) {
        match (part, word_as_part(&word)) {
            (None, Some(found)) => part = Some(found),
            // `train_val` is what a model may see before the test.
            (Some(Part::Train), Some(Part::Validation)) => {}
            _ if !is_filler(&word) => rest.push(word),
            _ => {}
        }
    }
    Some((part?, rest.join(" ")))
}

/// Lower-case words: divided by anything but letters and digits, before a capital after a small letter, and between
/// letters and digits.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut last = ' ';
    for c in name.chars() {
        let bound = (last.is_lowercase() && c.is_uppercase())
            || (last.is_alphanumeric() && last.is_numeric() != c.is_numeric());
        if bound || !c.is_alphanumeric() {
            words.push(String::new());
        }
        if let (true, Some(word)) = (c.is_alphanumeric(), words.last_mut()) {
            word.extend(c.to_lowercase());
        }
        last = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

fn word_as_part(word: &str) -> Option<Part> {
    // `trainset` and `testdata` are one word.
    let stem = FILLERS.iter().find_map(|filler| word.strip_suffix(filler)).unwrap_or(word);
    match stem {
        "train" | "training" | "trainval" => Some(Part::Train),
        "test" | "testing" => Some(Part::Test),
        "val" | "valid" | "validation" => Some(Part::Validation),
        _ => None,
    }
}

/// Whether the name says only that there are images, as `images` and `img_data` do.
pub(super) fn is_container(name: &str) -> bool {
    let words = words(name);
    !words.is_empty() && words.iter().all(|word| FILLERS.contains(&word.as_str()))
}

/// What the names of folders number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbering {
    /// Parts of something that was too large for one folder: `part_1`, `batch-02`, `images_001`.
    Parts,
    /// Anything: `00`, `01`, `02`.
    Bare,
}

/// What `names` number, if they are two or more and differ only in a number, or in a letter behind the name of a part.
pub(super) fn numbering<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Numbering> {
    let split = |name: &str| -> Option<Vec<String>> {
        let mut words = words(name);
        if let [.., _, of, total] = &words[..]
            && of == "of"
            && is_number(total)
        {
            words.truncate(words.len() - 2);
        }
        let last = words.pop()?;
        let is_letter = last.len() == 1 && words.iter().any(|word| is_part_word(word));
        (is_number(&last) || is_letter).then_some(words)
    };
    let stems: Vec<Option<Vec<String>>> = names.into_iter().map(split).collect();
    let stem = stems.first()?.as_ref()?;
    if stems.len() < 2 || stems.iter().any(|other| other.as_ref() != Some(stem)) {
        return None;
    }
    let is_filled = stem.iter().all(|word| FILLERS.contains(&word.as_str()));
    match stem.is_empty() {
        true => Some(Numbering::Bare),
        false => (is_filled || stem.iter().any(|word| is_part_word(word))).then_some(Numbering::Parts),
    }
}

fn is_number(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_part_word(word: &str) -> bool {
    let singular = word.strip_suffix('s').unwrap_or(word);
    [
        "part", "batch", "shard", "chunk", "fold", "folder", "piece", "slice", "block", "volume", "vol",
        "archive", "portion", // What has several images each, of which none is a class.
        "patient", "case", "study", "session", "scan", "clip", "video",
    ]
    .contains(&singular)
}

/// Words that tell no data sets apart.
const FILLERS: [&str; 8] = ["set", "data", "dataset", "images", "image", "imgs", "img", "split"];

/// Years too: `val2017`.
fn is_filler(word: &str) -> bool {
    FILLERS.contains(&word) || word.parse().is_ok_and(|year: u16| (1990..2100).contains(&year))
}

/// `name` as text, with bytes that are not UTF-8 written as `\xe9`: different names stay different, except for one that
/// is written like this in UTF-8.
pub(crate) fn text_of(name: &OsStr) -> String {
    let mut text = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    text
}

/// What two names have in common that differ only in case, Unicode normalisation, or white space at their ends.
fn key(name: &str) -> String {
    name.trim().nfkc().collect::<String>().to_lowercase()
}

/// The first pair of a name in `these` and another in `those` that look the same.
pub(super) fn look_alike<'a>(these: &[&'a String], those: &[&'a String]) -> Option<[&'a String; 2]> {
    let keys: BTreeMap<String, &String> = those.iter().map(|&name| (key(name), name)).collect();
    these.iter().find_map(|&name| {
        let twin: &'a String = keys.get(&key(name)).copied().filter(|&twin| twin != name)?;
        Some([name, twin])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_known_in_any_case_with_what_usually_stands_beside() {
        for (name, part, rest) in [
            ("train", Part::Train, ""),
            ("Training", Part::Train, ""),
            ("TRAIN", Part::Train, ""),
            ("training_set", Part::Train, ""),
            ("TrainImages", Part::Train, ""),
            ("trainset", Part::Train, ""),
            ("train2017", Part::Train, ""),
            ("seg_train", Part::Train, "seg"),
            ("asl_alphabet_test", Part::Test, "asl alphabet"),
            ("Test", Part::Test, ""),
            ("testing", Part::Test, ""),
            ("test1", Part::Test, "1"),
            ("valid", Part::Validation, ""),
            ("Validation Set", Part::Validation, ""),
            ("val", Part::Validation, ""),
            ("train_station", Part::Train, "station"),
            ("train_val_list", Part::Train, "list"),
            ("trainval", Part::Train, ""),
        ] {
            assert_eq!(part_of(name), Some((part, rest.to_owned())), "{name}");
        }
        for name in ["cat", "trainer", "contest", "valley", "", "2017", "restraint"] {
            assert_eq!(part_of(name), None, "{name}");
        }
    }

    #[test]
    fn names_that_only_look_the_same_are_found() {
        let [cat, small, composed, decomposed] = ["Cat", "cat", "caf\u{e9}", "cafe\u{301}"].map(String::from);
        assert_eq!(look_alike(&[&cat, &composed], &[&composed, &small]), Some([&cat, &small]));
        assert_eq!(look_alike(&[&composed], &[&decomposed]), Some([&composed, &decomposed]));
        assert_eq!(look_alike(&[&cat], &[&cat, &composed]), None);
    }

    #[test]
    fn names_of_mere_containers_are_told_from_classes() {
        assert!(["images", "Image_Data", "imgs"].into_iter().all(is_container));
        assert!(!["cat images", "2020", "\u{1f431}", "", "setter"].into_iter().any(is_container));
    }

    #[test]
    fn names_that_number_parts_are_told_from_classes() {
        for (names, found) in [
            (&["part_1", "part_2"][..], Some(Numbering::Parts)),
            (&["Part-01", "part-02", "PART 3"], Some(Numbering::Parts)),
            (&["batch2", "batch10"], Some(Numbering::Parts)),
            (&["part_a", "part_b"], Some(Numbering::Parts)),
            (&["HAM10000_images_part_1", "HAM10000_images_part_2"], Some(Numbering::Parts)),
            (&["images_001", "images_002"], Some(Numbering::Parts)),
            (&["shard-00000-of-00002", "shard-00001-of-00002"], Some(Numbering::Parts)),
            (&["patient00001", "patient00002"], Some(Numbering::Parts)),
            (&["00", "01", "002"], Some(Numbering::Bare)),
            (&["class0", "class1"], None),
            (&["part_1", "cat"], None),
            (&["part_1", "batch_2"], None),
            (&["cat", "dog"], None),
            (&["vitamin a", "vitamin b"], None),
            (&["part_1"], None),
            (&[], None),
        ] {
            assert_eq!(numbering(names.iter().copied()), found, "{names:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn bytes_that_are_not_utf8_stay_apart() {
        use std::os::unix::ffi::OsStrExt;
        let text = |bytes: &[u8]| text_of(OsStr::from_bytes(bytes));
        assert_eq!([text(b"caf\xe9"), text(b"caf\xe8"), text("é".as_bytes())], ["caf\\xe9", "caf\\xe8", "é"]);
    }
}
