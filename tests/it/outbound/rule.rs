//! Where a call may lead: the same verdict when a URL is saved and when it is called.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use doorkey::domain::outbound::{OutboundAllow, OutboundUrl};
use doorkey::outbound::http::{Failure, OutboundClient, Refused, Response};

use crate::support::receiver::{Answer, Receiver};

const TIME_LIMIT: Duration = Duration::from_secs(10);

fn client(allowed: &str, own: &[SocketAddr]) -> OutboundClient {
    OutboundClient::new(OutboundAllow::parse(allowed).unwrap(), own.iter().copied())
}

fn addresses(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

async fn post(client: &OutboundClient, url: &str) -> Result<Response, Failure> {
    client.post(&OutboundUrl::parse(url).unwrap(), &[], "x", TIME_LIMIT).await
}

/// Asserts that a URL is refused when it is saved and when it is called, for the same reason.
async fn refused(client: &OutboundClient, url: &str) -> String {
    let saved = client.check(&OutboundUrl::parse(url).unwrap()).await.expect_err(url);
    let called = post(client, url).await.expect_err(url);
    assert_eq!(called, Failure::Refused(saved.clone()), "{url}");
    assert_eq!(called.to_string(), saved.to_string());
    saved.to_string()
}

async fn taken(client: &OutboundClient, url: &str) {
    assert_eq!(client.check(&OutboundUrl::parse(url).unwrap()).await, Ok(()), "{url}");
    assert_eq!(post(client, url).await.unwrap().status, 204, "{url}");
}

#[tokio::test]
async fn one_address_that_is_not_public_refuses_a_name_and_nothing_is_connected_to() {
    let receiver = Receiver::start(Answer::status("204 No Content")).await;
    let name = format!("http://hooks.test:{}/", receiver.port());
    for (found, allowed) in [
        (&["127.0.0.1"][..], "10.0.0.0/8"),
        (&["8.8.8.8", "127.0.0.1"], "8.8.8.8"),
        (&["127.0.0.1", "8.8.8.8"], "127.0.0.1"),
        (&["127.0.0.1", "10.0.0.1"], "127.0.0.0/8"),
        (&["::ffff:127.0.0.1", "10.0.0.1"], "127.0.0.0/8"),
        (&["127.0.0.1"], "other.test"),
    ] {
        let found = addresses(found);
        let client = client(allowed, &[]).resolving_by(move |_| Ok(found.clone()));

        refused(&client, &name).await;
        refused(&client, "https://hooks.test/").await;
    }
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn each_reason_is_said_with_what_to_do() {
    let plain = client("", &[]).resolving_by(|name| match name {
        "inside.test" => Ok(addresses(&["8.8.8.8", "10.0.0.1"])),
        "empty.test" => Ok(Vec::new()),
        "public.test" => Ok(addresses(&["8.8.8.8"])),
        _ => Err(std::io::Error::other("no such\r\nname")),
    });
    for (url, said) in [
        ("https://inside.test/", "inside.test leads to 10.0.0.1, which is not public"),
        ("https://10.0.0.1/", "10.0.0.1 is not public"),
        ("https://[::ffff:7f00:1]/", "which is not public"),
        ("https://0x7f.1/", "127.0.0.1 is not public"),
        ("https://empty.test/", "the name empty.test does not resolve: it has no address"),
        ("https://unknown.test/", "the name unknown.test does not resolve: no such  name"),
        ("http://public.test/", "must be https"),
        ("https://public.test:8444/", "its port is 8444 and must be 443 or 8443"),
    ] {
        let sentence = refused(&plain, url).await;
        assert!(sentence.contains(said) && sentence.len() <= 500, "{url}: {sentence}");
        let is_about_the_rule = !said.contains("does not resolve");
        assert_eq!(sentence.contains("--outbound-allow"), is_about_the_rule, "{sentence}");
    }
    for url in ["https://public.test/", "https://public.test:8443/x"] {
        assert_eq!(plain.check(&OutboundUrl::parse(url).unwrap()).await, Ok(()));
    }
    let nowhere = OutboundUrl::parse("https://nowhere.invalid/").unwrap();
    let by_system = client("", &[]).check(&nowhere).await;
    assert!(matches!(by_system, Err(Refused::Unresolved { .. })), "{by_system:?}");
}

#[tokio::test]
async fn what_is_allowed_is_called_over_http_on_any_port() {
    let receiver = Receiver::start(Answer::status("204 No Content")).await;
    let port = receiver.port();

    for allowed in ["127.0.0.1", "127.0.0.0/8", "10.0.0.0/8,127.0.0.1/32"] {
        taken(&client(allowed, &[]), &format!("http://127.0.0.1:{port}/x")).await;
    }
    let to_loopback = |allowed: &str| {
        client(allowed, &[]).resolving_by(|name| {
            assert_eq!(name, "hooks.test");
            Ok(addresses(&["127.0.0.1"]))
        })
    };
    for allowed in ["127.0.0.1", "hooks.test", "HOOKS.test."] {
        taken(&to_loopback(allowed), &format!("http://Hooks.TEST:{port}/x")).await;
    }
    // An address as a host is no name, and a name no address.
    refused(&to_loopback("localhost"), &format!("http://hooks.test:{port}/x")).await;
    refused(&client("localhost", &[]), &format!("http://127.0.0.1:{port}/x")).await;
}

#[tokio::test]
async fn a_name_is_asked_for_once_a_call_and_called_where_it_led_then() {
    let receiver = Receiver::start_at("127.0.0.1:0", Answer::status("204 No Content"), None).await;
    let elsewhere = format!("127.0.0.2:{}", receiver.port());
    let elsewhere = Receiver::start_at(&elsewhere, Answer::status("204 No Content"), None).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let client = client("127.0.0.1", &[]).resolving_by(move |_| {
        let is_first = count.fetch_add(1, Ordering::SeqCst) == 0;
        Ok(addresses(if is_first { &["127.0.0.1"] } else { &["127.0.0.2"] }))
    });
    let url = format!("http://hooks.test:{}/", receiver.port());

    assert_eq!(post(&client, &url).await.unwrap().status, 204);
    assert_eq!((asked.load(Ordering::SeqCst), receiver.connections()), (1, 1));

    let sentence = post(&client, &url).await.unwrap_err().to_string();
    assert!(sentence.contains("must be https"), "{sentence}");
    assert_eq!((asked.load(Ordering::SeqCst), elsewhere.connections()), (2, 0));
}

#[tokio::test]
async fn an_address_that_takes_no_connection_leaves_the_next_its_turn() {
    let receiver = Receiver::start(Answer::status("204 No Content")).await;
    let client = client("127.0.0.0/8", &[]).resolving_by(|_| Ok(addresses(&["127.0.0.3", "127.0.0.1"])));

    taken(&client, &format!("http://hooks.test:{}/", receiver.port())).await;
}

/// Its listeners are for operators and admins too, and allowing this machine is no leave to go in there.
#[tokio::test]
async fn this_server_is_never_called_whatever_is_allowed() {
    let receiver = Receiver::start_at("0.0.0.0:0", Answer::status("204 No Content"), None).await;
    let port = receiver.port();
    let everywhere = "127.0.0.0/8,0.0.0.0/0,::/0,localhost,hooks.test";
    let to = |own: &str, found: &'static str| {
        client(everywhere, &[own.parse().unwrap()]).resolving_by(move |_| Ok(addresses(&[found])))
    };

    for own in [format!("127.0.0.1:{port}"), format!("0.0.0.0:{port}"), format!("[::]:{port}")] {
        for host in ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "0.0.0.0"] {
            let sentence = refused(&to(&own, "9.9.9.9"), &format!("http://{host}:{port}/")).await;
            assert!(sentence.contains("this server itself"), "{sentence}");
        }
        for found in ["127.0.0.1", "::ffff:127.0.0.1", "0.0.0.0"] {
            refused(&to(&own, found), &format!("http://localhost:{port}/")).await;
            refused(&to(&own, found), &format!("http://hooks.test:{port}/")).await;
        }
    }
    assert_eq!(receiver.connections(), 0);
    // Another port of this machine is another server.
    taken(&to("0.0.0.0:1", "127.0.0.1"), &format!("http://hooks.test:{port}/")).await;
}
