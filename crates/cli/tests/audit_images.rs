//! The real program audits a folder of images: what was planted is on the page, and left out of the second verdict.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic, and so may its helpers")]

mod photos;

use std::fs;

use photos::{CLASSES, EACH, STUDY, fails, json, photos, succeeds};

/// As a page writes it.
fn escaped(text: &str) -> String {
    text.replace('/', "&#x2f;")
}

#[test]
fn planted_copies_and_wrong_labels_are_shown_and_left_out_of_the_second_verdict() {
    let folder = photos();
    let folder = folder.path();
    let command = format!("audit --dataset photos --out found {STUDY}");
    let [said, _] = succeeds(folder, &command);
    let audit = json(folder.join("found/audit.json"));
    // Classes in the order of their names: blue 0 to 39, green 40 to 79, red 80 to 119.
    let pair = &audit["duplicates"][0];
    assert_eq!(
        (pair["test"].as_u64(), pair["train"].as_u64()),
        (Some(5), Some(7)),
        "{}",
        audit["duplicates"]
    );
    assert_eq!(
        audit["left_out"],
        serde_json::json!({"train": [43, 91], "test": [5]}),
        "{}",
        audit["suspects"]
    );
    assert_eq!(
        (&audit["train_files"]["43"], &audit["test_files"]["5"]),
        (&"train/green/03.bmp".into(), &"test/blue/05.bmp".into())
    );

    let page = fs::read_to_string(folder.join("found/audit.html")).unwrap();
    let text = fs::read_to_string(folder.join("found/audit.md")).unwrap();
    for name in ["test/blue/05.bmp", "train/blue/07.bmp", "train/green/03.bmp", "train/red/11.bmp"] {
        assert!(page.contains(&escaped(name)) && text.contains(name), "{name}");
    }
    for name in ["test/blue/05.bmp, of class blue", "train/green/03.bmp, of class green"] {
        let shown = page.split("<img ").find(|image| image.contains(&escaped(name))).unwrap();
        assert!(shown.starts_with("src=\"data:image/png;base64,"), "{name}");
    }

    let sizes =
        |side: &str| ["train_images", "test_images"].map(|field| audit[side][field].as_u64().unwrap());
    assert_eq!((sizes("with_all"), sizes("without")), ([120, 60], [118, 59]));
    assert_eq!(audit["with_all"]["answers"].as_array().unwrap().len(), 7);
    let without = json(folder.join("found/without/results.json"));
    assert_eq!(without["dataset"]["test_images"], 59);
    assert_eq!(without["answers"][0]["difference"], audit["without"]["answers"][0]["difference"]);
    assert!(said.contains("Without 1 test image and 2 training images"), "{said}");
    assert!(page.contains("<small>over new seeds and new test images</small>"));

    let before = fs::read(folder.join("found/audit.html")).unwrap();
    let [_, told] = succeeds(folder, &command);
    assert_eq!(told.matches("This run is finished").count(), 2, "{told}");
    assert_eq!(fs::read(folder.join("found/audit.html")).unwrap(), before);

    // The command on the page, with other rows left out by hand.
    let mut changed = audit.clone();
    changed["left_out"]["test"] = serde_json::json!([5, 6, 7, 8]);
    fs::write(folder.join("mine.json"), changed.to_string()).unwrap();
    succeeds(folder, &format!("reproduce --dataset photos --without mine.json --out mine {STUDY}"));
    let mine = json(folder.join("mine/results.json"));
    assert_eq!(mine["dataset"]["test_images"], 56);
    assert!(mine["settings"]["images"]["without"].as_str().unwrap().ends_with("mine.json"));
    let [again, _] = succeeds(folder, "report mine");
    assert!(again.contains("report.html"));
    assert!(fs::read_to_string(folder.join("mine/report.html")).unwrap().contains("data:image/png"));
    let page = fs::read(folder.join("mine/report.html")).unwrap();
    let other = fails(folder, "report mine --ablation found/all");
    assert!(other.contains("a run of another kind"), "{other}");
    assert!(fails(folder, "report found").contains("inside it: found/all, found/without"));
    assert_eq!(fs::read(folder.join("mine/report.html")).unwrap(), page);

    // A run of other settings is refused, and what the record says of both verdicts stays.
    let fewer = STUDY.replace("--epochs 4", "--epochs 3");
    assert!(fails(folder, &format!("audit --dataset photos --out found {fewer}")).contains("other settings"));
    assert_eq!(json(folder.join("found/audit.json")), audit);

    fs::remove_file(folder.join("photos/train/blue/00.bmp")).unwrap();
    let error = fails(folder, &format!("reproduce --dataset photos --without mine.json --out other {STUDY}"));
    assert!(
        error.contains("the training images that it was made from") && error.contains("run `audit`"),
        "{error}"
    );
    let error =
        fails(folder, &format!("reproduce --dataset photos --without mine/results.json --out other {STUDY}"));
    assert!(error.contains("expected what `audit` writes"), "{error}");
    let error = fails(folder, &format!("audit --dataset photos --without mine.json --out other {STUDY}"));
    assert!(error.contains("an audit looks at all images"), "{error}");
}

#[test]
fn groups_on_both_sides_are_shown_and_their_test_images_left_out() {
    let folder = photos();
    let folder = folder.path();
    let group = |side: &str, class: &str, number: usize| match (class, number) {
        ("blue", 0 | 1) => "one camera".to_owned(),
        _ => format!("{side} {class} {}", number / 4),
    };
    let mut table = "image,group\n".to_owned();
    for (side, count) in ["train", "test"].into_iter().zip(EACH) {
        for (class, number) in
            CLASSES.into_iter().flat_map(|class| (0..count).map(move |number| (class, number)))
        {
            table += &format!("{side}/{class}/{number:02}.bmp,{}\n", group(side, class, number));
        }
    }
    fs::write(folder.join("groups.csv"), &table).unwrap();
    let [said, told] =
        succeeds(folder, &format!("audit --dataset photos --groups groups.csv --out found {STUDY}"));
    assert!(told.contains("1 group has both training and test images: one camera"), "{told}");
    assert!(
        said.contains("1 group has both training and test images. The 2 test images of this group"),
        "{said}"
    );
    let audit = json(folder.join("found/audit.json"));
    let expected = serde_json::json!([{"group": "one camera", "train": [0, 1], "test": [0, 1]}]);
    assert_eq!(audit["crossings"], expected);
    assert_eq!(audit["left_out"]["test"], serde_json::json!([0, 1, 5]));
    let page = fs::read_to_string(folder.join("found/audit.html")).unwrap();
    assert!(page.contains("<th scope=\"row\">one camera</th><td>2</td><td>2</td>"));
    assert!(page.contains(&escaped("test/blue/00.bmp, of class blue")));

    fs::write(folder.join("groups.csv"), table + "train/blue/99.bmp,x\n").unwrap();
    let error = fails(folder, &format!("audit --dataset photos --groups groups.csv --out other {STUDY}"));
    assert!(error.contains("'train/blue/99.bmp', without an image or a group"), "{error}");
}

#[test]
fn reproduce_keeps_a_group_on_one_side_of_a_folder_that_it_divides() {
    let folder = photos();
    let folder = folder.path();
    let mut table = "image,group\n".to_owned();
    for class in CLASSES {
        (0..EACH[0])
            .for_each(|number| table += &format!("{class}/{number:02}.bmp,{class} {}\n", number / 10));
    }
    fs::write(folder.join("groups.csv"), &table).unwrap();
    let arguments = format!("--dataset photos/train --groups groups.csv --out run {STUDY}");
    succeeds(folder, &format!("reproduce {arguments}"));
    let results = json(folder.join("run/results.json"));
    // A sixth of 40 images is 7, and groups have 10.
    assert_eq!(results["dataset"]["test_images"].as_u64().unwrap() % 10, 0);
    assert!(results["settings"]["images"]["groups"].as_str().unwrap().ends_with("groups.csv"));
    assert!(fs::read_to_string(folder.join("run/report.md")).unwrap().contains("--groups"));

    let all_in_one = table.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned() + ",x\n");
    fs::write(folder.join("groups.csv"), "image,group\n".to_owned() + &all_in_one.collect::<String>())
        .unwrap();
    let error = fails(folder, &format!("reproduce {arguments}"));
    assert!(
        error.contains("one group with all 120 images") && error.contains("divide the images yourself"),
        "{error}"
    );
}

#[test]
fn options_of_images_and_of_arrays_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (arguments, words) in [
        ("audit train.npz --dataset mini --out a", "cannot be used with"),
        ("audit train.npz --epochs 3 --out a", "cannot be used with"),
        ("audit train.npz --hidden 3 --out a", "cannot be used with"),
        ("audit train.npz --extractor squeezenet --out a", "cannot be used with"),
        ("audit --test test.npz --out a", "<TRAIN>"),
        ("audit --dataset mini --labels-key y --out a", "are for TRAIN"),
        ("audit train.npz", "--out"),
    ] {
        let error = fails(folder, arguments);
        assert!(error.contains(words), "{arguments}: {error}");
    }
}
