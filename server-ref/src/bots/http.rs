//! `POST /v1/messages` and `GET /v1/me`.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use eim_codec::id::{ClientMsgId, DeviceId};
use eim_codec::payload::{Content, Target};
use eim_codec::registry::ErrorCode;
use metrics::counter;
use prost::Message as _;
use serde::Serialize;
use serde_json::json;

use super::message::{Sent, To, WantedMessage};
use super::{Bots, Failure};
use crate::metrics::names;
use crate::service::Refusal;
use crate::service::messaging::{self, Checked, Fault};
use crate::service::password::normalise_name;
use crate::store::{BotToken, Origin, StoreError, UserRecord};

/// The pages of bots.
pub fn router(bots: Arc<Bots>) -> Router {
    Router::new()
        .route("/v1/messages", post(send))
        .route("/v1/me", get(me))
        .fallback(|| async { Failure::new(ErrorCode::UNKNOWN_OPERATION, "there is no such page") })
        .with_state(bots)
}

async fn send(State(bots): State<Arc<Bots>>, request: Request) -> Response {
    answer(bots.send(request).await)
}

async fn me(State(bots): State<Arc<Bots>>, request: Request) -> Response {
    answer(bots.me(request.headers()).await)
}

fn answer(outcome: Result<impl Serialize, Failure>) -> Response {
    let written = outcome.and_then(|value| {
        serde_json::to_vec(&value)
            .map_err(|error| Failure::new(ErrorCode::INTERNAL, error.to_string()))
    });
    let mut response = match written {
        Ok(octets) => {
            counter!(names::BOT_REQUESTS, "outcome" => "ok").increment(1);
            let mut response = Response::new(Body::from(octets));
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(CONTENT_TYPE, json);
            response
        }
        Err(failure) => {
            counter!(names::BOT_REQUESTS, "outcome" => failure.code.to_string()).increment(1);
            failure.into_response()
        }
    };
    let never = HeaderValue::from_static("no-store");
    response.headers_mut().insert(CACHE_CONTROL, never);
    response
}

/// The token of a request.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(7)?;
    scheme
        .eq_ignore_ascii_case(b"bearer ")
        .then_some(token.trim_ascii())
}

impl Bots {
    /// Who asks.
    // impl[EIM-BOT-013]
    async fn caller(&self, headers: &HeaderMap) -> Result<(UserRecord, BotToken), Failure> {
        let missing = || Failure::new(ErrorCode::AUTH_FAILED, "the request has no token");
        let token = bearer(headers).ok_or_else(missing)?;
        Ok(self.shared.auth.bot(token).await?)
    }

    async fn me(&self, headers: &HeaderMap) -> Result<serde_json::Value, Failure> {
        let (user, token) = self.caller(headers).await?;
        Ok(json!({
            "user": user.user.to_string(),
            "name": user.name,
            "display_name": user.display_name,
            "token": token.id().to_string(),
            "expires_ms": token.expires_ms,
        }))
    }

    /// Sends a message: nothing of the body is read before the token is known.
    // impl[EIM-BOT-012, EIM-BOT-015, EIM-BOT-018]
    async fn send(&self, request: Request) -> Result<Sent, Failure> {
        let (user, token) = self.caller(request.headers()).await?;
        let now_ms = self.shared.clock.now_ms();
        if let Err(wait) = self.rates.take(user.user, now_ms) {
            let mut failure = Failure::new(ErrorCode::RATE_LIMITED, "too many messages");
            failure.retry_after = Some(wait);
            return Err(failure);
        }
        let body = self.body(request.into_body()).await?;
        let wanted: WantedMessage = serde_json::from_slice(&body)
            .map_err(|error| Failure::new(ErrorCode::INVALID_MESSAGE, error.to_string()))?;
        let key = match wanted.key()? {
            Some(key) => key,
            None => self.new_key(now_ms),
        };
        let target = self.target(&wanted.to).await?;
        let (frame_type, send) = wanted.into_send(target, key)?;
        Content::of(frame_type, &send.body)
            .map_err(|error| Failure::new(error.code(), error.to_string()))?;
        let payload = bytes::Bytes::from(send.encode_to_vec());
        let octets = payload.len() as u64;
        let checked = messaging::check(user.user, frame_type, payload);
        let Checked { append, .. } = checked.map_err(|fault| match fault {
            Fault::Message(refusal, _) => refusal.into(),
            Fault::Malformed => Failure::new(ErrorCode::INTERNAL, "not a Send"),
        })?;
        let origin = Origin {
            tenant: self.shared.tenant,
            user: user.user,
            // Logged out with the token, inside the same commit.
            device: DeviceId::from(token.id().0),
            generation: None,
        };
        // impl[EIM-LIM-015, EIM-LIM-020] As a message that comes by a connection.
        let mut waiting = None;
        let limits = &self.shared.limits;
        if let Err(limited) = limits.message(&origin, octets, &mut waiting) {
            let mut failure = Failure::from(Refusal::from(limited));
            failure.retry_after = Some(limited.wait);
            return Err(failure);
        }
        let mut outcomes = self.shared.store.append(origin, vec![append]).await?;
        drop(waiting);
        let appended = outcomes.pop().ok_or(StoreError::Closed)??;
        Ok(Sent {
            conversation: appended.conversation.to_string(),
            conv_seq: appended.conv_seq,
            log_epoch: self.shared.store.log_epoch(),
            time_ms: appended.time_ms,
            client_msg_id: key.to_string(),
            duplicate: appended.duplicate,
        })
    }

    /// The body, within its limit and its time.
    async fn body(&self, body: Body) -> Result<bytes::Bytes, Failure> {
        let late = || Failure::new(ErrorCode::HANDSHAKE_TIMEOUT, "the body came too slowly");
        let read = tokio::time::timeout(self.patience, to_bytes(body, self.request_octets));
        read.await.map_err(|_| late())?.map_err(|_| {
            let most = self.request_octets;
            let detail = format!("a request has at most {most} octets, all of them");
            Failure::new(ErrorCode::MESSAGE_TOO_LARGE, detail)
        })
    }

    async fn target(&self, to: &To) -> Result<Target, Failure> {
        if let Some(target) = to.target()? {
            return Ok(target);
        }
        let To::Name(name) = to else {
            return Err(Failure::new(ErrorCode::INTERNAL, "no target"));
        };
        let unknown = || Failure::new(ErrorCode::NOT_FOUND, "not found");
        let name = normalise_name(name).map_err(|_| unknown())?;
        let found = self.shared.store.user_by_name(self.shared.tenant, &name);
        Ok(Target::DirectTo(found.await?.ok_or_else(unknown)?.user))
    }

    /// A UUIDv7.
    fn new_key(&self, now_ms: u64) -> ClientMsgId {
        let mut octets = self.shared.random.octets::<16>();
        let [_, _, time @ ..] = now_ms.to_be_bytes();
        octets[..6].copy_from_slice(&time);
        octets[6] = octets[6] & 0x0F | 0x70;
        octets[8] = octets[8] & 0x3F | 0x80;
        ClientMsgId::from(octets)
    }
}
