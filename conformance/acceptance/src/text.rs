//! The texts that members send, line by line.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::Failure;

const SAMPLES: [(&str, &str); 4] = [
    ("harbour.txt", include_str!("../samples/harbour.txt")),
    ("kitchen.txt", include_str!("../samples/kitchen.txt")),
    ("letters.txt", include_str!("../samples/letters.txt")),
    ("release.txt", include_str!("../samples/release.txt")),
];

/// The texts to send: the given files, or the project's own samples written to `folder`.
pub(crate) fn texts(given: &[PathBuf], folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !given.is_empty() {
        return Ok(given.to_vec());
    }
    SAMPLES
        .iter()
        .map(|(name, content)| {
            let path = folder.join(name);
            std::fs::write(&path, content)?;
            Ok(path)
        })
        .collect()
}

/// SHA-256, in lower hex, of the body of every message that sending `text` up to `total` lines
/// must produce, in order.
pub(crate) fn expected_bodies(text: &Path, total: u64) -> Result<Vec<String>, Failure> {
    let content = std::fs::read_to_string(text)?;
    let lines: Vec<String> = content.lines().map(|line| hex(&body_hash(line))).collect();
    if lines.is_empty() {
        return Err(Failure::Setup(format!("{} has no line", text.display())));
    }
    Ok(lines.iter().cycle().take(total as usize).cloned().collect())
}

/// SHA-256 of a `TextBody` with this text: field 1, length-delimited; an empty text is no octet.
fn body_hash(text: &str) -> [u8; 32] {
    let mut body = Vec::with_capacity(text.len() + 4);
    if !text.is_empty() {
        body.push(0x0A);
        let mut rest = text.len();
        while rest >= 0x80 {
            body.push((rest & 0x7F) as u8 | 0x80);
            rest >>= 7;
        }
        body.push(rest as u8);
        body.extend_from_slice(text.as_bytes());
    }
    Sha256::digest(&body).into()
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_text_is_hashed_as_its_protobuf_body() {
        let expected: [u8; 32] = Sha256::digest(b"\x0A\x02hi").into();
        assert_eq!(body_hash("hi"), expected);
    }

    #[test]
    fn a_text_of_200_octets_has_a_two_octet_length() {
        let text = "x".repeat(200);
        let mut body = vec![0x0A, 0xC8, 0x01];
        body.extend_from_slice(text.as_bytes());
        let expected: [u8; 32] = Sha256::digest(&body).into();
        assert_eq!(body_hash(&text), expected);
    }

    #[test]
    fn lines_repeat_until_the_total_and_blank_lines_count() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("text");
        std::fs::write(&path, "a\n\nb\n").expect("writable");
        let bodies = expected_bodies(&path, 5).expect("readable");
        assert_eq!(bodies.len(), 5);
        assert_eq!(bodies[1], hex(&body_hash("")));
        assert_eq!(bodies[3], bodies[0]);
    }
}
