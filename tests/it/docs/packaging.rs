//! What doorkey is shipped with and in: the licences of its crates, the Debian package, the systemd unit, the container.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::ports::free_port;
use crate::support::server::Server;

const UNIT: &str = "packaging/doorkey.service";
const LICENCES: &str = "docs/licences.md";

/// What the page of licences should say, by what cargo knows of the crates that go into the binary.
fn licences() -> String {
    let mut by_licence: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let targets = ["--target", "x86_64-unknown-linux-gnu", "--target", "aarch64-unknown-linux-gnu"];
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--no-dedupe",
            "--format",
            "{p}|{l}",
        ])
        .args(targets)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    for line in String::from_utf8(tree.stdout).unwrap().lines().filter(|line| !line.is_empty()) {
        let (package, licence) = line.split_once('|').unwrap();
        let name = package.split(' ').next().unwrap().to_owned();
        assert!(!licence.is_empty(), "{name} names no licence");
        // An older way to write the same.
        let licence = licence.replace('/', " OR ");
        by_licence.entry(licence).or_default().push(name);
    }
    let rows = by_licence.into_iter().map(|(licence, mut names)| {
        names.sort();
        names.dedup();
        names.retain(|name| name != "doorkey");
        format!("| {licence} | {} |\n", names.join(", "))
    });
    let head = "# Licences of the crates in the binary\n\nAs the crates name them themselves. `deny.toml` says which are taken; \
        SQLite, in `libsqlite3-sys`, is in the public domain.\n\n| licence | crates |\n|---|---|\n";
    head.to_owned() + rows.collect::<String>().as_str()
}

/// `DOORKEY_WRITE_LICENCES=1` writes the page anew.
#[test]
fn the_page_of_licences_names_every_crate_of_the_binary() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(LICENCES);
    let wanted = licences();
    assert!(wanted.contains("rusqlite"), "{wanted}");
    if std::env::var_os("DOORKEY_WRITE_LICENCES").is_some() {
        fs::write(&path, &wanted).unwrap();
    }

    let said = fs::read_to_string(&path).unwrap();

    assert!(
        said == wanted,
        "{LICENCES} is not as it should be: write it with DOORKEY_WRITE_LICENCES=1\n{wanted}"
    );
}

#[test]
fn the_unit_is_valid_and_keeps_the_server_locked_in() {
    let house = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let unit = fs::read_to_string(house.join(UNIT)).unwrap();
    // That the binary is where the package puts it cannot be seen before it is installed.
    let copy = folder.path().join("doorkey.service");
    fs::write(&copy, unit.replace("/usr/bin/doorkey", env!("CARGO_BIN_EXE_doorkey"))).unwrap();

    let verified = Command::new("systemd-analyze").arg("verify").arg(&copy).output().unwrap();
    let judged = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--threshold=15", "--no-pager"])
        .arg(&copy)
        .output()
        .unwrap();

    let complaints = String::from_utf8_lossy(&verified.stderr);
    let own: Vec<_> = complaints.lines().filter(|line| line.contains("doorkey")).collect();
    assert!(verified.status.success() && own.is_empty(), "{complaints}");
    assert!(
        judged.status.success(),
        "it leaves more open than 1.5 of 10:\n{}",
        String::from_utf8_lossy(&judged.stdout)
    );
}

#[test]
fn whatever_the_package_and_the_container_are_made_of_is_there() {
    let house = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest: toml::Table = fs::read_to_string(house.join("Cargo.toml")).unwrap().parse().unwrap();
    let manifest: Value = serde_json::to_value(manifest).unwrap();
    let package = &manifest["package"]["metadata"]["deb"];
    let mut paths: Vec<_> =
        package["assets"].as_array().unwrap().iter().map(|asset| asset[0].as_str().unwrap()).collect();
    assert!(paths.contains(&"target/release/doorkey"), "{paths:?}");
    paths.retain(|path| !path.starts_with("target/"));
    paths.extend(["packaging/debian/postinst", "packaging/debian/postrm", UNIT]);
    let containerfile = fs::read_to_string(house.join("Containerfile")).unwrap();
    let copied = containerfile
        .lines()
        .filter_map(|line| line.strip_prefix("COPY "))
        .filter(|line| !line.starts_with("--"));
    paths.extend(copied.flat_map(|line| line.split(' ').rev().skip(1)));

    assert!(paths.len() > 10, "{paths:?}");
    for path in paths {
        // A pattern stands for whatever is in its folder.
        let path = path.trim_end_matches("*.md").trim_end_matches('*');
        assert!(house.join(path).exists(), "{path} is not there");
    }
    assert!(containerfile.contains("cargo build --release --locked"));
}

/// What the file says after a word at the beginning of a line, with lines that go on put together.
fn instruction(word: &str) -> String {
    let file = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Containerfile")).unwrap();
    let file = file.replace("\\\n", " ");
    let line = file.lines().rev().find_map(|line| line.strip_prefix(&format!("{word} ")));
    line.unwrap_or_else(|| panic!("there is no {word}")).to_owned()
}

/// Kubernetes refuses a name where `runAsNonRoot` is asked for: it could be anybody's.
#[test]
fn the_container_runs_as_a_number_that_is_not_root() {
    let user = instruction("USER");
    let numbers: Vec<u32> = user.split(':').map(|number| number.parse().expect("a name")).collect();

    assert!(numbers.len() == 2 && numbers.iter().all(|number| *number > 0), "{user}");
}

#[test]
fn the_container_is_healthy_where_the_server_answers_at_the_address_that_it_was_given() {
    let server = Server::start();
    let check = instruction("HEALTHCHECK");
    let words: Vec<String> = serde_json::from_str(check.split_once("CMD ").unwrap().1).unwrap();
    let asks_at = |address: &str| {
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env("DOORKEY_OPS_LISTEN", address).output().unwrap().status.success()
    };

    for host in ["127.0.0.1", "localhost", "0.0.0.0", "[::ffff:127.0.0.1]"] {
        assert!(asks_at(&format!("{host}:{}", server.ops_port)), "{host}");
    }
    assert!(!asks_at(&format!("127.0.0.1:{}", free_port())), "nobody is healthy");
}

#[test]
fn a_unit_that_dies_writes_no_dump_and_takes_no_more_memory_than_it_may() {
    let unit = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(UNIT)).unwrap();

    for setting in ["LimitCORE=0", "MemoryMax=2G", "LimitNOFILE=65536"] {
        assert!(unit.lines().any(|line| line == setting), "{setting}");
    }
}

/// However large a dump may be here.
#[test]
fn a_server_that_dies_leaves_no_core_dump() {
    let mut server = Server::prepare("Acme");
    server.serve_under(&["prlimit", "--core=unlimited"], &[]);
    let limits = fs::read_to_string(format!("/proc/{}/limits", server.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("unlimited"), "{core}");

    server.signal("ABRT");

    let status = server.wait_for_the_end();
    assert_eq!((status.signal(), status.core_dumped()), (Some(6), false));
}
