//! Operations on messages, as typed: `/edit #12 new text`.

use eim_client::Draft;
use eim_client::store::Target;
use eim_codec::payload::TextBody;

/// What can be typed.
const USAGE: &str = "/edit #N TEXT, /reply #N TEXT, /recall #N, /react #N EMOJI, /unreact #N EMOJI, \
    /pin #N, /unpin #N";

const VERBS: [&str; 7] = [
    "edit", "reply", "recall", "react", "unreact", "pin", "unpin",
];

/// Whether a typed line is an operation.
pub(crate) fn is_operation(line: &str) -> bool {
    let verb = line
        .strip_prefix('/')
        .and_then(|line| line.split(' ').next());
    verb.is_some_and(|verb| VERBS.contains(&verb))
}

/// The message that a typed line asks for.
///
/// # Errors
/// How it is typed.
pub(crate) fn draft(target: Target, line: &str) -> Result<Draft, &'static str> {
    line.strip_prefix('/')
        .and_then(|line| line.split_once(' '))
        .and_then(|(verb, rest)| named(target, verb, rest.trim()))
        .ok_or(USAGE)
}

fn named(target: Target, verb: &str, rest: &str) -> Option<Draft> {
    let (number, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let conv_seq: u64 = number.strip_prefix('#')?.parse().ok()?;
    let rest = rest.trim();
    Some(match (verb, rest.is_empty()) {
        ("edit", false) => Draft::edit(target, conv_seq, TextBody::new(rest)),
        ("reply", false) => {
            let body = TextBody {
                reply_to: conv_seq,
                ..TextBody::new(rest)
            };
            Draft::rich_text(target, &body)
        }
        ("recall", true) => Draft::recall(target, conv_seq),
        ("react", false) => Draft::react(target, conv_seq, rest, false),
        ("unreact", false) => Draft::react(target, conv_seq, rest, true),
        ("pin", true) => Draft::pin(target, conv_seq, false),
        ("unpin", true) => Draft::pin(target, conv_seq, true),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use eim_codec::registry::FrameType;

    use super::*;

    #[test]
    fn operations_are_typed_with_the_number_of_their_message() {
        let target = Target::User([1; 16].into());
        let kind = |line| draft(target, line).map(|draft| draft.frame_type);
        assert_eq!(kind("/edit #3 new text"), Ok(FrameType::EDIT));
        assert_eq!(kind("/reply #3 yes"), Ok(FrameType::TEXT));
        assert_eq!(kind("/recall #3"), Ok(FrameType::RECALL));
        assert_eq!(kind("/react #3 👍"), Ok(FrameType::REACTION));
        assert_eq!(kind("/unpin #3"), Ok(FrameType::PIN));
        for line in ["/edit #3", "/recall 3", "/pin #x", "/react #3 ", "/recall"] {
            assert!(is_operation(line) && kind(line).is_err(), "{line}");
        }
        assert!(!is_operation("edit #3 x") && !is_operation("/to bob"));
    }
}
