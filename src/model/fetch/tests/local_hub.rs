//! A server on this machine that answers as a model hub does: a redirect that names the file's
//! hash and commit, and the file itself, whole or from a byte on.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

#[derive(Clone)]
pub struct Offer {
    pub content: Vec<u8>,
    /// Said to be the content's hash.
    pub etag: String,
    /// Send half of the content, then nothing, and keep the connection open.
    pub stalls: bool,
}

pub struct LocalHub {
    pub endpoint: String,
    pub requests: Arc<AtomicUsize>,
    /// The byte from which on the content was asked for, at each download.
    pub starts: Arc<Mutex<Vec<usize>>>,
}

impl LocalHub {
    /// None answers every request with 404.
    pub fn start(offer: Option<Offer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let hub = Self {
            endpoint: endpoint.clone(),
            requests: Arc::default(),
            starts: Arc::default(),
        };
        let (requests, starts) = (hub.requests.clone(), hub.starts.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (offer, endpoint) = (offer.clone(), endpoint.clone());
                let (requests, starts) = (requests.clone(), starts.clone());
                thread::spawn(move || {
                    answer(&stream, offer.as_ref(), &endpoint, &requests, &starts);
                });
            }
        });
        hub
    }
}

fn answer(
    mut stream: &TcpStream,
    offer: Option<&Offer>,
    endpoint: &str,
    requests: &AtomicUsize,
    starts: &Mutex<Vec<usize>>,
) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    // The probe of the connection asks for nothing.
    let Some(request) = lines.next() else { return };
    requests.fetch_add(1, Ordering::SeqCst);
    let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let range = headers.iter().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let value = value.trim().strip_prefix("bytes=")?;
        name.eq_ignore_ascii_case("range").then(|| value.to_owned())
    });
    let Some(offer) = offer else {
        let _ = write!(
            stream,
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        return;
    };
    if request.contains("/resolve/") {
        let _ = write!(
            stream,
            "HTTP/1.1 302 Found\r\nLocation: {endpoint}/content\r\nx-linked-etag: \"{}\"\r\n\
             x-repo-commit: 0123abcd\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            offer.etag
        );
        return;
    }
    let (start, end) = range.as_deref().unwrap_or("0-").split_once('-').unwrap();
    let (start, len): (usize, usize) = (start.parse().unwrap(), offer.content.len());
    let end = end.parse().map_or(len, |last: usize| last + 1);
    let Some(part) = offer
        .content
        .get(start..end)
        .filter(|part| !part.is_empty())
    else {
        let _ = write!(
            stream,
            "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        return;
    };
    if end == len {
        starts.lock().unwrap().push(start);
    }
    let _ = write!(
        stream,
        "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {start}-{}/{len}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        end - 1,
        part.len()
    );
    if offer.stalls && end == len {
        let _ = stream.write_all(&part[..part.len() / 2]);
        thread::sleep(Duration::from_secs(20));
    } else {
        let _ = stream.write_all(part);
    }
}
