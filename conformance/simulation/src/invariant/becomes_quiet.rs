//! Without faults, everything comes to rest.

use super::{Found, Invariant};
use crate::model::{Event, Model};
use crate::observation::Observation;

/// When faults have ended, everything that is under way ends within the patience of the run.
#[derive(Debug, Default)]
pub struct BecomesQuiet;

impl Invariant for BecomesQuiet {
    fn name(&self) -> &'static str {
        "becomes-quiet"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["EIM-RES-001", "EIM-SYN-011", "EIM-SYN-013", "EIM-SYN-051"]
    }

    fn check(&mut self, _model: &Model, event: &Event<'_>, found: &mut Found) {
        if let Event::Seen(Observation::NotQuiet { detail }) = event {
            found.add(detail.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::scene::{self, Feed};

    #[test]
    fn a_run_that_does_not_come_to_rest_is_found() {
        let mut bad = scene::opening();
        bad.push(Feed::Seen(Observation::Healed));
        bad.push(Feed::Seen(Observation::NotQuiet {
            detail: "an outbox".to_owned(),
        }));
        scene::assert_judges::<BecomesQuiet>(bad, "an outbox");
    }
}
