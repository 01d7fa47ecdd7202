//! Groups of images that belong together, such as the frames of one video or the images of one patient.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::random::Random;
use crate::{Dataset, Error, Result};

/// The rows of two sides, each in ascending order: the first has about the share `first` (above 0 and below 1) of the rows of
/// each class, and no group is on both sides.
///
/// `labels` (N) are the classes of the rows, `groups` (N) the names or numbers of their groups. Groups are taken from the
/// largest to the smallest, those of one size in an order drawn by `seed`. Each goes to the side where the counts a_k of rows
/// taken so far and f_k of those on the first side fit best:
///
/// Σ_k (f_k - share·a_k)² is smallest, the first side among equals. If this leaves a side empty, it takes the one group with which
/// that sum over all rows is smallest.
///
/// # Errors
/// [`Error::Argument`] if there are not as many groups as labels, the share is out of range, or there are fewer than two groups.
///
/// ```
/// use mlprobe_data::groups::split_by_group;
///
/// let patients = ["a", "a", "b", "c", "c", "d"];
/// let (train, test) = split_by_group(&[0, 1, 0, 1, 0, 1], &patients, 0.67, 1)?;
/// assert_eq!((train.len(), test.len()), (4, 2));
/// assert!(train.iter().all(|&i| test.iter().all(|&j| patients[i] != patients[j])));
/// # Ok::<(), mlprobe_data::Error>(())
/// ```
pub fn split_by_group<G: Ord>(
    labels: &[u16],
    groups: &[G],
    first: f64,
    seed: u64,
) -> Result<(Vec<usize>, Vec<usize>)> {
    let refused = |expected: String, actual: String| {
        Err(Error::argument("dividing images by their groups", expected, actual))
    };
    if labels.len() != groups.len() {
        return refused(format!("a group for each of {} rows", labels.len()), groups.len().to_string());
    }
    if !(first > 0.0 && first < 1.0) {
        return refused("a share above 0 and below 1".into(), first.to_string());
    }
    let mut rows_of = BTreeMap::<_, Vec<usize>>::new();
    groups.iter().enumerate().for_each(|(row, group)| rows_of.entry(group).or_default().push(row));
    let number = rows_of.len();
    let mut in_order: Vec<Vec<usize>> = rows_of.into_values().collect();
    Random::new(seed, b"groups", 0).shuffle(&mut in_order);
    in_order.sort_by_key(|rows| std::cmp::Reverse(rows.len()));

    let classes = labels.iter().max().map_or(0, |&label| usize::from(label) + 1);
    let (mut taken, mut on_first) = (vec![0.0; classes], vec![0.0; classes]);
    let mut sides = [Vec::new(), Vec::new()];
    for rows in &in_order {
        let mut here = vec![0.0; classes];
        rows.iter().for_each(|&row| here[usize::from(labels[row])] += 1.0);
        taken.iter_mut().zip(&here).for_each(|(a, g)| *a += g);
        let misfit = |joins: f64| -> f64 {
            let counts = taken.iter().zip(&on_first).zip(&here);
            counts.map(|((a, f), g)| (f + joins * g - first * a).powi(2)).sum()
        };
        if misfit(1.0) <= misfit(0.0) {
            on_first.iter_mut().zip(&here).for_each(|(f, g)| *f += g);
            sides[0].extend(rows);
        } else {
            sides[1].extend(rows);
        }
    }
    if number < 2 {
        let actual = format!(
            "{} with all {} images. Name smaller groups, or divide the images yourself",
            if number == 1 { "one group" } else { "no group" },
            labels.len()
        );
        return refused("two or more groups, since one cannot be on both sides".into(), actual);
    }
    // Few and large groups fit best on one side. The other takes the one with which the counts fit best then.
    if let Some(empty) = sides.iter().position(Vec::is_empty) {
        let misfit = |rows: &Vec<usize>| -> f64 {
            let mut here = vec![0.0; classes];
            rows.iter().for_each(|&row| here[usize::from(labels[row])] += 1.0);
            let share = if empty == 0 { first } else { 1.0 - first };
            here.iter().zip(&taken).map(|(g, a)| (g - share * a).powi(2)).sum()
        };
        let best =
            in_order.iter().min_by(|a, b| misfit(a).total_cmp(&misfit(b))).cloned().unwrap_or_default();
        sides[1 - empty].retain(|row| best.binary_search(row).is_err());
        sides[empty] = best;
    }
    let [mut first, mut second] = sides;
    first.sort_unstable();
    second.sort_unstable();
    Ok((first, second))
}

/// Reads the group of each of `rows` rows, one per line, without the white space around it.
///
/// # Errors
/// [`Error::Missing`] or [`Error::Io`] if the file cannot be read; [`Error::Groups`] if it has another number of lines, or a
/// line is empty.
pub fn read_groups(path: impl AsRef<Path>, rows: usize) -> Result<Vec<String>> {
    let path = path.as_ref();
    let text = fs::read_to_string(path).map_err(Error::io("read", path))?;
    let groups: Vec<String> = text.lines().map(|line| line.trim().to_owned()).collect();
    let refused = |actual: String| {
        let expected = format!(
            "{rows} lines, the group of each row: first those of the training set, then those of the test set"
        );
        Err(Error::Groups { path: path.to_owned(), expected, actual })
    };
    if groups.len() != rows {
        return refused(format!("{} lines", groups.len()));
    }
    match groups.iter().position(String::is_empty) {
        Some(line) => refused(format!("nothing in line {}", line + 1)),
        None => Ok(groups),
    }
}

/// The groups that have rows on both sides, in their order.
pub(crate) fn on_both_sides([train, test]: &[Vec<String>; 2]) -> Vec<String> {
    let [train, test] = [train, test].map(|groups| groups.iter().collect::<BTreeSet<_>>());
    train.intersection(&test).map(|&group| group.clone()).collect()
}

impl Dataset {
    /// The same images with the groups that the file `path` names: one line per image, first the training images, then the
    /// test images.
    ///
    /// # Errors
    /// Those of [`read_groups`].
    pub fn with_groups(mut self, path: impl AsRef<Path>) -> Result<Self> {
        let mut train = read_groups(path, self.train.len() + self.test.len())?;
        let test = train.split_off(self.train.len());
        self.groups = [train, test];
        Ok(self)
    }
}
