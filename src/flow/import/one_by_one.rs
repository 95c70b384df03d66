//! A row of an import by itself, for where others keep changing the same user.

use super::plan::{NumberedRow, change_by};
use crate::app::App;
use crate::domain::audit::AuditContext;
use crate::domain::import_row::ImportRow;
use crate::domain::reach::Reach;
use crate::domain::user::{UserId, UserRef};
use crate::domain::validation::ValidationErrors;
use crate::domain::workspace::Workspace;
use crate::flow::users;
use crate::flow::users::UserError;
use crate::store::{NewUser, StoreError};

/// How often it begins again.
const MAX_ATTEMPTS: u32 = 10;

/// What became of a row.
pub(super) enum RowOutcome {
    Added,
    Changed,
    Unchanged,
    Refused(ValidationErrors),
}

/// Changes the user whom a row is about, adds one if there is none.
///
/// Others may add, change and delete users at the same time: then it begins again from what there is now.
pub(super) async fn upsert(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    numbered: &NumberedRow,
) -> Result<RowOutcome, StoreError> {
    let row = &numbered.row;
    for _ in 0..MAX_ATTEMPTS {
        if let Some(id) = find(app, workspace, row).await? {
            let change = change_by(row);
            match users::set_within(app, workspace, act, &UserRef::Id(id), (&change, Reach::All)).await {
                Ok((_, true)) => return Ok(RowOutcome::Changed),
                Ok((_, false)) => return Ok(RowOutcome::Unchanged),
                Err(UserError::ValidationErrors(invalid)) => return Ok(RowOutcome::Refused(invalid)),
                Err(UserError::Store(error)) => return Err(error),
                Err(error @ (UserError::MayNotUnlock | UserError::AnotherRequest)) => {
                    return Ok(RowOutcome::Refused(ValidationErrors::field(
                        "two_factor_enabled, status",
                        error,
                    )));
                }
                Err(UserError::NodeUnhealthy(unfit)) => {
                    return Err(StoreError::Unavailable(unfit.to_string()));
                }
                Err(UserError::NotFound) => {}
            }
        }
        let email = match row.of_a_new_user() {
            Ok(email) => email.clone(),
            Err(invalid) => return Ok(RowOutcome::Refused(invalid)),
        };
        let user = NewUser { id: row.id, email, fields: row.fields.clone() };
        let refused = match users::add(app, workspace, act, &user).await {
            Ok(_) => return Ok(RowOutcome::Added),
            Err(UserError::Store(error)) => return Err(error),
            Err(UserError::ValidationErrors(invalid)) => invalid,
            // To add somebody ends nothing.
            Err(
                UserError::NotFound
                | UserError::MayNotUnlock
                | UserError::AnotherRequest
                | UserError::NodeUnhealthy(_),
            ) => continue,
        };
        if find(app, workspace, row).await?.is_none() {
            return Ok(RowOutcome::Refused(refused));
        }
    }
    Err(StoreError::Contended("others kept adding and deleting the same user"))
}

/// Whom a row is about: by number if it has one, else by address.
async fn find(app: &App, workspace: &Workspace, row: &ImportRow) -> Result<Option<UserId>, StoreError> {
    let user = match (row.id, &row.fields.email) {
        (Some(id), _) => UserRef::Id(id),
        (None, Some(email)) => UserRef::Email(email.clone()),
        (None, None) => return Ok(None),
    };
    Ok(app.store.find_user(workspace.id, &user).await?.map(|user| user.id))
}
