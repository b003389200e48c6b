//! What the chapters say about a header, from the registries.

use std::collections::BTreeMap;

use prost_reflect::DescriptorPool;
use serde::Deserialize;

use super::draft::Wire;
use crate::data::Data;
use crate::registry::{FrameType, Registries};
use crate::vectors::model::{Config, Phase, Role};
use crate::wire::protocol;

/// Types that carry version 1 whatever was selected: HELLO, WELCOME, ERROR (chapter 22).
const INVARIANT: [u8; 3] = [0x01, 0x02, 0x06];

/// Registries, requirements and Protobuf files.
pub(super) struct Rules {
    pub(super) registries: Registries,
    pub(super) pool: DescriptorPool,
    levels: BTreeMap<String, String>,
}

/// A requirement as `requirements.json` has it.
#[derive(Deserialize)]
struct Row {
    id: String,
    level: String,
}

/// What a type octet means to a receiver.
#[derive(Clone, Copy)]
pub(super) enum Meaning<'a> {
    /// An active row.
    Known(&'a FrameType),
    /// Unknown, and a frame all the same: message or operation range.
    Unknown,
    /// Unknown, and discarded.
    Ignorable,
    /// Extension or private range.
    Extension,
    /// 0x00 and 0xFF.
    Invalid,
    /// Unknown in a range that closes.
    Closes,
}

impl Rules {
    pub(super) fn load(data: &Data) -> Result<Self, String> {
        let text = data.read("spec/registry/requirements.json")?;
        let rows: Vec<serde_json::Value> =
            serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let row = |row| serde_json::from_value(row).map_err(|error| error.to_string());
        let rows: Vec<Row> = rows.into_iter().map(row).collect::<Result<_, _>>()?;
        Ok(Self {
            registries: Registries::load(data)?,
            pool: protocol::pool(data)?,
            levels: rows.into_iter().map(|row| (row.id, row.level)).collect(),
        })
    }

    pub(super) fn level(&self, id: &str) -> Result<&str, String> {
        let level = self.levels.get(id).map(String::as_str);
        level.ok_or_else(|| format!("{id} is no requirement"))
    }

    /// Active rows, by value.
    pub(super) fn active(&self) -> impl Iterator<Item = &FrameType> {
        let rows = self.registries.frames.frame.iter();
        rows.filter(|row| row.status == "active")
    }

    pub(super) fn is_reserved(&self, value: u8) -> bool {
        let rows = &self.registries.frames.frame;
        rows.iter()
            .any(|row| row.value == value && row.status != "active")
    }

    pub(super) fn is_grease(&self, value: u8) -> bool {
        let grease = &self.registries.frames.grease.values;
        grease.contains(&u32::from(value))
    }

    /// Name of the range of a type.
    pub(super) fn range(&self, value: u8) -> &str {
        let mut ranges = self.registries.frames.range.iter();
        let range = ranges.find(|range| (range.first..=range.last).contains(&value));
        range.map_or("", |range| &range.name)
    }

    pub(super) fn meaning(&self, value: u8) -> Meaning<'_> {
        if let Some(row) = self.active().find(|row| row.value == value) {
            return Meaning::Known(row);
        }
        match self.range(value) {
            "message" | "operation" => Meaning::Unknown,
            "ignorable" => Meaning::Ignorable,
            "extension" | "private" => Meaning::Extension,
            "invalid" => Meaning::Invalid,
            _ => Meaning::Closes,
        }
    }

    /// Whether a frame of the type carries a number (24.1).
    pub(super) fn is_sequenced(&self, value: u8) -> bool {
        match self.meaning(value) {
            Meaning::Known(row) => row.sequenced,
            Meaning::Unknown => true,
            _ => false,
        }
    }

    /// The limit of the registry, by name.
    pub(super) fn limit(&self, name: &str) -> u32 {
        let mut limits = self.registries.limits.limit.iter();
        let limit = limits.find(|limit| limit.name == name);
        limit.map_or(0, |limit| u32::try_from(limit.default).unwrap_or(u32::MAX))
    }

    /// Largest payload on the wire (10.3).
    pub(super) fn most_payload(&self, config: &Config, value: u8) -> u32 {
        let limit = match config.phase {
            Phase::Handshake => self.limit("handshake_frame_octets"),
            Phase::Open => config.max_payload,
        };
        match self.meaning(value) {
            Meaning::Known(row) => limit.min(u32::try_from(row.max_octets).unwrap_or(u32::MAX)),
            Meaning::Ignorable => limit.min(self.limit("ignorable_octets")),
            _ => limit,
        }
    }

    /// Whether a type may arrive: the direction and the phase are right (20.1).
    pub(super) fn may_arrive(&self, config: &Config, value: u8) -> bool {
        let open = config.phase == Phase::Open;
        let Meaning::Known(row) = self.meaning(value) else {
            return open;
        };
        let from = match config.role {
            Role::Server => "client",
            Role::Client => "server",
        };
        let phase = |name: &str| row.phases.iter().any(|phase| phase == name);
        let now = match config.phase {
            Phase::Open => phase("open"),
            Phase::Handshake => phase("hello") || phase("auth"),
        };
        now && (row.direction == "both" || row.direction == from)
    }

    /// The first fault of a frame that its header shows (10.2, 10.5): the code, and the requirement
    /// it is due to.
    pub(super) fn fault(
        &self,
        config: &Config,
        frame: &Wire,
    ) -> Option<(&'static str, &'static str)> {
        let octet = if INVARIANT.contains(&frame.r#type) {
            1
        } else {
            config.version
        };
        if frame.version != octet {
            let invariant = octet == 1 && config.version != 1 || INVARIANT.contains(&frame.r#type);
            let early = config.phase == Phase::Handshake;
            let id = if invariant || early {
                "EIM-VER-003"
            } else {
                "EIM-VER-004"
            };
            return Some(("UNSUPPORTED_VERSION", id));
        }
        self.type_fault(config, frame)
            .or_else(|| self.compression_fault(config, frame))
            .or_else(|| self.length_fault(config, frame))
            .or_else(|| self.connection_fault(config, frame))
    }

    fn type_fault(&self, config: &Config, frame: &Wire) -> Option<(&'static str, &'static str)> {
        let value = frame.r#type;
        match self.meaning(value) {
            Meaning::Invalid => Some(("INVALID_TYPE", "EIM-FRM-009")),
            Meaning::Closes if self.is_reserved(value) => Some(("INVALID_TYPE", "EIM-FRM-021")),
            Meaning::Closes => Some(("INVALID_TYPE", "EIM-FRM-010")),
            Meaning::Extension if !config.negotiated_types.contains(&value) => {
                Some(("EXTENSION_NOT_NEGOTIATED", "EIM-FRM-011"))
            }
            _ => None,
        }
    }

    fn compression_fault(
        &self,
        config: &Config,
        frame: &Wire,
    ) -> Option<(&'static str, &'static str)> {
        let octet = frame.compression;
        if octet == 0 {
            return None;
        }
        let mut algorithms = self.registries.compression.algorithm.iter();
        let known = algorithms.any(|row| row.value == u32::from(octet) && row.status == "active");
        let negotiated = known && config.compressions.contains(&octet);
        if matches!(self.meaning(frame.r#type), Meaning::Ignorable) {
            return Some(("UNKNOWN_COMPRESSION", "EIM-FRM-024"));
        }
        if !negotiated || config.phase == Phase::Handshake {
            return Some(("UNKNOWN_COMPRESSION", "EIM-CMP-006"));
        }
        let compressible = match self.meaning(frame.r#type) {
            Meaning::Known(row) => row.compression,
            Meaning::Unknown => true,
            _ => false,
        };
        (!compressible).then_some(("UNKNOWN_COMPRESSION", "EIM-CMP-007"))
    }

    fn length_fault(&self, config: &Config, frame: &Wire) -> Option<(&'static str, &'static str)> {
        let length = frame.stated_length();
        if length <= self.most_payload(config, frame.r#type) {
            return None;
        }
        let id = match self.meaning(frame.r#type) {
            Meaning::Ignorable => "EIM-FRM-015",
            Meaning::Known(row) if u64::from(length) > row.max_octets => "EIM-FRM-013",
            _ if config.phase == Phase::Handshake => "EIM-FRM-014",
            _ => "EIM-FRM-012",
        };
        Some(("PAYLOAD_TOO_LARGE", id))
    }

    fn connection_fault(
        &self,
        config: &Config,
        frame: &Wire,
    ) -> Option<(&'static str, &'static str)> {
        if !self.may_arrive(config, frame.r#type) {
            let known = matches!(self.meaning(frame.r#type), Meaning::Known(_));
            let id = if known { "EIM-FRM-027" } else { "EIM-FRM-028" };
            return Some(("UNEXPECTED_FRAME", id));
        }
        match (self.is_sequenced(frame.r#type), frame.sequence) {
            (true, 0) => Some(("BAD_SEQUENCE", "EIM-SEQ-004")),
            (false, 1..) => Some(("BAD_SEQUENCE", "EIM-SEQ-005")),
            _ => None,
        }
    }
}
