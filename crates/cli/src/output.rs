//! Answers on standard output.

use std::io::{ErrorKind, Write, stdout};

use anyhow::{Context, Result};

/// Writes `text`. A reader that has seen enough of it, such as `head`, is no reason to fail.
pub fn write(text: &str) -> Result<()> {
    match stdout().write_all(text.as_bytes()).and_then(|()| stdout().flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result.context("writing to standard output"),
    }
}
