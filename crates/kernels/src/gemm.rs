//! C ← AB + βC for matrices of any strides, in any format.

use ndarray::{ArrayRef2, ArrayView2, ArrayViewMut2, Axis, Slice};

use crate::buffer::{Aligned, Scratch, grow, product};
use crate::format::{Arithmetic, Element, Exact, Pack, Tiled};
use crate::parts::Pairs;
use crate::tile::{Epilogue, Finish, Start, Tile, TileTable};
use crate::{Bf16, Error, Precision};

/// C (M, N) ← A (M, Q) B (Q, N) + β C on the calling thread, for matrices of any strides, all `f32` or all `f64`. Beside `f32`, A may be
/// kept in bf16, which halves the memory that it is read from and changes no bit of a product in [`Precision::Bf16`].
///
/// A [`Precision`] says how exactly the factors are taken, on the instruction set in use; an [`Arithmetic`] names the instruction set
/// too. Factors in `f64` are taken as they are.
///
/// Where β is 0, what C holds is not read. C is first multiplied by β; then the products a[m, q]·b[q, n] are added in the order of q.
/// This order depends on nothing but Q. So a product that is cut along Q, with β = 1 in all calls but the first, has the bits of a
/// whole one; except in `f32` and `f64`, the cuts have to be at multiples of 32.
///
/// With S = Σ_q |a||b| and T = S + |βc|, for Q below 10⁵, and outside of `f32` and `f64` for factors that are 0 or between 2⁻¹⁰⁰ and 2¹⁰⁰
/// in magnitude:
///
/// - `f32`, `f64`: |error| ≤ 2(Q + 1)·ε T, where ε is the unit roundoff, 2⁻²⁴ or 2⁻⁵³. Each step rounds once, on the portable path twice.
/// - `bf16`: |error| ≤ (2⁻⁷ + 2⁻¹⁶) S + 2(Q + 1)·2⁻²⁴ T. Each factor is rounded to nearest even, by at most 2⁻⁸ of itself. For factors
///   that are bf16 numbers, only the second term remains. Each step of the sum rounds once.
/// - `bf16x3`: |error| ≤ (2⁻²³ + 2⁻³²) S + 7(Q + 1)·2⁻²⁴ T. With a = a₀ + a₁ + a₂, which is exact, |a₁| ≤ 2⁻⁸|a| and
///   |a₂| ≤ 2⁻¹⁶|a|; a₁b₂, a₂b₁ and a₂b₂ are left out. The six other products are six steps of the sum, the smallest first.
///
/// Processors with AVX-512 BF16 compute the last two with `vdpbf16ps`. All others emulate that instruction to the same bits, which is
/// many times slower than `f32`. AMX, if [`Isa::amx`](crate::Isa::amx) is asked for, adds up 32 numbers at a time, those at even
/// and at odd places apart. Its bits therefore differ; the bounds are the same.
///
/// It is fastest when C's rows (or its columns) are contiguous; A may have any layout; B is copied into panels first.
///
/// # Errors
/// [`Error::Shape`] if the three shapes do not fit together, [`Error::Memory`] if there is no room for copies of the factors.
///
/// ```
/// use mlprobe_kernels::{Precision, gemm};
/// use ndarray::{Array2, arr2};
///
/// let (a, b) = (arr2(&[[1.0 + 1.0 / 512.0, 2.0_f32]]), arr2(&[[3.0], [4.0]]));
/// let mut c = Array2::zeros((1, 1));
/// gemm(Precision::F32, &a, &b, 0.0, &mut c)?;
/// assert_eq!(c, arr2(&[[11.0 + 3.0 / 512.0]]));
/// gemm(Precision::Bf16, &a, &b, 0.0, &mut c)?;
/// assert_eq!(c, arr2(&[[11.0]]));
/// # Ok::<(), mlprobe_kernels::Error>(())
/// ```
pub fn gemm<A: Factor>(
    arithmetic: impl Into<Arithmetic>,
    a: &ArrayRef2<A>,
    b: &ArrayRef2<A::Number>,
    beta: A::Number,
    c: &mut ArrayRef2<A::Number>,
) -> Result<(), Error> {
    let ((m, q), n) = (a.dim(), b.ncols());
    if b.nrows() != q || c.dim() != (m, n) {
        return Err(Error::Shape {
            operation: OPERATION,
            expected: format!("A (M, Q), B (Q, N), C (M, N), here with A ({m}, {q})"),
            actual: format!("B {:?}, C {:?}", b.dim(), c.dim()),
        });
    }
    A::gemm(arithmetic.into(), a.view(), b.view(), beta, c.view_mut())
}

/// A type that a matrix A is kept in: `f32` or [`Bf16`], whose products are sums in `f32`, or `f64`. Sealed.
pub trait Factor: Copy + Default + sealed::Factor<Self::Number> {
    /// What the sums are made of, and B and C.
    type Number: Element;
}
impl Factor for f32 {
    type Number = f32;
}
impl Factor for Bf16 {
    type Number = f32;
}
impl Factor for f64 {
    type Number = f64;
}

mod sealed {
    use super::*;

    pub trait Factor<T>: Sized {
        fn gemm(
            arithmetic: Arithmetic,
            a: ArrayView2<'_, Self>,
            b: ArrayView2<'_, T>,
            beta: T,
            c: ArrayViewMut2<'_, T>,
        ) -> Result<(), Error>;
    }

    macro_rules! factor {
        ($a:ty) => {
            impl Factor<f32> for $a {
                fn gemm(
                    Arithmetic { isa, precision }: Arithmetic,
                    a: ArrayView2<'_, $a>,
                    b: ArrayView2<'_, f32>,
                    beta: f32,
                    c: ArrayViewMut2<'_, f32>,
                ) -> Result<(), Error> {
                    match precision {
                        Precision::F32 => gemm_in(Exact::new(isa), a, b, beta, c),
                        Precision::Bf16 => gemm_in(Pairs::rounded(isa), a, b, beta, c),
                        Precision::Bf16x3 => gemm_in(Pairs::of_three(isa), a, b, beta, c),
                    }
                }
            }
        };
    }
    factor!(f32);
    factor!(Bf16);

    impl Factor<f64> for f64 {
        fn gemm(
            Arithmetic { isa, .. }: Arithmetic,
            a: ArrayView2<'_, f64>,
            b: ArrayView2<'_, f64>,
            beta: f64,
            c: ArrayViewMut2<'_, f64>,
        ) -> Result<(), Error> {
            gemm_in(Exact::new(isa), a, b, beta, c)
        }
    }
}

const OPERATION: &str = "gemm";

/// The product for shapes that fit.
fn gemm_in<A: Copy, B: Copy, F: Pack<A> + Pack<B>>(
    format: F,
    a: ArrayView2<'_, A>,
    b: ArrayView2<'_, B>,
    beta: F::Number,
    mut c: ArrayViewMut2<'_, F::Number>,
) -> Result<(), Error> {
    let start = start_from(beta, &mut c);
    if c.is_empty() {
        Ok(())
    } else if c.ncols() == 1 || c.strides()[1] == 1 {
        rows_of_c(format, start, a, b, c)
    } else if c.nrows() == 1 || c.strides()[0] == 1 {
        // Cᵀ = Bᵀ·Aᵀ
        rows_of_c(format, start, b.reversed_axes(), a.reversed_axes(), c.reversed_axes())
    } else {
        let mut in_rows = c.as_standard_layout().into_owned();
        rows_of_c(format, start, a, b, in_rows.view_mut())?;
        c.assign(&in_rows);
        Ok(())
    }
}

/// Multiplies C by β; where the sums start then.
fn start_from<T: Element>(beta: T, c: &mut ArrayRef2<T>) -> Start {
    if beta == T::zero() {
        return Start::Zero;
    }
    if beta != T::one() {
        c.mapv_inplace(|c| beta * c);
    }
    Start::C
}

/// Numbers along a sum whose parts lie together. So few that a product cut along Q has the bits of a whole one.
const RUN: usize = 2;

/// Tiles of rows of A that are packed at a time: several, few enough for the cache.
const BLOCK: usize = 8;

/// The product for a C whose rows are contiguous.
fn rows_of_c<A: Copy, B: Copy, F: Pack<A> + Pack<B>>(
    format: F,
    start: Start,
    a: ArrayView2<'_, A>,
    b: ArrayView2<'_, B>,
    mut c: ArrayViewMut2<'_, F::Number>,
) -> Result<(), Error> {
    let ((m, q), n, table) = (a.dim(), b.ncols(), format.table());
    let depth = product(OPERATION, &[format.elements(q)])?;
    let steps = table.steps(depth);
    F::Number::with_scratch(|Scratch { a: packed_a, b: packed_b, edge }| {
        grow(OPERATION, packed_b, &[steps, n.next_multiple_of(table.lanes)])?;
        // Room for a tile that is wider than what is left of C; its row length is a panel.
        grow(OPERATION, edge, &[table.rows(), table.panel()])?;
        for first in (0..n).step_by(table.panel()) {
            let columns = table.panel().min(n - first);
            let width = table.vectors(columns) * table.lanes;
            let (to, beyond) = packed_b[first * steps..][..width * steps].split_at_mut(width * depth);
            let b = b.slice_axis(Axis(1), Slice::from(first..first + columns));
            format.columns(RUN, b, width, to);
            beyond.fill(F::Number::default());
        }
        if let Some(a) = format.in_place(a).filter(|_| steps == depth) {
            // SAFETY: these are the rows of a view.
            unsafe { tiles(table, start, (m, steps), (a.as_ptr(), a.strides()), packed_b, c, edge) };
            return Ok(());
        }
        let block = BLOCK * table.rows();
        let blocks = a.axis_chunks_iter(Axis(0), block).zip(c.axis_chunks_iter_mut(Axis(0), block));
        for (a, c) in blocks {
            let m = a.nrows();
            grow(OPERATION, packed_a, &[steps, m])?;
            let to = &mut packed_a[..steps * m];
            let in_rows = a.strides()[1] == 1 || table.takes_rows();
            if in_rows {
                for (row, to) in a.rows().into_iter().zip(to.chunks_exact_mut(steps.max(1))) {
                    let (to, beyond) = to.split_at_mut(depth);
                    match row.to_slice() {
                        Some(row) => format.row(RUN, 0, row, to),
                        None => format.row(RUN, 0, &row.to_vec(), to),
                    }
                    beyond.fill(F::Number::default());
                }
            } else {
                format.swapped().columns(RUN, a.reversed_axes(), m, to);
            }
            let strides = if in_rows { [steps as isize, 1] } else { [1, m as isize] };
            // SAFETY: `to` has room for m rows of as many steps.
            unsafe { tiles(table, start, (m, steps), (to.as_ptr(), &strides), packed_b, c, edge) };
        }
        Ok(())
    })
}

/// A of M rows and Q elements in each, which begins at `a` and has these strides, times the packed B, into C (M, N), whose rows are
/// contiguous.
///
/// # Safety
/// All elements of A may be read.
unsafe fn tiles<T: Element>(
    table: &'static TileTable<T>,
    start: Start,
    (m, q): (usize, usize),
    (a, a_strides): (*const T, &[isize]),
    packed: &[T],
    mut c: ArrayViewMut2<'_, T>,
    edge: &mut Aligned<T>,
) {
    let (n, panel) = (c.ncols(), table.panel());
    let ready = table.ready(m, q);
    let (c_first, c_stride) = (c.as_mut_ptr(), c.strides()[0]);
    // Rows outside: a block of A stays in L1 while all of B, which L2 holds, passes by.
    for (row, rows) in table.row_blocks(m) {
        for first in (0..n).step_by(panel) {
            let columns = panel.min(n - first);
            let vectors = table.vectors(columns);
            let whole = columns == vectors * table.lanes;
            let place = |r: usize| c_first.wrapping_offset((row + r) as isize * c_stride).wrapping_add(first);
            let t = Tile {
                a: a.wrapping_offset(row as isize * a_strides[0]),
                a_row: a_strides[0],
                a_step: a_strides[1],
                taps: &[0],
                depth: q,
                b: packed[first * q..].as_ptr(),
                b_row: vectors * table.lanes,
                c: if whole { place(0) } else { edge.as_mut_ptr() },
                c_row: if whole { c_stride } else { panel as isize },
                start,
                epilogue: Epilogue { bias: std::ptr::null(), finish: Finish::Store },
            };
            // SAFETY: the table is that of an instruction set seen on this machine. A is read at rows
            // row..row + rows and columns 0..q, which the caller vouches for; B inside its packed panel, padded to whole
            // vectors. C is read and written at rows row..row + rows and columns first..first + columns, inside
            // the view: by the tile where the tile fits it, else by copies into and out of `edge`.
            unsafe {
                if let (Start::C, false) = (start, whole) {
                    for r in 0..rows {
                        edge[r * panel..].as_mut_ptr().copy_from_nonoverlapping(place(r), columns);
                    }
                }
                ready.run(rows, vectors, &t);
                if !whole {
                    for r in 0..rows {
                        edge[r * panel..].as_ptr().copy_to_nonoverlapping(place(r), columns);
                    }
                }
            }
        }
    }
}
