//! The report as a page: one file, no script, nothing from elsewhere.

use std::fmt::Write as _;

use super::report::{Percentiles, Report, Round};

const STYLE: &str = "body{font:14px/1.45 system-ui,sans-serif;margin:2em auto;max-width:72em;padding:0 1em;color:#222}\
table{border-collapse:collapse;margin:1em 0}td,th{padding:.2em .7em;text-align:right;border-bottom:1px solid #ddd}\
td:first-child,th:first-child,td.text{text-align:left}svg{width:100%;height:150px;background:#fafafa;border:1px solid #ddd}\
.good{color:#176b2c}.bad{color:#a11}summary{cursor:pointer}";

/// Height and width of a chart in its own units; a unit of width is a second.
const HEIGHT: f64 = 100.0;

pub(super) fn html(report: &Report) -> String {
    let mut page = String::new();
    head(&mut page, report);
    recovery(&mut page, report);
    for round in &report.rounds {
        chart(&mut page, report, round);
        faults(&mut page, round);
    }
    page.push_str("</body></html>\n");
    page
}

fn head(page: &mut String, report: &Report) {
    let (class, word) = if report.is_clean() {
        ("good", "passed")
    } else {
        ("bad", "failed")
    };
    let _ = write!(
        page,
        "<!doctype html><html lang=en><meta charset=utf-8><title>EIM: real faults</title>\
         <style>{STYLE}</style><body><h1>EIM: real faults</h1>\
         <p class={class}><b>{word}</b></p><p>Seed {}, {} messages offered a second; {} offered, {} sent, \
         {} acknowledged in {} rounds.</p><table><tr><th>the history checker found<th>",
        report.seed,
        report.rate,
        report.totals.offered,
        report.totals.sent,
        report.totals.acked,
        report.rounds.len()
    );
    for (kind, count) in &report.found {
        let class = if *count == 0 { "good" } else { "bad" };
        let _ = write!(page, "<tr><td>{kind}<td class={class}>{count}");
    }
    page.push_str("</table>");
    for witness in report
        .rounds
        .iter()
        .flat_map(|round| round.verdict.witnesses())
    {
        let _ = write!(page, "<pre class=bad>{}</pre>", escape(&witness));
    }
}

fn recovery(page: &mut String, report: &Report) {
    page.push_str(
        "<h2>Time to recovery</h2><p>Milliseconds. Recovered: from the strike until every sender had a new \
         result. After the cause: from the end of the fault (process started again and ready, network or \
         disk well) until then. Settled: until no more than one second's messages were without a \
         result.</p><table><tr><th>fault<th>count<th>in flight<th>unsettled p50 / most\
         <th>cause p50 / most<th>recovered p50<th>p90<th>p99<th>most<th>after the cause p50 / p99<th>settled p50 / p99",
    );
    for (kind, one) in &report.recovery {
        let pair = |of: Percentiles| format!("{} / {}", of.p50, of.most);
        let tail = |of: Percentiles| format!("{} / {}", of.p50, of.p99);
        let ms = one.recovered_ms;
        let _ = write!(
            page,
            "<tr><td>{kind}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}",
            one.faults,
            one.in_flight,
            pair(one.unsettled),
            pair(one.lasted_ms),
            ms.p50,
            ms.p90,
            ms.p99,
            ms.most,
            tail(one.after_cause_ms),
            tail(one.settled_ms)
        );
    }
    page.push_str("</table>");
}

/// Results a second as a line, the offered rate as another, each fault as a tick.
fn chart(page: &mut String, report: &Report, round: &Round) {
    let most = round.seconds.iter().map(|second| second.acked).max();
    let scale = HEIGHT / most.unwrap_or(0).max(report.rate).max(1) as f64;
    let y = |number: u64| HEIGHT - number as f64 * scale;
    let mut line = String::new();
    for (at, second) in round.seconds.iter().enumerate() {
        let _ = write!(line, "{at},{:.1} ", y(second.acked));
    }
    let width = round.seconds.len().max(1);
    let _ = write!(
        page,
        "<h2>Round {}</h2><p>{}</p><svg viewBox='0 0 {width} {HEIGHT}' preserveAspectRatio=none>",
        round.number,
        escape(&round.summary())
    );
    for struck in &round.struck {
        let colour = match struck.fault.kind() {
            "server_kill" => "#c33",
            "power_cut" => "#000",
            "disk_full" => "#a3c",
            "network_cut" => "#38c",
            _ => "#c93",
        };
        let at = struck.at_ms as f64 / 1000.0;
        let long = (struck.recovered_ms as f64 / 1000.0).max(0.2);
        let _ = write!(
            page,
            "<rect x={at:.2} y=0 width={long:.2} height={HEIGHT} fill='{colour}' opacity=.25><title>{} at \
             {at:.1} s</title></rect>",
            struck.fault.kind()
        );
    }
    let offered = y(report.rate);
    let _ = write!(
        page,
        "<line x1=0 x2={width} y1={offered:.1} y2={offered:.1} stroke='#999' vector-effect=non-scaling-stroke />\
         <polyline points='{line}' fill=none stroke='#176b2c' vector-effect=non-scaling-stroke /></svg>\
         <p>Green: results a second; grey: the offered rate; bands: faults until recovery (red: kill of the \
         server, black: power, violet: disk, blue: network, ochre: clients and stops).</p>"
    );
}

fn faults(page: &mut String, round: &Round) {
    page.push_str(
        "<details><summary>The faults</summary><table><tr><th>at s<th>fault<th>unsettled<th>cause ms\
         <th>recovered ms<th>settled ms<th>seen",
    );
    for struck in &round.struck {
        let settled = struck
            .settled_ms
            .map_or_else(|| "-".to_owned(), |ms| ms.to_string());
        let _ = write!(
            page,
            "<tr><td>{:.1}<td class=text>{}<td>{}<td>{}<td>{}<td>{settled}<td class=text>{}",
            struck.at_ms as f64 / 1000.0,
            escape(&struck.what()),
            struck.unsettled,
            struck.lasted_ms,
            struck.recovered_ms,
            escape(&struck.notes.join("; "))
        );
    }
    page.push_str("</table></details>");
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(escape("<b> & </b>"), "&lt;b> &amp; &lt;/b>");
    }
}
