//! The same bits on every machine, instruction set and number of threads.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::process::Command;

#[test]
fn results_are_the_recorded_bits_on_every_instruction_set_and_number_of_threads() {
    let output = Command::new(env!("CARGO_BIN_EXE_xtask")).arg("digests").output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    assert!(text(&output.stdout).contains("portable: as recorded"), "{}", text(&output.stdout));
}
