//! A whole sign-in by the crate `openidconnect`, in a program of its own: tests/oidc/openidconnect, which `./test` builds.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::server::Server;

const CALLBACK: &str = "https://app.example.org/cb";

/// A server, and an app there with these flags.
fn server_and_app(flags: &[&str]) -> (Server, Value) {
    let server = Server::start();
    let create = ["app", "create", "Wiki", "--workspace", "Acme", "--redirect-uri", CALLBACK, "--json"];
    let app = server.run(&[&create[..], flags].concat());
    let app = serde_json::from_str(&app).unwrap();
    (server, app)
}

/// What the program made of a sign-in by this link.
async fn signs_in(server: &Server, app: &Value, secret: &str) -> Output {
    let program = std::env::var_os("OPENIDCONNECT_CLIENT").map(PathBuf::from).expect(
        "OPENIDCONNECT_CLIENT must name the program of tests/oidc/openidconnect, as ./test does: \
         cargo build --manifest-path tests/oidc/openidconnect/Cargo.toml",
    );
    let user = server.add_client("ada@example.org", "Ada", "Lovelace");
    let link = server.ask_for_link(user).await;
    let [issuer, client_id] = ["issuer", "client_id"].map(|name| app[name].as_str().unwrap());
    let mut command = Command::new(&program);
    command.args([issuer, client_id, secret, CALLBACK, &link]).stdin(Stdio::null());
    command.output().unwrap_or_else(|error| panic!("{}: {error}", program.display()))
}

#[tokio::test]
async fn the_crate_openidconnect_signs_a_person_in() {
    for (flags, algorithm) in [(&[][..], "RS256"), (&["--alg", "ES256"], "ES256")] {
        let (server, app) = server_and_app(flags);

        let output = signs_in(&server, &app, app["client_secret"].as_str().unwrap()).await;

        assert!(output.status.success(), "{algorithm}: {}", String::from_utf8_lossy(&output.stderr));
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(told["alg"], algorithm);
        for claims in [&told["id_token"], &told["userinfo"]] {
            assert_eq!(
                (&claims["email"], &claims["name"]),
                (&"ada@example.org".into(), &"Ada Lovelace".into())
            );
            assert_eq!(claims["email_verified"], true);
            assert_eq!(claims["sub"].as_str().unwrap().len(), 22);
        }
        assert_eq!(told["id_token"]["aud"], Value::from(vec![app["client_id"].as_str().unwrap()]));
        assert_eq!(told["id_token"]["acr"], "urn:doorkey:mailbox");
    }
}

#[tokio::test]
async fn the_crate_openidconnect_says_what_is_wrong() {
    let (server, app) = server_and_app(&[]);

    let output = signs_in(&server, &app, "wrong").await;

    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{complaint}");
    assert!(complaint.contains("the exchange") && complaint.contains("invalid_client"), "{complaint}");
}
