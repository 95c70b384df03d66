//! A login token is 32 plain characters, kept to the letter, and nothing else is one.

#![no_main]

use doorkey::domain::token::Token;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let is_plain = text.len() == 32 && text.chars().all(|letter| letter.is_ascii_alphanumeric());
    let token = Token::parse(text);

    assert_eq!(token.is_some(), is_plain);
    if let Some(token) = token {
        assert_eq!(token.reveal(), text);
        assert!(!format!("{token:?}").contains(text));
    }
});
