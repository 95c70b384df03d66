//! An order in which each of many is asked once before any is asked again, and neighbours are asked at any distance.

/// Rounds of the network: with four of them no pattern is left that a cache could follow.
const ROUNDS: u64 = 4;

/// The place, below `count`, whose turn it is. Each pass visits every place once, in an order that the seed and the number of
/// the pass decide.
///
/// It is a Feistel network, which maps numbers of so many bits onto one another; what falls behind the last place is mapped
/// again. Steps of one length would come back beside where they were every few turns.
pub fn place(seed: u64, turn: usize, count: usize) -> usize {
    let key = scramble(seed ^ scramble((turn / count) as u64));
    let half = count.next_power_of_two().trailing_zeros().div_ceil(2).max(1);
    let mut place = turn % count;
    loop {
        place = permute(key, place, half);
        if place < count {
            return place;
        }
    }
}

/// Maps a number of twice so many bits.
#[expect(clippy::cast_possible_truncation, reason = "only the lowest bits of a hash are wanted")]
fn permute(key: u64, number: usize, half: u32) -> usize {
    let mask = (1 << half) - 1;
    let (mut left, mut right) = (number >> half, number & mask);
    for round in 0..ROUNDS {
        let hash = scramble(key.wrapping_add(round) ^ ((right as u64) << 8)) as usize;
        (left, right) = (right, left ^ (hash & mask));
    }
    left << half | right
}

/// Mixes all bits of a number (the last step of `SplitMix64`).
const fn scramble(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn each_pass_asks_everybody_once() {
        for count in [1, 2, 3, 64, 1_000, 100_000] {
            for pass in 0..2 {
                let mut places: Vec<_> =
                    (pass * count..(pass + 1) * count).map(|turn| place(7, turn, count)).collect();
                places.sort_unstable();

                assert!(places.into_iter().eq(0..count), "pass {pass} of {count}");
            }
        }
    }

    #[test]
    fn every_seed_and_every_pass_has_an_order_of_its_own() {
        let order =
            |seed, pass: usize| (pass * 1_000..(pass + 1) * 1_000).map(move |turn| place(seed, turn, 1_000));

        assert!(order(7, 0).eq(order(7, 0)));
        for other in [order(8, 0), order(7, 1)] {
            let same = order(7, 0).zip(other).filter(|(one, other)| one == other).count();
            assert!(same < 10, "{same} of 1,000 places are the same");
        }
    }

    #[test]
    fn those_who_follow_one_another_are_strangers() {
        let places: Vec<_> = (0..100_000).map(|turn| place(7, turn, 100_000)).collect();

        for distance in 1..=64 {
            let near =
                places.windows(distance + 1).filter(|some| some[0].abs_diff(some[distance]) < 1_000).count();
            assert!(
                (1_500..2_500).contains(&near),
                "{near} of 100,000 were asked {distance} turns after a neighbour"
            );
        }
    }
}
