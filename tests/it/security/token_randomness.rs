//! Tokens are as chance would have them, whoever they are for and whenever they are made.

use std::collections::HashSet;

use doorkey::domain::login_link::LinkClaims;
use doorkey::domain::origin::Origin;
use doorkey::domain::timestamp::Timestamp;
use doorkey::domain::user::UserId;
use doorkey::domain::workspace::Workspace;
use doorkey::keys;

use crate::support::figures::times;

const ALPHABET: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// No hexadecimal digit may be the first: behind `=`, quoted-printable would take it for a part of a byte.
const FIRST: &str = "GHIJKLMNOPQRSTUVWXYZghijklmnopqrstuvwxyz";

fn alphabet_at(place: usize) -> &'static str {
    if place == 0 { FIRST } else { ALPHABET }
}

/// How often each letter, or each step from one letter to another, came at each place.
struct Counts([[u32; 62]; 32]);

impl Counts {
    /// Chi-squared with 61 degrees of freedom, or fewer, exceeds 160 by chance less than once in ten billion.
    fn are_even(&self) {
        for (place, counts) in self.0.iter().enumerate() {
            let counts = &counts[..alphabet_at(place).len()];
            let expected =
                f64::from(counts.iter().sum::<u32>()) / f64::from(u8::try_from(counts.len()).unwrap());
            let chi: f64 = counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum();
            assert!(chi < 160.0, "chi-squared is {chi} at place {place}: {counts:?}");
        }
    }
}

/// Ten links each for many users, one user after the other as time goes on. What the tokens of two neighbours have in
/// common would show in the steps between their letters.
#[test]
fn no_two_tokens_are_alike_and_their_letters_tell_nothing_of_user_or_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("doorkey.key");
    keys::create(&file).unwrap();
    let keys = keys::load(&file).unwrap();
    let start = Timestamp::from_millis(1_795_404_180_000);
    let workspace = Workspace::fresh("Acme".to_owned(), Origin::parse("https://example.com").unwrap(), start);
    let (mut letters, mut steps) = (Counts([[0; 62]; 32]), Counts([[0; 62]; 32]));
    let (mut seen, mut before) = (HashSet::new(), [0; 32]);

    for user in 1..=i64::try_from(times(2_000, 100_000)).unwrap() {
        for _ in 0..10 {
            let now = Timestamp::from_millis(start.millis() + user);
            let user = UserId::from_number(user).unwrap();
            let (_, token) =
                keys.issue_token(LinkClaims::for_user(user, 0, &workspace, now, keys::random().unwrap()));
            for (place, letter) in token.reveal().chars().enumerate() {
                let alphabet = alphabet_at(place);
                let letter = alphabet.find(letter).expect("a letter of the alphabet");
                letters.0[place][letter] += 1;
                steps.0[place][(letter + alphabet.len() - before[place]) % alphabet.len()] += 1;
                before[place] = letter;
            }
            assert!(seen.insert(token.reveal().to_owned()), "a token was made twice");
        }
    }

    letters.are_even();
    steps.are_even();
}
