//! A receiver of notifications, as an operator would write one: it checks the signature, remembers
//! the id, answers at once, and does the rest later.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use serde_json::Value;
use sha2::Sha256;

use crate::Failure;
use crate::clock::{beside, unix_s};

/// A body is never longer.
const BODY: u64 = 64 << 10;
/// How far the clocks may be apart, in seconds.
const APART: u64 = 300;
/// How long a connection may be silent.
const SILENCE: Duration = Duration::from_secs(60);

/// What a receiver took, by the id of the notification.
#[derive(Debug, Default)]
struct Taken {
    bodies: BTreeMap<String, Value>,
    repeated: usize,
    wrong: Vec<String>,
}

/// A receiver; it is down when this is dropped.
#[derive(Debug)]
pub(crate) struct Receiver {
    address: SocketAddr,
    down: Arc<AtomicBool>,
    taken: Arc<Mutex<Taken>>,
    listening: Option<JoinHandle<()>>,
}

fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Receiver {
    /// Listens at `address`, for whoever knows `secret`; `show` prints what comes.
    pub(crate) fn start(address: SocketAddr, secret: &str, show: bool) -> Result<Self, Failure> {
        let key = key(secret)?;
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let (down, taken) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let (is_down, known) = (Arc::clone(&down), Arc::clone(&taken));
        let listening = beside(move || {
            for stream in listener.incoming() {
                if is_down.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let (key, known) = (key.clone(), Arc::clone(&known));
                let is_down = Arc::clone(&is_down);
                drop(beside(move || {
                    // A connection that ends is no reason to end.
                    let _ = serve(stream, &key, &known, &is_down, show);
                }));
            }
        });
        Ok(Self {
            address,
            down,
            taken,
            listening: Some(listening),
        })
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Notifications that were taken, each once.
    pub(crate) fn bodies(&self) -> Vec<Value> {
        lock(&self.taken).bodies.values().cloned().collect()
    }

    /// How many came again.
    pub(crate) fn repeated(&self) -> usize {
        lock(&self.taken).repeated
    }

    /// What was wrong with those that were refused.
    pub(crate) fn wrong(&self) -> Vec<String> {
        lock(&self.taken).wrong.clone()
    }

    /// Serves until the process ends.
    pub(crate) fn wait(mut self) {
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.down.store(true, Ordering::SeqCst);
        // Wakes the listener, so that it sees that it is over.
        drop(TcpStream::connect(self.address));
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
    }
}

fn key(secret: &str) -> Result<Hmac<Sha256>, Failure> {
    let wrong = || Failure::Setup("a secret is whsec_ and Base64".into());
    let text = secret.strip_prefix("whsec_").ok_or_else(wrong)?;
    let octets = STANDARD.decode(text).map_err(|_| wrong())?;
    Hmac::new_from_slice(&octets).map_err(|_| wrong())
}

/// Answers the requests of one connection.
fn serve(
    stream: TcpStream,
    key: &Hmac<Sha256>,
    taken: &Mutex<Taken>,
    down: &AtomicBool,
    show: bool,
) -> std::io::Result<()> {
    stream.set_read_timeout(Some(SILENCE))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    loop {
        let mut headers = BTreeMap::new();
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let Some((name, value)) = header.trim_end().split_once(':') else {
                break;
            };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let length = headers
            .get("content-length")
            .and_then(|text| text.parse().ok());
        let mut body = Vec::new();
        let wanted: u64 = length.unwrap_or(0).min(BODY);
        reader.by_ref().take(wanted).read_to_end(&mut body)?;
        if down.load(Ordering::SeqCst) {
            return Ok(());
        }
        let status = match check(&headers, &body, key) {
            Ok((id, body)) => {
                remember(&mut lock(taken), id, body, show);
                "204 No Content"
            }
            Err(why) => {
                eprintln!("refused: {why}");
                lock(taken).wrong.push(why);
                "401 Unauthorized"
            }
        };
        write!(writer, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")?;
    }
}

fn remember(taken: &mut Taken, id: String, body: Value, show: bool) {
    if taken.bodies.contains_key(&id) {
        taken.repeated += 1;
        return;
    }
    if show {
        println!("{id} {body}");
    }
    taken.bodies.insert(id, body);
}

/// The id and the body of a notification that is what it seems.
fn check(
    headers: &BTreeMap<String, String>,
    body: &[u8],
    key: &Hmac<Sha256>,
) -> Result<(String, Value), String> {
    let header = |name: &str| headers.get(name).ok_or_else(|| format!("no {name}"));
    let id = header("webhook-id")?;
    let timestamp = header("webhook-timestamp")?;
    let sent: u64 = timestamp.parse().map_err(|_| "no time".to_owned())?;
    if unix_s().abs_diff(sent) > APART {
        return Err(format!("sent at {sent}"));
    }
    let mut mac = key.clone();
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    let signed = header("webhook-signature")?.split(' ').any(|signature| {
        let octets = signature
            .strip_prefix("v1,")
            .map(|text| STANDARD.decode(text));
        // Compares in constant time.
        matches!(octets, Some(Ok(octets)) if mac.clone().verify_slice(&octets).is_ok())
    });
    if !signed {
        return Err("another signature".to_owned());
    }
    let body = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    Ok((id.clone(), body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_signed_and_fresh_is_taken() {
        let key = key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = b"{}";
        let signed = |id: &str, time: u64| {
            let mut mac = key.clone();
            mac.update(format!("{id}.{time}.{{}}").as_bytes());
            let signature = STANDARD.encode(mac.finalize().into_bytes());
            BTreeMap::from([
                ("webhook-id".to_owned(), id.to_owned()),
                ("webhook-timestamp".to_owned(), time.to_string()),
                ("webhook-signature".to_owned(), format!("v1,{signature}")),
            ])
        };
        let now = unix_s();
        assert!(check(&signed("a", now), body, &key).is_ok());
        assert!(check(&signed("a", now), b"[]", &key).is_err());
        assert!(check(&signed("a", now - 1000), body, &key).is_err());
        let mut other = signed("a", now);
        other.insert("webhook-id".to_owned(), "b".to_owned());
        assert!(check(&other, body, &key).is_err());
        other.remove("webhook-signature");
        assert!(check(&other, body, &key).is_err());
    }
}
