//! Rules that the compiler does not know, kept by reading the sources.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const MAX_LINES: usize = 500;
const MAX_BYTES: u64 = 4 << 20;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every file of the repository, relative to its root: tracked, or new and not ignored.
fn files() -> Vec<String> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8(output.stdout).unwrap();
    let exists = |name: &&str| root().join(name).exists(); // one that was just deleted is still tracked
    names.split_terminator('\0').filter(exists).map(str::to_owned).collect()
}

/// Path and text of every Rust file.
fn sources() -> Vec<(String, String)> {
    let sources: Vec<_> = files()
        .into_iter()
        .filter(|name| name.ends_with(".rs"))
        .map(|name| (name.clone(), read(&name)))
        .collect();
    assert!(sources.len() > 100, "{} sources are not all", sources.len());
    sources
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Numbered lines of code, without comments.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines()).map(|(number, line)| (number, line.split("//").next().unwrap_or_default()))
}

/// Whether `line` holds the whole word `word`.
fn holds(line: &str, word: &str) -> bool {
    line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|part| part == word)
}

/// The code spans, `so`, of a Markdown text.
fn spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The part of `text` under `heading`, to the next heading.
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let (_, rest) = text.split_once(heading).unwrap_or_else(|| panic!("no heading {heading}"));
    rest.split("\n## ").next().unwrap_or_default()
}

#[test]
fn unsafe_is_only_where_security_md_says() {
    let has_unsafe = |(name, text): (String, String)| {
        // This file speaks of it.
        (name != "xtask/tests/tidy.rs" && code(&text).any(|(_, line)| holds(line, "unsafe"))).then_some(name)
    };
    let actual: BTreeSet<_> = sources().into_iter().filter_map(has_unsafe).collect();
    let security = read("SECURITY.md");
    let listed = spans(section(&security, "## Unsafe code")).filter(|span| span.ends_with(".rs"));
    assert_eq!(actual, listed.map(|name| format!("crates/kernels/src/{name}")).collect());
}

#[test]
fn the_compiler_rejects_unsafe_everywhere_else() {
    let roots = files().into_iter().filter(|name| {
        let is_root =
            ["src/lib.rs", "src/main.rs", "cifar10-mini/lib.rs"].iter().any(|root| name.ends_with(root));
        is_root && !name.contains("kernels")
    });
    let rejects = |text: &str| {
        ["#![forbid(unsafe_code)]", "#![deny(unsafe_code)]"].iter().any(|line| text.contains(line))
    };
    let without: Vec<_> = roots.filter(|name| !rejects(&read(name))).collect();
    assert!(without.is_empty(), "add #![forbid(unsafe_code)] to {without:?}");
}

#[test]
fn every_source_says_what_it_is_for() {
    let opens = |text: &str| {
        let first = text.lines().next().unwrap_or_default();
        first.starts_with("//!") || (first.starts_with("#!") && first.contains("doc = include_str!("))
    };
    let silent: Vec<_> =
        sources().into_iter().filter(|(_, text)| !opens(text)).map(|(name, _)| name).collect();
    assert!(silent.is_empty(), "the first line begins with //! and says what the file is for: {silent:?}");
}

#[test]
fn a_source_of_more_than_500_lines_is_two_sources() {
    let long: Vec<_> = sources()
        .into_iter()
        .map(|(name, text)| (name, text.lines().count()))
        .filter(|&(_, lines)| lines > MAX_LINES)
        .collect();
    assert!(long.is_empty(), "{long:?}");
}

#[test]
fn libraries_neither_print_nor_exit() {
    let calls = [
        "print!",
        "println!",
        "eprint!",
        "eprintln!",
        "dbg!",
        "io::stdout",
        "io::stderr",
        "process::exit",
        "::abort(",
    ];
    // The command line is a program, though it is a library to `cargo xtask`.
    let is_library = |name: &str| {
        name.starts_with("crates/") && name.contains("/src/") && !name.starts_with("crates/cli/")
    };
    let mut found = Vec::new();
    for (name, text) in sources().into_iter().filter(|(name, _)| is_library(name)) {
        for (number, line) in code(&text).filter(|(_, line)| calls.iter().any(|call| line.contains(call))) {
            found.push(format!("{name}:{number}: {}", line.trim()));
        }
    }
    assert!(found.is_empty(), "report through a callback or an error instead: {found:#?}");
}

#[test]
fn files_are_written_through_the_files_crate() {
    // Logs of other programs, locks, and parts under a fixed name, which are renamed when whole.
    let known = [
        "crates/data/src/files.rs",
        "crates/data/src/fetch/download.rs",
        "crates/data/src/fetch/npm.rs",
        "crates/features/src/cache.rs",
        "crates/features/src/embed/part.rs",
        "xtask/src/bench/peers.rs",
    ];
    let calls = ["fs::write(", "File::create", "OpenOptions::new", "File::options"];
    let mut found = Vec::new();
    for (name, text) in sources() {
        let (text, _tests) = text.split_once("#[cfg(test)]\nmod tests").unwrap_or((&text, ""));
        let is_writer =
            name.contains("/src/") && !name.starts_with("crates/files/") && !name.ends_with("/tests.rs");
        if !is_writer || known.contains(&name.as_str()) {
            continue;
        }
        for (number, line) in code(text).filter(|(_, line)| calls.iter().any(|call| line.contains(call))) {
            found.push(format!("{name}:{number}: {}", line.trim()));
        }
    }
    assert!(found.is_empty(), "use mlprobe_files::write, so that nobody finds half a file: {found:#?}");
}

#[test]
fn imports_between_the_files_of_a_crate_form_no_circle() {
    let sources: BTreeMap<String, String> =
        sources().into_iter().filter(|(name, _)| name.contains("/src/")).collect();
    assert!(imports("crates/experiments/src/study/run.rs", &sources).len() > 5, "imports are not found");
    let inline = imports("crates/kernels/src/isa.rs", &sources);
    assert!(inline.contains("crates/kernels/src/amx.rs"), "paths in code are not found: {inline:?}");
    let edges: BTreeMap<&str, BTreeSet<String>> =
        sources.keys().map(|name| (name.as_str(), imports(name, &sources))).collect();
    let circles: Vec<_> = edges.keys().filter_map(|name| circle(name, &edges)).collect();
    assert!(circles.is_empty(), "move what both need to a file below them: {circles:#?}");
}

/// The files of the same crate that the file `name` takes something from, by `use` or by a path in its code. A parent that declares a
/// module, or hands on its items by `pub use`, does not import it by that.
fn imports(name: &str, sources: &BTreeMap<String, String>) -> BTreeSet<String> {
    let (root, inside) = name.split_once("/src/").unwrap_or_default();
    let module: Vec<&str> = inside.trim_end_matches(".rs").split('/').filter(|part| *part != "mod").collect();
    let module = if matches!(module[..], ["lib" | "main"]) { Vec::new() } else { module };
    let (text, _tests) = sources[name].split_once("#[cfg(test)]\nmod tests").unwrap_or((&sources[name], ""));
    let text: String = code(text).map(|(_, line)| line.to_owned() + "\n").collect();
    let mut found = BTreeSet::new();
    for statement in text.split(';') {
        let inline =
            |code| paths_in(code).filter_map(|path| file_of(root, path.split("::").collect(), sources));
        let Some((before, path)) = statement.rsplit_once("use ") else {
            found.extend(inline(statement));
            continue;
        };
        found.extend(inline(before));
        let is_import = before.trim_end().rsplit('\n').next().is_some_and(|line| line.trim().is_empty());
        if is_import {
            for path in expanded(path) {
                let mut parts: Vec<&str> = path.split("::").map(str::trim).collect();
                let start = match parts.remove(0) {
                    "crate" => Vec::new(),
                    "super" => module[..module.len().saturating_sub(1)].to_vec(),
                    "self" => module.clone(),
                    first => {
                        parts.insert(0, first);
                        module.clone() // a child of this module, or another crate, which no file is found for
                    }
                };
                found.extend(file_of(root, [start, parts].concat(), sources));
            }
        }
    }
    found.remove(name);
    found
}

/// What follows each `crate::` in code, also where a macro writes `$crate::`.
fn paths_in(code: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices("crate::").filter(move |(at, _)| !code[..*at].ends_with(is_part)).map(
        move |(at, start)| {
            let path = &code[at + start.len()..];
            let end = path.find(|c| !is_part(c) && c != ':').unwrap_or(path.len());
            path[..end].trim_end_matches(':')
        },
    )
}

/// The paths of `a::{b, c::{d, e}}`.
fn expanded(path: &str) -> Vec<String> {
    let Some((start, rest)) = path.split_once('{') else {
        return vec![path.split(" as ").next().unwrap_or_default().trim().to_owned()];
    };
    let inside = rest.rsplit_once('}').map_or(rest, |(inside, _)| inside);
    let (mut depth, mut items) = (0, vec![String::new()]);
    for c in inside.chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        match c {
            ',' if depth == 0 => items.push(String::new()),
            c => items.last_mut().into_iter().for_each(|item| item.push(c)),
        }
    }
    let items = items.iter().filter(|item| !item.trim().is_empty());
    items.flat_map(|item| expanded(&format!("{}{}", start.trim(), item.trim()))).collect()
}

/// The file of the module that `path` names, or of the one whose item it names.
fn file_of(root: &str, mut path: Vec<&str>, sources: &BTreeMap<String, String>) -> Option<String> {
    while !path.is_empty() {
        let stem = format!("{root}/src/{}", path.join("/"));
        let names = [format!("{stem}.rs"), format!("{stem}/mod.rs")];
        if let Some(name) = names.into_iter().find(|name| sources.contains_key(name)) {
            return Some(name);
        }
        path.pop();
    }
    None
}

/// A way from `start` back to it, if there is one.
fn circle(start: &str, edges: &BTreeMap<&str, BTreeSet<String>>) -> Option<Vec<String>> {
    let (mut ways, mut seen) = (vec![vec![start.to_owned()]], BTreeSet::new());
    while let Some(way) = ways.pop() {
        for next in edges.get(way.last()?.as_str()).into_iter().flatten() {
            let onward = || way.iter().cloned().chain([next.clone()]).collect::<Vec<_>>();
            if next == start {
                return Some(onward());
            }
            if seen.insert(next.clone()) {
                ways.push(onward());
            }
        }
    }
    None
}

#[test]
fn no_file_is_too_large_for_a_repository() {
    let size = |name: &str| fs::metadata(root().join(name)).unwrap().len();
    let large: Vec<_> = files().into_iter().filter(|name| size(name) > MAX_BYTES).collect();
    assert!(large.is_empty(), "more than 4 MiB, and every clone carries it for ever: {large:?}");
}

#[test]
fn every_promise_names_a_test_that_exists() {
    let architecture = read("ARCHITECTURE.md");
    let promises = section(&architecture, "## Promises and the tests that keep them");
    let rows: Vec<_> = promises.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(rows.len() >= 17, "{} promises are not all", rows.len());
    for row in rows {
        let tests = row.trim_end_matches('|').rsplit('|').next().unwrap_or_default();
        let mut named = 0;
        for test in spans(tests) {
            let places = [root().join("crates").join(test), root().join(test)];
            assert!(places.iter().any(|place| place.exists()), "{test} does not exist, in {row}");
            named += 1;
        }
        assert!(named > 0, "no test in {row}");
    }
}
