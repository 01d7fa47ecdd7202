//! Groups of images: where a folder is divided, a group stays on one side; what does not fit is named.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use mlprobe_data::groups::{read_groups, split_by_group};
use mlprobe_data::image_folder::ImageFolder;
use mlprobe_data::random::Random;
use mlprobe_data::summary::Oddity;
use mlprobe_data::{Error, OpenOptions, Source};
use tempfile::TempDir;

use crate::pictures::{classes, folder, put, write};

fn find(dir: &TempDir, groups: &str) -> Result<Source, Error> {
    let groups = Some(dir.path().join(groups));
    Source::find(dir.path(), &OpenOptions { side: 4, groups, ..OpenOptions::default() })
}

/// Patients of three images in a row, of each class.
fn patients(classes: usize, each: usize) -> String {
    let rows = (0..classes).flat_map(|class| (0..each).map(move |i| (class, i)));
    let row = |(class, i)| format!("class{class}/{i:02}.png,p{class}-{}\n", i / 3);
    rows.map(row).fold("image,patient\n".to_owned(), |table, row| table + &row)
}

/// The patients of files as [`patients`] numbers them.
fn patients_of(files: &[(PathBuf, u16)]) -> BTreeSet<(u16, usize)> {
    let number = |path: &Path| path.file_stem().unwrap().to_str().unwrap().parse::<usize>().unwrap();
    files.iter().map(|(path, class)| (*class, number(path) / 3)).collect()
}

#[test]
fn a_group_of_images_stays_on_one_side_of_a_folder_that_is_divided() {
    let dir = classes(3, 18);
    write(&dir, "patients.csv", patients(3, 18));
    let source = find(&dir, "patients.csv").unwrap();
    let ImageFolder { train, test, .. } = source.images().unwrap();
    assert!(patients_of(train).is_disjoint(&patients_of(test)));
    assert_eq!((train.len(), test.len()), (45, 9), "a sixth, one patient of each class");
    let (set, oddities) = source.open(&|_| ()).unwrap();
    assert_eq!(oddities, []);
    let of_first =
        format!("p0-{}", test[0].0.file_stem().unwrap().to_str().unwrap().parse::<usize>().unwrap() / 3);
    assert_eq!((set.groups[0].len(), set.groups[1].len(), &set.groups[1][0]), (45, 9, &of_first));
    assert_eq!(dir.path().join(&set.files[1][0]), test[0].0);
}

#[test]
fn a_broken_image_takes_its_file_and_group_with_it() {
    let dir = classes(2, 18);
    write(&dir, "patients.csv", patients(2, 18));
    let options = OpenOptions {
        side: 4,
        groups: Some(dir.path().join("patients.csv")),
        on_broken: mlprobe_data::image_folder::OnBroken::Skip,
        ..OpenOptions::default()
    };
    let source = Source::find(dir.path(), &options).unwrap();
    let (broken, kept) = {
        let train = &source.images().unwrap().train;
        (train[0].0.clone(), train[1].0.clone())
    };
    std::fs::write(broken, "no image").unwrap();
    let (set, _) = source.open(&|_| ()).unwrap();
    assert_eq!((set.train.len(), set.files[0].len(), set.groups[0].len()), (29, 29, 29));
    assert_eq!(dir.path().join(&set.files[0][0]), kept);
}

#[test]
fn a_group_on_both_sides_of_a_given_split_is_named() {
    let dir = folder(&[("train/a/1.png", 1), ("train/b/2.png", 2), ("test/a/3.png", 3), ("test/b/4.png", 4)]);
    write(&dir, "groups.csv", "file,group\n1.png,x\n2.png,y\n3.png,z\n4.png,y\n");
    let crossing = Oddity::GroupsOnBothSides(vec!["y".into()]);
    let source = find(&dir, "groups.csv").unwrap();
    assert!(source.summary().unwrap().oddities.contains(&crossing));
    let (set, oddities) = source.open(&|_| ()).unwrap();
    assert_eq!((&set.groups[1][..], oddities), (&["z".to_owned(), "y".to_owned()][..], vec![]), "said once");
    assert!(set.summary().oddities.contains(&crossing));
}

#[test]
fn a_file_of_groups_is_no_table_of_labels() {
    let dir =
        crate::pictures::files(&["1.png", "2.png", "3.png", "4.png", "5.png", "6.png", "7.png", "8.png"]);
    let table = |header: &str, value: fn(usize) -> &'static str| {
        (1..=8).fold(header.to_owned(), |table, i| table + &format!("{i}.png,{}\n", value(i)))
    };
    write(&dir, "labels.csv", table("file,label\n", |i| ["cat", "dog"][i % 2]));
    write(&dir, "groups.csv", table("file,group\n", |i| ["v", "w", "x", "y"][(i - 1) / 2]));
    let source = find(&dir, "groups.csv").unwrap();
    let images = source.images().unwrap();
    assert_eq!((images.classes.join(" "), images.train.len(), images.test.len()), ("cat dog".into(), 6, 2));
}

#[test]
fn groups_that_do_not_fit_the_images_are_refused_with_what_is_wrong() {
    let dir = classes(2, 6);
    let whole = patients(2, 6);
    put(dir.path(), "loose.png", 99);
    for (table, words) in [
        (whole.replace("class1/05.png,p1-1\n", ""), "a group for every image, found none for"),
        (whole.clone() + "class9/00.png,p0-0\n", "'class9/00.png', without an image or a group"),
        (
            whole.replace("class1/05.png,p1-1", "class1/05.png,"),
            "'class1/05.png', without an image or a group",
        ),
        (whole.clone() + "class1/05.png,other\n", "the group of row 13, 'p1-1', for 'class1/05.png'"),
        (whole.lines().map(|line| line.replace(['0', '1'], "") + "\n").collect(), "names of the images in"),
        (
            whole.replace("p0-0", "p").replace("p0-1", "p").replace("p1-0", "p").replace("p1-1", "p"),
            "got one group with all 12 images",
        ),
        ("image,patient,side\nclass0/00.png,p,left\n".into(), "found none for"),
        ("one,two,three\na,b,c\n".into(), "one called group, groups"),
    ] {
        write(&dir, "groups.csv", &table);
        let message = find(&dir, "groups.csv").unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
    }
    let message = find(&dir, "nothing.csv").unwrap_err().to_string();
    assert!(message.contains("nothing.csv is missing"), "{message}");
}

#[test]
fn images_without_names_have_a_group_on_each_line() {
    let dir = tempfile::tempdir().unwrap();
    let mini = mlprobe_data::mini::load("../../data/cifar10-mini").unwrap();
    let lines = |count: usize| (0..count).map(|i| format!(" g{} \n", i % 2500)).collect::<String>();
    write(&dir, "groups.txt", lines(3000));
    let set = mini.clone().with_groups(dir.path().join("groups.txt")).unwrap();
    assert_eq!(
        (set.groups[0].len(), set.groups[1].len(), set.groups[1][499].as_str()),
        (2000, 1000, "g2499")
    );
    let crossing = set.summary().oddities.remove(0);
    assert!(matches!(crossing, Oddity::GroupsOnBothSides(names) if names.len() == 500));

    write(&dir, "groups.txt", lines(2999));
    let message = mini.clone().with_groups(dir.path().join("groups.txt")).unwrap_err().to_string();
    assert!(message.contains("expected 3000 lines") && message.contains("found 2999 lines"), "{message}");
    write(&dir, "groups.txt", "a\n\nb\n");
    let message = read_groups(dir.path().join("groups.txt"), 3).unwrap_err().to_string();
    assert!(message.contains("found nothing in line 2. Correct the file"), "{message}");
}

#[test]
fn a_group_of_rows_stays_on_one_side_and_the_share_is_kept() {
    let mut random = Random::new(1, b"test", 0);
    let groups: Vec<u64> = (0..600).map(|_| u64::from(random.below(80))).collect();
    let labels: Vec<u16> = (0..600).map(|_| random.below(3) as u16).collect();
    for share in [0.2, 0.5, 0.8] {
        let (first, second) = split_by_group(&labels, &groups, share, 3).unwrap();
        let mut all = [&first[..], &second[..]].concat();
        all.sort_unstable();
        assert_eq!(all, (0..600).collect::<Vec<_>>());
        let of = |rows: &[usize]| rows.iter().map(|&row| groups[row]).collect::<BTreeSet<_>>();
        assert!(of(&first).is_disjoint(&of(&second)));
        for class in 0..3 {
            let count = |rows: &[usize]| rows.iter().filter(|&&row| labels[row] == class).count() as f64;
            let actual = count(&first) / (count(&first) + count(&second));
            // About 200 rows of each class, in groups of 2.5 rows of it: within 5 rows.
            assert!((actual - share).abs() < 0.025, "{actual} of class {class}, not {share}");
        }
    }
}

#[test]
fn the_seed_decides_which_groups_go_where() {
    let (labels, groups) = (vec![0; 40], (0..40).map(|i| i / 2).collect::<Vec<u32>>());
    let split = |seed| split_by_group(&labels, &groups, 0.5, seed).unwrap();
    assert_eq!(split(1), split(1));
    assert_ne!(split(1), split(2));
}

#[test]
fn few_and_large_groups_are_divided_all_the_same() {
    for (groups, share, sizes) in [
        (&[8, 8, 8][..], 5.0 / 6.0, (16, 8)),
        (&[12, 12], 5.0 / 6.0, (12, 12)),
        (&[20, 3, 1], 5.0 / 6.0, (20, 4)),
        (&[9, 9, 9], 0.01, (9, 18)),
        (&[2, 1, 1], 0.99, (3, 1)),
    ] {
        let of_row: Vec<usize> = groups.iter().enumerate().flat_map(|(i, &n)| vec![i; n]).collect();
        let labels: Vec<u16> = (0..of_row.len()).map(|row| (row % 2) as u16).collect();
        let (first, second) = split_by_group(&labels, &of_row, share, 0).unwrap();
        assert_eq!((first.len(), second.len()), sizes, "{groups:?}");
        assert!(first.iter().all(|&a| second.iter().all(|&b| of_row[a] != of_row[b])) && first.is_sorted());
    }
}

#[test]
fn a_side_without_rows_is_refused_with_the_way_out() {
    let message = |groups: &[&str], share| split_by_group(&[0; 4], groups, share, 1).unwrap_err().to_string();
    for (message, part) in [
        (
            message(&["a"; 4], 0.5),
            "two or more groups, since one cannot be on both sides, got one group with all 4 images",
        ),
        (message(&["a", "b"], 0.5), "a group for each of 4 rows, got 2"),
        (message(&["a", "b", "c", "d"], 1.0), "a share above 0 and below 1, got 1"),
        (message(&["a", "b", "c", "d"], f64::NAN), "got NaN"),
    ] {
        assert!(message.contains(part), "{message:?} does not say {part:?}");
    }
    assert!(split_by_group::<u64>(&[], &[], 0.5, 1).is_err());
}
