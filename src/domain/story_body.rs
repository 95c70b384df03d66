//! What a request says of a link whose story is wished: the body of `POST /api/stories`.

use super::json::{Json, NotAnObject, read_members, text_of};
use super::validation::{Code, ValidationErrors};

/// The longest link that is taken, in bytes.
pub const MAX_LINK: usize = 4_096;

/// Unknown fields that are kept, so as to be named.
const MAX_UNKNOWN: usize = 20;

/// The fields of a body, read.
#[derive(Debug, Default)]
pub struct StoryBody {
    link: Option<String>,
    wrong: ValidationErrors,
    unknown: Vec<String>,
}

impl StoryBody {
    /// Reads a body.
    ///
    /// # Errors
    /// `NotAnObject` says why it is no JSON object, or has a name twice in one.
    pub fn parse(bytes: &[u8]) -> Result<Self, NotAnObject> {
        let mut body = Self::default();
        read_members(text_of(bytes)?, |name, value| body.take(name, value))?;
        Ok(body)
    }

    /// The link, or its token. It is as secret as that: no error repeats it.
    ///
    /// # Errors
    /// `ValidationErrors` names the fields that do not pass.
    pub fn into_link(mut self) -> Result<String, ValidationErrors> {
        for name in std::mem::take(&mut self.unknown) {
            self.wrong.add(&name, Code::Unknown.saying("is no field of this call; there is link"));
        }
        match self.link {
            Some(link) if self.wrong.is_empty() => Ok(link),
            Some(_) => Err(self.wrong),
            None => {
                if self.wrong.is_empty() {
                    self.wrong.add("link", Code::Required.saying("is needed: the link, or its token"));
                }
                Err(self.wrong)
            }
        }
    }

    fn take(&mut self, name: &str, value: Json<'_>) {
        match (name, value.text()) {
            ("link", Some(text)) if text.len() > MAX_LINK => {
                self.wrong.add("link", Code::TooLong.saying(format!("must have {MAX_LINK} bytes at most")));
            }
            ("link", Some(text)) => self.link = Some(text.into_owned()),
            ("link", None) => self.wrong.add("link", "must be a text: the link, or its token"),
            // A link may be pasted where a name should be.
            _ if self.unknown.len() < MAX_UNKNOWN && name.len() < 32 => self.unknown.push(name.to_owned()),
            _ if self.unknown.len() < MAX_UNKNOWN => self.unknown.push("…".to_owned()),
            _ => {}
        }
    }
}
