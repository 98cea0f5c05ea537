//! Names with the search path they were written under, which says what a bare one means.

use std::sync::Arc;

use squawk_syntax::ast::AstNode;

use super::identifier::{bare_word, blank_bytes, identifier, qualified_name, string_constant};
use crate::schema::QualifiedName;

/// The schema that holds Postgres' own types.
pub(super) const PG_CATALOG: &str = "pg_catalog";

/// The schemas in which a bare name is looked up, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SearchPath(Arc<[String]>);

impl Default for SearchPath {
    fn default() -> Self {
        SearchPath(["public".to_string()].into())
    }
}

impl SearchPath {
    /// The path that old pg_restore sets for an entry in `schema`.
    pub(super) fn of_entry(schema: &str) -> Self {
        SearchPath([schema.to_string(), PG_CATALOG.to_string()].into())
    }

    /// The path that `SET search_path = …` sets.
    pub(super) fn of_set(statement: &str) -> Option<Self> {
        let mut rest = statement;
        loop {
            let (word, length) = identifier(rest)?;
            rest = &rest[length..];
            if word == "search_path" {
                break;
            }
        }
        rest = &rest[blank_bytes(rest)..];
        rest = match rest.strip_prefix('=') {
            Some(rest) => rest,
            None => &rest[bare_word(rest).filter(|word| word.eq_ignore_ascii_case("to"))?.len()..],
        };
        let mut schemas = Vec::new();
        loop {
            let (schema, length) = string_constant(rest).or_else(|| identifier(rest))?;
            schemas.push(schema);
            rest = &rest[length..];
            match rest[blank_bytes(rest)..].strip_prefix(',') {
                Some(next) => rest = next,
                None => break,
            }
        }
        let by_default = schemas == ["default"];
        Some(if by_default { SearchPath::default() } else { SearchPath::of_list(schemas) })
    }

    /// The path that `SELECT pg_catalog.set_config('search_path', 'a, b', …)` sets.
    pub(super) fn of_set_config(statement: &str) -> Option<Self> {
        let (parameter, length) = string_constant(&statement[statement.find('(')? + 1..])?;
        if !parameter.eq_ignore_ascii_case("search_path") {
            return None;
        }
        let rest = &statement[statement.find('(')? + 1 + length..];
        let (list, _) = string_constant(rest[blank_bytes(rest)..].strip_prefix(',')?)?;
        let mut schemas = Vec::new();
        let mut rest = list.as_str();
        while let Some((schema, length)) = identifier(rest) {
            schemas.push(schema);
            rest = &rest[length..];
            rest = rest[blank_bytes(rest)..].strip_prefix(',').unwrap_or("");
        }
        Some(SearchPath::of_list(schemas))
    }

    fn of_list(schemas: Vec<String>) -> Self {
        // No schema is named after the user who loads the dump, as far as anyone can know here.
        SearchPath(schemas.into_iter().filter(|schema| !schema.is_empty() && schema != "$user").collect())
    }

    /// The schema in which a bare name is created.
    pub(super) fn creation_schema(&self) -> &str {
        self.0.iter().find(|schema| *schema != PG_CATALOG).map_or("public", String::as_str)
    }

    /// The schemas in the order of lookup; `pg_catalog` comes first unless the path says where it comes.
    pub(super) fn schemas(&self) -> impl Iterator<Item = &str> {
        let implied = !self.0.iter().any(|schema| schema == PG_CATALOG);
        implied.then_some(PG_CATALOG).into_iter().chain(self.0.iter().map(String::as_str))
    }
}

/// A name as a statement writes it: with a schema, or bare and to be looked up.
#[derive(Clone, Debug)]
pub(super) struct Name {
    pub(super) schema: Option<String>,
    pub(super) name: String,
    pub(super) path: SearchPath,
}

impl Name {
    /// The name that `node` holds.
    pub(super) fn of(node: &impl AstNode, path: &SearchPath) -> Option<Self> {
        Name::of_text(&node.syntax().to_string(), path)
    }

    /// The name that `text` starts with.
    pub(super) fn of_text(text: &str, path: &SearchPath) -> Option<Self> {
        let (schema, name, _) = qualified_name(text)?;
        Some(Name { schema, name, path: path.clone() })
    }

    /// What a thing of this name is called when it is created.
    pub(super) fn created(&self) -> QualifiedName {
        let schema = self.schema.as_deref().unwrap_or_else(|| self.path.creation_schema());
        QualifiedName::new(schema, &self.name)
    }

    /// The first of the names it may stand for that `found` knows.
    pub(super) fn look_up<T>(&self, found: impl Fn(&QualifiedName) -> Option<T>) -> Option<T> {
        match &self.schema {
            Some(schema) => found(&QualifiedName::new(schema, &self.name)),
            None => self.path.schemas().find_map(|schema| found(&QualifiedName::new(schema, &self.name))),
        }
    }
}

/// The collation that `node` names; a bare one is Postgres' own.
pub(super) fn collation_of(node: &impl AstNode) -> Option<QualifiedName> {
    let (schema, name, _) = qualified_name(&node.syntax().to_string())?;
    Some(QualifiedName { schema: schema.unwrap_or_else(|| PG_CATALOG.to_string()), name })
}

/// The one identifier that `node` holds.
pub(super) fn identifier_of(node: &impl AstNode) -> Option<String> {
    identifier(&node.syntax().to_string()).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schemas(path: Option<SearchPath>) -> Vec<String> {
        path.expect("a path").schemas().map(str::to_string).collect()
    }

    #[test]
    fn a_path_is_read_from_set() {
        assert_eq!(
            schemas(SearchPath::of_set("SET search_path = Public, pg_catalog")),
            ["public", "pg_catalog"]
        );
        assert_eq!(
            schemas(SearchPath::of_set("set local search_path to \"A b\", 'C'")),
            ["pg_catalog", "A b", "C"]
        );
        assert_eq!(schemas(SearchPath::of_set("SET search_path TO DEFAULT")), ["pg_catalog", "public"]);
        assert_eq!(SearchPath::of_set("SET search_path"), None);
    }

    #[test]
    fn a_path_is_read_from_set_config() {
        let empty = "SELECT pg_catalog.set_config('search_path', '', false)";
        assert_eq!(schemas(SearchPath::of_set_config(empty)), ["pg_catalog"]);
        let two = "SELECT set_config('search_path', '\"$user\", a, \"B\"', false)";
        assert_eq!(schemas(SearchPath::of_set_config(two)), ["pg_catalog", "a", "B"]);
        assert_eq!(SearchPath::of_set_config("SELECT set_config('lock_timeout', '0', false)"), None);
    }

    #[test]
    fn things_are_created_in_the_first_schema_that_is_not_pg_catalog() {
        let path = SearchPath::of_set("SET search_path = pg_catalog, a, b").expect("a path");
        assert_eq!(path.creation_schema(), "a");
    }
}
