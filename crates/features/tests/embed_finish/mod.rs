//! Several processes on one output, and kills within the two renames that finish it.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use super::*;

/// The four names that hold features or a part of them.
const NAMES: [&str; 4] = ["features.npy", "features.jsonl", "features.npy.part", "features.jsonl.part"];

/// What is there under each of [`NAMES`].
fn state(photos: &Photos) -> [Option<Vec<u8>>; 4] {
    NAMES.map(|name| fs::read(photos.0.path().join(name)).ok())
}

fn set(photos: &Photos, state: [Option<&[u8]>; 4]) {
    photos.remove_results();
    for (name, content) in NAMES.iter().zip(state) {
        if let Some(content) = content {
            fs::write(photos.0.path().join(name), content).unwrap();
        }
    }
}

/// The images whose features are extracted when `embed` is called again, which must end with `expected`.
fn finishes(photos: &Photos, expected: &(Vec<u8>, String), what: &str) -> usize {
    let corner = Corner::default();
    let embedded =
        embed(&corner, &photos.files(), &photos.out(), OnBroken::Refuse, &|_| ControlFlow::Continue(()));
    assert_eq!(embedded.unwrap().rows, photos.files().len(), "{what}");
    assert!(photos.results() == *expected, "{what}");
    run(photos, OnBroken::Refuse).unwrap();
    corner.extracted.into_inner()
}

#[test]
fn whatever_state_a_finish_was_left_in_the_next_start_completes_it() {
    let photos = Photos::new(300);
    run_and_stop(&photos, 1);
    let [_, _, half_rows, half_lines] = state(&photos);
    let (half_rows, half_lines) = (half_rows.unwrap(), half_lines.unwrap());
    run(&photos, OnBroken::Refuse).unwrap();
    let expected = photos.results();
    let (rows, lines) = (&expected.0[..], expected.1.as_bytes());
    let unfinished = [&[0; 128], &rows[128..]].concat();
    let header = &lines[..=lines.iter().position(|&byte| byte == b'\n').unwrap()];

    // In the order of `NAMES`, with the number of images that are left to do.
    type State<'a> = (&'a str, [Option<&'a [u8]>; 4], usize);
    let states: [State<'_>; 9] = [
        ("killed before the header was written", [None, None, Some(&unfinished), Some(lines)], 0),
        ("killed before the first rename", [None, None, Some(rows), Some(lines)], 0),
        ("killed between the renames", [None, Some(lines), Some(rows), None], 0),
        ("the second rename was on the disk first", [Some(rows), None, None, Some(lines)], 0),
        (
            "overtaken by another process, which has left an empty part",
            [Some(rows), None, Some(b""), Some(lines)],
            0,
        ),
        ("overtaken, and begun again", [Some(rows), None, Some(&[0; 128]), Some(header)], 300),
        ("overtaken, and done again in part", [Some(rows), None, Some(&half_rows), Some(&half_lines)], 44),
        ("overtaken, and done again", [Some(rows), None, Some(rows), Some(lines)], 0),
        ("the matrix was removed", [None, Some(lines), None, None], 300),
    ];
    for (what, state, left) in states {
        set(&photos, state);
        assert_eq!(finishes(&photos, &expected, what), left, "{what}");
    }
}

#[test]
fn files_of_others_in_the_place_of_parts_and_manifests_are_refused_and_left_alone() {
    let photos = Photos::new(300);
    run_and_stop(&photos, 1);
    let [_, _, half_rows, half_lines] = state(&photos);
    let (half_rows, half_lines) = (half_rows.unwrap(), half_lines.unwrap());
    run(&photos, OnBroken::Refuse).unwrap();
    let (rows, lines) = photos.results();
    let (rows, lines) = (&rows[..], lines.as_bytes());
    let other = String::from_utf8_lossy(lines).replace("c00-portable", "c01-portable").into_bytes();
    let other = &other[..];
    let fewer = &lines[..lines.iter().position(|&byte| byte == b'\n').unwrap() + 1 + 40];
    let mut changed = rows.to_vec();
    *changed.last_mut().unwrap() ^= 1;

    let captions = &b"{\"image\": \"a.png\", \"caption\": \"a cat\"}\n"[..];
    let states: [(&str, [Option<&[u8]>; 4]); 13] = [
        ("a table of captions", [None, Some(captions), None, None]),
        ("captions on one line without an end", [None, Some(&captions[..30]), None, None]),
        ("an empty file", [None, Some(b""), None, None]),
        ("captions beside a part", [None, Some(captions), Some(&half_rows), Some(&half_lines)]),
        ("captions beside the part of a matrix", [None, Some(captions), Some(&half_rows), None]),
        ("the manifest of another network", [None, Some(other), None, None]),
        ("captions, fetched in part", [None, None, None, Some(&captions[..30])]),
        ("an array, fetched in part", [None, None, Some(b"\x93NUMPY\x01\0v\0{'descr': '<f8', "), None]),
        ("an array of somebody else", [Some(b"\x93NUMPY\x01\0v\0{'descr': '<f8', "), None, None, None]),
        ("the same beside parts", [Some(b"no array"), None, Some(&half_rows), Some(&half_lines)]),
        ("an array like ours without a manifest", [Some(rows), None, None, None]),
        (
            "the same beside a part fetched from elsewhere",
            [Some(rows), None, Some(b"\x93NUMPY"), Some(lines)],
        ),
        ("the same beside a part of another network", [Some(rows), None, None, Some(other)]),
    ];
    for (what, state_before) in states {
        set(&photos, state_before);
        let message = run(&photos, OnBroken::Refuse).unwrap_err().to_string();
        assert!(message.contains("choose another name"), "{what}: {message}");
        assert!(!message.contains("damaged"), "{what}: {message}");
        assert_eq!(state(&photos), state_before.map(|content| content.map(<[u8]>::to_vec)), "{what}");
    }
    // A manifest of these images that is not whole is no reason to refuse.
    set(&photos, [None, Some(fewer), None, None]);
    run(&photos, OnBroken::Refuse).unwrap();

    // Features that only look like ours are known for what they are when ours are there.
    set(&photos, [Some(&changed), None, Some(&half_rows), Some(&half_lines)]);
    for _ in 0..2 {
        let message = run(&photos, OnBroken::Refuse).unwrap_err().to_string();
        assert!(message.contains("features.npy: expected no file, or that of"), "{message}");
        assert_eq!(state(&photos)[0].as_ref(), Some(&changed));
    }
    fs::remove_file(photos.out()).unwrap();
    assert_eq!(finishes(&photos, &(rows.to_vec(), String::from_utf8_lossy(lines).into()), "made room"), 0);
}

#[test]
fn of_many_that_start_at_once_one_embeds_and_all_end_with_the_same_files() {
    let photos = Photos::new(40);
    run(&photos, OnBroken::Refuse).unwrap();
    let expected = photos.results();
    for _ in 0..15 {
        photos.remove_results();
        let start = Barrier::new(4);
        thread::scope(|scope| {
            for delay in 0..4 {
                let (photos, start) = (&photos, &start);
                scope.spawn(move || {
                    start.wait();
                    thread::sleep(Duration::from_micros(700 * delay));
                    // As a user does who is told to wait.
                    loop {
                        match run(photos, OnBroken::Refuse) {
                            Err(Error::InUse { .. }) => thread::sleep(Duration::from_micros(200)),
                            result => break assert_eq!(result.unwrap().rows, 40),
                        }
                    }
                });
            }
        });
        assert!(photos.results() == expected);
    }
}

#[test]
fn the_lock_stays_so_that_nobody_holds_one_that_others_do_not_find() {
    let photos = Photos::new(3);
    let lock = photos.0.path().join(".features.npy.lock");
    let held = mlprobe_files::lock(&lock).unwrap();
    let message = run(&photos, OnBroken::Refuse).unwrap_err().to_string();
    assert!(message.contains("features.npy") && message.contains("no other process"), "{message}");
    assert_eq!(state(&photos), [const { None }; 4]);
    drop(held);
    run(&photos, OnBroken::Refuse).unwrap();
    assert!(lock.exists());
    // What is finished needs no lock: it may lie where nothing can be written, or another start may be looking at it.
    let _held = mlprobe_files::lock(&lock).unwrap();
    run(&photos, OnBroken::Refuse).unwrap();
}

#[test]
fn paths_and_the_output_may_be_spelled_in_another_way() {
    let photos = Photos::new(COUNT);
    let spelled = |files: &[PathBuf]| -> Vec<PathBuf> {
        files.iter().map(|file| file.parent().unwrap().join(".").join(file.file_name().unwrap())).collect()
    };
    // Neither begins at the root.
    let here = std::env::current_dir().unwrap();
    let up = "../".repeat(here.components().count());
    let relative = |file: &PathBuf| PathBuf::from(format!("{up}{}", file.display()));
    let dotted: Vec<PathBuf> =
        photos.files().iter().map(|file| Path::new(".").join(relative(file))).collect();
    let bare: Vec<PathBuf> = photos.files().iter().map(relative).collect();
    assert_ne!(bare, dotted);
    let embed = |files: &[PathBuf], out: &Path| {
        let corner = Corner::default();
        embed(&corner, files, out, OnBroken::Refuse, &|_| ControlFlow::Continue(())).unwrap();
        corner.extracted.into_inner()
    };
    assert_eq!(embed(&bare, &relative(&photos.out())), COUNT);
    assert_eq!(embed(&dotted, &Path::new(".").join(relative(&photos.out()))), 0);

    photos.remove_results();
    run_and_stop(&photos, 1);
    assert_eq!(embed(&spelled(&photos.files()), &photos.out()), COUNT - 256);
}

#[test]
fn an_image_whose_features_are_not_finite_is_named_by_file_and_number() {
    let photos = Photos::new(COUNT);
    // Not the first of its size, nor of its chunk, and behind an image without a row.
    photos.write(401, &bmp(4, 4, |_, _| [1, 2, 3]));
    photos.write(350, b"broken");
    let message = run(&photos, OnBroken::Skip).unwrap_err().to_string();
    assert!(message.contains("0401.bmp: corner@16: feature 0 of image 401 is NaN"), "{message}");
    let files = [3, 401, 7].map(|i| photos.files()[i].clone());
    let message = extract_files(&Corner::default(), &files).unwrap_err().to_string();
    assert!(message.contains("0401.bmp: corner@16: feature 0 of image 1 is NaN"), "{message}");
}

/// Features of D = 2 that nobody has checked; one number too many if `wide`.
struct Careless {
    wide: bool,
}

impl Extractor for Careless {
    fn name(&self) -> String {
        "careless".into()
    }

    fn dim(&self) -> usize {
        2
    }

    fn input_size(&self) -> usize {
        16
    }

    fn fingerprint(&self) -> String {
        "ca-portable".into()
    }

    fn extract_with(
        &self,
        images: ArrayView4<'_, u8>,
        _: &(dyn Fn(usize) + Sync),
    ) -> Result<Array2<f32>, Error> {
        let feature = |(i, _)| 1.0 / f32::from(images[[i, 0, 0, 0]]);
        Ok(Array2::from_shape_fn((images.len_of(Axis(0)), 2 + usize::from(self.wide)), feature))
    }
}

#[test]
fn what_an_extractor_of_ones_own_returns_is_checked() {
    let photos = Photos::new(9);
    photos.write(0, &bmp(4, 4, |_, _| [7; 3]));
    photos.write(5, &bmp(4, 4, |_, _| [0; 3]));
    let message = |wide| {
        let result = embed(&Careless { wide }, &photos.files(), &photos.out(), OnBroken::Refuse, &|_| {
            ControlFlow::Continue(())
        });
        result.unwrap_err().to_string()
    };
    assert!(message(false).contains("0005.bmp: careless: feature 0 of image 5 is inf"), "{}", message(false));
    assert!(message(true).contains("expected features"), "{}", message(true));
}

#[test]
fn what_is_not_from_embed_is_not_called_damaged_when_it_is_read() {
    let photos = Photos::new(9);
    run(&photos, OnBroken::Refuse).unwrap();
    let (rows, lines) = photos.results();
    let query = array![1.0, 0.0, 0.0, 0.0];
    let says = |rows: Option<&[u8]>, lines: Option<&[u8]>| {
        set(&photos, [rows, lines, None, None]);
        let found = FeatureFile::open(photos.out()).and_then(|file| file.nearest(query.view(), 1));
        let message = found.unwrap_err().to_string();
        assert!(!message.contains("damaged") && !message.contains("new file"), "{message}");
        message
    };
    let embed_it = "name the .npy file of an earlier `embed`, or embed the images";
    let lines = lines.as_bytes();
    let mut nan = rows.clone();
    nan[128 + 16 * 7..][..4].copy_from_slice(&f32::NAN.to_le_bytes());
    let doubles = b"\x93NUMPY\x01\0v\0{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }\n";
    let old = String::from_utf8_lossy(lines).replace("mlprobe features 2", "mlprobe features 1");
    for (message, parts) in [
        (says(None, None), ["expected features", "got neither of the two; check the path"]),
        (says(Some(&rows), None), ["without a manifest", embed_it]),
        (says(Some(&rows), Some(b"image,label\na.png,3\n")), ["begins with \"image,label\"", embed_it]),
        (says(Some(&rows), Some(b"")), ["a file without lines", embed_it]),
        (
            says(Some(&rows), Some(old.as_bytes())),
            ["mlprobe features 1", "embed the images again, with this version"],
        ),
        (says(Some(b"f0,f1\n1,2\n"), Some(lines)), ["not an array of NumPy", embed_it]),
        (says(Some(doubles), Some(lines)), ["'<f8'", embed_it]),
        // Ours, but not whole.
        (says(Some(&rows[..200]), Some(lines)), ["272 bytes, those of 9 rows", "restore both files"]),
        (says(Some(&nan), Some(lines)), ["NaN or infinity in row 7", "restore both files"]),
    ] {
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }
    set(&photos, [Some(&rows), Some(lines), None, None]);
    let file = FeatureFile::open(photos.out()).unwrap();
    let error = file.nearest(array![1.0, f32::NAN, 0.0, 0.0].view(), 1).unwrap_err().to_string();
    assert!(error.contains("the query: feature 1"), "{error}");
}
