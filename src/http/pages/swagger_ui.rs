//! Swagger UI's script and style, extracted at build time from the ZIP archive in a crate.
//!
//! They stay compressed: the archive's deflate stream is sent with a gzip header. Nothing else of the archive gets into the
//! binary.

use std::sync::LazyLock;

use axum::body::Bytes;
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED as ARCHIVE;

/// `swagger-ui-bundle.js`, as gzip.
pub(super) static SCRIPT: LazyLock<Bytes> = LazyLock::new(|| gzip(&SCRIPT_STREAM, &SCRIPT_ENTRY));

/// `swagger-ui.css`, as gzip.
pub(super) static STYLE: LazyLock<Bytes> = LazyLock::new(|| gzip(&STYLE_STREAM, &STYLE_ENTRY));

const SCRIPT_ENTRY: Entry = find(b"/dist/swagger-ui-bundle.js");
const STYLE_ENTRY: Entry = find(b"/dist/swagger-ui.css");

static SCRIPT_STREAM: [u8; SCRIPT_ENTRY.length] = *after(SCRIPT_ENTRY.start);
static STYLE_STREAM: [u8; STYLE_ENTRY.length] = *after(STYLE_ENTRY.start);

/// A deflated file of the archive.
struct Entry {
    /// The offset of its deflate stream.
    start: usize,
    /// The length of its deflate stream.
    length: usize,
    /// The CRC-32 of its content.
    checksum: [u8; 4],
    /// The length of its content.
    size: [u8; 4],
}

/// A deflate stream as a gzip member without name and time; checksum and size have the same form as in ZIP (RFC 1952,
/// section 2.3).
fn gzip(stream: &[u8], entry: &Entry) -> Bytes {
    const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    [&HEADER[..], stream, &entry.checksum, &entry.size].concat().into()
}

/// Finds the file whose path ends like this, at build time: a missing one is a compiler error.
///
/// The numbers are those of ZIP's APPNOTE, sections 4.3.7 (local header), 4.3.12 (central directory) and 4.3.16 (its
/// end).
const fn find(suffix: &[u8]) -> Entry {
    let mut end = ARCHIVE.len() - 22;
    while number(end) != 0x0605_4b50 {
        end -= 1;
    }
    let mut header = number(end + 16);
    while number(header) == 0x0201_4b50 {
        let name_length = short(header + 28);
        if ends_with(header + 46 + name_length, name_length, suffix) {
            assert!(short(header + 10) == 8, "the file is not deflated");
            let local = number(header + 42);
            return Entry {
                start: local + 30 + short(local + 26) + short(local + 28),
                length: number(header + 20),
                checksum: *after(header + 16),
                size: *after(header + 24),
            };
        }
        header += 46 + name_length + short(header + 30) + short(header + 32);
    }
    panic!("the archive has no such file")
}

/// Whether the name of this length that ends here has the suffix.
const fn ends_with(end: usize, length: usize, suffix: &[u8]) -> bool {
    if length < suffix.len() {
        return false;
    }
    let mut offset = 0;
    while offset < suffix.len() {
        if ARCHIVE[end - suffix.len() + offset] != suffix[offset] {
            return false;
        }
        offset += 1;
    }
    true
}

const fn number(offset: usize) -> usize {
    u32::from_le_bytes(*after(offset)) as usize
}

const fn short(offset: usize) -> usize {
    u16::from_le_bytes(*after(offset)) as usize
}

/// The bytes from an offset on.
const fn after<const LENGTH: usize>(offset: usize) -> &'static [u8; LENGTH] {
    match ARCHIVE.split_at(offset).1.first_chunk() {
        Some(bytes) => bytes,
        None => panic!("the archive ends too early"),
    }
}
