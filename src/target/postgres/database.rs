//! Databases of the target's server, as another of its databases sees them: what there is, making one, what one passes
//! on to the next.

use super::marker::Marker;
use crate::error::{Error, Result};
use crate::pg::client::{Connection, Failure, Row, literal};
use crate::pg::dump::Dump;
use crate::pg::script::tokens::{Token, Tokens};
use crate::schema::quoted_always;

/// A database of the server.
#[derive(Clone, Debug, Default)]
pub struct Database {
    /// Its name.
    pub name: String,
    /// Its oid, as text.
    pub oid: String,
    /// Its owner.
    pub owner: String,
    /// Whether the role that is connected may do what its owner may.
    pub is_own: bool,
    /// Its comment; empty where it has none.
    pub comment: String,
    /// Its encoding and its locale, as options of CREATE DATABASE.
    pub locale: String,
    /// Its tablespace.
    pub tablespace: String,
    /// How many connections it takes; -1 for any number.
    pub connection_limit: String,
}

impl Database {
    /// What a run has marked it as.
    pub fn marker(&self) -> Option<Marker> {
        Marker::parse(&self.comment)
    }
}

/// The database `name`, if there is one.
///
/// # Errors
/// [`Kind::Staging`](crate::error::Kind::Staging) if the server cannot be asked.
pub fn find(server: &mut Connection, name: &str) -> Result<Option<Database>> {
    let asked = find_it(server, name);
    asked.map_err(|failure| failure.staging("cannot look at the databases of the target's server"))
}

fn find_it(server: &mut Connection, name: &str) -> Result<Option<Database>, Failure> {
    // Which columns tell the locale depends on the version.
    let locale = match server.server_version_num()? {
        170_000.. => {
            "CASE datlocprovider WHEN 'b' THEN format(' LOCALE_PROVIDER builtin BUILTIN_LOCALE %L', datlocale)
             WHEN 'i' THEN format(' LOCALE_PROVIDER icu ICU_LOCALE %L', datlocale) ELSE ' LOCALE_PROVIDER libc' END"
        }
        150_000.. => {
            "CASE datlocprovider WHEN 'i' THEN format(' LOCALE_PROVIDER icu ICU_LOCALE %L', daticulocale)
             ELSE ' LOCALE_PROVIDER libc' END"
        }
        _ => "''",
    };
    let rows = server.query(&format!(
        "SELECT datname, d.oid, r.rolname, pg_has_role(datdba, 'USAGE'), coalesce(shobj_description(d.oid, 'pg_database'), ''),
         format('ENCODING %L LC_COLLATE %L LC_CTYPE %L', pg_encoding_to_char(encoding), datcollate, datctype) || {locale},
         spcname, datconnlimit
         FROM pg_catalog.pg_database d JOIN pg_catalog.pg_roles r ON r.oid = datdba
         JOIN pg_catalog.pg_tablespace s ON s.oid = dattablespace WHERE datname = {}",
        literal(name)
    ))?;
    let database = |row: Row| {
        let mut values = row.into_iter().map(Option::unwrap_or_default);
        let mut next = || values.next().unwrap_or_default();
        Database {
            name: next(),
            oid: next(),
            owner: next(),
            is_own: next() == "t",
            comment: next(),
            locale: next(),
            tablespace: next(),
            connection_limit: next(),
        }
    };
    Ok(rows.into_iter().next().map(database))
}

/// Whether a database holds nothing that somebody made, as a session in it sees it.
///
/// # Errors
/// [`Kind::Staging`](crate::error::Kind::Staging) if the server cannot be asked.
pub fn is_empty(inside: &mut Connection) -> Result<bool> {
    // What initdb makes has oids below 16384; what an extension makes depends on it.
    let made = |catalog: &str| {
        format!(
            "EXISTS (SELECT FROM pg_catalog.{catalog} c WHERE c.oid >= 16384 AND NOT EXISTS (SELECT FROM
             pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.{catalog}'::regclass AND d.objid = c.oid AND deptype = 'e'))"
        )
    };
    let namespaces = "EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE oid >= 16384 AND nspname !~ '^pg_')";
    let others = ["pg_class", "pg_proc", "pg_type"].map(made).join(" OR ");
    let large_objects = "EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata)";
    inside
        .value(&format!("SELECT NOT ({namespaces} OR {others} OR {large_objects})"))
        .map(|value| value.as_deref() == Some("t"))
        .map_err(|failure| failure.staging("cannot look into the target"))
}

/// The encoding and the locale that a dump's own database had, as options of CREATE DATABASE.
pub fn locale_of(dump: &Dump) -> Option<String> {
    const OPTIONS: [&str; 8] = [
        "ENCODING",
        "LOCALE_PROVIDER",
        "LOCALE",
        "LC_COLLATE",
        "LC_CTYPE",
        "ICU_LOCALE",
        "ICU_RULES",
        "BUILTIN_LOCALE",
    ];
    let entry = dump.entries.iter().find(|entry| entry.kind == "DATABASE")?;
    let mut tokens = Tokens::new(&entry.definition, false);
    let mut options = Vec::new();
    while let Some(token) = tokens.next() {
        let Token::Word(word) = token else { continue };
        let Some(option) = OPTIONS.iter().find(|option| option.eq_ignore_ascii_case(word)) else { continue };
        tokens.eat_symbol(b'=');
        match tokens.next() {
            Some(Token::Literal(value) | Token::Word(value)) => options.push(format!("{option} {value}")),
            _ => return None,
        }
    }
    (!options.is_empty()).then(|| options.join(" "))
}

/// What a new database is to be like.
pub struct Creation<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its mark.
    pub marker: Marker,
    /// Encoding and locale of the snapshot's database, where they are known.
    pub locale: Option<String>,
    /// The database that it will take the place of.
    pub old: Option<&'a Database>,
    /// Whether the snapshot is UTF-8.
    pub is_utf8: bool,
}

/// Makes a database, marked; returns what differs from what was wanted.
///
/// # Errors
/// [`Kind::Staging`](crate::error::Kind::Staging) if the server cannot make it.
pub fn create(server: &mut Connection, wanted: &Creation<'_>) -> Result<Vec<String>> {
    let name = quoted_always(wanted.name);
    // To name the default one takes a right that nobody needs who does not name it.
    let tablespace = wanted.old.map(|old| old.tablespace.as_str()).filter(|name| *name != "pg_default");
    let tablespace = tablespace.map_or(String::new(), |name| format!(" TABLESPACE {}", quoted_always(name)));
    let encoding = if wanted.is_utf8 { "UTF8" } else { "SQL_ASCII" };
    // A locale of another system may not be there; that of the old database is, and `C` is everywhere.
    let mut locales: Vec<String> = wanted.locale.iter().cloned().collect();
    locales.extend(
        wanted
            .old
            .map(|old| old.locale.clone())
            .filter(|locale| wanted.locale.is_some() || locale.contains(encoding)),
    );
    locales.extend([
        format!("ENCODING '{encoding}'"),
        format!("ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'"),
    ]);
    let mut result = Ok(());
    for (tried, locale) in locales.iter().enumerate() {
        result = server.execute(&format!("CREATE DATABASE {name} TEMPLATE template0 {locale}{tablespace}"));
        match &result {
            Err(failure) if failure.sqlstate().is_some_and(is_about_locale) => continue,
            Err(_) => break,
            Ok(()) => {
                let comment = literal(&wanted.marker.comment());
                server
                    .execute(&format!("COMMENT ON DATABASE {name} IS {comment}"))
                    .map_err(|failure| failure.staging("cannot mark the new database"))?;
                let differs = tried > 0 && wanted.locale.is_some();
                let note = "the target's server lacks the locale of the snapshot: the database has another one, and may sort otherwise";
                return Ok(differs.then(|| note.to_string()).into_iter().collect());
            }
        }
    }
    result.map(|()| Vec::new()).map_err(|failure| {
        failure
            .staging("cannot make the new database")
            .hint("the role needs CREATEDB; or say `--load replace`")
    })
}

/// Codes with which CREATE DATABASE refuses a locale, an encoding that does not suit it, or an option it does not know.
fn is_about_locale(sqlstate: &str) -> bool {
    matches!(sqlstate, "22023" | "42809" | "0A000" | "42601" | "42704" | "42P17")
}

/// Gives the new database what the old one has as a database: owner, privileges, settings, connection limit. Returns
/// what could not be given.
///
/// # Errors
/// [`Kind::Staging`](crate::error::Kind::Staging) if the server cannot be asked.
pub fn pass_on(server: &mut Connection, old: &Database, new: &str) -> Result<Vec<String>> {
    let failed =
        |failure: Failure| failure.staging("cannot give the new database the settings of the old one");
    let name = quoted_always(new);
    let mut statements = vec![format!("ALTER DATABASE {name} CONNECTION LIMIT {}", old.connection_limit)];
    let settings = server.query(&format!(
        "SELECT rolname, split_part(setting, '=', 1), substr(setting, strpos(setting, '=') + 1)
         FROM pg_catalog.pg_db_role_setting s LEFT JOIN pg_catalog.pg_roles r ON r.oid = setrole,
         unnest(setconfig) setting WHERE setdatabase = {}",
        old.oid
    ));
    for row in settings.map_err(failed)? {
        let [role, setting, value] = <[Option<String>; 3]>::try_from(row).unwrap_or_default();
        let (setting, value) = (setting.unwrap_or_default(), value.unwrap_or_default());
        let of = role.map_or(String::new(), |role| format!("ROLE {} IN ", quoted_always(&role)));
        statements.push(format!("ALTER {of}DATABASE {name} SET {}", assignment(&setting, &value)));
    }
    let grants = server.query(&format!(
        "SELECT coalesce(quote_ident(rolname), 'PUBLIC'), privilege_type, is_grantable
         FROM pg_catalog.pg_database, aclexplode(datacl) LEFT JOIN pg_catalog.pg_roles r ON r.oid = grantee
         WHERE pg_database.oid = {} AND datacl IS NOT NULL
         UNION ALL SELECT 'PUBLIC', '', false FROM pg_catalog.pg_database WHERE oid = {0} AND datacl IS NOT NULL
         ORDER BY 2",
        old.oid
    ));
    for row in grants.map_err(failed)? {
        let [grantee, privilege, grantable] = <[Option<String>; 3]>::try_from(row).unwrap_or_default();
        let (grantee, privilege) = (grantee.unwrap_or_default(), privilege.unwrap_or_default());
        let option = if grantable.as_deref() == Some("t") { " WITH GRANT OPTION" } else { "" };
        statements.push(match privilege.is_empty() {
            true => format!("REVOKE ALL ON DATABASE {name} FROM PUBLIC"),
            false => format!("GRANT {privilege} ON DATABASE {name} TO {grantee}{option}"),
        });
    }
    // Last, since whoever gives a database away may have no say in it any more.
    statements.push(format!("ALTER DATABASE {name} OWNER TO {}", quoted_always(&old.owner)));
    let mut refused = 0;
    for statement in statements {
        match server.execute(&statement) {
            Err(failure) if failure.sqlstate() == Some("42501") => refused += 1,
            result => result.map_err(failed)?,
        }
    }
    let note = format!(
        "{refused} settings of the old database could not be given to the new one: the role lacks the right"
    );
    Ok((refused > 0).then_some(note).into_iter().collect())
}

/// `name = value` for SET. Settings that are lists of names hold them quoted already.
fn assignment(setting: &str, value: &str) -> String {
    const LISTS: [&str; 6] = [
        "search_path",
        "temp_tablespaces",
        "session_preload_libraries",
        "shared_preload_libraries",
        "local_preload_libraries",
        "unix_socket_directories",
    ];
    let name = setting.split('.').map(quoted_always).collect::<Vec<_>>().join(".");
    match LISTS.contains(&setting.to_ascii_lowercase().as_str()) {
        true if value.is_empty() => format!("{name} = ''"),
        true => format!("{name} = {value}"),
        false => format!("{name} = {}", literal(value)),
    }
}

/// Drops the database `name`, its sessions with it.
///
/// # Errors
/// [`Kind::Staging`](crate::error::Kind::Staging) if the server cannot.
pub fn remove(server: &mut Connection, name: &str) -> Result<()> {
    let dropped = server.execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted_always(name)));
    dropped.map_err(|failure| failure.staging("cannot drop a database").at(format!("database `{name}`")))
}

/// A database that is in the way and is not one of ours.
pub fn in_the_way(name: &str) -> Error {
    Error::usage("a database that is not of `mask` has a name that the run needs")
        .at(format!("database `{name}`"))
        .hint("rename it, or drop it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pg::dump::Entry;

    #[test]
    fn encoding_and_locale_are_taken_from_the_entry_of_the_database() {
        let definition = "CREATE DATABASE \"LOCALE\" WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'de_DE.UTF-8';\n";
        let entry = Entry { kind: "DATABASE".into(), definition: definition.into(), ..Entry::default() };
        let dump = Dump { entries: vec![entry], ..Dump::default() };
        assert_eq!(
            locale_of(&dump).as_deref(),
            Some("ENCODING 'UTF8' LOCALE_PROVIDER libc LOCALE 'de_DE.UTF-8'")
        );
        assert_eq!(locale_of(&Dump::default()), None);
    }

    #[test]
    fn a_setting_that_is_a_list_is_not_made_one_name() {
        assert_eq!(assignment("search_path", "\"$user\", public"), "\"search_path\" = \"$user\", public");
        assert_eq!(assignment("app.name", "it's"), "\"app\".\"name\" = 'it''s'");
    }
}
