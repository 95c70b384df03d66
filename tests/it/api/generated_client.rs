//! A client that a stranger's generator writes from the API's description, used on the real binary.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::support::server::{Server, visitor};

/// The folder where `./test` puts the generator and what its clients need.
fn programs() -> String {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/openapi-python-client/bin");
    let found =
        std::env::var("OPENAPI_PYTHON_CLIENT").unwrap_or_else(|_| installed.to_str().unwrap().to_owned());
    assert!(Path::new(&found).exists(), "openapi-python-client is missing: ./test installs it");
    found
}

/// Writes a client for a description into `folder/client`; whatever the generator cannot take is an error.
fn generate(folder: &Path, description: &Value) -> Output {
    let (document, settings) = (folder.join("openapi.json"), folder.join("settings.json"));
    fs::write(&document, description.to_string()).unwrap();
    fs::write(&settings, r#"{"post_hooks": []}"#).unwrap();
    Command::new(format!("{}/openapi-python-client", programs()))
        .args(["generate", "--meta", "none", "--fail-on-warning", "--overwrite", "--path"])
        .args([&document, Path::new("--config"), &settings])
        .args([Path::new("--output-path"), &folder.join("client")])
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// How many calls a client has: one module each.
fn calls_of(folder: &Path) -> usize {
    let is_call = |entry: &fs::DirEntry| {
        entry.path().extension().is_some_and(|extension| extension == "py")
            && entry.file_name() != "__init__.py"
    };
    let tags = fs::read_dir(folder.join("client/api")).unwrap().map(|entry| entry.unwrap().path());
    let calls = tags
        .filter(|path| path.is_dir())
        .map(|tag| fs::read_dir(tag).unwrap().map(Result::unwrap).filter(is_call).count());
    calls.sum()
}

fn operations_of(description: &Value) -> usize {
    let paths = description["paths"].as_object().unwrap().values();
    paths.map(|operations| operations.as_object().unwrap().len()).sum()
}

#[tokio::test]
async fn a_generated_client_has_every_call_lists_clients_and_gets_a_link() {
    let server = Server::start();
    for name in ["ada", "bob", "cyd"] {
        server.add_client(&format!("{name}@example.org"), name, "Lovelace");
    }
    let response = visitor().get(server.url("/api/openapi.json")).send().await.unwrap();
    let description: Value = response.json().await.unwrap();
    let folder = tempfile::tempdir().unwrap();

    let written = generate(folder.path(), &description);
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    assert_eq!(calls_of(folder.path()), operations_of(&description));
    let output = Command::new(format!("{}/python", programs()))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/api/generated_client.py"))
        .args([folder.path().to_str().unwrap(), &server.url(""), &server.key])
        .stdin(Stdio::null())
        .output()
        .unwrap();

    let printed: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let expected = json!({
        "both": ["ada@example.org", "cyd@example.org"],
        "one": [[2, "bob Lovelace", false]],
        "total": 1,
        "link": server.ask_for_link(2).await,
        "reused": false,
        "version": "20261201",
        "refused": "unauthenticated",
    });
    assert_eq!(printed, expected);
}

/// Here the generator leaves out one of two calls, and both ways to notice that do.
#[test]
fn a_call_that_the_generator_cannot_write_does_not_pass_unseen() {
    let responses = json!({ "204": { "description": "Done." } });
    let odd = json!([{ "name": "X", "in": "header", "schema": { "type": "array", "items": { "$ref": "#/nowhere" } } }]);
    let description = json!({
        "openapi": "3.1.0",
        "info": { "title": "odd", "version": "1" },
        "paths": { "/a": {
            "get": { "operationId": "even", "responses": responses },
            "put": { "operationId": "odd", "parameters": odd, "responses": responses },
        }},
    });
    let folder = tempfile::tempdir().unwrap();

    let written = generate(folder.path(), &description);

    assert!(!written.status.success() && String::from_utf8_lossy(&written.stderr).contains("PUT /a"));
    assert_ne!(calls_of(folder.path()), operations_of(&description));
}
