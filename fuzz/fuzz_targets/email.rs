//! An address is one plain mailbox: kept as given, folded once and for all, never two, never a header.

#![no_main]

use doorkey::domain::email::EmailAddress;
use doorkey::domain::user::UserRef;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(address) = EmailAddress::parse(text) else { return };

    assert_eq!(address.as_str(), text);
    assert!(text.len() <= 254 && text.bytes().all(|byte| byte.is_ascii_graphic()));
    assert!(!text.bytes().any(|byte| b",;:<>()[]\\\"".contains(&byte)), "{text:?} is more than a mailbox");
    let parts: Vec<_> = text.split('@').collect();
    let [local, domain] = parts[..] else { panic!("{text:?} is {} parts", parts.len()) };

    let folded = EmailAddress::parse(&address.lowercased()).expect("what is folded is an address");
    assert_eq!(folded.lowercased(), address.lowercased());
    assert_eq!(
        EmailAddress::parse(&text.to_uppercase()).expect("so is any case of it").lowercased(),
        address.lowercased()
    );
    assert_eq!(UserRef::parse(text), Some(UserRef::Email(address.clone())));
    assert_eq!(address.masked(), format!("{}•••@{domain}", &local[..1]));
});
