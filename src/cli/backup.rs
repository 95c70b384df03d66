//! `doorkey backup` and `doorkey restore`: the embedded database as one file, out and in.

use std::path::PathBuf;

use anyhow::Result;
use serde_json::{Value, json};

use super::output::{Output, Table};
use super::{Context, os_user, say, words};
use crate::clock::Clock;
use crate::config::Config;
use crate::flow::operations::backup;
use crate::flow::operations::backup::{BackUpError, Carried, Restored};
use crate::store::{
    CarriedOver, Flags, KeyBefore, MovedAddress, NotCarried, RestoredAdmin, RestoredApp, RestoredKey,
    RestoredSecret, RestoredUser, Revived,
};

#[derive(Debug, clap::Args)]
pub(super) struct BackupArgs {
    /// The file to make; one that is there is left as it is
    #[arg(value_parser = words::path)]
    file: PathBuf,
}

pub(super) const ABOUT_RESTORE: &str = "\
Put a backup in place of the embedded database, with the server stopped.

The database that is there is kept beside it. Every login link and session from before is dead afterwards, those of admins \
too. What the database that is there knows is carried over: API keys that were revoked since the backup and client secrets \
that were removed stay so, signing keys that were rotated away sign no more, two-factor, staff and disabled stay on, deleted users stay deleted, retired secret keys stay retired, disallowed admins stay out, and no \
number is given twice. With \
--as-it-was all of that is left out. Where the database that is there cannot be read, what may have come back is listed.";

#[derive(Debug, clap::Args)]
pub(super) struct RestoreArgs {
    /// The backup
    #[arg(required_unless_present = "mark_only", conflicts_with = "mark_only", value_parser = words::path)]
    file: Option<PathBuf>,
    /// Carry nothing over: revoked API keys and removed client secrets work again, two-factor, disabled and staff are as they were then
    #[arg(long, conflicts_with = "mark_only")]
    as_it_was: bool,
    /// Restore nothing, but have all links and sessions die: after a restore of PostgreSQL by its own tools
    #[arg(long)]
    mark_only: bool,
}

pub(super) async fn back_up(Context { config, out, .. }: &mut Context, args: &BackupArgs) -> Result<()> {
    let made = backup::back_up(&config.database, &args.file, &os_user::act(), &Clock::System).await;
    let bytes = match made {
        Err(error @ BackUpError::Untold { bytes, .. }) => {
            say(&error.to_string());
            bytes
        }
        made => made?,
    };
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
            let Config { database, secret_key_file, .. } = &context.config;
            let places = (database, &**secret_key_file);
            backup::restore(places, file, args.as_it_was, &os_user::act(), &Clock::System).await?
        }
        None => backup::invalidate_only(&context.open().await?, &os_user::act()).await?,
    };
    if context.out.is_json {
        Ok(context.out.json(&object(&restored))?)
    } else {
        print(&mut context.out, &restored, args.mark_only)
    }
}

fn print(out: &mut Output, restored: &Restored, is_only_marked: bool) -> Result<()> {
    let Restored { login_links, sessions, .. } = restored;
    match &restored.kept {
        Some(kept) => {
            out.line(&format!("Restored. The database that was there is kept as {}.", kept.display()))?;
        }
        None if is_only_marked => {}
        None => out.line("Restored. No database was there before.")?,
    }
    out.line(&format!("Every link and session from before is dead: {login_links} and {sessions} of them."))?;
    if let Some(as_of) = restored.as_of {
        out.line(&format!(
            "The newest entry of the audit log is from {as_of}: whatever was changed later is as it was then."
        ))?;
    }
    if restored.kept.is_some() {
        out.line(&carried_sentence(restored.carried))?;
    }
    print_revived(out, &restored.revived)
}

fn carried_sentence(carried: Carried) -> String {
    match carried {
        Carried::Over(CarriedOver { api_keys, users, deleted_users, secret_keys, admins, client_secrets }) => {
            format!(
                "Carried over from the database that was there: {api_keys} API key(s) stay revoked, {users} user(s) keep \
                 two-factor, disabled or staff, {deleted_users} user(s) stay deleted, {secret_keys} secret key(s) stay \
                 retired, {admins} admin(s) stay disallowed, {client_secrets} client secret(s) stay removed."
            )
        }
        Carried::LeftOut => {
            "As it was: nothing that the database that was there knows is carried over. What was revoked, switched on, \
             disabled or deleted since the backup is so no more."
                .to_owned()
        }
        Carried::Not(why) => format!("Nothing was carried over: {}.", reason(why)),
    }
}

fn reason(why: NotCarried) -> &'static str {
    match why {
        NotCarried::NothingThere => "there is no other database to carry it over from",
        NotCarried::Damaged => "the database that was there is damaged",
        NotCarried::Stranger => "the database that was there belongs to another installation",
    }
}

fn print_revived(out: &mut Output, revived: &Revived) -> Result<()> {
    if !revived.workspaces.is_empty() {
        out.line(
            "\nWorkspaces that were not there. Delete with `doorkey workspace delete NAME` what should not be:\n",
        )?;
        let rows: Vec<_> = revived.workspaces.iter().map(|name| [name.clone()]).collect();
        Table::of(["WORKSPACE"]).page(out, &rows)?;
    }
    if !revived.api_keys.is_empty() {
        out.line(
            "\nAPI keys that work now. Revoke with `doorkey key revoke KEY --workspace W` what should not:\n",
        )?;
        let rows: Vec<_> = revived.api_keys.iter().map(key_row).collect();
        Table::of(["WORKSPACE", "KEY", "NAME", "BEFORE THE RESTORE"]).page(out, &rows)?;
    }
    print_apps(out, revived)?;
    if !revived.admins.is_empty() {
        out.line("\nAdmins whom a proxy may name now. Keep out with `doorkey admin disallow NAME` who should not be let in:\n")?;
        let row = |admin: &RestoredAdmin| {
            let before = admin.before.map_or("not known", allowed_word);
            [admin.name.to_string(), admin.role.name().to_owned(), before.to_owned()]
        };
        let rows: Vec<_> = revived.admins.iter().map(row).collect();
        Table::of(["NAME", "ROLE", "BEFORE THE RESTORE"]).page(out, &rows)?;
    }
    if !revived.users.is_empty() {
        out.line("\nUsers to look at. Change with `doorkey user set USER --workspace W FIELD=VALUE` what should be otherwise:\n")?;
        let rows: Vec<_> = revived.users.iter().map(user_row).collect();
        Table::of(["WORKSPACE", "USER", "NOW", "BEFORE THE RESTORE"]).page(out, &rows)?;
    }
    if !revived.addresses.is_empty() {
        out.line("\nAddresses that were others. Change with `doorkey user set USER --workspace W FIELD=VALUE` what should be otherwise:\n")?;
        let row = |one: &MovedAddress| {
            [one.workspace.clone(), one.id.to_string(), one.now.clone(), one.before.clone()]
        };
        let rows: Vec<_> = revived.addresses.iter().map(row).collect();
        Table::of(["WORKSPACE", "USER", "NOW", "BEFORE THE RESTORE"]).page(out, &rows)?;
    }
    Ok(())
}

fn print_apps(out: &mut Output, revived: &Revived) -> Result<()> {
    if !revived.apps.is_empty() {
        out.line(
            "\nApps that were not there. Delete with `doorkey app delete APP --workspace W` what should not be:\n",
        )?;
        let row = |app: &RestoredApp| [app.workspace.clone(), app.client_id.clone(), app.name.clone()];
        let rows: Vec<_> = revived.apps.iter().map(row).collect();
        Table::of(["WORKSPACE", "APP", "NAME"]).page(out, &rows)?;
    }
    if !revived.client_secrets.is_empty() {
        out.line(
            "\nClient secrets that work now. Remove with `doorkey app secret remove APP SECRET --workspace W` what should \
             not; the last one of an app goes once there is another:\n",
        )?;
        let row = |secret: &RestoredSecret| {
            let before = secret.before.map_or("not known", removed_word);
            let (app, made) = (secret.client_id.clone(), secret.created_at.to_string());
            [secret.workspace.clone(), app, secret.id.to_string(), made, before.to_owned()]
        };
        let rows: Vec<_> = revived.client_secrets.iter().map(row).collect();
        Table::of(["WORKSPACE", "APP", "SECRET", "MADE", "BEFORE THE RESTORE"]).page(out, &rows)?;
    }
    Ok(())
}

fn key_row(key: &RestoredKey) -> [String; 4] {
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

fn allowed_word(before: KeyBefore) -> &'static str {
    match before {
        KeyBefore::Live => "allowed",
        KeyBefore::Revoked => "disallowed",
        KeyBefore::Absent => "not there",
    }
}

fn removed_word(before: KeyBefore) -> &'static str {
    match before {
        KeyBefore::Live => "live",
        KeyBefore::Revoked => "removed",
        KeyBefore::Absent => "not there",
    }
}

fn user_row(user: &RestoredUser) -> [String; 4] {
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
    let revived = &restored.revived;
    let keys = revived.api_keys.iter().map(|key| {
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
    let users = revived.users.iter().map(|user| {
        let before = match user.before {
            None => Value::Null,
            Some(None) => json!("not there"),
            Some(Some(before)) => flags(before),
        };
        json!({ "workspace": user.workspace, "id": user.id, "now": flags(user.flags), "before": before })
    });
    let addresses = revived
        .addresses
        .iter()
        .map(|one| json!({ "workspace": one.workspace, "id": one.id, "now": one.now, "before": one.before }));
    let admins = revived.admins.iter().map(|admin| {
        let (name, role, before) = (admin.name.as_str(), admin.role.name(), admin.before.map(allowed_word));
        json!({ "name": name, "role": role, "before": before })
    });
    let (carried, not_carried) = carried_object(restored.carried);
    json!({
        "kept": restored.kept.as_ref().map(|kept| kept.display().to_string()),
        "as_of": restored.as_of.map(|at| at.to_string()),
        "login_links": restored.login_links,
        "sessions": restored.sessions,
        "carried_over": carried,
        "not_carried_over": not_carried,
        "workspaces": revived.workspaces,
        "api_keys": keys.collect::<Vec<_>>(),
        "users": users.collect::<Vec<_>>(),
        "addresses": addresses.collect::<Vec<_>>(),
        "admins": admins.collect::<Vec<_>>(),
        "client_secrets": revived.client_secrets.iter().map(secret_object).collect::<Vec<_>>(),
        "apps": revived.apps.iter().map(app_object).collect::<Vec<_>>(),
    })
}

fn secret_object(secret: &RestoredSecret) -> Value {
    let before = secret.before.map(removed_word);
    json!({
        "workspace": secret.workspace, "client_id": secret.client_id, "id": secret.id, "created_at": secret.created_at,
        "before": before
    })
}

fn app_object(app: &RestoredApp) -> Value {
    json!({ "workspace": app.workspace, "client_id": app.client_id, "name": app.name })
}

/// What was carried over, or why nothing was.
fn carried_object(carried: Carried) -> (Value, Value) {
    match carried {
        Carried::Over(CarriedOver {
            api_keys,
            users,
            deleted_users,
            secret_keys,
            admins,
            client_secrets,
        }) => {
            let counts = json!({
                "api_keys": api_keys, "users": users, "deleted_users": deleted_users, "secret_keys": secret_keys,
                "admins": admins, "client_secrets": client_secrets
            });
            (counts, Value::Null)
        }
        Carried::LeftOut => (Value::Null, json!("left out: --as-it-was")),
        Carried::Not(why) => (Value::Null, json!(reason(why))),
    }
}
