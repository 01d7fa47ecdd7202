//! Products of pairs of bf16 numbers on a matrix unit, Intel's AMX: eight tiles of 16 rows by 64 bytes, and one instruction that
//! multiplies two of them, 8,192 multiply-adds. See the Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1,
//! chapter 18, and `TDPBF16PS` in volume 2:
//!
//! ```text
//! odd ← even ← 0;   for each pair k:  even ← even + a₀·b₀,  odd ← odd + a₁·b₁;   then  c ← c + (even + odd)
//! ```
//!
//! Every step is rounded once to nearest even, and results below 2⁻¹²⁶ become 0. A block of outputs is four tiles: two of rows by
//! two of columns, so that each tile of A and B that is loaded is used twice.

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod hardware;

use std::mem::MaybeUninit;

use crate::fetch;
use crate::pairs::{normal_or_zero, numbers, step};
use crate::simd::{Portable, Simd};
use crate::tile::{Blocks, Epilogue, Finish, SIDE, Shape, Start, Tile, TileTable, Tiles, finished};

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
pub(crate) use hardware::{MATRICES, is_present, is_usable};

/// Eight tiles: 0 to 3 are C's, 4 and 5 are A's, 6 and 7 are B's.
trait Unit {
    /// Its tiles, set up for this shape.
    fn new(shape: Shape) -> Self;
    /// # Safety
    /// The unit was set up.
    unsafe fn zero<const TILE: usize>(&mut self);
    /// Loads the tile's rows, `row` numbers apart.
    ///
    /// # Safety
    /// As above, and the part of the rows that the shape uses may be read.
    unsafe fn load<const TILE: usize>(&mut self, from: *const f32, row: isize);
    /// # Safety
    /// As above, and the rows may be written.
    unsafe fn store<const TILE: usize>(&self, to: *mut f32, row: isize);
    /// C ← C + A·B
    ///
    /// # Safety
    /// The unit was set up.
    unsafe fn multiply_add<const C: usize, const A: usize, const B: usize>(&mut self);
}

/// Cache lines that are fetched per step of up to four products.
const LINES_PER_STEP: usize = 8;

/// `rows` by NV·16 outputs. The second tile of rows ends with the last row. If it begins before the first has ended, both
/// compute the rows in between, to the same bits.
#[inline(always)]
unsafe fn block<U: Unit, S: Simd<T = f32>, const NV: usize>(t: &Tile<'_, f32>, rows: usize, shape: Shape) {
    // SAFETY: the caller vouches for the unit, for its shape, and for every element that Tile's formula names.
    unsafe {
        let mut unit = U::new(shape);
        let second = (rows - shape.rows) as isize;
        let below = t.c.wrapping_offset(second * t.c_row);
        match t.start {
            Start::Zero => {
                unit.zero::<0>();
                unit.zero::<1>();
                unit.zero::<2>();
                unit.zero::<3>();
            }
            Start::C => {
                unit.load::<0>(t.c, t.c_row);
                unit.load::<2>(below, t.c_row);
                if NV == 2 {
                    unit.load::<1>(t.c.wrapping_add(SIDE), t.c_row);
                    unit.load::<3>(below.wrapping_add(SIDE), t.c_row);
                }
            }
        }
        let (mut b, b_row) = (t.b, t.b_row as isize);
        for &tap in t.taps {
            let mut a = t.a.wrapping_offset(tap);
            for _ in 0..t.depth / shape.pairs {
                if fetch::is_waiting() {
                    (0..LINES_PER_STEP).for_each(|_| fetch::next_line());
                }
                unit.load::<6>(b, b_row);
                unit.load::<4>(a, t.a_row);
                unit.multiply_add::<0, 4, 6>();
                unit.load::<5>(a.wrapping_offset(second * t.a_row), t.a_row);
                unit.multiply_add::<2, 5, 6>();
                if NV == 2 {
                    unit.load::<7>(b.wrapping_add(SIDE), b_row);
                    unit.multiply_add::<1, 4, 7>();
                    unit.multiply_add::<3, 5, 7>();
                }
                a = a.wrapping_add(shape.pairs);
                b = b.wrapping_add(shape.pairs * t.b_row);
            }
        }
        let Epilogue { bias, finish } = t.epilogue;
        if bias.is_null() && finish == Finish::Store {
            unit.store::<0>(t.c, t.c_row);
            unit.store::<2>(below, t.c_row);
            if NV == 2 {
                unit.store::<1>(t.c.wrapping_add(SIDE), t.c_row);
                unit.store::<3>(below.wrapping_add(SIDE), t.c_row);
            }
            return;
        }
        let mut sums = MaybeUninit::<Sums>::uninit();
        let (first, row) = (sums.as_mut_ptr().cast::<f32>(), SIDE as isize);
        let tiles: [_; 4] = std::array::from_fn(|tile| first.wrapping_add(tile * SIDE * SIDE));
        unit.store::<0>(tiles[0], row);
        unit.store::<2>(tiles[2], row);
        if NV == 2 {
            unit.store::<1>(tiles[1], row);
            unit.store::<3>(tiles[3], row);
        }
        for r in 0..rows {
            let (half, within) = if r < shape.rows { (0, r) } else { (2, r - second as usize) };
            for column in (0..NV * SIDE).step_by(S::LANES) {
                let sum = tiles[half + column / SIDE].add(within * SIDE + column % SIDE);
                let sum = if bias.is_null() {
                    S::load(sum)
                } else {
                    S::add(S::load(sum), S::load(bias.add(column)))
                };
                let out = t.c.wrapping_offset(r as isize * t.c_row).wrapping_add(column);
                S::store(out, finished::<S>(sum, out, finish));
            }
        }
    }
}

/// The sums of a block, tile after tile, on cache lines.
#[repr(align(64))]
struct Sums(#[expect(dead_code, reason = "written and read through a pointer")] [f32; 4 * SIDE * SIDE]);

/// The instructions in plain Rust, to the same bits.
struct Emulated {
    shape: Shape,
    tiles: [[[f32; SIDE]; SIDE]; 8],
}

impl Emulated {
    /// Rows and columns of a tile that are used.
    fn size(&self, tile: usize) -> (usize, usize) {
        let Shape { rows, pairs } = self.shape;
        match tile {
            0..4 => (rows, SIDE),
            4..6 => (rows, pairs),
            _ => (pairs, SIDE),
        }
    }
}

impl Unit for Emulated {
    fn new(shape: Shape) -> Self {
        Self { shape, tiles: [[[0.0; SIDE]; SIDE]; 8] }
    }

    unsafe fn zero<const TILE: usize>(&mut self) {
        self.tiles[TILE] = Default::default();
    }

    unsafe fn load<const TILE: usize>(&mut self, from: *const f32, row: isize) {
        let (rows, columns) = self.size(TILE);
        for (r, to) in self.tiles[TILE].iter_mut().enumerate().take(rows) {
            // SAFETY: the caller vouches for these rows.
            unsafe { to.as_mut_ptr().copy_from(from.offset(r as isize * row), columns) };
        }
    }

    unsafe fn store<const TILE: usize>(&self, to: *mut f32, row: isize) {
        let (rows, columns) = self.size(TILE);
        for (r, from) in self.tiles[TILE].iter().enumerate().take(rows) {
            // SAFETY: the caller vouches for these rows.
            unsafe { from.as_ptr().copy_to(to.offset(r as isize * row), columns) };
        }
    }

    unsafe fn multiply_add<const C: usize, const A: usize, const B: usize>(&mut self) {
        let Shape { rows, pairs } = self.shape;
        let (a, b) = (self.tiles[A], self.tiles[B]);
        for (sums, a) in self.tiles[C].iter_mut().zip(&a).take(rows) {
            let (mut even, mut odd) = ([0.0; SIDE], [0.0; SIDE]);
            for (&a, b) in a.iter().zip(&b).take(pairs) {
                let a = numbers(a);
                for (j, &b) in b.iter().enumerate() {
                    let b = numbers(b);
                    even[j] = step(a[0], b[0], even[j]);
                    odd[j] = step(a[1], b[1], odd[j]);
                }
            }
            for (sum, (even, odd)) in sums.iter_mut().zip(even.iter().zip(odd)) {
                *sum = normal_or_zero(normal_or_zero(*sum) + normal_or_zero(even + odd));
            }
        }
    }
}

unsafe fn emulated<const NV: usize>(t: &Tile<'_, f32>, rows: usize, shape: Shape) {
    // SAFETY: forwarded from the caller; the emulation needs no setting up.
    unsafe { block::<Emulated, Portable<f32, SIDE>, NV>(t, rows, shape) }
}

pub(crate) static EMULATED: TileTable<f32> = TileTable {
    lanes: SIDE,
    tiles: Tiles::Matrices(Blocks { set_up: |_| {}, release: || {}, run: [emulated::<1>, emulated::<2>] }),
};
