//! TCP.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::{TcpSocket, TcpStream, lookup_host};

use crate::options::ServerUrl;

// impl[EIM-TRN-002]
/// Connects to the first address of the server that answers.
pub(super) async fn connect(server: &ServerUrl, source: Option<IpAddr>) -> io::Result<TcpStream> {
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the server's name has no address");
    for address in lookup_host((server.host.as_str(), server.port)).await? {
        let connected = match source {
            Some(source) => connect_from(source, address).await,
            None => TcpStream::connect(address).await,
        };
        match connected {
            Ok(stream) => {
                // impl[EIM-TRN-003] Writes are coalesced already; waiting for more would only cost time.
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

async fn connect_from(source: IpAddr, address: SocketAddr) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.bind(SocketAddr::new(source, 0))?;
    socket.connect(address).await
}
