//! Names of folders: parts of a data set in every spelling, and classes that must stay apart.

use mlprobe_data::Error;
use mlprobe_data::summary::Oddity;

use crate::pictures::{counts, expected, files, folder, open, put, write};

#[test]
fn parts_are_understood_in_every_usual_spelling() {
    for (train, test) in [
        ("Train", "Test"),
        ("Training", "Testing"),
        ("TRAIN", "TEST"),
        ("training_set", "test_set"),
        ("train_images", "validation_images"),
        ("TrainSet", "ValSet"),
        ("seg_train/seg_train", "seg_test/seg_test"),
        ("asl_alphabet_train", "asl_alphabet_test"),
        ("train", "testing"),
        ("train", "valid"),
        ("train2017", "val2017"),
        ("training", "validation/images"),
    ] {
        let dir = files(&[
            &format!("{train}/cat/1.png"),
            &format!("{train}/cat/2.png"),
            &format!("{train}/owl/1.png"),
            &format!("{test}/cat/1.png"),
            &format!("{test}/owl/1.png"),
        ]);
        let found = open(&dir).unwrap_or_else(|error| panic!("{train}, {test}: {error}"));
        assert_eq!(counts(&found), expected(&[("cat", 2, 1), ("owl", 1, 1)]), "{train}, {test}");
    }
}

#[test]
fn folders_without_classes_and_named_like_parts_are_not_classes() {
    for names in [
        &["Train/1.png", "Test/1.png"][..],
        &["train/1.png", "sample/1.png"],
        &["cat/1.png", "dog/1.png", "test/1.png"],
        &["Training/1.png", "bus/1.png", "car/1.png"],
        &["images/1.png", "masks/1.png"],
    ] {
        let error = open(&files(names)).unwrap_err();
        assert!(matches!(error, Error::Layout { .. }), "{names:?}: {error}");
    }
}

#[test]
fn a_train_is_a_class_among_other_vehicles_and_this_is_said() {
    let dir = files(&["bus/1.png", "bus/2.png", "car/1.png", "car/2.png", "train/1.png", "train/2.png"]);
    let found = open(&dir).unwrap();
    assert_eq!(counts(&found), expected(&[("bus", 1, 1), ("car", 1, 1), ("train", 1, 1)]));
    assert_eq!(found.summary().oddities, [Oddity::ClassLikePart(dir.path().join("train"))]);
}

#[test]
fn two_training_sets_or_test_sets_are_refused_by_name() {
    for (second, named) in [("train_set/a/1.png", "train, train_set"), ("testing/a/1.png", "test, testing")] {
        let dir = files(&["train/a/1.png", "train/b/1.png", "test/a/1.png", second]);
        let error = open(&dir).unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
}

#[test]
fn a_class_that_holds_only_folders_is_refused_with_what_was_seen() {
    for (names, parts) in [
        (&["cat/1.png", "more/x/1.png", "more/y/1.png"][..], ["only folders (x, y) in more", "beside cat"]),
        (
            &["train/a/x/1.png", "train/a/y/1.png", "train/b/1.png", "test/b/1.png"],
            ["(x, y) in a", "beside b"],
        ),
        (&["cat/train/1.png", "cat/test/1.png", "dog/1.png"], ["(test, train) in cat", "beside dog"]),
    ] {
        let error = open(&files(names)).unwrap_err().to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }
}

#[test]
fn test_classes_without_training_images_are_refused_with_both_lists() {
    for (train, test, hint) in [
        (["cat", "dog"], ["cat", "owl"], ""),
        (["1", "2"], ["0", "1"], ""),
        (["cat", "dog"], ["Cat", "Dog"], "'Cat' and 'cat' differ only"),
        (["caf\u{e9}", "dog"], ["cafe\u{301}", "dog"], "differ only"),
    ] {
        let dir = files(&[
            &format!("train/{}/1.png", train[0]),
            &format!("train/{}/1.png", train[1]),
            &format!("test/{}/1.png", test[0]),
            &format!("test/{}/1.png", test[1]),
        ]);
        let error = open(&dir).unwrap_err();
        assert!(matches!(error, Error::UnknownClasses { .. }), "{error}");
        let text = error.to_string();
        for part in [&train.join(", "), &test.join(", "), hint] {
            assert!(text.contains(part), "{part} not in {text}");
        }
    }
}

#[test]
fn classes_that_differ_only_in_case_are_kept_and_said() {
    let found = open(&files(&["Cat/1.png", "Cat/2.png", "cat/1.png", "cat/2.png"])).unwrap();
    assert_eq!(found.classes, ["Cat", "cat"]);
    assert_eq!(found.summary().oddities, [Oddity::Alike(["Cat".into(), "cat".into()])]);
}

#[cfg(unix)]
#[test]
fn names_that_are_not_utf8_stay_apart() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let dir = tempfile::tempdir().unwrap();
    for (i, name) in [&b"caf\xe9"[..], b"caf\xe8", b"tea"].into_iter().enumerate() {
        let class = dir.path().join(OsStr::from_bytes(name));
        // Some file systems refuse such names.
        if std::fs::create_dir(&class).is_err() {
            return;
        }
        (0..12).for_each(|n| put(&class, &format!("{n}.png"), (12 * i + n) as u8));
    }
    let found = open(&dir).unwrap();
    let counted = expected(&[("caf\\xe8", 10, 2), ("caf\\xe9", 10, 2), ("tea", 10, 2)]);
    assert_eq!(counts(&found), counted);
    put(dir.path(), "caf\\xe9/1.png", 99);
    let error = open(&dir).unwrap_err().to_string();
    assert!(error.contains("twice"), "{error}");
}

#[test]
fn a_class_without_training_images_is_said_once() {
    let dir = folder(&[("train/a/1.png", 1), ("train/b/1.png", 2), ("test/a/1.png", 3), ("test/c/1.png", 4)]);
    write(&dir, "train/c/notes.txt", "");
    let said = |oddities: &[Oddity]| oddities.contains(&Oddity::Untrained(vec!["c".into()]));
    let source = crate::pictures::find(&dir).unwrap();
    assert!(said(&source.summary().unwrap().oddities));
    assert!(!said(&source.open(&|_| ()).unwrap().1));
}
