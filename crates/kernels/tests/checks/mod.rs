//! Checks that run both as tests of the usual harness and one after the other without it, see `tests/portable.rs`.

/// Makes every function a test, and lists all of them in `ALL`.
macro_rules! checks {
    ($($name:ident),* $(,)?) => {
        #[cfg_attr(test, allow(dead_code, reason = "the harness finds the tests by itself"))]
        /// The names of the checks, and the checks.
        pub const ALL: &[(&str, fn())] = &[$((stringify!($name), $name)),*];

        mod tests {
            $(#[test]
            fn $name() {
                super::$name();
            })*
        }
    };
}
