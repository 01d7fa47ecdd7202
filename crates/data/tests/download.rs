//! Downloads from a server on this machine that does everything wrong that a server can do.
#![cfg(feature = "fetch")]
#![expect(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use mlprobe_data::Error;
use mlprobe_data::fetch::{Remote, Timeouts, download, fetch_file};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

const SIZE: usize = 200_000;
const STALL: Duration = Duration::from_millis(300);

/// A request as the server saw it.
#[derive(Clone)]
struct Request {
    path: String,
    /// The first byte asked for by a Range header.
    from: Option<usize>,
}

/// A server that answers each connection by `answer`, and passes on what was asked.
fn serve(answer: impl Fn(&Request, TcpStream) + Send + 'static) -> (String, Receiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/file.bin", listener.local_addr().unwrap());
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            let request = read_request(&stream);
            // Before the answer, so that it is known when the download has ended. The test may not listen any more.
            let _ = sender.send(request.clone());
            answer(&request, stream);
        }
    });
    (url, receiver)
}

fn read_request(stream: &TcpStream) -> Request {
    let mut lines = BufReader::new(stream).lines();
    let path = lines.next().unwrap().unwrap().split(' ').nth(1).unwrap().to_owned();
    let headers: Vec<String> = lines.map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
    let from = headers.iter().find_map(|header| {
        let header = header.to_lowercase();
        header.strip_prefix("range: bytes=")?.strip_suffix('-')?.parse().ok()
    });
    Request { path, from }
}

fn content() -> Vec<u8> {
    (0..SIZE).map(|i| (i * i / 7) as u8).collect()
}

/// Sends a header and a body. The client may hang up first.
fn send(mut stream: &TcpStream, header: &str, body: &[u8]) {
    let _ = write!(stream, "HTTP/1.1 {header}\r\nConnection: close\r\n\r\n")
        .and_then(|()| stream.write_all(body));
}

/// Answers as a good server does.
fn send_well(request: &Request, stream: &TcpStream, content: &[u8]) {
    match request.from {
        None => send(stream, &format!("200 OK\r\nContent-Length: {}", content.len()), content),
        Some(from) => {
            let (last, size, rest) = (content.len() - 1, content.len(), &content[from..]);
            let range =
                format!("Content-Range: bytes {from}-{last}/{size}\r\nContent-Length: {}", rest.len());
            send(stream, &format!("206 Partial Content\r\n{range}"), rest);
        }
    }
}

/// One download into an empty folder.
struct Download {
    dir: TempDir,
    remote: Remote,
}

impl Download {
    fn from(url: String) -> Self {
        let sha256 = Sha256::digest(content()).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { dir: tempfile::tempdir().unwrap(), remote: Remote { url, size: SIZE as u64, sha256 } }
    }

    /// Leaves `bytes` from an earlier, interrupted download.
    fn after(self, bytes: &[u8]) -> Self {
        fs::write(self.part(), bytes).unwrap();
        self
    }

    fn run(&self) -> Result<(), Error> {
        let timeouts = Timeouts { connect: Duration::from_secs(2), stall: STALL };
        download(&self.remote, &self.path(), &timeouts, &mut |progress| {
            assert!(progress.done <= SIZE as u64 + 1 && progress.total == Some(SIZE as u64));
        })
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("file.bin")
    }

    fn part(&self) -> PathBuf {
        self.dir.path().join("file.bin.part")
    }

    fn succeeds(&self) {
        self.run().unwrap();
        assert_eq!(fs::read(self.path()).unwrap(), content());
        assert!(!self.part().exists());
    }

    /// The error; nothing must be under the final name.
    fn fails(&self) -> Error {
        let error = self.run().unwrap_err();
        assert!(!self.path().exists());
        error
    }
}

fn kept(path: &Path) -> usize {
    fs::metadata(path).map_or(0, |metadata| metadata.len() as usize)
}

#[test]
fn a_whole_file_arrives_in_one_request() {
    let (url, requests) = serve(|request, stream| send_well(request, &stream, &content()));
    Download::from(url).succeeds();
    assert_eq!(requests.try_iter().map(|r| r.from).collect::<Vec<_>>(), [None]);
}

#[test]
fn a_file_that_is_there_and_right_is_not_asked_for() {
    let (url, requests) = serve(|_, _| ());
    let download = Download::from(url);
    fs::write(download.path(), content()).unwrap();
    download.succeeds();
    assert_eq!(requests.try_iter().count(), 0);
}

#[test]
fn a_wrong_file_under_the_final_name_is_replaced() {
    let (url, _requests) = serve(|request, stream| send_well(request, &stream, &content()));
    let download = Download::from(url);
    fs::write(download.path(), vec![1; SIZE]).unwrap();
    download.succeeds();
}

#[test]
fn an_interrupted_download_goes_on_half_way() {
    let (url, requests) = serve(|request, stream| send_well(request, &stream, &content()));
    Download::from(url).after(&content()[..SIZE / 2]).succeeds();
    assert_eq!(requests.try_iter().map(|r| r.from).collect::<Vec<_>>(), [Some(SIZE / 2)]);
}

#[test]
fn a_server_without_ranges_sends_all_again() {
    let (url, _requests) = serve(|_, stream| {
        send(&stream, &format!("200 OK\r\nContent-Length: {SIZE}"), &content());
    });
    Download::from(url).after(&content()[..SIZE / 2]).succeeds();
}

#[test]
fn an_earlier_part_that_is_whole_needs_no_request() {
    let (url, requests) = serve(|_, _| ());
    Download::from(url).after(&content()).succeeds();
    assert_eq!(requests.try_iter().count(), 0);
}

#[test]
fn an_earlier_part_that_is_wrong_or_too_long_is_fetched_anew() {
    for earlier in [vec![0; 1000], vec![0; SIZE], vec![0; SIZE + 1000]] {
        let (url, _requests) = serve(|request, stream| send_well(request, &stream, &content()));
        Download::from(url).after(&earlier).succeeds();
    }
}

#[test]
fn a_broken_connection_is_taken_up_where_it_broke() {
    let (url, requests) = serve(|request, stream| match request.from {
        // Promises all, sends a part, and closes.
        None => send(&stream, &format!("200 OK\r\nContent-Length: {SIZE}"), &content()[..70_000]),
        Some(_) => send_well(request, &stream, &content()),
    });
    Download::from(url).succeeds();
    assert_eq!(requests.try_iter().map(|r| r.from).collect::<Vec<_>>(), [None, Some(70_000)]);
}

#[test]
fn a_file_that_always_ends_early_is_refused_and_kept_for_later() {
    let (url, _requests) = serve(|request, stream| {
        if request.from.is_none() {
            // No length: the end of the connection is the end of the file.
            send(&stream, "200 OK", &content()[..SIZE - 10]);
        } else {
            send(&stream, "206 Partial Content\r\nContent-Range: bytes 199990-199999/200000", &[]);
        }
    });
    let download = Download::from(url);
    let error = download.fails();
    assert!(matches!(error, Error::Download { .. }), "{error}");
    assert!(error.to_string().contains("199990 of 200000"), "{error}");
    assert!(error.to_string().ends_with("the 199990 bytes that have arrived are kept"), "{error}");
    assert_eq!(kept(&download.part()), SIZE - 10);
}

#[test]
fn a_reset_before_the_first_byte_is_an_error_at_once() {
    let (url, requests) = serve(|_, stream| drop(stream));
    let error = Download::from(url).fails();
    assert!(matches!(error, Error::Download { .. }), "{error}");
    assert!(requests.try_iter().count() <= 2);
}

#[test]
fn a_reset_in_the_middle_is_taken_up_where_it_came() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/file.bin", listener.local_addr().unwrap());
    let (sender, requests) = channel();
    thread::spawn(move || {
        let (first, _) = listener.accept().unwrap();
        send(&first, &format!("200 OK\r\nContent-Length: {SIZE}"), &content()[..70_000]);
        // The request lies there unread when the connection is closed, which then is a reset.
        thread::sleep(Duration::from_millis(200));
        drop(first);
        let (second, _) = listener.accept().unwrap();
        let request = read_request(&second);
        sender.send(request.from).unwrap();
        send_well(&request, &second, &content());
    });
    Download::from(url).succeeds();
    assert!(requests.recv().unwrap().is_some_and(|from| (1..=70_000).contains(&from)));
}

#[test]
fn what_a_failed_call_has_got_is_not_asked_for_again_by_the_next() {
    let (url, _requests) = serve(|_, stream| {
        send(&stream, &format!("200 OK\r\nContent-Length: {SIZE}"), &content()[..SIZE / 4]);
        thread::sleep(STALL * 100);
    });
    let mut download = Download::from(url);
    download.fails();
    let (url, requests) = serve(|request, stream| send_well(request, &stream, &content()));
    download.remote.url = url;
    download.succeeds();
    assert_eq!(requests.try_iter().map(|r| r.from).collect::<Vec<_>>(), [Some(SIZE / 4)]);
}

#[test]
fn a_server_that_says_nothing_or_not_http_is_an_error_in_time() {
    let answers: [fn(TcpStream); 3] = [
        |_stream| thread::sleep(STALL * 100),
        |mut stream| drop(stream.write_all(b"220 mail.example ESMTP\r\n")),
        // A header without an end.
        |mut stream| {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nX: ");
            while stream.write_all(&[b'x'; 4096]).is_ok() {}
        },
    ];
    for answer in answers {
        let (url, _requests) = serve(move |_, stream| answer(stream));
        let download = Download::from(url.clone());
        let start = Instant::now();
        let error = download.fails();
        assert!(matches!(error, Error::Download { .. }) && error.to_string().contains(&url), "{error}");
        assert!(start.elapsed() < STALL * 20, "{:?}", start.elapsed());
        assert_eq!(kept(&download.part()), 0);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_that_says_to_free_some_space() {
    let (url, _requests) = serve(|request, stream| send_well(request, &stream, &content()));
    let download = Download::from(url);
    fs::write(download.path(), b"an earlier file").unwrap();
    std::os::unix::fs::symlink("/dev/full", download.part()).unwrap();
    let error = download.run().unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    for part in ["file.bin.part", "No space left on device", "free some space"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    assert_eq!(fs::read(download.path()).unwrap(), b"an earlier file");
}

#[test]
fn another_length_is_refused_before_the_content() {
    for length in [SIZE - 1, SIZE + 1, 10] {
        let (url, _requests) = serve(move |_, stream| {
            send(&stream, &format!("200 OK\r\nContent-Length: {length}"), &vec![0; length]);
        });
        let download = Download::from(url);
        let error = download.fails();
        assert!(matches!(error, Error::WrongSize { actual, .. } if actual == length as u64), "{error}");
        assert_eq!(kept(&download.part()), 0);
    }
}

#[test]
fn another_length_in_a_range_is_refused() {
    let (url, _requests) = serve(|_, stream| {
        send(&stream, "206 Partial Content\r\nContent-Range: bytes 100-299999/300000", &[]);
    });
    let error = Download::from(url).after(&content()[..100]).fails();
    assert!(matches!(error, Error::WrongSize { actual: 300_000, .. }), "{error}");
}

#[test]
fn a_range_that_was_not_asked_for_is_refused() {
    let (url, _requests) = serve(|_, stream| {
        send(&stream, "206 Partial Content\r\nContent-Range: bytes 50-199999/200000", &content()[50..]);
    });
    let download = Download::from(url).after(&content()[..100]);
    let error = download.fails();
    assert!(matches!(error, Error::Download { kept: 0, .. }), "{error}");
    assert!(!error.to_string().contains("are kept") && !download.part().exists(), "{error}");
}

#[test]
fn an_endless_answer_is_cut_off_and_removed() {
    let (url, _requests) = serve(|_, mut stream| {
        send(&stream, "200 OK", &[]);
        while stream.write_all(&[0; 4096]).is_ok() {}
    });
    let download = Download::from(url);
    let error = download.fails();
    assert!(matches!(error, Error::WrongSize { .. }) && error.to_string().contains("too long"), "{error}");
    assert_eq!(kept(&download.part()), 0);
}

#[test]
fn wrong_bytes_are_refused_and_removed() {
    let (url, requests) = serve(|request, stream| send_well(request, &stream, &[7; SIZE]));
    let download = Download::from(url);
    let error = download.fails();
    assert!(matches!(&error, Error::WrongDigest { path, .. } if path.ends_with("file.bin")), "{error}");
    assert_eq!(kept(&download.part()), 0);
    assert_eq!(requests.try_iter().count(), 1);
}

#[test]
fn a_redirect_is_followed_with_the_range() {
    let (url, requests) = serve(|request, stream| match request.path.as_str() {
        "/file.bin" => send(&stream, "302 Found\r\nLocation: /moved.bin\r\nContent-Length: 0", &[]),
        _ => send_well(request, &stream, &content()),
    });
    Download::from(url).after(&content()[..500]).succeeds();
    let seen: Vec<_> = requests.try_iter().map(|r| (r.path, r.from)).collect();
    assert_eq!(seen, [("/file.bin".into(), Some(500)), ("/moved.bin".into(), Some(500))]);
}

#[test]
fn redirects_in_a_circle_end() {
    let (url, _requests) =
        serve(|_, stream| send(&stream, "302 Found\r\nLocation: /file.bin\r\nContent-Length: 0", &[]));
    let error = Download::from(url).fails();
    assert!(error.to_string().contains("redirect"), "{error}");
}

#[test]
fn a_stall_ends_by_its_timeout_and_what_arrived_is_kept() {
    let (url, _requests) = serve(|request, stream| {
        if request.from.is_none() {
            send(&stream, &format!("200 OK\r\nContent-Length: {SIZE}"), &content()[..SIZE / 2]);
        }
        // Says nothing more, and does not hang up before the client does.
        thread::sleep(STALL * 100);
    });
    let download = Download::from(url);
    let start = Instant::now();
    let error = download.fails();
    assert!(matches!(error, Error::Download { .. }) && error.to_string().contains("timeout"), "{error}");
    assert!(start.elapsed() < STALL * 20, "{:?}", start.elapsed());
    assert_eq!(kept(&download.part()), SIZE / 2);
}

#[test]
fn a_refusal_is_reported_with_its_status() {
    for status in ["404 Not Found", "500 Internal Server Error", "416 Range Not Satisfiable"] {
        let (url, _requests) =
            serve(move |_, stream| send(&stream, &format!("{status}\r\nContent-Length: 0"), &[]));
        let error = Download::from(url.clone()).fails().to_string();
        assert!(error.contains(&status[..3]) && error.contains(&url), "{error}");
    }
}

#[test]
fn an_unreachable_server_is_an_error_at_once() {
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let start = Instant::now();
    let error = Download::from(format!("http://{address}/file.bin")).fails();
    assert!(matches!(error, Error::Download { .. }), "{error}");
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_file_is_fetched_to_a_new_folder_once_and_a_wrong_one_is_never_replaced() {
    let (url, requests) = serve(|request, stream| send_well(request, &stream, &content()));
    let download = Download::from(url);
    let path = download.dir.path().join("new/folder/file.bin");
    let fetch = || fetch_file(&download.remote, &path, &Timeouts::default(), &mut |_| ());
    fetch().unwrap();
    fetch().unwrap();
    assert_eq!((fs::read(&path).unwrap(), requests.try_iter().count()), (content(), 1));

    for wrong in [vec![1; SIZE], vec![1; 3]] {
        fs::write(&path, &wrong).unwrap();
        assert!(matches!(fetch().unwrap_err(), Error::WrongDigest { .. } | Error::WrongSize { .. }));
        assert_eq!((fs::read(&path).unwrap(), requests.try_iter().count()), (wrong, 0));
    }
}
