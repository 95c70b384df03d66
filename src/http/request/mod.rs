//! What a request brings: context, credentials, parameters, body, cookies.

pub(super) mod body;
pub(super) mod context;
pub(super) mod cookies;
pub(super) mod credentials;
pub(super) mod fetch_metadata;
pub(super) mod opening;
pub(super) mod params;
pub(super) mod protected_form;
