//! What the workspace is built from, by the rules of `deny.toml`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

use std::path::Path;
use std::process::Command;

use serde::Deserialize;
use serde_json::Value;
use spdx::{Expression, ParseMode};

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// The rules, as far as they are checked here.
#[derive(Deserialize)]
struct Rules {
    licenses: Licenses,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Banned>,
}

#[derive(Deserialize)]
struct Banned {
    name: String,
}

/// A package that the workspace is built from, on any platform and with any feature.
#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    /// `None` for the workspace's own.
    source: Option<String>,
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn rules() -> Rules {
    toml::from_str(&std::fs::read_to_string(root().join("deny.toml")).unwrap()).unwrap()
}

/// The packages for which `is_bad`, in words.
fn find(is_bad: impl Fn(&Package) -> bool) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--all-features", "--locked"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages: Vec<Package> = serde_json::from_value(metadata["packages"].take()).unwrap();
    assert!(packages.len() > 100, "{} packages are not all", packages.len());
    let in_words = |Package { name, version, license, source }: Package| {
        format!("{name} {version}, {license:?}, from {source:?}")
    };
    packages.into_iter().filter(is_bad).map(in_words).collect()
}

/// Whether `license` leaves a choice among `allowed`.
fn may_be_used(license: &str, allowed: &[String]) -> bool {
    // Old manifests write MIT/Apache-2.0.
    Expression::parse_mode(license, ParseMode::LAX)
        .is_ok_and(|expression| expression.evaluate(|choice| allowed.contains(&choice.to_string())))
}

#[test]
fn every_dependency_has_a_licence_that_is_allowed() {
    let allowed = rules().licenses.allow;
    let bad = find(|package| !may_be_used(package.license.as_deref().unwrap_or(""), &allowed));
    assert!(bad.is_empty(), "not in deny.toml: {bad:#?}");
}

#[test]
fn a_licence_outside_of_the_list_would_be_found() {
    let allowed = rules().licenses.allow;
    for license in ["MIT", "MIT/Apache-2.0", "GPL-3.0-only OR MIT", "(MIT OR GPL-2.0-only) AND ISC"] {
        assert!(may_be_used(license, &allowed), "{license}");
    }
    for license in ["", "GPL-3.0-only", "MIT AND GPL-2.0-only", "MPL-2.0", "LicenseRef-own", "MIT OR"] {
        assert!(!may_be_used(license, &allowed), "{license}");
    }
}

#[test]
fn every_dependency_comes_from_crates_io() {
    let other = find(|package| package.source.as_ref().is_some_and(|source| source != CRATES_IO));
    assert!(other.is_empty(), "{other:#?}");
}

#[test]
fn nothing_that_is_banned_is_used() {
    let banned = rules().bans.deny;
    let used = find(|package| banned.iter().any(|banned| banned.name == package.name));
    assert!(used.is_empty(), "banned in deny.toml: {used:#?}");
}
