//! What the recipes of `docs/proxies` pass on besides pages, and that the documents show them as they are tested.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use super::reverse_proxies::{email_at, page_of};
use crate::support::curl_client::CurlClient;
use crate::support::reverse_proxy::{CONNECTIONS, ReverseProxies, recipe};
use crate::support::wait::until;

/// A preflight carries no cookie, so it could never pass: it goes on to the application, as nobody. Nothing else does.
#[test]
fn a_preflight_reaches_the_application_as_nobody() {
    let front = ReverseProxies::start();
    for way in front.ways() {
        let (_, person) = CurlClient::signs_in(&front, &way, &email_at(&way));
        let origin = ["--header", "Origin: https://elsewhere.example"];
        let preflight =
            [&["--request", "OPTIONS", "--header", "Access-Control-Request-Method: PUT"][..], &origin];
        let forged = ["--header", "Remote-User: 666", "--header", "Remote_Email: eve@evil.test"];
        let stranger = CurlClient::sets_out(&way);
        for (who, arguments) in [
            (&stranger, preflight.concat()),
            (&stranger, [&preflight.concat()[..], &forged].concat()),
            (&person, preflight.concat()),
        ] {
            front.application.visits();
            assert_eq!(who.open_with(&page_of(&way), &arguments).status, 200, "{way:?}: {arguments:?}");
            let reached = front.application.visits();
            assert_eq!((reached.len(), &*reached[0].method), (1, "OPTIONS"), "{way:?}: {arguments:?}");
            assert_eq!(reached[0].identity(), [], "{way:?}: {arguments:?}");
        }
        for arguments in [
            &["--request", "OPTIONS"][..],
            &["--request", "OPTIONS", "--header", "Access-Control-Request-Method;"],
            &["--request", "GET", "--header", "Access-Control-Request-Method: PUT"],
            &["--request", "POST", "--header", "Access-Control-Request-Method: PUT"],
        ] {
            assert_eq!(stranger.open_with(&page_of(&way), arguments).status, 302, "{way:?}: {arguments:?}");
            assert_eq!(front.application.visits().len(), 0, "{way:?}: {arguments:?}");
        }
    }
}

/// Else a path would belong to the one behind nginx and to the other behind Caddy.
#[test]
fn every_recipe_on_the_portals_host_draws_the_same_line_between_doorkey_and_the_application() {
    let front = ReverseProxies::start();
    for way in front.ways().into_iter().filter(|way| way.application == way.portal) {
        let (_, person) = CurlClient::signs_in(&front, &way, &email_at(&way));
        let tops = ["/login", "/logout", "/auth", "/api", "/docs", "/oidc"];
        let documents = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];
        let below = tops.map(|top| format!("{top}/x"));
        let beside = tops.map(|top| format!("{top}s"));
        let in_capitals = tops.map(str::to_uppercase);
        let own = tops.iter().chain(&documents).chain(&["/"]).map(|top| (*top).to_owned()).chain(below);
        let beside = beside.into_iter().chain(documents.map(|document| format!("{document}s")));
        let paths = own.map(|path| (path, 0)).chain(beside.chain(in_capitals).map(|path| (path, 1)));
        for (path, visits) in paths {
            person.open(&format!("{}{path}", way.portal));
            assert_eq!(front.application.visits().len(), visits, "{way:?}: {path}");
        }
    }
}

/// After the sign-in the application must not get a `GET` of an address that only takes forms.
#[test]
fn a_form_sent_after_the_session_ended_is_not_asked_again_as_a_page() {
    let front = ReverseProxies::start();
    for way in front.ways() {
        let client = way.add_client(&front.server, &email_at(&way), "Ada", "Lovelace");
        let person = CurlClient::sets_out(&way);

        let form = format!("{}/orders/12/cancel", way.application);
        let refused = person.open_with(&form, &["--data-raw", "sure=yes"]);
        assert_eq!(refused.status, 302, "{way:?}");
        assert_eq!(refused.header("location").unwrap(), format!("{}/login", way.portal), "{way:?}");
        person.open(refused.header("location").unwrap());
        person.sign_in(&way.ask_for_link(&front.server, &client));

        let reached = front.application.visits();
        assert!(!reached.iter().any(|visit| visit.uri.contains("cancel")), "{way:?}: {reached:?}");
    }
}

/// Whoever holds connections open can bring nginx to the point where it may take a request and ask nobody.
#[test]
fn no_log_of_nginx_holds_a_token_when_its_connections_run_out() {
    let front = ReverseProxies::start();
    let way = front.tls_alone();
    let client = way.add_client(&front.server, "ada@example.org", "Ada", "Lovelace");
    let link = way.ask_for_link(&front.server, &client);
    let mut held = Vec::new();
    let mut failures = 0;
    while held.len() < CONNECTIONS && failures == 0 {
        // The first byte of a handshake: what has sent nothing may be closed again.
        let mut connection = TcpStream::connect(("127.0.0.1", way.port())).unwrap();
        connection.write_all(&[0x16]).unwrap();
        held.push(connection);
        failures += usize::from(CurlClient::sets_out(&way).open(&link).status >= 500);
    }

    assert_eq!(failures, 1, "nginx never ran out of connections");
    let token = link.split_once("token=").unwrap().1;
    assert!(!front.proxy_logs().contains(token), "{}", front.proxy_logs());
}

/// nginx refuses some requests before it chooses a location, and so by what is set further up.
#[test]
fn no_log_of_a_proxy_holds_the_token_of_a_request_that_it_refuses() {
    let front = ReverseProxies::start();
    let mut links = Vec::new();
    for way in front.all_ways() {
        let client = way.add_client(&front.server, &email_at(&way), "Ada", "Lovelace");
        let link = way.ask_for_link(&front.server, &client);
        let person = CurlClient::sets_out(&way);
        let long = "x".repeat(9_000);
        for (url, header) in [
            (link.clone(), format!("Cookie: other={long}")),
            (format!("{link}&utm={long}"), "A: b".to_owned()),
            (link.replacen("https://", "http://", 1), "A: b".to_owned()),
            (link.clone(), "Host: a b".to_owned()),
            (link.replacen("/login?", "/login/../../x?", 1), "A: b".to_owned()),
        ] {
            let status = person.open_saying(&url, &[&header]).status;
            let is_refused = (400..500).contains(&status);
            assert!(is_refused || way.name.starts_with("Caddy"), "{way:?}: {url:.80} {header:.80}: {status}");
        }
        links.push((way, link));
    }
    for way in front.ways() {
        let name = email_at(&way);
        CurlClient::sets_out(&way).open(&format!("{}/orders/{name}", way.application));
        let is_written = || front.proxy_logs().contains(&format!("GET /orders/{name}"));
        if way.name.starts_with("nginx") {
            until(Duration::from_secs(5), is_written, || format!("{way:?}: {}", front.proxy_logs()));
        }
    }

    let logs = front.proxy_logs();
    for (way, link) in &links {
        let token = link.split_once("token=").unwrap().1;
        assert!(!logs.contains(token), "{way:?}:\n{logs}");
    }
}

#[test]
fn the_recipe_for_tls_alone_signs_people_in() {
    let front = ReverseProxies::start();
    let way = front.tls_alone();
    let client = way.add_client(&front.server, "ada@example.org", "Ada", "Lovelace");
    let person = CurlClient::sets_out(&way);

    let (address, page) = person.sign_in(&way.ask_for_link(&front.server, &client));

    assert_eq!((address, page.status), (format!("{}/", way.portal), 200));
    assert!(page.body.contains("Ada Lovelace"), "{}", page.body);
}

#[test]
fn the_readme_shows_the_recipe_for_tls_that_is_tested() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    assert!(readme.contains(&format!("\n{}```\n", recipe("nginx-tls.conf"))));
}

#[test]
fn the_page_shows_the_recipes_that_are_tested() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/proxies.md")).unwrap();
    for name in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/proxies")).unwrap() {
        let name = name.unwrap().file_name().into_string().unwrap();
        assert!(page.contains(&format!("\n{}```\n", recipe(&name))), "docs/proxies.md does not show {name}");
    }
}
