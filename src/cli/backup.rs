//! `doorkey backup` and `doorkey restore`: the embedded database as one file, out and in.

use std::path::PathBuf;

use anyhow::Result;
use serde_json::{Value, json};

use super::Context;
use super::out::{Out, Table};
use crate::clock::Clock;
use crate::flow::copies::{self, Restored};
use crate::store::{Flags, KeyBefore, RevivedKey, RevivedUser};

#[derive(Debug, clap::Args)]
pub(super) struct BackupArgs {
    /// The file to make; one that is there is left as it is
    file: PathBuf,
}

pub(super) const ABOUT_RESTORE: &str = "\
Put a backup in place of the embedded database, with the server stopped.

The database that is there is kept beside it. Every login link and session from before is dead afterwards. API keys that \
were revoked since the backup work again, and two-factor, disabled and staff are as they were then: what differs from the \
database that was there is listed.";

#[derive(Debug, clap::Args)]
pub(super) struct RestoreArgs {
    /// The backup
    #[arg(required_unless_present = "mark_only", conflicts_with = "mark_only")]
    file: Option<PathBuf>,
    /// Restore nothing, but have all links and sessions die: after a restore of PostgreSQL by its own tools
    #[arg(long)]
    mark_only: bool,
}

pub(super) async fn back_up(Context { config, out }: &mut Context, args: &BackupArgs) -> Result<()> {
    let bytes = copies::back_up(&config.database, &args.file).await?;
    let path = args.file.display().to_string();
    if out.is_json {
        return Ok(out.json(&json!({ "path": path, "bytes": bytes }))?);
    }
    Ok(out.line(&format!(
        "Wrote {bytes} bytes to {path}. It holds no secret key: keep a copy of the key file too, apart from it."
    ))?)
}

pub(super) async fn restore(context: &mut Context, args: &RestoreArgs) -> Result<()> {
    let restored = match &args.file {
        Some(file) => {
            let config = &context.config;
            copies::restore(&config.database, &config.secret_key_file, file, &Clock::System).await?
        }
        None => copies::mark_only(&context.open().await?).await?,
    };
    if context.out.is_json {
        Ok(context.out.json(&object(&restored))?)
    } else {
        print(&mut context.out, &restored)
    }
}

fn print(out: &mut Out, restored: &Restored) -> Result<()> {
    let Restored { login_links, sessions, .. } = restored;
    if let Some(kept) = &restored.kept {
        out.line(&format!("Restored. The database that was there is kept as {}.", kept.display()))?;
    }
    out.line(&format!("Every link and session from before is dead: {login_links} and {sessions} of them."))?;
    if let Some(as_of) = restored.as_of {
        out.line(&format!(
            "The newest entry of the audit log is from {as_of}: whatever was changed later is as it was then."
        ))?;
    }
    if !restored.api_keys.is_empty() {
        out.line("\nAPI keys that work now. Revoke with `doorkey key revoke` what should not:\n")?;
        let rows: Vec<_> = restored.api_keys.iter().map(key_row).collect();
        Table::of(["WORKSPACE", "KEY", "NAME", "BEFORE THE RESTORE"]).page(out, &rows)?;
    }
    if !restored.users.is_empty() {
        out.line("\nUsers to look at. Change with `doorkey user set` what should be otherwise:\n")?;
        let rows: Vec<_> = restored.users.iter().map(user_row).collect();
        Table::of(["WORKSPACE", "USER", "NOW", "BEFORE THE RESTORE"]).page(out, &rows)?;
    }
    Ok(())
}

fn key_row(key: &RevivedKey) -> [String; 4] {
    let before = key.before.map_or("not known", before_word);
    [key.workspace.clone(), key.id.to_string(), key.name.clone(), before.to_owned()]
}

fn before_word(before: KeyBefore) -> &'static str {
    match before {
        KeyBefore::Live => "live",
        KeyBefore::Revoked => "revoked",
        KeyBefore::Absent => "not there",
    }
}

fn user_row(user: &RevivedUser) -> [String; 4] {
    let before = match user.before {
        None => "not known".to_owned(),
        Some(None) => "not there".to_owned(),
        Some(Some(flags)) => in_words(flags),
    };
    [user.workspace.clone(), user.id.to_string(), in_words(user.flags), before]
}

fn in_words(flags: Flags) -> String {
    let two_factor = if flags.has_two_factor { "two-factor" } else { "no two-factor" };
    let active = if flags.is_active { "active" } else { "disabled" };
    format!("{two_factor}, {active}{}", if flags.is_staff { ", staff" } else { "" })
}

fn object(restored: &Restored) -> Value {
    let keys = restored.api_keys.iter().map(|key| {
        json!({
            "workspace": key.workspace, "id": key.id, "name": key.name, "before": key.before.map(before_word)
        })
    });
    let flags = |flags: Flags| {
        json!({
            "two_factor_enabled": flags.has_two_factor,
            "status": i64::from(flags.is_active),
            "staff": flags.is_staff
        })
    };
    let users = restored.users.iter().map(|user| {
        let before = match user.before {
            None => Value::Null,
            Some(None) => json!("not there"),
            Some(Some(before)) => flags(before),
        };
        json!({ "workspace": user.workspace, "id": user.id, "now": flags(user.flags), "before": before })
    });
    json!({
        "kept": restored.kept.as_ref().map(|kept| kept.display().to_string()),
        "as_of": restored.as_of.map(|at| at.to_string()),
        "login_links": restored.login_links,
        "sessions": restored.sessions,
        "api_keys": keys.collect::<Vec<_>>(),
        "users": users.collect::<Vec<_>>(),
    })
}
