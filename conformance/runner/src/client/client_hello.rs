//! The extensions that a TLS ClientHello offers (RFC 8446 §4.1.2), enough to see what must not be
//! offered.

/// The extension for early data.
pub const EARLY_DATA: u16 = 42;

/// Numbers of the extensions in a record; `None` when it is no whole ClientHello.
#[must_use]
pub fn extensions(record: &[u8]) -> Option<Vec<u16>> {
    // Record header, handshake header, legacy_version and random.
    let mut rest = record.get(5 + 4 + 2 + 32..)?;
    let session = usize::from(*rest.first()?);
    rest = rest.get(1 + session..)?;
    let suites = number(rest)?;
    rest = rest.get(2 + usize::from(suites)..)?;
    let compression = usize::from(*rest.first()?);
    rest = rest.get(1 + compression..)?;
    let all = usize::from(number(rest)?);
    rest = rest.get(2..2 + all)?;
    let mut found = Vec::new();
    while !rest.is_empty() {
        found.push(number(rest)?);
        let length = usize::from(number(rest.get(2..)?)?);
        rest = rest.get(4 + length..)?;
    }
    Some(found)
}

fn number(octets: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes([*octets.first()?, *octets.get(1)?]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_are_found() {
        let mut hello = vec![0x16, 3, 1, 0, 0, 1, 0, 0, 0, 3, 3];
        hello.extend([7; 32]);
        hello.extend([1, 9, 0, 2, 0x13, 1, 1, 0]);
        hello.extend([0, 9, 0, 42, 0, 0, 0, 43, 0, 1, 2]);
        assert_eq!(extensions(&hello), Some(vec![42, 43]));
        assert_eq!(extensions(&hello[..60]), None);
    }
}
