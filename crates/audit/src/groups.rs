//! Rows that belong together, such as the frames of one video or the images of one patient.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Result, require};
use crate::folds::shuffle;
use mlprobe_random::Random;
use serde::{Deserialize, Serialize};

const OPERATION: &str = "split by group";

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

/// The rows of two sides, each in ascending order: the first has about the `share` (above 0 and below 1) of the rows of each
/// class, and no group is on both sides.
///
/// `labels` (N) are the classes of the rows, `groups` (N) the names or numbers of their groups. Groups are taken from the
/// largest to the smallest, those of one size in an order drawn by `seed`. Each goes to the side where the counts a_k of rows
/// taken so far and f_k of those on the first side fit best:
///
/// Σ_k (f_k - share·a_k)² is smallest, the first side among equals.
///
/// # Errors
/// [`Error::Argument`](crate::Error::Argument) if there are not as many groups as labels, the share is out of range, or a side
/// would be empty.
///
/// ```
/// use mlprobe_audit::split_by_group;
///
/// let patients = ["a", "a", "b", "c", "c", "d"];
/// let (train, test) = split_by_group(&[0, 1, 0, 1, 0, 1], &patients, 0.67, 1)?;
/// assert_eq!((train.len(), test.len()), (4, 2));
/// assert!(train.iter().all(|&i| test.iter().all(|&j| patients[i] != patients[j])));
/// # Ok::<(), mlprobe_audit::Error>(())
/// ```
pub fn split_by_group<G: Ord>(
    labels: &[u16],
    groups: &[G],
    share: f64,
    seed: u64,
) -> Result<(Vec<usize>, Vec<usize>)> {
    let next = "name the group of every row";
    let fits = labels.len() == groups.len();
    require(fits, OPERATION, format!("a group for each of {} rows", labels.len()), groups.len(), next)?;
    let in_range = share > 0.0 && share < 1.0;
    require(in_range, OPERATION, "a share above 0 and below 1", share, "choose 0.8, for example")?;

    let mut in_order: Vec<Vec<usize>> = rows_of_groups(groups).into_values().collect();
    let number = in_order.len();
    require(
        number >= 2,
        OPERATION,
        "at least 2 groups",
        number,
        "name more groups, or split without groups",
    )?;
    shuffle(&mut in_order, &mut Random::new(seed, b"audit groups", 0));
    in_order.sort_by_key(|rows| std::cmp::Reverse(rows.len()));

    let classes = labels.iter().max().map_or(0, |&label| usize::from(label) + 1);
    let (mut taken, mut on_first) = (vec![0.0; classes], vec![0.0; classes]);
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for rows in in_order {
        let mut here = vec![0.0; classes];
        rows.iter().for_each(|&row| here[usize::from(labels[row])] += 1.0);
        taken.iter_mut().zip(&here).for_each(|(a, g)| *a += g);
        let misfit = |joins: f64| -> f64 {
            let counts = taken.iter().zip(&on_first).zip(&here);
            counts.map(|((a, f), g)| (f + joins * g - share * a).powi(2)).sum()
        };
        if misfit(1.0) <= misfit(0.0) {
            on_first.iter_mut().zip(&here).for_each(|(f, g)| *f += g);
            first.extend(rows);
        } else {
            second.extend(rows);
        }
    }
    for (side, rows) in [("first", &first), ("second", &second)] {
        let actual = format!("an empty {side} side for a share of {share} of {number} groups");
        let next = "choose a share nearer to 0.5, or name smaller groups";
        require(!rows.is_empty(), OPERATION, "rows on both sides", actual, next)?;
    }
    first.sort_unstable();
    second.sort_unstable();
    Ok((first, second))
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
