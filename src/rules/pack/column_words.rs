//! The words of a column's name, for patterns that do not know how a database writes its names.

/// The words of `name` in lower case, joined by underscores: `FirstName`, `firstName` and `first-name` are `first_name`.
pub fn words_of(name: &str) -> String {
    let characters: Vec<char> = name.chars().collect();
    let mut words = String::new();
    for (at, &character) in characters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| characters[before]);
        let begins_word = character.is_uppercase()
            && before.is_some_and(|before| {
                let next_is_lower = characters.get(at + 1).is_some_and(|next| next.is_lowercase());
                before.is_lowercase() || before.is_numeric() || (before.is_uppercase() && next_is_lower)
            });
        let is_word = character.is_alphanumeric();
        if (begins_word || !is_word) && !words.is_empty() && !words.ends_with('_') {
            words.push('_');
        }
        if is_word {
            words.extend(character.to_lowercase());
        }
    }
    words.trim_end_matches('_').to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_into_words_however_they_are_written() {
        for name in [
            "first_name",
            "FirstName",
            "firstName",
            "FIRST_NAME",
            "first-name",
            "First Name",
            "_first__name_",
        ] {
            assert_eq!(words_of(name), "first_name", "{name}");
        }
        assert_eq!(words_of("customerSSN"), "customer_ssn");
        assert_eq!(words_of("IPAddress"), "ip_address");
        assert_eq!(words_of("address2"), "address2");
    }
}
