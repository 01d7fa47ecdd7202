//! Ctrl-C: the runs under way write a last checkpoint, and within two seconds the program has ended.

use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};
use std::time::Duration;
use std::{env, thread};

use anyhow::{Context, Result};

use crate::front;
use crate::progress::{Bars, print};

/// What shells report of a program that Ctrl-C has ended.
const EXIT_CODE: u8 = 130;
/// How long a study may take to end by itself, which is an epoch of training. A longer step, such as an extraction, is
/// broken off: every file is written beside its place and renamed, so none is left in part.
const GRACE: Duration = Duration::from_millis(1500);

static ASKED: AtomicBool = AtomicBool::new(false);
/// Those of the run under way.
static BARS: Mutex<Option<Bars>> = Mutex::new(None);

/// Listens for Ctrl-C, and for the signals that ask a program to end. The second one ends it at once. A command of several runs
/// calls this for each of them.
pub fn listen(bars: Bars) -> Result<()> {
    let earlier = BARS.lock().unwrap_or_else(PoisonError::into_inner).replace(bars);
    if earlier.is_some() {
        return Ok(());
    }
    let handler = || {
        let bars = BARS.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default();
        if ASKED.swap(true, Ordering::Relaxed) {
            exit(farewell(&bars).into());
        }
        bars.line("Stopping. Ctrl-C once more ends at once.");
        thread::spawn(move || {
            thread::sleep(GRACE);
            exit(farewell(&bars).into());
        });
    };
    ctrlc::set_handler(handler).context("listening for Ctrl-C")
}

/// Whether the user has asked to stop.
pub fn asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}

/// Says, once, how to resume; returns the exit code.
pub fn farewell(bars: &Bars) -> u8 {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        bars.clear();
        let arguments = env::args_os().map(|argument| argument.to_string_lossy().into_owned());
        print(format_args!("Stopped. To resume: {}", command(front::command(), arguments)));
    });
    EXIT_CODE
}

/// The command line that resumes: the same, but for `--fresh`, which would start from the beginning.
fn command(program: &str, arguments: impl Iterator<Item = String>) -> String {
    let arguments = arguments.skip(1).filter(|argument| argument != "--fresh");
    // A null character, which no command line can hold, is all that cannot be quoted.
    let quoted =
        |argument: String| shlex::try_quote(&argument).map_or(argument.clone(), |quoted| quoted.into_owned());
    arguments.fold(program.to_owned(), |line, argument| line + " " + &quoted(argument))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_resumes_with_the_same_options_and_not_afresh() {
        let arguments = ["/bin/mlprobe", "reproduce", "--fresh", "--out", "my runs/its", "--quick", ""];
        let line = command("mlprobe", arguments.map(str::to_owned).into_iter());
        assert_eq!(line, "mlprobe reproduce --out 'my runs/its' --quick ''");
        assert_eq!(shlex::split(&line).unwrap()[3], "my runs/its");
    }
}
