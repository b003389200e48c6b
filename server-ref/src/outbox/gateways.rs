//! The gateways that the configuration asks for.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::apns::{Apns, Identity};
use super::fcm::{AccountError, Fcm};
use super::gateway::{Gateway, Http, HttpError};
use super::jwt::{KeyError, Signer};
use super::secret::SecretError;
use super::web_push::WebPush;
use super::webhook::Webhook;
use crate::clock::Clock;
use crate::config::Config;
use crate::store::Service;

/// Services by which notifications go.
pub type Gateways = BTreeMap<Service, Arc<dyn Gateway>>;

/// A service cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// A key file cannot be read.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A key cannot be used.
    #[error("{path}: {source}")]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        source: KeyError,
    },
    /// A service account cannot be used.
    #[error("{path}: {source}")]
    Account {
        /// The file.
        path: PathBuf,
        /// Why.
        source: AccountError,
    },
    /// Nobody can be reached by HTTP.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The secret of the webhook cannot be used.
    #[error("notifications.webhook.secret: {0}")]
    Secret(#[from] SecretError),
}

/// The gateways that `config` asks for, over `http`. Reads their key files.
///
/// # Errors
/// [`GatewayError`].
pub fn gateways(
    config: &Config,
    http: &Arc<dyn Http>,
    clock: &Arc<dyn Clock>,
) -> Result<Gateways, GatewayError> {
    let mut gateways = Gateways::new();
    for service in config.notifications.services() {
        let parts = (Arc::clone(http), Arc::clone(clock));
        let gateway: Arc<dyn Gateway> = match service {
            Service::Webhook => webhook(config, parts)?,
            Service::Apns => apns(config, parts)?,
            Service::Fcm => fcm(config, parts)?,
            Service::WebPush => web_push(config, parts)?,
        };
        gateways.insert(service, gateway);
    }
    Ok(gateways)
}

type Parts = (Arc<dyn Http>, Arc<dyn Clock>);

fn webhook(config: &Config, (http, clock): Parts) -> Result<Arc<dyn Gateway>, GatewayError> {
    let webhook = &config.notifications.webhook;
    let key = webhook.secret.key()?;
    Ok(Arc::new(Webhook::new(
        http,
        clock,
        webhook.url.clone(),
        key,
    )))
}

fn apns(config: &Config, (http, clock): Parts) -> Result<Arc<dyn Gateway>, GatewayError> {
    let section = &config.notifications.apns;
    let identity = Identity {
        url: section.url.clone(),
        key_id: section.key_id.clone(),
        team_id: section.team_id.clone(),
        topic: section.topic.clone(),
    };
    let pem = read(&section.key)?;
    let gateway = Apns::new(http, clock, identity, &pem);
    Ok(Arc::new(gateway.map_err(key_error(&section.key))?))
}

fn fcm(config: &Config, (http, clock): Parts) -> Result<Arc<dyn Gateway>, GatewayError> {
    let section = &config.notifications.fcm;
    let file = read(&section.credentials)?;
    let gateway = Fcm::new(http, clock, &section.url, &file);
    let gateway = gateway.map_err(|source| GatewayError::Account {
        path: section.credentials.clone(),
        source,
    })?;
    Ok(Arc::new(gateway))
}

fn web_push(config: &Config, (http, clock): Parts) -> Result<Arc<dyn Gateway>, GatewayError> {
    let section = &config.notifications.web_push;
    let pem = read(&section.key)?;
    let (subject, hosts) = (section.subject.clone(), section.hosts.clone());
    let gateway = WebPush::new(http, clock, subject, hosts, &pem);
    let gateway = gateway.map_err(key_error(&section.key))?;
    Ok(Arc::new(gateway))
}

/// The key that browsers subscribe with; empty where there is none, or none that can be read.
#[must_use]
pub fn web_push_key(config: &Config) -> Bytes {
    let path = &config.notifications.web_push.key;
    if path.as_os_str().is_empty() {
        return Bytes::new();
    }
    let signer = read(path).ok().and_then(|pem| Signer::p256(&pem).ok());
    signer.map_or_else(Bytes::new, |signer| {
        Bytes::copy_from_slice(signer.public_key())
    })
}

fn read(path: &Path) -> Result<Vec<u8>, GatewayError> {
    std::fs::read(path).map_err(|source| GatewayError::File {
        path: path.to_owned(),
        source,
    })
}

fn key_error(path: &Path) -> impl FnOnce(KeyError) -> GatewayError {
    let path = path.to_owned();
    move |source| GatewayError::Key { path, source }
}
