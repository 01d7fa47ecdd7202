//! C ← αAB + βC for matrices of any strides.

use ndarray::{ArrayRef2, ArrayView2, ArrayViewMut2};

use crate::buffer::{Aligned, Scratch, grow};
use crate::tile::{Element, Epilogue, Finish, Start, Tile, TileTable};
use crate::{Error, Isa};

/// C (M, N) ← α A (M, Q) B (Q, N) + β C, for `f32` or `f64` and any strides, on the calling thread.
///
/// Where β is 0, what C holds is not read. C is first multiplied by β; then the terms of Σ_q a[m, q]·b[q, n] are added
/// in the order of q, with α multiplied into one of the factors beforehand. This order depends on nothing else, so with
/// α = β = 1 a product cut along Q into several calls has the bits of a single one. With one rounding per step (two on
/// the portable path), |error| ≤ 2(Q + 2)·ε·(|α| Σ|a||b| + |β||c|), where ε is the unit roundoff.
///
/// It is fastest when C's rows (or its columns) are contiguous; A may have any layout; B is copied into panels first.
///
/// # Errors
/// [`Error::Shape`] if the three shapes do not fit together, [`Error::Memory`] if there is no room for a copy of B.
///
/// ```
/// use mlprobe_kernels::gemm;
/// use ndarray::{Array2, Axis, arr2};
///
/// let (a, b) = (arr2(&[[0.1, 0.2, 0.3]]), arr2(&[[0.7], [0.6], [0.5]]));
/// let (mut whole, mut parts) = (Array2::zeros((1, 1)), Array2::zeros((1, 1)));
/// gemm(1.0, &a, &b, 0.0, &mut whole)?;
/// for (a, b) in a.axis_chunks_iter(Axis(1), 2).zip(b.axis_chunks_iter(Axis(0), 2)) {
///     gemm(1.0, &a, &b, 1.0, &mut parts)?;
/// }
/// assert_eq!(whole, parts);
/// # Ok::<(), mlprobe_kernels::Error>(())
/// ```
pub fn gemm<T: Element>(
    alpha: T,
    a: &ArrayRef2<T>,
    b: &ArrayRef2<T>,
    beta: T,
    c: &mut ArrayRef2<T>,
) -> Result<(), Error> {
    gemm_on(Isa::current(), alpha, a, b, beta, c)
}

/// [`gemm`] on a given instruction set.
///
/// # Errors
/// As [`gemm`].
pub fn gemm_on<T: Element>(
    isa: Isa,
    alpha: T,
    a: &ArrayRef2<T>,
    b: &ArrayRef2<T>,
    beta: T,
    c: &mut ArrayRef2<T>,
) -> Result<(), Error> {
    check_shapes("gemm", a.dim(), b.dim(), c.dim())?;
    if c.is_empty() {
        return Ok(());
    }
    let (m, n) = c.dim();
    let start = start_from(beta, c);
    let (table, a, b, mut c) = (T::table(isa), a.view(), b.view(), c.view_mut());
    if n == 1 || c.strides()[1] == 1 {
        rows_of_c(table, start, alpha, a, b, c)
    } else if m == 1 || c.strides()[0] == 1 {
        // Cᵀ = Bᵀ·Aᵀ
        rows_of_c(table, start, alpha, b.reversed_axes(), a.reversed_axes(), c.reversed_axes())
    } else {
        let mut contiguous = c.as_standard_layout().into_owned();
        rows_of_c(table, start, alpha, a, b, contiguous.view_mut())?;
        c.assign(&contiguous);
        Ok(())
    }
}

/// Fails unless the shapes are those of A (M, Q), B (Q, N) and C (M, N).
pub(crate) fn check_shapes(
    operation: &'static str,
    (m, q): (usize, usize),
    b: (usize, usize),
    c: (usize, usize),
) -> Result<(), Error> {
    if b.0 == q && c == (m, b.1) {
        return Ok(());
    }
    Err(Error::Shape {
        operation,
        expected: format!("A (M, Q), B (Q, N), C (M, N), here with A ({m}, {q})"),
        actual: format!("B {b:?}, C {c:?}"),
    })
}

/// Multiplies C by β; where the sums start then.
pub(crate) fn start_from<T: Element>(beta: T, c: &mut ArrayRef2<T>) -> Start {
    if beta == T::zero() {
        return Start::Zero;
    }
    if beta != T::one() {
        c.mapv_inplace(|c| beta * c);
    }
    Start::C
}

/// The product for a C whose rows are contiguous.
fn rows_of_c<T: Element>(
    table: &'static TileTable<T>,
    start: Start,
    alpha: T,
    a: ArrayView2<'_, T>,
    b: ArrayView2<'_, T>,
    c: ArrayViewMut2<'_, T>,
) -> Result<(), Error> {
    T::with_scratch(|Scratch { packed, edge }| {
        pack(alpha, b, table, packed)?;
        tiles(table, start, a, packed, c, edge)
    })
}

/// A (M, Q) times the packed B, into C (M, N), whose rows are contiguous.
pub(crate) fn tiles<T: Element>(
    table: &'static TileTable<T>,
    start: Start,
    a: ArrayView2<'_, T>,
    packed: &[T],
    mut c: ArrayViewMut2<'_, T>,
    edge: &mut Aligned<T>,
) -> Result<(), Error> {
    let ((m, q), n, panel) = (a.dim(), c.ncols(), table.panel());
    // Room for a tile that is wider than what is left of C; its row length is a panel.
    grow("gemm", edge, &[table.rows(), panel])?;
    let ready = table.ready(m, q);
    let (a_first, a_strides) = (a.as_ptr(), a.strides());
    let (c_first, c_stride) = (c.as_mut_ptr(), c.strides()[0]);
    // Rows outside: a block of A stays in L1 while all of B, which L2 holds, passes by.
    for (row, rows) in table.row_blocks(m) {
        for first in (0..n).step_by(panel) {
            let columns = panel.min(n - first);
            let vectors = table.vectors(columns);
            let whole = columns == vectors * table.lanes;
            let place = |r: usize| c_first.wrapping_offset((row + r) as isize * c_stride).wrapping_add(first);
            let t = Tile {
                a: a_first.wrapping_offset(row as isize * a_strides[0]),
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
            // row..row + rows and columns 0..q, inside the view; B inside its packed panel, padded to whole
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
    Ok(())
}

/// αB (Q, N) as panels (Q, panel), one after the other, with the last one padded with zeros to whole vectors.
fn pack<T: Element>(
    alpha: T,
    b: ArrayView2<'_, T>,
    table: &TileTable<T>,
    packed: &mut Aligned<T>,
) -> Result<(), Error> {
    let (q, n) = b.dim();
    grow("gemm", packed, &[q, n.next_multiple_of(table.lanes)])?;
    for first in (0..n).step_by(table.panel()) {
        let columns = table.panel().min(n - first);
        let width = table.vectors(columns) * table.lanes;
        let target = &mut packed[first * q..][..q * width];
        let source = b.slice(ndarray::s![.., first..first + columns]);
        if width > columns {
            target.fill(T::default());
        }
        for (row, to) in source.rows().into_iter().zip(target.chunks_exact_mut(width)) {
            match row.as_slice() {
                Some(row) => to[..columns].copy_from_slice(row),
                None => to.iter_mut().zip(row).for_each(|(to, from)| *to = *from),
            }
        }
        if alpha != T::one() {
            target.iter_mut().for_each(|b| *b *= alpha);
        }
    }
    Ok(())
}
