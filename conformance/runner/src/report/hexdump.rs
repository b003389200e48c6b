//! Octets with the names of their fields.

use std::fmt::Write as _;

use crate::results::Field;

/// Octets in a line.
const LINE: usize = 16;

/// Lines of one field that are shown.
const LINES: usize = 8;

/// A field a line: place, octets, name, value.
#[must_use]
pub fn hexdump(fields: &[Field]) -> String {
    let mut text = String::new();
    let mut place = 0;
    for field in fields {
        let octets = octets(&field.hex);
        let mut name = annotated(&field.name, &octets);
        for (line, part) in octets.chunks(LINE).take(LINES).enumerate() {
            let digits: Vec<String> = part.iter().map(|octet| format!("{octet:02x}")).collect();
            let at = place + line * LINE;
            let _ = writeln!(text, "{at:>7}  {:<47}  {name}", digits.join(" "));
            name.clear();
        }
        if octets.is_empty() {
            let _ = writeln!(text, "{place:>7}  {:<47}  {name}", "(no octets)");
        }
        let more = octets.len().saturating_sub(LINE * LINES);
        if more > 0 {
            let _ = writeln!(text, "         … {more} more octets");
        }
        place += octets.len();
    }
    // Nothing may stand behind the last name of a line.
    text.lines().fold(String::new(), |mut text, line| {
        text.push_str(line.trim_end());
        text.push('\n');
        text
    })
}

fn octets(hex: &str) -> Vec<u8> {
    crate::vectors::octets::from_hex(hex).unwrap_or_default()
}

/// The name, and what the octets say as a number or as text.
fn annotated(name: &str, octets: &[u8]) -> String {
    match octets {
        [octet] => format!("{name} = {octet}"),
        [_, _, _, _] if !matches!(name, "magic" | "payload" | "data" | "octets" | "blocks") => {
            let number = octets
                .iter()
                .fold(0_u64, |sum, it| sum << 8 | u64::from(*it));
            format!("{name} = {number}")
        }
        _ if octets.len() >= 3 && octets.iter().any(u8::is_ascii_alphanumeric) => {
            let shown: String = octets
                .iter()
                .take(LINE)
                .map(|octet| match octet {
                    b' '..=b'~' => char::from(*octet),
                    _ => '.',
                })
                .collect();
            format!("{name} |{shown}|")
        }
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, hex: &str) -> Field {
        Field {
            name: name.to_owned(),
            hex: hex.to_owned(),
        }
    }

    #[test]
    fn every_field_has_a_line_with_its_place_and_value() {
        let dump = hexdump(&[
            field("version", "01"),
            field("sequence", "00000102"),
            field("payload", "0a03616263"),
            field("data", ""),
            field("tail", &"00".repeat(20)),
        ]);
        let lines: Vec<&str> = dump.lines().collect();
        assert!(lines[0].starts_with("      0  01 ") && lines[0].ends_with("  version = 1"));
        assert!(lines[1].starts_with("      1  00 00 01 02 ") && lines[1].ends_with("= 258"));
        assert!(lines[2].ends_with("payload |..abc|"), "{}", lines[2]);
        assert!(lines[3].contains("(no octets)"));
        assert!(lines[4].starts_with("     10  ") && lines[4].ends_with("tail"));
        assert_eq!(lines[5].trim(), "26  00 00 00 00");
    }

    #[test]
    fn long_fields_are_cut() {
        let dump = hexdump(&[field("payload", &"61".repeat(1000))]);
        assert_eq!(dump.lines().count(), LINES + 1);
        assert!(dump.ends_with("… 872 more octets\n"));
    }
}
