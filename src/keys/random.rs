//! Where secrets begin.

use crate::domain::admin_access::AdminSecret;
use crate::domain::api_key::ApiKeySecret;
use crate::domain::base62;
use crate::domain::oidc::app_secret::ClientSecret;
use crate::domain::session::CsrfCookie;

/// The operating system gave no randomness: nothing secret can be made.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no random bytes: {0}")]
pub struct NoRandomness(#[from] getrandom::Error);

/// Random bytes from the operating system: the one place where secrets begin.
pub fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// `count` random letters of base 62.
pub(super) fn random_letters(count: usize) -> Result<String, NoRandomness> {
    let mut letters = Vec::with_capacity(count);
    while letters.len() < count {
        letters.extend(base62::letters_drawn_from(random::<64>()?).take(count - letters.len()));
    }
    Ok(String::from_utf8(letters).unwrap_or_default())
}

/// A new API key.
pub fn random_api_key() -> Result<ApiKeySecret, NoRandomness> {
    loop {
        // Forty-three letters of the alphabet always make a key.
        if let Some(key) = ApiKeySecret::from_letters(&random_letters(43)?) {
            return Ok(key);
        }
    }
}

/// A new token of an admin link, or a new cookie of an admin.
pub fn random_admin_secret() -> Result<AdminSecret, NoRandomness> {
    loop {
        if let Some(secret) = AdminSecret::parse(&random_letters(43)?) {
            return Ok(secret);
        }
    }
}

/// A new secret of an app.
pub fn random_client_secret() -> Result<ClientSecret, NoRandomness> {
    loop {
        if let Some(secret) = ClientSecret::parse(&random_letters(ClientSecret::LENGTH)?) {
            return Ok(secret);
        }
    }
}

/// What a new app is called in requests.
pub fn random_client_id() -> Result<String, NoRandomness> {
    Ok(format!("app{}", random_letters(20)?))
}

/// A new part of a cookie's name, for one workspace of one installation.
pub fn random_cookie_tag() -> Result<String, NoRandomness> {
    random_letters(8)
}

/// A new cookie that ties forms to a browser.
pub fn random_browser_cookie() -> Result<CsrfCookie, NoRandomness> {
    loop {
        if let Some(cookie) = CsrfCookie::parse(&random_letters(32)?) {
            return Ok(cookie);
        }
    }
}
