//! Hints for a name that is not known: the nearest of those that there are.

/// The name among `candidates` that `name` is most likely a slip of; `None` where none is near.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let allowed = (name.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&name, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.chars().count())
        .min()
        .map(|(_, candidate)| candidate)
}

/// The hint that names the nearest of `candidates`, or else all of them.
pub fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str> + Clone) -> Option<String> {
    if let Some(candidate) = nearest(name, candidates.clone()) {
        return Some(format!("did you mean `{candidate}`?"));
    }
    let all: Vec<String> = candidates.into_iter().map(|candidate| format!("`{candidate}`")).collect();
    match all.len() {
        0 => None,
        1..=30 => Some(format!("one of {}", all.join(", "))),
        count => Some(format!("one of {} and {} others", all[..30].join(", "), count - 30)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_name_and_a_stranger_finds_none() {
        assert_eq!(nearest("emial", ["phone", "email", "city"]), Some("email"));
        assert_eq!(nearest("Frist_Name", ["first_name", "last_name"]), Some("first_name"));
        assert_eq!(nearest("zip", ["phone", "email"]), None);
        assert_eq!(nearest("b", ["a"]), None);
        assert_eq!(did_you_mean("zip", ["a", "b"]).unwrap(), "one of `a`, `b`");
    }
}
