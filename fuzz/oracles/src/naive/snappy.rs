//! The raw Snappy format, octet by octet.

/// The plain octets; `None` when the data is corrupt or does not say `size` itself.
pub(crate) fn decompress(data: &[u8], size: u64) -> Option<Vec<u8>> {
    let mut at = 0;
    let mut says = 0_u64;
    for shift in (0..35).step_by(7) {
        let octet = *data.get(at)?;
        at += 1;
        says |= u64::from(octet & 0x7F) << shift;
        if octet < 0x80 {
            break;
        }
        if shift == 28 {
            return None;
        }
    }
    if says > u64::from(u32::MAX) || says != size {
        return None;
    }
    let mut plain = Vec::new();
    while at < data.len() {
        let tag = data[at];
        at += 1;
        let mut number = |octets: usize| {
            let mut sum = 0_usize;
            for place in 0..octets {
                sum += usize::from(*data.get(at + place)?) << (8 * place);
            }
            at += octets;
            Some(sum)
        };
        let high = usize::from(tag >> 2);
        let (offset, octets) = match tag & 3 {
            0 => {
                let octets = match high {
                    0..60 => high,
                    _ => number(high - 59)?,
                };
                (None, octets + 1)
            }
            1 => (Some((high >> 3 << 8) + number(1)?), (high & 7) + 4),
            2 => (Some(number(2)?), high + 1),
            _ => (Some(number(4)?), high + 1),
        };
        for _ in 0..octets {
            let octet = match offset {
                None => {
                    let octet = *data.get(at)?;
                    at += 1;
                    octet
                }
                Some(0) => return None,
                Some(offset) => *plain.get(plain.len().checked_sub(offset)?)?,
            };
            plain.push(octet);
            if plain.len() as u64 > size {
                return None;
            }
        }
    }
    Some(plain)
}
