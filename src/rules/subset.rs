//! What a person asks of the subset: `[subset]` of a rules file, and `--subset`.
//!
//! Which rows that makes is left to `plan::subset` and `subset`; what its names mean in a schema, to `subset_names`.

use std::fmt;

use super::name::TableName;
use super::reference::{Reference, find_outside_quotes};
use crate::error::{Error, Result};

/// What is asked of the subset, over all files and flags; of two that say the same, the later one counts.
#[derive(Clone, Debug, Default)]
pub struct SubsetRules {
    /// The share of each table whose rows stand for themselves.
    pub percent: Option<Share>,
    /// What tables are asked to hold, in the order of files and lines.
    pub tables: Vec<TableAmount>,
    /// What edges are asked to do.
    pub edges: Vec<EdgeRule>,
    /// Rows that are kept whatever is drawn.
    pub includes: Vec<Include>,
    /// Whether anything asks for a subset, and does not only say how one would be.
    pub is_asked: bool,
}

/// A share of rows, in hundredths: from 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Share(f64);

impl Share {
    /// The share of `percent` hundredths; `None` unless that is from 0 to 100.
    pub fn of_percent(percent: f64) -> Option<Share> {
        (0.0..=100.0).contains(&percent).then_some(Share(percent))
    }

    /// Reads `10%` or `0.5 %`.
    pub fn parse(written: &str) -> Option<Share> {
        let number = written.trim().strip_suffix('%')?.trim_end();
        let is_number = number.starts_with(|c: char| c.is_ascii_digit() || c == '.')
            && number.chars().all(|c| c.is_ascii_digit() || c == '.');
        Share::of_percent(number.parse().ok().filter(|_| is_number)?)
    }

    /// The share in hundredths.
    pub fn percent(self) -> f64 {
        self.0
    }
}

impl fmt::Display for Share {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}%", self.0)
    }
}

/// The rows that a table holds for their own sake.
#[derive(Clone, Debug, PartialEq)]
pub enum Amount {
    /// `"10%"`: this share, drawn by key.
    Share(Share),
    /// `"1000 rows"`: so many, drawn by key.
    Rows(u64),
    /// `"where country = 'NL'"`: those for which the condition holds.
    Where(String),
    /// `"all"`: the whole table.
    All,
    /// `"none"`: no row at all, whatever refers to it.
    None,
}

impl Amount {
    /// How an amount is written, for hints.
    pub const WRITTEN_AS: &'static str = "\"10%\", \"1000 rows\", \"where …\", \"all\" or \"none\"";

    /// Reads an amount; `None` where it is none.
    pub fn parse(written: &str) -> Option<Amount> {
        let text = written.trim();
        match text {
            "all" => return Some(Amount::All),
            "none" => return Some(Amount::None),
            _ => {}
        }
        if let Some(share) = Share::parse(text) {
            return Some(Amount::Share(share));
        }
        if let Some(number) = text.strip_suffix("rows").or_else(|| text.strip_suffix("row")) {
            let digits: String = number.trim_end().chars().filter(|c| *c != '_' && *c != ',').collect();
            let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            return digits.parse().ok().filter(|_| is_number).map(Amount::Rows);
        }
        let (first, condition) = text.split_once(char::is_whitespace)?;
        (first.eq_ignore_ascii_case("where") && !condition.trim().is_empty())
            .then(|| Amount::Where(condition.trim().to_string()))
    }

    /// Whether rows are chosen by it, and not all or none.
    pub fn is_chosen(&self) -> bool {
        matches!(self, Amount::Share(_) | Amount::Rows(_) | Amount::Where(_))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Amount::Share(share) => write!(out, "{share}"),
            Amount::Rows(1) => out.write_str("1 row"),
            Amount::Rows(count) => write!(out, "{count} rows"),
            Amount::Where(condition) => write!(out, "where {condition}"),
            Amount::All => out.write_str("all"),
            Amount::None => out.write_str("none"),
        }
    }
}

/// An entry of `[subset.tables]`, or `--subset TABLE=AMOUNT`.
#[derive(Clone, Debug)]
pub struct TableAmount {
    /// The table, or a pattern of tables.
    pub name: TableName,
    /// What it holds for its own sake, where that is said.
    pub amount: Option<Amount>,
    /// What its rows stand for, where another table or database has the same.
    pub entity: Option<String>,
    /// Who says it; the greater wins.
    pub layer: Layer,
    /// Where it is written.
    pub place: String,
}

/// Who says what a subset is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// A rules file.
    Rules,
    /// `subset` in mask.toml.
    Settings,
    /// `--subset`.
    Flags,
}

impl Layer {
    /// What messages call it.
    fn place(self) -> &'static str {
        match self {
            Layer::Rules => "rules",
            Layer::Settings => "`subset` in mask.toml",
            Layer::Flags => "--subset",
        }
    }
}

/// Which children of a kept parent are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Down {
    /// They are the parent's: they are kept with it, and no other edge decides it.
    Owner,
    /// They are kept with any parent along such an edge.
    Any,
    /// They are kept if every parent that they refer to along such an edge is.
    All,
    /// They are not followed.
    None,
}

/// What becomes of a reference to a parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Up {
    /// The parent is kept with the row.
    Require,
    /// The reference is set to NULL where the parent is not kept.
    Null,
    /// The row is left out where the parent is not kept.
    Drop,
}

/// An entry of `[[subset.edges]]`.
#[derive(Clone, Debug)]
pub struct EdgeRule {
    /// The child table and the columns that refer.
    pub edge: Reference,
    /// Which children are kept.
    pub down: Option<Down>,
    /// What becomes of references.
    pub up: Option<Up>,
    /// The most children that a parent brings along.
    pub cap: Option<u64>,
    /// Where it is written.
    pub place: String,
}

/// Rows that are kept whatever is drawn: `customers: 42, 43`.
#[derive(Clone, Debug, PartialEq)]
pub struct Include {
    /// The table.
    pub table: TableName,
    /// The columns that the keys are of; the primary key where none are named.
    pub columns: Option<Reference>,
    /// The keys, each with a text for each column.
    pub keys: Vec<Vec<String>>,
    /// Where it is written.
    pub place: String,
}

impl Include {
    /// Reads `TABLE: KEY, …` or `TABLE(COLUMN, …): (KEY, …), …`; a key with a comma, a quote or a parenthesis is
    /// written in single quotes, as SQL writes a string.
    pub fn parse(written: &str, place: &str) -> Option<Include> {
        let colon = find_outside_quotes(written, ':')?;
        let (name, keys) = (written[..colon].trim(), &written[colon + 1..]);
        let columns = Reference::parse(name);
        let table = match &columns {
            Some(reference) => reference.table.clone(),
            None => TableName::parse(name).filter(|name| !name.is_pattern())?,
        };
        let keys = keys_of(keys)?;
        let width = keys.first()?.len();
        let fits = keys.iter().all(|key| key.len() == width)
            && columns.as_ref().is_none_or(|columns| columns.columns.len() == width);
        fits.then(|| Include { table, columns, keys, place: place.to_string() })
    }
}

/// Where the key begins in `orders(17)`.
pub fn open_parenthesis(written: &str) -> Option<usize> {
    find_outside_quotes(written, '(')
}

/// The keys of a list: `42, 'a b', (1, 2)`.
fn keys_of(text: &str) -> Option<Vec<Vec<String>>> {
    let mut keys = Vec::new();
    let mut rest = text.trim_start();
    loop {
        let key = match rest.strip_prefix('(') {
            None => vec![value(&mut rest)?],
            Some(inner) => {
                rest = inner.trim_start();
                let mut key = vec![value(&mut rest)?];
                while let Some(after) = rest.strip_prefix(',') {
                    rest = after.trim_start();
                    key.push(value(&mut rest)?);
                }
                rest = rest.strip_prefix(')')?.trim_start();
                key
            }
        };
        keys.push(key);
        match rest.strip_prefix(',') {
            Some(after) => rest = after.trim_start(),
            None => return rest.is_empty().then_some(keys),
        }
    }
}

/// Takes one value off the front of `rest`, and the blanks after it.
fn value(rest: &mut &str) -> Option<String> {
    let Some(mut inner) = rest.strip_prefix('\'') else {
        let end = rest.find([',', '(', ')', '\'']).unwrap_or(rest.len());
        let value = rest[..end].trim_end();
        *rest = &rest[end..];
        return (!value.is_empty()).then(|| value.to_string());
    };
    let mut value = String::new();
    loop {
        let end = inner.find('\'')?;
        value.push_str(&inner[..end]);
        inner = &inner[end + 1..];
        match inner.strip_prefix('\'') {
            Some(after) => {
                value.push('\'');
                inner = after;
            }
            None => break,
        }
    }
    *rest = inner.trim_start();
    Some(value)
}

impl SubsetRules {
    /// Adds what `specs` say, as `--subset` and `subset = […]` in mask.toml take them; layers come in their order.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage) for what is no percentage and no amount of a table.
    pub fn add_specs(&mut self, specs: &[String], layer: Layer) -> Result<()> {
        for spec in specs {
            self.add_spec(spec, layer).map_err(|error| error.at(layer.place()))?;
        }
        Ok(())
    }

    fn add_spec(&mut self, spec: &str, layer: Layer) -> Result<()> {
        self.is_asked = true;
        if let Some(share) = Share::parse(spec) {
            self.percent = Some(share);
            return Ok(());
        }
        let Some(equals) = find_outside_quotes(spec, '=') else {
            if spec.trim_end().ends_with('%') {
                return Err(Error::usage("the percentage of a subset is not a number from 0 to 100")
                    .hint("such as `10%` or `0.5%`"));
            }
            return Err(Error::usage("a subset is neither a percentage nor an amount of a table")
                .hint("such as `10%`, `customers=10%`, `customers=\"1000 rows\"`, `customers=\"where country = 'NL'\"`, `audit_log=none`"));
        };
        let name = TableName::parse(spec[..equals].trim()).ok_or_else(|| {
            Error::usage("the subset of a table does not begin with a table's name")
                .hint("such as `customers=10%` or `\"Sales\".\"Order\"=all`")
        })?;
        let amount = Amount::parse(&spec[equals + 1..]).ok_or_else(|| {
            Error::usage(format!("the amount of `{name}` cannot be read"))
                .hint(format!("an amount is {}", Amount::WRITTEN_AS))
        })?;
        let place = layer.place().to_string();
        self.tables.push(TableAmount { name, amount: Some(amount), entity: None, layer, place });
        Ok(())
    }

    /// Whether a subset is asked for: a percentage, or a table of which some rows are chosen.
    pub fn is_active(&self) -> bool {
        let chosen = |table: &TableAmount| table.amount.as_ref().is_some_and(Amount::is_chosen);
        self.is_asked || self.percent.is_some() || self.tables.iter().any(chosen)
    }

    /// The subset in words, for the report; conditions are not repeated, for they may hold values.
    pub fn summary(&self) -> String {
        let percent = self.percent.iter().map(Share::to_string);
        let table = |table: &TableAmount| {
            let amount = table.amount.as_ref()?;
            let amount =
                if matches!(amount, Amount::Where(_)) { "where …".into() } else { amount.to_string() };
            Some(format!("{}={amount}", table.name))
        };
        percent.chain(self.tables.iter().filter_map(table)).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_read_as_it_is_shown() {
        for written in ["10%", "0.5%", "100%", "0%", "1000 rows", "1 row", "where a = 'x'", "all", "none"] {
            assert_eq!(Amount::parse(written).unwrap().to_string(), written);
        }
        assert_eq!(Amount::parse("  12.5 % "), Amount::parse("12.5%"));
        assert_eq!(Amount::parse("1_000rows"), Some(Amount::Rows(1000)));
        assert_eq!(Amount::parse("WHERE  a > 1 "), Some(Amount::Where("a > 1".into())));
        for written in ["", "10", "101%", "-1%", "nan%", "1e1%", "rows", "-5 rows", "where", "where ", "some"]
        {
            assert_eq!(Amount::parse(written), None, "{written}");
        }
    }

    #[test]
    fn a_spec_is_a_percentage_or_an_amount_of_a_table() {
        let mut subset = SubsetRules::default();
        assert!(!subset.is_active());
        let specs = ["10%", "customers=1000 rows", "\"a=b\".c=where x = '1'", "audit.*=none"];
        subset.add_specs(&specs.map(str::to_string), Layer::Flags).unwrap();
        assert!(subset.is_active());
        assert_eq!(subset.summary(), "10%, customers=1000 rows, \"a=b\".c=where …, audit.*=none");
        for spec in ["10", "customers", "customers=", "=10%", "customers=10", "a.b.c=all"] {
            let error = SubsetRules::default().add_specs(&[spec.to_string()], Layer::Flags).unwrap_err();
            assert!(error.to_string().contains("at: --subset\nhint: "), "{spec}: {error}");
        }
    }

    #[test]
    fn what_only_shapes_a_subset_does_not_ask_for_one() {
        let mut subset = SubsetRules::default();
        let table = |amount| TableAmount {
            name: TableName::parse("a").unwrap(),
            amount: Some(amount),
            entity: None,
            layer: Layer::Rules,
            place: String::new(),
        };
        subset.tables = vec![table(Amount::None), table(Amount::All)];
        assert!(!subset.is_active());
        subset.tables.push(table(Amount::Rows(1)));
        assert!(subset.is_active());
    }

    #[test]
    fn included_keys_may_be_quoted_and_several() {
        let keys = |written| Include::parse(written, "r:1").map(|include| include.keys);
        assert_eq!(keys("customers: 42, 43").unwrap(), [["42"], ["43"]]);
        assert_eq!(keys("\"A:b\".c:'it''s, (x)' , y z").unwrap(), [["it's, (x)"], ["y z"]]);
        assert_eq!(keys("lines(a, \"B\"): (1, 'x'), ( 2 , y )").unwrap(), [["1", "x"], ["2", "y"]]);
        for written in
            ["customers", "customers:", "a*: 1", "c: 1,", "c: 1 'x'", "c: (1, 2), 3", "c(a): (1, 2)", "c: 'x"]
        {
            assert_eq!(keys(written), None, "{written}");
        }
    }
}
