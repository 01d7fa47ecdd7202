//! Numbers and names as readers see them, the same in every report and figure.

use mlprobe_stats::{Interval, Summary};

const MINUS: char = '\u{2212}';

/// A fraction in per cent: 0.7731 gives 77.31.
pub(super) fn percent(fraction: f64) -> String {
    minus(format!("{:.2}", 100.0 * fraction))
}

/// A difference of fractions in percentage points with its sign: 0.0029 gives +0.29.
pub(super) fn points(fraction: f64) -> String {
    let text = format!("{:+.2}", 100.0 * fraction);
    if text == "-0.00" { "+0.00".to_owned() } else { minus(text) }
}

/// The ends of an interval of differences: [-0.0012, 0.0105] gives [−0.12, +1.05].
pub(super) fn interval(interval: &Interval) -> String {
    format!("[{}, {}]", points(interval.low), points(interval.high))
}

/// Mean, and lowest to highest, in per cent.
pub(super) fn mean_and_range(summary: &Summary) -> String {
    format!("{}\u{a0}% ({} to {})", percent(summary.mean), percent(summary.min), percent(summary.max))
}

/// A number below 10 with one decimal, others whole: epochs, updates, seconds.
pub(super) fn amount(number: f64) -> String {
    if number.abs() < 10.0 && number.fract() != 0.0 {
        minus(format!("{number:.1}"))
    } else {
        thousands(number.round().max(0.0) as u64)
    }
}

/// With so many decimals; from a milliard on as a power of ten.
pub(super) fn fixed(number: f64, decimals: usize) -> String {
    match number.abs() < 1e9 {
        true => minus(format!("{number:.decimals$}")),
        false => minus(format!("{number:.2e}")),
    }
}

/// A probability: 0.9712 gives 0.971, and what would be written as 0 or 1 says so.
pub(super) fn probability(p: f64) -> String {
    match p {
        p if p < 0.0005 => "< 0.001".to_owned(),
        p if p > 0.9995 => "> 0.999".to_owned(),
        p => format!("{p:.3}"),
    }
}

/// Seconds in words: 0.5 gives "0.5 s", 200 gives "3 min 20 s".
pub(super) fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..10 => format!("{seconds:.1} s"),
        10..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// 50000 gives 50,000.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

/// "1 seed", "5 seeds".
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{} {noun}{}", thousands(number as u64), if number == 1 { "" } else { "s" })
}

/// A name from outside as Markdown shows it: one line, with nothing that Markdown or HTML would take for its own.
pub(super) fn markdown(name: &str) -> String {
    let special = |c: char| r"\`*_{}[]<>#|&".contains(c);
    let mut text = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            c if c.is_control() => text.push(' '),
            c if special(c) => text.extend(['\\', c]),
            c => text.push(c),
        }
    }
    text
}

/// A hyphen for a minus is hard to see before a digit.
fn minus(text: String) -> String {
    text.replace('-', &MINUS.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_readers() {
        assert_eq!(percent(0.7731), "77.31");
        assert_eq!([0.0029, -0.0029, -0.00001].map(points), ["+0.29", "\u{2212}0.29", "+0.00"]);
        let around_zero = Interval { level: 0.95, low: -0.0012, high: 0.0105 };
        assert_eq!(interval(&around_zero), "[\u{2212}0.12, +1.05]");
        assert_eq!([0.5, 7.0, 152.4, 12_345.0].map(amount), ["0.5", "7", "152", "12,345"]);
        assert_eq!([0.0, 0.25, 1.0].map(probability), ["< 0.001", "0.250", "> 0.999"]);
        let seconds = [0.46, 9.6, 59.6, 200.0, 3600.0].map(duration);
        assert_eq!(seconds, ["0.5 s", "10 s", "1 min 0 s", "3 min 20 s", "1 h 0 min"]);
        assert_eq!([12.345, -1.234e20].map(|x| fixed(x, 2)), ["12.35", "\u{2212}1.23e20"]);
        let numbers = [0, 999, 1000, 50_000, 1_234_567].map(thousands);
        assert_eq!(numbers, ["0", "999", "1,000", "50,000", "1,234,567"]);
        assert_eq!(markdown("a*b`<i>|\nc"), r"a\*b\`\<i\>\| c");
        assert_eq!([count(1, "seed"), count(5, "seed")], ["1 seed", "5 seeds"]);
    }
}
