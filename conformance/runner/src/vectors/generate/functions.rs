//! Functions that choose: preparation, bounds, rules for errors, enumerations, WebSocket messages.

use serde_json::{Value, json};

use super::draft::{Wire, case, derive};
use super::rules::Rules;
use crate::vectors::model::{Case, Kind};
use crate::vectors::octets::to_hex;

/// All cases.
pub(super) fn cases(rules: &Rules) -> Result<Vec<Case>, String> {
    let mut cases = super::saslprep::cases();
    cases.extend(iterations());
    cases.extend(error_rules(rules));
    cases.extend(locations());
    cases.extend(namespaces());
    cases.extend(enumerations(rules));
    cases.extend(texts(rules));
    cases.extend(websockets(rules));
    Ok(cases)
}

/// A value that is accepted, or refused with `near` as the one that is not.
pub(super) fn checked(
    function: &str,
    arguments: &[(&str, Value)],
    (id, req, field, class): (String, &str, &str, &str),
    refused: Option<(&str, &str)>,
) -> Case {
    let expect = refused.map_or(Ok(Value::Bool(true)), |(code, _)| Err(code));
    let desc = format!("{field}: {class}");
    let made = case(
        id,
        &[req],
        (field, class),
        desc,
        derive(function, arguments, expect),
    );
    match refused {
        Some((_, near)) => made.near(near),
        None => made,
    }
}

fn iterations() -> Vec<Case> {
    let counts: [(&str, u64); 13] = [
        ("limit", 4_096),
        ("limit-plus-1", 4_097),
        ("typical", 16_384),
        ("upper-limit-1", 999_999),
        ("upper-limit", 1_000_000),
        ("zero", 0),
        ("one", 1),
        ("limit-1", 4_095),
        ("upper-limit-plus-1", 1_000_001),
        ("largest-signed", 0x7fff_ffff),
        ("sign-bit", 0x8000_0000),
        ("max", 0xffff_ffff),
        ("swapped", 0x0010_0000),
    ];
    let of = |(class, count): (&str, u64)| {
        let refused = (!(4_096..=1_000_000).contains(&count))
            .then_some(("AUTH_FAILED", "drv-iterations-limit"));
        let about = (
            format!("drv-iterations-{class}"),
            "EIM-AUT-022",
            "iterations",
            class,
        );
        checked("iterations", &[("count", json!(count))], about, refused)
    };
    counts.into_iter().map(of).collect()
}

/// Every code, codes that nobody knows, and classes that nobody knows.
fn error_rules(rules: &Rules) -> Vec<Case> {
    let errors = &rules.registries.errors;
    let mut cases = Vec::new();
    let mut add = |code: u32, class: &str, arguments: &[(&str, Value)], value: Value| {
        let received = arguments
            .iter()
            .any(|(_, value)| value == &Value::Bool(true));
        let suffix = if arguments.len() > 1 && received {
            "-retryable"
        } else {
            ""
        };
        let id = format!("drv-error-{code:04x}{suffix}");
        let desc = format!("error 0x{code:04x}");
        let field = format!("class-{:02x}", code >> 8);
        let class = format!("{class}{suffix}");
        let test = derive("error_rule", arguments, Ok(value));
        cases.push(case(id, &["EIM-ERR-013"], (&field, &class), desc, test));
    };
    for error in &errors.error {
        let [class, _] = error.value.to_be_bytes();
        let class = errors
            .class
            .iter()
            .find(|row| row.value == class)
            .map_or("", |row| &row.name);
        let value = json!({"class": class, "retryable": error.retryable});
        add(
            error.value.into(),
            "known",
            &[("code", json!(error.value))],
            value,
        );
    }
    for class in &errors.class {
        for (label, detail) in [
            ("zero", 0),
            ("unknown", 0x7f),
            ("sign-bit", 0x80),
            ("max", 0xff),
        ] {
            let code = u32::from(class.value) << 8 | detail;
            let may = ["session", "capacity", "server"].contains(&&*class.name);
            for received in [false, true] {
                let arguments = [("code", json!(code)), ("retryable", json!(received))];
                let value = json!({"class": class.name, "retryable": may && received});
                add(code, label, &arguments, value);
            }
        }
    }
    for code in [
        0,
        1,
        0x00ff,
        0x0800,
        0x0801,
        0x1001,
        0x7fff,
        0x8000,
        0x8101,
        0xff00,
        0xffff,
        0x0001_0101,
    ] {
        for received in [false, true] {
            let arguments = [("code", json!(code)), ("retryable", json!(received))];
            let value = json!({"class": "unknown", "retryable": false});
            add(
                code,
                if code == 0 { "zero" } else { "unknown-class" },
                &arguments,
                value,
            );
        }
    }
    cases
}

fn locations() -> Vec<Case> {
    let mut cases = Vec::new();
    for (class, latitude, longitude, field) in [
        ("zero", 0.0, 0.0, ""),
        ("typical", 48.137_154, 11.576_124, ""),
        ("south-west", -33.45, -70.66, ""),
        ("north-pole", 90.0, 0.0, ""),
        ("south-pole", -90.0, 0.0, ""),
        ("date-line", 0.0, 180.0, ""),
        ("date-line-west", 0.0, -180.0, ""),
        ("corner", 90.0, 180.0, ""),
        ("corner-south", -90.0, -180.0, ""),
        ("small", 5e-324, -5e-324, ""),
        ("limit+1", 90.000_000_000_000_02, 0.0, "latitude"),
        ("below", -90.000_000_000_000_02, 0.0, "latitude"),
        ("above", 91.0, 0.0, "latitude"),
        ("swapped", 116.4, 0.0, "latitude"),
        ("full-turn", 360.0, 0.0, "latitude"),
        ("max", f64::MAX, 0.0, "latitude"),
        ("min", f64::MIN, 0.0, "latitude"),
        ("microdegrees", 48_137_154.0, 0.0, "latitude"),
        ("limit+1", 0.0, 180.000_000_000_000_03, "longitude"),
        ("below", 0.0, -180.000_000_000_000_03, "longitude"),
        ("above", 0.0, 181.0, "longitude"),
        ("full-turn", 0.0, 359.9, "longitude"),
        ("max", 0.0, f64::MAX, "longitude"),
        ("min", 0.0, f64::MIN, "longitude"),
    ] {
        let arguments = [
            ("latitude", json!(latitude)),
            ("longitude", json!(longitude)),
        ];
        let refused = (!field.is_empty()).then_some(("INVALID_MESSAGE", "drv-location-zero"));
        let label = if field.is_empty() {
            class.to_owned()
        } else {
            format!("{field}-{}", class.replace('+', "-plus-"))
        };
        let field = if field.is_empty() { "location" } else { field };
        let about = (format!("drv-location-{label}"), "EIM-MSG-034", field, class);
        cases.push(checked("location", &arguments, about, refused));
    }
    cases
}

fn namespaces() -> Vec<Case> {
    let label = |length: usize| "a".repeat(length);
    let long = |length: usize| {
        let mut name = format!("com.{}.{}.{}", label(63), label(63), label(63));
        name.push('.');
        name + &label(length - 196)
    };
    let good = [
        ("typical", "com.example.poll".to_owned()),
        ("two-labels", "com.example".into()),
        ("short", "a.b".into()),
        ("digits", "com.4example.2".into()),
        ("hyphen", "com.ex-ample".into()),
        ("two-hyphens", "com.xn--bcher-kva".into()),
        ("upper", "Com.Example".into()),
        ("label-limit", format!("com.{}", label(63))),
        ("limit", long(253)),
        ("many-labels", "a.b.c.d.e.f.g.h.i.j".into()),
    ];
    let bad = [
        ("empty", String::new()),
        ("one-label", "example".into()),
        ("dot", ".".into()),
        ("dots", "com..example".into()),
        ("dot-first", ".com.example".into()),
        ("dot-last", "com.example.".into()),
        ("space", "com.exam ple".into()),
        ("space-first", " com.example".into()),
        ("line-end", "com.example\n".into()),
        ("underscore", "com.ex_ample".into()),
        ("slash", "com/example".into()),
        ("at", "poll@example.com".into()),
        ("colon", "com.example:80".into()),
        ("hyphen-first", "com.-example".into()),
        ("hyphen-last", "com.example-".into()),
        ("hyphen-alone", "com.-".into()),
        ("hyphen-top", "com-.example".into()),
        ("label-limit+1", format!("com.{}", label(64))),
        ("limit+1", long(254)),
        ("umlaut", "com.bücher".into()),
        ("fullwidth-digit", "com.example１".into()),
        ("ideographic-dot", "com。example".into()),
        ("kelvin", "com.\u{212a}elvin".into()),
        ("nul", "com.exa\0mple".into()),
        ("emoji", "com.😀".into()),
    ];
    let of = |(class, namespace): (&str, String), refused| {
        let id = format!("drv-namespace-{}", class.replace('+', "-plus-"));
        let arguments = [("namespace", json!(namespace))];
        let req = if class == "typical" {
            "EIM-MSG-035"
        } else {
            "EIM-MSG-071"
        };
        checked(
            "custom_namespace",
            &arguments,
            (id, req, "namespace", class),
            refused,
        )
    };
    let accepted = good.map(|one| of(one, None));
    let refused = bad.map(|one| of(one, Some(("INVALID_MESSAGE", "drv-namespace-typical"))));
    accepted.into_iter().chain(refused).collect()
}

/// Every number of every enumeration, and numbers that are not in it.
fn enumerations(rules: &Rules) -> Vec<Case> {
    let mut cases = Vec::new();
    for descriptor in rules.pool.all_enums() {
        let name = descriptor.name().to_owned();
        let known: Vec<i32> = descriptor.values().map(|value| value.number()).collect();
        let next = known.iter().max().map_or(0, |max| max + 1);
        let mut numbers = known.clone();
        numbers.extend([next, 100, 256, i32::MAX, -1, i32::MIN]);
        for number in numbers {
            let listed = known.contains(&number);
            let class = match number {
                _ if listed => "known",
                i32::MAX => "max",
                i32::MIN => "min",
                _ if number < 0 => "negative",
                _ if number == next => "next",
                _ => "above",
            };
            // Two enumerations have a rule of their own.
            let (req, counts) = match (&*name, listed) {
                ("ErrorScope", _) => ("EIM-CON-027", Ok(if number == 2 { 2 } else { 1 })),
                ("AttachMode", false) => ("EIM-AUT-002", Err("INVALID_VALUE")),
                _ => ("EIM-REG-005", Ok(if listed { number } else { 0 })),
            };
            let arguments = [("enum", json!(name)), ("number", json!(number))];
            let test = derive("enum", &arguments, counts.map(|number| json!(number)));
            let label = if number < 0 {
                class.to_owned()
            } else {
                number.to_string()
            };
            let prefix = format!("drv-enum-{}", super::payload_fields::id(&name));
            let desc = format!("{name} {number}");
            let made = case(
                format!("{prefix}-{label}"),
                &[req],
                (&name, class),
                desc,
                test,
            );
            cases.push(if counts.is_err() {
                made.near(format!("{prefix}-0"))
            } else {
                made
            });
        }
    }
    cases
}

/// The limit of a text is one of octets.
fn texts(rules: &Rules) -> Vec<Case> {
    let limit = rules.limit("text_octets") as usize;
    let mut cases = Vec::new();
    let filled = |letter: &str, octets: usize| {
        let mut text = letter.repeat(octets / letter.len());
        text.push_str(&"x".repeat(octets - text.len()));
        text
    };
    for (field, letter) in [
        ("ascii", "a"),
        ("two-octets", "é"),
        ("three-octets", "€"),
        ("four-octets", "😀"),
        ("combining", "e\u{301}"),
    ] {
        let id = |class: &str| format!("drv-text-{field}-{class}");
        for (class, octets) in [("limit", limit), ("limit-plus-1", limit + 1)] {
            let over = octets > limit;
            let text = filled(letter, octets);
            let arguments = [("type", json!(0x20)), ("text", json!(text))];
            let near = id("limit");
            let refused = over.then_some(("MESSAGE_TOO_LARGE", &*near));
            let counted = class.replace("-plus-", "+");
            let about = (id(class), "EIM-LIM-006", field, &*counted);
            let mut made = checked("message_limit", &arguments, about, refused);
            made.req
                .push(if over { "EIM-MSG-030" } else { "EIM-LIM-001" }.into());
            cases.push(made);
        }
    }
    for (class, text) in [("empty", ""), ("typical", "Grüße, 世界")] {
        let arguments = [("type", json!(0x20)), ("text", json!(text))];
        let about = (format!("drv-text-{class}"), "EIM-LIM-006", "text", class);
        cases.push(checked("message_limit", &arguments, about, None));
    }
    cases
}

/// WebSocket messages hold whole frames.
fn websockets(rules: &Rules) -> Vec<Case> {
    let ping = Wire::of(rules, 0x08).with(&[8, 1]).octets();
    let text = Wire::of(rules, 0x20).with(b"2\x02hi").octets();
    let empty = Wire::of(rules, 0x08).octets();
    let binary = |octets: &[u8]| json!({"binary": to_hex(octets)});
    let cut = |octets: &[u8], at: usize| octets.get(..at).unwrap_or_default().to_vec();
    let tail = |octets: &[u8], at: usize| octets.get(at..).unwrap_or_default().to_vec();
    let mut cases = Vec::new();
    let mut add =
        |class: &str, messages: Vec<Value>, expect: Result<Vec<u32>, &str>, near: &str| {
            let arguments = [("messages", Value::Array(messages))];
            let test = derive("websocket", &arguments, expect.map(|counts| json!(counts)));
            let desc = format!("WebSocket messages: {class}");
            let made = case(
                format!("drv-websocket-{class}"),
                &["EIM-TRN-023"],
                ("message", class),
                desc,
                test,
            );
            cases.push(if near.is_empty() {
                made
            } else {
                made.near(format!("drv-websocket-{near}"))
            });
        };
    add("one", vec![binary(&ping)], Ok(vec![1]), "");
    add("empty-frame", vec![binary(&empty)], Ok(vec![1]), "");
    add("nothing", vec![binary(&[])], Ok(vec![0]), "");
    let around = vec![binary(&ping), binary(&[]), binary(&ping)];
    add("nothing-between", around, Ok(vec![1, 0, 1]), "");
    add(
        "two",
        vec![binary(&[ping.clone(), text.clone()].concat())],
        Ok(vec![2]),
        "",
    );
    add("ten", vec![binary(&empty.repeat(10))], Ok(vec![10]), "");
    add(
        "several-messages",
        vec![
            binary(&ping),
            binary(&[text.clone(), ping.clone()].concat()),
            binary(&text),
        ],
        Ok(vec![1, 2, 1]),
        "",
    );
    for at in [1, 10, 11, 12] {
        add(
            &format!("cut-{at:02}"),
            vec![binary(&cut(&ping, at))],
            Err("SPLIT_FRAME"),
            "one",
        );
    }
    let longer = [ping.clone(), vec![1]].concat();
    add(
        "one-octet-more",
        vec![binary(&longer)],
        Err("SPLIT_FRAME"),
        "one",
    );
    add(
        "frame-and-header",
        vec![binary(&[ping.clone(), cut(&text, 11)].concat())],
        Err("SPLIT_FRAME"),
        "one",
    );
    add(
        "text",
        vec![json!({"text": "hello"})],
        Err("SPLIT_FRAME"),
        "one",
    );
    add(
        "empty-text",
        vec![json!({"text": ""})],
        Err("SPLIT_FRAME"),
        "one",
    );
    let joined = [binary(&cut(&ping, 5)), binary(&tail(&ping, 5))];
    add("split", joined.to_vec(), Err("SPLIT_FRAME"), "");
    add(
        "later-cut",
        vec![binary(&ping), binary(&cut(&text, 12)), binary(&text)],
        Err("SPLIT_FRAME"),
        "",
    );
    add(
        "later-text",
        vec![binary(&ping), json!({"text": "x"}), binary(&text)],
        Err("SPLIT_FRAME"),
        "",
    );
    let late = ["split", "later-cut", "later-text"].map(|class| format!("drv-websocket-{class}"));
    for case in &mut cases {
        if late.contains(&case.id) {
            case.kind = Kind::Order;
        }
    }
    cases
}
