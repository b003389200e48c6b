//! A client on a folder.

use std::sync::Arc;

use eim_client::environment::Environment;
use eim_client::options::{Attach, Trust};
use eim_client::store::{SqliteStore, Store};
use eim_client::tls::fingerprint;
use eim_client::{Client, Events, Options};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::command::{Connect, Mode};
use super::refs::Refs;

/// A client that was told to connect.
pub(super) struct Profile {
    pub(super) connect: Connect,
    pub(super) client: Client,
    /// Until the client is over.
    pub(super) events: Option<Events>,
    pub(super) refs: Refs,
}

impl Profile {
    /// Starts a client. An `earlier` one of the same folder lends its store.
    pub(super) async fn open(connect: Connect, earlier: Option<Self>) -> Result<Self, String> {
        let (store, refs) = match earlier {
            Some(earlier) if earlier.connect.data == connect.data => {
                (Arc::clone(earlier.client.store()), earlier.refs)
            }
            _ => {
                let refs = Refs::open(&connect.data).map_err(|error| error.to_string())?;
                let store = SqliteStore::open(&connect.data, &Environment::default());
                let store: Arc<dyn Store> = Arc::new(store.map_err(|error| error.to_string())?);
                (store, refs)
            }
        };
        let client = Client::start(options(&connect, store)?)
            .await
            .map_err(|error| error.to_string())?;
        let events = client.events();
        Ok(Self {
            connect,
            client,
            events,
            refs,
        })
    }
}

fn options(connect: &Connect, store: Arc<dyn Store>) -> Result<Options, String> {
    let server = connect.endpoint.parse();
    let server = server.map_err(|error: eim_client::options::InvalidUrl| error.to_string())?;
    let mut options = Options::new(server, &connect.user, Some(&connect.password), store);
    options.device_name.clone_from(&connect.device_name);
    options.attach = match connect.mode {
        Mode::Full => Attach::Full,
        Mode::SendOnly => Attach::SendOnly,
    };
    if let Some(pem) = &connect.certificate {
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes())
            .map_err(|error| format!("certificate: {error}"))?;
        options.trust = Some(Trust::Pinned(fingerprint(&certificate)));
    }
    Ok(options)
}
