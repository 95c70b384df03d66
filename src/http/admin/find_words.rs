//! Why nothing was found, and what to do: two sentences for each reason.

use super::numbers::grouped;
use crate::domain::email::InvalidEmail;
use crate::domain::pasted::Misfit;
use crate::domain::token;
use crate::flow::admin::find::Nothing;

/// What is wrong, and what to do. Nothing of what was pasted is in it but how many letters and digits there were.
pub(super) fn why(nothing: &Nothing) -> (String, &'static str) {
    let (wrong, advice) = match nothing {
        Nothing::Misfit(misfit) => return why_misfit(*misfit),
        Nothing::Link => (
            "Nobody here knows this link, though it is whole.",
            "It ended too long ago, or was made elsewhere. The person needs a fresh one.",
        ),
        Nothing::LinkOf(_) => {
            ("This link has the host of another workspace, which you may see too.", "Look for it there:")
        }
        Nothing::LinkId => (
            "No link that is known here has this id.",
            "It may have ended too long ago. Ask for the link, or for the person’s address.",
        ),
        Nothing::Client => ("No client has this id.", "Ask for the person’s address."),
        Nothing::Address => ("No client has this address.", "People have more than one: look for the name."),
        Nothing::UnlikelyAddress => (
            "No client has this address, and its domain has no known ending.",
            "Correct the end of the address.",
        ),
    };
    (wrong.to_owned(), advice)
}

fn why_misfit(misfit: Misfit) -> (String, &'static str) {
    let (wrong, advice) = match misfit {
        Misfit::WrongLength(letters) => return why_length(letters),
        Misfit::Address => {
            let wrong = format!("No client can have this address: it {}.", InvalidEmail::AnotherThing);
            return (wrong, "Correct it: it has one @, and no name, space or comma.");
        }
        Misfit::Nothing => ("Nothing was typed.", "Paste a link, or type an address or an id."),
        Misfit::OddToken => (
            "This has as many letters and digits as a login link, but something else around them.",
            "Paste one link, from “https://” to its end, or those letters and digits alone.",
        ),
        Misfit::NoToken => {
            ("This is no login link: one has “token=” in it.", "Ask for the link that was sent.")
        }
        Misfit::Number => return why(&Nothing::Client),
        Misfit::Words => ("This is no link, no address and no id.", "Names are not looked for here."),
    };
    (wrong.to_owned(), advice)
}

fn why_length(letters: usize) -> (String, &'static str) {
    let has = match letters {
        0 => "none".to_owned(),
        more => grouped(i64::try_from(more).unwrap_or(i64::MAX)),
    };
    let wrong = format!(
        "This looks like a login link, but where ours have {} letters and digits, it has {has}.",
        token::LENGTH
    );
    let advice = if letters < token::LENGTH {
        "A mail program may have cut some off. Ask for the whole link."
    } else {
        "Something was joined to its end. Ask for the link alone."
    };
    (wrong, advice)
}
