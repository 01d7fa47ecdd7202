//! Labels from tables: Tiny ImageNet's annotations, and CSV files beside images without folders of classes.

use mlprobe_data::summary::Oddity;
use mlprobe_data::{Error, OpenOptions, Source};

use crate::pictures::{counts, expected, files, open, put, write};

#[test]
fn tiny_imagenet_is_understood() {
    let dir = files(&[
        "train/n01443537/images/n01443537_0.JPEG",
        "train/n01443537/images/n01443537_1.JPEG",
        "train/n01629819/images/n01629819_0.JPEG",
        "val/images/val_0.JPEG",
        "val/images/val_1.JPEG",
        "val/images/val_2.JPEG",
        "test/images/test_0.JPEG",
    ]);
    let rows = "val_0.JPEG\tn01629819\t0\t32\t44\t62\nval_1.JPEG\tn01443537\t52\t55\t57\t59\nval_2.JPEG\tn01629819\t4\t0\t60\t55\n";
    write(&dir, "val/val_annotations.txt", rows);
    write(&dir, "words.txt", "n01443537\tgoldfish\n");
    write(&dir, "train/n01443537/n01443537_boxes.txt", "");
    let found = open(&dir).unwrap();
    assert_eq!(counts(&found), expected(&[("n01443537", 2, 1), ("n01629819", 1, 2)]));
    let oddities = found.summary().oddities;
    let at = |name: &str| dir.path().join(name);
    assert!(oddities.contains(&Oddity::Test(at("val"))), "{oddities:?}");
    assert!(oddities.contains(&Oddity::Labels(at("val/val_annotations.txt"))), "{oddities:?}");
    let unused = ["test", "train/n01443537/n01443537_boxes.txt", "words.txt"].map(at).to_vec();
    assert!(oddities.contains(&Oddity::NotUsed(unused)), "{oddities:?}");
}

#[test]
fn synsets_keep_their_names_and_val_is_the_test_set() {
    let dir = files(&[
        "ILSVRC/Data/CLS-LOC/train/n01440764/n01440764_1.JPEG",
        "ILSVRC/Data/CLS-LOC/train/n01443537/n01443537_1.JPEG",
        "ILSVRC/Data/CLS-LOC/val/n01440764/ILSVRC2012_val_1.JPEG",
        "ILSVRC/Data/CLS-LOC/val/n01443537/ILSVRC2012_val_2.JPEG",
        "ILSVRC/Data/CLS-LOC/test/ILSVRC2012_test_1.JPEG",
    ]);
    let found = open(&dir).unwrap();
    assert_eq!(counts(&found), expected(&[("n01440764", 1, 1), ("n01443537", 1, 1)]));
    assert!(found.summary().oddities.contains(&Oddity::Test(dir.path().join("ILSVRC/Data/CLS-LOC/val"))));
}

#[test]
fn a_table_beside_images_gives_their_classes() {
    let names = ["1.png", "2.png", "3.png", "4.png"];
    for (folder, file, table) in [
        ("", "labels.csv", "file,label\n1.png,cat\n2.png,dog\n3.png,cat\n4.png,dog\n"),
        (
            "images/",
            "labels.csv",
            "Image Name;width;Class\n1.png;3;cat\n2.png;3;dog\n3.png;3;cat\n4.png;3;dog\n",
        ),
        ("images/", "labels.tsv", "breed\tid\ncat\t1\ndog\t2\ncat\t3\ndog\t4\n"),
        ("", "list.csv", "\u{feff}1.png,cat\r\n2.png,dog\r\n3.png,\"cat\"\r\n4.png,dog\r\n"),
        (
            "images/",
            "x.csv",
            "path,y\nimages/1.png,cat\n./images/2.png,dog\n/home/me/images/3.png,cat\n4.png,dog\n",
        ),
        ("images/", "images/labels.csv", "what,where\ncat,1.png\ndog,2.png\ncat,3.png\ndog,4.png\n"),
    ] {
        let dir = files(&names.map(|name| format!("{folder}{name}")).each_ref().map(String::as_str));
        write(&dir, file, table);
        let found = open(&dir).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(counts(&found), expected(&[("cat", 1, 1), ("dog", 1, 1)]), "{file}");
        assert_eq!(found.summary().oddities, [Oddity::Labels(dir.path().join(file))], "{file}");
        // Labels and images belong together.
        for (path, label) in found.train.iter().chain(&found.test) {
            let number: u16 = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
            assert_eq!(*label, (number + 1) % 2);
        }
    }
}

#[test]
fn parts_of_a_table_are_those_of_folders_or_of_two_tables() {
    let dir = files(&["train/1.png", "train/2.png", "test/3.png", "test/4.png"]);
    write(&dir, "labels.csv", "path,label\ntrain/1.png,a\ntrain/2.png,b\ntest/3.png,a\ntest/4.png,b\n");
    assert_eq!(counts(&open(&dir).unwrap()), expected(&[("a", 1, 1), ("b", 1, 1)]));

    let dir = files(&["images/1.png", "images/2.png", "images/3.png"]);
    write(&dir, "train.csv", "file,label\n1.png,a\n2.png,b\n");
    write(&dir, "test.csv", "file,label\n3.png,a\n");
    assert_eq!(counts(&open(&dir).unwrap()), expected(&[("a", 1, 1), ("b", 1, 0)]));
}

#[test]
fn a_test_folder_without_classes_takes_its_labels_from_the_table_beside_it() {
    // As GTSRB has it, where other tables list the training images.
    let dir =
        files(&["Train/0/a.png", "Train/1/b.png", "Test/00.png", "Test/01.png", "Meta/0.png", "Meta/1.png"]);
    write(&dir, "Test.csv", "Width,Height,ClassId,Path\n3,3,1,Test/00.png\n3,3,0,Test/01.png\n");
    write(&dir, "Train.csv", "Width,Height,ClassId,Path\n3,3,0,Train/0/a.png\n3,3,1,Train/1/b.png\n");
    write(&dir, "Meta.csv", "Path,ClassId,ShapeId\nMeta/0.png,0,1\nMeta/1.png,1,1\n");
    let found = open(&dir).unwrap();
    assert_eq!(counts(&found), expected(&[("0", 1, 1), ("1", 1, 1)]));
    assert!(found.summary().oddities.contains(&Oddity::Labels(dir.path().join("Test.csv"))));
}

#[test]
fn a_named_table_counts_and_its_mistakes_are_said() {
    let dir = files(&["cat/1.png", "cat/2.png", "dog/3.png", "dog/4.png"]);
    let open = |table: &str| {
        write(&dir, "mine.csv", table);
        let labels = Some(dir.path().join("mine.csv"));
        Source::find(dir.path(), &OpenOptions { labels, ..OpenOptions::default() })
    };
    let source = open("file,label\n1.png,x\n2.png,y\n3.png,x\n4.png,y\n9.png,y\n").unwrap();
    assert_eq!(counts(source.images().unwrap()), expected(&[("x", 1, 1), ("y", 1, 1)]));
    let summary = source.summary().unwrap();
    assert!(summary.to_string().contains("1 row of") && summary.to_string().contains("9.png"), "{summary}");
    for (table, part) in [
        ("file,label\n1.png,x\n1.png,y\n", "the label of row 2, 'x', for '1.png', found 'y'"),
        ("file,label\n7.png,x\n8.png,y\n", "'7.png' and the like"),
        ("a,b,c\n1,2,3\n", "two columns"),
        ("file,label\n1.png\n", "a row"),
        ("", "row 1"),
        ("file,label\nother/1.png,x\nother/2.png,y\n", "'other/1.png'"),
    ] {
        let error = open(table).unwrap_err();
        assert!(matches!(error, Error::Table { .. }), "{error}");
        assert!(error.to_string().contains(part) && error.to_string().contains("mine.csv"), "{error}");
    }
}

#[test]
fn tables_that_disagree_are_refused_and_predictions_are_not_labels() {
    let dir = files(&["1.png", "2.png", "3.png", "4.png"]);
    write(&dir, "labels.csv", "id,label\n1,a\n2,b\n3,a\n4,b\n");
    write(&dir, "sample_submission.csv", "id,label\n1,a\n2,a\n3,a\n4,a\n");
    assert_eq!(counts(&open(&dir).unwrap()), expected(&[("a", 1, 1), ("b", 1, 1)]));
    write(&dir, "other.csv", "id,label\n1,b\n2,b\n");
    let error = open(&dir).unwrap_err().to_string();
    assert!(error.contains("labels.csv") && error.contains("other.csv"), "{error}");
}

#[test]
fn two_images_of_one_name_are_told_apart_by_their_folders() {
    let dir = files(&["a/1.png", "a/2.png"]);
    put(dir.path(), "b/1.png", 50);
    put(dir.path(), "b/2.png", 51);
    write(&dir, "labels.csv", "file,label\na/1.png,x\nb/1.png,y\na/2.png,x\nb/2.png,y\n1.png,z\n");
    let options = OpenOptions { labels: Some(dir.path().join("labels.csv")), ..OpenOptions::default() };
    let source = Source::find(dir.path(), &options).unwrap();
    assert_eq!(counts(source.images().unwrap()), expected(&[("x", 1, 1), ("y", 1, 1)]));
    // Which image 1.png is cannot be told.
    assert!(source.summary().unwrap().to_string().contains("1.png"));
}

#[test]
fn a_table_that_is_of_no_use_is_named_where_it_would_be_needed() {
    let dir = files(&["1.png", "2.png"]);
    write(&dir, "labels.csv", "id,label\n1,a\n1,b\n");
    let error = open(&dir).unwrap_err().to_string();
    assert!(error.contains("labels.csv: row 3") && error.contains("2 images"), "{error}");
}
