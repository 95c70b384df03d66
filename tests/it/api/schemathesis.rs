//! A stranger reads the API's description and tries whatever it says, and what it does not, on the real binary.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::server::Server;

/// `positive_data_acceptance` takes a 400 to what the schemas allow for a fault, but no schema can say that an address
/// is taken, an origin is not allowed, or a date is none of the calendar. So it hears that 400 is an answer too, and
/// still finds a 405, a 413, a 415 and a 422. A refusal that has the wrong reason is left to the tests of each endpoint.
const SETTINGS: &str = r#"
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "400", "401", "403", "404", "409", "429"]
"#;

/// Where `./test` puts it.
fn schemathesis() -> String {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/schemathesis/bin/schemathesis");
    let found = std::env::var("SCHEMATHESIS").unwrap_or_else(|_| installed.to_str().unwrap().to_owned());
    assert!(Path::new(&found).exists(), "schemathesis is missing: ./test installs it");
    found
}

/// Tries some or all operations, and says how many. Its choices are drawn from a fixed seed, so that a run can be
/// had again. The users are those of the examples in the description.
fn tries(which: &[&str]) -> usize {
    let server = Server::start_mailing("Acme");
    server.add_client("ada@example.org", "Ada", "Lovelace");
    let staff = ["--email", "grace@example.org", "--name-f", "Grace", "--name-l", "Hopper", "--staff"];
    server.run(&[&["user", "add", "--workspace", "Acme"], &staff[..]].concat());
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("settings.toml");
    std::fs::write(&settings, SETTINGS).unwrap();

    let output = Command::new(schemathesis())
        .arg("--config-file")
        .arg(&settings)
        .args(["run", &server.url("/api/openapi.json"), "--no-color", "--warnings", "off"])
        .args(["--checks", "all"])
        .args(["--max-examples", "20", "--seed", "20231214", "--continue-on-failure"])
        .args(["--header", &format!("Authorization: Bearer {}", server.key)])
        .args(which)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();

    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{report}\n{}", String::from_utf8_lossy(&output.stderr));
    let tested = report.lines().find_map(|line| line.trim().strip_prefix("Tested:"));
    tested.unwrap_or_else(|| panic!("nothing was tried: {report}")).trim().parse().unwrap()
}

/// All but the description itself, which is read and not tried.
#[test]
fn the_server_does_what_its_description_says() {
    assert_eq!(tries(&[]), 27);
}

/// As long as nobody is deleted, links and objects are what is answered.
#[test]
fn what_is_handed_out_is_what_is_described() {
    assert_eq!(tries(&["--exclude-method", "DELETE"]), 22);
}
