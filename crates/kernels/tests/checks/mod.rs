//! Checks that run both as tests of the usual harness and one after the other without it, see `tests/portable.rs`.

use mlprobe_kernels::Isa;

/// Makes every function a test, and lists all of them in `ALL`.
macro_rules! checks {
    ($($name:ident),* $(,)?) => {
        #[cfg_attr(test, allow(dead_code, reason = "the harness finds the tests by itself"))]
        /// Every check of this file, with its name.
        pub const ALL: &[(&str, fn())] = &[$((stringify!($name), $name)),*];

        mod tests {
            $(#[test]
            fn $name() {
                super::$name();
            })*
        }
    };
}

/// Every instruction set of this machine, and AMX, also emulated.
#[allow(dead_code, reason = "not every file of checks has matrices in bf16")]
pub fn every_set() -> Vec<Isa> {
    sets_of_one_order().concat()
}

/// Those that sum in the same order in bf16: all without AMX, then AMX and its emulation.
#[allow(dead_code, reason = "as above")]
pub fn sets_of_one_order() -> [Vec<Isa>; 2] {
    [Isa::available(), Isa::amx().into_iter().chain([Isa::emulating_amx()]).collect()]
}
