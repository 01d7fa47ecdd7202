//! What the classes and the parts are where folders and tables both say something.

use mlprobe_data::summary::Oddity;
use mlprobe_data::{Error, FOLDERS, OpenOptions, Source};
use tempfile::TempDir;

use crate::pictures::{counts, expected, files, open, write};

/// Twelve images in three folders whose names are made from 1, 2 and 3, of the classes cat, dog and owl in turn.
fn parts(name: impl Fn(usize) -> String) -> TempDir {
    let names: Vec<String> = (0..12).map(|i| format!("{}/{i}.png", name(i / 4 + 1))).collect();
    files(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

/// A row for each of the images 0.png to 11.png.
fn rows(header: &str, row: impl Fn(usize) -> String) -> String {
    (0..12).fold(format!("{header}\n"), |table, i| table + &row(i) + "\n")
}

fn class(i: usize) -> &'static str {
    ["cat", "dog", "owl"][i % 3]
}

fn labels() -> String {
    rows("file,label", |i| format!("{i}.png,{}", class(i)))
}

fn with_labels(dir: &TempDir, labels: impl Into<std::path::PathBuf>) -> Result<Source, Error> {
    Source::find(dir.path(), &OpenOptions { labels: Some(labels.into()), ..OpenOptions::default() })
}

#[test]
fn a_table_wins_over_folders_that_number_parts() {
    let table = labels();
    let by_table = expected(&[("cat", 3, 1), ("dog", 3, 1), ("owl", 3, 1)]);
    type Name = fn(usize) -> String;
    let names: [Name; 9] = [
        |i| format!("part_{i}"),
        |i| format!("Part-0{i}"),
        |i| format!("batch{i}"),
        |i| format!("shard-0000{i}-of-00003"),
        |i| format!("HAM10000_images_part_{i}"),
        |i| format!("images_00{i}/images"),
        |i| format!("0{i}"),
        |i| format!("images/chunk{i}"),
        |i| format!("train/fold_{i}"),
    ];
    for name in names {
        let dir = parts(name);
        write(&dir, "metadata.csv", &table);
        let found = open(&dir).unwrap_or_else(|error| panic!("{}: {error}", name(1)));
        assert_eq!(counts(&found), by_table, "{}", name(1));
        assert!(found.summary().oddities.contains(&Oddity::Labels(dir.path().join("metadata.csv"))));
    }
}

#[test]
fn folders_that_number_parts_are_no_classes_without_a_table_unless_this_is_said() {
    let dir = parts(|i| format!("part_{i}"));
    let error = open(&dir).unwrap_err();
    assert!(matches!(error, Error::Layout { .. }), "{error}");
    let error = error.to_string();
    assert!(error.contains("part_1, part_2, part_3") && error.contains("--labels folders"), "{error}");
    let source = with_labels(&dir, FOLDERS).unwrap();
    assert_eq!(
        counts(source.images().unwrap()),
        expected(&[("part_1", 3, 1), ("part_2", 3, 1), ("part_3", 3, 1)])
    );
}

#[test]
fn two_readings_of_the_classes_are_refused_with_both_and_each_can_be_chosen() {
    let dir = parts(|i| ["red", "green", "blue"][i - 1].to_owned());
    write(&dir, "labels.csv", labels());
    let error = open(&dir).unwrap_err().to_string();
    for part in ["blue (4 images)", "cat, dog, owl", "labels.csv", "--labels folders"] {
        assert!(error.contains(part), "{part} not in {error}");
    }
    let classes = |labels| with_labels(&dir, labels).unwrap().images().unwrap().classes.join(" ");
    assert_eq!(classes(dir.path().join("labels.csv")), "cat dog owl");
    assert_eq!(classes(FOLDERS.into()), "blue green red");
}

#[test]
fn a_table_that_agrees_with_folders_or_is_of_other_things_changes_nothing() {
    for table in [
        rows("file,label", |i| format!("{i}.png,{}", i / 4)),
        rows("file,age", |i| format!("{i}.png,{}", 20 + i % 5)),
        rows(
            "file,label",
            |i| if i < 3 { format!("{i}.png,{}", class(i)) } else { format!("other{i}.png,x") },
        ),
        rows("file,label,width", |i| format!("other{i}.png,{},7", class(i))),
    ] {
        for name in ["red green blue", "1 2 3"] {
            let dir = parts(|i| name.split(' ').nth(i - 1).unwrap().to_owned());
            write(&dir, "table.csv", &table);
            if name == "1 2 3" && table.contains("age") {
                // Of folders with mere numbers, a table of two columns may be meant.
                assert!(open(&dir).unwrap_err().to_string().contains("one reading of what the classes are"));
                continue;
            }
            let found = open(&dir).unwrap_or_else(|error| panic!("{table}: {error}"));
            assert!(
                found.classes.join(" ") == name || found.classes.join(" ") == "blue green red",
                "{table}"
            );
        }
    }
}

#[test]
fn the_column_of_a_split_is_taken_and_said() {
    for (header, values) in [
        ("split", ["train", "test"]),
        ("Subset", ["Training", "Testing"]),
        ("set", ["TRAIN", "TEST"]),
        ("partition", ["train", "valid"]),
        ("data set", ["train", "dev"]),
        ("is_valid", ["False", "True"]),
        ("is_train", ["1", "0"]),
    ] {
        let dir = parts(|i| format!("part_{i}"));
        let part = |i: usize| values[usize::from(i >= 9)];
        write(
            &dir,
            "t.csv",
            rows(&format!("file,{header},label"), |i| format!("{i}.png,{},{}", part(i), class(i))),
        );
        let found = open(&dir).unwrap();
        assert_eq!(counts(&found), expected(&[("cat", 3, 1), ("dog", 3, 1), ("owl", 3, 1)]), "{header}");
        assert!(
            found
                .test
                .iter()
                .all(|(path, _)| ["9", "10", "11"].contains(&path.file_stem().unwrap().to_str().unwrap()))
        );
        assert!(
            found.summary().to_string().contains(&format!("the column '{header}'")),
            "{}",
            found.summary()
        );
    }
}

#[test]
fn validation_rows_are_left_out_where_there_are_test_rows_and_this_is_said() {
    let dir = parts(|i| format!("part_{i}"));
    let part = |i: usize| ["train", "train", "val", "test"][i / 3];
    write(&dir, "t.csv", rows("file,split,label", |i| format!("{i}.png,{},{}", part(i), class(i))));
    let found = open(&dir).unwrap();
    assert_eq!(counts(&found), expected(&[("cat", 2, 1), ("dog", 2, 1), ("owl", 2, 1)]));
    assert!(
        found.summary().to_string().contains("its 3 validation images are not used"),
        "{}",
        found.summary()
    );
}

#[test]
fn a_split_that_is_not_understood_is_said_or_refused() {
    let dir = parts(|i| format!("part_{i}"));
    write(&dir, "t.csv", rows("file,split,label", |i| format!("{i}.png,{},{}", i % 5, class(i))));
    let summary = open(&dir).unwrap().summary().to_string();
    assert!(summary.contains("the column 'split'") && summary.contains("'0' and the like"), "{summary}");
    let part = |i: usize| ["train", "test", "sometimes"][i % 3];
    write(&dir, "t.csv", rows("file,split,label", |i| format!("{i}.png,{},{}", part(i), class(i / 3))));
    let error = open(&dir).unwrap_err().to_string();
    assert!(error.contains("train, test or val in the column 'split', found 'sometimes'"), "{error}");
}

#[test]
fn files_that_divide_folders_of_classes_are_taken_and_said() {
    let name = |i: usize| format!("{}/{i}", ["red", "green", "blue"][i / 4]);
    let ids =
        |value: fn(usize) -> String| (0..12).map(|i| format!("{} {}\n", i + 1, value(i))).collect::<String>();
    let list = |of_test: bool, end: &str| {
        (0..12).filter(|i| (i % 4 == 3) == of_test).map(|i| name(i) + end + "\n").collect::<String>()
    };
    let cub = [
        ("train_test_split.txt", ids(|i| u8::from(i % 4 != 3).to_string())),
        ("images.txt", ids(|i| format!("{}/{i}.png", ["red", "green", "blue"][i / 4]))),
        ("image_class_labels.txt", ids(|i| (i / 4).to_string())),
    ];
    let lists = [("meta/train.txt", list(false, "")), ("meta/test.txt", list(true, ""))];
    let imagenet = [("train.txt", list(false, ".png 0")), ("val.txt", list(true, ".png 0"))];
    let table = [(
        "split.csv",
        rows("filename,split", |i| format!("{}.png,{}", name(i), if i % 4 == 3 { "test" } else { "train" })),
    )];
    for files in [&cub[..], &lists, &imagenet, &table] {
        for place in ["", "images/"] {
            let dir = parts(|i| format!("{place}{}", ["red", "green", "blue"][i - 1]));
            files.iter().for_each(|(name, content)| write(&dir, name, content));
            let found = open(&dir).unwrap_or_else(|error| panic!("{}: {error}", files[0].0));
            assert_eq!(
                counts(&found),
                expected(&[("blue", 3, 1), ("green", 3, 1), ("red", 3, 1)]),
                "{}",
                files[0].0
            );
            let numbers: Vec<&str> =
                found.test.iter().map(|(path, _)| path.file_stem().unwrap().to_str().unwrap()).collect();
            assert_eq!(numbers, ["11", "7", "3"], "{}", files[0].0);
            let text = found.summary().to_string();
            assert!(text.contains("training and test images are those of"), "{text}");
        }
    }
}

#[test]
fn lists_of_training_and_validation_images_together_and_codes_of_parts_are_taken() {
    let name = |i: usize| format!("{}/{i}.png", ["red", "green", "blue"][i / 4]);
    let list =
        |has: fn(usize) -> bool| (0..12).filter(|i| has(i % 4)).map(|i| name(i) + "\n").collect::<String>();
    let nih = [("train_val_list.txt", list(|place| place < 3)), ("test_list.txt", list(|place| place == 3))];
    let voc = [
        ("train.txt", list(|place| place < 2)),
        ("val.txt", list(|place| place == 2)),
        ("trainval.txt", list(|place| place < 3)),
        ("test.txt", list(|place| place == 3)),
    ];
    let celeba = [(
        "list_eval_partition.csv",
        rows("image_id,partition", |i| format!("{},{}", name(i), [0, 0, 1, 2][i % 4])),
    )];
    for (files, training) in [(&nih[..], 3), (&voc, 3), (&celeba, 2)] {
        let dir = parts(|i| ["red", "green", "blue"][i - 1].to_owned());
        files.iter().for_each(|(name, content)| write(&dir, name, content));
        let found = open(&dir).unwrap_or_else(|error| panic!("{}: {error}", files[0].0));
        let all = ["blue", "green", "red"].map(|class| (class, training, 1));
        assert_eq!(counts(&found), expected(&all), "{}", files[0].0);
        assert!(
            found
                .test
                .iter()
                .all(|(path, _)| ["3", "7", "11"].iter().any(|i| path.ends_with(format!("{i}.png"))))
        );
    }
}

#[test]
fn lists_that_contradict_each_other_divide_nothing_and_this_is_said() {
    let dir = parts(|i| ["red", "green", "blue"][i - 1].to_owned());
    // As in DTD, which has ten divisions.
    for (file, first) in [("train1.txt", 0), ("test1.txt", 2), ("train2.txt", 2), ("test2.txt", 0)] {
        let has = |i: &usize| [first, first + 1].contains(&(i % 4));
        let lines = (0..12).filter(has).map(|i| format!("{}/{i}.png\n", ["red", "green", "blue"][i / 4]));
        write(&dir, &format!("labels/{file}"), lines.collect::<String>());
    }
    let summary = open(&dir).unwrap().summary().to_string();
    assert!(summary.contains("lists of training and test images are not used"), "{summary}");
    assert!(summary.contains("test1.txt"), "{summary}");
}

#[test]
fn a_table_with_a_name_of_its_own_for_the_images_is_a_reading_too() {
    let dir = parts(|i| ["red", "green", "blue"][i - 1].to_owned());
    write(
        &dir,
        "metadata.csv",
        rows("number,img_filename_of_wilds,y", |i| format!("{},{i}.png,{}", i + 1, i % 2)),
    );
    let error = open(&dir).unwrap_err().to_string();
    assert!(error.contains("one reading of what the classes are"), "{error}");
    // The first column has the numbers of the rows, which are not those of the images.
    let source = with_labels(&dir, dir.path().join("metadata.csv")).unwrap();
    let images = source.images().unwrap();
    for (path, label) in images.train.iter().chain(&images.test) {
        let number: u16 = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        assert_eq!(*label, number % 2);
    }
    assert_eq!(images.train.len() + images.test.len(), 12);
}

#[test]
fn patients_are_no_classes() {
    let dir = parts(|i| format!("patient0000{i}"));
    let error = open(&dir).unwrap_err().to_string();
    assert!(error.contains("patients or the like") && error.contains("--labels folders"), "{error}");
}

#[test]
fn a_column_of_patients_is_named_where_images_are_divided_at_random() {
    let dir = parts(|i| format!("part_{i}"));
    write(&dir, "t.csv", rows("file,patient_id,label", |i| format!("{i}.png,p{},{}", i / 3, class(i))));
    let summary = |groups: Option<std::path::PathBuf>| {
        let options =
            OpenOptions { labels: Some(dir.path().join("t.csv")), groups, ..OpenOptions::default() };
        Source::find(dir.path(), &options).unwrap().summary().unwrap().to_string()
    };
    assert!(summary(None).contains("the column 'patient_id'"), "{}", summary(None));
    assert!(!summary(Some(dir.path().join("t.csv"))).contains("at random"));
}

#[test]
fn numbers_for_names_of_folders_are_said_to_be_numbers() {
    let dir = files(&["train/n01/1.png", "train/n02/2.png", "val/3.png", "val/4.png"]);
    write(&dir, "val.txt", "3.png 0\n4.png 1\n");
    let error = open(&dir).unwrap_err().to_string();
    assert!(error.contains("it has numbers where the training set has names"), "{error}");
}
