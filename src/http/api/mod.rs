//! The API for back offices.

mod caller;
pub(super) mod clients;
pub(super) mod errors;
pub(super) mod login_links;
pub(super) mod logs;
pub(super) mod openapi;
pub(super) mod pagination;
pub(super) mod sessions;
pub(super) mod team;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;

use super::error::Error;
use crate::domain::user::{Refusal, UserRef};

/// How a path names a user.
const USER_IN_PATH: &str = "The id, digits only, or the e-mail address, percent-encoded.";

/// What can name nobody, undecodable bytes included, is a user that is not there.
fn user_of(user: Result<Path<String>, PathRejection>) -> Result<UserRef, Error> {
    let named = user.ok().and_then(|Path(text)| UserRef::parse(&text));
    named.ok_or(Error::Refused(Refusal::UserNotFound))
}
