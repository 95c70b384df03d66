//! A mail to one person, before it is put into the form that travels.

use uuid::Uuid;

use super::email::EmailAddress;
use super::timestamp::Timestamp;

/// A mail to one person: a text, and the same as HTML.
#[derive(Clone, Debug)]
pub struct Message {
    /// What makes its `Message-ID`, which is one for all attempts.
    pub id: Uuid,
    /// Who sends it.
    pub from: EmailAddress,
    /// The sender's name as people read it; it may be empty.
    pub from_name: String,
    /// Where answers go, if not to the sender.
    pub reply_to: Option<EmailAddress>,
    /// Who gets it.
    pub to: EmailAddress,
    /// When it was written.
    pub date: Timestamp,
    /// The language it is in: a tag of BCP 47, such as `pt-BR`.
    pub language: String,
    /// Its subject.
    pub subject: String,
    /// Its text. A link stands alone on its line.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}
