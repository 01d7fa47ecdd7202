//! Rows that belong together, such as the frames of one video or the images of one patient.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Result, require};
use serde::{Deserialize, Serialize};

/// A group that has rows on both sides of a split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crossing {
    /// The name or number of the group.
    pub group: String,
    /// Its training rows.
    pub train: Vec<usize>,
    /// Its test rows.
    pub test: Vec<usize>,
}

/// The groups that have rows both among the training rows, whose groups are `train` (N), and the test rows, whose groups are
/// `test` (M), in the order of the groups.
///
/// ```
/// use mlprobe_audit::crossing;
///
/// let found = crossing(&[7, 8, 8], &[9, 8]);
/// assert_eq!(found.len(), 1);
/// assert_eq!((found[0].group.as_str(), &found[0].train[..], &found[0].test[..]), ("8", &[1, 2][..], &[1][..]));
/// ```
pub fn crossing<G: Ord + ToString>(train: &[G], test: &[G]) -> Vec<Crossing> {
    let mut test = rows_of_groups(test);
    let both = rows_of_groups(train)
        .into_iter()
        .filter_map(|(group, train)| Some((group, train, test.remove(group)?)));
    both.map(|(group, train, test)| Crossing { group: group.to_string(), train, test }).collect()
}

/// Classes that are not on both sides of a split.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneSided {
    /// Classes with training rows only: no test row measures them.
    pub train_only: Vec<u16>,
    /// Classes with test rows only: no network can predict them.
    pub test_only: Vec<u16>,
    /// Classes without a row.
    pub absent: Vec<u16>,
}

/// Which of the classes 0 to `classes` - 1 are on one side only, or on none.
///
/// # Errors
/// [`Error::Argument`](crate::Error::Argument) for a label of `classes` or above, or more classes than labels can number.
///
/// ```
/// use mlprobe_audit::classes_on_one_side;
///
/// let found = classes_on_one_side(&[0, 1, 1], &[0, 2], 4)?;
/// assert_eq!((found.train_only, found.test_only, found.absent), (vec![1], vec![2], vec![3]));
/// # Ok::<(), mlprobe_audit::Error>(())
/// ```
pub fn classes_on_one_side(train_labels: &[u16], test_labels: &[u16], classes: usize) -> Result<OneSided> {
    const OPERATION: &str = "find classes on one side";
    const MOST: usize = 1 << 16;
    require(classes <= MOST, OPERATION, "at most 65536 classes", classes, "labels are 16 bits wide")?;
    for (side, labels) in [("training", train_labels), ("test", test_labels)] {
        if let Some((row, label)) =
            labels.iter().enumerate().find(|(_, label)| usize::from(**label) >= classes)
        {
            let (expected, actual) =
                (format!("labels below {classes}"), format!("{label} in {side} row {row}"));
            require(false, OPERATION, expected, actual, "check the labels, or raise the number of classes")?;
        }
    }
    let [train, test] = [train_labels, test_labels].map(|labels| labels.iter().collect::<BTreeSet<_>>());
    let mut found = OneSided::default();
    for class in (0..classes).map(|class| class as u16) {
        match (train.contains(&class), test.contains(&class)) {
            (true, true) => {}
            (true, false) => found.train_only.push(class),
            (false, true) => found.test_only.push(class),
            (false, false) => found.absent.push(class),
        }
    }
    Ok(found)
}

/// The rows of each group.
fn rows_of_groups<G: Ord>(groups: &[G]) -> BTreeMap<&G, Vec<usize>> {
    let mut rows = BTreeMap::<_, Vec<usize>>::new();
    groups.iter().enumerate().for_each(|(row, group)| rows.entry(group).or_default().push(row));
    rows
}
