//! The rule of the product in one sentence, against the function that decides it.

use doorkey::domain::login_link::{Decision, KeyId, LinkClaims, LinkKind, LoginLink, UserLinkState, decide};
use doorkey::domain::timestamp::Timestamp;
use doorkey::domain::user::{AccountStatus, UserId};
use doorkey::domain::workspace::WorkspaceId;
use proptest::prelude::*;
use uuid::Uuid;

use super::cases;
use crate::support::app::START;

const EPOCH: i64 = 5;

/// Something that lies around now, more often than not at a moment where things change.
fn seconds() -> impl Strategy<Value = i64> {
    prop_oneof![prop::sample::select(vec![-7_200, -1, 0, 1, 59, 60, 61, 3_600, 7_200]), -10_000_i64..10_000,]
}

fn standing() -> impl Strategy<Value = AccountStatus> {
    let rarely = || prop::bool::weighted(0.1);
    (rarely(), rarely(), rarely()).prop_map(|(is_staff, has_two_factor, is_disabled)| AccountStatus {
        is_staff,
        has_two_factor,
        is_active: !is_disabled,
        link_epoch: EPOCH,
        session_epoch: 0,
    })
}

fn link() -> impl Strategy<Value = LoginLink> {
    let rarely = || prop::bool::weighted(0.15);
    let moments = (seconds(), seconds());
    (moments, any::<bool>(), rarely(), rarely(), rarely()).prop_map(
        |((created, expires), is_single_use, is_used, is_ended, is_killed)| {
            let draft = LinkClaims {
                workspace: WorkspaceId(1),
                user: UserId::from_number(1).unwrap(),
                epoch: EPOCH - i64::from(is_killed),
                seed: [7; 16],
                is_single_use,
                created_at: START.plus_seconds(created),
                expires_at: START.plus_seconds(expires),
                kind: LinkKind::Api,
            };
            let (used_at, ended_at) = (is_used.then_some(START), is_ended.then_some(START));
            let (id, hash, key, seal) = (Uuid::nil(), [0; 32], KeyId(1), [0; 32]);
            LoginLink { id, hash, draft, key, used_at, ended_at, seal }
        },
    )
}

/// Seconds from now.
fn from_now(moment: Timestamp) -> i64 {
    (moment.millis() - START.millis()) / 1000
}

proptest! {
    #![proptest_config(cases(2_000, 500_000))]

    #[test]
    fn a_link_is_handed_out_exactly_if_it_is_live_and_has_enough_time_left(
        standing in standing(),
        newest in prop::option::weighted(0.9, link()),
        min_ttl in prop_oneof![Just(0), 0_i64..7_201],
    ) {
        let refusal = [
            (standing.is_staff, "staff_user"),
            (standing.has_two_factor, "two_factor_enabled"),
            (!standing.is_active, "user_disabled"),
        ];
        let refusal = refusal.into_iter().find(|case| case.0).map(|case| case.1);
        let is_good = newest.as_ref().is_some_and(|link| {
            let left = from_now(link.draft.expires_at);
            let is_killed = link.draft.epoch != EPOCH;
            let is_used_up = link.ended_at.is_some() || (link.draft.is_single_use && link.used_at.is_some());
            let is_of_now = from_now(link.draft.created_at) <= 60;
            left > 0 && left >= min_ttl && is_of_now && !is_killed && !is_used_up
        });
        let user = UserId::from_number(1).unwrap();
        let seen = UserLinkState { user, standing, newest: newest.clone() };

        match decide(Some(&seen), min_ttl, START) {
            Decision::Refuse(told) => prop_assert_eq!(Some(told.code()), refusal),
            Decision::Reuse(link) => {
                prop_assert!(refusal.is_none() && is_good);
                prop_assert_eq!(Some(link), newest);
            }
            Decision::Issue => prop_assert!(refusal.is_none() && !is_good),
        }
    }
}
