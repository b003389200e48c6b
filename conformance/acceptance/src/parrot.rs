//! A model that is none: it speaks as OpenAI's does, and says what it was asked.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Failure;
use crate::clock::beside;

/// A body is never longer.
const BODY: u64 = 1 << 20;
/// How long a connection may be silent.
const SILENCE: Duration = Duration::from_secs(60);

/// What it does, shared with its connections.
#[derive(Debug, Default)]
struct Manner {
    down: AtomicBool,
    ill: AtomicBool,
    asked: AtomicUsize,
    heard: Mutex<Vec<String>>,
}

/// The model; it is down when this is dropped.
#[derive(Debug)]
pub(crate) struct Parrot {
    address: SocketAddr,
    manner: Arc<Manner>,
    listening: Option<JoinHandle<()>>,
}

impl Parrot {
    /// Listens on a free port of the loopback.
    pub(crate) fn start() -> Result<Self, Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let manner = Arc::new(Manner::default());
        let known = Arc::clone(&manner);
        let listening = beside(move || {
            for stream in listener.incoming() {
                if known.down.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let known = Arc::clone(&known);
                drop(beside(move || {
                    // A connection that ends is no reason to end.
                    let _ = serve(stream, &known);
                }));
            }
        });
        Ok(Self {
            address,
            manner,
            listening: Some(listening),
        })
    }

    /// Its base address.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// From now on it fails, or works again.
    pub(crate) fn is_ill(&self, ill: bool) {
        self.manner.ill.store(ill, Ordering::SeqCst);
    }

    /// Whether somebody has asked it something with these words.
    pub(crate) fn has_heard(&self, words: &str) -> bool {
        let heard = &self.manner.heard;
        let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.iter().any(|text| text.contains(words))
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.manner.asked.load(Ordering::SeqCst)
    }
}

impl Drop for Parrot {
    fn drop(&mut self) {
        self.manner.down.store(true, Ordering::SeqCst);
        // Wakes the listener, so that it sees that it is over.
        drop(TcpStream::connect(self.address));
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
    }
}

fn serve(stream: TcpStream, manner: &Manner) -> std::io::Result<()> {
    stream.set_read_timeout(Some(SILENCE))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let is_right = line.starts_with("POST /v1/chat/completions ");
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let Some((name, value)) = header.trim_end().split_once(':') else {
                break;
            };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut body = Vec::new();
        reader
            .by_ref()
            .take(BODY.min(length))
            .read_to_end(&mut body)?;
        manner.asked.fetch_add(1, Ordering::SeqCst);
        let said = says(&body);
        if let Some(text) = &said {
            let mut heard = manner.heard.lock().unwrap_or_else(PoisonError::into_inner);
            heard.push(text.clone());
        }
        let (status, answer) = match said {
            _ if manner.ill.load(Ordering::SeqCst) => ("503 Service Unavailable", json!({})),
            Some(text) if is_right => {
                let message = json!({"role": "assistant", "content": text});
                ("200 OK", json!({"choices": [{"message": message}]}))
            }
            _ => ("400 Bad Request", json!({})),
        };
        let answer = answer.to_string();
        let length = answer.len();
        write!(
            writer,
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{answer}"
        )?;
    }
}

/// What was asked last; a translation says so.
fn says(body: &[u8]) -> Option<String> {
    let asked: Value = serde_json::from_slice(body).ok()?;
    let turns = asked["messages"].as_array()?;
    let first = turns.first()?["content"].as_str()?;
    let last = turns.last()?["content"].as_str()?;
    Some(match first.starts_with("Translate") {
        true => format!("译：{last}"),
        false => format!("you said {last}"),
    })
}
