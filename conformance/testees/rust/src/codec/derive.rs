//! Functions of the specification that yield octets or a choice.

use bytes::Bytes;
use eim_client::auth::{check_iterations, prepare};
use eim_codec::connection::binding::{EXPORTER_LABEL, channel_binding, transcript};
use eim_codec::connection::flow::{frame_octets, sequence_of};
use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{
    Auth, CallEnd, CallSignalKind, CallState, ContactChange, ContactState, Content,
    ConversationKind, CustomBody, DeviceClass, Error, FanOut, LocationBody, MembershipChange,
    NotifyContent, NotifyService, PresenceState, Role, SessionOutcome, SpanKind, TextBody,
    UnavailableReason, UnreadFlag,
};
use eim_codec::registry::{ErrorCode, FrameType};
use serde_json::{Value, json};

use super::hex::{digits, octets};
use super::request::{Members, decimal, take};
use super::{unsupported, websocket};

/// What a function yields.
enum Yield {
    Value(Value),
    Reject(ErrorCode),
}

impl<T: Into<Value>> From<T> for Yield {
    fn from(value: T) -> Self {
        Self::Value(value.into())
    }
}

/// Answers a request.
pub(super) fn answer(mut request: Members) -> Result<Value, String> {
    let function: String = take(&mut request, "function")?;
    let mut arguments: Members = take(&mut request, "arguments")?;
    let yielded = match function.as_str() {
        "conversation_id" => conversation_id(&mut arguments)?,
        "binding" => binding(&mut arguments)?,
        "channel_binding" => channel_binding_data(&mut arguments)?,
        "exporter_context" => {
            let context: String = take(&mut arguments, "binding")?;
            json!({"label": EXPORTER_LABEL, "context": context}).into()
        }
        "sequence" => sequence_of(decimal(&take::<String>(&mut arguments, "ordinal")?)?).into(),
        "frame_octets" => frame_octets(take(&mut arguments, "length")?).into(),
        "prepare" => match prepare(&take::<String>(&mut arguments, "text")?) {
            Some(prepared) => prepared.into(),
            None => Yield::Reject(ErrorCode::AUTH_FAILED),
        },
        "iterations" => match check_iterations(take(&mut arguments, "count")?) {
            Ok(()) => true.into(),
            Err(_) => Yield::Reject(ErrorCode::AUTH_FAILED),
        },
        "error_rule" => error_rule(&mut arguments)?,
        "location" => checked(
            LocationBody {
                latitude: take(&mut arguments, "latitude")?,
                longitude: take(&mut arguments, "longitude")?,
                ..LocationBody::default()
            }
            .check(),
        ),
        "custom_namespace" => checked(
            CustomBody {
                namespace: take(&mut arguments, "namespace")?,
                data: Bytes::new(),
            }
            .check(),
        ),
        "content" => {
            let frame_type = FrameType(take(&mut arguments, "type")?);
            let body = hexadecimal(&mut arguments, "body")?.into();
            checked(Content::of(frame_type, &body).map(|_| ()))
        }
        "spans" => spans(&mut arguments)?,
        "enum" => open_enum(&mut arguments)?,
        "message_limit" => message_limit(&mut arguments)?,
        "websocket" => match websocket::frames(take(&mut arguments, "messages")?)? {
            Ok(counts) => json!(counts).into(),
            Err(code) => Yield::Reject(code),
        },
        _ => return Ok(unsupported()),
    };
    Ok(match yielded {
        Yield::Value(value) => json!({"value": value}),
        Yield::Reject(code) => json!({"reject": {"code": code.to_string()}}),
    })
}

fn hexadecimal(arguments: &mut Members, key: &str) -> Result<Vec<u8>, String> {
    octets(&take::<String>(arguments, key)?)
}

fn array<const N: usize>(arguments: &mut Members, key: &str) -> Result<[u8; N], String> {
    hexadecimal(arguments, key)?
        .try_into()
        .map_err(|_| format!("{key}: not {N} octets"))
}

fn conversation_id(arguments: &mut Members) -> Result<Yield, String> {
    let (a, b) = (array(arguments, "a")?, array(arguments, "b")?);
    let id = ConversationId::direct(UserId::from(a), UserId::from(b));
    Ok(digits(id.as_bytes()).into())
}

fn binding(arguments: &mut Members) -> Result<Yield, String> {
    let hello = hexadecimal(arguments, "hello")?;
    let welcome = hexadecimal(arguments, "welcome")?;
    Ok(digits(&transcript(&hello, &welcome)).into())
}

fn channel_binding_data(arguments: &mut Members) -> Result<Yield, String> {
    let transcript = array(arguments, "binding")?;
    let exported = match arguments.contains_key("exporter") {
        true => Some(array(arguments, "exporter")?),
        false => None,
    };
    Ok(digits(&channel_binding(transcript, exported)).into())
}

fn error_rule(arguments: &mut Members) -> Result<Yield, String> {
    let number: u32 = take(arguments, "code")?;
    let code = ErrorCode(u16::try_from(number).unwrap_or_default());
    let retryable = match code.info() {
        Some(info) => info.retryable,
        None => code.may_retry(match arguments.contains_key("retryable") {
            true => take(arguments, "retryable")?,
            false => false,
        }),
    };
    let class = code.class().name().unwrap_or("unknown");
    Ok(json!({"class": class, "retryable": retryable}).into())
}

fn checked(outcome: Result<(), eim_codec::payload::InvalidSend>) -> Yield {
    match outcome {
        Ok(()) => true.into(),
        Err(error) => Yield::Reject(error.code()),
    }
}

/// The spans that are shown.
fn spans(arguments: &mut Members) -> Result<Yield, String> {
    let body = hexadecimal(arguments, "body")?.into();
    let body = TextBody::check(&body).map_err(|error| error.to_string())?;
    let shown: Vec<_> = body
        .shown_spans()
        .map(|(kind, part, _)| json!([kind as i32, part.start, part.len()]))
        .collect();
    Ok(json!(shown).into())
}

/// The number that counts: that of a known value, else 0 unless a requirement says otherwise.
fn open_enum(arguments: &mut Members) -> Result<Yield, String> {
    let name: String = take(arguments, "enum")?;
    let number: i32 = take(arguments, "number")?;
    fn counted<E: TryFrom<i32> + Default + Into<i32>>(number: i32) -> i32 {
        E::try_from(number).unwrap_or_default().into()
    }
    let number = match name.trim_start_matches("eim.v1.") {
        "DeviceClass" => counted::<DeviceClass>(number),
        "AttachMode" => {
            let auth = Auth {
                mode: number,
                ..Auth::default()
            };
            match auth.attach_mode() {
                Some(mode) => mode.into(),
                None => return Ok(Yield::Reject(ErrorCode::INVALID_VALUE)),
            }
        }
        "SessionOutcome" => counted::<SessionOutcome>(number),
        "ErrorScope" => {
            let scope = number;
            let error = Error {
                scope,
                ..Error::default()
            };
            error.effective_scope().into()
        }
        "Role" => counted::<Role>(number),
        "MembershipChange" => counted::<MembershipChange>(number),
        "ContactChange" => counted::<ContactChange>(number),
        "ContactState" => counted::<ContactState>(number),
        "FanOut" => counted::<FanOut>(number),
        "CallSignalKind" => counted::<CallSignalKind>(number),
        "CallEnd" => counted::<CallEnd>(number),
        "CallState" => counted::<CallState>(number),
        "PresenceState" => counted::<PresenceState>(number),
        "NotifyService" => counted::<NotifyService>(number),
        "NotifyContent" => counted::<NotifyContent>(number),
        "SpanKind" => counted::<SpanKind>(number),
        "UnreadFlag" => counted::<UnreadFlag>(number),
        "ConversationKind" => counted::<ConversationKind>(number),
        "UnavailableReason" => counted::<UnavailableReason>(number),
        other => return Err(format!("no enumeration {other}")),
    };
    Ok(number.into())
}

/// Whether a text fits the type that carries it: its own limit, then the cap of the type.
fn message_limit(arguments: &mut Members) -> Result<Yield, String> {
    let frame_type = FrameType(take(arguments, "type")?);
    let text: String = take(arguments, "text")?;
    if frame_type != FrameType::TEXT {
        return Err(format!("{frame_type} has no text"));
    }
    let body = TextBody::encode_text(text);
    Ok(match TextBody::check(&body) {
        Ok(_) => true.into(),
        Err(error) => Yield::Reject(error.code()),
    })
}
