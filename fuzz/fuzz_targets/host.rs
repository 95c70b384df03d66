//! A host names the same workspace whatever its case, its port and a trailing dot; its normal form is read as itself.

#![no_main]

use doorkey::domain::host::HostName;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|value: &str| {
    let Ok(host) = HostName::from_header(value) else { return };
    let name = host.as_str();

    assert_eq!(HostName::parse(name).as_ref(), Ok(&host));
    for same in [name.to_uppercase(), format!("{name}:1"), format!("{name}:65535"), value.to_lowercase()] {
        assert_eq!(HostName::from_header(&same).as_ref(), Ok(&host), "{same:?}");
    }
    if !name.starts_with('[') {
        assert_eq!(HostName::from_header(&format!("{name}.")).as_ref(), Ok(&host));
        assert!(
            name.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte))
        );
    }
    assert!(host.is_within(name));
    // A name that merely ends alike is a stranger's.
    let longer = HostName::parse(&format!("x{name}"));
    assert!(!longer.is_ok_and(|stranger| stranger.is_within(name)), "{name:?}");
    if let Some((_, parent)) = name.split_once('.') {
        assert!(host.is_within(parent));
    }
});
