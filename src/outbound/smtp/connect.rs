//! A connection to a mail server: its name's addresses, tried one after the other.

use std::net::SocketAddr;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout, timeout_at};

use super::endpoint::{Encryption, Endpoint};
use super::transcript::Transcript;
use super::trouble::Trouble;

/// Addresses of one name that are tried.
const MAX_ADDRESSES: usize = 8;

/// Connects to the first address that takes the connection.
pub(super) async fn connect(endpoint: &Endpoint, transcript: &Transcript) -> Result<TcpStream, Trouble> {
    let deadline = Instant::now() + endpoint.timeouts.connect;
    let addresses = resolve(endpoint, transcript, deadline).await?;
    let mut trouble = Trouble::UnknownName("it has none".to_owned());
    for (index, address) in addresses.iter().enumerate() {
        // An address that does not answer leaves time for the others.
        let others = u32::try_from(addresses.len() - index).unwrap_or(1);
        let share = deadline.saturating_duration_since(Instant::now()) / others;
        trouble = match timeout(share, TcpStream::connect(*address)).await {
            Ok(Ok(stream)) => {
                transcript.note("connection", None, || format!("connected to {address}"));
                // Commands are small, and each is waited for.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => Trouble::Unreachable(*address, error.to_string()),
            Err(_) => Trouble::ConnectTimeout(*address),
        };
        transcript.note("connection", None, || trouble.to_string());
    }
    Err(trouble)
}

async fn resolve(
    endpoint: &Endpoint,
    transcript: &Transcript,
    deadline: Instant,
) -> Result<Vec<SocketAddr>, Trouble> {
    let (host, port) = (&*endpoint.config.host, endpoint.config.port);
    let found = timeout_at(deadline, lookup_host((host, port))).await;
    let found = found.map_err(|_| Trouble::UnknownName("the resolver does not answer".to_owned()))?;
    let found = found.map_err(|error| Trouble::UnknownName(error.to_string()))?;
    let addresses: Vec<_> = found.take(MAX_ADDRESSES).collect();
    transcript.note("name", Some(host), || {
        let shown: Vec<_> = addresses.iter().map(|address| address.ip().to_string()).collect();
        shown.join(", ")
    });
    // A name such as localhost is what a resolver makes of it.
    let is_kept_here = matches!(endpoint.encryption, Encryption::None { is_anywhere_allowed: false });
    match addresses.iter().find(|address| is_kept_here && !address.ip().is_loopback()) {
        Some(address) => Err(Trouble::NotLoopback(*address)),
        None => Ok(addresses),
    }
}
