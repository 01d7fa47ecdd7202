//! Rows that are brought into the cache while products run.

use std::cell::{Cell, RefCell};

use crate::simd::prefetch;

/// Runs `run`. Meanwhile, the matrix products and convolutions that the calling thread computes bring `rows` into the cache.
///
/// A computation that needs rows from all over memory, such as the next batch of a training, would wait longer for them
/// than it computes. A product has time to ask for them, one cache line every few steps. No result changes. If
/// the products end before all rows have been asked for, the remaining rows are left out.
///
/// ```
/// use mlprobe_kernels::{Precision, fetching, gemm};
/// use ndarray::Array2;
///
/// let (a, b, next) = (Array2::<f32>::ones((64, 64)), Array2::ones((64, 64)), Array2::<f32>::ones((8, 64)));
/// let mut c = Array2::zeros((64, 64));
/// let rows = next.rows().into_iter().filter_map(|row| row.to_slice());
/// fetching(rows, || gemm(Precision::F32, &a, &b, 0.0, &mut c))?;
/// assert_eq!(c, Array2::from_elem((64, 64), 64.0));
/// # Ok::<(), mlprobe_kernels::Error>(())
/// ```
pub fn fetching<'a, T: 'a, R>(rows: impl IntoIterator<Item = &'a [T]>, run: impl FnOnce() -> R) -> R {
    let row = |row: &[T]| Lines { first: row.as_ptr().cast(), count: size_of_val(row).div_ceil(LINE) };
    let mut rows: Vec<Lines> = rows.into_iter().map(row).filter(|lines| lines.count > 0).collect();
    rows.reverse();
    let outer = (CURRENT.replace(rows.pop().unwrap_or(NONE)), REST.replace(rows));
    let result = run();
    CURRENT.set(outer.0);
    REST.set(outer.1);
    result
}

/// Whether the calling thread has rows left to fetch.
#[inline(always)]
pub(crate) fn is_waiting() -> bool {
    CURRENT.get().count > 0
}

/// Asks for the next cache line of the rows, if there is one.
#[inline(always)]
pub(crate) fn next_line() {
    let Lines { first, count } = CURRENT.get();
    if count == 0 {
        return;
    }
    prefetch(first);
    CURRENT.set(match count {
        1 => next_row(),
        _ => Lines { first: first.wrapping_add(LINE), count: count - 1 },
    });
}

#[cold]
fn next_row() -> Lines {
    REST.with_borrow_mut(|rows| rows.pop().unwrap_or(NONE))
}

/// Bytes in a cache line.
const LINE: usize = 64;

/// Cache lines that follow each other. The pointer is never read from: after a panic in `run` it may dangle.
#[derive(Clone, Copy)]
struct Lines {
    first: *const u8,
    count: usize,
}

const NONE: Lines = Lines { first: std::ptr::null(), count: 0 };

thread_local! {
    /// What is left of the row that is being fetched. Apart from the other rows, because it is looked at in the
    /// innermost loops, and a `Cell` of plain numbers costs them nothing.
    static CURRENT: Cell<Lines> = const { Cell::new(NONE) };
    /// The rows after it, the last one first.
    static REST: RefCell<Vec<Lines>> = const { RefCell::new(Vec::new()) };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left() -> usize {
        CURRENT.get().count + REST.with_borrow(|rows| rows.iter().map(|lines| lines.count).sum::<usize>())
    }

    #[test]
    fn lines_are_asked_for_one_by_one_until_none_is_left() {
        let rows = [[0_f32; 40], [0.0; 40]]; // 160 bytes: three lines each
        fetching(rows.iter().map(|row| &row[..]), || {
            for expected in [6, 5, 4, 3, 2, 1, 0, 0] {
                assert_eq!((left(), is_waiting()), (expected, expected > 0));
                next_line();
            }
        });
    }

    #[test]
    fn a_scope_ends_with_what_was_left_of_the_outer_one() {
        let row = [0_u8; 640];
        fetching([&row[..]], || {
            next_line();
            fetching([&row[..64], &[]], || assert_eq!(left(), 1));
            assert_eq!(left(), 9);
        });
        assert!(!is_waiting());
    }
}
