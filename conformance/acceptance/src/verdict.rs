//! The judge: compares what senders were promised with what devices hold.
//!
//! It knows two kinds of evidence and nothing of the server: the acks that senders wrote down
//! after each durable result, and the exports of local stores.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use serde::{Deserialize, Serialize};

/// One line of a sender's ack log: a durable result it was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ack {
    /// Idempotency key of the message, lower hex.
    pub(crate) client_msg_id: String,
    /// Conversation, lower hex.
    pub(crate) conversation: String,
    /// Epoch of the log.
    pub(crate) log_epoch: u64,
    /// Number in the log.
    pub(crate) conv_seq: u64,
    /// SHA-256 of the body as sent, lower hex.
    pub sha256: String,
}

/// One line of an export of a local store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stored {
    /// Conversation, lower hex.
    pub(crate) conversation: String,
    /// Epoch of the log.
    pub(crate) log_epoch: u64,
    /// Number in the log.
    pub(crate) conv_seq: u64,
    /// Frame type of the entry.
    #[serde(rename = "type")]
    pub(crate) frame_type: u8,
    /// Sender, lower hex.
    pub(crate) sender: Option<String>,
    /// Sending device, lower hex.
    pub(crate) sender_device: Option<String>,
    /// Idempotency key; none for entries of the server.
    pub(crate) client_msg_id: Option<String>,
    /// Time of the commit, in milliseconds.
    pub(crate) time_ms: u64,
    /// SHA-256 of the body, lower hex.
    pub sha256: String,
}

impl Stored {
    /// Whether somebody wrote it, as against what the server logs of members and settings.
    pub(crate) fn is_message(&self) -> bool {
        (0x20..0x40).contains(&self.frame_type)
    }
}

/// What the judge found. Empty lists everywhere mean: nothing lost, nothing twice, one order.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Verdict {
    /// Acknowledged messages looked at.
    pub(crate) acked: usize,
    /// Entries in the first device's store.
    pub(crate) entries: usize,
    /// Devices compared.
    pub(crate) devices: usize,
    /// Acknowledged but absent from a device, or there with another number or content.
    pub(crate) lost: Vec<String>,
    /// Idempotency keys that stand at more than one place of a log, or acks that contradict.
    pub(crate) duplicated: Vec<String>,
    /// Devices whose sequence of entries differs from the first device's.
    pub(crate) reordered: Vec<String>,
    /// Numbers missing between the first and the last of a conversation.
    pub(crate) gaps: Vec<String>,
}

impl Verdict {
    /// Whether nothing was found.
    pub(crate) fn is_clean(&self) -> bool {
        self.lost.is_empty()
            && self.duplicated.is_empty()
            && self.reordered.is_empty()
            && self.gaps.is_empty()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} acked, {} entries, {} devices: {} lost, {} duplicated, {} reordered, {} gaps",
            self.acked,
            self.entries,
            self.devices,
            self.lost.len(),
            self.duplicated.len(),
            self.reordered.len(),
            self.gaps.len()
        )?;
        let first = [&self.lost, &self.duplicated, &self.reordered, &self.gaps];
        for example in first.into_iter().filter_map(|list| list.first()) {
            write!(f, "\n  first: {example}")?;
        }
        Ok(())
    }
}

/// Judges the acks of all senders against the exports of all devices, given by name.
pub(crate) fn judge(acks: &[Ack], devices: &[(String, Vec<Stored>)]) -> Verdict {
    let mut verdict = Verdict {
        acked: acks.len(),
        devices: devices.len(),
        ..Verdict::default()
    };
    check_acks(acks, &mut verdict);
    for (name, stored) in devices {
        check_device(name, stored, acks, &mut verdict);
    }
    let from = visible_to_all(devices);
    let mut views = devices
        .iter()
        .map(|(name, stored)| (name, visible(stored, &from)));
    if let Some((first_name, first)) = views.next() {
        verdict.entries = first.len();
        for (name, stored) in views {
            compare(first_name, &first, name, &stored, &mut verdict);
        }
    }
    verdict
}

/// First number of each conversation that every device may read: a founder sees the entries that
/// made the group, the members see it from the entry that added them. That no message is missing
/// from a device is judged by the acks, not by this.
fn visible_to_all(devices: &[(String, Vec<Stored>)]) -> HashMap<&str, u64> {
    let mut from = HashMap::new();
    for (_, stored) in devices {
        let mut first: HashMap<&str, u64> = HashMap::new();
        for entry in stored {
            let number = first.entry(&entry.conversation).or_insert(entry.conv_seq);
            *number = entry.conv_seq.min(*number);
        }
        for (conversation, number) in first {
            let highest = from.entry(conversation).or_insert(number);
            *highest = number.max(*highest);
        }
    }
    from
}

fn visible<'a>(stored: &'a [Stored], from: &HashMap<&str, u64>) -> Vec<&'a Stored> {
    let seen = |entry: &&Stored| {
        from.get(entry.conversation.as_str())
            .is_none_or(|&first| entry.conv_seq >= first)
    };
    stored.iter().filter(seen).collect()
}

/// One message has one result: a key acknowledged at two places, or a place given to two keys.
fn check_acks(acks: &[Ack], verdict: &mut Verdict) {
    let mut by_key: HashMap<&str, &Ack> = HashMap::new();
    let mut by_place: HashMap<(&str, u64, u64), &str> = HashMap::new();
    for ack in acks {
        if let Some(other) = by_key.insert(&ack.client_msg_id, ack)
            && other != ack
        {
            verdict
                .duplicated
                .push(format!("{} has two results", ack.client_msg_id));
        }
        let place = (ack.conversation.as_str(), ack.log_epoch, ack.conv_seq);
        if let Some(other) = by_place.insert(place, &ack.client_msg_id)
            && other != ack.client_msg_id
        {
            verdict
                .duplicated
                .push(format!("{place:?} was given to two messages"));
        }
    }
}

fn check_device(name: &str, stored: &[Stored], acks: &[Ack], verdict: &mut Verdict) {
    let mut places = HashMap::new();
    let mut keys = BTreeSet::new();
    let mut numbers: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    for entry in stored {
        if let Some(key) = &entry.client_msg_id
            && !keys.insert(key.as_str())
        {
            verdict
                .duplicated
                .push(format!("{name}: {key} stands twice"));
        }
        if !numbers
            .entry(&entry.conversation)
            .or_default()
            .insert(entry.conv_seq)
        {
            verdict
                .duplicated
                .push(format!("{name}: number {} stands twice", entry.conv_seq));
        }
        places.insert((entry.conversation.as_str(), entry.conv_seq), entry);
    }
    for ack in acks {
        match places.get(&(ack.conversation.as_str(), ack.conv_seq)) {
            Some(entry)
                if entry.client_msg_id.as_ref() == Some(&ack.client_msg_id)
                    && entry.sha256 == ack.sha256 => {}
            Some(_) => verdict
                .lost
                .push(format!("{name}: {} holds another message", ack.conv_seq)),
            None => verdict
                .lost
                .push(format!("{name}: {} is absent", ack.conv_seq)),
        }
    }
    for (conversation, seen) in numbers {
        let (Some(&first), Some(&last)) = (seen.first(), seen.last()) else {
            continue;
        };
        if last - first + 1 != seen.len() as u64 {
            verdict.gaps.push(format!(
                "{name}: {conversation} has holes in {first}..={last}"
            ));
        }
    }
}

fn compare(first: &str, a: &[&Stored], name: &str, b: &[&Stored], verdict: &mut Verdict) {
    if let Some(at) = a.iter().zip(b).position(|(x, y)| x != y) {
        verdict
            .reordered
            .push(format!("{first} and {name} differ at entry {at}"));
    } else if a.len() != b.len() {
        verdict
            .reordered
            .push(format!("{first} holds {}, {name} {}", a.len(), b.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ack(seq: u64) -> Ack {
        Ack {
            client_msg_id: format!("m{seq}"),
            conversation: "c".into(),
            log_epoch: 1,
            conv_seq: seq,
            sha256: format!("s{seq}"),
        }
    }

    fn stored(seq: u64) -> Stored {
        Stored {
            conversation: "c".into(),
            log_epoch: 1,
            conv_seq: seq,
            frame_type: 0x20,
            sender: Some("u".into()),
            sender_device: Some("d".into()),
            client_msg_id: Some(format!("m{seq}")),
            time_ms: 1,
            sha256: format!("s{seq}"),
        }
    }

    fn device(name: &str, seqs: &[u64]) -> (String, Vec<Stored>) {
        (name.into(), seqs.iter().map(|&seq| stored(seq)).collect())
    }

    #[test]
    fn equal_stores_with_every_ack_are_clean() {
        let verdict = judge(
            &[ack(1), ack(2)],
            &[device("a", &[1, 2, 3]), device("b", &[1, 2, 3])],
        );
        assert!(verdict.is_clean(), "{verdict}");
    }

    #[test]
    fn an_ack_without_entry_is_lost() {
        let verdict = judge(&[ack(1), ack(4)], &[device("a", &[1, 2, 3])]);
        assert_eq!(verdict.lost.len(), 1);
    }

    #[test]
    fn an_ack_whose_place_holds_other_content_is_lost() {
        let mut holder = device("a", &[1, 2]);
        holder.1[1].sha256 = "other".into();
        assert_eq!(judge(&[ack(2)], &[holder]).lost.len(), 1);
    }

    #[test]
    fn a_key_at_two_places_is_duplicated() {
        let mut holder = device("a", &[1, 2]);
        holder.1[1].client_msg_id = Some("m1".into());
        assert!(!judge(&[], &[holder]).duplicated.is_empty());
    }

    #[test]
    fn two_results_for_one_message_are_a_contradiction() {
        let mut again = ack(1);
        again.conv_seq = 2;
        assert!(!judge(&[ack(1), again], &[]).duplicated.is_empty());
    }

    #[test]
    fn another_order_on_another_device_is_found() {
        let verdict = judge(&[], &[device("a", &[1, 2, 3]), device("b", &[1, 3, 2])]);
        assert_eq!(verdict.reordered.len(), 1);
    }

    #[test]
    fn a_hole_is_found() {
        assert_eq!(judge(&[], &[device("a", &[1, 3])]).gaps.len(), 1);
    }

    #[test]
    fn entries_before_a_member_was_added_are_not_compared() {
        let verdict = judge(&[ack(2)], &[device("a", &[1, 2, 3]), device("b", &[2, 3])]);
        assert!(verdict.is_clean(), "{verdict}");
    }

    #[test]
    fn a_shorter_store_is_found() {
        let verdict = judge(&[], &[device("a", &[1, 2]), device("b", &[1])]);
        assert_eq!(verdict.reordered.len(), 1);
    }
}
