//! What an app is called in requests.

use crate::domain::validation::Problem;

/// A client id that an operator chose: 3 to 64 of letters, digits and `-`.
pub fn parse_client_id(text: &str) -> Result<String, Problem> {
    let is_fine = (3..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if is_fine {
        return Ok(text.to_owned());
    }
    Err("must have 3 to 64 letters, digits and -".into())
}
