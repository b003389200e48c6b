//! The LZ4 block format, octet by octet.

/// The plain octets; `None` when the block is corrupt or yields more than `size`.
pub(crate) fn decompress(data: &[u8], size: u64) -> Option<Vec<u8>> {
    let (mut plain, mut at) = (Vec::new(), 0);
    loop {
        let token = *data.get(at)?;
        at += 1;
        let literals = length(data, &mut at, token >> 4)?;
        for _ in 0..literals {
            plain.push(*data.get(at)?);
            at += 1;
            within(&plain, size)?;
        }
        // Only literals may be the end.
        if at == data.len() {
            return Some(plain);
        }
        let offset = usize::from(*data.get(at)?) + 256 * usize::from(*data.get(at + 1)?);
        at += 2;
        let octets = 4 + length(data, &mut at, token & 15)?;
        if offset == 0 || offset > plain.len() {
            return None;
        }
        for _ in 0..octets {
            plain.push(plain[plain.len() - offset]);
            within(&plain, size)?;
        }
    }
}

/// A length of four bits, and as many octets as it goes on.
fn length(data: &[u8], at: &mut usize, nibble: u8) -> Option<u64> {
    let mut sum = u64::from(nibble);
    if nibble == 15 {
        loop {
            let octet = *data.get(*at)?;
            *at += 1;
            sum += u64::from(octet);
            if octet != 255 {
                break;
            }
        }
    }
    Some(sum)
}

fn within(plain: &[u8], size: u64) -> Option<()> {
    (plain.len() as u64 <= size).then_some(())
}
