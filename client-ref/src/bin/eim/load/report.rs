//! What the load generator says at the end.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::stats::Stats;
use super::{Common, Load};
use crate::exit::Failure;
use crate::output::Output;

/// Latencies in milliseconds.
#[derive(Serialize)]
pub(crate) struct Latency {
    count: u64,
    p50: f64,
    p99: f64,
    p999: f64,
    max: f64,
}

impl Latency {
    fn of(histogram: &Histogram<u64>) -> Self {
        let ms = |micros: u64| micros as f64 / 1000.0;
        Self {
            count: histogram.len(),
            p50: ms(histogram.value_at_quantile(0.5)),
            p99: ms(histogram.value_at_quantile(0.99)),
            p999: ms(histogram.value_at_quantile(0.999)),
            max: ms(histogram.max()),
        }
    }
}

/// The report.
#[derive(Serialize)]
pub(crate) struct Report {
    server: String,
    senders: u64,
    group_size: usize,
    online: usize,
    window: usize,
    payload: usize,
    seconds: f64,
    accepted_per_s: f64,
    delivered_per_s: f64,
    sent: u64,
    accepted: u64,
    delivered: u64,
    result_ms: Latency,
    delivery_ms: Latency,
    refused: u64,
    /// Refused for a time and sent again; by a limit; again although it had waited.
    postponed: u64,
    limited: u64,
    limited_again: u64,
    /// Accepted while measuring, of the senders in order.
    shares: Vec<u64>,
    unanswered: u64,
    lost: u64,
    duplicates: u64,
    disorder: u64,
    gaps: u64,
    result_disorder: u64,
    lagged: u64,
}

impl Report {
    pub(crate) fn new(
        load: &Load,
        stats: &Stats,
        common: &Common,
        elapsed: Duration,
        accepted: u64,
        delivered: u64,
    ) -> Self {
        let seconds = elapsed.as_secs_f64();
        let (sent, answered) = (common.sent.load(Relaxed), common.answered.load(Relaxed));
        let senders = load.sender_count();
        Self {
            server: load.server.to_string(),
            senders: senders as u64,
            group_size: load.group_size,
            online: load.present(),
            window: load.window,
            payload: load.payload,
            seconds,
            accepted_per_s: accepted as f64 / seconds,
            delivered_per_s: delivered as f64 / seconds,
            sent,
            accepted: answered - stats.refused,
            delivered: common.delivered.load(Relaxed),
            result_ms: Latency::of(&stats.result),
            delivery_ms: Latency::of(&stats.delivery),
            refused: stats.refused,
            postponed: stats.postponed,
            limited: stats.limited,
            limited_again: stats.limited_again,
            shares: stats.shares.values().copied().collect(),
            unanswered: sent - answered,
            lost: common
                .due
                .load(Relaxed)
                .saturating_sub(common.delivered.load(Relaxed)),
            duplicates: stats.duplicates,
            disorder: stats.disorder,
            gaps: stats.gaps,
            result_disorder: stats.result_disorder,
            lagged: stats.lagged,
        }
    }

    /// Nothing acknowledged is lost, nothing came twice, everything came in order.
    pub(crate) const fn is_sound(&self) -> bool {
        self.lost == 0
            && self.unanswered == 0
            && self.duplicates == 0
            && self.disorder == 0
            && self.gaps == 0
            && self.result_disorder == 0
    }

    pub(crate) fn print(&self, json: bool) -> Result<(), Failure> {
        let mut output = Output::new();
        if json {
            output.serialize(self)?;
            return Ok(output.flush()?);
        }
        output.line(&format!(
            "{}: {} senders, window {}, {} octets, {:.1} s",
            self.server, self.senders, self.window, self.payload, self.seconds
        ))?;
        output.line(&format!("accepted   {:10.0} /s", self.accepted_per_s))?;
        output.line(&format!("delivered  {:10.0} /s", self.delivered_per_s))?;
        for (name, latency) in [("result", &self.result_ms), ("delivery", &self.delivery_ms)] {
            output.line(&format!(
                "{name:10} p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, max {:.2} ms",
                latency.p50, latency.p99, latency.p999, latency.max
            ))?;
        }
        output.line(&format!(
            "in all     {} sent, {} accepted, {} delivered, {} refused",
            self.sent, self.accepted, self.delivered, self.refused
        ))?;
        if self.postponed > 0 {
            output.line(&format!(
                "limited    {} refused for a time, {} once more after it, {} sent again",
                self.limited, self.limited_again, self.postponed
            ))?;
        }
        output.line(&format!(
            "verified   {} lost, {} unanswered, {} twice, {} out of order, {} holes, {} results \
             out of order; {} times too slow",
            self.lost,
            self.unanswered,
            self.duplicates,
            self.disorder,
            self.gaps,
            self.result_disorder,
            self.lagged
        ))?;
        Ok(output.flush()?)
    }
}
