//! A set of examples to train or evaluate on: features and labels, borrowed and never copied.

use crate::features::FeaturesView;
use crate::hyperparameters::check;
use crate::{Error, Precision, Real, Result};
use mlprobe_kernels::Bf16;
use ndarray::{Array2, ArrayView1, ArrayView2};
use std::sync::{Arc, OnceLock};

/// Labels are `u16`.
const MAX_CLASSES: usize = 65_536;
const OPERATION: &str = "make a set of examples";

/// One or more blocks of examples, one below the other: N rows of D features with their labels.
///
/// Blocks are borrowed, so an augmented training set consists of the originals' features and the transformed copies'
/// features without a joined array, and many trainers can share them.
///
/// ```
/// # fn main() -> mlprobe_nn::Result<()> {
/// use mlprobe_nn::Examples;
/// use ndarray::array;
///
/// let x = array![[0.0, 1.0], [1.0, 0.0]];
/// let labels = [1, 0];
/// let twice = Examples::new(vec![(x.view(), &labels[..]), (x.view(), &labels[..])], 2)?;
/// assert_eq!((twice.len(), twice.inputs(), twice.classes()), (4, 2, 2));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Examples<'a, F> {
    blocks: Vec<Block<'a, F>>,
    /// The features of each block in bf16, once they were needed; shared with all clones.
    rounded: Arc<OnceLock<Vec<Array2<Bf16>>>>,
    /// w (N), over all blocks; empty where every row has the weight 1.
    weights: &'a [f64],
    inputs: usize,
    classes: usize,
}

/// x (n, D), labels (n); `start` is the number of rows before it.
#[derive(Clone, Debug)]
struct Block<'a, F> {
    x: ArrayView2<'a, F>,
    labels: &'a [u16],
    start: usize,
}

impl<'a, F: Real> Examples<'a, F> {
    /// `blocks` are pairs of features (n, D) and labels (n), D the same for all; `classes` is K, 1 to 65,536.
    ///
    /// # Errors
    /// [`Error::Shape`] if there is no row or no feature, K is out of range or sizes differ; [`Error::Label`]
    /// for a label of K or above; [`Error::NotFinite`] for a feature that is infinite or NaN.
    pub fn new(blocks: Vec<(ArrayView2<'a, F>, &'a [u16])>, classes: usize) -> Result<Self> {
        if !(1..=MAX_CLASSES).contains(&classes) {
            return shape(format!("1 to {MAX_CLASSES} classes"), classes);
        }
        let inputs = blocks.first().map_or(0, |(x, _)| x.ncols());
        if inputs == 0 || blocks.iter().all(|(x, _)| x.is_empty()) {
            return shape("at least one row and one feature".into(), "none");
        }
        let mut start = 0;
        let mut checked = Vec::with_capacity(blocks.len());
        for (x, labels) in blocks {
            if x.ncols() != inputs {
                return shape(format!("{inputs} features per row, as in the first block"), x.ncols());
            }
            if labels.len() != x.nrows() {
                return shape(format!("a label for each of {} rows", x.nrows()), labels.len());
            }
            check_values(x, labels, start, classes)?;
            checked.push(Block { x, labels, start });
            start += labels.len();
        }
        Ok(Self { blocks: checked, rounded: Arc::default(), weights: &[], inputs, classes })
    }

    /// The same examples with a weight w (N) for each row, over all blocks: [`Trainer`](crate::Trainer) then descends on
    /// Σ w·(-ln p) / Σ w over the rows of a batch. A row of weight 2 counts as two rows do, one of weight 0 not at all.
    /// [`evaluate`](crate::evaluate) counts every row once.
    ///
    /// # Errors
    /// [`Error::Shape`] unless there is one for each row; [`Error::Hyperparameter`] for weights that are negative or not
    /// finite, or whose sum is 0 or not finite.
    pub fn weighted(self, weights: &'a [f64]) -> Result<Self> {
        if weights.len() != self.len() {
            return shape(format!("a weight for each of {} rows", self.len()), weights.len());
        }
        let is_weight = |w: &f64| *w >= 0.0 && w.is_finite();
        let row = weights.iter().position(|w| !is_weight(w));
        let actual = row.map(|row| format!("{} in row {row}", weights[row]));
        check("weights", row.is_none(), "finite numbers of at least 0", actual.unwrap_or_default())?;
        let sum: f64 = weights.iter().sum();
        check("weights", sum > 0.0 && sum.is_finite(), "numbers whose sum is above 0 and finite", sum)?;
        Ok(Self { weights, ..self })
    }

    /// Asks for pages of memory on which single rows are found fast. Nothing else changes.
    pub(crate) fn on_huge_pages(&self) {
        self.blocks.iter().filter_map(|block| block.x.as_slice()).for_each(mlprobe_kernels::huge_pages);
    }

    /// The features of each block (n, D) rounded to bf16, once for this set and its clones.
    pub(crate) fn rounded(&self) -> &[Array2<Bf16>] {
        self.rounded.get_or_init(|| {
            let round = |block: &Block<'a, F>| {
                let mut rounded = Array2::default(block.x.dim());
                rounded.zip_mut_with(&block.x, |to, &x| *to = Bf16::from(x.into() as f32));
                rounded
            };
            let rounded: Vec<_> = self.blocks.iter().map(round).collect();
            rounded.iter().filter_map(|x| x.as_slice()).for_each(mlprobe_kernels::huge_pages);
            rounded
        })
    }

    /// The number of rows N, over all blocks; at least 1.
    #[expect(clippy::len_without_is_empty, reason = "a set of examples is never empty")]
    pub fn len(&self) -> usize {
        self.blocks.last().map_or(0, |block| block.start + block.labels.len())
    }

    /// The number of features D.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The number of classes K.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The features (D) of row `i`, below N, counted from 0 over all blocks.
    pub(crate) fn row(&self, i: usize) -> ArrayView1<'_, F> {
        let (block, row) = self.place_of(i);
        self.blocks[block].x.row(row)
    }

    /// As [`Examples::row`], rounded to bf16.
    pub(crate) fn rounded_row(&self, i: usize) -> ArrayView1<'_, Bf16> {
        let (block, row) = self.place_of(i);
        self.rounded()[block].row(row)
    }

    /// The label of row `i`, below N, counted from 0 over all blocks.
    pub(crate) fn label(&self, i: usize) -> u16 {
        let (block, row) = self.place_of(i);
        self.blocks[block].labels[row]
    }

    /// The sum of the weights of these rows.
    pub(crate) fn weight_of(&self, rows: &[usize]) -> f64 {
        if self.weights.is_empty() {
            return rows.len() as f64;
        }
        rows.iter().map(|&row| self.weights[row]).sum()
    }

    /// The weights of `rows`, some of the `m` rows of a batch whose weights have the sum `total`, divided by their mean in
    /// that batch; none where every row has the weight 1.
    pub(crate) fn relative_weights(&self, rows: &[usize], m: usize, total: f64) -> impl Iterator<Item = F> {
        let rows = if self.weights.is_empty() { &[] } else { rows };
        // Not w / (total / m), which is infinite where total / m is rounded to 0.
        let relative = move |w: f64| if total > 0.0 { w / total * m as f64 } else { 0.0 };
        rows.iter().map(move |&row| F::from_f64(relative(self.weights[row])))
    }

    /// The blocks in order: x (n, D) and labels (n).
    pub(crate) fn blocks(&self) -> impl Iterator<Item = (ArrayView2<'a, F>, &'a [u16])> {
        self.blocks.iter().map(|block| (block.x, block.labels))
    }

    /// The features (n, D) of each block, as products of this precision read them.
    pub(crate) fn features(&self, precision: Precision) -> impl Iterator<Item = FeaturesView<'_, F>> {
        let rounded = if precision == Precision::Bf16 { Some(self.rounded()) } else { None };
        self.blocks.iter().enumerate().map(move |(i, block)| match rounded {
            Some(rounded) => FeaturesView::Rounded(rounded[i].view()),
            None => FeaturesView::Exact(block.x),
        })
    }

    /// The block of row `i`, which is the last one that starts at or before `i`, and the row's number in it.
    fn place_of(&self, i: usize) -> (usize, usize) {
        let block = self.blocks.partition_point(|block| block.start <= i) - 1; // the first starts at 0
        (block, i - self.blocks[block].start)
    }
}

/// x (n, D), labels (n); `start` is the number of rows in earlier blocks.
fn check_values<F: Real>(x: ArrayView2<F>, labels: &[u16], start: usize, classes: usize) -> Result<()> {
    for (row, (x, &label)) in (start..).zip(x.outer_iter().zip(labels)) {
        if usize::from(label) >= classes {
            return Err(Error::Label { operation: OPERATION, row, label, classes });
        }
        // Nearly always true, and fast without an early end.
        if x.iter().fold(true, |finite, value| finite & value.is_finite()) {
            continue;
        }
        if let Some((column, &value)) = x.iter().enumerate().find(|(_, value)| !value.is_finite()) {
            let location = format!("feature {column} of row {row}");
            return Err(Error::NotFinite { operation: OPERATION, location, value: value.into() });
        }
    }
    Ok(())
}

fn shape<T>(expected: String, actual: impl ToString) -> Result<T> {
    Err(Error::Shape { operation: OPERATION, expected, actual: actual.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    #[test]
    fn rows_and_labels_run_over_the_blocks() {
        let (a, b, none) = (array![[1.0], [2.0]], array![[3.0]], Array2::zeros((0, 1)));
        let blocks = vec![(a.view(), &[0u16, 1][..]), (none.view(), &[]), (b.view(), &[2])];
        let examples = Examples::new(blocks, 3).unwrap();
        assert_eq!(examples.len(), 3);
        for i in 0..3 {
            assert_eq!(examples.row(i)[0], i as f64 + 1.0);
            assert_eq!(examples.label(i), i as u16);
        }
    }

    #[test]
    #[should_panic]
    fn a_row_that_is_not_there_ends_the_program_instead_of_being_left_out() {
        let x = array![[1.0], [2.0]];
        Examples::new(vec![(x.view(), &[0u16, 1])], 2).unwrap().row(2);
    }

    #[test]
    fn features_are_rounded_once_for_all_clones() {
        let (x, y) = (array![[1.0_f32, 1.001], [2.0, 3.0]], array![[5.0, 1.0 / 3.0]]);
        let none = Array2::zeros((0, 2));
        let blocks = vec![(x.view(), &[0u16, 1][..]), (none.view(), &[]), (y.view(), &[2])];
        let examples = Examples::new(blocks, 3).unwrap();
        let clone = examples.clone();
        let of_row = |i| examples.rounded_row(i).mapv(f32::from).to_vec();
        assert_eq!(of_row(0), [1.0, 1.0]);
        assert_eq!(of_row(2), [5.0, 171.0 / 512.0]);
        assert!(std::ptr::eq(clone.rounded(), examples.rounded()));
    }

    #[test]
    fn what_does_not_fit_is_refused_by_name() {
        let x = array![[1.0, 2.0], [3.0, 4.0]];
        let narrow = array![[1.0]];
        let broken = array![[1.0, 2.0], [f64::NAN, 4.0]];
        let empty = Array2::<f64>::zeros((0, 2));
        let message = |blocks: Vec<(ArrayView2<f64>, &[u16])>, classes| {
            Examples::new(blocks, classes).unwrap_err().to_string()
        };
        let weights = |weights: &[f64]| {
            let examples = Examples::new(vec![(x.view(), &[0, 1])], 2).unwrap();
            examples.weighted(weights).unwrap_err().to_string()
        };
        let table = [
            (message(vec![], 2), "at least one row"),
            (message(vec![(empty.view(), &[])], 2), "at least one row"),
            (message(vec![(x.view(), &[0, 1])], 0), "1 to 65536 classes"),
            (message(vec![(x.view(), &[0, 1])], 65_537), "1 to 65536 classes"),
            (message(vec![(x.view(), &[0])], 2), "a label for each of 2 rows, got 1"),
            (
                message(vec![(x.view(), &[0, 1]), (narrow.view(), &[0])], 2),
                "2 features per row, as in the first",
            ),
            (message(vec![(x.view(), &[0, 1]), (x.view(), &[0, 2])], 2), "row 3 is 2, expected 0 to 1"),
            (message(vec![(x.view(), &[0, 1]), (broken.view(), &[0, 1])], 2), "feature 0 of row 3 is NaN"),
            (weights(&[1.0]), "a weight for each of 2 rows, got 1"),
            (weights(&[1.0, -0.5]), "finite numbers of at least 0, got -0.5 in row 1"),
            (weights(&[f64::NAN, 1.0]), "got NaN in row 0"),
            (weights(&[0.0, 0.0]), "sum is above 0 and finite, got 0"),
            (weights(&[1e308, 1e308]), "sum is above 0 and finite, got inf"),
        ];
        for (message, part) in table {
            assert!(message.contains(part), "{message:?} does not say {part:?}");
        }
    }
}
