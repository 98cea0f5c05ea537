//! The names of the databases beside a target: the one that is being loaded, and the previous ones that are kept.
//!
//! A name of PostgreSQL has 63 bytes at the most. A longer one would be cut, and two might become one: of a long name
//! the beginning is taken, and a hash of all of it.

use sha2::{Digest, Sha256};

/// The longest name of PostgreSQL, in bytes.
pub const MAX_NAME_BYTES: usize = 63;

/// The database that is loaded before it takes the place of `target`.
pub fn loading(target: &str) -> String {
    with_ending(target, "_mask_new")
}

/// The database that a swap moves out of the way, to be dropped after it.
pub fn discarded(target: &str) -> String {
    with_ending(target, "_mask_old")
}

/// The previous database number `number`, counted from 1: `NAME_previous`, `NAME_previous_2`, …
pub fn previous(target: &str, number: usize) -> String {
    match number {
        1 => with_ending(target, "_previous"),
        number => with_ending(target, &format!("_previous_{number}")),
    }
}

/// `name` with `ending`, in 63 bytes.
pub fn with_ending(name: &str, ending: &str) -> String {
    if name.len() + ending.len() <= MAX_NAME_BYTES {
        return format!("{name}{ending}");
    }
    let hash: String = Sha256::digest(name).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let mut end = MAX_NAME_BYTES - ending.len() - hash.len() - 1;
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}_{hash}{ending}", &name[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_say_what_they_are_beside() {
        assert_eq!(loading("staging"), "staging_mask_new");
        assert_eq!(previous("staging", 1), "staging_previous");
        assert_eq!(previous("Odd \"name", 2), "Odd \"name_previous_2");
    }

    #[test]
    fn long_names_that_begin_alike_stay_apart() {
        let (one, other) = ("a".repeat(63), format!("{}b", "a".repeat(62)));
        assert_ne!(previous(&one, 1), previous(&other, 1));
    }

    proptest! {
        #[test]
        fn a_name_is_never_too_long(name in "\\PC{1,63}", number in 1_usize..100) {
            for made in [loading(&name), previous(&name, number), discarded(&name)] {
                prop_assert!(made.len() <= MAX_NAME_BYTES, "{} bytes", made.len());
            }
        }
    }
}
