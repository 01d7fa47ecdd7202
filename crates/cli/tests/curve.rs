//! The real program runs a study of several parts in one process.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic, and so may its helpers")]

mod photos;

use photos::{STUDY, fails, json, photos, succeeds};

#[test]
fn a_curve_runs_every_part_and_recognises_those_that_are_finished() {
    let folder = photos();
    let folder = folder.path();
    let command = format!("curve --dataset photos --parts 50,100 --out curve {STUDY}");
    succeeds(folder, &command);
    let curve = json(folder.join("curve/curve.json"));
    let images: Vec<_> = (0..2).map(|part| curve["points"][part]["images"].as_u64().unwrap()).collect();
    assert_eq!(images, [60, 120]);
    let [_, told] = succeeds(folder, &command);
    assert_eq!(told.matches("This run is finished").count(), 2, "{told}");
    let written = json(folder.join("curve/curve.json"));
    let fewer = fails(folder, &format!("curve --dataset photos --parts 100 --out curve {STUDY}"));
    assert!(fewer.contains("other parts too, 50 %"), "{fewer}");
    assert_eq!(json(folder.join("curve/curve.json")), written, "the curve of all parts stays");
    assert!(fails(folder, &format!("{command} --resample")).contains("leave --resample out"));
}
