//! The Unix socket for commands against a running server.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;

use super::command::{Command, Reply, execute};
use crate::hub::Hub;
use crate::service::accounts::Accounts;
use crate::store::TenantId;

/// Name of the socket in the data folder.
pub const SOCKET_FILE: &str = "admin.sock";

/// Longest command, in octets: an import of many thousand accounts.
const MAX_COMMAND_OCTETS: u64 = 64 << 20;

/// Removes the socket when the server is gone.
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _already_gone = fs::remove_file(&self.0);
    }
}

/// Binds the socket in `data_dir`, which this process must own (a leftover socket is replaced), and
/// returns the task that answers commands until the server stops.
///
/// # Errors
/// As the system says.
pub fn listen(
    data_dir: &Path,
    accounts: Accounts,
    hub: Arc<Hub>,
    tenant: TenantId,
    stopping: CancellationToken,
) -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let path = data_dir.join(SOCKET_FILE);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    // The folder itself is closed to others, so nobody gets in before this.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok(async move {
        let _file = SocketFile(path);
        loop {
            let accepted = tokio::select! {
                biased;
                () = stopping.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            if let Ok((stream, _)) = accepted {
                let (accounts, hub) = (accounts.clone(), Arc::clone(&hub));
                tokio::spawn(async move {
                    if let Err(error) = answer(stream, &accounts, &hub, tenant).await {
                        tracing::debug!(%error, "admin connection");
                    }
                });
            }
        }
    })
}

async fn answer(
    mut stream: UnixStream,
    accounts: &Accounts,
    hub: &Hub,
    tenant: TenantId,
) -> io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut lines = BufReader::new(reader.take(MAX_COMMAND_OCTETS)).lines();
    while let Some(line) = lines.next_line().await? {
        let reply = match serde_json::from_str::<Command>(&line) {
            Ok(command) => execute(accounts, Some((hub, tenant)), command).await,
            Err(error) => Reply::Failed {
                reason: format!("not a command: {error}"),
            },
        };
        let mut octets = serde_json::to_vec(&reply)?;
        octets.push(b'\n');
        writer.write_all(&octets).await?;
    }
    Ok(())
}
