//! The comments that pg_dump writes: what dump it is, whether it is complete, what the next statement makes.

/// What the comment before a statement says of it: `-- Name: …; Type: …; Schema: …; Owner: …`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct EntryHeader {
    /// The entry's tag.
    pub tag: String,
    /// Its kind, such as `FK CONSTRAINT`.
    pub kind: String,
    /// Its schema.
    pub namespace: Option<String>,
    /// Its owner; empty where it has none.
    pub owner: String,
    /// Its tablespace.
    pub tablespace: Option<String>,
}

impl EntryHeader {
    /// Finds it in the comments before a statement.
    pub fn find(comments: &str) -> Option<EntryHeader> {
        comments.lines().rev().find_map(EntryHeader::of_line)
    }

    /// Reads it from the right, as a name may hold anything.
    fn of_line(line: &str) -> Option<EntryHeader> {
        let rest = line.strip_prefix("-- ")?;
        let rest =
            rest.strip_prefix("Data for ").or_else(|| rest.strip_prefix("Statistics for ")).unwrap_or(rest);
        let rest = rest.strip_prefix("Name: ")?;
        let (rest, tablespace) = match rest.rsplit_once("; Tablespace: ") {
            Some((rest, tablespace)) => (rest, Some(tablespace.to_string())),
            None => (rest, None),
        };
        let (rest, owner) = rest.rsplit_once("; Owner: ")?;
        let (rest, namespace) = rest.rsplit_once("; Schema: ")?;
        let (tag, kind) = rest.rsplit_once("; Type: ")?;
        let known = |text: &str| if text == "-" { None } else { Some(text.to_string()) };
        Some(EntryHeader {
            tag: tag.to_string(),
            kind: kind.to_string(),
            namespace: known(namespace),
            owner: known(owner).unwrap_or_default(),
            tablespace,
        })
    }
}

/// What a line of comment says of the whole dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DumpLine<'a> {
    /// A dump begins.
    Begin,
    /// It is complete.
    Complete,
    /// The version of the server.
    ServerVersion(&'a str),
    /// The version of pg_dump.
    DumpVersion(&'a str),
}

/// The lines of `comments` that say something of the whole dump.
pub fn dump_lines(comments: &str) -> impl Iterator<Item = DumpLine<'_>> {
    comments.lines().filter_map(|line| match line {
        "-- PostgreSQL database dump" | "-- PostgreSQL database cluster dump" => Some(DumpLine::Begin),
        "-- PostgreSQL database dump complete" | "-- PostgreSQL database cluster dump complete" => {
            Some(DumpLine::Complete)
        }
        _ => line
            .strip_prefix("-- Dumped from database version ")
            .map(DumpLine::ServerVersion)
            .or_else(|| line.strip_prefix("-- Dumped by pg_dump version ").map(DumpLine::DumpVersion)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_from_the_right() {
        let header = EntryHeader::find(
            "--\n-- Data for Name: a; Type: b; Type: TABLE DATA; Schema: public; Owner: -; Tablespace: t\n--\n",
        );
        assert_eq!(
            header,
            Some(EntryHeader {
                tag: "a; Type: b".into(),
                kind: "TABLE DATA".into(),
                namespace: Some("public".into()),
                owner: String::new(),
                tablespace: Some("t".into()),
            })
        );
        assert_eq!(EntryHeader::find("-- Name: a"), None);
    }
}
