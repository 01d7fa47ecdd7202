//! Progress of long steps: bars on a terminal, a plain line now and then elsewhere.

use std::fmt;
use std::io::{Write, stderr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{DecimalBytes, HumanCount, HumanDuration, MultiProgress, ProgressBar, ProgressStyle};

/// The bars shown at the same time, on standard error.
#[derive(Clone, Default)]
pub struct Bars(MultiProgress);

/// What a step counts.
#[derive(Clone, Copy)]
pub enum Unit {
    Bytes,
    /// Things, by their name in the plural.
    Count(&'static str),
}

impl Bars {
    /// Begins a step of `total` units; without a total, a spinner is shown.
    pub fn start(&self, label: &str, total: Option<u64>, unit: Unit) -> Bar {
        let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new);
        let bar = self.0.add(bar.with_style(style(total, unit)).with_message(label.to_owned()));
        bar.enable_steady_tick(Duration::from_millis(200));
        let plain = self.0.is_hidden().then(|| Mutex::new(Plain::new(label, total, unit)));
        Bar { bar, plain }
    }

    /// Removes the bars from the terminal.
    pub fn clear(&self) {
        // A terminal that cannot be written to has no bars either.
        let _ = self.0.clear();
    }

    /// Prints a line above the bars, or just prints it where there are none.
    pub fn line(&self, text: impl fmt::Display) {
        self.0.suspend(|| print(text));
    }
}

/// One step; it ends when dropped.
pub struct Bar {
    bar: ProgressBar,
    plain: Option<Mutex<Plain>>,
}

impl Bar {
    /// `amount` more units are done.
    pub fn add(&self, amount: u64) {
        self.bar.inc(amount);
        self.report();
    }

    /// `amount` more units were done before the step began: they say nothing about the time left.
    pub fn add_earlier(&self, amount: u64) {
        self.bar.inc(amount);
        self.bar.inc_length(0); // lets the estimate see the new position, before it is reset
        self.bar.reset_eta();
        if let Some(plain) = &self.plain {
            plain.lock().unwrap_or_else(PoisonError::into_inner).add_earlier(amount);
        }
    }

    /// `done` units are done.
    pub fn set(&self, done: u64) {
        self.bar.set_position(done);
        self.report();
    }

    fn report(&self) {
        if let Some(plain) = &self.plain {
            plain.lock().unwrap_or_else(PoisonError::into_inner).report(self.bar.position());
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Seconds between two plain lines.
const PAUSE: Duration = Duration::from_secs(10);

/// Lines for a log file: the first after a pause, so that short steps say nothing.
struct Plain {
    label: String,
    total: Option<u64>,
    unit: Unit,
    start: Instant,
    /// Units that were done when the step began: a resumed download begins in the middle.
    first: Option<u64>,
    spoke: Instant,
}

impl Plain {
    fn new(label: &str, total: Option<u64>, unit: Unit) -> Self {
        let start = Instant::now();
        Self { label: label.to_owned(), total, unit, start, first: None, spoke: start }
    }

    fn add_earlier(&mut self, amount: u64) {
        self.first = Some(self.first.unwrap_or(0) + amount);
    }

    fn report(&mut self, done: u64) {
        let first = *self.first.get_or_insert(done);
        if self.spoke.elapsed() < PAUSE {
            return;
        }
        self.spoke = Instant::now();
        print(line(&self.label, done, self.total, self.unit, done - first.min(done), self.start.elapsed()));
    }
}

/// A line on standard error. A terminal that was closed meanwhile is no reason to end.
pub fn print(text: impl fmt::Display) {
    let _ = writeln!(stderr(), "{text}");
}

/// A plain line: how much is done of what, the rate of the `new` units in `elapsed`, and the time left at that rate.
fn line(label: &str, done: u64, total: Option<u64>, unit: Unit, new: u64, elapsed: Duration) -> String {
    let Some(total) = total else { return format!("{label}: {} so far", HumanDuration(elapsed)) };
    let rate = new as f64 / elapsed.as_secs_f64();
    let left = match new {
        0 => "?".into(),
        _ => HumanDuration(elapsed.mul_f64(total.saturating_sub(done) as f64 / new as f64)).to_string(),
    };
    match unit {
        Unit::Bytes => {
            let (done, total, rate) = (DecimalBytes(done), DecimalBytes(total), DecimalBytes(rate as u64));
            format!("{label}: {done} of {total}, {rate}/s, {left} left")
        }
        Unit::Count(name) => {
            let (done, total, rate) = (HumanCount(done), HumanCount(total), HumanCount(rate as u64));
            format!("{label}: {done} of {total} {name}, {rate}/s, {left} left")
        }
    }
}

fn style(total: Option<u64>, unit: Unit) -> ProgressStyle {
    // A test reads every template; should one be wrong all the same, there is a default bar.
    ProgressStyle::with_template(&template(total, unit)).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn template(total: Option<u64>, unit: Unit) -> String {
    match (total, unit) {
        (None, _) => "{spinner} {msg} {elapsed}".into(),
        (_, Unit::Bytes) => {
            "{msg} {wide_bar} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec} {eta} left".into()
        }
        (_, Unit::Count(name)) => {
            format!("{{msg}} {{wide_bar}} {{human_pos}}/{{human_len}} {name} {{per_sec:0}} {{eta}} left")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_line_says_how_much_how_fast_and_how_long() {
        let bytes = line(
            "downloading",
            80_000_000,
            Some(160_000_000),
            Unit::Bytes,
            40_000_000,
            Duration::from_secs(10),
        );
        assert_eq!(bytes, "downloading: 80.00 MB of 160.00 MB, 4.00 MB/s, 20 seconds left");
        let count = line("features", 1500, Some(60_000), Unit::Count("images"), 1500, Duration::from_secs(2));
        assert_eq!(count, "features: 1,500 of 60,000 images, 750/s, 78 seconds left");
    }

    #[test]
    fn a_plain_line_without_a_total_or_a_start_is_a_line_too() {
        let seconds = Duration::from_secs(3);
        assert_eq!(line("npm pack", 0, None, Unit::Bytes, 0, seconds), "npm pack: 3 seconds so far");
        let none = line("a", 0, Some(5), Unit::Count("runs"), 0, seconds);
        assert_eq!(none, "a: 0 of 5 runs, 0/s, ? left");
    }

    #[test]
    fn every_template_is_valid() {
        for (total, unit) in [(None, Unit::Bytes), (Some(9), Unit::Bytes), (Some(9), Unit::Count("images"))] {
            let template = template(total, unit);
            assert!(ProgressStyle::with_template(&template).is_ok(), "{template}");
        }
    }
}
