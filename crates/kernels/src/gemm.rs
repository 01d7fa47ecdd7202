//! C = A·B and C ← C + A·B for matrices of any strides.

use aligned_vec::{AVec, ConstAlign};
use ndarray::{ArrayView2, ArrayViewMut2};

use crate::tile::{Epilogue, Finish, Start, Tile, TileTable};
use crate::{Error, Isa};

pub use crate::tile::Element;

/// Memory on cache-line boundaries: a vector load that straddles two lines counts twice.
pub(crate) type Aligned<T> = AVec<T, ConstAlign<64>>;

/// Buffers that a thread keeps from product to product, so that none allocates.
pub(crate) struct Scratch<T> {
    /// B, packed.
    packed: Aligned<T>,
    /// A tile that is wider than what is left of C.
    edge: Aligned<T>,
}

impl<T> Default for Scratch<T> {
    fn default() -> Self {
        Self { packed: Aligned::new(64), edge: Aligned::new(64) }
    }
}

/// Makes room for `len` numbers, and never gives any back: buffers change their size from layer to layer, and filling
/// the difference anew each time would cost as much as a layer.
pub(crate) fn grow<T: Copy + Default>(buffer: &mut Aligned<T>, len: usize) {
    if buffer.len() < len {
        buffer.resize(len, T::default());
    }
}

/// C (M, N) = A (M, Q) · B (Q, N), for `f32` or `f64` and any strides, on the calling thread.
///
/// Each element of C is Σ_q a[m, q]·b[q, n], summed in the order of q, with one rounding a step (two on the portable
/// path): |error| ≤ 2Q·ε·Σ|a||b|, ε the unit roundoff. The order depends on nothing else.
///
/// It is fastest when C's rows (or its columns) are contiguous; A may have any layout; B is copied into panels first.
///
/// # Errors
/// [`Error::Shape`] if the three shapes do not fit together.
pub fn gemm<T: Element>(
    isa: Isa,
    a: ArrayView2<'_, T>,
    b: ArrayView2<'_, T>,
    c: ArrayViewMut2<'_, T>,
) -> Result<(), Error> {
    gemm_fetching(isa, Start::Zero, a, b, c, &[])
}

/// C (M, N) ← C + A (M, Q) · B (Q, N), as [`gemm`].
///
/// The sums go on from C step by step, so a product cut along Q into several calls has the bits of a single one.
///
/// # Errors
/// [`Error::Shape`] if the three shapes do not fit together.
///
/// ```
/// use mlprobe_kernels::{Isa, gemm, gemm_add};
/// use ndarray::{Array2, Axis, arr2};
///
/// let (a, b) = (arr2(&[[0.1, 0.2, 0.3]]), arr2(&[[0.7], [0.6], [0.5]]));
/// let (mut whole, mut parts) = (Array2::zeros((1, 1)), Array2::zeros((1, 1)));
/// gemm(Isa::current(), a.view(), b.view(), whole.view_mut())?;
/// for (a, b) in a.axis_chunks_iter(Axis(1), 2).zip(b.axis_chunks_iter(Axis(0), 2)) {
///     gemm_add(Isa::current(), a, b, parts.view_mut())?;
/// }
/// assert_eq!(whole, parts);
/// # Ok::<(), mlprobe_kernels::Error>(())
/// ```
pub fn gemm_add<T: Element>(
    isa: Isa,
    a: ArrayView2<'_, T>,
    b: ArrayView2<'_, T>,
    c: ArrayViewMut2<'_, T>,
) -> Result<(), Error> {
    gemm_fetching(isa, Start::C, a, b, c, &[])
}

/// [`gemm`] or [`gemm_add`], while the rows that will be read `soon` are brought into the cache.
///
/// A computation that needs rows from all over memory, such as the next batch of a training, would wait longer for them
/// than it computes; a product has time to ask for them one by one. No result changes. Rows that a product is too short
/// for are left out.
///
/// # Errors
/// [`Error::Shape`] if the three shapes do not fit together.
pub fn gemm_fetching<T: Element>(
    isa: Isa,
    start: Start,
    a: ArrayView2<'_, T>,
    b: ArrayView2<'_, T>,
    mut c: ArrayViewMut2<'_, T>,
    soon: &[&[T]],
) -> Result<(), Error> {
    let ((m, q), n) = (a.dim(), b.ncols());
    if b.nrows() != q || c.dim() != (m, n) {
        return Err(Error::Shape {
            operation: match start {
                Start::Zero => "gemm",
                Start::C => "gemm_add",
            },
            expected: format!("A (M, Q), B (Q, N), C (M, N), here with A ({m}, {q})"),
            actual: format!("B {:?}, C {:?}", b.dim(), c.dim()),
        });
    }
    if m == 0 || n == 0 {
        return Ok(());
    }
    if n == 1 || c.strides()[1] == 1 {
        rows_of_c(T::table(isa), start, a, b, c, soon);
    } else if m == 1 || c.strides()[0] == 1 {
        // Cᵀ = Bᵀ·Aᵀ
        let (at, bt, ct) = (a.reversed_axes(), b.reversed_axes(), c.reversed_axes());
        rows_of_c(T::table(isa), start, bt, at, ct, soon);
    } else {
        let mut contiguous = c.as_standard_layout().into_owned();
        rows_of_c(T::table(isa), start, a, b, contiguous.view_mut(), soon);
        c.assign(&contiguous);
    }
    Ok(())
}

/// The product for a C whose rows are contiguous.
fn rows_of_c<T: Element>(
    table: &TileTable<T>,
    start: Start,
    a: ArrayView2<'_, T>,
    b: ArrayView2<'_, T>,
    c: ArrayViewMut2<'_, T>,
    soon: &[&[T]],
) {
    T::with_scratch(|Scratch { packed, edge }| {
        pack(b, table, packed);
        tiles(table, start, a, packed, c, edge, soon);
    });
}

/// A (M, Q) times the packed B, into C (M, N).
fn tiles<T: Element>(
    table: &TileTable<T>,
    start: Start,
    a: ArrayView2<'_, T>,
    packed: &[T],
    mut c: ArrayViewMut2<'_, T>,
    edge: &mut Aligned<T>,
    soon: &[&[T]],
) {
    let ((m, q), n, panel) = (a.dim(), c.ncols(), table.panel());
    let count = table.row_blocks(m).count() * n.div_ceil(panel);
    let mut shares = soon.chunks(soon.len().div_ceil(count).max(1));
    // Room for a tile that is wider than what is left of C; its row length is a panel.
    grow(edge, table.tiles.len() * panel);
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
                soon: shares.next().unwrap_or_default(),
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
                table.tiles[rows - 1][vectors - 1](&t);
                if !whole {
                    for r in 0..rows {
                        edge[r * panel..].as_ptr().copy_to_nonoverlapping(place(r), columns);
                    }
                }
            }
        }
    }
}

/// B (Q, N) as panels (Q, panel), one after the other, the last padded with zeros to whole vectors.
fn pack<T: Element>(b: ArrayView2<'_, T>, table: &TileTable<T>, packed: &mut Aligned<T>) {
    let (q, n) = b.dim();
    grow(packed, q * n.next_multiple_of(table.lanes));
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
    }
}
