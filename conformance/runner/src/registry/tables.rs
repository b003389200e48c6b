//! The registries as Markdown tables.

use super::{FrameType, Grease, Number, Registries};

/// Names of the tables, as they stand in the markers.
pub const NAMES: [&str; 10] = [
    "frame-types",
    "frame-ranges",
    "error-classes",
    "error-codes",
    "compression",
    "capabilities",
    "operations",
    "events",
    "limits",
    "grease",
];

/// The table with this name; `None` for an unknown name. Ends with a newline.
#[must_use]
pub fn table(name: &str, registries: &Registries) -> Option<String> {
    Some(match name {
        "frame-types" => frame_types(registries),
        "frame-ranges" => frame_ranges(registries),
        "error-classes" => error_classes(registries),
        "error-codes" => error_codes(registries),
        "compression" => numbers(&registries.compression.algorithm),
        "capabilities" => capabilities(registries),
        "operations" => operations(registries),
        "events" => events(registries),
        "limits" => limits(registries),
        "grease" => grease(registries),
        _ => return None,
    })
}

fn frame_types(registries: &Registries) -> String {
    let row = |frame: &FrameType| {
        let direction = match frame.direction.as_str() {
            "client" => "C",
            "server" => "S",
            _ => "CS",
        };
        let phases: String = frame
            .phases
            .iter()
            .filter_map(|phase| phase.chars().next())
            .collect();
        vec![
            format!("0x{:02X}", frame.value),
            frame.name.clone(),
            direction.to_owned(),
            yes(frame.sequenced),
            yes(frame.compression),
            phases.to_uppercase(),
            frame.max_octets.to_string(),
            frame.payload.replace("eim.v1.", "").replace('|', ", "),
            frame.status.clone(),
            frame.doc.clone(),
        ]
    };
    let header = [
        "type",
        "name",
        "dir.",
        "seq.",
        "compr.",
        "phases",
        "max octets",
        "payload",
        "status",
        "meaning",
    ];
    render(&header, registries.frames.frame.iter().map(row))
}

fn frame_ranges(registries: &Registries) -> String {
    render(
        &["range", "name", "unknown type in it"],
        registries.frames.range.iter().map(|range| {
            let span = if range.first == range.last {
                format!("0x{:02X}", range.first)
            } else {
                format!("0x{:02X}–0x{:02X}", range.first, range.last)
            };
            vec![span, range.name.clone(), range.unknown.clone()]
        }),
    )
}

fn error_classes(registries: &Registries) -> String {
    render(
        &["class", "name", "blame", "meaning"],
        registries.errors.class.iter().map(|class| {
            let value = format!("0x{:02X}", class.value);
            vec![
                value,
                class.name.clone(),
                class.blame.clone(),
                class.doc.clone(),
            ]
        }),
    )
}

fn error_codes(registries: &Registries) -> String {
    render(
        &["code", "name", "scope", "retryable", "closes", "meaning"],
        registries.errors.error.iter().map(|error| {
            vec![
                format!("0x{:04X}", error.value),
                error.name.clone(),
                error.scope.clone(),
                yes(error.retryable),
                yes(error.closes),
                error.doc.clone(),
            ]
        }),
    )
}

fn numbers(rows: &[Number]) -> String {
    render(
        &["value", "name", "status", "meaning"],
        rows.iter().map(|row| {
            vec![
                row.value.to_string(),
                row.name.clone(),
                row.status.clone(),
                row.doc.clone(),
            ]
        }),
    )
}

fn capabilities(registries: &Registries) -> String {
    let capabilities = &registries.capabilities;
    let private = &capabilities.private_use;
    let mut table = numbers(&capabilities.capability);
    table.push_str(&format!(
        "| 0x{:04X}–0x{:04X} | private use | private | By agreement between two sides. |\n",
        private.first, private.last
    ));
    table
}

fn operations(registries: &Registries) -> String {
    render(
        &["operation", "name", "mutating", "status", "meaning"],
        registries.operations.operation.iter().map(|operation| {
            vec![
                operation.value.to_string(),
                operation.name.clone(),
                yes(operation.mutating),
                operation.status.clone(),
                operation.doc.clone(),
            ]
        }),
    )
}

fn events(registries: &Registries) -> String {
    render(
        &["event", "name", "body", "status", "meaning"],
        registries.events.event.iter().map(|event| {
            vec![
                event.value.to_string(),
                event.name.clone(),
                event.payload.clone(),
                event.status.clone(),
                event.doc.clone(),
            ]
        }),
    )
}

fn limits(registries: &Registries) -> String {
    render(
        &["limit", "default", "minimum", "maximum", "unit", "meaning"],
        registries.limits.limit.iter().map(|limit| {
            vec![
                limit.name.clone(),
                limit.default.to_string(),
                limit.minimum.to_string(),
                limit.maximum.to_string(),
                limit.unit.clone(),
                limit.doc.clone(),
            ]
        }),
    )
}

fn grease(registries: &Registries) -> String {
    let row = |what: &str, grease: &Grease, digits: usize| {
        let values: Vec<String> = grease
            .values
            .iter()
            .map(|value| format!("0x{value:0digits$X}"))
            .collect();
        vec![what.to_owned(), values.join(", ")]
    };
    render(
        &["registry", "values"],
        [
            row("frame types", &registries.frames.grease, 2),
            row("compression", &registries.compression.grease, 2),
            row("capabilities", &registries.capabilities.grease, 4),
        ]
        .into_iter(),
    )
}

fn yes(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}

fn render(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = format!(
        "| {} |\n|{}\n",
        header.join(" | "),
        "---|".repeat(header.len())
    );
    for row in rows {
        table.push_str(&format!("| {} |\n", row.join(" | ")));
    }
    table
}
