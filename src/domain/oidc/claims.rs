//! What an app is told of a person (OpenID Connect Core 1.0, sections 2 and 5.1).

use serde::Serialize;

use super::scope::{OidcScope, OidcScopes};
use crate::domain::user::User;

/// Of whom claims are made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Person {
    /// The user.
    pub user: User,
    /// What apps know the user by.
    pub subject: String,
    /// The address, folded, at which something was used that doorkey mailed there by itself.
    pub proven_email: Option<String>,
}

/// The claims of the granted scopes. Empty ones are left out.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Claims {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    given_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    family_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    locale: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    company: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number_verified: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<[&'static str; 1]>,
}

impl Claims {
    /// Every claim that there may be, beside those of the token itself.
    pub const NAMES: [&'static str; 13] = [
        "name",
        "given_name",
        "family_name",
        "preferred_username",
        "updated_at",
        "locale",
        "user_id",
        "company",
        "email",
        "email_verified",
        "phone_number",
        "phone_number_verified",
        "groups",
    ];

    /// What the scopes grant of a person. Where the workspace vouches for its addresses, each counts as verified.
    pub fn of(person: &Person, scopes: OidcScopes, is_vouched: bool) -> Self {
        let user = &person.user;
        let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let mut claims = Self::default();
        if scopes.has(OidcScope::Profile) {
            claims.name = filled(&user.name());
            claims.given_name = filled(&user.name_f);
            claims.family_name = filled(&user.name_l);
            claims.preferred_username = Some(user.email.as_str().to_owned());
            claims.updated_at = Some(user.updated_at.millis().div_euclid(1_000));
            claims.locale = filled(&user.locale);
            claims.user_id = Some(user.id.number());
            claims.company = filled(&user.company);
        }
        if scopes.has(OidcScope::Email) {
            let is_proven = person.proven_email.as_ref() == Some(&user.email.lowercased());
            claims.email = Some(user.email.as_str().to_owned());
            claims.email_verified = Some(is_vouched || is_proven);
        }
        if scopes.has(OidcScope::Phone) {
            claims.phone_number = filled(&user.phone);
            claims.phone_number_verified = claims.phone_number.is_some().then_some(false);
        }
        if scopes.has(OidcScope::Groups) {
            claims.groups = Some(["client"]);
        }
        claims
    }
}
