//! The time line as a picture.

use std::fmt::Write as _;

use super::super::timeline::{Column, Mark, Timeline};
use super::html::escape;
use super::{number, seconds};

/// Size of the picture, in its own units.
const WIDTH: u64 = 1000;
/// Height of the throughput.
const HEIGHT: u64 = 160;
/// Height of the lines of faults and findings.
const LANE: u64 = 22;

/// Throughput, below it faults and findings.
pub(super) fn svg(timeline: &Timeline) -> String {
    let end = timeline.end_us().max(1);
    let x = |us: u64| across(us, end);
    let most = timeline
        .columns
        .values()
        .map(|column| column.sent.max(column.acked).max(column.delivered));
    let most = most.max().unwrap_or(0).max(1);
    let full = HEIGHT + 2 * LANE + 20;
    let mut out = format!(
        "<svg viewBox=\"0 0 {WIDTH} {full}\" role=\"img\" aria-label=\"messages over time, with faults and findings\">\n"
    );
    curve(&mut out, "delivered", timeline, most, |column| {
        column.delivered
    });
    curve(&mut out, "sent", timeline, most, |column| column.sent);
    curve(&mut out, "acked", timeline, most, |column| column.acked);
    let _ = writeln!(
        out,
        "<line class=\"axis\" x1=\"0\" x2=\"{WIDTH}\" y1=\"{HEIGHT}\" y2=\"{HEIGHT}\"/>"
    );
    for mark in &timeline.faults {
        tick(
            &mut out,
            "fault",
            x(mark.at_us),
            x(mark.for_us).max(2),
            HEIGHT + 4,
            mark,
        );
    }
    for (kind, mark) in &timeline.findings {
        let class = format!("finding {}", kind.name());
        tick(&mut out, &class, x(mark.at_us), 3, HEIGHT + LANE + 4, mark);
    }
    let low = full - 4;
    let rate = most.saturating_mul(1_000_000) / timeline.column_us.max(1);
    let _ = writeln!(out, "<text x=\"0\" y=\"{low}\">0 s</text>");
    let _ = writeln!(
        out,
        "<text x=\"{WIDTH}\" y=\"{low}\" text-anchor=\"end\">{}</text>",
        seconds(end)
    );
    let _ = writeln!(
        out,
        "<text x=\"4\" y=\"14\">{} a second at most</text>",
        number(rate)
    );
    out.push_str("</svg>\n<p class=\"key\"><span class=\"sent\">sent</span> <span class=\"acked\">acked</span> <span class=\"delivered\">delivered</span> <span class=\"fault\">faults and crashes</span> <span class=\"finding\">findings</span></p>\n");
    out
}

/// How far to the right a time is.
fn across(us: u64, end: u64) -> u128 {
    u128::from(us) * u128::from(WIDTH) / u128::from(end)
}

/// One line of throughput.
fn curve(out: &mut String, name: &str, timeline: &Timeline, most: u64, value: fn(&Column) -> u64) {
    let end = timeline.end_us().max(1);
    let x = |column: u64| across(column.saturating_mul(timeline.column_us), end);
    let mut points = String::new();
    let mut before: Option<u64> = None;
    for (&at, column) in &timeline.columns {
        // A gap in the columns is silence.
        if let Some(before) = before.filter(|before| before + 1 < at) {
            point(&mut points, x(before + 1), HEIGHT);
            point(&mut points, x(at - 1), HEIGHT);
        }
        let height = u128::from(value(column)) * u128::from(HEIGHT) / u128::from(most);
        let height = u64::try_from(height).unwrap_or(HEIGHT);
        point(&mut points, x(at), HEIGHT.saturating_sub(height));
        before = Some(at);
    }
    let points = points.trim_end();
    let _ = writeln!(out, "<polyline class=\"{name}\" points=\"{points}\"/>");
}

fn point(points: &mut String, x: u128, y: u64) {
    let _ = write!(points, "{x},{y} ");
}

fn tick(out: &mut String, class: &str, x: u128, width: u128, y: u64, mark: &Mark) {
    let _ = writeln!(
        out,
        "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{}\"><title>{} {}</title></rect>",
        LANE - 6,
        seconds(mark.at_us),
        escape(&mark.text)
    );
}
