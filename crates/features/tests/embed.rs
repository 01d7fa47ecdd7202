//! Files to features: however often the work is stopped, what is left in the end is the same, or nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

mod bmp;
mod embed_finish;

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use mlprobe_features::embed::{Embedded, Event, OnBroken, embed, extract_files};
use mlprobe_features::{Error, Extractor, FeatureFile};
use ndarray::{Array2, ArrayView4, Axis, array, s};
use ndarray_npy::ReadNpyExt;
use tempfile::TempDir;

use bmp::bmp;

/// D = 4: height, width, and the first pixel's red and green. Counts images.
#[derive(Default)]
struct Corner {
    extracted: AtomicUsize,
    /// Part of the fingerprint.
    version: u32,
}

impl Extractor for Corner {
    fn name(&self) -> String {
        "corner@16".into()
    }

    fn dim(&self) -> usize {
        4
    }

    fn input_size(&self) -> usize {
        16
    }

    fn fingerprint(&self) -> String {
        format!("c0{}-portable", self.version)
    }

    fn extract_with(
        &self,
        images: ArrayView4<'_, u8>,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Array2<f32>, Error> {
        let (n, height, width, _) = images.dim();
        self.extracted.fetch_add(n, Ordering::Relaxed);
        progress(n);
        let features = Array2::from_shape_fn((n, 4), |(i, d)| match d {
            0 => height as f32,
            1 => width as f32,
            _ => f32::from(images[[i, 0, 0, d - 2]]),
        });
        match (0..n).find(|&i| images.slice(s![i, 0, 0, ..]) == array![1, 2, 3]) {
            Some(row) => Err(Error::NotFinite { extractor: self.name(), row, column: 0, value: f32::NAN }),
            None => Ok(features),
        }
    }
}

/// A folder of images of several sizes, 16 pixels and less.
struct Photos(TempDir);

/// More than two chunks, which have 256 images.
const COUNT: usize = 600;

impl Photos {
    fn new(count: usize) -> Self {
        let photos = Self(tempfile::tempdir().unwrap());
        for i in 0..count {
            photos.write(i, &bmp(4 + i % 3, 4 + i % 2, |_, _| [i as u8, (i / 256) as u8, 9]));
        }
        photos
    }

    fn write(&self, i: usize, bytes: &[u8]) {
        fs::write(self.0.path().join(format!("{i:04}.bmp")), bytes).unwrap();
    }

    fn files(&self) -> Vec<PathBuf> {
        mlprobe_data::image_files::find([self.0.path()]).unwrap()
    }

    fn out(&self) -> PathBuf {
        self.0.path().join("features.npy")
    }

    fn remove_results(&self) {
        for name in ["features.npy", "features.jsonl", "features.npy.part", "features.jsonl.part"] {
            let _ = fs::remove_file(self.0.path().join(name));
        }
    }

    /// The matrix and the manifest, which have to be alone.
    fn results(&self) -> (Vec<u8>, String) {
        assert!(!part(&self.out()).exists() && !part(&self.out().with_extension("jsonl")).exists());
        let manifest = fs::read_to_string(self.out().with_extension("jsonl")).unwrap();
        (fs::read(self.out()).unwrap(), manifest)
    }
}

fn part(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

fn run(photos: &Photos, on_broken: OnBroken) -> Result<Embedded, Error> {
    embed(&Corner::default(), &photos.files(), &photos.out(), on_broken, &|_| ControlFlow::Continue(()))
}

/// Runs until this many images are done, or a little longer.
fn run_and_stop(photos: &Photos, at: usize) -> Error {
    let done = AtomicUsize::new(0);
    let observer = |event: Event<'_>| match event {
        Event::Done(count) if done.fetch_add(count, Ordering::Relaxed) + count >= at => {
            ControlFlow::Break(())
        }
        _ => ControlFlow::Continue(()),
    };
    embed(&Corner::default(), &photos.files(), &photos.out(), OnBroken::Refuse, &observer).unwrap_err()
}

#[test]
fn rows_are_those_of_each_image_alone_and_numpys_format() {
    let photos = Photos::new(COUNT);
    let embedded = run(&photos, OnBroken::Refuse).unwrap();
    assert_eq!(embedded, Embedded { rows: COUNT, broken: 0 });
    let (bytes, manifest) = photos.results();
    let features = Array2::<f32>::read_npy(&bytes[..]).unwrap();
    // The shorter side: the centre square of a small image is not enlarged here.
    let expected = Array2::from_shape_fn((COUNT, 4), |(i, d)| match d {
        0 | 1 => (4 + i % 3).min(4 + i % 2) as f32,
        2 => (i % 256) as f32,
        _ => (i / 256) as f32,
    });
    assert_eq!(features, expected);
    // What numpy.save writes.
    let header = "\u{1}\0v\0{'descr': '<f4', 'fortran_order': False, 'shape': (600, 4), }";
    assert_eq!(bytes[..128], *[b"\x93NUMPY", format!("{header:<121}\n").as_bytes()].concat());

    let lines: Vec<serde_json::Value> =
        manifest.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1 + COUNT);
    assert_eq!(
        (&lines[0]["extractor"], &lines[0]["fingerprint"]),
        (&"corner@16".into(), &"c00-portable".into())
    );
    for (i, (line, file)) in lines[1..].iter().zip(photos.files()).enumerate() {
        assert_eq!(line["row"], i);
        assert_eq!(line["path"], *file.to_string_lossy());
        assert_eq!(line["bytes"], fs::metadata(&file).unwrap().len());
        assert_eq!(line["sha256"], mlprobe_files::sha256(&file).unwrap());
    }
}

#[test]
fn large_images_are_shrunk_to_the_extractors_size() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("large.bmp");
    fs::write(&file, bmp(40, 90, |_, x| if (15..75).contains(&x) { [200, 100, 0] } else { [0; 3] })).unwrap();
    let features = extract_files(&Corner::default(), &[file]).unwrap();
    assert_eq!(features, array![[16.0, 16.0, 200.0, 100.0]]);
}

#[test]
fn stopped_anywhere_the_work_goes_on_to_the_same_bytes() {
    let photos = Photos::new(COUNT);
    run(&photos, OnBroken::Refuse).unwrap();
    let expected = photos.results();
    for at in [1, 256, 257, 512] {
        photos.remove_results();
        let error = run_and_stop(&photos, at);
        let done = at.next_multiple_of(256);
        assert!(matches!(error, Error::Stopped { done: d, total: COUNT } if d == done), "{error}");
        assert!(!photos.out().exists() && part(&photos.out()).exists());

        let (corner, resumed) = (Corner::default(), AtomicUsize::new(0));
        let observer = |event: Event<'_>| {
            if let Event::Resumed(count) = event {
                resumed.store(count, Ordering::Relaxed);
            }
            ControlFlow::Continue(())
        };
        embed(&corner, &photos.files(), &photos.out(), OnBroken::Refuse, &observer).unwrap();
        assert_eq!((resumed.into_inner(), corner.extracted.into_inner()), (done, COUNT - done));
        assert!(photos.results() == expected, "stopped at {at}");
    }
}

#[test]
fn whatever_a_kill_or_a_power_cut_leaves_of_the_parts_the_end_is_the_same() {
    let photos = Photos::new(COUNT);
    run(&photos, OnBroken::Refuse).unwrap();
    let expected = photos.results();
    photos.remove_results();
    run_and_stop(&photos, 512);
    let (matrix, manifest) = (part(&photos.out()), part(&photos.out().with_extension("jsonl")));
    let (rows, lines) = (fs::read(&matrix).unwrap(), fs::read(&manifest).unwrap());
    let header = lines.iter().position(|&byte| byte == b'\n').unwrap();
    let cuts_of_rows = [0, 1, 127, 128, 129, 128 + 16 * 300 + 5, rows.len() - 1, rows.len()];
    let cuts_of_lines =
        [0, 1, header, header + 1, header + 20, lines.len() / 2, lines.len() - 1, lines.len()];
    for cut_rows in cuts_of_rows {
        for cut_lines in cuts_of_lines {
            fs::write(&matrix, &rows[..cut_rows]).unwrap();
            fs::write(&manifest, &lines[..cut_lines]).unwrap();
            run(&photos, OnBroken::Refuse).unwrap();
            assert!(photos.results() == expected, "{cut_rows} bytes of rows, {cut_lines} of lines");
            photos.remove_results();
        }
    }
}

#[test]
fn killed_between_the_two_renames_only_the_last_one_is_left_to_do() {
    let photos = Photos::new(20);
    run(&photos, OnBroken::Refuse).unwrap();
    let expected = photos.results();
    fs::rename(photos.out(), part(&photos.out())).unwrap();
    let corner = Corner::default();
    embed(&corner, &photos.files(), &photos.out(), OnBroken::Refuse, &|_| ControlFlow::Continue(())).unwrap();
    assert!(photos.results() == expected);
    assert_eq!(corner.extracted.into_inner(), 0);
}

#[test]
fn what_is_finished_is_not_done_again_and_never_replaced_by_something_else() {
    let photos = Photos::new(20);
    let first = run(&photos, OnBroken::Refuse).unwrap();
    let expected = photos.results();
    let corner = Corner::default();
    let again = |corner: &Corner, files: &[PathBuf]| {
        embed(corner, files, &photos.out(), OnBroken::Refuse, &|_| ControlFlow::Continue(()))
    };
    assert_eq!(again(&corner, &photos.files()).unwrap(), first);
    assert_eq!(corner.extracted.into_inner(), 0);

    let files = photos.files();
    let other = Corner { version: 1, ..Corner::default() };
    let mut messages = vec![again(&other, &files).unwrap_err().to_string()];
    messages.push(again(&Corner::default(), &files[1..]).unwrap_err().to_string());
    messages.push(again(&Corner::default(), &files[..19]).unwrap_err().to_string());
    messages.push(again(&Corner::default(), &[&files[..], &files[..1]].concat()).unwrap_err().to_string());
    photos.write(3, &bmp(9, 9, |_, _| [0; 3]));
    messages.push(again(&Corner::default(), &files).unwrap_err().to_string());
    for message in &messages {
        assert!(message.contains("features.npy") && message.contains("choose another name"), "{message}");
    }
    assert!(messages[0].contains("c01-portable") && messages[0].contains("c00-portable"), "{}", messages[0]);
    assert!(messages[4].contains("0003.bmp"), "{}", messages[4]);
    assert!(photos.results() == expected);
    fs::remove_file(photos.out().with_extension("jsonl")).unwrap();
    assert!(again(&Corner::default(), &files).unwrap_err().to_string().contains("another file"));
}

#[test]
fn a_part_of_something_else_is_refused_and_left_alone() {
    let photos = Photos::new(COUNT);
    run_and_stop(&photos, 1);
    let matrix = fs::read(part(&photos.out())).unwrap();
    let files = photos.files();
    let refused = |corner: &Corner, files: &[PathBuf], about: &str| {
        let error = embed(corner, files, &photos.out(), OnBroken::Refuse, &|_| ControlFlow::Continue(()));
        let message = error.unwrap_err().to_string();
        assert!(message.contains(about) && message.contains("features.jsonl.part"), "{message}");
        assert_eq!(fs::read(part(&photos.out())).unwrap(), matrix);
    };
    refused(&Corner { version: 1, ..Corner::default() }, &files, "c01-portable");
    refused(&Corner::default(), &files[1..], "0001.bmp");
    refused(&Corner::default(), &files[..100], "100 images");
    let original = fs::read(&files[7]).unwrap();
    photos.write(7, &bmp(9, 9, |_, _| [0; 3]));
    refused(&Corner::default(), &files, "0007.bmp");
    photos.write(7, &original);
    // More images at the end are no other list.
    photos.write(COUNT, &bmp(4, 4, |_, _| [0; 3]));
    assert_eq!(run(&photos, OnBroken::Refuse).unwrap().rows, COUNT + 1);
}

#[test]
fn an_image_replaced_by_another_of_the_same_size_and_time_is_noticed() {
    let photos = Photos::new(COUNT);
    let refused = |image: usize| {
        let file = photos.files()[image].clone();
        let (original, time) = (fs::read(&file).unwrap(), fs::metadata(&file).unwrap().modified().unwrap());
        let write = |bytes: &[u8]| {
            fs::write(&file, bytes).unwrap();
            fs::File::open(&file).unwrap().set_modified(time).unwrap();
        };
        let mut other = original.clone();
        // The last pixel, which is not among the features.
        *other.last_mut().unwrap() ^= 1;
        write(&other);
        let message = run(&photos, OnBroken::Skip).unwrap_err().to_string();
        write(&original);
        let name = format!("{image:04}.bmp");
        assert!(message.contains(&name) && message.contains("it was changed or replaced"), "{message}");
    };
    // 7 and 300 are of different batches of lines.
    run_and_stop(&photos, 512);
    for image in [7, 300, 511] {
        refused(image);
    }
    assert_eq!(run(&photos, OnBroken::Refuse).unwrap().rows, COUNT);
    for image in [7, 300, 599] {
        refused(image);
    }
    assert_eq!(run(&photos, OnBroken::Refuse).unwrap().rows, COUNT);
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_not_utf_8_are_kept_apart() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let photos = Photos::new(0);
    let names = [&b"caf\xe8.bmp"[..], b"caf\xe9.bmp"];
    for (i, name) in names.into_iter().enumerate() {
        let image = bmp(4, 4, |_, _| [10 * i as u8, 200, 9]);
        fs::write(photos.0.path().join(OsStr::from_bytes(name)), image).unwrap();
    }
    let files = photos.files();
    assert_eq!(run(&photos, OnBroken::Refuse).unwrap().rows, 2);
    let file = FeatureFile::open(photos.out()).unwrap();
    let nearest = file.nearest(array![4.0, 4.0, 10.0, 200.0].view(), 2).unwrap();
    assert_eq!(
        nearest.into_iter().map(|near| near.path).collect::<Vec<_>>(),
        [files[1].clone(), files[0].clone()]
    );
    let swapped = [files[1].clone(), files[0].clone()];
    let again =
        embed(&Corner::default(), &swapped, &photos.out(), OnBroken::Refuse, &|_| ControlFlow::Continue(()));
    assert!(matches!(again.unwrap_err(), Error::Embedding { .. }));
    assert_eq!(run(&photos, OnBroken::Refuse).unwrap().rows, 2, "finished, and known to be");
    let (_, manifest) = photos.results();
    let line: serde_json::Value = serde_json::from_str(manifest.lines().nth(1).unwrap()).unwrap();
    let bytes: Vec<u8> = serde_json::from_value(line["path"].clone()).unwrap();
    assert!(bytes.ends_with(b"caf\xe8.bmp"));
}

#[test]
fn a_second_process_is_refused() {
    let photos = Photos::new(COUNT);
    let inner = Mutex::new(None);
    let observer = |event: Event<'_>| {
        if matches!(event, Event::Resumed(_)) {
            *inner.lock().unwrap() = Some(run(&photos, OnBroken::Refuse).unwrap_err().to_string());
        }
        ControlFlow::Continue(())
    };
    embed(&Corner::default(), &photos.files(), &photos.out(), OnBroken::Refuse, &observer).unwrap();
    let message = inner.into_inner().unwrap().unwrap();
    assert!(message.contains("no other process"), "{message}");
}

#[test]
fn broken_images_are_skipped_with_their_names_or_stop_the_work_without_losing_it() {
    let photos = Photos::new(COUNT);
    run(&photos, OnBroken::Refuse).unwrap();
    let whole = photos.results();
    photos.remove_results();
    let (good, broken) = (fs::read(&photos.files()[300]).unwrap(), b"BM, but not an image".to_vec());
    photos.write(300, &broken);
    photos.write(599, &[]);

    // Refused: what comes before is kept.
    let error = run(&photos, OnBroken::Refuse).unwrap_err();
    assert!(matches!(error, Error::Broken { done: 300, .. }), "{error}");
    assert!(error.to_string().contains("0300.bmp") && error.to_string().contains("kept"), "{error}");
    assert!(!photos.out().exists());

    // Skipped: named in events and manifest.
    let named = Mutex::new(Vec::new());
    let observer = |event: Event<'_>| {
        if let Event::Broken(error) = event {
            named.lock().unwrap().push(error.to_string());
        }
        ControlFlow::Continue(())
    };
    let embedded =
        embed(&Corner::default(), &photos.files(), &photos.out(), OnBroken::Skip, &observer).unwrap();
    assert_eq!(embedded, Embedded { rows: COUNT - 2, broken: 2 });
    let named = named.into_inner().unwrap();
    assert!(named.len() == 2 && named[0].contains("0300.bmp") && named[1].contains("0599.bmp"), "{named:?}");
    let (bytes, manifest) = photos.results();
    let features = Array2::<f32>::read_npy(&bytes[..]).unwrap();
    let whole_features = Array2::<f32>::read_npy(&whole.0[..]).unwrap();
    assert_eq!(features.slice(s![..300, ..]), whole_features.slice(s![..300, ..]));
    assert_eq!(features.slice(s![300.., ..]), whole_features.slice(s![301..599, ..]));
    let line: serde_json::Value = serde_json::from_str(manifest.lines().nth(301).unwrap()).unwrap();
    assert!(line["row"].is_null() && line["broken"].as_str().unwrap().contains("0300.bmp"), "{line}");
    assert_eq!(run(&photos, OnBroken::Skip).unwrap(), embedded, "finished, and known to be");

    // Mended after a refusal, the work goes on.
    photos.remove_results();
    run(&photos, OnBroken::Refuse).unwrap_err();
    photos.write(300, &good);
    photos.write(599, &bmp(4 + 599 % 3, 4 + 599 % 2, |_, _| [599_usize as u8, 2, 9]));
    run(&photos, OnBroken::Refuse).unwrap();
    assert!(photos.results() == whole);
}

#[test]
fn an_image_that_the_extractor_fails_on_is_named() {
    let photos = Photos::new(COUNT);
    photos.write(400, &bmp(5, 5, |_, _| [1, 2, 3]));
    photos.write(350, b"broken");
    let error = run(&photos, OnBroken::Skip).unwrap_err();
    assert!(matches!(&error, Error::Image { path, .. } if path.ends_with("0400.bmp")), "{error}");
    let missing = extract_files(&Corner::default(), &["nowhere/a.bmp"]).unwrap_err();
    assert!(missing.to_string().contains("nowhere"), "{missing}");
}

#[test]
fn a_name_without_npy_is_refused() {
    let photos = Photos::new(1);
    let out = photos.0.path().join("features.csv");
    let error =
        embed(&Corner::default(), &photos.files(), &out, OnBroken::Refuse, &|_| ControlFlow::Continue(()));
    assert!(error.unwrap_err().to_string().contains(".npy"));
}

#[test]
fn the_nearest_rows_are_those_of_the_largest_cosine_in_a_stable_order() {
    let photos = Photos::new(COUNT);
    photos.write(5, b"broken");
    for twin in [100, 200] {
        photos.write(twin, &bmp(12, 12, |_, _| [0; 3]));
    }
    run(&photos, OnBroken::Skip).unwrap();
    let file = FeatureFile::open(photos.out()).unwrap();
    assert_eq!((file.rows(), file.dim(), file.extractor()), (COUNT - 1, 4, "corner@16"));
    assert_eq!(file.fingerprint(), "c00-portable");
    let features = Array2::<f32>::read_npy(&photos.results().0[..]).unwrap().mapv(f64::from);
    let query = array![4.0_f32, 4.0, 100.0, 0.0];
    let q = query.mapv(f64::from);
    let cosine = |x: ndarray::ArrayView1<'_, f64>| q.dot(&x) / (q.dot(&q) * x.dot(&x)).sqrt();
    let cosines: Vec<f64> = features.axis_iter(Axis(0)).map(cosine).collect();
    let mut expected = cosines.clone();
    expected.sort_by(|a, b| b.total_cmp(a));
    let nearest = file.nearest(query.view(), 20).unwrap();
    assert_eq!(nearest.len(), 20);
    for (actual, similarity) in nearest.iter().zip(expected) {
        // A dozen roundings of numbers of size 1.
        assert!((actual.similarity - similarity).abs() < 1e-14, "{actual:?} {similarity}");
        assert!((actual.similarity - cosines[actual.row]).abs() < 1e-14, "{actual:?}");
        // Row 5 is image 6, since image 5 is broken.
        let image = if actual.row < 5 { actual.row } else { actual.row + 1 };
        assert!(actual.path.ends_with(format!("{image:04}.bmp")), "{actual:?}");
    }
    let twins = file.nearest(array![9.0, 9.0, 0.0, 0.0].view(), 3).unwrap();
    let rows: Vec<usize> = twins.iter().map(|twin| twin.row).collect();
    assert_eq!(rows, [0, 99, 199], "of equal ones the first: a black corner as the two black images have");
    assert!(twins.iter().all(|twin| twin.similarity == 1.0), "{twins:?}");
    assert_eq!(file.nearest(array![0.0, 0.0, 0.0, 0.0].view(), 2).unwrap()[1].similarity, 0.0);
    assert_eq!(file.nearest(query.view(), 10_000).unwrap().len(), COUNT - 1);
    assert!(file.nearest(array![1.0].view(), 1).is_err());
}

#[test]
fn files_that_do_not_belong_together_are_not_opened() {
    let photos = Photos::new(10);
    run(&photos, OnBroken::Refuse).unwrap();
    let (bytes, manifest) = photos.results();
    let opened = || {
        FeatureFile::open(photos.out()).and_then(|file| file.nearest(array![1.0, 0.0, 0.0, 0.0].view(), 1))
    };
    opened().unwrap();
    for damaged in [
        &bytes[..bytes.len() - 1],
        &bytes[..100],
        &bytes[..128 + 16 * 9],
        b"",
        &[&bytes[..], b"1234"].concat(),
    ] {
        fs::write(photos.out(), damaged).unwrap();
        assert!(opened().is_err(), "{} bytes", damaged.len());
    }
    fs::write(photos.out(), &bytes).unwrap();
    for damaged in ["", "{}\n", &manifest[..manifest.len() / 2], &manifest.replace("\"dim\":4", "\"dim\":5")]
    {
        fs::write(photos.out().with_extension("jsonl"), damaged).unwrap();
        assert!(opened().is_err(), "{damaged}");
    }
}
