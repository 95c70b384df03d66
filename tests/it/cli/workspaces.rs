//! Workspaces and API keys at the command line.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::cli_runner::CliRunner;

#[test]
fn a_workspace_is_made_shown_listed_set_and_deleted() {
    let operator = CliRunner::new();

    let mut made =
        operator.json("workspace create Acme --url https://EXAMPLE.com/ --host example.spp.co --host A.test");
    let created_at = made["created_at"].take();
    assert!(created_at.as_str().unwrap().ends_with('Z'));
    assert_eq!(
        made,
        json!({
            "id": 1, "name": "Acme", "url": "https://example.com",
            "host": ["a.test", "example.com", "example.spp.co"],
            "hosts": ["a.test", "example.com", "example.spp.co"],
            "link_lifetime": 7200, "single_use": true, "landing_url": null, "allowed_redirect_origins": [],
            "session_lifetime": 604_800, "session_idle": 43200, "cookie_domain": null, "mail_from": null,
            "mail_name": null, "mail_reply_to": null, "self_service": true, "self_service_lifetime": 600,
            "one_click": false, "mail_budget": 5000, "addresses": "vouched", "default_app": null, "record_openings": true, "story_retention": 2_592_000, "locale": "en", "brand_color": null, "logo": null,
            "support_contact": null, "page_name": null, "created_at": null
        })
    );

    let set = operator.json(
        "workspace set Acme url=https://app.example.com host=example.com,app.example.com link_lifetime=600 \
         single_use=false landing_url=/start allowed_redirect_origins=https://shop.example.com \
         session_lifetime=3600 session_idle=60 cookie_domain=example.com",
    );
    assert_eq!(set["hosts"], json!(["app.example.com", "example.com"]));
    assert_eq!(set["allowed_redirect_origins"], json!(["https://shop.example.com"]));
    assert_eq!((&set["single_use"], &set["cookie_domain"]), (&json!(false), &json!("example.com")));
    assert_eq!(operator.json("workspace show Acme"), set);
    assert_eq!(operator.json("workspace list"), json!([set]));
    assert!(operator.run("workspace show Acme").well().contains("link_lifetime             600\n"));
    assert!(operator.run("workspace list").well().contains("Acme  https://app.example.com  app.example.com"));

    assert!(operator.run("workspace delete Acme --yes").well().contains("\"Acme\""));
    assert_eq!(operator.json("workspace list"), json!([]));
    assert!(operator.run("workspace delete Acme --yes").refused(1).contains("workspace list"));
}

#[test]
fn branding_and_mail_of_a_workspace_are_set_shown_and_emptied() {
    let operator = CliRunner::with_acme();
    let fresh = operator.json("workspace show Acme");
    let logo = operator.folder.path().join("logo.svg");
    std::fs::write(&logo, "<svg/>").unwrap();

    let set = operator.json(&format!(
        "workspace set Acme mail_from=sign-in@example.com mail_name=Acme mail_reply_to=help@example.com self_service=false \
         self_service_lifetime=20m one_click=true mail_budget=0 locale=pt-br brand_color=#22604F logo={} \
         support_contact=https://example.com/help page_name=Studio",
        logo.display()
    ));

    let mut expected = fresh.clone();
    for (name, value) in [
        ("mail_from", json!("sign-in@example.com")),
        ("mail_name", json!("Acme")),
        ("mail_reply_to", json!("help@example.com")),
        ("self_service", json!(false)),
        ("self_service_lifetime", json!(1200)),
        ("one_click", json!(true)),
        ("mail_budget", json!(0)),
        ("locale", json!("pt-BR")),
        ("brand_color", json!("#22604f")),
        ("logo", json!({"type": "image/svg+xml", "bytes": 6})),
        ("support_contact", json!("https://example.com/help")),
        ("page_name", json!("Studio")),
    ] {
        expected[name] = value;
    }
    assert_eq!(set, expected);
    assert_eq!(operator.json("workspace set Acme mail_budget=0"), expected, "what is not named stays");
    assert!(operator.run("workspace show Acme").well().contains("image/svg+xml, 6 bytes\n"));
    let emptied = operator.json(
        "workspace set Acme mail_from= mail_name= mail_reply_to= self_service= self_service_lifetime= one_click= \
         mail_budget= locale= brand_color= logo= support_contact= page_name=",
    );
    assert_eq!(emptied, fresh);
    let logos = || operator.database.number("SELECT count(*) FROM workspace_logos");
    assert_eq!(logos(), 0);
    operator.run(&format!("workspace set Acme logo={}", logo.display())).well();
    assert_eq!(logos(), 1);
    let logged = operator.json("log --workspace Acme --event workspace.changed");
    assert_eq!(logged[0]["data"]["settings"].as_array().unwrap().last(), Some(&json!("logo")));
    operator.run("workspace delete Acme --yes").well();
    assert_eq!(logos(), 0, "the logo goes with its workspace");
}

#[test]
fn a_logo_or_colour_that_is_refused_changes_nothing() {
    let operator = CliRunner::with_acme();
    let fresh = operator.json("workspace show Acme");
    let file = |name: &str, content: &[u8]| {
        let path = operator.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let folder = operator.folder.path().display().to_string();
    for (path, sentence) in [
        (file("a.svg", b"<!doctype html><title>a</title>"), "no well-formed XML"),
        (file("b.svg", b"<html/>"), "neither a PNG nor an SVG"),
        (file("c.svg", b"<!DOCTYPE svg [<!ENTITY a 'b'>]><svg>&a;</svg>"), "<!ENTITY"),
        (file("d.svg", &vec![b'<'; 100_001]), "more than 100,000 bytes"),
        (file("e.png", b"\x89PNG\r\n\x1a\n"), "damaged PNG"),
        (format!("{folder}/none.png"), "cannot be read"),
        (folder, "it is no file"),
        ("/dev/zero".to_owned(), "it is no file"),
    ] {
        let refused = operator.run(&format!("workspace set Acme page_name=Studio logo={path}")).refused(1);
        assert!(refused.contains("logo") && refused.contains(sentence), "{refused}");
    }
    let refused = operator.run("workspace set Acme page_name=Studio brand_color=#ffff00").refused(1);
    assert!(
        refused.contains("brand_color") && refused.contains("1.07:1") && refused.contains("#7a7a00"),
        "{refused}"
    );
    operator.run("workspace set Acme brand_color=#7a7a00").well();
    operator.run("workspace set Acme brand_color=").well();

    assert_eq!(operator.json("workspace show Acme"), fresh);
}

#[test]
fn names_of_workspaces_differ_by_more_than_case_and_count_to_the_letter() {
    let operator = CliRunner::with_acme();
    for (number, name) in ["acme", "ACME", "Acme"].iter().enumerate() {
        let made = operator.run(&format!("workspace create {name} --url https://b{number}.test"));
        assert!(made.refused(1).contains("is taken"), "{name}");
    }
    operator.run("workspace create Žofie --url https://b.test").well();
    assert!(operator.run("workspace create žOFIE --url https://c.test").refused(1).contains("is taken"));
    for name in ["ACME", "acme", "Acme", "žofie"] {
        let of_another = if name == "žofie" { "Acme" } else { "Žofie" };
        assert!(
            operator.run(&format!("workspace rename {of_another} {name}")).refused(1).contains("is taken")
        );
    }

    assert_eq!(
        operator.json("workspace rename Žofie žofie")["name"],
        "žofie",
        "its own name in another case"
    );
    assert_eq!(operator.json("workspace rename žofie Sofia")["hosts"], json!(["b.test"]));
    operator.run("workspace create Žofie --url https://c.test").well();
    for line in [
        "workspace delete acme --yes",
        "workspace show acme",
        "workspace rename acme B",
        "user list --workspace acme",
    ] {
        assert!(operator.run(line).refused(1).contains("no workspace \"acme\""), "{line}");
    }
    let names: Vec<_> =
        operator.json("workspace list").as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["Acme", "Sofia", "Žofie"]);
}

/// Of many who make one name in different cases at once, one is the first.
#[test]
fn of_names_that_differ_by_case_alone_one_is_made() {
    let operator = CliRunner::with_acme();
    let making = ["other", "Other", "OTHER", "oTHER", "otheR", "OtheR"].map(|name| {
        let url = format!("https://{}.test", name.bytes().map(|byte| byte.to_string()).collect::<String>());
        let words = ["workspace", "create", name, "--url", &url];
        operator.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    });
    let done = making.map(|making| making.wait_with_output().unwrap());

    assert_eq!(done.iter().filter(|done| done.status.success()).count(), 1);
    let lost = done.iter().filter(|done| !done.status.success());
    for lost in lost.map(|done| String::from_utf8_lossy(&done.stderr)) {
        assert!(lost.contains("is taken"), "{lost}");
    }
    assert_eq!(operator.json("workspace list").as_array().unwrap().len(), 2);
}

/// Nobody is asked where nobody is; and what is deleted stands in the log of the installation, and of a server that runs.
#[test]
fn a_workspace_is_deleted_only_by_whoever_says_so_and_the_log_tells_what_it_took() {
    let operator = CliRunner::with_acme();
    operator.run("key create --workspace Acme --name crm").well();
    let server = operator.serve("serve");
    assert!(operator.run("workspace delete Acme").refused(2).contains("--yes"));
    for (response, is_sure) in [("no", false), ("", false), ("yes", true)] {
        let line = format!("{} workspace delete Acme", env!("CARGO_BIN_EXE_doorkey"));
        let line = format!("printf '{response}\\n' | script --quiet --return --command '{line}' /dev/null");
        let mut at_terminal = operator.command(&[]);
        let variables: Vec<_> = at_terminal
            .get_envs()
            .map(|(name, value)| (name.to_owned(), value.unwrap().to_owned()))
            .collect();
        at_terminal = std::process::Command::new("sh");
        at_terminal.args(["-c", &line]).current_dir(operator.folder.path()).envs(variables);
        let shown = at_terminal.output().unwrap();
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(shown.contains("Type yes: "), "{shown}");
        assert_eq!(
            operator.json("workspace list").as_array().unwrap().is_empty(),
            is_sure,
            "{response}: {shown}"
        );
    }
    // A server looks each second.
    std::thread::sleep(Duration::from_millis(2_500));
    let (_, log, _) = server.stop("TERM");

    let printed = log
        .lines()
        .find(|line| line.contains("the installation was changed"))
        .unwrap_or_else(|| panic!("{log}"));
    let printed: Value = serde_json::from_str(printed).unwrap();
    let data: Value = serde_json::from_str(printed["fields"]["data"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&printed["fields"]["event"], &printed["fields"]["actor"]),
        (&json!("workspace.deleted"), &json!("command_line"))
    );
    assert_eq!((&data["name"], &data["users"], &data["api_keys"]), (&json!("Acme"), &json!(1), &json!(1)));
    assert!(data["os_user"].is_string());
    let kept = operator.audit();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(serde_json::from_str::<Value>(&kept[0].2).unwrap(), data);
}

#[test]
fn what_is_wrong_with_a_workspace_is_said_by_name() {
    let operator = CliRunner::with_acme();

    for (line, named) in [
        ("workspace create B --url http://example.org", "--url"),
        ("workspace create B --url example.org", "--url"),
        ("workspace create B --url https://example.org/app", "--url"),
        ("workspace create B --url https://u:p@example.org", "--url"),
        ("workspace create B --url https://b.test --host *.b.test", "--host"),
        ("workspace create B --url https://b.test --host https://b.test", "--host"),
        ("workspace create B --url https://b.test --host example.spp.co", "example.spp.co belongs"),
        ("workspace create B --url https://example.com", "example.com belongs"),
        ("workspace create Acme --url https://b.test", "\"Acme\" is taken"),
        ("workspace set Acme url=http://example.com", "url"),
        ("workspace set Acme link_lifetime=0", "link_lifetime"),
        ("workspace set Acme single_use=perhaps", "single_use"),
        ("workspace set Acme cookie_domain=com", "cookie_domain"),
        ("workspace set Acme host=a/b", "host"),
        ("workspace set Acme colour=red", "colour"),
        ("workspace set Acme colour", "name=value"),
        ("workspace set Nobody single_use=true", "\"Nobody\""),
        ("workspace show Nobody", "\"Nobody\""),
    ] {
        let sentence = operator.run(line).refused(1);
        assert!(sentence.contains(named), "{line}: {sentence}");
    }
    operator.run_words(&["workspace", "create", "a\nb", "--url", "https://b.test"]).refused(1);
    operator.run_words(&["workspace", "create", "", "--url", "https://b.test"]).refused(1);
    assert_eq!(operator.json("workspace list").as_array().unwrap().len(), 1);
}

/// The secret is printed once and never again, and stands in no file, log or audit entry.
#[test]
fn an_api_key_is_printed_once_and_never_again() {
    let operator = CliRunner::with_acme();

    let made = operator.json("key create --workspace Acme --name crm --scope clients:read --expires 90d");
    let secret = made["key"].as_str().unwrap();
    let plain = operator.run("key create --workspace Acme --name all").well();

    assert!(secret.starts_with("doorkey_") && secret.len() == 57);
    assert_eq!(
        (&made["id"], &made["name"], &made["scopes"]),
        (&json!(1), &json!("crm"), &json!(["clients:read"]))
    );
    assert!(made["expires_at"].is_string() && made["created_at"].is_string());
    assert!(
        plain.starts_with("doorkey_") && plain.trim_end().len() == 57,
        "the key alone, to be piped: {plain}"
    );

    let listed = operator.run("key list --workspace Acme --json").well();
    let table = operator.run("key list --workspace Acme").well();
    let bytes = operator.database.stolen();
    for secret in [secret, plain.trim_end()] {
        let random = &secret[8..];
        assert!(!listed.contains(random) && !table.contains(random));
        assert!(!bytes.windows(random.len()).any(|window| window == random.as_bytes()));
    }
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed[1]["scopes"].as_array().unwrap().len(), 12);
    assert!(table.contains("crm   live"), "{table}");
}

#[test]
fn a_key_is_revoked_and_stays_in_the_list() {
    let operator = CliRunner::with_acme();
    operator.run("key create --workspace Acme --name crm").well();

    operator.run("key revoke 1 --workspace Acme").well();

    assert!(operator.json("key list --workspace Acme")[0]["revoked_at"].is_string());
    assert!(operator.run("key list --workspace Acme").well().contains("revoked"));
    assert!(operator.run("key revoke 2 --workspace Acme").refused(1).contains("no API key 2"));
    operator.run("key revoke x --workspace Acme").refused(2);
    operator.run("key revoke -1 --workspace Acme").refused(2);
}

#[test]
fn what_is_wrong_with_a_key_is_said() {
    let operator = CliRunner::with_acme();

    for (line, status) in [
        ("key create --workspace Acme --name x --scope clients:rea", 1),
        ("key create --workspace Acme --name x --scope ,", 1),
        ("key create --workspace Nobody --name x", 1),
        ("key create --workspace Acme --name x --expires 90x", 2),
        ("key create --workspace Acme --name x --expires 0d", 2),
        ("key create --workspace Acme --name x --expires -1d", 2),
        ("key create --workspace Acme --name x --expires 99999999999999999999d", 2),
        ("key create --workspace Acme", 2),
        ("key create --name x", 2),
        ("key list", 2),
    ] {
        operator.run(line).refused(status);
    }
    operator.run_words(&["key", "create", "--workspace", "Acme", "--name", ""]).refused(1);
    assert_eq!(operator.json("key list --workspace Acme"), json!([]));
}
