//! The report of a run: JSON for programs, HTML for people.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::Failure;
use crate::scenario::faults::meter::Second;
use crate::scenario::faults::page;
use crate::scenario::faults::strike::Struck;
use crate::scenario::faults::world::Totals;
use crate::scenario::judge::Judged;

/// One round, done and judged.
#[derive(Debug, Serialize)]
pub(super) struct Round {
    /// From 1.
    pub(super) number: u32,
    /// What became of the messages.
    pub(super) totals: Totals,
    /// Faults in the order in which they struck.
    pub(super) struck: Vec<Struck>,
    /// Each second from the beginning of the load to the last result.
    pub(super) seconds: Vec<Second>,
    /// What the checker says of the histories.
    pub(super) verdict: Judged,
}

impl Round {
    /// One line for the terminal.
    pub(super) fn summary(&self) -> String {
        format!(
            "{} faults, {} sent, {} acknowledged: {}",
            self.struck.len(),
            self.totals.sent,
            self.totals.acked,
            self.verdict.summary()
        )
    }
}

/// Everything so far.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Form of this file.
    pub(super) format: u32,
    /// Seed of the run: the same seed and options draw the same plan.
    pub(super) seed: u64,
    /// Messages offered a second.
    pub(super) rate: u64,
    /// All rounds together.
    pub(super) totals: Totals,
    /// What the checker found, all rounds together, by kind.
    pub(super) found: BTreeMap<&'static str, u64>,
    /// How the world recovered, by kind of fault.
    pub(super) recovery: BTreeMap<&'static str, Recovery>,
    /// The rounds.
    pub(super) rounds: Vec<Round>,
}

/// How the world recovered from faults of one kind.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Recovery {
    /// Faults of this kind.
    pub(super) faults: usize,
    /// Faults that struck while messages were without a result.
    pub(super) in_flight: usize,
    /// Messages without a result when it struck.
    pub(super) unsettled: Percentiles,
    /// Milliseconds that the cause lasted.
    pub(super) lasted_ms: Percentiles,
    /// Milliseconds from the strike until every sender had a new result.
    pub(super) recovered_ms: Percentiles,
    /// Milliseconds from the end of the cause until then.
    pub(super) after_cause_ms: Percentiles,
    /// Milliseconds from the strike until the backlog was worked off.
    pub(super) settled_ms: Percentiles,
    /// Faults whose backlog was not worked off before the next one.
    pub(super) not_settled: usize,
}

/// Some of the numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Percentiles {
    /// The lowest.
    pub(super) least: u64,
    /// Half are not above.
    pub(super) p50: u64,
    /// Nine of ten are not above.
    pub(super) p90: u64,
    /// 99 of 100 are not above.
    pub(super) p99: u64,
    /// The highest.
    pub(super) most: u64,
}

impl Percentiles {
    fn of(numbers: impl Iterator<Item = u64>) -> Self {
        let mut sorted: Vec<u64> = numbers.collect();
        sorted.sort_unstable();
        let at = |permille: usize| {
            let rank = (sorted.len() * permille).div_ceil(1000).max(1) - 1;
            sorted.get(rank).copied().unwrap_or(0)
        };
        Self {
            least: at(0),
            p50: at(500),
            p90: at(900),
            p99: at(990),
            most: at(1000),
        }
    }
}

impl Report {
    /// An empty one.
    pub(super) fn new(seed: u64, rate: u64) -> Self {
        Self {
            format: 1,
            seed,
            rate,
            totals: Totals::default(),
            found: BTreeMap::new(),
            recovery: BTreeMap::new(),
            rounds: Vec::new(),
        }
    }

    /// Adds a round.
    pub(super) fn add(&mut self, round: Round) {
        self.totals.offered += round.totals.offered;
        self.totals.sent += round.totals.sent;
        self.totals.acked += round.totals.acked;
        self.totals.server_kib = self.totals.server_kib.max(round.totals.server_kib);
        for (kind, count) in round.verdict.counts() {
            *self.found.entry(kind).or_default() += count;
        }
        self.rounds.push(round);
        let mut by_kind: BTreeMap<&'static str, Vec<&Struck>> = BTreeMap::new();
        for struck in self.rounds.iter().flat_map(|round| &round.struck) {
            by_kind.entry(struck.fault.kind()).or_default().push(struck);
        }
        self.recovery = by_kind
            .into_iter()
            .map(|(kind, struck)| (kind, recovery(&struck)))
            .collect();
    }

    /// Whether the checker found nothing.
    pub(super) fn is_clean(&self) -> bool {
        self.rounds.iter().all(|round| round.verdict.is_clean())
    }

    /// Writes `faults.json` and `faults.html`.
    pub(super) fn write(&self, folder: &Path) -> Result<(), Failure> {
        let json =
            serde_json::to_string(self).map_err(|error| Failure::Setup(error.to_string()))?;
        std::fs::write(folder.join("faults.json"), json)?;
        std::fs::write(folder.join("faults.html"), page::html(self))?;
        Ok(())
    }

    /// Says what came out, and turns it into the end of the run.
    pub(super) fn close(&self, folder: &Path, expect_loss: bool) -> Result<(), Failure> {
        let file = folder.join("faults.html");
        println!("report: {}", file.display());
        for (kind, recovery) in &self.recovery {
            let Recovery {
                faults,
                in_flight,
                recovered_ms: ms,
                ..
            } = recovery;
            println!(
                "{kind}: {faults}, {in_flight} with messages in flight; recovered after p50 {} p90 {} \
                 p99 {} most {} ms",
                ms.p50, ms.p90, ms.p99, ms.most
            );
        }
        let found: Vec<String> = self
            .found
            .iter()
            .map(|(kind, count)| format!("{count} {kind}"))
            .collect();
        let verdict = format!("{} acknowledged: {}", self.totals.acked, found.join(", "));
        match (self.is_clean(), expect_loss) {
            (true, false) => {
                println!("{verdict}");
                Ok(())
            }
            (false, true) if self.found.get("lost").is_some_and(|&lost| lost > 0) => {
                println!("{verdict}");
                println!("the negative control lost what it had acknowledged, as it must");
                Ok(())
            }
            (_, true) => Err(Failure::Verdict(format!(
                "the negative control lost nothing: the method is blind ({verdict})"
            ))),
            (false, false) => Err(Failure::Verdict(verdict)),
        }
    }
}

fn recovery(struck: &[&Struck]) -> Recovery {
    let of = |number: fn(&Struck) -> u64| Percentiles::of(struck.iter().map(|one| number(one)));
    Recovery {
        faults: struck.len(),
        in_flight: struck.iter().filter(|one| one.unsettled > 0).count(),
        unsettled: of(|one| one.unsettled),
        lasted_ms: of(|one| one.lasted_ms),
        recovered_ms: of(|one| one.recovered_ms),
        after_cause_ms: of(|one| one.after_cause_ms),
        settled_ms: Percentiles::of(struck.iter().filter_map(|one| one.settled_ms)),
        not_settled: struck.iter().filter(|one| one.settled_ms.is_none()).count(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_numbers_that_were_seen() {
        let all = Percentiles::of((1..=200).rev());
        let wanted = Percentiles {
            least: 1,
            p50: 100,
            p90: 180,
            p99: 198,
            most: 200,
        };
        assert_eq!(all, wanted);
        assert_eq!(Percentiles::of([7].into_iter()).p99, 7);
        assert_eq!(Percentiles::of(std::iter::empty()), Percentiles::default());
    }
}
