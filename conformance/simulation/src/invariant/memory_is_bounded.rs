//! Nothing in memory grows beyond what the configuration allows.

use super::{Found, Invariant};
use crate::model::{Event, Model};

/// Queues, outboxes, detached sessions and kept results stay within their limits.
#[derive(Debug, Default)]
pub struct MemoryIsBounded;

impl Invariant for MemoryIsBounded {
    fn name(&self) -> &'static str {
        "memory-is-bounded"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["EIM-SYN-048", "EIM-WIN-017", "EIM-WIN-019"]
    }

    fn check(&mut self, _model: &Model, event: &Event<'_>, found: &mut Found) {
        if let Event::Gauge(name, gauge) = event {
            found.add_if(gauge.used > gauge.limit, || format!("{name}: {gauge:?}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Gauge;
    use crate::model::scene::{self, Feed};

    #[test]
    fn a_queue_beyond_its_limit_is_found() {
        let gauge = |used| Feed::Gauge("queued octets", Gauge { used, limit: 10 });
        assert_eq!(scene::judge(MemoryIsBounded, vec![gauge(10)]), []);
        scene::assert_judges::<MemoryIsBounded>(vec![gauge(11)], "queued octets");
    }
}
