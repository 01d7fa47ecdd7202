//! Products in the precision that the caller chooses: C ← AB + βC.

use std::cell::RefCell;

use ndarray::{ArrayRef2, ArrayView2, ArrayViewMut2, Axis, ShapeBuilder, Slice};

use crate::buffer::{Aligned, grow, product};
use crate::factors::{Factor, Term, contiguous, pack, pack_row, terms};
use crate::gemm::{check_shapes, start_from, tiles};
use crate::pair_table::pair_table;
use crate::tile::Start;
use crate::{Error, Isa, Precision, gemm_on};

/// C (M, N) ← A (M, Q) B (Q, N) + β C in a given precision, on the calling thread; A may be kept in bf16, which halves
/// the memory that it is read from, and gives the same bits.
///
/// As for [`gemm`](crate::gemm), where β is 0 what C holds is not read, and the order of sums depends on nothing but Q: a
/// product cut along Q into several calls, at multiples of 32, has the bits of a single one.
///
/// With S = Σ_q |a||b| and T = S + |βc|, for Q below 10⁵ and factors that are 0 or between 2⁻¹⁰⁰ and 2¹⁰⁰ in magnitude:
///
/// - `bf16`: |error| ≤ (2⁻⁷ + 2⁻¹⁶) S + 2(Q + 1)·2⁻²⁴ T. Each factor is rounded to nearest even, by at most 2⁻⁸ of itself,
///   and only the second term remains if the factors are bf16 numbers. Each step of the sum rounds once.
/// - `bf16x3`: |error| ≤ (2⁻²³ + 2⁻³²) S + 7(Q + 1)·2⁻²⁴ T. With a = a₀ + a₁ + a₂, which is exact, |a₁| ≤ 2⁻⁸|a| and
///   |a₂| ≤ 2⁻¹⁶|a|; a₁b₂, a₂b₁ and a₂b₂ are left out. The six other products are six steps of the sum, the smallest first.
///
/// Processors with AVX-512 BF16 compute these with `vdpbf16ps`; all others emulate that instruction to the same bits, which is many
/// times slower than `f32`. AMX, if [`Isa::amx`] is asked for, sums 32 numbers at a time, those at even and at odd places apart, so
/// that its bits are others; the bounds are the same.
///
/// # Errors
/// [`Error::Shape`] if the three shapes do not fit together, [`Error::Memory`] if there is no room for rounded copies of the factors.
///
/// ```
/// use mlprobe_kernels::{Precision, gemm_in};
/// use ndarray::{Array2, arr2};
///
/// let (a, b) = (arr2(&[[1.0 + 1.0 / 512.0, 2.0_f32]]), arr2(&[[3.0], [4.0]]));
/// let mut c = Array2::zeros((1, 1));
/// gemm_in(Precision::Bf16, &a, &b, 0.0, &mut c)?;
/// assert_eq!(c, arr2(&[[11.0]]));
/// gemm_in(Precision::Bf16x3, &a, &b, 0.0, &mut c)?;
/// assert_eq!(c, arr2(&[[11.0 + 3.0 / 512.0]]));
/// # Ok::<(), mlprobe_kernels::Error>(())
/// ```
pub fn gemm_in<A: Factor>(
    precision: Precision,
    a: &ArrayRef2<A>,
    b: &ArrayRef2<f32>,
    beta: f32,
    c: &mut ArrayRef2<f32>,
) -> Result<(), Error> {
    gemm_in_on(Isa::current(), precision, a, b, beta, c)
}

/// [`gemm_in`] on a given instruction set.
///
/// # Errors
/// As [`gemm_in`].
pub fn gemm_in_on<A: Factor>(
    isa: Isa,
    precision: Precision,
    a: &ArrayRef2<A>,
    b: &ArrayRef2<f32>,
    beta: f32,
    c: &mut ArrayRef2<f32>,
) -> Result<(), Error> {
    let Some(terms) = terms(precision).filter(|_| a.ncols() > 0) else {
        return gemm_on(isa, 1.0, &A::exact(a.view())?, b, beta, c);
    };
    check_shapes(OPERATION, a.dim(), b.dim(), c.dim())?;
    let start = start_from(beta, c);
    let (a, b, mut c) = (a.view(), b.view(), c.view_mut());
    if c.is_empty() {
        Ok(())
    } else if c.ncols() == 1 || c.strides()[1] == 1 {
        rows_of_c(isa, start, terms, a, b, c)
    } else if c.nrows() == 1 || c.strides()[0] == 1 {
        // Cᵀ = Bᵀ·Aᵀ
        rows_of_c(isa, start, terms, b.reversed_axes(), a.reversed_axes(), c.reversed_axes())
    } else {
        let mut in_rows = c.as_standard_layout().into_owned();
        rows_of_c(isa, start, terms, a, b, in_rows.view_mut())?;
        c.assign(&in_rows);
        Ok(())
    }
}

/// In errors.
const OPERATION: &str = "gemm_in";

/// Tiles of rows of A that are packed at a time: several, few enough for the cache.
const BLOCK: usize = 8;

/// The product for a C whose rows are contiguous. With P pairs along Q (the last one filled up with zero) and T terms, it is
/// a product of pairs, (M, P·T) by (P·T, N).
fn rows_of_c<A: Factor, B: Factor>(
    isa: Isa,
    start: Start,
    terms: &[Term],
    a: ArrayView2<'_, A>,
    b: ArrayView2<'_, B>,
    mut c: ArrayViewMut2<'_, f32>,
) -> Result<(), Error> {
    let ((q, n), table) = (b.dim(), pair_table(isa));
    let depth = product(OPERATION, &[q.div_ceil(2), terms.len()])?;
    let (steps, block) = (table.steps(depth), BLOCK * table.rows());
    SCRATCH.with_borrow_mut(|Scratch { a: packed_a, columns: packed_columns, b: packed_b, edge }| {
        grow(OPERATION, packed_b, &[steps, n.next_multiple_of(table.lanes)])?;
        for first in (0..n).step_by(table.panel()) {
            let columns = table.panel().min(n - first);
            let width = table.vectors(columns) * table.lanes;
            let b = b.slice_axis(Axis(1), Slice::from(first..first + columns));
            let (to, beyond) = packed_b[first * steps..][..width * steps].split_at_mut(width * depth);
            pack(isa, b, terms.iter().map(|term| term.of_b), width, to);
            beyond.fill(0.0);
        }
        let blocks = a.axis_chunks_iter(Axis(0), block).zip(c.axis_chunks_iter_mut(Axis(0), block));
        for (a, c) in blocks {
            let m = a.nrows();
            let in_place = if terms.len() == 1 && steps == depth { A::pairs(a) } else { None };
            if let Some(pairs) = in_place {
                tiles(table, start, pairs, packed_b, c, edge)?;
                continue;
            }
            let of_a = terms.iter().map(|term| term.of_a);
            grow(OPERATION, packed_a, &[steps, m])?;
            let to = &mut packed_a[..steps * m];
            let mut strides = (steps, 1);
            if terms.len() == 1 && a.strides()[1] == 1 {
                for (row, to) in a.rows().into_iter().zip(to.chunks_exact_mut(steps.max(1))) {
                    let (to, beyond) = to.split_at_mut(depth);
                    pack_row(isa, &contiguous(row), to);
                    beyond.fill(0.0);
                }
            } else if table.takes_rows() {
                grow(OPERATION, packed_columns, &[depth, m])?;
                let columns = &mut packed_columns[..depth * m];
                pack(isa, a.reversed_axes(), of_a, m, columns);
                for (i, to) in to.chunks_exact_mut(steps.max(1)).enumerate() {
                    let (to, beyond) = to.split_at_mut(depth);
                    to.iter_mut().zip(columns[i..].iter().step_by(m)).for_each(|(to, pair)| *to = *pair);
                    beyond.fill(0.0);
                }
            } else {
                pack(isa, a.reversed_axes(), of_a, m, to);
                strides = (1, m);
            }
            let pairs =
                ArrayView2::from_shape((m, steps).strides(strides), to).map_err(|error| Error::Shape {
                    operation: OPERATION,
                    expected: format!("room for ({m}, {steps})"),
                    actual: error.to_string(),
                })?;
            tiles(table, start, pairs, packed_b, c, edge)?;
        }
        Ok(())
    })
}

/// The buffers of a product in bf16, kept from product to product.
struct Scratch {
    a: Aligned<f32>,
    /// Rows of A that were packed as columns.
    columns: Aligned<f32>,
    b: Aligned<f32>,
    edge: Aligned<f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> =
        RefCell::new(Scratch { a: Aligned::new(64), columns: Aligned::new(64), b: Aligned::new(64), edge: Aligned::new(64) });
}
