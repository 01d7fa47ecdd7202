//! Features in the form in which products read them: as they are, or rounded to bf16, which halves what is read.

use crate::Real;
use mlprobe_kernels::{Bf16, Precision};
use ndarray::{Array2, ArrayView2, Axis, Slice};

/// Features (n, D) that a batch owns.
pub(crate) enum Features<F> {
    Exact(Array2<F>),
    Rounded(Array2<Bf16>),
}

/// Features (n, D), borrowed.
#[derive(Clone, Copy)]
pub(crate) enum FeaturesView<'a, F> {
    Exact(ArrayView2<'a, F>),
    Rounded(ArrayView2<'a, Bf16>),
}

impl<F: Real> Features<F> {
    /// Room for n rows of D features, as products of this precision read them.
    pub(crate) fn room(precision: Precision, n: usize, d: usize) -> Self {
        match precision {
            Precision::Bf16 => Self::Rounded(spaced(n, d)),
            _ => Self::Exact(spaced(n, d)),
        }
    }

    /// The first m rows.
    pub(crate) fn first(&self, m: usize) -> FeaturesView<'_, F> {
        match self {
            Self::Exact(x) => FeaturesView::Exact(x.view()),
            Self::Rounded(x) => FeaturesView::Rounded(x.view()),
        }
        .slice(Axis(0), Slice::from(..m))
    }
}

/// Zeros (n, D) in rows that are an odd number of cache lines apart. The gradient of the weights reads them column by column: at an
/// even distance, such as 512 numbers, all of a column would have to share a few places in the cache.
fn spaced<T: Clone + Default>(n: usize, d: usize) -> Array2<T> {
    const CACHE_LINE: usize = 64;
    let line = CACHE_LINE / size_of::<T>();
    let apart = (d.div_ceil(line) | 1) * line;
    let mut rows = Array2::from_elem((n, apart), T::default());
    rows.slice_axis_inplace(Axis(1), Slice::from(..d));
    rows
}

impl<'a, F: Real> FeaturesView<'a, F> {
    /// The same, borrowed from here: the compiler does not shorten the lifetime by itself.
    pub(crate) fn view(&self) -> FeaturesView<'_, F> {
        match self {
            Self::Exact(x) => FeaturesView::Exact(x.view()),
            Self::Rounded(x) => FeaturesView::Rounded(x.view()),
        }
    }

    /// n
    pub(crate) fn nrows(&self) -> usize {
        match self {
            Self::Exact(x) => x.nrows(),
            Self::Rounded(x) => x.nrows(),
        }
    }

    /// Some of the rows, or of the columns.
    pub(crate) fn slice(self, axis: Axis, range: Slice) -> Self {
        match self {
            Self::Exact(mut x) => {
                x.slice_axis_inplace(axis, range);
                Self::Exact(x)
            }
            Self::Rounded(mut x) => {
                x.slice_axis_inplace(axis, range);
                Self::Rounded(x)
            }
        }
    }

    /// The transposed matrix (D, n).
    pub(crate) fn t(self) -> Self {
        match self {
            Self::Exact(x) => Self::Exact(x.reversed_axes()),
            Self::Rounded(x) => Self::Rounded(x.reversed_axes()),
        }
    }
}

impl<'a, F> From<ArrayView2<'a, F>> for FeaturesView<'a, F> {
    fn from(x: ArrayView2<'a, F>) -> Self {
        Self::Exact(x)
    }
}
