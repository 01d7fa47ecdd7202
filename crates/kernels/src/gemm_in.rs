//! Products in the precision that the caller chooses: C ← AB + βC.

use std::borrow::Cow;
use std::cell::RefCell;

use ndarray::{ArrayRef2, ArrayView2, ArrayViewMut2, Axis, CowArray, Ix2, Slice};

use crate::buffer::{Aligned, grow};
use crate::gemm::{check_shapes, start_from, tiles};
use crate::isa::Level;
use crate::precision::nearest;
use crate::tile::{Start, pair_table};
use crate::{Bf16, Error, Isa, Precision, gemm_on};

/// C (M, N) ← A (M, Q) B (Q, N) + β C in a given precision, on the calling thread; A may be kept in bf16, which halves
/// the memory that it is read from, and gives the same bits.
///
/// As for [`gemm`](crate::gemm), where β is 0 what C holds is not read, and the order of sums depends on nothing but Q: a
/// product cut along Q into several calls, at even places, has the bits of a single one.
///
/// With S = Σ_q |a||b| and T = S + |βc|, for Q below 10⁵ and factors that are 0 or between 2⁻¹⁰⁰ and 2¹⁰⁰ in magnitude:
///
/// - `bf16`: |error| ≤ (2⁻⁷ + 2⁻¹⁶) S + 2(Q + 1)·2⁻²⁴ T. Each factor is rounded to nearest even, by at most 2⁻⁸ of itself,
///   and only the second term remains if the factors are bf16 numbers. Each step of the sum rounds once.
/// - `bf16x3`: |error| ≤ (2⁻²³ + 2⁻³²) S + 7(Q + 1)·2⁻²⁴ T. With a = a₀ + a₁ + a₂, which is exact, |a₁| ≤ 2⁻⁸|a| and
///   |a₂| ≤ 2⁻¹⁶|a|; a₁b₂, a₂b₁ and a₂b₂ are left out. The six other products are six steps of the sum, the smallest first.
///
/// Processors with AVX-512 BF16 compute these with `vdpbf16ps`; all others emulate that instruction to the same bits, which
/// is many times slower than `f32`.
///
/// # Errors
/// [`Error::Shape`] if the three shapes do not fit together.
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
    let terms: &[Term] = match precision {
        Precision::F32 => return gemm_on(isa, 1.0, &A::exact(a.view()), b, beta, c),
        Precision::Bf16x3 => &SIX,
        Precision::Bf16 => &[[0, 0]],
    };
    check_shapes("gemm_in", a.dim(), b.dim(), c.dim())?;
    let start = start_from(beta, c);
    let (a, b, mut c) = (a.view(), b.view(), c.view_mut());
    if c.is_empty() {
    } else if c.ncols() == 1 || c.strides()[1] == 1 {
        rows_of_c(isa, start, terms, a, b, c);
    } else if c.nrows() == 1 || c.strides()[0] == 1 {
        // Cᵀ = Bᵀ·Aᵀ
        rows_of_c(isa, start, terms, b.reversed_axes(), a.reversed_axes(), c.reversed_axes());
    } else {
        let mut contiguous = c.as_standard_layout().into_owned();
        rows_of_c(isa, start, terms, a, b, contiguous.view_mut());
        c.assign(&contiguous);
    }
    Ok(())
}

/// A number type that a product takes in any precision: `f32` or [`Bf16`]. Sealed.
pub trait Factor: Copy + Default + sealed::Parts {}
impl Factor for f32 {}
impl Factor for Bf16 {}

mod sealed {
    use super::*;

    pub trait Parts: Sized {
        /// The matrix in `f32`.
        fn exact(x: ArrayView2<'_, Self>) -> CowArray<'_, f32, Ix2>;
        /// The bits of part I of the number: the bf16 number nearest to what the parts before it leave.
        fn part<const I: usize>(self) -> u32;
        /// Pairs along the rows as they lie in memory, if they do.
        #[expect(unused_variables, reason = "most have none")]
        fn pairs<'a>(x: ArrayView2<'a, Self>) -> Option<ArrayView2<'a, f32>> {
            None
        }
    }

    impl Parts for f32 {
        fn exact(x: ArrayView2<'_, f32>) -> CowArray<'_, f32, Ix2> {
            x.into()
        }
        #[inline(always)]
        fn part<const I: usize>(self) -> u32 {
            let rest = (0..I).fold(self, |rest, _| rest - f32::from_bits(nearest(rest) << 16));
            // Nothing is left of a number that part 0 makes infinite, or that is not a number.
            if I > 0 && !rest.is_finite() { 0 } else { nearest(rest) }
        }
    }

    impl Parts for Bf16 {
        fn exact(x: ArrayView2<'_, Bf16>) -> CowArray<'_, f32, Ix2> {
            x.mapv(f32::from).into()
        }
        #[inline(always)]
        fn part<const I: usize>(self) -> u32 {
            if I == 0 { u32::from(self.to_bits()) } else { 0 }
        }
        fn pairs<'a>(x: ArrayView2<'a, Bf16>) -> Option<ArrayView2<'a, f32>> {
            let ((m, q), row) = (x.dim(), x.strides()[0]);
            let p = x.as_ptr().cast::<f32>();
            let fits = cfg!(target_endian = "little") && p.is_aligned() && q > 0 && q % 2 == 0;
            if !fits || x.strides()[1] != 1 || row < 0 || row % 2 != 0 {
                return None;
            }
            let shape = ndarray::ShapeBuilder::strides((m, q / 2), (row as usize / 2, 1));
            // SAFETY: the pairs are the same memory, aligned, for the same lifetime; any 32 bits are an f32.
            Some(unsafe { ArrayView2::from_shape_ptr(shape, p) })
        }
    }
}

/// Which part of a is multiplied by which part of b.
type Term = [usize; 2];

/// The smallest first: then only the last and largest rounds as an `f32` product would.
const SIX: [Term; 6] = [[2, 0], [1, 1], [0, 2], [1, 0], [0, 1], [0, 0]];

/// Rows of A that are packed at a time: several tiles, few enough for the cache.
const BLOCK: usize = 112;

/// The product for a C whose rows are contiguous. With P pairs along Q (the last one filled up with zero) and T terms, it is
/// a product of pairs, (M, P·T) by (P·T, N).
fn rows_of_c<A: Factor, B: Factor>(
    isa: Isa,
    start: Start,
    terms: &[Term],
    a: ArrayView2<'_, A>,
    b: ArrayView2<'_, B>,
    mut c: ArrayViewMut2<'_, f32>,
) {
    let ((q, n), table) = (b.dim(), pair_table(isa));
    let depth = q.div_ceil(2) * terms.len();
    SCRATCH.with_borrow_mut(|Scratch { a: packed_a, b: packed_b, edge }| {
        grow(packed_b, depth * n.next_multiple_of(table.lanes));
        for first in (0..n).step_by(table.panel()) {
            let columns = table.panel().min(n - first);
            let width = table.vectors(columns) * table.lanes;
            let b = b.slice_axis(Axis(1), Slice::from(first..first + columns));
            pack(
                isa,
                b,
                terms.iter().map(|term| term[1]),
                width,
                &mut packed_b[first * depth..][..width * depth],
            );
        }
        let blocks = a.axis_chunks_iter(Axis(0), BLOCK).zip(c.axis_chunks_iter_mut(Axis(0), BLOCK));
        for (a, c) in blocks {
            let m = a.nrows();
            let in_place = if terms.len() == 1 { A::pairs(a) } else { None };
            let pairs = in_place.or_else(|| {
                grow(packed_a, depth * m);
                let to = &mut packed_a[..depth * m];
                if terms.len() == 1 && a.strides()[1] == 1 {
                    pack_rows(isa, a, to);
                    return ArrayView2::from_shape((m, depth), to).ok();
                }
                pack(isa, a.reversed_axes(), terms.iter().map(|term| term[0]), m, to);
                ArrayView2::from_shape((depth, m), to).ok().map(ArrayView2::reversed_axes)
            });
            if let Some(pairs) = pairs {
                tiles(table, start, pairs, packed_b, c, edge);
            }
        }
    });
}

/// x (Q, N) to pairs (P·T, width): the row of pair p and term t holds part `parts[t]` of rows 2p and 2p + 1 of x, with zeros
/// beyond N and Q.
fn pack<X: Factor>(
    isa: Isa,
    x: ArrayView2<'_, X>,
    parts: impl Iterator<Item = usize> + Clone,
    width: usize,
    to: &mut [f32],
) {
    let (q, n) = x.dim();
    let row = |q: usize| {
        let row = (q < x.nrows()).then(|| x.row(q));
        match row.and_then(|row| row.to_slice()) {
            Some(row) => Cow::Borrowed(row),
            None => Cow::Owned(row.map_or(vec![X::default(); n], |row| row.to_vec())),
        }
    };
    let mut rows = to.chunks_exact_mut(width);
    for p in (0..q).step_by(2) {
        let (first, second) = (&row(p)[..], &row(p + 1)[..]);
        for (part, to) in parts.clone().zip(&mut rows) {
            to[n..].fill(0.0);
            match part {
                0 => vectorized(isa, || interleave::<X, 0>(first, second, to)),
                1 => vectorized(isa, || interleave::<X, 1>(first, second, to)),
                _ => vectorized(isa, || interleave::<X, 2>(first, second, to)),
            }
        }
    }
}

/// Part I of both rows (N), to N pairs.
#[inline(always)]
fn interleave<X: Factor, const I: usize>(first: &[X], second: &[X], to: &mut [f32]) {
    for ((to, first), second) in to.iter_mut().zip(first).zip(second) {
        *to = pair::<X, I>(*first, *second);
    }
}

/// A (M, Q) with contiguous rows to pairs (M, P) of the numbers' first parts.
fn pack_rows<A: Factor>(isa: Isa, a: ArrayView2<'_, A>, to: &mut [f32]) {
    let rows = a.rows().into_iter().zip(to.chunks_exact_mut(a.ncols().div_ceil(2).max(1)));
    for (row, to) in rows {
        let (pairs, last) = row.to_slice().unwrap_or_default().as_chunks();
        vectorized(isa, || to.iter_mut().zip(pairs).for_each(|(to, &[x, y])| *to = pair::<A, 0>(x, y)));
        if let ([last], Some(to)) = (last, to.last_mut()) {
            *to = pair::<A, 0>(*last, A::default());
        }
    }
}

#[inline(always)]
fn pair<X: Factor, const I: usize>(first: X, second: X) -> f32 {
    f32::from_bits(first.part::<I>() | second.part::<I>() << 16)
}

/// Runs a loop that the compiler turns into vector instructions, on the widest ones. No result changes.
#[inline(always)]
fn vectorized(isa: Isa, run: impl FnOnce()) {
    #[cfg(target_arch = "x86_64")]
    if isa.0 == Level::Avx512 {
        #[target_feature(enable = "avx512f")]
        fn wide(run: impl FnOnce()) {
            run();
        }
        // SAFETY: an Isa exists only where its instructions do.
        return unsafe { wide(run) };
    }
    let _ = isa;
    run();
}

/// The buffers of a product in bf16, kept from product to product.
struct Scratch {
    a: Aligned<f32>,
    b: Aligned<f32>,
    edge: Aligned<f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> =
        RefCell::new(Scratch { a: Aligned::new(64), b: Aligned::new(64), edge: Aligned::new(64) });
}
