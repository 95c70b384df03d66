//! A date resolves to the newest version that is not after it, in both of its spellings.

#![no_main]

use doorkey::domain::api_version::ApiVersion;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let digits: String = text.chars().filter(|letter| *letter != '-').collect();
    let is_shaped = digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit());
    match ApiVersion::parse(text) {
        Ok(version) if text.is_empty() => assert_eq!(version.name(), "20240305"),
        Ok(version) => {
            assert!(is_shaped, "{text:?} is no date");
            // Digits of one length are ordered as the dates are.
            let not_after =
                ["20261201", "20240305", "20231214"].into_iter().find(|name| *name <= digits.as_str());
            assert_eq!(version.name(), not_after.unwrap_or("20231214"), "{text:?}");
            let dashed = format!("{}-{}-{}", &digits[..4], &digits[4..6], &digits[6..]);
            assert!(text == digits || text == dashed, "{text:?}");
            assert_eq!(ApiVersion::parse(&dashed), Ok(version));
            assert_eq!(ApiVersion::parse(&digits), Ok(version));
        }
        Err(_) => assert!(!text.is_empty()),
    }
});
