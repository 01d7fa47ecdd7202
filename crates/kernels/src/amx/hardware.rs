//! The instructions of AMX, in assembly because Rust has no stable names for them, and whether this machine may run them. On
//! Linux alone: other systems give their permission in other ways.

use std::arch::asm;
use std::arch::x86_64::{__cpuid_count, _xgetbv};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::FromRawFd;
use std::sync::OnceLock;

use super::{Unit, block};
use crate::simd::Avx512F32;
use crate::tile::{BlockFn, Blocks, Epilogue, Finish, ROWS, SIDE, Shape, Start, Tile, TileTable, Tiles};

/// The tiles of the calling thread. They are set up by [`set_up`], not by making a value.
struct Matrices;

/// What `ldtilecfg` reads: the size of each tile.
#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

fn set_up(Shape { rows, pairs }: Shape) {
    let (mut row_bytes, mut tile_rows) = ([0; 16], [0; 16]);
    row_bytes[..8].fill(4 * SIDE as u16);
    row_bytes[4..6].fill(4 * pairs as u16);
    tile_rows[..6].fill(rows as u8);
    tile_rows[6..8].fill(pairs as u8);
    let configuration =
        Configuration { palette: 1, start_row: 0, reserved: [0; 14], row_bytes, rows: tile_rows };
    // SAFETY: the table is reached only where AMX was seen to work, and the sizes are within those of palette 1.
    unsafe {
        asm!("ldtilecfg [{}]", in(reg) &raw const configuration, options(readonly, nostack, preserves_flags))
    };
}

/// Without a state of the unit to keep, the system switches threads faster, and the processor can save power.
fn release() {
    // SAFETY: as in `set_up`.
    unsafe { asm!("tilerelease", options(nomem, nostack, preserves_flags)) };
}

impl Unit for Matrices {
    #[inline(always)]
    fn new(_shape: Shape) -> Self {
        Self
    }

    #[inline(always)]
    unsafe fn zero<const TILE: usize>(&mut self) {
        // SAFETY: the caller vouches for a unit that is set up.
        unsafe { asm!("tilezero tmm{t}", t = const TILE, options(nomem, nostack, preserves_flags)) };
    }

    #[inline(always)]
    unsafe fn load<const TILE: usize>(&mut self, from: *const f32, row: isize) {
        // SAFETY: as above, and for the rows.
        unsafe {
            asm!(
                "tileloadd tmm{t}, [{from} + {row}]",
                t = const TILE,
                from = in(reg) from,
                row = in(reg) 4 * row,
                options(readonly, nostack, preserves_flags)
            );
        }
    }

    #[inline(always)]
    unsafe fn store<const TILE: usize>(&self, to: *mut f32, row: isize) {
        // SAFETY: as above, and for the rows.
        unsafe {
            asm!(
                "tilestored [{to} + {row}], tmm{t}",
                t = const TILE,
                to = in(reg) to,
                row = in(reg) 4 * row,
                options(nostack, preserves_flags)
            );
        }
    }

    #[inline(always)]
    unsafe fn multiply_add<const C: usize, const A: usize, const B: usize>(&mut self) {
        // SAFETY: the caller vouches for a unit that is set up.
        unsafe {
            asm!(
                "tdpbf16ps tmm{c}, tmm{a}, tmm{b}",
                c = const C,
                a = const A,
                b = const B,
                options(nomem, nostack, preserves_flags)
            );
        }
    }
}

#[target_feature(enable = "avx512f")]
unsafe fn run<const NV: usize>(t: &Tile<'_, f32>, rows: usize, shape: Shape) {
    // SAFETY: forwarded from the caller.
    unsafe { block::<Matrices, Avx512F32, NV>(t, rows, shape) }
}

pub(crate) static MATRICES: TileTable<f32> =
    TileTable { lanes: SIDE, tiles: Tiles::Matrices(Blocks { set_up, release, run: [run::<1>, run::<2>] }) };

/// Whether the processor has AMX for bf16, the system lets this process use it, and it gives the bits of the emulation. Found
/// out once.
pub(crate) fn is_usable() -> bool {
    static USABLE: OnceLock<bool> = OnceLock::new();
    *USABLE.get_or_init(|| is_present() && is_permitted() && works_in_a_child())
}

/// Whether the processor has the tiles and their product in bf16, and the system keeps their state for each thread.
pub(crate) fn is_present() -> bool {
    const BF16: u32 = 1 << 22;
    const TILE: u32 = 1 << 24;
    /// The system saves registers with `xsave`, so that `xgetbv` may be asked which.
    const OSXSAVE: u32 = 1 << 27;
    /// Sizes and contents of tiles.
    const TILE_STATE: u64 = 0b11 << 17;

    #[target_feature(enable = "xsave")]
    unsafe fn saved() -> u64 {
        // SAFETY: the caller has seen that the system uses `xsave`.
        unsafe { _xgetbv(0) }
    }

    __cpuid_count(0, 0).eax >= 7
        && __cpuid_count(1, 0).ecx & OSXSAVE != 0
        && __cpuid_count(7, 0).edx & (BF16 | TILE) == BF16 | TILE
        // SAFETY: the system uses `xsave`, as the line before says.
        && unsafe { saved() } & TILE_STATE == TILE_STATE
}

/// Asks Linux for the permission to use tiles, which it gives to a process and all its threads: "Using XSTATE features in user
/// space applications", in the documentation of the kernel.
fn is_permitted() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_long = 0x1023;
    const XFEATURE_XTILEDATA: libc::c_long = 18;
    // SAFETY: it changes nothing but what this process may do.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0 }
}

/// Runs the test in a process of its own, because an instruction that the machine only claims to have would end the process.
fn works_in_a_child() -> bool {
    // SAFETY: between `fork` and `_exit` the child computes on its stack alone and writes one byte: it needs no lock that another
    // thread may have held. Whoever else collects children of this process, the byte arrives.
    unsafe {
        let mut pipe = [0; 2];
        if libc::pipe2(pipe.as_mut_ptr(), libc::O_CLOEXEC) != 0 {
            return false;
        }
        let child = libc::fork();
        if child == 0 {
            let verdict = [u8::from(agrees_with_its_emulation())];
            libc::write(pipe[1], verdict.as_ptr().cast(), 1);
            libc::_exit(0);
        }
        libc::close(pipe[1]);
        let (mut reader, mut verdict) = (File::from_raw_fd(pipe[0]), [0]);
        let arrived = child > 0 && reader.read_exact(&mut verdict).is_ok();
        // A signal may interrupt the wait.
        while child > 0
            && libc::waitpid(child, std::ptr::null_mut(), 0) < 0
            && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
        {}
        arrived && verdict == [1]
    }
}

/// Whether blocks of several shapes have the bits of the emulation.
fn agrees_with_its_emulation() -> bool {
    /// Pairs in a row of A, and rows of B: two taps of at most 24.
    const PAIRS: usize = 48;
    [(1, 5), (7, 24), (31, 16), (32, 20)].into_iter().all(|(rows, depth)| {
        let mut factors = [0.0; 2 * ROWS * PAIRS];
        factors.iter_mut().zip(0..).for_each(|(factor, i)| *factor = pair(i));
        let (a, b) = factors.split_at(ROWS * PAIRS);
        let shape = Shape::new(rows, depth);
        let sums = |run: BlockFn<f32>| {
            let mut c = [1e-37; ROWS * ROWS];
            let t = Tile {
                a: a.as_ptr(),
                a_row: PAIRS as isize,
                a_step: 1,
                taps: &[0, 24],
                depth,
                b: b.as_ptr(),
                b_row: ROWS,
                c: c.as_mut_ptr(),
                c_row: ROWS as isize,
                start: Start::C,
                epilogue: Epilogue { bias: b.as_ptr(), finish: Finish::Relu },
            };
            // SAFETY: 32 rows of 48 pairs hold every element of A, 48 rows of 32 those of B, and 32 of 32 those of C.
            unsafe { run(&t, rows, shape) };
            c.map(f32::to_bits)
        };
        set_up(shape);
        let computed = sums(run::<2>);
        release();
        computed == sums(super::emulated::<2>)
    })
}

/// Two bf16 numbers between 2⁻¹² and 2¹², different for every i.
fn pair(i: u32) -> f32 {
    let number = |salt: u32| {
        let mixed = (i ^ salt).wrapping_mul(2_654_435_761);
        let mixed = (mixed ^ mixed >> 15).wrapping_mul(0x2c1b_3c6d);
        mixed >> 31 << 15 | (115 + (mixed >> 8) % 24) << 7 | mixed >> 1 & 0x7f
    };
    f32::from_bits(number(0x5555) | number(0xaaaa_0000) << 16)
}
