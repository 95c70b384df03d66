//! The modules of the OpenID Foundation's conformance suite, each by its name, told again in Python: here, and at a provider
//! that is certified, which shows that they judge right.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::ports::free_port;
use crate::support::process::Process;
use crate::support::server::Server;
use crate::support::wait::until;

const SUITE: &str = "https://localhost.emobix.co.uk:8443";
const CONFIG: &str = "conformance.json";
const CLIENTS: [&str; 3] = ["client", "client2", "client_secret_post"];

/// How often each outcome comes: a module that is lost is as bad as one that fails.
struct Counts {
    line: &'static str,
    not_passed: &'static [(&'static str, &'static str)],
}

const DOORKEY: Counts = Counts {
    line: "51 modules: 43 passed, 2 warning, 6 skipped, 0 failed; 0 not as expected",
    not_passed: &[
        ("SKIPPED", "oidcc-idtoken-unsigned"),
        ("WARNING", "oidcc-scope-profile"),
        ("SKIPPED", "oidcc-scope-address"),
        ("SKIPPED", "oidcc-scope-all"),
        ("SKIPPED", "oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported"),
        ("SKIPPED", "oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported"),
        ("WARNING", "oidcc-claims-essential"),
        ("SKIPPED", "oidcc-refresh-token"),
    ],
};

const OIDC_PROVIDER: Counts = Counts {
    line: "51 modules: 47 passed, 1 warning, 3 skipped, 0 failed; 0 not as expected",
    not_passed: &[
        ("SKIPPED", "oidcc-idtoken-unsigned"),
        ("WARNING", "oidcc-ensure-request-with-acr-values-succeeds"),
        ("SKIPPED", "oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported"),
        ("SKIPPED", "oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported"),
    ],
};

/// What the suite's plans have, in their order.
const MODULES: &str = "
    server response-type-missing idtoken-signature idtoken-unsigned userinfo-get userinfo-post-header userinfo-post-body
    ensure-request-without-nonce-succeeds-for-code-flow scope-profile scope-email scope-address scope-phone scope-all
    ensure-other-scope-order-succeeds alternate-happy-flow display-page display-popup prompt-login
    prompt-none-not-logged-in prompt-none-logged-in max-age-1 max-age-10000
    ensure-request-with-unknown-parameter-succeeds id-token-hint login-hint ui-locales claims-locales
    ensure-request-with-acr-values-succeeds codereuse codereuse-30seconds ensure-registered-redirect-uri
    ensure-post-request-succeeds server-client-secret-post
    request-uri-unsigned-supported-correctly-or-rejected-as-unsupported
    unsigned-request-object-supported-correctly-or-rejected-as-unsupported claims-essential
    ensure-request-object-with-redirect-uri refresh-token ensure-request-with-valid-pkce-succeeds
    discovery-endpoint-verification
    rp-initiated-logout-discovery-endpoint-verification rp-initiated-logout
    rp-initiated-logout-bad-post-logout-redirect-uri rp-initiated-logout-modified-id-token-hint
    rp-initiated-logout-no-id-token-hint rp-initiated-logout-no-params
    rp-initiated-logout-no-post-logout-redirect-uri rp-initiated-logout-no-state rp-initiated-logout-only-state
    rp-initiated-logout-query-added-to-post-logout-redirect-uri rp-initiated-logout-bad-id-token-hint";

#[test]
fn every_module_of_the_three_plans_ends_as_the_suite_would_have_it() {
    let server = Server::start();
    let add =
        ["user", "add", "--workspace", "Acme", "--email", "ada@example.org", "--phone", "+49 30 901820"];
    let ada = server.run(&[&add[..], &["--name-f", "Ada", "--name-l", "Lovelace", "--json"]].concat());
    let ada = serde_json::from_str::<Value>(&ada).unwrap()["id"].to_string();
    let mut config = documented(&server.url(""));
    for client in CLIENTS {
        config[client] = app(&server, config[client]["client_id"].as_str().unwrap());
    }
    let file = server.path(CONFIG);
    fs::write(&file, config.to_string()).unwrap();

    let output =
        python("basic_op.py", &file).args(["--user", &ada]).env("DOORKEY_API_KEY", &server.key).output();
    let output = output.unwrap();

    judge(&output, &DOORKEY);
}

#[test]
fn a_certified_provider_passes_the_same_modules() {
    let provider = OidcProvider::start();

    let output = provider.visitor("basic_op.py").output().unwrap();

    judge(&output, &OIDC_PROVIDER);
}

/// One thing at a time is made wrong on the way to a provider that is right.
#[test]
fn the_modules_find_what_a_provider_does_wrong() {
    let provider = OidcProvider::start();

    let output = provider.visitor("self_test.py").output().unwrap();

    let said = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said.lines().last(), Some("24 cases, 0 misjudged"), "{said}\n{complaints}");
    assert!(output.status.success(), "{said}\n{complaints}");
}

/// The file that the documents give, for this issuer.
fn documented(issuer: &str) -> Value {
    let file = fs::read_to_string(house().join("docs/oidc-conformance-config.json")).unwrap();
    serde_json::from_str(&file.replace("https://example.com", issuer)).unwrap()
}

/// An app as the documents have it made.
fn app(server: &Server, id: &str) -> Value {
    let base = format!("{SUITE}/test/a/doorkey");
    let (back, out) = (format!("{base}/callback"), format!("{base}/post_logout_redirect"));
    let create =
        ["app", "create", id, "--workspace", "Acme", "--client-id", id, "--pkce", "optional", "--json"];
    let uris = ["--redirect-uri", &back, "--post-logout-redirect-uri", &out];
    let made: Value = serde_json::from_str(&server.run(&[&create[..], &uris].concat())).unwrap();
    json!({"client_id": id, "client_secret": made["client_secret"]})
}

/// A program of `tests/oidc` with this configuration.
fn python(program: &str, config: &Path) -> Command {
    let python = installed("CONFORMANCE", "conformance").join("bin/python");
    assert!(python.exists(), "joserfc is missing: ./test installs it");
    let mut command = Command::new(python);
    // It leaves nothing beside the source.
    command.arg("-B").arg(house().join("tests/oidc").join(program)).arg(config);
    command.args(["--suite-url", SUITE]).stdin(Stdio::null());
    command
}

/// npm's oidc-provider, which serves the clients of its configuration.
struct OidcProvider {
    // It ends before its folder goes.
    _process: Process,
    folder: TempDir,
}

impl OidcProvider {
    fn start() -> Self {
        let modules = installed("OIDC_PROVIDER", "oidc-provider").join("node_modules");
        assert!(modules.exists(), "oidc-provider is missing: ./test installs it");
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let mut config = documented(&format!("http://localhost:{port}"));
        for client in CLIENTS {
            config[client]["client_secret"] = json!("of 32 bytes and more, as HS256 has it");
        }
        fs::write(folder.path().join(CONFIG), config.to_string()).unwrap();
        let notes = folder.path().join("notes");
        let log = fs::File::create(&notes).unwrap();
        let mut node = Command::new("node");
        node.arg(house().join("tests/oidc/oidc_provider.mjs")).arg(modules);
        node.arg(port.to_string()).arg(folder.path().join(CONFIG)).arg(SUITE);
        node.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let process = Process(node.spawn().unwrap());
        let said = || fs::read_to_string(&notes).unwrap();
        until(Duration::from_secs(30), || said().lines().any(|line| line == "ready"), said);
        Self { _process: process, folder }
    }

    fn visitor(&self, program: &str) -> Command {
        let mut command = python(program, &self.folder.path().join(CONFIG));
        command.args(["--provider", "oidc-provider", "--user", "ada"]);
        command
    }
}

fn judge(output: &Output, expected: &Counts) {
    let said = String::from_utf8_lossy(&output.stdout);
    let all = format!("{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{all}");
    for module in MODULES.split_whitespace() {
        let name = format!("oidcc-{module}");
        let outcome = expected.not_passed.iter().find(|(_, other)| *other == name);
        let outcome = outcome.map_or("PASSED", |(outcome, _)| outcome);
        let is_line = |line: &str| line.split(" : ").next() == Some(&format!("{outcome} {name}"));
        assert!(said.lines().any(is_line), "{name} is not {outcome}:\n{all}");
    }
    assert_eq!(said.lines().last(), Some(expected.line), "{all}");
}

fn installed(variable: &str, folder: &str) -> PathBuf {
    std::env::var_os(variable).map_or_else(|| house().join("target").join(folder), PathBuf::from)
}

fn house() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
