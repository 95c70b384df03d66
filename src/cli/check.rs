//! `doorkey check`: is anything wrong?

use anyhow::{Result, anyhow};
use serde_json::json;

use super::output::{Output, Table};
use super::serve;
use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use crate::flow::operations::checks;
use crate::flow::operations::checks::Check;
use crate::outbound::mail_server::MailServer;

pub(super) async fn run(config: Result<Config, ConfigError>, out: &mut Output) -> Result<()> {
    let checks = match config {
        Ok(config) => {
            let read = match serve::check_listeners(&config) {
                Ok(()) => Check::passed("configuration", "The configuration can be read.".to_owned()),
                Err(error) => Check::failed("configuration", error.to_string()),
            };
            let rest = checks::run(&config.database, &config.secret_key_file, Clock::System).await;
            std::iter::once(read).chain(rest).chain([mail(&config), admin(&config)]).collect()
        }
        Err(error) => vec![Check::failed("configuration", error.to_string())],
    };
    let wrong: Vec<_> = checks.iter().filter(|check| !check.is_ok).map(|check| &*check.message).collect();
    if out.is_json {
        let listed: Vec<_> = checks
            .iter()
            .map(|check| json!({ "name": check.name, "ok": check.is_ok, "message": check.message }))
            .collect();
        out.json(&json!({ "ok": wrong.is_empty(), "checks": listed }))?;
    } else {
        // What is wrong is said once, by the error.
        let row = |check: &Check| {
            let (mark, found) = if check.is_ok { ("ok", &*check.message) } else { ("WRONG", "see below") };
            [check.name, mark, found].map(str::to_owned)
        };
        let rows: Vec<_> = checks.iter().map(row).collect();
        Table::of(["CHECK", "RESULT", "WHAT WAS FOUND"]).page(out, &rows)?;
    }
    if wrong.is_empty() { Ok(()) } else { Err(anyhow!(wrong.join("; "))) }
}

/// Whether the admin pages can be served as they are set up. That they are not served fails nothing.
fn admin(config: &Config) -> Check {
    const NAME: &str = "admin";
    if let Err(error) = config.admin.check_proxies(&config.trusted_proxies) {
        return Check::failed(NAME, error.to_string());
    }
    let message = match (&config.admin.listen, config.admin.origin()) {
        (None, _) => "The admin pages are not served: --admin-listen says where.".to_owned(),
        (Some(listen), None) => format!("The admin pages are served at {listen}."),
        (Some(_), Some(url)) => format!("The admin pages are at {url}: `doorkey admin link` lets you in."),
    };
    Check::passed(NAME, message)
}

/// Whether mail is set up as it can be. That it is not fails nothing, nor does a server out of reach.
fn mail(config: &Config) -> Check {
    const NAME: &str = "mail";
    let Some(mail) = &config.mail else {
        let message = "Mail is not set up: --smtp and --mail-from let people ask for links by mail.";
        return Check::passed(NAME, message.to_owned());
    };
    match MailServer::new(mail) {
        Ok(_) => {
            let message =
                format!("Mail goes to {}: `doorkey mail test ADDRESS` says whether it goes out.", mail.route);
            Check::passed(NAME, message)
        }
        Err(error) => Check::failed(NAME, error.to_string()),
    }
}
