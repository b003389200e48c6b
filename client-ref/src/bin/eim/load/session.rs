//! A logged-in connection without store or outbox.

use std::net::IpAddr;

use eim_client::auth::{Exchange, Means, SaltedPasswords};
use eim_client::environment::Environment;
use eim_client::link::{ClientLink, Connector, Network};
use eim_client::options::{ServerUrl, Trust};
use eim_codec::connection::client::{AuthStart, ClientConnection, Resume};
use eim_codec::connection::{ClientConfig, ClientEvent};
use eim_codec::id::UserId;
use eim_codec::payload::{
    self, AttachMode, AuthOk, GroupAddRequest, GroupCreateRequest, Request, UsersRequest, Welcome,
    request, response, send,
};
use eim_codec::registry::{ErrorCode, Operation};
use eim_codec::time::Timestamp;
use eim_codec::tokio::Driver;
use std::sync::Arc;

use prost::Message as _;

use super::account::Account;
use crate::exit::{Exit, Failure};

/// Users in one request.
const AT_ONCE: usize = 3000;
/// Names in one request, whose answer is one page.
const NAMES_AT_ONCE: usize = 200;

/// Runs one connection.
pub(crate) type ClientDriver = Driver<ClientConnection, ClientLink>;

/// Opens connections.
pub(crate) struct Opener {
    network: Network,
    config: Arc<ClientConfig>,
    environment: Environment,
    salted: SaltedPasswords,
}

/// A logged-in connection.
pub(crate) struct Session {
    pub(crate) driver: ClientDriver,
    pub(crate) user: UserId,
    pub(crate) log_epoch: u64,
    pub(crate) user_seq: u64,
}

impl Opener {
    pub(crate) fn new(server: &ServerUrl, trust: Option<&Trust>) -> Result<Self, Failure> {
        let mut config = ClientConfig::default();
        config.implementation = "eim load".to_owned();
        // What compresses well in a test says nothing about real messages.
        config.compressions.clear();
        Ok(Self {
            network: Network::new(server, trust, true)?,
            config: Arc::new(config),
            environment: Environment::default(),
            salted: SaltedPasswords::default(),
        })
    }

    /// Logs in on a device of its own.
    pub(crate) async fn open(
        &self,
        account: &Account,
        mode: AttachMode,
        source: Option<IpAddr>,
    ) -> Result<Session, Failure> {
        let link = match source {
            Some(source) => self.network.clone().from_address(source).connect().await?,
            None => self.network.connect().await?,
        };
        let connection = ClientConnection::new(
            Arc::clone(&self.config),
            self.environment.octets(),
            Timestamp::ZERO,
        );
        let mut driver = Driver::new(connection, link);
        let mut exchange = None;
        loop {
            let event = driver.next().await;
            match event {
                Some(ClientEvent::Welcome(welcome)) => {
                    exchange = Some(self.start(&mut driver, account, mode, &welcome)?);
                }
                Some(ClientEvent::Challenge(data)) => {
                    let exchange = exchange.as_mut().ok_or_else(unexpected)?;
                    let answer = exchange.challenge(&data).map_err(|error| refused(&error))?;
                    driver.endpoint_mut().respond(answer);
                }
                Some(ClientEvent::Open(ok)) => {
                    let exchange = exchange.take().ok_or_else(unexpected)?;
                    exchange.finish(&ok.data).map_err(|error| refused(&error))?;
                    return session(driver, &ok);
                }
                Some(ClientEvent::Closed(reason)) => {
                    let exit = match reason.code {
                        Some(code) if code.0 >> 8 == 3 => Exit::Authentication,
                        _ => Exit::Connection,
                    };
                    let code = reason.code.unwrap_or(ErrorCode(0));
                    let text = format!("login of {}: {code} {}", account.name, reason.detail);
                    return Err(Failure::new(exit, text));
                }
                Some(_) => {}
                None => return Err(unexpected()),
            }
        }
    }

    fn start(
        &self,
        driver: &mut ClientDriver,
        account: &Account,
        mode: AttachMode,
        welcome: &Welcome,
    ) -> Result<Exchange, Failure> {
        let transcript = driver.endpoint().transcript().ok_or_else(unexpected)?;
        let (exchange, data) = Exchange::start(&Means {
            offered: &welcome.mechanisms,
            user: &account.name,
            password: Some(&account.password),
            token: None,
            resume: None,
            binding: driver.link().channel_binding(&transcript),
            salted: &self.salted,
        })
        .map_err(|error| refused(&error))?;
        driver.endpoint_mut().authenticate(AuthStart {
            mechanism: exchange.mechanism().to_owned(),
            data,
            device: payload::Device {
                device_id: bytes::Bytes::copy_from_slice(&self.environment.octets::<16>()),
                class: payload::DeviceClass::Bot.into(),
                name: "load".to_owned(),
            },
            mode,
            log_epoch: 0,
            user_seq: 0,
            resume: Resume::No,
        });
        Ok(exchange)
    }
}

fn session(driver: ClientDriver, ok: &AuthOk) -> Result<Session, Failure> {
    let user = UserId::from_slice(&ok.user_id).map_err(|_| unexpected())?;
    Ok(Session {
        driver,
        user,
        log_epoch: ok.log_epoch,
        user_seq: ok.user_seq,
    })
}

fn unexpected() -> Failure {
    Failure::connection("the connection ended during the login")
}

fn refused(error: &eim_client::auth::AuthError) -> Failure {
    Failure::new(Exit::Authentication, error.to_string())
}

/// The direct conversation with a user.
pub(crate) fn direct(peer: &UserId) -> send::Target {
    send::Target::DirectTo(peer.to_bytes())
}

impl Session {
    /// Creates a group of any size; events that come meanwhile do not matter yet.
    pub(crate) async fn create_group(
        &mut self,
        number: usize,
        members: &[UserId],
    ) -> Result<send::Target, Failure> {
        let mut some = members.chunks(AT_ONCE);
        let ids = |users: &[UserId]| users.iter().map(|user| user.to_bytes()).collect();
        let asked = request::Body::GroupCreate(GroupCreateRequest {
            name: format!("load {number}"),
            members: some.next().map(ids).unwrap_or_default(),
        });
        let answer = self.ask(Operation::GROUP_CREATE, asked).await?;
        let response::Body::GroupCreate(created) = answer else {
            return Err(Failure::refused("no group came back"));
        };
        let group = created.conversation.map(|group| group.conversation);
        let group = group.ok_or_else(|| Failure::refused("no group came back"))?;
        for users in some {
            let asked = request::Body::GroupAdd(GroupAddRequest {
                conversation: group.clone(),
                users: ids(users),
            });
            self.ask(Operation::GROUP_ADD, asked).await?;
        }
        Ok(send::Target::Conversation(group))
    }

    /// The ids of accounts.
    pub(crate) async fn user_ids(
        &mut self,
        accounts: impl Iterator<Item = &Account>,
    ) -> Result<Vec<UserId>, Failure> {
        let names: Vec<String> = accounts.map(|account| account.name.clone()).collect();
        let mut ids = Vec::with_capacity(names.len());
        for some in names.chunks(NAMES_AT_ONCE) {
            let asked = request::Body::Users(UsersRequest {
                ids: Vec::new(),
                names: some.to_vec(),
            });
            let response::Body::Users(found) = self.ask(Operation::USERS, asked).await? else {
                return Err(Failure::refused("no users came back"));
            };
            for user in found.users {
                ids.push(UserId::from_slice(&user.user_id).map_err(|_| unexpected())?);
            }
        }
        if ids.len() == names.len() {
            return Ok(ids);
        }
        Err(Failure::refused(format!(
            "the server knows {} of {} accounts",
            ids.len(),
            names.len()
        )))
    }

    async fn ask(
        &mut self,
        operation: Operation,
        body: request::Body,
    ) -> Result<response::Body, Failure> {
        let id = Environment::default().uuid_v7();
        let request = Request {
            request_id: bytes::Bytes::copy_from_slice(&id),
            operation: operation.0,
            max_octets: 0,
            body: Some(body),
        };
        self.driver
            .endpoint_mut()
            .request(&request)
            .map_err(|error| Failure::connection(error.to_string()))?;
        loop {
            match self.driver.next().await {
                Some(ClientEvent::Response(response)) => {
                    let detail = response.error.unwrap_or_default().detail;
                    return response
                        .body
                        .ok_or_else(|| Failure::refused(format!("{operation}: {detail}")));
                }
                Some(ClientEvent::Push {
                    ordinal, payload, ..
                }) => {
                    self.driver.endpoint_mut().consumed(ordinal);
                    // The timeline goes on from here.
                    if let Ok(push) = payload::Push::decode(payload) {
                        self.user_seq = self.user_seq.max(push.user_seq);
                    }
                }
                Some(ClientEvent::Closed(_)) | None => return Err(unexpected()),
                Some(_) => {}
            }
        }
    }
}
