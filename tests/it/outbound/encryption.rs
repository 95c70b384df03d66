//! Nothing is sent to a server whose certificate is not for the host of the URL.

use std::sync::Arc;
use std::time::Duration;

use doorkey::domain::outbound::{OutboundAllow, OutboundUrl};
use doorkey::outbound::http::{Failure, OutboundClient, Response};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{RootCertStore, ServerConfig};

use crate::support::certificates::Authority;
use crate::support::receiver::{Answer, Receiver};

const TIME_LIMIT: Duration = Duration::from_secs(10);

fn client(authority: &Authority) -> OutboundClient {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority.root()).unwrap()).unwrap();
    let client = OutboundClient::new(OutboundAllow::parse("hooks.test,127.0.0.1").unwrap(), []);
    client.trusting(roots).unwrap().resolving_by(|_| Ok(vec!["127.0.0.1".parse().unwrap()]))
}

/// Calls a server with such TLS at a host; gives what came to the server, too.
async fn call(
    client: &OutboundClient,
    tls: Option<Arc<ServerConfig>>,
    host: &str,
) -> (Vec<String>, Result<Response, Failure>) {
    let receiver = Receiver::start_at("127.0.0.1:0", Answer::status("204 No Content"), tls).await;
    let url = OutboundUrl::parse(&format!("https://{host}:{}/", receiver.port())).unwrap();
    let answered = client.post(&url, &[], "secret", TIME_LIMIT).await;
    (receiver.requests(), answered)
}

#[tokio::test]
async fn a_server_with_a_certificate_for_the_host_is_called_over_tls() {
    let authority = Authority::new();
    let client = client(&authority);
    for host in ["hooks.test", "HOOKS.test", "hooks.test."] {
        let (requests, answered) = call(&client, Some(authority.server("hooks.test", 2)), host).await;

        assert_eq!(answered.unwrap().status, 204, "{host}");
        assert!(requests[0].contains("\r\nhost: hooks.test:"), "{requests:?}");
    }
}

#[tokio::test]
async fn a_server_that_cannot_show_who_it_is_gets_nothing() {
    let authority = Authority::new();
    let client = client(&authority);
    let stranger = Authority::new();
    for (tls, host, said) in [
        (Some(authority.server("other.test", 2)), "hooks.test", "is for other hosts"),
        (Some(authority.server("hooks.test", 2)), "127.0.0.1", "is for other hosts"),
        (Some(authority.server("hooks.test", -1)), "hooks.test", "has expired"),
        (Some(stranger.server("hooks.test", 2)), "hooks.test", "SSL_CERT_FILE"),
        (None, "hooks.test", "TLS with hooks.test fails"),
    ] {
        let (requests, answered) = call(&client, tls, host).await;

        let sentence = answered.unwrap_err().to_string();
        assert!(sentence.contains(said), "{sentence}");
        assert_eq!(requests, [""; 0], "{said}");
    }
    // What this system trusts does not know the authority of a test.
    let plain = OutboundClient::new(OutboundAllow::parse("hooks.test").unwrap(), []);
    let plain = plain.resolving_by(|_| Ok(vec!["127.0.0.1".parse().unwrap()]));
    let (requests, answered) = call(&plain, Some(authority.server("hooks.test", 2)), "hooks.test").await;
    assert!(answered.is_err() && requests.is_empty(), "{answered:?}");
}
