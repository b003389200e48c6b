//! The server's certificate: the operator's, or a self-signed one in the data folder.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};

use crate::config::TlsSection;

const CERTIFICATE_FILE: &str = "certificate.pem";
const KEY_FILE: &str = "certificate-key.pem";

/// A certificate chain with its key.
#[derive(Debug)]
pub struct Certificate {
    /// Chain, leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// Key of the leaf.
    pub key: PrivateKeyDer<'static>,
    /// Nobody vouches for it: clients pin its fingerprint.
    pub self_signed: bool,
}

impl Certificate {
    /// SHA-256 of the leaf's DER encoding, in lower hexadecimal.
    // impl[EIM-TRN-011]
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let der = self.chain.first().map_or(&[][..], AsRef::as_ref);
        Sha256::digest(der)
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect()
    }
}

/// The certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read or written.
    #[error("certificate file {path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("certificate file {path}: {source}")]
    Pem {
        /// Which.
        path: PathBuf,
        /// Why.
        source: rustls::pki_types::pem::Error,
    },
    /// No self-signed certificate could be made.
    #[error("self-signed certificate: {0}")]
    Create(#[from] rcgen::Error),
}

/// Loads the configured certificate, or the self-signed one of `data_dir`, which is created when
/// missing.
///
/// # Errors
/// Every [`CertificateError`].
pub fn load_or_create(
    config: &TlsSection,
    data_dir: &Path,
) -> Result<Certificate, CertificateError> {
    if !config.certificate.as_os_str().is_empty() {
        return load(&config.certificate, &config.key, false);
    }
    let (certificate, key) = (data_dir.join(CERTIFICATE_FILE), data_dir.join(KEY_FILE));
    if !certificate.exists() || !key.exists() {
        create(config, &certificate, &key)?;
    }
    load(&certificate, &key, true)
}

fn load(
    certificate: &Path,
    key: &Path,
    self_signed: bool,
) -> Result<Certificate, CertificateError> {
    let broken = |path: &Path| {
        let path = path.to_owned();
        move |source| CertificateError::Pem { path, source }
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .map_err(broken(certificate))?
        .collect::<Result<Vec<_>, _>>()
        .map_err(broken(certificate))?;
    if chain.is_empty() {
        return Err(broken(certificate)(
            rustls::pki_types::pem::Error::NoItemsFound,
        ));
    }
    let key = PrivateKeyDer::from_pem_file(key).map_err(broken(key))?;
    Ok(Certificate {
        chain,
        key,
        self_signed,
    })
}

fn create(config: &TlsSection, certificate: &Path, key: &Path) -> Result<(), CertificateError> {
    let pair = KeyPair::generate()?;
    let mut params = CertificateParams::new(config.self_signed_names.clone())?;
    params
        .distinguished_name
        .push(DnType::CommonName, "EIM server");
    let made = params.self_signed(&pair)?;
    write(key, &pair.serialize_pem(), 0o600)?;
    write(certificate, &made.pem(), 0o644)
}

/// Writes a file that is complete or absent, never half there.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), CertificateError> {
    let attempt = || {
        let temporary = path.with_extension("new");
        let mut file = fs::OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(mode)
            .open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    attempt().map_err(|source| CertificateError::File {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_created_certificate_is_kept_and_private() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let config = Config::from_toml("").unwrap().tls;
        let first = load_or_create(&config, folder.path()).unwrap();
        let second = load_or_create(&config, folder.path()).unwrap();
        assert!(first.self_signed);
        assert_eq!(first.fingerprint(), second.fingerprint());
        assert_eq!(first.fingerprint().len(), 64);
        let mode = fs::metadata(folder.path().join(KEY_FILE))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_broken_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.pem");
        fs::write(&path, "nonsense").unwrap();
        let mut config = Config::from_toml("").unwrap().tls;
        config.certificate = path.clone();
        config.key = path;
        let error = load_or_create(&config, folder.path())
            .unwrap_err()
            .to_string();
        assert!(error.contains("x.pem"), "{error}");
    }
}
