//! Rows dealt out to folds, class by class.

use crate::error::{Result, require};
use mlprobe_random::Random;

/// The rows of each class, for labels below K.
pub(crate) fn rows_of_classes(labels: &[u16]) -> Vec<Vec<usize>> {
    let classes = labels.iter().max().map_or(0, |&label| usize::from(label) + 1);
    let mut rows = vec![Vec::new(); classes];
    for (row, &label) in labels.iter().enumerate() {
        rows[usize::from(label)].push(row);
    }
    rows
}

/// The fold of each row (N), 0 to `folds` - 1. Folds differ by at most one row, and so do the rows that each has of a class.
///
/// The rows of class k are shuffled by stream k of `seed` and dealt out in turn, each class beginning where the one before ended.
pub(crate) fn stratified(labels: &[u16], folds: usize, seed: u64) -> Result<Vec<usize>> {
    const OPERATION: &str = "divide rows into folds";
    let n = labels.len();
    let next = "use five folds, or fewer for very few rows";
    require((2..=n).contains(&folds), OPERATION, format!("2 to {n} folds, the number of rows"), folds, next)?;
    let mut fold_of = vec![0; n];
    let mut turn = 0;
    for (class, mut rows) in rows_of_classes(labels).into_iter().enumerate() {
        Random::new(seed, b"audit folds", class as u64).shuffle(&mut rows);
        for row in rows {
            fold_of[row] = turn % folds;
            turn += 1;
        }
    }
    Ok(fold_of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_are_even_in_rows_and_in_classes() {
        let labels: Vec<u16> = (0..103).map(|i| [0, 0, 0, 2, 2, 3][i % 6]).collect();
        let folds = stratified(&labels, 4, 7).unwrap();
        let count = |class: Option<u16>| {
            let of =
                |fold| (0..103).filter(|&i| folds[i] == fold && class.is_none_or(|k| labels[i] == k)).count();
            let counts: Vec<usize> = (0..4).map(of).collect();
            (counts.iter().sum::<usize>(), counts.iter().max().unwrap() - counts.iter().min().unwrap())
        };
        assert_eq!(count(None).0, 103);
        for class in [None, Some(0), Some(1), Some(2), Some(3)] {
            assert!(count(class).1 <= 1, "{class:?}");
        }
    }

    #[test]
    fn the_seed_decides_the_folds() {
        let labels = vec![0; 50];
        assert_eq!(stratified(&labels, 5, 1).unwrap(), stratified(&labels, 5, 1).unwrap());
        assert_ne!(stratified(&labels, 5, 1).unwrap(), stratified(&labels, 5, 2).unwrap());
    }
}
