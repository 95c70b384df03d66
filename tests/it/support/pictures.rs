//! Pictures for the documentation.

use std::fs;
use std::path::Path;

/// The pictures go into `docs/images` when this is set to `1`; else they are drawn and dropped.
const KEEP: &str = "DOORKEY_SCREENSHOTS";

/// What a picture may weigh, in bytes.
const MAX_WEIGHT: usize = 60_000;

/// Writes a picture down, if that was asked for.
pub fn keep(name: &str, picture: &[u8]) {
    keep_up_to(MAX_WEIGHT, name, picture);
}

/// The same for one that is full of text.
pub fn keep_up_to(max_weight: usize, name: &str, picture: &[u8]) {
    assert!(picture.len() < max_weight, "{name} weighs {} bytes", picture.len());
    if std::env::var(KEEP).is_ok_and(|value| value == "1") {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/images");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{name}.png")), picture).unwrap();
    }
}
