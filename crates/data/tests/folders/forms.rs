//! Tables in the forms in which data sets come with them: other separators, lists, JSON lines, a column per class, missing
//! labels, and names that are nearly those of the images.

use mlprobe_data::summary::Oddity;
use mlprobe_data::{Error, OpenOptions, Source};
use tempfile::TempDir;

use crate::pictures::{counts, expected, files, open, write};

const PETS: [(&str, usize, usize); 2] = [("cat", 1, 1), ("dog", 1, 1)];

fn four() -> TempDir {
    files(&["images/1.png", "images/2.png", "images/3.png", "images/4.png"])
}

fn opened(dir: &TempDir, options: OpenOptions) -> Result<Source, Error> {
    Source::find(dir.path(), &options)
}

#[test]
fn tables_of_every_usual_form_are_read() {
    for (file, table) in [
        ("t.csv", "file,label,\n1.png,cat,\n2.png,dog,\n3.png,cat,\n4.png,dog,\n"),
        ("t.csv", "file,label,\n1.png,cat\n2.png,dog\n3.png,cat\n4.png,dog\n"),
        ("t.csv", "file,label\n1.png,cat,\n2.png,dog,\n3.png,cat,\n4.png,dog,\n\n"),
        ("t.csv", "file;note;label\n1.png;1,5;cat\n2.png;2,5;dog\n3.png;;cat\n4.png;;dog\n"),
        ("t.csv", "file\tlabel\n1.png\tcat\n2.png\tdog\n3.png\tcat\n4.png\tdog\n"),
        ("t.csv", ",file,kind\n0,1.png,cat\n1,2.png,dog\n2,3.png,cat\n3,4.png,dog\n"),
        ("t.csv", "image_id,cat,dog\n1,1,0\n2,0,1\n3,1,0\n4,0,1\n"),
        ("t.csv", "image,cat,dog,UNK\n1,1.0,0.0,0.0\n2,0.0,1.0,0.0\n3,1.0,0.0,0.0\n4,0.0,1.0,0.0\n"),
        ("t.csv", "file,cat,dog\n1.png,True,False\n2.png,False,True\n3.png,True,False\n4.png,False,True\n"),
        // The first column numbers the rows, as some images are numbered.
        ("t.csv", ",fname,breed\n1,2.png,dog\n2,1.png,cat\n3,4.png,dog\n4,3.png,cat\n"),
        ("t.csv", "name,file,class\nAnn,1.png,cat\nBob,2.png,dog\nCy,3.png,cat\nDi,4.png,dog\n"),
        ("list.txt", "images/1.png cat\nimages/2.png dog\nimages/3.png cat\n\nimages/4.png dog\n"),
        ("t.csv", "file,site,dx\n1.png,arm,cat\n2.png,leg,dog\n3.png,leg,cat\n4.png,arm,dog\n"),
        (
            "t.csv",
            "gs://b/images/1.png,cat\ngs://b/images/2.png,dog\ngs://b/images/3.png,cat\ngs://b/images/4.png,dog\n",
        ),
        ("t.csv", "file,part\n1.png,cat\n2.png,dog\n3.png,cat\n4.png,dog\n"),
        (
            "images/metadata.jsonl",
            "{\"file_name\": \"1.png\", \"label\": \"cat\"}\n{\"file_name\": \"2.png\", \"label\": \"dog\"}\n\
             {\"label\": \"cat\", \"file_name\": \"3.png\"}\n{\"file_name\": \"4.png\", \"label\": \"dog\", \"x\": [1]}\n",
        ),
    ] {
        let dir = four();
        write(&dir, file, table);
        let found = open(&dir).unwrap_or_else(|error| panic!("{table}: {error}"));
        let counted: Vec<_> =
            counts(&found).into_iter().filter(|(_, train, test)| train + test > 0).collect();
        assert_eq!(counted, expected(&PETS), "{table}");
        for (path, label) in found.train.iter().chain(&found.test) {
            let number: u16 = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
            assert_eq!(*label, (number + 1) % 2, "{table}");
        }
    }
}

#[test]
fn lists_of_images_and_labels_are_the_parts_that_they_are_called() {
    let dir = four();
    write(&dir, "train.txt", "images/1.png 0\nimages/2.png 1\n");
    write(&dir, "val.txt", "images/3.png 0\nimages/4.png 1\n");
    assert_eq!(counts(&open(&dir).unwrap()), expected(&[("0", 1, 1), ("1", 1, 1)]));
}

#[test]
fn a_table_called_after_a_part_means_the_images_of_that_part() {
    let dir =
        files(&["train/1.png", "train/2.png", "train/3.png", "train/4.png", "test/1.png", "test/2.png"]);
    write(&dir, "train.csv", "id,label\n1,cat\n2,dog\n3,cat\n4,dog\n");
    let found = open(&dir).unwrap();
    assert_eq!(counts(&found), expected(&PETS));
    assert!(found.train.iter().chain(&found.test).all(|(path, _)| path.parent().unwrap().ends_with("train")));
}

#[test]
fn the_files_of_cub_200_name_classes_and_parts() {
    let dir = four();
    write(&dir, "images.txt", "1 1.png\n2 2.png\n3 3.png\n4 4.png\n");
    write(&dir, "classes.txt", "1 cat\n2 dog\n");
    write(&dir, "image_class_labels.txt", "1 1\n2 2\n3 1\n4 2\n");
    write(&dir, "train_test_split.txt", "1 0\n2 0\n3 1\n4 1\n");
    let found = open(&dir).unwrap();
    assert_eq!(counts(&found), expected(&PETS));
    assert!(found.test.iter().all(|(path, _)| path.ends_with("1.png") || path.ends_with("2.png")));
}

#[test]
fn names_that_one_image_alone_can_mean_are_matched_and_this_is_said() {
    for table in [
        "file,label\nimages\\1.png,cat\nimages\\2.png,dog\nimages\\3.png,cat\nimages\\4.png,dog\n",
        "file,label\n../input/x/images/1.png,cat\n../input/x/images/2.png,dog\n../input/3.png,cat\n../input/4.png,dog\n",
        "file,label\n1.PNG,cat\n2.PNG,dog\n3.Png,cat\nImages/4.png,dog\n",
        "file,label\n0001.png,cat\n0002.png,dog\n03,cat\n04,dog\n",
    ] {
        let dir = four();
        write(&dir, "t.csv", table);
        let found = open(&dir).unwrap_or_else(|error| panic!("{table}: {error}"));
        assert_eq!(counts(&found), expected(&PETS), "{table}");
        let text = found.summary().to_string();
        assert!(text.contains("4 names in") && text.contains("1.png"), "{text}");
    }
}

#[test]
fn a_name_that_may_mean_two_images_is_refused_with_both() {
    let dir = files(&["a/01.png", "a/001.png", "a/2.png"]);
    write(&dir, "t.csv", "file,label\n1.png,cat\n2.png,dog\n");
    let error =
        opened(&dir, OpenOptions { labels: Some(dir.path().join("t.csv")), ..OpenOptions::default() })
            .unwrap_err();
    let error = error.to_string();
    assert!(error.contains("row 2") && error.contains("01.png or") && error.contains("001.png"), "{error}");
}

#[test]
fn labels_that_stand_for_missing_values_are_left_out_and_said_unless_they_are_kept() {
    for missing in ["NA", "nan", "None", "null", "N/A", "NaN"] {
        let dir = files(&["1.png", "2.png", "3.png", "4.png", "5.png", "6.png"]);
        let table =
            format!("file,label\n1.png,cat\n2.png,dog\n3.png,cat\n4.png,dog\n5.png,{missing}\n6.png,\n");
        write(&dir, "t.csv", table);
        let found = open(&dir).unwrap();
        assert_eq!(counts(&found), expected(&PETS), "{missing}");
        let names = vec![("5.png".to_owned(), missing.to_owned())];
        let said = Oddity::NoLabel { table: dir.path().join("t.csv"), names };
        assert!(found.summary().oddities.contains(&said), "{}", found.summary());
        let kept = opened(&dir, OpenOptions { keep_na: true, ..OpenOptions::default() }).unwrap();
        let classes = &kept.images().unwrap().classes;
        assert!(classes.len() == 3 && classes.contains(&missing.to_owned()), "{classes:?}");
    }
}

#[test]
fn columns_can_be_named_and_are_not_guessed() {
    let dir = four();
    let table = "id,picture,size,colour\n1,4.png,s,red\n2,3.png,m,red\n3,2.png,m,blue\n4,1.png,s,blue\n";
    write(&dir, "t.csv", table);
    let options = |label: Option<&str>, image: Option<&str>| OpenOptions {
        labels: Some(dir.path().join("t.csv")),
        label_column: label.map(str::to_owned),
        image_column: image.map(str::to_owned),
        ..OpenOptions::default()
    };
    let error = opened(&dir, options(None, None)).unwrap_err().to_string();
    assert!(error.contains("--label-column") && error.contains("id, picture, size, colour"), "{error}");
    let error = opened(&dir, options(Some("weight"), None)).unwrap_err().to_string();
    assert!(error.contains("a column called weight"), "{error}");
    let source = opened(&dir, options(Some("colour"), Some("picture"))).unwrap();
    let images = source.images().unwrap();
    assert_eq!(images.classes.join(" "), "blue red");
    for (path, label) in images.train.iter().chain(&images.test) {
        assert_eq!(
            *label,
            u16::from(path.ends_with("3.png") || path.ends_with("4.png")),
            "{}",
            path.display()
        );
    }
    write(&dir, "t.csv", "file,label,category\n1.png,a,x\n2.png,b,x\n3.png,a,y\n4.png,b,y\n");
    let error = opened(&dir, options(None, None)).unwrap_err().to_string();
    assert!(error.contains("'label' and 'category', which divide the images differently"), "{error}");
    let source = opened(&dir, options(Some("category"), None)).unwrap();
    assert_eq!(source.images().unwrap().classes.join(" "), "x y");
}

#[test]
fn numbers_of_one_value_are_one_class_and_measurements_are_none() {
    let dir = four();
    write(&dir, "t.csv", "file,label\n1.png,0\n2.png,1\n3.png,0.0\n4.png,1.0\n");
    assert_eq!(counts(&open(&dir).unwrap()), expected(&[("0", 1, 1), ("1", 1, 1)]));

    let dir =
        files(&["0.png", "1.png", "2.png", "3.png", "4.png", "5.png", "6.png", "7.png", "8.png", "9.png"]);
    write(&dir, "t.csv", (0..10).fold("file,target\n".to_owned(), |t, i| t + &format!("{i}.png,{}.5\n", i)));
    let labels = Some(dir.path().join("t.csv"));
    let error = opened(&dir, OpenOptions { labels, ..OpenOptions::default() }).unwrap_err().to_string();
    assert!(error.contains("another one for each of 10 images"), "{error}");
}

#[test]
fn an_image_of_several_classes_is_refused_by_its_row() {
    for (row, part) in [("3,1,1", "found 2 (cat, dog)"), ("3,0,0", "found 0")] {
        let dir = four();
        write(&dir, "t.csv", format!("image_id,cat,dog\n1,1,0\n2,0,1\n{row}\n4,0,1\n"));
        let labels = Some(dir.path().join("t.csv"));
        let error = opened(&dir, OpenOptions { labels, ..OpenOptions::default() }).unwrap_err().to_string();
        assert!(error.contains("row 4") && error.contains(part), "{error}");
    }
}

#[test]
fn a_table_without_headers_may_begin_with_the_part() {
    let dir = four();
    let row = |i: usize, part: &str| format!("{part},gs://bucket/images/{i}.png,{}\n", ["dog", "cat"][i % 2]);
    write(&dir, "all.csv", row(1, "TRAIN") + &row(2, "TRAIN") + &row(3, "TEST") + &row(4, "TEST"));
    let found = open(&dir).unwrap();
    assert_eq!(counts(&found), expected(&PETS));
    assert!(found.test.iter().all(|(path, _)| path.ends_with("3.png") || path.ends_with("4.png")));
}

#[test]
fn names_and_labels_in_a_list_may_have_blanks() {
    let dir = files(&["images/1.png", "images/2.png", "images/3.png", "images/my photo 4.png"]);
    let of_names =
        "images/1.png Boeing 707\nimages/2.png A300\nimages/3.png Boeing 707\nimages/my photo 4.png A300\n";
    let of_stems = "1 Boeing 707\n2 A300\n3 Boeing 707\nmy_photo_4 A300\n";
    write(&dir, "list.txt", of_names);
    assert_eq!(counts(&open(&dir).unwrap()), expected(&[("A300", 1, 1), ("Boeing 707", 1, 1)]));
    std::fs::rename(dir.path().join("images/my photo 4.png"), dir.path().join("images/my_photo_4.png"))
        .unwrap();
    write(&dir, "list.txt", of_stems);
    assert_eq!(counts(&open(&dir).unwrap()), expected(&[("A300", 1, 1), ("Boeing 707", 1, 1)]));
}

#[test]
fn a_table_of_another_encoding_is_said_to_be_one() {
    let dir = four();
    write(&dir, "t.csv", b"file,label\n1.png,\xe9\n2.png,b\n");
    let error = open(&dir).unwrap_err().to_string();
    assert!(error.contains("line 2: expected text in UTF-8") && error.contains("other bytes"), "{error}");
}

#[test]
fn a_vertical_place_is_no_class() {
    let points = "file,x,y\n1.png,3,0\n2.png,5,1\n3.png,5,0\n4.png,2,1\n";
    // A name with a comma in it, as in the table of the NIH's X-rays.
    let spacing =
        "Image Index,Finding,Spacing[x,y]\n1.png,cat,1,0\n2.png,cat,1,1\n3.png,dog,1,0\n4.png,dog,1,1\n";
    for table in [points, spacing] {
        let dir = four();
        write(&dir, "t.csv", table);
        let error = open(&dir).unwrap_err().to_string();
        assert!(error.contains("--label-column"), "{error}");
    }
}
