// Generated from spec/registry; see mod.rs.

use crate::registry::{
    Blame, Capability, Compression, Direction, ErrorClass, ErrorCode, ErrorCodeInfo, EventNumber,
    FrameType, FrameTypeInfo, Operation, Phase, Phases, RangeInfo, Scope, Unknown,
};

impl FrameType {
    /// Opens the handshake: versions, compressions, capabilities and limits of the client.
    pub const HELLO: Self = Self(0x01);
    /// Selects the version and what else is common; lists authentication mechanisms.
    pub const WELCOME: Self = Self(0x02);
    /// Starts or continues authentication.
    pub const AUTH: Self = Self(0x03);
    /// A challenge of the mechanism in progress.
    pub const AUTH_CHALLENGE: Self = Self(0x04);
    /// Ends authentication: identity, session outcome, credit, resume token.
    pub const AUTH_OK: Self = Self(0x05);
    /// Reports an error of a stated scope.
    pub const ERROR: Self = Self(0x06);
    /// Announces an orderly end of the connection.
    pub const GOAWAY: Self = Self(0x07);
    /// Asks for a PONG.
    pub const PING: Self = Self(0x08);
    /// Answers PING; the server's carries the heads.
    pub const PONG: Self = Self(0x09);
    /// Received-through and absolute credit of the sender of this frame.
    pub const WINDOW: Self = Self(0x0a);
    /// Durable results of individual client frames.
    pub const ACK: Self = Self(0x0b);
    /// This device has stored its timeline, and processed results, up to here.
    pub const CURSOR: Self = Self(0x0c);
    /// The device goes to the background or returns.
    pub const BACKGROUND: Self = Self(0x0d);
    /// Queued pushes were dropped; the client pulls from its cursor.
    pub const LAGGED: Self = Self(0x0e);
    /// One part of a message or operation that exceeds the frame limit.
    pub const FRAGMENT: Self = Self(0x10);
    /// Abandons a fragmented message.
    pub const CANCEL: Self = Self(0x11);
    /// Text message.
    pub const TEXT: Self = Self(0x20);
    /// Image by reference.
    pub const IMAGE: Self = Self(0x21);
    /// File by reference.
    pub const FILE: Self = Self(0x22);
    /// Voice message by reference.
    pub const VOICE: Self = Self(0x23);
    /// Video by reference.
    pub const VIDEO: Self = Self(0x24);
    /// Location.
    pub const LOCATION: Self = Self(0x25);
    /// Contact or rich card.
    pub const CARD: Self = Self(0x26);
    /// Namespaced application message.
    pub const CUSTOM: Self = Self(0x27);
    /// End-to-end encrypted message; opaque to the server.
    pub const ENCRYPTED: Self = Self(0x28);
    /// System notice written by the server or an administrator.
    pub const NOTICE: Self = Self(0x29);
    /// Several messages of another conversation, merged into one.
    pub const FORWARD: Self = Self(0x2b);
    /// Replaces the text of an earlier message.
    pub const EDIT: Self = Self(0x40);
    /// Takes an earlier message back.
    pub const RECALL: Self = Self(0x41);
    /// Adds or removes a reaction.
    pub const REACTION: Self = Self(0x42);
    /// Pins a message, or takes the pin off.
    pub const PIN: Self = Self(0x43);
    /// Members joined, left or changed role; a log entry.
    pub const MEMBERSHIP: Self = Self(0x48);
    /// Conversation created or its settings changed; a log entry.
    pub const SETTINGS: Self = Self(0x49);
    /// The group grew beyond write fan-out: it is read from its log from here on; a log entry.
    pub const MODE: Self = Self(0x4a);
    /// What a user is to another one changed; an entry of the personal log.
    pub const CONTACT: Self = Self(0x4b);
    /// One log entry that was too large for the RESPONSE that announced it.
    pub const ENTRY: Self = Self(0x50);
    /// A request outside the hot path, with its operation number.
    pub const REQUEST: Self = Self(0x60);
    /// The answer to one REQUEST; pages, never fragments.
    pub const RESPONSE: Self = Self(0x61);
    /// An ephemeral notification; may be dropped.
    pub const EVENT: Self = Self(0x62);
    /// Octets of a blob: one part of a transfer.
    pub const BLOB_CHUNK: Self = Self(0x70);
    /// How far the chunks of a transfer may go.
    pub const BLOB_CREDIT: Self = Self(0x71);
    /// The end of a transfer, or why it ends early.
    pub const BLOB_END: Self = Self(0x72);
    /// Held for blobs on streams of their own, over QUIC. Reserved.
    pub const BLOB_STREAM: Self = Self(0x7e);

    /// Values kept for GREASE (RFC 8701).
    pub const GREASE: &[Self] = &[Self(0xe5), Self(0xea), Self(0xf5), Self(0xfa)];
}

pub(crate) static RANGES: &[RangeInfo] = &[
    RangeInfo {
        first: FrameType(0x00),
        last: FrameType(0x00),
        name: "invalid",
        unknown: Unknown::Close,
    },
    RangeInfo {
        first: FrameType(0x01),
        last: FrameType(0x1f),
        name: "control",
        unknown: Unknown::Close,
    },
    RangeInfo {
        first: FrameType(0x20),
        last: FrameType(0x3f),
        name: "message",
        unknown: Unknown::Unsupported,
    },
    RangeInfo {
        first: FrameType(0x40),
        last: FrameType(0x4f),
        name: "operation",
        unknown: Unknown::Unsupported,
    },
    RangeInfo {
        first: FrameType(0x50),
        last: FrameType(0x5f),
        name: "sync",
        unknown: Unknown::Close,
    },
    RangeInfo {
        first: FrameType(0x60),
        last: FrameType(0x6f),
        name: "request",
        unknown: Unknown::Close,
    },
    RangeInfo {
        first: FrameType(0x70),
        last: FrameType(0x7f),
        name: "blob",
        unknown: Unknown::Close,
    },
    RangeInfo {
        first: FrameType(0x80),
        last: FrameType(0xbf),
        name: "extension",
        unknown: Unknown::Close,
    },
    RangeInfo {
        first: FrameType(0xc0),
        last: FrameType(0xdf),
        name: "private",
        unknown: Unknown::Close,
    },
    RangeInfo {
        first: FrameType(0xe0),
        last: FrameType(0xfe),
        name: "ignorable",
        unknown: Unknown::Ignore,
    },
    RangeInfo {
        first: FrameType(0xff),
        last: FrameType(0xff),
        name: "invalid",
        unknown: Unknown::Close,
    },
];

pub(crate) static FRAME_NAMES: &[(FrameType, &str)] = &[
    (FrameType::HELLO, "HELLO"),
    (FrameType::WELCOME, "WELCOME"),
    (FrameType::AUTH, "AUTH"),
    (FrameType::AUTH_CHALLENGE, "AUTH_CHALLENGE"),
    (FrameType::AUTH_OK, "AUTH_OK"),
    (FrameType::ERROR, "ERROR"),
    (FrameType::GOAWAY, "GOAWAY"),
    (FrameType::PING, "PING"),
    (FrameType::PONG, "PONG"),
    (FrameType::WINDOW, "WINDOW"),
    (FrameType::ACK, "ACK"),
    (FrameType::CURSOR, "CURSOR"),
    (FrameType::BACKGROUND, "BACKGROUND"),
    (FrameType::LAGGED, "LAGGED"),
    (FrameType::FRAGMENT, "FRAGMENT"),
    (FrameType::CANCEL, "CANCEL"),
    (FrameType::TEXT, "TEXT"),
    (FrameType::IMAGE, "IMAGE"),
    (FrameType::FILE, "FILE"),
    (FrameType::VOICE, "VOICE"),
    (FrameType::VIDEO, "VIDEO"),
    (FrameType::LOCATION, "LOCATION"),
    (FrameType::CARD, "CARD"),
    (FrameType::CUSTOM, "CUSTOM"),
    (FrameType::ENCRYPTED, "ENCRYPTED"),
    (FrameType::NOTICE, "NOTICE"),
    (FrameType::FORWARD, "FORWARD"),
    (FrameType::EDIT, "EDIT"),
    (FrameType::RECALL, "RECALL"),
    (FrameType::REACTION, "REACTION"),
    (FrameType::PIN, "PIN"),
    (FrameType::MEMBERSHIP, "MEMBERSHIP"),
    (FrameType::SETTINGS, "SETTINGS"),
    (FrameType::MODE, "MODE"),
    (FrameType::CONTACT, "CONTACT"),
    (FrameType::ENTRY, "ENTRY"),
    (FrameType::REQUEST, "REQUEST"),
    (FrameType::RESPONSE, "RESPONSE"),
    (FrameType::EVENT, "EVENT"),
    (FrameType::BLOB_CHUNK, "BLOB_CHUNK"),
    (FrameType::BLOB_CREDIT, "BLOB_CREDIT"),
    (FrameType::BLOB_END, "BLOB_END"),
    (FrameType::BLOB_STREAM, "BLOB_STREAM"),
];

/// Indexed by the type octet.
pub(crate) static FRAMES: [Option<FrameTypeInfo>; 256] = {
    let mut frames = [None; 256];
    frames[0x01] = Some(FrameTypeInfo {
        frame_type: FrameType::HELLO,
        direction: Direction::Client,
        sequenced: false,
        compression: false,
        phases: Phases::of(&[Phase::Hello]),
        max_octets: 16384,
        payload: "eim.v1.Hello",
    });
    frames[0x02] = Some(FrameTypeInfo {
        frame_type: FrameType::WELCOME,
        direction: Direction::Server,
        sequenced: false,
        compression: false,
        phases: Phases::of(&[Phase::Hello]),
        max_octets: 16384,
        payload: "eim.v1.Welcome",
    });
    frames[0x03] = Some(FrameTypeInfo {
        frame_type: FrameType::AUTH,
        direction: Direction::Client,
        sequenced: false,
        compression: false,
        phases: Phases::of(&[Phase::Auth]),
        max_octets: 16384,
        payload: "eim.v1.Auth",
    });
    frames[0x04] = Some(FrameTypeInfo {
        frame_type: FrameType::AUTH_CHALLENGE,
        direction: Direction::Server,
        sequenced: false,
        compression: false,
        phases: Phases::of(&[Phase::Auth]),
        max_octets: 16384,
        payload: "eim.v1.AuthChallenge",
    });
    frames[0x05] = Some(FrameTypeInfo {
        frame_type: FrameType::AUTH_OK,
        direction: Direction::Server,
        sequenced: false,
        compression: false,
        phases: Phases::of(&[Phase::Auth]),
        max_octets: 16384,
        payload: "eim.v1.AuthOk",
    });
    frames[0x06] = Some(FrameTypeInfo {
        frame_type: FrameType::ERROR,
        direction: Direction::Both,
        sequenced: false,
        compression: false,
        phases: Phases::of(&[Phase::Hello, Phase::Auth, Phase::Open, Phase::Draining]),
        max_octets: 16384,
        payload: "eim.v1.Error",
    });
    frames[0x07] = Some(FrameTypeInfo {
        frame_type: FrameType::GOAWAY,
        direction: Direction::Both,
        sequenced: false,
        compression: false,
        phases: Phases::of(&[Phase::Open, Phase::Draining]),
        max_octets: 16384,
        payload: "eim.v1.GoAway",
    });
    frames[0x08] = Some(FrameTypeInfo {
        frame_type: FrameType::PING,
        direction: Direction::Both,
        sequenced: false,
        compression: false,
        phases: Phases::of(&[Phase::Open, Phase::Draining]),
        max_octets: 1024,
        payload: "eim.v1.Ping",
    });
    frames[0x09] = Some(FrameTypeInfo {
        frame_type: FrameType::PONG,
        direction: Direction::Both,
        sequenced: false,
        compression: false,
        phases: Phases::of(&[Phase::Open, Phase::Draining]),
        max_octets: 16384,
        payload: "eim.v1.Pong",
    });
    frames[0x0a] = Some(FrameTypeInfo {
        frame_type: FrameType::WINDOW,
        direction: Direction::Both,
        sequenced: false,
        compression: false,
        phases: Phases::of(&[Phase::Open, Phase::Draining]),
        max_octets: 1024,
        payload: "eim.v1.Window",
    });
    frames[0x0b] = Some(FrameTypeInfo {
        frame_type: FrameType::ACK,
        direction: Direction::Server,
        sequenced: false,
        compression: false,
        phases: Phases::of(&[Phase::Open, Phase::Draining]),
        max_octets: 65536,
        payload: "eim.v1.Ack",
    });
    frames[0x0c] = Some(FrameTypeInfo {
        frame_type: FrameType::CURSOR,
        direction: Direction::Client,
        sequenced: false,
        compression: false,
        phases: Phases::of(&[Phase::Open, Phase::Draining]),
        max_octets: 1024,
        payload: "eim.v1.Cursor",
    });
    frames[0x0d] = Some(FrameTypeInfo {
        frame_type: FrameType::BACKGROUND,
        direction: Direction::Client,
        sequenced: false,
        compression: false,
        phases: Phases::of(&[Phase::Open]),
        max_octets: 1024,
        payload: "eim.v1.Background",
    });
    frames[0x0e] = Some(FrameTypeInfo {
        frame_type: FrameType::LAGGED,
        direction: Direction::Server,
        sequenced: false,
        compression: false,
        phases: Phases::of(&[Phase::Open, Phase::Draining]),
        max_octets: 16384,
        payload: "eim.v1.Lagged",
    });
    frames[0x10] = Some(FrameTypeInfo {
        frame_type: FrameType::FRAGMENT,
        direction: Direction::Both,
        sequenced: true,
        compression: false,
        phases: Phases::of(&[Phase::Open, Phase::Draining]),
        max_octets: 1048576,
        payload: "binary:fragment",
    });
    frames[0x11] = Some(FrameTypeInfo {
        frame_type: FrameType::CANCEL,
        direction: Direction::Both,
        sequenced: true,
        compression: false,
        phases: Phases::of(&[Phase::Open, Phase::Draining]),
        max_octets: 1024,
        payload: "eim.v1.Cancel",
    });
    frames[0x20] = Some(FrameTypeInfo {
        frame_type: FrameType::TEXT,
        direction: Direction::Both,
        sequenced: true,
        compression: true,
        phases: Phases::of(&[Phase::Open, Phase::Draining]),
        max_octets: 40960,
        payload: "eim.v1.Send|eim.v1.Push",
    });
    frames[0x21] = Some(FrameTypeInfo {
        frame_type: FrameType::IMAGE,
        direction: Direction::Both,
        sequenced: true,
        compression: true,
        phases: Phases::of(&[Phase::Open, Phase::Draining]),
        max_octets: 65536,
        payload: "eim.v1.Send|eim.v1.Push",
    });
    frames[0x22] = Some(FrameTypeInfo {
        frame_type: FrameType::FILE,
        direction: Direction::Both,
        sequenced: true,
        compression: true,
        phases: Phases::of(&[Phase::Open, Phase::Draining]),
        max_octets: 65536,
        payload: "eim.v1.Send|eim.v1.Push",
    });
    frames[0x23] = Some(FrameTypeInfo {
        frame_type: FrameType::VOICE,
        direction: Direction::Both,
        sequenced: true,
        compression: true,
        phases: Phases::of(&[Phase::Open, Phase::Draining]),
        max_octets: 65536,
        payload: "eim.v1.Send|eim.v1.Push",
    });
    frames[0x24] = Some(FrameTypeInfo {
        frame_type: FrameType::VIDEO,
        direction: Direction::Both,
        sequenced: true,
        compression: true,
        phases: Phases::of(&[Phase::Open, Phase::Draining]),
        max_octets: 65536,
        payload: "eim.v1.Send|eim.v1.Push",
    });
    frames[0x25] = Some(FrameTypeInfo {
        frame_type: FrameType::LOCATION,
        direction: Direction::Both,
        sequenced: true,
        compression: true,
        phases: Phases::of(&[Phase::Open, Phase::Draining]),
        max_octets: 8192,
        payload: "eim.v1.Send|eim.v1.Push",
    });
    frames[0x26] = Some(FrameTypeInfo {
        frame_type: FrameType::CARD,
        direction: Direction::Both,
        sequenced: true,
        compression: true,
        phases: Phases::of(&[Phase::Open, Phase::Draining]),
        max_octets: 65536,
        payload: "eim.v1.Send|eim.v1.Push",
    });
    frames[0x27] = Some(FrameTypeInfo {
        frame_type: FrameType::CUSTOM,
        direction: Direction::Both,
        sequenced: true,
        compression: true,
        phases: Phases::of(&[Phase::Open, Phase::Draining]),
        max_octets: 262144,
        payload: "eim.v1.Send|eim.v1.Push",
    });
    frames[0x28] = Some(FrameTypeInfo {
        frame_type: FrameType::ENCRYPTED,
        direction: Direction::Both,
        sequenced: true,
        compression: false,
        phases: Phases::of(&[Phase::Open, Phase::Draining]),
        max_octets: 1052672,
        payload: "eim.v1.Send|eim.v1.Push",
    });
    frames[0x29] = Some(FrameTypeInfo {
        frame_type: FrameType::NOTICE,
        direction: Direction::Server,
        sequenced: true,
        compression: true,
        phases: Phases::of(&[Phase::Open, Phase::Draining]),
        max_octets: 65536,
        payload: "eim.v1.Push",
    });
    frames[0x2b] = Some(FrameTypeInfo {
        frame_type: FrameType::FORWARD,
        direction: Direction::Both,
        sequenced: true,
        compression: true,
        phases: Phases::of(&[Phase::Open, Phase::Draining]),
        max_octets: 262144,
        payload: "eim.v1.Send|eim.v1.Push",
    });
    frames[0x40] = Some(FrameTypeInfo {
        frame_type: FrameType::EDIT,
        direction: Direction::Both,
        sequenced: true,
        compression: true,
        phases: Phases::of(&[Phase::Open, Phase::Draining]),
        max_octets: 40960,
        payload: "eim.v1.Send|eim.v1.Push",
    });
    frames[0x41] = Some(FrameTypeInfo {
        frame_type: FrameType::RECALL,
        direction: Direction::Both,
        sequenced: true,
        compression: true,
        phases: Phases::of(&[Phase::Open, Phase::Draining]),
        max_octets: 1024,
        payload: "eim.v1.Send|eim.v1.Push",
    });
    frames[0x42] = Some(FrameTypeInfo {
        frame_type: FrameType::REACTION,
        direction: Direction::Both,
        sequenced: true,
        compression: true,
        phases: Phases::of(&[Phase::Open, Phase::Draining]),
        max_octets: 1024,
        payload: "eim.v1.Send|eim.v1.Push",
    });
    frames[0x43] = Some(FrameTypeInfo {
        frame_type: FrameType::PIN,
        direction: Direction::Both,
        sequenced: true,
        compression: true,
        phases: Phases::of(&[Phase::Open, Phase::Draining]),
        max_octets: 1024,
        payload: "eim.v1.Send|eim.v1.Push",
    });
    frames[0x48] = Some(FrameTypeInfo {
        frame_type: FrameType::MEMBERSHIP,
        direction: Direction::Server,
        sequenced: true,
        compression: true,
        phases: Phases::of(&[Phase::Open, Phase::Draining]),
        max_octets: 65536,
        payload: "eim.v1.Push",
    });
    frames[0x49] = Some(FrameTypeInfo {
        frame_type: FrameType::SETTINGS,
        direction: Direction::Server,
        sequenced: true,
        compression: true,
        phases: Phases::of(&[Phase::Open, Phase::Draining]),
        max_octets: 65536,
        payload: "eim.v1.Push",
    });
    frames[0x4a] = Some(FrameTypeInfo {
        frame_type: FrameType::MODE,
        direction: Direction::Server,
        sequenced: true,
        compression: true,
        phases: Phases::of(&[Phase::Open, Phase::Draining]),
        max_octets: 1024,
        payload: "eim.v1.Push",
    });
    frames[0x4b] = Some(FrameTypeInfo {
        frame_type: FrameType::CONTACT,
        direction: Direction::Server,
        sequenced: true,
        compression: true,
        phases: Phases::of(&[Phase::Open, Phase::Draining]),
        max_octets: 65536,
        payload: "eim.v1.Push",
    });
    frames[0x50] = Some(FrameTypeInfo {
        frame_type: FrameType::ENTRY,
        direction: Direction::Server,
        sequenced: true,
        compression: true,
        phases: Phases::of(&[Phase::Open, Phase::Draining]),
        max_octets: 1114112,
        payload: "eim.v1.DetachedEntry",
    });
    frames[0x60] = Some(FrameTypeInfo {
        frame_type: FrameType::REQUEST,
        direction: Direction::Client,
        sequenced: false,
        compression: true,
        phases: Phases::of(&[Phase::Open]),
        max_octets: 65536,
        payload: "eim.v1.Request",
    });
    frames[0x61] = Some(FrameTypeInfo {
        frame_type: FrameType::RESPONSE,
        direction: Direction::Server,
        sequenced: false,
        compression: true,
        phases: Phases::of(&[Phase::Open, Phase::Draining]),
        max_octets: 1048576,
        payload: "eim.v1.Response",
    });
    frames[0x62] = Some(FrameTypeInfo {
        frame_type: FrameType::EVENT,
        direction: Direction::Server,
        sequenced: false,
        compression: true,
        phases: Phases::of(&[Phase::Open, Phase::Draining]),
        max_octets: 65536,
        payload: "eim.v1.Event",
    });
    frames[0x70] = Some(FrameTypeInfo {
        frame_type: FrameType::BLOB_CHUNK,
        direction: Direction::Both,
        sequenced: false,
        compression: false,
        phases: Phases::of(&[Phase::Open, Phase::Draining]),
        max_octets: 65536,
        payload: "binary:chunk",
    });
    frames[0x71] = Some(FrameTypeInfo {
        frame_type: FrameType::BLOB_CREDIT,
        direction: Direction::Both,
        sequenced: false,
        compression: false,
        phases: Phases::of(&[Phase::Open, Phase::Draining]),
        max_octets: 1024,
        payload: "eim.v1.BlobCredit",
    });
    frames[0x72] = Some(FrameTypeInfo {
        frame_type: FrameType::BLOB_END,
        direction: Direction::Both,
        sequenced: false,
        compression: false,
        phases: Phases::of(&[Phase::Open, Phase::Draining]),
        max_octets: 1024,
        payload: "eim.v1.BlobEnd",
    });
    frames
};

impl Compression {
    /// Payload as is.
    pub const NONE: Self = Self(0);
    /// One Zstandard frame, window log at most 20.
    pub const ZSTD: Self = Self(1);
    /// One LZ4 block.
    pub const LZ4: Self = Self(2);
    /// Raw Snappy.
    pub const SNAPPY: Self = Self(3);
    /// One Zstandard frame, window log at most 20, with the dictionary zstd-dict-1.
    pub const ZSTD_DICT_1: Self = Self(4);

    /// Values kept for GREASE (RFC 8701).
    pub const GREASE: &[Self] = &[Self(0x5a), Self(0xa5)];
}

pub(crate) static COMPRESSIONS: &[(Compression, &str)] = &[
    (Compression::NONE, "none"),
    (Compression::ZSTD, "zstd"),
    (Compression::LZ4, "lz4"),
    (Compression::SNAPPY, "snappy"),
    (Compression::ZSTD_DICT_1, "zstd-dict-1"),
];

impl Capability {
    /// Sessions can be resumed with a token (EIM-RESUME).
    pub const RESUME: Self = Self(1);
    /// FRAGMENT and CANCEL may be used.
    pub const FRAGMENTS: Self = Self(2);
    /// Group conversations and their operations.
    pub const GROUPS: Self = Self(3);
    /// A short-lived sender may attach beside a running connection of the same device.
    pub const SEND_ONLY: Self = Self(4);
    /// Files in-band: their operations and frames.
    pub const BLOBS: Self = Self(5);
    /// End-to-end encryption by MLS. Reserved.
    pub const MLS: Self = Self(6);
    /// Compression with negotiated dictionaries. Reserved.
    pub const ZSTD_DICTIONARY: Self = Self(7);
    /// The server may send events about marks.
    pub const MARKS: Self = Self(16);
    /// What owner and admins decide about a group.
    pub const GROUP_POLICY: Self = Self(23);
    /// Notifications for devices without a connection, and their operations.
    pub const NOTIFICATIONS: Self = Self(72);
    /// Contacts and their operations.
    pub const CONTACTS: Self = Self(80);
    /// Profiles and departments.
    pub const DIRECTORY: Self = Self(88);
    /// Presence and typing; the server may send their events.
    pub const PRESENCE: Self = Self(112);
    /// Call signalling; the server may send its events.
    pub const CALLS: Self = Self(120);

    /// Numbers for private use.
    pub const PRIVATE_USE: core::ops::RangeInclusive<u32> = 0xf000..=0xfeff;

    /// Values kept for GREASE (RFC 8701).
    pub const GREASE: &[Self] = &[Self(0x1a1a), Self(0x2a2a), Self(0x3a3a), Self(0x4a4a)];
}

pub(crate) static CAPABILITIES: &[(Capability, &str)] = &[
    (Capability::RESUME, "resume"),
    (Capability::FRAGMENTS, "fragments"),
    (Capability::GROUPS, "groups"),
    (Capability::SEND_ONLY, "send-only"),
    (Capability::BLOBS, "blobs"),
    (Capability::MLS, "mls"),
    (Capability::ZSTD_DICTIONARY, "zstd-dictionary"),
    (Capability::MARKS, "marks"),
    (Capability::GROUP_POLICY, "group-policy"),
    (Capability::NOTIFICATIONS, "notifications"),
    (Capability::CONTACTS, "contacts"),
    (Capability::DIRECTORY, "directory"),
    (Capability::PRESENCE, "presence"),
    (Capability::CALLS, "calls"),
];

impl Operation {
    /// Timeline head, and a page of the caller's conversations with their heads.
    pub const HEADS: Self = Self(1);
    /// A page of the caller's timeline after a cursor.
    pub const SYNC: Self = Self(2);
    /// A range of a conversation log.
    pub const HISTORY: Self = Self(3);
    /// One conversation: kind, name, head, own membership.
    pub const CONVERSATION: Self = Self(4);
    /// Users by id or by name.
    pub const USERS: Self = Self(5);
    /// Creates a group with its first members.
    pub const GROUP_CREATE: Self = Self(16);
    /// Adds members.
    pub const GROUP_ADD: Self = Self(17);
    /// Removes members.
    pub const GROUP_REMOVE: Self = Self(18);
    /// The caller leaves.
    pub const GROUP_LEAVE: Self = Self(19);
    /// Changes a member's role; setting another owner transfers ownership.
    pub const GROUP_SET_ROLE: Self = Self(20);
    /// A page of members with roles.
    pub const GROUP_MEMBERS: Self = Self(21);
    /// Changes the group's name.
    pub const GROUP_RENAME: Self = Self(22);
    /// Ends a group: nobody sends or joins any more.
    pub const GROUP_DISSOLVE: Self = Self(23);
    /// Keeps a member, or all plain members, from sending for a while.
    pub const GROUP_MUTE: Self = Self(24);
    /// Sets the announcement of a group.
    pub const GROUP_ANNOUNCE: Self = Self(25);
    /// Makes an invitation to a group, or takes all back.
    pub const GROUP_INVITE: Self = Self(26);
    /// Joins a group by an invitation, or asks to.
    pub const GROUP_JOIN: Self = Self(27);
    /// A page of the users who wait to join.
    pub const GROUP_REQUESTS: Self = Self(28);
    /// Sets what a group permits its members.
    pub const GROUP_SET_POLICY: Self = Self(29);
    /// A page of the members that changed after a known state.
    pub const GROUP_MEMBERS_SINCE: Self = Self(30);
    /// Admits or refuses a user who waits to join.
    pub const GROUP_ANSWER: Self = Self(31);
    /// A page of the pinned messages of a conversation.
    pub const PINS: Self = Self(32);
    /// A page of the users who react to a message.
    pub const REACTIONS: Self = Self(33);
    /// Raises read marks of the caller, or flags conversations as unread. Repeating it changes nothing.
    pub const MARK: Self = Self(48);
    /// Marks of the caller and of peers of direct conversations.
    pub const MARKS: Self = Self(49);
    /// A page of the members who have, or have not, read through a number.
    pub const READERS: Self = Self(50);
    /// All conversations with something unread, with their counts.
    pub const UNREAD: Self = Self(51);
    /// A page of the caller's devices that are logged in.
    pub const DEVICES: Self = Self(64);
    /// Logs one of the caller's devices out.
    pub const DEVICE_LOGOUT: Self = Self(65);
    /// A page of the caller's conversations, those with the newest entries first, with their last entries.
    pub const SNAPSHOT: Self = Self(66);
    /// Says where notifications for the calling device go, or that it wants none. Repeating it changes nothing.
    pub const NOTIFY_REGISTER: Self = Self(72);
    /// What notifications tell the caller, and when they wait. Repeating it changes nothing.
    pub const NOTIFY_SETTINGS: Self = Self(73);
    /// Keeps a conversation quiet for the caller until a time. Repeating it changes nothing.
    pub const NOTIFY_MUTE: Self = Self(74);
    /// Services of the server, the target of the calling device, settings and a page of muted conversations.
    pub const NOTIFY_STATE: Self = Self(75);
    /// Asks a user to become a contact.
    pub const CONTACT_REQUEST: Self = Self(80);
    /// Accepts or refuses a request.
    pub const CONTACT_ANSWER: Self = Self(81);
    /// Ends a contact, or takes a request back.
    pub const CONTACT_REMOVE: Self = Self(82);
    /// Blocks a user, or ends that.
    pub const CONTACT_BLOCK: Self = Self(83);
    /// A page of the caller's contacts, or of what changed since a version.
    pub const CONTACTS: Self = Self(84);
    /// A page of the departments that the caller may read.
    pub const DEPARTMENTS: Self = Self(88);
    /// A page of the members of a department.
    pub const DEPARTMENT_MEMBERS: Self = Self(89);
    /// Profiles by id, or what changed since a version.
    pub const PROFILES: Self = Self(90);
    /// Changes the caller's profile.
    pub const PROFILE_SET: Self = Self(91);
    /// Begins to upload a blob, or goes on with it. Repeating it changes nothing.
    pub const BLOB_CREATE: Self = Self(96);
    /// Begins to download a blob, or a part of it.
    pub const BLOB_READ: Self = Self(97);
    /// A page of the blobs that messages of a conversation refer to.
    pub const BLOBS: Self = Self(98);
    /// An address from which octets of a blob can be fetched for a short time.
    pub const BLOB_URL: Self = Self(99);
    /// Whether users can be reached, and events when that changes.
    pub const PRESENCE_SUBSCRIBE: Self = Self(112);
    /// Ends such events.
    pub const PRESENCE_UNSUBSCRIBE: Self = Self(113);
    /// Whether users can be reached, once, and when they were.
    pub const PRESENCE_QUERY: Self = Self(114);
    /// What the caller says about being reachable. Repeating it changes nothing.
    pub const PRESENCE_SET: Self = Self(115);
    /// The caller writes something, or does no longer.
    pub const TYPING: Self = Self(116);
    /// Calls the other members of a conversation.
    pub const CALL_START: Self = Self(120);
    /// Adds a signal to a call.
    pub const CALL_SIGNAL: Self = Self(121);
    /// A page of the signals of a call, and how it is.
    pub const CALL_SIGNALS: Self = Self(122);
    /// The calls of the caller's user that are not over.
    pub const CALLS: Self = Self(123);
}

pub(crate) static OPERATIONS: &[(Operation, &str, bool)] = &[
    (Operation::HEADS, "HEADS", false),
    (Operation::SYNC, "SYNC", false),
    (Operation::HISTORY, "HISTORY", false),
    (Operation::CONVERSATION, "CONVERSATION", false),
    (Operation::USERS, "USERS", false),
    (Operation::GROUP_CREATE, "GROUP_CREATE", true),
    (Operation::GROUP_ADD, "GROUP_ADD", true),
    (Operation::GROUP_REMOVE, "GROUP_REMOVE", true),
    (Operation::GROUP_LEAVE, "GROUP_LEAVE", true),
    (Operation::GROUP_SET_ROLE, "GROUP_SET_ROLE", true),
    (Operation::GROUP_MEMBERS, "GROUP_MEMBERS", false),
    (Operation::GROUP_RENAME, "GROUP_RENAME", true),
    (Operation::GROUP_DISSOLVE, "GROUP_DISSOLVE", true),
    (Operation::GROUP_MUTE, "GROUP_MUTE", true),
    (Operation::GROUP_ANNOUNCE, "GROUP_ANNOUNCE", true),
    (Operation::GROUP_INVITE, "GROUP_INVITE", true),
    (Operation::GROUP_JOIN, "GROUP_JOIN", true),
    (Operation::GROUP_REQUESTS, "GROUP_REQUESTS", false),
    (Operation::GROUP_SET_POLICY, "GROUP_SET_POLICY", true),
    (Operation::GROUP_MEMBERS_SINCE, "GROUP_MEMBERS_SINCE", false),
    (Operation::GROUP_ANSWER, "GROUP_ANSWER", true),
    (Operation::PINS, "PINS", false),
    (Operation::REACTIONS, "REACTIONS", false),
    (Operation::MARK, "MARK", false),
    (Operation::MARKS, "MARKS", false),
    (Operation::READERS, "READERS", false),
    (Operation::UNREAD, "UNREAD", false),
    (Operation::DEVICES, "DEVICES", false),
    (Operation::DEVICE_LOGOUT, "DEVICE_LOGOUT", true),
    (Operation::SNAPSHOT, "SNAPSHOT", false),
    (Operation::NOTIFY_REGISTER, "NOTIFY_REGISTER", false),
    (Operation::NOTIFY_SETTINGS, "NOTIFY_SETTINGS", false),
    (Operation::NOTIFY_MUTE, "NOTIFY_MUTE", false),
    (Operation::NOTIFY_STATE, "NOTIFY_STATE", false),
    (Operation::CONTACT_REQUEST, "CONTACT_REQUEST", true),
    (Operation::CONTACT_ANSWER, "CONTACT_ANSWER", true),
    (Operation::CONTACT_REMOVE, "CONTACT_REMOVE", true),
    (Operation::CONTACT_BLOCK, "CONTACT_BLOCK", true),
    (Operation::CONTACTS, "CONTACTS", false),
    (Operation::DEPARTMENTS, "DEPARTMENTS", false),
    (Operation::DEPARTMENT_MEMBERS, "DEPARTMENT_MEMBERS", false),
    (Operation::PROFILES, "PROFILES", false),
    (Operation::PROFILE_SET, "PROFILE_SET", true),
    (Operation::BLOB_CREATE, "BLOB_CREATE", false),
    (Operation::BLOB_READ, "BLOB_READ", false),
    (Operation::BLOBS, "BLOBS", false),
    (Operation::BLOB_URL, "BLOB_URL", false),
    (Operation::PRESENCE_SUBSCRIBE, "PRESENCE_SUBSCRIBE", false),
    (Operation::PRESENCE_UNSUBSCRIBE, "PRESENCE_UNSUBSCRIBE", false),
    (Operation::PRESENCE_QUERY, "PRESENCE_QUERY", false),
    (Operation::PRESENCE_SET, "PRESENCE_SET", false),
    (Operation::TYPING, "TYPING", false),
    (Operation::CALL_START, "CALL_START", true),
    (Operation::CALL_SIGNAL, "CALL_SIGNAL", true),
    (Operation::CALL_SIGNALS, "CALL_SIGNALS", false),
    (Operation::CALLS, "CALLS", false),
];

impl EventNumber {
    /// Marks of the receiving user, or of peers of direct conversations, have changed: their last values.
    pub const MARKS: Self = Self(1);
    /// Somebody has read an entry of the receiving user in a group; READERS tells who.
    pub const READERS: Self = Self(2);
    /// Events about marks were dropped; HEADS and MARKS tell how they are.
    pub const MARKS_STALE: Self = Self(3);
    /// Users that the connection is subscribed to have come, gone, or say something else: their last values.
    pub const PRESENCE: Self = Self(16);
    /// Another member of a conversation writes something, or does no longer.
    pub const TYPING: Self = Self(17);
    /// How many users wait to join a group that the receiving user rules has changed: the last value.
    pub const WAITING: Self = Self(18);
    /// A signal of a call that belongs to the receiving user.
    pub const CALL: Self = Self(40);
    /// Events about calls were dropped; CALLS and CALL_SIGNALS tell how they are.
    pub const CALLS_STALE: Self = Self(41);
}

pub(crate) static EVENTS: &[(EventNumber, &str)] = &[
    (EventNumber::MARKS, "MARKS"),
    (EventNumber::READERS, "READERS"),
    (EventNumber::MARKS_STALE, "MARKS_STALE"),
    (EventNumber::PRESENCE, "PRESENCE"),
    (EventNumber::TYPING, "TYPING"),
    (EventNumber::WAITING, "WAITING"),
    (EventNumber::CALL, "CALL"),
    (EventNumber::CALLS_STALE, "CALLS_STALE"),
];

impl ErrorClass {
    /// The octets are not a frame, or not the payload the frame type calls for. Ends the connection.
    pub const FRAMING: Self = Self(0x01);
    /// Well-formed frames in an order or amount the protocol forbids. Ends the connection.
    pub const PROTOCOL: Self = Self(0x02);
    /// Authentication failed or is no longer valid. Ends the connection.
    pub const AUTHENTICATION: Self = Self(0x03);
    /// The session cannot go on here. Ends the connection; says whether the client may come back.
    pub const SESSION: Self = Self(0x04);
    /// This message or request is refused; nothing else is affected.
    pub const REQUEST: Self = Self(0x05);
    /// A limit was met. Retry after the stated delay.
    pub const CAPACITY: Self = Self(0x06);
    /// The answering side failed or is going away.
    pub const SERVER: Self = Self(0x07);
}

pub(crate) static ERROR_CLASSES: &[(ErrorClass, &str, Blame)] = &[
    (ErrorClass::FRAMING, "framing", Blame::Octets),
    (ErrorClass::PROTOCOL, "protocol", Blame::Peer),
    (ErrorClass::AUTHENTICATION, "authentication", Blame::Peer),
    (ErrorClass::SESSION, "session", Blame::Peer),
    (ErrorClass::REQUEST, "request", Blame::Request),
    (ErrorClass::CAPACITY, "capacity", Blame::Capacity),
    (ErrorClass::SERVER, "server", Blame::Environment),
];

impl ErrorCode {
    /// The version octet is not the one this connection uses.
    pub const UNSUPPORTED_VERSION: Self = Self(0x0101);
    /// The type octet is 0x00, 0xFF, or an unknown type whose range closes.
    pub const INVALID_TYPE: Self = Self(0x0102);
    /// The declared length exceeds the frame limit or the cap of the type.
    pub const PAYLOAD_TOO_LARGE: Self = Self(0x0103);
    /// The compression octet is unknown, not negotiated, or not allowed for the type.
    pub const UNKNOWN_COMPRESSION: Self = Self(0x0104);
    /// The compressed payload is corrupt, or its stated size is not met exactly.
    pub const DECOMPRESSION_FAILED: Self = Self(0x0105);
    /// The stated uncompressed size exceeds the cap of the type.
    pub const DECOMPRESSED_TOO_LARGE: Self = Self(0x0106);
    /// The payload does not parse as the type's payload.
    pub const MALFORMED_PAYLOAD: Self = Self(0x0107);
    /// A FRAGMENT header contradicts itself or the fragments before it.
    pub const MALFORMED_FRAGMENT: Self = Self(0x0108);
    /// A WebSocket message ends inside a frame, or is a text message.
    pub const SPLIT_FRAME: Self = Self(0x0109);
    /// The frame is not allowed in this phase or direction.
    pub const UNEXPECTED_FRAME: Self = Self(0x0201);
    /// The sequence is not the expected value.
    pub const BAD_SEQUENCE: Self = Self(0x0202);
    /// A sequenced frame was sent beyond the credit.
    pub const CREDIT_EXCEEDED: Self = Self(0x0203);
    /// A WINDOW is lower than an earlier one, or refers to frames never sent.
    pub const CREDIT_REDUCED: Self = Self(0x0204);
    /// A control field has a value the protocol forbids.
    pub const INVALID_VALUE: Self = Self(0x0205);
    /// Unsequenced frames beyond the permitted rate.
    pub const CONTROL_FLOOD: Self = Self(0x0206);
    /// More requests in flight than permitted.
    pub const REQUEST_LIMIT: Self = Self(0x0207);
    /// An extension or private type that was not negotiated.
    pub const EXTENSION_NOT_NEGOTIATED: Self = Self(0x0208);
    /// HELLO and server share no version.
    pub const NO_COMMON_VERSION: Self = Self(0x0209);
    /// More fragmented messages open at once than permitted.
    pub const TOO_MANY_FRAGMENTS: Self = Self(0x020a);
    /// Credentials were not accepted (also for unknown users).
    pub const AUTH_FAILED: Self = Self(0x0301);
    /// The mechanism is not offered.
    pub const MECHANISM_UNAVAILABLE: Self = Self(0x0302);
    /// The handshake octets differ between the sides.
    pub const BINDING_MISMATCH: Self = Self(0x0303);
    /// The resume token is unknown, expired or of another device; authenticate fully.
    pub const RESUME_REJECTED: Self = Self(0x0304);
    /// The account is disabled.
    pub const ACCOUNT_DISABLED: Self = Self(0x0305);
    /// This mechanism needs TLS or loopback.
    pub const CONFIDENTIALITY_REQUIRED: Self = Self(0x0306);
    /// A newer connection of the same device took over; do not reconnect by itself.
    pub const REPLACED: Self = Self(0x0401);
    /// The handshake took too long.
    pub const HANDSHAKE_TIMEOUT: Self = Self(0x0402);
    /// No octet was received within the dead interval.
    pub const IDLE_TIMEOUT: Self = Self(0x0403);
    /// The device was logged out by the user or an administrator.
    pub const LOGGED_OUT: Self = Self(0x0404);
    /// The session is being quiesced elsewhere; retry.
    pub const SESSION_CONFLICT: Self = Self(0x0405);
    /// A message or operation type, or a critical extension, is not supported.
    pub const UNSUPPORTED: Self = Self(0x0501);
    /// The message breaks a rule of its type (empty target, invalid UTF-8, bad id).
    pub const INVALID_MESSAGE: Self = Self(0x0502);
    /// The conversation, user or object does not exist or is not visible to the caller.
    pub const NOT_FOUND: Self = Self(0x0503);
    /// The caller sees the object but lacks the role.
    pub const FORBIDDEN: Self = Self(0x0504);
    /// The same client_msg_id or request_id was used with other content.
    pub const CONFLICT: Self = Self(0x0505);
    /// An earlier message of this conversation failed; resend in order with after_failed.
    pub const PREDECESSOR_FAILED: Self = Self(0x0506);
    /// The retry is older than the idempotency window.
    pub const RETRY_EXPIRED: Self = Self(0x0507);
    /// The message exceeds the cap of its type; only this message fails.
    pub const MESSAGE_TOO_LARGE: Self = Self(0x0508);
    /// The cursor is below retention or beyond the head; take a snapshot.
    pub const TOO_OLD: Self = Self(0x0509);
    /// The request breaks a rule of its operation.
    pub const INVALID_REQUEST: Self = Self(0x050a);
    /// The operation number is not supported.
    pub const UNKNOWN_OPERATION: Self = Self(0x050b);
    /// The object exists already.
    pub const ALREADY_EXISTS: Self = Self(0x050c);
    /// The sender cancelled the fragmented message.
    pub const CANCELLED: Self = Self(0x050d);
    /// The sender may not send here now; retry_after_ms says for how long.
    pub const MUTED: Self = Self(0x050e);
    /// The group was dissolved; its log can still be read.
    pub const DISSOLVED: Self = Self(0x050f);
    /// The message refers to a blob whose octets are not all there.
    pub const BLOB_INCOMPLETE: Self = Self(0x0510);
    /// The octets of a blob are not those of the stated hash.
    pub const BLOB_MISMATCH: Self = Self(0x0511);
    /// Too many; retry after the stated delay.
    pub const RATE_LIMITED: Self = Self(0x0601);
    /// The server sheds load; retry after the stated delay.
    pub const OVERLOADED: Self = Self(0x0602);
    /// Too many connections or half-open handshakes from here.
    pub const TOO_MANY_CONNECTIONS: Self = Self(0x0603);
    /// A quota such as group size or group count is used up.
    pub const LIMIT_REACHED: Self = Self(0x0604);
    /// The server failed; it is not the sender's fault.
    pub const INTERNAL: Self = Self(0x0701);
    /// A part the server needs is not available now.
    pub const UNAVAILABLE: Self = Self(0x0702);
    /// The server is stopping.
    pub const SHUTTING_DOWN: Self = Self(0x0703);
    /// The store failed; nothing unacknowledged is promised.
    pub const STORE_FAILED: Self = Self(0x0704);
}

pub(crate) static ERRORS: &[(ErrorCode, &str, ErrorCodeInfo)] = &[
    (
        ErrorCode::UNSUPPORTED_VERSION,
        "UNSUPPORTED_VERSION",
        ErrorCodeInfo {
            code: ErrorCode::UNSUPPORTED_VERSION,
            class: ErrorClass::FRAMING,
            scope: Scope::Connection,
            retryable: false,
            closes: true,
        },
    ),
    (
        ErrorCode::INVALID_TYPE,
        "INVALID_TYPE",
        ErrorCodeInfo {
            code: ErrorCode::INVALID_TYPE,
            class: ErrorClass::FRAMING,
            scope: Scope::Connection,
            retryable: false,
            closes: true,
        },
    ),
    (
        ErrorCode::PAYLOAD_TOO_LARGE,
        "PAYLOAD_TOO_LARGE",
        ErrorCodeInfo {
            code: ErrorCode::PAYLOAD_TOO_LARGE,
            class: ErrorClass::FRAMING,
            scope: Scope::Connection,
            retryable: false,
            closes: true,
        },
    ),
    (
        ErrorCode::UNKNOWN_COMPRESSION,
        "UNKNOWN_COMPRESSION",
        ErrorCodeInfo {
            code: ErrorCode::UNKNOWN_COMPRESSION,
            class: ErrorClass::FRAMING,
            scope: Scope::Connection,
            retryable: false,
            closes: true,
        },
    ),
    (
        ErrorCode::DECOMPRESSION_FAILED,
        "DECOMPRESSION_FAILED",
        ErrorCodeInfo {
            code: ErrorCode::DECOMPRESSION_FAILED,
            class: ErrorClass::FRAMING,
            scope: Scope::Connection,
            retryable: false,
            closes: true,
        },
    ),
    (
        ErrorCode::DECOMPRESSED_TOO_LARGE,
        "DECOMPRESSED_TOO_LARGE",
        ErrorCodeInfo {
            code: ErrorCode::DECOMPRESSED_TOO_LARGE,
            class: ErrorClass::FRAMING,
            scope: Scope::Connection,
            retryable: false,
            closes: true,
        },
    ),
    (
        ErrorCode::MALFORMED_PAYLOAD,
        "MALFORMED_PAYLOAD",
        ErrorCodeInfo {
            code: ErrorCode::MALFORMED_PAYLOAD,
            class: ErrorClass::FRAMING,
            scope: Scope::Connection,
            retryable: false,
            closes: true,
        },
    ),
    (
        ErrorCode::MALFORMED_FRAGMENT,
        "MALFORMED_FRAGMENT",
        ErrorCodeInfo {
            code: ErrorCode::MALFORMED_FRAGMENT,
            class: ErrorClass::FRAMING,
            scope: Scope::Connection,
            retryable: false,
            closes: true,
        },
    ),
    (
        ErrorCode::SPLIT_FRAME,
        "SPLIT_FRAME",
        ErrorCodeInfo {
            code: ErrorCode::SPLIT_FRAME,
            class: ErrorClass::FRAMING,
            scope: Scope::Connection,
            retryable: false,
            closes: true,
        },
    ),
    (
        ErrorCode::UNEXPECTED_FRAME,
        "UNEXPECTED_FRAME",
        ErrorCodeInfo {
            code: ErrorCode::UNEXPECTED_FRAME,
            class: ErrorClass::PROTOCOL,
            scope: Scope::Connection,
            retryable: false,
            closes: true,
        },
    ),
    (
        ErrorCode::BAD_SEQUENCE,
        "BAD_SEQUENCE",
        ErrorCodeInfo {
            code: ErrorCode::BAD_SEQUENCE,
            class: ErrorClass::PROTOCOL,
            scope: Scope::Connection,
            retryable: false,
            closes: true,
        },
    ),
    (
        ErrorCode::CREDIT_EXCEEDED,
        "CREDIT_EXCEEDED",
        ErrorCodeInfo {
            code: ErrorCode::CREDIT_EXCEEDED,
            class: ErrorClass::PROTOCOL,
            scope: Scope::Connection,
            retryable: false,
            closes: true,
        },
    ),
    (
        ErrorCode::CREDIT_REDUCED,
        "CREDIT_REDUCED",
        ErrorCodeInfo {
            code: ErrorCode::CREDIT_REDUCED,
            class: ErrorClass::PROTOCOL,
            scope: Scope::Connection,
            retryable: false,
            closes: true,
        },
    ),
    (
        ErrorCode::INVALID_VALUE,
        "INVALID_VALUE",
        ErrorCodeInfo {
            code: ErrorCode::INVALID_VALUE,
            class: ErrorClass::PROTOCOL,
            scope: Scope::Connection,
            retryable: false,
            closes: true,
        },
    ),
    (
        ErrorCode::CONTROL_FLOOD,
        "CONTROL_FLOOD",
        ErrorCodeInfo {
            code: ErrorCode::CONTROL_FLOOD,
            class: ErrorClass::PROTOCOL,
            scope: Scope::Connection,
            retryable: false,
            closes: true,
        },
    ),
    (
        ErrorCode::REQUEST_LIMIT,
        "REQUEST_LIMIT",
        ErrorCodeInfo {
            code: ErrorCode::REQUEST_LIMIT,
            class: ErrorClass::PROTOCOL,
            scope: Scope::Connection,
            retryable: false,
            closes: true,
        },
    ),
    (
        ErrorCode::EXTENSION_NOT_NEGOTIATED,
        "EXTENSION_NOT_NEGOTIATED",
        ErrorCodeInfo {
            code: ErrorCode::EXTENSION_NOT_NEGOTIATED,
            class: ErrorClass::PROTOCOL,
            scope: Scope::Connection,
            retryable: false,
            closes: true,
        },
    ),
    (
        ErrorCode::NO_COMMON_VERSION,
        "NO_COMMON_VERSION",
        ErrorCodeInfo {
            code: ErrorCode::NO_COMMON_VERSION,
            class: ErrorClass::PROTOCOL,
            scope: Scope::Connection,
            retryable: false,
            closes: true,
        },
    ),
    (
        ErrorCode::TOO_MANY_FRAGMENTS,
        "TOO_MANY_FRAGMENTS",
        ErrorCodeInfo {
            code: ErrorCode::TOO_MANY_FRAGMENTS,
            class: ErrorClass::PROTOCOL,
            scope: Scope::Connection,
            retryable: false,
            closes: true,
        },
    ),
    (
        ErrorCode::AUTH_FAILED,
        "AUTH_FAILED",
        ErrorCodeInfo {
            code: ErrorCode::AUTH_FAILED,
            class: ErrorClass::AUTHENTICATION,
            scope: Scope::Connection,
            retryable: false,
            closes: true,
        },
    ),
    (
        ErrorCode::MECHANISM_UNAVAILABLE,
        "MECHANISM_UNAVAILABLE",
        ErrorCodeInfo {
            code: ErrorCode::MECHANISM_UNAVAILABLE,
            class: ErrorClass::AUTHENTICATION,
            scope: Scope::Connection,
            retryable: false,
            closes: true,
        },
    ),
    (
        ErrorCode::BINDING_MISMATCH,
        "BINDING_MISMATCH",
        ErrorCodeInfo {
            code: ErrorCode::BINDING_MISMATCH,
            class: ErrorClass::AUTHENTICATION,
            scope: Scope::Connection,
            retryable: false,
            closes: true,
        },
    ),
    (
        ErrorCode::RESUME_REJECTED,
        "RESUME_REJECTED",
        ErrorCodeInfo {
            code: ErrorCode::RESUME_REJECTED,
            class: ErrorClass::AUTHENTICATION,
            scope: Scope::Connection,
            retryable: false,
            closes: true,
        },
    ),
    (
        ErrorCode::ACCOUNT_DISABLED,
        "ACCOUNT_DISABLED",
        ErrorCodeInfo {
            code: ErrorCode::ACCOUNT_DISABLED,
            class: ErrorClass::AUTHENTICATION,
            scope: Scope::Connection,
            retryable: false,
            closes: true,
        },
    ),
    (
        ErrorCode::CONFIDENTIALITY_REQUIRED,
        "CONFIDENTIALITY_REQUIRED",
        ErrorCodeInfo {
            code: ErrorCode::CONFIDENTIALITY_REQUIRED,
            class: ErrorClass::AUTHENTICATION,
            scope: Scope::Connection,
            retryable: false,
            closes: true,
        },
    ),
    (
        ErrorCode::REPLACED,
        "REPLACED",
        ErrorCodeInfo {
            code: ErrorCode::REPLACED,
            class: ErrorClass::SESSION,
            scope: Scope::Connection,
            retryable: false,
            closes: true,
        },
    ),
    (
        ErrorCode::HANDSHAKE_TIMEOUT,
        "HANDSHAKE_TIMEOUT",
        ErrorCodeInfo {
            code: ErrorCode::HANDSHAKE_TIMEOUT,
            class: ErrorClass::SESSION,
            scope: Scope::Connection,
            retryable: true,
            closes: true,
        },
    ),
    (
        ErrorCode::IDLE_TIMEOUT,
        "IDLE_TIMEOUT",
        ErrorCodeInfo {
            code: ErrorCode::IDLE_TIMEOUT,
            class: ErrorClass::SESSION,
            scope: Scope::Connection,
            retryable: true,
            closes: true,
        },
    ),
    (
        ErrorCode::LOGGED_OUT,
        "LOGGED_OUT",
        ErrorCodeInfo {
            code: ErrorCode::LOGGED_OUT,
            class: ErrorClass::SESSION,
            scope: Scope::Session,
            retryable: false,
            closes: true,
        },
    ),
    (
        ErrorCode::SESSION_CONFLICT,
        "SESSION_CONFLICT",
        ErrorCodeInfo {
            code: ErrorCode::SESSION_CONFLICT,
            class: ErrorClass::SESSION,
            scope: Scope::Connection,
            retryable: true,
            closes: true,
        },
    ),
    (
        ErrorCode::UNSUPPORTED,
        "UNSUPPORTED",
        ErrorCodeInfo {
            code: ErrorCode::UNSUPPORTED,
            class: ErrorClass::REQUEST,
            scope: Scope::Message,
            retryable: false,
            closes: false,
        },
    ),
    (
        ErrorCode::INVALID_MESSAGE,
        "INVALID_MESSAGE",
        ErrorCodeInfo {
            code: ErrorCode::INVALID_MESSAGE,
            class: ErrorClass::REQUEST,
            scope: Scope::Message,
            retryable: false,
            closes: false,
        },
    ),
    (
        ErrorCode::NOT_FOUND,
        "NOT_FOUND",
        ErrorCodeInfo {
            code: ErrorCode::NOT_FOUND,
            class: ErrorClass::REQUEST,
            scope: Scope::Message,
            retryable: false,
            closes: false,
        },
    ),
    (
        ErrorCode::FORBIDDEN,
        "FORBIDDEN",
        ErrorCodeInfo {
            code: ErrorCode::FORBIDDEN,
            class: ErrorClass::REQUEST,
            scope: Scope::Message,
            retryable: false,
            closes: false,
        },
    ),
    (
        ErrorCode::CONFLICT,
        "CONFLICT",
        ErrorCodeInfo {
            code: ErrorCode::CONFLICT,
            class: ErrorClass::REQUEST,
            scope: Scope::Message,
            retryable: false,
            closes: false,
        },
    ),
    (
        ErrorCode::PREDECESSOR_FAILED,
        "PREDECESSOR_FAILED",
        ErrorCodeInfo {
            code: ErrorCode::PREDECESSOR_FAILED,
            class: ErrorClass::REQUEST,
            scope: Scope::Message,
            retryable: true,
            closes: false,
        },
    ),
    (
        ErrorCode::RETRY_EXPIRED,
        "RETRY_EXPIRED",
        ErrorCodeInfo {
            code: ErrorCode::RETRY_EXPIRED,
            class: ErrorClass::REQUEST,
            scope: Scope::Message,
            retryable: false,
            closes: false,
        },
    ),
    (
        ErrorCode::MESSAGE_TOO_LARGE,
        "MESSAGE_TOO_LARGE",
        ErrorCodeInfo {
            code: ErrorCode::MESSAGE_TOO_LARGE,
            class: ErrorClass::REQUEST,
            scope: Scope::Message,
            retryable: false,
            closes: false,
        },
    ),
    (
        ErrorCode::TOO_OLD,
        "TOO_OLD",
        ErrorCodeInfo {
            code: ErrorCode::TOO_OLD,
            class: ErrorClass::REQUEST,
            scope: Scope::Request,
            retryable: false,
            closes: false,
        },
    ),
    (
        ErrorCode::INVALID_REQUEST,
        "INVALID_REQUEST",
        ErrorCodeInfo {
            code: ErrorCode::INVALID_REQUEST,
            class: ErrorClass::REQUEST,
            scope: Scope::Request,
            retryable: false,
            closes: false,
        },
    ),
    (
        ErrorCode::UNKNOWN_OPERATION,
        "UNKNOWN_OPERATION",
        ErrorCodeInfo {
            code: ErrorCode::UNKNOWN_OPERATION,
            class: ErrorClass::REQUEST,
            scope: Scope::Request,
            retryable: false,
            closes: false,
        },
    ),
    (
        ErrorCode::ALREADY_EXISTS,
        "ALREADY_EXISTS",
        ErrorCodeInfo {
            code: ErrorCode::ALREADY_EXISTS,
            class: ErrorClass::REQUEST,
            scope: Scope::Request,
            retryable: false,
            closes: false,
        },
    ),
    (
        ErrorCode::CANCELLED,
        "CANCELLED",
        ErrorCodeInfo {
            code: ErrorCode::CANCELLED,
            class: ErrorClass::REQUEST,
            scope: Scope::Message,
            retryable: false,
            closes: false,
        },
    ),
    (
        ErrorCode::MUTED,
        "MUTED",
        ErrorCodeInfo {
            code: ErrorCode::MUTED,
            class: ErrorClass::REQUEST,
            scope: Scope::Message,
            retryable: false,
            closes: false,
        },
    ),
    (
        ErrorCode::DISSOLVED,
        "DISSOLVED",
        ErrorCodeInfo {
            code: ErrorCode::DISSOLVED,
            class: ErrorClass::REQUEST,
            scope: Scope::Message,
            retryable: false,
            closes: false,
        },
    ),
    (
        ErrorCode::BLOB_INCOMPLETE,
        "BLOB_INCOMPLETE",
        ErrorCodeInfo {
            code: ErrorCode::BLOB_INCOMPLETE,
            class: ErrorClass::REQUEST,
            scope: Scope::Message,
            retryable: false,
            closes: false,
        },
    ),
    (
        ErrorCode::BLOB_MISMATCH,
        "BLOB_MISMATCH",
        ErrorCodeInfo {
            code: ErrorCode::BLOB_MISMATCH,
            class: ErrorClass::REQUEST,
            scope: Scope::Request,
            retryable: false,
            closes: false,
        },
    ),
    (
        ErrorCode::RATE_LIMITED,
        "RATE_LIMITED",
        ErrorCodeInfo {
            code: ErrorCode::RATE_LIMITED,
            class: ErrorClass::CAPACITY,
            scope: Scope::Message,
            retryable: true,
            closes: false,
        },
    ),
    (
        ErrorCode::OVERLOADED,
        "OVERLOADED",
        ErrorCodeInfo {
            code: ErrorCode::OVERLOADED,
            class: ErrorClass::CAPACITY,
            scope: Scope::Message,
            retryable: true,
            closes: false,
        },
    ),
    (
        ErrorCode::TOO_MANY_CONNECTIONS,
        "TOO_MANY_CONNECTIONS",
        ErrorCodeInfo {
            code: ErrorCode::TOO_MANY_CONNECTIONS,
            class: ErrorClass::CAPACITY,
            scope: Scope::Connection,
            retryable: true,
            closes: true,
        },
    ),
    (
        ErrorCode::LIMIT_REACHED,
        "LIMIT_REACHED",
        ErrorCodeInfo {
            code: ErrorCode::LIMIT_REACHED,
            class: ErrorClass::CAPACITY,
            scope: Scope::Request,
            retryable: false,
            closes: false,
        },
    ),
    (
        ErrorCode::INTERNAL,
        "INTERNAL",
        ErrorCodeInfo {
            code: ErrorCode::INTERNAL,
            class: ErrorClass::SERVER,
            scope: Scope::Message,
            retryable: true,
            closes: false,
        },
    ),
    (
        ErrorCode::UNAVAILABLE,
        "UNAVAILABLE",
        ErrorCodeInfo {
            code: ErrorCode::UNAVAILABLE,
            class: ErrorClass::SERVER,
            scope: Scope::Message,
            retryable: true,
            closes: false,
        },
    ),
    (
        ErrorCode::SHUTTING_DOWN,
        "SHUTTING_DOWN",
        ErrorCodeInfo {
            code: ErrorCode::SHUTTING_DOWN,
            class: ErrorClass::SERVER,
            scope: Scope::Connection,
            retryable: true,
            closes: true,
        },
    ),
    (
        ErrorCode::STORE_FAILED,
        "STORE_FAILED",
        ErrorCodeInfo {
            code: ErrorCode::STORE_FAILED,
            class: ErrorClass::SERVER,
            scope: Scope::Connection,
            retryable: true,
            closes: true,
        },
    ),
];

/// Limits of the protocol, in the unit that the name ends in.
pub mod limits {
    use crate::registry::Limit;

    /// Largest payload on the wire that a side accepts, header excluded; announced in HELLO and WELCOME. Unit: octets.
    pub const FRAME_OCTETS: Limit<u32> =
        Limit { default: 65536, minimum: 16384, maximum: 1048576 };

    /// Size of the frame header. Unit: octets.
    pub const HEADER_OCTETS: Limit<u32> =
        Limit { default: 11, minimum: 11, maximum: 11 };

    /// Largest payload before AUTH_OK. Unit: octets.
    pub const HANDSHAKE_FRAME_OCTETS: Limit<u32> =
        Limit { default: 16384, minimum: 16384, maximum: 16384 };

    /// Most frames a client may send before AUTH_OK. Unit: frames.
    pub const HANDSHAKE_FRAMES: Limit<u32> =
        Limit { default: 16, minimum: 16, maximum: 16 };

    /// Time from accept to AUTH_OK. Unit: ms.
    pub const HANDSHAKE_MS: Limit<u64> =
        Limit { default: 10000, minimum: 1000, maximum: 60000 };

    /// Connections of one address that have not finished the handshake. Unit: count.
    pub const HALF_OPEN_PER_ADDRESS: Limit<u32> =
        Limit { default: 256, minimum: 1, maximum: 65536 };

    /// Largest payload of an ignorable frame. Unit: octets.
    pub const IGNORABLE_OCTETS: Limit<u32> =
        Limit { default: 64, minimum: 64, maximum: 64 };

    /// Largest text of a TEXT message, UTF-8. Unit: octets.
    pub const TEXT_OCTETS: Limit<u32> =
        Limit { default: 32768, minimum: 32768, maximum: 32768 };

    /// Largest body of any message. Unit: octets.
    pub const MESSAGE_OCTETS: Limit<u32> =
        Limit { default: 1048576, minimum: 65536, maximum: 1048576 };

    /// Initial credit in frames. Unit: frames.
    pub const WINDOW_FRAMES: Limit<u32> =
        Limit { default: 64, minimum: 1, maximum: 65536 };

    /// Initial credit in octets, headers included; at least one maximal frame. Unit: octets.
    pub const WINDOW_OCTETS: Limit<u32> =
        Limit { default: 1048576, minimum: 65547, maximum: 67108864 };

    /// Client frames whose results are not settled; credit is not granted beyond. Unit: count.
    pub const UNSETTLED_RESULTS: Limit<u32> =
        Limit { default: 4096, minimum: 64, maximum: 65536 };

    /// Fragmented messages open at once in one direction. Unit: count.
    pub const FRAGMENTED_MESSAGES: Limit<u32> =
        Limit { default: 4, minimum: 1, maximum: 64 };

    /// Octets reserved for reassembly in one direction. Unit: octets.
    pub const REASSEMBLY_OCTETS: Limit<u32> =
        Limit { default: 2228224, minimum: 65536, maximum: 16777216 };

    /// Idle time after which a side sends PING. Unit: ms.
    pub const HEARTBEAT_MS: Limit<u64> =
        Limit { default: 45000, minimum: 1000, maximum: 55000 };

    /// Dead after this many thousandths of the heartbeat interval without an octet. Unit: count.
    pub const DEAD_PERMILLE: Limit<u32> =
        Limit { default: 2500, minimum: 2000, maximum: 5000 };

    /// Longest next_contact of BACKGROUND. Unit: ms.
    pub const BACKGROUND_MS: Limit<u64> =
        Limit { default: 900000, minimum: 60000, maximum: 86400000 };

    /// Unsequenced frames a peer may send per second, sustained; bursts of four times that. Unit: count.
    pub const CONTROL_FRAMES_PER_S: Limit<u32> =
        Limit { default: 128, minimum: 16, maximum: 4096 };

    /// REQUESTs without RESPONSE. Unit: count.
    pub const REQUESTS_IN_FLIGHT: Limit<u32> =
        Limit { default: 16, minimum: 1, maximum: 256 };

    /// Largest max_octets of a paged request. Unit: octets.
    pub const REQUEST_MAX_OCTETS: Limit<u32> =
        Limit { default: 61440, minimum: 4096, maximum: 1048000 };

    /// How long a detached session can be resumed with RESUMED. Unit: ms.
    pub const RESUME_MS: Limit<u64> =
        Limit { default: 300000, minimum: 0, maximum: 86400000 };

    /// How long a resume token can authenticate. Unit: ms.
    pub const RESUME_TOKEN_MS: Limit<u64> =
        Limit { default: 2592000000, minimum: 60000, maximum: 7776000000 };

    /// How long a client_msg_id or request_id is remembered. Unit: ms.
    pub const IDEMPOTENCY_MS: Limit<u64> =
        Limit { default: 604800000, minimum: 3600000, maximum: 2592000000 };

    /// How long timeline references are kept. Unit: ms.
    pub const TIMELINE_MS: Limit<u64> =
        Limit { default: 604800000, minimum: 3600000, maximum: 31536000000 };

    /// Longest drain after GOAWAY. Unit: ms.
    pub const GOAWAY_MS: Limit<u64> =
        Limit { default: 30000, minimum: 1000, maximum: 300000 };

    /// How long a closing side reads on so that its ERROR is not lost to a reset. Unit: ms.
    pub const LINGER_MS: Limit<u64> =
        Limit { default: 2000, minimum: 100, maximum: 10000 };

    /// Members of one group. Unit: count.
    pub const GROUP_MEMBERS: Limit<u32> =
        Limit { default: 10000, minimum: 2, maximum: 10000 };

    /// Members up to which every entry of a group enters every timeline; a group that grows beyond is read from its log. Unit: count.
    pub const WRITE_FANOUT_MEMBERS: Limit<u32> =
        Limit { default: 500, minimum: 1, maximum: 10000 };

    /// Most heads in one PONG or LAGGED. Unit: count.
    pub const HEADS_LISTED: Limit<u32> =
        Limit { default: 64, minimum: 1, maximum: 256 };

    /// Longest group name, UTF-8. Unit: octets.
    pub const GROUP_NAME_OCTETS: Limit<u32> =
        Limit { default: 256, minimum: 1, maximum: 1024 };

    /// Longest announcement of a group, UTF-8. Unit: octets.
    pub const ANNOUNCEMENT_OCTETS: Limit<u32> =
        Limit { default: 4096, minimum: 1, maximum: 16384 };

    /// Longest time for which GROUP_MUTE mutes. Unit: ms.
    pub const MUTE_MS: Limit<u64> =
        Limit { default: 31536000000, minimum: 60000, maximum: 315360000000 };

    /// Invitations of one group that are good at once. Unit: count.
    pub const GROUP_INVITATIONS: Limit<u32> =
        Limit { default: 64, minimum: 1, maximum: 1024 };

    /// Longest lifetime of an invitation. Unit: ms.
    pub const INVITATION_MS: Limit<u64> =
        Limit { default: 604800000, minimum: 60000, maximum: 31536000000 };

    /// Users who wait to join one group. Unit: count.
    pub const GROUP_WAITING: Limit<u32> =
        Limit { default: 256, minimum: 1, maximum: 10000 };

    /// Longest user name, UTF-8. Unit: octets.
    pub const USER_NAME_OCTETS: Limit<u32> =
        Limit { default: 64, minimum: 1, maximum: 255 };

    /// Longest device name, UTF-8. Unit: octets.
    pub const DEVICE_NAME_OCTETS: Limit<u32> =
        Limit { default: 128, minimum: 1, maximum: 512 };

    /// Longest human-readable detail of an error. Unit: octets.
    pub const ERROR_DETAIL_OCTETS: Limit<u32> =
        Limit { default: 256, minimum: 0, maximum: 1024 };

    /// Most entries in one RESPONSE page. Unit: count.
    pub const HISTORY_ENTRIES: Limit<u32> =
        Limit { default: 1000, minimum: 1, maximum: 10000 };

    /// Largest Zstandard window log a receiver accepts. Unit: count.
    pub const ZSTD_WINDOW_LOG: Limit<u32> =
        Limit { default: 20, minimum: 10, maximum: 20 };

    /// PBKDF2 iterations of a password verifier; a client accepts what lies between the bounds. Unit: count.
    pub const SCRAM_ITERATIONS: Limit<u32> =
        Limit { default: 16384, minimum: 4096, maximum: 1000000 };

    /// Most conversations in one MARK or MARKS. Unit: count.
    pub const MARK_CHANGES: Limit<u32> =
        Limit { default: 256, minimum: 16, maximum: 1024 };

    /// How long a client gathers read marks of the same conversation before it sends the next MARK. Unit: ms.
    pub const MARK_MS: Limit<u64> =
        Limit { default: 200, minimum: 0, maximum: 10000 };

    /// Contacts, requests and blocked users of one user together. Unit: count.
    pub const CONTACTS: Limit<u32> =
        Limit { default: 5000, minimum: 2, maximum: 100000 };

    /// Longest text of a contact request, UTF-8. Unit: octets.
    pub const CONTACT_MESSAGE_OCTETS: Limit<u32> =
        Limit { default: 256, minimum: 0, maximum: 1024 };

    /// Devices of one user that are logged in at once, and as many that are remembered as logged out: a new one looks at them all. Unit: count.
    pub const DEVICES: Limit<u32> =
        Limit { default: 256, minimum: 1, maximum: 1000 };

    /// Users a TEXT may mention by id. Unit: count.
    pub const TEXT_MENTIONS: Limit<u32> =
        Limit { default: 100, minimum: 1, maximum: 1000 };

    /// Spans of a TEXT. Unit: count.
    pub const TEXT_SPANS: Limit<u32> =
        Limit { default: 256, minimum: 1, maximum: 1024 };

    /// EDITs of one message. Unit: count.
    pub const MESSAGE_EDITS: Limit<u32> =
        Limit { default: 100, minimum: 1, maximum: 1000 };

    /// Longest reaction, UTF-8. Unit: octets.
    pub const REACTION_OCTETS: Limit<u32> =
        Limit { default: 32, minimum: 32, maximum: 64 };

    /// Different reactions to one message. Unit: count.
    pub const MESSAGE_REACTIONS: Limit<u32> =
        Limit { default: 32, minimum: 1, maximum: 256 };

    /// Reactions of one user to one message. Unit: count.
    pub const USER_REACTIONS: Limit<u32> =
        Limit { default: 8, minimum: 1, maximum: 64 };

    /// Pinned messages of one conversation. Unit: count.
    pub const CONVERSATION_PINS: Limit<u32> =
        Limit { default: 100, minimum: 1, maximum: 1000 };

    /// How long the sender may edit a message; 0 for ever. Unit: ms.
    pub const EDIT_MS: Limit<u64> =
        Limit { default: 0, minimum: 0, maximum: 31536000000 };

    /// How long the sender may recall a message; 0 for ever. Unit: ms.
    pub const RECALL_MS: Limit<u64> =
        Limit { default: 0, minimum: 0, maximum: 31536000000 };

    /// Longest text of a profile, UTF-8. Unit: octets.
    pub const PROFILE_OCTETS: Limit<u32> =
        Limit { default: 256, minimum: 64, maximum: 1024 };

    /// Most conversations in one page of SNAPSHOT: more than a screen shows. Unit: count.
    pub const SNAPSHOT_CONVERSATIONS: Limit<u32> =
        Limit { default: 100, minimum: 1, maximum: 1000 };

    /// Most entries of each conversation in SNAPSHOT: a screen of a phone. Unit: count.
    pub const SNAPSHOT_ENTRIES: Limit<u32> =
        Limit { default: 20, minimum: 1, maximum: 100 };

    /// Longest name of a blob in a message. Unit: octets.
    pub const BLOB_ID_OCTETS: Limit<u32> =
        Limit { default: 64, minimum: 16, maximum: 256 };

    /// Longest name of a file in a message, UTF-8. Unit: octets.
    pub const FILE_NAME_OCTETS: Limit<u32> =
        Limit { default: 255, minimum: 64, maximum: 1024 };

    /// Longest caption, label, title or other text beside content, UTF-8. Unit: octets.
    pub const CAPTION_OCTETS: Limit<u32> =
        Limit { default: 4096, minimum: 1024, maximum: 16384 };

    /// Largest picture in a message that stands for another one. Unit: octets.
    pub const THUMBNAIL_OCTETS: Limit<u32> =
        Limit { default: 8192, minimum: 1024, maximum: 32768 };

    /// Longest waveform of a voice message. Unit: octets.
    pub const WAVEFORM_OCTETS: Limit<u32> =
        Limit { default: 256, minimum: 64, maximum: 1024 };

    /// Longest address on a card. Unit: octets.
    pub const URL_OCTETS: Limit<u32> =
        Limit { default: 2048, minimum: 512, maximum: 8192 };

    /// Most messages in one FORWARD. Unit: count.
    pub const FORWARD_MESSAGES: Limit<u32> =
        Limit { default: 100, minimum: 10, maximum: 1000 };

    /// Most users in one PRESENCE_SUBSCRIBE, PRESENCE_UNSUBSCRIBE or PRESENCE_QUERY. Unit: count.
    pub const PRESENCE_USERS: Limit<u32> =
        Limit { default: 256, minimum: 16, maximum: 1024 };

    /// Users that one connection is subscribed to. Unit: count.
    pub const PRESENCE_SUBSCRIPTIONS: Limit<u32> =
        Limit { default: 512, minimum: 4, maximum: 10000 };

    /// Longest status of PRESENCE_SET, UTF-8. Unit: octets.
    pub const PRESENCE_STATUS_OCTETS: Limit<u32> =
        Limit { default: 128, minimum: 0, maximum: 512 };

    /// How long a server gathers changes of the same user before it tells a connection again. Unit: ms.
    pub const PRESENCE_MS: Limit<u64> =
        Limit { default: 1000, minimum: 50, maximum: 60000 };

    /// Requests about presence and typing that a server carries out per second and connection, sustained, with bursts of the same number. Unit: count.
    pub const PRESENCE_PER_S: Limit<u32> =
        Limit { default: 10, minimum: 1, maximum: 1000 };

    /// Most members of a conversation in which typing is told. Unit: count.
    pub const TYPING_MEMBERS: Limit<u32> =
        Limit { default: 64, minimum: 2, maximum: 1000 };

    /// How long somebody counts as typing after the last event that says so. Unit: ms.
    pub const TYPING_MS: Limit<u64> =
        Limit { default: 6000, minimum: 1000, maximum: 60000 };

    /// How long a client waits before it says again that its user is typing in the same conversation. Unit: ms.
    pub const TYPING_REPEAT_MS: Limit<u64> =
        Limit { default: 3000, minimum: 100, maximum: 60000 };

    /// Most members of a conversation in which calls are possible. Unit: count.
    pub const CALL_MEMBERS: Limit<u32> =
        Limit { default: 32, minimum: 2, maximum: 256 };

    /// Calls of one user that are not over. Unit: count.
    pub const CALLS_STARTED: Limit<u32> =
        Limit { default: 8, minimum: 1, maximum: 100 };

    /// Longest body of a signal. Unit: octets.
    pub const CALL_BODY_OCTETS: Limit<u32> =
        Limit { default: 8192, minimum: 1024, maximum: 32768 };

    /// Signals of one call that a server keeps. Unit: count.
    pub const CALL_SIGNALS: Limit<u32> =
        Limit { default: 512, minimum: 32, maximum: 4096 };

    /// How long a call rings before it ends without an answer. Unit: ms.
    pub const CALL_RING_MS: Limit<u64> =
        Limit { default: 60000, minimum: 500, maximum: 300000 };

    /// How long a device that takes part in a call may be without a connection. Unit: ms.
    pub const CALL_ABSENT_MS: Limit<u64> =
        Limit { default: 30000, minimum: 500, maximum: 300000 };

    /// How long a server keeps the signals of a call. Unit: ms.
    pub const CALL_MAILBOX_MS: Limit<u64> =
        Limit { default: 60000, minimum: 500, maximum: 600000 };

    /// Largest blob. Unit: octets.
    pub const BLOB_OCTETS: Limit<u64> =
        Limit { default: 4294967296, minimum: 1048576, maximum: 1099511627776 };

    /// Most octets of a blob in one chunk: a message waits for no more than one. Unit: octets.
    pub const BLOB_CHUNK_OCTETS: Limit<u32> =
        Limit { default: 32768, minimum: 1024, maximum: 65524 };

    /// Octets of a transfer that may be under way. Unit: octets.
    pub const BLOB_WINDOW_OCTETS: Limit<u32> =
        Limit { default: 262144, minimum: 65536, maximum: 16777216 };

    /// Transfers of one connection at once. Unit: count.
    pub const BLOB_TRANSFERS: Limit<u32> =
        Limit { default: 4, minimum: 1, maximum: 64 };

    /// Blobs that one message refers to. Unit: count.
    pub const MESSAGE_BLOBS: Limit<u32> =
        Limit { default: 100, minimum: 1, maximum: 1000 };

    /// How long a blob is kept that no message refers to, and an upload with which nobody goes on. Unit: ms.
    pub const BLOB_ORPHAN_MS: Limit<u64> =
        Limit { default: 86400000, minimum: 60000, maximum: 2592000000 };

    /// Longest life of an address of octets of a blob: whoever has it can fetch them. Unit: ms.
    pub const BLOB_URL_MS: Limit<u64> =
        Limit { default: 120000, minimum: 10000, maximum: 300000 };

    /// Longest address of octets of a blob; those of S3 with a session of its own have about 2000. Unit: octets.
    pub const BLOB_URL_OCTETS: Limit<u32> =
        Limit { default: 8192, minimum: 2048, maximum: 16384 };

    /// Longest media type of a blob. Unit: octets.
    pub const MEDIA_TYPE_OCTETS: Limit<u32> =
        Limit { default: 255, minimum: 64, maximum: 255 };

    /// Longest address of a target of notifications. Unit: octets.
    pub const NOTIFY_ADDRESS_OCTETS: Limit<u32> =
        Limit { default: 2048, minimum: 256, maximum: 8192 };

    /// Muted conversations of one user. Unit: count.
    pub const NOTIFY_MUTES: Limit<u32> =
        Limit { default: 1000, minimum: 2, maximum: 10000 };

    /// How long a notification is owed after the commit of its entry. Unit: ms.
    pub const NOTIFY_TTL_MS: Limit<u64> =
        Limit { default: 86400000, minimum: 60000, maximum: 604800000 };
}
