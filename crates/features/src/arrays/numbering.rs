//! Columns that only number the rows: a model that sees them learns the order of a file.

use std::collections::{HashMap, HashSet};

use ndarray::{ArrayView1, ArrayView2};

use super::problem::{Problem, listed, wrong};

/// Names of columns that number the rows, in lower case and without separators; the empty one, `Unnamed: 0`, `level_0` and
/// `__index_level_0__` are how pandas writes an index.
const NAMES: [&str; 11] =
    ["", "id", "ids", "idx", "index", "rowid", "rownumber", "unnamed0", "unnamed01", "level0", "indexlevel0"];
/// In fewer rows, whole numbers may be 0, 1, 2, ... by chance.
const ENOUGH_ROWS: usize = 10;

/// What a feature is called in a message: by its name, or by its place.
pub fn called(columns: &[String], column: usize) -> String {
    columns.get(column).map_or_else(|| format!("column {column}"), |name| format!("column `{name}`"))
}

/// The columns of `features` (N, D) that only number the rows, which is all but all of them: those of a name such as `id`, if
/// they hold whole numbers that are all different, and, from 10 rows on, those that hold each of 0 to N - 1, or of 1 to N, once.
/// An only column of another name is a feature whatever it holds.
///
/// # Errors
/// The column with such a name that holds something else, and features that are all of them numbers of rows.
pub fn numbering(features: ArrayView2<'_, f32>, columns: &[String]) -> Result<Vec<usize>, (String, Problem)> {
    let mut found = Vec::new();
    for (j, _) in columns.iter().enumerate().filter(|(_, name)| is_known(name)) {
        if !is_distinct(features.column(j)) {
            let next = "leave this column out, or give it another name if it is a feature, or name the features with --features-key";
            let problem = wrong("a feature", "a column that seems to number the rows", next);
            return problem.map_err(|problem| (called(columns, j), problem));
        }
        found.push(j);
    }
    let running = running(features);
    let is_only = features.ncols() == 1 && found.is_empty();
    found.extend(
        running.into_iter().filter(|j| !is_only && !columns.get(*j).is_some_and(|name| is_known(name))),
    );
    found.sort_unstable();
    if found.len() == features.ncols() {
        let names: Vec<String> = found.iter().map(|&j| called(columns, j).replace('`', "")).collect();
        let next = "name the features with --features-key";
        let problem =
            wrong("at least one feature", format!("nothing but numbers of rows: {}", listed(&names)), next);
        return problem.map_err(|problem| ("features".into(), problem));
    }
    Ok(found)
}

/// The columns of `features` (N, D) that may number rows, because each row has a whole number of its own: as a part of a table has
/// that was divided at random.
pub fn suspects(features: ArrayView2<'_, f32>) -> Vec<usize> {
    if features.nrows() < ENOUGH_ROWS {
        return Vec::new();
    }
    // Beyond 2^24, every number in f32 is whole.
    let is_exact = |column: ArrayView1<'_, f32>| column.iter().all(|x| x.abs() < (1 << 24) as f32);
    (0..features.ncols())
        .filter(|&j| is_exact(features.column(j)) && is_distinct(features.column(j)))
        .collect()
}

/// The columns of `features` (N, D) that divide the rows as the `labels` (N) of two or more classes do: another form of the
/// labels, or features that tell the classes.
pub fn twins(features: ArrayView2<'_, f32>, labels: &[u16]) -> Vec<usize> {
    if features.nrows() < ENOUGH_ROWS || labels.windows(2).all(|pair| pair[0] == pair[1]) {
        return Vec::new();
    }
    let is_twin = |column: ArrayView1<'_, f32>| {
        let (mut there, mut back) = (HashMap::new(), HashMap::new());
        column.iter().zip(labels).all(|(x, &label)| {
            let x = (x + 0.0).to_bits();
            *there.entry(x).or_insert(label) == label && *back.entry(label).or_insert(x) == x
        })
    };
    (0..features.ncols()).filter(|&j| is_twin(features.column(j))).collect()
}

/// Whether a column of this name says what a row is for, or what it weighs, and not what it is like.
pub fn is_bookkeeping(name: &str) -> bool {
    const NAMES: [&str; 12] = [
        "split",
        "subset",
        "partition",
        "fold",
        "kfold",
        "istrain",
        "istest",
        "isval",
        "isvalid",
        "istraining",
        "sampleweight",
        "classweight",
    ];
    NAMES.contains(&plain(name).as_str())
}

/// Whether there are only whole numbers, all of them different.
fn is_distinct(column: ArrayView1<'_, f32>) -> bool {
    let mut seen = HashSet::new();
    column.iter().all(|x| x.fract() == 0.0 && seen.insert(x.to_bits()))
}

fn is_known(name: &str) -> bool {
    NAMES.contains(&plain(name).as_str())
}

/// In lower case and without separators.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The columns of `features` (N, D) that hold each of 0 to N - 1, or of 1 to N, once, by the sums of a hash of their numbers.
fn running(features: ArrayView2<'_, f32>) -> Vec<usize> {
    let n = features.nrows();
    if n < ENOUGH_ROWS {
        return Vec::new();
    }
    let mut sums: Vec<(usize, u64)> = (0..features.ncols()).map(|j| (j, 0)).collect();
    for row in features.outer_iter() {
        sums.retain_mut(|(j, sum)| {
            let x = row[*j];
            *sum = sum.wrapping_add(hash(x));
            x.fract() == 0.0 && x >= 0.0 && x <= n as f32
        });
        if sums.is_empty() {
            return Vec::new();
        }
    }
    // Rounded as the numbers of the file were.
    let expected = |first: usize| (first..first + n).fold(0_u64, |sum, i| sum.wrapping_add(hash(i as f32)));
    let expected = [expected(0), expected(1)];
    sums.into_iter().filter(|(_, sum)| expected.contains(sum)).map(|(j, _)| j).collect()
}

/// The last steps of SplitMix64.
fn hash(x: f32) -> u64 {
    let x = u64::from((x + 0.0).to_bits());
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    fn found(n: usize, names: &[&str], at: impl Fn(usize, usize) -> f32) -> Option<Vec<usize>> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let features = Array2::from_shape_fn((n, names.len()), |(i, j)| at(i, j));
        numbering(features.view(), &names).ok()
    }

    #[test]
    fn a_column_that_numbers_the_rows_is_found_in_any_order_and_a_feature_is_not() {
        let feature = |i: usize| (i * i % 13) as f32;
        // From 0, from 1, backwards, shuffled.
        let numbers: [fn(usize) -> usize; 4] = [|i| i, |i| i + 1, |i| 29 - i, |i| i * 7 % 30];
        for number in numbers {
            let at = |i: usize, j: usize| if j == 1 { number(i) as f32 } else { feature(i) };
            assert_eq!(found(30, &["a", "b", "c"], at), Some(vec![1]));
        }
        // One is there twice, one is a fraction, one is negative, numbers that begin elsewhere.
        let others: [fn(usize) -> f32; 4] =
            [|i| i.max(1) as f32, |i| i as f32 + 0.5, |i| i as f32 - 1.0, |i| i as f32 + 2.0];
        for number in others {
            let at = |i: usize, j: usize| if j == 1 { number(i) } else { feature(i) };
            assert_eq!(found(30, &["a", "b"], at), Some(vec![]));
        }
    }

    #[test]
    fn a_name_tells_where_few_rows_or_other_numbers_do_not() {
        for name in ["id", "Index", "Unnamed: 0", "", "__index_level_0__"] {
            let at = |i: usize, j: usize| if j == 0 { [7.0, 3.0, 9.0][i] } else { 0.5 };
            assert_eq!(found(3, &[name, "a"], at), Some(vec![0]), "{name}");
            // Twice the same number: it is not known what this is.
            assert_eq!(found(3, &[name, "a"], |_, _| 1.0), None, "{name}");
        }
        assert_eq!(found(3, &["a", "b"], |i, _| i as f32), Some(vec![]));
    }

    #[test]
    fn the_only_feature_stays_and_nothing_but_numbers_of_rows_is_refused() {
        assert_eq!(found(30, &["a"], |i, _| i as f32), Some(vec![]));
        assert_eq!(found(30, &["a", "b"], |i, _| i as f32), None);
        assert_eq!(found(30, &["id"], |i, _| i as f32), None);
    }
}
