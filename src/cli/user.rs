//! `doorkey user`: the people of a workspace.

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;

use super::output::{List, Output};
use super::{Context, import, os_user, pairs, user_ref};
use crate::domain::email::EmailAddress;
use crate::domain::reach::Reach;
use crate::domain::user::UserChange;
use crate::domain::user::fields;
use crate::domain::user::{User, UserId, UserRef};
use crate::domain::validation::ValidationErrors;
use crate::flow::users;
use crate::flow::users::UserError;
use crate::http::UserObject;
use crate::store::NewUser;

/// Users that are read from the store at once: a list of any length takes this much memory.
const PAGE: i64 = 500;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add a user
    Add(Add),
    /// Change fields, all of them or none
    #[command(about = format!("Change fields: {}", fields::settable()))]
    Set {
        #[command(flatten)]
        who: Who,
        /// Fields and their new values
        #[arg(required = true, value_name = "FIELD=VALUE")]
        fields: Vec<String>,
    },
    /// Show a user
    Show(Who),
    /// Delete a user, for good; links and sessions die with the user
    Delete(Who),
    /// List the users of a workspace
    List {
        /// The workspace
        #[arg(long)]
        workspace: String,
        /// Print one JSON object a line
        #[arg(long)]
        jsonl: bool,
    },
    /// Add and change users from a file
    #[command(long_about = import::about())]
    Import(import::Args),
}

#[derive(Debug, clap::Args)]
pub(super) struct Who {
    /// The id or the e-mail address
    #[arg(value_parser = user_ref)]
    user: UserRef,
    /// The workspace
    #[arg(long)]
    workspace: String,
}

#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// The workspace
    #[arg(long)]
    workspace: String,
    /// The e-mail address
    #[arg(long)]
    email: String,
    /// First name
    #[arg(long)]
    name_f: String,
    /// Last name
    #[arg(long)]
    name_l: String,
    /// The id in your own system; the next free one is drawn if not given
    #[arg(long, value_parser = user_id)]
    id: Option<UserId>,
    /// Company
    #[arg(long)]
    company: Option<String>,
    /// Telephone number
    #[arg(long)]
    phone: Option<String>,
    /// The language that the person reads, as a tag such as pt-BR
    #[arg(long)]
    locale: Option<String>,
    /// A note
    #[arg(long)]
    note: Option<String>,
    /// Further fields, as a JSON object
    #[arg(long, value_name = "JSON")]
    custom_fields: Option<String>,
    /// 1 active, 0 disabled
    #[arg(long)]
    status: Option<String>,
    /// The user is staff, and so gets no links
    #[arg(long)]
    staff: bool,
    /// The user has two-factor authentication, and so gets no links
    #[arg(long)]
    two_factor: bool,
}

impl Add {
    fn to_user(&self) -> Result<NewUser, ValidationErrors> {
        let mut invalid = ValidationErrors::default();
        let email = invalid.take("--email", EmailAddress::parse(&self.email));
        let mut fields = UserChange { is_staff: Some(self.staff), ..UserChange::default() };
        fields.has_two_factor = Some(self.two_factor);
        let texts = [
            ("name_f", Some(&self.name_f)),
            ("name_l", Some(&self.name_l)),
            ("company", self.company.as_ref()),
            ("phone", self.phone.as_ref()),
            ("locale", self.locale.as_ref()),
            ("note", self.note.as_ref()),
            ("custom_fields", self.custom_fields.as_ref()),
            ("status", self.status.as_ref()),
        ];
        for (field, text) in texts {
            if let Some(Err(error)) = text.map(|text| fields.set(field, text)) {
                invalid.extend(error);
            }
        }
        match email {
            Some(email) if invalid.is_empty() => Ok(NewUser { id: self.id, email, fields }),
            _ => Err(invalid),
        }
    }
}

fn user_id(text: &str) -> Result<UserId, &'static str> {
    UserId::parse(text).ok_or("an id is a number from 1 to 9007199254740991")
}

pub(super) async fn run(context: &mut Context, command: Command) -> Result<()> {
    match command {
        Command::Add(add) => {
            let user = add.to_user().map_err(UserError::ValidationErrors)?;
            let (app, workspace) = context.write_workspace(&add.workspace).await?;
            let id = users::add(&app, &workspace, &os_user::act(), &user).await?;
            print(&mut context.out, &users::show(&app, &workspace, &UserRef::Id(id)).await?)
        }
        Command::Set { who, fields } => {
            let mut change = UserChange::default();
            for (field, value) in pairs(&fields)? {
                change.set(&field, &value).map_err(UserError::ValidationErrors)?;
            }
            let (app, workspace) = context.write_workspace(&who.workspace).await?;
            let user = users::set(&app, &workspace, &os_user::act(), &who.user, &change).await?;
            print(&mut context.out, &user)
        }
        Command::Show(who) => {
            let (app, workspace) = context.read_workspace(&who.workspace).await?;
            print(&mut context.out, &users::show(&app, &workspace, &who.user).await?)
        }
        Command::Delete(who) => delete(context, &who).await,
        Command::List { workspace, jsonl } => list(context, &workspace, jsonl).await,
        Command::Import(args) => import::run(context, &args).await,
    }
}

async fn delete(context: &mut Context, who: &Who) -> Result<()> {
    let (app, workspace) = context.write_workspace(&who.workspace).await?;
    let user = users::show(&app, &workspace, &who.user).await?;
    let user_ref = UserRef::Id(user.id);
    users::delete(&app, &workspace, &os_user::act(), (&user_ref, Reach::All)).await?;
    if context.out.is_json {
        return Ok(context.out.json(&json!({ "deleted": user.id }))?);
    }
    Ok(context.out.line(&format!("Deleted user {} ({}).", user.id.number(), user.email.as_str()))?)
}

fn print(out: &mut Output, user: &User) -> Result<()> {
    let object = UserObject::with_staff(user);
    if out.is_json {
        return Ok(out.json(&object)?);
    }
    Ok(out.facts(&[
        ("id", object.id.number().to_string()),
        ("name_f", object.name_f.to_owned()),
        ("name_l", object.name_l.to_owned()),
        ("email", object.email.to_owned()),
        ("company", object.company.to_owned()),
        ("phone", object.phone.to_owned()),
        ("locale", object.locale.to_owned()),
        ("note", object.note.to_owned()),
        ("custom_fields", object.custom_fields.as_str().to_owned()),
        ("status", object.status.to_string()),
        ("two_factor_enabled", object.two_factor_enabled.to_string()),
        ("staff", user.standing.is_staff.to_string()),
        ("created_at", object.created_at.to_string()),
        ("updated_at", object.updated_at.to_string()),
    ])?)
}

async fn list(context: &mut Context, workspace: &str, is_jsonl: bool) -> Result<()> {
    let (app, workspace) = context.read_workspace(workspace).await?;
    let out = &mut context.out;
    let mut rows = List::of(["ID", "NAME", "E-MAIL", "STATUS", "TWO-FACTOR", "STAFF"]);
    let mut after = 0;
    loop {
        let page = users::list_after(&app, &workspace, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        if is_jsonl {
            page.iter().try_for_each(|user| out.json(&UserObject::with_staff(user)))?;
        } else {
            rows.piece(out, &page, |out, user| out.json_part(&UserObject::with_staff(user)), row)?;
        }
        after = last.id.number();
    }
    if is_jsonl { Ok(()) } else { Ok(rows.end(out, "This workspace has no users.")?) }
}

fn row(user: &User) -> [String; 6] {
    let mark = |is: bool| if is { "yes" } else { "" }.to_owned();
    let standing = &user.standing;
    [
        user.id.number().to_string(),
        user.name(),
        user.email.as_str().to_owned(),
        if standing.is_active { "active" } else { "disabled" }.to_owned(),
        mark(standing.has_two_factor),
        mark(standing.is_staff),
    ]
}
