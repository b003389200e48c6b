//! Calls are heard of in order, by everybody, to their end.

use std::collections::BTreeMap;

use eim_client::CallSignal;
use eim_codec::id::{CallId, DeviceId, UserId};
use eim_codec::payload::CallSignalKind as Kind;

use super::{Found, Invariant};
use crate::model::{Event, Model};
use crate::observation::{Observation, Process, Question, Reply};

/// A signal is the same for everybody, and an application hears of those of a call in order, each
/// once; one device of a user takes part at a time, and only those that do say anything about the
/// media; nothing follows the end; and in the end whoever was called knows that it is over. A call
/// is started once more only where the server that knew it is gone, and whoever hears of that has
/// heard the end of the one before.
#[derive(Debug, Default)]
pub struct CallsAreHeard {
    /// Each time that a call was started.
    calls: BTreeMap<CallId, Vec<BTreeMap<u64, CallSignal>>>,
    heard: BTreeMap<(Process, CallId), Heard>,
    asked: BTreeMap<(Process, u32), (CallId, Kind)>,
    /// Servers that have ended.
    ended: usize,
}

/// What one application heard of one call.
#[derive(Clone, Copy, Debug)]
struct Heard {
    /// Which start of the call.
    start: usize,
    last: u64,
    over: bool,
}

impl Invariant for CallsAreHeard {
    fn name(&self) -> &'static str {
        "calls-are-heard"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &[
            "EIM-CAL-007",
            "EIM-CAL-008",
            "EIM-CAL-014",
            "EIM-CAL-015",
            "EIM-CAL-016",
            "EIM-CAL-020",
            "EIM-CAL-027",
            "EIM-CAL-028",
            "EIM-CAL-029",
        ]
    }

    fn check(&mut self, model: &Model, event: &Event<'_>, found: &mut Found) {
        match event {
            Event::Seen(Observation::Signal {
                process,
                signal,
                rings,
            }) => {
                let start = self.known(*process, signal, found);
                self.told(*process, start, signal, *rings, found);
            }
            Event::Seen(Observation::CallGone { process, call }) => {
                self.heard.remove(&(*process, *call));
            }
            Event::Seen(Observation::Asked {
                process,
                step,
                question: Question::Signal { call, kind },
            }) => {
                self.asked.insert((*process, *step), (*call, *kind));
            }
            Event::Seen(Observation::Answered {
                process,
                step,
                reply: Reply::Signalled(call_seq),
            }) => {
                if let Some((call, kind)) = self.asked.remove(&(*process, *step)) {
                    self.added(*process, call, *call_seq, kind, found);
                }
            }
            Event::Seen(Observation::ServerEnded { .. }) => self.ended += 1,
            Event::Seen(Observation::Quiet) => self.quiet(model, found),
            Event::End => self.replay(found),
            _ => {}
        }
    }
}

impl CallsAreHeard {
    fn told(
        &mut self,
        process: Process,
        start: usize,
        signal: &CallSignal,
        rings: bool,
        found: &mut Found,
    ) {
        let over = signal.kind == Kind::End;
        let now = Heard {
            start,
            last: signal.call_seq,
            over,
        };
        found.add_if(rings && over, || {
            format!("{process:?} rings after {signal:?}")
        });
        let Some(heard) = self.heard.insert((process, signal.call), now) else {
            // Of the beginning something may be too old.
            return;
        };
        if heard.start != start {
            found.add_if(!heard.over, || {
                format!("{process:?} heard of {signal:?}, and not that the call before is over")
            });
            return;
        }
        found.add_if(signal.call_seq <= heard.last, || {
            format!("{process:?} heard of {signal:?} after {}", heard.last)
        });
        found.add_if(heard.over, || {
            format!("{process:?} heard of {signal:?} after the end")
        });
        let known = self.start(signal.call, start);
        let recent = known.and_then(|known| known.get(&(signal.call_seq - 1)));
        let recent = recent.is_some_and(|before| signal.time_ms < before.time_ms + MAILBOX_MS);
        found.add_if(signal.call_seq > heard.last + 1 && recent, || {
            format!(
                "{process:?} missed what is between {} and {signal:?}",
                heard.last
            )
        });
    }

    fn start(&self, call: CallId, start: usize) -> Option<&BTreeMap<u64, CallSignal>> {
        self.calls.get(&call)?.get(start)
    }

    /// Everybody hears the same. Gives back which start of the call it belongs to.
    fn known(&mut self, process: Process, signal: &CallSignal, found: &mut Found) -> usize {
        let starts = self.calls.entry(signal.call).or_default();
        let heard = self.heard.get(&(process, signal.call));
        let newest = starts.len().saturating_sub(1);
        let start = match signal.kind {
            Kind::Offer => {
                let same = |start: &BTreeMap<u64, CallSignal>| {
                    start.get(&1).is_none_or(|offer| offer == signal)
                };
                starts.iter().rposition(same).unwrap_or(starts.len())
            }
            _ => heard.map_or(newest, |heard| heard.start),
        };
        if start >= starts.len() {
            starts.push(BTreeMap::new());
        }
        // What the end of a server lets begin anew, it lets begin once.
        found.add_if(start > self.ended, || {
            format!("{:?} for one, {signal:?} for another", starts.first())
        });
        let known = starts.get_mut(start);
        let before = known.and_then(|known| known.insert(signal.call_seq, signal.clone()));
        found.add_if(before.as_ref().is_some_and(|it| it != signal), || {
            format!("{before:?} for one, {signal:?} for another")
        });
        start
    }

    /// The server has said which number a signal has.
    fn added(&self, process: Process, call: CallId, call_seq: u64, kind: Kind, found: &mut Found) {
        let Some(starts) = self.calls.get(&call) else {
            return;
        };
        let known: Vec<_> = starts.iter().map(|start| start.get(&call_seq)).collect();
        let fits = |known: &Option<&CallSignal>| known.is_none_or(|known| known.kind == kind);
        found.add_if(!known.iter().any(fits), || {
            format!("{process:?} was told that {kind:?} is {known:?}")
        });
    }

    /// Nobody goes on ringing.
    fn quiet(&self, model: &Model, found: &mut Found) {
        for ((process, call), heard) in &self.heard {
            let program = model.sight.program(*process);
            let runs = program.is_some_and(|program| program.ended.is_none());
            found.add_if(runs && !heard.over, || {
                format!("{process:?} does not know that {call} is over: {heard:?}")
            });
        }
    }

    /// Who takes part, signal by signal, as far as all of them are known.
    fn replay(&self, found: &mut Found) {
        for signals in self.calls.values().flatten() {
            let mut taking_part: BTreeMap<UserId, DeviceId> = BTreeMap::new();
            let (mut due, mut over, mut time_ms) = (1, false, 0);
            for (call_seq, signal) in signals {
                if *call_seq != due {
                    break;
                }
                found.add_if(over, || format!("{signal:?} after the end"));
                found.add_if(signal.time_ms < time_ms, || {
                    format!("{signal:?} before what was before it")
                });
                (due, time_ms) = (due + 1, signal.time_ms);
                over |= signal.kind == Kind::End;
                let Some((user, device)) = signal.from else {
                    continue;
                };
                let mine = taking_part.get(&user).copied();
                let fits = match signal.kind {
                    Kind::Offer => *call_seq == 1,
                    Kind::Answer | Kind::Ringing | Kind::Decline => mine.is_none(),
                    _ => mine == Some(device),
                };
                found.add_if(!fits, || {
                    format!("{signal:?} while {taking_part:?} take part")
                });
                match signal.kind {
                    Kind::Offer | Kind::Answer => {
                        taking_part.insert(user, device);
                    }
                    Kind::Hangup => {
                        taking_part.remove(&user);
                    }
                    _ => {}
                }
            }
        }
    }
}

/// How long signals are kept at least.
const MAILBOX_MS: u64 = 60_000;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use eim_codec::payload::CallEnd;

    use super::*;
    use crate::model::scene::{self, Feed};
    use crate::observation::Ending;

    fn signal(call_seq: u64, kind: Kind, device: Option<u8>) -> CallSignal {
        CallSignal {
            call: [5; 16].into(),
            call_seq,
            kind,
            from: device.map(|device| (scene::user(device + 1), scene::device_id(device))),
            time_ms: 1000,
            body: Bytes::new(),
            reason: CallEnd::Unspecified,
            conversation: None,
        }
    }

    fn heard(by: u8, signal: CallSignal, rings: bool) -> Feed {
        Feed::Seen(Observation::Signal {
            process: scene::process(by),
            signal,
            rings,
        })
    }

    fn call() -> Vec<Feed> {
        let mut feeds = scene::opening();
        feeds.push(heard(1, signal(1, Kind::Offer, Some(0)), true));
        feeds
    }

    #[test]
    fn a_call_that_is_answered_and_ends_is_good() {
        let mut good = call();
        for by in [0, 1] {
            if by == 0 {
                good.push(heard(0, signal(1, Kind::Offer, Some(0)), false));
            }
            good.push(heard(by, signal(2, Kind::Answer, Some(1)), false));
            good.push(heard(by, signal(3, Kind::Hangup, Some(0)), false));
            good.push(heard(by, signal(4, Kind::End, None), false));
        }
        good.push(Feed::Seen(Observation::Quiet));
        let found = scene::judge(CallsAreHeard::default(), good);
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn signals_that_come_twice_or_not_are_found() {
        let mut bad = call();
        bad.push(heard(1, signal(1, Kind::Offer, Some(0)), true));
        scene::assert_judges::<CallsAreHeard>(bad, "heard of");
        let mut bad = call();
        bad.push(heard(0, signal(1, Kind::Offer, Some(0)), false));
        bad.push(heard(0, signal(2, Kind::Candidate, Some(0)), false));
        bad.push(heard(1, signal(3, Kind::Candidate, Some(0)), true));
        scene::assert_judges::<CallsAreHeard>(bad, "missed");
    }

    #[test]
    fn a_call_is_started_once_more_where_the_server_is_gone() {
        let again = CallSignal {
            time_ms: 2000,
            ..signal(1, Kind::Offer, Some(0))
        };
        let gone = Feed::Seen(Observation::CallGone {
            process: scene::process(1),
            call: [5; 16].into(),
        });
        let ended = || {
            Feed::Seen(Observation::ServerEnded {
                incarnation: 1,
                how: Ending::Crash,
            })
        };
        let over = || {
            let end = signal(2, Kind::End, None);
            let time_ms = 3000;
            heard(1, CallSignal { time_ms, ..end }, false)
        };
        let mut good = call();
        good.extend([ended(), gone, heard(1, again.clone(), true), over()]);
        let found = scene::judge(CallsAreHeard::default(), good);
        assert!(found.is_empty(), "{found:?}");
        let mut bad = call();
        bad.extend([ended(), heard(1, again.clone(), true)]);
        scene::assert_judges::<CallsAreHeard>(bad, "the call before is over");
        let mut bad = call();
        bad.extend([over(), heard(1, again, true)]);
        scene::assert_judges::<CallsAreHeard>(bad, "for another");
    }

    #[test]
    fn two_answers_of_a_user_are_found() {
        let mut bad = call();
        bad.push(heard(1, signal(2, Kind::Answer, Some(1)), false));
        let mut other = signal(3, Kind::Answer, Some(1));
        other.from = Some((scene::user(2), scene::device_id(7)));
        bad.push(heard(1, other, false));
        scene::assert_judges::<CallsAreHeard>(bad, "take part");
    }

    #[test]
    fn an_end_that_somebody_does_not_hear_is_found() {
        let mut bad = call();
        bad.push(Feed::Seen(Observation::Quiet));
        scene::assert_judges::<CallsAreHeard>(bad, "is over");
    }

    #[test]
    fn signals_that_differ_or_follow_the_end_are_found() {
        let mut bad = call();
        bad.push(heard(0, signal(1, Kind::Offer, Some(1)), false));
        scene::assert_judges::<CallsAreHeard>(bad, "for another");
        let mut bad = call();
        bad.push(heard(1, signal(2, Kind::End, None), false));
        bad.push(heard(1, signal(3, Kind::Ringing, Some(1)), false));
        scene::assert_judges::<CallsAreHeard>(bad, "after the end");
    }
}
