//! The register tile under every product: MR rows by NV vectors of outputs, held in registers.

use crate::fetch;
use crate::pairs::PortablePairs;
use crate::simd::{MultiplyAdd, Portable, Simd, prefetch};

/// What one call of a tile works on. With `taps` = `[0]` it is a matrix product; with several, a convolution, whose
/// taps are the offsets of the kernel's positions in the input.
///
/// ```text
/// C[r, j] = start + Σ_t Σ_k A[r·a_row + taps[t] + k·a_step] · B[(t·depth + k)·b_row + j]      then the epilogue
/// r = 0..MR,  j = 0..NV·LANES,  k = 0..depth
/// ```
pub(crate) struct Tile<'a, T> {
    pub a: *const T,
    pub a_row: isize,
    pub a_step: isize,
    pub taps: &'a [isize],
    pub depth: usize,
    pub b: *const T,
    pub b_row: usize,
    pub c: *mut T,
    pub c_row: isize,
    pub start: Start,
    pub epilogue: Epilogue<T>,
}

/// The values from which the sums of a product start.
#[derive(Clone, Copy)]
pub(crate) enum Start {
    /// The sums start from 0: C = A·B.
    Zero,
    /// The sums start from C: C ← C + A·B. They continue where an earlier product ended, as if it were the first part of this one.
    C,
}

/// What happens to the sums before they are stored.
#[derive(Clone, Copy)]
pub(crate) struct Epilogue<T> {
    /// NV·LANES numbers to add to each row; null for none.
    pub bias: *const T,
    pub finish: Finish,
}

/// What a layer does with its sums, which include the bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// out = sum
    Store,
    /// out = max(sum, 0)
    Relu,
    /// out = min(max(sum, 0), 6)
    Relu6,
    /// out = sum + out
    Add,
    /// out = max(sum + out, 0): before the call, `out` holds the shortcut of a residual block.
    AddRelu,
}

/// # Safety
/// The instruction set must be present; every element that the formula in [`Tile`] names must lie in memory that may
/// be read (A, B, bias) or written (C).
pub(crate) type TileFn<T> = unsafe fn(&Tile<'_, T>);

/// The tiles of one instruction set and element type.
pub(crate) struct TileTable<T: 'static> {
    /// Numbers in one vector.
    pub lanes: usize,
    pub tiles: Tiles<T>,
}

pub(crate) enum Tiles<T: 'static> {
    /// In vector registers: `[MR - 1][NV - 1]`, for MR up to the number of rows and NV = 1, 2.
    Vectors(&'static [[TileFn<T>; 2]]),
    /// In the registers of a matrix unit.
    Matrices(Blocks<T>),
}

/// A tile of a matrix unit has at most so many rows, so many columns of 32 bits, and so many pairs in a row of A.
pub(crate) const SIDE: usize = 16;

/// Most rows of a block.
pub(crate) const ROWS: usize = 2 * SIDE;

/// Which part of a tile of a matrix unit is used, throughout a product.
#[derive(Clone, Copy, Default)]
pub(crate) struct Shape {
    /// Rows of a tile of A and of C, 1 to 16.
    pub rows: usize,
    /// Pairs in a row of a tile of A, which are rows of a tile of B, 1 to 16.
    pub pairs: usize,
}

impl Shape {
    /// For blocks of `most` rows or one row less, and for sums of `depth` pairs, which are divided into groups of one size.
    pub fn new(most: usize, depth: usize) -> Self {
        let pairs = (1..=SIDE).rev().find(|&pairs| depth.is_multiple_of(pairs)).unwrap_or(1);
        Self { rows: most.div_ceil(2).clamp(1, SIDE), pairs }
    }
}

/// What a table runs on a matrix unit: blocks of four tiles, two of rows by two of columns.
pub(crate) struct Blocks<T> {
    pub set_up: fn(Shape),
    pub release: fn(),
    /// A block of 1 or 2 tiles of columns.
    pub run: [BlockFn<T>; 2],
}

/// # Safety
/// That of [`TileFn`]. The unit was set up for this shape. There are at least as many rows as a tile of that shape has, and at most
/// twice as many. `a_step` is 1.
pub(crate) type BlockFn<T> = unsafe fn(&Tile<'_, T>, usize, Shape);

/// Tiles that are ready to run: a matrix unit is set up once per product, and released when this is dropped.
pub(crate) struct Ready<T: 'static> {
    table: &'static TileTable<T>,
    /// Of a matrix unit's tiles.
    shape: Shape,
}

impl<T> Ready<T> {
    /// Runs the tile of `rows` rows and `vectors` vectors.
    ///
    /// # Safety
    /// That of [`TileFn`], and `rows` is from the same [`TileTable::row_blocks`] as those that it was made ready for.
    #[inline(always)]
    pub unsafe fn run(&self, rows: usize, vectors: usize, t: &Tile<'_, T>) {
        match &self.table.tiles {
            // SAFETY: forwarded from the caller.
            Tiles::Vectors(tiles) => unsafe { tiles[rows - 1][vectors - 1](t) },
            // SAFETY: forwarded from the caller; the unit was set up when this was made.
            Tiles::Matrices(blocks) => unsafe { blocks.run[vectors - 1](t, rows, self.shape) },
        }
    }
}

impl<T> Drop for Ready<T> {
    fn drop(&mut self) {
        if let Tiles::Matrices(blocks) = &self.table.tiles {
            (blocks.release)();
        }
    }
}

impl<T> TileTable<T> {
    /// Most rows of a tile.
    pub fn rows(&self) -> usize {
        match &self.tiles {
            Tiles::Vectors(tiles) => tiles.len(),
            Tiles::Matrices(_) => ROWS,
        }
    }

    /// Makes the tiles ready for the blocks of `rows` rows, and for sums of `depth` steps.
    pub fn ready(&'static self, rows: usize, depth: usize) -> Ready<T> {
        let mut shape = Shape::default();
        if let Tiles::Matrices(blocks) = &self.tiles {
            shape = Shape::new(rows.div_ceil(self.blocks(rows)), depth);
            (blocks.set_up)(shape);
        }
        Ready { table: self, shape }
    }

    /// How many steps a product of packed factors has: `depth`, or more on a matrix unit, which takes them in groups.
    pub fn steps(&self, depth: usize) -> usize {
        match &self.tiles {
            Tiles::Matrices(_) if depth > SIDE => depth.next_multiple_of(SIDE),
            _ => depth,
        }
    }

    /// Whether each row of A has to lie in one piece, as a matrix unit loads it.
    pub fn takes_rows(&self) -> bool {
        matches!(self.tiles, Tiles::Matrices(_))
    }

    /// Columns of a full panel: two vectors.
    pub fn panel(&self) -> usize {
        2 * self.lanes
    }

    /// The smallest tile width, in vectors, that covers `columns` (at most a panel).
    pub fn vectors(&self, columns: usize) -> usize {
        columns.div_ceil(self.lanes).clamp(1, 2)
    }

    fn blocks(&self, rows: usize) -> usize {
        rows.div_ceil(self.rows()).max(1)
    }

    /// Cuts `rows` into the fewest tiles, of sizes as equal as possible: `(first row, rows)`.
    pub fn row_blocks(&self, rows: usize) -> impl Iterator<Item = (usize, usize)> + use<T> {
        let blocks = self.blocks(rows);
        (0..blocks).map(move |i| (i * rows / blocks, (i + 1) * rows / blocks - i * rows / blocks))
    }
}

/// Writes the body once for each row, because the compiler leaves a loop of this length rolled, and then keeps the
/// sums in memory.
macro_rules! for_each_row {
    ($rows:ident, |$r:ident| $body:expr) => {
        for_each_row!(@ $rows, $r, $body, 0 1 2 3 4 5 6 7 8 9 10 11 12 13)
    };
    (@ $rows:ident, $r:ident, $body:expr, $($i:literal)*) => {
        $(if $i < $rows {
            let $r: usize = $i;
            $body
        })*
    };
}

#[inline(always)]
unsafe fn tile<M: MultiplyAdd, const MR: usize, const NV: usize>(t: &Tile<'_, <M::Sums as Simd>::T>) {
    // SAFETY: forwarded from the caller.
    unsafe {
        match fetch::is_waiting() {
            false => tile_fetching::<M, M::Sums, MR, NV, false>(t),
            true => tile_fetching::<M, M::Sums, MR, NV, true>(t),
        }
    }
}

/// Steps from one cache line that is fetched to the next: enough for memory to answer one request before the next comes,
/// so that the sums never wait for it.
const STEPS_PER_LINE: usize = 4;

/// The tile, with or without rows to fetch: without any, even a comparison in the innermost loop would take time.
#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "iterators over sums and columns are not unrolled either")]
unsafe fn tile_fetching<M, S, const MR: usize, const NV: usize, const FETCH: bool>(t: &Tile<'_, S::T>)
where
    M: MultiplyAdd<Sums = S>,
    S: Simd,
{
    // SAFETY: the caller vouches for the instruction set and for every element that Tile's formula names.
    unsafe {
        let mut acc = [[S::zero(); NV]; MR];
        let place = |r: usize, v: usize| t.c.wrapping_offset(r as isize * t.c_row).wrapping_add(v * S::LANES);
        if let Start::C = t.start {
            for_each_row!(MR, |r| for v in 0..NV {
                acc[r][v] = S::load(place(r, v));
            });
        }
        let mut b = t.b;
        for &tap in t.taps {
            let mut a = t.a.wrapping_offset(tap);
            for k in 0..t.depth {
                if FETCH && k % STEPS_PER_LINE == 0 {
                    fetch::next_line();
                }
                // Steps far apart in memory, as in a transposed A, are beyond what hardware prefetches.
                prefetch(a.wrapping_offset(8 * t.a_step));
                prefetch(a.wrapping_offset(8 * t.a_step + (MR as isize - 1) * t.a_row));
                let mut columns = [S::zero(); NV];
                for v in 0..NV {
                    columns[v] = S::load(b.add(v * S::LANES));
                }
                for_each_row!(MR, |r| {
                    let x = S::splat(*a.wrapping_offset(r as isize * t.a_row));
                    for v in 0..NV {
                        acc[r][v] = M::multiply_add(x, columns[v], acc[r][v]);
                    }
                });
                a = a.wrapping_offset(t.a_step);
                b = b.wrapping_add(t.b_row);
            }
        }
        let Epilogue { bias, finish } = t.epilogue;
        if !bias.is_null() {
            for_each_row!(MR, |r| for v in 0..NV {
                acc[r][v] = S::add(acc[r][v], S::load(bias.add(v * S::LANES)));
            });
        }
        for_each_row!(MR, |r| for v in 0..NV {
            let out = place(r, v);
            S::store(out, finished::<S>(acc[r][v], out, finish));
        });
    }
}

/// What is stored at `out` for this sum.
///
/// # Safety
/// As for the methods of [`Simd`]; [`Finish::Add`] and [`Finish::AddRelu`] load from `out`.
#[inline(always)]
pub(crate) unsafe fn finished<S: Simd>(sum: S::V, out: *const S::T, finish: Finish) -> S::V {
    // SAFETY: forwarded from the caller.
    unsafe {
        match finish {
            Finish::Store => sum,
            Finish::Relu => S::max(sum, S::zero()),
            Finish::Relu6 => S::min(S::max(sum, S::zero()), S::splat(6.into())),
            Finish::Add => S::add(sum, S::load(out)),
            Finish::AddRelu => S::max(S::add(sum, S::load(out)), S::zero()),
        }
    }
}

/// A table of tiles for one instruction set; `#[target_feature]` cannot be generic, so each set has its function.
macro_rules! table {
    ($table:ident, $run:ident, $t:ty, $multiply_add:ty, [$($mr:literal)*] $(, $feature:literal)?) => {
        $(#[target_feature(enable = $feature)])?
        unsafe fn $run<const MR: usize, const NV: usize>(t: &Tile<'_, $t>) {
            // SAFETY: forwarded from the caller.
            unsafe { tile::<$multiply_add, MR, NV>(t) }
        }
        pub(crate) static $table: TileTable<$t> = TileTable {
            lanes: <$multiply_add as MultiplyAdd>::Sums::LANES,
            tiles: Tiles::Vectors(&[$([$run::<$mr, 1>, $run::<$mr, 2>]),*]),
        };
    };
}

// 2·MR sums, two columns and one broadcast have to fit the registers: 32 with AVX-512 and NEON, else 16.
table!(PORTABLE_F32, portable_f32, f32, Portable<f32, 4>, [1 2 3 4 5 6]);
table!(PORTABLE_PAIRS, portable_pairs, f32, PortablePairs, [1 2 3]);
table!(PORTABLE_F64, portable_f64, f64, Portable<f64, 2>, [1 2 3 4 5 6]);
#[cfg(target_arch = "x86_64")]
pub(crate) mod x86 {
    use super::*;
    use crate::pairs::Avx512Pairs;
    use crate::simd::{Avx2F32, Avx2F64, Avx512F32, Avx512F64};
    table!(AVX2_F32, avx2_f32, f32, Avx2F32, [1 2 3 4 5 6], "avx2,fma");
    table!(AVX2_F64, avx2_f64, f64, Avx2F64, [1 2 3 4 5 6], "avx2,fma");
    table!(AVX512_F32, avx512_f32, f32, Avx512F32, [1 2 3 4 5 6 7 8 9 10 11 12 13 14], "avx512f");
    table!(AVX512_PAIRS, avx512_pairs, f32, Avx512Pairs, [1 2 3 4 5 6 7 8 9 10 11 12 13 14], "avx512f,avx512bf16");
    table!(AVX512_F64, avx512_f64, f64, Avx512F64, [1 2 3 4 5 6 7 8 9 10 11 12 13 14], "avx512f");
}
#[cfg(target_arch = "aarch64")]
pub(crate) mod neon {
    use super::*;
    use crate::simd::{NeonF32, NeonF64};
    table!(NEON_F32, neon_f32, f32, NeonF32, [1 2 3 4 5 6 7 8 9 10 11 12 13 14], "neon");
    table!(NEON_F64, neon_f64, f64, NeonF64, [1 2 3 4 5 6 7 8 9 10 11 12 13 14], "neon");
}
