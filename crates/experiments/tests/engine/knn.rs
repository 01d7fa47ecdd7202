//! The baselines against a naive reference, and on ties worked by hand.

use mlprobe_data::random::Random;
use mlprobe_experiments::knn::{knn_predict, majority_class, unit_rows};
use ndarray::{Array2, ArrayView2, array};

/// Small whole numbers: every product, sum and distance is exact in f32, so ties are true ties.
fn whole_numbers(rows: usize, columns: usize, number: u64) -> Array2<f32> {
    let mut random = Random::new(0, b"knn test", number);
    Array2::from_shape_simple_fn((rows, columns), || random.below(5) as f32 - 2.0)
}

fn classes(rows: usize) -> Vec<u16> {
    let mut random = Random::new(0, b"knn labels", 0);
    (0..rows).map(|_| random.below(4) as u16).collect()
}

/// Sorts all N rows by (distance, index), then counts votes; equal votes go to the class met first.
fn naive_knn(train: ArrayView2<f32>, labels: &[u16], query: ArrayView2<f32>, k: usize) -> Vec<u16> {
    let nearest_class = |q: ndarray::ArrayView1<f32>| {
        let mut rows: Vec<(i64, usize)> = train
            .outer_iter()
            .enumerate()
            .map(|(i, t)| (t.iter().zip(q).map(|(t, q)| ((t - q) * (t - q)) as i64).sum(), i))
            .collect();
        rows.sort_unstable();
        let votes: Vec<u16> = rows[..k].iter().map(|&(_, i)| labels[i]).collect();
        let count = |class: &u16| votes.iter().filter(|&vote| vote == class).count();
        let most = votes.iter().map(count).max().unwrap();
        *votes.iter().find(|&class| count(class) == most).unwrap()
    };
    query.outer_iter().map(nearest_class).collect()
}

#[test]
fn neighbours_agree_with_a_naive_search_over_several_blocks_and_many_ties() {
    // 4,500 rows are three blocks of 2,048 or less, 300 queries two of 256 or less.
    let (train, query) = (whole_numbers(4500, 7, 0), whole_numbers(300, 7, 1));
    let labels = classes(4500);
    for k in [1, 2, 5, 20] {
        let predicted = knn_predict(train.view(), &labels, query.view(), k).unwrap();
        assert!(predicted == naive_knn(train.view(), &labels, query.view(), k), "k = {k}");
    }
    let (few, all) = (train.slice_axis(ndarray::Axis(0), (..9).into()), 9);
    let predicted = knn_predict(few, &labels[..9], query.view(), all).unwrap();
    assert_eq!(predicted, naive_knn(few, &labels[..9], query.view(), all));
}

#[test]
fn the_lower_index_wins_among_equal_distances_and_the_nearer_class_among_equal_votes() {
    let train = array![[1.0_f32], [-1.0], [3.0], [-3.0], [4.0]];
    let predict = |labels: &[u16; 5], k| knn_predict(train.view(), labels, array![[0.0]].view(), k).unwrap();
    assert_eq!(predict(&[8, 2, 0, 0, 0], 1), [8], "rows 0 and 1 are equally far");
    assert_eq!(predict(&[8, 2, 2, 8, 0], 4), [8], "two votes each, class 8 has row 0");
    assert_eq!(predict(&[9, 2, 2, 8, 8], 5), [2], "two votes each, class 2 is nearer");
}

#[test]
fn neighbours_are_the_same_for_any_number_of_threads() {
    let (train, query) =
        (whole_numbers(500, 16, 2).mapv(|x| x * 0.1), whole_numbers(700, 16, 3).mapv(|x| x * 0.1));
    let labels = classes(500);
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| knn_predict(train.view(), &labels, query.view(), 5).unwrap())
    };
    let one = on(1);
    assert_eq!(on(2), one);
    assert_eq!(on(5), one);
}

#[test]
fn unit_rows_make_neighbours_those_of_the_smallest_angle() {
    let train = array![[100.0_f32, 0.0], [0.5, 0.5], [0.0, 0.0]];
    let query = array![[2.0_f32, 0.1], [3.0, 2.9]];
    let predict = |train: &Array2<f32>, query: &Array2<f32>| {
        knn_predict(train.view(), &[0, 1, 2], query.view(), 1).unwrap()
    };
    assert_eq!(predict(&train, &query), [1, 1], "far along the right direction");
    let (train, query) = (unit_rows(train.view()), unit_rows(query.view()));
    assert_eq!(predict(&train, &query), [0, 1]);
    assert_eq!(train.row(2), array![0.0, 0.0], "no direction, no change");
    assert!((train.row(1).dot(&train.row(1)) - 1.0).abs() < 2e-7, "two roundings of 2^-24");
}

#[test]
fn the_majority_is_the_lowest_of_the_most_frequent_classes() {
    assert_eq!(majority_class(&[7, 3, 3, 7, 9]).unwrap(), 3);
    assert_eq!(majority_class(&[255]).unwrap(), 255);
}

#[test]
fn baselines_refuse_what_does_not_fit() {
    let (train, query) = (whole_numbers(4, 3, 4), whole_numbers(2, 3, 5));
    let knn =
        |labels: &[u16], query: &Array2<f32>, k| knn_predict(train.view(), labels, query.view(), k).map(drop);
    let table = [
        (knn(&[0; 3], &query, 1), "got 3 labels and 4 rows"),
        (knn(&[0; 4], &whole_numbers(2, 5, 6), 1), "got (4, 3) and (2, 5)"),
        (knn(&[0; 4], &query, 0), "expected k in 1..=4, got 0"),
        (knn(&[0; 4], &query, 5), "expected k in 1..=4, got 5"),
        (knn(&[0; 4], &query.mapv(|_| f32::NAN), 1), "expected finite features"),
        (majority_class(&[]).map(drop), "got 0 labels"),
    ];
    for (result, expected) in table {
        let message = result.map_or_else(|error| error.to_string(), |()| "no error".to_owned());
        assert!(message.contains(expected), "{message:?} lacks {expected:?}");
    }
    let none = knn_predict(train.view(), &[0; 4], Array2::zeros((0, 3)).view(), 1).unwrap();
    assert!(none.is_empty());
}
